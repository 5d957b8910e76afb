"""Evaluations as other slices and the interface see them."""

from dataclasses import dataclass
from typing import Any

__all__ = ["EvaluationState", "Submission"]


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


@dataclass(frozen=True, slots=True)
class EvaluationState:
    """An evaluation after its last entry: the engine's result, and whether it is closed."""

    id: str
    sheet: str
    subject: str
    year: int
    division: str
    version: int
    closed: bool
    result: dict[str, Any]
