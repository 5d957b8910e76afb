"""Making duties: one a clause, party and period, with the day it is due and its term."""

from collections.abc import Sequence
from datetime import date
from functools import cache

from credit.contracts import store as contracts
from credit.contracts.duties import store
from credit.contracts.duties.store import DutyRow
from credit.contracts.logic.duties import NewDuty, due_duties, next_start
from credit.contracts.service.standing import Loaded, load, read_text, row_after
from credit.kit.calendar import city_calendar
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.ids import new_id
from credit.terms import service as terms
from credit.terms.views import NewTerm

__all__ = [
    "INSPECT",
    "PERFORM",
    "close_lapsed_offers",
    "hand_up_late",
    "make_due_duties",
    "make_duties",
    "recount_dues",
]

PERFORM, INSPECT = "contracts:perform", "contracts:inspect"
REPORT = "report"
CONTRACTS_AT_ONCE = 200
LATE_AT_ONCE = 5_000
# Periods that end within so many days either way are counted again: by then the State Council has
# published the year's holidays, which it does in the November before.
NEAR_DAYS = 45


async def make_duties(
    conn: Connection, clock: Clock, duties: Sequence[tuple[Loaded, int, NewDuty]]
) -> int:
    """Make duties of contracts' versions that are not there yet, with their terms; returns how
    many there were not.
    """
    if not duties:
        return 0
    calendar = await city_calendar(conn, clock.today())
    due = cache(lambda end, days: calendar.add_workdays(end, days).due)
    now = clock.now()
    rows = [
        DutyRow(
            new_id(now),
            found.row.id,
            version,
            duty.clause,
            duty.role,
            duty.side.scheme,
            duty.side.id,
            duty.confirmer,
            found.row.project,
            found.row.enterprise or (duty.side.id if duty.role == "member" else None),
            duty.start,
            duty.end,
            duty.grace_days,
            due(duty.end, duty.grace_days),
            due(duty.end, duty.grace_days),
            False,
            "open",
            0,
            None,
            False,
            0,
            now,
        )
        for found, version, duty in duties
    ]
    added = await store.add_duties(conn, rows)
    await terms.open_terms(conn, clock, [_term(row) for row in rows if row.id in added])
    return len(added)


async def make_due_duties(conn: Connection, clock: Clock) -> int:
    """Make the duties of periods that have begun, for some of the contracts that have any.

    Returns how many contracts that were: none when all is done. May run twice, or beside itself.
    """
    today = clock.today()
    ids = await store.to_begin(conn, today, CONTRACTS_AT_ONCE)
    if not ids:
        return 0
    loaded = await load(conn, ids, today, lock=True)
    wanted = [(one, found.row.in_force) for one, found in loaded.items()]
    texts = {one: read_text(body) for one, body in (await contracts.bodies(conn, wanted)).items()}
    made: list[tuple[Loaded, int, NewDuty]] = []
    rows = []
    for one, found in loaded.items():
        row = found.row
        if row.state != "in-force" or row.duties_next is None or row.duties_next > today:
            continue  # another worker was quicker, or the parties stopped it
        text = texts[one, row.in_force]
        days = (date.fromisoformat(text.from_on), date.fromisoformat(text.until))
        sides: dict[str, list[tuple[str, str]]] = {}
        for bound in sorted(found.standing.bound):
            sides.setdefault(bound.role, []).append(bound.side)
        duties = due_duties(text.clauses, sides, days, (row.duties_next, today))  # type: ignore[arg-type]
        made += [(found, row.in_force, duty) for duty in duties]
        following = next_start(text.clauses, days, today)
        rows.append(row_after(row, found.standing, duties_next=following))
    await make_duties(conn, clock, made)
    if rows:
        await contracts.put_standings(conn, rows)
    return len(ids)


async def recount_dues(conn: Connection, clock: Clock) -> int:
    """Count again when reports are due for periods that end about now; returns how many moved."""
    today = clock.today()
    ends = await store.uncertain_ends(
        conn,
        date.fromordinal(today.toordinal() - NEAR_DAYS),
        date.fromordinal(today.toordinal() + NEAR_DAYS),
    )
    if not ends:
        return 0
    calendar = await city_calendar(conn, today)
    dues = [(end, days, calendar.add_workdays(end, days).due) for end, days in ends]
    moved = await store.recount(conn, dues)
    if moved:
        await terms.close_terms(conn, clock, moved, REPORT)
        rows = await store.load(conn, moved)
        await terms.open_terms(conn, clock, [_term(row) for row in rows.values()])
    return len(moved)


async def close_lapsed_offers(conn: Connection, clock: Clock) -> int:
    """Close the terms of some offers that nobody may sign any more; returns how many offers."""
    over = await contracts.lapsed(conn, clock.today(), LATE_AT_ONCE)
    if over:
        await terms.close_terms(conn, clock, over)
    return len(over)


async def hand_up_late(conn: Connection, clock: Clock, days: int) -> int:
    """Put what nobody reported or answered in time before the inspectors, to be looked at within
    working days; returns how many that were. Nothing is decided by it.
    """
    late = await store.hand_up(conn, clock.today(), LATE_AT_ONCE)
    if late:
        due_on = await terms.due_after(conn, clock.today(), max(days, 1))
        await terms.open_terms(
            conn,
            clock,
            [
                NewTerm("duty", duty, "inspect", due_on, scope=INSPECT, about=enterprise)
                for duty, enterprise in late
            ],
        )
    return len(late)


def _term(row: DutyRow) -> NewTerm:
    office = row.scheme == "ORG"
    return NewTerm(
        "duty",
        row.id,
        REPORT,
        row.due_on,
        scope=PERFORM if office else None,
        party=None if office else row.party,
        about=row.enterprise,
    )
