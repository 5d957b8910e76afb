"""The till: taking points by a customer's code, what was taken, and giving it back."""

import secrets
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from msgspec import Meta, Struct

from credit.access.views import Actor
from credit.kit.clock import CHINA
from credit.kit.db import MERCHANT_ROLE, Connection
from credit.kit.errors import (
    CreditError,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    Overloaded,
    TooManyRequests,
    Unprocessable,
)
from credit.kit.http import City
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.market.logic.hours import is_open
from credit.market.logic.offers import POINTS_MAX
from credit.market.pages.forms import Cursor, Number, labelled, texts_of
from credit.market.pages.words import WORDS
from credit.market.service import merchants, offers, redemptions
from credit.market.service.charging import charge, form_key
from credit.market.service.redemptions import RedemptionView, Wish
from credit.market.service.shop import Shop
from credit.market.views import MerchantRecord, OfferView
from credit.points.logic.codes import CODE_DIGITS
from credit.points.service.accounts import LAST
from credit.rules.loading import pack_of_city

__all__ = ["TillPages", "own_merchant", "own_rows", "till_page"]

REDEMPTIONS = 30
# Nobody charges faster than this by hand; whoever guesses codes is stopped long before one fits.
CHARGES_PER_MINUTE = 40
NO_MERCHANT = marked("您的商户还没有登记。请联系街道或社区的运营人员，把您的商户编号告诉他们。")
FORM_KEY = r"^[0-9A-Za-z_-]{22}$(?!\n)"
FormKey = Annotated[str, Meta(pattern=FORM_KEY, max_length=22)]
Points = Annotated[int, Meta(ge=1, le=POINTS_MAX)]
OfferNumber = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,17}$(?!\n)", max_length=18)]


class ChargeForm(Struct, frozen=True):
    """What a cashier types, or a scanner: the code, and how much; `form` is the form's own key."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "code": marked("顾客的付款码"),
        "offer": marked("权益"),
        "amount": marked("积分"),
        "reference": marked("小票号或备注"),
        "form": marked("表单"),
    }

    form: FormKey
    code: Annotated[str, Meta(max_length=40)]
    amount: Points | None = None
    offer: OfferNumber | None = None
    reference: Annotated[str, Meta(max_length=60, pattern=r"^[^\u0000-\u001f\u007f]*$(?!\n)")] = ""


class ActForm(Struct, frozen=True):
    """What is done about a redemption; `sure` is ticked before anything goes back."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "act": marked("办理"),
        "amount": marked("退还多少积分"),
        "sure": marked("已核对"),
        "form": marked("表单"),
    }

    form: FormKey
    act: Literal["capture", "void", "refund"]
    amount: Points | None = None
    sure: Literal["yes"] | None = None


