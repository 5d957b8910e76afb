"""Machines administered: keys issued, renewed with an overlap, revoked, bound to signatures."""

from collections.abc import Collection
from datetime import timedelta

from credit.access import logic
from credit.access import store as access_store
from credit.access.admin import store
from credit.access.admin.store import ClientShown
from credit.access.service.clients import KEY_DAYS, RATE_PER_MINUTE, issue_key
from credit.access.service.people import names_of
from credit.access.views import Actor
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Invalid, NotFound
from credit.kit.patterns import containing
from credit.kit.signing import unb64
from credit.kit.texts import say
from credit.kit.vault import Vault

__all__ = [
    "OVERLAP_DAYS",
    "OVERLAP_DAYS_MAX",
    "client",
    "clients_page",
    "issue_client",
    "register_public_key",
    "revoke_client",
    "rotate_client",
]

OVERLAP_DAYS = 7
OVERLAP_DAYS_MAX = 30
PUBLIC_KEY_BYTES = 32


async def clients_page(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    *,
    after: str | None,
    query: str | None,
    ended: bool,
    limit: int,
) -> list[ClientShown]:
    """List keys, the newest first; `query` is looked for in purposes, user names and prefixes."""
    logic.require(actor, "people:write")
    like = containing(query) if query else None
    return await store.clients(conn, after, like=like, ended=ended, now=clock.now(), limit=limit)


async def client(conn: Connection, actor: Actor, prefix: str, *, held: bool = False) -> ClientShown:
    """Return one key, held until the transaction ends if asked to; NotFound without one."""
    logic.require(actor, "people:write")
    found = await store.client_shown(conn, prefix, held=held)
    if found is None:
        raise NotFound(say("没有这把接口密钥。"))
    return found


async def issue_client(
    conn: Connection,
    clock: Clock,
    vault: Vault,
    *,
    person_id: str,
    purpose: str,
    scopes: Collection[str] | None = None,
    rate_per_minute: int = RATE_PER_MINUTE,
    days: int = KEY_DAYS,
) -> str:
    """Issue a key for a person's machine; returns the key, which is shown once.

    A purpose that names the person is refused: it stays when the person is erased.
    """
    username = await access_store.username_of(conn, person_id) or ""
    names = await names_of(conn, vault, [person_id])
    logic.check_purpose(purpose, username, names.get(person_id, ""))
    return await issue_key(
        conn,
        clock,
        person_id=person_id,
        name=purpose,
        scopes=scopes,
        rate_per_minute=rate_per_minute,
        days=days,
    )


async def rotate_client(
    conn: Connection, clock: Clock, actor: Actor, prefix: str, overlap_days: int = OVERLAP_DAYS
) -> str:
    """Issue a key like this one, which itself ends after some days; returns the new key.

    The new key has the same purpose, rate and public key, and of the scopes those that the
    person's roles still allow.
    """
    old = await client(conn, actor, prefix, held=True)
    _refuse_ended(old, clock)
    if not 0 <= overlap_days <= OVERLAP_DAYS_MAX:
        raise Invalid(say("新旧密钥并用的天数应为 0 到 %(most)s。", most=OVERLAP_DAYS_MAX))
    person = await access_store.person(conn, old.person_id)
    scopes = logic.scopes_of(person.roles).intersection(old.scopes) if person else ()
    if not scopes:
        raise Conflict(
            say("这个人已停用，或者现在的角色不再有这把密钥的任何权限。请为合适的人另发密钥。")
        )
    key = await issue_key(
        conn,
        clock,
        person_id=old.person_id,
        name=old.name,
        scopes=scopes,
        rate_per_minute=old.rate_per_minute,
    )
    if old.public_key is not None:
        await store.set_public_key(conn, logic.split_key(key) or "", old.public_key)
    await store.expire_client(conn, prefix, clock.now() + timedelta(days=overlap_days))
    return key


async def revoke_client(conn: Connection, clock: Clock, actor: Actor, prefix: str) -> None:
    """End a key at once."""
    await client(conn, actor, prefix, held=True)
    await store.end_client(conn, prefix, clock.now())


async def register_public_key(
    conn: Connection, clock: Clock, actor: Actor, prefix: str, public_key: str | None
) -> None:
    """Keep the Ed25519 key a client signs with, base64 of 32 bytes; None takes it away."""
    found = await client(conn, actor, prefix, held=True)
    _refuse_ended(found, clock)
    await store.set_public_key(conn, prefix, None if public_key is None else _bytes(public_key))


def _bytes(public_key: str) -> bytes:
    try:
        found = unb64(public_key.strip())
    except ValueError:
        found = b""
    if len(found) != PUBLIC_KEY_BYTES:
        raise Invalid(say("公钥应是 32 字节 Ed25519 公钥的 base64 写法，共 44 个字符。"))
    return found


def _refuse_ended(found: ClientShown, clock: Clock) -> None:
    if found.revoked_at is not None or found.expires_at <= clock.now():
        raise Conflict(say("这把密钥已经吊销或过期。请另发一把。"))
