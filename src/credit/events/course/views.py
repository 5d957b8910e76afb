"""The course of a fact as other slices and the interface see it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from credit.events.views import EVIDENCE_MAX, EvidenceRef
from credit.kit.http import Statement
from credit.kit.languages import marked
from credit.rules.model import Severity

__all__ = [
    "OPEN_STATES",
    "STATE_TITLES",
    "TERM_TITLES",
    "Act",
    "ActAnswer",
    "ActView",
    "Answer",
    "Course",
    "CourseAnswer",
    "CourseListed",
    "CourseState",
    "Extension",
    "Finding",
    "Hearing",
    "ListedCourse",
    "NoticeAnswer",
    "State",
    "Step",
    "StepAnswer",
    "Suggested",
    "Suggestion",
    "TermKind",
    "TermState",
    "TermView",
]

State = Literal[
    "proposed",
    "noticed",
    "acknowledged",
    "objected",
    "heard",
    "effective",
    "dropped",
    "withdrawn",
    "corrected",
    "repaired",
]
Act = Literal[
    "notify", "acknowledge", "rectify", "object", "hear", "extend", "accept", "refuse", "repair"
]
Finding = Literal["upheld", "partly", "dismissed"]
TermKind = Literal["rectification", "objection", "hearing", "decision"]
StepKind = Literal["noticed", "acknowledged", "rectified", "objected", "extended", "heard"]
OPEN_STATES: tuple[State, ...] = ("proposed", "noticed", "acknowledged", "objected", "heard")
STATE_TITLES: dict[State, str] = {
    "proposed": marked("待告知"),
    "noticed": marked("已告知"),
    "acknowledged": marked("企业已认可"),
    "objected": marked("已提出异议"),
    "heard": marked("已核查"),
    "effective": marked("已生效"),
    "dropped": marked("不予认定"),
    "withdrawn": marked("已撤回"),
    "corrected": marked("已更正"),
    "repaired": marked("已修复"),
}
TERM_TITLES: dict[str, str] = {
    "rectification": marked("整改期限"),
    "objection": marked("异议期限"),
    "hearing": marked("核查期限"),
    "decision": marked("决定期限"),
    "notice": marked("告知期限"),
    "acceptance": marked("修复受理期限"),
    "finish": marked("修复办结期限"),
}
Proofs = Annotated[list[EvidenceRef], Meta(max_length=EVIDENCE_MAX)]


@dataclass(frozen=True, slots=True)
class Course:
    """Where a bad fact stands; days are China's.

    `elsewhere` says that an authority's decision was notified and heard there. `must_hear` and
    `must_measure` are what the notice promised. `steps` counts the steps taken so far. `replaced_decided_on` is the
    day on which the first of the facts it was put in the place of was decided.
    """

    event_id: UUID
    enterprise: str
    severity: Severity
    elsewhere: bool
    state: State
    steps: int
    proposed_by: str
    noticed_on: date | None = None
    noticed_by: str | None = None
    rectification_due: date | None = None
    objection_due: date | None = None
    must_hear: bool = False
    must_measure: bool = False
    acknowledged_on: date | None = None
    rectified_on: date | None = None
    measures: bool = False
    objected_on: date | None = None
    heard_on: date | None = None
    heard_by: str | None = None
    finding: Finding | None = None
    decided_on: date | None = None
    ended_on: date | None = None
    replaced_decided_on: date | None = None

    @property
    def shown_from(self) -> date | None:
        """The first day of display: that of its decision, or of the first that it corrects."""
        return min(filter(None, (self.decided_on, self.replaced_decided_on)), default=None)


@dataclass(frozen=True, slots=True)
class Step:
    """A step as it was taken; `evidence` are digests, `days` working days of an extension."""

    event_id: UUID
    number: int
    kind: StepKind
    at: datetime
    done_by: str
    statement: str | None = None
    evidence: tuple[str, ...] = ()
    due_on: date | None = None
    finding: Finding | None = None
    term: TermKind | None = None
    days: int | None = None
    participants: str | None = None
    corrective: str | None = None
    preventive: str | None = None


@dataclass(frozen=True, slots=True)
class TermView:
    """An open term. `days_left` counts working days after today up to the last one: 0 on the last
    day, below 0 when it is late. `extendable` are the working days it may still be extended by.
    """

    kind: str
    title: str
    due_on: date
    days_left: int
    level: int
    scope: str | None
    party: str | None
    extendable: int = 0


@dataclass(frozen=True, slots=True)
class ActView:
    """What somebody might do, and why not now; None where it may be done."""

    act: Act
    why_not: str | None


@dataclass(frozen=True, slots=True)
class ListedCourse:
    """A fact's course in a list; `due_on` is the next open term's last day, `late` its level."""

    course: Course
    code: str
    subject_kind: str
    subject: str
    occurred_on: date
    proposed_at: datetime
    enterprise_name: str | None
    due_kind: str | None
    due_on: date | None
    level: int | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A fact some other part of the service suggests to the officers.

    `source_id` names what it comes from there; the same source suggests a code once. `note` says
    in words why; `evidence` are digests of kept files.
    """

    source_kind: Literal["duty", "contract", "entry", "inspection", "evaluation"]
    source_id: str
    code: str
    primary: Literal["enterprise", "project", "manager"]
    subject: str
    occurred_on: date
    reference: str
    note: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggested:
    """A suggestion as kept, with what became of it; `evidence` are the files as a record names them."""

    id: UUID
    suggestion: Suggestion
    suggested_at: datetime
    state: Literal["open", "taken", "dismissed"]
    handled_by: str | None
    handled_at: datetime | None
    event_id: UUID | None
    reason: str | None


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """What the subject answers to a notice: it acknowledges, reports its rectification, or objects.

    Corrective and preventive measures belong to a rectification.
    """

    answer: Literal["acknowledge", "rectify", "object"]
    statement: Statement | UnsetType = UNSET
    evidence: Proofs = []
    corrective: Statement | UnsetType = UNSET
    preventive: Statement | UnsetType = UNSET


