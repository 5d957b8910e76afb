"""How far each group reaches its full mark: a star of axes, or bars where that is no star."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

from credit.kit.charts.rows import Bar, BarRow, draw_rows
from credit.kit.charts.svg import (
    BLUE,
    LINE_HEIGHT,
    ORANGE,
    WIDTH,
    Picture,
    coordinate,
    empty,
    frame,
    group,
    label,
    legend,
    path,
)
from credit.kit.charts.text import brief, clean, exact, number, percent, sentence, wrap
from credit.kit.languages import shown
from credit.kit.texts import marked, say

__all__ = ["AXES_MAX", "GROUPS_MAX", "draw_radar"]

AXES_MIN = 3
AXES_MAX = 12
GROUPS_MAX = 16

_RADIUS = 88.0
_ROOM_MAX = 104.0
_MIDDLE_ROOM_CROWDED = 74.0
_CROWDED_ABOVE = 8  # with more axes, labels of two lines would touch
_HEAD = (marked("部分"), marked("得分"), marked("满分"), marked("得分率"))

Group = tuple[str, Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class _Axis:
    """A group: its mark of the full one, and its share 0..1; the same of the other series."""

    name: str
    value: Decimal
    full: Decimal
    share: Decimal
    other: Decimal | None
    other_share: Decimal


def draw_radar(
    groups: Sequence[Group],
    *,
    id_: str,
    title: str,
    other: Sequence[Decimal] | None = None,
    names: tuple[str, str] = (marked("本企业"), marked("平均")),
) -> Picture:
    """Draw (label, value, full mark) as shares of the full mark, below 0 as 0 and above 1 as 1.

    `other` are the values of a second series, such as an average; `names` call the first and the
    other. Draws rows of bars unless there are `AXES_MIN`..`AXES_MAX` groups. Raises ValueError above
    `GROUPS_MAX`, for a full mark not above 0, and when `other` is not as long as `groups`.
    """
    if len(groups) > GROUPS_MAX or (other is not None and len(other) != len(groups)):
        raise ValueError("too many groups, or another number of them in the other series")
    called = (clean(names[0]), clean(names[1]))
    head = _HEAD if other is None else (*_HEAD, called[1], say("%(name)s得分率", name=called[1]))
    if not groups:
        return empty(id_, title, head)
    second: Sequence[Decimal | None] = [None] * len(groups) if other is None else other
    axes = [_axis(one, two) for one, two in zip(groups, second, strict=True)]
    series = None if other is None else called
    desc = _describe(axes, called[1])
    if AXES_MIN <= len(axes) <= AXES_MAX:
        svg = _star(axes, id_=id_, title=title, desc=desc, series=series)
    else:
        rows = [_row(axis, called[1]) for axis in axes]
        svg = draw_rows(rows, id_=id_, title=title, desc=desc, series=series)
    return Picture(svg, head, tuple(_cells(axis) for axis in axes))


def _axis(one: Group, other: Decimal | None) -> _Axis:
    name, value, full = clean(one[0]), exact(one[1]), exact(one[2])
    if full <= 0:
        raise ValueError("a full mark must be above 0")
    second = None if other is None else exact(other)
    return _Axis(name, value, full, _share(value, full), second, _share(second, full))


def _share(value: Decimal | None, full: Decimal) -> Decimal:
    return min(max((value or Decimal(0)) / full, Decimal(0)), Decimal(1))


def _angle(index: int, count: int) -> float:
    # The first axis points up, the others follow clockwise.
    return 2 * math.pi * index / count


def _points(shares: Sequence[float], middle: float) -> list[str]:
    points: list[str] = []
    for index, share in enumerate(shares):
        angle = _angle(index, len(shares))
        x = WIDTH / 2 + share * _RADIUS * math.sin(angle)
        y = middle - share * _RADIUS * math.cos(angle)
        points.append(f"{coordinate(x)} {coordinate(y)}")
    return points


def _polygon(shares: Sequence[float], middle: float) -> str:
    return "M" + "L".join(_points(shares, middle)) + "z"


def _star(
    axes: list[_Axis], *, id_: str, title: str, desc: str, series: tuple[str, str] | None
) -> Markup:
    texts = [_text(axis, index, len(axes)) for index, axis in enumerate(axes)]
    top = 26.0 if series else 4.0
    middle = top - min(text.middle - text.height / 2 for text in texts)
    bottom = middle + max(text.middle + text.height / 2 for text in texts)
    shares = [float(axis.share) for axis in axes]
    parts = [_grid(len(axes), middle)]
    parts.append(
        path(
            _polygon(shares, middle),
            class_="chart-area",
            fill=BLUE,
            fill_opacity=".18",
            stroke=BLUE,
            stroke_width=2,
            stroke_linejoin="round",
        )
    )
    if series:
        parts.insert(0, legend(10, [("line-s1", series[0]), ("line-s2", series[1])], id_))
        parts.append(
            path(
                _polygon([float(axis.other_share) for axis in axes], middle),
                class_="chart-outline",
                fill="none",
                stroke=ORANGE,
                stroke_dasharray="5 3",
                stroke_width=2,
                stroke_linejoin="round",
            )
        )
    dots = "".join(f"M{point}h0" for point in _points(shares, middle))
    parts.append(
        path(dots, class_="chart-marks", stroke=BLUE, stroke_width=6, stroke_linecap="round")
    )
    parts.extend(_write(text, middle) for text in texts)
    return frame(*parts, id_=id_, title=title, desc=desc, size=(WIDTH, bottom + 4))


def _grid(count: int, middle: float) -> Markup:
    rings = "".join(_polygon([k / 4] * count, middle) for k in range(1, 5))
    centre = f"M{coordinate(WIDTH / 2)} {coordinate(middle)}L"
    spokes = "".join(centre + point for point in _points([1.0] * count, middle))
    return path(
        rings + spokes,
        class_="chart-grid",
        fill="none",
        stroke="currentColor",
        stroke_opacity=".2",
    )


@dataclass(frozen=True, slots=True)
class _Text:
    """The label at an axis's end; `middle` is below (or above, if negative) the star's middle."""

    lines: list[str]
    share: str
    x: float
    middle: float
    anchor: str

    @property
    def height(self) -> float:
        return LINE_HEIGHT * (len(self.lines) + 1)


def _text(axis: _Axis, index: int, count: int) -> _Text:
    angle = _angle(index, count)
    across, up = math.sin(angle), math.cos(angle)
    distance = (_RADIUS + 8) * across
    anchor = "middle" if abs(across) < 0.1 else "start" if across > 0 else "end"
    crowded = count > _CROWDED_ABOVE
    room = WIDTH / 2 - abs(distance) - 2
    if anchor == "middle":
        room = _MIDDLE_ROOM_CROWDED if crowded else _ROOM_MAX
    lines = wrap(axis.name, min(room, _ROOM_MAX), 1 if crowded else 2)
    height = LINE_HEIGHT * (len(lines) + 1)
    return _Text(
        lines,
        percent(axis.share),
        WIDTH / 2 + distance,
        -(_RADIUS + 8) * up - up * height / 2,
        anchor,
    )


def _write(text: _Text, middle: float) -> Markup:
    y = middle + text.middle - text.height / 2 + LINE_HEIGHT / 2
    lines = [label(text.x, y + k * LINE_HEIGHT, line) for k, line in enumerate(text.lines)]
    share = label(
        text.x,
        y + len(text.lines) * LINE_HEIGHT,
        text.share,
        class_="chart-strong",
        font_weight="bold",
    )
    return group(*lines, share, class_="chart-text", text_anchor=text.anchor)


def _said(value: Decimal, axis: _Axis) -> str:
    share = percent(_share(value, axis.full))
    return say("%(value)s（%(share)s）", value=f"{number(value)}/{number(axis.full)}", share=share)


def _row(axis: _Axis, other_name: str) -> BarRow:
    said = _said(axis.value, axis)
    bar = Bar(axis.share, f"{number(axis.value)}/{number(axis.full)}", percent(axis.share))
    if axis.other is None:
        return BarRow(axis.name, _named(axis, said), bar)
    second = Bar(axis.other_share, number(axis.other), percent(axis.other_share))
    both = say(
        "%(value)s，%(name)s %(other)s", value=said, name=other_name, other=_said(axis.other, axis)
    )
    return BarRow(axis.name, _named(axis, both), bar, second)


def _named(axis: _Axis, said: str) -> str:
    return shown(say("%(name)s：%(value)s", name=brief(axis.name), value=said))


def _describe(axes: list[_Axis], other_name: str) -> str:
    return sentence(_row(axis, other_name).title for axis in axes)


def _cells(axis: _Axis) -> tuple[str, ...]:
    cells = (axis.name, number(axis.value), number(axis.full), percent(axis.share))
    if axis.other is None:
        return cells
    return (*cells, number(axis.other), percent(axis.other_share))
