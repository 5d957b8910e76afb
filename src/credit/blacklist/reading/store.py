"""SQL of what officers, partners and everybody read: work, published lists, the exchange."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from credit.blacklist.logic import REVIEW_AHEAD_DAYS
from credit.blacklist.store import _ENTRY_COLUMNS, _NAMED, _UNSEALED, EntryRow, Viewer, entry_of
from credit.kit.db import Connection

__all__ = [
    "ExchangeRow",
    "ListedRow",
    "Sought",
    "WorkRow",
    "counts",
    "exchange",
    "listed",
    "told",
    "work",
]

# What an entry waits for on day $2; of one that waits for nothing, how it stands or ended.
_STAGE = f"""
CASE WHEN e.state = 'proposed' THEN 'notice'
    WHEN e.state = 'noticed' AND e.answer_due >= $2 THEN 'answer'
    WHEN e.state IN ('noticed', 'answered')
        AND (e.hearing = 'asked' OR e.list_name = 'black' AND e.hearing <> 'waived') THEN 'hearing'
    WHEN e.state IN ('noticed', 'answered', 'heard') THEN 'decision'
    WHEN e.state = 'listed' THEN 'publication'
    WHEN e.state = 'leaving' THEN 'exit'
    WHEN e.state = 'published' AND e.until_on <= $2 THEN 'ended'
    WHEN e.state = 'published' AND e.review_on <= $2 + {REVIEW_AHEAD_DAYS} THEN 'review'
    ELSE e.state END
"""
# The term that counts: the subject's own while it runs, then the office's.
_DUE = """
LEFT JOIN LATERAL (
    SELECT t.due_on FROM term t
    WHERE t.matter_id = e.id AND t.closed_at IS NULL AND NOT (t.kind = 'answer' AND t.due_on < $2)
        AND NOT (e.state = 'published' AND e.until_on <= $2)
    ORDER BY t.due_on LIMIT 1) t ON true
"""
_WORK = f"""
SELECT * FROM (
    SELECT {_ENTRY_COLUMNS}, {_STAGE} AS stage, t.due_on FROM {_NAMED} {_DUE}
    WHERE {_UNSEALED}
        AND ($5::text IS NULL OR e.list_name = $5)
        AND ($6::text IS NULL OR f.name LIKE $6 OR e.subject LIKE $6)
        AND ($7::uuid IS NULL OR e.id = $7)) found
WHERE ($8::text IS NULL OR found.stage = $8)
"""
WORK_NEWEST = f"{_WORK} AND found.id < $4 ORDER BY found.id DESC LIMIT $9"
WORK_OLDEST = f"{_WORK} AND found.id > $4 ORDER BY found.id LIMIT $9"
COUNTS = f"""
SELECT found.stage, count(*) AS entries,
    count(*) FILTER (WHERE found.due_on < $2 AND found.stage <> 'published') AS late
FROM (SELECT {_STAGE} AS stage, t.due_on FROM list_entry e {_DUE}
    WHERE e.state NOT IN ('rejected', 'exited', 'ended')
        AND ($1::text IS NULL OR e.list_name = $1)) found
GROUP BY found.stage
"""
# What anybody may see of a list on a day, the newest first.
LISTED = """
SELECT e.id, e.list_name, e.list_kind, e.subject_kind, e.subject, f.name, l.legal_basis, l.effect,
    e.measures, e.facts, l.from_on, l.until_on, l.record_id
FROM list_entry e JOIN listing l ON l.entry_id = e.id
LEFT JOIN enterprise f ON e.subject_kind = 'enterprise' AND f.code = e.subject
WHERE ($1::text IS NULL OR e.list_name = $1) AND e.id < $2 AND e.state IN ('published', 'leaving')
    AND l.from_on <= $3 AND $3 < l.until_on AND l.exit_id IS NULL
    AND ($5::text IS NULL OR f.name LIKE $5 OR e.subject LIKE $5)
    AND ($6::text IS NULL OR e.list_kind = $6)
    AND ($7::uuid IS NULL OR e.id = $7)
