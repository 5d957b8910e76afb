"""SQL of what is kept about one person."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from credit.kit.db import Connection

__all__ = [
    "OwnRow",
    "TrailLine",
    "clients_of",
    "count_trail",
    "identities_of",
    "own_row",
    "signing_keys_of",
    "trail_lines",
]

LISTED_MAX = 1_000
OWN_ROW = """
SELECT p.username, p.created_at, o.kind, o.name, o.party, c.changed_at
FROM person p LEFT JOIN organisation o ON o.id = p.organisation_id
LEFT JOIN credential c ON c.person_id = p.id WHERE p.id = $1
"""
COUNT_TRAIL = """
SELECT count(*) FROM (SELECT FROM trail WHERE person_id = $1 LIMIT $2) AS lines
"""
TRAIL_LINES = """
SELECT at, action, object, status, client, address FROM trail WHERE person_id = $1
ORDER BY id DESC LIMIT $2
"""
IDENTITIES_OF = """
SELECT issuer, subject, linked_at FROM external_identity WHERE person_id = $1
ORDER BY linked_at LIMIT $2
"""
CLIENTS_OF = """
SELECT prefix, name, scopes, created_at, expires_at, revoked_at FROM api_client
WHERE person_id = $1 ORDER BY created_at LIMIT $2
"""
SIGNING_KEYS_OF = """
SELECT kid, announced_at, revoked_at FROM signing_key WHERE holder = $1
ORDER BY announced_at LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class OwnRow:
    """A person's row with the organisation's kind, name and code; when the password was set."""

    username: str
    created_at: datetime
    kind: str | None
    organisation: str | None
    party: str | None
    password_set_at: datetime | None


@dataclass(frozen=True, slots=True)
class TrailLine:
    """A line of the trail about what the person themselves saw or did."""

    at: datetime
    action: str
    object: str | None
    status: int
    client: str | None
    address: str | None


async def own_row(conn: Connection, person_id: str) -> OwnRow | None:
    """Return a person's row."""
    row = await conn.fetchrow(OWN_ROW, person_id)
    return None if row is None else OwnRow(*row)


async def count_trail(conn: Connection, person_id: str, limit: int) -> int:
    """Count a person's lines in the trail, up to a limit."""
    count: int = await conn.fetchval(COUNT_TRAIL, person_id, limit)
    return count


async def trail_lines(conn: Connection, person_id: str) -> list[TrailLine]:
    """Return a person's newest lines."""
    return [TrailLine(*row) for row in await conn.fetch(TRAIL_LINES, person_id, LISTED_MAX)]


async def identities_of(conn: Connection, person_id: str) -> list[dict[str, Any]]:
    """List as whom identity providers know a person: issuer, subject, linked_at."""
    return [dict(row) for row in await conn.fetch(IDENTITIES_OF, person_id, LISTED_MAX)]


async def clients_of(conn: Connection, person_id: str) -> list[dict[str, Any]]:
    """List the keys of a person's machines: prefix, name, scopes and the times they bound."""
    return [dict(row) for row in await conn.fetch(CLIENTS_OF, person_id, LISTED_MAX)]


async def signing_keys_of(conn: Connection, person_id: str) -> list[dict[str, Any]]:
    """List a person's announced signing keys: kid, announced_at, revoked_at."""
    return [dict(row) for row in await conn.fetch(SIGNING_KEYS_OF, person_id, LISTED_MAX)]
