"""SQL of administration: people, invitations, machines' keys, used signatures, the trail's pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from credit.kit.db import Connection

__all__ = [
    "ClientShown",
    "OrganisationRow",
    "PersonShown",
    "TrailPlace",
    "TrailRow",
    "client_shown",
    "clients",
    "drop_invitations",
    "end_client",
    "erase_person",
    "expire_client",
    "find_invitation",
    "find_organisation",
    "forget_sign_in",
    "invited",
    "lock_administrators",
    "lock_person",
    "office_names",
    "organisation_of",
    "people",
    "person_shown",
    "remember_signature",
    "set_active",
    "set_office",
    "set_public_key",
    "take_invitation",
    "trail_by_time",
    "trail_of",
]

_PEOPLE = """
SELECT p.id, p.username, p.roles, p.organisation_id, o.kind, o.name AS organisation, o.party,
    o.division, p.active, p.created_at, c.person_id IS NOT NULL AS signs_in,
    k.sealed AS key, v.sealed AS name
FROM person p LEFT JOIN organisation o ON o.id = p.organisation_id
LEFT JOIN credential c ON c.person_id = p.id
LEFT JOIN vault_key k ON k.subject = p.id
LEFT JOIN vault_value v ON v.subject = p.id AND v.field = 'name'
"""
PEOPLE = f"""{_PEOPLE}
WHERE p.username > $1 AND ($2::text IS NULL OR p.username LIKE $2 OR o.name LIKE $2)
    AND ($3::text IS NULL OR $3 = ANY(p.roles)) AND ($4::text IS NULL OR p.organisation_id = $4)
ORDER BY p.username LIMIT $5
"""
PERSON_SHOWN = f"{_PEOPLE} WHERE p.id = $1"
# Who erases a person at the same moment waits, or is waited for: no name is sealed again behind them.
LOCK_PERSON = "SELECT FROM person WHERE id = $1 FOR NO KEY UPDATE"
# Who changes people waits here for whoever else does, so that two administrators cannot end each
# other at the same moment.
LOCK_ADMINISTRATORS = """
SELECT id FROM person WHERE active AND 'administrator' = ANY(roles) ORDER BY id FOR UPDATE
"""
SET_OFFICE = """
UPDATE person SET roles = $2, organisation_id = $3
WHERE id = $1 AND username IS NOT NULL
"""
SET_ACTIVE = "UPDATE person SET active = $2 WHERE id = $1 AND username IS NOT NULL"
ERASE_PERSON = "UPDATE person SET username = NULL, active = false WHERE id = $1"
ERASE_VIEWS = "DELETE FROM saved_view WHERE person_id = $1"
ERASE_CREDENTIAL = """
UPDATE credential SET password_hash = '', changed_at = $2, failures = 0, locked_until = NULL
WHERE person_id = $1
"""
ERASE_PASSKEYS = "DELETE FROM passkey WHERE person_id = $1"
ERASE_IDENTITIES = "DELETE FROM external_identity WHERE person_id = $1"
ERASE_CHALLENGES = "DELETE FROM challenge WHERE person_id = $1"
END_CLIENTS = "UPDATE api_client SET revoked_at = $2 WHERE person_id = $1 AND revoked_at IS NULL"
FIND_ORGANISATION = "SELECT id, kind, name, party FROM organisation WHERE kind = $1 AND name = $2"
ORGANISATION_OF = """
SELECT o.id, o.kind, o.name, o.party
FROM person p JOIN organisation o ON o.id = p.organisation_id WHERE p.id = $1
"""
OFFICE_NAMES = """
SELECT DISTINCT name FROM organisation WHERE party IS NULL ORDER BY name LIMIT 200
"""
DROP_INVITATIONS = "DELETE FROM challenge WHERE kind = 'invitation' AND person_id = $1"
INVITED = """
SELECT person_id, max(expires_at) FROM challenge
WHERE kind = 'invitation' AND person_id = ANY($1) AND expires_at > $2 GROUP BY person_id
"""
FIND_INVITATION = """
SELECT p.username FROM challenge h JOIN person p ON p.id = h.person_id
WHERE h.digest = $1 AND h.kind = 'invitation' AND h.expires_at > $2 AND p.active
"""
# The row is gone for whoever takes it first; a second taker waits, and then finds none.
TAKE_INVITATION = """
DELETE FROM challenge h USING person p
WHERE h.digest = $1 AND h.kind = 'invitation' AND h.expires_at > $2
    AND p.id = h.person_id AND p.active
RETURNING h.person_id
"""
_CLIENTS = """
SELECT c.prefix, c.name, c.person_id, p.username, p.active, c.scopes, c.rate_per_minute,
    c.created_at, c.expires_at, c.revoked_at, c.public_key, EXISTS (
        SELECT FROM api_client e WHERE e.person_id = c.person_id AND e.name = c.name
            AND e.created_at < c.created_at) AS rotated
