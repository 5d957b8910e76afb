"""SQL of list entries, their steps and the exchange."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from credit.kit.db import Connection

__all__ = [
    "CourseRow",
    "EntryRow",
    "StepRow",
    "Viewer",
    "add_entry",
    "add_exchange_item",
    "add_step",
    "behind",
    "close_lapsed",
    "entries",
    "entry_of",
    "evidence_types",
    "find_entry",
    "held_by",
    "lock_entry",
    "named_by_facts",
    "names_of",
    "open_subjects",
    "put_course",
    "steps_of",
    "watched",
    "watched_after",
]

WATCHED_MAX = 2_000

ADD_ENTRY = """
INSERT INTO list_entry (id, list_name, subject_kind, subject, enterprise, list_kind, legal_basis,
    law, measures, facts, criterion, reason, proposed_by, proposed_at, state, steps, answered,
    hearing)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'proposed', 1, false, '')
ON CONFLICT (list_name, subject) WHERE state NOT IN ('rejected', 'exited', 'ended') DO NOTHING
RETURNING id
"""
# An entry ends by its term whoever looks; this only writes it down, so that its place is free.
CLOSE_LAPSED = """
UPDATE list_entry SET state = 'ended', ended_on = until_on
WHERE state = 'published' AND until_on <= $1 AND ($2::text IS NULL OR subject = $2) RETURNING id
"""
_ENTRY_COLUMNS = """
e.id, e.list_name, e.subject_kind, e.subject, e.enterprise, e.list_kind, e.legal_basis,
    e.law, e.measures, e.facts, e.criterion, e.reason, e.proposed_by, e.proposed_at,
    e.state, e.steps, e.answer_due, e.answered, e.hearing, e.heard_by, e.decided_by, e.from_on,
    e.until_on, e.review_on, e.retain_until, e.record_id, e.exit_kind, e.exit_id, e.ended_on,
    f.name
"""
_NAMED = """
list_entry e LEFT JOIN enterprise f ON e.subject_kind = 'enterprise' AND f.code = e.subject
"""
_ENTRY = f"SELECT {_ENTRY_COLUMNS} FROM {_NAMED}"
# Sealed for the auditor are entries taken off their list, and people's once kept long enough; an
# enterprise sees what stands in its portal, and its own entries whatever became of them.
_UNSEALED = """
    ($1::bool OR e.subject_kind = 'enterprise' AND e.subject = $3
        OR e.state <> 'exited' AND (e.retain_until IS NULL OR $2 < e.retain_until))
    AND ($3::text IS NULL OR e.enterprise = $3)
"""
LOCK_ENTRY = f"{_ENTRY} WHERE e.id = $1 FOR UPDATE OF e"
FIND_ENTRY = f"{_ENTRY} WHERE e.id = $4 AND {_UNSEALED}"
ENTRIES = f"""
{_ENTRY} WHERE e.id > $4 AND {_UNSEALED}
    AND ($5::text IS NULL OR e.list_name = $5)
    AND ($6::text IS NULL OR $6 = CASE
        WHEN e.state = 'published' AND e.until_on <= $2 THEN 'ended' ELSE e.state END)
ORDER BY e.id LIMIT $7
"""
WATCHED = f"{_ENTRY} WHERE e.state = 'published' ORDER BY e.review_on, e.id LIMIT $1"
WATCHED_AFTER = f"{_ENTRY} WHERE e.state = 'published' AND e.id > $1 ORDER BY e.id LIMIT $2"
PUT_COURSE = """
UPDATE list_entry SET state = $2, steps = $3, answer_due = $4, answered = $5, hearing = $6,
    heard_by = $7, decided_by = $8, from_on = $9, until_on = $10, review_on = $11,
    retain_until = $12, record_id = $13, exit_kind = $14, exit_id = $15, ended_on = $16
