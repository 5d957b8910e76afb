"""The shape of lists and boards in a pack, `lists.yaml`: criteria that propose, measures, terms.

Nothing here lists anybody: criteria find whom an officer may propose. Standard library only.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from credit.rules.bounds import Amount, Months, Percent, Share, Years
from credit.rules.model import Severity, Status
from credit.rules.procedure import Days

__all__ = [
    "Board",
    "BoardSource",
    "Criterion",
    "ListKind",
    "ListRule",
    "Lists",
    "Measure",
    "Test",
]

ListName = Literal["red", "black"]
ListKind = Literal["statutory", "departmental", "self-discipline"]
ListedKind = Literal["enterprise", "manager", "practitioner"]


@dataclass(frozen=True, slots=True)
class LiveFacts:
    """At least `count` live bad facts of this severity or a worse one."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "live_facts"
    live_facts: Severity
    count: int = 1


@dataclass(frozen=True, slots=True)
class LiveCodes:
    """A live fact of one of these codes."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "live_codes"
    live_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeldGrade:
    """The last `publications` published grades were all this one or better."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "held_grade"
    held_grade: str
    publications: Years


Test = LiveFacts | LiveCodes | HeldGrade


@dataclass(frozen=True, slots=True)
class Criterion:
    """What makes an officer look at a subject for a list; `source` is the clause."""

    id: str
    text: str
    when: Test
    source: str


@dataclass(frozen=True, slots=True)
class Measure:
    """What may follow from an entry of these kinds; `basis` names the item that allows it."""

    id: str
    text: str
    kinds: tuple[ListKind, ...]
    basis: str
    bars_tendering: bool = False


@dataclass(frozen=True, slots=True)
class ListRule:
    """One list: whom it may hold, for how long, reviewed how often, and what proposes an entry.

    `barred_by` is the severity of a live fact that keeps a subject off the list. What names a
    person is shown to nobody but the auditor `retention_months` after the entry's end.
    """

    list: ListName
    title: str
    subjects: tuple[ListedKind, ...]
    kinds: tuple[ListKind, ...]
    term_months: Months
    review_months: Months
    retention_months: Months
    answer_days: Days
    hearing_days: Days
    decision_days: Days
    source: str
    criteria: tuple[Criterion, ...] = ()
    measures: tuple[Measure, ...] = ()
    barred_by: Severity | None = None


@dataclass(frozen=True, slots=True)
class BoardSource:
    """One of a board's sources (K-27), with its share of the result; points are 0 to 100."""

    id: str
    title: str
    share: Share


@dataclass(frozen=True, slots=True)
class Board:
    """A periodic red and black board (红黑榜): sources, and how many stand at either end.

    Subjects rank by the shares' sum; `red_at_least` and `black_below` are the points without which
    nobody is shown red or black however they rank.
    """

    id: str
    title: str
    period: Literal["quarter", "half-year", "year"]
    subject: Literal["enterprise", "project"]
    sources: tuple[BoardSource, ...]
    top_percent: Percent
    bottom_percent: Percent
    red_at_least: Amount
    black_below: Amount
    source: str


@dataclass(frozen=True, slots=True)
class Lists:
    """`lists.yaml`: the red list, the black list, and boards, which are another thing (X-39)."""

    title: str
    status: Status
    source: str
    lists: tuple[ListRule, ...]
    boards: tuple[Board, ...] = field(default=())

    def of(self, name: str) -> ListRule | None:
        """Return the rules of a list, if the pack has it."""
        return next((one for one in self.lists if one.list == name), None)
