"""The redemption API: authorize by a customer's code, then capture, void, refund; safe to repeat."""

import math
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import Meta, Struct

from credit.access.views import Actor
from credit.kit.db import MERCHANT_ROLE, Connection
from credit.kit.errors import Conflict, TooManyRequests
from credit.kit.http import City, IdempotencyHeader, Limit, Line, Page
from credit.kit.texts import say
from credit.market.service import redemptions
from credit.market.service.redemptions import RedemptionState, RedemptionView, Wish
from credit.market.service.shop import Shop
from credit.points.logic.operations import Key, key_of
from credit.points.service import accounts as book
from credit.points.service.receipting import RECEIPT_TYPE, Bundle, bundle_of
from credit.rules.loading import pack_of_city

__all__ = ["RedemptionController"]

AMOUNT_MAX = 2**53 - 1
# Nobody mistypes faster than this; whoever guesses codes is stopped long before one fits.
BAD_CODES = frozenset({"unknown-code", "code-used", "code-over"})
BAD_CODES_PER_MINUTE = 40
# What a key is good for, and what is refused past it.
AUTHORIZING = (
    "回答记在 Idempotency-Key 上，成功和 409 都是：重发得到同样的回答，配不同的内容回答 422。"
    "被拒绝以后改了内容或情况变了，用新的键再发。一分钟里错误的付款码超过 40 个，先回答 429，不占用键。"
)
GUESSES = {"per_minute": BAD_CODES_PER_MINUTE, "burst": BAD_CODES_PER_MINUTE}
Amount = Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
HoldPath = Annotated[str, PathParameter(pattern=r"^[1-9][0-9]{0,17}$", description="兑换编号")]
OfferNumber = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,17}$(?!\n)", max_length=18)]
CodeText = Annotated[str, Meta(pattern=r"^[0-9]{10}$(?!\n)", max_length=10)]
NumberCursor = Annotated[
    str | None, QueryParameter(pattern=r"^[0-9]{1,18}$", max_length=18, description="上一页的末号")
]


class NewRedemption(Struct, frozen=True, forbid_unknown_fields=True):
    """A customer's one-time code, how many points, and the till's own reference; the offer it is
    for, where it is for one.
    """

    code: CodeText
    amount: Amount
    reference: Line
    offer: OfferNumber | None = None


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """How many of the points; without it, all of them."""

    amount: Amount | None = None


