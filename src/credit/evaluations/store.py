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
    "ShownRow",
    "add_closings",
    "add_entries",
    "count_standing",
    "ensure_evaluations",
    "find_id",
    "find_open",
    "input_of",
    "last_year",
    "load",
    "load_by_key",
    "show_list",
    "show_these",
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
# What pages show: the page is cut first, so that entries are looked up for its rows alone.
_PAGE = """
SELECT e.*, c.evaluation_id IS NOT NULL AS closed, c.total, c.veto, c.valid, c.closed_on,
    c.closed_by, coalesce(p.name, v.name, f.name) AS subject_name, f.name AS enterprise_name
FROM evaluation e
LEFT JOIN evaluation_closing c ON c.evaluation_id = e.id
LEFT JOIN enterprise f ON f.code = e.enterprise
LEFT JOIN project p ON e.subject_kind = 'project' AND p.code = e.subject
LEFT JOIN division v ON e.subject_kind IN ('street', 'district') AND v.code = e.subject
"""
_SHOWN = """
SELECT s.id, s.pack, s.sheet, s.subject_kind, s.subject, s.enterprise, s.division, s.year,
    s.weight, coalesce(n.version, 0) AS version, coalesce(n.input, '{{}}')::text AS input,
    n.entered_by, s.closed, s.subject_name, s.enterprise_name, n.entered_at, s.total, s.veto,
    s.valid, s.closed_on, s.closed_by
FROM ({page}) AS s
LEFT JOIN LATERAL (
    SELECT version, input, entered_by, entered_at FROM evaluation_entry
    WHERE evaluation_id = s.id ORDER BY version DESC LIMIT 1) n ON true
"""
_LIST = f"""{_PAGE}
WHERE e.sheet = $1 AND e.year = $2
    AND ($3::text IS NULL OR e.subject LIKE $3 OR coalesce(p.name, v.name, f.name) LIKE $3)
    AND ($4::uuid IS NULL OR (c.evaluation_id IS NOT NULL, e.subject, e.division) > (
        SELECT k.evaluation_id IS NOT NULL, o.subject, o.division
        FROM evaluation o LEFT JOIN evaluation_closing k ON k.evaluation_id = o.id
        WHERE o.id = $4))
ORDER BY closed, e.subject, e.division LIMIT $5
"""
SHOW_LIST = f"{_SHOWN.format(page=_LIST)} ORDER BY s.closed, s.subject, s.division"
SHOW_THESE = _SHOWN.format(page=f"{_PAGE} WHERE e.id = ANY($1)")
COUNT_STANDING = """
SELECT count(*), count(c.evaluation_id)
FROM evaluation e LEFT JOIN evaluation_closing c ON c.evaluation_id = e.id
WHERE e.sheet = $1 AND e.year = $2
"""
LAST_YEAR = "SELECT max(year) FROM evaluation WHERE sheet = $1"
FIND_ID = """
SELECT id FROM evaluation WHERE sheet = $1 AND subject = $2 AND year = $3 AND division = $4
"""
INPUT_OF = """
SELECT n.input::text FROM evaluation e JOIN evaluation_entry n ON n.evaluation_id = e.id
WHERE e.sheet = $1 AND e.subject = $2 AND e.year = $3 AND e.division = $4 AND n.version = $5
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
class ShownRow(EvaluationRow):
    """An evaluation as pages show it; names are None where the register has none.

    `total` is numeric and with `veto`, `valid`, `closed_on` and `closed_by` that of its closing.
    """

    subject_name: str | None
    enterprise_name: str | None
    entered_at: datetime | None
    total: Decimal | None
    veto: bool | None
    valid: bool | None
    closed_on: date | None
    closed_by: str | None


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


async def show_list(
    conn: Connection, sheet: str, year: int, *, like: str | None, after: UUID | None, limit: int
) -> list[ShownRow]:
    """List a sheet's evaluations of a year after one of them: the open ones first."""
    rows = await conn.fetch(SHOW_LIST, sheet, year, like, after, limit)
    return [_shown(row) for row in rows]


async def show_these(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, ShownRow]:
    """Return evaluations by id."""
    return {row["id"]: _shown(row) for row in await conn.fetch(SHOW_THESE, ids)}


async def count_standing(conn: Connection, sheet: str, year: int) -> tuple[int, int]:
    """Count a sheet's evaluations of a year: (all, closed)."""
    row = await conn.fetchrow(COUNT_STANDING, sheet, year)
    assert row is not None  # noqa: S101 - an aggregate has a row
    return row[0], row[1]


async def last_year(conn: Connection, sheet: str) -> int | None:
    """Return the newest year a sheet has evaluations of."""
    year: int | None = await conn.fetchval(LAST_YEAR, sheet)
    return year


async def find_id(conn: Connection, key: tuple[str, str, int, str]) -> UUID | None:
    """Find an evaluation by (sheet, subject, year, division)."""
    found: UUID | None = await conn.fetchval(FIND_ID, *key)
    return found


async def input_of(
    conn: Connection, key: tuple[str, str, int, str], version: int
) -> dict[str, Any] | None:
    """Return the input of one version of an evaluation."""
    text: str | None = await conn.fetchval(INPUT_OF, *key, version)
    return None if text is None else orjson.loads(text)


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
    return EvaluationRow(**{**row, "input": orjson.loads(row["input"])})


def _shown(row: Any) -> ShownRow:
    return ShownRow(**{**row, "input": orjson.loads(row["input"])})
