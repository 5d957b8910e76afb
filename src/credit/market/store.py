"""SQL of merchants and offers, and of the uses of offers that are limited."""

import json
from datetime import datetime

from asyncpg import Record

from credit.kit.db import Connection
from credit.market.views import MerchantView, OfferView

__all__ = ["is_reserved", "merchant", "offer", "release_use", "reserve_use", "uses_of"]

_MERCHANT = """
m.code, m.name, m.category, m.division, m.address, m.hours, m.fen_per_point, m.contract_from,
m.contract_until, m.offline, m.account, m.state
"""
_OFFER = """
o.id, o.merchant, o.kind, o.title, o.terms, o.points, o.points_max, o.stock, o.taken, o.per_person,
o.per_person_days, o.valid_from, o.valid_until, o.state
"""
MERCHANT = f"SELECT {_MERCHANT} FROM merchant m WHERE m.code = $1"
OFFER = f"SELECT {_OFFER} FROM offer o WHERE o.id = $1 AND o.merchant = $2"
# Whoever uses a limited offer waits for whoever does so just now: what is left is counted once.
LOCK_OFFER = f"SELECT {_OFFER} FROM offer o WHERE o.id = $1 AND o.merchant = $2 FOR NO KEY UPDATE"
# What a redemption has reserved itself does not stand in its way when it is asked for again.
USES = """
SELECT made_at FROM offer_use WHERE offer = $1 AND account = $2 AND NOT released AND key <> $3
ORDER BY made_at DESC LIMIT $4
"""
IS_RESERVED = """
SELECT EXISTS (SELECT FROM offer_use WHERE key = $1 AND offer = $2 AND account = $3 AND NOT released)
"""
# A use that was given back because nothing was heard of its redemption is reserved anew when the same
# redemption is asked for after all; one that the book has answered is not.
ADD_USE = """
INSERT INTO offer_use AS u (key, offer, account, made_at, until, settled, released)
VALUES ($1, $2, $3, $4, $5, false, false)
ON CONFLICT (key) DO UPDATE SET made_at = excluded.made_at, until = excluded.until, settled = false,
    released = false
WHERE u.released AND u.offer = excluded.offer AND NOT EXISTS (SELECT FROM point_key k WHERE k.key = $1)
RETURNING true
"""
TAKE_ONE = "UPDATE offer SET taken = taken + 1 WHERE id = $1 AND stock IS NOT NULL"
# Of a redemption that came to nothing the piece goes back on the shelf; once. The offer is locked before
# the use, as whoever reserves does.
RELEASE_USE = """
WITH locked AS (
    SELECT o.id FROM offer_use u JOIN offer o ON o.id = u.offer WHERE u.key = $1 FOR NO KEY UPDATE OF o
), released AS (
    UPDATE offer_use u SET settled = true, released = true FROM locked l
    WHERE u.key = $1 AND u.offer = l.id AND NOT u.settled RETURNING u.offer
)
UPDATE offer o SET taken = o.taken - 1 FROM released r WHERE o.id = r.offer AND o.stock IS NOT NULL
"""


def _merchant(row: Record) -> MerchantView:
    found = MerchantView(*row)
    return found._replace(hours=json.loads(row["hours"]))


async def merchant(conn: Connection, code: str) -> MerchantView | None:
    """Return a merchant by its code."""
    row = await conn.fetchrow(MERCHANT, code)
    return _merchant(row) if row else None


async def offer(
    conn: Connection, number: int, merchant_code: str, *, lock: bool = False
) -> OfferView | None:
    """Return an offer of a merchant, locked to the end of the transaction if asked for."""
    row = await conn.fetchrow(LOCK_OFFER if lock else OFFER, number, merchant_code)
    return OfferView(*row) if row else None


async def uses_of(
    conn: Connection, key: bytes, number: int, account: int, limit: int
) -> list[datetime]:
    """Return when an account used an offer and did not give it back, newest first; the use that is
    reserved under a redemption's own key is left out.
    """
    return [row[0] for row in await conn.fetch(USES, number, account, key, limit)]


async def is_reserved(conn: Connection, key: bytes, number: int, account: int) -> bool:
    """Say whether an account has a use of an offer reserved under a redemption's key."""
    found: bool = await conn.fetchval(IS_RESERVED, key, number, account)
    return found


async def reserve_use(
    conn: Connection, key: bytes, number: int, account: int, at: datetime, until: datetime
) -> bool:
    """Reserve a use of an offer under a redemption's key; False where it was reserved before."""
    added = await conn.fetchval(ADD_USE, key, number, account, at, until)
    if added:
        await conn.execute(TAKE_ONE, number)
    return bool(added)


async def release_use(conn: Connection, key: bytes) -> None:
    """Give a use back that came to nothing."""
    await conn.execute(RELEASE_USE, key)
