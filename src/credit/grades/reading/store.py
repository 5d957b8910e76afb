"""SQL of what officers look at: enterprises beside their grades and work, runs with their jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from credit.grades.store import COMPARE_RESULTS, ComparedRow
from credit.kit.db import Connection

__all__ = [
    "Chosen",
    "EnterpriseHead",
    "EnterpriseRow",
    "EvaluatedYear",
    "LatestPublication",
    "ManagedProject",
    "RunLine",
    "changed_first",
    "enterprise_head",
    "enterprises",
    "evaluated_years",
    "latest_publication",
    "managed_projects",
    "run_line",
    "run_lines",
]

TREND_MAX = 12  # scores in a row's trend, of as many publications
CHANGED_FIRST = f"""
{COMPARE_RESULTS} ORDER BY b.grade IS NOT DISTINCT FROM r.grade, e.code LIMIT $3
"""
# Of the proposals that wait, so many are looked through, the oldest first.
WAITING_MAX = 5_000

# A page of enterprises by keyset on what they are sorted by; those who have none of it come last in
# both directions. What costs a look-up for each of them is asked for the page alone. Names are in
# the order of their pinyin: GB 18030 numbers the common characters so, and every server knows it.
_PLACES = {
    "code": ("e.code", "''"),
    "name": ("convert_to(e.name, 'GB18030')", "''"),
    "grade": ("array_position($9::text[], g.grade)", "0"),
    "score": ("g.score", "0"),
}
_DIRECTIONS = {"": ("ASC", ">", "NULL"), "-": ("DESC", "<", "NOT NULL")}
_ENTERPRISES = """
WITH graded AS (
    SELECT DISTINCT ON (enterprise) enterprise, grade, score FROM published_grade
    WHERE valid_from <= $1 AND $1 < valid_until ORDER BY enterprise, published_at DESC),
sorted AS (
    SELECT e.code, e.name, e.district, e.ended_on, g.grade, g.score,
        {key} IS {last} AS beyond, coalesce({key}, {none}) AS key
    FROM enterprise e LEFT JOIN graded g ON g.enterprise = e.code),
page AS (
    SELECT * FROM sorted
    WHERE ($2::text IS NULL OR (beyond, key, code) {than} (
            SELECT beyond, key, code FROM sorted WHERE code = $2))
        AND ($3::text IS NULL OR name LIKE $3 OR code LIKE $3)
        AND ($4::text IS NULL OR coalesce(grade, 'unrated') = $4)
        AND ($5::text IS NULL OR code IN (SELECT i.code FROM enterprises_in_v1($5) i))
    ORDER BY beyond {order}, key {order}, code {order} LIMIT $6),
waiting AS (
    SELECT v.enterprise, count(*) AS events
    FROM (SELECT event_id FROM event_waiting ORDER BY event_id LIMIT $7) w
    JOIN event v ON v.id = w.event_id GROUP BY v.enterprise)
SELECT p.code, p.name, d.name AS district, p.ended_on, p.grade, p.score,
    ARRAY(SELECT h.score FROM published_grade h
          WHERE h.enterprise = p.code AND h.score IS NOT NULL
          ORDER BY h.published_at DESC LIMIT $8) AS trend,
    coalesce(w.events, 0) AS waiting,
    (SELECT count(*) FROM management m WHERE m.enterprise = p.code AND m.until IS NULL) AS projects,
    cardinality($9::text[]) AS grades
FROM page p LEFT JOIN division d ON d.code = p.district LEFT JOIN waiting w ON w.enterprise = p.code
ORDER BY p.beyond {order}, p.key {order}, p.code {order}
"""
ENTERPRISES = {
    f"{sign}{name}": _ENTERPRISES.format(key=key, none=none, order=order, than=than, last=last)
    for name, (key, none) in _PLACES.items()
    for sign, (order, than, last) in _DIRECTIONS.items()
}
ENTERPRISE = """
SELECT e.code, e.name, e.kind, e.former_code, e.founded_on, e.ended_on, d.name AS district
FROM enterprise e LEFT JOIN division d ON d.code = e.district WHERE e.code = $1
"""
# Those managed now come first, with who heads them; names are sealed.
PROJECTS = """
SELECT m.project AS code, p.name, p.kind, p.households, p.area_m2, s.name AS street, m.since, m.until,
    o.manager, k.sealed AS key, v.sealed AS manager_name
