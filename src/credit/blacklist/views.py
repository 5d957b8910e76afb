"""Lists, boards and the exchange as other slices and the interface see them.

Days and moments are RFC 3339 texts, points decimal strings; what pages alone need is in plain types.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from msgspec import Struct

__all__ = [
    "ActKind",
    "Answer",
    "Candidate",
    "Counts",
    "EntryFact",
    "EntryLine",
    "EntryRecord",
    "EntryState",
    "EntryView",
    "ExchangeItem",
    "ExchangePage",
    "ExitKind",
    "GateAnswer",
    "GateReason",
    "KnownFact",
    "ListName",
    "Listed",
    "Measure",
    "Permission",
    "Proposal",
    "Stage",
    "State",
    "Status",
    "StepView",
    "SubjectFacts",
    "SubjectKind",
    "Suggestion",
    "WorkLine",
]

ListName = Literal["red", "black"]
ListKind = Literal["statutory", "departmental", "self-discipline"]
SubjectKind = Literal["enterprise", "manager", "practitioner"]
Effect = Literal["reference", "statutory bar"]
# `ended` is an entry whose term ran out; its row says so once a new proposal needs the place.
State = Literal[
    "proposed", "noticed", "answered", "heard", "listed", "rejected", "published", "leaving",
    "exited", "ended",
]  # fmt: skip
Status = State
ActKind = Literal[
    "notice", "answer", "hear", "list", "reject", "publish", "continue", "leave", "exit"
]
ExitKind = Literal["repaired", "overturned", "review"]
Hearing = Literal["", "asked", "waived"]
# What an entry waits for; of one that waits for nothing, how it stands or ended.
Stage = Literal[
    "notice", "answer", "hearing", "decision", "publication", "published", "review", "exit",
    "rejected", "exited", "ended",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed: whom to list, on which basis, resting on which log entries.

    `law` is the article of a law or regulation, of a statutory entry alone; `reason` is the
    officer's own, which may be empty where a criterion is named.
    """

    list: ListName
    subject_kind: SubjectKind
    subject: str
    list_kind: ListKind
    legal_basis: str
    facts: tuple[int, ...]
    measures: tuple[str, ...]
    law: str | None = None
    criterion: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a subject says to a notice; `evidence` are digests of kept files."""

    objects: bool
    hearing: Hearing
    text: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownFact:
    """Something the log says of a subject: a fact, or a published grade.

    `code` is the fact's or the grade itself. `own` says whether an entry about the subject may
    rest on it: an enterprise's own facts and those of its projects, a person's own ones.
    """

    index: int
    record: str
    kind: Literal["fact", "grade"]
    code: str
    title: str
    polarity: Literal["good", "bad", "neutral"]
    severity: str | None
    live: bool
    own: bool
    occurred_on: date


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who meets criteria; `facts` are the log entries that make it so."""

    subject_kind: SubjectKind
    subject: str
    name: str | None
    criteria: tuple[str, ...]
    facts: tuple["EntryFact", ...]


