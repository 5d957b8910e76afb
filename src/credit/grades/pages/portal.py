"""The portal's pages of grades: an enterprise's own grade, what would lift it, and its deadlines."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from litestar import Controller, Request, Response, get
from litestar.datastructures import State

from credit.access.views import Visitor
from credit.evaluations.own import open_evaluations_of
from credit.events import service as events
from credit.events.pages import enterprise_of
from credit.grades import service
from credit.grades.pages import drawing
from credit.grades.pages.committee import committee_home
from credit.grades.service import Portrait, Standing
from credit.kit.charts import POINTS_MAX, THRESHOLDS_MAX, Picture, draw_line
from credit.kit.db import PORTAL_ROLE
from credit.kit.http import City
from credit.kit.pages import redirect, render
from credit.kit.texts import marked, say
from credit.rules.advice import HORIZON_MONTHS, Advice
from credit.rules.arithmetic import add_months
from credit.rules.loading import pack_of_city
from credit.rules.model import Grading
from credit.terms import service as terms

__all__ = ["PortalGradePages"]

COMMITTEE_ROLE = "committee_user"
OWNERS_ROLE = "owner_delegate"
SOON = timedelta(days=90)
WAYS_SHOWN = 8
ROWS_MAX = 150
UNRATED_THEN = marked("评价结果太旧或没有记录，从这天起未评级")


@dataclass(frozen=True, slots=True)
class Deadline:
    """A day on which something ends; `points` are what the score then gains or loses, if known."""

    day: date
    what: Literal["grade", "fact", "sheet", "block"]
    title: str
    points: Decimal | None = None
    record_id: str | None = None


class PortalGradePages(Controller):
    """`/{city}/portal`: what an enterprise, or a committee, finds first."""

    path = "/portal"

    @get(summary="门户首页", opt={"scope": "portal:use"})
    async def home(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Show an enterprise its grade and why, a committee its project and who manages it; the
        owners' delegate what there is to sign.
        """
        visitor: Visitor = request.state.visitor
        if COMMITTEE_ROLE in visitor.actor.roles:
            return await committee_home(request, state, city)
        if OWNERS_ROLE in visitor.actor.roles:
            return redirect(f"/{city}/portal/contracts")
        enterprise, today = enterprise_of(request), state.clock.today()
        async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
            held = await service.load_held(conn, enterprise, today)
            due = await terms.open_of_party(conn, enterprise)
        shown = await service.portray(pack_of_city(city), held, today)
        history = [(one.valid_from, one.score) for one in shown.history if one.score is not None]
        grading = shown.rules.grading
        return render(
            request,
            "grades/portal_home.html",
            shown=shown,
            due=due,
            today=today,
            published=shown.standing.published,
            history=drawing.history_picture(history, grading, today) if history else None,
            waterfall=_waterfall(shown),
            new_blocks=_new_blocks(shown),
            last=shown.history[-1] if shown.history else None,
            rows_max=ROWS_MAX,
        )

    @get("/lift", summary="怎样提升", opt={"scope": "portal:use"})
    async def lift(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Show what would lift the enterprise to the next grade, computed by the grader."""
        enterprise, today = enterprise_of(request), state.clock.today()
        pack = pack_of_city(city)
        rules = pack.on(today)
        async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
            found = await service.advise(conn, pack, enterprise, on=today)
        if found is None:
            return render(request, "grades/portal_lift.html", found=None, rules=rules)
        return render(
            request,
            "grades/portal_lift.html",
            found=found,
            rules=rules,
            ids={one.log_index: one for one in found.facts},
            lifting=[one for one in found.ways if one.lifts],
            others=[one for one in found.ways if not one.lifts],
            removals=[one for one in found.removals if found.ranked or one.gain != 0 or one.lifts],
            ways_shown=WAYS_SHOWN,
            forecast=_forecast_picture(found, rules.grading),
        )

    @get("/duties", summary="期限和待办", opt={"scope": "portal:use"})
    async def duties(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """List what ends soon, and what is being worked on about the enterprise."""
        enterprise, today = enterprise_of(request), state.clock.today()
        pack = pack_of_city(city)
        rules = pack.on(today)
        async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
            found = await service.standings(conn, [enterprise], valid_at=today, size=None)
            advice = await service.advise(conn, pack, enterprise, on=today)
            waiting = await events.own_waiting(conn, rules.grader, enterprise)
            evaluations = await open_evaluations_of(conn, enterprise)
        ends = _deadlines(found.get(enterprise), advice, today + SOON)
        return render(
            request,
            "grades/portal_duties.html",
            deadlines=sorted(ends, key=lambda one: (one.day, one.what)),
            too_many=advice is None,
            soon_days=SOON.days,
            waiting=waiting,
            evaluations=evaluations,
            rules=rules,
            today=today,
        )


def _waterfall(shown: Portrait) -> Picture | None:
    if shown.explained is None:
        return None
    catalogue = shown.rules.grader.events
    return drawing.steps_picture(shown.explained, catalogue, shown.rules.grading)


def _new_blocks(shown: Portrait) -> list[Any]:
    """Return the caps and vetoes that hold today and did not when the grade was published."""
    known = {one.step.rule for one in shown.bounds}
    return [one for one in shown.advice.blocks if one.rule not in known] if shown.advice else []


def _forecast_picture(found: Advice, grading: Grading) -> Picture | None:
    """Draw the score from today on when nothing new happens, up to where there is none any more."""
    steps = [(found.on, found.now.score), *((one.on, one.outcome.score) for one in found.forecast)]
    ends = next((day for day, score in steps if score is None), None)
    points = [
        (day, score) for day, score in steps if score is not None and (ends is None or day < ends)
    ]
    if not points or not found.forecast:
        return None
    cut_offs = [(one.grade, one.at_least) for one in grading.ladder if one.at_least is not None]
    return draw_line(
        points[:POINTS_MAX],
        id_="forecast",
        title=say("没有新情况时的得分"),
        thresholds=cut_offs[:THRESHOLDS_MAX],
        events=[(ends, UNRATED_THEN)] if ends else [],
        until=ends or add_months(found.on, HORIZON_MONTHS),
    )


def _deadlines(standing: Standing | None, advice: Advice | None, last: date) -> Iterator[Deadline]:
    """Yield the grade's own end, whenever it is, and what else ends up to a day."""
    if standing is not None and standing.published is not None:
        yield Deadline(standing.published.valid_until, "grade", standing.published.grade or "")
    if advice is None:
        return
    for fact in advice.facts:
        if fact.lapses_on <= last:
            points = -fact.points if fact.counted else None
            yield Deadline(fact.lapses_on, "fact", fact.title, points, fact.id)
    for sheet in advice.sheets:
        if sheet.lapses_on is not None and sheet.lapses_on <= last:
            yield Deadline(sheet.lapses_on, "sheet", sheet.sheet, -sheet.points)
    for block in advice.blocks:
        if block.until is not None and block.until <= last:
            yield Deadline(block.until, "block", block.title)
