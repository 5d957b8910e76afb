"""A score sheet as a form: fields out of an input, and an input out of fields."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from credit.evaluations.logic import WAYS
from credit.evaluations.service import ShownSheet
from credit.kit.errors import Invalid
from credit.kit.texts import say
from credit.rules.model import (
    Cancelled,
    CountedDeduction,
    EventDerived,
    FullOrNothing,
    GradeGate,
    ItemisedDeduction,
    Row,
    Sheet,
    StepwiseRate,
    SurveyMean,
)

__all__ = ["NO_FINDING", "FormGroup", "FormRow", "groups_of", "input_of_fields", "negatives_of"]

FIELD_CHARS_MAX = 1_000
VALUES_MAX = 50  # of one field
COUNT_DIGITS_MAX = 9
# What is ticked where the items were looked at and none was found.
NO_FINDING = "-"
METHODS: dict[type[Any], str] = {
    FullOrNothing: "choice",
    CountedDeduction: "count",
    ItemisedDeduction: "items",
    StepwiseRate: "rate",
    SurveyMean: "rate",
    GradeGate: "log",
    EventDerived: "log",
    Cancelled: "cancelled",
}


@dataclass(frozen=True, slots=True)
class FormRow:
    """A row with what is filled in. `method` says which input it takes: mark, choice (full or 0),
    count, items, rate, log (derived, not filled in), cancelled. `points` is None before scoring.
    """

    row: Row
    method: str
    mark: str
    count: str
    items: frozenset[str]
    rate: str
    reason: str
    points: Decimal | None

    @property
    def filled(self) -> bool:
        """Whether the row counts as it stands, rather than as nothing for the time being."""
        return bool(self.mark or self.count or self.items or self.rate or self.method == "log")

    @property
    def takes_mark(self) -> bool:
        """Whether the row may be marked beside its own method: surveys, and where it was."""
        return isinstance(self.row, SurveyMean) or bool(self.mark)

    @property
    def asks_reason(self) -> bool:
        """Whether the form has a place for a reason."""
        return self.row.requires_reason or bool(self.reason)


@dataclass(frozen=True, slots=True)
class FormGroup:
    """A group of rows, its full mark, and its points once they are scored."""

    name: str
    full: Decimal
    points: Decimal | None
    rows: tuple[FormRow, ...]


def groups_of(shown: ShownSheet, given: Mapping[str, Any]) -> list[FormGroup]:
    """Return the rows of a sheet that count for its variant, by group, filled in with `given`."""
    rows: dict[str, list[FormRow]] = {}
    points = {}
    if shown.result is not None:
        points = {node.rule: Decimal(node.value) for node in shown.result.trace.children}
    for row in active_rows(shown.sheet, given.get("variant")):
        rows.setdefault(row.group, []).append(_form_row(row, given, points.get(row.id)))
    totals = shown.result.groups if shown.result else {}
    return [
        FormGroup(
            name,
            sum((one.row.full for one in found if one.method != "cancelled"), Decimal(0)),
            totals.get(name, Decimal(0)) if shown.result else None,
            tuple(found),
        )
        for name, found in rows.items()
    ]


def active_rows(sheet: Sheet, variant: object) -> list[Row]:
    """Return the rows that count for a variant, and those that are cancelled."""
    return [row for row in sheet.rows if row.variant in (None, variant)]


def negatives_of(sheet: Sheet, given: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Return for each row of the negative list what is filled in: (points, reason), one more left
    empty.
    """
    filled: dict[str, list[tuple[str, str]]] = {one.id: [] for one in sheet.negative}
    for one in given.get("negative") or ():
        filled[one["row"]].append((str(one["points"]), str(one["reason"])))
    return {row: [*found, ("", "")] for row, found in filled.items()}


def input_of_fields(sheet: Sheet, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Read a whole form into the input of a sheet; what was left empty is left out.

    Numbers stay the text they were typed as: the engine refuses what is none, and names the row.
    """
    variant = _text(fields, "variant") or None
    given: dict[str, Any] = {"marks": {}, "findings": {}, "rates": {}, "reasons": {}}
    for row in active_rows(sheet, variant):
        found = {
            "marks": _number(fields, f"mark-{row.id}"),
            "findings": _finding(row, fields),
            "rates": _number(fields, f"rate-{row.id}"),
            "reasons": _text(fields, f"why-{row.id}"),
        }
        for part, value in found.items():
            if value not in ("", None):
                given[part][row.id] = value
    given["negative"] = _negatives(sheet, fields)
    given["survey"] = _survey(fields) if sheet.survey else None
    given["variant"] = variant
    return {part: value for part, value in given.items() if value}


def _form_row(row: Row, given: Mapping[str, Any], points: Decimal | None) -> FormRow:
    mark, finding, rate = ((given.get(way) or {}).get(row.id) for way in WAYS)
    items: frozenset[str] = frozenset()
    if isinstance(finding, list):
        items = frozenset(finding) or frozenset([NO_FINDING])
    return FormRow(
        row,
        METHODS.get(type(row), "mark"),
        "" if mark is None else str(mark),
        "" if finding is None or items else str(finding),
        items,
        "" if rate is None else str(rate),
        str((given.get("reasons") or {}).get(row.id) or ""),
        points,
    )


def _finding(row: Row, fields: Mapping[str, Any]) -> int | str | list[str] | None:
    if isinstance(row, CountedDeduction):
        return _count(fields, f"count-{row.id}")
    if isinstance(row, ItemisedDeduction):
        chosen = _texts(fields, f"item-{row.id}")
        return [] if chosen == [NO_FINDING] else chosen or None
    return None


def _negatives(sheet: Sheet, fields: Mapping[str, Any]) -> list[dict[str, str]]:
    found = []
    for one in sheet.negative:
        points = [_half_width(typed) for typed in _texts(fields, f"points-{one.id}")]
        reasons = _texts(fields, f"cause-{one.id}")
        if len(points) != len(reasons):
            raise Invalid(say("表单不完整，请重新打开这份评价。"))
        found += [
            {"row": one.id, "points": typed, "reason": why}
            for typed, why in zip(points, reasons, strict=True)
            if typed or why
        ]
    return found


def _survey(fields: Mapping[str, Any]) -> dict[str, int | str] | None:
    counts = {name: _count(fields, name) for name in ("owners_total", "sampled")}
    return None if set(counts.values()) == {""} else counts


def _count(fields: Mapping[str, Any], name: str) -> int | str:
    typed = _number(fields, name)
    return int(typed) if typed.isdecimal() and len(typed) <= COUNT_DIGITS_MAX else typed


def _number(fields: Mapping[str, Any], name: str) -> str:
    return _half_width(_text(fields, name))


def _half_width(typed: str) -> str:
    """Write figures as keyboards without a Chinese input method do."""
    return unicodedata.normalize("NFKC", typed)


def _text(fields: Mapping[str, Any], name: str) -> str:
    found = _texts(fields, name)
    if len(found) > 1:
        raise Invalid(say("表单里同一项出现了两次，请重新打开这份评价。"))
    return found[0] if found else ""


def _texts(fields: Mapping[str, Any], name: str) -> list[str]:
    """Return what a field was filled in with, each on one line."""
    value = fields.get(name, [])
    values = value if isinstance(value, list) else [value]
    if len(values) > VALUES_MAX or not all(
        isinstance(one, str) and len(one) <= FIELD_CHARS_MAX for one in values
    ):
        raise Invalid(say("有一项太长：最多 %(most)s 个字。", most=FIELD_CHARS_MAX))
    return [" ".join(one.split()) for one in values]
