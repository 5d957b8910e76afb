"""Offers: proposed by a merchant or for it, opened by an operator, used by everybody."""

from collections.abc import Sequence
from datetime import UTC, datetime

from credit.access.logic import require
from credit.access.views import Actor
from credit.earning.service.places import above, covers, refuse_elsewhere
from credit.kit.clock import Clock
from credit.kit.db import Connection, Database
from credit.kit.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from credit.kit.texts import say
from credit.market.logic import offers as logic
from credit.market.logic.offers import ActKind, Offer
from credit.market.offers import store
from credit.market.offers.store import NewOffer, SoughtOffers, Swept
from credit.market.service.merchants import merchant_record
from credit.market.service.redemptions import merchant_of, terms_of
from credit.market.views import MerchantRecord, OfferRecord, OfferView, PublicOffer
from credit.points.service.accounts import LAST

__all__ = [
    "NewOffer", "act", "decide", "live_offers", "may_decide", "offer_record", "offer_seen_by", "offers_of", "open_offers",
    "own_offer", "propose", "propose_own", "restock", "sweep", "take_act", "usable_offers", "waiting_offers",
]  # fmt: skip

LIVE_MAX = 100  # offers of a merchant that are not over
SWEPT_AT_ONCE = 500
BEGINNING = (datetime(2000, 1, 1, tzinfo=UTC), b"")


async def propose_own(conn: Connection, clock: Clock, actor: Actor, new: NewOffer) -> int:
    """Propose an offer of the merchant somebody works for; returns its number."""
    require(actor, "till:use")
    own = await merchant_of(conn, actor)
    return await _add(conn, clock, actor, await merchant_record(conn, own.code), new)


async def propose(conn: Connection, clock: Clock, actor: Actor, code: str, new: NewOffer) -> int:
    """Propose an offer for a merchant of the operator's division; returns its number."""
    require(actor, "points:record")
    merchant = await merchant_record(conn, code)
    refuse_elsewhere(actor, merchant.division)
    return await _add(conn, clock, actor, merchant, new)


async def decide(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    number: int,
    act: ActKind,
    reason: str | None = None,
) -> OfferRecord:
    """Open or refuse an offer: somebody else than who proposed it. A refusal has a reason."""
    require(actor, "market:decide")
    found = await _locked(conn, number)
    refuse_elsewhere(actor, found.division)
    state = logic.take(found.offer.state, act, by=actor.person_id, proposed_by=found.proposed_by)
    if act == "refuse":
        _need_reason(reason)
    else:
        merchant = await merchant_record(conn, found.offer.merchant)
        _refuse_faults(logic.check_offer(terms_of(found.offer), merchant.contract_until))
    await store.decide(conn, number, state, actor.person_id, clock.now(), reason)
    return _changed(found, state, reason)


async def act(
    conn: Connection, actor: Actor, number: int, act: ActKind, reason: str | None
) -> OfferRecord:
    """Pause, resume or end an offer as its operator; pausing and ending have a reason.

    What the operator paused the merchant does not resume.
    """
    require(actor, "market:decide")
    found = await _locked(conn, number)
    refuse_elsewhere(actor, found.division)
    if act != "resume":
        _need_reason(reason)
    return await _step(conn, actor, found, act, reason)


async def take_act(conn: Connection, actor: Actor, number: int, act: ActKind) -> OfferRecord:
    """Pause, resume or end an offer of the merchant somebody works for."""
    require(actor, "till:use")
    found = await own_offer(conn, actor, number, lock=True)
    if act == "resume" and found.reason:
        raise Forbidden(
            say(
                "这项权益是运营人员暂停的：%(reason)s。请联系街道或社区恢复。", reason=found.reason
            ),
            slug="paused-by-operator",
        )
    return await _step(conn, actor, found, act, None)


async def restock(conn: Connection, actor: Actor, number: int, stock: int) -> OfferRecord:
    """Raise of how many pieces there are altogether; doing it twice is doing it once."""
    require(actor, "till:use")
    found = await own_offer(conn, actor, number, lock=True)
    offer = found.offer
    if offer.state not in store.LIVE:
        raise Conflict(
            say("这项权益%(state)s，不用再补货。", state=logic.STATE_WORDS[offer.state]),
            slug="wrong-state",
        )
    if offer.stock is None or not offer.stock <= stock <= logic.STOCK_MAX:
        message = (
            say("这项权益不分份数，不用补货。")
            if offer.stock is None
            else say(
                "总份数只能改大：现在是 %(now)s 份，最多 %(most)s 份。要少给，请暂停或结束这项权益。",
                now=offer.stock,
                most=logic.STOCK_MAX,
            )
        )
        raise Conflict(message, slug="stock-only-grows", errors=(FieldError("stock", message),))
    await store.restock(conn, number, stock)
    return found._replace(offer=offer._replace(stock=stock))


async def own_offer(
    conn: Connection, actor: Actor, number: int, *, lock: bool = False
) -> OfferRecord:
    """Return an offer of the merchant somebody works for; NotFound for anybody else's."""
    own = await merchant_of(conn, actor)
    found = await store.record(conn, number, lock=lock)
    if found is None or found.offer.merchant != own.code:
        raise NotFound(say("没有这项权益，或者不是本商户的。请核对编号。"), slug="unknown-offer")
    return found


