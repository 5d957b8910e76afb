"""SQL of projects as contracts see them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import starmap
from typing import Any

from credit.kit.db import Connection

__all__ = [
    "CommitteeOfProject",
    "ProjectFacts",
    "enterprise_names",
    "facts_of",
    "facts_records",
    "project_facts",
    "projects_of",
]


def facts_records(codes: str, day: str) -> str:
    """Return the SQL of what is known of projects on a day, a record each, for other statements to
    take along; `codes` and `day` are expressions.

    The driver reads no records within records: committees are flat, three texts each.
    """
    return f"""
SELECT (p.code, p.name, p.owners, p.area_m2, p.street, m.enterprise, e.name,
    ARRAY(SELECT t.text FROM committee k
        CROSS JOIN unnest(ARRAY[k.code, k.kind, k.name]) WITH ORDINALITY AS t (text, place)
        WHERE k.project = p.code AND k.formed_on <= {day} AND (k.ended_on IS NULL OR {day} < k.ended_on)
        ORDER BY k.formed_on DESC, k.code, t.place))
FROM project p
LEFT JOIN management m ON m.project = p.code
    AND m.since <= {day} AND (m.until IS NULL OR {day} < m.until)
LEFT JOIN enterprise e ON e.code = m.enterprise
WHERE p.code = ANY({codes})
"""


PROJECT_FACTS = facts_records("$1::text[]", "$2::date")
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
    rows = await conn.fetch(PROJECT_FACTS, list(projects), on)
    return {row[0][0]: facts_of(row[0]) for row in rows}


def facts_of(record: Sequence[Any]) -> ProjectFacts:
    """Read what `facts_records` gives for a project."""
    code, name, owners, area, street, enterprise, enterprise_name, texts = record
    committees = tuple(starmap(CommitteeOfProject, zip(*[iter(texts)] * 3, strict=True)))
    return ProjectFacts(code, name, owners, area, street, enterprise, enterprise_name, committees)


async def enterprise_names(conn: Connection, codes: Collection[str]) -> dict[str, str]:
    """Return the names of enterprises."""
    rows = await conn.fetch(ENTERPRISE_NAMES, list(codes))
    return {row["code"]: row["name"] for row in rows}


async def projects_of(conn: Connection, party: str, on: date, limit: int) -> list[tuple[str, str]]:
    """Return (code, name) of the projects an enterprise manages or a committee speaks for."""
    return [tuple(row) for row in await conn.fetch(PROJECTS_OF, party, on, limit)]