FROM management m JOIN project p ON p.code = m.project JOIN division s ON s.code = p.street
LEFT JOIN post o ON o.project = m.project AND o.until IS NULL AND m.until IS NULL
LEFT JOIN vault_value v ON v.subject = o.manager AND v.field = $3
LEFT JOIN vault_key k ON k.subject = v.subject
WHERE m.enterprise = $1 ORDER BY m.until DESC NULLS FIRST, m.project, m.since LIMIT $2
"""
# Means are weighted by area, over what was closed and counts.
EVALUATED_YEARS = """
SELECT e.year, e.sheet, count(*) AS held, count(c.evaluation_id) AS closed,
    sum(c.total * e.weight) FILTER (WHERE c.valid) / sum(e.weight) FILTER (WHERE c.valid) AS mean,
    min(c.total) FILTER (WHERE c.valid) AS lowest, coalesce(bool_or(c.veto), false) AS veto
FROM evaluation e LEFT JOIN evaluation_closing c ON c.evaluation_id = e.id
WHERE e.enterprise = $1 GROUP BY e.year, e.sheet ORDER BY e.year DESC, e.sheet LIMIT $2
"""
# A run as asked for, as computed, as published; a run asked for at a page has its job until it is
# computed, one of the command line was never asked for.
_RUN = """
SELECT n.id, coalesce(r.on_date, q.on_date) AS on_date,
    coalesce(q.requested_by, r.proposed_by) AS asked_by,
    coalesce(q.requested_at, r.proposed_at) AS asked_at, r.proposed_at, r.log_size, r.pack,
    r.pack_version, r.pack_status, r.summary::text, p.published_at, p.published_by, p.valid_until,
    j.status::text AS job
FROM {} n LEFT JOIN grade_run r ON r.id = n.id LEFT JOIN grade_run_request q ON q.id = n.id
LEFT JOIN grade_publication p ON p.run_id = n.id
LEFT JOIN procrastinate_jobs j ON r.id IS NULL AND j.args ->> 'run_id' = n.id::text
"""
RUNS = f"""
{_RUN.format("(SELECT id FROM grade_run UNION SELECT id FROM grade_run_request)")}
WHERE n.id < $1 ORDER BY n.id DESC LIMIT $2
"""
RUN = f"{_RUN.format('(SELECT $1::uuid AS id)')} WHERE coalesce(r.id, q.id) IS NOT NULL"
LATEST_PUBLICATION = """
SELECT p.run_id, p.valid_from, p.valid_until, p.published_at, r.summary::text
FROM grade_publication p JOIN grade_run r ON r.id = p.run_id
ORDER BY p.published_at DESC, p.run_id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which enterprises a list shows, and in which order; None leaves a condition out.

    `sort` is code, name, grade (the best first, as `ladder` has them) or score, with - before it
    for the other direction; `like` is a pattern of names and codes, `grade` may be unrated.
    """

    sort: str
    ladder: Sequence[str]
    like: str | None = None
    grade: str | None = None
    division: str | None = None


@dataclass(frozen=True, slots=True)
class EnterpriseRow:
    """A line of the officers' list: the grade in force, the newest published scores, the work.

    `trend` is newest first. `waiting` counts facts that wait for a decision, `projects` those
    managed now.
    """

    code: str
    name: str
    district: str | None
    ended_on: date | None
    grade: str | None
    score: Decimal | None
    trend: list[Decimal]
    waiting: int
    projects: int


@dataclass(frozen=True, slots=True)
class EnterpriseHead:
    """An enterprise as registered; `district` is the district's name."""

    code: str
    name: str
    kind: str
    former_code: str | None
    founded_on: date
    ended_on: date | None
    district: str | None


