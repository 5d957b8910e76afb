"""The shape of a rule pack: frozen values, read from the pack's files by `reading`.

Amounts are Decimal, percentages 0..100. Every file and every rule names its `source` (document and
clause) and its `status`: `official` stands in a document as printed, `sample` is ours.
"""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import ClassVar, Literal

from credit.rules.bounds import Amount, Months, Percent, Places, Positive, Share, Years
from credit.rules.gates import EligibilityRule

__all__ = [
    "Bonus",
    "Cancelled",
    "Cap",
    "Condition",
    "CountedDeduction",
    "EvaluationRule",
    "EventDerived",
    "EventType",
    "FullOrNothing",
    "GradeGate",
    "Grading",
    "GroupLimit",
    "Head",
    "ItemisedDeduction",
    "Judgement",
    "Negative",
    "Rounding",
    "Row",
    "Rung",
    "Sheet",
    "Status",
    "StepwiseRate",
    "SurveyMean",
    "Veto",
]

Status = Literal["official", "sample"]
RoundingMode = Literal["half-up", "half-even", "down", "up"]
Severity = Literal["minor", "general", "serious"]
PartyKind = Literal["enterprise", "project", "manager"]


@dataclass(frozen=True, slots=True)
class Reading:
    """How an inconsistency of the source is read."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Head:
    """`pack.yaml`: what the pack is and where it applies (GB/T 2260 codes)."""

    id: str
    version: str
    title: str
    jurisdictions: tuple[str, ...]
    source: str
    status: Status
    notes: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True)
class Rounding:
    """Decimal places and the named way to round to them."""

    places: Places
    mode: RoundingMode


@dataclass(frozen=True, slots=True, kw_only=True)
class _RowBase:
    """What every row has; `raw` keeps what is printed where we read it differently."""

    TAG: ClassVar[str | None] = "method"
    id: str
    group: str
    text: str
    full: Amount
    role: str
    source: str
    indicator: str = ""
    variant: str | None = None
    reading: str = ""
    requires_reason: bool = False
    raw: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FullOrNothing(_RowBase):
    """The full mark or none."""

    TAG_VALUE: ClassVar[str] = "full-or-nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement(_RowBase):
    """Any mark up to the full mark."""

    TAG_VALUE: ClassVar[str] = "judgement"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedDeduction(_RowBase):
    """`per` points off for each finding, never below 0."""

    TAG_VALUE: ClassVar[str] = "counted-deduction"
    per: Positive


@dataclass(frozen=True, slots=True)
class Item:
    """A named deduction."""

    code: str
    points: Positive
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemisedDeduction(_RowBase):
    """Named deductions, each at most once."""

    TAG_VALUE: ClassVar[str] = "itemised-deduction"
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepwiseRate(_RowBase):
    """`points` off for each `step` a percentage lies below `threshold`; a veto below a bound."""

    TAG_VALUE: ClassVar[str] = "stepwise-rate"
    threshold: Percent
    step: Positive
    points: Positive
    rounding: Literal["floor", "ceiling"]
    veto_below: Percent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyMean(_RowBase):
    """The full mark times the mean satisfaction (percent), rounded."""

    TAG_VALUE: ClassVar[str] = "survey-mean"
    places: Places
    rounding: RoundingMode


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeGate(_RowBase):
    """The full mark when the last published grade is `at_least` (inclusive)."""

    TAG_VALUE: ClassVar[str] = "grade-gate"
    at_least: str
    without_grade: Amount = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDerived(_RowBase):
    """The full mark when none of these events counts against the subject."""

    TAG_VALUE: ClassVar[str] = "event-derived"
    none_of: tuple[str, ...]
    within: Literal["calendar-year", "live"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bonus(_RowBase):
    """Extra points up to `full`, outside the base; the sheet's `total_max` caps the total."""

    TAG_VALUE: ClassVar[str] = "bonus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(_RowBase):
    """A printed row that is not scored; its points went to `moved_to`."""

    TAG_VALUE: ClassVar[str] = "cancelled"
    moved_to: str


Row = (
    FullOrNothing
    | Judgement
    | CountedDeduction
    | ItemisedDeduction
    | StepwiseRate
    | SurveyMean
    | GradeGate
    | EventDerived
    | Bonus
    | Cancelled
)


@dataclass(frozen=True, slots=True)
class Negative:
    """A deduction outside the sheet's full mark, at somebody's discretion within a range."""

    id: str
    text: str
    at_least: Amount
    at_most: Amount
    role: str
    source: str


@dataclass(frozen=True, slots=True)
class Star:
    """So many stars from a total on (inclusive)."""

    stars: int
    at_least: Amount


