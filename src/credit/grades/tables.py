"""Tables of grades: runs that propose, publications that decide, queries that were answered."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Numeric, SmallInteger

from credit.kit.tables import Field, Table, binary, json_field, limited, one_of, text, whole

__all__ = [
    "GradeConfirmation",
    "GradePublication",
    "GradeQuery",
    "GradeResult",
    "GradeRun",
    "GradeRunRequest",
    "Listing",
    "PublishedGrade",
]


class GradeRunRequest(Table, table=True):
    """A run somebody asked for, to be computed in the background under the same id."""

    __tablename__ = "grade_run_request"

    id: UUID = Field(primary_key=True)
    on_date: date
    requested_by: str = text()
    requested_at: datetime


class GradeRun(Table, table=True):
    """A computation over a whole city: pack, day and log prefix name it completely.

    The ids of the records that publish it count up from `seed`, which nobody is shown before.
    """

    __tablename__ = "grade_run"
    __table_args__ = (limited("pack", 60), limited("pack_version", 40))

    id: UUID = Field(primary_key=True)
    pack: str = text()
    pack_version: str = text()
    pack_digest: str = text()
    pack_status: str = text()
    on_date: date
    log_size: int = whole()
    summary: dict[str, Any] = json_field()
    proposed_by: str = text()
    proposed_at: datetime
    seed: UUID | None = None


class GradeResult(Table, table=True):
    """What a run found for one enterprise, with the trace that explains it (compressed JSON).

    `district` is where the enterprise was registered then; its department confirms the result.
    """

    __tablename__ = "grade_result"
    __table_args__ = (one_of("status", "graded", "unrated"),)

    run_id: UUID = Field(primary_key=True, foreign_key="grade_run.id")
    enterprise: str = text(primary_key=True)
    status: str = text()
    grade: str | None = text(default=None, nullable=True)
    score: Decimal | None = Field(default=None, sa_type=Numeric(12, 4))
    trace: bytes = binary()
    trace_digest: bytes = binary()
    district: str | None = text(default=None, nullable=True)


class GradeConfirmation(Table, table=True):
    """A district's answer to a run; `record_id` is its record in the log, which has no reasons.

    `results_digest` is the SHA-256 of the district's results, as the record says it.
    """

    __tablename__ = "grade_confirmation"
    __table_args__ = (
        one_of("outcome", "confirmed", "returned"),
        CheckConstraint(
            "(outcome = 'returned') = (reason IS NOT NULL)", name="reason_fits_outcome"
        ),
        limited("division", 6),
        limited("reason", 1000),
    )

    run_id: UUID = Field(primary_key=True, foreign_key="grade_run.id")
    division: str = text(primary_key=True)
    record_id: UUID
    outcome: str = text()
    reason: str | None = text(default=None, nullable=True)
    results_digest: bytes = binary()
    answered_by: str = text()
    answered_at: datetime


class GradePublication(Table, table=True):
    """The city officer's decision to publish a run."""

    __tablename__ = "grade_publication"

    run_id: UUID = Field(primary_key=True, foreign_key="grade_run.id")
    valid_from: date
    valid_until: date
    published_by: str = text()
    published_at: datetime


class PublishedGrade(Table, table=True):
    """One enterprise's published grade; `record_id` is its record in the log."""

    __tablename__ = "published_grade"
    __table_args__ = (Index("ix_published_grade_enterprise", "enterprise", "published_at"),)

    record_id: UUID = Field(primary_key=True)
    run_id: UUID = Field(foreign_key="grade_publication.run_id")
    enterprise: str = text()
    status: str = text()
    grade: str | None = text(default=None, nullable=True)
    score: Decimal | None = Field(default=None, sa_type=Numeric(12, 4))
    valid_from: date
    valid_until: date
    published_at: datetime


class Listing(Table, table=True):
    """A published red or black list entry; `exit_id` is the record that took it off its list.

    It is in force from `from_on` on, before `until_on`. A person's `subject` is a pseudonym.
    """

    __tablename__ = "listing"
    __table_args__ = (
        one_of("subject_kind", "enterprise", "manager", "practitioner"),
        one_of("list_name", "red", "black"),
        one_of("kind", "statutory", "departmental", "self-discipline"),
        one_of("effect", "reference", "statutory bar"),
        limited("subject", 24),
        limited("legal_basis", 400),
        CheckConstraint("from_on < until_on", name="span"),
        CheckConstraint("effect = 'reference' OR kind = 'statutory'", name="bar_is_statutory"),
        Index("uq_listing_entry", "entry_id", unique=True),
        Index("ix_listing_subject", "subject", "from_on"),
    )

    record_id: UUID = Field(primary_key=True)
    entry_id: UUID
    subject_kind: str = text()
    subject: str = text()
    list_name: str = text()
    kind: str = text()
    legal_basis: str = text()
    effect: str = text()
    from_on: date
    until_on: date
    listed_at: datetime
    exit_id: UUID | None = Field(default=None)
    ended_on: date | None = Field(default=None)
    ended_at: datetime | None = Field(default=None)


class GradeQuery(Table, table=True):
    """A bid evaluator's question with its purpose, and the answer as it was signed.

    `asked_for` is the organisation it was asked for, whose people may look at it: its id, or the
    person's own where they belong to none. `bidders` counts those asked about.
    """

    __tablename__ = "grade_query"
    __table_args__ = (
        limited("purpose", 200),
        limited("tender_ref", 200),
        Index("ix_grade_query_asked_for", "asked_for", "id"),
    )

    id: UUID = Field(primary_key=True)
    asked_by: str = text()
    purpose: str = text()
    tender_ref: str = text()
    asked_at: datetime
    answer: bytes = binary()
    asked_for: str = text()
    bidders: int = Field(sa_type=SmallInteger)
