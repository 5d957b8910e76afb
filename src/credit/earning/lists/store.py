"""SQL of lists of participation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from credit.kit.db import Connection

__all__ = [
    "AwardRow", "Barred", "Outcome", "WaitingRow", "awards", "count_waiting", "of_activity", "outcomes",
    "unfunded", "waiting",
]  # fmt: skip

Barred = Literal["entered", "organised", "signed", "own"]
_AWARD = """
p.id, p.activity, a.title, p.member, m.kind, p.rule, p.quantity, p.points, p.participated_on, p.source,
p.evidence, p.flags, p.state, p.entered_by, p.entered_at, p.decided_by, p.decided_at, p.reason,
p.available_on
"""
COLUMNS = 19
_FROM = """
FROM participation p JOIN member m ON m.id = p.member LEFT JOIN activity a ON a.id = p.activity
"""
_WITHIN = "coalesce(a.division, m.division) LIKE $1 || '%'"
AWARDS = f"""
SELECT {_AWARD} {_FROM}
WHERE {_WITHIN} AND ($2::text IS NULL OR p.state = $2) AND p.id < $3 ORDER BY p.id DESC LIMIT $4
"""
OF_ACTIVITY = f"""
SELECT {_AWARD} {_FROM} WHERE p.activity = $1 AND p.member = ANY ($2) ORDER BY p.member, p.id
"""
# What may not be decided by who looks, and why: as `participation.store.DECIDE` has it.
_BARRED = """
CASE
    WHEN p.entered_by = $2 THEN 'entered'
    WHEN m.person_id = $2 THEN 'own'
    WHEN a.organiser = $2 THEN 'organised'
    WHEN EXISTS (
        SELECT FROM attendance t
        WHERE t.activity = p.activity AND t.member = p.member AND t.entered_by = $2
    ) THEN 'signed'
END
"""
# What is flagged stands first, the oldest before the newer.
WAITING = f"""
SELECT {_AWARD}, {_BARRED} {_FROM}
WHERE p.state = 'entered' AND {_WITHIN}
    AND ($3::uuid IS NULL OR (cardinality(p.flags) = 0, p.id)
        > (SELECT cardinality(o.flags) = 0, o.id FROM participation o WHERE o.id = $3))
ORDER BY cardinality(p.flags) = 0, p.id LIMIT $4
"""
COUNT_WAITING = f"""
SELECT count(*), count(*) FILTER (WHERE cardinality(p.flags) > 0) {_FROM}
WHERE p.state = 'entered' AND {_WITHIN}
"""
UNFUNDED = f"SELECT p.id {_FROM} WHERE p.id = ANY ($2) AND p.state = 'unfunded' AND {_WITHIN}"
OUTCOMES = """
SELECT state, count(*), sum(points)::bigint, min(available_on), max(available_on)
FROM participation WHERE id = ANY ($1) GROUP BY state
"""


@dataclass(frozen=True, slots=True)
class AwardRow:
    """A participation as lists show it; `activity_title` is None where it was at none."""

    id: UUID
    activity: UUID | None
    activity_title: str | None
    member: str
    kind: str
    rule: str
    quantity: int
    points: int
    participated_on: date
    source: str
    evidence: str
    flags: list[str]
    state: str
    entered_by: str
    entered_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    available_on: date | None


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A participation to be decided; `barred` says why it is not by who looks."""

    award: AwardRow
    barred: Barred | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many of some participations are in a state, for how many points, from when to be spent."""

    state: str
    count: int
    points: int
    first: date | None
    last: date | None


async def awards(
    conn: Connection, reach: str, state: str | None, before: UUID, limit: int
) -> list[AwardRow]:
    """List participations in divisions whose codes begin with `reach`, the newest first."""
    rows = await conn.fetch(AWARDS, reach, state, before, limit)
    return [AwardRow(*row) for row in rows]


async def of_activity(
    conn: Connection, activity: UUID, members: Sequence[str]
) -> dict[str, AwardRow]:
    """Return the participations of members in an activity, the last one of each."""
    rows = await conn.fetch(OF_ACTIVITY, activity, members)
    return {row[3]: AwardRow(*row) for row in rows}


async def waiting(
    conn: Connection, reach: str, person_id: str, after: UUID | None, limit: int
) -> list[WaitingRow]:
    """List what waits for a decision, as somebody sees it: the flagged first, the oldest first."""
    rows = await conn.fetch(WAITING, reach, person_id, after, limit)
    return [WaitingRow(AwardRow(*row[:COLUMNS]), row[COLUMNS]) for row in rows]


async def count_waiting(conn: Connection, reach: str) -> tuple[int, int]:
    """Count what waits for a decision, and what of it is flagged."""
    row = await conn.fetchrow(COUNT_WAITING, reach)
    return (row[0], row[1]) if row else (0, 0)


async def unfunded(conn: Connection, reach: str, ids: Sequence[UUID]) -> list[UUID]:
    """Return which of some participations their budget was too small for."""
    return [row[0] for row in await conn.fetch(UNFUNDED, reach, ids)]


async def outcomes(conn: Connection, ids: Sequence[UUID]) -> dict[str, Outcome]:
    """Sum up what became of participations, by state."""
    return {row[0]: Outcome(*row) for row in await conn.fetch(OUTCOMES, ids)}