class TillPages(Controller):
    """`/{city}/till`: a merchant's till, made for a phone."""

    path = "/till"

    @get(summary="收款页", opt={"scope": "till:use"})
    async def till(
        self, request: Request[Any, Any, Any], state: State, city: City, offer: Cursor = ""
    ) -> Response[str]:
        """Offer the form, the code first; an offer may be chosen beforehand."""
        return await _charge_page(request, state, city, {"offer": offer})

    @post(summary="收取积分", opt={"scope": "till:use"}, status_code=200)
    async def charge(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Take points in one go; sent twice it takes them once, and shows the same."""
        actor: Actor = request.state.visitor.actor
        fields = texts_of(await form_of(request))
        bank = pack_of_city(city).on(state.clock.today()).points
        try:
            form = read_form(ChargeForm, fields)
            _count(request, state, city, actor)
            wish = await _wish(state, city, actor, form)
            made = await charge(_shop(state, city), actor, bank, wish, form.form)
        except TooManyRequests:
            raise
        except CreditError as refused:
            return await _charge_page(request, state, city, fields, refused)
        return redirect(f"/{city}/till/redemptions/{made.id}")

    @get("/redemptions", summary="收款记录", opt={"scope": "till:use"})
    async def redemptions(
        self, request: Request[Any, Any, Any], state: State, city: City, cursor: Cursor = ""
    ) -> Response[str]:
        """List the merchant's redemptions by their days, the newest first."""
        actor: Actor = request.state.visitor.actor
        async with own_rows(state, city, actor) as conn:
            found = await redemptions.redemptions(
                conn, state.clock, actor, int(cursor or LAST), REDEMPTIONS + 1
            )
        today = state.clock.today()
        return till_page(
            request,
            "market/redemptions.html",
            days=_by_day(found[:REDEMPTIONS]),
            today=today,
            cursor=found[REDEMPTIONS - 1].id if len(found) > REDEMPTIONS else None,
        )

    @get("/redemptions/{number:str}", summary="一笔收款", opt={"scope": "till:use"})
    async def redemption(
        self, request: Request[Any, Any, Any], state: State, city: City, number: Number
    ) -> Response[str]:
        """Show a redemption, large, and what may be done about it."""
        return await _redemption_page(request, state, city, int(number), {})

    @post("/redemptions/{number:str}", summary="收取、撤销或退还", opt={"scope": "till:use"},
          status_code=200)  # fmt: skip
    async def act(
        self, request: Request[Any, Any, Any], state: State, city: City, number: Number
    ) -> Response[Any]:
        """Capture, void or refund a redemption; sent twice it is done once."""
        fields = texts_of(await form_of(request))
        try:
            form = read_form(ActForm, fields)
            await _act(request, state, city, int(number), form)
        except NotFound:
            raise
        except CreditError as refused:
            return await _redemption_page(request, state, city, int(number), fields, refused)
        notices = {
            "capture": say("已收取。"),
            "void": say("已撤销，积分马上回到顾客的钱包。"),
            "refund": say("已退还，积分马上回到顾客的钱包。"),
        }
        return redirect(f"/{city}/till/redemptions/{number}", notice=notices[form.act])


def own_rows(state: State, city: str, actor: Actor) -> AbstractAsyncContextManager[Connection]:
    """Lend a connection in which the database shows a merchant its own."""
    bound: AbstractAsyncContextManager[Connection] = state.db.bound(
        city, MERCHANT_ROLE, party=actor.party or ""
    )
    return bound


async def own_merchant(conn: Connection, actor: Actor) -> MerchantRecord | None:
    """Return the merchant somebody works for; None while there is none."""
    try:
        return await merchants.merchant_record(conn, actor.party or "")
    except NotFound:
        return None


def till_page(
    request: Request[Any, Any, Any], name: str, *, http_status: int = 200, **context: Any
) -> Response[str]:
    """Answer with a page of the till."""
    return render(request, name, http_status=http_status, words=WORDS, **context)


def _shop(state: State, city: str) -> Shop:
    return Shop(state.db, state.clock, city, state.writers.of(city), state.merchants)


def _count(request: Request[Any, Any, Any], state: State, city: str, actor: Actor) -> None:
    """Count a charge; refuse it when there have been too many."""
    wait = request.app.state.rates.take(
        (city, f"till:{actor.acts_for}"), state.clock.now().timestamp(),
        per_minute=CHARGES_PER_MINUTE, burst=CHARGES_PER_MINUTE,
    )  # fmt: skip
    if wait:
        raise TooManyRequests(
            say("收款太频繁，请过一分钟再试。"), retry_after_seconds=int(wait) + 1
        )


async def _wish(state: State, city: str, actor: Actor, form: ChargeForm) -> Wish:
    """Return what a form asks for; of an offer with a price the amount need not be typed."""
    code = "".join(one for one in form.code if not one.isspace() and one != "-")
    if not (len(code) == CODE_DIGITS and code.isascii() and code.isdigit()):
        raise _fault(
            "code", say("付款码是 %(digits)s 位数字，请让顾客刷新后重新出示。", digits=CODE_DIGITS)
        )
    amount, number = form.amount, int(form.offer) if form.offer else None
    if amount is None and number is not None:
        async with own_rows(state, city, actor) as conn:
            amount = (await offers.own_offer(conn, actor, number)).offer.points
    if amount is None:
        raise _fault("amount", say("请填写收多少积分。"))
    return Wish(code, amount, form.reference.strip(), number)


def _fault(field: str, message: str) -> Invalid:
    return Invalid(message, errors=(FieldError(field, message),))


async def _charge_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    fields: Mapping[str, str],
    refused: CreditError | None = None,
) -> Response[str]:
    """Show the form; after a refusal with what was typed, and with a key that was not used.

    Where nobody knows whether points were taken, the key stays: asking again takes them once.
    """
    actor: Actor = request.state.visitor.actor
    async with own_rows(state, city, actor) as conn:
        merchant = await own_merchant(conn, actor)
        usable: list[OfferView] = []
        if merchant is not None and merchant.account is not None:
            usable = await offers.usable_offers(conn, state.clock, merchant.code)
    now = state.clock.now()
    stays = isinstance(refused, Overloaded) and fields.get("form")
    if isinstance(refused, Unprocessable):
        refused = _reused()
    chosen = next((one for one in usable if str(one.id) == fields.get("offer")), None)
    return till_page(
        request,
        "market/charge.html",
        http_status=refused.status if refused else 200,
        merchant=merchant,
        standing=_standing(merchant, now),
        opens=merchant is not None and is_open(merchant.hours, now),
        offers=usable,
        chosen=chosen,
        fields=defaultdict(str, fields),
        form_key=fields["form"] if stays else secrets.token_urlsafe(16),
        unsure=bool(stays),
        points_max=POINTS_MAX,
        problem=refused and labelled(refused, ChargeForm.LABELS),
    )


