"""Who may go where: API keys on the JSON interface, sessions on the pages, and the trail of both."""

import hashlib
import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from credit.access import logic
from credit.access.service import authenticate, note_trail, visitor_of
from credit.access.service.signatures import SignedRequest, accept_signature, signed_digest
from credit.access.views import Actor, Caller, Seen, Visitor
from credit.kit.errors import CreditError, TooManyRequests
from credit.kit.limits import burst_of
from credit.kit.texts import marked, say

__all__ = [
    "SESSION_COOKIE",
    "ConfirmationNeeded",
    "KnownCaller",
    "SignInNeeded",
    "TrailMiddleware",
    "actor_of",
    "guard",
    "limit_sign_ins",
    "note_seen",
    "page_guard",
    "session_of",
]

SESSION_COOKIE = "credit_session"
COOKIE_CHARS_MAX = 100
SIGN_INS_PER_MINUTE = 60


class SignInNeeded(CreditError):
    """Nobody is signed in where somebody has to be; pages send the browser to the sign-in."""

    status = 401
    slug = "sign-in-needed"
    title = marked("请先登录")


class ConfirmationNeeded(CreditError):
    """The act asks for a proof of identity just now; pages send the browser to give one."""

    status = 403
    slug = "confirmation-needed"
    title = marked("请再次确认身份")


def actor_of(request: Request[Any, Any, Any]) -> Actor:
    """Return who acts on a page."""
    actor: Actor = request.state.visitor.actor
    return actor


async def guard(request: Request[Any, Any, Any]) -> None:
    """Let a request through to a handler with `opt["scope"]` only with a key that carries it.

    A client that registered a public key signs whatever is not a GET, and a GET where
    `opt["signed"]` says so because its answer holds personal data. What was asked gets a line in
    the trail; what was sent is kept with its sender's name anyway.

    This and `page_guard` are called before a request's handler (`before_request`). Litestar's own
    guards are handed a copy of the handler each time, which cost a tenth of a transfer of points.
    """
    handler = request.route_handler
    scope = handler.opt.get("scope")
    if scope is None:
        return
    state = request.app.state
    city, reads = request.path_params["city"], request.method in ("GET", "HEAD")
    caller = await _caller(state, city, request.headers.get("authorization", ""))
    rate = caller.rate_per_minute
    _take(request, (city, caller.client), per_minute=rate, burst=burst_of(rate))
    if caller.public_key is not None and (not reads or handler.opt.get("signed")):
        await _check_signature(request, city, caller, caller.public_key)
    request.scope["user"] = caller.actor
    if reads:
        _mark(request, handler, caller.actor, caller.client)
    logic.require(caller.actor, scope)


@dataclass(frozen=True, slots=True)
class KnownCaller:
    """A caller whose key was checked, and until when the key is good."""

    caller: Caller
    until: datetime


async def _caller(state: State, city: str, authorization: str) -> Caller:
    """Return who calls; a key that was checked is not looked up again until somebody changes keys,
    people or organisations. What is remembered of it is a digest.
    """
    digest = hashlib.sha256(authorization.encode()).digest()
    known: KnownCaller | None = state.callers.get(city, digest)
    if known is not None and state.clock.now() < known.until:
        return known.caller
    generation = state.callers.generation(city)
    async with state.db.city(city) as conn:
        caller, until = await authenticate(conn, state.clock, authorization)
    state.callers.put(city, digest, KnownCaller(caller, until), generation)
    return caller


async def limit_sign_ins(
    connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler
) -> None:
    """Refuse further attempts to sign in from a place that has just made very many."""
    request = cast(Request[Any, Any, Any], connection)
    if request.method != "POST" or request.scope["path"] == "/logout":
        return
    address = logic.address_group(connection.client.host if connection.client else "")
    limit = SIGN_INS_PER_MINUTE
    _take(connection, ("sign-in", address), per_minute=limit, burst=limit)


