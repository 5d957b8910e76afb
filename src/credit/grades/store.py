"""SQL of grades."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from credit.grades.listings.store import ListingRow
from credit.grades.views import CHANNEL
from credit.kit.db import Connection
from credit.rules.model import Status

__all__ = [
    "HISTORY_MAX",
    "ComparedRow",
    "PublishedRow",
    "RegisterRow",
    "ResultRow",
    "RunRow",
    "add_publication",
    "add_request",
    "add_results",
    "add_run",
    "compare_results",
    "compared_traces",
    "distribution_on",
    "distributions",
    "latest_run",
    "load_run",
    "published_of",
    "register_page",
    "request_of",
    "results_of_run",
    "scores_of",
    "trace_of",
]

HISTORY_MAX = 240  # publications: twenty years of monthly ones

ADD_RUN = """
INSERT INTO grade_run (id, pack, pack_version, pack_digest, pack_status, on_date, log_size,
    summary, proposed_by, proposed_at, seed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9, $10, $11)
ON CONFLICT DO NOTHING RETURNING id
"""
ADD_REQUEST = """
INSERT INTO grade_run_request (id, on_date, requested_by, requested_at) VALUES ($1, $2, $3, $4)
"""
REQUEST_OF = "SELECT on_date FROM grade_run_request WHERE id = $1"
_RUNS = """
SELECT r.id, r.pack, r.pack_version, r.pack_digest, r.pack_status, r.on_date, r.log_size,
    r.summary::text, r.proposed_by, r.proposed_at, p.published_at IS NOT NULL AS published, r.seed
FROM grade_run r LEFT JOIN grade_publication p ON p.run_id = r.id
"""
LOAD_RUN = f"{_RUNS} WHERE r.id = $1"
LATEST_RUN = "SELECT id FROM grade_run ORDER BY proposed_at DESC, id DESC LIMIT 1"
LIST_RUNS = f"{_RUNS} WHERE r.id > $1 ORDER BY r.id LIMIT $2"
ADD_RESULTS = """
INSERT INTO grade_result
    (run_id, enterprise, status, grade, score, trace, trace_digest, district)
SELECT $1, * FROM unnest(
    $2::text[], $3::text[], $4::text[], $5::numeric[], $6::bytea[], $7::bytea[], $8::text[])
"""
RESULTS_OF_RUN = """
SELECT enterprise, status, grade, score, trace_digest, district
FROM grade_result WHERE run_id = $1 AND ($2::text IS NULL OR district = $2) ORDER BY enterprise
"""
TRACE_OF = "SELECT trace FROM grade_result WHERE run_id = $1 AND enterprise = $2"
ADD_PUBLICATION = """
INSERT INTO grade_publication (run_id, valid_from, valid_until, published_by, published_at)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING run_id
"""
ADD_PUBLISHED = """
INSERT INTO published_grade (record_id, run_id, enterprise, status, grade, score, valid_from,
    valid_until, published_at)
SELECT n.record_id, $2, n.enterprise, r.status, r.grade, r.score, $4, $5, $6
FROM unnest($1::uuid[], $3::text[]) AS n (record_id, enterprise)
JOIN grade_result r ON r.run_id = $2 AND r.enterprise = n.enterprise
"""
PUBLISHED_OF = """
SELECT e.code, e.name, g.record_id, g.run_id, g.status, g.grade, g.score, g.valid_from,
    g.valid_until, g.published_at, r.pack, r.pack_version, r.pack_status, r.log_size,
    ARRAY(
        SELECT (record_id, entry_id, subject_kind, subject, list_name, kind, legal_basis, effect,
            from_on, until_on, listed_at, exit_id, ended_on)
        FROM listing
        WHERE subject = e.code AND subject_kind = 'enterprise' AND from_on <= $2 AND $2 < until_on
        ORDER BY from_on, record_id) AS listings
FROM unnest($1::text[]) WITH ORDINALITY AS a (code, position)
JOIN enterprise e ON e.code = a.code
LEFT JOIN published_grade g ON g.enterprise = e.code
LEFT JOIN grade_run r ON r.id = g.run_id
ORDER BY a.position, g.published_at DESC
"""
_IN_FORCE = """
FROM enterprise e LEFT JOIN LATERAL (
    SELECT status, grade, score FROM published_grade
    WHERE enterprise = e.code AND valid_from <= $1 AND $1 < valid_until
    ORDER BY published_at DESC LIMIT 1) g ON true
"""
# One page of the register: enterprises with the grade in force on a day, by keyset on the code.
REGISTER_PAGE = f"""
SELECT e.code, e.name, g.status, g.grade, g.score,
    (SELECT d.name FROM division d WHERE d.code = e.district) {_IN_FORCE}
WHERE e.code > $2
    AND ($3::text IS NULL OR e.name LIKE $3 OR e.code LIKE $3)
    AND ($4::text IS NULL OR coalesce(g.grade, g.status, 'unrated') = $4)
