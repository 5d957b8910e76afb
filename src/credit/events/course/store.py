"""SQL of the course of facts: where each stands, its steps, and what others suggest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from credit.events.course.views import Course, ListedCourse, Step, Suggested, Suggestion
from credit.kit.db import Connection
from credit.rules.model import Severity

__all__ = [
    "NewCourse",
    "add_courses",
    "add_steps",
    "add_suggestion",
    "courses_of",
    "effective",
    "end_suggestion",
    "end_suggestions",
    "list_courses",
    "lock_courses",
    "names_evidence",
    "open_suggestions",
    "save_courses",
    "steps_of",
    "suggestion",
]

_COLUMNS = """
c.event_id, c.enterprise, c.severity, c.elsewhere, c.state, c.steps, e.proposed_by, c.noticed_on,
c.noticed_by, c.rectification_due, c.objection_due, c.must_hear, c.must_measure,
c.acknowledged_on, c.rectified_on, c.measures, c.objected_on, c.heard_on, c.heard_by, c.finding,
c.decided_on, c.ended_on,
CASE WHEN e.target IS NOT NULL THEN (
    WITH RECURSIVE before AS (
        SELECT e.target AS id
        UNION SELECT b.target FROM event b JOIN before ON b.id = before.id
            WHERE b.target IS NOT NULL
    ) SELECT min(k.decided_on) FROM before JOIN event_course k ON k.event_id = before.id) END
"""
# A fact that was decided before there were courses begins where it stands.
ADD_COURSES = """
INSERT INTO event_course (event_id, enterprise, severity, elsewhere, state, steps, must_hear,
    must_measure, measures, decided_on)
SELECT n.event_id, n.enterprise, n.severity, n.elsewhere,
    CASE d.outcome WHEN 'refused' THEN 'dropped' WHEN 'accepted' THEN coalesce(
        (SELECT CASE w.kind WHEN 'event-withdrawn' THEN 'withdrawn' ELSE 'corrected' END
         FROM event w JOIN event_decision x ON x.event_id = w.id
         WHERE w.target = n.event_id AND x.outcome = 'accepted' LIMIT 1),
        'effective') ELSE 'proposed' END,
    0, false, false, false, (d.decided_at AT TIME ZONE 'Asia/Shanghai')::date
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[])
    AS n (event_id, enterprise, severity, elsewhere)
LEFT JOIN event_decision d ON d.event_id = n.event_id
ORDER BY n.event_id ON CONFLICT DO NOTHING
"""
EFFECTIVE = """
SELECT e.id, e.code, e.occurred_on, e.body FROM event_course c JOIN event e ON e.id = c.event_id
WHERE c.state = 'effective' AND c.event_id > $1 ORDER BY c.event_id LIMIT $2
"""
COURSES_OF = f"""
SELECT {_COLUMNS} FROM event_course c JOIN event e ON e.id = c.event_id
WHERE c.event_id = ANY($1::uuid[])
"""
# In the order of their ids, so that two who lock several wait for each other one way only.
LOCK_COURSES = f"{COURSES_OF} ORDER BY c.event_id FOR UPDATE OF c"
SAVE_COURSES = """
UPDATE event_course c SET state = n.state, steps = n.steps, noticed_on = n.noticed_on,
    noticed_by = n.noticed_by, rectification_due = n.rectification_due,
    objection_due = n.objection_due, must_hear = n.must_hear, must_measure = n.must_measure,
    acknowledged_on = n.acknowledged_on, rectified_on = n.rectified_on, measures = n.measures,
    objected_on = n.objected_on, heard_on = n.heard_on, heard_by = n.heard_by,
    finding = n.finding, decided_on = n.decided_on, ended_on = n.ended_on
FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::date[], $5::text[], $6::date[],
    $7::date[], $8::boolean[], $9::boolean[], $10::date[], $11::date[], $12::boolean[],
    $13::date[], $14::date[], $15::text[], $16::text[], $17::date[], $18::date[])
    AS n (event_id, state, steps, noticed_on, noticed_by, rectification_due, objection_due,
        must_hear, must_measure, acknowledged_on, rectified_on, measures, objected_on, heard_on,
        heard_by, finding, decided_on, ended_on)
WHERE c.event_id = n.event_id
"""
SAVED = (
    "event_id", "state", "steps", "noticed_on", "noticed_by", "rectification_due", "objection_due",
    "must_hear", "must_measure", "acknowledged_on", "rectified_on", "measures", "objected_on",
    "heard_on", "heard_by", "finding", "decided_on", "ended_on",
)  # fmt: skip
# Arrays of different lengths make no array: digests of one step come as one text, split again.
ADD_STEPS = """
INSERT INTO event_step (event_id, number, kind, at, done_by, statement, evidence, due_on, finding,
    term, days, participants, corrective, preventive)
