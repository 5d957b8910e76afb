"""What partners and award organisers ask: the exchange of joint measures, and award gates."""

from typing import Annotated, Any

from litestar import Controller, Request, get
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.blacklist import service
from credit.blacklist.views import ExchangePage, GateAnswer
from credit.kit.http import CODE_PATTERN, City, Limit
from credit.rules.loading import pack_of_city

__all__ = ["ExchangeController", "GateController"]

Position = Annotated[
    int, QueryParameter(ge=0, le=2**63 - 1, description="上次收到的最后一条的编号，首次为 0")
]
SheetName = Annotated[str, QueryParameter(pattern=r"^[\w.]{1,40}$", max_length=40)]
Subject = Annotated[str, QueryParameter(pattern=CODE_PATTERN, max_length=24)]
# Several are separated by commas.
Flags = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^[a-z_]{1,40}:(true|false)(,[a-z_]{1,40}:(true|false)){0,9}$",
        max_length=460,
        description="申请人说明的情况，如 party_organisation:true，多项用逗号隔开",
    ),
]
Awards = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^[0-9A-Za-z.]{1,40}(,[0-9A-Za-z.]{1,40}){0,9}$",
        max_length=410,
        description="今年已获奖的评分表，如 M2，多项用逗号隔开",
    ),
]


class ExchangeController(Controller):
    """Joint measures: what partners are told, from any position on."""

    path = "/exchange"
    tags = ("lists",)

    @get(operation_id="getExchange", summary="联合惩戒和激励的名单交换",
         opt={"scope": "lists:receive", "signed": True})  # fmt: skip
    async def exchange(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        after: Position = 0,
        limit: Limit = 50,
    ) -> ExchangePage:
        """Return items after a position; ask again from `last`."""
        async with state.db.city(city) as conn:
            return await service.exchange_page(
                conn, state.clock, request.user, after=after, limit=limit
            )


class GateController(Controller):
    """May this subject apply for an award?"""

    path = "/award-gates"
    tags = ("lists",)

    @get(operation_id="getAwardGates", summary="能不能参评", opt={"scope": "events:read"})
    async def gates(
        self,
        state: State,
        city: City,
        sheet: SheetName,
        subject: Subject,
        flag: Flags = None,
        award: Awards = None,
    ) -> GateAnswer:
        """Answer with every reason against it and the log entries behind each."""
        stated = [one.partition(":") for one in flag.split(",")] if flag else []
        question = service.GateQuestion(
            sheet,
            subject,
            {name: said == "true" for name, _, said in stated},
            award.split(",") if award else (),
        )
        async with state.db.city(city) as conn:
            return await service.award_gates(conn, state.clock, pack_of_city(city), question)
