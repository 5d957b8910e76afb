"""SQL of pages that look across the slices: the desk and the search."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from credit.access.saved import SavedView
from credit.kit.db import Connection

__all__ = [
    "ExpiringClient",
    "FoundEnterprise",
    "FoundEvaluation",
    "FoundEvent",
    "FoundProject",
    "Work",
    "enterprises",
    "evaluations_by_id",
    "evaluations_of",
    "events_by_id",
    "events_of",
    "expiring",
    "projects",
    "work",
]

# What a desk is told in one round. Of what waits and of what was refused lately, as much as is worth
# looking through for a proposer's own ($2; None: nobody's is asked for).
# A run is overtaken when something that could change a grade was numbered after it read the log:
# anything but a fact after the run's day.
WORK = """
WITH waiting AS (SELECT event_id FROM event_waiting ORDER BY event_id LIMIT $4)
SELECT
    (SELECT count(*) FROM waiting w JOIN event e ON e.id = w.event_id
     WHERE $2::text IS NOT NULL AND e.proposed_by = $2) AS own,
    (SELECT count(*) FROM (
        SELECT event_id, decided_at FROM event_decision WHERE outcome = 'refused'
        ORDER BY event_id DESC LIMIT $4) d
     JOIN event e ON e.id = d.event_id
     WHERE $2::text IS NOT NULL AND e.proposed_by = $2 AND d.decided_at >= $3) AS refused,
    ARRAY(
        SELECT r.id FROM (SELECT id, log_size, on_date FROM grade_run ORDER BY id DESC LIMIT $5) r
        WHERE NOT EXISTS (SELECT FROM grade_publication p WHERE p.run_id = r.id) AND EXISTS (
            SELECT FROM log_entry e JOIN log_record l USING (k)
            CROSS JOIN LATERAL (
                SELECT ('{' || convert_from(l.fragment, 'UTF8') || '}')::jsonb -> 'body' AS body) b
            WHERE e.idx >= r.log_size AND l.kind = ANY($6) AND (coalesce(
                body ->> 'occurred_on', body ->> 'closed_on', body ->> 'on')::date > r.on_date
            ) IS NOT TRUE)) AS overtaken,
    EXISTS (SELECT FROM signing_key WHERE holder = $1 AND revoked_by IS NULL) AS key,
    ARRAY(
        SELECT (place, name, query) FROM saved_view WHERE person_id = $1
        ORDER BY place, created_at, name) AS views
"""
EXPIRING = """
SELECT prefix, name, expires_at FROM api_client
WHERE revoked_at IS NULL AND expires_at > $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3
"""
ENTERPRISES = """
SELECT e.code, e.name, d.name AS district, g.grade
FROM enterprise e LEFT JOIN division d ON d.code = e.district LEFT JOIN LATERAL (
    SELECT grade FROM published_grade
    WHERE enterprise = e.code AND valid_from <= $3 AND $3 < valid_until
    ORDER BY published_at DESC LIMIT 1) g ON true
WHERE e.name LIKE $1 OR e.code LIKE $2 OR e.former_code LIKE $2 ORDER BY e.code LIMIT $4
"""
PROJECTS = """
SELECT p.code, p.name, m.enterprise, e.name AS enterprise_name
FROM project p LEFT JOIN management m ON m.project = p.code AND m.until IS NULL
LEFT JOIN enterprise e ON e.code = m.enterprise
WHERE p.name LIKE $1 OR p.code LIKE $2 ORDER BY p.code LIMIT $3
"""
# The inner questions have an index of their own each; the outer ones sort what little they find.
_EVENTS = """
WITH found AS MATERIALIZED (
    SELECT id, kind, code, occurred_on, enterprise FROM event WHERE {})
SELECT v.id, v.kind, v.code, v.occurred_on, v.enterprise, e.name, d.outcome
FROM found v JOIN enterprise e ON e.code = v.enterprise
LEFT JOIN event_decision d ON d.event_id = v.id ORDER BY v.id DESC LIMIT
"""
EVENTS_BY_ID = f"{_EVENTS.format('id BETWEEN $1 AND $2 ORDER BY id LIMIT $3')} $3"
EVENTS_OF = f"{_EVENTS.format('enterprise = ANY($1)')} $2"
_EVALUATIONS = """
WITH found AS MATERIALIZED (
    SELECT id, sheet, year, subject_kind, subject, enterprise FROM evaluation WHERE {})
