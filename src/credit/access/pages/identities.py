"""Pages of the identity provider: signing in by it, linking and unlinking one's account."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.access import service
from credit.access.guard import page_guard
from credit.access.pages.account import account_page
from credit.access.pages.signin import city_of, note_sign_in, open_session, sign_in_page
from credit.access.service import identities
from credit.access.service.identities import FLOW_LIFE, Arrival, Departure
from credit.access.service.oidc import refused
from credit.access.views import Seen, Visitor
from credit.kit.errors import CreditError, Unauthenticated
from credit.kit.http import City
from credit.kit.pages import form_of, redirect, render
from credit.kit.texts import say

__all__ = ["IdentityPages", "IdentitySignInPages"]

FLOW_COOKIE = "credit_flow"
FLOW_PATH = "/login/oidc"
COOKIE_CHARS_MAX = 100
ONWARD_CHARS_MAX = 300
Code = Annotated[str, QueryParameter(max_length=4_000)]
FlowState = Annotated[str, QueryParameter(name="state", max_length=100)]


class IdentitySignInPages(Controller):
    """To the identity provider and back."""

    path = FLOW_PATH
    include_in_schema = False

    @post(summary="统一身份登录", status_code=200)
    async def sign_in(self, request: Request[Any, Any, Any], state: State) -> Response[Any]:
        """Send the browser to the provider."""
        fields = await form_of(request)
        city = city_of(state, str(fields.get("city", "")))
        onward = str(fields.get("next", ""))[:ONWARD_CHARS_MAX]
        try:
            departure = await identities.depart(
                state.db, state.clock, state.identity_provider, city, onward=onward
            )
        except CreditError as error:
            return sign_in_page(request, state, fields, error)
        return _leave(request, state, city, departure)

    @get("/callback", summary="统一身份返回", before_request=page_guard)
    async def callback(
        self,
        request: Request[Any, Any, Any],
        state: State,
        code: Code = "",
        flow_state: FlowState = "",
    ) -> Response[Any]:
        """Take the browser back: sign in who is linked, or link who set out to be."""
        city, _, browser = request.cookies.get(FLOW_COOKIE, "")[:COOKIE_CHARS_MAX].partition(".")
        city = city_of(state, city)
        try:
            arrival = await identities.arrive(
                state.db,
                state.clock,
                state.identity_provider,
                city,
                state=flow_state,
                code=code,
                browser=browser,
            )
            response = await _received(request, state, city, arrival)
        except CreditError as error:
            if isinstance(error, Unauthenticated):
                await note_sign_in(request, state, city, None, 401)
            response = (
                await account_page(request, state, request.state.visitor.city, error)
                if request.state.visitor
                else sign_in_page(request, state, {"city": city}, error)
            )
        response.delete_cookie(FLOW_COOKIE, path=FLOW_PATH)
        return response


class IdentityPages(Controller):
    """The link between one's account and the identity provider."""

    path = "/account/identity"

    @post("/link", summary="绑定统一身份", opt={"scope": "", "confirmed": True}, status_code=200)
    async def link(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Send the browser to the provider, to be linked when it comes back."""
        visitor: Visitor = request.state.visitor
        try:
            departure = await identities.depart(
                state.db,
                state.clock,
                state.identity_provider,
                city,
                person_id=visitor.actor.person_id,
            )
        except CreditError as error:
            return await account_page(request, state, city, error)
        return _leave(request, state, city, departure)

    @post("/unlink", summary="解除统一身份", opt={"scope": "", "confirmed": True}, status_code=200)
    async def unlink(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Undo the link."""
        async with state.db.city(city) as conn:
            await identities.unlink_identity(conn, state.identity_provider, request.state.visitor)
        return redirect(f"/{city}/account", notice=say("已解除绑定，不能再用统一身份登录。"))


async def _received(
    request: Request[Any, Any, Any], state: State, city: str, arrival: Arrival
) -> Response[Any]:
    """Do what the browser set out for, now that the provider recognised somebody."""
    provider = state.identity_provider
    if arrival.person_id is None:
        async with state.db.city(city) as conn:
            person_id = await identities.person_linked(conn, provider, arrival.subject)
        return await open_session(request, state, city, person_id, arrival.onward)
    visitor: Visitor | None = request.state.visitor
    if visitor is None or (visitor.city, visitor.actor.person_id) != (city, arrival.person_id):
        raise refused()  # somebody else is signed in by now, or nobody
    async with state.db.transaction(city) as conn:
        await identities.link_identity(conn, state.clock, provider, visitor, arrival.subject)
        await service.note_trail(
            conn,
            state.clock,
            Seen("绑定统一身份", visitor.actor.person_id),
            status=200,
            address=request.client.host if request.client else None,
        )
    return redirect(f"/{city}/account", notice=say("已绑定，下次可以用统一身份登录。"))


def _leave(
    request: Request[Any, Any, Any], state: State, city: str, departure: Departure
) -> Response[str]:
    """Show a page that leads on to the provider.

    Not a redirect: the policy of our pages lets forms lead to this site alone, redirects of what
    they send included.
    """
    response = render(
        request,
        "access/leave.html",
        address=departure.address,
        provider=state.identity_provider.label,
    )
    response.set_cookie(
        FLOW_COOKIE,
        f"{city}.{departure.browser}",
        path=FLOW_PATH,
        httponly=True,
        samesite="lax",
        secure=state.settings.public_url.startswith("https:"),
        max_age=int(FLOW_LIFE.total_seconds()),
    )
    return response
