"""SQL of parties. Every statement takes whole columns, so a thousand rows cost one round trip."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from typing import Any

from credit.kit.db import Connection
from credit.parties.views import (
    FoundSubject,
    Located,
    Placed,
    Register,
    RegisteredEnterprise,
    Represented,
    Subject,
)

__all__ = [
    "area_managed",
    "districts",
    "division_name",
    "division_names",
    "divisions",
    "find_enterprise",
    "find_subjects",
    "load_register",
    "locate",
    "lock_parties",
    "matching",
    "next_internal_number",
    "open_managements",
    "open_posts",
    "place",
    "project_areas",
    "put_committees",
    "put_divisions",
    "put_enterprises",
    "put_managements",
    "put_managers",
    "put_posts",
    "put_projects",
    "represented",
]

LOCK = "SELECT pg_advisory_xact_lock(hashtext(current_schema() || ' parties'))"
NEXT_INTERNAL = """
SELECT coalesce(max(substr(code, 9)::int), 0) + 1 FROM enterprise WHERE code LIKE 'N______-%'
"""
# A division's parent follows from its code, so that only the name can change.
PUT_DIVISIONS = """
INSERT INTO division (code, level, name, parent)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
ON CONFLICT (code) DO UPDATE SET name = excluded.name WHERE division.name <> excluded.name
"""
PUT_ENTERPRISES = """
INSERT INTO enterprise (code, kind, name, former_code, founded_on, district, created_at)
SELECT *, $7::timestamptz
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::date[], $6::text[])
ON CONFLICT (code) DO UPDATE
SET kind = excluded.kind, name = excluded.name, former_code = excluded.former_code,
    district = excluded.district
"""
PUT_PROJECTS = """
INSERT INTO project
    (code, name, kind, households, owners, area_m2, street, community, created_at)
SELECT *, $9::timestamptz FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::int[], $5::int[], $6::bigint[], $7::text[], $8::text[])
ON CONFLICT (code) DO UPDATE
SET name = excluded.name, kind = excluded.kind, households = excluded.households,
    owners = excluded.owners, area_m2 = excluded.area_m2, street = excluded.street,
    community = excluded.community
"""
OPEN_MANAGEMENTS = """
SELECT project, since, enterprise FROM management WHERE until IS NULL AND project = ANY($1)
"""
CLOSE_MANAGEMENTS = """
UPDATE management m SET until = n.since
FROM unnest($1::text[], $2::text[], $3::date[]) AS n (project, enterprise, since)
WHERE m.project = n.project AND m.until IS NULL AND m.enterprise <> n.enterprise
"""
OPEN_NEW_MANAGEMENTS = """
INSERT INTO management (project, since, enterprise)
SELECT n.project, n.since, n.enterprise
FROM unnest($1::text[], $2::text[], $3::date[]) AS n (project, enterprise, since)
WHERE NOT EXISTS (
    SELECT FROM management m WHERE m.project = n.project AND m.until IS NULL)
"""
PUT_MANAGERS = """
INSERT INTO manager (code, created_at) SELECT *, $2::timestamptz FROM unnest($1::text[])
ON CONFLICT DO NOTHING
"""
OPEN_POSTS = "SELECT project, since, manager FROM post WHERE until IS NULL AND project = ANY($1)"
CLOSE_POSTS = """
UPDATE post p SET until = n.since
FROM unnest($1::text[], $2::text[], $3::date[]) AS n (project, manager, since)
WHERE p.project = n.project AND p.until IS NULL AND p.manager <> n.manager
"""
OPEN_NEW_POSTS = """
INSERT INTO post (project, since, manager)
SELECT n.project, n.since, n.manager
FROM unnest($1::text[], $2::text[], $3::date[]) AS n (project, manager, since)
WHERE NOT EXISTS (SELECT FROM post p WHERE p.project = n.project AND p.until IS NULL)
"""
PUT_COMMITTEES = """
INSERT INTO committee (code, kind, name, project, formed_on, ended_on)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::date[], $6::date[])
ON CONFLICT (code) DO UPDATE
SET kind = excluded.kind, name = excluded.name, formed_on = excluded.formed_on,
    ended_on = excluded.ended_on
"""
FIND_ENTERPRISE = """
SELECT code, name, kind, founded_on, ended_on, district FROM enterprise WHERE code = $1
"""
MATCHING = """
SELECT code FROM enterprise
WHERE ($1::text IS NULL OR name LIKE $1 OR code LIKE $1)
    AND ($2::text IS NULL OR code IN (SELECT code FROM enterprises_in_v1($2)))
    AND ($4::text IS NULL OR code = $4)
