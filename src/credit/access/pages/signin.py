"""Signing in and out with a password, and beginning a session for whoever proved who they are."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.access import logic, service
from credit.access.guard import SESSION_COOKIE, session_of
from credit.access.service.passkeys import site_of
from credit.access.views import Seen
from credit.kit.errors import CreditError, NotFound, Unauthenticated
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say

__all__ = [
    "CityCode",
    "Onward",
    "Password",
    "SignInPages",
    "city_of",
    "note_sign_in",
    "open_session",
    "sign_in_page",
]

Onward = Annotated[str, QueryParameter(name="next", max_length=300)]
Chosen = Annotated[str, QueryParameter(max_length=6)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
CityCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$")]


class SignInForm(msgspec.Struct, frozen=True):
    """What the sign-in page sends; without a city, the first one of the deployment."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "city": marked("城市"),
        "username": marked("用户名"),
        "password": marked("密码"),
    }

    username: Name
    password: Password
    city: CityCode | None = None
    next: str = ""


class SignInPages(Controller):
    """`/login` and `/logout`."""

    include_in_schema = False

    @get("/login", summary="登录页")
    async def form(
        self, request: Request[Any, Any, Any], state: State, city: Chosen = "", onward: Onward = ""
    ) -> Response[str]:
        """Ask for city, user name and password."""
        return sign_in_page(request, state, {"city": city, "next": onward})

    @post("/login", summary="登录", status_code=200)
    async def sign_in(self, request: Request[Any, Any, Any], state: State) -> Response[Any]:
        """Begin a session under a fresh token, and lead to where the person's work is.

        The session somebody may have had before ends: a token planted in the browser is worth
        nothing after signing in.
        """
        fields = await form_of(request)
        try:
            form = read_form(SignInForm, fields)
            city = city_of(state, form.city)
            person_id = await service.sign_in(
                state.db, state.clock, state.passwords, city, form.username, form.password
            )
        except CreditError as refused:
            if isinstance(refused, Unauthenticated):
                await note_sign_in(request, state, city_of(state, fields.get("city")), None, 401)
            return sign_in_page(request, state, fields, refused)
        return await open_session(request, state, city, person_id, form.next)

    @post("/logout", summary="退出", status_code=200)
    async def sign_out(self, request: Request[Any, Any, Any], state: State) -> Response[Any]:
        """End the session, here and in the browser."""
        found = session_of(request)
        if found is not None:
            city, token = found
            async with state.db.city(city) as conn:
                vault = state.logs.vault(city)
                visitor = await service.visitor_of(conn, state.clock, vault, city, token)
                if visitor is not None:
                    await service.end_session(conn, visitor)
        response = redirect("/login", notice=say("已退出。"))
        response.delete_cookie(SESSION_COOKIE)
        return response


async def open_session(
    request: Request[Any, Any, Any], state: State, city: str, person_id: str, onward: str
) -> Response[Any]:
    """Begin a session for somebody who has just proved who they are; an earlier one ends."""
    agent = request.headers.get("user-agent", "")
    earlier = session_of(request)
    async with state.db.transaction(city) as conn:
        if earlier is not None and earlier[0] == city:
            await service.drop_token(conn, earlier[1])
        token = await service.begin_session(conn, state.clock, person_id, agent)
        actor = await service.actor_of(conn, person_id)
    await note_sign_in(request, state, city, person_id, 303)
    response = redirect(logic.safe_path(onward, f"/{city}/{logic.home_of(actor.scopes)}"))
    response.set_cookie(
        SESSION_COOKIE,
        f"{city}.{token}",
        httponly=True,
        samesite="lax",
        secure=state.settings.public_url.startswith("https:"),
        max_age=int(logic.SESSION_LIFE.total_seconds()),
    )
    return response


async def note_sign_in(
    request: Request[Any, Any, Any], state: State, city: str, person_id: str | None, status: int
) -> None:
    """Note a sign-in or a refusal of one; a guessed user name is not noted, it may be a password."""
    async with state.db.city(city) as conn:
        await service.note_trail(
            conn,
            state.clock,
            Seen("登录", person_id),
            status=status,
            address=request.client.host if request.client else None,
        )


def city_of(state: State, wanted: str | None) -> str:
    """Return the city to sign in to: the one wanted, else the deployment's first."""
    if not state.db.cities:
        raise NotFound(say("这里还没有城市，无法登录。"))
    first: str = min(state.db.cities)
    return wanted if wanted and wanted in state.db.cities else first


def sign_in_page(
    request: Request[Any, Any, Any],
    state: State,
    fields: dict[str, Any],
    refused: CreditError | None = None,
) -> Response[str]:
    """Show the ways to sign in there are, filled in as far as `fields` tells."""
    chosen = city_of(state, str(fields.get("city") or "")) if state.db.cities else ""
    onward = str(fields.get("next") or "")
    return render(
        request,
        "access/sign_in.html",
        http_status=refused.status if refused else 200,
        path="/login",
        query={"city": chosen, "next": onward},
        cities=sorted(state.db.cities),
        chosen=chosen,
        passkeys_at=site_of(state.settings.public_url),
        provider=state.identity_provider.label,
        username=str(fields.get("username") or ""),
        next=onward,
        problem=refused,
    )
