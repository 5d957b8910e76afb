"""The public pages of contracts: which are in force, who signed with what role, how they are kept."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.contracts import service
from credit.contracts.logic.machine import ROLE_TITLES, STATE_TITLES
from credit.contracts.pages.wording import KINDS
from credit.kit.errors import NotFound
from credit.kit.http import City, IdCursor, RecordKey, SoughtText
from credit.kit.ids import LAST_ID
from credit.kit.pages import render
from credit.kit.texts import say

__all__ = ["PublicContractPages"]

PAGE = 50
PARTIES_SHOWN = 200
EnterpriseCode = Annotated[str, QueryParameter(pattern=r"^[0-9A-Z-]{0,18}$", max_length=18)]
Past = Annotated[bool, QueryParameter()]


class PublicContractPages(Controller):
    """`/{city}/contracts`: contracts that are or were in force, for anybody; nobody is named."""

    path = "/contracts"

    @get(summary="公开的契约")
    async def contracts(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        q: SoughtText = "",
        enterprise: EnterpriseCode = "",
        past: Past = False,
        cursor: IdCursor = None,
    ) -> Response[str]:
        """List contracts in force, the newest first."""
        _refuse_strange(state, city)
        async with state.db.city(city) as conn:
            found = await service.public_contracts(
                conn,
                state.clock,
                UUID(cursor) if cursor else LAST_ID,
                enterprise=enterprise or None,
                query=q.strip() or None,
                past=past,
                limit=PAGE + 1,
            )
        return render(
            request,
            "contracts/public_list.html",
            lines=found[:PAGE],
            cursor=found[PAGE - 1].id.hex if len(found) > PAGE else None,
            q=q,
            enterprise=enterprise,
            past=past,
            states=STATE_TITLES,
            kinds=KINDS,
        )

    @get("/{contract_id:str}", summary="一份公开的契约")
    async def contract(
        self, request: Request[Any, Any, Any], state: State, city: City, contract_id: RecordKey
    ) -> Response[str]:
        """Show a contract's parties, span, digest, signatures in the log, and fulfillment counts."""
        _refuse_strange(state, city)
        async with state.db.city(city) as conn:
            view, counts = await service.public_view(conn, state.clock, UUID(contract_id))
        return render(
            request,
            "contracts/public.html",
            view=view,
            head=next(one for one in view.versions if one.version == view.version),
            counts=counts,
            kinds=KINDS,
            states=STATE_TITLES,
            roles=ROLE_TITLES,
            parties_shown=PARTIES_SHOWN,
            origin=state.logs.origin(city),
        )


def _refuse_strange(state: State, city: str) -> None:
    if city not in state.db.cities:
        raise NotFound(say("本服务没有代码为“%(city)s”的城市。", city=city))
