"""What a credit report shows: plain texts, decimals and days, filled in by the caller."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

__all__ = [
    "Bound",
    "CreditReport",
    "Evaluation",
    "ListEntry",
    "LogPlace",
    "PastGrade",
    "RulePack",
    "Rung",
    "Step",
]


@dataclass(frozen=True, slots=True)
class RulePack:
    """The rule pack a grade rests on; a `sample` is no city's official one and is printed so."""

    id: str
    version: str
    status: Literal["official", "sample"]
    title: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Rung:
    """A grade of the ladder and, in a few characters, what it takes (`90 分及以上`)."""

    grade: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the score: its signed points, its clause, and the log entry it rests on.

    `note` says what a reader would otherwise ask, such as why a fact counts nothing.
    """

    title: str
    source: str
    points: Decimal
    occurred_on: date | None = None
    lapses_on: date | None = None
    log_index: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bound:
    """A cap or a veto that the grade stands under, whatever the score."""

    title: str
    source: str
    log_index: int | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A closed evaluation that the score counts: its sheet, year and total of points."""

    title: str
    year: int
    total: Decimal
    closed_on: date | None = None
    log_index: int | None = None


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A red or black list entry in force, with its legal basis and what it may lead to."""

    list: Literal["red", "black"]
    kind: Literal["statutory", "departmental", "self-discipline"]
    legal_basis: str
    effect: Literal["reference", "statutory bar"]
    title: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where the published grade stands in the log, and how many entries it was computed from."""

    origin: str
    index: int | None
    size: int | None


@dataclass(frozen=True, slots=True)
class PastGrade:
    """A grade as it was published on a day; without a grade it was unrated."""

    day: date
    grade: str | None
    score: Decimal | None


@dataclass(frozen=True, slots=True)
class CreditReport:
    """A credit report (信用报告) of one enterprise.

    `ladder` is best first, `history` in any order, `issued_at` and `published_at` are aware
    moments, `url` is the enterprise's public page, `synthetic` says that the data are invented.
    """

    city_code: str
    city_name: str
    name: str
    uscc: str
    status: Literal["graded", "unrated"]
    grade: str | None
    score: Decimal | None
    valid_from: date | None
    valid_until: date | None
    published_at: datetime | None
    pack: RulePack | None
    ladder: tuple[Rung, ...]
    steps: tuple[Step, ...]
    evaluations: tuple[Evaluation, ...]
    lists: tuple[ListEntry, ...]
    history: tuple[PastGrade, ...]
    place: LogPlace | None
    url: str
    issued_at: datetime
    synthetic: bool
    bounds: tuple[Bound, ...] = ()
