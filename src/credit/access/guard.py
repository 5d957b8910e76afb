"""The one guard of the JSON interface: a handler names a scope, the key's holder must have it."""

from typing import Any

from litestar.connection import ASGIConnection, Request
from litestar.handlers.base import BaseRouteHandler

from credit.access import logic
from credit.access.service import authenticate
from credit.access.views import Actor

__all__ = ["guard", "provide_actor"]


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Let a request through to a handler with `opt["scope"]` only with a key that carries it."""
    scope = handler.opt.get("scope")
    if scope is None:
        return
    state = connection.app.state
    async with state.db.city(connection.path_params["city"]) as conn:
        actor = await authenticate(conn, state.clock, connection.headers.get("authorization"))
    logic.require(actor, scope)
    connection.state.actor = actor


async def provide_actor(request: Request[Any, Any, Any]) -> Actor:
    """Hand the authenticated actor to the handler."""
    actor: Actor = request.state.actor
    return actor
