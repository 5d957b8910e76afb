"""Redemptions: holds of the book that a resident's one-time code allows a merchant to make.

A redemption is known by the number of its hold; where it stands is what the book says. Every act
goes under the caller's key, so that whoever does not hear the answer asks again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec import Struct

from credit.access.views import Actor
from credit.kit.clock import CHINA, Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden, NotFound, Unprocessable
from credit.kit.texts import say
from credit.market import store
from credit.market.logic.hours import is_open
from credit.market.logic.offers import Offer, price_of
from credit.market.logic.redemptions import Act, redemption_of, refusal_of
from credit.market.service.shop import Shop
from credit.market.views import MerchantView, OfferView
from credit.points.logic import codes, operations
from credit.points.service import accounts as book
from credit.points.views import Hold, Operation
from credit.rules.bank import Bank

__all__ = [
    "RedemptionState", "RedemptionView", "Wish", "authorize", "capture", "captured_by", "merchant_of", "redemption",
    "redemptions", "redemptions_for", "refund", "terms_of", "void",
]  # fmt: skip

# What was answered while a hold was open is answered so again.
INSTANT = timedelta(microseconds=1)


class RedemptionState(Struct, frozen=True):
    """Where a redemption stands; amounts in points. `acts` may follow now."""

    id: str
    status: str
    amount: int
    captured: int
    refunded: int
    expires_at: datetime
    acts: tuple[Act, ...]


class RedemptionView(RedemptionState, frozen=True):
    """A redemption as its merchant looks it up: with what it was for."""

    offer: str | None
    reference: str | None
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Wish:
    """What a till asks for: a customer's code, how many points, for which offer, its own reference."""

    code: str
    amount: int
    reference: str
    offer: int | None = None


async def merchant_of(conn: Connection, actor: Actor) -> MerchantView:
    """Return the merchant somebody works for; Forbidden where it has no till yet."""
    found = await store.merchant(conn, actor.party or "")
    if found is None or found.account is None:
        raise Forbidden(
            say("您的商户还没有入驻，不能收取积分。请联系街道或社区的运营人员。"),
            slug="no-merchant",
        )
    return found


async def authorize(
    shop: Shop, actor: Actor, bank: Bank, wish: Wish, key: operations.Key
) -> RedemptionState:
    """Hold a customer's points for the merchant, by the customer's one-time code."""
    now = shop.clock.now()
    digest = codes.digest_of(wish.code)
    if digest is None:
        raise refusal_of("authorize", "unknown-code", None)
    merchant = await _merchant(shop, actor)
    held = await shop.writer.account("held")
    offer = await _offer(shop, merchant, wish.offer)
    life = (
        timedelta(hours=bank.offline_hours)
        if merchant.offline
        else timedelta(minutes=bank.hold_minutes)
    )
    operation = operations.hold(
        key, digest, held, merchant.account or 0, wish.amount, now + life,
        about=offer and offer.id, reason=wish.reference,
    )  # fmt: skip
    reserved, refused = False, None
    try:
        _refuse_closed(merchant, now)
        if offer is not None:
            reserved = await _reserve(shop, offer, wish, digest, key, now + life)
    except Conflict as error:
        # Unless the book has answered before, this is the answer, whatever changes after it.
        refused = error
        kept = {"detail": str(error.detail), "allowed": dict(error.allowed)}
        operation = operations.refusal(key, error.slug, kept)
    try:
        return await _post(shop, "authorize", operation)
    except (Conflict, Unprocessable) as error:
        # Under a key that was used for something else there may be a use that is none of this one's.
        if reserved or (offer is not None and isinstance(error, Conflict)):
            async with shop.db.transaction(shop.city) as conn:
                await store.release_use(conn, key.key)
        if refused is not None and refused.slug == error.slug:
            raise refused from None  # in words that can be translated
        raise


async def capture(
    shop: Shop, actor: Actor, hold: int, amount: int | None, key: operations.Key
) -> RedemptionState:
    """Take what is held, or part of it; the rest goes back to the customer."""
    account = await _account_of(shop, actor)
    operation = operations.capture(key, hold, amount, beneficiary=account)
    return await _post(shop, "capture", operation)


async def void(shop: Shop, actor: Actor, hold: int, key: operations.Key) -> RedemptionState:
    """Give everything back that is held."""
    account = await _account_of(shop, actor)
    return await _post(shop, "void", operations.void(key, hold, beneficiary=account))


async def refund(
    shop: Shop, actor: Actor, hold: int, amount: int | None, key: operations.Key
) -> RedemptionState:
    """Give back what was taken, or part of it."""
    account = await _account_of(shop, actor)
    operation = operations.refund(key, hold, amount, beneficiary=account)
    return await _post(shop, "refund", operation)


async def redemption(conn: Connection, clock: Clock, actor: Actor, hold: int) -> RedemptionView:
    """Return where a redemption of the merchant's stands; NotFound for anybody else's."""
    merchant = await merchant_of(conn, actor)
    found = await book.hold_for(conn, hold, merchant.account or 0)
    if found is None:
        raise refusal_of("capture", "unknown-hold", None)
    return _view(found, clock.now())


