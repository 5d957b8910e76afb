"""Lists of contracts: the console's with filters and counts, the portal's with what waits first."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter

from credit.access.saved import saved_views
from credit.access.views import Actor
from credit.contracts import service
from credit.contracts.api.contracts import ShownState
from credit.contracts.board.views import ContractLine
from credit.contracts.logic.machine import ACTS, ROLE_TITLES, STATE_TITLES
from credit.contracts.pages.acts import ContractActPages
from credit.contracts.pages.drafting import DRAFTING, DraftPages
from credit.contracts.pages.shared import opened, side_of
from credit.contracts.pages.wording import KINDS
from credit.contracts.service import Sought
from credit.kit.http import CODE_PATTERN, City, IdCursor
from credit.kit.ids import LAST_ID
from credit.kit.lists import ASKED, FILTER, Asked, Listing, present_query
from credit.kit.pages import render
from credit.parties import service as parties

__all__ = ["CONTRACT_FILTER", "ConsoleContractPages", "PortalContractPages", "sought_of"]

PORTAL_PAGE = 50
Kind = Literal["", "tri-party", "service", "pact"]
# A form sends what was left open as an empty text.
Code = Annotated[str, QueryParameter(pattern=f"^$|{CODE_PATTERN}", max_length=60)]
# The parameters of the list, as a saved view may hold them.
CONTRACT_FILTER: Mapping[str, str] = {
    "status": "|".join(STATE_TITLES),
    "kind": "|".join(KINDS),
    "q": FILTER["q"],
    "division": FILTER["division"],
    "enterprise": "[0-9A-Z-]{1,18}",
    "project": "[0-9A-Za-z._-]{1,60}",
    "size": FILTER["size"],
}


def sought_of(
    status: Annotated[Literal[""] | ShownState, QueryParameter()] = "",
    kind: Annotated[Kind, QueryParameter()] = "",
    enterprise: Code = "",
    project: Code = "",
) -> Sought:
    """Read what the list of contracts is narrowed to; for the handler to depend on."""
    return Sought(status or None, kind or None, project or None, enterprise or None)


SOUGHT = {"sought": Provide(sought_of, sync_to_thread=False)}


class ConsoleContractPages(DraftPages, ContractActPages):
    """`/{city}/console/contracts`: contracts as offices see them."""

    path = "/console/contracts"
    opt = {"scope": "events:read"}  # noqa: RUF012

    @get(summary="契约列表", dependencies=ASKED | SOUGHT)
    async def contracts(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        asked: NamedDependency[Asked],
        sought: NamedDependency[Sought],
        cursor: IdCursor = None,
    ) -> Response[str]:
        """List contracts, the newest first, with their numbers by state."""
        actor: Actor = request.state.visitor.actor
        where = asked.where(None if sought.enterprise or sought.project else actor.division)
        async with state.db.city(city) as conn:
            found = await service.contracts_page(
                conn,
                state.clock,
                actor,
                before=UUID(cursor) if cursor else LAST_ID,
                sought=replace(sought, division=where),
                query=asked.query,
                limit=asked.rows + 1,
            )
            counts = await service.state_counts(conn, state.clock, actor, where)
            work = await service.contract_work(conn, state.clock, actor)
            left = (
                await service.orphaned(conn, state.clock, actor, actor.division)
                if work.orphaned
                else []
            )
            listing = Listing(
                "contracts",
                present_query(CONTRACT_FILTER, request.query_params),
                await saved_views(conn, actor, "contracts"),
                asked.q,
                asked.rows,
                "",
                where,
                actor.division,
                await parties.divisions(conn),
            )
        return render(
            request,
            "contracts/list.html",
            side=side_of(request),
            lines=found[: asked.rows],
            cursor=UUID(found[asked.rows - 1].id).hex if len(found) > asked.rows else None,
            counts=counts,
            left=left,
            work=work,
            listing=listing,
            sought=sought,
            states=STATE_TITLES,
            kinds=KINDS,
            may_draft=DRAFTING in actor.scopes,
        )


class PortalContractPages(DraftPages, ContractActPages):
    """`/{city}/portal/contracts`: a party's own contracts; what waits for it first."""

    path = "/portal/contracts"
    opt = {"scope": "portal:use"}  # noqa: RUF012

    @get(summary="本单位的契约")
    async def contracts(
        self, request: Request[Any, Any, Any], state: State, cursor: IdCursor = None
    ) -> Response[str]:
        """List what waits for the party's signature or agreement, then all its contracts."""
        actor: Actor = request.state.visitor.actor
        by = service.find_belonging(actor)
        async with opened(request) as conn:
            unsigned = await service.to_sign(conn, state.clock, by) if by else []
            found = await service.contracts_page(
                conn,
                state.clock,
                actor,
                before=UUID(cursor) if cursor else LAST_ID,
                sought=Sought(),
                limit=PORTAL_PAGE + 1,
            )
        kind = by.office.kind if by else ""
        return render(
            request,
            "contracts/own.html",
            side=side_of(request),
            unsigned=unsigned,
            proposed=[one for one in found[:PORTAL_PAGE] if _asks(one, kind)],
            lines=found[:PORTAL_PAGE],
            cursor=UUID(found[PORTAL_PAGE - 1].id).hex if len(found) > PORTAL_PAGE else None,
            states=STATE_TITLES,
            kinds=KINDS,
            acts=ACTS,
            roles=ROLE_TITLES,
            may_draft=DRAFTING in actor.scopes,
        )


def _asks(line: ContractLine, kind: str) -> bool:
    """Say whether the other side's proposal waits for organisations of a kind."""
    agreeing = kind in ("enterprise", "committee")
    return line.proposal is not None and agreeing and line.proposal_role != kind
