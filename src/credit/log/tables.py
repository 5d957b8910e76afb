"""Tables of the log: intake, entries, chains of subjects, tiles, state, checkpoints, keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, SmallInteger
from sqlalchemy.dialects.postgresql import ARRAY

from credit.kit.tables import (
    Field,
    Table,
    big_identity,
    binary,
    limited,
    one_of,
    text,
    texts,
    whole,
)

__all__ = [
    "LogCheckpoint",
    "LogEntry",
    "LogIntake",
    "LogRefusal",
    "LogState",
    "LogSubject",
    "LogTile",
    "SigningKeyRow",
    "SubjectHead",
]


class LogIntake(Table, table=True):
    """A record waiting for its number, written in the transaction of the business it records."""

    __tablename__ = "log_intake"
    __table_args__ = (
        Index("uq_log_intake_event_id", "event_id", unique=True),
        CheckConstraint("octet_length(fragment) <= 64511", name="fragment_length"),
    )

    k: int = big_identity()
    event_id: UUID
    kind: str = text()
    kids: Any = texts()
    subjects: Any = Field(sa_type=ARRAY(LargeBinary))
    fragment: bytes = binary()


class LogEntry(Table, table=True):
    """A leaf of the tree: its number, its hash, its bytes."""

    __tablename__ = "log_entry"
    __table_args__ = (
        Index("uq_log_entry_event_id", "event_id", unique=True),
        Index("ix_log_entry_admitted_at", "admitted_at"),
    )

    idx: int = whole(primary_key=True, sa_column_kwargs={"autoincrement": False})
    event_id: UUID
    kind: str = text()
    leaf_hash: bytes = binary()
    admitted_at: datetime
    entry: bytes = binary()


class LogSubject(Table, table=True):
    """The chain of a subject: its entries by their place in it, without gaps."""

    __tablename__ = "log_subject"

    subject: bytes = binary(primary_key=True)
    seq: int = Field(primary_key=True)
    idx: int = whole()


class SubjectHead(Table, table=True):
    """The last entry of each subject's chain."""

    __tablename__ = "subject_head"

    subject: bytes = binary(primary_key=True)
    seq: int
    leaf_hash: bytes = binary()


class LogTile(Table, table=True):
    """A full tile of 256 hashes, and the hash over it, which stands in the tile above."""

    __tablename__ = "log_tile"
    __table_args__ = (CheckConstraint("octet_length(data) = 8192", name="full"),)

    level: int = Field(primary_key=True, sa_type=SmallInteger)
    number: int = whole(primary_key=True)
    data: bytes = binary()
    root: bytes = binary()


class LogState(Table, table=True):
    """The tree's size and root, and its complete subtrees; one row."""

    __tablename__ = "log_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(primary_key=True, sa_type=SmallInteger)
    size: int = whole()
    root: bytes = binary()
    stack: bytes = binary()


class LogCheckpoint(Table, table=True):
    """A signed checkpoint; it is stored only after it was kept outside the database."""

    __tablename__ = "log_checkpoint"

    size: int = whole(primary_key=True, sa_column_kwargs={"autoincrement": False})
    root: bytes = binary()
    note: str = text()
    signed_at: datetime


class LogRefusal(Table, table=True):
    """A record the sequencer would not number, and why."""

    __tablename__ = "log_refusal"
    __table_args__ = (one_of("reason", "duplicate", "unknown-key", "revoked-key"),)

    k: int = whole(primary_key=True, sa_column_kwargs={"autoincrement": False})
    event_id: UUID = Field(index=True)
    reason: str = text()
    refused_at: datetime


class SigningKeyRow(Table, table=True):
    """A public key announced in the log: who holds it, what it may sign."""

    __tablename__ = "signing_key"
    __table_args__ = (
        one_of("purpose", "record", "answer"),
        limited("kid", 100),
        Index("ix_signing_key_holder", "holder"),
    )

    kid: str = text(primary_key=True)
    algorithm: str = text()
    public_key: bytes = binary()
    holder: str = text()
    purpose: str = text()
    announced_by: UUID
    announced_at: datetime
    revoked_by: UUID | None = Field(default=None)
    revoked_at: datetime | None = Field(default=None)
