"""Use cases of lists: duties by who has to do something, what waits, who is missing, the public's."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from credit.access.logic import require
from credit.access.views import Actor
from credit.contracts.lists import store
from credit.contracts.lists.store import DutyLineRow, Missing, PublicRow, WorkRow
from credit.contracts.service.showing import workdays_left
from credit.kit.calendar import city_calendar
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict
from credit.kit.patterns import containing
from credit.kit.texts import say

__all__ = [
    "LISTED_MAX",
    "MISSING_SHOWN",
    "DutyLine",
    "OwnDuties",
    "contract_work",
    "inspected",
    "missing_contracts",
    "missing_credit",
    "own_duties",
    "public_contracts",
    "state_counts",
]

READING = "contracts:read"
LISTED_MAX = 200
MISSING_SHOWN = 50
DONE_MAX = 50


@dataclass(frozen=True, slots=True)
class DutyLine:
    """A duty in a list; `left` counts working days to what is waited for, below nothing if late."""

    row: DutyLineRow
    left: int | None


@dataclass(frozen=True, slots=True)
class OwnDuties:
    """A party's duties: to report, others' reports to answer, and what is done."""

    report: list[DutyLine]
    answer: list[DutyLine]
    done: list[DutyLine]


async def state_counts(
    conn: Connection, clock: Clock, actor: Actor, division: str | None
) -> dict[str, int]:
    """Count contracts by the state people see, of a division if one is given."""
    require(actor, READING)
    return await store.counted(conn, clock.today(), division)


async def inspected(
    conn: Connection, clock: Clock, actor: Actor, division: str | None, what: str
) -> list[DutyLine]:
    """List duties that are late, then those in dispute, up to two hundred."""
    require(actor, READING)
    rows = await store.to_inspect(conn, clock.today(), division, what, LISTED_MAX)
    return await _lines(conn, clock, rows)


async def own_duties(conn: Connection, clock: Clock, party: str) -> OwnDuties:
    """List a party's duties: what to report, what to answer, and what was done lately."""
    today = clock.today()
    parts = (
        await store.owed_by(conn, today, party, LISTED_MAX),
        await store.to_answer(conn, today, party, LISTED_MAX),
        await store.done_by(conn, today, party, DONE_MAX),
    )
    lines = await _lines(conn, clock, [row for part in parts for row in part])
    first, second = len(parts[0]), len(parts[0]) + len(parts[1])
    return OwnDuties(lines[:first], lines[first:second], lines[second:])


async def contract_work(conn: Connection, clock: Clock, actor: Actor) -> WorkRow:
    """Count what waits for somebody of an office, in one statement: signatures asked of it, and of
    its division disputes, late duties, and contracts whose enterprise has left the project.
    """
    return await store.work(conn, clock.today(), actor.division, actor.organisation)


async def missing_contracts(
    conn: Connection, clock: Clock, actor: Actor, on: date, division: str | None, after: str
) -> list[Missing]:
    """List projects without the tri-party contract they could have on a day, after a code."""
    _check_day(clock, actor, on)
    return await store.unsigned_projects(conn, on, division, after, MISSING_SHOWN + 1)


async def missing_credit(
    conn: Connection, clock: Clock, actor: Actor, on: date, division: str | None
) -> list[Missing]:
    """List contracts in force of which nothing was decided in the calendar year up to a day."""
    _check_day(clock, actor, on)
    return await store.uncredited(conn, on, division, date(on.year, 1, 1), MISSING_SHOWN)


async def public_contracts(
    conn: Connection,
    clock: Clock,
    before: UUID,
    *,
    enterprise: str | None = None,
    query: str | None = None,
    past: bool = False,
    limit: int,
) -> list[PublicRow]:
    """List contracts in force before an id, the newest first, for everybody; with `past` those
    that were, too. `query` is looked for in titles, projects and enterprises.
    """
    like = containing(query) if query else None
    return await store.public_lines(
        conn, clock.today(), before, enterprise=enterprise, like=like, past=past, limit=limit
    )


def _check_day(clock: Clock, actor: Actor, on: date) -> None:
    require(actor, READING)
    if on > clock.today():
        raise Conflict(say("请选择今天或以前的日期。"), slug="in-the-future")


async def _lines(conn: Connection, clock: Clock, rows: list[DutyLineRow]) -> list[DutyLine]:
    if not rows:
        return []
    today = clock.today()
    calendar = await city_calendar(conn, today)
    return [
        DutyLine(row, workdays_left(calendar, row.waits_until, today) if row.waits_until else None)
        for row in rows
    ]