SELECT v.id, v.sheet, v.year, v.subject, coalesce(p.name, e.name) AS name,
    c.evaluation_id IS NOT NULL AS closed
FROM found v LEFT JOIN evaluation_closing c ON c.evaluation_id = v.id
LEFT JOIN project p ON v.subject_kind = 'project' AND p.code = v.subject
LEFT JOIN enterprise e ON e.code = v.enterprise
ORDER BY v.year DESC, v.sheet, v.subject, v.id LIMIT
"""
EVALUATIONS_BY_ID = f"{_EVALUATIONS.format('id BETWEEN $1 AND $2 ORDER BY id LIMIT $3')} $3"
EVALUATIONS_OF = f"{_EVALUATIONS.format('enterprise = ANY($1)')} $2"


@dataclass(frozen=True, slots=True)
class Work:
    """How many of a person's own events wait, and were refused lately, counted up to a limit. Which
    of the newest runs are not published and overtaken; whether the person has an active key, and
    which views they saved.
    """

    own: int
    refused: int
    overtaken: list[UUID]
    key: bool
    views: list[SavedView]


@dataclass(frozen=True, slots=True)
class ExpiringClient:
    """A machine's key that stops working soon."""

    prefix: str
    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class FoundEnterprise:
    """An enterprise with its district's name and the grade in force."""

    code: str
    name: str
    district: str | None
    grade: str | None


@dataclass(frozen=True, slots=True)
class FoundProject:
    """A project and who manages it now."""

    code: str
    name: str
    enterprise: str | None
    enterprise_name: str | None


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """An event; `outcome` is None while it waits."""

    id: UUID
    kind: str
    code: str
    occurred_on: date
    enterprise: str
    enterprise_name: str
    outcome: str | None


@dataclass(frozen=True, slots=True)
class FoundEvaluation:
    """An evaluation; `name` is its project's or its enterprise's."""

    id: UUID
    sheet: str
    year: int
    subject: str
    name: str | None
    closed: bool


async def work(
    conn: Connection,
    person_id: str,
    *,
    proposes: bool,
    since: datetime,
    counted: int,
    runs: int,
    kinds: Sequence[str],
) -> Work:
    """Say what waits of a person's own.

    Counts go up to `counted`, refusals back to `since`; `kinds` of records overtake the newest
    `runs`.
    """
    proposer = person_id if proposes else None
    ((*row, views),) = await conn.fetch(WORK, person_id, proposer, since, counted, runs, kinds)
    row.append([SavedView(*one) for one in views])
    return Work(*row)


async def expiring(
    conn: Connection, now: datetime, until: datetime, limit: int
) -> list[ExpiringClient]:
    """List machines' keys that stop working by a moment, the next one first."""
    return [ExpiringClient(*row) for row in await conn.fetch(EXPIRING, now, until, limit)]


async def enterprises(
    conn: Connection, name_like: str, code_like: str, on: date, limit: int
) -> list[FoundEnterprise]:
    """Find enterprises by name or code."""
    rows = await conn.fetch(ENTERPRISES, name_like, code_like, on, limit)
    return [FoundEnterprise(*row) for row in rows]


async def projects(
    conn: Connection, name_like: str, code_like: str, limit: int
) -> list[FoundProject]:
    """Find projects by name or code."""
    return [FoundProject(*row) for row in await conn.fetch(PROJECTS, name_like, code_like, limit)]


async def events_by_id(conn: Connection, low: UUID, high: UUID, limit: int) -> list[FoundEvent]:
    """Find events whose ids lie within bounds."""
    return [FoundEvent(*row) for row in await conn.fetch(EVENTS_BY_ID, low, high, limit)]


async def events_of(conn: Connection, codes: Sequence[str], limit: int) -> list[FoundEvent]:
    """Return the newest events of enterprises."""
    return [FoundEvent(*row) for row in await conn.fetch(EVENTS_OF, codes, limit)]


async def evaluations_by_id(
    conn: Connection, low: UUID, high: UUID, limit: int
) -> list[FoundEvaluation]:
    """Find evaluations whose ids lie within bounds."""
    rows = await conn.fetch(EVALUATIONS_BY_ID, low, high, limit)
    return [FoundEvaluation(*row) for row in rows]


async def evaluations_of(
    conn: Connection, codes: Sequence[str], limit: int
) -> list[FoundEvaluation]:
    """Return the newest evaluations that enterprises answer for."""
    return [FoundEvaluation(*row) for row in await conn.fetch(EVALUATIONS_OF, codes, limit)]
