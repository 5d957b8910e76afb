"""SQL of accounts: what they hold, what is set aside, what came and went; and one-time codes."""

from collections.abc import Sequence
from datetime import date, datetime

from credit.kit.db import Connection
from credit.points.views import Account, Balance, Entry, Hold, OpenHold, OpenLot

__all__ = [
    "accounts_by_code",
    "accounts_by_id",
    "add_code",
    "balances",
    "capture_of",
    "close_accounts",
    "code_account",
    "ending",
    "expecting",
    "expecting_until",
    "history",
    "hold_for",
    "hold_of",
    "holds_for",
    "is_known",
    "open_holds",
    "open_lots",
    "purge_codes",
]  # fmt: skip

CLOSE_ACCOUNTS = "SELECT a FROM unnest($1::bigint[]) a WHERE close_account_v1(a, $2)"
_ACCOUNT = "id, code, kind, owner, division"
ACCOUNTS_BY_CODE = f"SELECT {_ACCOUNT} FROM point_account WHERE code = ANY ($1)"
ACCOUNTS_BY_ID = f"SELECT {_ACCOUNT} FROM point_account WHERE id = ANY ($1)"
BALANCES = """
SELECT a.id, a.balance,
    CASE WHEN a.lots THEN (
        SELECT coalesce(sum(l.remaining), 0)::bigint FROM point_lot l
        WHERE l.account = a.id AND l.remaining > 0 AND l.valid_until >= $2 AND NOT l.reversed
    ) ELSE a.balance - coalesce(a.floor, a.balance) END,
    (SELECT coalesce(sum(h.amount), 0)::bigint FROM point_hold h
        WHERE h.account = a.id AND h.captured = 0 AND h.returned = 0)
FROM point_account a WHERE a.id = ANY ($1)
"""
OPEN_LOTS = """
SELECT id, remaining, nullif(valid_until, 'infinity') FROM point_lot
WHERE account = $1 AND remaining > 0 AND valid_until >= $2 AND NOT reversed
ORDER BY priority, valid_until, id LIMIT $3
"""
# Points that are always good end with no day.
ENDING = """
SELECT valid_until, sum(remaining)::bigint FROM point_lot
WHERE account = $1 AND remaining > 0 AND NOT reversed
    AND valid_until >= $2 AND valid_until < 'infinity'
GROUP BY valid_until ORDER BY valid_until LIMIT $3
"""
EXPECTING = """
SELECT h.id FROM unnest($1::bigint[]) i CROSS JOIN LATERAL (
    SELECT id FROM point_hold WHERE beneficiary = i AND captured = 0 AND returned = 0 OFFSET 0
) h ORDER BY h.id LIMIT $2
"""
EXPECTING_UNTIL = """
SELECT max(until) FROM point_hold WHERE beneficiary = $1 AND captured = 0 AND returned = 0
"""
OPEN_HOLDS = """
SELECT id, beneficiary, amount, until FROM point_hold
WHERE account = $1 AND captured = 0 AND returned = 0 ORDER BY id LIMIT $2
"""
HISTORY = """
(SELECT id, kind, at, -amount, debit_balance, credit, about, happened_on, reason
FROM point_transfer WHERE debit = $1 AND id < $2 ORDER BY id DESC LIMIT $3)
UNION ALL
(SELECT id, kind, at, amount, credit_balance, debit, about, happened_on, reason
FROM point_transfer WHERE credit = $1 AND id < $2 ORDER BY id DESC LIMIT $3)
ORDER BY id DESC LIMIT $3
"""
_LAPSED = """
EXISTS (SELECT FROM point_transfer r
    WHERE h.returned = h.amount AND r.credit = h.account AND r.id > h.id AND r.about = h.id
        AND r.kind = 'lapse')
"""
_HOLD = f"""
SELECT h.id, h.account, h.beneficiary, h.amount, t.at, h.until, h.captured, h.returned, h.refunded,
    t.about, t.reason, {_LAPSED}
FROM point_hold h JOIN point_transfer t ON t.id = h.id
"""
HOLD = f"{_HOLD} WHERE h.id = $1 AND h.beneficiary = $2"
HOLD_OF = f"{_HOLD} WHERE h.id = $1 AND h.account = $2"
# Captures follow their holds closely: the first transfer that fits is found soon, if there is one.
CAPTURE_OF = """
SELECT t.id FROM point_hold h JOIN point_transfer t ON t.credit = h.beneficiary AND t.id > h.id
WHERE h.id = $1 AND h.beneficiary = $2 AND h.captured > 0 AND t.about = h.id AND t.kind = 'capture'
ORDER BY t.id LIMIT 1
"""
HOLDS_FOR = f"{_HOLD} WHERE h.beneficiary = $1 AND h.id < $2 ORDER BY h.id DESC LIMIT $3"
ADD_CODE = """
INSERT INTO point_token (token, account, beneficiary, until) VALUES ($1, $2, $3, $4)
ON CONFLICT (token) DO NOTHING RETURNING true
"""
KEY_KNOWN = "SELECT EXISTS (SELECT FROM point_key WHERE key = $1)"
CODE_ACCOUNT = "SELECT account FROM point_token WHERE token = $1"
PURGE_CODES = "DELETE FROM point_token WHERE until < $1"


