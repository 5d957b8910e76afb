"""Tables of credit events: what was proposed, how it was decided, which evidence it rests on."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, SmallInteger

from credit.kit.tables import Field, Table, binary, limited, one_of, text, whole

__all__ = ["Event", "EventDecision", "EventWaiting", "Evidence"]


class Event(Table, table=True):
    """A proposed record about a subject: a fact, or the withdrawal or correction of one."""

    __tablename__ = "event"
    __table_args__ = (
        one_of("kind", "credit-event", "event-withdrawn", "event-corrected"),
        one_of("subject_kind", "enterprise", "project", "manager"),
        limited("code", 80),
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