class Hearing(Struct, frozen=True, forbid_unknown_fields=True):
    """What a hearing found about the objection (or, in silence, about the fact), and why.

    `upheld` is for the subject: the fact cannot come into effect. `participants` says in words who
    took part. Measures may be laid down for the subject.
    """

    finding: Finding
    reasons: Statement
    participants: Statement
    evidence: Proofs = []
    corrective: Statement | UnsetType = UNSET
    preventive: Statement | UnsetType = UNSET


class Extension(Struct, frozen=True, forbid_unknown_fields=True):
    """An open term, by how many working days it is extended, and why."""

    term: TermKind
    days: Annotated[int, Meta(ge=1, le=250)]
    reason: Statement


class TermState(Struct, frozen=True):
    """An open term; `days_left` in working days, 0 on the last day, below 0 when late."""

    kind: str
    due_on: str
    days_left: int
    level: int


class CourseState(Struct, frozen=True):
    """Where a fact stands after an act, and what of its course is still open."""

    id: str
    state: State
    severity: Severity
    noticed_on: str | None
    objection_due: str | None
    finding: Finding | None
    decided_on: str | None
    terms: list[TermState]


class StepAnswer(Struct, frozen=True):
    """A step of a fact's course; `by` is null where it is not the reader's to know."""

    number: int
    kind: StepKind
    at: str
    by: str | None
    statement: str | None
    evidence: list[str]
    due_on: str | None
    finding: Finding | None
    term: TermKind | None
    days: int | None
    participants: str | None
    corrective: str | None
    preventive: str | None


class ActAnswer(Struct, frozen=True):
    """What the reader might do, and why not now; null where it may be done."""

    act: Act
    why_not: str | None


class NoticeAnswer(Struct, frozen=True):
    """The notice as it was, or would be, given; with it how the fact can be repaired."""

    title: str
    severity: str
    clause: str
    points: str
    rights: list[str]
    rectify_by: str | None
    object_by: str | None
    with_decision: bool
    repair_from: str | None
    ends_on: str | None
    repair_conditions: list[str]


class CourseAnswer(Struct, frozen=True):
    """A fact's course whole, for somebody who asks."""

    id: str
    code: str
    enterprise: str
    occurred_on: str
    state: State
    severity: Severity
    noticed_on: str | None
    rectification_due: str | None
    objection_due: str | None
    finding: Finding | None
    decided_on: str | None
    outcome: Literal["accepted", "refused"] | None
    reason: str | None
    notice: NoticeAnswer | None
    steps: list[StepAnswer]
    terms: list[TermState]
    acts: list[ActAnswer]
    repairs: list[str]


class CourseListed(Struct, frozen=True):
    """A fact's course in a list, with its next open term."""

    id: str
    code: str
    enterprise: str
    enterprise_name: str | None
    subject_kind: Literal["enterprise", "project", "manager"]
    subject: str
    occurred_on: str
    state: State
    severity: Severity
    objection_due: str | None
    due: str | None
    due_on: str | None
    level: int | None
