"""What advice says: frozen values with exact points and days, computed by `advice`."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from credit.rules.model import PartyKind

__all__ = [
    "Advice",
    "Block",
    "CountedSheet",
    "LimitCut",
    "LiveFact",
    "Outcome",
    "Removal",
    "SheetTotal",
    "Step",
    "Target",
    "Way",
]


class Outcome(NamedTuple):
    """What the grader gives: both None without a rating, the grade None in a rank family."""

    score: Decimal | None
    grade: str | None


@dataclass(frozen=True, slots=True)
class LiveFact:
    """A fact that is live, with the signed points it adds.

    `counted` is False where another record of the same fact counts in its place. `lapses_on` is
    the first day on which grading leaves it out.
    """

    log_index: int
    id: str
    code: str
    title: str
    source: str
    polarity: Literal["good", "bad", "neutral"]
    occurred_on: date
    level: str | None
    points: Decimal
    counted: bool
    lapses_on: date


@dataclass(frozen=True, slots=True)
class CountedSheet:
    """A sheet's newest evaluations, rolled up to `result`, and the points this adds.

    `lapses_on` is the day they grow too old or a newer year's take their place; None is never.
    """

    sheet: str
    source: str
    year: int
    result: Decimal
    points: Decimal
    log_indexes: tuple[int, ...]
    lapses_on: date | None


@dataclass(frozen=True, slots=True)
class LimitCut:
    """The points that a group's limit takes back from its facts (or gives back to bad ones)."""

    title: str
    source: str
    points: Decimal


@dataclass(frozen=True, slots=True)
class Step:
    """A day to come on which something lapses or begins, by log index; holds until the next."""

    on: date
    outcome: Outcome
    lapsed: tuple[int, ...]
    begun: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """The next better grade: its cut-off, the points missing to it (0 is none), what bars it.

    `barred_by` names the blocks that leave only a worse grade, whatever the score.
    """

    grade: str
    at_least: Decimal
    missing: Decimal
    barred_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A cap or veto that holds, with the grade it leaves.

    `causes` are the log indexes of all facts each of which alone would make it hold; of an
    evaluation the one it rests on, if the rule names one. `until` is the first day on which it
    no longer holds when nothing new happens; None is never.
    """

    rule: str
    kind: Literal["cap", "veto"]
    title: str
    source: str
    grade: str
    causes: tuple[int, ...]
    until: date | None


@dataclass(frozen=True, slots=True)
class Way:
    """One good fact more, occurring today: at a level, or with stated `points` within a range.

    `gain` is None where there is no score before or after; it is less than the catalogue's points
    where a group is at its limit or a linked party's share counts. `lifts` says whether this fact
    alone reaches the next grade.
    """

    code: str
    title: str
    group: str
    source: str
    primary: PartyKind
    level: str | None
    points: Decimal | None
    outcome: Outcome
    gain: Decimal | None
    lifts: bool
    counts_until: date


@dataclass(frozen=True, slots=True)
class SheetTotal:
    """What a sheet's result would have to be, if it came in today in place of the present one.

    `needed` is the least total, in steps, that reaches the next grade, with `outcome`; both are
    None where even `most`, the sheet's largest total, does not, whose outcome is `at_most`.
    """

    sheet: str
    source: str
    present: Decimal | None
    needed: Decimal | None
    outcome: Outcome | None
    most: Decimal
    at_most: Outcome


@dataclass(frozen=True, slots=True)
class Removal:
    """A bad fact whose repair or withdrawal would change the score or grade for the better.

    The outcome is without rating where it was all that was known. `gain` and `lifts` as in Way.
    """

    log_index: int
    id: str
    code: str
    title: str
    source: str
    outcome: Outcome
    gain: Decimal | None
    lifts: bool


@dataclass(frozen=True, slots=True)
class Advice:
    """Everything above about one subject on one day.

    `ranked`: in a rank family a grade depends on all others, so outcomes are scores only and
    there is neither target nor needed sheet total. There is no target for the best grade and for
    a subject without rating either. Ways and removals come the most useful first.
    """

    on: date
    ranked: bool
    now: Outcome
    facts: tuple[LiveFact, ...]
    sheets: tuple[CountedSheet, ...]
    limits: tuple[LimitCut, ...]
    forecast: tuple[Step, ...]
    target: Target | None
    blocks: tuple[Block, ...]
    ways: tuple[Way, ...]
    totals: tuple[SheetTotal, ...]
    removals: tuple[Removal, ...]
