"""Parties as other slices see them."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import Any

__all__ = [
    "Fault",
    "FoundSubject",
    "Located",
    "Placed",
    "Register",
    "RegisteredEnterprise",
    "Represented",
    "Row",
    "Sheets",
    "Subject",
]

Row = Mapping[str, Any]
# A register file: the rows of each sheet, every one with its number in the file.
Sheets = Mapping[str, Sequence[tuple[int, Row]]]


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
class Located:
    """Where a subject is on a day: the codes of divisions in which it is registered, stands, or
    manages or heads projects; none for one the register does not have. `name` is None for managers
    and for those unknown.
    """

    subject: Subject
    name: str | None
    divisions: tuple[str, ...]

    @property
    def shown(self) -> str:
        """The name with the code, or the code alone."""
        code = self.subject.code
        return f"{self.name}（{code}）" if self.name else code


@dataclass(frozen=True, slots=True)
class FoundSubject:
    """Somebody of the register found by code or name; `kind` is the register's own, as 老旧小区."""

    code: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class RegisteredEnterprise:
    """An enterprise in the register."""

    code: str
    name: str
    kind: str
    founded_on: date
    ended_on: date | None
    district: str | None


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot be taken in: sheet, row number as in the file, column key, message."""

    sheet: str
    row: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class Register:
    """What the register holds of what a file names, by code.

    `committees` gives each one's project; `managements` and `posts` give for each project since
    when and by whom it is managed or headed at present.
    """

    divisions: AbstractSet[str]
    enterprises: Mapping[str, RegisteredEnterprise]
    projects: AbstractSet[str]
    managers: AbstractSet[str]
    committees: Mapping[str, str]
    managements: Mapping[str, tuple[date, str]]
    posts: Mapping[str, tuple[date, str]]

    def codes(self) -> dict[str, AbstractSet[str]]:
        """Return the codes held, by the sheet they would stand in."""
        return {
            "divisions": self.divisions,
            "enterprises": self.enterprises.keys(),
            "projects": self.projects,
            "managers": self.managers,
            "committees": self.committees.keys(),
        }


@dataclass(frozen=True, slots=True)
class Represented:
    """A committee with its project, and the enterprise that manages it on a day, if one does."""

    committee: str
    kind: str
    ended_on: date | None
    project: str
    project_name: str
    enterprise: str | None
    enterprise_name: str | None
    since: date | None
    project_kind: str
    households: int
    street: str
