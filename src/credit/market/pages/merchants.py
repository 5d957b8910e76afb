"""The console's merchants: who there is, one of them with all it does, and deciding about it."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.access import service as access
from credit.access.views import Actor
from credit.earning.service.places import covers, reach
from credit.kit.db import Connection
from credit.kit.errors import CreditError, NotFound
from credit.kit.http import City, SoughtText
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import say
from credit.kit.uploads import file_answer
from credit.market.figures import service as figures
from credit.market.logic.merchants import acts_of
from credit.market.pages.forms import (
    DAYS,
    MERCHANT_LABELS,
    DecisionForm,
    MerchantCode,
    PlaceForm,
    hours_of,
    labelled,
    texts_of,
    week_of,
)
from credit.market.pages.words import WORDS
from credit.market.service import merchants as service
from credit.market.service import offers
from credit.market.service.redemptions import redemptions_for
from credit.market.views import MerchantRecord
from credit.parties import service as parties
from credit.points.service.accounts import LAST
from credit.rules.loading import pack_of_city

__all__ = ["ConsoleMerchantPages"]

MERCHANTS = 50
REDEMPTIONS = 20
Act = Callable[[Connection, Actor], Awaitable[object]]
StateText = Annotated[
    Literal["", "proposed", "open", "suspended", "refused", "closed"], QueryParameter()
]
CategoryText = Annotated[str, QueryParameter(pattern=r"^[a-z_]{0,40}$(?!\n)", max_length=40)]
CodeText = Annotated[str, QueryParameter(pattern=r"^(SH-[0-9]{4,8})?$(?!\n)", max_length=11)]


class ConsoleMerchantPages(Controller):
    """`/{city}/console/merchants`: the merchants of a city."""

    path = "/console/merchants"

    @get(summary="商户", opt={"scope": "points:read"})
    async def merchants(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        standing: StateText = "",
        category: CategoryText = "",
        where: Annotated[Literal["", "all"], QueryParameter()] = "",
        q: SoughtText = "",
        cursor: CodeText = "",
    ) -> Response[str]:
        """List merchants of the visitor's division, unless asked for all of the city's."""
        actor: Actor = request.state.visitor.actor
        division = reach(actor) if actor.bound and not where else None
        wanted = service.sought(
            after=cursor,
            division=division,
            state=standing,
            category=category,
            query=q.strip() or None,
        )
        async with state.db.city(city) as conn:
            found = await service.merchants_page(conn, wanted, MERCHANTS + 1)
            waiting = await figures.waiting(conn, actor)
        return render(
            request,
            "market/merchants.html",
            words=WORDS,
            merchants=found[:MERCHANTS],
            reach=reach(actor),
            waiting=waiting,
            categories=_categories(state, city),
            standing=standing,
            category=category,
            where=where,
            q=q,
            today=state.clock.today(),
            cursor=found[MERCHANTS - 1].code if len(found) > MERCHANTS else None,
        )

    @get("/{code:str}", summary="一家商户", opt={"scope": "points:read"})
    async def merchant(
        self, request: Request[Any, Any, Any], state: State, city: City, code: MerchantCode
    ) -> Response[str]:
        """Show a merchant with what it is owed, its offers, its redemptions, and what to do now."""
        return await _page(request, state, city, code)

    @get("/{code:str}/letter", summary="商户的承诺书", opt={"scope": "points:read"})
    async def letter(
        self, request: Request[Any, Any, Any], state: State, city: City, code: MerchantCode
    ) -> Response[bytes]:
        """Hand out the signed commitment letter."""
        async with state.db.city(city) as conn:
            actor: Actor = request.state.visitor.actor
            found = await service.merchant_seen_by(conn, actor, code)
            kept = await service.letter_type(conn, actor, found)
        if kept is None:
            raise NotFound(say("本系统没有这份承诺书的文件，只有它的摘要。"))
        return await file_answer(state.blobs, found.letter, kept)

    @post("/{code:str}/decision", summary="决定商户", opt={"scope": "market:decide"},
          status_code=200)  # fmt: skip
    async def decide(
        self, request: Request[Any, Any, Any], state: State, code: MerchantCode
    ) -> Response[Any]:
        """Admit, refuse, suspend, resume or close a merchant."""
        fields = texts_of(await form_of(request))

        async def act(conn: Connection, actor: Actor) -> object:
            form = read_form(DecisionForm, fields)
            reason = (form.reason or "").strip() or None
            return await service.decide(conn, state.clock, actor, code, form.act, reason)

        return await _done(request, state, code, fields, act, say("决定已记下，马上生效。"))

    @post("/{code:str}/place", summary="更改商户地址和营业时间", opt={"scope": "points:record"},
          status_code=200)  # fmt: skip
    async def change(
        self, request: Request[Any, Any, Any], state: State, code: MerchantCode
    ) -> Response[Any]:
        """Note where a merchant is now, and when it is open."""
        fields = texts_of(await form_of(request))

        async def act(conn: Connection, actor: Actor) -> None:
            form = read_form(PlaceForm, {"address": fields.get("address")})
            hours = hours_of(fields)
            await service.change(conn, actor, code, form.address.strip(), hours)

        return await _done(
            request, state, code, fields, act, say("已更改，收款页马上按新的营业时间。")
        )


def _categories(state: State, city: str) -> dict[str, str]:
    bank = pack_of_city(city).on(state.clock.today()).points
    return {one.code: one.title for one in bank.merchant_categories}


async def _done(
    request: Request[Any, Any, Any],
    state: State,
    code: str,
    fields: Mapping[str, str],
    act: Act,
    notice: str,
) -> Response[Any]:
    """Do something about a merchant in a transaction; refused, show it with what was filled in."""
    city, actor = request.path_params["city"], request.state.visitor.actor
    try:
        async with state.db.transaction(city) as conn:
            await act(conn, actor)
    except NotFound:
        raise
    except CreditError as refused:
        return await _page(request, state, city, code, fields, refused)
    return redirect(f"/{city}/console/merchants/{code}", notice=notice)


async def _page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    code: str,
    fields: Mapping[str, str] | None = None,
    refused: CreditError | None = None,
) -> Response[str]:
    actor: Actor = request.state.visitor.actor
    bank = pack_of_city(city).on(state.clock.today()).points
    async with state.db.city(city) as conn:
        found = await service.merchant_seen_by(conn, actor, code)
        people = {one for one in (found.proposed_by, found.decided_by) if one}
        shown = {
            "owed": await service.owed(conn, state.clock, found),
            "offers": await offers.offers_of(conn, code),
            "redemptions": await redemptions_for(
                conn, state.clock, found.account or 0, LAST, REDEMPTIONS
            ),
            "repeats": await service.repeats(conn, state.clock, bank, found),
            "letter": await service.letter_type(conn, actor, found),
            "organisation": await service.sign_in_name(conn, code),
            "place": await parties.territory_name(conn, found.division),
            "posts": await access.posts_of(conn, people),
        }
    return render(
        request,
        "market/merchant.html",
        http_status=refused.status if refused else 200,
        words=WORDS,
        merchant=found,
        categories=_categories(state, city),
        fraud=bank.fraud,
        acts=acts_of(found.state) if service.may_decide(actor, found) else [],
        own="market:decide" in actor.scopes and actor.person_id == found.proposed_by,
        records="points:record" in actor.scopes and covers(actor, found.division),
        decides="market:decide" in actor.scopes and covers(actor, found.division),
        fields=defaultdict(str, fields if fields is not None else _fields_of(found)),
        day_names=list(zip(DAYS, WORDS["days"], strict=True)),
        today=state.clock.today(),
        problem=refused and labelled(refused, {**MERCHANT_LABELS, **DecisionForm.LABELS}),
        **shown,
    )


def _fields_of(found: MerchantRecord) -> dict[str, str]:
    return {"address": found.address, **week_of(found.hours)}
