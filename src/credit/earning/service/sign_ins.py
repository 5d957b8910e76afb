"""Who signs in for a member: invited by their community, or linked by the name they have here."""

import hashlib
from datetime import date

import asyncpg

from credit.access.admin import residents
from credit.access.views import Actor
from credit.earning.members import store
from credit.earning.service.members import member_to_change
from credit.earning.views import MemberView
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden, Invalid, NotFound
from credit.kit.texts import say
from credit.kit.vault import Vault

__all__ = ["give_consent", "invite", "invite_again", "is_consent", "link", "unlink"]


async def give_consent(
    conn: Connection, clock: Clock, actor: Actor, member_id: str, paper: bytes, on: date
) -> None:
    """Note a guardian's consent: the digest of the scanned paper, which itself is kept elsewhere."""
    member = await _member(conn, actor, member_id)
    if not member.minor_on(clock.today()):
        raise Conflict(say("这个参与者已经成年，不需要监护人同意。"))
    if on > clock.today():
        raise Invalid(say("同意书的日期还没有到。请核对。"))
    await store.give_consent(conn, member.id, hashlib.sha256(paper).digest(), on)


async def is_consent(conn: Connection, actor: Actor, member_id: str, paper: bytes) -> bool:
    """Say whether a scan is the very one whose digest was kept."""
    await _member(conn, actor, member_id)
    row = await store.registered(conn, member_id)
    return row is not None and row.consent_digest == hashlib.sha256(paper).digest()


async def invite(
    conn: Connection, clock: Clock, vault: Vault, actor: Actor, member_id: str, username: str
) -> str:
    """Let somebody in for a member under a user name; returns the token of the invitation."""
    member = await _unlinked(conn, actor, member_id)
    name = (await vault.open(conn, "name", [member.id])).get(member.id, "")
    person_id, token = await residents.add_resident(
        conn, clock, vault, username=username, name=name
    )
    await store.link_person(conn, member.id, person_id)
    return token


async def invite_again(
    conn: Connection, clock: Clock, actor: Actor, member_id: str
) -> tuple[str, str]:
    """Invite anew who never came in; returns (user name, token)."""
    member = await _member(conn, actor, member_id)
    account = (
        await residents.account_of(conn, clock, member.person_id) if member.person_id else None
    )
    if member.person_id is None or account is None:
        raise Conflict(say("这个参与者还没有登录账户。请先邀请。"))
    return account.username, await residents.invite_again(conn, clock, member.person_id)


async def link(conn: Connection, actor: Actor, member_id: str, username: str) -> None:
    """Let a resident who has an account here sign in for a member; nobody links themselves."""
    member = await _unlinked(conn, actor, member_id)
    person = await residents.resident_named(conn, username)
    if person.person_id == actor.person_id:
        raise Forbidden(
            say("不能把自己的账户关联到参与者。请由另一位同事办理。"), slug="own-account"
        )
    try:
        async with conn.transaction():
            await store.link_person(conn, member.id, person.person_id)
    except asyncpg.UniqueViolationError:
        raise Conflict(
            say("“%(username)s”已经关联到另一个参与者。一个账户只能关联一个。", username=username)
        ) from None


async def unlink(conn: Connection, actor: Actor, member_id: str) -> None:
    """Let nobody sign in for a member any more; the account itself stays."""
    member = await _member(conn, actor, member_id)
    await store.link_person(conn, member.id, None)


async def _unlinked(conn: Connection, actor: Actor, member_id: str) -> MemberView:
    member = await _member(conn, actor, member_id)
    if member.person_id is not None:
        raise Conflict(say("已经关联了登录账户。要换账户，请先解除关联。"))
    return member


async def _member(conn: Connection, actor: Actor, member_id: str) -> MemberView:
    """Return a member to be changed who has not left; NotFound for any other."""
    member = await member_to_change(conn, actor, member_id)
    if member.closed:
        raise NotFound(say("没有这个参与者，或不在您的辖区。"))
    return member
