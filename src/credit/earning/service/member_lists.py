"""Members as officers find them: page by page, by wallet, or by name.

A name is sealed under its member's own key, so that the database cannot look for it. Whoever looks
for one has the names of so many members opened, one after the other, and goes on where that ended.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from credit.access.admin import residents
from credit.access.admin.residents import ResidentAccount
from credit.access.logic import refuse_unplaced
from credit.access.views import Actor
from credit.earning.logic.names import covered, covered_phone
from credit.earning.members import store
from credit.earning.members.store import MemberRow, Registered, Sought
from credit.earning.reading import store as reading
from credit.earning.service.places import covers, refuse_elsewhere
from credit.earning.views import MemberView
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.texts import say
from credit.kit.vault import Vault
from credit.points.service import accounts as book
from credit.points.views import Balance
from credit.rules.bank import Bank

__all__ = [
    "LOOKED_THROUGH", "WALLET", "FoundMembers", "Line", "ShownMember", "alike",
    "find_members", "kind_title",
    "member_within", "members_page", "name_and_phone", "namesakes", "open_names", "sees_names", "shown_member",
]  # fmt: skip

WALLET = re.compile(r"W[0-9A-Z]{1,23}", re.ASCII)
# The end of a participation's number, as an award is made public under it; those of a year are found.
POSTED = re.compile(r"[0-9a-f]{12}", re.ASCII)
POSTED_FOR = timedelta(days=400)
# Names opened for one look: some tens of milliseconds.
LOOKED_THROUGH = 2_000
FOUND_MAX = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A member in a list: the name as whoever looks may see it, and what the account holds."""

    member: MemberView
    name: str
    balance: Balance


@dataclass(frozen=True, slots=True)
class FoundMembers:
    """Members found among `looked` names; `after` is where to go on (None: nobody is left)."""

    lines: Sequence[Line]
    looked: int
    after: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class ShownMember:
    """A member's page: the registration, name and telephone number as whoever looks may see them,
    what the account holds and what is still to come, and what somebody signs in with.
    """

    row: Registered
    name: str
    phone: str
    balance: Balance
    account: ResidentAccount | None

    @property
    def member(self) -> MemberView:
        """The member."""
        return self.row.member

    def needs_consent(self, today: date) -> bool:
        """Whether a guardian has to agree before anything counts."""
        return self.member.minor_on(today) and not self.member.consented


async def members_page(
    conn: Connection, clock: Clock, vault: Vault, actor: Actor, sought: Sought, limit: int
) -> list[Line]:
    """List members of a division, or of the actor's own, with their names and what they hold."""
    rows = await store.members(conn, _within(actor, sought), limit)
    return await _lines(conn, clock, actor, rows, await open_names(vault, rows))


async def find_members(
    conn: Connection, clock: Clock, vault: Vault, actor: Actor, sought: Sought, text: str
) -> FoundMembers:
    """Look for members whose name holds a text, or who have that very wallet, or award by the number
    it was made public under.

    Only so many names are looked through, and whoever may not see names finds nobody by them.
    """
    wallet = text.strip().upper()
    if POSTED.fullmatch(text.strip()):
        since = clock.today() - POSTED_FOR
        wallet = await reading.posted_member(conn, text.strip(), since) or wallet
    if WALLET.fullmatch(wallet) and wallet in (known := await store.members_by_id(conn, [wallet])):
        if not covers(actor, known[wallet].division):
            return FoundMembers([], 1, None)
        names = await vault.open(conn, "name", [wallet])
        row = MemberRow(known[wallet], None, None)
        return FoundMembers(await _lines(conn, clock, actor, [row], names), 1, None)
    if not sees_names(actor):
        return FoundMembers([], 0, None)
    rows = await store.members(conn, _within(actor, sought), LOOKED_THROUGH + 1)
    more, rows = len(rows) > LOOKED_THROUGH, rows[:LOOKED_THROUGH]
    names = await open_names(vault, rows)
    wanted = text.strip().casefold()
    hits = [one for one in rows if wanted in names.get(one.member.id, "").casefold()]
    last = hits[FOUND_MAX - 1] if len(hits) > FOUND_MAX else rows[-1] if more else None
    shown = hits[:FOUND_MAX]
    after = (last.member.division, last.member.id) if last else None
    return FoundMembers(await _lines(conn, clock, actor, shown, names), len(rows), after)


