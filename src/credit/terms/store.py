"""Every SQL statement of terms."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from credit.kit.db import Connection
from credit.terms.views import NewTerm, OpenTerm

__all__ = [
    "CLOSE",
    "EXTEND",
    "OPEN",
    "OPEN_OF_MATTERS",
    "OPEN_OF_OFFICE",
    "OPEN_OF_PARTY",
    "SWEEP",
    "add_terms",
    "close_terms",
    "extend_term",
    "of_matters",
    "of_office",
    "of_party",
    "sweep",
]

_COLUMNS = "id, matter, matter_id, kind, due_on, scope, party, about, level"
_NAMED = f"{', '.join(f't.{one}' for one in _COLUMNS.split(', '))}, e.name"

OPEN = """
INSERT INTO term (id, matter, matter_id, kind, due_on, scope, party, about, level, escalates_on,
    opened_at)
SELECT id, matter, matter_id, kind, due_on, scope, party, about, 0,
    CASE WHEN scope IS NOT NULL THEN due_on + 1 END, $9
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::date[], $6::text[], $7::text[],
    $8::text[]) AS given (id, matter, matter_id, kind, due_on, scope, party, about)
"""
CLOSE = """
UPDATE term SET closed_at = $3
WHERE matter_id = ANY($1::uuid[]) AND closed_at IS NULL
    AND (cardinality($2::text[]) = 0 OR kind = ANY($2::text[]))
"""
EXTEND = """
UPDATE term SET due_on = $3, level = 0, escalates_on = CASE WHEN scope IS NOT NULL THEN $3 + 1 END
WHERE matter_id = $1 AND kind = $2 AND closed_at IS NULL AND due_on < $3
RETURNING id
"""
SWEEP = """
UPDATE term SET level = level + 1, escalates_on = CASE WHEN level = 0 THEN $2::date END
WHERE closed_at IS NULL AND escalates_on <= $1
"""
OPEN_OF_MATTERS = f"""
SELECT {_COLUMNS} FROM term WHERE matter_id = ANY($1::uuid[]) AND closed_at IS NULL
ORDER BY due_on, id
"""
# A division ($4; None: everywhere) is concerned with the enterprises that are registered in it or
# manage a project there.
_HERE = """($4::text IS NULL OR EXISTS (
        SELECT FROM enterprise e WHERE e.code = t.about AND (e.district = $4 OR EXISTS (
            SELECT FROM management m JOIN project p ON p.code = m.project
            WHERE m.enterprise = e.code AND m.until IS NULL AND starts_with(p.street, $4)))))"""
# The next after a place ($5, $6), the next due first.
_NEXT = "AND t.closed_at IS NULL AND (t.due_on, t.id) > ($5::date, $6::uuid)"
_ORDER = "ORDER BY t.due_on, t.id LIMIT $3"
OPEN_OF_OFFICE = f"""
SELECT {_NAMED} FROM (
    (SELECT {_COLUMNS} FROM term t WHERE t.scope = ANY($1::text[]) {_NEXT} AND {_HERE} {_ORDER})
    UNION
    (SELECT {_COLUMNS} FROM term t WHERE t.level >= $2 AND t.level > 0 {_NEXT} AND {_HERE} {_ORDER})
) t LEFT JOIN enterprise e ON e.code = t.about
{_ORDER}
"""
OPEN_OF_PARTY = f"""
SELECT {_COLUMNS} FROM term WHERE party = $1 AND closed_at IS NULL ORDER BY due_on, id LIMIT $2
"""


async def add_terms(
    conn: Connection, ids: Sequence[UUID], terms: Sequence[NewTerm], now: datetime
) -> None:
    """Open terms; a second open one of the same kind for a matter violates a unique index."""
    await conn.execute(
        OPEN,
        ids,
        [one.matter for one in terms],
        [one.matter_id for one in terms],
        [one.kind for one in terms],
        [one.due_on for one in terms],
        [one.scope for one in terms],
        [one.party for one in terms],
        [one.about for one in terms],
        now,
    )


async def close_terms(
    conn: Connection, matters: Collection[UUID], kinds: Collection[str], now: datetime
) -> None:
    """Close the open terms of matters: those of some kinds, or all where none are named."""
    await conn.execute(CLOSE, list(matters), list(kinds), now)


async def extend_term(conn: Connection, matter_id: UUID, kind: str, due_on: date) -> bool:
    """Move an open term to a later day; False when there is none that ends before it."""
    return await conn.fetchval(EXTEND, matter_id, kind, due_on) is not None


async def sweep(conn: Connection, today: date, next_day: date) -> int:
    """Raise what is late by a level; returns how many."""
    done: str = await conn.execute(SWEEP, today, next_day)
    return int(done.rpartition(" ")[2])


async def of_matters(conn: Connection, matters: Collection[UUID]) -> list[OpenTerm]:
    """Return the open terms of matters, the next due first."""
    return [OpenTerm(*row) for row in await conn.fetch(OPEN_OF_MATTERS, list(matters))]


async def of_office(
    conn: Connection,
    scopes: Collection[str],
    level: int,
    division: str | None,
    after: tuple[date, UUID],
    limit: int,
) -> list[OpenTerm]:
    """Return what an office has to do, and what has come up to its level; of a division's, if any.

    They come after a place: its due day and id.
    """
    rows = await conn.fetch(OPEN_OF_OFFICE, list(scopes), level, limit, division, *after)
    return [OpenTerm(*row) for row in rows]


async def of_party(conn: Connection, party: str, limit: int) -> list[OpenTerm]:
    """Return what a party has to do, the next due first."""
    return [OpenTerm(*row) for row in await conn.fetch(OPEN_OF_PARTY, party, limit)]
