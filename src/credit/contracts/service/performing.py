"""Performance: what parties report and answer about duties, and what offices find.

A dispute climbs the ladder that stands in the contract, each level a term of the office. Nothing
found here is a credit event: it is suggested to the officers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal
from uuid import UUID

import msgspec

from credit.access.logic import require
from credit.access.views import Actor
from credit.contracts import store as contracts
from credit.contracts.duties import store
from credit.contracts.duties.store import DutyRow, DutyStepRow
from credit.contracts.logic.clauses import Value, is_kept, value_fault
from credit.contracts.logic.duties import (
    DUTY_ACTS,
    DutyAct,
    Finding,
    duty_after,
    severity_at,
)
from credit.contracts.service.acts import REASON_CHARS_MAX
from credit.contracts.service.cases import (
    SCOPES_OF_DUTY_ACTS,
    Case,
    case_refusal,
    load_case,
    standing_of,
)
from credit.contracts.service.making import INSPECT, PERFORM
from credit.contracts.service.outcomes import suggest_outcome
from credit.contracts.service.places import refuse_outside
from credit.contracts.service.standing import Belonging, belonging_of, refuse_unseen
from credit.events import service as events
from credit.events.views import EvidenceRef
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Invalid, NotFound
from credit.kit.texts import say
from credit.terms import service as terms
from credit.terms.views import NewTerm

__all__ = ["EVIDENCE_MAX", "Done", "Severity", "perform"]

EVIDENCE_MAX = 20
Severity = Literal["minor", "general", "serious"]
STEPS: Mapping[DutyAct, str] = {
    "report": "reported",
    "confirm": "confirmed",
    "dispute": "disputed",
    "raise": "raised",
    "settle": "settled",
    "inspect": "inspected",
}
REASONED = frozenset({"dispute", "raise", "settle", "inspect"})
CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Done:
    """What somebody does about a duty.

    A report gives a `value`; settling and inspecting give a `finding`, and an inspection that
    finds a breach how heavy it is. `seen` is the number of the last step the actor saw.
    """

    act: DutyAct
    seen: int
    value: Value | None = None
    finding: Finding | None = None
    severity: Severity | None = None
    reason: str | None = None
    evidence: Sequence[EvidenceRef] = ()


async def perform(
    conn: Connection, clock: Clock, actor: Actor, duty_id: UUID, done: Done
) -> DutyRow:
    """Take in a report, an answer, or what an office finds; returns the duty as it then stands.

    Refuses who is not the obligor, the party that answers, or an office that has no part in it;
    what may not follow now; and a duty in which something happened that the actor did not see.
    """
    require(actor, SCOPES_OF_DUTY_ACTS[done.act])
    by = belonging_of(actor)
    duty = (await store.load(conn, [duty_id], lock=True)).get(duty_id)
    if duty is None:
        raise NotFound(say("没有这项履约事项，或者它与您的单位无关。"))
    refuse_unseen((await contracts.load(conn, [duty.contract_id]))[duty.contract_id], by)
    case = await load_case(conn, duty)
    if SCOPES_OF_DUTY_ACTS[done.act] == INSPECT:
        await refuse_outside(conn, actor, [duty.project], clock.today())
    why = case_refusal(case, by, done.act, clock.today())
    if why is not None:
        raise Conflict(why, slug="not-now")
    if done.seen != duty.steps:
        raise Conflict(say("这项履约刚刚有了新的进展，请刷新后再办。"), slug="entered-meanwhile")
    _check(case, done)
    await _check_evidence(conn, actor, case, done.evidence)
    kept = None if done.value is None else is_kept(case.clause.promise, done.value)
    finding, severity = _finding(case, done)
    after = _after(case, done, finding, severity)
    after = replace(after, waits_until=await _waits_until(conn, clock, case, done.act))
    await store.put_duties(conn, [after])
    await store.add_steps(conn, [_step(by, clock, done, after, kept, finding)])
    await _turn_terms(conn, clock, case, done.act, after)
    if finding is not None:
        files = _files(case, done)
        await suggest_outcome(conn, clock, after, case.clause, before=case.duty, evidence=files)
    return after


def _check(case: Case, done: Done) -> None:
    if done.act == "report":
        if done.value is None:
            raise Invalid(say("请填写本期的履约情况。"))
        fault = value_fault(case.clause.promise, done.value)
        if fault is not None:
            raise Invalid(fault)
    if done.act in ("settle", "inspect") and done.finding is None:
        raise Invalid(say("请写明认定结果：已履行，或者违约。"))
    if done.act in REASONED and not (done.reason or "").strip():
        raise Invalid(say("“%(duty_acts)s”要写明理由。", duty_acts=DUTY_ACTS[done.act]))
    if len(done.reason or "") > REASON_CHARS_MAX or len(done.evidence) > EVIDENCE_MAX:
        raise Invalid(
            say(
                "理由最多 %(reason_chars_max)s 字，证据最多 %(evidence_max)s 份。",
                reason_chars_max=REASON_CHARS_MAX,
                evidence_max=EVIDENCE_MAX,
            )
        )


async def _check_evidence(
    conn: Connection, actor: Actor, case: Case, refs: Sequence[EvidenceRef]
) -> None:
    """Refuse files that neither the actor's side uploaded nor the duty or its contract names."""
    named = {str(ref["digest"]) for one in case.steps for ref in one.evidence}
    named |= {one.digest for one in case.text.attachments}
    known = await events.usable_evidence(conn, actor, {one.digest for one in refs}, named)
    if any(known.get(one.digest) != (one.size, one.type) for one in refs):
        raise Invalid(say("有证据文件没有上传，或大小、类型与上传的不符。请先上传证据。"))


