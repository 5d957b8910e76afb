"""The console's first page, what waits for whoever looks; and its search."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.datastructures import State

from credit.access.views import Visitor
from credit.events import service as events
from credit.events.service import ShownEvent
from credit.grades.pages.drawing import distribution_picture
from credit.grades.reading import runs
from credit.grades.reading.runs import RunView
from credit.grades.reading.store import LatestPublication
from credit.kit.calendar import city_calendar
from credit.kit.clock import CHINA, Clock
from credit.kit.db import Connection
from credit.kit.http import City, SoughtText
from credit.kit.pages import render
from credit.kit.workdays import SPAN_DAYS_MAX, WorkCalendar
from credit.log import service as log
from credit.rules.loading import pack_of_city
from credit.rules.pack import Pack
from credit.web import store
from credit.web.search import GROUP_MAX, search
from credit.web.store import OpenSheet

__all__ = ["DeskPages"]

LATE_WORKDAYS = 5
OLDEST_SHOWN = 8
RUNS_LOOKED_AT = 10
SHEETS_SHOWN = 12
REFUSED_WITHIN = timedelta(days=30)
ENDS_SOON = timedelta(days=30)
OPEN_LOOKED_FOR = timedelta(days=550)  # evaluations of a year are closed by the next year's end
OWN_MAX = 1_000
# A form sends what was left open as an empty text.


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that waits, with the working days it has waited; `late` beyond LATE_WORKDAYS."""

    event: ShownEvent
    workdays: int

    @property
    def late(self) -> bool:
        """Whether it has waited too long."""
        return self.workdays > LATE_WORKDAYS


@dataclass(frozen=True, slots=True)
class Desk:
    """What waits, seen with somebody's scopes; what they do not carry is empty.

    `waiting` counts the undecided events up to a thousand, `oldest` are the first of them. `own`
    are the visitor's proposals (waiting, refused within REFUSED_WITHIN). `runs` are those that
    came after the last publication, and those without a result. `key` says whether the visitor
    has an active signing key, or needs none.
    """

    waiting: int
    oldest: list[Waiting]
    own: tuple[int, int]
    sheets: list[OpenSheet]
    runs: list[RunView]
    latest: LatestPublication | None
    key: bool

    @property
    def late(self) -> int:
        """How many of the oldest have waited too long."""
        return sum(one.late for one in self.oldest)


class DeskPages(Controller):
    """`/{city}/console`: today's work, and the search."""

    path = "/console"

    @get(summary="今日工作", opt={"scope": "console:use"})
    async def desk(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Show what waits for the visitor, what takes too long, and how grades stand."""
        visitor: Visitor = request.state.visitor
        async with state.db.city(city) as conn:
            found = await _desk(conn, state.clock, visitor, pack_of_city(city))
        latest, today = found.latest, state.clock.today()
        return render(
            request,
            "web/desk.html",
            desk=found,
            waiting_max=events.WAITING_SHOWN_MAX,
            late_workdays=LATE_WORKDAYS,
            picture=distribution_picture(_ordered(latest, city, today)) if latest else None,
            ends_soon=latest is not None and latest.valid_until - today <= ENDS_SOON,
            today=today,
        )

    @get("/search", summary="搜索", opt={"scope": "console:use"})
    async def search(
        self, request: Request[Any, Any, Any], state: State, city: City, q: SoughtText = ""
    ) -> Response[str]:
        """Find a text in enterprises, projects, events and evaluations."""
        visitor: Visitor = request.state.visitor
        wanted, today, found = q.strip(), state.clock.today(), None
        records = "events:read" in visitor.actor.scopes
        if wanted:
            async with state.db.city(city) as conn:
                found = await search(conn, wanted, today, records=records)
        return render(
            request,
            "web/search.html",
            q=wanted,
            found=found,
            records=records,
            group_max=GROUP_MAX,
            catalogue=pack_of_city(city).on(today).grader.events,
        )


async def _desk(conn: Connection, clock: Clock, visitor: Visitor, pack: Pack) -> Desk:
    scopes, person, today = visitor.actor.scopes, visitor.actor.person_id, clock.today()
    waiting, oldest, own = 0, [], (0, 0)
    sheets: list[OpenSheet] = []
    unfinished: list[RunView] = []
    latest = await runs.latest_publication(conn)
    if "events:read" in scopes:
        waiting = await events.count_waiting(conn)
        oldest = await _oldest(conn, pack, today) if waiting else []
        newest = await runs.newest_runs(conn, None, RUNS_LOOKED_AT)
        unfinished = _unfinished(newest, latest)
    if "events:propose" in scopes:
        own = await store.own_proposals(conn, person, clock.now() - REFUSED_WITHIN, OWN_MAX)
    if scopes & {"marks:enter", "evaluations:close"}:
        begun = clock.now() - OPEN_LOOKED_FOR
        first = UUID(int=int(begun.timestamp() * 1000) << 80)  # the least UUIDv7 of that moment
        sheets = await store.open_sheets(conn, first, SHEETS_SHOWN)
    key = "keys:own" not in scopes or any(one.active for one in await log.keys_of(conn, person))
    return Desk(waiting, oldest, own, sheets, unfinished, latest, key)


def _ordered(latest: LatestPublication, city: str, today: date) -> dict[str, int]:
    """Put a distribution in the order of the ladder, the best grade first; JSON has none."""
    found = latest.distribution
    ladder = pack_of_city(city).on(today).grader.ladder.grades
    return {grade: found[grade] for grade in [*ladder, *found] if grade in found}


async def _oldest(conn: Connection, pack: Pack, today: date) -> list[Waiting]:
    found = await events.shown(
        conn,
        pack.on(today).grader.events,
        status="proposed",
        query=None,
        before=None,
        limit=OLDEST_SHOWN,
    )
    calendar = await city_calendar(conn, today)
    return [Waiting(one, _waited(calendar, one, today)) for one in found]


def _waited(calendar: WorkCalendar, one: ShownEvent, today: date) -> int:
    """Count the working days since an event was proposed; beyond what is counted, the most."""
    since = one.row.proposed_at.astimezone(CHINA).date()
    if not 0 <= (today - since).days <= SPAN_DAYS_MAX:
        return 0 if since > today else SPAN_DAYS_MAX
    return calendar.workdays_between(since, today)


def _unfinished(found: Sequence[RunView], latest: LatestPublication | None) -> list[RunView]:
    """Return the runs that ask for something: newer than what was published last."""
    return [
        one
        for one in found
        if one.state != "published" and (latest is None or one.line.asked_at > latest.published_at)
    ]
