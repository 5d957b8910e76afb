"""The bank's indicators over HTTP."""

from typing import Annotated, Any

from litestar import Controller, Request, get
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.kit.http import City
from credit.market.figures import service
from credit.market.figures.views import Kpis
from credit.rules.loading import pack_of_city

__all__ = ["Division", "PointIndicatorController", "Year"]

Year = Annotated[int | None, QueryParameter(ge=2000, le=9998, description="年度；不给就是今年")]
Division = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^[0-9]{6}([0-9]{3}([0-9]{3})?)?$(?!\n)",
        max_length=12,
        description="区县 6 位、街道 9 位或社区 12 位代码",
    ),
]


class PointIndicatorController(Controller):
    """The indicators of the points bank."""

    path = "/kpis/points"
    tags = ("points",)

    @get(operation_id="getPointIndicators", summary="积分采集率、激励应用场景和激励对象数量",
         opt={"scope": "points:read"})  # fmt: skip
    async def indicators(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        year: Year = None,
        division: Division = None,
    ) -> Kpis:
        """Return the indicators of a year by division, down to communities."""
        bank = pack_of_city(city).on(state.clock.today()).points
        async with state.db.city(city) as conn:
            return await service.kpis(
                conn, state.clock, request.user, city, bank,
                year or state.clock.today().year, division,
            )  # fmt: skip
