"""SQL of what waits: undecided events by stage, and the counts of everything that is to be done."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from credit.events.store import ShownRow, select_shown
from credit.kit.db import Connection

__all__ = ["Counts", "counts", "show_stage"]

# Whose turn it is with an undecided event. What takes no course waits for its decision alone.
_STAGE = """
CASE WHEN c.event_id IS NULL OR c.elsewhere OR c.state IN ('acknowledged', 'heard')
        THEN 'decidable'
    WHEN c.state = 'proposed' THEN 'notice'
    WHEN c.state = 'objected' THEN 'hearing'
    WHEN c.objection_due >= {today} THEN 'noticed'
    WHEN c.must_hear THEN 'hearing' ELSE 'decidable' END
"""
# OFFSET 0 keeps the planner from walking over all events to meet the few that wait.
_WAITING = """
event_waiting w
JOIN LATERAL (SELECT enterprise FROM event WHERE id = w.event_id OFFSET 0) e ON true
LEFT JOIN LATERAL (
    SELECT event_id, state, elsewhere, objection_due, must_hear
    FROM event_course WHERE event_id = w.event_id OFFSET 0) c ON true
"""
_LATE = """t.closed_at IS NULL AND t.scope IN ('events:propose', 'events:hear', 'events:decide')
        AND t.matter IN ('event', 'repair')"""
_ORDERS = {"newest": ("<", "DESC"), "oldest": (">", "ASC")}
SHOW_STAGE = {
    order: f"""
WITH page AS (
    SELECT w.event_id AS id FROM {_WAITING}
    WHERE w.event_id {than} $1
        AND ($3::text IS NULL OR e.enterprise IN (
            SELECT code FROM enterprise WHERE name LIKE $3 OR code LIKE $3))
        AND ($4::text IS NULL OR e.enterprise IN (SELECT code FROM enterprises_in_v1($4)))
        AND CASE WHEN $5::text = 'late' THEN EXISTS (
                SELECT FROM term t
                WHERE t.matter_id = w.event_id AND {_LATE} AND t.due_on < $6::date)
            ELSE {_STAGE.format(today="$6::date")} = $5 END
    ORDER BY w.event_id {direction} LIMIT $2)
{select_shown("page g JOIN event e ON e.id = g.id")} ORDER BY g.id {direction}
"""
    for order, (than, direction) in _ORDERS.items()
}
COUNTS = f"""
WITH here AS MATERIALIZED (
    SELECT code FROM enterprises_in_v1($2::text) WHERE $2 IS NOT NULL
), waiting AS (
    SELECT {_STAGE.format(today="$1::date")} AS stage FROM {_WAITING}
    WHERE $2 IS NULL OR e.enterprise IN (SELECT code FROM here)
), stages AS (
    SELECT count(*) FILTER (WHERE stage = 'notice'), count(*) FILTER (WHERE stage = 'noticed'),
        count(*) FILTER (WHERE stage = 'hearing'), count(*) FILTER (WHERE stage = 'decidable')
    FROM waiting
), repairs AS (
    SELECT count(*) FILTER (WHERE state = 'applied'), count(*) FILTER (WHERE state = 'accepted')
    FROM repair
    WHERE state IN ('applied', 'accepted')
        AND ($2 IS NULL OR enterprise IN (SELECT code FROM here))
), suggestions AS (
    SELECT count(*) FROM event_suggestion s
    WHERE s.state = 'open' AND ($2 IS NULL OR s.subject IN (SELECT code FROM subjects_in_v1($2))
        OR s.subject_kind = 'manager' AND EXISTS (
            SELECT FROM post o JOIN project p ON p.code = o.project
            WHERE o.manager = s.subject AND starts_with(p.street, $2)))
), late AS (
    SELECT count(*) FILTER (WHERE matter = 'event'), count(*) FILTER (WHERE level = 0),
        count(*) FILTER (WHERE level = 1), count(*) FILTER (WHERE level > 1)
    FROM (
        SELECT t.matter, max(t.level) AS level FROM term t
        WHERE {_LATE} AND t.due_on < $1 AND ($2 IS NULL OR t.about IN (SELECT code FROM here))
        GROUP BY t.matter, t.matter_id) matters
)
SELECT * FROM stages, repairs, suggestions, late
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is to do: events by whose turn it is, repairs, suggestions, and what is late.

    `notice`: their subjects are to be told; `noticed`: their subjects may still answer; `hearing`
    and `decidable`: to be heard, to be decided. `late_events` are those of them with an office's
    term that is over. The other `late_…` count these and the late repairs by the level they have
    come up to: the office itself, the district, the city.
    """

    notice: int
    noticed: int
    hearing: int
    decidable: int
    to_accept: int
    to_grant: int
    suggestions: int
    late_events: int
    late_office: int
    late_district: int
    late_city: int


async def show_stage(
    conn: Connection,
    stage: str,
    order: str,
    *,
    after: UUID,
    limit: int,
    like: str | None,
    division: str | None,
    today: date,
) -> list[ShownRow]:
    """Return a page of undecided events at a stage, or with an office's term that is over."""
    rows = await conn.fetch(SHOW_STAGE[order], after, limit, like, division, stage, today)
    return [ShownRow(*row) for row in rows]


async def counts(conn: Connection, today: date, division: str | None) -> Counts:
    """Count what there is to do, everywhere or in a division."""
    (row,) = await conn.fetch(COUNTS, today, division)
    return Counts(*row)
