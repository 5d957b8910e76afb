"""What a wallet's pages say: a line of the history, a record's state, an offer's price and place."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from credit.kit.charts import CATEGORIES_MAX, Picture, draw_bars
from credit.kit.texts import listed, marked, say
from credit.market.logic.hours import today_words
from credit.points.views import Entry
from credit.web.wallet.store import DayOfPoints, HoldNote, NearOffer, Record

__all__ = [
    "DISTANCES", "UNITS", "Line", "ShownOffer", "by_month", "ends_within", "line_of",
    "months_picture", "offer_shown", "state_words",
]  # fmt: skip

UNITS = {"minute": marked("分钟"), "time": marked("次"), "yuan": marked("元")}
DISTANCES = (marked("本社区"), marked("本街道"), marked("本区县"), marked("其他地方"))
# What a transfer is, where neither a rule nor a merchant says it better.
KINDS = {
    "award": marked("记分"),
    "capture": marked("记分"),
    "adjust": marked("更正"),
    "reverse": marked("撤回记分"),
    "expire": marked("过期"),
    "hold": marked("为商户保留"),
    "void": marked("撤销保留，积分退回"),
    "lapse": marked("保留超时，积分退回"),
    "release": marked("没有用完的部分退回"),
    "refund": marked("退还"),
}
SOME_MERCHANT = marked("一家商户")
STATES = {
    "entered": marked("等待社区审核"),
    "approved": marked("审核通过，正在入账"),
    "unfunded": marked("审核通过，等积分预算到位后入账"),
    "granted": marked("已入账"),
    "refused": marked("不予记分"),
    "reversed": marked("已撤回，积分收回"),
}
MONTHS_SHOWN = CATEGORIES_MAX - 2
Title = Callable[[str, date | None], str]


class Line(NamedTuple):
    """A line of the history in words; `day` is when it happened where that is another day."""

    transfer: int
    at: datetime
    amount: int
    balance: int
    title: str
    detail: str
    day: date | None
    sealed: bool


class ShownOffer(NamedTuple):
    """An offer in words: its price, its limits, whether the merchant is open now and when today."""

    offer: NearOffer
    price: str
    limits: Sequence[str]
    hours: str
    open_now: bool
    distance: str


def line_of(
    entry: Entry,
    hold: HoldNote | None,
    earned: tuple[str, date] | None,
    title: Title,
    sealed_upto: int,
) -> Line:
    """Say a line of the history; `earned` is the rule and the day of what gave points."""
    code, day = earned or (None, entry.happened_on)
    if code is None and entry.kind == "award":
        code = entry.reason
    named, detail = KINDS.get(entry.kind, marked("账本划转")), ""
    if entry.kind in ("award", "capture") and code:
        named = title(code, day)
    elif hold is not None:
        named, detail = _of_hold(entry.kind, hold)
    elif entry.kind in ("adjust", "reverse") and entry.reason:
        detail = entry.reason
    return Line(
        entry.transfer, entry.at, entry.amount, entry.balance, named, detail, day,
        entry.transfer <= sealed_upto,
    )  # fmt: skip


def _of_hold(kind: str, hold: HoldNote) -> tuple[str, str]:
    merchant, offer = hold.merchant or SOME_MERCHANT, hold.offer or ""
    if kind == "refund":
        return say("%(merchant)s退还", merchant=merchant), offer
    if kind != "hold":
        return KINDS[kind], merchant
    if hold.captured:
        parts = [offer] if offer else []
        if hold.returned:
            parts.append(say("实际用了 %(points)s 分", points=hold.captured))
        return say("在%(merchant)s兑换", merchant=merchant), listed(parts)
    if hold.returned:
        return say("为%(merchant)s保留，后来退回", merchant=merchant), offer
    return say("为%(merchant)s保留，等待收取", merchant=merchant), offer


def state_words(record: Record) -> str:
    """Say where a participation stands."""
    if record.state == "pending":
        return say("已记分，%(day)s 起可用", day=record.available_on)
    return STATES.get(record.state, record.state)


def offer_shown(offer: NearOffer, now: datetime) -> ShownOffer:
    """Say an offer."""
    limits = []
    if offer.remaining is not None:
        limits.append(say("还有 %(count)s 份", count=offer.remaining))
    if offer.per_person is not None and offer.per_person_days is not None:
        limits.append(
            say(
                "%(days)s 天内每人限 %(count)s 次",
                days=offer.per_person_days,
                count=offer.per_person,
            )
        )
    elif offer.per_person is not None:
        limits.append(say("每人限 %(count)s 次", count=offer.per_person))
    if offer.valid_until is not None:
        limits.append(say("到 %(day)s 为止", day=offer.valid_until))
    hours, open_now = today_words(offer.hours, now)
    price = (
        say("%(points)s 分", points=offer.points)
        if offer.points is not None
        else say("最多减 %(points)s 分", points=offer.points_max)
    )
    return ShownOffer(offer, price, limits, hours, open_now, DISTANCES[offer.distance])


def ends_within(days: Sequence[DayOfPoints], last: date) -> int:
    """Sum the points that end up to a day."""
    return sum(one.points for one in days if one.day is not None and one.day <= last)


def by_month(days: Sequence[DayOfPoints]) -> Mapping[tuple[int, int] | None, int]:
    """Sum points by the month with which they end, in order; None for those that never end."""
    found: dict[tuple[int, int] | None, int] = {}
    for one in days:
        month = (one.day.year, one.day.month) if one.day is not None else None
        found[month] = found.get(month, 0) + one.points
    return found


def months_picture(days: Sequence[DayOfPoints]) -> Picture | None:
    """Draw how many points end in which month; the later ones, and those that never end, together."""
    months = by_month(days)
    forever = months.get(None, 0)
    dated = [(f"{month[0]}-{month[1]:02}", points) for month, points in months.items() if month]
    shown = dated[:MONTHS_SHOWN]
    later = sum(points for _, points in dated[MONTHS_SHOWN:])
    bars = [*shown, *([(marked("以后"), later)] if later else [])]
    if forever:
        bars.append((marked("长期有效"), forever))
    if not dated:
        return None
    return draw_bars(bars, id_="ending", title=say("积分到期的月份"), unit=say("分"))
