"""SQL of the toolbox: kept answers, import batches, declared calendar days."""

from dataclasses import dataclass
from datetime import date, datetime

from credit.kit.db import Connection

__all__ = [
    "KeptAnswer",
    "claim_key",
    "declared_days",
    "keep_answer",
    "keep_import",
    "purge_answers",
]

LOCK_KEY = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
FIND_ANSWER = """
SELECT request_hash, status, answer FROM idempotency_key WHERE client = $1 AND key = $2
"""
KEEP_ANSWER = """
INSERT INTO idempotency_key (client, key, request_hash, status, answer, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
"""
PURGE_ANSWERS = "DELETE FROM idempotency_key WHERE created_at < $1"
KEEP_IMPORT = """
INSERT INTO import_batch (kind, digest, rows, imported_by, imported_at)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING rows
"""
FIND_IMPORT = "SELECT imported_at FROM import_batch WHERE kind = $1 AND digest = $2"
DECLARED_DAYS = "SELECT day, workday FROM calendar_day WHERE day BETWEEN $1 AND $2"


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered under an idempotency key, and to which request."""

    request_hash: bytes
    status: int
    answer: bytes


async def claim_key(conn: Connection, client: str, key: str) -> KeptAnswer | None:
    """Wait for whoever holds this key, then return the kept answer, if there is one."""
    await conn.execute(LOCK_KEY, f"{client}\n{key}")
    row = await conn.fetchrow(FIND_ANSWER, client, key)
    return None if row is None else KeptAnswer(*row)


async def keep_answer(
    conn: Connection, client: str, key: str, answer: KeptAnswer, now: datetime
) -> None:
    """Keep an answer in the transaction that did the work."""
    await conn.execute(
        KEEP_ANSWER, client, key, answer.request_hash, answer.status, answer.answer, now
    )


async def purge_answers(conn: Connection, before: datetime) -> None:
    """Forget answers kept before a moment."""
    await conn.execute(PURGE_ANSWERS, before)


async def keep_import(
    conn: Connection, kind: str, digest: bytes, *, rows: int, by: str, now: datetime
) -> datetime | None:
    """Note a file as taken in; returns None, or when the very same bytes came in before."""
    if await conn.fetchval(KEEP_IMPORT, kind, digest, rows, by, now) is not None:
        return None
    earlier: datetime = await conn.fetchval(FIND_IMPORT, kind, digest)
    return earlier


async def declared_days(conn: Connection, first: date, last: date) -> dict[date, bool]:
    """Return the days an officer declared working (True) or free (False)."""
    return {row["day"]: row["workday"] for row in await conn.fetch(DECLARED_DAYS, first, last)}
