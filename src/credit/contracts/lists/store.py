"""SQL of lists of contracts and duties: what waits for whom, who is missing, what all may see."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from credit.contracts.board.store import _IN_FORCE, _SHOWN
from credit.kit.db import Connection

__all__ = [
    "DutyLineRow",
    "Missing",
    "PublicRow",
    "WorkRow",
    "counted",
    "done_by",
    "owed_by",
    "public_lines",
    "to_answer",
    "to_inspect",
    "uncredited",
    "unsigned_projects",
    "work",
]

# A division's own: a street by its code, a district by the beginning of its streets' codes.
_HERE = "($2::text IS NULL OR starts_with(p.street, $2))"
COUNTED = f"""
SELECT {_SHOWN} AS state, count(*)::int AS contracts
FROM contract c LEFT JOIN project p ON p.code = c.project
WHERE {_HERE} GROUP BY 1
"""
_DUTY_LINE = """
SELECT d.id, d.contract_id, c.title, d.clause, d.role, d.party, y.name AS party_name, d.confirmer,
    p.name AS project_name, d.period_start, d.period_end, d.waits_until,
    coalesce(d.waits_until < $1, false) AS late, d.state, d.level
FROM duty d
JOIN contract c ON c.id = d.contract_id
LEFT JOIN contract_party y ON y.contract_id = d.contract_id AND y.version = d.version
    AND y.scheme = d.scheme AND y.party = d.party
LEFT JOIN project p ON p.code = d.project
"""
TO_INSPECT = f"""{_DUTY_LINE}
WHERE ((d.handed_up AND d.state IN ('open', 'reported') AND $3 <> 'disputed')
        OR (d.state = 'disputed' AND $3 <> 'late'))
    AND {_HERE}
ORDER BY d.state = 'disputed', d.waits_until, d.id LIMIT $4
"""
OWED_BY = f"""{_DUTY_LINE}
WHERE d.party = $2 AND d.state = 'open' AND d.period_start <= $1
ORDER BY d.waits_until, d.id LIMIT $3
"""
TO_ANSWER = f"""{_DUTY_LINE}
JOIN contract_party a ON a.contract_id = d.contract_id AND a.version = d.version
    AND a.role = d.confirmer AND a.party = $2
WHERE d.state = 'reported' AND d.party <> $2
ORDER BY d.waits_until, d.id LIMIT $3
"""
DONE_BY = f"""{_DUTY_LINE}
WHERE d.party = $2 AND d.state <> 'open' AND d.period_start <= $1
ORDER BY d.period_end DESC, d.id DESC LIMIT $3
"""
# What waits for an office ($3), and in a division ($2), in one round trip.
WORK = f"""
SELECT
    (SELECT count(*) FROM contract c
        JOIN contract_party y ON y.contract_id = c.id AND y.version = c.last_version
        WHERE c.offer = 'open' AND c.offer_until >= $1 AND y.scheme = 'ORG' AND y.party = $3
            AND NOT EXISTS (SELECT FROM contract_signature s WHERE s.contract_id = c.id
                AND s.version = c.last_version AND s.party = $3))::int AS to_sign,
    (SELECT count(*) FROM duty d LEFT JOIN project p ON p.code = d.project
        WHERE d.state = 'disputed' AND {_HERE})::int AS disputed,
    (SELECT count(*) FROM duty d LEFT JOIN project p ON p.code = d.project
        WHERE d.handed_up AND d.state IN ('open', 'reported') AND {_HERE})::int AS late,
    (SELECT count(*) FROM contract c JOIN project p ON p.code = c.project
        WHERE c.state IN ('in-force', 'suspended') AND c.until_on >= $1 AND {_HERE}
            AND NOT EXISTS (
                SELECT FROM management m WHERE m.project = c.project AND m.enterprise = c.enterprise
                    AND m.since <= $1 AND (m.until IS NULL OR $1 < m.until)))::int AS orphaned
"""
_MISSING = """
SELECT p.code AS project, p.name AS project_name, v.name AS street, m.enterprise,
    e.name AS enterprise_name
"""
UNSIGNED_PROJECTS = f"""
WITH {_IN_FORCE}
{_MISSING}, NULL::uuid AS contract_id, NULL::text AS title
FROM project p
JOIN management m ON m.project = p.code AND m.since <= $1 AND (m.until IS NULL OR $1 < m.until)
LEFT JOIN enterprise e ON e.code = m.enterprise
LEFT JOIN division v ON v.code = p.street
WHERE {_HERE} AND p.code > $3
    AND EXISTS (SELECT FROM committee k WHERE k.project = p.code AND k.formed_on <= $1
        AND (k.ended_on IS NULL OR $1 < k.ended_on))
    AND NOT EXISTS (SELECT FROM in_force i WHERE i.project = p.code AND i.kind = 'tri-party'
        AND i.enterprise = m.enterprise)
ORDER BY p.code LIMIT $4
"""
UNCREDITED = f"""
WITH {_IN_FORCE}
{_MISSING}, i.id AS contract_id, c.title
FROM in_force i
JOIN contract c ON c.id = i.id
JOIN project p ON p.code = i.project
LEFT JOIN management m ON m.project = p.code AND m.enterprise = i.enterprise
    AND m.since <= $1 AND (m.until IS NULL OR $1 < m.until)
