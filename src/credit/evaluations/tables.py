"""Tables of evaluations: marks for a sheet, a subject and a year, and their closing."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Numeric

from credit.kit.tables import Field, Table, json_field, limited, one_of, text, whole

__all__ = ["Evaluation", "EvaluationClosing", "EvaluationEntry", "EvaluationOpen"]


class Evaluation(Table, table=True):
    """One sheet about one subject for one calendar year, by one division where several judge."""

    __tablename__ = "evaluation"
    __table_args__ = (
        one_of("subject_kind", "enterprise", "project", "street", "district"),
        limited("sheet", 40),
        Index(
            "uq_evaluation_year_subject",
            "sheet",
            "year",
            "subject",
            "division",
            unique=True,
        ),
        Index("ix_evaluation_enterprise", "enterprise", "year"),
    )

    id: UUID = Field(primary_key=True)
    pack: str = text()
    sheet: str = text()
    subject_kind: str = text()
    subject: str = text()
    enterprise: str | None = text(default=None, nullable=True)
    division: str = text()
    year: int
    weight: int = whole()
    created_at: datetime


class EvaluationOpen(Table, table=True):
    """An evaluation that nobody has closed yet: what desks count and lists begin with."""

    __tablename__ = "evaluation_open"
    __table_args__ = (Index("ix_evaluation_open_listed", "sheet", "year", "subject", "division"),)

    evaluation_id: UUID = Field(primary_key=True, foreign_key="evaluation.id")
    sheet: str = text()
    year: int
    subject: str = text()
    division: str = text()
    created_at: datetime


class EvaluationEntry(Table, table=True):
    """The sheet's whole input after one submission; the highest version counts."""

    __tablename__ = "evaluation_entry"

    evaluation_id: UUID = Field(primary_key=True, foreign_key="evaluation.id")
    version: int = Field(primary_key=True)
    input: dict[str, Any] = json_field()
    entered_by: str = text()
    entered_at: datetime


class EvaluationClosing(Table, table=True):
    """The closing of an evaluation: a signed record with the result."""

    __tablename__ = "evaluation_closing"

    evaluation_id: UUID = Field(primary_key=True, foreign_key="evaluation.id")
    version: int
    total: Decimal = Field(sa_type=Numeric(12, 4))
    veto: bool
    valid: bool
    closed_on: date
    closed_by: str = text()
    closed_at: datetime
