"""SQL of access."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from credit.access.views import Organisation, Seen
from credit.kit.db import Connection

__all__ = [
    "ClientRow",
    "CredentialRow",
    "PersonRow",
    "SessionRow",
    "add_client",
    "add_organisation",
    "add_person",
    "add_session",
    "add_trail",
    "confirm_session",
    "credential",
    "drop_session",
    "end_other_sessions",
    "end_sessions",
    "find_client",
    "find_person",
    "find_session",
    "lock_credential",
    "locked_credential",
    "note_failure",
    "note_success",
    "organisation_name",
    "people",
    "person",
    "posts",
    "purge_sessions",
    "purge_trail",
    "put_password",
    "sessions_of",
    "set_division",
    "staffed_districts",
    "touch_session",
    "username_of",
]

_ACTING = """
p.id AS person_id, p.roles, o.id AS organisation, o.kind, o.name AS organisation_name, o.division,
    o.party
FROM person p LEFT JOIN organisation o ON o.id = p.organisation_id
"""
FIND_CLIENT = f"""
SELECT c.digest, c.scopes, c.rate_per_minute, c.public_key, c.expires_at, {_ACTING}
JOIN api_client c ON c.person_id = p.id
WHERE c.prefix = $1 AND c.revoked_at IS NULL AND c.expires_at > $2 AND p.active
"""
ADD_ORGANISATION = """
INSERT INTO organisation (id, kind, name, division, party, created_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kind, name) DO NOTHING
"""
FIND_ORGANISATION = "SELECT id, division FROM organisation WHERE kind = $1 AND name = $2"
SET_DIVISION = "UPDATE organisation SET division = $2 WHERE id = $1"
ADD_PERSON = """
INSERT INTO person (id, username, roles, organisation_id, active, created_at)
VALUES ($1, $2, $3, $4, true, $5)
ON CONFLICT (username) DO NOTHING RETURNING id
"""
PERSON = f"SELECT {_ACTING} WHERE p.id = $1 AND p.active"
FIND_PERSON = f"SELECT {_ACTING} WHERE p.username = $1 AND p.active"
PEOPLE = """
SELECT p.id, p.username, p.roles, coalesce(o.name, '') AS organisation, o.kind, o.division,
    p.active, p.created_at
FROM person p LEFT JOIN organisation o ON o.id = p.organisation_id
WHERE p.username IS NOT NULL ORDER BY p.username LIMIT $1
"""
ORGANISATION_NAME = "SELECT name FROM organisation WHERE id = $1"
POSTS = """
SELECT p.id, p.roles, coalesce(o.name, '') AS organisation
FROM person p LEFT JOIN organisation o ON o.id = p.organisation_id WHERE p.id = ANY($1::text[])
"""
# Districts whose department has somebody in office who answers for it. Who was invited and never
# came has no way in: there would be nobody to wait for.
STAFFED_DISTRICTS = """
SELECT DISTINCT o.division FROM organisation o JOIN person p ON p.organisation_id = o.id
WHERE o.kind = 'district_department' AND o.division IS NOT NULL
    AND p.active AND p.roles && $1 AND (
        EXISTS (SELECT FROM credential WHERE person_id = p.id)
        OR EXISTS (SELECT FROM passkey WHERE person_id = p.id)
        OR EXISTS (SELECT FROM external_identity WHERE person_id = p.id)
        OR EXISTS (SELECT FROM signing_key WHERE holder = p.id AND revoked_by IS NULL))
