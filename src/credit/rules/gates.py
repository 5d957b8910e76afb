"""The shape of award gates: who meets one may not be an award's subject (see `eligibility`)."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from credit.rules.bounds import Years

__all__ = [
    "AnyOf",
    "EligibilityRule",
    "FlagIs",
    "Gate",
    "GradeAtMost",
    "HadEvent",
    "LacksAward",
    "OnBlacklist",
]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of several gates."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "any"
    any: tuple["Gate", ...]


@dataclass(frozen=True, slots=True)
class FlagIs:
    """A stated yes or no."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "flag"
    flag: str
    wanted: bool = field(metadata={"key": "is"})


@dataclass(frozen=True, slots=True)
class HadEvent:
    """One of these events, either `this_year` (the calendar's) or `within_years` to the day."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "events"
    events: tuple[str, ...]
    this_year: bool = False
    within_years: Years | None = None


@dataclass(frozen=True, slots=True)
class GradeAtMost:
    """A last published grade that is this one or worse."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "grade_at_most"
    grade_at_most: str


@dataclass(frozen=True, slots=True)
class OnBlacklist:
    """A place on the blacklist of one of these kinds."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "on_blacklist"
    on_blacklist: tuple[Literal["enterprise", "project", "practitioner"], ...]


@dataclass(frozen=True, slots=True)
class LacksAward:
    """No award by this sheet; `this_year` is always true, no other span is known."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "lacks_award"
    lacks_award: str
    this_year: bool


Gate = AnyOf | FlagIs | HadEvent | GradeAtMost | OnBlacklist | LacksAward


@dataclass(frozen=True, slots=True)
class EligibilityRule:
    """A gate before the awards of some sheets."""

    id: str
    sheets: tuple[str, ...]
    text: str
    when: Gate
    source: str
