"""Repair as other slices and the interface see it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from credit.events.course.views import Proofs, TermState
from credit.events.views import RecordId, Signature
from credit.kit.http import Statement
from credit.kit.languages import marked

__all__ = [
    "REPAIR_TITLES",
    "Acceptance",
    "Application",
    "Commitment",
    "CommitmentText",
    "ListedRepair",
    "Repair",
    "RepairActAnswer",
    "RepairAnswer",
    "RepairDecision",
    "RepairExtension",
    "RepairListed",
    "RepairRecord",
    "RepairState",
    "RepairStep",
    "RepairStepAnswer",
    "SignedApplication",
]

State = Literal["applied", "rejected", "accepted", "granted", "refused"]
StepKind = Literal["applied", "rejected", "accepted", "extended", "granted", "refused"]
REPAIR_TITLES: dict[State, str] = {
    "applied": marked("待受理"),
    "rejected": marked("不予受理"),
    "accepted": marked("已受理"),
    "granted": marked("准予修复"),
    "refused": marked("不予修复"),
}


@dataclass(frozen=True, slots=True)
class Repair:
    """An application and where it stands; `commitment` is the letter that the applicant signed."""

    id: UUID
    event_id: UUID
    enterprise: str
    state: State
    steps: int
    commitment: str
    commitment_id: UUID
    applied_by: str
    applied_on: date
    accepted_by: str | None = None
    accepted_on: date | None = None
    extended: bool = False
    decided_by: str | None = None
    decided_on: date | None = None
    record_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class RepairStep:
    """A step of an application as it was taken; `evidence` are digests."""

    repair_id: UUID
    number: int
    kind: StepKind
    at: datetime
    done_by: str
    statement: str | None = None
    evidence: tuple[str, ...] = ()
    due_on: date | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True)
class ListedRepair:
    """An application in a list; `due_on` is its open term's last day, `level` how late that is."""

    repair: Repair
    code: str
    occurred_on: date
    enterprise_name: str | None
    due_on: date | None
    level: int | None


@dataclass(frozen=True, slots=True)
class Commitment:
    """What an applicant promises: the letter, and the record body that signs its digest."""

    text: str
    body: dict[str, Any]


class Application(Struct, frozen=True, forbid_unknown_fields=True):
    """What was done to make a fact good, and what proves it."""

    statement: Statement
    evidence: Proofs


class SignedApplication(Struct, frozen=True, forbid_unknown_fields=True):
    """An application with the signature over the commitment, under an id the applicant chose."""

    event: RecordId
    statement: Statement
    evidence: Proofs
    id: RecordId
    sig: Signature


class Acceptance(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether an application is taken on; a rejection says why."""

    outcome: Literal["accepted", "rejected"]
    reason: Statement


class RepairExtension(Struct, frozen=True, forbid_unknown_fields=True):
    """By how many working days the decision is put off, once, and why."""

    days: Annotated[int, Meta(ge=1, le=250)]
    reason: Statement


class RepairDecision(Struct, frozen=True, forbid_unknown_fields=True):
    """Grant with a signature over the record, under an id of one's own, or refuse with reasons."""

    outcome: Literal["granted", "refused"]
    reason: Statement
    id: RecordId | UnsetType = UNSET
    sig: Signature | UnsetType = UNSET


class CommitmentText(Struct, frozen=True):
    """The commitment letter, and the record body to be signed for it."""

    kind: Literal["commitment"]
    text: str
    body: dict[str, Any]


class RepairRecord(Struct, frozen=True):
    """The record body that granting a repair would sign."""

    kind: Literal["event-repaired"]
    body: dict[str, Any]


class RepairState(Struct, frozen=True):
    """Where an application stands, and its open term."""

    id: str
    event: str
    state: State
    applied_on: str
    accepted_on: str | None
    decided_on: str | None
    terms: list[TermState]


class RepairStepAnswer(Struct, frozen=True):
    """A step of an application; `by` is null where it is not the reader's to know."""

    number: int
    kind: StepKind
    at: str
    by: str | None
    statement: str | None
    evidence: list[str]
    due_on: str | None
    days: int | None


class RepairActAnswer(Struct, frozen=True):
    """What the reader might do with an application, and why not now."""

    act: str
    why_not: str | None


class RepairAnswer(Struct, frozen=True):
    """An application whole, for somebody who asks."""

    id: str
    event: str
    code: str
    enterprise: str
    state: State
    applied_on: str
    accepted_on: str | None
    decided_on: str | None
    commitment: str
    commitment_record: str
    record: str | None
    steps: list[RepairStepAnswer]
    terms: list[TermState]
    acts: list[RepairActAnswer]


class RepairListed(Struct, frozen=True):
    """An application in a list, with the last day of its open term."""

    id: str
    event: str
    code: str
    enterprise: str
    enterprise_name: str | None
    state: State
    applied_on: str
    due_on: str | None
    level: int | None
