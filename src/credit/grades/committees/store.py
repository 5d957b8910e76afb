"""SQL of what a committee sees of its project beside the log."""

from dataclasses import dataclass
from datetime import date

from credit.kit.db import Connection

__all__ = ["Management", "managements"]

MANAGEMENTS_MAX = 50
MANAGEMENTS = """
SELECT m.enterprise, e.name, m.since, m.until
FROM management m JOIN enterprise e ON e.code = m.enterprise
WHERE m.project = $1 ORDER BY m.since DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Management:
    """An enterprise that managed a project, from a day until before another; None is now."""

    enterprise: str
    name: str
    since: date
    until: date | None


async def managements(conn: Connection, project: str) -> list[Management]:
    """List who managed a project, the last one first."""
    return [Management(*row) for row in await conn.fetch(MANAGEMENTS, project, MANAGEMENTS_MAX)]
