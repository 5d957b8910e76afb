"""Offers (权益): what may be offered, who decides, and what a redemption under an offer costs.

Of the three kinds of D001 §7.2.2 goods and discounted services have a price in points; of a
reduction (消费减免) the customer chooses how much, up to what the offer allows.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from credit.access.logic import refuse_same_person
from credit.kit.errors import Conflict, CreditError, FieldError
from credit.kit.texts import marked, say

__all__ = [
    "ACT_WORDS",
    "DECISIONS",
    "KINDS",
    "ORDER",
    "PERIOD_DAYS_MAX",
    "POINTS_MAX",
    "STATE_WORDS",
    "STOCK_MAX",
    "USES_MAX",
    "ActKind",
    "Kind",
    "Offer",
    "State",
    "acts_of",
    "check_offer",
    "price_of",
    "refusal",
    "take",
]

Kind = Literal["goods", "discount", "reduction"]
State = Literal["proposed", "open", "paused", "ended", "refused"]
ActKind = Literal["open", "refuse", "pause", "resume", "end"]

KINDS: Mapping[Kind, str] = {
    "goods": marked("商品"),
    "discount": marked("打折服务"),
    "reduction": marked("消费减免"),
}
STATE_WORDS: Mapping[State, str] = {
    "proposed": marked("等待审核"),
    "open": marked("可以兑换"),
    "paused": marked("暂停兑换"),
    "ended": marked("已结束"),
    "refused": marked("审核没有通过"),
}
ACT_WORDS: Mapping[ActKind, str] = {
    "open": marked("审核通过"),
    "refuse": marked("审核不通过"),
    "pause": marked("暂停"),
    "resume": marked("恢复"),
    "end": marked("结束"),
}
# From which states an act leads on, and to which state.
ORDER: Mapping[ActKind, tuple[frozenset[State], State]] = {
    "open": (frozenset({"proposed"}), "open"),
    "refuse": (frozenset({"proposed"}), "refused"),
    "pause": (frozenset({"open"}), "paused"),
    "resume": (frozenset({"paused"}), "open"),
    "end": (frozenset({"open", "paused"}), "ended"),
}
DECISIONS = frozenset[ActKind]({"open", "refuse"})
POINTS_MAX = 1_000_000  # of one redemption
STOCK_MAX = 1_000_000
USES_MAX = 1_000  # of a person within a period
PERIOD_DAYS_MAX = 3_660


@dataclass(frozen=True, slots=True)
class Offer:
    """What a redemption under an offer has to keep to.

    `points` is the price of goods and of a discounted service, `points_max` the most a reduction
    takes. `taken` of the `stock` are gone (None: as many as are wanted). A person may use it
    `per_person` times within `per_person_days` days, or ever. It is good from one day through
    another.
    """

    kind: Kind
    state: State
    valid_from: date
    valid_until: date | None = None
    points: int | None = None
    points_max: int | None = None
    stock: int | None = None
    taken: int = 0
    per_person: int | None = None
    per_person_days: int | None = None


def check_offer(offer: Offer, contract_until: date) -> list[FieldError]:
    """Return what is wrong with an offer that is proposed: its price, its limits, its days.

    No offer goes on longer than the merchant's contract, which may be renewed later.
    """
    return [*_check_price(offer), *_check_limits(offer), *_check_days(offer, contract_until)]


def _check_price(offer: Offer) -> list[FieldError]:
    faults = []
    fixed = offer.kind != "reduction"
    named, price = ("points", offer.points) if fixed else ("points_max", offer.points_max)
    if price is None or not 1 <= price <= POINTS_MAX:
        message = (
            say("写明要多少积分，1 到 %(most)s。", most=POINTS_MAX)
            if fixed
            else say("写明一次最多减免多少积分，1 到 %(most)s。", most=POINTS_MAX)
        )
        faults.append(FieldError(named, message))
    if fixed and offer.points_max is not None:
        faults.append(FieldError("points_max", say("只有消费减免写最多减免多少；其他写价格。")))
    if not fixed and offer.points is not None:
        faults.append(
            FieldError("points", say("消费减免没有固定价格，由顾客选定；写最多减免多少。"))
        )
    return faults


def _check_limits(offer: Offer) -> list[FieldError]:
    faults = []
    if offer.kind == "goods" and offer.stock is None:
        faults.append(FieldError("stock", say("商品要写明有多少份。")))
    if offer.kind == "reduction" and offer.stock is not None:
        faults.append(FieldError("stock", say("消费减免不分份数，请留空；可以限制每人次数。")))
    if offer.stock is not None and not 1 <= offer.stock <= STOCK_MAX:
        faults.append(FieldError("stock", say("份数应在 1 到 %(most)s 之间。", most=STOCK_MAX)))
    if offer.per_person is not None and not 1 <= offer.per_person <= USES_MAX:
        faults.append(
            FieldError("per_person", say("每人次数应在 1 到 %(most)s 之间。", most=USES_MAX))
        )
    days = offer.per_person_days
    if days is not None and not 1 <= days <= PERIOD_DAYS_MAX:
        faults.append(
            FieldError(
                "per_person_days", say("天数应在 1 到 %(most)s 之间。", most=PERIOD_DAYS_MAX)
            )
        )
    if days is not None and offer.per_person is None:
        faults.append(FieldError("per_person", say("写了天数，也要写这些天里每人可以用几次。")))
    return faults


def _check_days(offer: Offer, contract_until: date) -> list[FieldError]:
    if offer.valid_until is not None and offer.valid_until < offer.valid_from:
        return [FieldError("valid_until", say("结束日期在开始日期之前，请改正。"))]
    if (offer.valid_until or offer.valid_from) > contract_until:
        return [
            FieldError(
                "valid_until" if offer.valid_until else "valid_from",
                say("商户的合同到 %(until)s 为止，权益不能更晚。", until=contract_until),
            )
        ]
    return []


def acts_of(state: State) -> list[ActKind]:
    """Return what may be done about an offer in a state."""
    return [act for act, (before, _) in ORDER.items() if state in before]


def take(state: State, act: ActKind, *, by: str, proposed_by: str) -> State:
    """Return the state an act leads to.

    Raises Conflict for what may not follow, Forbidden for a decision by whoever proposed it.
    """
    before, after = ORDER[act]
    if state not in before:
        raise Conflict(
            say(
                "这项权益%(state)s，现在不能“%(act)s”。请刷新后再看。",
                state=STATE_WORDS[state],
                act=ACT_WORDS[act],
            ),
            slug="wrong-state",
            allowed={"acts": acts_of(state)},
        )
    if act in DECISIONS:
        refuse_same_person(proposed_by, by)
    return after


def price_of(offer: Offer, amount: int, on: date, uses: Collection[date] = ()) -> int:
    """Return what a redemption under an offer costs on a day, in points.

    `uses` are the days on which the same person used it and has not given it back; the newest
    `per_person` of them suffice. Raises Conflict, which says what would be accepted:
    `offer-not-open`, `offer-not-yet`, `offer-over`, `sold-out`, `limit-reached`, `wrong-amount`,
    `above-offer`.
    """
    _refuse_closed(offer, on)
    if offer.stock is not None and offer.taken >= offer.stock:
        raise Conflict(
            say("这项权益已经兑完。请顾客另选一项，或联系商户补货。"),
            slug="sold-out",
            allowed={"left": 0},
        )
    _refuse_beyond_limit(offer, on, uses)
    if offer.points is not None:
        if amount != offer.points:
            raise Conflict(
                say(
                    "这项权益的价格是 %(price)s 积分，不是 %(amount)s。请按价格填写，一次兑换一份。",
                    price=offer.points,
                    amount=amount,
                ),
                slug="wrong-amount",
                allowed={"amount": offer.points},
            )
        return offer.points
    most = offer.points_max or 0
    if not 1 <= amount <= most:
        raise Conflict(
            say(
                "这项减免一次可以用 1 到 %(most)s 积分，不是 %(amount)s。请改小数额。",
                most=most,
                amount=amount,
            ),
            slug="above-offer",
            allowed={"amount_min": 1, "amount_max": most},
        )
    return amount


def _refuse_closed(offer: Offer, on: date) -> None:
    if offer.state != "open":
        raise Conflict(
            say(
                "这项权益%(state)s，现在不能兑换。请顾客另选一项。", state=STATE_WORDS[offer.state]
            ),
            slug="offer-not-open",
            allowed={"state": offer.state},
        )
    if on < offer.valid_from:
        raise Conflict(
            say("这项权益从 %(first)s 开始，现在还不能兑换。", first=offer.valid_from),
            slug="offer-not-yet",
            allowed={"from": offer.valid_from.isoformat()},
        )
    if offer.valid_until is not None and on > offer.valid_until:
        raise Conflict(
            say("这项权益到 %(last)s 为止，已经结束。请顾客另选一项。", last=offer.valid_until),
            slug="offer-over",
            allowed={"until": offer.valid_until.isoformat()},
        )


def _refuse_beyond_limit(offer: Offer, on: date, uses: Collection[date]) -> None:
    """Refuse one use more than a person has; a period is so many days, today the last of them."""
    if offer.per_person is None:
        return
    newest: Sequence[date] = sorted(uses, reverse=True)
    if len(newest) < offer.per_person:
        return
    days = offer.per_person_days
    if days is None:
        raise Conflict(
            say(
                "这项权益每人限用 %(count)s 次，这位顾客已经用完。请另选一项。",
                count=offer.per_person,
            ),
            slug="limit-reached",
            allowed={"uses": offer.per_person},
        )
    again = newest[offer.per_person - 1] + timedelta(days=days)
    if on < again:
        raise Conflict(
            say(
                "这项权益 %(days)s 天内每人限用 %(count)s 次，这位顾客从 %(again)s 起可以再用。",
                days=days,
                count=offer.per_person,
                again=again,
            ),
            slug="limit-reached",
            allowed={"uses": offer.per_person, "days": days, "from": again.isoformat()},
        )


def refusal(offer: Offer, amount: int, on: date, uses: Collection[date] = ()) -> str | None:
    """Say why a redemption under an offer would be refused on a day; None when it would not."""
    try:
        price_of(offer, amount, on, uses)
    except CreditError as refused:
        return refused.detail
    return None