ORDER BY code LIMIT $3
"""
KNOWN_DIVISIONS = "SELECT code FROM division WHERE code = ANY($1)"
# Who has no code is found by name among those who have an internal number.
KNOWN_ENTERPRISES = """
SELECT code, name, kind, founded_on, ended_on, district FROM enterprise
WHERE code = ANY($1) OR (name = ANY($2) AND code LIKE 'N______-%')
"""
KNOWN_PROJECTS = "SELECT code FROM project WHERE code = ANY($1)"
KNOWN_MANAGERS = "SELECT code FROM manager WHERE code = ANY($1)"
KNOWN_COMMITTEES = "SELECT code, project FROM committee WHERE code = ANY($1)"
# Who answered for a subject on a day. A manager is followed through the projects headed that day;
# where there are several, the first by code stands for the person's employer.
PLACE = """
SELECT a.kind, a.code, a.day,
    coalesce(e.code, p.code, m.code) IS NOT NULL AS known,
    coalesce(e.code, pm.enterprise, mm.enterprise) AS enterprise,
    coalesce(p.code, mm.project) AS project,
    coalesce(m.code, pp.manager) AS manager,
    coalesce(e.founded_on, pf.since, mf.since) AS exists_from
FROM unnest($1::text[], $2::text[], $3::date[]) WITH ORDINALITY AS a (kind, code, day, position)
LEFT JOIN enterprise e ON a.kind = 'enterprise' AND e.code = a.code
LEFT JOIN project p ON a.kind = 'project' AND p.code = a.code
LEFT JOIN manager m ON a.kind = 'manager' AND m.code = a.code
LEFT JOIN management pm ON pm.project = p.code
    AND pm.since <= a.day AND (pm.until IS NULL OR a.day < pm.until)
LEFT JOIN post pp ON pp.project = p.code
    AND pp.since <= a.day AND (pp.until IS NULL OR a.day < pp.until)
LEFT JOIN LATERAL (
    SELECT min(since) AS since FROM management WHERE project = p.code) pf ON true
LEFT JOIN LATERAL (
    SELECT g.enterprise, g.project FROM post q JOIN management g ON g.project = q.project
    WHERE q.manager = m.code AND q.since <= a.day AND (q.until IS NULL OR a.day < q.until)
        AND g.since <= a.day AND (g.until IS NULL OR a.day < g.until)
    ORDER BY g.project LIMIT 1) mm ON true
LEFT JOIN LATERAL (SELECT min(since) AS since FROM post WHERE manager = m.code) mf ON true
ORDER BY a.position
"""
# Where subjects were on a day, by the codes of divisions: an enterprise where it is registered and
# where it managed projects, a manager where the projects headed are.
LOCATE = """
SELECT a.kind, a.code, coalesce(e.name, p.name, d.name) AS name,
    ARRAY(SELECT e.district WHERE e.district IS NOT NULL
          UNION SELECT s.place FROM (VALUES (p.street), (p.community), (d.code)) AS s (place)
          WHERE s.place IS NOT NULL
          UNION SELECT mp.street FROM management m JOIN project mp ON mp.code = m.project
          WHERE m.enterprise = e.code AND m.since <= a.day AND (m.until IS NULL OR a.day < m.until)
          UNION SELECT qp.street FROM post q JOIN project qp ON qp.code = q.project
          WHERE a.kind = 'manager' AND q.manager = a.code
              AND q.since <= a.day AND (q.until IS NULL OR a.day < q.until)) AS divisions
FROM unnest($1::text[], $2::text[], $3::date[]) WITH ORDINALITY AS a (kind, code, day, position)
LEFT JOIN enterprise e ON a.kind = 'enterprise' AND e.code = a.code
LEFT JOIN project p ON a.kind = 'project' AND p.code = a.code
LEFT JOIN division d ON a.kind = d.level AND d.code = a.code
ORDER BY a.position
"""
# A street under the name of its district.
DIVISION_NAME = """
SELECT string_agg(name, '' ORDER BY char_length(code)) FROM division
WHERE code = ANY(ARRAY[substr($1::text, 1, 6), substr($1, 1, 9), $1])
"""
DIVISION_NAMES = "SELECT code, name FROM division WHERE code = ANY($1)"
# The area an enterprise managed on a day, by district: the weight of a district's evaluation.
AREA_MANAGED = """
SELECT m.enterprise, substr(p.street, 1, 6) AS district, sum(p.area_m2)::bigint AS area
FROM management m JOIN project p ON p.code = m.project
WHERE m.since <= $1 AND (m.until IS NULL OR $1 < m.until) AND m.enterprise = ANY($2)
GROUP BY 1, 2
"""
# Who may be meant by a code or a part of a name, by kind: whoever has the very code comes first.
FIND_SUBJECTS = {
    "enterprise": """