def _finding(case: Case, done: Done) -> tuple[Finding | None, Severity | None]:
    """Return what an act finds, and how heavy a breach is: a report both sides agree on counts as
    it measures, a dispute by the level it reached.
    """
    if done.act == "confirm":
        kept = case.reported is not None and case.reported.kept
        return ("fulfilled", None) if kept else ("breached", "minor")
    if done.act == "settle":
        heavy = severity_at(case.text.disputes, case.duty.level)
        return done.finding, heavy if done.finding == "breached" else None
    if done.act == "inspect":
        return done.finding, (done.severity or "minor") if done.finding == "breached" else None
    return None, None


def _after(case: Case, done: Done, finding: Finding | None, severity: Severity | None) -> DutyRow:
    duty, standing = case.duty, standing_of(case)
    then = duty_after(standing, done.act, finding)
    return replace(
        duty,
        state=then.state,
        level=then.level,
        by_office=then.by_office,
        severity=severity,
        steps=duty.steps + 1,
        handed_up=False,
    )


async def _waits_until(conn: Connection, clock: Clock, case: Case, act: DutyAct) -> date | None:
    """Return the last day of the answer to a report; a dispute waits on the office's own term."""
    if act != "report":
        return None
    return await terms.due_after(conn, clock.today(), case.duty.grace_days)


async def _turn_terms(
    conn: Connection, clock: Clock, case: Case, act: DutyAct, after: DutyRow
) -> None:
    """Close what was waited for, and open what is waited for next."""
    await terms.close_terms(conn, clock, [after.id])
    today, about = clock.today(), after.enterprise
    opened: list[NewTerm] = []
    if act == "report" and after.waits_until and len(case.answering) == 1:
        (side,) = case.answering
        who: dict[str, Any] = {"scope": PERFORM} if side.scheme == "ORG" else {"party": side.id}
        opened.append(NewTerm("duty", after.id, CONFIRM, after.waits_until, about=about, **who))
    elif act in ("dispute", "raise"):
        days = case.text.disputes[after.level].days if case.text.disputes else 1
        due_on = await terms.due_after(conn, today, days)
        kind = f"dispute-{after.level}"
        opened.append(NewTerm("duty", after.id, kind, due_on, scope=INSPECT, about=about))
    if opened:
        await terms.open_terms(conn, clock, opened)


def _step(
    by: Belonging,
    clock: Clock,
    done: Done,
    after: DutyRow,
    kept: bool | None,
    finding: Finding | None,
) -> DutyStepRow:
    return DutyStepRow(
        after.id,
        after.steps,
        STEPS[done.act],
        clock.today(),
        after.level,
        None if done.value is None else msgspec.to_builtins(done.value),
        kept,
        finding,
        after.severity,
        done.reason,
        msgspec.to_builtins(list(done.evidence)),
        by.side.scheme,
        by.side.id,
        by.actor.person_id,
        clock.now(),
    )


def _files(case: Case, done: Done) -> tuple[str, ...]:
    """Return the digests of everything handed in about a duty, each once."""
    digests = [str(ref["digest"]) for one in case.steps for ref in one.evidence]
    digests += [one.digest for one in done.evidence]
    return tuple(dict.fromkeys(digests))[:EVIDENCE_MAX]
