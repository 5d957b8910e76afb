"""The shape of the points bank in a pack, `points.yaml`: who earns points for what, and its terms.

Points are whole numbers; quantities are whole minutes, times or yuan; days are calendar days. People
get points and lose none: nothing here takes any away. Standard library only.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Annotated, Literal

from credit.rules.bounds import Between
from credit.rules.model import Status

__all__ = [
    "Bank",
    "Category",
    "EarningRule",
    "Fraud",
    "MerchantCategory",
    "Participant",
    "Step",
    "Unit",
]

Category = Literal["service", "activity", "donation", "meeting"]
Unit = Literal["minute", "time", "yuan"]
# A code somebody shows at a counter: long enough to be read, too short to be passed on.
CodeSeconds = Annotated[int, Between(60, 120)]
HoldMinutes = Annotated[int, Between(1, 1_440)]
OfflineHours = Annotated[int, Between(0, 168)]
NoticeHours = Annotated[int, Between(0, 720)]
CalendarDays = Annotated[int, Between(0, 366)]
SpanDays = Annotated[int, Between(1, 366)]
# Months of validity, 0 for ever.
ValidMonths = Annotated[int, Between(0, 1200)]
# Below 14 a guardian has to agree (PIPL, art. 31); at 18 people are of age (Civil Code, art. 17).
Age = Annotated[int, Between(14, 18)]
Fen = Annotated[int, Between(1, 100_000)]
Points = Annotated[int, Between(1, 1_000_000)]
Quantity = Annotated[int, Between(1, 1_000_000)]
QuantityOrNone = Annotated[int, Between(0, 1_000_000)]
WholePercent = Annotated[int, Between(0, 100)]
Repeats = Annotated[int, Between(1, 100_000)]


@dataclass(frozen=True, slots=True)
class Participant:
    """A kind of member who earns points; `unit` says that it is an organisation, not a person."""

    code: str
    title: str
    unit: bool
    source: str


@dataclass(frozen=True, slots=True)
class MerchantCategory:
    """A trade that merchants of the market belong to."""

    code: str
    title: str
    source: str


@dataclass(frozen=True, slots=True)
class Step:
    """Of the part of a year's quantity above `above`, each `per` of it is worth `points`."""

    above: QuantityOrNone
    points: Points
    per: Quantity


@dataclass(frozen=True, slots=True)
class EarningRule:
    """What earns points, and how many.

    `usual` is the quantity where none is given; 0 says that it has to be given. With `activity` only
    what happens at an announced activity counts; with `approval` somebody else than who entered it
    decides. Points are pending for `pending_days` before they can be spent. `per_activity`, `per_day`
    and `per_year` bound a member's points under this rule, `quantity_per_day` what counts of a day.
    Points are valid for `valid_months` (0: for ever), without it as long as the bank says.
    """

    code: str
    title: str
    category: Category
    unit: Unit
    usual: QuantityOrNone
    steps: tuple[Step, ...]
    participants: tuple[str, ...]
    pending_days: CalendarDays
    approval: bool
    activity: bool
    source: str
    per_activity: Points | None = None
    per_day: Points | None = None
    per_year: Points | None = None
    quantity_per_day: Quantity | None = None
    valid_months: ValidMonths | None = None

    def points(self, before: int, quantity: int) -> int:
        """Return what `quantity` earns after `before` of the same year, both in the rule's unit.

        A year's sum does not depend on the parts it comes in: a part earns by how much the whole
        points of the running quantity grow. Caps are not applied here. Raises ValueError for a
        quantity below 0.
        """
        if before < 0 or quantity < 0:
            raise ValueError(f"quantities cannot be negative: {before}, {quantity}")
        return floor(self._earned(before + quantity)) - floor(self._earned(before))

    def _earned(self, quantity: int) -> Fraction:
        """Return what a year's quantity is worth, exactly."""
        ends = (*(step.above for step in self.steps[1:]), quantity)
        return sum(
            (
                Fraction((min(quantity, end) - step.above) * step.points, step.per)
                for step, end in zip(self.steps, ends, strict=True)
                if quantity > step.above
            ),
            Fraction(0),
        )


@dataclass(frozen=True, slots=True)
class Fraud:
    """What is looked at more closely, because points were sold this way elsewhere.

    An activity is announced at least `announced_hours` before it begins. Beyond the others somebody
    looks: `organiser_daily` participations of one organiser in a day; `pair_repeats` of the same
    organiser and member in `pair_days`; `entry_share_percent` of an activity's participations entered
    by hand; `redemption_repeats` of one wallet at one merchant for one amount in `redemption_days`.
    """

    announced_hours: NoticeHours
    organiser_daily: Repeats
    pair_repeats: Repeats
    pair_days: SpanDays
    entry_share_percent: WholePercent
    redemption_repeats: Repeats
    redemption_days: SpanDays
    source: str


@dataclass(frozen=True, slots=True)
class Bank:
    """`points.yaml`: the points bank (红色信用银行) and its market.

    A redemption holds points for `hold_minutes`; the code that names a wallet lasts `code_seconds`; a
    till without a connection may send what it took for `offline_hours`. Points are valid for
    `valid_months` (0: for ever), their holder is told `notice_days` before they end, and what comes
    back after their end is good for `grace_days` more. Below the age of `minor_below` a guardian has
    to agree. `fen_per_point` is what a point costs the operator, for its liabilities.
    """

    title: str
    status: Status
    source: str
    hold_minutes: HoldMinutes
    code_seconds: CodeSeconds
    offline_hours: OfflineHours
    grace_days: CalendarDays
    valid_months: ValidMonths
    notice_days: CalendarDays
    minor_below: Age
    fen_per_point: Fen
    participants: tuple[Participant, ...]
    merchant_categories: tuple[MerchantCategory, ...]
    earning: tuple[EarningRule, ...]
    fraud: Fraud

    def rule(self, code: str) -> EarningRule:
        """Return the earning rule of a code; KeyError if the pack has none."""
        for one in self.earning:
            if one.code == code:
                return one
        raise KeyError(code)

    def participant(self, code: str) -> Participant:
        """Return the kind of member of a code; KeyError if the pack has none."""
        for one in self.participants:
            if one.code == code:
                return one
        raise KeyError(code)

    def months_of(self, rule: EarningRule) -> int:
        """Return for how many months a rule's points are valid; 0 is for ever."""
        return self.valid_months if rule.valid_months is None else rule.valid_months
