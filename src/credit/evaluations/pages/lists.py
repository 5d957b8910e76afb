"""The console's list of a sheet's evaluations of a year, to be looked through and closed."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from credit.access.saved import saved_views
from credit.access.views import Actor
from credit.evaluations import service
from credit.evaluations.logic import evaluable, may_judge
from credit.evaluations.service import ShownEvaluation, Standing
from credit.kit.errors import NotFound
from credit.kit.http import City, IdCursor
from credit.kit.lists import ASKED, FILTER, Asked, listing_of
from credit.kit.pages import render
from credit.kit.texts import say
from credit.parties import service as parties
from credit.rules.loading import pack_of_city
from credit.rules.model import Sheet
from credit.rules.pack import Pack

__all__ = [
    "EVALUATION_FILTER",
    "NAME",
    "EvaluationListPages",
    "SheetName",
    "Year",
    "chosen_sheet",
    "sheets_of",
    "years_shown",
]

YEARS_SHOWN = 8
YEAR_MIN, YEAR_MAX = 2000, 2100
NAME = r"^[\w.]{1,40}$(?!\n)"
SheetName = Annotated[str | None, QueryParameter(pattern=NAME, max_length=40)]
Year = Annotated[int | None, QueryParameter(ge=YEAR_MIN, le=YEAR_MAX)]
Sort = Annotated[Literal["", "state", "total", "-total"], QueryParameter()]
# The parameters of the list, as a saved view may hold them.
EVALUATION_FILTER: Mapping[str, str] = {
    "sheet": r"[\w.]{1,40}",
    "year": "20[0-9]{2}|2100",
    "q": FILTER["q"],
    "division": FILTER["division"],
    "sort": "state|-?total",
    "size": FILTER["size"],
}


class EvaluationListPages(Controller):
    """`/{city}/console/evaluations`: how a year's evaluations stand."""

    path = "/console/evaluations"

    @get(summary="评价列表", opt={"scope": "events:read"}, dependencies=ASKED)
    async def evaluations(
        self,
        request: Request[Any, Any, Any],
        city: City,
        asked: NamedDependency[Asked],
        sheet: SheetName = None,
        year: Year = None,
        sort: Sort = "",
        cursor: IdCursor = None,
    ) -> Response[str]:
        """List a sheet's evaluations of a year, the open ones first."""
        state, pack, actor = request.app.state, pack_of_city(city), request.state.visitor.actor
        sheets = sheets_of(pack, state.clock.today())
        chosen, today = chosen_sheet(sheets, sheet), state.clock.today()
        async with state.db.city(city) as conn:
            year = year or await service.last_year(conn, chosen.id) or today.year
            standing = Standing(chosen.id, year, asked.where(actor.division))
            found = await service.shown(
                conn,
                state.clock,
                pack,
                standing,
                query=asked.query,
                sort=sort or "state",
                after=UUID(cursor) if cursor else None,
                limit=asked.rows + 1,
            )
            count, closed = await service.count_closed(conn, standing)
            listing = listing_of(
                "evaluations",
                EVALUATION_FILTER,
                asked,
                request.query_params,
                sort=sort or "state",
                own=actor.division,
                views=await saved_views(conn, actor, "evaluations"),
                divisions=await parties.divisions(conn),
            )
        return render(
            request,
            "evaluations/list.html",
            evaluations=found[: asked.rows],
            others=_judged_by_others(actor, found),
            sheet=chosen,
            sheets=sheets.values(),
            year=year,
            years=years_shown(today.year, year),
            count=count,
            closed=closed,
            listing=listing,
            cursor=found[asked.rows - 1].row.id.hex if len(found) > asked.rows else None,
        )


def sheets_of(pack: Pack, on: date) -> dict[str, Sheet]:
    """Return the sheets people fill in by the rules of a day, by name."""
    return {sheet.id: sheet for sheet in evaluable(pack.on(on).sheets.values())}


def chosen_sheet(sheets: Mapping[str, Sheet], name: str | None) -> Sheet:
    """Return a sheet by name, or the first one; NotFound without it."""
    found = sheets.get(name) if name else next(iter(sheets.values()), None)
    if found is None:
        raise NotFound(say("本市的规则包没有这张评分表。"))
    return found


def years_shown(today: int, chosen: int) -> list[tuple[int, str]]:
    """List years to choose from, the newest first: (year, its text)."""
    years = {*range(today, max(today - YEARS_SHOWN, YEAR_MIN), -1), chosen}
    return [(one, str(one)) for one in sorted(years, reverse=True)]


def _judged_by_others(actor: Actor, found: Sequence[ShownEvaluation]) -> set[UUID]:
    """Return the evaluations that another division's people close."""
    own = actor.division
    if own is None:
        return set()
    return {one.row.id for one in found if not may_judge(one.row.division, own, closing=True)}
