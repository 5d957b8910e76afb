"""The console's first page, what waits for whoever looks; and its search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.datastructures import State

from credit.access.saved import SavedView, saved_views
from credit.access.views import Visitor
from credit.evaluations import service as evaluations
from credit.evaluations.service import OpenSheet
from credit.events import service as events
from credit.events.service import ShownEvent
from credit.grades import service as grades
from credit.grades.pages.drawing import distribution_picture
from credit.grades.reading import runs
from credit.grades.reading.runs import RunView
from credit.grades.reading.store import LatestPublication
from credit.grades.service.runs import INPUT_KINDS
from credit.grades.views import DistrictAnswer
from credit.kit.calendar import city_calendar
from credit.kit.clock import CHINA, Clock
from credit.kit.db import Connection
from credit.kit.http import City, SoughtText
from credit.kit.pages import render
from credit.kit.workdays import SPAN_DAYS_MAX, WorkCalendar
from credit.rules.loading import pack_of_city
from credit.rules.pack import Pack
from credit.web import store
from credit.web.search import GROUP_MAX, search
from credit.web.store import ExpiringClient, Work

__all__ = ["DeskPages"]

LATE_WORKDAYS = 5
OLDEST_SHOWN = 8
RUNS_LOOKED_AT = 10
SHEETS_SHOWN = 12
REFUSED_WITHIN = timedelta(days=30)
ENDS_SOON = timedelta(days=30)
EXPIRING_SHOWN = 5


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

    `work` counts the undecided events up to a thousand and the visitor's own proposals; `oldest`
    are the first undecided ones, `sheets` the open evaluations: of the visitor's division, if there
    is one. `runs` are those that came after the last publication, and those without a result;
    `answers` is what the districts say to those proposed. `expiring` are machines' keys that stop
    working soon. `views` are the visitor's own. `key` says whether the visitor has an active
    signing key, or needs none.
    """

    work: Work
    oldest: list[Waiting]
    sheets: list[OpenSheet]
    runs: list[RunView]
    answers: Mapping[UUID, Sequence[DistrictAnswer]]
    latest: LatestPublication | None
    expiring: list[ExpiringClient]
    views: list[SavedView]
    key: bool

    @property
    def late(self) -> int:
        """How many of the oldest have waited too long."""
        return sum(one.late for one in self.oldest)

    def asked_of(self, division: str | None) -> list[RunView]:
        """The runs that a district has yet to answer."""
        return [
            one
            for one in self.runs
            if any(answer.awaited for answer in self._of(one) if answer.division == division)
            and not self.returned(one)
        ]

    def awaited(self, run: RunView) -> int:
        """How many districts have yet to answer a run."""
        return sum(answer.awaited for answer in self._of(run))

    def returned(self, run: RunView) -> bool:
        """Whether a district returned a run."""
        return any(answer.outcome == "returned" for answer in self._of(run))

    def _of(self, run: RunView) -> Sequence[DistrictAnswer]:
        return self.answers.get(run.line.id, ())


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
            lapsed=latest is not None and latest.valid_until <= today,
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
    actor, now, today = visitor.actor, clock.now(), clock.today()
    scopes, division = actor.scopes, actor.division
    oldest, unfinished = list[Waiting](), list[RunView]()
    sheets, expiring, views = list[OpenSheet](), list[ExpiringClient](), list[SavedView]()
    latest = await runs.latest_publication(conn)
    work = await store.work(
        conn,
        actor.person_id,
        proposes="events:propose" in scopes,
        division=division,
        since=now - REFUSED_WITHIN,
        counted=events.WAITING_SHOWN_MAX,
        runs=RUNS_LOOKED_AT,
        kinds=INPUT_KINDS,
    )
    if "events:read" in scopes:
        waits = work.here if division else work.waiting
        oldest = await _oldest(conn, pack, today, division) if waits else []
        unfinished = _unfinished(await runs.newest_runs(conn, None, RUNS_LOOKED_AT), latest)
        views = await saved_views(conn, actor)
    if scopes & {"marks:enter", "evaluations:close"}:
        sheets = await evaluations.open_sheets(conn, division, SHEETS_SHOWN)
    if "people:write" in scopes:
        expiring = await store.expiring(conn, now, now + ENDS_SOON, EXPIRING_SHOWN)
    proposed = {one.line.id: one.line.summary for one in unfinished if one.state == "proposed"}
    answers = await grades.answers_of(conn, proposed) if proposed else {}
    key = work.key or "keys:own" not in scopes
    return Desk(work, oldest, sheets, unfinished, answers, latest, expiring, views, key)


def _ordered(latest: LatestPublication, city: str, today: date) -> dict[str, int]:
    """Put a distribution in the order of the ladder, the best grade first; JSON has none."""
    found = latest.distribution
    ladder = pack_of_city(city).on(today).grader.ladder.grades
    return {grade: found[grade] for grade in [*ladder, *found] if grade in found}


async def _oldest(conn: Connection, pack: Pack, today: date, division: str | None) -> list[Waiting]:
    found = await events.shown(
        conn,
        pack.on(today).grader.events,
        status="proposed",
        query=None,
        before=None,
        limit=OLDEST_SHOWN,
        division=division,
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
