"""The bank's indicators on a page and as a workbook: by division, of a year."""

import asyncio
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from litestar import Controller, Request, Response, get
from litestar.datastructures import State

from credit.access.views import Actor
from credit.kit.excel import XLSX, Column, SheetSpec, write_table
from credit.kit.http import City
from credit.kit.pages import attachment, render
from credit.market.api.figures import Division, Year
from credit.market.figures import service
from credit.market.figures.views import KpiRow, Kpis
from credit.parties import service as parties
from credit.rules.loading import pack_of_city
from credit.web.points import drawing
from credit.web.points.pages import within

__all__ = ["PointIndicatorPages"]

YEARS = 5
SHEET = SheetSpec(
    "积分银行指标",
    (
        Column("year", "年度", "integer"),
        Column("level", "层级", "choice",
               choices={"全市": "city", "区县": "district", "街道": "street", "社区": "community"}),
        Column("code", "区划代码", "code", required=False),
        Column("name", "区划", "text", required=False),
        Column("members", "登记的参与者", "integer"),
        Column("collected", "有核实记录的参与者", "integer"),
        Column("collected_percent", "积分采集率（%）", "text", required=False),
        Column("scenes", "激励应用场景数量", "integer"),
        Column("people", "激励人员数量", "integer"),
        Column("organisations", "激励组织数量", "integer"),
    ),
)  # fmt: skip


class PointIndicatorPages(Controller):
    """`/{city}/console/points/indicators`: A3-21 to A3-24, A4-32 and A4-34."""

    path = "/console/points/indicators"

    @get(summary="积分银行指标", opt={"scope": "points:read"})
    async def indicators(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        year: Year = None,
        division: Division = None,
    ) -> Response[str]:
        """Show the indicators of a year; communities where a street is looked at."""
        actor, today = request.state.visitor.actor, state.clock.today()
        found, divisions = await _found(request, state, city, year, division)
        place = service.place_of(actor, city, division)
        async with state.db.city(city) as conn:
            place_name = await parties.territory_name(conn, place or city)
        narrow = len(place) >= 9
        rows = [one for one in found.items if narrow or one.level != "community"]
        parts = [one for one in rows if one.level == _below(place)]
        return render(
            request,
            "web/points_indicators.html",
            found=found,
            rows=rows,
            whole=next((one for one in rows if (one.code or "") == place), None),
            picture=drawing.kpi_picture(parts),
            rules=pack_of_city(city).on(today),
            place=place,
            place_name=place_name,
            divisions=within(divisions, actor),
            years=[str(today.year - back) for back in range(YEARS)],
        )

    @get("/export", summary="导出积分银行指标", opt={"scope": "points:read"})
    async def export(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        year: Year = None,
        division: Division = None,
    ) -> Response[bytes]:
        """Return every row of the indicators as a workbook, communities included."""
        found, _ = await _found(request, state, city, year, division)
        content = await asyncio.to_thread(_written, found.year, found.items)
        shown = f"积分银行指标{found.year}.xlsx"
        return attachment(content, XLSX, f"points-{city}-{found.year}.xlsx", shown)


async def _found(
    request: Request[Any, Any, Any], state: State, city: str, year: int | None, division: str | None
) -> tuple[Kpis, list[tuple[str, str]]]:
    actor: Actor = request.state.visitor.actor
    today = state.clock.today()
    bank = pack_of_city(city).on(today).points
    async with state.db.city(city) as conn:
        divisions = await parties.divisions(conn)
        found = await service.kpis(
            conn, state.clock, actor, city, bank, year or today.year, division
        )
    return found, divisions


def _below(place: str) -> str:
    """Return the level of the parts that a division is compared by."""
    return {0: "district", 6: "street"}.get(len(place), "community")


def _written(year: int, rows: Sequence[KpiRow]) -> bytes:
    book = BytesIO()
    names = [column.key for column in SHEET.columns if column.key != "year"]
    lines = [{"year": year, **{name: getattr(one, name) for name in names}} for one in rows]
    write_table([(SHEET, lines)], book)
    return book.getvalue()
