"""The page of one run: how far it has come, what it changes, and what the districts say to it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar import Request, Response
from litestar.datastructures import State

from credit.access.guard import actor_of
from credit.grades import service
from credit.grades.pages import drawing
from credit.grades.reading import runs
from credit.grades.views import DistrictAnswer
from credit.kit.errors import CreditError
from credit.kit.lists import EVERYWHERE
from credit.kit.pages import render
from credit.kit.texts import listed
from credit.rules.loading import pack_of_city

__all__ = ["RunPage", "is_own", "run_page"]

LOOK_AGAIN_SECONDS = 3  # while a run is being computed
CHANGES_PAGE = 50
DISTRICT_DIGITS = 6


@dataclass(frozen=True, slots=True)
class RunPage:
    """Which run a page is about, and for whom."""

    request: Request[Any, Any, Any]
    state: State
    city: str
    run_id: UUID


def is_own(view: runs.RunView, page: RunPage) -> bool:
    """Say whether who looks asked for the run."""
    return view.line.asked_by == actor_of(page.request).person_id


async def run_page(
    page: RunPage,
    *,
    district: str = "",
    skip: int = 0,
    refused: CreditError | None = None,
) -> Response[str]:
    """Show a run; what it changes in a district, which is their own for a district's people."""
    pack, actor = pack_of_city(page.city), actor_of(page.request)
    own_district = actor.division if actor.division and _is_district(actor.division) else None
    where = None if district == EVERYWHERE else district or own_district
    comparison, answers = None, []
    async with page.state.db.city(page.city) as conn:
        view = await runs.one_run(conn, page.run_id)
        if view.state in ("proposed", "published"):
            comparison = await service.compare_run(
                conn, pack, page.run_id, district=where, limit=CHANGES_PAGE, offset=skip
            )
            answers = (await service.answers_of(conn, {page.run_id: view.line.summary}))[
                page.run_id
            ]
    now = page.state.clock.now()
    answer = render(
        page.request,
        "grades/console_run.html",
        http_status=refused.status if refused else 200,
        view=view,
        waited=int((now - view.line.asked_at).total_seconds()),
        comparison=comparison,
        picture=comparison and drawing.distribution_picture(comparison.after, comparison.before),
        skip=skip,
        onward=skip + CHANGES_PAGE,
        own=view.line.proposed_at is not None and is_own(view, page),
        district=where,
        everywhere=EVERYWHERE,
        answers=_shown(answers, view),
        awaited=listed(one.name for one in answers if one.awaited),
        mine=_mine(answers, view, own_district),
        problem=refused,
    )
    if view.comes:
        answer.headers["Refresh"] = str(LOOK_AGAIN_SECONDS)
    return answer


def _is_district(division: str) -> bool:
    return len(division) == DISTRICT_DIGITS


def _shown(answers: list[DistrictAnswer], view: runs.RunView) -> list[DistrictAnswer]:
    """Return what the section on the districts shows: nothing where no district is asked."""
    if view.state == "published":
        return [one for one in answers if one.outcome is not None]
    return answers if any(one.staffed or one.outcome for one in answers) else []


def _mine(
    answers: list[DistrictAnswer], view: runs.RunView, district: str | None
) -> DistrictAnswer | None:
    """Return what the visitor's district is to answer; None when there is nothing to do."""
    if view.state != "proposed" or any(one.outcome == "returned" for one in answers):
        return None
    return next((one for one in answers if one.division == district and one.awaited), None)