def _reused() -> CreditError:
    return Unprocessable(
        say(
            "这张表单刚才已经收过一次款，内容与现在的不同，这次没有再收。请先到“记录”里核对，确实要再收一笔，请重新扫码。"
        ),
        slug="form-used",
    )


def _standing(merchant: MerchantRecord | None, now: datetime) -> str:
    """Say why a till takes no points now; empty where it does."""
    if merchant is None:
        return NO_MERCHANT
    if merchant.state != "open":
        return _stopped(merchant.state, merchant.reason or "—")
    today = now.astimezone(CHINA).date()
    if not merchant.contract_from <= today <= merchant.contract_until:
        return say(
            "合同的有效期是 %(first)s 到 %(last)s，今天不能收取积分。请联系运营人员续签。",
            first=merchant.contract_from,
            last=merchant.contract_until,
        )
    return ""


def _stopped(state: str, reason: str) -> str:
    """Say why a merchant takes no points, whatever the day."""
    return {
        "proposed": say("正在等待运营人员审核入驻，审核通过后就可以收取积分。"),
        "refused": say("入驻没有通过：%(reason)s", reason=reason),
        "suspended": say("本商户已暂停收取积分：%(reason)s", reason=reason),
        "closed": say("本商户已退出，不再收取积分：%(reason)s", reason=reason),
    }[state]


def _by_day(found: list[RedemptionView]) -> list[tuple[str, list[RedemptionView]]]:
    days: dict[str, list[RedemptionView]] = {}
    for one in found:
        days.setdefault(one.made_at.astimezone(CHINA).date().isoformat(), []).append(one)
    return list(days.items())


async def _act(
    request: Request[Any, Any, Any], state: State, city: str, number: int, form: ActForm
) -> None:
    actor: Actor = request.state.visitor.actor
    if form.act != "capture" and form.sure is None:
        raise _fault("sure", say("请和顾客核对后勾选“已核对”，再提交。"))
    shop = _shop(state, city)
    key = form_key(actor, form.act, form.form, f"{number}\n{form.amount or ''}")
    if form.act == "capture":
        await redemptions.capture(shop, actor, number, form.amount, key)
    elif form.act == "void":
        await redemptions.void(shop, actor, number, key)
    else:
        await redemptions.refund(shop, actor, number, form.amount, key)


async def _redemption_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    number: int,
    fields: Mapping[str, str],
    refused: CreditError | None = None,
) -> Response[str]:
    actor: Actor = request.state.visitor.actor
    async with own_rows(state, city, actor) as conn:
        found = await redemptions.redemption(conn, state.clock, actor, number)
        offer = await _offer_of(conn, actor, found)
    stays = isinstance(refused, Overloaded) and fields.get("form")
    return till_page(
        request,
        "market/redemption.html",
        http_status=refused.status if refused else 200,
        one=found,
        offer=offer,
        now=state.clock.now(),
        fields=defaultdict(str, fields),
        form_key=fields["form"] if stays else secrets.token_urlsafe(16),
        problem=refused and labelled(refused, ActForm.LABELS),
    )


async def _offer_of(conn: Connection, actor: Actor, found: RedemptionView) -> OfferView | None:
    if found.offer is None:
        return None
    try:
        return (await offers.own_offer(conn, actor, int(found.offer))).offer
    except (NotFound, Forbidden):
        return None
