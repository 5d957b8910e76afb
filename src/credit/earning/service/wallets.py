"""A wallet as its holder sees it."""

import math
from datetime import date, datetime, timedelta

from msgspec import Struct

from credit.earning.participation import store
from credit.earning.views import MemberView
from credit.kit.clock import CHINA, Clock, rfc3339
from credit.kit.db import Connection, Database
from credit.kit.errors import Conflict, NotFound, TooManyRequests
from credit.kit.limits import Rates
from credit.kit.texts import marked, say
from credit.points.logic import operations
from credit.points.service import accounts as book
from credit.points.service.posting import Writer
from credit.points.views import Hold
from credit.rules.pack import Pack

__all__ = [
    "Ending",
    "Held",
    "Lot",
    "Wallet",
    "limit_codes",
    "may_release",
    "own_account",
    "release",
    "wallet_of",
]

CODES_PER_MINUTE = 12

RELEASE_REFUSED = {
    "hold-captured": marked("商户已经收取了这笔积分，不能再撤销。要退还，请到商户办理。"),
    "hold-voided": marked("这笔保留已经结束，积分已回到您的钱包。"),
}
OTHERWISE = marked("现在不能撤销这笔保留。请稍后再试，或联系社区。")


class Lot(Struct, frozen=True):
    """Points that came together, and until when they are good (null: always)."""

    id: str
    points: int
    valid_until: date | None


class Held(Struct, frozen=True):
    """Points set aside for a merchant until a moment."""

    id: str
    points: int
    until: datetime


class Ending(Struct, frozen=True):
    """How many points end with a day."""

    on: date
    points: int


class Wallet(Struct, frozen=True):
    """A wallet: `available` can be spent now, `held` is set aside for merchants, `pending` is
    awarded and not available yet; `lots` stand in the order in which they are spent, the first 200
    of them. `ending` counts every lot that ends.
    """

    id: str
    available: int
    held: int
    pending: int
    lots: list[Lot]
    holds: list[Held]
    ending: list[Ending]


async def wallet_of(conn: Connection, clock: Clock, member: MemberView) -> Wallet:
    """Return what a member's wallet holds today."""
    today = clock.today()
    balance = (await book.balances(conn, [member.account], today))[member.account]
    lots = await book.open_lots(conn, member.account, today)
    holds = await book.open_holds(conn, member.account)
    return Wallet(
        member.id,
        balance.available,
        balance.held,
        await store.pending_of(conn, member.id),
        [Lot(str(one.lot), one.points, one.valid_until) for one in lots],
        [Held(str(one.hold), one.amount, one.until) for one in holds],
        [Ending(day, points) for day, points in await book.ending(conn, member.account, today)],
    )


async def own_account(conn: Connection, member: MemberView, transfer: int) -> str:
    """Return the code of a member's account in whose history a transfer stands; else NotFound."""
    found = await book.history(conn, member.account, transfer + 1, 1)
    account = await book.account_of(conn, member.account)
    if account is None or not found or found[0].transfer != transfer:
        raise NotFound(say("您的积分明细里没有这一笔。请从明细里选。"), slug="unknown-transfer")
    return account.code


def limit_codes(rates: Rates, clock: Clock, city: str, member: MemberView) -> None:
    """Count a code for the till, on a page or over the interface; refuse those that are asked for
    faster than anybody pays.
    """
    wait = rates.take(
        ("code", city, member.id),
        clock.now().timestamp(),
        per_minute=CODES_PER_MINUTE,
        burst=CODES_PER_MINUTE,
    )
    if wait:
        seconds = math.ceil(wait)
        raise TooManyRequests(
            say("取付款码太频繁，请 %(seconds)s 秒后再试。", seconds=seconds),
            retry_after_seconds=seconds,
        )


def may_release(pack: Pack, made_at: datetime, until: datetime, now: datetime) -> bool:
    """Say whether a holder may give back what is set aside from one moment until another.

    What a till without a connection set aside is the merchant's to take until the hold ends: the
    goods may have changed hands long before the till can say so. Such a hold is made to live
    longer than any other.
    """
    usual = pack.on(made_at.astimezone(CHINA).date()).points.hold_minutes
    return until <= now or until - made_at <= timedelta(minutes=usual)


async def release(
    db: Database, clock: Clock, city: str, writer: Writer, pack: Pack, member: MemberView, hold: int
) -> None:
    """Give back what is set aside of a member's points, before a merchant takes it.

    Asking again is answered the same. Raises Conflict where the merchant was first, where it may
    take the points later (`hold-kept`), or the hold is over; NotFound for what is not the member's.
    """
    async with db.city(city) as conn:
        found = await book.hold_of(conn, hold, member.account)
    if found is not None and not found.captured and not found.returned:
        _refuse_kept(pack, found, clock.now())
    key = operations.key_of(member.id, "release", str(hold), b"")
    outcome = await writer.post(operations.void(key, hold, debit=member.account))
    if outcome.outcome == "unknown-hold":
        raise NotFound(say("没有这笔保留，或它不是您的。请刷新后再看。"), slug="unknown-hold")
    if outcome.outcome != "posted":
        raise Conflict(RELEASE_REFUSED.get(outcome.outcome, OTHERWISE), slug=outcome.outcome)


def _refuse_kept(pack: Pack, found: Hold, now: datetime) -> None:
    if may_release(pack, found.made_at, found.until, now):
        return
    raise Conflict(
        say(
            "这家商户的收款机会断网，收取可能晚些才送到，所以不能自己撤销。%(time)s 前没有收取，积分自动退回；没有拿到商品的，请商户撤销。",
            time=f"{found.until.astimezone(CHINA):%Y-%m-%d %H:%M}",
        ),
        slug="hold-kept",
        allowed={"from": rfc3339(found.until)},
    )