ORDER BY e.id DESC LIMIT $4
"""
# An entry is shared as long as it is in force; that it ended is shared for good, as a bare fact.
EXCHANGE = """
SELECT x.id, x.kind, x.entry_id, x.created_at, CASE
    WHEN x.kind = 'exit' OR l.exit_id IS NULL AND $3 < l.until_on THEN x.body::text END AS body
FROM exchange_item x JOIN listing l ON l.entry_id = x.entry_id
WHERE x.id > $1 ORDER BY x.id LIMIT $2
"""
# The same for those who look after the exchange: the newest first, and whether it is still shared.
TOLD = """
SELECT x.id, x.kind, x.entry_id, x.created_at, CASE
    WHEN x.kind = 'exit' OR l.exit_id IS NULL AND $3 < l.until_on THEN x.body::text END AS body
FROM exchange_item x JOIN listing l ON l.entry_id = x.entry_id
WHERE x.id < $1 ORDER BY x.id DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Sought:
    """Which entries are looked for: before or after `place`; what is None leaves that open.

    `like` is a pattern for the subject's name or code.
    """

    place: UUID
    name: str | None = None
    like: str | None = None
    kind: str | None = None
    stage: str | None = None
    entry: UUID | None = None


@dataclass(frozen=True, slots=True)
class WorkRow:
    """An entry, what it waits for, and the last day of that."""

    entry: EntryRow
    stage: str
    due: date | None


@dataclass(frozen=True, slots=True)
class ListedRow:
    """A published entry in force."""

    id: UUID
    list_name: str
    list_kind: str
    subject_kind: str
    subject: str
    name: str | None
    legal_basis: str
    effect: str
    measures: list[str]
    facts: list[int]
    from_on: date
    until_on: date
    record_id: UUID


@dataclass(frozen=True, slots=True)
class ExchangeRow:
    """An item of the exchange; `body` is None once its entry is no longer in force."""

    id: int
    kind: str
    entry_id: UUID
    created_at: datetime
    body: dict[str, Any] | None


async def listed(conn: Connection, sought: Sought, on: date, limit: int) -> list[ListedRow]:
    """Return published entries in force on a day, before an id, the newest first."""
    rows = await conn.fetch(
        LISTED, sought.name, sought.place, on, limit, sought.like, sought.kind, sought.entry
    )
    return [ListedRow(*row) for row in rows]


async def work(
    conn: Connection, viewer: Viewer, sought: Sought, *, oldest: bool, limit: int
) -> list[WorkRow]:
    """Return the entries a viewer may see, with what each waits for and until when."""
    rows = await conn.fetch(
        WORK_OLDEST if oldest else WORK_NEWEST,
        viewer.sealed,
        viewer.on,
        viewer.party,
        sought.place,
        sought.name,
        sought.like,
        sought.entry,
        sought.stage,
        limit,
    )
    return [_worked(dict(row)) for row in rows]


def _worked(values: dict[str, Any]) -> WorkRow:
    stage, due = values.pop("stage"), values.pop("due_on")
    return WorkRow(entry_of(values), stage, due)


async def counts(conn: Connection, name: str | None, on: date) -> list[tuple[str, int, int]]:
    """Count open entries, of a list or of all: (what they wait for, how many, how many late)."""
    return [tuple(row) for row in await conn.fetch(COUNTS, name, on)]


async def exchange(conn: Connection, after: int, limit: int, on: date) -> list[ExchangeRow]:
    """Return items after a position."""
    return _items(await conn.fetch(EXCHANGE, after, limit, on))


async def told(conn: Connection, before: int, limit: int, on: date) -> list[ExchangeRow]:
    """Return items before a position, the newest first."""
    return _items(await conn.fetch(TOLD, before, limit, on))


def _items(rows: Sequence[Any]) -> list[ExchangeRow]:
    return [
        ExchangeRow(
            row["id"],
            row["kind"],
            row["entry_id"],
            row["created_at"],
            None if row["body"] is None else orjson.loads(row["body"]),
        )
        for row in rows
    ]
