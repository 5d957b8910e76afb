"""Use cases of access: people, API clients, and finding out who calls."""

import secrets
from datetime import timedelta

from credit.access import logic, store
from credit.access.views import Actor
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Invalid, NotFound, Unauthenticated
from credit.kit.ids import new_id

__all__ = [
    "actor_named",
    "actor_of",
    "add_person",
    "authenticate",
    "issue_key",
    "people",
    "role_of",
]

KEY_DAYS = 365
PEOPLE_MAX = 5_000


async def add_person(
    conn: Connection,
    clock: Clock,
    *,
    username: str,
    display_name: str,
    role: str,
    organisation: str,
    division: str | None = None,
) -> str:
    """Add a person and return the pseudonym the log will show; refuses a taken user name."""
    if role not in logic.ROLES:
        raise Invalid(f"没有“{role}”这个角色。可用的角色：{'、'.join(sorted(logic.ROLES))}。")
    person_id = f"P-{new_id(clock.now()).hex[-16:]}"
    added = await store.add_person(
        conn,
        person_id,
        username=username,
        display_name=display_name,
        role=role,
        organisation=organisation,
        division=division,
        now=clock.now(),
    )
    if not added:
        raise Conflict(f"用户名“{username}”已被使用，请换一个。")
    return person_id


async def actor_named(conn: Connection, username: str) -> Actor:
    """Return a person as an actor, for the command line of the machine's operator."""
    found = await store.find_person(conn, username)
    if found is None:
        raise NotFound(f"本市没有用户名为“{username}”的在岗人员。")
    person_id, role, division = found
    return Actor(person_id, role, division, logic.SCOPES[role])


async def actor_of(conn: Connection, person_id: str) -> Actor:
    """Return an active person as an actor, for work done later in the person's name."""
    found = await store.person(conn, person_id)
    if found is None:
        raise NotFound("提出这项工作的人已不在岗。")
    role, division = found
    return Actor(person_id, role, division, logic.SCOPES[role])


async def people(conn: Connection) -> list[dict[str, str]]:
    """List who is active: username, role, organisation."""
    return await store.people(conn, PEOPLE_MAX)


async def issue_key(conn: Connection, clock: Clock, *, person_id: str, name: str) -> str:
    """Make an API key for a person's machine; it is shown this once and only its hash is kept."""
    prefix, key = logic.make_key(secrets.token_bytes(32))
    await store.add_client(
        conn,
        prefix,
        digest=logic.key_digest(key),
        name=name,
        person_id=person_id,
        now=clock.now(),
        expires_at=clock.now() + timedelta(days=KEY_DAYS),
    )
    return key


async def authenticate(conn: Connection, clock: Clock, authorization: str | None) -> Actor:
    """Return who holds the key of an `Authorization: Bearer …` header.

    Whatever is wrong, a missing header, a malformed, unknown, expired or revoked key, raises the
    same Unauthenticated.
    """
    scheme, _, key = (authorization or "").partition(" ")
    prefix = logic.split_key(key.strip()) if scheme.lower() == "bearer" else None
    client = await store.find_client(conn, prefix, clock.now()) if prefix else None
    kept = client.digest if client else bytes(32)
    if not logic.same_digest(kept, logic.key_digest(key.strip())) or client is None:
        raise Unauthenticated("请在 Authorization 头中给出有效的接口密钥：Bearer ck_…")
    return Actor(client.person_id, client.role, client.division, logic.SCOPES[client.role])


async def role_of(conn: Connection, person_id: str) -> str | None:
    """Return the role of an active person; None for anybody else."""
    found = await store.person(conn, person_id)
    return None if found is None else found[0]
