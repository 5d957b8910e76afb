"""Evaluations as other slices and the interface see them."""

from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct

__all__ = [
    "Closed",
    "EvaluationRecord",
    "EvaluationState",
    "EvaluationStates",
    "RowProblem",
    "SheetAnswer",
    "Submission",
]


@dataclass(frozen=True, slots=True)
class Submission:
    """Marks for a sheet about a subject and a year.

    `division` is the district whose authority judges an enterprise (A.3.1), else the city.
    `input` has the shape of `credit rules score`.
    """

    sheet: str
    subject_kind: str
    subject: str
    year: int
    division: str
    input: dict[str, Any]


class RowProblem(Struct, frozen=True):
    """What keeps a sheet from being valid, and where."""

    row: str
    message: str


class SheetAnswer(Struct, frozen=True):
    """A scored sheet: points as decimal strings, by group and by evaluator."""

    sheet: str
    pack: str
    total: str
    groups: dict[str, str]
    roles: dict[str, str]
    stars: int | None
    veto: bool
    valid: bool
    problems: list[RowProblem]


class EvaluationState(Struct, frozen=True):
    """An evaluation after its last entry: the engine's result, and whether it is closed."""

    id: str
    sheet: str
    subject: str
    year: int
    division: str
    version: int
    closed: bool
    result: SheetAnswer


class EvaluationStates(Struct, frozen=True):
    """The evaluations of a batch, in its order."""

    items: list[EvaluationState]


class EvaluationRecord(Struct, frozen=True):
    """What closing an evaluation would sign now."""

    kind: Literal["evaluation"]
    body: dict[str, Any]


class Closed(Struct, frozen=True):
    """A closed evaluation and the record that closed it."""

    id: str
    record: str
    status: Literal["closed"]
