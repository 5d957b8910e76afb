"""Tables of credit events: what was proposed and how it was decided, its course, its repair."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, SmallInteger

from credit.kit.tables import Field, Table, binary, limited, one_of, text, texts, whole

__all__ = [
    "Event",
    "EventCourse",
    "EventDecision",
    "EventStep",
    "EventSuggestion",
    "EventWaiting",
    "Evidence",
    "EvidenceHolder",
    "Repair",
    "RepairStep",
]

TEXT_MAX = 4_000


class Event(Table, table=True):
    """A proposed record about a subject: a fact, or the withdrawal or correction of one."""

    __tablename__ = "event"
    __table_args__ = (
        one_of("kind", "credit-event", "event-withdrawn", "event-corrected"),
        one_of("subject_kind", "enterprise", "project", "manager"),
        limited("code", 80),
        Index("ix_event_code", "code", "enterprise"),
        Index("ix_event_enterprise", "enterprise", "occurred_on"),
        Index("uq_event_fingerprint", "fingerprint", "attempt", unique=True),
        Index("ix_event_target", "target", postgresql_where="target IS NOT NULL"),
    )

    id: UUID = Field(primary_key=True)
    kind: str = text()
    code: str = text()
    subject_kind: str = text()
    subject: str = text()
    enterprise: str = text()
    occurred_on: date
    target: UUID | None = Field(default=None)
    fingerprint: bytes = binary()
    attempt: int = Field(sa_type=SmallInteger)
    body: bytes = binary()
    kid: str = text()
    signature: bytes = binary()
    proposed_by: str = text()
    proposed_at: datetime


class EventWaiting(Table, table=True):
    """A proposal that nobody has decided yet: what an officer's desk shows, without a search."""

    __tablename__ = "event_waiting"

    event_id: UUID = Field(primary_key=True, foreign_key="event.id")


class EventDecision(Table, table=True):
    """The one decision about a proposal, by somebody other than the proposer."""

    __tablename__ = "event_decision"
    __table_args__ = (
        one_of("outcome", "accepted", "refused"),
        limited("reason", 1000),
        Index("ix_event_decision_refused", "event_id", postgresql_where="outcome = 'refused'"),
    )

    event_id: UUID = Field(primary_key=True, foreign_key="event.id")
    outcome: str = text()
    reason: str = text()
    kid: str | None = text(default=None, nullable=True)
    signature: bytes | None = binary(default=None, nullable=True)
    decided_by: str = text()
    decided_at: datetime


class Evidence(Table, table=True):
    """A file kept by its digest; its name is not kept."""

    __tablename__ = "evidence"
    __table_args__ = (limited("digest", 71), limited("media_type", 100))

    digest: str = text(primary_key=True)
    size: int = whole()
    media_type: str = text()
    uploaded_by: str = text()
    uploaded_at: datetime


class EvidenceHolder(Table, table=True):
    """A side that uploaded a file: a party by its code, or the office of all who have none.

    Only those who uploaded a file themselves may name it anew: its digest is no secret.
    """

    __tablename__ = "evidence_holder"
    __table_args__ = (limited("holder", 40),)

    digest: str = text(primary_key=True, foreign_key="evidence.digest")
    holder: str = text(primary_key=True)


class EventCourse(Table, table=True):
    """Where a bad fact stands between its proposal and its end; one row a fact.

    `elsewhere` says that an authority's own decision was notified and heard there. `must_hear` and
    `must_measure` are what the notice promised: a hearing even in silence, measures before the
    decision. `measures` says that corrective and preventive measures are on file.
    """

    __tablename__ = "event_course"
    __table_args__ = (
        one_of(
            "state",
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
        ),
        one_of("severity", "minor", "general", "serious"),
        one_of("finding", "upheld", "partly", "dismissed"),
        limited("enterprise", 40),
        Index("ix_event_course_state", "state", "event_id"),
        Index("ix_event_course_enterprise", "enterprise", "event_id"),
    )

    event_id: UUID = Field(primary_key=True, foreign_key="event.id")
    enterprise: str = text()
    severity: str = text()
    elsewhere: bool
    state: str = text()
    steps: int = Field(sa_type=SmallInteger)
    noticed_on: date | None = Field(default=None)
    noticed_by: str | None = text(default=None, nullable=True)
    rectification_due: date | None = Field(default=None)
    objection_due: date | None = Field(default=None)
    must_hear: bool
    must_measure: bool
    acknowledged_on: date | None = Field(default=None)
    rectified_on: date | None = Field(default=None)
    measures: bool
    objected_on: date | None = Field(default=None)
    heard_on: date | None = Field(default=None)
    heard_by: str | None = text(default=None, nullable=True)
    finding: str | None = text(default=None, nullable=True)
    decided_on: date | None = Field(default=None)
    ended_on: date | None = Field(default=None)


