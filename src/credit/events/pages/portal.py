"""The portal's pages of facts: what is recorded about an enterprise, for itself to see."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.datastructures import State

from credit.access.views import Visitor
from credit.events import service
from credit.events.pages.console import Digest, evidence_answer
from credit.kit.db import PORTAL_ROLE
from credit.kit.errors import Forbidden
from credit.kit.http import City, IdCursor, RecordKey
from credit.kit.pages import render
from credit.kit.texts import say
from credit.rules.grading import Grader
from credit.rules.loading import pack_of_city

__all__ = ["PortalFactPages", "enterprise_of"]

PAGE = 50
ENTERPRISE_ROLE = "enterprise_user"


class PortalFactPages(Controller):
    """`/{city}/portal/facts`: an enterprise's own facts; another's are not there at all."""

    path = "/portal/facts"

    @get(summary="本企业的事实", opt={"scope": "portal:use"})
    async def facts(
        self, request: Request[Any, Any, Any], state: State, city: City, cursor: IdCursor = None
    ) -> Response[str]:
        """List what is recorded about the enterprise, the newest first."""
        enterprise = enterprise_of(request)
        async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
            found = await service.own_facts(
                conn,
                _grader(state, city),
                enterprise,
                on=state.clock.today(),
                before=UUID(cursor) if cursor else None,
                limit=PAGE + 1,
            )
        return render(
            request,
            "events/portal_facts.html",
            facts=found[:PAGE],
            cursor=found[PAGE - 1].event.row.id.hex if len(found) > PAGE else None,
        )

    @get("/{event_id:str}", summary="本企业的一条事实", opt={"scope": "portal:use"})
    async def fact(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> Response[str]:
        """Show a fact with its clause, its evidence, the decision and its place in the log."""
        found = await _fact(request, state, city, event_id)
        return render(request, "events/portal_fact.html", fact=found)

    @get("/{event_id:str}/evidence/{digest:str}", summary="本企业事实的证据",
         opt={"scope": "portal:use", "personal": True})  # fmt: skip
    async def evidence(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        event_id: RecordKey,
        digest: Digest,
    ) -> Response[bytes]:
        """Return a file that an own fact names as its evidence."""
        found = await _fact(request, state, city, event_id)
        return await evidence_answer(state, found.event, digest)


def enterprise_of(request: Request[Any, Any, Any]) -> str:
    """Return the code of the enterprise whose user looks; Forbidden for everybody else."""
    visitor: Visitor = request.state.visitor
    if ENTERPRISE_ROLE not in visitor.actor.roles or visitor.actor.party is None:
        raise Forbidden(
            say(
                "这一页只给企业用户看。业主委员会请看门户首页；如果您的账号应当属于一家企业，请联系协会管理员。"
            )
        )
    return visitor.actor.party


async def _fact(
    request: Request[Any, Any, Any], state: State, city: str, event_id: str
) -> service.OwnFact:
    enterprise = enterprise_of(request)
    async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
        return await service.own_fact(
            conn, _grader(state, city), enterprise, UUID(event_id), on=state.clock.today()
        )


def _grader(state: State, city: str) -> Grader:
    return pack_of_city(city).on(state.clock.today()).grader