class RedemptionController(Controller):
    """What a till does. What it does all day takes the application's state from the request: the
    parameter `state` is a copy made for each call.
    """

    path = "/redemptions"
    tags = ("market",)

    @post(operation_id="authorizeRedemption", summary="凭付款码保留积分", description=AUTHORIZING,
          opt={"scope": "till:use"})  # fmt: skip
    async def authorize(
        self,
        request: Request[Any, Any, Any],
        city: City,
        data: JSONBody[NewRedemption],
        idempotency_key: IdempotencyHeader,
    ) -> Response[RedemptionState]:
        """Hold a customer's points; capture them before the time is over, or they go back."""
        actor, state = request.user, request.app.state
        _refuse_guessing(state, city, actor)
        offer = int(data.offer) if data.offer else None
        wish = Wish(data.code, data.amount, data.reference, offer)
        bank = pack_of_city(city).on(state.clock.today()).points
        key = await _key(request, actor, "authorize", idempotency_key)
        try:
            made = await redemptions.authorize(_shop(state, city), actor, bank, wish, key)
        except Conflict as refused:
            if refused.slug in BAD_CODES:
                state.rates.take(*_guesses(state, city, actor), **GUESSES)
            raise
        return Response(made, status_code=201)

    @get(operation_id="listRedemptions", summary="本商户的兑换", opt={"scope": "till:use"})
    async def redemptions(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        cursor: NumberCursor = None,
        limit: Limit = 50,
    ) -> Page[RedemptionView]:
        """List the merchant's redemptions, the newest first."""
        before = int(cursor) if cursor else book.LAST
        async with _own(state, city, request.user) as conn:
            found = await redemptions.redemptions(
                conn, state.clock, request.user, before, limit + 1
            )
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    @get("/{redemption:str}", operation_id="getRedemption", summary="一笔兑换",
         opt={"scope": "till:use"})  # fmt: skip
    async def redemption(
        self, request: Request[Any, Any, Any], state: State, city: City, redemption: HoldPath
    ) -> RedemptionView:
        """Return where a redemption stands; nobody else's is found."""
        async with _own(state, city, request.user) as conn:
            return await redemptions.redemption(conn, state.clock, request.user, int(redemption))

    @get("/{redemption:str}/receipt", operation_id="getRedemptionReceipt", summary="收取的凭证",
         media_type=RECEIPT_TYPE, opt={"scope": "till:use"})  # fmt: skip
    async def receipt(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        redemption: HoldPath,
    ) -> Response[Bundle]:
        """Return what proves offline that the merchant captured points; it shows the merchant's
        account and not the customer's. `credit-verify` checks it with the log's public key alone.
        """
        actor: Actor = request.user
        async with _own(state, city, actor) as conn:
            transfer, account = await redemptions.captured_by(conn, actor, int(redemption))
        async with state.db.city(city) as conn:
            secret = state.logs.book_secret(city)
            found = await bundle_of(conn, secret, transfer, frozenset({account}))
        return Response(found, media_type=RECEIPT_TYPE)

    @post("/{redemption:str}/capture", operation_id="captureRedemption", summary="收取积分",
          status_code=200, opt={"scope": "till:use"})  # fmt: skip
    async def capture(
        self,
        request: Request[Any, Any, Any],
        city: City,
        redemption: HoldPath,
        idempotency_key: IdempotencyHeader,
        data: JSONBody[Part | None] = None,
    ) -> RedemptionState:
        """Take what is held, or part of it; the rest goes back to the customer at once."""
        actor, state = request.user, request.app.state
        key = await _key(request, actor, "capture", idempotency_key)
        return await redemptions.capture(
            _shop(state, city), actor, int(redemption), data.amount if data else None, key
        )

    @post("/{redemption:str}/void", operation_id="voidRedemption", summary="撤销保留",
          status_code=200, opt={"scope": "till:use"})  # fmt: skip
    async def void(
        self,
        request: Request[Any, Any, Any],
        city: City,
        redemption: HoldPath,
        idempotency_key: IdempotencyHeader,
    ) -> RedemptionState:
        """Give back what is held."""
        actor, state = request.user, request.app.state
        key = await _key(request, actor, "void", idempotency_key)
        return await redemptions.void(_shop(state, city), actor, int(redemption), key)

    @post("/{redemption:str}/refund", operation_id="refundRedemption", summary="退还积分",
          status_code=200, opt={"scope": "till:use"})  # fmt: skip
    async def refund(
        self,
        request: Request[Any, Any, Any],
        city: City,
        redemption: HoldPath,
        idempotency_key: IdempotencyHeader,
        data: JSONBody[Part | None] = None,
    ) -> RedemptionState:
        """Give back what was taken, or part of it, as often as there is something left of it."""
        actor, state = request.user, request.app.state
        key = await _key(request, actor, "refund", idempotency_key)
        return await redemptions.refund(
            _shop(state, city), actor, int(redemption), data.amount if data else None, key
        )


def _own(state: State, city: str, actor: Actor) -> AbstractAsyncContextManager[Connection]:
    """Lend a connection in which the database shows a merchant its own."""
    bound: AbstractAsyncContextManager[Connection] = state.db.bound(
        city, MERCHANT_ROLE, party=actor.party or ""
    )
    return bound


def _guesses(state: State, city: str, actor: Actor) -> tuple[tuple[str, str, str], float]:
    """Return under what the bad codes of a caller are counted, and when."""
    return ("bad-codes", city, actor.acts_for), state.clock.now().timestamp()


def _refuse_guessing(state: State, city: str, actor: Actor) -> None:
    """Refuse a caller who has just sent very many codes that were none, before the book is asked."""
    wait = state.rates.wait(*_guesses(state, city, actor), **GUESSES)
    if wait:
        seconds = math.ceil(wait)
        raise TooManyRequests(
            say(
                "错误的付款码太多：每分钟最多 %(most)s 个。请等 %(seconds)s 秒，再请顾客刷新后重新出示。",
                most=BAD_CODES_PER_MINUTE,
                seconds=seconds,
            ),
            slug="too-many-bad-codes",
            retry_after_seconds=seconds,
        )


def _shop(state: State, city: str) -> Shop:
    return Shop(state.db, state.clock, city, state.writers.of(city), state.merchants)


async def _key(request: Request[Any, Any, Any], actor: Actor, act: str, key: str) -> Key:
    """Return under which key the book keeps a request: the path counts as part of what was asked."""
    asked = request.scope["path"].encode() + b"\n" + await request.body()
    return key_of(actor.acts_for, act, key, asked)