FROM api_client c JOIN person p ON p.id = c.person_id
"""
CLIENTS = f"""{_CLIENTS}
WHERE ($1::text IS NULL
        OR (c.created_at, c.prefix) < (SELECT created_at, prefix FROM api_client WHERE prefix = $1))
    AND ($2::text IS NULL OR c.name LIKE $2 OR p.username LIKE $2 OR c.prefix LIKE $2)
    AND ($3 OR (c.revoked_at IS NULL AND c.expires_at > $4))
ORDER BY c.created_at DESC, c.prefix DESC LIMIT $5
"""
CLIENT_SHOWN = f"{_CLIENTS} WHERE c.prefix = $1"
HELD_CLIENT = f"{CLIENT_SHOWN} FOR UPDATE OF c"
END_CLIENT = "UPDATE api_client SET revoked_at = $2 WHERE prefix = $1 AND revoked_at IS NULL"
EXPIRE_CLIENT = "UPDATE api_client SET expires_at = least(expires_at, $2) WHERE prefix = $1"
SET_PUBLIC_KEY = "UPDATE api_client SET public_key = $2 WHERE prefix = $1"
REMEMBER_SIGNATURE = """
INSERT INTO challenge (digest, kind, content, expires_at) VALUES ($1, 'signature', '', $2)
ON CONFLICT DO NOTHING RETURNING digest
"""
_TRAIL = "SELECT id, at, person_id, client, action, object, status, personal, address FROM trail"
# Two statements, each along its own index: all people by time, one person by line.
TRAIL_BY_TIME = f"""{_TRAIL}
WHERE at >= $1 AND at < $2 AND (at, id) < ($3, $4)
    AND ($5::text IS NULL OR action LIKE $5 OR object LIKE $5)
ORDER BY at DESC, id DESC LIMIT $6
"""
TRAIL_OF = f"""{_TRAIL}
WHERE person_id = $1 AND id < $2 AND at >= $3 AND at < $4
    AND ($5::text IS NULL OR action LIKE $5 OR object LIKE $5)
ORDER BY id DESC LIMIT $6
"""


@dataclass(frozen=True, slots=True)
class PersonShown:
    """Somebody in a list of people; the name is sealed. Erased: no user name."""

    person_id: str
    username: str | None
    roles: tuple[str, ...]
    organisation_id: str | None
    kind: str | None
    organisation: str | None
    party: str | None
    division: str | None
    active: bool
    created_at: datetime
    signs_in: bool
    key: bytes | None
    name: bytes | None


@dataclass(frozen=True, slots=True)
class OrganisationRow:
    """An organisation; `party` is its code in the register."""

    organisation_id: str
    kind: str
    name: str
    party: str | None


@dataclass(frozen=True, slots=True)
class ClientShown:
    """A machine's key without the key; `rotated` says that it took the place of an earlier one."""

    prefix: str
    name: str
    person_id: str
    username: str | None
    person_active: bool
    scopes: tuple[str, ...]
    rate_per_minute: int
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    public_key: bytes | None
    rotated: bool


@dataclass(frozen=True, slots=True)
class TrailRow:
    """A line of the access trail."""

    id: int
    at: datetime
    person_id: str | None
    client: str | None
    action: str
    object: str | None
    status: int
    personal: bool
    address: str | None


@dataclass(frozen=True, slots=True)
class TrailPlace:
    """Where a page of the trail begins: below this line."""

    at: datetime
    id: int


async def people(
    conn: Connection,
    after: str,
    *,
    like: str | None,
    role: str | None,
    organisation_id: str | None,
    limit: int,
) -> list[PersonShown]:
    """List people by user name, those who left included; erased ones are not."""
    rows = await conn.fetch(PEOPLE, after, like, role, organisation_id, limit)
    return [PersonShown(row[0], row[1], tuple(row[2]), *row[3:]) for row in rows]


async def person_shown(conn: Connection, person_id: str) -> PersonShown | None:
    """Find a person by id, whether active or not."""
    row = await conn.fetchrow(PERSON_SHOWN, person_id)
    return None if row is None else PersonShown(row[0], row[1], tuple(row[2]), *row[3:])


async def lock_person(conn: Connection, person_id: str) -> None:
    """Hold a person to the end of the transaction."""
    await conn.execute(LOCK_PERSON, person_id)


async def lock_administrators(conn: Connection) -> list[str]:
    """Return the active administrators, and hold them until the transaction ends."""
    return [row["id"] for row in await conn.fetch(LOCK_ADMINISTRATORS)]


async def set_office(
    conn: Connection, person_id: str, roles: Sequence[str], organisation_id: str | None
) -> None:
    """Give a person other roles and another organisation."""
    await conn.execute(SET_OFFICE, person_id, roles, organisation_id)


async def set_active(conn: Connection, person_id: str, *, active: bool) -> None:
    """Let a person in, or no longer."""
    await conn.execute(SET_ACTIVE, person_id, active)


