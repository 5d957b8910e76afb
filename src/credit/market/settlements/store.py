"""SQL of settlements."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from credit.kit.db import Connection
from credit.market.settlements.views import Payee, Settled, Sum

__all__ = [
    "add",
    "brought_from",
    "confirm",
    "dispute",
    "last_of",
    "mark_paid",
    "of_merchant",
    "page",
    "payee",
    "payees",
    "redraw",
    "settlement",
    "state_sums",
    "uphold",
]

# Whoever draws a merchant's statement waits for whoever does so just now.
LOCK_PAYEE = """
SELECT code, name, division, account, fen_per_point FROM merchant
WHERE code = $1 AND account IS NOT NULL FOR NO KEY UPDATE
"""
# Merchants with an account and the number their last statement ends with.
PAYEES = """
SELECT m.code, m.account, coalesce((
    SELECT s.upto FROM settlement s WHERE s.merchant = m.code ORDER BY s.after DESC LIMIT 1
), 0)
FROM merchant m WHERE m.account IS NOT NULL AND m.code > $1 ORDER BY m.code LIMIT $2
"""
_SETTLED = """
s.id, s.merchant, m.name, m.division, m.account, s.after, s.upto, s.begins_on, s.ends_on, s.captures,
s.captured, s.refunds, s.refunded, s.points, s.carried, s.fen_per_point, s.fen, s.digest, s.state,
s.drawn_by, s.drawn_at, s.confirmed_by, s.confirmed_at, s.dispute, s.answer, s.answered_by, s.voucher,
s.paid_by, s.paid_at, s.transfer
"""
_FROM = f"SELECT {_SETTLED} FROM settlement s JOIN merchant m ON m.code = s.merchant"
SETTLEMENT = f"{_FROM} WHERE s.id = $1"
LOCK_SETTLEMENT = f"{_FROM} WHERE s.id = $1 FOR NO KEY UPDATE OF s"
LAST_OF = f"{_FROM} WHERE s.merchant = $1 ORDER BY s.after DESC LIMIT 1"
BEFORE = f"{_FROM} WHERE s.merchant = $1 AND s.after < $2 ORDER BY s.after DESC LIMIT 1"
OF_MERCHANT = f"{_FROM} WHERE s.merchant = $1 AND s.after < $2 ORDER BY s.after DESC LIMIT $3"
PAGE = f"""
{_FROM}
WHERE s.id < $1 AND starts_with(m.division, $2) AND s.state = coalesce($3, s.state)
    AND ($4::text IS NULL OR m.name ILIKE $4 OR m.code ILIKE $4)
