"""Participation taken in from a list, all of it or none: who is meant, what it is worth, what is wrong.

Everything is looked up for the whole list at once, so that a thousand rows take as many statements
as ten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple
from uuid import UUID

from credit.access.logic import refuse_unplaced, require
from credit.access.views import Actor
from credit.earning.logic.flags import FLAG_TITLES
from credit.earning.logic.names import covered
from credit.earning.members import store as members
from credit.earning.reading import store
from credit.earning.service.entering import CLAIMS_MAX, enter
from credit.earning.service.member_lists import WALLET, namesakes
from credit.earning.service.places import covers
from credit.earning.views import Claim, Entered
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.texts import listed, say
from credit.kit.vault import Vault
from credit.rules.pack import Pack

__all__ = ["AMOUNT_MAX", "Fault", "ImportRow", "Result", "Taken", "take_list"]

AMOUNT_MAX = 1_000_000
# Members of a division among whom a name is looked for; where there are more, wallets have to do.
NAMES_MAX = 10_000
# Where the cause of a refusal stands, by its slug; of any other, it is the rule that was chosen.
COLUMNS = {
    "unknown-resident": "wallet",
    "own-wallet": "wallet",
    "no-consent": "wallet",
    "in-future": "on",
    "other-year": "on",
    "quantity-needed": "quantity",
    "day-full": "quantity",
}


class ImportRow(NamedTuple):
    """A row of a list: whom it is about, by wallet or by name and the last digits of the telephone
    number; what they did under which rule, when, and by which evidence.
    """

    wallet: str | None
    name: str | None
    phone: str | None
    rule: str
    quantity: int | None
    points: int | None
    on: date
    evidence: str


class Fault(NamedTuple):
    """What is wrong with the row at a place from 0, in the column of that key."""

    place: int
    column: str
    message: str


class Result(NamedTuple):
    """What a row comes to: the member with the name covered, its points, how it stands."""

    member: str
    name: str
    rule: str
    on: date
    points: int
    status: str
    flags: str


@dataclass(slots=True)
class Taken:
    """What a list comes to. It may only be kept where there are no `faults`; those `approved` by
    their rule are to be posted then.
    """

    results: list[Result] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    approved: list[UUID] = field(default_factory=list)


async def take_list(
    conn: Connection,
    clock: Clock,
    vault: Vault,
    actor: Actor,
    pack: Pack,
    rows: Sequence[ImportRow],
) -> Taken:
    """Enter what a list says members did, in the caller's transaction, which is given up where the
    answer names faults: or to see what would become of the list.
    """
    require(actor, "points:record")
    refuse_unplaced(actor)
    taken = Taken()
    names: dict[str, str] = {}
    found = await _identify(conn, vault, actor, rows, names, taken.faults)
    claims = {
        place: Claim(member, row.rule, row.on, row.evidence, row.quantity, row.points)
        for place, row in enumerate(rows)
        if (member := found.get(place)) is not None and _is_whole(place, row, taken.faults)
    }
    twice = await _said_twice(conn, claims)
    taken.faults += twice
    left = {key: one for key, one in claims.items() if key not in {one.place for one in twice}}
    entered = await _enter(conn, clock, vault.city, actor, pack, left)
    for place, one in entered.items():
        if one.id is None:
            taken.faults.append(Fault(place, COLUMNS.get(one.reason, "rule"), one.message))
            continue
        claim = claims[place]
        flags = listed(FLAG_TITLES[flag] for flag in one.flags)
        title = pack.on(claim.on).points.rule(claim.rule).title
        shown = covered(names.get(claim.member, ""))
        taken.results.append(
            Result(claim.member, shown, title, claim.on, one.points, one.status, flags)
        )
        if one.status == "approved":
            taken.approved.append(one.id)
    taken.faults.sort()
    return taken


async def _enter(
    conn: Connection,
    clock: Clock,
    city: str,
    actor: Actor,
    pack: Pack,
    claims: Mapping[int, Claim],
) -> dict[int, Entered]:
    """Enter claims in their order, so many at a time, each part after all that was before it."""
    places = list(claims)
    entered: dict[int, Entered] = {}
    for begin in range(0, len(places), CLAIMS_MAX):
        part = places[begin : begin + CLAIMS_MAX]
        answers = await enter(
            conn, clock, city, actor, pack, [claims[one] for one in part], source="import"
        )
        entered |= dict(zip(part, answers, strict=True))
    return entered


async def _identify(
    conn: Connection,
    vault: Vault,
    actor: Actor,
    rows: Sequence[ImportRow],
    names: dict[str, str],
    faults: list[Fault],
) -> dict[int, str]:
    """Return whom rows are about, by place; notes the names of those, and who is nobody."""
    wallets = {place: one.wallet.upper() for place, one in enumerate(rows) if one.wallet}
    known = await members.members_by_id(
        conn, sorted({one for one in wallets.values() if WALLET.fullmatch(one)})
    )
    reached = [key for key, one in known.items() if covers(actor, one.division)]
    names |= await vault.open(conn, "name", reached)
    by_name = await _by_name(conn, vault, actor, rows, names)
    found: dict[int, str] = {}
    for place, row in enumerate(rows):
        if place in wallets:
            member, fault = _by_wallet(wallets[place], row, reached, names)
        else:
            member, fault = by_name.resolve(row)
        if member is not None:
            found[place] = member
        if fault is not None:
            faults.append(fault._replace(place=place))
    return found


def _by_wallet(
    wallet: str, row: ImportRow, reached: Sequence[str], names: Mapping[str, str]
) -> tuple[str | None, Fault | None]:
    if wallet not in reached:
        why = say("没有这个钱包编号，或不在您的辖区。请到“参与者”里核对。")
        return None, Fault(0, "wallet", why)
    if row.name is not None and row.name != names.get(wallet):
        why = say("姓名与这个钱包编号登记的不一样。请核对，或只填钱包编号。")
        return None, Fault(0, "name", why)
    return wallet, None


class _Names:
    """Members of the actor's division by name and the last digits of their telephone number."""

    def __init__(self, *, whole: bool) -> None:
        self.whole = whole
        self._members: dict[tuple[str, str], list[str]] = {}

    def add(self, name: str, phone: str, member: str) -> None:
        self._members.setdefault((name, phone[-4:]), []).append(member)

    def resolve(self, row: ImportRow) -> tuple[str | None, Fault | None]:
        """Return whom a row means, or why nobody."""
        if row.name is None or row.phone is None:
            why = say("请填钱包编号，或者姓名和手机后四位。")
            return None, Fault(0, "name" if row.name is None else "phone", why)
        digits = row.phone.zfill(4)  # Excel leaves out zeros in front of a number
        hits = self._members.get((row.name, digits), [])
        if len(hits) == 1:
            return hits[0], None
        if hits:
            why = say(
                "有 %(count)s 位参与者同名，手机后四位也相同。请填钱包编号。", count=len(hits)
            )
        elif not self.whole:
            why = say(
                "辖区的参与者超过 %(most)s 人，不能按姓名查找。请填钱包编号。", most=NAMES_MAX
            )
        else:
            why = say("辖区里没有这个姓名和手机后四位的参与者。请核对，或先登记。")
        return None, Fault(0, "name", why)