SELECT n.event_id, n.number, n.kind, n.at, n.done_by, n.statement,
    string_to_array(n.evidence, ' '), n.due_on, n.finding, n.term, n.days, n.participants,
    n.corrective, n.preventive
FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::timestamptz[], $5::text[], $6::text[],
    $7::text[], $8::date[], $9::text[], $10::text[], $11::smallint[], $12::text[], $13::text[],
    $14::text[])
    AS n (event_id, number, kind, at, done_by, statement, evidence, due_on, finding, term, days,
        participants, corrective, preventive)
"""
STEP_COLUMNS = (
    "event_id", "number", "kind", "at", "done_by", "statement", "evidence", "due_on", "finding",
    "term", "days", "participants", "corrective", "preventive",
)  # fmt: skip
STEPS_OF = f"""
SELECT {", ".join(STEP_COLUMNS)} FROM event_step WHERE event_id = $1 ORDER BY number
"""
# Of each page the next term that is due; a course with none open has none.
_LISTED = f"""
SELECT {_COLUMNS}, e.code, e.subject_kind, e.subject, e.occurred_on, e.proposed_at, f.name,
    t.kind AS due_kind, t.due_on, t.level
FROM event_course c JOIN event e ON e.id = c.event_id
LEFT JOIN enterprise f ON f.code = c.enterprise
LEFT JOIN LATERAL (
    SELECT kind, due_on, level FROM term
    WHERE matter_id = c.event_id AND closed_at IS NULL
    ORDER BY party IS NOT NULL AND due_on < $4, due_on, id LIMIT 1) t ON true
"""
LIST_COURSES = f"""
{_LISTED} WHERE c.state = ANY($1::text[]) AND c.event_id > $2 ORDER BY c.event_id LIMIT $3
"""
NAMES_EVIDENCE = """
SELECT EXISTS (SELECT FROM event_step WHERE event_id = $1 AND $2 = ANY(evidence)) OR EXISTS (
    SELECT FROM repair r JOIN repair_step s ON s.repair_id = r.id
    WHERE r.event_id = $1 AND $2 = ANY(s.evidence))
"""
LIST_COURSES_OF = f"""
{_LISTED} WHERE c.enterprise = $5 AND c.state = ANY($1::text[]) AND c.event_id > $2
ORDER BY c.event_id LIMIT $3
"""
_SUGGESTION = """
SELECT id, source_kind, source_id, code, subject_kind, subject, occurred_on, reference, note,
    evidence, suggested_at, state, handled_by, handled_at, event_id, reason FROM event_suggestion
"""
ADD_SUGGESTION = """
INSERT INTO event_suggestion (id, source_kind, source_id, code, subject_kind, subject, occurred_on,
    reference, note, evidence, suggested_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'open')
ON CONFLICT DO NOTHING RETURNING id
"""
OPEN_SUGGESTIONS = f"""
{_SUGGESTION} s WHERE state = 'open' AND id > $1
    AND ($3::text IS NULL OR subject IN (SELECT code FROM subjects_in_v1($3))
        OR subject_kind = 'manager' AND EXISTS (
            SELECT FROM post o JOIN project p ON p.code = o.project
            WHERE o.manager = s.subject AND starts_with(p.street, $3)))
