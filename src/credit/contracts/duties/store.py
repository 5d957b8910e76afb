"""SQL of duties."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from credit.kit.db import Connection

__all__ = [
    "DutyRow",
    "DutyStepRow",
    "add_duties",
    "add_steps",
    "bound_in",
    "hand_up",
    "load",
    "of_contract",
    "put_duties",
    "recount",
    "running",
    "steps_of",
    "to_begin",
    "to_inspect",
    "uncertain_ends",
    "waive",
]

_COLUMNS = """id, contract_id, version, clause, role, scheme, party, confirmer, project,
    enterprise, period_start, period_end, grace_days, due_on, waits_until, handed_up, state, level,
    severity, by_office, steps, created_at"""
ADD = f"""
INSERT INTO duty ({_COLUMNS})
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::text[],
    $7::text[], $8::text[], $9::text[], $10::text[], $11::date[], $12::date[], $13::smallint[],
    $14::date[], $15::date[], $16::bool[], $17::text[], $18::smallint[], $19::text[], $20::bool[],
    $21::int[], $22::timestamptz[])
ON CONFLICT DO NOTHING RETURNING id
"""
LOAD = f"SELECT {_COLUMNS} FROM duty WHERE id = ANY($1)"
LOCK = f"{LOAD} ORDER BY id FOR UPDATE"
PUT = """
UPDATE duty d SET waits_until = n.waits_until, handed_up = n.handed_up, state = n.state,
    level = n.level, severity = n.severity, by_office = n.by_office, steps = n.steps
FROM unnest($1::uuid[], $2::date[], $3::bool[], $4::text[], $5::smallint[], $6::text[], $7::bool[],
    $8::int[]) AS n (id, waits_until, handed_up, state, level, severity, by_office, steps)
WHERE d.id = n.id
"""
ADD_STEPS = """
INSERT INTO duty_step (duty_id, number, step, on_day, level, value, kept, finding, severity,
    reason, evidence, scheme, party, person_id, at)
SELECT n.id, n.number, n.step, n.on_day, n.level, n.value::jsonb, n.kept, n.finding, n.severity,
    n.reason, n.evidence::jsonb, n.scheme, n.party, n.person, n.at
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::date[], $5::smallint[], $6::text[], $7::bool[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
    $15::timestamptz[])
    AS n (id, number, step, on_day, level, value, kept, finding, severity, reason, evidence,
        scheme, party, person, at)
"""
STEPS_OF = """
SELECT duty_id, number, step, on_day, level, value::text, kept, finding, severity, reason,
    evidence::text, scheme, party, person_id, at
FROM duty_step WHERE duty_id = ANY($1) ORDER BY duty_id, number
"""
# Who is bound in a role by what is in force: who signed that version and has not left it.
BOUND_IN = """
SELECT s.scheme, s.party FROM contract c
JOIN contract_signature s ON s.contract_id = c.id AND s.version = c.in_force
WHERE c.id = $1 AND s.role = $2 AND NOT EXISTS (
    SELECT FROM contract_step t WHERE t.contract_id = c.id AND t.version = c.in_force
        AND t.step = 'left' AND t.party = s.party)
ORDER BY s.signed_at, s.party
"""
# What still runs or is to come of contracts on a day.
RUNNING = """
SELECT contract_id, clause, scheme, party FROM duty
WHERE contract_id = ANY($1) AND period_end >= $2 AND state <> 'waived'
"""
# Undecided duties whose period is not over are waived when a contract pauses or ends, and a
# member's when it leaves.
WAIVE = """
UPDATE duty SET state = 'waived', waits_until = NULL, handed_up = false, steps = steps + 1
WHERE contract_id = $1 AND period_end >= $2 AND state = 'open'
    AND ($3::text IS NULL OR party = $3)
RETURNING id, steps
"""
TO_BEGIN = """
SELECT id FROM contract
WHERE state = 'in-force' AND duties_next IS NOT NULL AND duties_next <= $1
ORDER BY duties_next, id LIMIT $2
"""
# Ends of periods near by, whose last days were counted before all holidays were known.
UNCERTAIN_ENDS = """
SELECT DISTINCT period_end, grace_days FROM duty
WHERE state = 'open' AND NOT handed_up AND period_end BETWEEN $1 AND $2
"""
RECOUNT = """
UPDATE duty d SET due_on = n.due_on, waits_until = n.due_on
FROM unnest($1::date[], $2::smallint[], $3::date[]) AS n (period_end, grace_days, due_on)
WHERE d.state = 'open' AND NOT d.handed_up AND d.period_end = n.period_end
    AND d.grace_days = n.grace_days AND d.due_on <> n.due_on
RETURNING d.id
"""
HAND_UP = """
UPDATE duty SET handed_up = true
WHERE id IN (
    SELECT id FROM duty WHERE NOT handed_up AND waits_until < $1 ORDER BY waits_until LIMIT $2
    FOR UPDATE SKIP LOCKED)
RETURNING id, enterprise
"""
_BEHIND = """($3::uuid IS NULL
    OR (period_start, id) > (SELECT k.period_start, k.id FROM duty k WHERE k.id = $3))"""
OF_CONTRACT = f"""
SELECT {_COLUMNS} FROM duty
WHERE contract_id = $1 AND ($2::text IS NULL OR state = $2) AND {_BEHIND}
ORDER BY period_start, id LIMIT $4
"""
# What inspectors look at: what is late, then what is in dispute.
TO_INSPECT = f"""
(SELECT {_COLUMNS} FROM duty WHERE handed_up AND state IN ('open', 'reported')
    ORDER BY waits_until, id LIMIT $1)
