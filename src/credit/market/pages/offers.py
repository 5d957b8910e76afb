"""Offers in the console, where they are opened and stopped; and everybody's page of those open."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.access import service as access
from credit.access.views import Actor
from credit.earning.service.places import covers
from credit.kit.errors import CreditError, Invalid, NotFound
from credit.kit.http import City
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import say
from credit.market.figures import service as figures
from credit.market.logic.offers import DECISIONS, acts_of
from credit.market.pages.forms import (
    Cursor,
    MerchantCode,
    Number,
    OfferActForm,
    OfferForm,
    labelled,
    new_offer,
    texts_of,
)
from credit.market.pages.words import WORDS
from credit.market.service import merchants, offers
from credit.market.views import OfferRecord
from credit.parties import service as parties
from credit.points.service.accounts import LAST
from credit.rules.loading import pack_of_city

__all__ = ["ConsoleOfferPages", "PublicOfferPages"]

WAITING = 50
PUBLIC = 30
DivisionText = Annotated[
    str, QueryParameter(pattern=r"^([0-9]{6}([0-9]{3}([0-9]{3})?)?)?$(?!\n)", max_length=12)
]
CategoryText = Annotated[str, QueryParameter(pattern=r"^[a-z_]{0,40}$(?!\n)", max_length=40)]


class ConsoleOfferPages(Controller):
    """`/{city}/console/offers`: offers that wait, and one offer."""

    path = "/console"

    @get("/offers", summary="等待审核的权益", opt={"scope": "points:read"})
    async def waiting(
        self, request: Request[Any, Any, Any], state: State, city: City, cursor: Cursor = ""
    ) -> Response[str]:
        """List the offers that wait for a decision where the visitor works, the oldest first."""
        actor: Actor = request.state.visitor.actor
        async with state.db.city(city) as conn:
            found = await offers.waiting_offers(conn, actor, int(cursor or 0), WAITING + 1)
            waiting = await figures.waiting(conn, actor)
        return render(
            request,
            "market/offers.html",
            words=WORDS,
            offers=found[:WAITING],
            waiting=waiting,
            person=actor.person_id,
            cursor=str(found[WAITING - 1].offer.id) if len(found) > WAITING else None,
        )

    @get("/offers/{number:str}", summary="一项权益", opt={"scope": "points:read"})
    async def offer(
        self, request: Request[Any, Any, Any], state: State, city: City, number: Number
    ) -> Response[str]:
        """Show an offer, and what may be done about it."""
        return await _page(request, state, city, int(number))

    @post("/offers/{number:str}", summary="办理权益", opt={"scope": "market:decide"},
          status_code=200)  # fmt: skip
    async def act(
        self, request: Request[Any, Any, Any], state: State, city: City, number: Number
    ) -> Response[Any]:
        """Open or refuse an offer; pause, resume or end it."""
        fields = texts_of(await form_of(request))
        actor: Actor = request.state.visitor.actor
        try:
            form = read_form(OfferActForm, fields)
            reason = (form.reason or "").strip() or None
            async with state.db.transaction(city) as conn:
                if form.act == "restock":
                    raise Invalid(say("补货由商户在收款页办理。"))
                if form.act in DECISIONS:
                    await offers.decide(conn, state.clock, actor, int(number), form.act, reason)
                else:
                    await offers.act(conn, actor, int(number), form.act, reason)
        except NotFound:
            raise
        except CreditError as refused:
            return await _page(request, state, city, int(number), fields, refused)
        back = f"/{city}/console/offers/{number}"
        return redirect(back, notice=say("已记下，马上生效。"))

    @get("/merchants/{code:str}/offers/new", summary="代商户提出权益页",
         opt={"scope": "points:record"})  # fmt: skip
    async def begin(
        self, request: Request[Any, Any, Any], state: State, city: City, code: MerchantCode
    ) -> Response[str]:
        """Offer the form."""
        fields = {"valid_from": state.clock.today().isoformat()}
        return await _form_page(request, state, city, code, fields)

    @post("/merchants/{code:str}/offers/new", summary="代商户提出权益",
          opt={"scope": "points:record"}, status_code=200)  # fmt: skip
    async def propose(
        self, request: Request[Any, Any, Any], state: State, city: City, code: MerchantCode
    ) -> Response[Any]:
        """Propose an offer for a merchant, for somebody else to open."""
        fields = texts_of(await form_of(request))
        try:
            new = new_offer(fields)
            async with state.db.transaction(city) as conn:
                number = await offers.propose(
                    conn, state.clock, request.state.visitor.actor, code, new
                )
        except CreditError as refused:
            return await _form_page(request, state, city, code, fields, refused)
        return redirect(
            f"/{city}/console/offers/{number}", notice=say("已提出。下一步：由另一位同事审核。")
        )


class PublicOfferPages(Controller):
    """`/{city}/offers`: what residents can use their points for."""

    path = "/offers"

    @get(summary="信用集市")
    async def offers(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        division: DivisionText = "",
        category: CategoryText = "",
        cursor: Cursor = "",
    ) -> Response[str]:
        """List the offers open today, by community, street or district, and by trade."""
        bank = pack_of_city(city).on(state.clock.today()).points
        async with state.db.city(city) as conn:
            found = await offers.open_offers(
                conn, state.clock, city, before=int(cursor or LAST), division=division or None,
                category=category or None, limit=PUBLIC + 1,
            )  # fmt: skip
            divisions = await parties.divisions(conn)
        return render(
            request,
            "market/public_offers.html",
            words=WORDS,
            offers=found[:PUBLIC],
            categories={one.code: one.title for one in bank.merchant_categories},
            divisions=divisions,
            division=division,
            category=category,
            cursor=found[PUBLIC - 1].id if len(found) > PUBLIC else None,
        )


def _acts(actor: Actor, found: OfferRecord) -> list[str]:
    """Return what somebody may do about an offer: decide about no offer of their own."""
    if "market:decide" not in actor.scopes or not covers(actor, found.division):
        return []
    able = offers.may_decide(actor, found)
    return [act for act in acts_of(found.offer.state) if able or act not in DECISIONS]


async def _page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    number: int,
    fields: Mapping[str, str] | None = None,
    refused: CreditError | None = None,
) -> Response[str]:
    actor: Actor = request.state.visitor.actor
    async with state.db.city(city) as conn:
        found = await offers.offer_seen_by(conn, actor, number)
        posts = await access.posts_of(conn, [found.proposed_by])
    return render(
        request,
        "market/offer.html",
        http_status=refused.status if refused else 200,
        words=WORDS,
        found=found,
        acts=_acts(actor, found),
        own=found.proposed_by == actor.person_id,
        proposer=posts.get(found.proposed_by, ""),
        fields=defaultdict(str, fields or {}),
        problem=refused and labelled(refused, OfferActForm.LABELS),
    )


async def _form_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    code: str,
    fields: Mapping[str, str],
    refused: CreditError | None = None,
) -> Response[str]:
    async with state.db.city(city) as conn:
        merchant = await merchants.merchant_seen_by(conn, request.state.visitor.actor, code)
    return render(
        request,
        "market/offer_form.html",
        http_status=refused.status if refused else 200,
        words=WORDS,
        merchant=merchant,
        fields=defaultdict(str, fields),
        problem=refused and labelled(refused, OfferForm.LABELS),
    )
