"""Tables of terms: what is due, until when, for whom, and how far up it has gone."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger

from credit.kit.tables import Field, Table, limited, one_of, text

__all__ = ["Term"]


class Term(Table, table=True):
    """Something somebody has to do until the end of a day; closed when it is done or moot.

    `escalates_on` is the day on which it goes up a level unless it is closed by then.
    """

    __tablename__ = "term"
    __table_args__ = (
        one_of("matter", "event", "repair", "contract", "duty", "entry"),
        limited("kind", 40),
        limited("scope", 40),
        limited("party", 40),
        CheckConstraint("(scope IS NULL) <> (party IS NULL)", name="one_actor"),
        CheckConstraint("level BETWEEN 0 AND 2", name="level_known"),
        Index(
            "uq_term_open", "matter_id", "kind", unique=True, postgresql_where="closed_at IS NULL"
        ),
        Index("ix_term_escalates_on", "escalates_on", postgresql_where="closed_at IS NULL"),
        Index("ix_term_scope", "scope", "due_on", "id", postgresql_where="closed_at IS NULL"),
        Index("ix_term_party", "party", "due_on", "id", postgresql_where="closed_at IS NULL"),
        Index(
            "ix_term_level",
            "level",
            "due_on",
            "id",
            postgresql_where="closed_at IS NULL AND level > 0",
        ),
    )

    id: UUID = Field(primary_key=True)
    matter: str = text()
    matter_id: UUID
    kind: str = text()
    due_on: date
    scope: str | None = text(default=None, nullable=True)
    party: str | None = text(default=None, nullable=True)
    about: str | None = text(default=None, nullable=True)
    level: int = Field(sa_type=SmallInteger)
    escalates_on: date | None = Field(default=None)
    opened_at: datetime
    closed_at: datetime | None = Field(default=None)