UNION ALL
(SELECT {_COLUMNS} FROM duty WHERE state = 'disputed' ORDER BY id LIMIT $1)
LIMIT $1
"""


@dataclass(frozen=True, slots=True)
class DutyRow:
    """A duty as stored; days are of China, both ends of the period included."""

    id: UUID
    contract_id: UUID
    version: int
    clause: str
    role: str
    scheme: str
    party: str
    confirmer: str
    project: str | None
    enterprise: str | None
    period_start: date
    period_end: date
    grace_days: int
    due_on: date
    waits_until: date | None
    handed_up: bool
    state: str
    level: int
    severity: str | None
    by_office: bool
    steps: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DutyStepRow:
    """A step of a duty; `value` and `evidence` are JSON, `scheme` and `party` whose step it was."""

    duty_id: UUID
    number: int
    step: str
    on_day: date
    level: int
    value: dict[str, Any] | None
    kept: bool | None
    finding: str | None
    severity: str | None
    reason: str | None
    evidence: list[dict[str, Any]]
    scheme: str | None
    party: str | None
    person_id: str
    at: datetime


async def add_duties(conn: Connection, rows: Sequence[DutyRow]) -> set[UUID]:
    """Store duties; returns those that were not there before."""
    return {row["id"] for row in await conn.fetch(ADD, *_columns(DutyRow, rows))}


async def load(
    conn: Connection, ids: Collection[UUID], *, lock: bool = False
) -> dict[UUID, DutyRow]:
    """Load duties; with `lock` their rows are held, in the order of their ids."""
    rows = await conn.fetch(LOCK if lock else LOAD, list(ids))
    return {row["id"]: DutyRow(*row) for row in rows}


async def put_duties(conn: Connection, rows: Sequence[DutyRow]) -> None:
    """Store where duties stand now; the caller holds their rows."""
    await conn.execute(
        PUT,
        [row.id for row in rows],
        [row.waits_until for row in rows],
        [row.handed_up for row in rows],
        [row.state for row in rows],
        [row.level for row in rows],
        [row.severity for row in rows],
        [row.by_office for row in rows],
        [row.steps for row in rows],
    )


async def add_steps(conn: Connection, rows: Sequence[DutyStepRow]) -> None:
    """Store steps; a number that is there already violates the key."""
    columns = _columns(DutyStepRow, rows)
    names = [field.name for field in fields(DutyStepRow)]
    for name in ("value", "evidence"):
        place = names.index(name)
        columns[place] = [
            None if one is None else orjson.dumps(one).decode() for one in columns[place]
        ]
    await conn.execute(ADD_STEPS, *columns)


async def steps_of(conn: Connection, ids: Collection[UUID]) -> dict[UUID, list[DutyStepRow]]:
    """Return the steps of duties, in order."""
    found: dict[UUID, list[DutyStepRow]] = {one: [] for one in ids}
    for row in await conn.fetch(STEPS_OF, list(ids)):
        value = None if row["value"] is None else orjson.loads(row["value"])
        values = {**row, "value": value, "evidence": orjson.loads(row["evidence"])}
        found[row["duty_id"]].append(DutyStepRow(**values))
    return found


async def bound_in(conn: Connection, contract_id: UUID, role: str) -> list[tuple[str, str]]:
    """Return who is bound in a role by a contract's version in force, as (scheme, code)."""
    return [(row[0], row[1]) for row in await conn.fetch(BOUND_IN, contract_id, role)]


async def running(
    conn: Connection, contracts: Collection[UUID], day: date
) -> set[tuple[UUID, str, str, str]]:
    """Return which clauses of contracts run for whom on a day: contract, clause, scheme, party."""
    return {tuple(row) for row in await conn.fetch(RUNNING, list(contracts), day)}


async def waive(
    conn: Connection, contract_id: UUID, day: date, party: str | None
) -> list[tuple[UUID, int]]:
    """Waive what is open of periods not over on a day; returns (duty, number of the step)."""
    return [tuple(row) for row in await conn.fetch(WAIVE, contract_id, day, party)]


async def to_begin(conn: Connection, today: date, limit: int) -> list[UUID]:
    """Return contracts in force of which a period has begun whose duties are not made yet."""
    return [row["id"] for row in await conn.fetch(TO_BEGIN, today, limit)]


async def uncertain_ends(conn: Connection, first: date, last: date) -> list[tuple[date, int]]:
    """Return the (end, grace days) of open duties whose period ends within days."""
    return [tuple(row) for row in await conn.fetch(UNCERTAIN_ENDS, first, last)]


async def recount(conn: Connection, dues: Sequence[tuple[date, int, date]]) -> list[UUID]:
    """Set when open duties are due by (end, grace days, due); returns those that changed."""
    ends, graces, days = zip(*dues, strict=True)
    return [row["id"] for row in await conn.fetch(RECOUNT, ends, graces, days)]


async def hand_up(conn: Connection, today: date, limit: int) -> list[tuple[UUID, str | None]]:
    """Note what is late as on the inspectors' desk; returns (duty, enterprise concerned)."""
    return [tuple(row) for row in await conn.fetch(HAND_UP, today, limit)]


async def of_contract(
    conn: Connection, contract_id: UUID, *, state: str | None, after: UUID | None, limit: int
) -> list[DutyRow]:
    """List a contract's duties by period from behind one of them on, the oldest first."""
    rows = await conn.fetch(OF_CONTRACT, contract_id, state, after, limit)
    return [DutyRow(*row) for row in rows]


async def to_inspect(conn: Connection, limit: int) -> list[DutyRow]:
    """List what is late, the longest first, then what is in dispute."""
    return [DutyRow(*row) for row in await conn.fetch(TO_INSPECT, limit)]


def _columns(kind: type[Any], rows: Sequence[Any]) -> list[list[Any]]:
    return [[getattr(row, field.name) for row in rows] for field in fields(kind)]
