"""SQL of evaluations."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
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
    "OpenSheet",
    "ShownRow",
    "Standing",
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
    "open_sheets",
    "remove_open",
    "show_list",
    "show_these",
]

# What has begun is open until it is closed.
ENSURE = """
WITH begun AS (
    INSERT INTO evaluation (id, pack, sheet, subject_kind, subject, enterprise, division, year,
        weight, created_at)
    SELECT *, $10 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[],
        $6::text[], $7::text[], $8::int[], $9::bigint[])
    ON CONFLICT (sheet, year, subject, division) DO NOTHING
    RETURNING id, sheet, year, subject, division, created_at)
INSERT INTO evaluation_open (evaluation_id, sheet, year, subject, division, created_at)
SELECT * FROM begun
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
JOIN evaluation_open o ON o.evaluation_id = e.id
WHERE o.sheet = $1 AND o.year = $2 ORDER BY o.subject, o.division LIMIT $3
"""
# What pages show of evaluations; names and entries are looked up for these alone.
_SHOWN = """
SELECT e.id, e.pack, e.sheet, e.subject_kind, e.subject, e.enterprise, e.division, e.year,
    e.weight, coalesce(n.version, 0) AS version, coalesce(n.input, '{{}}')::text AS input,
    n.entered_by, c.evaluation_id IS NOT NULL AS closed,
    coalesce(p.name, v.name, f.name) AS subject_name, f.name AS enterprise_name, n.entered_at,
    c.total, c.veto, c.valid, c.closed_on, c.closed_by
FROM {} LEFT JOIN evaluation_closing c ON c.evaluation_id = e.id
LEFT JOIN enterprise f ON f.code = e.enterprise
LEFT JOIN project p ON e.subject_kind = 'project' AND p.code = e.subject
LEFT JOIN division v ON e.subject_kind IN ('street', 'district') AND v.code = e.subject
LEFT JOIN LATERAL (
    SELECT version, input, entered_by, entered_at FROM evaluation_entry
    WHERE evaluation_id = e.id ORDER BY version DESC LIMIT 1) n ON true
"""
SHOW_THESE = f"{_SHOWN.format('evaluation e')} WHERE e.id = ANY($1)"
# What belongs to a division: what it or a part of it judges, and what its district or its city
# judges of its enterprises and projects.
_HERE = """
($3::text IS NULL OR x.division BETWEEN $3 AND $3 || '999' OR (
    x.division IN (left($3, 6), left($3, 4) || '00')
    AND x.subject IN (SELECT code FROM subjects_in_v1($3))))
"""
_CHOSEN = f"""
x.sheet = $1 AND x.year = $2 AND {_HERE} AND ($4::text IS NULL OR x.subject LIKE $4
    OR x.subject IN (
        SELECT code FROM enterprise WHERE name LIKE $4
        UNION ALL SELECT code FROM project WHERE name LIKE $4
        UNION ALL SELECT code FROM division WHERE name LIKE $4))
"""
# The open ones first, each part along its index.
_BY_STATE = f"""
WITH last AS (
    SELECT o.subject, o.division, c.evaluation_id IS NOT NULL AS closed
    FROM evaluation o LEFT JOIN evaluation_closing c ON c.evaluation_id = o.id WHERE o.id = $5)
SELECT * FROM (
    (SELECT x.evaluation_id AS id, false AS closed, x.subject, x.division FROM evaluation_open x
     WHERE {_CHOSEN} AND ($5::uuid IS NULL OR EXISTS (
         SELECT FROM last l
         WHERE NOT l.closed AND (x.subject, x.division) > (l.subject, l.division)))
     ORDER BY x.subject, x.division LIMIT $6)
    UNION ALL
    (SELECT x.id, true, x.subject, x.division FROM evaluation x
     WHERE {_CHOSEN} AND NOT EXISTS (SELECT FROM evaluation_open o WHERE o.evaluation_id = x.id)
        AND ($5::uuid IS NULL OR EXISTS (
            SELECT FROM last l
            WHERE NOT l.closed OR (x.subject, x.division) > (l.subject, l.division)))
     ORDER BY x.subject, x.division LIMIT $6)) parts