@dataclass(frozen=True, slots=True)
class RoleWeight:
    """Points that must lie with some evaluators together; checked against the rows."""

    roles: tuple[str, ...]
    weight: Amount


@dataclass(frozen=True, slots=True)
class Survey:
    """The least sample, as a fraction of all owners, for the sheet to be valid."""

    sample_at_least: Share
    source: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A score sheet."""

    id: str
    title: str
    source: str
    status: Status
    subject: Literal["enterprise", "project", "street", "district", "committee", "practitioner"]
    full: Amount
    total_max: Amount
    rows: tuple[Row, ...]
    variants: tuple[str, ...] = ()
    stars: tuple[Star, ...] = ()
    role_weights: tuple[RoleWeight, ...] = ()
    survey: Survey | None = None
    negative: tuple[Negative, ...] = ()


@dataclass(frozen=True, slots=True)
class FixedPoints:
    """Always the same points."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "fixed"
    fixed: Amount


@dataclass(frozen=True, slots=True)
class RangePoints:
    """Points within a range, given with the event."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "range"
    range: tuple[Amount, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """What a level is worth."""

    level: str
    points: Amount


@dataclass(frozen=True, slots=True)
class LevelPoints:
    """Points by the level given with the event."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "levels"
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class EventType:
    """An entry of the event catalogue. Points are positive; the polarity gives the sign."""

    code: str
    title: str
    group: str
    polarity: Literal["good", "bad", "neutral"]
    subjects: tuple[PartyKind, ...]
    points: FixedPoints | RangePoints | LevelPoints
    validity_months: Months
    source: str
    severity: Severity | None = None
    shares: dict[PartyKind, Share] = field(default_factory=dict)
    same_fact_once: bool = True
    in_public_catalog: bool = False


@dataclass(frozen=True, slots=True)
class Rung:
    """A grade of the ladder, best first; the last one takes whoever is left."""

    grade: str
    aliases: tuple[str, ...] = ()
    at_least: Decimal | None = None
    top_percent: Percent | None = None


@dataclass(frozen=True, slots=True)
class GroupLimit:
    """The most that the events of a group may add, or take away, together."""

    group: str
    at_most: Amount


@dataclass(frozen=True, slots=True)
class Contribution:
    """(total − `from`) × `per_point`, kept between `at_least` and `at_most`."""

    start: Amount = field(metadata={"key": "from"})
    per_point: Amount
    at_least: Decimal
    at_most: Decimal


@dataclass(frozen=True, slots=True)
class EvaluationRule:
    """How a sheet's results enter the score: rolled up over districts or projects, then added."""

    sheet: str
    rollup: Literal["weighted-by-area", "mean", "lowest"]
    max_age_years: Years
    adds: Contribution
    source: str


@dataclass(frozen=True, slots=True)
class LiveSeverity:
    """A live bad fact of this severity."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "live_severity"
    live_severity: Severity


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """A live fact of this code."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "live_event"
    live_event: str


@dataclass(frozen=True, slots=True)
class Below:
    """A sheet and the points below which its rolled-up result lies."""

    sheet: str
    points: Amount


@dataclass(frozen=True, slots=True)
class SheetBelow:
    """A rolled-up result below a number of points."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "sheet_below"
    sheet_below: Below


@dataclass(frozen=True, slots=True)
class SheetVeto:
    """A counted evaluation of this sheet that ended in a veto."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "sheet_veto"
    sheet_veto: str


Condition = LiveSeverity | LiveEvent | SheetBelow | SheetVeto


@dataclass(frozen=True, slots=True)
class Cap:
    """While a condition holds, the grade is at most this one."""

    id: str
    when: Condition
    at_most: str
    source: str


@dataclass(frozen=True, slots=True)
class Veto:
    """While a condition holds, the grade is this one."""

    id: str
    when: Condition
    grade: str
    source: str


@dataclass(frozen=True, slots=True)
class Grading:
    """`grading.yaml`: how facts and evaluations become a score and a grade."""

    title: str
    status: Status
    source: str
    subject: Literal["enterprise"]
    family: Literal["points", "rank"]
    base: Decimal
    rounding: Rounding
    valid_months: Months
    ladder: tuple[Rung, ...]
    events: tuple[EventType, ...]
    unrated_without: Literal["any-record", "evaluation"]
    group_limits: tuple[GroupLimit, ...] = ()
    evaluations: tuple[EvaluationRule, ...] = ()
    caps: tuple[Cap, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    eligibility: tuple[EligibilityRule, ...] = ()
    effective_from: date | None = None