"""
USERNAME_OF = "SELECT username FROM person WHERE id = $1 AND active"
ADD_CLIENT = """
INSERT INTO api_client
    (prefix, digest, name, person_id, scopes, rate_per_minute, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
PUT_CREDENTIAL = """
INSERT INTO credential (person_id, password_hash, changed_at, failures) VALUES ($1, $2, $3, 0)
ON CONFLICT (person_id) DO UPDATE
SET password_hash = excluded.password_hash, changed_at = excluded.changed_at, failures = 0,
    locked_until = NULL
"""
CREDENTIAL = """
SELECT c.person_id, c.password_hash, c.failures, c.locked_until
FROM credential c JOIN person p ON p.id = c.person_id WHERE p.username = $1 AND p.active
"""
LOCKED_CREDENTIAL = f"{CREDENTIAL} FOR UPDATE OF c"
# Counted in the statement itself, so that guesses made at once are all counted.
NOTE_FAILURE = """
UPDATE credential SET failures = failures + 1 WHERE person_id = $1 RETURNING failures
"""
LOCK_CREDENTIAL = "UPDATE credential SET locked_until = $2 WHERE person_id = $1"
NOTE_SUCCESS = """
UPDATE credential SET failures = 0, locked_until = NULL
WHERE person_id = $1 AND (failures > 0 OR locked_until IS NOT NULL)
"""
ADD_SESSION = """
INSERT INTO web_session (digest, person_id, created_at, seen_at, confirmed_at, agent)
VALUES ($1, $2, $3, $3, $3, $4)
"""
FIND_SESSION = f"""
SELECT s.created_at, s.seen_at, s.confirmed_at, k.sealed AS key, v.sealed AS name, {_ACTING}
JOIN web_session s ON s.person_id = p.id
LEFT JOIN vault_key k ON k.subject = p.id
LEFT JOIN vault_value v ON v.subject = p.id AND v.field = 'name'
WHERE s.digest = $1 AND p.active
"""
TOUCH_SESSION = "UPDATE web_session SET seen_at = $2 WHERE digest = $1"
CONFIRM_SESSION = "UPDATE web_session SET confirmed_at = $2 WHERE digest = $1"
SESSIONS_OF = """
SELECT digest, created_at, seen_at, agent FROM web_session WHERE person_id = $1
ORDER BY seen_at DESC LIMIT 100
"""
DROP_SESSION = "DELETE FROM web_session WHERE digest = $1"
END_SESSIONS = "DELETE FROM web_session WHERE person_id = $1 AND digest = ANY($2)"
END_OTHER_SESSIONS = "DELETE FROM web_session WHERE person_id = $1 AND digest <> $2"
PURGE_SESSIONS = "DELETE FROM web_session WHERE created_at < $1 OR seen_at < $2"
ADD_TRAIL = """
INSERT INTO trail (at, person_id, client, action, object, status, personal, address)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
PURGE_TRAIL = """
DELETE FROM trail
WHERE at < now() - CASE WHEN personal THEN interval '3 years' ELSE interval '6 months' END
"""


@dataclass(frozen=True, slots=True)
class PersonRow:
    """An active person with what an actor is made of."""

    person_id: str
    roles: tuple[str, ...]
    organisation: Organisation | None


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A live API client and the person it acts for."""

    digest: bytes
    scopes: frozenset[str]
    rate_per_minute: int
    public_key: bytes | None
    expires_at: datetime
    person: PersonRow


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """A password as kept, and its misses."""

    person_id: str
    password_hash: str
    failures: int
    locked_until: datetime | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session with its person; the name is sealed."""

    created_at: datetime
    seen_at: datetime
    confirmed_at: datetime
    key: bytes | None
    name: bytes | None
    person: PersonRow


def _person(row: Sequence[object]) -> PersonRow:
    person_id, roles, organisation, *rest = row
    found = Organisation(organisation, *rest) if organisation else None  # type: ignore[arg-type]
    return PersonRow(person_id, tuple(roles), found)  # type: ignore[arg-type]


async def find_client(conn: Connection, prefix: str, now: datetime) -> ClientRow | None:
    """Find a live client by its key's prefix."""
    row = await conn.fetchrow(FIND_CLIENT, prefix, now)
    if row is None:
        return None
    return ClientRow(
        row["digest"],
        frozenset(row["scopes"]),
        row["rate_per_minute"],
        row["public_key"],
        row["expires_at"],
        _person(tuple(row)[5:]),
    )


async def add_organisation(
    conn: Connection,
    organisation_id: str,
    *,
    kind: str,
    name: str,
    division: str | None,
    party: str | None,
    now: datetime,
) -> tuple[str, str | None]:
    """Add an organisation unless its kind and name are there; returns its id and division."""
    await conn.execute(ADD_ORGANISATION, organisation_id, kind, name, division, party, now)
    row = await conn.fetchrow(FIND_ORGANISATION, kind, name)
    assert row is not None  # noqa: S101 - told to the type checker; it was added just now
    return row["id"], row["division"]


async def set_division(conn: Connection, organisation_id: str, division: str) -> None:
    """Let an organisation work in another division."""
    await conn.execute(SET_DIVISION, organisation_id, division)


async def organisation_name(conn: Connection, organisation_id: str) -> str | None:
    """Return an organisation's name."""
    name: str | None = await conn.fetchval(ORGANISATION_NAME, organisation_id)
    return name


async def staffed_districts(conn: Connection, roles: Sequence[str]) -> set[str]:
    """Return the districts whose department has somebody in office with one of some roles and a way
    to use them: a password, a passkey, another service's account, or a signing key.
    """
    return {row["division"] for row in await conn.fetch(STAFFED_DISTRICTS, roles)}


async def add_person(
    conn: Connection,
    person_id: str,
    *,
    username: str,
    roles: Sequence[str],
    organisation_id: str | None,
    now: datetime,
) -> bool:
    """Add a person; False when the user name is taken."""
    added = await conn.fetchval(ADD_PERSON, person_id, username, list(roles), organisation_id, now)
    return added is not None


async def find_person(conn: Connection, username: str) -> PersonRow | None:
    """Find an active person by user name."""
    row = await conn.fetchrow(FIND_PERSON, username)
    return None if row is None else _person(tuple(row))


async def person(conn: Connection, person_id: str) -> PersonRow | None:
    """Find an active person by id."""
    row = await conn.fetchrow(PERSON, person_id)
    return None if row is None else _person(tuple(row))


async def username_of(conn: Connection, person_id: str) -> str | None:
    """Return the user name of an active person."""
    username: str | None = await conn.fetchval(USERNAME_OF, person_id)
    return username


async def people(conn: Connection, limit: int) -> list[dict[str, Any]]:
    """List people by user name, those who left included; erased ones are not."""
    return [dict(row) for row in await conn.fetch(PEOPLE, limit)]


async def posts(conn: Connection, ids: Sequence[str]) -> dict[str, tuple[list[str], str]]:
    """Return the roles of people and the name of what they belong to, by id."""
    return {row[0]: (row[1], row[2]) for row in await conn.fetch(POSTS, ids)}


async def add_client(
    conn: Connection,
    prefix: str,
    *,
    digest: bytes,
    name: str,
    person_id: str,
    scopes: Sequence[str],
    rate_per_minute: int,
    validity: tuple[datetime, datetime],
) -> None:
    """Keep a client's digest; `validity` is from when until when."""
    await conn.execute(
        ADD_CLIENT, prefix, digest, name, person_id, scopes, rate_per_minute, *validity
    )


async def put_password(conn: Connection, person_id: str, password_hash: str, now: datetime) -> None:
    """Keep a person's password hash in the place of an earlier one; misses are forgotten."""
    await conn.execute(PUT_CREDENTIAL, person_id, password_hash, now)


async def credential(conn: Connection, username: str) -> CredentialRow | None:
    """Find the password of an active person."""
    row = await conn.fetchrow(CREDENTIAL, username)
    return None if row is None else CredentialRow(*row)


async def locked_credential(conn: Connection, username: str) -> CredentialRow | None:
    """Find the password of an active person and hold it until the transaction ends."""
    row = await conn.fetchrow(LOCKED_CREDENTIAL, username)
    return None if row is None else CredentialRow(*row)


async def note_failure(conn: Connection, person_id: str) -> int:
    """Count one more miss; returns how many in a row there are."""
    failures: int = await conn.fetchval(NOTE_FAILURE, person_id)
    return failures


async def lock_credential(conn: Connection, person_id: str, until: datetime) -> None:
    """Lock a person's password until a moment."""
    await conn.execute(LOCK_CREDENTIAL, person_id, until)


async def note_success(conn: Connection, person_id: str) -> None:
    """Forget a person's misses."""
    await conn.execute(NOTE_SUCCESS, person_id)


async def add_session(
    conn: Connection, digest: bytes, person_id: str, *, agent: str, now: datetime
) -> None:
    """Begin a session."""
    await conn.execute(ADD_SESSION, digest, person_id, now, agent)


async def find_session(conn: Connection, digest: bytes) -> SessionRow | None:
    """Find a session of an active person."""
    row = await conn.fetchrow(FIND_SESSION, digest)
    return (
        None
        if row is None
        else SessionRow(row[0], row[1], row[2], row[3], row[4], _person(row[5:]))
    )


async def touch_session(conn: Connection, digest: bytes, now: datetime) -> None:
    """Note that a session was used."""
    await conn.execute(TOUCH_SESSION, digest, now)


async def confirm_session(conn: Connection, digest: bytes, now: datetime) -> None:
    """Note that the person proved again who they are."""
    await conn.execute(CONFIRM_SESSION, digest, now)


async def sessions_of(
    conn: Connection, person_id: str
) -> list[tuple[bytes, datetime, datetime, str]]:
    """List a person's sessions, the last used first: (digest, begun, last used, browser)."""
    return [tuple(row) for row in await conn.fetch(SESSIONS_OF, person_id)]


async def end_sessions(conn: Connection, person_id: str, digests: Sequence[bytes]) -> None:
    """End sessions of a person."""
    await conn.execute(END_SESSIONS, person_id, digests)


async def drop_session(conn: Connection, digest: bytes) -> None:
    """End a session, whoever's it is."""
    await conn.execute(DROP_SESSION, digest)


async def end_other_sessions(conn: Connection, person_id: str, keep: bytes) -> None:
    """End every session of a person but one; with an empty `keep`, every one."""
    await conn.execute(END_OTHER_SESSIONS, person_id, keep)


async def purge_sessions(conn: Connection, begun_before: datetime, seen_before: datetime) -> None:
    """Forget sessions that no longer count."""
    await conn.execute(PURGE_SESSIONS, begun_before, seen_before)


async def add_trail(
    conn: Connection, seen: Seen, *, at: datetime, status: int, address: str | None
) -> None:
    """Add a line to the trail."""
    await conn.execute(
        ADD_TRAIL,
        at,
        seen.person_id,
        seen.client,
        seen.action,
        seen.about,
        status,
        seen.personal,
        address,
    )


async def purge_trail(conn: Connection) -> None:
    """Delete the lines that have been kept long enough."""
    await conn.execute(PURGE_TRAIL)
