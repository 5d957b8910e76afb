"""Machines: API keys, and finding out who calls with one."""

import secrets
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from credit.access import logic, store
from credit.access.service.people import acting
from credit.access.views import Caller
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Invalid, NotFound, Unauthenticated
from credit.kit.texts import listed, say

__all__ = ["KEY_DAYS", "KEY_DAYS_MAX", "RATE_MAX", "RATE_PER_MINUTE", "authenticate", "issue_key"]

KEY_DAYS = 365
KEY_DAYS_MAX = 730
RATE_PER_MINUTE = 6_000
RATE_MAX = 100_000


async def issue_key(
    conn: Connection,
    clock: Clock,
    *,
    person_id: str,
    name: str,
    scopes: Collection[str] | None = None,
    rate_per_minute: int = RATE_PER_MINUTE,
    days: int = KEY_DAYS,
) -> str:
    """Make an API key for a person's machine; it is shown this once and only its hash is kept.

    `scopes` narrow what the person's roles allow; left out, the key carries them all.
    """
    found = await store.person(conn, person_id)
    if found is None:
        raise NotFound(say("这个人已不在岗，不能发接口密钥。"))
    if not 1 <= days <= KEY_DAYS_MAX:
        raise Invalid(say("密钥的有效期应为 1 到 %(most)s 天。", most=KEY_DAYS_MAX))
    if not 1 <= rate_per_minute <= RATE_MAX:
        raise Invalid(say("每分钟的请求数应为 1 到 %(most)s。", most=RATE_MAX))
    allowed = logic.scopes_of(found.roles)
    beyond = sorted(set(scopes or ()) - allowed)
    if beyond:
        raise Invalid(
            say("这个人的角色没有 %(beyond)s 权限，密钥也不能有。", beyond=listed(beyond))
        )
    prefix, key = logic.make_key(secrets.token_bytes(32))
    now = clock.now()
    await store.add_client(
        conn,
        prefix,
        digest=logic.key_digest(key),
        name=name,
        person_id=person_id,
        scopes=sorted(scopes or allowed),
        rate_per_minute=rate_per_minute,
        validity=(now, now + timedelta(days=days)),
    )
    return key


async def authenticate(
    conn: Connection, clock: Clock, authorization: str | None
) -> tuple[Caller, datetime]:
    """Return who holds the key of an `Authorization: Bearer …` header, and until when it is good.

    Whatever is wrong, a missing header, a malformed, unknown, expired or revoked key, raises the
    same Unauthenticated.
    """
    scheme, _, key = (authorization or "").partition(" ")
    prefix = logic.split_key(key.strip()) if scheme.lower() == "bearer" else None
    client = await store.find_client(conn, prefix, clock.now()) if prefix else None
    kept = client.digest if client else bytes(32)
    if not logic.same_digest(kept, logic.key_digest(key.strip())) or client is None:
        raise Unauthenticated(say("请在 Authorization 头中给出有效的接口密钥：Bearer ck_…"))
    whole = acting(client.person)
    actor = replace(whole, scopes=whole.scopes & client.scopes)
    caller = Caller(actor, prefix or "", client.rate_per_minute, client.public_key)
    return caller, client.expires_at
