"""Webhooks: registered by merchants, their secrets changed, set back, switched off, tried out."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from credit.access.views import Actor
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, NotFound
from credit.kit.ids import new_id
from credit.kit.texts import say
from credit.kit.vault import Vault
from credit.market.logic.webhooks import (
    SECRET_OCTETS,
    SECRETS_MAX,
    envelope,
    make_secret,
    sign,
)
from credit.market.service.courier import Courier, Result
from credit.market.service.redemptions import merchant_of
from credit.market.webhooks import store
from credit.market.webhooks.views import Delivery, WebhookRow
from credit.points.service import payees as book

__all__ = [
    "DELIVERIES_KEPT", "OVERLAP", "TEST", "WEBHOOKS_MAX", "deliveries", "drop", "latest", "note_try", "purge",
    "register", "replay", "rotate", "secrets_of", "switch_off", "try_out", "webhook", "webhooks",
]  # fmt: skip

WEBHOOKS_MAX = 5  # of a merchant
OVERLAP = timedelta(hours=24)
DELIVERIES_KEPT = timedelta(days=30)
TEST = 0  # the number under which tests are kept: no transfer has it
TEST_TYPE = "credit.webhook.test"


async def webhook(
    conn: Connection, actor: Actor, number: UUID, *, lock: bool = False
) -> WebhookRow:
    """Return a webhook of the actor's merchant; NotFound for anybody else's."""
    found = await store.webhook(conn, number, lock=lock)
    if found is None or found.merchant != actor.party:
        raise NotFound(say("没有这个通知地址。请从列表里选。"), slug="unknown-webhook")
    return found


async def webhooks(conn: Connection, actor: Actor) -> list[WebhookRow]:
    """List the webhooks of the actor's merchant."""
    return await store.of_merchant(conn, actor.party or "", WEBHOOKS_MAX)


async def register(
    conn: Connection, clock: Clock, vault: Vault, actor: Actor, url: str
) -> tuple[WebhookRow, str]:
    """Register an address that the courier has found in order; returns it with its secret, which
    is told this once. It is told what happens from now on.
    """
    merchant = await merchant_of(conn, actor)
    await store.lock_merchant(conn, merchant.code)
    found = await store.of_merchant(conn, merchant.code, WEBHOOKS_MAX)
    if len(found) >= WEBHOOKS_MAX:
        raise Conflict(
            say("一个商户最多 %(most)s 个通知地址。请先删去不用的。", most=WEBHOOKS_MAX),
            slug="too-many-webhooks",
        )
    number, secret = new_id(clock.now()), make_secret(secrets.token_bytes(SECRET_OCTETS))
    sealed = _seal(vault, number, secret)
    cursor = await book.end_of_book(conn)
    values = (number, merchant.code, url, sealed, cursor, actor.person_id, clock.now())
    if not await store.add(conn, values):
        raise Conflict(
            say("这个通知地址已经登记过。忘了密钥的，请在列表里更换密钥。"), slug="webhook-exists"
        )
    return await webhook(conn, actor, number), secret


async def rotate(
    conn: Connection, clock: Clock, vault: Vault, actor: Actor, number: UUID
) -> tuple[WebhookRow, str]:
    """Give a webhook a new secret, told this once; messages carry signatures by those before it,
    too, for a day more, so that the receiver may change over in its own time.
    """
    found = await webhook(conn, actor, number, lock=True)
    earlier = secrets_of(vault, found, clock.now())[: SECRETS_MAX - 1]
    secret = make_secret(secrets.token_bytes(SECRET_OCTETS))
    previous, until = _seal(vault, number, " ".join(earlier)), clock.now() + OVERLAP
    await store.rotate(conn, number, _seal(vault, number, secret), previous, until)
    return await webhook(conn, actor, number), secret


def secrets_of(vault: Vault, found: WebhookRow, now: datetime) -> list[str]:
    """Return the secrets that a webhook's messages are signed with at a moment, the newest first."""
    opened = [vault.unseal(found.secret, "webhook", str(found.id))]
    if found.previous_secret and found.previous_until and now < found.previous_until:
        opened += vault.unseal(found.previous_secret, "webhook", str(found.id)).split(" ")
    return opened


async def replay(
    conn: Connection, actor: Actor, number: UUID, after: int | None = None
) -> WebhookRow:
    """Send again everything after a transfer, or (None) go on where it stopped; switches it on."""
    found = await webhook(conn, actor, number, lock=True)
    if after is not None and after > found.cursor:
        raise Conflict(
            say(
                "第 %(after)s 号还没有通知过，不能从它之后重发：现在通知到第 %(cursor)s 号。",
                after=after,
                cursor=found.cursor,
            ),
            slug="replay-ahead",
            allowed={"after_max": str(found.cursor)},
        )
    await store.resume(conn, number, after)
    return await webhook(conn, actor, number)


async def switch_off(conn: Connection, clock: Clock, actor: Actor, number: UUID) -> None:
    """Send nothing any more until the merchant wants it again."""
    found = await webhook(conn, actor, number, lock=True)
    if found.disabled_at is None:
        await store.switch_off(conn, number, clock.now())


async def drop(conn: Connection, actor: Actor, number: UUID) -> None:
    """Forget a webhook of the merchant's."""
    await webhook(conn, actor, number, lock=True)
    await store.drop(conn, number)


async def try_out(
    clock: Clock, source: str, vault: Vault, courier: Courier, found: WebhookRow
) -> Result:
    """Send a message that says nothing, signed as all are; for whoever sets a receiver up."""
    now = clock.now()
    message = f"{vault.city}-test-{new_id(now)}"
    payload = envelope(
        message,
        source,
        TEST_TYPE,
        f"webhooks/{found.id}",
        now,
        {"merchant": found.merchant},
    )
    headers = sign(message, payload, secrets_of(vault, found, now), now)
    return await courier.deliver(found.url, headers, payload)


async def note_try(conn: Connection, clock: Clock, number: UUID, result: Result) -> None:
    """Keep how a test went, beside the deliveries."""
    await store.add_delivery(conn, number, TEST, clock.now(), result[:3])


async def deliveries(
    conn: Connection, actor: Actor, number: UUID, before: int, limit: int
) -> list[Delivery]:
    """List the attempts of a webhook of the merchant's before one, newest first."""
    await webhook(conn, actor, number)
    return await store.deliveries(conn, number, before, limit)


async def latest(conn: Connection, found: list[WebhookRow]) -> dict[UUID, Delivery]:
    """Return the last attempt of each webhook that has one."""
    return await store.latest(conn, [one.id for one in found])


async def purge(conn: Connection, clock: Clock) -> None:
    """Forget attempts of more than thirty days ago."""
    await store.purge(conn, clock.now() - DELIVERIES_KEPT)


def _seal(vault: Vault, number: UUID, secret: str) -> bytes:
    return vault.seal(secret, "webhook", str(number))
