"""People administered: let in by invitation, given offices, ended, erased.

An administrator looks after everybody; somebody of an enterprise or a committee only after the
colleagues of the own organisation, whose names they see masked. Nobody ends themselves, and the
last administrator stays.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from credit.access import logic
from credit.access import store as access_store
from credit.access.admin import store
from credit.access.admin.invitations import invite
from credit.access.admin.store import OrganisationRow, PersonShown
from credit.access.service.people import NAME, add_organisation, add_person
from credit.access.views import Actor
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden, NotFound
from credit.kit.passwords import Passwords
from credit.kit.patterns import containing
from credit.kit.texts import marked, say
from credit.kit.vault import Vault

__all__ = [
    "Office",
    "ShownPerson",
    "add_colleague",
    "add_member",
    "change_office",
    "deactivate",
    "erase_person",
    "invite_again",
    "office_names",
    "people_page",
    "reactivate",
    "reset_password",
    "shown_person",
]

# Whose people look after their colleagues themselves, and the role they all have.
COLLEAGUES = {"enterprise": "enterprise_user", "committee": "committee_user"}


@dataclass(frozen=True, slots=True)
class Office:
    """What somebody is: roles, and the organisation by kind, name and code in the register.

    `division` is where the organisation works, if that is a street or a district's department.
    """

    roles: Sequence[str]
    kind: str
    organisation: str
    party: str | None = None
    division: str | None = None


@dataclass(frozen=True, slots=True)
class ShownPerson:
    """Somebody with the name as the one who looks may see it, and until when they are invited."""

    row: PersonShown
    name: str
    invited_until: datetime | None

    @property
    def status(self) -> str:
        """In a word: 在岗, 待接受邀请, 邀请已过期 or 已停用."""
        if not self.row.active:
            return marked("已停用")
        if self.invited_until is not None:
            return marked("待接受邀请")
        return marked("在岗") if self.row.signs_in else marked("邀请已过期")

    @property
    def unplaced(self) -> bool:
        """Whether they work in one division alone and nobody has said which."""
        return self.row.division is None and logic.is_bound(self.row.kind, self.row.roles)


async def people_page(
    conn: Connection,
    clock: Clock,
    vault: Vault,
    actor: Actor,
    *,
    after: str,
    query: str | None = None,
    role: str | None = None,
    limit: int,
) -> list[ShownPerson]:
    """List people by user name; `query` is looked for in user names and organisations."""
    within = await _reach(conn, actor)
    like = containing(query) if query else None
    rows = await store.people(
        conn,
        after,
        like=like,
        role=role,
        organisation_id=within.organisation_id if within else None,
        limit=limit,
    )
    invited = await store.invited(conn, [row.person_id for row in rows], clock.now())
    return [
        ShownPerson(row, _name(vault, row, mask=within is not None), invited.get(row.person_id))
        for row in rows
    ]


async def shown_person(
    conn: Connection, clock: Clock, vault: Vault, actor: Actor, person_id: str
) -> ShownPerson:
    """Return one person; NotFound for nobody, and for other organisations' people."""
    within = await _reach(conn, actor)
    row = await _find(conn, within, person_id)
    invited = await store.invited(conn, [person_id], clock.now())
    return ShownPerson(row, _name(vault, row, mask=within is not None), invited.get(person_id))


async def office_names(conn: Connection) -> list[str]:
    """List names of organisations that are no party of the register, to choose from."""
    return await store.office_names(conn)


async def add_member(
    conn: Connection,
    clock: Clock,
    vault: Vault,
    actor: Actor,
    *,
    username: str,
    name: str,
    office: Office,
) -> tuple[str, str]:
    """Add a person and invite them; returns (person, token of the invitation)."""
    logic.require(actor, "people:write")
    organisation_id = await _organisation(conn, clock, office)
    person_id = await add_person(
        conn,
        clock,
        vault,
        username=username,
        name=name,
        roles=office.roles,
        organisation_id=organisation_id,
    )
    return person_id, await invite(conn, clock, person_id)


async def add_colleague(
    conn: Connection, clock: Clock, vault: Vault, actor: Actor, *, username: str, name: str
) -> tuple[str, str]:
    """Add a user of the actor's own organisation; returns (person, token of the invitation)."""
    within = await _own_organisation(conn, actor)
    person_id = await add_person(
        conn,
        clock,
        vault,
        username=username,
        name=name,
        roles=[COLLEAGUES[within.kind]],
        organisation_id=within.organisation_id,
    )
    return person_id, await invite(conn, clock, person_id)


async def change_office(
    conn: Connection, clock: Clock, actor: Actor, person_id: str, office: Office
) -> None:
    """Give somebody else other roles or another organisation; what they have open is ended.

    With another division the organisation stays the same, and all its people work there.
    """
    logic.require(actor, "people:write")
    person = await _another(conn, actor, person_id)
    if "administrator" not in office.roles:
        await _keep_an_administrator(conn, person)
    organisation_id = await _organisation(conn, clock, office, present=person.organisation_id)
    await store.set_office(conn, person_id, office.roles, organisation_id)
    await access_store.end_other_sessions(conn, person_id, b"")