@dataclass(frozen=True, slots=True)
class SubjectFacts:
    """What an officer may propose a subject on: facts that carry an entry, criteria met with their
    log indexes, and what bars the subject from the list.
    """

    facts: tuple[KnownFact, ...]
    met: dict[str, tuple[int, ...]]
    barred_by: tuple[KnownFact, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many entries wait for what, and how many of them are late."""

    notice: int = 0
    answer: int = 0
    hearing: int = 0
    decision: int = 0
    publication: int = 0
    review: int = 0
    exit: int = 0
    published: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Why somebody should look at a published entry; nothing happens by itself.

    `facts`: facts of it are gone, `barred`: grave facts bar the subject from the list, `review`:
    a review is due, `term`: the term has run out.
    """

    entry: str
    list: ListName
    subject_kind: SubjectKind
    subject: str
    reason: Literal["facts", "barred", "review", "term"]
    facts: tuple[int, ...]
    due: date | None


class Measure(Struct, frozen=True):
    """A measure in the pack's words, with the item that allows it."""

    id: str
    text: str
    basis: str


class EntryState(Struct, frozen=True):
    """Where an entry stands after a step, and the number of that step."""

    id: str
    status: Status
    step: int


class EntryLine(Struct, frozen=True):
    """An entry in an officers' list; a person has a code and no name here."""

    id: str
    list: ListName
    subject_kind: SubjectKind
    subject: str
    name: str | None
    list_kind: ListKind
    status: Status
    proposed_at: str
    answer_due: str | None
    since: str | None
    until: str | None
    review_on: str | None


class WorkLine(Struct, frozen=True):
    """An entry with what it waits for, until which day, and the working days left; negative ones
    are those it is late.
    """

    line: EntryLine
    stage: Stage
    due: str | None
    days_left: int | None


class EntryFact(Struct, frozen=True):
    """A fact an entry rests on; `live` says whether it still does. A grade's title is the grade."""

    index: int
    record: str | None
    title: str
    live: bool


class StepView(Struct, frozen=True):
    """A step of an entry's course; `evidence` are digests of kept files, `by` is for offices and
    for themselves alone.

    With the `salt` (hex) of a decision anybody it was shown to can check the record's digest.
    """

    number: int
    kind: str
    outcome: str | None
    text: str
    evidence: tuple[str, ...]
    by: str | None
    at: str
    record: str | None
    salt: str | None


class Permission(Struct, frozen=True):
    """Something the asker's role does; `refusal` says why it cannot be done now."""

    act: ActKind
    refusal: str | None


class EntryView(Struct, frozen=True):
    """An entry whole. `enterprise` is whose portal it stands in; `days_left` are working days to
    answer; `index` is the place of its record in the log.
    """

    id: str
    list: ListName
    subject_kind: SubjectKind
    subject: str
    name: str | None
    enterprise: str | None
    list_kind: ListKind
    legal_basis: str
    law: str | None
    effect: Effect
    measures: tuple[Measure, ...]
    facts: tuple[EntryFact, ...]
    criterion: str | None
    reason: str
    proposed_by: str | None
    proposed_at: str
    status: Status
    answer_due: str | None
    days_left: int | None
    since: str | None
    until: str | None
    review_on: str | None
    retain_until: str | None
    record: str | None
    index: int | None
    exit_kind: ExitKind | None
    exit_record: str | None
    steps: tuple[StepView, ...]
    may: tuple[Permission, ...]


class EntryRecord(Struct, frozen=True):
    """What publishing an entry, or its exit, would sign now."""

    kind: Literal["list-entry", "list-exit"]
    body: dict[str, Any]


class Listed(Struct, frozen=True):
    """A published entry in force, as anybody sees it. `until` is the first day it is not, `facts`
    are the log entries it rests on.
    """

    entry: str
    list: ListName
    kind: ListKind
    subject_kind: SubjectKind
    subject: str
    name: str | None
    legal_basis: str
    effect: Effect
    measures: tuple[Measure, ...]
    facts: tuple[int, ...]
    since: str
    until: str
    record: str
    index: int | None


class ExchangeItem(Struct, frozen=True):
    """Something partners are told: an entry, or that one has ended.

    `content` is what a partner may use; null once the entry is no longer in force, so that what
    was repaired is shared no more. The order of ids is the order of commits.
    """

    id: int
    kind: Literal["entry", "exit"]
    entry: str
    created_at: str
    content: dict[str, Any] | None


class ExchangePage(Struct, frozen=True):
    """Items after a position; `last` is the position to ask from next."""

    items: tuple[ExchangeItem, ...]
    last: int


class GateReason(Struct, frozen=True):
    """A gate that holds against a subject, and the log entries that make it so."""

    id: str
    text: str
    source: str
    facts: tuple[int, ...]


class GateAnswer(Struct, frozen=True):
    """May this subject apply? `may_apply` is null, and `note` says why, where the pack has no gates.

    `unstated` are flags that would bar the subject if they were stated and are not.
    """

    sheet: str
    subject: str
    on: str
    pack: str
    log_size: int
    may_apply: bool | None
    reasons: tuple[GateReason, ...]
    unstated: tuple[str, ...]
    grade: str | None
    note: str
