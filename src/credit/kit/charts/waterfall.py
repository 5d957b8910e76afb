"""From a start over steps up and down to a total: one row per step."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, pairwise

from markupsafe import Markup

from credit.kit.charts.scale import (
    Scale,
    Threshold,
    apart,
    lanes,
    nice_ticks,
    read_thresholds,
    said_thresholds,
)
from credit.kit.charts.svg import (
    BAD,
    BLUE,
    GOOD,
    LINE_HEIGHT,
    WIDTH,
    Picture,
    coordinate,
    element,
    frame,
    group,
    hatch,
    label,
    path,
)
from credit.kit.charts.text import (
    EM,
    axis_numbers,
    brief,
    clean,
    exact,
    fit,
    number,
    sentence,
    short_number,
    signed,
    width,
    wrap,
)
from credit.kit.texts import marked, say

__all__ = ["STEPS_MAX", "draw_waterfall"]

STEPS_MAX = 60

_LABEL_ROOM = 9 * EM
_LABEL_LINES_MAX = 3
_NUMBER_ROOM = 84.0
_BAR = 13.0
_HEAD = (marked("事项"), marked("变动"), marked("累计"))

Step = tuple[str, Decimal]


@dataclass(frozen=True, slots=True)
class _Row:
    """A bar from `begin` to `end`; the start and the total are no step."""

    name: str
    lines: list[str]
    begin: Decimal
    end: Decimal
    is_step: bool
    middle: float
    height: float


def draw_waterfall(
    steps: Sequence[Step],
    *,
    id_: str,
    title: str,
    start: Step,
    total_label: str = marked("合计"),
    thresholds: Sequence[Threshold] = (),
) -> Picture:
    """Draw how `start` and the signed `steps` add up to a total, in their order.

    `thresholds` are vertical lines, each with the text that stands above it. Where the axis does
    not begin at 0, the bars of start and total are broken. Raises ValueError above `STEPS_MAX` or
    `THRESHOLDS_MAX`.
    """
    if len(steps) > STEPS_MAX:
        raise ValueError("too many steps for one picture: group them")
    cuts = read_thresholds(thresholds)
    chain = [(clean(name), exact(value)) for name, value in [start, *steps]]
    sums = list(accumulate(value for _, value in chain))
    chain.append((clean(total_label), sums[-1]))
    scale, ticks = _axis(
        [*sums, *(value for _, value in cuts)],
        [name for name, _ in chain],
        [_shown(v, is_step=0 < k < len(chain) - 1) for k, (_, v) in enumerate(chain)],
    )
    places = lanes([(scale(value), text) for text, value in cuts])
    top = 4 + LINE_HEIGHT * max((lane + 1 for _, lane in places), default=0)
    rows = _rows(chain, sums, top)
    bottom = rows[-1].middle + rows[-1].height / 2
    svg = frame(
        hatch(id_, "bad", BAD),
        _ground(scale, ticks, (top, bottom), rows),
        _threshold_lines(scale, cuts, places, (top, bottom)),
        _bars(rows, scale, id_),
        _links(rows, scale),
        _names(rows),
        _numbers(rows),
        id_=id_,
        title=title,
        desc=_describe(rows, cuts),
        size=(WIDTH, bottom + 22),
    )
    return Picture(svg, _HEAD, _table(rows))


def _axis(
    values: list[Decimal], names: list[str], numbers: list[str]
) -> tuple[Scale, list[Decimal]]:
    low, high = min(values), max(values)
    room = (high - low) / 8  # as much as the cuts need
    # Far from 0 the steps would be too small to see: there the bars of the totals are broken.
    near = Decimal("0.6")
    low, high = (
        low - room if high > low > high * near else min(low, Decimal(0)),
        high + room if low < high < low * near else max(high, Decimal(0)),
    )
    ticks = nice_ticks(low, high, 4)
    if low < high:  # no room is given away to reach the next tick
        ticks = [tick for tick in ticks if low <= tick <= high]
    else:
        low, high = ticks[0], ticks[-1]
    left = min(max(map(width, names)), _LABEL_ROOM) + 10
    right = WIDTH - max(map(width, numbers)) - 15  # the totals are bold
    return Scale(low, high, round(left, 1), round(right, 1)), ticks


def _rows(chain: list[Step], sums: list[Decimal], top: float) -> list[_Row]:
    ends = [Decimal(0), *sums]
    rows: list[_Row] = []
    for index, (name, value) in enumerate(chain):
        lines = wrap(name, _LABEL_ROOM, _LABEL_LINES_MAX)
        height = LINE_HEIGHT * len(lines) + 9
        is_step = 0 < index < len(chain) - 1
        begin, end = (ends[index], sums[index]) if is_step else (Decimal(0), value)
        rows.append(_Row(name, lines, begin, end, is_step, top + height / 2, height))
        top += height
    return rows


def _shown(value: Decimal, *, is_step: bool) -> str:
    return short_number(value, _NUMBER_ROOM, sign=is_step)


def _ground(
    scale: Scale, ticks: list[Decimal], span: tuple[float, float], rows: list[_Row]
) -> Markup:
    top, bottom = (coordinate(y) for y in span)
    grid = "".join(f"M{coordinate(scale(tick))} {top}V{bottom}" for tick in ticks)
    rules = "".join(
        f"M0 {coordinate(row.middle + row.height / 2)}H{coordinate(WIDTH)}" for row in rows
    )
    shown = zip(ticks, axis_numbers(ticks), strict=True)
    numbers = apart([(scale(tick), fit(text, _NUMBER_ROOM)) for tick, text in shown])
    return path(
        grid + rules, class_="chart-grid", stroke="currentColor", stroke_opacity=".15"
    ) + group(
        *(label(x, span[1] + 12, text) for x, text in numbers),
        class_="chart-muted",
        text_anchor="middle",
    )


def _threshold_lines(
    scale: Scale,
    cuts: list[Threshold],
    places: list[tuple[float, int]],
    span: tuple[float, float],
) -> Markup:
    if not cuts:
        return Markup()
    lines: list[str] = []
    texts: list[Markup] = []
    for (text, value), (x, lane) in zip(cuts, places, strict=True):
        y = 8 + lane * LINE_HEIGHT
        lines.append(f"M{coordinate(scale(value))} {coordinate(y + 8)}V{coordinate(span[1])}")
        texts.append(label(x, y, fit(text, WIDTH)))
    return path(
        "".join(lines),
        class_="chart-threshold",
        stroke="currentColor",
        stroke_opacity=".6",
        stroke_dasharray="5 3",
    ) + group(*texts, class_="chart-text chart-halo", text_anchor="middle")


def _kind(row: _Row) -> str:
    if not row.is_step:
        return "total"
    return "good" if row.end > row.begin else "bad" if row.end < row.begin else "none"


def _bars(rows: list[_Row], scale: Scale, id_: str) -> Markup:
    looks = {
        "total": {"fill": BLUE, "stroke": BLUE},
        "good": {"fill": GOOD, "stroke": GOOD},
        "bad": {"fill": f"url(#{id_}-bad)", "stroke": BAD},
        "none": {"stroke": "currentColor", "stroke_width": "3"},
    }
    groups: list[Markup] = []
    for kind, look in looks.items():
        bars = [_bar(row, scale) for row in rows if _kind(row) == kind]
        groups.append(group(*bars, class_=f"chart-{kind}", **look) if bars else Markup())
    broken = not scale.low <= 0 <= scale.high
    cuts = "".join(_cut(row, scale) for row in rows if broken and not row.is_step)
    return Markup().join(groups) + path(cuts, class_="chart-cut", stroke="#fff", stroke_width=2)


def _ends(row: _Row, scale: Scale) -> tuple[float, float]:
    begin, end = (scale(min(max(v, scale.low), scale.high)) for v in (row.begin, row.end))
    return begin, end


def _bar(row: _Row, scale: Scale) -> Markup:
    begin, end = _ends(row, scale)
    y = row.middle - _BAR / 2
    if begin == end:  # nothing, or too little to have a width
        return path(f"M{coordinate(end)} {coordinate(y)}v{coordinate(_BAR)}")
    left, right = min(begin, end), max(begin, end)
    return element("rect", x=left, y=y, width=right - left, height=_BAR)


def _cut(row: _Row, scale: Scale) -> str:
    # Two slanting cuts near the end at which 0 would be.
    begin, end = _ends(row, scale)
    x = begin + (3 if end > begin else -13)
    y = coordinate(row.middle + _BAR / 2 + 1)
    return f"M{coordinate(x)} {y}l6 -15M{coordinate(x + 4)} {y}l6 -15"


def _links(rows: list[_Row], scale: Scale) -> Markup:
    lines = "".join(
        f"M{coordinate(scale(above.end))} {coordinate(above.middle + _BAR / 2)}"
        f"V{coordinate(below.middle - _BAR / 2)}"
        for above, below in pairwise(rows)
    )
    return path(lines, class_="chart-axis", stroke="currentColor", stroke_opacity=".5")


def _names(rows: list[_Row]) -> Markup:
    plain: list[Markup] = []
    for row in rows:
        y = row.middle - (len(row.lines) - 1) * LINE_HEIGHT / 2
        weight = {} if row.is_step else {"class_": "chart-strong", "font_weight": "bold"}
        plain.extend(
            label(2, y + k * LINE_HEIGHT, line, **weight) for k, line in enumerate(row.lines)
        )
    return group(*plain, class_="chart-text")


def _numbers(rows: list[_Row]) -> Markup:
    steps: list[Markup] = []
    for row in rows:
        text = _shown(row.end - row.begin, is_step=row.is_step)
        weight = {} if row.is_step else {"class_": "chart-strong", "font_weight": "bold"}
        steps.append(label(WIDTH - 2, row.middle, text, **weight))
    return group(*steps, class_="chart-text", text_anchor="end")


def _describe(rows: list[_Row], cuts: list[Threshold]) -> str:
    first, *steps, last = rows
    parts = [say("从“%(name)s”%(value)s 起", name=brief(first.name), value=number(first.end))]
    parts.extend(f"{brief(row.name)} {signed(row.end - row.begin)}" for row in steps)
    parts.append(f"{brief(last.name)} {number(last.end)}")
    if cuts:
        parts.append(said_thresholds(cuts))
    return sentence(parts)


def _table(rows: list[_Row]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (row.name, signed(row.end - row.begin) if row.is_step else "", number(row.end))
        for row in rows
    )
