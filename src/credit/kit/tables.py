"""What every slice's `tables.py` shares, and the toolbox's own tables.

SQLModel classes describe the schema: migrations are generated from them and a test compares them
with the database. They are never instantiated; statements stand in `store.py`.
"""

import enum
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import BigInteger, CheckConstraint, Identity, LargeBinary, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

__all__ = [
    "CalendarDay",
    "Field",
    "IdempotencyKey",
    "ImportBatch",
    "JobSchemaStep",
    "Table",
    "VaultKey",
    "VaultValue",
    "big_identity",
    "binary",
    "json_field",
    "limited",
    "one_of",
    "text",
    "texts",
    "whole",
]

Table = SQLModel

EnumT = TypeVar("EnumT", bound=enum.StrEnum)

Table.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def text(**options: Any) -> Any:
    """Declare a TEXT column; its length is limited by a CHECK (`limited`) and at the edge."""
    return Field(sa_type=Text, **options)


def texts(**options: Any) -> Any:
    """Declare a TEXT[] column."""
    return Field(sa_type=ARRAY(Text), **options)


def binary(**options: Any) -> Any:
    """Declare a BYTEA column."""
    return Field(sa_type=LargeBinary, **options)


def whole(**options: Any) -> Any:
    """Declare a BIGINT column."""
    return Field(sa_type=BigInteger, **options)


def json_field(**options: Any) -> Any:
    """Declare a JSONB column."""
    return Field(sa_type=JSONB, **options)


def big_identity() -> Any:
    """Declare a BIGINT key that only the database may choose."""
    return Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )


def limited(column: str, chars_max: int) -> CheckConstraint:
    """Limit a text column's length in characters."""
    return CheckConstraint(f"char_length({column}) <= {chars_max}", name=f"{column}_length")


def one_of(column: str, *values: str) -> CheckConstraint:
    """Limit a text column to a closed vocabulary."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class IdempotencyKey(Table, table=True):
    """An answer kept under its caller's key, in the transaction that did the work."""

    __tablename__ = "idempotency_key"
    __table_args__ = (limited("client", 64), limited("key", 100))

    client: str = text(primary_key=True)
    key: str = text(primary_key=True)
    request_hash: bytes = binary()
    status: int = Field(sa_type=SmallInteger)
    answer: bytes = binary()
    created_at: datetime = Field(index=True)


class ImportBatch(Table, table=True):
    """A file that was taken in whole; the same bytes are never taken in twice."""

    __tablename__ = "import_batch"
    __table_args__ = (limited("kind", 40), limited("imported_by", 64))

    kind: str = text(primary_key=True)
    digest: bytes = binary(primary_key=True)
    rows: int
    imported_by: str = text()
    imported_at: datetime


class CalendarDay(Table, table=True):
    """A day an officer declared working or free, for years the calendar package does not know."""

    __tablename__ = "calendar_day"

    day: date = Field(primary_key=True)
    workday: bool
    entered_by: str = text()
    entered_at: datetime


class JobSchemaStep(Table, table=True):
    """A step of the job queue's own schema that was taken; procrastinate names them."""

    __tablename__ = "job_schema_step"

    name: str = text(primary_key=True)


class VaultKey(Table, table=True):
    """The key of one person's sealed values, itself sealed; deleting it erases the person."""

    __tablename__ = "vault_key"
    __table_args__ = (limited("subject", 40),)

    subject: str = text(primary_key=True)
    sealed: bytes = binary()


class VaultValue(Table, table=True):
    """A sealed value: a name, a telephone number; never readable in the database."""

    __tablename__ = "vault_value"
    __table_args__ = (limited("field", 40),)

    subject: str = text(primary_key=True, foreign_key="vault_key.subject")
    field: str = text(primary_key=True)
    sealed: bytes = binary()
