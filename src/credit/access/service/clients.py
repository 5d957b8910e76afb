"""Machines: API keys, and finding out who calls with one."""

import secrets
from collections.abc import Collection
from datetime import timedelta

from credit.access import logic, store
from credit.access.service.people import acting
from credit.access.views import Actor
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Invalid, NotFound, Unauthenticated

__all__ = ["authenticate", "issue_key"]

KEY_DAYS = 365
RATE_PER_MINUTE = 6_000


async def issue_key(
    conn: Connection,
    clock: Clock,
    *,
    person_id: str,
    name: str,
    scopes: Collection[str] | None = None,
) -> str:
    """Make an API key for a person's machine; it is shown this once and only its hash is kept.

    `scopes` narrow what the person's roles allow; left out, the key carries them all.
    """
    found = await store.person(conn, person_id)
    if found is None:
        raise NotFound("这个人已不在岗，不能发接口密钥。")
    allowed = logic.scopes_of(found.roles)
    beyond = sorted(set(scopes or ()) - allowed)
    if beyond:
        raise Invalid(f"这个人的角色没有 {'、'.join(beyond)} 权限，密钥也不能有。")
    prefix, key = logic.make_key(secrets.token_bytes(32))
    await store.add_client(
        conn,
        prefix,
        digest=logic.key_digest(key),
        name=name,
        person_id=person_id,
        scopes=sorted(scopes or allowed),
        rate_per_minute=RATE_PER_MINUTE,
        validity=(clock.now(), clock.now() + timedelta(days=KEY_DAYS)),
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
    whole = acting(client.person)
    return Actor(
        whole.person_id, whole.roles, whole.division, whole.scopes & client.scopes, whole.party
    )