async def namesakes(
    conn: Connection, vault: Vault, division: str, wanted: Callable[[str], bool], limit: int
) -> tuple[dict[str, str], bool]:
    """Return (names by member of those of a division that are wanted, whether all were looked at)."""
    rows = await store.members(conn, Sought(division), limit + 1)
    names = await open_names(vault, rows[:limit])
    return {key: name for key, name in names.items() if wanted(name)}, len(rows) <= limit


async def alike(
    conn: Connection, vault: Vault, actor: Actor, division: str, name: str, phone: str
) -> list[str]:
    """Return the wallets of a division's members with the very name and telephone number."""
    refuse_elsewhere(actor, division)
    found, _ = await namesakes(conn, vault, division, name.__eq__, LOOKED_THROUGH)
    phones = await vault.open(conn, "phone", found)
    return [key for key in found if phones.get(key, "") == phone]


async def member_within(conn: Connection, actor: Actor, member_id: str) -> MemberView:
    """Return a member of a division the actor works in; NotFound for any other."""
    found = (await store.members_by_id(conn, [member_id])).get(member_id)
    if found is None or not covers(actor, found.division):
        raise NotFound(say("没有这个参与者，或不在您的辖区。"))
    return found


async def shown_member(
    conn: Connection, clock: Clock, vault: Vault, actor: Actor, member_id: str
) -> ShownMember:
    """Return what a member's page shows; NotFound for another division's."""
    await member_within(conn, actor, member_id)
    row = await store.registered(conn, member_id)
    if row is None:
        raise NotFound(say("没有这个参与者，或不在您的辖区。"))
    member = row.member
    name, phone = await name_and_phone(conn, vault, member_id)
    if not sees_names(actor):
        name, phone = covered(name) if name else "", covered_phone(phone)
    balances = await book.balances(conn, [member.account], clock.today())
    account = (
        await residents.account_of(conn, clock, member.person_id) if member.person_id else None
    )
    return ShownMember(row, name, phone, balances[member.account], account)


async def name_and_phone(conn: Connection, vault: Vault, member_id: str) -> tuple[str, str]:
    """Open a member's name and telephone number; "" for what is not known."""
    name = (await vault.open(conn, "name", [member_id])).get(member_id, "")
    phone = (await vault.open(conn, "phone", [member_id])).get(member_id, "")
    return name, phone


async def open_names(vault: Vault, rows: Sequence[MemberRow]) -> dict[str, str]:
    """Open the names of members, by member; long work is done beside the others'."""

    def opened() -> dict[str, str]:
        return {
            one.member.id: vault.read(one.member.id, "name", one.key, one.name)
            for one in rows
            if one.key is not None and one.name is not None
        }

    return await asyncio.to_thread(opened)


def sees_names(actor: Actor) -> bool:
    """Say whether somebody works with members, so that their names are shown whole."""
    return "points:record" in actor.scopes


def kind_title(bank: Bank, code: str) -> str:
    """Return what a kind of member is called; one the pack has no more goes by its code."""
    found = next((one for one in bank.participants if one.code == code), None)
    return found.title if found else code


def _within(actor: Actor, sought: Sought) -> Sought:
    """Keep somebody who works in one division to it."""
    if covers(actor, sought.division):
        return sought
    refuse_unplaced(actor)
    return replace(sought, division=actor.division or "")


async def _lines(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    rows: Sequence[MemberRow],
    names: dict[str, str],
) -> list[Line]:
    balances = await book.balances(conn, [one.member.account for one in rows], clock.today())
    show = str if sees_names(actor) else covered
    return [
        Line(
            one.member,
            show(names[one.member.id]) if one.member.id in names else "",
            balances[one.member.account],
        )
        for one in rows
    ]
