"""The shape of a contract template, `contracts/<id>.yaml`: parties, clauses, duties, owners' votes.

A clause is a promise one can measure. Standard library only.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from credit.rules.bounds import Between, Months, Percent
from credit.rules.model import Status
from credit.rules.procedure import Days

__all__ = [
    "Checklist",
    "Clause",
    "ContractTemplate",
    "CountPerPeriod",
    "Outcome",
    "PartyRole",
    "Period",
    "Promise",
    "Ratio",
    "ResponseTime",
    "RoleName",
    "VoteRule",
    "YesNo",
]

RoleName = Literal[
    "enterprise", "committee", "owners", "association", "member", "seal_custodian", "witness"
]
Times = Annotated[int, Between(1, 1_000)]
Hours = Annotated[int, Between(1, 8_760)]
Period = Literal["month", "quarter", "half-year", "year", "once"]


@dataclass(frozen=True, slots=True)
class PartyRole:
    """A role in the contract: how many parties take it, and whether its signature is needed.

    `countersigns` names the role whose seal a custodian keeps (5.3.3).
    """

    role: RoleName
    title: str
    at_least: int = 1
    at_most: int = 1
    binds: bool = True
    countersigns: RoleName | None = None


@dataclass(frozen=True, slots=True)
class CountPerPeriod:
    """At least so many times in a period."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "count"
    count: Times
    unit: str = "次"


@dataclass(frozen=True, slots=True)
class Ratio:
    """A percentage that is at least this one."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "ratio"
    ratio: Percent


@dataclass(frozen=True, slots=True)
class ResponseTime:
    """`share` percent of cases within so many hours."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "within_hours"
    within_hours: Hours
    share: Percent = Decimal(100)


@dataclass(frozen=True, slots=True)
class YesNo:
    """Done or not done, in the words of the question."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "question"
    question: str


@dataclass(frozen=True, slots=True)
class Checklist:
    """Every item of a list, such as 三公开三透明三报告, was done."""

    TAG: ClassVar[str | None] = None
    TAG_VALUE: ClassVar[str] = "items"
    items: tuple[str, ...]


Promise = CountPerPeriod | Ratio | ResponseTime | YesNo | Checklist


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a clause may propose in the event catalogue, by the level a breach has reached."""

    fulfilled: str | None = None
    breach_minor: str | None = None
    breach_general: str | None = None
    breach_serious: str | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """A promise of one role: measured how, how often, with which evidence, due when.

    A duty falls due `grace_days` working days after its period ends.
    """

    id: str
    obligor: RoleName
    text: str
    promise: Promise
    period: Period
    evidence: str
    source: str
    grace_days: Days = 5
    confirmed_by: RoleName = "committee"
    outcome: Outcome = field(default_factory=Outcome)


@dataclass(frozen=True, slots=True)
class VoteRule:
    """The owners' double majority (Civil Code, art. 278), of persons and of area alike.

    A fraction is [numerator, denominator]. At least `quorum` of all must take part; of those who
    do, `in_favour` must agree: more than it where `strictly` says so, at least it otherwise.
    """

    matter: str
    title: str
    quorum: tuple[int, ...]
    in_favour: tuple[int, ...]
    strictly: bool
    needs_filing: bool
    source: str


@dataclass(frozen=True, slots=True)
class ContractTemplate:
    """A contract as it is offered, before names are filled in."""

    id: str
    version: str
    title: str
    kind: Literal["tri-party", "service", "pact"]
    status: Status
    source: str
    preamble: str
    parties: tuple[PartyRole, ...]
    clauses: tuple[Clause, ...]
    term_months: Months
    offer_days: Days
    closing: str = ""
    notes: tuple[str, ...] = ()
    votes: tuple[VoteRule, ...] = ()
    vote_required: bool = False