ORDER BY e.code LIMIT $5
"""
DISTRIBUTION_ON = f"SELECT coalesce(g.grade, 'unrated') AS grade, count(*) {_IN_FORCE} GROUP BY 1"
# A run's results beside what was in force on the run's day: of the grades published before the run
# itself was, or so far, the last one.
_COMPARED = """
FROM grade_run u LEFT JOIN grade_publication p ON p.run_id = u.id
JOIN grade_result r ON r.run_id = u.id
JOIN enterprise e ON e.code = r.enterprise
LEFT JOIN LATERAL (
    SELECT g.run_id, g.grade, g.score FROM published_grade g
    WHERE g.enterprise = r.enterprise
        AND g.valid_from <= u.on_date AND u.on_date < g.valid_until
        AND (p.published_at IS NULL OR g.published_at < p.published_at)
    ORDER BY g.published_at DESC LIMIT 1) b ON true
"""
COMPARE_RESULTS = f"""
SELECT e.code, e.name, b.grade, b.score, r.grade, r.score {_COMPARED}
WHERE u.id = $1 AND ($2::text IS NULL OR r.district = $2)
"""
COMPARED_TRACES = f"""
SELECT f.trace AS before, r.trace AS after {_COMPARED}
LEFT JOIN grade_result f ON f.run_id = b.run_id AND f.enterprise = r.enterprise
WHERE u.id = $1 AND r.enterprise = $2
"""
# A publication that a later one covers on its own first day gave way before it began: left out.
SCORES_OF = """
SELECT g.valid_from, g.score, g.grade FROM published_grade g
WHERE g.enterprise = $1 AND NOT EXISTS (
    SELECT FROM published_grade l
    WHERE l.enterprise = g.enterprise AND l.valid_from <= g.valid_from
        AND g.valid_from < l.valid_until AND l.published_at > g.published_at)
ORDER BY g.valid_from DESC, g.published_at DESC LIMIT $2
"""
DISTRIBUTIONS = """
SELECT p.run_id, p.valid_from, r.summary::text
FROM grade_publication p JOIN grade_run r ON r.id = p.run_id
ORDER BY p.published_at DESC, p.run_id DESC LIMIT $1
"""
NOTIFY = "SELECT pg_notify($1, current_schema())"
ENTERPRISES_ON = """
SELECT code, district FROM enterprise
WHERE founded_on <= $1 AND (ended_on IS NULL OR ended_on > $1) ORDER BY code
"""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as stored; the ids of its records count up from `seed`, which older runs have not."""

    id: UUID
    pack: str
    pack_version: str
    pack_digest: str
    pack_status: Status
    on_date: date
    log_size: int
    summary: dict[str, Any]
    proposed_by: str
    proposed_at: datetime
    published: bool
    seed: UUID | None = None


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A run's result for one enterprise; `district` is where it was registered then."""

    enterprise: str
    status: str
    grade: str | None
    score: Decimal | None
    trace_digest: bytes
    district: str | None


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """An enterprise with one of its published grades; the grade's fields are None without one.

    `listings` are those whose term covers the day asked about, the same in all its rows.
    """

    code: str
    name: str
    record_id: UUID | None
    run_id: UUID | None
    status: str | None
    grade: str | None
    score: Decimal | None
    valid_from: date | None
    valid_until: date | None
    published_at: datetime | None
    pack: str | None
    pack_version: str | None
    pack_status: str | None
    log_size: int | None
    listings: tuple[ListingRow, ...]


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """A line of the register; `district` is the district's name."""

    code: str
    name: str
    status: str | None
    grade: str | None
    score: Decimal | None
    district: str | None


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """An enterprise of a run with the grade in force before it and the run's; None is unrated."""

    code: str
    name: str
    grade_before: str | None
    score_before: Decimal | None
    grade_after: str | None
    score_after: Decimal | None


async def enterprises_on(conn: Connection, day: date) -> dict[str, str | None]:
    """Return the enterprises that exist on a day by code, in its order, each with its district."""
    return {row["code"]: row["district"] for row in await conn.fetch(ENTERPRISES_ON, day)}


async def add_request(conn: Connection, run_id: UUID, *, on: date, by: str, now: datetime) -> None:
    """Note that a run was asked for."""
    await conn.execute(ADD_REQUEST, run_id, on, by, now)


async def request_of(conn: Connection, run_id: UUID) -> date | None:
    """Return the day of a run that was asked for."""
    on: date | None = await conn.fetchval(REQUEST_OF, run_id)
    return on


async def add_run(conn: Connection, run: RunRow) -> bool:
    """Store a run's head; False when it is there already."""
    added = await conn.fetchval(
        ADD_RUN,
        run.id,
        run.pack,
        run.pack_version,
        run.pack_digest,
        run.pack_status,
        run.on_date,
        run.log_size,
        orjson.dumps(run.summary).decode(),
        run.proposed_by,
        run.proposed_at,
        run.seed,
    )
    return added is not None


