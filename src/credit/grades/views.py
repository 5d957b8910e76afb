"""Grades as the interface answers them. Scores are decimal strings, days and moments RFC 3339;
only what pages alone compare and draw has them as Decimal and date.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from credit.events.views import Signature

__all__ = [
    "CHANNEL",
    "DistributionPoint",
    "DistrictAnswer",
    "GradeAnswer",
    "GradeChange",
    "GradeRecords",
    "PublicationState",
    "QueryAnswer",
    "RegisterItem",
    "RunComparison",
    "RunState",
    "ScorePoint",
    "TraceChange",
    "TraceNode",
]

Status = Literal["graded", "unrated"]
# On which a city is named when grades of it are published.
CHANNEL = "credit_grades"


class RegisterItem(Struct, frozen=True):
    """A line of the public register: the grade in force today."""

    uscc: str
    name: str
    grade: str | None
    score: str | None
    status: Status


class PackName(Struct, frozen=True):
    """The rule pack a grade rests on; `sample` is no city's official one."""

    id: str
    version: str
    status: Literal["official", "sample"]


class LogPlace(Struct, frozen=True):
    """Where a published grade stands in the log, and how much of the log it rests on."""

    origin: str
    index: int | None
    size: int | None


class Listing(Struct, frozen=True):
    """A red or black list entry in force, with what it may lead to."""

    list: Literal["red", "black"]
    kind: Literal["statutory", "departmental", "self-discipline"]
    legal_basis: str
    effect: Literal["reference", "statutory bar"]


class GradeAnswer(Struct, frozen=True):
    """An enterprise's grade as of a day and a state of knowledge."""

    uscc: str
    name: str
    grade: str | None
    score: str | None
    status: Status
    pack: PackName | None
    valid_from: str | None
    valid_until: str | None
    published_at: str | None
    log: LogPlace | None
    lists: list[Listing]


class BidderAnswer(Struct, frozen=True):
    """A bidder's grade; `unknown` is a bidder who is not in the register."""

    uscc: str
    name: str | None
    grade: str | None
    score: str | None
    status: Literal["graded", "unrated", "unknown"]
    pack: PackName | None = None
    valid_from: str | None = None
    valid_until: str | None = None
    published_at: str | None = None
    log: LogPlace | None = None
    lists: list[Listing] = []


class QueryAnswer(Struct, frozen=True):
    """The answer to a bid evaluator: one for each bidder in order, signed as a whole."""

    id: str
    purpose: str
    tender_ref: str
    at: str
    asked_at: str
    answers: list[BidderAnswer]
    signature: Signature


class TraceNode(Struct, frozen=True):
    """A step of a computation: rule, clause, what went in, what came out, the log entry."""

    rule: str
    title: str
    source: str
    value: str
    inputs: dict[str, Any]
    index: int | None
    children: list["TraceNode"]


class RunState(Struct, frozen=True):
    """A grade run: queued or failed, then proposed with what it found, then published."""

    id: str
    status: Literal["queued", "failed", "proposed", "published"]
    on: str
    pack: PackName | UnsetType = UNSET
    log_size: int | UnsetType = UNSET
    proposed_at: str | UnsetType = UNSET
    enterprises: int | UnsetType = UNSET
    distribution: dict[str, int] | UnsetType = UNSET


class GradeRecord(Struct, frozen=True):
    """What publishing one enterprise's grade would sign."""

    uscc: str
    body: dict[str, Any]


class GradeRecords(Struct, frozen=True):
    """What publishing a run would sign, enterprise by enterprise."""

    kind: Literal["grade"]
    items: list[GradeRecord]


class PublicationState(Struct, frozen=True):
    """A published run and how many grades it published."""

    id: str
    status: Literal["published"]
    published: int


class GradeChange(Struct, frozen=True):
    """An enterprise whose grade or score a run changes; without rating both are None.

    `change`: a worse grade, no rating any more, a better grade, a rating for the first time, or
    the score alone.
    """

    code: str
    name: str
    change: Literal["worse", "unrated", "better", "rated", "score"]
    grade_before: str | None
    score_before: Decimal | None
    grade_after: str | None
    score_after: Decimal | None


class RunComparison(Struct, frozen=True):
    """A run beside what was in force before it, over the run's enterprises.

    Distributions count by grade, best first, then `unrated`; `counts` by kind of change. `items`
    are one page of the `changed` ones, the most severe first.
    """

    run_id: str
    on: date
    published: bool
    enterprises: int
    before: dict[str, int]
    after: dict[str, int]
    changed: int
    counts: dict[str, int]
    items: list[GradeChange]


class DistrictAnswer(Struct, frozen=True):
    """What a district says to a run that grades `enterprises` of it; `outcome` is None before.

    `staffed` says whether its department has an officer; `by` is who answered, `reason` why the run
    was returned, `digest` the SHA-256 of the results that were answered.
    """

    division: str
    name: str
    enterprises: int
    staffed: bool
    outcome: Literal["confirmed", "returned"] | None
    reason: str | None
    by: str | None
    at: datetime | None
    digest: bytes | None

    @property
    def awaited(self) -> bool:
        """Whether publication waits for this district."""
        return self.staffed and self.enterprises > 0 and self.outcome is None


class TraceChange(Struct, frozen=True):
    """A step that appeared in a trace, vanished from it, or came to another value.

    Values are decimal strings or grades; `before` is None where it appeared, `after` where it
    vanished. `index` is the log entry the step rests on now, or rested on.
    """

    change: Literal["appeared", "vanished", "changed"]
    rule: str
    title: str
    source: str
    before: str | None
    after: str | None
    index: int | None


class ScorePoint(Struct, frozen=True):
    """A published score and grade from its first day on; without rating both are None."""

    valid_from: date
    score: Decimal | None
    grade: str | None


class DistributionPoint(Struct, frozen=True):
    """How many enterprises a publication gave each grade, and `unrated`, from its first day on."""

    run_id: str
    valid_from: date
    distribution: dict[str, int]