ORDER BY closed, subject, division LIMIT $6
"""
# By the totals they were closed with; the open ones, which have none yet, last.
_BY_TOTAL = f"""
SELECT x.id FROM evaluation x LEFT JOIN evaluation_closing c ON c.evaluation_id = x.id
WHERE {_CHOSEN} AND ($5::uuid IS NULL
    OR (c.total IS NULL, coalesce({{0}}c.total, 0), x.subject, x.division) > (
        SELECT k.total IS NULL, coalesce({{0}}k.total, 0), o.subject, o.division
        FROM evaluation o LEFT JOIN evaluation_closing k ON k.evaluation_id = o.id
        WHERE o.id = $5))
ORDER BY c.total IS NULL, coalesce({{0}}c.total, 0), x.subject, x.division LIMIT $6
"""
SHOW_LIST = {
    sort: f"""
WITH page AS (SELECT id, row_number() OVER () AS place FROM ({cut}) AS cut)
{_SHOWN.format("page g JOIN evaluation e ON e.id = g.id")} ORDER BY g.place
"""
    for sort, cut in {
        "state": _BY_STATE,
        "total": _BY_TOTAL.format(""),
        "-total": _BY_TOTAL.format("-"),
    }.items()
}
COUNT_STANDING = f"""
SELECT
    (SELECT count(*) FROM evaluation x WHERE x.sheet = $1 AND x.year = $2 AND {_HERE}),
    (SELECT count(*) FROM evaluation_open x WHERE x.sheet = $1 AND x.year = $2 AND {_HERE})
"""
# Those of a division alone, where one is given.
OPEN_SHEETS = f"""
SELECT x.sheet, x.year, count(*) FILTER (WHERE x.here) AS evaluations, count(*) AS everywhere,
    min(x.created_at) FILTER (WHERE x.here) AS since
FROM (SELECT x.sheet, x.year, x.created_at, {_HERE.replace("$3", "$1")} AS here
      FROM evaluation_open x) x
GROUP BY x.sheet, x.year HAVING bool_or(x.here) ORDER BY x.year, x.sheet LIMIT $2
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
REMOVE_OPEN = "DELETE FROM evaluation_open WHERE evaluation_id = ANY($1)"


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
class Standing:
    """A sheet's evaluations of a year, of one division or of all (None)."""

    sheet: str
    year: int
    division: str | None


@dataclass(frozen=True, slots=True)
class OpenSheet:
    """How many evaluations of a sheet and year are open, and since when the oldest is.

    Of a division, if one was asked for; `everywhere` counts those of the whole city.
    """

    sheet: str
    year: int
    evaluations: int
    everywhere: int
    since: datetime


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
    conn: Connection,
    standing: Standing,
    *,
    like: str | None,
    sort: str,
    after: UUID | None,
    limit: int,
) -> list[ShownRow]:
    """List a sheet's evaluations of a year after one of them.

    `sort` is state (the open ones first), total or -total.
    """
    rows = await conn.fetch(SHOW_LIST[sort], *astuple(standing), like, after, limit)
    return [_shown(row) for row in rows]


async def show_these(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, ShownRow]:
    """Return evaluations by id."""
    return {row["id"]: _shown(row) for row in await conn.fetch(SHOW_THESE, ids)}


async def count_standing(conn: Connection, standing: Standing) -> tuple[int, int]:
    """Count a sheet's evaluations of a year: (all, closed)."""
    row = await conn.fetchrow(COUNT_STANDING, *astuple(standing))
    assert row is not None  # noqa: S101 - a SELECT without FROM has a row
    return row[0], row[0] - row[1]


async def open_sheets(conn: Connection, division: str | None, limit: int) -> list[OpenSheet]:
    """Count open evaluations by sheet and year, the oldest year first; of a division, if given."""
    return [OpenSheet(*row) for row in await conn.fetch(OPEN_SHEETS, division, limit)]


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


async def remove_open(conn: Connection, ids: Sequence[UUID]) -> None:
    """Take evaluations off the list of the open ones."""
    await conn.execute(REMOVE_OPEN, ids)


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
