"""Closed evaluations by groups of their sheets, scored again from what the log recorded."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from msgspec import field

from credit.grades import logic
from credit.log.views import ChainEntry
from credit.rules.model import Cancelled, Sheet
from credit.rules.pack import Pack
from credit.rules.sheets import InputRefused, score_sheet

__all__ = ["ClosingBody", "SheetShape", "groups_of", "shape_of"]

Group = tuple[str, Decimal, Decimal]


class ClosingBody(logic.RecordBody):
    """What grading reads of a record; also an evaluation's input."""

    input: dict[str, Any] = field(default_factory=dict)


Body = TypeVar("Body", bound=ClosingBody)


@dataclass(frozen=True, slots=True)
class SheetShape:
    """An evaluation by groups: (group, points, full mark); `before` are the points a year earlier.

    `about` names the project or the district that was judged, `total` is the sheet's.
    """

    sheet: str
    year: int
    about: str
    total: Decimal
    index: int
    groups: tuple[Group, ...]
    before: tuple[Decimal, ...] | None


def shape_of(
    latest: ChainEntry[Body], closed: Iterable[ChainEntry[Body]], pack: Pack, about: str
) -> SheetShape | None:
    """Score a closing by groups, beside the same one of a year before if it is among `closed`.

    None where the pack of today cannot read it any more.
    """
    groups = groups_of(latest, pack)
    if groups is None:
        return None
    body = latest.body
    wanted = (body.sheet, body.division, body.subjects[-1].id, body.year - 1)
    earlier = [
        one
        for one in closed
        if (one.body.sheet, one.body.division, one.body.subjects[-1].id, one.body.year) == wanted
    ]
    found = groups_of(earlier[-1], pack) if earlier else None
    points = {name: mark for name, mark, _ in found or ()}
    before = tuple(points.get(name, Decimal(0)) for name, *_ in groups)
    return SheetShape(
        body.sheet,
        body.year,
        about,
        body.total,
        latest.index,
        groups,
        None if found is None else before,
    )


def groups_of(entry: ChainEntry[Body], pack: Pack) -> tuple[Group, ...] | None:
    """Score what a closing recorded, by groups with a full mark; None where that is unreadable.

    Reasons stand in the log as being on file only, which is a reason like any other here.
    """
    body = entry.body
    try:
        sheet = pack.on(min(body.closed_on, date(body.year, 12, 31))).sheets[body.sheet]
        ladder = pack.on(body.closed_on).grader.ladder
        points = score_sheet(sheet, body.input, ladder=ladder).groups
    except (KeyError, InputRefused):
        return None
    full = _full_marks(sheet, body.input.get("variant"))
    return tuple((name, points.get(name, Decimal(0)), mark) for name, mark in full.items() if mark)


def _full_marks(sheet: Sheet, variant: object) -> dict[str, Decimal]:
    full: dict[str, Decimal] = {}
    for row in sheet.rows:
        if not isinstance(row, Cancelled) and row.variant in (None, variant):
            full[row.group] = full.get(row.group, Decimal(0)) + row.full
    return full
