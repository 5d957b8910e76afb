"""The figures of the bank as pages, workbooks and the interface show them."""

from datetime import date
from typing import Literal, NamedTuple
from uuid import UUID

from msgspec import Struct

__all__ = [
    "BudgetLine",
    "Cleared",
    "Figures",
    "Flow",
    "KpiRow",
    "Kpis",
    "MonthOfPoints",
    "Ranked",
    "Waiting",
]

Level = Literal["city", "district", "street", "community"]


class KpiRow(Struct, frozen=True):
    """The indicators of a division in a year.

    积分采集率 (A3-22): `collected` of `members` have at least one verified participation in the
    year. 激励应用场景数量 (A3-23, A4-34): `scenes`, live pairs of a kind of offer and a merchant,
    each of one category. 激励人员、组织数量 (A3-24): `people` and `organisations` that received or
    redeemed points in the year. The percentage has two places, and is None without members.
    """

    level: Level
    code: str | None
    name: str | None
    members: int
    collected: int
    collected_percent: str | None
    scenes: int
    people: int
    organisations: int


class Kpis(Struct, frozen=True):
    """The indicators of a year as of its last day, or of today."""

    year: int
    on: date
    items: list[KpiRow]


class BudgetLine(NamedTuple):
    """A campaign's budget in points: what it was given, what of that was awarded and not taken back,
    what is pending, and what is left.
    """

    id: UUID
    title: str
    division: str
    rules: list[str]
    until: date | None
    closed: bool
    given: int
    awarded: int
    pending: int
    left: int


class MonthOfPoints(NamedTuple):
    """Points that can be spent and end within a month (None: never)."""

    month: date | None
    points: int


class Flow(NamedTuple):
    """A month: points awarded, redeemed (less what was refunded), expired."""

    month: date
    awarded: int
    redeemed: int
    expired: int


class Ranked(NamedTuple):
    """Points by the code of a rule or a category."""

    code: str
    points: int


class Cleared(NamedTuple):
    """A street and the points that other streets owe it; below zero, what it owes them.

    The name is None where the register has none. A district or the city stands for itself where
    members or merchants are registered with it.
    """

    division: str
    name: str | None
    points: int


class Waiting(NamedTuple):
    """What waits for somebody, each counted up to a limit."""

    approvals: int
    unfunded: int
    merchants: int
    offers: int
    drawn: int
    disputed: int
    confirmed: int


class Figures(NamedTuple):
    """What the bank comes to in a division. `pending` and `held` are not in what can be spent."""

    budgets: list[BudgetLine]
    months: list[MonthOfPoints]
    pending: int
    held: int
    flows: list[Flow]
    rules: list[Ranked]
    categories: list[Ranked]
    waiting: Waiting
    cleared: list[Cleared]

    @property
    def outstanding(self) -> int:
        """Points that members hold: to spend, and set aside for merchants."""
        return sum(one.points for one in self.months) + self.held
