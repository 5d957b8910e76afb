"""Parties as other slices see them."""

from dataclasses import dataclass
from datetime import date

__all__ = ["Placed", "RegisteredEnterprise", "Subject"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a fact is about: `kind` is enterprise, project or manager; `code` names it."""

    kind: str
    code: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A subject on a day: whether it is known, and who answered for it on that day.

    `enterprise` is the enterprise itself, or the one that managed the project then; None where
    nobody did. `exists_from` is the first day a fact about the subject can have happened.
    """

    subject: Subject
    day: date
    known: bool
    enterprise: str | None
    project: str | None
    manager: str | None
    exists_from: date | None


@dataclass(frozen=True, slots=True)
class RegisteredEnterprise:
    """An enterprise in the register."""

    code: str
    name: str
    kind: str
    founded_on: date
    ended_on: date | None
    district: str | None
