"""What participation is worth: the rule's steps over the year's running quantity, then its caps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from credit.earning.views import Claim, Done, MemberView
from credit.kit.texts import say
from credit.rules.arithmetic import add_months
from credit.rules.bank import Bank, EarningRule

__all__ = ["OWN_WALLET", "Award", "Awarding", "Refused", "valid_until"]


@dataclass(frozen=True, slots=True)
class Award:
    """What a claim comes to: its quantity in the rule's unit, and the points for it."""

    quantity: int
    points: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a claim comes to nothing; `slug` is for machines."""

    slug: str
    message: str


UNKNOWN_MEMBER = Refused(
    "unknown-resident", say("没有这个参与者，或不在您的辖区。请核对编号，先登记再记分。")
)
OWN_WALLET = Refused(
    "own-wallet", say("这是您自己的积分钱包，不能自己登记参与。请由另一位同事登记。")
)
IN_FUTURE = Refused("in-future", say("参与日期还没有到。请在参与以后登记。"))
NO_CONSENT = Refused(
    "no-consent", say("未成年人要先登记监护人的同意书，才能记分。请在参与者页面登记。")
)
NO_QUANTITY = Refused("quantity-needed", say("请写明数量，例如分钟数或捐款元数。"))
DAY_FULL = Refused("day-full", say("这个人这一天在这条规则下的量已经记满，不再计分。"))
CAP_REACHED = Refused("cap-reached", say("这个人在这条规则下的积分已到上限，不再计分。"))


@dataclass
class _Sums:
    """What a member has under a rule already: quantity and points of the year and of days."""

    quantity: int = 0
    points: int = 0
    by_day: dict[date, tuple[int, int]] = field(default_factory=dict)
    by_activity: dict[UUID, int] = field(default_factory=dict)


class Awarding:
    """Values claims one after the other, each after all that was done before it.

    `bank_on` gives the rules of a day: what counts is the day something was done. `done` is what
    the claims' members did under the claims' rules in the claims' years.
    """

    def __init__(
        self,
        bank_on: Callable[[date], Bank],
        members: Mapping[str, MemberView],
        done: Sequence[Done],
    ) -> None:
        self._bank_on = bank_on
        self._members = members
        self._sums: dict[tuple[str, str, int], _Sums] = {}
        for one in done:
            self._note(one)

    def value(self, claim: Claim, today: date) -> Award | Refused:
        """Return what a claim is worth, and count it, or why it is worth nothing."""
        member = self._members.get(claim.member)
        if member is None or member.closed:
            return UNKNOWN_MEMBER
        bank = self._bank_on(claim.on)
        try:
            rule = bank.rule(claim.rule)
        except KeyError:
            why = say("规则包里没有“%(rule)s”这条积分规则。请从规则表里选。", rule=claim.rule)
            return Refused("unknown-rule", why)
        kind = bank.participant(member.kind).title
        refused = _unfit(rule, member, kind, claim, today)
        return refused or self._value(rule, claim)

    def _value(self, rule: EarningRule, claim: Claim) -> Award | Refused:
        sums = self._sums_of(claim.member, claim.rule, claim.on.year)
        day_quantity, day_points = sums.by_day.get(claim.on, (0, 0))
        quantity = claim.quantity or rule.usual or 1
        if rule.quantity_per_day is not None:
            quantity = min(quantity, rule.quantity_per_day - day_quantity)
        if quantity <= 0:
            return DAY_FULL
        earned = claim.points if claim.points is not None else rule.points(sums.quantity, quantity)
        points = _capped(rule, sums, claim, earned, day_points)
        if points <= 0 and earned > 0:
            return CAP_REACHED
        self._note(Done(claim.member, claim.rule, claim.on, claim.activity, quantity, points))
        return Award(quantity, points)

    def _sums_of(self, member: str, rule: str, year: int) -> _Sums:
        return self._sums.setdefault((member, rule, year), _Sums())

    def _note(self, one: Done) -> None:
        sums = self._sums_of(one.member, one.rule, one.on.year)
        sums.quantity += one.quantity
        sums.points += one.points
        quantity, points = sums.by_day.get(one.on, (0, 0))
        sums.by_day[one.on] = (quantity + one.quantity, points + one.points)
        if one.activity is not None:
            before = sums.by_activity.get(one.activity, 0)
            sums.by_activity[one.activity] = before + one.points


def _unfit(
    rule: EarningRule, member: MemberView, kind: str, claim: Claim, today: date
) -> Refused | None:
    """Return why a rule does not apply to a claim."""
    if member.kind not in rule.participants:
        why = say("“%(title)s”不适用于%(kind)s。请换一条规则。", title=rule.title, kind=kind)
        return Refused("kind-not-eligible", why)
    if claim.on > today:
        return IN_FUTURE
    if member.minor_on(claim.on) and not member.consented:
        return NO_CONSENT
    if rule.activity and claim.activity is None and claim.points is None:
        why = say("“%(title)s”只记事先公布的活动。请按活动登记。", title=rule.title)
        return Refused("activity-needed", why)
    if rule.usual == 0 and claim.quantity is None and claim.points is None:
        return NO_QUANTITY
    return None


def _capped(rule: EarningRule, sums: _Sums, claim: Claim, points: int, of_day: int) -> int:
    """Cut points to what the rule's caps leave of the activity, the day and the year."""
    if rule.per_activity is not None:
        had = sums.by_activity.get(claim.activity, 0) if claim.activity else 0
        points = min(points, rule.per_activity - had)
    if rule.per_day is not None:
        points = min(points, rule.per_day - of_day)
    if rule.per_year is not None:
        points = min(points, rule.per_year - sums.points)
    return max(points, 0)


def valid_until(bank: Bank, rule: EarningRule, granted_on: date) -> date | None:
    """Return the last day of points granted on a day: a month's last, so that they end together.

    None: they never end.
    """
    months = bank.months_of(rule)
    if not months:
        return None
    first = add_months(granted_on.replace(day=1), months + 1)
    return first - timedelta(days=1)
