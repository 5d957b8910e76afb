"""SQL of repair."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from credit.events.repair.views import ListedRepair, Repair, RepairStep
from credit.kit.db import Connection

__all__ = [
    "add_repair",
    "add_step",
    "list_repairs",
    "load_repair",
    "lock_repair",
    "repairs_of",
    "save_repair",
    "steps_of",
]

COLUMNS = (
    "id", "event_id", "enterprise", "state", "steps", "commitment", "commitment_id", "applied_by",
    "applied_on", "accepted_by", "accepted_on", "extended", "decided_by", "decided_on", "record_id",
)  # fmt: skip
_COLUMNS = ", ".join(f"r.{name}" for name in COLUMNS)
ADD_REPAIR = """
INSERT INTO repair (id, event_id, enterprise, state, steps, commitment, commitment_id, applied_by,
    applied_on, extended)
VALUES ($1, $2, $3, 'applied', 1, $4, $5, $6, $7, false)
ON CONFLICT DO NOTHING RETURNING id
"""
LOAD_REPAIR = f"SELECT {_COLUMNS} FROM repair r WHERE r.id = $1"
LOCK_REPAIR = f"{LOAD_REPAIR} FOR UPDATE"
REPAIRS_OF = f"SELECT {_COLUMNS} FROM repair r WHERE r.event_id = $1 ORDER BY r.id"
SAVE_REPAIR = """
UPDATE repair SET state = $2, steps = $3, accepted_by = $4, accepted_on = $5, extended = $6,
    decided_by = $7, decided_on = $8, record_id = $9
WHERE id = $1
"""
ADD_STEP = """
INSERT INTO repair_step (repair_id, number, kind, at, done_by, statement, evidence, due_on, days)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
STEPS_OF = """
SELECT repair_id, number, kind, at, done_by, statement, evidence, due_on, days
FROM repair_step WHERE repair_id = $1 ORDER BY number
"""
_LISTED = f"""
SELECT {_COLUMNS}, e.code, e.occurred_on, f.name, t.due_on, t.level
FROM repair r JOIN event e ON e.id = r.event_id
LEFT JOIN enterprise f ON f.code = r.enterprise
LEFT JOIN term t ON t.matter_id = r.id AND t.closed_at IS NULL
"""
LIST_REPAIRS = f"""
{_LISTED} WHERE r.state = ANY($1::text[]) AND r.id > $2
    AND ($4::text IS NULL OR r.enterprise IN (SELECT code FROM enterprises_in_v1($4)))
ORDER BY r.id LIMIT $3
"""
LIST_REPAIRS_OF = f"""
{_LISTED} WHERE r.enterprise = $4 AND r.state = ANY($1::text[]) AND r.id > $2
ORDER BY r.id LIMIT $3
"""


async def add_repair(conn: Connection, repair: Repair) -> bool:
    """Keep a new application; False when the fact has one that is open or was granted."""
    added = await conn.fetchval(
        ADD_REPAIR,
        repair.id,
        repair.event_id,
        repair.enterprise,
        repair.commitment,
        repair.commitment_id,
        repair.applied_by,
        repair.applied_on,
    )
    return added is not None


async def load_repair(conn: Connection, repair_id: UUID) -> Repair | None:
    """Return an application; None without it."""
    row = await conn.fetchrow(LOAD_REPAIR, repair_id)
    return None if row is None else Repair(*row)


async def lock_repair(conn: Connection, repair_id: UUID) -> Repair | None:
    """Return an application, which nobody else moves before the transaction ends."""
    row = await conn.fetchrow(LOCK_REPAIR, repair_id)
    return None if row is None else Repair(*row)


async def repairs_of(conn: Connection, event_id: UUID) -> list[Repair]:
    """Return the applications for a fact, the oldest first."""
    return [Repair(*row) for row in await conn.fetch(REPAIRS_OF, event_id)]


async def save_repair(conn: Connection, repair: Repair) -> None:
    """Keep where an application stands now."""
    await conn.execute(
        SAVE_REPAIR,
        repair.id,
        repair.state,
        repair.steps,
        repair.accepted_by,
        repair.accepted_on,
        repair.extended,
        repair.decided_by,
        repair.decided_on,
        repair.record_id,
    )


async def add_step(conn: Connection, step: RepairStep) -> None:
    """Keep a step; one number is taken once for an application."""
    await conn.execute(
        ADD_STEP,
        step.repair_id,
        step.number,
        step.kind,
        step.at,
        step.done_by,
        step.statement,
        list(step.evidence),
        step.due_on,
        step.days,
    )


async def steps_of(conn: Connection, repair_id: UUID) -> list[RepairStep]:
    """Return the steps of an application in their order."""
    return [_step(row) for row in await conn.fetch(STEPS_OF, repair_id)]


async def list_repairs(
    conn: Connection,
    states: Sequence[str],
    after: UUID,
    limit: int,
    *,
    enterprise: str | None,
    division: str | None,
) -> list[ListedRepair]:
    """Return a page of applications after an id, oldest first: of one enterprise, or of all those
    of a division, or of everybody.
    """
    if enterprise is None:
        rows = await conn.fetch(LIST_REPAIRS, states, after, limit, division)
    else:
        rows = await conn.fetch(LIST_REPAIRS_OF, states, after, limit, enterprise)
    width = len(COLUMNS)
    return [ListedRepair(Repair(*row[:width]), *row[width:]) for row in map(tuple, rows)]


def _step(row: Any) -> RepairStep:
    values = dict(row)
    values["evidence"] = tuple(values["evidence"])
    return RepairStep(**values)
