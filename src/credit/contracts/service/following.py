"""What follows when a contract turns: its terms are closed, its duties opened or waived."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from credit.contracts import store
from credit.contracts.drafts import store as drafts_store
from credit.contracts.duties import store as duty_store
from credit.contracts.duties.store import DutyStepRow
from credit.contracts.logic.duties import NewDuty, next_start, opening_duties
from credit.contracts.logic.machine import Standing
from credit.contracts.logic.records import Named, Side
from credit.contracts.service.making import make_duties
from credit.contracts.service.standing import Loaded, read_text
from credit.contracts.views import ContractText
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.terms import service as terms

__all__ = ["Turned", "days_of", "effect_day", "follow", "sides_of"]


@dataclass(frozen=True, slots=True)
class Turned:
    """A contract before an act and where it stands after it; whose act, and by whom."""

    before: Loaded
    then: Standing
    act: str
    side: Side
    person_id: str

    @property
    def begins(self) -> bool:
        """Whether the act brought a version into force."""
        return self.then.in_force != self.before.standing.in_force

    @property
    def stops(self) -> bool:
        """Whether the act suspended or ended the contract."""
        states = (self.before.standing.state, self.then.state)
        return states[0] != states[1] and states[1] in ("suspended", "ended")

    @property
    def resumes(self) -> bool:
        """Whether the act let a suspended contract go on."""
        return (self.before.standing.state, self.then.state) == ("suspended", "in-force")

    @property
    def drops(self) -> bool:
        """Whether the act ended a contract whose new version was still a draft."""
        return self.before.standing.offer == "draft" and self.then.offer is None

    @property
    def joins(self) -> bool:
        """Whether the act bound one more member to a pact in force."""
        return self.act == "sign" and not self.begins and self.then.offer != "open"


async def follow(
    conn: Connection, clock: Clock, turned: Sequence[Turned]
) -> dict[UUID, dict[str, Any]]:
    """Let what has to follow from acts follow; returns changed columns by contract."""
    await _close_terms(conn, clock, turned)
    changes: dict[UUID, dict[str, Any]] = defaultdict(dict)
    opening = [one for one in turned if one.begins or one.resumes or one.joins]
    if opening:
        changes.update(await _open(conn, clock, opening))
    gone = [one.before.row.id for one in turned if one.drops]
    if gone:
        await drafts_store.drop_drafts(conn, gone)
    for one in turned:
        contract = one.before.row.id
        if one.stops or one.act == "leave":
            await _waive(conn, clock, one, one.side.id if one.act == "leave" else None)
        if one.stops:
            changes[contract] |= {"duties_next": None}
    return changes


def effect_day(before: Loaded, first_day: date, today: date) -> date:
    """Return when a version begins to count: its first day, today if that is past or it amends."""
    return today if before.standing.in_force else max(today, first_day)


def days_of(text: ContractText) -> tuple[date, date]:
    """Return a text's first and last day."""
    return date.fromisoformat(text.from_on), date.fromisoformat(text.until)


def sides_of(bound: Iterable[Named]) -> dict[str, list[Side]]:
    """Return who is bound by role, in a fixed order."""
    found: dict[str, list[Side]] = defaultdict(list)
    for one in sorted(bound):
        found[one.role].append(one.side)
    return found


async def _close_terms(conn: Connection, clock: Clock, turned: Sequence[Turned]) -> None:
    """Close what is no longer waited for: a signature given, an offer that is over."""
    over = {
        one.before.row.id
        for one in turned
        if one.begins or (one.before.standing.offer == "open" and one.then.offer is None)
    }
    if over:
        await terms.close_terms(conn, clock, over)
    for one in turned:
        if one.act == "sign" and one.before.row.id not in over:
            await terms.close_terms(conn, clock, [one.before.row.id], f"sign-{one.side.id}")


async def _open(
    conn: Connection, clock: Clock, turned: Sequence[Turned]
) -> dict[UUID, dict[str, Any]]:
    """Open the duties of the periods that run when versions begin, go on, or members join."""
    today = clock.today()
    wanted = sorted({(one.before.row.id, one.then.in_force) for one in turned})
    texts = {one: read_text(body) for one, body in (await store.bodies(conn, wanted)).items()}
    # A contract that comes into force for the first time has no duties yet.
    old = {one.before.row.id for one in turned if one.before.standing.in_force}
    taken = await duty_store.running(conn, old, today) if old else set()
    changes: dict[UUID, dict[str, Any]] = {}
    made: list[tuple[Loaded, int, NewDuty]] = []
    for one in turned:
        row, version = one.before.row, one.then.in_force
        text = texts[row.id, version]
        days = days_of(text)
        begin = effect_day(one.before, days[0], today) if one.begins else max(today, days[0])
        bound = [b for b in one.then.bound if not one.joins or b.side == one.side]
        made += [
            (one.before, version, duty)
            for duty in opening_duties(text.clauses, sides_of(bound), days, begin)
            if (row.id, duty.clause, *duty.side) not in taken
        ]
        if not one.joins:
            following = next_start(text.clauses, days, begin)
            changes[row.id] = {"duties_next": following}
        if one.begins:
            changes[row.id] |= {"from_on": days[0], "parties": _seen(text)}
    await make_duties(conn, clock, made)
    return changes


def _seen(text: ContractText) -> tuple[str, ...]:
    return tuple(sorted({one.id for one in text.parties}))


async def _waive(conn: Connection, clock: Clock, one: Turned, party: str | None) -> None:
    """Waive what is open of periods that are not over, when nothing more is owed for them."""
    waived = await duty_store.waive(conn, one.before.row.id, clock.today(), party)
    if not waived:
        return
    await duty_store.add_steps(
        conn,
        [
            DutyStepRow(
                duty, number, "waived", clock.today(), 0, None, None, None, None, None, [],
                one.side.scheme, one.side.id, one.person_id, clock.now(),
            )
            for duty, number in waived
        ],
    )  # fmt: skip
    await terms.close_terms(conn, clock, [duty for duty, _ in waived])
