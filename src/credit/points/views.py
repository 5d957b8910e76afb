"""What the book of points takes and answers."""

from datetime import date, datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

__all__ = [
    "SINGLE_KINDS",
    "Account",
    "Balance",
    "Entry",
    "Epoch",
    "Happening",
    "Hold",
    "NewAccount",
    "OpenHold",
    "OpenLot",
    "Operation",
    "Outcome",
    "Payment",
    "Place",
]

# One of each in a book. Of budget, resident, merchant, settled and clearing there are as many as owners.
SINGLE_KINDS = ("issuance", "held", "pending", "expired", "adjustment")
# Where a row stands in its table: page and line, until it is changed.
Place = tuple[int, int]


class NewAccount(NamedTuple):
    """An account to be opened; whose it is, and the division of the operator it belongs to."""

    code: str
    kind: str
    owner: str | None = None
    division: str | None = None


class Epoch(NamedTuple):
    """A sealed stretch of the book: transfers numbered above `after` through `upto`."""

    id: int
    after: int
    upto: int
    size: int
    root: bytes
    head: bytes
    record_id: UUID


class Operation(NamedTuple):
    """One operation of the book, in the order of the posting functions' arguments.

    `key` (16 octets) is the caller's, `hash` (16 octets) of what was asked under it. What a
    `transfer`, `hold`, `capture`, `void`, `refund`, `reverse` or `refuse` needs of the rest is said by the
    functions of `points.logic.operations`.
    """

    op: str
    key: bytes
    hash: bytes
    kind: str
    debit: int | None = None
    credit: int | None = None
    amount: int | None = None
    about: int | None = None
    beneficiary: int | None = None
    until: datetime | None = None
    valid_until: date | None = None
    priority: int | None = None
    happened_on: date | None = None
    reason: str | None = None
    token: bytes | None = None


class Outcome(NamedTuple):
    """What an operation came to: `posted` and its transfer, or why not and what would be allowed.

    `details` of a hold, capture, void or refund that was posted say how the hold stands after it.
    """

    outcome: str
    transfer: int | None
    details: dict[str, Any] | None


class Account(NamedTuple):
    """An account as it was opened: its number and code, whose it is, the operator's division."""

    id: int
    code: str
    kind: str
    owner: str | None
    division: str | None


class Balance(NamedTuple):
    """What an account holds: in all, what can be spent today, what is set aside of it elsewhere."""

    balance: int
    available: int
    held: int


class OpenLot(NamedTuple):
    """Points that can be spent through a day (None: always)."""

    lot: int
    points: int
    valid_until: date | None


class OpenHold(NamedTuple):
    """Points set aside, for whose account and until when."""

    hold: int
    beneficiary: int
    amount: int
    until: datetime


class Entry(NamedTuple):
    """A line of an account's history: what came (positive) or went, and the balance after it.

    `other` is the account on the other side, `about` the hold or lot it acts on, if any.
    """

    transfer: int
    kind: str
    at: datetime
    amount: int
    balance: int
    other: int
    about: int | None
    happened_on: date | None
    reason: str | None


class Hold(NamedTuple):
    """A hold as it stood after a transfer; `about` and `reason` are what it was made with,
    `lapsed` says that its time was over when it was given back.
    """

    hold: int
    account: int
    beneficiary: int
    amount: int
    made_at: datetime
    until: datetime
    captured: int
    returned: int
    refunded: int
    about: int | None
    reason: str | None
    lapsed: bool


class Payment(NamedTuple):
    """What an account was paid (`capture`) or gave back (`refund`) of a hold, and the reference
    that hold was made under.
    """

    transfer: int
    kind: Literal["capture", "refund"]
    amount: int
    at: datetime
    reference: str | None
    hold: int


class Happening(NamedTuple):
    """A transfer that concerns a payee: a hold for it, what became of one, or what it was paid out.

    `hold` is the hold as it stood after the transfer; None where it is about none.
    """

    transfer: int
    kind: str
    at: datetime
    amount: int
    reason: str | None
    hold: Hold | None
