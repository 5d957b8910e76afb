"""Tables of the log: records, intake, entries, chains of subjects, tiles, state, checkpoints, keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger

from credit.kit.tables import (
    Field,
    Table,
    big_identity,
    binary,
    limited,
    one_of,
    text,
    whole,
)

__all__ = [
    "LogCheckpoint",
    "LogEntry",
    "LogIntake",
    "LogRecord",
    "LogRefusal",
    "LogSealed",
    "LogState",
    "LogSubject",
    "LogTile",
    "SigningKeyRow",
    "SubjectHead",
]


class LogRecord(Table, table=True):
    """A signed record, written once, in the transaction of the business it records.

    `fragment` is its part of the entry, `kids` the keys that signed, joined by spaces, `subjects`
    the 32-byte hashes of its subjects, joined.
    """

    __tablename__ = "log_record"
    __table_args__ = (
        Index("uq_log_record_record_id", "record_id", unique=True),
        CheckConstraint("octet_length(fragment) <= 64511", name="fragment_length"),
        CheckConstraint("mod(octet_length(subjects), 32) = 0", name="subjects_whole"),
    )

    k: int = big_identity()
    record_id: UUID
    kind: str = text()
    kids: str = text()
    subjects: bytes = binary()
    fragment: bytes = binary()


class LogSealed(Table, table=True):
    """A record that pages and answers show no more; the log itself keeps it as it is."""

    __tablename__ = "log_sealed"

    record_id: UUID = Field(primary_key=True)
    sealed_at: datetime


class LogIntake(Table, table=True):
    """A record that waits for its number."""

    __tablename__ = "log_intake"

    k: int = whole(primary_key=True, sa_column_kwargs={"autoincrement": False})


class LogSubject(Table, table=True):
    """The records about a subject."""

    __tablename__ = "log_subject"

    subject: bytes = binary(primary_key=True)
    k: int = whole(primary_key=True)


class LogEntry(Table, table=True):
    """A leaf of the tree: what the log adds to a record, and the hash of both together."""

    __tablename__ = "log_entry"
    # The index alone answers where a record stands, which a city's run asks a million times.
    __table_args__ = (Index("uq_log_entry_k", "k", unique=True, postgresql_include=["idx"]),)

    idx: int = whole(primary_key=True, sa_column_kwargs={"autoincrement": False})
    k: int = whole()
    admitted_at: str = text()
    tail: bytes = binary()
    leaf_hash: bytes = binary()


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
    signed_at: datetime = Field(index=True)


class LogRefusal(Table, table=True):
    """A record the sequencer would not number, and why."""

    __tablename__ = "log_refusal"
    __table_args__ = (one_of("reason", "unknown-key", "revoked-key"),)

    k: int = whole(primary_key=True, sa_column_kwargs={"autoincrement": False})
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
