"""Everything a person's membership keeps about them, to see and to take away (PIPL, art. 45).

It is read in a session that shows nobody's rows but their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from credit.access.views import Actor
from credit.earning.excel import (
    ATTENDANCE_SHEET,
    HISTORY_SHEET,
    MEMBER_SHEET,
    PARTICIPATION_SHEET,
    SPENDING_SHEET,
    UNITS,
)
from credit.earning.members import store as members
from credit.earning.members.store import Registered
from credit.earning.reading import store
from credit.earning.reading.store import Attended, Deed, Spent
from credit.earning.service.member_lists import kind_title, name_and_phone
from credit.earning.service.wallets import Wallet, wallet_of
from credit.kit.clock import CHINA, Clock, rfc3339
from credit.kit.db import RESIDENT_ROLE, Connection, Database
from credit.kit.excel import write_table
from credit.kit.vault import Vault
from credit.points.service import accounts as book
from credit.points.views import Entry
from credit.rules.bank import EarningRule
from credit.rules.pack import Pack

__all__ = [
    "LINES_MAX",
    "OwnMembership",
    "OwnPoints",
    "document_of",
    "own_membership",
    "own_points",
    "workbook_of",
]

# Of participation and of the wallet's history; more than a life of weekly service.
LINES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class OwnMembership:
    """A membership; how often something was done for it, and how long the wallet's history is."""

    row: Registered
    name: str
    phone: str
    available: int
    deeds: int
    entries: int


@dataclass(frozen=True, slots=True)
class OwnPoints:
    """What a membership keeps; of what it did and where it was, what came and went and where it
    was spent, the newest lines, up to LINES_MAX of each.
    """

    row: Registered
    name: str
    phone: str
    wallet: Wallet
    deeds: Sequence[Deed]
    attended: Sequence[Attended]
    spent: Sequence[Spent]
    history: Sequence[Entry]


async def own_membership(
    db: Database, clock: Clock, city: str, vault: Vault, actor: Actor
) -> OwnMembership | None:
    """Return what a page shows of the membership the actor signs in for; None where there is none."""
    async with db.bound(city, RESIDENT_ROLE, person=actor.person_id) as conn:
        row = await _registered(conn, actor)
        if row is None:
            return None
        account = row.member.account
        balance = (await book.balances(conn, [account], clock.today()))[account]
        deeds, entries = await store.counts(conn, row.member.id, account)
    async with db.city(city) as conn:
        name, phone = await name_and_phone(conn, vault, row.member.id)
    return OwnMembership(row, name, phone, balance.available, deeds, entries)


async def own_points(
    db: Database, clock: Clock, city: str, vault: Vault, actor: Actor
) -> OwnPoints | None:
    """Return what is kept about the membership the actor signs in for; None where there is none."""
    async with db.bound(city, RESIDENT_ROLE, person=actor.person_id) as conn:
        row = await _registered(conn, actor)
        if row is None:
            return None
        wallet = await wallet_of(conn, clock, row.member)
        deeds = await store.deeds(conn, row.member.id, None, LINES_MAX)
        attended = await store.attended(conn, row.member.id, LINES_MAX)
        history = await book.history(conn, row.member.account, book.LAST, LINES_MAX)
    # The vault is nobody's own: it opens what it is asked for. Nor are merchants that have closed.
    async with db.city(city) as conn:
        spent = await store.spent(conn, row.member.account, LINES_MAX)
        name, phone = await name_and_phone(conn, vault, row.member.id)
    return OwnPoints(row, name, phone, wallet, deeds, attended, spent, history)


async def _registered(conn: Connection, actor: Actor) -> Registered | None:
    member = await members.member_of(conn, actor.person_id)
    return await members.registered(conn, member.id) if member else None


def document_of(own: OwnPoints, pack: Pack) -> dict[str, Any]:
    """Return a membership as plain JSON values."""
    row, member = own.row, own.row.member
    digest = row.consent_digest.hex() if row.consent_digest else None
    return {
        "wallet": member.id,
        "kind": member.kind,
        "division": member.division,
        "name": own.name,
        "phone": own.phone,
        "minor_until": member.minor_until and str(member.minor_until),
        "consent": digest and {"sha256": digest, "on": str(row.consent_on)},
        "registered_at": rfc3339(member.registered_at),
        "registered_by": row.registered_by,
        "points": {
            "available": own.wallet.available,
            "held": own.wallet.held,
            "pending": own.wallet.pending,
            "lots": [
                {
                    "id": one.id,
                    "points": one.points,
                    "valid_until": one.valid_until and str(one.valid_until),
                }
                for one in own.wallet.lots
            ],
        },
        "participation": [_deed(one, _rule(pack, one)) for one in own.deeds],
        "attendance": [_attended(one) for one in own.attended],
        "spending": [_spent(one) for one in own.spent],
        "history": [_entry(one) for one in own.history],
    }