async def offer_record(conn: Connection, number: int) -> OfferRecord:
    """Return an offer; NotFound for none."""
    found = await store.record(conn, number)
    if found is None:
        raise NotFound(say("没有这项权益。请核对编号。"), slug="unknown-offer")
    return found


async def offer_seen_by(conn: Connection, actor: Actor, number: int) -> OfferRecord:
    """Return an offer of where an officer works; Forbidden for one of elsewhere."""
    found = await offer_record(conn, number)
    refuse_elsewhere(actor, found.division)
    return found


async def offers_of(
    conn: Connection, code: str, before: int = LAST, limit: int = LIVE_MAX
) -> list[OfferRecord]:
    """List a merchant's offers before another one, the newest first."""
    return await store.offers_of(conn, code, before, limit)


async def live_offers(conn: Connection, code: str) -> list[OfferRecord]:
    """List a merchant's offers that are not over, the newest first."""
    return await store.offers_of(conn, code, LAST, LIVE_MAX, live=True)


async def usable_offers(conn: Connection, clock: Clock, code: str) -> list[OfferView]:
    """List which of a merchant's offers may be used today, as far as they themselves say."""
    today = clock.today()
    found = [one.offer for one in await live_offers(conn, code)]
    return [
        one
        for one in found
        if logic.refusal(terms_of(one), one.points or one.points_max or 1, today) is None
    ]


async def waiting_offers(
    conn: Connection, actor: Actor, after: int, limit: int
) -> list[OfferRecord]:
    """List the offers that wait for a decision where somebody works, the oldest first."""
    division = (actor.division or "-") if actor.bound else ""
    return await store.waiting(conn, division, after, limit)


async def open_offers(
    conn: Connection,
    clock: Clock,
    city: str,
    *,
    before: int = LAST,
    division: str | None = None,
    category: str | None = None,
    limit: int,
) -> list[PublicOffer]:
    """List what anybody may use today: in a division and for all of those it lies in; of a trade."""
    around = above(division, city) if division else ()
    wanted = SoughtOffers(before, clock.today(), division, around, category)
    return await store.public_offers(conn, wanted, limit)


def may_decide(actor: Actor, offer: OfferRecord) -> bool:
    """Say whether somebody could decide about an offer: in office for it, and not its proposer."""
    able = "market:decide" in actor.scopes and covers(actor, offer.division)
    return able and actor.person_id != offer.proposed_by


async def sweep(db: Database, clock: Clock, city: str) -> Swept:
    """Settle uses whose redemption was captured, and give back those of which nothing came."""
    released = taken = 0
    after = BEGINNING
    while True:
        async with db.transaction(city) as conn:
            page = await store.unsettled(conn, after, SWEPT_AT_ONCE)
            keys, offers = [key for _, key, _ in page], sorted({offer for *_, offer in page})
            swept = await store.sweep_uses(conn, keys, offers, clock.now())
        released, taken = released + swept.released, taken + swept.taken
        if len(page) < SWEPT_AT_ONCE:
            return Swept(released, taken)
        after = page[-1][:2]


async def _locked(conn: Connection, number: int) -> OfferRecord:
    found = await store.record(conn, number, lock=True)
    if found is None:
        raise NotFound(say("没有这项权益。请核对编号。"), slug="unknown-offer")
    return found


async def _add(
    conn: Connection, clock: Clock, actor: Actor, merchant: MerchantRecord, new: NewOffer
) -> int:
    if merchant.state not in ("open", "suspended"):
        raise Conflict(
            say("这家商户还没有入驻，或者已经退出，不能提出权益。"), slug="merchant-closed"
        )
    proposed = Offer(
        new.kind, "proposed", new.valid_from, new.valid_until, new.points, new.points_max, new.stock, 0,
        new.per_person, new.per_person_days,
    )  # fmt: skip
    _refuse_faults(logic.check_offer(proposed, merchant.contract_until))
    if await store.count_live(conn, merchant.code) >= LIVE_MAX:
        raise Conflict(
            say("一家商户最多同时有 %(most)s 项权益。请先结束不用的。", most=LIVE_MAX),
            slug="too-many-offers",
        )
    return await store.add(conn, merchant.code, new, actor.person_id, clock.now())


async def _step(
    conn: Connection, actor: Actor, found: OfferRecord, act: ActKind, reason: str | None
) -> OfferRecord:
    if act in logic.DECISIONS:
        raise Invalid(say("审核要另外办理。请从“等待审核”里打开这项权益。"))
    state = logic.take(found.offer.state, act, by=actor.person_id, proposed_by=found.proposed_by)
    kept = None if act == "resume" else reason
    await store.set_state(conn, found.offer.id, state, kept)
    return _changed(found, state, kept)


def _changed(found: OfferRecord, state: logic.State, reason: str | None) -> OfferRecord:
    return found._replace(offer=found.offer._replace(state=state), reason=reason)


def _need_reason(reason: str | None) -> None:
    if not reason:
        message = say("请写明理由，商户会看到。")
        raise Invalid(message, errors=(FieldError("reason", message),))


def _refuse_faults(faults: Sequence[FieldError]) -> None:
    if faults:
        raise Conflict(
            say(
                "这项权益有 %(count)s 处要改正：%(first)s",
                count=len(faults),
                first=faults[0].message,
            ),
            slug="bad-offer",
            errors=tuple(faults),
        )
