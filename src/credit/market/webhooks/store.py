"""SQL of webhooks and of attempts to deliver."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from credit.kit.db import Connection
from credit.market.webhooks.views import Delivery, Disabled, Due, WebhookRow

__all__ = [
    "add",
    "add_delivery",
    "advance",
    "delivered",
    "deliveries",
    "disabled",
    "drop",
    "due",
    "fail",
    "latest",
    "lock_merchant",
    "of_merchant",
    "purge",
    "resume",
    "rotate",
    "switch_off",
    "try_lock",
    "unlock",
    "webhook",
]

_WEBHOOK = """
w.id, w.merchant, m.account, w.url, w.secret, w.previous_secret, w.previous_until, w.cursor, w.failures,
w.retry_at, w.disabled_at, w.made_at
"""
_FROM = f"SELECT {_WEBHOOK} FROM webhook w JOIN merchant m ON m.code = w.merchant"
WEBHOOK = f"{_FROM} WHERE w.id = $1"
LOCK_WEBHOOK = f"{_FROM} WHERE w.id = $1 FOR NO KEY UPDATE OF w"
# Of two that register the last address a merchant may have, one comes too late.
LOCK_MERCHANT = "SELECT code FROM merchant WHERE code = $1 FOR NO KEY UPDATE"
OF_MERCHANT = f"{_FROM} WHERE w.merchant = $1 ORDER BY w.id LIMIT $2"
ADD = """
INSERT INTO webhook (id, merchant, url, secret, cursor, failures, made_by, made_at)
VALUES ($1, $2, $3, $4, $5, 0, $6, $7) ON CONFLICT (merchant, url) DO NOTHING RETURNING true
"""
ROTATE = """
UPDATE webhook SET secret = $2, previous_secret = $3, previous_until = $4 WHERE id = $1
"""
RESUME = """
UPDATE webhook SET cursor = coalesce($2, cursor), failures = 0, retry_at = NULL, disabled_at = NULL
WHERE id = $1
"""
SWITCH_OFF = "UPDATE webhook SET disabled_at = $2, retry_at = NULL WHERE id = $1"
DROP_DELIVERIES = "DELETE FROM webhook_delivery WHERE webhook = $1"
DROP = "DELETE FROM webhook WHERE id = $1"
DUE = """
SELECT w.id, w.cursor, m.account FROM webhook w JOIN merchant m ON m.code = w.merchant
WHERE w.disabled_at IS NULL AND coalesce(w.retry_at <= $1, true) AND w.cursor < $2 AND w.id > $3
ORDER BY w.id LIMIT $4
"""
# A session's lock goes with its connection: whoever is killed while sending holds up nobody.
TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended(current_schema() || $1, 0))"
UNLOCK = "SELECT pg_advisory_unlock(hashtextextended(current_schema() || $1, 0))"
# Each step ahead names where it begins: a cursor that was set back meanwhile stays there.
DELIVERED = """
UPDATE webhook SET cursor = $3, failures = 0, retry_at = NULL
WHERE id = $1 AND cursor = $2 AND disabled_at IS NULL RETURNING true
"""
ADVANCE = "UPDATE webhook SET cursor = $3 WHERE id = $1 AND cursor = $2 RETURNING true"
FAIL = """
UPDATE webhook SET failures = least(failures + 1, 1000), retry_at = $3, disabled_at = $4
WHERE id = $1 AND cursor = $2 AND disabled_at IS NULL
"""
ADD_DELIVERY = """
INSERT INTO webhook_delivery (webhook, transfer, at, status, fault, millis)
VALUES ($1, $2, $3, $4, $5, $6)
"""
_DELIVERY = "id, webhook, transfer, at, status, fault, millis"
DELIVERIES = f"""
SELECT {_DELIVERY} FROM webhook_delivery WHERE webhook = $1 AND id < $2 ORDER BY id DESC LIMIT $3
"""
LATEST = f"""
SELECT {", ".join(f"d.{name}" for name in _DELIVERY.split(", "))}
FROM unnest($1::uuid[]) AS w (id) CROSS JOIN LATERAL (
    SELECT {_DELIVERY} FROM webhook_delivery WHERE webhook = w.id ORDER BY id DESC LIMIT 1
) d
"""
PURGE = "DELETE FROM webhook_delivery WHERE at < $1"
DISABLED = """
SELECT m.code, m.name, w.url, w.disabled_at
FROM webhook w JOIN merchant m ON m.code = w.merchant
WHERE w.disabled_at IS NOT NULL AND starts_with(m.division, $1)
ORDER BY w.disabled_at DESC LIMIT $2
"""


async def webhook(conn: Connection, number: UUID, *, lock: bool = False) -> WebhookRow | None:
    """Return a webhook, locked to the end of the transaction if asked for."""
    row = await conn.fetchrow(LOCK_WEBHOOK if lock else WEBHOOK, number)
    return WebhookRow(*row) if row else None


async def of_merchant(conn: Connection, merchant: str, limit: int) -> list[WebhookRow]:
    """List a merchant's webhooks, the oldest first."""
    return [WebhookRow(*row) for row in await conn.fetch(OF_MERCHANT, merchant, limit)]


