"""A duty with all that decisions about it need: the text, the clause, who acts, who answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from credit.contracts import store as contracts
from credit.contracts.duties import store
from credit.contracts.duties.store import DutyRow, DutyStepRow
from credit.contracts.logic.duties import DutyAct, DutyStanding, duty_refusal
from credit.contracts.logic.machine import ROLE_TITLES
from credit.contracts.logic.records import Side
from credit.contracts.service.making import INSPECT, PERFORM
from credit.contracts.service.standing import Belonging, read_text
from credit.contracts.views import ClauseText, ContractText
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.texts import say

__all__ = ["SCOPES_OF_DUTY_ACTS", "Case", "case_refusal", "load_case", "standing_of"]

SCOPES_OF_DUTY_ACTS: Mapping[DutyAct, str] = {
    "report": PERFORM,
    "confirm": PERFORM,
    "dispute": PERFORM,
    "raise": INSPECT,
    "settle": INSPECT,
    "inspect": INSPECT,
}


@dataclass(frozen=True, slots=True)
class Case:
    """A duty as it stands; `answering` are the parties that may confirm or dispute it: those who
    are bound today, and none that has left.
    """

    duty: DutyRow
    text: ContractText
    clause: ClauseText
    answering: tuple[Side, ...]
    steps: tuple[DutyStepRow, ...]

    @property
    def reported(self) -> DutyStepRow | None:
        """The report, if there is one."""
        return next((one for one in reversed(self.steps) if one.step == "reported"), None)


async def load_case(conn: Connection, duty: DutyRow) -> Case:
    """Put a duty together with its text, its steps and who answers."""
    version = (duty.contract_id, duty.version)
    body = (await contracts.bodies(conn, [version])).get(version)
    if body is None:
        raise NotFound(say("没有这项履约事项，或者它与您的单位无关。"))
    text = read_text(body)
    clause = next(one for one in text.clauses if one.id == duty.clause)
    steps = (await store.steps_of(conn, [duty.id]))[duty.id]
    bound = await store.bound_in(conn, duty.contract_id, duty.confirmer)
    answering = tuple(Side(*one) for one in bound)
    return Case(duty, text, clause, answering, tuple(steps))


def standing_of(case: Case) -> DutyStanding:
    """Return where a duty stands, for the pure decisions."""
    duty = case.duty
    return DutyStanding(
        duty.state,  # type: ignore[arg-type]
        duty.period_start,
        duty.level,
        len(case.text.disputes),
        duty.by_office,
    )


def case_refusal(case: Case, by: Belonging, act: DutyAct, today: date) -> str | None:
    """Say why somebody may not do something about a duty now; None where they may."""
    if SCOPES_OF_DUTY_ACTS[act] not in by.actor.scopes:
        return say("您的角色不能办理这一步。")
    why = _part_refusal(case, by, act)
    if why is None and SCOPES_OF_DUTY_ACTS[act] == INSPECT:
        reported = case.reported
        if reported is not None and reported.person_id == by.actor.person_id:
            return say("报告人不能核查自己的报告。")
        raised = {one.person_id for one in case.steps if one.step == "raised"}
        if act == "settle" and by.actor.person_id in raised:
            return say("您把争议提交到了上一级，不能再由您作出处理。请由另一位同事处理。")
    return why or duty_refusal(standing_of(case), act, today)


def _part_refusal(case: Case, by: Belonging, act: DutyAct) -> str | None:
    duty = case.duty
    owes, answers = by.side == Side(duty.scheme, duty.party), by.side in case.answering
    match act:
        case "report":
            return (
                None
                if owes
                else say("由承诺方（%(role_titles)s）报告。", role_titles=ROLE_TITLES[duty.role])
            )
        case "confirm" | "dispute":
            return (
                None
                if answers
                else say("由%(role_titles)s确认。", role_titles=ROLE_TITLES[duty.confirmer])
            )
        case _:
            outside = not owes and not answers and by.office.party is None
            return None if outside else say("由不是当事方的主管单位或协会办理。")
