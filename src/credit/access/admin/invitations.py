"""Invitations: a link that lets one person choose a password, once, within a week."""

import secrets
from datetime import timedelta

from credit.access.admin import store
from credit.access.logic import key_digest
from credit.access.proofs import store as proofs
from credit.access.service.signin import set_password
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.passwords import Passwords
from credit.kit.texts import say

__all__ = ["INVITED_FOR", "KIND", "accept_invitation", "invite", "invited_name"]

INVITED_FOR = timedelta(days=7)
KIND = "invitation"
GONE = say("这个邀请链接已用过、已过期或已被收回。请联系管理员重新发一个。")


async def invite(conn: Connection, clock: Clock, person_id: str) -> str:
    """Make an invitation in the place of earlier ones; its token is shown once and not kept."""
    token = secrets.token_urlsafe(32)
    await store.drop_invitations(conn, person_id)
    await proofs.add_challenge(
        conn,
        key_digest(token),
        KIND,
        person_id=person_id,
        content=b"",
        expires_at=clock.now() + INVITED_FOR,
    )
    return token


async def invited_name(conn: Connection, clock: Clock, token: str) -> str:
    """Return the user name an invitation is for; NotFound for one that no longer counts."""
    username = await store.find_invitation(conn, key_digest(token), clock.now())
    if username is None:
        raise NotFound(GONE, slug="invitation-gone")
    return username


async def accept_invitation(
    conn: Connection, clock: Clock, passwords: Passwords, token: str, password: str
) -> str:
    """Set the password of the person an invitation is for, and use it up; returns the person.

    Whatever is refused leaves the invitation as it was, if the transaction is rolled back.
    """
    person_id = await store.take_invitation(conn, key_digest(token), clock.now())
    if person_id is None:
        raise NotFound(GONE, slug="invitation-gone")
    await set_password(conn, clock, passwords, person_id, password)
    return person_id
