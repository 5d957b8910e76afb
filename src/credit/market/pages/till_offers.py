"""A merchant's own offers and facts, at its till."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State

from credit.access.views import Actor
from credit.kit.errors import CreditError, FieldError, Forbidden, Invalid, NotFound
from credit.kit.http import City
from credit.kit.pages import form_of, read_form, redirect
from credit.kit.texts import say
from credit.market.logic.offers import DECISIONS, acts_of
from credit.market.offers.store import LIVE
from credit.market.pages.forms import (
    Cursor,
    Number,
    OfferActForm,
    OfferForm,
    labelled,
    new_offer,
    texts_of,
)
from credit.market.pages.till import own_merchant, own_rows, till_page
from credit.market.service import merchants, offers
from credit.market.service.redemptions import merchant_of
from credit.parties import service as parties
from credit.points.service.accounts import LAST
from credit.rules.loading import pack_of_city

__all__ = ["TillOfferPages"]

OFFERS = 30


class TillOfferPages(Controller):
    """`/{city}/till/offers` and `…/shop`."""

    path = "/till"

    @get("/shop", summary="本店", opt={"scope": "till:use"})
    async def shop(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Show what is kept about the merchant, and what it is owed."""
        actor: Actor = request.state.visitor.actor
        bank = pack_of_city(city).on(state.clock.today()).points
        async with own_rows(state, city, actor) as conn:
            found = await own_merchant(conn, actor)
        owed, place = 0, ""
        if found is not None:
            async with state.db.city(city) as conn:
                owed = await merchants.owed(conn, state.clock, found)
                place = await parties.territory_name(conn, found.division)
        return till_page(
            request,
            "market/shop.html",
            merchant=found,
            owed=owed,
            place=place,
            categories={one.code: one.title for one in bank.merchant_categories},
            today=state.clock.today(),
        )

    @get("/offers", summary="本店的权益", opt={"scope": "till:use"})
    async def offers(
        self, request: Request[Any, Any, Any], state: State, city: City, cursor: Cursor = ""
    ) -> Response[str]:
        """List the merchant's offers, the newest first."""
        actor: Actor = request.state.visitor.actor
        async with own_rows(state, city, actor) as conn:
            merchant = await merchant_of(conn, actor)
            found = await offers.offers_of(conn, merchant.code, int(cursor or LAST), OFFERS + 1)
        return till_page(
            request,
            "market/till_offers.html",
            offers=found[:OFFERS],
            live=LIVE,
            cursor=str(found[OFFERS - 1].offer.id) if len(found) > OFFERS else None,
        )

    @get("/offers/new", summary="提出权益页", opt={"scope": "till:use"})
    async def begin(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Offer the form."""
        fields = {"valid_from": state.clock.today().isoformat()}
        return await _form_page(request, state, city, fields)

    @post("/offers/new", summary="提出权益", opt={"scope": "till:use"}, status_code=200)
    async def propose(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Propose an offer, for the operator to open."""
        fields = texts_of(await form_of(request))
        try:
            new = new_offer(fields)
            async with state.db.transaction(city) as conn:
                number = await offers.propose_own(
                    conn, state.clock, request.state.visitor.actor, new
                )
        except CreditError as refused:
            return await _form_page(request, state, city, fields, refused)
        return redirect(
            f"/{city}/till/offers/{number}",
            notice=say("已提出，等待运营人员审核。审核通过后就可以收取。"),
        )

    @get("/offers/{number:str}", summary="本店的一项权益", opt={"scope": "till:use"})
    async def offer(
        self, request: Request[Any, Any, Any], state: State, city: City, number: Number
    ) -> Response[str]:
        """Show an offer, and what the merchant may do about it."""
        return await _page(request, state, city, int(number))

    @post("/offers/{number:str}", summary="办理本店的权益", opt={"scope": "till:use"},
          status_code=200)  # fmt: skip
    async def act(
        self, request: Request[Any, Any, Any], state: State, city: City, number: Number
    ) -> Response[Any]:
        """Pause, resume or end an offer, or raise its stock."""
        fields = texts_of(await form_of(request))
        actor: Actor = request.state.visitor.actor
        try:
            form = read_form(OfferActForm, fields)
            async with state.db.transaction(city) as conn:
                if form.act in DECISIONS:
                    raise Forbidden(say("权益由运营人员审核，商户自己不能审核。"))
                if form.act == "restock":
                    await offers.restock(conn, actor, int(number), _stock(form))
                else:
                    await offers.take_act(conn, actor, int(number), form.act)
        except NotFound:
            raise
        except CreditError as refused:
            return await _page(request, state, city, int(number), fields, refused)
        return redirect(f"/{city}/till/offers/{number}", notice=say("已记下，马上生效。"))


def _stock(form: OfferActForm) -> int:
    if form.stock is None:
        message = say("请填写补货以后一共有多少份。")
        raise Invalid(message, errors=(FieldError("stock", message),))
    return form.stock


async def _page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    number: int,
    fields: Mapping[str, str] | None = None,
    refused: CreditError | None = None,
) -> Response[str]:
    actor: Actor = request.state.visitor.actor
    async with own_rows(state, city, actor) as conn:
        found = await offers.own_offer(conn, actor, number)
    by_operator = found.offer.state == "paused" and bool(found.reason)
    return till_page(
        request,
        "market/till_offer.html",
        http_status=refused.status if refused else 200,
        found=found,
        acts=[
            one
            for one in acts_of(found.offer.state)
            if one not in DECISIONS and not (one == "resume" and by_operator)
        ],
        live=found.offer.state in LIVE,
        fields=defaultdict(str, fields or {}),
        problem=refused and labelled(refused, OfferActForm.LABELS),
    )


async def _form_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    fields: Mapping[str, str],
    refused: CreditError | None = None,
) -> Response[str]:
    actor: Actor = request.state.visitor.actor
    async with own_rows(state, city, actor) as conn:
        merchant = await merchant_of(conn, actor)
    return till_page(
        request,
        "market/till_offer_form.html",
        http_status=refused.status if refused else 200,
        merchant=merchant,
        fields=defaultdict(str, fields),
        problem=refused and labelled(refused, OfferForm.LABELS),
    )
