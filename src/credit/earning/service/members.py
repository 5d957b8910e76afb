"""Members: registered by their community, with an account of the book each."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from credit.access.logic import refuse_unplaced, require
from credit.access.views import Actor
from credit.earning.logic.names import check_name
from credit.earning.members import store
from credit.earning.service.places import covers, refuse_elsewhere
from credit.earning.views import MemberView
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Invalid, NotFound
from credit.kit.texts import say
from credit.kit.vault import Vault
from credit.points.service import accounts as book
from credit.points.views import NewAccount
from credit.rules.bank import Bank

__all__ = [
    "NewMember", "member_of", "member_to_change", "members_by_id", "own_member", "register",
]  # fmt: skip

ID_OCTETS = 12
BIRTHDAY_YEARS_MAX = 130


@dataclass(frozen=True, slots=True)
class NewMember:
    """Somebody to be registered. `born_on` is needed of people, and only says until when they are
    minors: the day itself is not kept. `person_id` is who signs in for them, if anybody does.
    """

    name: str
    kind: str
    division: str
    phone: str = ""
    born_on: date | None = None
    person_id: str | None = None


async def register(
    conn: Connection,
    clock: Clock,
    vault: Vault,
    actor: Actor,
    bank: Bank,
    people: Sequence[NewMember],
) -> list[str]:
    """Register members; returns their ids, which are their wallets' addresses."""
    people = [replace(one, name=check_name(one.name)) for one in people]
    made = [(_new_id(), one, _minor_until(bank, one, clock.today())) for one in people]
    for division in {one.division for one in people}:
        refuse_elsewhere(actor, division)
    accounts = await book.open_accounts(
        conn,
        clock,
        [NewAccount(f"wallet:{key}", "resident", key, one.division) for key, one, _ in made],
    )
    rows = [
        (key, one.kind, one.division, accounts[f"wallet:{key}"], minor) for key, one, minor in made
    ]
    await store.add_members(conn, rows, actor.person_id, clock.now())
    await vault.put(conn, "name", {key: one.name for key, one, _ in made})
    await vault.put(conn, "phone", {key: one.phone for key, one, _ in made if one.phone})
    for key, one, _ in made:
        if one.person_id is not None:
            await store.link_person(conn, key, one.person_id)
    return [key for key, _, _ in made]


async def members_by_id(conn: Connection, ids: Sequence[str]) -> dict[str, MemberView]:
    """Return members by their ids; unknown ones are left out."""
    return await store.members_by_id(conn, ids)


async def member_to_change(conn: Connection, actor: Actor, member_id: str) -> MemberView:
    """Return a member of the actor's division, locked to the end of the transaction: whoever closes
    the membership waits, or is waited for. NotFound for any other.
    """
    require(actor, "points:record")
    refuse_unplaced(actor)
    member = (await store.lock_members(conn, [member_id])).get(member_id)
    if member is None or not covers(actor, member.division):
        raise NotFound(say("没有这个参与者，或不在您的辖区。"))
    return member


async def member_of(conn: Connection, person_id: str) -> MemberView | None:
    """Return the member somebody signs in for."""
    return await store.member_of(conn, person_id)


async def own_member(conn: Connection, actor: Actor, member_id: str | None = None) -> MemberView:
    """Return the member the actor signs in for; NotFound where it is another one, or none."""
    found = await store.member_of(conn, actor.person_id)
    if found is None or member_id not in (None, found.id):
        raise NotFound(say("没有这个积分钱包，或它不是您的。请向社区核对。"))
    return found


def _new_id() -> str:
    """Return a wallet's address: nobody finds one by counting."""
    return "W" + base64.b32encode(secrets.token_bytes(ID_OCTETS)).decode().rstrip("=")


def _minor_until(bank: Bank, one: NewMember, today: date) -> date | None:
    """Return the day on which somebody comes of age; None for adults and organisations."""
    try:
        kind = bank.participant(one.kind)
    except KeyError:
        raise Invalid(say("没有“%(kind)s”这类参与者。请从列表里选。", kind=one.kind)) from None
    if kind.unit:
        return None
    if one.born_on is None:
        raise Invalid(say("请填出生日期：未成年人要有监护人同意。日期本身不保存。"))
    if not 0 <= today.year - one.born_on.year <= BIRTHDAY_YEARS_MAX or one.born_on > today:
        raise Invalid(say("出生日期不对，请核对。"))
    year = one.born_on.year + bank.minor_below
    leap = (one.born_on.month, one.born_on.day) == (2, 29)
    of_age = date(year, 3, 1) if leap else one.born_on.replace(year=year)
    return of_age if of_age > today else None