@dataclass(frozen=True, slots=True)
class ManagedProject:
    """A project and the time it was managed; `manager` heads it now, by code. Area in m².

    `sealed` are the key and the value of the manager's name in the vault; None without one.
    """

    code: str
    name: str
    kind: str
    households: int
    area_m2: int
    street: str
    since: date
    until: date | None
    manager: str | None
    sealed: tuple[bytes, bytes] | None


@dataclass(frozen=True, slots=True)
class EvaluatedYear:
    """A year's evaluations on one sheet; mean and lowest total of those closed and valid."""

    year: int
    sheet: str
    held: int
    closed: int
    mean: Decimal | None
    lowest: Decimal | None
    veto: bool


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run as far as it has come; `job` is its job's state while there is no result yet."""

    id: UUID
    on_date: date
    asked_by: str
    asked_at: datetime
    proposed_at: datetime | None
    log_size: int | None
    pack: str | None
    pack_version: str | None
    pack_status: str | None
    summary: dict[str, Any] | None
    published_at: datetime | None
    published_by: str | None
    valid_until: date | None
    job: str | None


@dataclass(frozen=True, slots=True)
class LatestPublication:
    """The last publication: its days (`valid_until` exclusive), and how grades were distributed."""

    run_id: UUID
    valid_from: date
    valid_until: date
    published_at: datetime
    distribution: dict[str, int]


async def enterprises(
    conn: Connection, on: date, chosen: Chosen, after: str | None, limit: int
) -> list[EnterpriseRow]:
    """Return a page of enterprises after one of them, with their grade on a day."""
    rows = await conn.fetch(
        ENTERPRISES[chosen.sort],
        on,
        after,
        chosen.like,
        chosen.grade,
        chosen.division,
        limit,
        WAITING_MAX,
        TREND_MAX,
        chosen.ladder,
    )
    return [EnterpriseRow(*tuple(row)[:-1]) for row in rows]


async def enterprise_head(conn: Connection, code: str) -> EnterpriseHead | None:
    """Return an enterprise as registered."""
    row = await conn.fetchrow(ENTERPRISE, code)
    return None if row is None else EnterpriseHead(*row)


async def managed_projects(
    conn: Connection, code: str, limit: int, *, name_field: str | None = None
) -> list[ManagedProject]:
    """List the projects an enterprise manages, then those it managed.

    With the vault's field for names they come with their managers' sealed names.
    """
    return [_project(row) for row in await conn.fetch(PROJECTS, code, limit, name_field)]


async def evaluated_years(conn: Connection, code: str, limit: int) -> list[EvaluatedYear]:
    """Return what an enterprise and its projects were evaluated to, the newest year first."""
    return [EvaluatedYear(*row) for row in await conn.fetch(EVALUATED_YEARS, code, limit)]


async def run_lines(conn: Connection, before: UUID, limit: int) -> list[RunLine]:
    """List runs asked for or computed, the newest first, before an id."""
    return [_run(row) for row in await conn.fetch(RUNS, before, limit)]


async def run_line(conn: Connection, run_id: UUID) -> RunLine | None:
    """Return one run."""
    row = await conn.fetchrow(RUN, run_id)
    return None if row is None else _run(row)


async def latest_publication(conn: Connection) -> LatestPublication | None:
    """Return the last publication; None before the first."""
    row = await conn.fetchrow(LATEST_PUBLICATION)
    if row is None:
        return None
    values = dict(row)
    distribution = orjson.loads(values.pop("summary"))["distribution"]
    return LatestPublication(**values, distribution=distribution)


async def changed_first(conn: Connection, run_id: UUID, limit: int) -> list[ComparedRow]:
    """Return some results of a run, those whose grade changes first, each part by code."""
    return [ComparedRow(*row) for row in await conn.fetch(CHANGED_FIRST, run_id, None, limit)]


def _project(row: Any) -> ManagedProject:
    values = dict(row)
    key, name = values.pop("key"), values.pop("manager_name")
    return ManagedProject(**values, sealed=(key, name) if key else None)


def _run(row: Any) -> RunLine:
    values = dict(row)
    values["summary"] = orjson.loads(values["summary"]) if values["summary"] else None
    return RunLine(**values)
