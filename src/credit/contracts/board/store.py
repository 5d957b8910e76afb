"""SQL of what is shown of contracts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from credit.kit.db import Connection

__all__ = [
    "IndicatorRow",
    "LineRow",
    "Sought",
    "duties_of",
    "fulfillment",
    "indicators",
    "lines",
    "lines_of",
    "orphaned",
    "unsigned_by",
]

# The state as people see it: $1 is the day. A tidy copy of `logic.machine.shown`; a test compares.
_SHOWN = """CASE WHEN c.state = 'offered' AND c.offer_until < $1 THEN 'lapsed'
    WHEN c.state IN ('in-force', 'suspended') AND c.until_on < $1 THEN 'expired'
    ELSE c.state END"""
_LINE = f"""
SELECT c.id, c.title, c.kind, {_SHOWN} AS state, c.project, p.name AS project_name, c.enterprise,
    e.name AS enterprise_name,
    CASE WHEN c.offer = 'open' OR c.in_force = 0 THEN c.last_version ELSE c.in_force END AS version,
    c.from_on, c.until_on, c.offer_until,
    (SELECT count(*) FROM contract_signature s
        WHERE s.contract_id = c.id AND c.offer = 'open' AND s.version = c.last_version) AS signed,
    (SELECT count(*) FROM contract_party y
        WHERE y.contract_id = c.id AND c.offer = 'open' AND y.version = c.last_version
            AND y.needed) AS needed,
    c.proposal, c.proposal_role
FROM contract c
LEFT JOIN project p ON p.code = c.project
LEFT JOIN enterprise e ON e.code = c.enterprise
"""
LINES = f"""{_LINE}
WHERE c.id < $2 AND ($3::text IS NULL OR {_SHOWN} = $3) AND ($4::text IS NULL OR c.kind = $4)
    AND ($5::text IS NULL OR c.project = $5) AND ($6::text IS NULL OR c.enterprise = $6)
    AND ($7::text IS NULL OR c.title LIKE $7 OR p.name LIKE $7 OR e.name LIKE $7
        OR c.project LIKE $7)
    AND ($8::text IS NULL OR starts_with(p.street, $8))
ORDER BY c.id DESC LIMIT $9
"""
LINES_OF = f"{_LINE} WHERE c.id = ANY($2) ORDER BY c.id DESC"
UNSIGNED_BY = f"""{_LINE}
JOIN contract_party y ON y.contract_id = c.id AND y.version = c.last_version
WHERE c.offer = 'open' AND y.scheme = $2 AND y.party = $3 AND c.offer_until >= $1
    AND NOT EXISTS (
        SELECT FROM contract_signature s WHERE s.contract_id = c.id AND s.version = c.last_version
            AND s.scheme = $2 AND s.party = $3)
ORDER BY c.offer_until, c.id LIMIT $4
"""
ORPHANED = f"""{_LINE}
WHERE c.state IN ('in-force', 'suspended') AND c.until_on >= $1 AND c.project IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM management m WHERE m.project = c.project AND m.enterprise = c.enterprise
            AND m.since <= $1 AND (m.until IS NULL OR $1 < m.until))
    AND ($2::text IS NULL OR starts_with(p.street, $2))
ORDER BY c.id LIMIT $3
"""
DUTIES_OF = """
SELECT d.id, d.clause, d.role, d.scheme, d.party, d.period_start, d.period_end, d.state,
    d.waits_until < $2 AS late
FROM duty d WHERE d.contract_id = $1 AND ($3::text IS NULL OR d.party = $3)
ORDER BY d.period_start DESC, d.id DESC LIMIT $4
"""
FULFILLMENT = """
SELECT count(*) FILTER (WHERE state = 'open')::int AS open,
    count(*) FILTER (WHERE state = 'reported')::int AS reported,
    count(*) FILTER (WHERE state = 'disputed')::int AS disputed,
    count(*) FILTER (WHERE state = 'fulfilled')::int AS fulfilled,
    count(*) FILTER (WHERE state = 'breached')::int AS breached,
    count(*) FILTER (WHERE state = 'waived')::int AS waived,
    count(*) FILTER (WHERE waits_until < $2)::int AS late
