"""Earning as other slices may see it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

__all__ = ["Budget", "Claim", "Done", "Entered", "MemberView", "Occasion", "Settled"]


class MemberView(NamedTuple):
    """A participant; `id` is the wallet's, `account` the book's number of it."""

    id: str
    kind: str
    division: str
    account: int
    person_id: str | None
    minor_until: date | None
    consented: bool
    registered_at: datetime
    closed: bool

    def minor_on(self, day: date) -> bool:
        """Say whether the participant was no adult on a day."""
        return self.minor_until is not None and day < self.minor_until


class Claim(NamedTuple):
    """What somebody says a member did: a quantity in the rule's unit, or points where those are
    given by hand; neither is one usual quantity.
    """

    member: str
    rule: str
    on: date
    evidence: str
    quantity: int | None = None
    points: int | None = None
    activity: UUID | None = None


class Done(NamedTuple):
    """What a member did under a rule on a day, and what it earned."""

    member: str
    rule: str
    on: date
    activity: UUID | None
    quantity: int
    points: int


class Entered(NamedTuple):
    """What came of a claim: the state of its participation, or why there is none."""

    resident: str
    id: UUID | None
    status: str
    points: int
    flags: list[str]
    reason: str = ""
    message: str = ""


class Settled(NamedTuple):
    """An approved participation after it was posted."""

    id: UUID
    state: str
    reason: str | None


class Budget(NamedTuple):
    """A campaign with what it was given, what it has left, and what of that is pending."""

    id: UUID
    title: str
    division: str
    account: int
    rules: list[str]
    until: date | None
    closed: bool


class Occasion(NamedTuple):
    """The activity that claims are about: who organised it, the campaign that pays, and what is
    unusual about each member's part in it.
    """

    organiser: str
    budget: Budget
    flags: Mapping[str, Sequence[str]]
