"""SQL of credit events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from credit.kit.db import Connection

__all__ = [
    "DecisionRow",
    "EventRow",
    "Listed",
    "OwnRow",
    "ShownRow",
    "add_decisions",
    "add_events",
    "add_waiting",
    "count_waiting",
    "known_facts",
    "list_events",
    "load_events",
    "outcomes",
    "own_event",
    "own_events",
    "own_waiting",
    "remove_waiting",
    "select_shown",
    "show",
    "show_of",
    "show_these",
]

# The attempt counts earlier proposals of the same fact that came to nothing, by refusal or by a
# withdrawal in force. Two proposals at once get the same number, and the unique index refuses one.
ADD_EVENTS = """
INSERT INTO event (id, kind, code, subject_kind, subject, enterprise, occurred_on, target,
    fingerprint, attempt, body, kid, signature, proposed_by, proposed_at)
SELECT n.id, n.kind, n.code, n.subject_kind, n.subject, n.enterprise, n.occurred_on, n.target,
    n.fingerprint,
    (SELECT count(*) FROM event e JOIN event_decision d ON d.event_id = e.id
     WHERE e.fingerprint = n.fingerprint AND (d.outcome = 'refused' OR EXISTS (
         SELECT FROM event w JOIN event_decision wd ON wd.event_id = w.id
         WHERE w.target = e.id AND wd.outcome = 'accepted'))),
    n.body, n.kid, n.signature, $13, $14
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::date[],
    $8::uuid[], $9::bytea[], $10::bytea[], $11::text[], $12::bytea[])
    AS n (id, kind, code, subject_kind, subject, enterprise, occurred_on, target,
          fingerprint, body, kid, signature)
ON CONFLICT DO NOTHING RETURNING id
"""
# Facts that stand: neither refused nor taken back or replaced.
KNOWN_FACTS = """
SELECT e.fingerprint FROM event e LEFT JOIN event_decision d ON d.event_id = e.id
WHERE e.fingerprint = ANY($1) AND d.outcome IS DISTINCT FROM 'refused' AND NOT EXISTS (
    SELECT FROM event w JOIN event_decision wd ON wd.event_id = w.id
    WHERE w.target = e.id AND wd.outcome = 'accepted')
"""
ADD_DECISIONS = """
INSERT INTO event_decision (event_id, outcome, reason, kid, signature, decided_by, decided_at)
SELECT *, $6, $7 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[])
ON CONFLICT DO NOTHING RETURNING event_id
"""
ADD_WAITING = "INSERT INTO event_waiting (event_id) SELECT unnest($1::uuid[])"
REMOVE_WAITING = "DELETE FROM event_waiting WHERE event_id = ANY($1)"
LOAD_EVENTS = """
SELECT e.id, e.kind, e.code, e.body, e.kid, e.signature, e.proposed_by, e.enterprise,
    e.subject_kind, e.subject, e.occurred_on, e.target, d.outcome
FROM event e LEFT JOIN event_decision d ON d.event_id = e.id WHERE e.id = ANY($1)
"""
OUTCOMES = """
SELECT e.id, d.outcome FROM event e LEFT JOIN event_decision d ON d.event_id = e.id
WHERE e.id = ANY($1)
"""
_LISTED = """
SELECT e.id, e.kind, e.code, e.subject_kind, e.subject, e.enterprise, e.occurred_on,
    e.proposed_by, e.proposed_at, d.outcome, d.reason, c.state
FROM event e LEFT JOIN event_decision d ON d.event_id = e.id
LEFT JOIN event_course c ON c.event_id = e.id
WHERE e.id > $1 AND ($2::text IS NULL OR coalesce(d.outcome, 'proposed') = $2)
"""
LIST_EVENTS = f"{_LISTED} ORDER BY e.id LIMIT $3"
LIST_EVENTS_OF = f"{_LISTED} AND e.enterprise = $4 ORDER BY e.id LIMIT $3"
LIST_WAITING = """
SELECT e.id, e.kind, e.code, e.subject_kind, e.subject, e.enterprise, e.occurred_on,
    e.proposed_by, e.proposed_at, NULL AS outcome, NULL AS reason, c.state