async def captured_by(conn: Connection, actor: Actor, hold: int) -> tuple[int, str]:
    """Return the transfer that captured a redemption of the merchant's, and the account's code.

    Raises NotFound for anybody else's, Conflict for one that was not captured.
    """
    merchant = await merchant_of(conn, actor)
    account = await book.account_of(conn, merchant.account or 0)
    if account is None or await book.hold_for(conn, hold, account.id) is None:
        raise refusal_of("capture", "unknown-hold", None)
    transfer = await book.capture_of(conn, hold, account.id)
    if transfer is None:
        raise Conflict(say("这笔兑换没有收取过积分，没有凭证。"), slug="hold-not-captured")
    return transfer, account.code


async def redemptions(
    conn: Connection, clock: Clock, actor: Actor, before: int, limit: int
) -> list[RedemptionView]:
    """List the merchant's redemptions before another one, newest first."""
    merchant = await merchant_of(conn, actor)
    return await redemptions_for(conn, clock, merchant.account or 0, before, limit)


async def redemptions_for(
    conn: Connection, clock: Clock, account: int, before: int, limit: int
) -> list[RedemptionView]:
    """List the redemptions for an account of the book before another one, newest first."""
    found = await book.holds_for(conn, account, before, limit)
    return [_view(one, clock.now()) for one in found]


async def _merchant(shop: Shop, actor: Actor) -> MerchantView:
    """Return the merchant somebody works for, looked up again when merchants have changed."""
    known = shop.merchants.get(shop.city, actor.party)
    if known is not None:
        return known
    generation = shop.merchants.generation(shop.city)
    async with shop.db.city(shop.city) as conn:
        found = await merchant_of(conn, actor)
    shop.merchants.put(shop.city, actor.party, found, generation)
    return found


async def _account_of(shop: Shop, actor: Actor) -> int:
    return (await _merchant(shop, actor)).account or 0


async def _offer(shop: Shop, merchant: MerchantView, number: int | None) -> OfferView | None:
    if number is None:
        return None
    async with shop.db.city(shop.city) as conn:
        found = await store.offer(conn, number, merchant.code)
    if found is None:
        raise NotFound(say("没有这项权益，或者不是本商户的。请核对编号。"), slug="unknown-offer")
    return found


def _refuse_closed(merchant: MerchantView, now: datetime) -> None:
    today = now.astimezone(CHINA).date()
    if merchant.state != "open" or not merchant.contract_from <= today <= merchant.contract_until:
        raise Conflict(
            say("本商户现在不能收取积分：已暂停，或合同不在有效期内。请联系运营人员。"),
            slug="merchant-closed",
        )
    if not is_open(merchant.hours, now):
        raise Conflict(
            say("现在不在登记的营业时间内，不能收取积分。营业时间有变化，请先请运营人员更改。"),
            slug="outside-hours",
        )


async def _reserve(
    shop: Shop, offer: OfferView, wish: Wish, digest: bytes, key: operations.Key, until: datetime
) -> bool:
    """Check what an offer asks for; of a limited one, reserve a use under the redemption's key, and
    say whether that was done now. What it reserved before it was cut off does not count against it.
    """
    now, today = shop.clock.now(), shop.clock.today()
    if offer.stock is None and offer.per_person is None:
        price_of(terms_of(offer), wish.amount, today)
        return False
    async with shop.db.transaction(shop.city) as conn:
        locked = await store.offer(conn, offer.id, offer.merchant, lock=True) or offer
        account = await book.code_account(conn, digest)
        if account is None:
            return False  # the book will say that the code is unknown
        if locked.taken == locked.stock and await store.is_reserved(
            conn, key.key, offer.id, account
        ):  # the last piece is its own, of a request that was not answered
            locked = locked._replace(taken=locked.taken - 1)
        uses = await store.uses_of(conn, key.key, offer.id, account, locked.per_person or 1)
        days = [one.astimezone(CHINA).date() for one in uses]
        price_of(terms_of(locked), wish.amount, today, days if locked.per_person else ())
        return await store.reserve_use(conn, key.key, offer.id, account, now, until)


def terms_of(offer: OfferView) -> Offer:
    """Return what a redemption under an offer has to keep to."""
    return Offer(
        offer.kind, offer.state, offer.valid_from, offer.valid_until, offer.points, offer.points_max,
        offer.stock, offer.taken, offer.per_person, offer.per_person_days,
    )  # fmt: skip


async def _post(shop: Shop, act: Act, operation: Operation) -> RedemptionState:
    """Post, and answer how the hold stood after this very operation, now and whenever asked again."""
    outcome = await shop.writer.post(operation)
    if outcome.outcome != "posted" or outcome.details is None:
        raise refusal_of(act, outcome.outcome, outcome.details)
    hold = outcome.transfer if act == "authorize" else operation.about
    found = outcome.details
    until = datetime.fromisoformat(found["until"])
    stands = redemption_of(
        amount=found["amount"], captured=found["captured"], returned=found["returned"],
        refunded=found["refunded"], until=until, lapsed=False, now=until - INSTANT,
    )  # fmt: skip
    return RedemptionState(
        str(hold), stands.status, found["amount"], found["captured"], found["refunded"], until,
        stands.acts,
    )  # fmt: skip


def _view(hold: Hold, now: datetime) -> RedemptionView:
    stands = redemption_of(
        amount=hold.amount, captured=hold.captured, returned=hold.returned, refunded=hold.refunded,
        until=hold.until, lapsed=hold.lapsed, now=now,
    )  # fmt: skip
    return RedemptionView(
        str(hold.hold), stands.status, hold.amount, hold.captured, hold.refunded, hold.until,
        stands.acts, str(hold.about) if hold.about else None, hold.reason, hold.made_at,
    )  # fmt: skip