async def reset_password(
    conn: Connection, clock: Clock, passwords: Passwords, actor: Actor, person_id: str
) -> str:
    """Make the old password useless, end the sessions and invite anew; returns the token."""
    logic.require(actor, "people:write")
    await _another(conn, actor, person_id, active=True)
    # Nobody knows this password; checking a guess against it takes as long as against any.
    unknown = await passwords.hash(secrets.token_urlsafe(32))
    await access_store.put_password(conn, person_id, unknown, clock.now())
    await access_store.end_other_sessions(conn, person_id, b"")
    return await invite(conn, clock, person_id)


async def invite_again(conn: Connection, clock: Clock, actor: Actor, person_id: str) -> str:
    """Invite anew somebody who never had a password; returns the token.

    A colleague may do this, since there is no account yet that could be taken over.
    """
    person = await _another(conn, actor, person_id, active=True)
    if person.signs_in:
        raise Conflict(say("这个人已经设过密码。忘记密码请由市里的管理员重设。"))
    return await invite(conn, clock, person_id)


async def deactivate(conn: Connection, actor: Actor, person_id: str) -> None:
    """Let somebody else in no longer: sessions end, API keys and invitations stop working."""
    person = await _another(conn, actor, person_id, active=True)
    await _keep_an_administrator(conn, person)
    await store.set_active(conn, person_id, active=False)
    await store.drop_invitations(conn, person_id)
    await access_store.end_other_sessions(conn, person_id, b"")


async def reactivate(conn: Connection, actor: Actor, person_id: str) -> None:
    """Let somebody in again, with the password and keys they had."""
    logic.require(actor, "people:write")
    await _another(conn, actor, person_id, active=False)
    await store.set_active(conn, person_id, active=True)


async def erase_person(
    conn: Connection, clock: Clock, vault: Vault, actor: Actor, person_id: str
) -> None:
    """Erase who somebody is: name, user name and everything they could come in with.

    The pseudonym stays in the log, and every proof with it; nothing says any more whose it was.
    """
    logic.require(actor, "people:write")
    person = await _another(conn, actor, person_id)
    await _keep_an_administrator(conn, person)
    await store.forget_sign_in(conn, person_id, clock.now())
    await access_store.end_other_sessions(conn, person_id, b"")
    await store.erase_person(conn, person_id)
    await vault.erase(conn, [person_id])


async def _reach(conn: Connection, actor: Actor) -> OrganisationRow | None:
    """Return the organisation to which an actor is restricted; None for an administrator."""
    if "people:write" in actor.scopes:
        return None
    return await _own_organisation(conn, actor)


async def _own_organisation(conn: Connection, actor: Actor) -> OrganisationRow:
    found = await store.organisation_of(conn, actor.person_id)
    if found is None or COLLEAGUES.get(found.kind) not in actor.roles:
        raise Forbidden(
            say("只有企业和业主委员会的用户可以管理本单位的同事账户。请联系市里的管理员。")
        )
    return found


async def _find(conn: Connection, within: OrganisationRow | None, person_id: str) -> PersonShown:
    """Find a person in reach; whoever is not is not there at all."""
    person = await store.person_shown(conn, person_id)
    if person is None or person.username is None:
        raise NotFound(say("没有这个人，或者已经删除。"))
    if within is not None and (
        person.organisation_id != within.organisation_id
        or person.roles != (COLLEAGUES[within.kind],)
    ):
        raise NotFound(say("没有这个人，或者已经删除。"))
    return person


async def _another(
    conn: Connection, actor: Actor, person_id: str, *, active: bool | None = None
) -> PersonShown:
    """Find somebody else to be changed; all changes of people wait for one another."""
    await store.lock_administrators(conn)
    person = await _find(conn, await _reach(conn, actor), person_id)
    if person_id == actor.person_id:
        raise Forbidden(
            say("不能对自己的账户做这个操作。请由另一位管理员办理。"), slug="own-account"
        )
    if active is not None and person.active != active:
        raise Conflict(say("这个账户的状态已经变了，请刷新页面。"))
    return person


async def _keep_an_administrator(conn: Connection, person: PersonShown) -> None:
    if await store.lock_administrators(conn) == [person.person_id]:
        raise Conflict(say("这是最后一位在岗的管理员，不能停用、删除或改任。请先增加一位管理员。"))


async def _organisation(
    conn: Connection, clock: Clock, office: Office, *, present: str | None = None
) -> str:
    """Return the organisation's id; one of that name with another code is refused, and another
    division unless it is the `present` organisation, whose form says so.
    """
    logic.check_roles(office.roles)
    logic.check_belonging(office.roles, office.kind, office.party)
    logic.check_division(office.kind, office.division, office.roles)
    known = await store.find_organisation(conn, office.kind, office.organisation)
    if known is not None and known.party != office.party:
        raise Conflict(
            say(
                "“%(known)s”已登记，代码是 %(party)s，与填写的不同。请核对单位名称和代码。",
                known=known.name,
                party=known.party or say("（无）"),
            )
        )
    if known is not None and known.organisation_id == present and office.division is not None:
        await access_store.set_division(conn, known.organisation_id, office.division)
    return await add_organisation(
        conn,
        clock,
        kind=office.kind,
        name=office.organisation,
        division=office.division,
        party=office.party,
    )


def _name(vault: Vault, row: PersonShown, *, mask: bool) -> str:
    if row.key is None or row.name is None:
        return ""
    name = vault.read(row.person_id, NAME, row.key, row.name)
    return logic.masked(name) if mask else name