FROM duty WHERE contract_id = $1
"""
# As of a day ($1): a contract is in force by the last step about that on or before the day, within
# the days of the version it brought in. A project can have a tri-party contract when an enterprise
# manages it and a committee speaks for it; it has one when one is in force with that enterprise. A
# contract feeds credit when a duty of it was decided from $2 on.
_IN_FORCE = """
in_force AS (
    SELECT c.id, c.kind, c.project, c.enterprise
    FROM contract c
    CROSS JOIN LATERAL (
        SELECT s.step, s.version FROM contract_step s
        WHERE s.contract_id = c.id AND s.on_day <= $1
            AND s.step IN ('in-force', 'suspended', 'resumed', 'ended', 'closed')
        ORDER BY s.number DESC LIMIT 1) l
    JOIN contract_version v ON v.contract_id = c.id AND v.version = l.version
    WHERE c.project IS NOT NULL AND l.step IN ('in-force', 'resumed')
        AND v.from_on <= $1 AND $1 <= v.until_on
)"""
INDICATORS = f"""
WITH {_IN_FORCE}, placed AS (
    SELECT p.code, p.street, substr(p.street, 1, 6) AS district,
        m.enterprise IS NOT NULL AND EXISTS (
            SELECT FROM committee k WHERE k.project = p.code AND k.formed_on <= $1
                AND (k.ended_on IS NULL OR $1 < k.ended_on)) AS eligible,
        EXISTS (SELECT FROM in_force i WHERE i.project = p.code AND i.kind = 'tri-party'
            AND i.enterprise = m.enterprise) AS signed,
        (SELECT count(*) FROM in_force i WHERE i.project = p.code) AS contracts,
        (SELECT count(*) FROM in_force i WHERE i.project = p.code AND EXISTS (
            SELECT FROM duty d JOIN duty_step s ON s.duty_id = d.id
            WHERE d.contract_id = i.id AND s.finding IS NOT NULL
                AND s.on_day BETWEEN $2 AND $1)) AS credited
    FROM project p LEFT JOIN management m ON m.project = p.code
        AND m.since <= $1 AND (m.until IS NULL OR $1 < m.until)
), counted AS (
    SELECT district, street,
        count(*) FILTER (WHERE eligible) AS eligible,
        count(*) FILTER (WHERE eligible AND signed) AS signed,
        coalesce(sum(contracts), 0)::bigint AS in_force,
        coalesce(sum(credited), 0)::bigint AS in_credit
    FROM placed GROUP BY GROUPING SETS ((), (district), (district, street))
)
SELECT CASE WHEN n.district IS NULL THEN 'city' WHEN n.street IS NULL THEN 'district'
        ELSE 'street' END AS level,
    coalesce(n.street, n.district) AS code, v.name, n.eligible, n.signed, n.in_force, n.in_credit
FROM counted n LEFT JOIN division v ON v.code = coalesce(n.street, n.district)
ORDER BY n.district NULLS FIRST, n.street NULLS FIRST
"""


@dataclass(frozen=True, slots=True)
class Sought:
    """What a list of contracts is narrowed to; `like` is a pattern for titles and names, and
    `division` a district or a street.
    """

    state: str | None = None
    kind: str | None = None
    project: str | None = None
    enterprise: str | None = None
    like: str | None = None
    division: str | None = None


@dataclass(frozen=True, slots=True)
class LineRow:
    """A contract in a list."""

    id: UUID
    title: str
    kind: str
    state: str
    project: str | None
    project_name: str | None
    enterprise: str | None
    enterprise_name: str | None
    version: int
    from_on: date | None
    until_on: date | None
    offer_until: date | None
    signed: int
    needed: int
    proposal: str | None
    proposal_role: str | None


@dataclass(frozen=True, slots=True)
class IndicatorRow:
    """What the two indicators divide, for the city, a district or a street."""

    level: str
    code: str | None
    name: str | None
    eligible: int
    signed: int
    in_force: int
    in_credit: int


async def lines(
    conn: Connection, today: date, before: UUID, sought: Sought, limit: int
) -> list[LineRow]:
    """List contracts before an id, the newest first."""
    rows = await conn.fetch(
        LINES,
        today,
        before,
        sought.state,
        sought.kind,
        sought.project,
        sought.enterprise,
        sought.like,
        sought.division,
        limit,
    )
    return [LineRow(*row) for row in rows]


async def lines_of(conn: Connection, today: date, ids: Collection[UUID]) -> dict[UUID, LineRow]:
    """Return contracts as lists show them."""
    return {row["id"]: LineRow(*row) for row in await conn.fetch(LINES_OF, today, list(ids))}


async def unsigned_by(
    conn: Connection, today: date, side: tuple[str, str], limit: int
) -> list[LineRow]:
    """List what waits for a party's signature, the next to lapse first."""
    return [LineRow(*row) for row in await conn.fetch(UNSIGNED_BY, today, *side, limit)]


async def orphaned(
    conn: Connection, today: date, division: str | None, limit: int
) -> list[LineRow]:
    """List contracts in force whose enterprise no longer manages the project, of a division."""
    return [LineRow(*row) for row in await conn.fetch(ORPHANED, today, division, limit)]


async def duties_of(
    conn: Connection, contract_id: UUID, today: date, party: str | None, limit: int
) -> list[Any]:
    """Return a contract's duties for a board, the newest periods first."""
    rows: list[Any] = await conn.fetch(DUTIES_OF, contract_id, today, party, limit)
    return rows


async def fulfillment(conn: Connection, contract_id: UUID, today: date) -> tuple[int, ...]:
    """Count a contract's duties by state; the last number counts those that are late."""
    (row,) = await conn.fetch(FULFILLMENT, contract_id, today)
    return tuple(row)


async def indicators(conn: Connection, on: date, since: date) -> list[IndicatorRow]:
    """Count what the two indicators divide, as of a day: city, districts, streets."""
    return [IndicatorRow(*row) for row in await conn.fetch(INDICATORS, on, since)]