FROM event_waiting w JOIN event e ON e.id = w.event_id
LEFT JOIN event_course c ON c.event_id = e.id
WHERE w.event_id > $1 ORDER BY w.event_id LIMIT $2
"""
# What pages show: the newest first, with the names people know.
_SHOWN = """
SELECT e.id, e.kind, e.code, e.body, e.subject_kind, e.subject, e.enterprise, e.occurred_on,
    e.target, e.proposed_by, e.proposed_at, d.outcome, d.reason, d.decided_by, d.decided_at,
    c.state, c.ended_on, c.elsewhere, f.name AS enterprise_name, p.name AS project_name
FROM {} LEFT JOIN event_decision d ON d.event_id = e.id
LEFT JOIN event_course c ON c.event_id = e.id
LEFT JOIN enterprise f ON f.code = e.enterprise
LEFT JOIN project p ON e.subject_kind = 'project' AND p.code = e.subject
"""
_SHOWN_EVENT = _SHOWN.format("event e")
# Lists, by status and order. Most are walked along an index in their order until a page is full;
# those of few enterprises are cut from all the events these have. OFFSET 0 keeps the planner from
# walking over all events to meet the few that wait.
_ONE_BY_ONE = "JOIN LATERAL (SELECT enterprise FROM event WHERE id = w.id OFFSET 0) e ON true"
_WALKS = {
    "all": "(SELECT id, enterprise FROM event) w JOIN LATERAL (SELECT w.enterprise) e ON true",
    "proposed": f"(SELECT event_id AS id FROM event_waiting) w {_ONE_BY_ONE}",
    "refused": f"""(SELECT event_id AS id FROM event_decision WHERE outcome = 'refused') w
    {_ONE_BY_ONE}""",
}
_CUTS = {
    "all": "",
    "proposed": "JOIN event_waiting ON event_id = w.id",
    "refused": "JOIN event_decision ON event_id = w.id AND outcome = 'refused'",
}
_ORDERS = {"newest": ("<", "DESC"), "oldest": (">", "ASC")}
SHOW_WALKED = {
    f"{status} {order}": f"""
WITH page AS (
    SELECT w.id FROM {walk}
    WHERE w.id {than} $1
        AND ($3::text IS NULL OR e.enterprise IN (
            SELECT code FROM enterprise WHERE name LIKE $3 OR code LIKE $3))
        AND ($4::text IS NULL OR e.enterprise IN (SELECT code FROM enterprises_in_v1($4)))
    ORDER BY w.id {direction} LIMIT $2)
{_SHOWN.format("page g JOIN event e ON e.id = g.id")} ORDER BY g.id {direction}
"""
    for status, walk in _WALKS.items()
    for order, (than, direction) in _ORDERS.items()
}
SHOW_CUT = {
    f"{status} {order}": f"""
WITH w AS MATERIALIZED (SELECT id FROM event WHERE enterprise = ANY($3)),
page AS (
    SELECT w.id FROM w {cut} WHERE w.id {than} $1 ORDER BY w.id {direction} LIMIT $2)
{_SHOWN.format("page g JOIN event e ON e.id = g.id")} ORDER BY g.id {direction}
"""
    for status, cut in _CUTS.items()
    for order, (than, direction) in _ORDERS.items()
}
SHOW_THESE = f"{_SHOWN_EVENT} WHERE e.id = ANY($1)"
# What an enterprise sees of what is recorded about it, with the record that took a fact back or put
# another in its place. A withdrawal has no day of its own and stands at the day it was proposed on.
_UNDONE = """
LEFT JOIN LATERAL (
    SELECT w.id AS undone_by, w.kind AS undone_kind
    FROM event w JOIN event_decision x ON x.event_id = w.id
    WHERE w.target = e.id AND x.outcome = 'accepted' LIMIT 1) u ON true
