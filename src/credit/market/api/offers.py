"""Offers over HTTP: those open to everybody; a merchant's own, proposed and kept by its system."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Any, Literal

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import Meta, Struct

from credit.access.views import Actor
from credit.kit.db import MERCHANT_ROLE, Connection
from credit.kit.http import City, IdempotencyHeader, Limit, Page, Paragraph, idempotent
from credit.market.logic.offers import PERIOD_DAYS_MAX, POINTS_MAX, STOCK_MAX, USES_MAX
from credit.market.logic.offers import State as Standing
from credit.market.offers.store import NewOffer
from credit.market.service import offers
from credit.market.service.redemptions import merchant_of
from credit.market.views import Kind, OfferRecord, PublicOffer
from credit.points.service.accounts import LAST

__all__ = ["OfferController"]

NumberCursor = Annotated[
    str | None, QueryParameter(pattern=r"^[0-9]{1,18}$", max_length=18, description="上一页的末号")
]
OfferPath = Annotated[
    str, PathParameter(pattern=r"^[1-9][0-9]{0,17}$", max_length=18, description="权益编号")
]
DivisionText = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^[0-9]{6}([0-9]{3}([0-9]{3})?)?$",
        max_length=12,
        description="区 6 位、街道 9 位或社区 12 位代码",
    ),
]
CategoryText = Annotated[
    str | None, QueryParameter(pattern=r"^[a-z_]{1,40}$", max_length=40, description="商户类别")
]
Title = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=120,
        pattern=r"^[^\S\u0000-\u001f\u007f]*[^\s\u0000-\u001f\u007f][^\u0000-\u001f\u007f]*$(?!\n)",
    ),
]
Points = Annotated[int, Meta(ge=1, le=POINTS_MAX)]
Stock = Annotated[int, Meta(ge=1, le=STOCK_MAX)]


class ProposedOffer(Struct, frozen=True, forbid_unknown_fields=True):
    """An offer of one of the three kinds. Goods have `points` and `stock`, a discounted service has
    `points`, a reduction `points_max`, of which the customer chooses.
    """

    kind: Kind
    title: Title
    terms: Paragraph
    valid_from: date
    valid_until: date | None = None
    points: Points | None = None
    points_max: Points | None = None
    stock: Stock | None = None
    per_person: Annotated[int, Meta(ge=1, le=USES_MAX)] | None = None
    per_person_days: Annotated[int, Meta(ge=1, le=PERIOD_DAYS_MAX)] | None = None


class OwnOffer(Struct, frozen=True):
    """An offer as its merchant sees it; `reason` is the operator's, where it refused or stopped it."""

    id: str
    kind: Kind
    title: str
    terms: str
    points: int | None
    points_max: int | None
    stock: int | None
    taken: int
    per_person: int | None
    per_person_days: int | None
    valid_from: date
    valid_until: date | None
    state: Standing
    reason: str | None


class OfferAct(Struct, frozen=True, forbid_unknown_fields=True):
    """What a merchant does about an offer."""

    act: Literal["pause", "resume", "end"]


class Restocking(Struct, frozen=True, forbid_unknown_fields=True):
    """Of how many pieces there are altogether, those that are gone included; it only grows."""

    stock: Stock


class OfferController(Controller):
    """What there is for points, and a merchant's own."""

    path = "/offers"
    tags = ("market",)

    @get(operation_id="listOffers", summary="今天可以兑换的权益")
    async def offers(
        self,
        state: State,
        city: City,
        division: DivisionText = None,
        category: CategoryText = None,
        cursor: NumberCursor = None,
        limit: Limit = 50,
    ) -> Page[PublicOffer]:
        """List what anybody may use today, the newest first; a division has that of those above it,
        too.
        """
        before = int(cursor) if cursor else LAST
        async with state.db.city(city) as conn:
            found = await offers.open_offers(
                conn, state.clock, city, before=before, division=division, category=category,
                limit=limit + 1,
            )  # fmt: skip
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    @get("/own", operation_id="listOwnOffers", summary="本商户的权益", opt={"scope": "till:use"})
    async def own(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        cursor: NumberCursor = None,
        limit: Limit = 50,
    ) -> Page[OwnOffer]:
        """List the merchant's offers in every state, the newest first."""
        actor: Actor = request.user
        before = int(cursor) if cursor else LAST
        async with state.db.bound(city, MERCHANT_ROLE, party=actor.party or "") as conn:
            merchant = await merchant_of(conn, actor)
            found = await offers.offers_of(conn, merchant.code, before, limit + 1)
        shown = [_own(one) for one in found[:limit]]
        return Page(shown, shown[-1].id if len(found) > limit else None)

    @post(operation_id="proposeOffer", summary="提出权益", status_code=201,
          opt={"scope": "till:use"})  # fmt: skip
    async def propose(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[ProposedOffer],
        idempotency_key: IdempotencyHeader,
    ) -> Response[OwnOffer]:
        """Propose an offer; an operator opens it, or says why not."""
        actor: Actor = request.user

        async def act(conn: Connection) -> tuple[int, object]:
            new = NewOffer(
                data.kind, data.title, data.terms, data.points, data.points_max, data.stock,
                data.per_person, data.per_person_days, data.valid_from, data.valid_until,
            )  # fmt: skip
            number = await offers.propose_own(conn, state.clock, actor, new)
            return 201, _own(await offers.offer_record(conn, number))

        return await _once(request, state, city, idempotency_key, act)

    @post("/{offer:str}/acts", operation_id="actOnOffer", summary="暂停、恢复或结束权益",
          status_code=200, opt={"scope": "till:use"})  # fmt: skip
    async def act(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        offer: OfferPath,
        data: JSONBody[OfferAct],
        idempotency_key: IdempotencyHeader,
    ) -> Response[OwnOffer]:
        """Pause, resume or end an offer; what the operator paused it resumes itself."""
        actor: Actor = request.user

        async def act(conn: Connection) -> tuple[int, object]:
            return 200, _own(await offers.take_act(conn, actor, int(offer), data.act))

        return await _once(request, state, city, idempotency_key, act)

    @post("/{offer:str}/stock", operation_id="restockOffer", summary="补货", status_code=200,
          opt={"scope": "till:use"})  # fmt: skip
    async def restock(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        offer: OfferPath,
        data: JSONBody[Restocking],
        idempotency_key: IdempotencyHeader,
    ) -> Response[OwnOffer]:
        """Raise of how many pieces there are."""
        actor: Actor = request.user

        async def act(conn: Connection) -> tuple[int, object]:
            return 200, _own(await offers.restock(conn, actor, int(offer), data.stock))

        return await _once(request, state, city, idempotency_key, act)


async def _once(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    key: str,
    act: Callable[[Connection], Awaitable[tuple[int, object]]],
) -> Response[Any]:
    """Answer once; the path counts as part of what was asked."""
    actor: Actor = request.user
    asked = request.scope["path"].encode() + b"\n" + await request.body()
    return await idempotent(state, city, client=actor.acts_for, key=key, request=asked, act=act)


def _own(found: OfferRecord) -> OwnOffer:
    one = found.offer
    return OwnOffer(
        str(one.id), one.kind, one.title, one.terms, one.points, one.points_max, one.stock, one.taken,
        one.per_person, one.per_person_days, one.valid_from, one.valid_until, one.state, found.reason,
    )  # fmt: skip
