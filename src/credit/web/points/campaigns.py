"""Budgets: opened by an operator, given points, closed; what is left goes back to the programme."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, ClassVar
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from msgspec import Meta, Struct

from credit.access.views import Actor
from credit.earning import service as earning
from credit.kit.errors import Conflict, CreditError, NotFound
from credit.kit.http import UUID_PATTERN, City, Line, RecordKey, parse_date
from credit.kit.ids import new_id
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.market.figures import service
from credit.market.figures.views import BudgetLine
from credit.points.logic.operations import key_of
from credit.rules.loading import pack_of_city
from credit.web.points.pages import bank_page

__all__ = ["CampaignPages"]

FUNDED_MAX = 1_000_000_000
_LINE = r"^[^\u0000-\u001f\u007f]*\S[^\u0000-\u001f\u007f]*$(?!\n)"
REFUSED = {
    "key-reused": marked("这张表单已经提交过，数额不同。请刷新后再填。"),
    "bad-amount": marked("数额超出范围。请核对。"),
}
OTHERWISE = marked("账本没有接受这次拨付。请刷新后再试，或联系管理员。")


class CampaignForm(Struct, frozen=True):
    """A budget to be opened: for which division, until when, for which rules (none: all)."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "title": marked("名称"),
        "division": marked("辖区代码"),
        "until": marked("截止日期"),
        "rules": marked("支付哪些规则"),
    }

    title: Annotated[str, Meta(max_length=120, pattern=_LINE)]
    division: Annotated[str, Meta(pattern=r"^[0-9]{6}([0-9]{3}([0-9]{3})?)?$(?!\n)", max_length=12)]
    until: Annotated[str, Meta(max_length=10)] = ""
    rules: list[Annotated[str, Meta(max_length=40)]] = []


class FundForm(Struct, frozen=True):
    """Points for a budget, and why; `key` is the form's, so that it counts once."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "amount": marked("拨付多少分"),
        "reason": marked("事由"),
        "key": marked("表单编号"),
    }

    amount: Annotated[int, Meta(ge=1, le=FUNDED_MAX)]
    reason: Line
    key: Annotated[str, Meta(pattern=UUID_PATTERN, max_length=36)]


class CampaignPages(Controller):
    """`/{city}/console/points/campaigns`: budgets."""

    path = "/console/points/campaigns"

    @post(summary="开设积分预算", opt={"scope": "points:fund"}, status_code=200)
    async def begin(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Open a budget with nothing in it; refused, show the form as it was filled in."""
        fields = await form_of(request)
        chosen = fields.get("rules") or []
        fields["rules"] = chosen if isinstance(chosen, list) else [chosen]
        try:
            form = read_form(CampaignForm, fields)
            until = parse_date(form.until, "until") if form.until else None
            made = await _open(request, state, city, form, until)
        except CreditError as refused:
            return await bank_page(request, state, city, fields, refused)
        return redirect(
            f"/{city}/console/points/campaigns/{made}", notice=say("预算已开设。下一步：拨付积分。")
        )

    @get("/{campaign:str}", summary="一项积分预算", opt={"scope": "points:read"})
    async def campaign(
        self, request: Request[Any, Any, Any], state: State, city: City, campaign: RecordKey
    ) -> Response[str]:
        """Show a budget, with the forms that fund and close it."""
        return await _page(request, state, city, campaign, {})

    @post("/{campaign:str}/fund", summary="拨付积分预算", opt={"scope": "points:fund"},
          status_code=200)  # fmt: skip
    async def fund(
        self, request: Request[Any, Any, Any], state: State, city: City, campaign: RecordKey
    ) -> Response[Any]:
        """Give a budget points of the programme; the form sent twice gives them once."""
        actor: Actor = request.state.visitor.actor
        fields = await form_of(request)
        try:
            form = read_form(FundForm, fields)
            asked = f"{campaign} {form.amount}".encode()
            key = key_of(actor.acts_for, "fund", form.key, asked)
            async with state.db.city(city) as conn:
                budget = await earning.campaign_of(conn, actor, UUID(campaign))
                if budget.closed:
                    raise Conflict(say("这项预算已经关闭，不能再拨付。请开设新的预算。"))
                outcome = await earning.fund(
                    conn, state.writers.of(city), actor, budget.id, form.amount,
                    key=key, reason=form.reason,
                )  # fmt: skip
            if outcome.outcome != "posted":
                raise Conflict(REFUSED.get(outcome.outcome, OTHERWISE), slug=outcome.outcome)
        except CreditError as refused:
            return await _page(request, state, city, campaign, fields, refused)
        return redirect(
            f"/{city}/console/points/campaigns/{campaign}",
            notice=say("已拨付 %(amount)s 分。", amount=form.amount),
        )

    @post("/{campaign:str}/close", summary="关闭积分预算", opt={"scope": "points:fund"},
          status_code=200)  # fmt: skip
    async def close(
        self, request: Request[Any, Any, Any], state: State, city: City, campaign: RecordKey
    ) -> Response[Any]:
        """Close a budget and give what is left of it back."""
        actor: Actor = request.state.visitor.actor
        try:
            left = await earning.close_campaign(
                state.db, state.clock, city, state.writers.of(city), actor, UUID(campaign)
            )
        except CreditError as refused:
            return await _page(request, state, city, campaign, {}, refused)
        return redirect(
            f"/{city}/console/points/campaigns/{campaign}",
            notice=say("预算已关闭，%(points)s 分退回积分发行账户。", points=left),
        )


async def _open(
    request: Request[Any, Any, Any], state: State, city: str, form: CampaignForm, until: date | None
) -> UUID:
    bank = pack_of_city(city).on(state.clock.today()).points
    async with state.db.transaction(city) as conn:
        made = await earning.open_campaign(
            conn, state.clock, request.state.visitor.actor, bank, title=form.title,
            division=form.division, rules=form.rules, until=until,
        )  # fmt: skip
    return made.id


async def _page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    campaign: str,
    fields: Mapping[str, Any],
    problem: CreditError | None = None,
) -> Response[str]:
    async with state.db.city(city) as conn:
        found = await _line(conn, request.state.visitor.actor, UUID(campaign))
    bank = pack_of_city(city).on(state.clock.today()).points
    return render(
        request,
        "web/points_campaign.html",
        http_status=problem.status if problem else 200,
        found=found,
        rules={one.code: one.title for one in bank.earning},
        fields={"amount": "", "reason": "", **fields},
        problem=problem,
        key=fields.get("key") or new_id(state.clock.now()),
        most=FUNDED_MAX,
    )


async def _line(conn: Any, actor: Actor, campaign: UUID) -> BudgetLine:
    budget = await earning.campaign_of(conn, actor, campaign)
    lines = await service.lines_of(conn, [budget])
    if not lines:
        raise NotFound(say("没有这项积分预算。请从列表里选。"))
    return lines[0]
