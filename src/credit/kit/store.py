"""SQL of the toolbox: kept answers, jobs, import batches, declared days, sealed values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from credit.kit.db import Connection

__all__ = [
    "KeptAnswer",
    "add_job",
    "claim_key",
    "declare_days",
    "declared_days",
    "erase_vault",
    "job_status",
    "jobs_waiting",
    "keep_answer",
    "keep_import",
    "purge_answers",
    "put_vault_values",
    "remove_vault_values",
    "vault_keys",
    "vault_values",
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
ADD_JOB = """
SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(
    'default', $1::text, 0, NULL, $3::text, $2::text::jsonb, NULL
)::procrastinate_job_to_defer_v1])
"""
JOBS_WAITING = """
SELECT count(*) FROM (SELECT FROM procrastinate_jobs WHERE status = 'todo' LIMIT $1) AS waiting
"""
JOB_STATUS = """
SELECT status::text FROM procrastinate_jobs WHERE queueing_lock = $1 ORDER BY id DESC LIMIT 1
"""
DECLARE_DAYS = """
INSERT INTO calendar_day (day, workday, entered_by, entered_at)
SELECT *, $3, $4 FROM unnest($1::date[], $2::bool[])
ON CONFLICT (day) DO UPDATE
SET workday = excluded.workday, entered_by = excluded.entered_by, entered_at = excluded.entered_at
"""
DECLARED_DAYS = "SELECT day, workday FROM calendar_day WHERE day BETWEEN $1 AND $2"
ADD_VAULT_KEYS = """
INSERT INTO vault_key (subject, sealed) SELECT * FROM unnest($1::text[], $2::bytea[])
ON CONFLICT DO NOTHING
"""
VAULT_KEYS = "SELECT subject, sealed FROM vault_key WHERE subject = ANY($1)"
PUT_VAULT_VALUES = """
INSERT INTO vault_value (subject, field, sealed)
SELECT subject, $1, sealed FROM unnest($2::text[], $3::bytea[]) AS n (subject, sealed)
ON CONFLICT (subject, field) DO UPDATE SET sealed = excluded.sealed
"""
VAULT_VALUES = """
SELECT v.subject, k.sealed AS key, v.sealed AS value
FROM vault_value v JOIN vault_key k ON k.subject = v.subject
WHERE v.field = $1 AND v.subject = ANY($2)
"""
REMOVE_VAULT_VALUES = "DELETE FROM vault_value WHERE field = $1 AND subject = ANY($2)"
ERASE_VAULT_VALUES = "DELETE FROM vault_value WHERE subject = ANY($1)"
ERASE_VAULT_KEYS = "DELETE FROM vault_key WHERE subject = ANY($1)"


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


async def add_job(conn: Connection, task: str, arguments: str, once: str | None) -> None:
    """Put a job; UniqueViolationError when one waits under the same `once`."""
    await conn.execute(ADD_JOB, task, arguments, once)


async def jobs_waiting(conn: Connection, limit: int) -> int:
    """Count the jobs that wait, up to a limit."""
    count: int = await conn.fetchval(JOBS_WAITING, limit)
    return count


async def job_status(conn: Connection, once: str) -> str | None:
    """Return where the newest job under a `once` stands: todo, doing, failed …; None without."""
    status: str | None = await conn.fetchval(JOB_STATUS, once)
    return status


async def declare_days(
    conn: Connection, days: Sequence[date], workdays: Sequence[bool], *, by: str, now: datetime
) -> None:
    """Keep days as working (True) or free (False); a later word replaces an earlier one."""
    await conn.execute(DECLARE_DAYS, days, workdays, by, now)


async def declared_days(conn: Connection, first: date, last: date) -> dict[date, bool]:
    """Return the days an officer declared working (True) or free (False)."""
    return {row["day"]: row["workday"] for row in await conn.fetch(DECLARED_DAYS, first, last)}


async def vault_keys(
    conn: Connection, subjects: Sequence[str], made: Sequence[bytes]
) -> dict[str, bytes]:
    """Return each subject's sealed key; who has none gets the one made."""
    await conn.execute(ADD_VAULT_KEYS, subjects, made)
    return {row["subject"]: row["sealed"] for row in await conn.fetch(VAULT_KEYS, subjects)}


async def put_vault_values(
    conn: Connection, field: str, subjects: Sequence[str], sealed: Sequence[bytes]
) -> None:
    """Keep a sealed value for each subject, in the place of an earlier one."""
    await conn.execute(PUT_VAULT_VALUES, field, subjects, sealed)


async def vault_values(
    conn: Connection, field: str, subjects: Sequence[str]
) -> list[tuple[str, bytes, bytes]]:
    """Return (subject, sealed key, sealed value) of those that have one."""
    return [tuple(row) for row in await conn.fetch(VAULT_VALUES, field, subjects)]


async def remove_vault_values(conn: Connection, field: str, subjects: Sequence[str]) -> None:
    """Delete one value of each subject."""
    await conn.execute(REMOVE_VAULT_VALUES, field, subjects)


async def erase_vault(conn: Connection, subjects: Sequence[str]) -> None:
    """Delete subjects' keys and values."""
    await conn.execute(ERASE_VAULT_VALUES, subjects)
    await conn.execute(ERASE_VAULT_KEYS, subjects)