async def close_accounts(conn: Connection, accounts: Sequence[int], at: datetime) -> set[int]:
    """Close accounts that have nothing left and are part of no open hold; returns those that are."""
    return {row[0] for row in await conn.fetch(CLOSE_ACCOUNTS, accounts, at)}


async def accounts_by_code(conn: Connection, codes: Sequence[str]) -> dict[str, Account]:
    """Return accounts by their codes; unknown ones are left out."""
    return {row[1]: Account(*row) for row in await conn.fetch(ACCOUNTS_BY_CODE, codes)}


async def accounts_by_id(conn: Connection, ids: Sequence[int]) -> dict[int, Account]:
    """Return accounts by their numbers; unknown ones are left out."""
    return {row[0]: Account(*row) for row in await conn.fetch(ACCOUNTS_BY_ID, ids)}


async def balances(conn: Connection, accounts: Sequence[int], today: date) -> dict[int, Balance]:
    """Return what accounts hold, by their numbers."""
    return {row[0]: Balance(*row[1:]) for row in await conn.fetch(BALANCES, accounts, today)}


async def open_lots(conn: Connection, account: int, today: date, limit: int) -> list[OpenLot]:
    """List what an account can spend, in the order in which it is drawn."""
    return [OpenLot(*row) for row in await conn.fetch(OPEN_LOTS, account, today, limit)]


async def ending(conn: Connection, account: int, today: date, limit: int) -> list[tuple[date, int]]:
    """Return how many points of an account end with which day, the earliest first."""
    return [tuple(row) for row in await conn.fetch(ENDING, account, today, limit)]


async def open_holds(conn: Connection, account: int, limit: int) -> list[OpenHold]:
    """List what is set aside of an account, oldest first."""
    return [OpenHold(*row) for row in await conn.fetch(OPEN_HOLDS, account, limit)]


async def expecting(conn: Connection, accounts: Sequence[int], limit: int) -> list[int]:
    """List the open holds that are for some accounts, oldest first."""
    return [row[0] for row in await conn.fetch(EXPECTING, accounts, limit)]


async def history(conn: Connection, account: int, before: int, limit: int) -> list[Entry]:
    """List what came to an account and went from it by transfers numbered below `before`, newest first."""
    return [Entry(*row) for row in await conn.fetch(HISTORY, account, before, limit)]


async def hold_for(conn: Connection, hold: int, beneficiary: int) -> Hold | None:
    """Return a hold made for an account; None for anybody else's."""
    row = await conn.fetchrow(HOLD, hold, beneficiary)
    return Hold(*row) if row else None


async def expecting_until(conn: Connection, account: int) -> datetime | None:
    """Return until when the last of the open holds for an account lives; None without one."""
    until: datetime | None = await conn.fetchval(EXPECTING_UNTIL, account)
    return until


async def hold_of(conn: Connection, hold: int, account: int) -> Hold | None:
    """Return a hold of an account's points; None for anybody else's."""
    row = await conn.fetchrow(HOLD_OF, hold, account)
    return Hold(*row) if row else None


async def capture_of(conn: Connection, hold: int, beneficiary: int) -> int | None:
    """Return the transfer by which a hold made for an account was captured; None without one."""
    transfer: int | None = await conn.fetchval(CAPTURE_OF, hold, beneficiary)
    return transfer


async def holds_for(conn: Connection, beneficiary: int, before: int, limit: int) -> list[Hold]:
    """List the holds made for an account numbered below `before`, newest first."""
    return [Hold(*row) for row in await conn.fetch(HOLDS_FOR, beneficiary, before, limit)]


async def add_code(
    conn: Connection, token: bytes, account: int, beneficiary: int | None, until: datetime
) -> bool:
    """Keep the digest of a one-time code for an account's points; False where there is such a code."""
    return bool(await conn.fetchval(ADD_CODE, token, account, beneficiary, until))


async def code_account(conn: Connection, token: bytes) -> int | None:
    """Return whose points a code is for, used or over or not; None for an unknown one."""
    account: int | None = await conn.fetchval(CODE_ACCOUNT, token)
    return account


async def is_known(conn: Connection, key: bytes) -> bool:
    """Say whether something was answered under a key."""
    known: bool = await conn.fetchval(KEY_KNOWN, key)
    return known


async def purge_codes(conn: Connection, before: datetime) -> None:
    """Forget codes that were over before a moment."""
    await conn.execute(PURGE_CODES, before)
