"""Settlements as pages, documents and machines see them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from credit.market.logic.settlements import State, Statement

__all__ = ["Checked", "Payee", "Settled", "Sum"]


class Payee(NamedTuple):
    """A merchant with what a statement of it needs."""

    code: str
    name: str
    division: str
    account: int
    fen_per_point: int


class Settled(NamedTuple):
    """A settlement with the merchant it is of, as it was drawn and where it stands."""

    id: UUID
    merchant: str
    name: str
    division: str
    account: int
    after: int
    upto: int
    begins_on: date
    ends_on: date
    captures: int
    captured: int
    refunds: int
    refunded: int
    points: int
    carried: int
    fen_per_point: int
    fen: int
    digest: bytes
    state: State
    drawn_by: str
    drawn_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    dispute: str | None
    answer: str | None
    answered_by: str | None
    voucher: str | None
    paid_by: str | None
    paid_at: datetime | None
    transfer: int | None

    @property
    def payable(self) -> int:
        """The points to be paid for; where they are zero or less, what is carried on."""
        return self.points + self.carried


class Sum(NamedTuple):
    """How many settlements are in a state, and what they come to together."""

    state: State
    settlements: int
    points: int
    fen: int


@dataclass(frozen=True, slots=True)
class Checked:
    """A settlement beside the statement that the book gives now.

    `statement` is None where the book gives none at all; `faults` say what differs.
    """

    settled: Settled
    statement: Statement | None
    digest: bytes | None
    faults: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether what was drawn is what the book says."""
        return not self.faults
