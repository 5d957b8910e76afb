"""A merchant's webhooks over HTTP: addresses, their secrets, and where they begin again."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.params import JSONBody
from msgspec import Meta, Struct

from credit.access.views import Actor
from credit.kit.clock import rfc3339
from credit.kit.db import MERCHANT_ROLE
from credit.kit.http import City, Page, RecordKey
from credit.market.logic.deliveries import TARGET_CHARS_MAX, TARGET_PATTERN
from credit.market.service import webhooks
from credit.market.service.courier import Courier
from credit.market.webhooks.views import WebhookRow

__all__ = ["WebhookController"]

Target = Annotated[str, Meta(pattern=TARGET_PATTERN, max_length=TARGET_CHARS_MAX)]
UNKEPT = {"Cache-Control": "no-store"}
Number = Annotated[str, Meta(pattern=r"^(?:0|[1-9][0-9]{0,17})$(?!\n)", max_length=18)]


class NewWebhook(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the merchant wants to be told: an address by HTTPS on the public internet."""

    url: Target


class Beginning(Struct, frozen=True, forbid_unknown_fields=True):
    """After which transfer to begin again, the number in an event's id; without it, where sending
    stopped.
    """

    after: Number | None = None


class WebhookView(Struct, frozen=True):
    """A webhook: `cursor` is the last transfer it was told or that did not concern it.

    After `failures` in a row it is tried again at `retry_at`, or was switched off at `disabled_at`.
    Messages are signed with the secrets before the present one, too, until `previous_until`.
    """

    id: str
    url: str
    cursor: str
    failures: int
    retry_at: str | None
    disabled_at: str | None
    previous_until: str | None
    made_at: str


class WebhookSecret(Struct, frozen=True):
    """A webhook with the secret its messages are signed with, which is told this once."""

    webhook: WebhookView
    secret: str


class WebhookController(Controller):
    """Webhooks of the merchant that asks."""

    path = "/webhooks"
    tags = ("market",)

    @get(operation_id="listWebhooks", summary="本商户的通知地址", opt={"scope": "till:use"})
    async def webhooks(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Page[WebhookView]:
        """List the merchant's webhooks; there are five at most."""
        actor: Actor = request.user
        async with state.db.bound(city, MERCHANT_ROLE, party=actor.party or "") as conn:
            found = await webhooks.webhooks(conn, actor)
        return Page([_view(one) for one in found], None)

    @post(operation_id="registerWebhook", summary="登记通知地址", opt={"scope": "till:use"})
    async def register(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[NewWebhook],
    ) -> Response[WebhookSecret]:
        """Register an address, which is told what happens from now on; an address is registered
        once, and whoever missed the answer changes the secret.
        """
        courier = Courier(allow_private=state.settings.webhooks_private)
        await courier.find(data.url)
        async with state.db.transaction(city) as conn:
            made, secret = await webhooks.register(
                conn, state.clock, state.logs.vault(city), request.user, data.url
            )
        return Response(WebhookSecret(_view(made), secret), status_code=201, headers=UNKEPT)

    @post("/{webhook:str}/rotate", operation_id="rotateWebhook", summary="更换通知密钥",
          status_code=200, opt={"scope": "till:use"})  # fmt: skip
    async def rotate(
        self, request: Request[Any, Any, Any], state: State, city: City, webhook: RecordKey
    ) -> Response[WebhookSecret]:
        """Make a new secret; for a day messages are signed with those before it, too."""
        async with state.db.transaction(city) as conn:
            made, secret = await webhooks.rotate(
                conn, state.clock, state.logs.vault(city), request.user, UUID(webhook)
            )
        return Response(WebhookSecret(_view(made), secret), headers=UNKEPT)

    @post("/{webhook:str}/replay", operation_id="replayWebhook", summary="从某一笔起重发",
          status_code=200, opt={"scope": "till:use"})  # fmt: skip
    async def replay(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        webhook: RecordKey,
        data: JSONBody[Beginning],
    ) -> WebhookView:
        """Send again what came after a transfer, with the ids it had; one that was switched off is
        switched on.
        """
        after = None if data.after is None else int(data.after)
        async with state.db.transaction(city) as conn:
            return _view(await webhooks.replay(conn, request.user, UUID(webhook), after))

    @delete("/{webhook:str}", operation_id="deleteWebhook", summary="删去通知地址",
            opt={"scope": "till:use"})  # fmt: skip
    async def drop(
        self, request: Request[Any, Any, Any], state: State, city: City, webhook: RecordKey
    ) -> None:
        """Forget an address: nothing is sent there any more."""
        async with state.db.transaction(city) as conn:
            await webhooks.drop(conn, request.user, UUID(webhook))


def _view(one: WebhookRow) -> WebhookView:
    return WebhookView(
        str(one.id), one.url, str(one.cursor), one.failures, _at(one.retry_at), _at(one.disabled_at),
        _at(one.previous_until), rfc3339(one.made_at),
    )  # fmt: skip


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
