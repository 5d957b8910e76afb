"""SQL of districts' answers to grade runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from credit.kit.db import Connection

__all__ = ["AnswerRow", "add_answer", "answers", "has_answered"]

# Who answers first has answered for the district: the key keeps a second answer out.
ADD_ANSWER = """
INSERT INTO grade_confirmation (run_id, division, record_id, outcome, reason, results_digest,
    answered_by, answered_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (run_id, division) DO NOTHING RETURNING run_id
"""
ANSWERS = """
SELECT run_id, division, record_id, outcome, reason, results_digest, answered_by, answered_at
FROM grade_confirmation WHERE run_id = ANY($1) ORDER BY run_id, division
"""
HAS_ANSWERED = """
SELECT EXISTS (SELECT FROM grade_confirmation WHERE run_id = $1 AND answered_by = $2)
"""


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A district's answer to a run; `outcome` is confirmed or returned, with a reason."""

    run_id: UUID
    division: str
    record_id: UUID
    outcome: str
    reason: str | None
    results_digest: bytes
    answered_by: str
    answered_at: datetime


async def add_answer(conn: Connection, row: AnswerRow) -> bool:
    """Store an answer; False when the district has answered before."""
    added = await conn.fetchval(
        ADD_ANSWER,
        row.run_id,
        row.division,
        row.record_id,
        row.outcome,
        row.reason,
        row.results_digest,
        row.answered_by,
        row.answered_at,
    )
    return added is not None


async def answers(conn: Connection, runs: Sequence[UUID]) -> list[AnswerRow]:
    """Return the answers to runs."""
    return [AnswerRow(*row) for row in await conn.fetch(ANSWERS, runs)]


async def has_answered(conn: Connection, run_id: UUID, person_id: str) -> bool:
    """Say whether somebody has answered a run for a district."""
    found: bool = await conn.fetchval(HAS_ANSWERED, run_id, person_id)
    return found