ORDER BY s.id DESC LIMIT $5
"""
STATE_SUMS = """
SELECT s.state, count(*), sum(greatest(s.points + s.carried, 0))::bigint, sum(s.fen)::bigint
FROM settlement s JOIN merchant m ON m.code = s.merchant
WHERE starts_with(m.division, $1) GROUP BY s.state
"""
ADD = """
INSERT INTO settlement (id, merchant, after, upto, begins_on, ends_on, captures, captured, refunds,
    refunded, points, carried, fen_per_point, fen, digest, state, drawn_by, drawn_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
"""
CONFIRM = """
UPDATE settlement SET state = 'confirmed', confirmed_by = $2, confirmed_at = $3 WHERE id = $1
"""
DISPUTE = """
UPDATE settlement SET state = 'disputed', dispute = $2, answer = NULL, answered_by = NULL WHERE id = $1
"""
UPHOLD = "UPDATE settlement SET state = 'drawn', answer = $2, answered_by = $3 WHERE id = $1"
# Who draws it anew has drawn it, so that somebody else pays it.
REDRAW = """
UPDATE settlement SET upto = $2, ends_on = $3, captures = $4, captured = $5, refunds = $6,
    refunded = $7, points = $8, fen_per_point = $9, fen = $10, digest = $11, state = $12,
    drawn_by = $13, drawn_at = $14, answered_by = $13, answer = $15
WHERE id = $1
"""
# What members of other divisions brought to the merchant, by the street they belong to (or the district or
# the city, of whoever is registered there): of all that is paid for with a statement, which begins behind
# the last one that was not carried on. Members and merchants never change their division.
BROUGHT_FROM = """
WITH paid AS (
    SELECT m.account, substr(m.division, 1, 9) AS street, s.upto, coalesce((
        SELECT o.upto FROM settlement o
        WHERE o.merchant = s.merchant AND o.after < s.after AND o.state <> 'carried'
        ORDER BY o.after DESC LIMIT 1
    ), 0) AS after
    FROM settlement s JOIN merchant m ON m.code = s.merchant WHERE s.id = $1
), moved AS (
    SELECT p.street, t.about, t.amount FROM paid p JOIN point_transfer t
        ON t.credit = p.account AND t.id > p.after AND t.id <= p.upto AND t.kind = 'capture'
    UNION ALL
    SELECT p.street, t.about, -t.amount FROM paid p JOIN point_transfer t
        ON t.debit = p.account AND t.id > p.after AND t.id <= p.upto AND t.kind = 'refund'
)
SELECT substr(m.division, 1, 9), sum(o.amount)::bigint
FROM moved o JOIN point_hold h ON h.id = o.about JOIN member m ON m.account = h.account
WHERE substr(m.division, 1, 9) <> o.street
GROUP BY 1 HAVING sum(o.amount) <> 0 ORDER BY 1
"""
MARK_PAID = """
UPDATE settlement SET state = 'paid', voucher = $2, paid_by = $3, paid_at = $4, transfer = $5
WHERE id = $1
"""


async def payee(conn: Connection, code: str) -> Payee | None:
    """Return a merchant that has an account, locked to the end of the transaction."""
    row = await conn.fetchrow(LOCK_PAYEE, code)
    return Payee(*row) if row else None


async def payees(conn: Connection, after: str, limit: int) -> list[tuple[str, int, int]]:
    """List merchants by code: code, account, the number with which their last statement ends."""
    return [tuple(row) for row in await conn.fetch(PAYEES, after, limit)]


async def settlement(conn: Connection, number: UUID, *, lock: bool = False) -> Settled | None:
    """Return a settlement, locked to the end of the transaction if asked for."""
    row = await conn.fetchrow(LOCK_SETTLEMENT if lock else SETTLEMENT, number)
    return Settled(*row) if row else None


async def last_of(conn: Connection, merchant: str, before: int | None = None) -> Settled | None:
    """Return a merchant's last settlement, or the last that begins before a number."""
    if before is None:
        row = await conn.fetchrow(LAST_OF, merchant)
    else:
        row = await conn.fetchrow(BEFORE, merchant, before)
    return Settled(*row) if row else None


async def of_merchant(conn: Connection, merchant: str, before: int, limit: int) -> list[Settled]:
    """List a merchant's settlements that begin before a number of the book, newest first."""
    return [Settled(*row) for row in await conn.fetch(OF_MERCHANT, merchant, before, limit)]


async def page(
    conn: Connection, before: UUID, division: str, state: str | None, like: str | None, limit: int
) -> list[Settled]:
    """List settlements of a division drawn before one, newest first; `like` fits code or name."""
    return [Settled(*row) for row in await conn.fetch(PAGE, before, division, state, like, limit)]


async def state_sums(conn: Connection, division: str) -> list[Sum]:
    """Count a division's settlements by state."""
    return [Sum(*row) for row in await conn.fetch(STATE_SUMS, division)]


async def add(conn: Connection, values: Sequence[object]) -> None:
    """Keep a settlement: its columns in the order of `ADD`."""
    await conn.execute(ADD, *values)


async def confirm(conn: Connection, number: UUID, by: str, at: datetime) -> None:
    """Note that the merchant agrees."""
    await conn.execute(CONFIRM, number, by, at)


async def dispute(conn: Connection, number: UUID, text: str) -> None:
    """Note what the merchant objects to."""
    await conn.execute(DISPUTE, number, text)


async def uphold(conn: Connection, number: UUID, text: str, by: str) -> None:
    """Note why it stays as it was drawn."""
    await conn.execute(UPHOLD, number, text, by)


async def redraw(conn: Connection, number: UUID, values: Sequence[object]) -> None:
    """Put a statement drawn anew in the place of the one before: columns as in `REDRAW`."""
    await conn.execute(REDRAW, number, *values)


async def brought_from(conn: Connection, number: UUID) -> list[tuple[str, int]]:
    """List the other streets whose members brought points that a settlement pays for.

    Returns (street, points): captures less refunds, which may be less than nothing, never nothing.
    """
    return [tuple(row) for row in await conn.fetch(BROUGHT_FROM, number)]


async def mark_paid(
    conn: Connection, number: UUID, voucher: str, by: str, at: datetime, transfer: int
) -> None:
    """Note that it was paid, and by which transfer of the book."""
    await conn.execute(MARK_PAID, number, voucher, by, at, transfer)
