"""SQL of organisations."""

from collections.abc import Collection, Sequence

from credit.access.views import Organisation
from credit.kit.db import Connection

__all__ = [
    "codes_of_others",
    "find_offices",
    "named",
    "of_parties",
    "offices_in",
]

_COLUMNS = "o.id, o.kind, o.name, o.division, o.party"
OF_PARTIES = f"""
SELECT DISTINCT ON (o.kind, o.party) {_COLUMNS} FROM organisation o
JOIN unnest($1::text[], $2::text[]) AS w (kind, party) USING (kind, party)
ORDER BY o.kind, o.party, o.id
"""
NAMED = f"SELECT {_COLUMNS} FROM organisation o WHERE o.id = ANY($1)"
FIND_OFFICES = f"""
SELECT {_COLUMNS} FROM organisation o
WHERE o.kind = ANY($1) AND o.name LIKE $2 ORDER BY o.name, o.id LIMIT $3
"""
OFFICES_IN = f"""
SELECT {_COLUMNS} FROM organisation o
WHERE o.division = ANY($1) AND o.party IS NULL ORDER BY char_length(o.division) DESC, o.name LIMIT $2
"""
CODES_OF_OTHERS = "SELECT name FROM organisation WHERE party = $2 AND kind <> $1 LIMIT 1"


async def of_parties(
    conn: Connection, kinds: Sequence[str], codes: Sequence[str]
) -> dict[tuple[str, str], Organisation]:
    """Return for each party (kind, code) with an organisation the first one."""
    rows = [Organisation(*row) for row in await conn.fetch(OF_PARTIES, kinds, codes)]
    return {(row.kind, row.party or ""): row for row in rows}


async def named(conn: Connection, ids: Collection[str]) -> dict[str, Organisation]:
    """Return organisations by id."""
    rows = [Organisation(*row) for row in await conn.fetch(NAMED, list(ids))]
    return {row.id: row for row in rows}


async def find_offices(
    conn: Connection, kinds: Sequence[str], like: str, limit: int
) -> list[Organisation]:
    """Return organisations of some kinds by name."""
    return [Organisation(*row) for row in await conn.fetch(FIND_OFFICES, kinds, like, limit)]


async def offices_in(conn: Connection, divisions: Sequence[str], limit: int) -> list[Organisation]:
    """List the offices of divisions, those of the smallest first."""
    return [Organisation(*row) for row in await conn.fetch(OFFICES_IN, divisions, limit)]


async def codes_of_others(conn: Connection, kind: str, party: str) -> str | None:
    """Return the name of an organisation of another kind with this code, if there is one."""
    name: str | None = await conn.fetchval(CODES_OF_OTHERS, kind, party)
    return name