SELECT code, name, kind FROM enterprise
WHERE code = $1 OR code LIKE $2 OR name LIKE $2 ORDER BY code = $1 DESC, code LIMIT $3
""",
    "project": """
SELECT code, name, kind FROM project
WHERE code = $1 OR code LIKE $2 OR name LIKE $2 ORDER BY code = $1 DESC, code LIMIT $3
""",
    "street": """
SELECT code, name, level AS kind FROM division
WHERE level = 'street' AND (code = $1 OR code LIKE $2 OR name LIKE $2)
ORDER BY code = $1 DESC, code LIMIT $3
""",
    "district": """
SELECT code, name, level AS kind FROM division
WHERE level = 'district' AND (code = $1 OR code LIKE $2 OR name LIKE $2)
ORDER BY code = $1 DESC, code LIMIT $3
""",
}
DISTRICTS = "SELECT code, name FROM division WHERE level = 'district' ORDER BY code LIMIT $1"
DIVISIONS = """
SELECT code, name FROM division WHERE level IN ('district', 'street') ORDER BY code LIMIT $1
"""
REPRESENTED = """
SELECT c.name, c.kind, c.ended_on, p.code, p.name, e.code, e.name, m.since, p.kind, p.households,
    (SELECT s.name FROM division s WHERE s.code = p.street)
FROM committee c JOIN project p ON p.code = c.project
LEFT JOIN management m ON m.project = p.code
    AND m.since <= $2 AND (m.until IS NULL OR $2 < m.until)