async def _by_name(
    conn: Connection,
    vault: Vault,
    actor: Actor,
    rows: Sequence[ImportRow],
    names: dict[str, str],
) -> _Names:
    """Open the names of the actor's division where a row needs them; notes those that are meant."""
    wanted = {one.name for one in rows if not one.wallet and one.name}
    if not wanted:
        return _Names(whole=True)
    division = (actor.division or "-") if actor.bound else ""
    hits, whole = await namesakes(conn, vault, division, wanted.__contains__, NAMES_MAX)
    phones = await vault.open(conn, "phone", hits)
    names |= hits
    found = _Names(whole=whole)
    for member, name in hits.items():
        found.add(name, phones.get(member, ""), member)
    return found


def _is_whole(place: int, row: ImportRow, faults: list[Fault]) -> bool:
    """Note what of a row no rule could make sense of."""
    before = len(faults)
    if row.quantity is not None and row.points is not None:
        faults.append(Fault(place, "points", say("数量和积分只填一个。")))
    for column, amount in (("quantity", row.quantity), ("points", row.points)):
        if amount is not None and not 1 <= amount <= AMOUNT_MAX:
            why = say("请填 1 到 %(most)s 的整数。", most=AMOUNT_MAX)
            faults.append(Fault(place, column, why))
    if "\n" in row.evidence or "\t" in row.evidence:
        faults.append(Fault(place, "evidence", say("凭据请写在一行里。")))
    return len(faults) == before


async def _said_twice(conn: Connection, claims: Mapping[int, Claim]) -> list[Fault]:
    """Return the rows that say what another one says, or what was entered before."""
    faults = []
    first: dict[tuple[str, str, date, str], int] = {}
    for place, one in claims.items():
        before = first.setdefault((one.member, one.rule, one.on, one.evidence), place)
        if before != place:
            why = say(
                "与前面一行是同一个人、同一规则、同一天和同一凭据。请只留一行，或写明不同的凭据。"
            )
            faults.append(Fault(place, "evidence", why))
    known = await store.known(
        conn,
        [one.member for one in claims.values()],
        [one.rule for one in claims.values()],
        [one.on for one in claims.values()],
        [one.evidence for one in claims.values()],
    )
    places = list(claims)
    why = say("这条记录已经登记过：同一个人、同一规则、同一天和同一凭据。请删去这一行。")
    return faults + [Fault(places[one], "evidence", why) for one in known]
