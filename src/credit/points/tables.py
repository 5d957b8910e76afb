"""Tables of the book of points: accounts, transfers, holds, lots and what is sealed.

The posting functions alone write them and check what they write; `credit points verify` checks it
again. Two things only does a constraint refuse besides, since PostgreSQL reads every constraint anew
for each statement: a balance below its floor, and a lot that is drawn further than it goes.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger

from credit.kit.tables import Field, Table, big_identity, binary, json_field, text, whole
from credit.points.views import SINGLE_KINDS

__all__ = [
    "PointAccount",
    "PointBook",
    "PointEpoch",
    "PointHold",
    "PointKey",
    "PointLot",
    "PointLotUse",
    "PointToken",
    "PointTransfer",
]

_OPEN = "captured = 0 AND returned = 0"

_SINGLE = ", ".join(f"'{kind}'" for kind in SINGLE_KINDS)


class PointBook(Table, table=True):
    """The one row of a city's book: the number of the writer's lease."""

    __tablename__ = "point_book"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(primary_key=True, sa_type=SmallInteger)
    lease: int = whole()


class PointAccount(Table, table=True):
    """An account; `lots` says whether its points have an end and are drawn lot by lot.

    `floor` is the least its balance may be (NULL: nothing holds it), `owner` a person's pseudonym,
    a merchant's code, a campaign's id or a street's code, `division` the operator whose account it is.
    """

    __tablename__ = "point_account"
    __table_args__ = (
        CheckConstraint("balance >= floor", name="floor_held"),
        Index(
            "uq_point_account_single",
            "kind",
            unique=True,
            postgresql_where=f"kind IN ({_SINGLE})",
        ),
        Index("ix_point_account_owner", "owner", postgresql_where="owner IS NOT NULL"),
    )

    id: int = big_identity()
    code: str = text(unique=True)
    kind: str = text()
    owner: str | None = text(default=None, nullable=True)
    division: str | None = text(default=None, nullable=True)
    floor: int | None = whole(default=None, nullable=True)
    lots: bool
    balance: int = whole()
    opened_at: datetime
    closed_at: datetime | None = Field(default=None)


class PointTransfer(Table, table=True):
    """Points that went from `debit` to `credit`, with both balances after it; never changed.

    `about` is the hold, lot or transfer it acts on; `happened_on` the day of what it books where
    that is not the day of `at`.
    """

    __tablename__ = "point_transfer"
    __table_args__ = (
        Index("ix_point_transfer_debit", "debit", "id"),
        Index("ix_point_transfer_credit", "credit", "id"),
    )

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    debit: int = whole()
    credit: int = whole()
    amount: int = whole()
    debit_balance: int = whole()
    credit_balance: int = whole()
    about: int | None = whole(default=None, nullable=True)
    at: datetime
    happened_on: date | None = Field(default=None)
    kind: str = text()
    reason: str | None = text(default=None, nullable=True)


class PointKey(Table, table=True):
    """What an operation came to, kept under its caller's key: a transfer, or a refusal."""

    __tablename__ = "point_key"

    key: bytes = binary(primary_key=True)
    hash: bytes = binary()
    transfer: int | None = whole(default=None, nullable=True)
    day: date
    refusal: str | None = text(default=None, nullable=True)
    details: dict[str, object] | None = json_field(default=None, nullable=True)


class PointHold(Table, table=True):
    """Points set aside by the transfer of the same number, for `beneficiary`, until a moment."""

    __tablename__ = "point_hold"
    __table_args__ = (
        Index("ix_point_hold_until", "until", postgresql_where=_OPEN),
        Index("ix_point_hold_account", "account", postgresql_where=_OPEN),
        Index("ix_point_hold_beneficiary", "beneficiary", "id"),
    )

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    account: int = whole()
    holder: int = whole()
    beneficiary: int = whole()
    amount: int = whole()
    until: datetime
    captured: int = whole()
    returned: int = whole()
    refunded: int = whole()


class PointToken(Table, table=True):
    """A one-time right to hold points of an account, known by the digest of what is shown.

    `beneficiary` is whom it may be used for (NULL: anybody), `hold` what it was used for.
    """

    __tablename__ = "point_token"

    token: bytes = binary(primary_key=True)
    account: int = whole()
    beneficiary: int | None = whole(default=None, nullable=True)
    until: datetime = Field(index=True)
    hold: int | None = whole(default=None, nullable=True)


class PointLot(Table, table=True):
    """Points granted by the transfer of the same number, and what is left of them.

    They are good through the day `valid_until` (infinity: always), drawn by priority, that day, age.
    Of one that was reversed nothing is drawn: what comes back to it can only be reversed, too.
    """

    __tablename__ = "point_lot"
    __table_args__ = (
        CheckConstraint("remaining BETWEEN 0 AND amount", name="remaining_range"),
        # Every lot stands in it, empty ones too: an index that left those out would have to be
        # changed with each draw.
        Index("ix_point_lot_account", "account", "priority", "valid_until", "id"),
    )

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    account: int = whole()
    amount: int = whole()
    remaining: int = whole()
    valid_until: date
    priority: int = Field(sa_type=SmallInteger)
    reversed: bool


class PointLotUse(Table, table=True):
    """What a transfer drew from a lot, and how much of that went back to it since, or was granted
    anew by a refund because the lot was over.
    """

    __tablename__ = "point_lot_use"

    transfer: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    lot: int = Field(primary_key=True, sa_type=BigInteger)
    amount: int = whole()
    returned: int = whole()
    regranted: int = whole()


class PointEpoch(Table, table=True):
    """A sealed stretch of the book: the transfers numbered above `after` through `upto`, how many
    those are, their tree's root, and the head of the chain of epochs.
    """

    __tablename__ = "point_epoch"

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    after: int = whole()
    upto: int = whole(unique=True)
    size: int = whole()
    root: bytes = binary()
    head: bytes = binary()
    sealed_at: datetime
    record_id: UUID