async def add_results(
    conn: Connection,
    run_id: UUID,
    rows: Sequence[tuple[str, str, str | None, Decimal | None, bytes, bytes, str | None]],
) -> None:
    """Store (enterprise, status, grade, score, compressed trace, its digest, district).

    Not by COPY, which PostgreSQL refuses for a table with row-level security.
    """
    if rows:
        await conn.execute(ADD_RESULTS, run_id, *map(list, zip(*rows, strict=True)))


async def load_run(conn: Connection, run_id: UUID) -> RunRow | None:
    """Load a run."""
    row = await conn.fetchrow(LOAD_RUN, run_id)
    return None if row is None else _run(row)


async def latest_run(conn: Connection) -> UUID | None:
    """Return the newest run's id."""
    found: UUID | None = await conn.fetchval(LATEST_RUN)
    return found


async def list_runs(conn: Connection, after: UUID, limit: int) -> list[RunRow]:
    """List runs in the order of their ids."""
    return [_run(row) for row in await conn.fetch(LIST_RUNS, after, limit)]


async def results_of_run(
    conn: Connection, run_id: UUID, district: str | None = None
) -> list[ResultRow]:
    """Return a run's results, or those of a district, by enterprise code."""
    return [ResultRow(*row) for row in await conn.fetch(RESULTS_OF_RUN, run_id, district)]


async def trace_of(conn: Connection, run_id: UUID, enterprise: str) -> bytes | None:
    """Return the compressed trace of a result."""
    trace: bytes | None = await conn.fetchval(TRACE_OF, run_id, enterprise)
    return trace


async def add_publication(
    conn: Connection,
    run_id: UUID,
    records: dict[str, UUID],
    *,
    valid_from: date,
    valid_until: date,
    by: str,
    now: datetime,
) -> bool:
    """Store a publication and its grades; False when the run was published before."""
    added = await conn.fetchval(ADD_PUBLICATION, run_id, valid_from, valid_until, by, now)
    if added is None:
        return False
    await conn.execute(
        ADD_PUBLISHED,
        list(records.values()),
        run_id,
        list(records),
        valid_from,
        valid_until,
        now,
    )
    return True


async def published_of(
    conn: Connection, codes: Sequence[str], on: date
) -> dict[str, list[PublishedRow]]:
    """Return each known enterprise's published grades, newest first, in the order asked, with the
    listings whose term covers a day.
    """
    grouped: dict[str, list[PublishedRow]] = {}
    for *row, listed in await conn.fetch(PUBLISHED_OF, codes, on):
        row.append(tuple(ListingRow(*one) for one in listed))
        grouped.setdefault(row[0], []).append(PublishedRow(*row))
    return grouped


async def register_page(
    conn: Connection, on: date, after: str, *, like: str | None, grade: str | None, limit: int
) -> list[RegisterRow]:
    """Return a page of the register after a code."""
    rows = await conn.fetch(REGISTER_PAGE, on, after, like, grade, limit)
    return [RegisterRow(*row) for row in rows]


async def compare_results(
    conn: Connection, run_id: UUID, district: str | None = None
) -> list[ComparedRow]:
    """Return a run's results, or a district's, beside what was in force before it, in no order."""
    return [ComparedRow(*row) for row in await conn.fetch(COMPARE_RESULTS, run_id, district)]


async def compared_traces(
    conn: Connection, run_id: UUID, enterprise: str
) -> tuple[bytes | None, bytes] | None:
    """Return the compressed traces of the grade in force before a run, if any, and of the run's."""
    row = await conn.fetchrow(COMPARED_TRACES, run_id, enterprise)
    return None if row is None else (row["before"], row["after"])


async def scores_of(
    conn: Connection, enterprise: str
) -> list[tuple[date, Decimal | None, str | None]]:
    """Return the newest published (first day, score, grade), oldest first."""
    rows = await conn.fetch(SCORES_OF, enterprise, HISTORY_MAX)
    return [tuple(row) for row in reversed(rows)]


async def distribution_on(conn: Connection, on: date) -> dict[str, int]:
    """Count the register by the grade in force on a day; `unrated` counts who has none."""
    return {row["grade"]: row["count"] for row in await conn.fetch(DISTRIBUTION_ON, on)}


async def distributions(conn: Connection) -> list[tuple[UUID, date, dict[str, int]]]:
    """Return the newest publications' (run, first day, count by grade), in order of publication."""
    rows = await conn.fetch(DISTRIBUTIONS, HISTORY_MAX)
    return [
        (row["run_id"], row["valid_from"], orjson.loads(row["summary"])["distribution"])
        for row in reversed(rows)
    ]


def _run(row: Any) -> RunRow:
    values = dict(row)
    values["summary"] = orjson.loads(values["summary"])
    return RunRow(**values)


async def notify_published(conn: Connection) -> None:
    """Tell every server process, at commit, that the city's published grades changed."""
    await conn.execute(NOTIFY, CHANNEL)