class EventStep(Table, table=True):
    """A step in the course of a fact, as it was taken; the proposal and the decision stand apart.

    `term` and `days` name what was extended and by how many working days; `statement` is a reason or
    what the subject says itself.
    """

    __tablename__ = "event_step"
    __table_args__ = (
        one_of("kind", "noticed", "acknowledged", "rectified", "objected", "extended", "heard"),
        one_of("finding", "upheld", "partly", "dismissed"),
        one_of("term", "rectification", "objection", "hearing", "decision"),
        limited("statement", TEXT_MAX),
        limited("participants", TEXT_MAX),
        limited("corrective", TEXT_MAX),
        limited("preventive", TEXT_MAX),
    )

    event_id: UUID = Field(primary_key=True, foreign_key="event_course.event_id")
    number: int = Field(primary_key=True, sa_type=SmallInteger)
    kind: str = text()
    at: datetime
    done_by: str = text()
    statement: str | None = text(default=None, nullable=True)
    evidence: list[str] = texts()
    due_on: date | None = Field(default=None)
    finding: str | None = text(default=None, nullable=True)
    term: str | None = text(default=None, nullable=True)
    days: int | None = Field(default=None, sa_type=SmallInteger)
    participants: str | None = text(default=None, nullable=True)
    corrective: str | None = text(default=None, nullable=True)
    preventive: str | None = text(default=None, nullable=True)


class EventSuggestion(Table, table=True):
    """A fact another part of the service suggests to the officers; it is nothing until proposed."""

    __tablename__ = "event_suggestion"
    __table_args__ = (
        one_of("source_kind", "duty", "contract", "entry", "inspection", "evaluation"),
        one_of("subject_kind", "enterprise", "project", "manager"),
        one_of("state", "open", "taken", "dismissed"),
        limited("source_id", 60),
        limited("code", 80),
        limited("subject", 40),
        limited("reference", 64),
        limited("note", TEXT_MAX),
        limited("reason", TEXT_MAX),
        Index("uq_event_suggestion_source", "source_kind", "source_id", "code", unique=True),
        Index("ix_event_suggestion_open", "id", postgresql_where="state = 'open'"),
    )

    id: UUID = Field(primary_key=True)
    source_kind: str = text()
    source_id: str = text()
    code: str = text()
    subject_kind: str = text()
    subject: str = text()
    occurred_on: date
    reference: str = text()
    note: str = text()
    evidence: list[str] = texts()
    suggested_at: datetime
    state: str = text()
    handled_by: str | None = text(default=None, nullable=True)
    handled_at: datetime | None = Field(default=None)
    event_id: UUID | None = Field(default=None, foreign_key="event.id")
    reason: str | None = text(default=None, nullable=True)


class Repair(Table, table=True):
    """An application to repair an effective bad fact, and where it stands.

    `commitment` is the letter whose digest the applicant signed as the record `commitment_id`.
    """

    __tablename__ = "repair"
    __table_args__ = (
        one_of("state", "applied", "rejected", "accepted", "granted", "refused"),
        limited("enterprise", 40),
        limited("commitment", TEXT_MAX),
        Index(
            "uq_repair_open",
            "event_id",
            unique=True,
            postgresql_where="state IN ('applied', 'accepted', 'granted')",
        ),
        Index("ix_repair_state", "state", "id"),
        Index("ix_repair_enterprise", "enterprise", "id"),
    )

    id: UUID = Field(primary_key=True)
    event_id: UUID = Field(foreign_key="event_course.event_id")
    enterprise: str = text()
    state: str = text()
    steps: int = Field(sa_type=SmallInteger)
    commitment: str = text()
    commitment_id: UUID
    applied_by: str = text()
    applied_on: date
    accepted_by: str | None = text(default=None, nullable=True)
    accepted_on: date | None = Field(default=None)
    extended: bool
    decided_by: str | None = text(default=None, nullable=True)
    decided_on: date | None = Field(default=None)
    record_id: UUID | None = Field(default=None)


class RepairStep(Table, table=True):
    """A step of an application for repair, as it was taken."""

    __tablename__ = "repair_step"
    __table_args__ = (
        one_of("kind", "applied", "rejected", "accepted", "extended", "granted", "refused"),
        limited("statement", TEXT_MAX),
    )

    repair_id: UUID = Field(primary_key=True, foreign_key="repair.id")
    number: int = Field(primary_key=True, sa_type=SmallInteger)
    kind: str = text()
    at: datetime
    done_by: str = text()
    statement: str | None = text(default=None, nullable=True)
    evidence: list[str] = texts()
    due_on: date | None = Field(default=None)
    days: int | None = Field(default=None, sa_type=SmallInteger)
