"""SQL of what an enterprise sees of evaluations that are still open."""

from dataclasses import dataclass

from credit.kit.db import Connection

__all__ = ["OpenEvaluation", "open_evaluations_of"]

OPEN_MAX = 200
OPEN_EVALUATIONS_OF = """
SELECT e.sheet, e.year, p.name AS project, d.name AS division
FROM evaluation e LEFT JOIN evaluation_closing c ON c.evaluation_id = e.id
LEFT JOIN project p ON e.subject_kind = 'project' AND p.code = e.subject
LEFT JOIN division d ON d.code = e.division
WHERE e.enterprise = $1 AND c.evaluation_id IS NULL
ORDER BY e.year DESC, e.sheet, e.subject LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class OpenEvaluation:
    """An evaluation not closed yet; `project` where it is about one, `division` who judges.

    Without a division the city as a whole does.
    """

    sheet: str
    year: int
    project: str | None
    division: str | None


async def open_evaluations_of(conn: Connection, enterprise: str) -> list[OpenEvaluation]:
    """List the open evaluations that an enterprise answers for, the newest year first."""
    rows = await conn.fetch(OPEN_EVALUATIONS_OF, enterprise, OPEN_MAX)
    return [OpenEvaluation(*row) for row in rows]
