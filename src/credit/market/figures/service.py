"""The bank's figures and its indicators for a division, as of today or of a year."""

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal

from credit.access.views import Actor
from credit.earning import service as earning
from credit.earning.service.places import reach, refuse_elsewhere
from credit.earning.views import Budget
from credit.kit.clock import CHINA, Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict
from credit.kit.texts import say
from credit.market.figures import store
from credit.market.figures.store import KpiCounts
from credit.market.figures.views import BudgetLine, Figures, KpiRow, Kpis, Waiting
from credit.rules.bank import Bank

__all__ = [
    "FLOW_MONTHS",
    "WAITING_MAX",
    "begin_of",
    "budgets",
    "figures",
    "kpis",
    "lines_of",
    "place_of",
    "waiting",
]

PLACES = Decimal("0.01")
ROWS_MAX = 2_000
FLOW_MONTHS = 12
MONTHS_MAX = 1_300  # as many as points can be valid for, and those that never end
RANKED = 10
WAITING_MAX = 1_000
# Live today is what is open. Of a year that is over nobody knows what was open on its last day: what
# was ever admitted counts, if its days and its merchant's contract covered that day.
LIVE = (("open",), ("open",))
ONCE_LIVE = (("open", "paused", "ended"), ("open", "suspended", "closed"))


def place_of(actor: Actor, city: str, division: str | None) -> str:
    """Return the division whose figures somebody asks for; an empty text is the whole city.

    Whoever is bound sees their own division, and what lies in it.
    """
    if division == city:
        division = None
    place = division or (actor.division if actor.bound else None) or ""
    refuse_elsewhere(actor, place)
    return place


async def kpis(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    city: str,
    bank: Bank,
    year: int,
    division: str | None,
) -> Kpis:
    """Return the indicators of a year by division: the city's, and those of all that lies in it.

    积分采集率: members registered at the year's end (or today) with at least one verified
    participation in the year, of all of them. 激励应用场景数量: live pairs of a kind of offer and a
    merchant. 激励人员、组织数量: members that received or redeemed points in the year, people and
    organisations apart. Raises Conflict for a year to come.
    """
    place, today = place_of(actor, city, division), clock.today()
    if year > today.year:
        raise Conflict(say("请选择今年或以前的年份。"), slug="in-the-future")
    days = date(year, 1, 1), date(year + 1, 1, 1)
    over = days[1] <= today
    on = date(year, 12, 31) if over else today
    rows = await store.kpis(
        conn,
        place,
        (begin_of(days[0]), begin_of(days[1])),
        days,
        units=[one.code for one in bank.participants if one.unit],
        live=(on, *(ONCE_LIVE if over else LIVE)),
        limit=ROWS_MAX,
    )
    return Kpis(year, on, [_row(one) for one in rows if _covers(place, one)])


async def figures(
    conn: Connection, clock: Clock, actor: Actor, city: str, division: str | None
) -> Figures:
    """Return what the bank comes to in a division."""
    place, today = place_of(actor, city, division), clock.today()
    first = _months_before(today, FLOW_MONTHS - 1)
    held, pending = await store.held(conn, place)
    rules, categories = await store.ranked(conn, place, first, begin_of(first), RANKED)
    return Figures(
        await budgets(conn, city, place),
        await store.months(conn, place, today, MONTHS_MAX),
        pending,
        held,
        await store.flows(conn, place, begin_of(first), FLOW_MONTHS),
        rules,
        categories,
        await waiting(conn, actor, place),
        await store.cleared(conn, place, ROWS_MAX),
    )


async def budgets(conn: Connection, city: str, place: str) -> list[BudgetLine]:
    """List the campaigns of a division, within it and above it, those that are open first."""
    found = await earning.campaigns_of(conn, city, place or None, closed=True)
    return sorted(await lines_of(conn, found), key=lambda one: one.closed)


async def lines_of(conn: Connection, campaigns: Sequence[Budget]) -> list[BudgetLine]:
    """Return what became of the points of campaigns."""
    given = await store.given(conn, [one.account for one in campaigns])
    lines = []
    for one in campaigns:
        total, left, pending = given[one.account]
        lines.append(
            BudgetLine(
                one.id, one.title, one.division, one.rules, one.until, one.closed, total,
                total - left - pending, pending, left,
            )
        )  # fmt: skip
    return lines


async def waiting(conn: Connection, actor: Actor, place: str | None = None) -> Waiting:
    """Count what waits for somebody in a division, or wherever they work."""
    place = reach(actor) if place is None else place
    return await store.waiting(conn, place, actor.person_id, WAITING_MAX)


def begin_of(day: date) -> datetime:
    """Return the moment a day begins in China."""
    return datetime.combine(day, time(), CHINA)


def _months_before(day: date, months: int) -> date:
    """Return the first day of the month so many months before a day's."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _covers(place: str, row: KpiCounts) -> bool:
    """Say whether a row counts all of its division: those above the place asked for do not."""
    return len(row.code or "") >= len(place)


def _row(one: KpiCounts) -> KpiRow:
    percent = None
    if one.members:
        share = Decimal(100 * one.collected) / one.members
        percent = str(share.quantize(PLACES, ROUND_HALF_UP))
    return KpiRow(
        one.level,  # type: ignore[arg-type]
        one.code,
        one.name,
        one.members,
        one.collected,
        percent,
        one.scenes,
        one.people,
        one.organisations,
    )
