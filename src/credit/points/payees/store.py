"""SQL of payees: their captures and refunds, and everything that happened for them, by number."""

from collections.abc import Sequence
from datetime import datetime

from credit.kit.db import Connection
from credit.points.views import Happening, Hold, Payment

__all__ = [
    "concerned",
    "end_before",
    "end_of_book",
    "end_of_stretch",
    "happenings",
    "paid_out",
    "payments",
    "unpaid_before",
]

# What a merchant was paid under which reference is said by the transfer that made the hold.
PAYMENTS = """
SELECT t.id, t.kind, t.amount, t.at, h.reason, t.about
FROM (
    (SELECT id, kind, amount, at, about FROM point_transfer
    WHERE credit = $1 AND id > $2 AND id <= $3 AND kind = 'capture' ORDER BY id LIMIT $4)
    UNION ALL
    (SELECT id, kind, amount, at, about FROM point_transfer
    WHERE debit = $1 AND id > $2 AND id <= $3 AND kind = 'refund' ORDER BY id LIMIT $4)
    ORDER BY id LIMIT $4
) t LEFT JOIN LATERAL (
    SELECT o.reason FROM point_transfer o WHERE o.id = t.about OFFSET 0
) h ON true
ORDER BY t.id
"""
UNPAID_BEFORE = """
SELECT i.account FROM unnest($1::bigint[], $2::bigint[]) AS i (account, after)
WHERE EXISTS (SELECT FROM point_transfer t
        WHERE t.credit = i.account AND t.id > i.after AND t.kind = 'capture' AND t.at < $3)
    OR EXISTS (SELECT FROM point_transfer t
        WHERE t.debit = i.account AND t.id > i.after AND t.kind = 'refund' AND t.at < $3)
"""
PAID_OUT = "SELECT debit, credit, amount FROM point_transfer WHERE id = $1 AND kind = 'settle'"
END_OF_BOOK = "SELECT coalesce(max(id), 0) FROM point_transfer"
# Numbers follow the clock, unless it was set back: so the last one counts, whatever stands before it.
END_BEFORE = """
SELECT greatest($2::bigint,
    (SELECT id FROM point_transfer
    WHERE credit = $1 AND id > $2 AND kind = 'capture' AND at < $3 ORDER BY id DESC LIMIT 1),
    (SELECT id FROM point_transfer
    WHERE debit = $1 AND id > $2 AND kind = 'refund' AND at < $3 ORDER BY id DESC LIMIT 1))
"""
END_OF_STRETCH = """
SELECT max(id) FROM (SELECT id FROM point_transfer WHERE id > $1 ORDER BY id LIMIT $2) t
"""
# What comes back of a hold names neither the beneficiary nor an account of it, so that a stretch
# of the book is looked through; the hold says for whom it was. It is told as it stood after the
# transfer: what came later is left out, so that what is told again is the same.
HAPPENINGS = """
SELECT t.id, t.kind, t.at, t.amount, t.reason, h.id, h.account, h.beneficiary, h.amount, h.made_at,
    h.until, CASE WHEN t.kind IN ('capture', 'refund') THEN h.captured ELSE 0 END,
    CASE t.kind WHEN 'hold' THEN 0 ELSE h.returned END,
    CASE t.kind WHEN 'refund' THEN (
        SELECT sum(r.amount)::bigint FROM point_transfer r
        WHERE r.debit = h.beneficiary AND r.id > h.id AND r.id <= t.id AND r.about = h.id
            AND r.kind = 'refund'
    ) ELSE 0 END, h.about, h.reason, t.kind = 'lapse'
FROM (
    SELECT id, kind, at, amount, about, reason, debit FROM point_transfer
    WHERE id > $2 AND id <= $3
        AND kind IN ('hold', 'capture', 'void', 'lapse', 'refund', 'settle')
) t LEFT JOIN LATERAL (
    SELECT o.*, m.about, m.reason, m.at AS made_at
    FROM point_hold o JOIN point_transfer m ON m.id = o.id
    WHERE o.id = CASE t.kind WHEN 'hold' THEN t.id ELSE t.about END OFFSET 0
) h ON t.kind <> 'settle'
WHERE CASE t.kind WHEN 'settle' THEN t.debit ELSE h.beneficiary END = $1
ORDER BY t.id LIMIT $4
"""
# For whom something happened at all, as in `HAPPENINGS`.
CONCERNED = """
SELECT DISTINCT CASE t.kind WHEN 'settle' THEN t.debit ELSE h.beneficiary END
FROM (
    SELECT id, kind, about, debit FROM point_transfer
    WHERE id > $1 AND id <= $2
        AND kind IN ('hold', 'capture', 'void', 'lapse', 'refund', 'settle')
) t LEFT JOIN LATERAL (
    SELECT o.beneficiary FROM point_hold o
    WHERE o.id = CASE t.kind WHEN 'hold' THEN t.id ELSE t.about END OFFSET 0
) h ON t.kind <> 'settle'
"""
HEAD = 5  # so many columns are of the transfer itself


async def payments(
    conn: Connection, account: int, after: int, upto: int, limit: int
) -> list[Payment]:
    """List captures for an account and refunds out of it, numbered above `after` through `upto`."""
    return [Payment(*row) for row in await conn.fetch(PAYMENTS, account, after, upto, limit)]


async def unpaid_before(
    conn: Connection, since: Sequence[tuple[int, int]], moment: datetime
) -> set[int]:
    """Say which accounts had captures or refunds above a number of theirs before a moment.

    `since` holds (account, number).
    """
    accounts, numbers = [one[0] for one in since], [one[1] for one in since]
    return {row[0] for row in await conn.fetch(UNPAID_BEFORE, accounts, numbers, moment)}


async def paid_out(conn: Connection, transfer: int) -> tuple[int, int, int] | None:
    """Return debit, credit and amount of a transfer that paid a payee; None for any other."""
    row = await conn.fetchrow(PAID_OUT, transfer)
    return tuple(row) if row else None


async def end_of_book(conn: Connection) -> int:
    """Return the number of the last transfer; 0 for none."""
    last: int = await conn.fetchval(END_OF_BOOK)
    return last


async def end_before(conn: Connection, account: int, after: int, moment: datetime) -> int:
    """Return the number of an account's last capture or refund above `after` that was made before
    a moment; `after` for none.
    """
    last: int = await conn.fetchval(END_BEFORE, account, after, moment)
    return last


async def end_of_stretch(conn: Connection, after: int, limit: int) -> int | None:
    """Return the number of the last of so many transfers above `after`; None where there is none."""
    last: int | None = await conn.fetchval(END_OF_STRETCH, after, limit)
    return last


async def concerned(conn: Connection, after: int, upto: int) -> set[int]:
    """Return the accounts for which something happened by the transfers above `after` through
    `upto`: a stretch of the book that the caller bounds.
    """
    return {row[0] for row in await conn.fetch(CONCERNED, after, upto)}


async def happenings(
    conn: Connection, account: int, after: int, upto: int, limit: int
) -> list[Happening]:
    """List what happened for an account by the transfers above `after` through `upto`, in order:
    holds for it, what became of them, and what it was paid out.
    """
    rows = await conn.fetch(HAPPENINGS, account, after, upto, limit)
    return [
        Happening._make((*row[:HEAD], None if row[HEAD] is None else Hold(*row[HEAD:])))
        for row in rows
    ]
