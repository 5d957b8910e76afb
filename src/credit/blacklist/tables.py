"""Tables of lists, boards and the exchange with partners."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Numeric, SmallInteger
from sqlalchemy.dialects.postgresql import ARRAY

from credit.kit.tables import (
    Field,
    Table,
    big_identity,
    binary,
    json_field,
    limited,
    one_of,
    text,
    texts,
)

__all__ = ["Board", "BoardScore", "ExchangeItem", "ListEntry", "ListStep"]

OPEN = "state NOT IN ('rejected', 'exited', 'ended')"


class ListEntry(Table, table=True):
    """An entry of the red or the black list as proposed, and where it stands.

    What was proposed never changes; the course does, one step of `list_step` at a time. `subject`
    is an enterprise's code or a person's pseudonym, `enterprise` in whose portal it stands.
    """

    __tablename__ = "list_entry"
    __table_args__ = (
        one_of("list_name", "red", "black"),
        one_of("subject_kind", "enterprise", "manager", "practitioner"),
        one_of("list_kind", "statutory", "departmental", "self-discipline"),
        one_of(
            "state", "proposed", "noticed", "answered", "heard", "listed", "rejected", "published",
            "leaving", "exited", "ended",
        ),
        one_of("hearing", "", "asked", "waived"),
        one_of("exit_kind", "repaired", "overturned", "review"),
        limited("subject", 24),
        limited("legal_basis", 200),
        limited("law", 200),
        limited("criterion", 40),
        limited("reason", 4000),
        CheckConstraint("(list_kind = 'statutory') = (law IS NOT NULL)", name="law_fits_kind"),
        CheckConstraint("legal_basis <> ''", name="basis_given"),
        CheckConstraint("cardinality(facts) BETWEEN 1 AND 20", name="facts_given"),
        CheckConstraint("cardinality(measures) BETWEEN 1 AND 10", name="measures_given"),
        CheckConstraint(
            "record_id IS NULL OR (from_on < until_on AND review_on <= until_on)", name="span"
        ),
        Index("uq_list_entry_open", "list_name", "subject", unique=True, postgresql_where=OPEN),
        Index("ix_list_entry_state", "list_name", "state", "id"),
        Index("ix_list_entry_subject", "subject", "id"),
        Index("ix_list_entry_enterprise", "enterprise", "id"),
    )  # fmt: skip

    id: UUID = Field(primary_key=True)
    list_name: str = text()
    subject_kind: str = text()
    subject: str = text()
    enterprise: str | None = text(default=None, nullable=True)
    list_kind: str = text()
    legal_basis: str = text()
    law: str | None = text(default=None, nullable=True)
    measures: list[str] = texts()
    facts: list[int] = Field(sa_type=ARRAY(BigInteger))
    criterion: str | None = text(default=None, nullable=True)
    reason: str = text()
    proposed_by: str = text()
    proposed_at: datetime
    state: str = text()
    steps: int = Field(sa_type=SmallInteger)
    answer_due: date | None = Field(default=None)
    answered: bool
    hearing: str = text()
    heard_by: str | None = text(default=None, nullable=True)
    decided_by: str | None = text(default=None, nullable=True)
    from_on: date | None = Field(default=None)
    until_on: date | None = Field(default=None)
    review_on: date | None = Field(default=None)
    retain_until: date | None = Field(default=None)
    record_id: UUID | None = Field(default=None)
    exit_kind: str | None = text(default=None, nullable=True)
    exit_id: UUID | None = Field(default=None)
    ended_on: date | None = Field(default=None)


class ListStep(Table, table=True):
    """Something that was done about an entry. Reasons stay here; the log has their digest."""

    __tablename__ = "list_step"
    __table_args__ = (
        one_of(
            "kind", "proposed", "notice", "answer", "hear", "list", "reject", "publish", "continue",
            "leave", "exit",
        ),
        limited("outcome", 40),
        limited("statement", 4000),
        CheckConstraint("cardinality(evidence) <= 20", name="evidence_bounded"),
    )  # fmt: skip

    entry_id: UUID = Field(primary_key=True, foreign_key="list_entry.id")
    number: int = Field(primary_key=True, sa_type=SmallInteger)
    kind: str = text()
    outcome: str | None = text(default=None, nullable=True)
    statement: str = text()
    evidence: list[str] = texts()
    salt: bytes | None = binary(default=None, nullable=True)
    record_id: UUID | None = Field(default=None)
    done_by: str = text()
    at: datetime


class Board(Table, table=True):
    """A periodic red and black board; `numbers` are what was published, canonical JSON."""

    __tablename__ = "board"
    __table_args__ = (
        one_of("subject_kind", "enterprise", "project"),
        one_of("state", "draft", "published"),
        limited("board", 60),
        limited("pack", 60),
        limited("period", 10),
        limited("title", 120),
        CheckConstraint(
            "(state = 'published') = (record_id IS NOT NULL AND numbers IS NOT NULL)",
            name="published_whole",
        ),
        Index("uq_board_period", "board", "period", unique=True),
        Index("ix_board_state", "state", "id"),
    )

    id: UUID = Field(primary_key=True)
    board: str = text()
    pack: str = text()
    subject_kind: str = text()
    period: str = text()
    title: str = text()
    created_by: str = text()
    created_at: datetime
    state: str = text()
    record_id: UUID | None = Field(default=None)
    numbers: bytes | None = binary(default=None, nullable=True)
    published_by: str | None = text(default=None, nullable=True)
    published_at: datetime | None = Field(default=None)


class BoardScore(Table, table=True):
    """Points from 0 to 100 of one source for one subject; the highest version counts."""

    __tablename__ = "board_score"
    __table_args__ = (
        limited("source", 60),
        limited("subject", 24),
        limited("document", 64),
        CheckConstraint("points BETWEEN 0 AND 100", name="points_bounded"),
    )

    board_id: UUID = Field(primary_key=True, foreign_key="board.id")
    subject: str = text(primary_key=True)
    source: str = text(primary_key=True)
    version: int = Field(primary_key=True)
    points: Decimal = Field(sa_type=Numeric(5, 2))
    document: str = text()
    entered_by: str = text()
    entered_at: datetime


class ExchangeItem(Table, table=True):
    """What partners of joint measures are told, in the order of ids; each keeps its position."""

    __tablename__ = "exchange_item"
    __table_args__ = (one_of("kind", "entry", "exit"), Index("ix_exchange_item_entry", "entry_id"))

    id: int = big_identity()
    kind: str = text()
    entry_id: UUID = Field(foreign_key="list_entry.id")
    body: dict[str, Any] = json_field()
    created_at: datetime
