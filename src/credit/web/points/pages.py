"""The operators' page of the bank: what it owes, what came and went, what waits, its budgets."""

from decimal import Decimal
from typing import Any

from litestar import Controller, Request, Response, get
from litestar.datastructures import State

from credit.access.views import Actor
from credit.kit.http import City
from credit.kit.ids import new_id
from credit.kit.pages import render
from credit.kit.texts import marked, say
from credit.market.api.figures import Division
from credit.market.figures import service
from credit.market.figures.views import Waiting
from credit.parties import service as parties
from credit.rules.loading import pack_of_city
from credit.web.points import drawing

__all__ = ["BankPages", "bank_page", "within"]

# What waits: how it is counted, where it is dealt with, what it is.
TASKS = (
    ("approvals", "approvals", marked("条参与记录等待审核")),
    ("unfunded", "approvals?state=unfunded", marked("条已审核的记录等待预算")),
    ("merchants", "merchants?standing=proposed", marked("家商户等待审核")),
    ("offers", "offers", marked("项权益等待审核")),
    ("drawn", "settlements?standing=drawn", marked("份结算单等待商户确认")),
    ("disputed", "settlements?standing=disputed", marked("份结算单有异议")),
    ("confirmed", "settlements?standing=confirmed", marked("份结算单等待付款")),
)


class BankPages(Controller):
    """`/{city}/console/points`: 积分银行."""

    path = "/console/points"

    @get(summary="积分银行", opt={"scope": "points:read"})
    async def bank(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        division: Division = None,
    ) -> Response[str]:
        """Show what the bank comes to in a division, and its budgets."""
        return await bank_page(request, state, city, {}, division=division)


async def bank_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    fields: dict[str, Any],
    problem: Any = None,
    *,
    division: str | None = None,
) -> Response[str]:
    """Show the bank, with a form for a new budget as it was filled in."""
    actor: Actor = request.state.visitor.actor
    bank = pack_of_city(city).on(state.clock.today()).points
    async with state.db.city(city) as conn:
        found = await service.figures(conn, state.clock, actor, city, division)
        divisions = await parties.divisions(conn)
        place = service.place_of(actor, city, division)
        place_name = await parties.territory_name(conn, place or city)
    rules = {one.code: one.title for one in bank.earning}
    categories = {one.code: one.title for one in bank.merchant_categories}
    return render(
        request,
        "web/points.html",
        http_status=problem.status if problem else 200,
        found=found,
        place=place,
        place_name=place_name,
        divisions=within(divisions, actor),
        yuan=Decimal(found.outstanding * bank.fen_per_point) / 100,
        cleared=[
            (one, abs(one.points), Decimal(abs(one.points) * bank.fen_per_point) / 100)
            for one in found.cleared
        ],
        yuan_per_point=Decimal(bank.fen_per_point) / 100,
        tasks=_tasks(found.waiting),
        ending=drawing.ending_picture(found.months),
        flows=drawing.flow_pictures(found.flows),
        rules=rules,
        by_rule=drawing.ranked_picture(found.rules, rules, "rules", say("按规则的积分")),
        by_category=drawing.ranked_picture(
            found.categories, categories, "categories", say("按商户类别的积分")
        ),
        fields={"title": "", "division": "", "until": "", "rules": [], **fields},
        problem=problem,
        today=state.clock.today(),
        key=new_id(state.clock.now()),
        flow_months=service.FLOW_MONTHS,
    )


def within(divisions: list[tuple[str, str]], actor: Actor) -> list[tuple[str, str]]:
    """Leave those of the divisions that somebody may ask for; nothing to choose is no choice."""
    own = (actor.division or "-") if actor.bound else ""
    found = [one for one in divisions if one[0].startswith(own)]
    return found if len(found) > 1 else []


def _tasks(waiting: Waiting) -> list[tuple[int, str, str]]:
    return [
        (count, place, words) for name, place, words in TASKS if (count := getattr(waiting, name))
    ]