async def erase_person(conn: Connection, person_id: str) -> None:
    """Take a person's user name away, for good, and the views they named."""
    await conn.execute(ERASE_PERSON, person_id)
    await conn.execute(ERASE_VIEWS, person_id)


async def forget_sign_in(conn: Connection, person_id: str, now: datetime) -> None:
    """Take away everything a person, or a machine of theirs, could come in with."""
    await conn.execute(ERASE_CREDENTIAL, person_id, now)
    await conn.execute(ERASE_PASSKEYS, person_id)
    await conn.execute(ERASE_IDENTITIES, person_id)
    await conn.execute(ERASE_CHALLENGES, person_id)
    await conn.execute(END_CLIENTS, person_id, now)


async def find_organisation(conn: Connection, kind: str, name: str) -> OrganisationRow | None:
    """Find an organisation by kind and name."""
    row = await conn.fetchrow(FIND_ORGANISATION, kind, name)
    return None if row is None else OrganisationRow(*row)


async def organisation_of(conn: Connection, person_id: str) -> OrganisationRow | None:
    """Find the organisation a person belongs to."""
    row = await conn.fetchrow(ORGANISATION_OF, person_id)
    return None if row is None else OrganisationRow(*row)


async def office_names(conn: Connection) -> list[str]:
    """List the names of organisations that are no party of the register, to choose from."""
    return [row["name"] for row in await conn.fetch(OFFICE_NAMES)]


async def drop_invitations(conn: Connection, person_id: str) -> None:
    """Take back every invitation of a person."""
    await conn.execute(DROP_INVITATIONS, person_id)


async def invited(
    conn: Connection, people_ids: Sequence[str], now: datetime
) -> dict[str, datetime]:
    """Return until when those of these people who have an open invitation may take it."""
    return {row[0]: row[1] for row in await conn.fetch(INVITED, people_ids, now)}


async def find_invitation(conn: Connection, digest: bytes, now: datetime) -> str | None:
    """Return the user name an open invitation is for."""
    username: str | None = await conn.fetchval(FIND_INVITATION, digest, now)
    return username


async def take_invitation(conn: Connection, digest: bytes, now: datetime) -> str | None:
    """Use an invitation up; returns the person it is for."""
    person_id: str | None = await conn.fetchval(TAKE_INVITATION, digest, now)
    return person_id


async def clients(
    conn: Connection,
    after: str | None,
    *,
    like: str | None,
    ended: bool,
    now: datetime,
    limit: int,
) -> list[ClientShown]:
    """List machines' keys, the newest first, after a prefix; with `ended` those no longer valid."""
    rows = await conn.fetch(CLIENTS, after, like, ended, now, limit)
    return [_client(tuple(row)) for row in rows]


async def client_shown(conn: Connection, prefix: str, *, held: bool) -> ClientShown | None:
    """Find a key by its prefix; `held` until the transaction ends."""
    row = await conn.fetchrow(HELD_CLIENT if held else CLIENT_SHOWN, prefix)
    return None if row is None else _client(tuple(row))


def _client(row: Sequence[Any]) -> ClientShown:
    head, scopes, rest = row[:5], row[5], row[6:]
    return ClientShown(*(*head, tuple(scopes), *rest))


async def end_client(conn: Connection, prefix: str, now: datetime) -> None:
    """Revoke a key."""
    await conn.execute(END_CLIENT, prefix, now)


async def expire_client(conn: Connection, prefix: str, at: datetime) -> None:
    """Let a key expire at a moment, unless it does so before."""
    await conn.execute(EXPIRE_CLIENT, prefix, at)


async def set_public_key(conn: Connection, prefix: str, public_key: bytes | None) -> None:
    """Keep the key that a client signs with; None takes it away."""
    await conn.execute(SET_PUBLIC_KEY, prefix, public_key)


async def remember_signature(conn: Connection, digest: bytes, until: datetime) -> bool:
    """Note a signature as used; False when it was used before."""
    return await conn.fetchval(REMEMBER_SIGNATURE, digest, until) is not None


async def trail_by_time(
    conn: Connection,
    period: tuple[datetime, datetime],
    below: TrailPlace,
    *,
    like: str | None,
    limit: int,
) -> list[TrailRow]:
    """List everybody's lines of a period, the newest first; `like` matches action or object."""
    rows = await conn.fetch(TRAIL_BY_TIME, *period, below.at, below.id, like, limit)
    return [TrailRow(*row) for row in rows]


async def trail_of(
    conn: Connection,
    person_id: str,
    period: tuple[datetime, datetime],
    below: int,
    *,
    like: str | None,
    limit: int,
) -> list[TrailRow]:
    """List one person's lines of a period, the newest first."""
    rows = await conn.fetch(TRAIL_OF, person_id, below, *period, like, limit)
    return [TrailRow(*row) for row in rows]