def workbook_of(own: OwnPoints, pack: Pack) -> bytes:
    """Return a membership as a workbook of five sheets."""
    row, member = own.row, own.row.member
    bank = pack.on(pack.days[-1]).points
    facts = (
        ("姓名或名称", own.name),
        ("手机号", own.phone or None),
        ("钱包编号", member.id),
        ("类别", kind_title(bank, member.kind)),
        ("社区代码", member.division),
        ("登记时间", _moment(member.registered_at)),
        ("监护人同意书的摘要（SHA-256）", row.consent_digest and row.consent_digest.hex()),
        ("监护人同意的日期", row.consent_on and str(row.consent_on)),
        ("成年日期", member.minor_until and str(member.minor_until)),
        ("可用积分", str(own.wallet.available)),
        ("为商户保留的积分", str(own.wallet.held)),
        ("待生效积分", str(own.wallet.pending)),
    )
    buffer = BytesIO()
    write_table(
        [
            (MEMBER_SHEET, [{"field": field, "value": value} for field, value in facts]),
            (PARTICIPATION_SHEET, [_deed_row(one, _rule(pack, one)) for one in own.deeds]),
            (ATTENDANCE_SHEET, [_attended_row(one) for one in own.attended]),
            (SPENDING_SHEET, [_spent_row(one) for one in own.spent]),
            (HISTORY_SHEET, [_entry_row(one) for one in own.history]),
        ],
        buffer,
    )
    return buffer.getvalue()


def _rule(pack: Pack, one: Deed) -> EarningRule | None:
    rules = pack.on(one.participated_on).points.earning
    return next((rule for rule in rules if rule.code == one.rule), None)


def _deed(one: Deed, rule: EarningRule | None) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "rule": one.rule,
        "title": rule.title if rule else one.rule,
        "quantity": one.quantity,
        "unit": rule.unit if rule else None,
        "points": one.points,
        "participated_on": str(one.participated_on),
        "source": one.source,
        "evidence": one.evidence,
        "state": one.state,
        "reason": one.reason,
        "available_on": one.available_on and str(one.available_on),
    }


def _deed_row(one: Deed, rule: EarningRule | None) -> dict[str, Any]:
    return {
        "participated_on": one.participated_on,
        "title": rule.title if rule else one.rule,
        "quantity": one.quantity,
        "unit": UNITS[rule.unit] if rule else "",
        "points": one.points,
        "state": one.state,
        "available_on": one.available_on,
        "evidence": one.evidence,
        "reason": one.reason,
        "id": str(one.id),
    }


def _attended(one: Attended) -> dict[str, Any]:
    return {
        "activity": {"id": str(one.activity), "title": one.title, "place": one.place},
        "signed_in_at": rfc3339(one.signed_in_at),
        "signed_out_at": one.signed_out_at and rfc3339(one.signed_out_at),
        "by_hand": one.by_hand,
    }


def _attended_row(one: Attended) -> dict[str, Any]:
    return {
        "title": one.title,
        "place": one.place,
        "came": _moment(one.signed_in_at),
        "left": one.signed_out_at and _moment(one.signed_out_at),
        "by_hand": "是" if one.by_hand else None,
        "activity": str(one.activity),
    }


def _spent(one: Spent) -> dict[str, Any]:
    merchant = one.merchant and {"code": one.merchant, "name": one.merchant_name}
    offer = one.offer and {"id": str(one.offer), "title": one.offer_title}
    return {
        "id": str(one.hold),
        "at": rfc3339(one.at),
        "until": rfc3339(one.until),
        "merchant": merchant,
        "offer": offer,
        "held": one.amount,
        "captured": one.captured,
        "returned": one.returned,
        "refunded": one.refunded,
    }


def _spent_row(one: Spent) -> dict[str, Any]:
    return {
        "at": _moment(one.at),
        "merchant": one.merchant_name,
        "code": one.merchant,
        "offer": one.offer_title,
        "held": one.amount,
        "captured": one.captured,
        "returned": one.returned,
        "refunded": one.refunded,
        "id": str(one.hold),
    }


def _entry(one: Entry) -> dict[str, Any]:
    return {
        "id": str(one.transfer),
        "kind": one.kind,
        "at": rfc3339(one.at),
        "amount": one.amount,
        "balance": one.balance,
        "participated_on": one.happened_on and str(one.happened_on),
        "note": one.reason,
    }


def _entry_row(one: Entry) -> dict[str, Any]:
    return {
        "at": _moment(one.at),
        "kind": one.kind,
        "amount": one.amount,
        "balance": one.balance,
        "participated_on": one.happened_on,
        "note": one.reason,
        "id": str(one.transfer),
    }


def _moment(value: Any) -> str:
    return f"{value.astimezone(CHINA):%Y-%m-%d %H:%M}"
