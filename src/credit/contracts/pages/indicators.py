"""The two indicators of contracts on a page: by district and street, who is missing, as a picture."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from credit.access.views import Actor
from credit.contracts import service
from credit.contracts.board.views import KpiRow
from credit.contracts.pages.shared import side_of
from credit.kit.charts import CATEGORIES_MAX, Picture, draw_bars
from credit.kit.errors import CreditError
from credit.kit.http import City, parse_date
from credit.kit.lists import ASKED, Asked, Listing
from credit.kit.pages import render
from credit.kit.texts import marked, say
from credit.parties import service as parties
from credit.parties.logic import division_name

__all__ = ["IndicatorPages"]

Day = Annotated[str, QueryParameter(max_length=10)]
AfterCode = Annotated[str, QueryParameter(pattern=r"^[0-9A-Za-z._-]{0,60}$", max_length=60)]
NAMED = (marked("应签"), marked("已签"))


class IndicatorPages(Controller):
    """`/{city}/console/indicators`: 三方契约书签订率 and 契约纳入信用管理比例."""

    path = "/console/indicators"

    @get(summary="契约指标", opt={"scope": "events:read"}, dependencies=ASKED)
    async def indicators(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        asked: NamedDependency[Asked],
        on: Day = "",
        after: AfterCode = "",
    ) -> Response[str]:
        """Show both indicators as of a day, and what is missing from their numerators."""
        actor: Actor = request.state.visitor.actor
        where, problem, day = asked.where(actor.division), None, state.clock.today()
        try:
            day = min(parse_date(on, "on"), day) if on else day
        except CreditError as refused:
            problem = refused
        async with state.db.city(city) as conn:
            rows = await service.indicators(conn, state.clock, actor, day)
            missing = await service.missing_contracts(conn, state.clock, actor, day, where, after)
            uncredited = await service.missing_credit(conn, state.clock, actor, day, where)
            listing = Listing(
                "indicators", "", [], "", asked.rows, "", where, actor.division,
                await parties.divisions(conn),
            )  # fmt: skip
        most = service.MISSING_SHOWN
        return render(
            request,
            "contracts/indicators.html",
            http_status=problem.status if problem else 200,
            side=side_of(request),
            day=day,
            today=state.clock.today(),
            rows=[one for one in rows if _within(one, where)],
            city_row=next((one for one in rows if one.level == "city"), None),
            pictures=_pictures(rows),
            missing=missing[:most],
            after=missing[most - 1].project if len(missing) > most else None,
            uncredited=uncredited,
            most=most,
            listing=listing,
            problem=problem,
        )


def _within(row: KpiRow, division: str | None) -> bool:
    """Say whether a row is shown where the list looks: the city's, and the division's own."""
    if division is None or row.code is None:
        return True
    return row.code.startswith(division) or division.startswith(row.code)


def _pictures(rows: Sequence[KpiRow]) -> list[tuple[Picture, str]]:
    """Draw by district how many projects could have a contract and have one, and how many
    contracts are in force and feed credit.
    """
    districts = [one for one in rows if one.level == "district"][:CATEGORIES_MAX]
    if not districts:
        return []
    names = [one.name or division_name(one.code or "") for one in districts]
    return [
        (
            draw_bars(
                [(name, one.signed) for name, one in zip(names, districts, strict=True)],
                id_="signed",
                title=say("三方契约书签订情况"),
                wholes=[one.eligible for one in districts],
                names=NAMED,
                unit=say("个"),
            ),
            say("应签项目和已签项目，按区"),
        ),
        (
            draw_bars(
                [(name, one.in_credit) for name, one in zip(names, districts, strict=True)],
                id_="credited",
                title=say("契约纳入信用管理情况"),
                wholes=[one.in_force for one in districts],
                names=(marked("有效契约"), marked("已纳入")),
                unit=say("份"),
            ),
            say("有效契约和已纳入信用管理的契约，按区"),
        ),
    ]