LEFT JOIN enterprise e ON e.code = i.enterprise
LEFT JOIN division v ON v.code = p.street
WHERE {_HERE} AND NOT EXISTS (
    SELECT FROM duty d JOIN duty_step s ON s.duty_id = d.id
    WHERE d.contract_id = i.id AND s.finding IS NOT NULL AND s.on_day BETWEEN $3 AND $1)
ORDER BY p.code, i.id LIMIT $4
"""
PUBLIC_LINES = f"""
SELECT c.id, c.title, c.kind, {_SHOWN} AS state, c.project, p.name AS project_name, c.enterprise,
    e.name AS enterprise_name, c.in_force AS version, c.from_on, c.until_on
FROM contract c
LEFT JOIN project p ON p.code = c.project
LEFT JOIN enterprise e ON e.code = c.enterprise
WHERE c.in_force > 0 AND c.id < $2
    AND ($3::text IS NULL OR c.enterprise = $3)
    AND ($4::text IS NULL OR c.title LIKE $4 OR p.name LIKE $4 OR e.name LIKE $4
        OR c.project LIKE $4)
    AND ($5 OR (c.state = 'in-force' AND c.until_on >= $1))
ORDER BY c.id DESC LIMIT $6
"""


@dataclass(frozen=True, slots=True)
class DutyLineRow:
    """A duty in a list, with the names of what it is about."""

    id: UUID
    contract_id: UUID
    title: str
    clause: str
    role: str
    party: str
    party_name: str | None
    confirmer: str
    project_name: str | None
    period_start: date
    period_end: date
    waits_until: date | None
    late: bool
    state: str
    level: int


@dataclass(frozen=True, slots=True)
class WorkRow:
    """What waits: an office's signatures, disputes, late duties, contracts without an enterprise."""

    to_sign: int
    disputed: int
    late: int
    orphaned: int


@dataclass(frozen=True, slots=True)
class Missing:
    """A project, or a contract, that an indicator counts in its denominator alone."""

    project: str
    project_name: str
    street: str | None
    enterprise: str | None
    enterprise_name: str | None
    contract_id: UUID | None
    title: str | None


@dataclass(frozen=True, slots=True)
class PublicRow:
    """A contract that is or was in force, as everybody may see it."""

    id: UUID
    title: str
    kind: str
    state: str
    project: str | None
    project_name: str | None
    enterprise: str | None
    enterprise_name: str | None
    version: int
    from_on: date
    until_on: date


async def counted(conn: Connection, today: date, division: str | None) -> dict[str, int]:
    """Count contracts by the state people see, of a division if one is given."""
    return {row["state"]: row["contracts"] for row in await conn.fetch(COUNTED, today, division)}


async def to_inspect(
    conn: Connection, today: date, division: str | None, what: str, limit: int
) -> list[DutyLineRow]:
    """List what is late, the longest first, then what is in dispute; `what` narrows to one."""
    rows = await conn.fetch(TO_INSPECT, today, division, what, limit)
    return [DutyLineRow(*row) for row in rows]


async def owed_by(conn: Connection, today: date, party: str, limit: int) -> list[DutyLineRow]:
    """List what a party has to report of periods that have begun, the next to fall due first."""
    return [DutyLineRow(*row) for row in await conn.fetch(OWED_BY, today, party, limit)]


async def to_answer(conn: Connection, today: date, party: str, limit: int) -> list[DutyLineRow]:
    """List others' reports that wait for a party to confirm or dispute them."""
    return [DutyLineRow(*row) for row in await conn.fetch(TO_ANSWER, today, party, limit)]


async def done_by(conn: Connection, today: date, party: str, limit: int) -> list[DutyLineRow]:
    """List what a party has reported or what was decided of its duties, the newest first."""
    return [DutyLineRow(*row) for row in await conn.fetch(DONE_BY, today, party, limit)]


async def work(conn: Connection, today: date, division: str | None, office: str | None) -> WorkRow:
    """Count what waits for an office and in a division."""
    (row,) = await conn.fetch(WORK, today, division, office)
    return WorkRow(*row)


async def unsigned_projects(
    conn: Connection, on: date, division: str | None, after: str, limit: int
) -> list[Missing]:
    """List projects after a code that could have a tri-party contract on a day, and have none."""
    rows = await conn.fetch(UNSIGNED_PROJECTS, on, division, after, limit)
    return [Missing(*row) for row in rows]


async def uncredited(
    conn: Connection, on: date, division: str | None, since: date, limit: int
) -> list[Missing]:
    """List contracts in force on a day of which no duty was decided from another day on."""
    return [Missing(*row) for row in await conn.fetch(UNCREDITED, on, division, since, limit)]


async def public_lines(
    conn: Connection,
    today: date,
    before: UUID,
    *,
    enterprise: str | None,
    like: str | None,
    past: bool,
    limit: int,
) -> list[PublicRow]:
    """List contracts before an id, the newest first; those no longer in force with `past`."""
    rows = await conn.fetch(PUBLIC_LINES, today, before, enterprise, like, past, limit)
    return [PublicRow(*row) for row in rows]
