"""Accounts of residents: let in by their community, erased with their membership."""

from dataclasses import dataclass
from datetime import datetime

from credit.access import logic
from credit.access import store as access_store
from credit.access.admin import store
from credit.access.admin.invitations import invite
from credit.access.service.people import NAME, actor_named, add_person
from credit.access.views import Actor
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, NotFound
from credit.kit.texts import say
from credit.kit.vault import Vault

__all__ = [
    "ROLE", "ResidentAccount", "account_of", "add_resident", "erase_resident", "invite_again",
    "rename_resident", "resident_named",
]  # fmt: skip

ROLE = "resident"


@dataclass(frozen=True, slots=True)
class ResidentAccount:
    """What somebody signs in with: the user name, whether they have ever come in or still can, and
    until when they are invited; `only` says that they are nothing but a resident.
    """

    username: str
    active: bool
    signs_in: bool
    only: bool
    invited_until: datetime | None


async def account_of(conn: Connection, clock: Clock, person_id: str) -> ResidentAccount | None:
    """Return the account of a person; None for an erased one."""
    row = await store.person_shown(conn, person_id)
    if row is None or row.username is None:
        return None
    invited = await store.invited(conn, [person_id], clock.now())
    only = row.roles == (ROLE,) and row.organisation_id is None
    return ResidentAccount(row.username, row.active, row.signs_in, only, invited.get(person_id))


async def add_resident(
    conn: Connection, clock: Clock, vault: Vault, *, username: str, name: str
) -> tuple[str, str]:
    """Add a person who is nothing but a resident; returns (person, token of the invitation)."""
    logic.check_username(username)
    person_id = await add_person(conn, clock, vault, username=username, name=name, roles=[ROLE])
    return person_id, await invite(conn, clock, person_id)


async def invite_again(conn: Connection, clock: Clock, person_id: str) -> str:
    """Invite anew somebody who never had a password; returns the token.

    Whoever has one had better not be let in by others.
    """
    found = await account_of(conn, clock, person_id)
    if found is None or not found.active:
        raise NotFound(say("没有这个人，或者已经删除。"))
    if found.signs_in:
        raise Conflict(say("这个人已经设过密码。忘记密码请由市里的管理员重设。"))
    return await invite(conn, clock, person_id)


async def resident_named(conn: Connection, username: str) -> Actor:
    """Return an active person by user name who is a resident, whatever else they are."""
    found = await actor_named(conn, username)
    if ROLE not in found.roles:
        raise Conflict(
            say("“%(username)s”不是居民账户。请由管理员先加上居民角色。", username=username)
        )
    return found


async def erase_resident(conn: Connection, clock: Clock, vault: Vault, person_id: str) -> bool:
    """Erase the account of somebody who is nothing but a resident; says whether it was one."""
    found = await account_of(conn, clock, person_id)
    if found is None or not found.only:
        return False
    await store.forget_sign_in(conn, person_id, clock.now())
    await access_store.end_other_sessions(conn, person_id, b"")
    await store.erase_person(conn, person_id)
    await vault.erase(conn, [person_id])
    return True


async def rename_resident(
    conn: Connection, clock: Clock, vault: Vault, person_id: str, was: str, name: str
) -> None:
    """Correct the name of somebody who is nothing but a resident, where it is the one it was.

    Whoever has another one here had it entered by somebody else.
    """
    await store.lock_person(conn, person_id)
    found = await account_of(conn, clock, person_id)
    if found is None or not found.only:
        return
    if (await vault.open(conn, NAME, [person_id])).get(person_id) == was:
        await vault.put(conn, NAME, {person_id: name})
