"""Rows of horizontal bars from a common edge: one bar each, or two beside one another."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup, escape

from credit.kit.charts.svg import (
    LINE_HEIGHT,
    ORANGE,
    WIDTH,
    bar_look,
    coordinate,
    element,
    frame,
    group,
    hatch,
    label,
    legend,
    path,
)
from credit.kit.charts.text import EM, fit, width, wrap

__all__ = ["Bar", "BarRow", "draw_rows"]

_LABEL_ROOM = 9 * EM
_TEXT_ROOM = 130.0
_BAR = 14.0
_PAIR_BAR = 12.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar's `share` of the full length (0..1), its value and a note, both written at its end."""

    share: Decimal
    text: str
    note: str


@dataclass(frozen=True, slots=True)
class BarRow:
    """A row: its name, what is said of it when pointed at, its bar and maybe that of the other."""

    name: str
    title: str
    main: Bar
    other: Bar | None = None


def draw_rows(
    rows: Sequence[BarRow],
    *,
    id_: str,
    title: str,
    desc: str,
    series: tuple[str, str] | None = None,
    other_first: bool = False,
) -> Markup:
    """Draw at least one row; `series` names the bars of `main` and `other` where there are both.

    With `other_first` the other series stands above, as the earlier one does.
    """
    left = min(max(width(row.name) for row in rows), _LABEL_ROOM) + 10
    bars = [bar for row in rows for bar in (row.main, row.other) if bar]
    room = WIDTH - left - max(map(_text_width, bars)) - 8
    top = 4.0
    parts: list[Markup] = []
    if series:
        key = [("s1", series[0]), ("s2", series[1])][:: -1 if other_first else 1]
        parts += [hatch(id_, "s2", ORANGE), legend(10, key, id_)]
        top = 26.0
    y = top
    for row in rows:
        lines = wrap(row.name, _LABEL_ROOM, 2)
        height = max(LINE_HEIGHT * len(lines), 2 * LINE_HEIGHT if row.other else 0.0) + 9
        parts.append(_row(row, lines, (left, y + height / 2, room), id_, other_first=other_first))
        y += height
    axis = path(
        f"M{coordinate(left)} {coordinate(top)}V{coordinate(y)}",
        class_="chart-axis",
        stroke="currentColor",
        stroke_opacity=".5",
    )
    return frame(*parts, axis, id_=id_, title=title, desc=desc, size=(WIDTH, y + 4))


def _text_width(bar: Bar) -> float:
    return min(width(bar.text), _TEXT_ROOM) + width(bar.note) + 10


def _row(
    row: BarRow,
    lines: list[str],
    place: tuple[float, float, float],
    id_: str,
    *,
    other_first: bool,
) -> Markup:
    left, middle, room = place
    y = middle - (len(lines) - 1) * LINE_HEIGHT / 2
    parts = [element("title", escape(row.title))]
    parts += [label(2, y + k * LINE_HEIGHT, line) for k, line in enumerate(lines)]
    if row.other is None:
        parts += _bar(row.main, (left, middle, room), _BAR, bar_look("s1", id_))
    else:
        up = LINE_HEIGHT / 2 * (-1 if other_first else 1)
        parts += _bar(row.other, (left, middle + up, room), _PAIR_BAR, bar_look("s2", id_))
        parts += _bar(row.main, (left, middle - up, room), _PAIR_BAR, bar_look("s1", id_))
    return group(*parts, class_="chart-text")


def _bar(
    bar: Bar, place: tuple[float, float, float], height: float, look: dict[str, str]
) -> list[Markup]:
    left, middle, room = place
    length = round(float(bar.share) * room, 1)
    x = left + length + 5
    text = fit(bar.text, _TEXT_ROOM)
    rect = element("rect", x=left, y=middle - height / 2, width=length, height=height, **look)
    note = element("tspan", escape(bar.note), class_="chart-muted", dx=5)
    words = label(x, middle, text, *([note] if bar.note else []))
    return [rect, words] if length else [words]
