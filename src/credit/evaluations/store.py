"""SQL of evaluations."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from credit.kit.db import Connection

__all__ = [
    "EvaluationRow",
    "NewClosing",
    "NewEvaluation",
    "add_closings",
    "add_entries",
    "ensure_evaluations",
    "find_open",
    "load",
]

ENSURE = """
INSERT INTO evaluation (id, pack, sheet, subject_kind, subject, enterprise, division, year,
    weight, created_at)
SELECT *, $10 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::text[], $8::int[], $9::bigint[])
ON CONFLICT (sheet, subject, year, division) DO NOTHING
"""
BASE = """
SELECT e.id, e.pack, e.sheet, e.subject_kind, e.subject, e.enterprise, e.division, e.year,
    e.weight, coalesce(n.version, 0) AS version, coalesce(n.input, '{}')::text AS input,
    n.entered_by, c.closed_at IS NOT NULL AS closed
FROM evaluation e
LEFT JOIN LATERAL (
    SELECT version, input, entered_by FROM evaluation_entry WHERE evaluation_id = e.id
    ORDER BY version DESC LIMIT 1) n ON true
LEFT JOIN evaluation_closing c ON c.evaluation_id = e.id
"""
LOAD_BY_KEY = f"""{BASE}
JOIN unnest($1::text[], $2::text[], $3::int[], $4::text[]) AS k (sheet, subject, year, division)
    USING (sheet, subject, year, division)
"""
LOAD = f"{BASE} WHERE e.id = ANY($1)"
FIND_OPEN = f"""{BASE}
WHERE c.closed_at IS NULL AND e.sheet = $1 AND e.year = $2 ORDER BY e.subject, e.division LIMIT $3
"""
ADD_ENTRIES = """
INSERT INTO evaluation_entry (evaluation_id, version, input, entered_by, entered_at)
SELECT n.id, n.version, n.input::jsonb, $4, $5
FROM unnest($1::uuid[], $2::int[], $3::text[]) AS n (id, version, input)
ON CONFLICT DO NOTHING RETURNING evaluation_id
"""
ADD_CLOSINGS = """
INSERT INTO evaluation_closing (evaluation_id, version, total, veto, valid, closed_on, closed_by,
    closed_at)
SELECT *, $6, $7, $8 FROM unnest($1::uuid[], $2::int[], $3::numeric[], $4::bool[], $5::bool[])
ON CONFLICT DO NOTHING RETURNING evaluation_id
"""


@dataclass(frozen=True, slots=True)
class NewEvaluation:
    """An evaluation to begin."""

    id: UUID
    pack: str
    sheet: str
    subject_kind: str
    subject: str
    enterprise: str | None
    division: str
    year: int
    weight: int


@dataclass(frozen=True, slots=True)
class EvaluationRow(NewEvaluation):
    """An evaluation with its latest entry; version 0 and an empty input before the first."""

    version: int
    input: dict[str, Any]
    entered_by: str | None
    closed: bool

    @property
    def key(self) -> tuple[str, str, int, str]:
        """What names it: sheet, subject, year, division."""
        return (self.sheet, self.subject, self.year, self.division)


@dataclass(frozen=True, slots=True)
class NewClosing:
    """A closing to store."""

    evaluation_id: UUID
    version: int
    total: Decimal
    veto: bool
    valid: bool


async def ensure_evaluations(
    conn: Connection, evaluations: Sequence[NewEvaluation], now: datetime
) -> None:
    """Begin the evaluations that are not there yet."""
    await conn.execute(ENSURE, *_columns(NewEvaluation, evaluations), now)


async def load_by_key(
    conn: Connection, keys: Sequence[tuple[str, str, int, str]]
) -> dict[tuple[str, str, int, str], EvaluationRow]:
    """Load evaluations by (sheet, subject, year, division)."""
    rows = await conn.fetch(LOAD_BY_KEY, *(list(column) for column in zip(*keys, strict=True)))
    return {(found := _row(row)).key: found for row in rows}


async def load(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, EvaluationRow]:
    """Load evaluations by id."""
    return {row["id"]: _row(row) for row in await conn.fetch(LOAD, ids)}


async def find_open(conn: Connection, sheet: str, year: int, limit: int) -> list[EvaluationRow]:
    """List evaluations of a sheet and year that are not closed."""
    return [_row(row) for row in await conn.fetch(FIND_OPEN, sheet, year, limit)]


async def add_entries(
    conn: Connection,
    entries: Sequence[tuple[UUID, int, dict[str, Any]]],
    *,
    by: str,
    now: datetime,
) -> set[UUID]:
    """Store (evaluation, version, input); returns those whose version was still free."""
    ids, versions, inputs = zip(*entries, strict=True)
    texts = [orjson.dumps(one).decode() for one in inputs]
    rows = await conn.fetch(ADD_ENTRIES, ids, versions, texts, by, now)
    return {row["evaluation_id"] for row in rows}


async def add_closings(
    conn: Connection, closings: Sequence[NewClosing], *, on: date, by: str, now: datetime
) -> set[UUID]:
    """Store closings; returns those that were open until now."""
    rows = await conn.fetch(ADD_CLOSINGS, *_columns(NewClosing, closings), on, by, now)
    return {row["evaluation_id"] for row in rows}


def _columns(kind: type[Any], items: Sequence[Any]) -> list[list[Any]]:
    return [[getattr(item, field.name) for item in items] for field in fields(kind)]


def _row(row: Any) -> EvaluationRow:
    values = dict(row)
    values["input"] = orjson.loads(values["input"])
    return EvaluationRow(**values)