LEFT JOIN enterprise e ON e.code = m.enterprise
WHERE c.code = $1
"""
PROJECT_AREAS = "SELECT code, area_m2 FROM project WHERE code = ANY($1)"

Columns = Sequence[Sequence[Any]]


async def lock_parties(conn: Connection) -> None:
    """Let one import at a time change parties; readers are not held up."""
    await conn.execute(LOCK)


async def next_internal_number(conn: Connection) -> int:
    """Return the next free internal number; hold the parties lock."""
    number: int = await conn.fetchval(NEXT_INTERNAL)
    return number


async def load_register(
    conn: Connection, named: Mapping[str, AbstractSet[str]], names: AbstractSet[str]
) -> Register:
    """Return what is held of the codes named, by sheet, and of enterprises known by name alone."""
    codes = {sheet: sorted(texts) for sheet, texts in named.items()}
    divisions = await conn.fetch(KNOWN_DIVISIONS, codes["divisions"])
    enterprises = await conn.fetch(KNOWN_ENTERPRISES, codes["enterprises"], sorted(names))
    projects = await conn.fetch(KNOWN_PROJECTS, codes["projects"])
    managers = await conn.fetch(KNOWN_MANAGERS, codes["managers"])
    committees = await conn.fetch(KNOWN_COMMITTEES, codes["committees"])
    return Register(
        divisions={row["code"] for row in divisions},
        enterprises={row["code"]: RegisteredEnterprise(*row) for row in enterprises},
        projects={row["code"] for row in projects},
        managers={row["code"] for row in managers},
        committees={row["code"]: row["project"] for row in committees},
        managements=await open_managements(conn, codes["projects"]),
        posts=await open_posts(conn, codes["projects"]),
    )


async def put_divisions(conn: Connection, columns: Columns) -> None:
    """Add or rename divisions: columns code, level, name, parent; parents come first."""
    await conn.execute(PUT_DIVISIONS, *columns)


async def put_enterprises(conn: Connection, columns: Columns, now: datetime) -> None:
    """Add or update: columns code, kind, name, former_code, founded_on, district."""
    await conn.execute(PUT_ENTERPRISES, *columns, now)


async def put_projects(conn: Connection, columns: Columns, now: datetime) -> None:
    """Add or update: code, name, kind, households, owners, area_m2, street, community."""
    await conn.execute(PUT_PROJECTS, *columns, now)


async def open_managements(
    conn: Connection, projects: Sequence[str]
) -> dict[str, tuple[date, str]]:
    """Return for each project with a manager at present: (since, enterprise)."""
    rows = await conn.fetch(OPEN_MANAGEMENTS, projects)
    return {row["project"]: (row["since"], row["enterprise"]) for row in rows}


async def put_managements(conn: Connection, columns: Columns) -> None:
    """Hand projects over: columns project, enterprise, since. The earlier period ends there."""
    await conn.execute(CLOSE_MANAGEMENTS, *columns)
    await conn.execute(OPEN_NEW_MANAGEMENTS, *columns)


async def put_managers(conn: Connection, codes: Sequence[str], now: datetime) -> None:
    """Add managers by code; their names are in the vault."""
    await conn.execute(PUT_MANAGERS, codes, now)


async def open_posts(conn: Connection, projects: Sequence[str]) -> dict[str, tuple[date, str]]:
    """Return for each project with a head at present: (since, manager)."""
    rows = await conn.fetch(OPEN_POSTS, projects)
    return {row["project"]: (row["since"], row["manager"]) for row in rows}


async def put_posts(conn: Connection, columns: Columns) -> None:
    """Appoint managers: columns project, manager, since. The earlier period ends there."""
    await conn.execute(CLOSE_POSTS, *columns)
    await conn.execute(OPEN_NEW_POSTS, *columns)


async def put_committees(conn: Connection, columns: Columns) -> None:
    """Add or update: columns code, kind, name, project, formed_on, ended_on."""
    await conn.execute(PUT_COMMITTEES, *columns)


async def find_enterprise(conn: Connection, code: str) -> RegisteredEnterprise | None:
    """Find one enterprise."""
    row = await conn.fetchrow(FIND_ENTERPRISE, code)
    return None if row is None else RegisteredEnterprise(*row)


async def matching(
    conn: Connection, like: str | None, division: str | None, limit: int, *, code: str | None
) -> list[str]:
    """Return the codes of enterprises whose name or code is like a pattern, of a division, with a
    code.
    """
    return [row["code"] for row in await conn.fetch(MATCHING, like, division, limit, code)]


async def find_subjects(
    conn: Connection, kind: str, code: str, like: str, limit: int
) -> list[FoundSubject]:
    """Return subjects of a kind whose code is one, or whose code or name is like a pattern."""
    rows = await conn.fetch(FIND_SUBJECTS[kind], code, like, limit)
    return [FoundSubject(*row) for row in rows]


async def districts(conn: Connection, limit: int) -> list[tuple[str, str]]:
    """Return (code, name) of the districts."""
    return [(row["code"], row["name"]) for row in await conn.fetch(DISTRICTS, limit)]


async def divisions(conn: Connection, limit: int) -> list[tuple[str, str]]:
    """Return (code, name) of districts and streets, each district before its streets."""
    return [(row["code"], row["name"]) for row in await conn.fetch(DIVISIONS, limit)]


async def place(
    conn: Connection, kinds: Sequence[str], codes: Sequence[str], days: Sequence[date]
) -> list[Placed]:
    """Place subjects on days, in the order given."""
    return [
        Placed(Subject(kind, code), day, known, enterprise, project, manager, exists_from)
        for kind, code, day, known, enterprise, project, manager, exists_from in await conn.fetch(
            PLACE, kinds, codes, days
        )
    ]


async def locate(
    conn: Connection, kinds: Sequence[str], codes: Sequence[str], days: Sequence[date]
) -> list[Located]:
    """Locate subjects on days, in the order given."""
    return [
        Located(Subject(kind, code), name, tuple(divisions))
        for kind, code, name, divisions in await conn.fetch(LOCATE, kinds, codes, days)
    ]


async def division_name(conn: Connection, code: str) -> str | None:
    """Return a division's name, a street's after its district's; None for one unknown."""
    name: str | None = await conn.fetchval(DIVISION_NAME, code)
    return name


async def division_names(conn: Connection, codes: Sequence[str]) -> dict[str, str]:
    """Return names of divisions by code; unknown ones are left out."""
    return dict(map(tuple, await conn.fetch(DIVISION_NAMES, codes)))


async def area_managed(
    conn: Connection, on: date, enterprises: Sequence[str]
) -> dict[tuple[str, str], int]:
    """Return square metres managed on a day by (enterprise, district)."""
    rows = await conn.fetch(AREA_MANAGED, on, enterprises)
    return {(row["enterprise"], row["district"]): row["area"] for row in rows}


async def project_areas(conn: Connection, projects: Sequence[str]) -> dict[str, int]:
    """Return square metres by project."""
    return {row["code"]: row["area_m2"] for row in await conn.fetch(PROJECT_AREAS, projects)}


async def represented(conn: Connection, committee: str, on: date) -> Represented | None:
    """Return a committee with its project and who manages that on a day."""
    row = await conn.fetchrow(REPRESENTED, committee, on)
    return None if row is None else Represented(*row)