WHERE id = $1
"""
ADD_STEP = """
INSERT INTO list_step (entry_id, number, kind, outcome, statement, evidence, salt, record_id,
    done_by, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
STEPS_OF = """
SELECT number, kind, outcome, statement, evidence, salt, record_id, done_by, at
FROM list_step WHERE entry_id = $1 ORDER BY number
"""
# Whom facts of some codes name, decided or not: what the log says of them decides later. A person's
# own conduct names the person, everything else the enterprise that answers for it.
NAMED_BY_FACTS = """
SELECT kind, code FROM (
    SELECT 'enterprise' AS kind, e.enterprise AS code FROM event e
    WHERE e.code = ANY($1) AND e.kind <> 'event-withdrawn' AND e.subject_kind <> 'manager'
        AND e.enterprise > $2
    UNION
    SELECT 'manager', e.subject FROM event e
    WHERE e.code = ANY($1) AND e.kind <> 'event-withdrawn' AND e.subject_kind = 'manager'
        AND e.subject > $2) n
WHERE n.kind = ANY($3) ORDER BY code, kind LIMIT $4
"""
# Enterprises whose last published grades were all among some.
HELD_BY = """
SELECT f.code FROM enterprise f CROSS JOIN LATERAL (
    SELECT count(*) AS published, bool_and(coalesce(g.grade = ANY($1), false)) AS held
    FROM (SELECT grade FROM published_grade WHERE enterprise = f.code
          ORDER BY published_at DESC LIMIT $2) g) h
WHERE f.code > $3 AND f.ended_on IS NULL AND h.published = $2 AND h.held
ORDER BY f.code LIMIT $4
"""
OPEN_SUBJECTS = """
SELECT subject FROM list_entry
WHERE list_name = $1 AND subject = ANY($2) AND state NOT IN ('rejected', 'exited', 'ended')
    AND (state <> 'published' OR until_on > $3)
"""
NAMES_OF = "SELECT code, name FROM enterprise WHERE code = ANY($1)"
# Records about a subject that the log has not numbered yet.
BEHIND = """
SELECT EXISTS (SELECT FROM log_subject s JOIN log_intake i ON i.k = s.k WHERE s.subject = $1)
"""
KNOWN_EVIDENCE = "SELECT digest, media_type FROM evidence WHERE digest = ANY($1)"
# Held to the end of the transaction, so that items become visible in the order of their ids.
LOCK_EXCHANGE = "SELECT pg_advisory_xact_lock(hashtext(current_schema() || ' exchange'))"
ADD_EXCHANGE_ITEM = """
INSERT INTO exchange_item (kind, entry_id, body, created_at) VALUES ($1, $2, $3::text::jsonb, $4)
"""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, on which day: `sealed` says whether also at what is sealed, `party` whose portal
    it is.
    """

    on: date
    sealed: bool
    party: str | None


@dataclass(frozen=True, slots=True)
class CourseRow:
    """What changes of an entry, as stored; the last eight are None until publication or exit."""

    state: str
    steps: int
    answer_due: date | None
    answered: bool
    hearing: str
    heard_by: str | None
    decided_by: str | None
    from_on: date | None
    until_on: date | None
    review_on: date | None
    retain_until: date | None
    record_id: UUID | None
    exit_kind: str | None
    exit_id: UUID | None
    ended_on: date | None


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry as stored; `name` is the enterprise's by the register.

    Who gave notice and who handed in the answer its steps say, where they were read.
    """

    id: UUID
    list_name: str
    subject_kind: str
    subject: str
    enterprise: str | None
    list_kind: str
    legal_basis: str
    law: str | None
    measures: list[str]
    facts: list[int]
    criterion: str | None
    reason: str
    proposed_by: str
    proposed_at: datetime
    course: CourseRow
    name: str | None
    noticed_by: str | None = None
    answered_by: str | None = None


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step as stored."""

    number: int
    kind: str
    outcome: str | None
    statement: str
    evidence: Sequence[str]
    salt: bytes | None
    record_id: UUID | None
    done_by: str
    at: datetime


_COURSE = tuple(field.name for field in fields(CourseRow))
_READ = ("course", "name", "noticed_by", "answered_by")
_PROPOSED = tuple(field.name for field in fields(EntryRow) if field.name not in _READ)


def entry_of(row: Any) -> EntryRow:
    """Read a row of the entry's columns."""
    values = dict(row)
    course = CourseRow(**{name: values.pop(name) for name in _COURSE})
    return EntryRow(**values, course=course)


async def add_entry(conn: Connection, entry: EntryRow) -> bool:
    """Store a proposal; False when the subject is on the list already, or proposed for it."""
    values = [getattr(entry, name) for name in _PROPOSED]
    return await conn.fetchval(ADD_ENTRY, *values) is not None


async def close_lapsed(conn: Connection, on: date, subject: str | None) -> list[UUID]:
    """Note which entries, of a subject or of all, have ended by their term; returns them."""
    return [row["id"] for row in await conn.fetch(CLOSE_LAPSED, on, subject)]


async def lock_entry(conn: Connection, entry_id: UUID) -> EntryRow | None:
    """Return an entry that nobody else can change until the transaction ends."""
    row = await conn.fetchrow(LOCK_ENTRY, entry_id)
    return None if row is None else entry_of(row)


async def find_entry(conn: Connection, entry_id: UUID, viewer: Viewer) -> EntryRow | None:
    """Return an entry, if the viewer may see it."""
    row = await conn.fetchrow(FIND_ENTRY, viewer.sealed, viewer.on, viewer.party, entry_id)
    return None if row is None else entry_of(row)


async def entries(
    conn: Connection,
    viewer: Viewer,
    after: UUID,
    *,
    name: str | None,
    state: str | None,
    limit: int,
) -> list[EntryRow]:
    """List the entries a viewer may see, after an id."""
    rows = await conn.fetch(
        ENTRIES, viewer.sealed, viewer.on, viewer.party, after, name, state, limit
    )
    return [entry_of(row) for row in rows]


async def watched(conn: Connection) -> list[EntryRow]:
    """Return published entries, the next to be reviewed first."""
    return [entry_of(row) for row in await conn.fetch(WATCHED, WATCHED_MAX)]


async def watched_after(conn: Connection, after: UUID, limit: int) -> list[EntryRow]:
    """Return published entries after an id."""
    return [entry_of(row) for row in await conn.fetch(WATCHED_AFTER, after, limit)]


async def put_course(conn: Connection, entry_id: UUID, course: CourseRow) -> None:
    """Store where an entry stands now."""
    values = [getattr(course, name) for name in _COURSE]
    await conn.execute(PUT_COURSE, entry_id, *values)


async def add_step(conn: Connection, entry_id: UUID, step: StepRow) -> None:
    """Store a step; a second one of its number violates the primary key."""
    await conn.execute(
        ADD_STEP, entry_id, *[getattr(step, field.name) for field in fields(StepRow)]
    )


async def steps_of(conn: Connection, entry_id: UUID) -> list[StepRow]:
    """Return an entry's steps in order."""
    return [StepRow(*row) for row in await conn.fetch(STEPS_OF, entry_id)]


async def named_by_facts(
    conn: Connection, codes: Sequence[str], kinds: Collection[str], after: str, limit: int
) -> list[tuple[str, str]]:
    """Return (kind, code) of subjects that facts of some codes name, after a code."""
    rows = await conn.fetch(NAMED_BY_FACTS, codes, after, list(kinds), limit)
    return [(row["kind"], row["code"]) for row in rows]


async def held_by(
    conn: Connection, grades: Sequence[str], publications: int, after: str, limit: int
) -> list[str]:
    """Return enterprises, after a code, whose last published grades were all among `grades`."""
    rows = await conn.fetch(HELD_BY, grades, publications, after, limit)
    return [row["code"] for row in rows]


async def open_subjects(conn: Connection, name: str, subjects: Sequence[str], on: date) -> set[str]:
    """Return who of some subjects is on a list on a day, or proposed for it."""
    rows = await conn.fetch(OPEN_SUBJECTS, name, subjects, on)
    return {row["subject"] for row in rows}


async def names_of(conn: Connection, codes: Sequence[str]) -> dict[str, str]:
    """Return the names of enterprises by code."""
    return {row["code"]: row["name"] for row in await conn.fetch(NAMES_OF, codes)}


async def behind(conn: Connection, subject: bytes) -> bool:
    """Say whether records about a subject (its hash) wait for their numbers."""
    return bool(await conn.fetchval(BEHIND, subject))


async def evidence_types(conn: Connection, digests: Sequence[str]) -> dict[str, str]:
    """Return the media types of those files that are kept, by digest."""
    return {row["digest"]: row["media_type"] for row in await conn.fetch(KNOWN_EVIDENCE, digests)}


async def add_exchange_item(
    conn: Connection, kind: str, entry_id: UUID, body: dict[str, Any], now: datetime
) -> None:
    """Tell partners of something; one transaction at a time does."""
    await conn.execute(LOCK_EXCHANGE)
    await conn.execute(ADD_EXCHANGE_ITEM, kind, entry_id, orjson.dumps(body).decode(), now)
