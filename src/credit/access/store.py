"""SQL of access."""

from dataclasses import dataclass
from datetime import datetime

from credit.kit.db import Connection

__all__ = [
    "ClientRow",
    "add_client",
    "add_person",
    "find_client",
    "find_person",
    "people",
    "person",
]

FIND_CLIENT = """
SELECT c.digest, p.id AS person_id, p.role, p.division
FROM api_client c JOIN person p ON p.id = c.person_id
WHERE c.prefix = $1 AND c.revoked_at IS NULL AND c.expires_at > $2 AND p.active
"""
ADD_PERSON = """
INSERT INTO person (id, username, display_name, role, organisation, division, active, created_at)
VALUES ($1, $2, $3, $4, $5, $6, true, $7)
ON CONFLICT (username) DO NOTHING RETURNING id
"""
PERSON = "SELECT role, division FROM person WHERE id = $1 AND active"
FIND_PERSON = "SELECT id, role, division FROM person WHERE username = $1 AND active"
PEOPLE = "SELECT username, role, organisation FROM person WHERE active ORDER BY username LIMIT $1"
ADD_CLIENT = """
INSERT INTO api_client (prefix, digest, name, person_id, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)
"""


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A live API client and the person it acts for."""

    digest: bytes
    person_id: str
    role: str
    division: str | None


async def find_client(conn: Connection, prefix: str, now: datetime) -> ClientRow | None:
    """Find a live client by its key's prefix."""
    row = await conn.fetchrow(FIND_CLIENT, prefix, now)
    return None if row is None else ClientRow(*row)


async def add_person(
    conn: Connection,
    person_id: str,
    *,
    username: str,
    display_name: str,
    role: str,
    organisation: str,
    division: str | None,
    now: datetime,
) -> bool:
    """Add a person; False when the user name is taken."""
    added = await conn.fetchval(
        ADD_PERSON, person_id, username, display_name, role, organisation, division, now
    )
    return added is not None


async def find_person(conn: Connection, username: str) -> tuple[str, str, str | None] | None:
    """Find an active person: (id, role, division)."""
    row = await conn.fetchrow(FIND_PERSON, username)
    return None if row is None else (row["id"], row["role"], row["division"])


async def add_client(
    conn: Connection,
    prefix: str,
    *,
    digest: bytes,
    name: str,
    person_id: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Keep a client's digest."""
    await conn.execute(ADD_CLIENT, prefix, digest, name, person_id, now, expires_at)


async def person(conn: Connection, person_id: str) -> tuple[str, str | None] | None:
    """Return an active person's (role, division)."""
    row = await conn.fetchrow(PERSON, person_id)
    return None if row is None else (row["role"], row["division"])


async def people(conn: Connection, limit: int) -> list[dict[str, str]]:
    """List active people by user name: username, role, organisation."""
    return [dict(row) for row in await conn.fetch(PEOPLE, limit)]