ORDER BY id LIMIT $2
"""
SUGGESTION = f"{_SUGGESTION} WHERE id = $1"
END_SUGGESTION = """
UPDATE event_suggestion SET state = $2, handled_by = $3, handled_at = $4, event_id = $5, reason = $6
WHERE id = $1 AND state = 'open' RETURNING id
"""
END_SUGGESTIONS = """
UPDATE event_suggestion SET state = 'dismissed', handled_by = $3, handled_at = $4, reason = $5
WHERE source_kind = $1 AND source_id = $2 AND state = 'open' RETURNING id
"""


@dataclass(frozen=True, slots=True)
class NewCourse:
    """The course of a fact that was just proposed."""

    event_id: UUID
    enterprise: str
    severity: Severity
    elsewhere: bool


async def add_courses(conn: Connection, courses: Sequence[NewCourse]) -> None:
    """Begin the courses of facts; one that has begun goes on as it is."""
    if courses:
        columns = [
            [getattr(one, name) for one in courses] for name in NewCourse.__dataclass_fields__
        ]
        await conn.execute(ADD_COURSES, *columns)


async def courses_of(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, Course]:
    """Return where facts stand; what takes no course is not among them."""
    return {row["event_id"]: Course(*row) for row in await conn.fetch(COURSES_OF, ids)}


async def effective(
    conn: Connection, after: UUID, limit: int
) -> list[tuple[UUID, str, date, bytes]]:
    """Return bad facts in effect by id: (id, code, day it happened, body)."""
    return [tuple(row) for row in await conn.fetch(EFFECTIVE, after, limit)]


async def lock_courses(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, Course]:
    """Return where facts stand, and let nobody else move them before the transaction ends."""
    return {row["event_id"]: Course(*row) for row in await conn.fetch(LOCK_COURSES, ids)}


async def save_courses(conn: Connection, courses: Sequence[Course]) -> None:
    """Keep where facts stand now."""
    if courses:
        await conn.execute(SAVE_COURSES, *_columns(courses, SAVED))


async def add_steps(conn: Connection, steps: Sequence[Step]) -> None:
    """Keep steps; one number is taken once for a fact."""
    if steps:
        columns = dict(zip(STEP_COLUMNS, _columns(steps, STEP_COLUMNS), strict=True))
        columns["evidence"] = [" ".join(one) for one in columns["evidence"]]
        await conn.execute(ADD_STEPS, *columns.values())


async def steps_of(conn: Connection, event_id: UUID) -> list[Step]:
    """Return the steps of a fact in their order."""
    return [_step(row) for row in await conn.fetch(STEPS_OF, event_id)]


async def list_courses(
    conn: Connection,
    states: Sequence[str],
    after: UUID,
    limit: int,
    *,
    enterprise: str | None,
    today: date,
) -> list[ListedCourse]:
    """Return a page of courses after an id, oldest first, of one enterprise or of all."""
    if enterprise is None:
        rows = await conn.fetch(LIST_COURSES, states, after, limit, today)
    else:
        rows = await conn.fetch(LIST_COURSES_OF, states, after, limit, today, enterprise)
    width = len(Course.__dataclass_fields__)
    return [ListedCourse(Course(*row[:width]), *row[width:]) for row in map(tuple, rows)]


async def names_evidence(conn: Connection, event_id: UUID, digest: str) -> bool:
    """Say whether a step of a fact's course or repair names a file."""
    named: bool = await conn.fetchval(NAMES_EVIDENCE, event_id, digest)
    return named


async def add_suggestion(
    conn: Connection, suggestion_id: UUID, given: Suggestion, now: datetime
) -> bool:
    """Keep a suggestion; False when its source made it before."""
    added = await conn.fetchval(
        ADD_SUGGESTION,
        suggestion_id,
        given.source_kind,
        given.source_id,
        given.code,
        given.primary,
        given.subject,
        given.occurred_on,
        given.reference,
        given.note,
        list(given.evidence),
        now,
    )
    return added is not None


async def open_suggestions(
    conn: Connection, after: UUID, limit: int, division: str | None
) -> list[Suggested]:
    """Return a page of open suggestions after an id, oldest first; those of a division, if given."""
    rows = await conn.fetch(OPEN_SUGGESTIONS, after, limit, division)
    return [_suggested(row) for row in rows]


async def suggestion(conn: Connection, suggestion_id: UUID) -> Suggested | None:
    """Return a suggestion; None without it."""
    row = await conn.fetchrow(SUGGESTION, suggestion_id)
    return None if row is None else _suggested(row)


async def end_suggestion(
    conn: Connection,
    suggestion_id: UUID,
    state: str,
    *,
    by: str,
    now: datetime,
    event_id: UUID | None,
    reason: str | None,
) -> bool:
    """Keep what became of an open suggestion; False when it is not open."""
    done = await conn.fetchval(END_SUGGESTION, suggestion_id, state, by, now, event_id, reason)
    return done is not None


async def end_suggestions(
    conn: Connection,
    source_kind: str,
    source_id: str,
    *,
    by: str | None,
    now: datetime,
    reason: str,
) -> int:
    """Set a source's open suggestions aside; returns how many."""
    return len(await conn.fetch(END_SUGGESTIONS, source_kind, source_id, by, now, reason))


def _columns(rows: Sequence[Any], names: Sequence[str]) -> list[list[Any]]:
    return [[getattr(row, name) for row in rows] for name in names]


def _step(row: Any) -> Step:
    values = dict(row)
    values["evidence"] = tuple(values["evidence"])
    return Step(**values)


def _suggested(row: Any) -> Suggested:
    given = Suggestion(
        row["source_kind"],
        row["source_id"],
        row["code"],
        row["subject_kind"],
        row["subject"],
        row["occurred_on"],
        row["reference"],
        row["note"],
        tuple(row["evidence"]),
    )
    return Suggested(
        row["id"],
        given,
        row["suggested_at"],
        row["state"],
        row["handled_by"],
        row["handled_at"],
        row["event_id"],
        row["reason"],
    )
