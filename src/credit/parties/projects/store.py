"""SQL of projects as contracts see them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from credit.kit.db import Connection

__all__ = [
    "CommitteeOfProject",
    "ProjectFacts",
    "enterprise_names",
    "project_facts",
    "projects_of",
]

PROJECT_FACTS = """
SELECT p.code, p.name, p.owners, p.area_m2, p.street, m.enterprise, e.name AS enterprise_name,
    ARRAY(SELECT (c.code, c.kind, c.name) FROM committee c
        WHERE c.project = p.code AND c.formed_on <= $2 AND (c.ended_on IS NULL OR $2 < c.ended_on)
        ORDER BY c.formed_on DESC, c.code) AS committees
FROM project p
LEFT JOIN management m ON m.project = p.code
    AND m.since <= $2 AND (m.until IS NULL OR $2 < m.until)
LEFT JOIN enterprise e ON e.code = m.enterprise
WHERE p.code = ANY($1)
"""
PROJECTS_OF = """
SELECT p.code, p.name FROM project p
WHERE EXISTS (SELECT FROM management m WHERE m.project = p.code AND m.enterprise = $1
        AND m.since <= $2 AND (m.until IS NULL OR $2 < m.until))
    OR EXISTS (SELECT FROM committee c WHERE c.project = p.code AND c.code = $1
        AND c.formed_on <= $2 AND (c.ended_on IS NULL OR $2 < c.ended_on))
ORDER BY p.code LIMIT $3
"""
ENTERPRISE_NAMES = "SELECT code, name FROM enterprise WHERE code = ANY($1)"


@dataclass(frozen=True, slots=True)
class CommitteeOfProject:
    """A committee, or a 物业管理委员会 in its place, that speaks for a project's owners."""

    code: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """A project on a day: owners as persons, area in square metres, who manages it, who speaks."""

    code: str
    name: str
    owners: int
    area_m2: int
    street: str
    enterprise: str | None
    enterprise_name: str | None
    committees: tuple[CommitteeOfProject, ...]


async def project_facts(
    conn: Connection, projects: Collection[str], on: date
) -> dict[str, ProjectFacts]:
    """Return projects as they stand on a day; unknown ones are left out."""
    return {
        row["code"]: ProjectFacts(
            **{**row, "committees": tuple(CommitteeOfProject(*one) for one in row["committees"])}
        )
        for row in await conn.fetch(PROJECT_FACTS, list(projects), on)
    }


async def enterprise_names(conn: Connection, codes: Collection[str]) -> dict[str, str]:
    """Return the names of enterprises."""
    rows = await conn.fetch(ENTERPRISE_NAMES, list(codes))
    return {row["code"]: row["name"] for row in rows}


async def projects_of(conn: Connection, party: str, on: date, limit: int) -> list[tuple[str, str]]:
    """Return (code, name) of the projects an enterprise manages or a committee speaks for."""
    return [tuple(row) for row in await conn.fetch(PROJECTS_OF, party, on, limit)]