"""
_OWN = _SHOWN.replace(" AS project_name", " AS project_name, u.undone_by, u.undone_kind") + _UNDONE
OWN_EVENTS = f"""
WITH own AS (
    SELECT id,
        CASE kind WHEN 'event-withdrawn' THEN proposed_at::date ELSE occurred_on END AS day
    FROM event WHERE enterprise = $1
), page AS (
    SELECT id, day FROM own
    WHERE $2::uuid IS NULL OR (day, id) < (SELECT day, id FROM own WHERE id = $2)
    ORDER BY day DESC, id DESC LIMIT $3
)
{_OWN.format("page g JOIN event e ON e.id = g.id")} ORDER BY g.day DESC, g.id DESC
"""
OWN_EVENT = f"{_OWN.format('event e')} WHERE e.enterprise = $1 AND e.id = $2"
# Materialized: else the planner walks over all events in the order asked for.
OWN_WAITING = f"""
WITH own AS MATERIALIZED (SELECT id FROM event WHERE enterprise = $1)
{_SHOWN.format("own o JOIN event_waiting w ON w.event_id = o.id JOIN event e ON e.id = o.id")}
ORDER BY e.id LIMIT $2
"""
COUNT_WAITING = "SELECT count(*) FROM (SELECT FROM event_waiting LIMIT $1) AS waiting"
COUNT_WAITING_IN = """
SELECT count(*) FROM (
    SELECT FROM event_waiting w JOIN event e ON e.id = w.event_id
    WHERE e.enterprise IN (SELECT code FROM enterprises_in_v1($2)) LIMIT $1) AS waiting
"""


@dataclass(frozen=True, slots=True)
class EventRow:
    """A proposal as stored; `outcome` is None while it is undecided."""

    id: UUID
    kind: str
    code: str
    body: bytes
    kid: str
    signature: bytes
    proposed_by: str
    enterprise: str
    subject_kind: str
    subject: str
    occurred_on: date
    target: UUID | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A decision to store."""

    event_id: UUID
    outcome: str
    reason: str
    kid: str | None
    signature: bytes | None


@dataclass(frozen=True, slots=True)
class Listed:
    """An event in a list; `course` is where a bad fact stands, None for what takes no course."""

    id: UUID
    kind: str
    code: str
    subject_kind: str
    subject: str
    enterprise: str
    occurred_on: date
    proposed_by: str
    proposed_at: datetime
    outcome: str | None
    reason: str | None
    course: str | None


@dataclass(frozen=True, slots=True)
class ShownRow:
    """An event as pages show it; `course` is where a bad fact stands, None for what takes none.

    `elsewhere` says that an authority decided it, which needs no notice here.
    """

    id: UUID
    kind: str
    code: str
    body: bytes
    subject_kind: str
    subject: str
    enterprise: str
    occurred_on: date
    target: UUID | None
    proposed_by: str
    proposed_at: datetime
    outcome: str | None
    reason: str | None
    decided_by: str | None
    decided_at: datetime | None
    course: str | None
    ended_on: date | None
    elsewhere: bool | None
    enterprise_name: str | None
    project_name: str | None


@dataclass(frozen=True, slots=True)
class OwnRow:
    """An event as its enterprise sees it; `undone_kind` says how it was taken back, if it was."""

    shown: ShownRow
    undone_by: UUID | None
    undone_kind: str | None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """A proposal to store."""

    id: UUID
    kind: str
    code: str
    subject_kind: str
    subject: str
    enterprise: str
    occurred_on: date
    target: UUID | None
    fingerprint: bytes
    body: bytes
    kid: str
    signature: bytes


def select_shown(source: str) -> str:
    """Return the SELECT of `ShownRow`s from tables of which one is `event e`."""
    return _SHOWN.format(source)


async def add_events(
    conn: Connection, events: Sequence[NewEvent], *, by: str, now: datetime
) -> set[UUID]:
    """Store proposals in one statement; returns the ids that were not there before.

    They are written in the order of their fingerprints, so that batches with the same facts in
    other orders wait for each other and never both for the other.
    """
    events = sorted(events, key=lambda event: event.fingerprint)
    columns = [[getattr(event, name) for event in events] for name in NewEvent.__dataclass_fields__]
    rows = await conn.fetch(ADD_EVENTS, *columns, by, now)
    return {row["id"] for row in rows}


async def known_facts(conn: Connection, fingerprints: Sequence[bytes]) -> set[bytes]:
    """Return the fingerprints of facts that stand."""
    return {row["fingerprint"] for row in await conn.fetch(KNOWN_FACTS, fingerprints)}