def _take(
    connection: ASGIConnection[Any, Any, Any, Any],
    key: tuple[str, str],
    *,
    per_minute: int,
    burst: int,
) -> None:
    """Count a request; refuse it when there have been more than were agreed."""
    state = connection.app.state
    now = state.clock.now().timestamp()
    wait = state.rates.take(key, now, per_minute=per_minute, burst=burst)
    if wait:
        seconds = math.ceil(wait)
        raise TooManyRequests(
            say(
                "请求太频繁：每分钟最多 %(per_minute)s 次。请 %(seconds)s 秒后再试。",
                per_minute=per_minute,
                seconds=seconds,
            ),
            retry_after_seconds=seconds,
        )


async def _check_signature(
    request: Request[Any, Any, Any], city: str, caller: Caller, public_key: bytes
) -> None:
    """Check and use up the signature of a request (RFC 9421)."""
    state, scope = request.app.state, request.scope
    path = scope.get("raw_path") or scope["path"].encode()
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    # The address people know, not the one a proxy reaches us by.
    url = state.settings.public_url + (path.partition(b"?")[0] + query).decode("latin-1")
    signed = SignedRequest(request.method, url, list(scope["headers"]), await request.body())
    digest = signed_digest(
        signed, client=caller.client, public_key=public_key, now=state.clock.now()
    )
    async with state.db.city(city) as conn:
        await accept_signature(conn, state.clock, digest)


async def page_guard(request: Request[Any, Any, Any]) -> None:
    """Find out who looks at a page; refuse those whom its `opt["scope"]` does not admit.

    `opt["confirmed"]` asks for a proof of identity within the last minutes.
    """
    handler = request.route_handler
    request.state.visitor = visitor = await _visitor(request)
    scope = handler.opt.get("scope")
    if scope is None:
        return
    if visitor is None:
        raise SignInNeeded(say("请先登录。"))
    _mark(request, handler, visitor.actor)
    if scope:
        logic.require(visitor.actor, scope)
    now = request.app.state.clock.now()
    if handler.opt.get("confirmed") and now - visitor.confirmed_at > logic.CONFIRMED_FOR:
        raise ConfirmationNeeded(say("这一步很重要，请再次确认是您本人。"))


def note_seen(request: Request[Any, Any, Any], **changed: Any) -> None:
    """Say more for the request's line in the trail than its path does: `about`, `personal`."""
    request.state.trail = replace(request.state.trail, **changed)


def session_of(connection: ASGIConnection[Any, Any, Any, Any]) -> tuple[str, str] | None:
    """Take the session cookie apart: (city, token); None for what cannot be one."""
    cookie = connection.cookies.get(SESSION_COOKIE, "")
    city, _, token = cookie.partition(".")
    fits = len(cookie) <= COOKIE_CHARS_MAX and city in connection.app.state.db.cities
    return (city, token) if fits and token else None


async def _visitor(connection: ASGIConnection[Any, Any, Any, Any]) -> Visitor | None:
    """Return who is signed in for the city of the page; each city knows its own people."""
    found = session_of(connection)
    city = connection.path_params.get("city")
    if found is None or city not in (None, found[0]):
        return None
    state = connection.app.state
    async with state.db.city(found[0]) as conn:
        vault = state.logs.vault(found[0])
        return await visitor_of(conn, state.clock, vault, *found)


def _mark(
    connection: ASGIConnection[Any, Any, Any, Any],
    handler: BaseRouteHandler,
    actor: Actor,
    client: str | None = None,
) -> None:
    """Leave word for the trail: who does what, to which object."""
    parts = {name: text for name, text in connection.path_params.items() if name != "city"}
    connection.state.trail = Seen(
        str(getattr(handler, "summary", None) or handler.handler_name)[:60],
        actor.person_id,
        client,
        about="/".join(str(text) for text in parts.values())[:100] or None,
        personal=bool(handler.opt.get("personal")),
    )


class TrailMiddleware(ASGIMiddleware):
    """Writes the line of the trail before the answer leaves: what is not noted is not shown."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass the request on and look at the answer's first message."""

        async def watch(message: Message) -> None:
            seen = scope["state"].get("trail")
            if message["type"] == "http.response.start" and seen:
                state = scope["litestar_app"].state
                client = scope.get("client")
                address = client[0] if client else None
                async with state.db.city(scope["path_params"]["city"]) as conn:
                    await note_trail(
                        conn, state.clock, seen, status=message["status"], address=address
                    )
            await send(message)

        await next_app(scope, receive, watch)
