"""Signing in at a browser: passwords with lock-out, sessions in the database."""

import secrets
from datetime import timedelta

from credit.access import logic, store
from credit.access.proofs import store as proofs
from credit.access.service.people import NAME, acting
from credit.access.store import CredentialRow, SessionRow
from credit.access.views import OpenSession, Visitor
from credit.kit.clock import Clock
from credit.kit.db import Connection, Database
from credit.kit.errors import NotFound, Unauthenticated
from credit.kit.passwords import Passwords
from credit.kit.texts import say
from credit.kit.vault import Vault

__all__ = [
    "begin_session",
    "check_password_of",
    "confirm_session",
    "drop_token",
    "end_session",
    "end_session_named",
    "purge_sessions",
    "sessions_of",
    "set_password",
    "sign_in",
    "visitor_of",
]

TOUCH_EVERY = timedelta(seconds=60)
# One sentence whatever was wrong: who guesses learns nothing about which users there are.
REFUSED = say("用户名或密码不对，或者错了多次、暂时锁定。请核对后再试；忘记密码请联系管理员重设。")


async def sign_in(
    db: Database, clock: Clock, passwords: Passwords, city: str, username: str, password: str
) -> str:
    """Return the id of the person whose password this is.

    Every refusal is the same Unauthenticated and takes the same time: an unknown user, a wrong
    password, an account locked after too many misses.
    """
    async with db.city(city) as conn:
        kept = await store.credential(conn, username)
    fits = await passwords.check(
        password[: logic.PASSWORD_CHARS_MAX], kept.password_hash if kept else None
    )
    async with db.transaction(city) as conn:
        person_id = await _outcome(conn, clock, username, kept, fits=fits)
    if person_id is None:
        raise Unauthenticated(REFUSED, slug="sign-in-refused")
    return person_id


async def _outcome(
    conn: Connection,
    clock: Clock,
    username: str,
    checked: CredentialRow | None,
    *,
    fits: bool,
) -> str | None:
    """Count a miss, or forget the earlier ones; returns who is signed in.

    The lock is looked at after the check, one guess after another: guesses sent at once would
    otherwise all be weighed before the first of them locks the account.
    """
    kept = await store.locked_credential(conn, username)
    if checked is None or kept is None:
        return None
    now = clock.now()
    locked = kept.locked_until is not None and now < kept.locked_until
    fits = fits and kept.password_hash == checked.password_hash  # not one changed meanwhile
    if fits and not locked:
        await store.note_success(conn, kept.person_id)
        return kept.person_id
    if not locked:
        delay = logic.locked_for(await store.note_failure(conn, kept.person_id))
        if delay:
            await store.lock_credential(conn, kept.person_id, now + delay)
    return None


async def check_password_of(
    db: Database, clock: Clock, passwords: Passwords, visitor: Visitor, password: str
) -> None:
    """Refuse unless this is the visitor's password; misses count as at sign-in."""
    async with db.city(visitor.city) as conn:
        username = await store.username_of(conn, visitor.actor.person_id)
    await sign_in(db, clock, passwords, visitor.city, username or "", password)


async def set_password(
    conn: Connection, clock: Clock, passwords: Passwords, person_id: str, password: str
) -> None:
    """Give a person a new password and end their sessions; refuses one that is easily guessed."""
    username = await store.username_of(conn, person_id)
    logic.check_password(password, username or person_id)
    await store.put_password(conn, person_id, await passwords.hash(password), clock.now())
    await store.end_other_sessions(conn, person_id, b"")


async def begin_session(conn: Connection, clock: Clock, person_id: str, agent: str) -> str:
    """Begin a session under a fresh token, which is returned and kept nowhere."""
    token = secrets.token_urlsafe(32)
    await store.add_session(
        conn,
        logic.key_digest(token),
        person_id,
        agent=logic.browser_name(agent),
        now=clock.now(),
    )
    return token


async def visitor_of(
    conn: Connection, clock: Clock, vault: Vault, city: str, token: str
) -> Visitor | None:
    """Return who is signed in with a token; None when nobody is, or the session has run out."""
    digest = logic.key_digest(token)
    found = await store.find_session(conn, digest)
    now = clock.now()
    if found is None or not logic.session_live(found.created_at, found.seen_at, now):
        return None
    if now - found.seen_at > TOUCH_EVERY:
        await store.touch_session(conn, digest, now)
    actor = acting(found.person)
    return Visitor(actor, city, _name(vault, found), digest, found.confirmed_at)


async def end_session(conn: Connection, visitor: Visitor) -> None:
    """End the visitor's present session."""
    await store.end_sessions(conn, visitor.actor.person_id, [visitor.session])


def _name(vault: Vault, found: SessionRow) -> str:
    if found.key is None or found.name is None:
        return ""
    return vault.read(found.person.person_id, NAME, found.key, found.name)


async def drop_token(conn: Connection, token: str) -> None:
    """End the session of a token, whoever it belongs to."""
    await store.drop_session(conn, logic.key_digest(token))


async def purge_sessions(conn: Connection, clock: Clock) -> None:
    """Forget sessions that no longer count, and challenges nobody answered in time."""
    now = clock.now()
    await store.purge_sessions(conn, now - logic.SESSION_LIFE, now - logic.SESSION_IDLE)
    await proofs.purge_challenges(conn, now)


async def confirm_session(conn: Connection, clock: Clock, visitor: Visitor) -> None:
    """Note that the visitor has just proved again who they are."""
    await store.confirm_session(conn, visitor.session, clock.now())


async def sessions_of(conn: Connection, clock: Clock, visitor: Visitor) -> list[OpenSession]:
    """List where the visitor is signed in, the last used first."""
    now = clock.now()
    return [
        OpenSession(digest.hex(), begun, seen, agent, digest == visitor.session)
        for digest, begun, seen, agent in await store.sessions_of(conn, visitor.actor.person_id)
        if logic.session_live(begun, seen, now)
    ]


async def end_session_named(conn: Connection, visitor: Visitor, name: str) -> None:
    """End the visitor's session of this name; every other one when it is `others`."""
    person_id = visitor.actor.person_id
    if name == "others":
        await store.end_other_sessions(conn, person_id, visitor.session)
        return
    try:
        digest = bytes.fromhex(name)
    except ValueError:
        raise NotFound(say("没有这个登录。")) from None
    await store.end_sessions(conn, person_id, [digest])