async def add_decisions(
    conn: Connection, decisions: Sequence[DecisionRow], *, by: str, now: datetime
) -> set[UUID]:
    """Store decisions; returns the ids of events that were undecided until now."""
    columns = [
        [getattr(decision, name) for decision in decisions]
        for name in DecisionRow.__dataclass_fields__
    ]
    rows = await conn.fetch(ADD_DECISIONS, *columns, by, now)
    return {row["event_id"] for row in rows}


async def add_waiting(conn: Connection, ids: Sequence[UUID]) -> None:
    """Put proposals on the list of those to be decided."""
    await conn.execute(ADD_WAITING, ids)


async def remove_waiting(conn: Connection, ids: Sequence[UUID]) -> None:
    """Take proposals off the list of those to be decided."""
    await conn.execute(REMOVE_WAITING, ids)


async def load_events(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, EventRow]:
    """Load proposals by id."""
    return {row["id"]: EventRow(*row) for row in await conn.fetch(LOAD_EVENTS, ids)}


async def outcomes(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, str | None]:
    """Return the outcome of each known event, None while it is undecided."""
    return {row["id"]: row["outcome"] for row in await conn.fetch(OUTCOMES, ids)}


async def list_events(
    conn: Connection, after: UUID, *, outcome: str | None, enterprise: str | None, limit: int
) -> list[Listed]:
    """List events in the order of their ids; `outcome` is proposed, accepted or refused."""
    if enterprise is None and outcome == "proposed":
        rows = await conn.fetch(LIST_WAITING, after, limit)
    elif enterprise is None:
        rows = await conn.fetch(LIST_EVENTS, after, outcome, limit)
    else:
        rows = await conn.fetch(LIST_EVENTS_OF, after, outcome, limit, enterprise)
    return [Listed(*row) for row in rows]


async def show(
    conn: Connection,
    listed: str,
    after: UUID,
    limit: int,
    *,
    like: str | None,
    division: str | None,
) -> list[ShownRow]:
    """Return a page of events after an id: those of enterprises named like a pattern, of a division.

    `listed` is a status (all, proposed or refused) and an order (newest or oldest).
    """
    rows = await conn.fetch(SHOW_WALKED[listed], after, limit, like, division)
    return [ShownRow(*row) for row in rows]


async def show_of(
    conn: Connection, listed: str, after: UUID, limit: int, *, codes: Sequence[str]
) -> list[ShownRow]:
    """Return a page of the events of few enterprises after an id; `listed` is as for `show`."""
    rows = await conn.fetch(SHOW_CUT[listed], after, limit, codes)
    return [ShownRow(*row) for row in rows]


async def show_these(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, ShownRow]:
    """Return events by id."""
    return {row["id"]: ShownRow(*row) for row in await conn.fetch(SHOW_THESE, ids)}


async def own_events(
    conn: Connection, enterprise: str, before: UUID | None, limit: int
) -> list[OwnRow]:
    """Return the newest events about an enterprise by their day, from behind one of them on."""
    rows = await conn.fetch(OWN_EVENTS, enterprise, before, limit)
    return [_own(row) for row in rows]


async def own_event(conn: Connection, enterprise: str, event_id: UUID) -> OwnRow | None:
    """Return one event about an enterprise; None for one about another."""
    row = await conn.fetchrow(OWN_EVENT, enterprise, event_id)
    return None if row is None else _own(row)


async def own_waiting(conn: Connection, enterprise: str, limit: int) -> list[ShownRow]:
    """Return the events about an enterprise that wait for a decision, the oldest first."""
    return [ShownRow(*row) for row in await conn.fetch(OWN_WAITING, enterprise, limit)]


async def count_waiting(conn: Connection, limit: int, *, division: str | None) -> int:
    """Count the events that wait, up to a limit; those of a division's, if one is given."""
    if division is None:
        count: int = await conn.fetchval(COUNT_WAITING, limit)
    else:
        count = await conn.fetchval(COUNT_WAITING_IN, limit, division)
    return count


def _own(row: Any) -> OwnRow:
    *shown, undone_by, undone_kind = row
    return OwnRow(ShownRow(*shown), undone_by, undone_kind)
