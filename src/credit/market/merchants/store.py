"""SQL of merchants as operators deal with them."""

import json
from dataclasses import dataclass
from datetime import date, datetime

from asyncpg import Record

from credit.kit.db import Connection
from credit.market.logic.hours import Week
from credit.market.views import MerchantRecord, Repeat

__all__ = [
    "Decided", "NewMerchant", "Sought", "add", "change", "decide", "lock_codes", "merchants",
    "propose_again", "record", "repeats",
]  # fmt: skip

_RECORD = """
m.code, m.name, m.category, m.division, m.address, m.uscc, m.hours, m.fen_per_point, m.contract_from,
m.contract_until, m.commitment_digest, m.commitment_on, m.offline, m.account, m.state, m.proposed_by,
m.proposed_at, m.decided_by, m.decided_at, m.reason
"""
RECORD = f"SELECT {_RECORD} FROM merchant m WHERE m.code = $1"
LOCK_RECORD = f"SELECT {_RECORD} FROM merchant m WHERE m.code = $1 FOR NO KEY UPDATE"
# Codes are given one after the other: whoever proposes waits for whoever does so just now.
LOCK_CODES = "SELECT pg_advisory_xact_lock(4, 'merchant'::regclass::oid::integer)"
LAST_NUMBER = r"""
SELECT coalesce(max(substr(code, 4)::integer), 0) FROM merchant WHERE code ~ '^SH-[0-9]{4,8}$'
"""
ADD = """
INSERT INTO merchant (code, name, category, division, address, uscc, hours, fen_per_point, contract_from,
    contract_until, commitment_digest, commitment_on, offline, state, proposed_by, proposed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'proposed', $14, $15)
"""
PROPOSE_AGAIN = """
UPDATE merchant SET address = $2, hours = $3, fen_per_point = $4, contract_from = $5, contract_until = $6,
    commitment_digest = $7, commitment_on = $8, offline = $9, state = 'proposed', proposed_by = $10,
    proposed_at = $11, decided_by = NULL, decided_at = NULL, reason = NULL
WHERE code = $1
"""
CHANGE = "UPDATE merchant SET address = $2, hours = $3 WHERE code = $1"
DECIDE = """
UPDATE merchant SET state = $2, account = $3, decided_by = $4, decided_at = $5, reason = $6 WHERE code = $1
"""
MERCHANTS = f"""
SELECT {_RECORD} FROM merchant m
WHERE m.code > $1 AND ($2::text IS NULL OR m.division LIKE $2 || '%') AND ($3::text IS NULL OR m.state = $3)
    AND ($4::text IS NULL OR m.category = $4) AND ($5::text IS NULL OR m.name LIKE $5 OR m.code LIKE $5)
ORDER BY m.code LIMIT $6
"""
# What somebody can decide about: of their division, and proposed by somebody else.
# How often the same amount went from a wallet to a merchant, what came back whole left out. A hold's
# time is over after it was made, so that it says of most of them that they are too old.
REPEATS = """
SELECT a.owner, r.amount, r.times, r.first, r.last
FROM (
    SELECT h.account, h.captured AS amount, count(*)::integer AS times, min(t.at) AS first,
        max(t.at) AS last
    FROM point_hold h JOIN point_transfer t ON t.id = h.id
    WHERE h.beneficiary = $1 AND h.until >= $2 AND h.captured > h.refunded AND t.at >= $2
    GROUP BY h.account, h.captured HAVING count(*) > $3
) r JOIN point_account a ON a.id = r.account
ORDER BY r.times DESC, r.account, r.amount LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class NewMerchant:
    """A merchant as it is proposed; `commitment_digest` is that of the signed letter's file."""

    name: str
    category: str
    division: str
    address: str
    uscc: str | None
    hours: Week
    fen_per_point: int
    contract_from: date
    contract_until: date
    commitment_digest: bytes
    commitment_on: date
    offline: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided about a merchant, by whom and why; `account` is the book's, once it has one."""

    state: str
    account: int | None
    by: str
    at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class Sought:
    """Which merchants are looked for; None leaves any of these out. `like` is a pattern of names."""

    after: str = ""
    division: str | None = None
    state: str | None = None
    category: str | None = None
    like: str | None = None


def _record(row: Record) -> MerchantRecord:
    return MerchantRecord(*row)._replace(hours=json.loads(row["hours"]))


async def record(conn: Connection, code: str, *, lock: bool = False) -> MerchantRecord | None:
    """Return a merchant, locked to the end of the transaction if asked for."""
    row = await conn.fetchrow(LOCK_RECORD if lock else RECORD, code)
    return _record(row) if row else None


async def lock_codes(conn: Connection) -> int:
    """Wait for whoever takes a code just now; returns the last number that was given."""
    await conn.execute(LOCK_CODES)
    last: int = await conn.fetchval(LAST_NUMBER)
    return last


async def add(conn: Connection, code: str, new: NewMerchant, by: str, at: datetime) -> None:
    """Keep a merchant as proposed."""
    await conn.execute(
        ADD, code, new.name, new.category, new.division, new.address, new.uscc, json.dumps(new.hours),
        new.fen_per_point, new.contract_from, new.contract_until, new.commitment_digest,
        new.commitment_on, new.offline, by, at,
    )  # fmt: skip


async def propose_again(
    conn: Connection, code: str, new: NewMerchant, by: str, at: datetime
) -> None:
    """Keep a merchant's new terms as proposed; its name, trade and division stay."""
    await conn.execute(
        PROPOSE_AGAIN, code, new.address, json.dumps(new.hours), new.fen_per_point, new.contract_from,
        new.contract_until, new.commitment_digest, new.commitment_on, new.offline, by, at,
    )  # fmt: skip


async def change(conn: Connection, code: str, address: str, hours: Week) -> None:
    """Note where a merchant is now, and when it is open."""
    await conn.execute(CHANGE, code, address, json.dumps(hours))


async def decide(conn: Connection, code: str, decided: Decided) -> None:
    """Note what was decided about a merchant."""
    await conn.execute(
        DECIDE, code, decided.state, decided.account, decided.by, decided.at, decided.reason
    )


async def merchants(conn: Connection, sought: Sought, limit: int) -> list[MerchantRecord]:
    """List merchants by their codes."""
    rows = await conn.fetch(
        MERCHANTS, sought.after, sought.division, sought.state, sought.category, sought.like, limit
    )
    return [_record(row) for row in rows]


async def repeats(
    conn: Connection, account: int, since: datetime, more_than: int, limit: int
) -> list[Repeat]:
    """List which amounts were taken of which wallets more often than so many times, most first."""
    return [Repeat(*row) for row in await conn.fetch(REPEATS, account, since, more_than, limit)]