async def lock_merchant(conn: Connection, code: str) -> None:
    """Wait for whoever registers a webhook of a merchant just now."""
    await conn.execute(LOCK_MERCHANT, code)


async def add(conn: Connection, values: Sequence[object]) -> bool:
    """Keep a webhook (columns as in `ADD`); False where the merchant has one at the address."""
    return bool(await conn.fetchval(ADD, *values))


async def rotate(
    conn: Connection, number: UUID, secret: bytes, previous: bytes, until: datetime
) -> None:
    """Change a webhook's secret; those before it go on until a moment."""
    await conn.execute(ROTATE, number, secret, previous, until)


async def resume(conn: Connection, number: UUID, cursor: int | None) -> None:
    """Begin again after a transfer, or (None) where it stopped, whatever failed before."""
    await conn.execute(RESUME, number, cursor)


async def switch_off(conn: Connection, number: UUID, at: datetime) -> None:
    """Send nothing any more."""
    await conn.execute(SWITCH_OFF, number, at)


async def drop(conn: Connection, number: UUID) -> None:
    """Forget a webhook and how its deliveries went."""
    await conn.execute(DROP_DELIVERIES, number)
    await conn.execute(DROP, number)


async def due(conn: Connection, now: datetime, end: int, after: UUID, limit: int) -> list[Due]:
    """List webhooks after one that were not told all through the transfer `end` and may be sent to
    now.
    """
    return [Due(*row) for row in await conn.fetch(DUE, now, end, after, limit)]


async def try_lock(conn: Connection, number: UUID) -> bool:
    """Take the lock of sending to a webhook for this session, unless another one has it."""
    locked: bool = await conn.fetchval(TRY_LOCK, str(number))
    return locked


async def unlock(conn: Connection, number: UUID) -> None:
    """Give the lock of sending back."""
    await conn.execute(UNLOCK, str(number))


async def delivered(conn: Connection, number: UUID, before: int, cursor: int) -> bool:
    """Step ahead from `before`, since a transfer was taken; False where it does not stand there."""
    return bool(await conn.fetchval(DELIVERED, number, before, cursor))


async def advance(conn: Connection, number: UUID, before: int, cursor: int) -> bool:
    """Step ahead from `before` over transfers that do not concern the merchant."""
    return bool(await conn.fetchval(ADVANCE, number, before, cursor))


async def fail(
    conn: Connection, number: UUID, cursor: int, retry_at: datetime | None, now: datetime
) -> None:
    """Count a failure and wait until `retry_at`; None: nothing is sent any more."""
    await conn.execute(FAIL, number, cursor, retry_at, None if retry_at else now)


async def add_delivery(
    conn: Connection,
    webhook_id: UUID,
    transfer: int,
    at: datetime,
    result: tuple[int | None, str | None, int],
) -> None:
    """Keep an attempt: the answer's status, why there was none, how many milliseconds it took."""
    await conn.execute(ADD_DELIVERY, webhook_id, transfer, at, *result)


async def deliveries(conn: Connection, number: UUID, before: int, limit: int) -> list[Delivery]:
    """List a webhook's attempts before one, newest first."""
    return [Delivery(*row) for row in await conn.fetch(DELIVERIES, number, before, limit)]


async def latest(conn: Connection, numbers: Sequence[UUID]) -> dict[UUID, Delivery]:
    """Return the last attempt of each webhook that has one."""
    return {row["webhook"]: Delivery(*row) for row in await conn.fetch(LATEST, numbers)}


async def purge(conn: Connection, before: datetime) -> None:
    """Forget attempts made before a moment."""
    await conn.execute(PURGE, before)


async def disabled(conn: Connection, division: str, limit: int) -> list[Disabled]:
    """List a division's webhooks that nothing is sent to, the latest first."""
    return [Disabled(*row) for row in await conn.fetch(DISABLED, division, limit)]
