"""A value over time: it holds from a day until the next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from markupsafe import Markup

from credit.kit.charts.scale import (
    Scale,
    Threshold,
    apart,
    date_ticks,
    nice_ticks,
    read_thresholds,
    said_thresholds,
    spread,
)
from credit.kit.charts.svg import (
    BLUE,
    LINE_HEIGHT,
    WIDTH,
    Picture,
    coordinate,
    element,
    empty,
    frame,
    group,
    label,
    path,
)
from credit.kit.charts.text import (
    axis_numbers,
    brief,
    clean,
    exact,
    fit,
    number,
    sentence,
    width,
    wrap,
)
from credit.kit.texts import listed, marked, say

__all__ = ["EVENTS_MAX", "POINTS_MAX", "draw_line"]

POINTS_MAX = 240
EVENTS_MAX = 12
MARKS_MAX = 60  # with more points the marks would run into one another

_PLOT_HEIGHT = 170.0
_SIDE_MAX = 92.0
_EVENT_INDENT = 19.0
_HEAD = (marked("日期"), marked("数值"))

Point = tuple[date, Decimal]
Event = tuple[date, str]


@dataclass(frozen=True, slots=True)
class _Plot:
    """Where things go: the two scales, their ticks, and the day up to which the last value holds."""

    x: Scale
    y: Scale
    ticks: list[Decimal]
    days: list[tuple[date, str]]
    until: date

    def at(self, day: date) -> float:
        return self.x(Decimal(day.toordinal()))


def draw_line(
    points: Sequence[Point],
    *,
    id_: str,
    title: str,
    thresholds: Sequence[Threshold] = (),
    events: Sequence[Event] = (),
    until: date | None = None,
) -> Picture:
    """Draw values by day as steps, in any order; the last of a day counts.

    `thresholds` are lines across, each with the text that stands at it; `events` are numbered marks
    that a list below explains; the last value holds up to `until`. Raises ValueError above
    `POINTS_MAX`, `EVENTS_MAX` or `THRESHOLDS_MAX`, and for an `until` before the last day.
    """
    if len(points) > POINTS_MAX or len(events) > EVENTS_MAX:
        raise ValueError("too many points or events for one picture")
    lines = read_thresholds(thresholds)
    happened = sorted(((day, clean(text)) for day, text in events), key=lambda one: one[0])
    values = {day: exact(value) for day, value in points}
    series = sorted(values.items())
    if not series:
        return empty(id_, title, _HEAD)
    if until is not None and until < series[-1][0]:
        raise ValueError("the last value cannot end before its day")
    plot = _lay_out(series, lines, happened, until)
    bottom = plot.y.start
    listed = sum(len(_event_lines(event)) for event in happened)
    svg = frame(
        _ground(plot, lines),
        _threshold_labels(plot, lines),
        _event_marks(plot, happened),
        _steps(plot, series),
        id_=id_,
        title=title,
        desc=_describe(series, lines, happened),
        size=(WIDTH, bottom + 24 + listed * LINE_HEIGHT + (6 if happened else 0)),
    )
    return Picture(svg, *_table(series, happened))


def _lay_out(
    series: list[Point], lines: list[Threshold], events: list[Event], until: date | None
) -> _Plot:
    shown = [value for _, value in [*series, *lines]]
    low, high = min(shown), max(shown)
    room = (high - low) / 10 or max(abs(high) / 20, Decimal(1))
    # Room above and below for the last value's label, yet no negative ticks without need.
    ticks = nice_ticks(max(low - room, Decimal(0)) if low >= 0 else low - room, high + room, 5)
    left = min(max(map(width, axis_numbers(ticks))), _SIDE_MAX) + 8
    right = WIDTH - min(max((width(text) for text, _ in lines), default=0.0), _SIDE_MAX) - 10
    top = 32.0 if events else 8.0
    days = [day for day, _ in [*series, *events]] + ([until] if until else [])
    first, last = min(days), max(days)
    margin = first == last
    return _Plot(
        Scale(
            Decimal(first.toordinal() - margin),
            Decimal(last.toordinal() + margin),
            round(left, 1),
            round(right, 1),
        ),
        Scale(ticks[0], ticks[-1], top + _PLOT_HEIGHT, top),
        ticks,
        date_ticks(first, last),
        until or series[-1][0],
    )


def _ground(plot: _Plot, lines: list[Threshold]) -> Markup:
    left, right = coordinate(plot.x.start), coordinate(plot.x.end)
    grid = "".join(f"M{left} {coordinate(plot.y(tick))}H{right}" for tick in plot.ticks)
    cuts = [plot.y(value) for _, value in lines]
    edges = [*cuts, plot.y.end]
    bands = "".join(
        f"M{left} {coordinate(below)}H{right}V{coordinate(above)}H{left}z"
        for below, above in list(zip(cuts, edges[1:], strict=True))[-1::-2]
    )
    across = "".join(f"M{left} {coordinate(y)}H{right}" for y in cuts)
    numbers = [
        label(plot.x.start - 6, plot.y(tick), fit(text, _SIDE_MAX))
        for tick, text in zip(plot.ticks, axis_numbers(plot.ticks), strict=True)
    ]
    marks = [(plot.at(day), text) for day, text in plot.days]
    notches = "".join(f"M{coordinate(x)} {coordinate(plot.y.start)}v4" for x, _ in marks)
    days = [label(x, plot.y.start + 14, text) for x, text in apart(marks)]
    return Markup().join(
        [
            path(bands, class_="chart-band", fill_opacity=".07"),
            path(grid, class_="chart-grid", stroke="currentColor", stroke_opacity=".15"),
            path(notches, class_="chart-axis", stroke="currentColor", stroke_opacity=".5"),
            path(
                across,
                class_="chart-threshold",
                stroke="currentColor",
                stroke_opacity=".6",
                stroke_dasharray="5 3",
            ),
            group(*numbers, class_="chart-muted", text_anchor="end"),
            group(*days, class_="chart-muted", text_anchor="middle"),
        ]
    )


def _threshold_labels(plot: _Plot, lines: list[Threshold]) -> Markup:
    if not lines:
        return Markup()
    falling = lines[::-1]
    wanted = [plot.y(value) for _, value in falling]
    placed = spread(wanted, LINE_HEIGHT - 1, plot.y.end, plot.y.start)
    x = plot.x.end
    # A label pushed away from its line is tied to it.
    ties = "".join(
        f"M{coordinate(x)} {coordinate(y)}L{coordinate(x + 5)} {coordinate(at)}"
        for y, at in zip(wanted, placed, strict=True)
        if abs(y - at) > 1
    )
    texts = [
        label(x + 7, at, fit(text, _SIDE_MAX))
        for at, (text, _) in zip(placed, falling, strict=True)
    ]
    return path(ties, class_="chart-axis", stroke="currentColor", stroke_opacity=".5") + group(
        *texts, class_="chart-text"
    )


def _event_lines(event: Event) -> list[str]:
    day, text = event
    return wrap(f"{day.isoformat()} {text}", WIDTH - _EVENT_INDENT - 2, 2)


def _event_marks(plot: _Plot, events: list[Event]) -> Markup:
    if not events:
        return Markup()
    top, bottom = plot.y.end, plot.y.start
    wanted = [plot.at(day) for day, _ in events]
    placed = spread(wanted, 15, plot.x.start, plot.x.end)
    stems = "".join(
        f"M{coordinate(at)} 17L{coordinate(x)} {coordinate(top - 6)}V{coordinate(bottom)}"
        for x, at in zip(wanted, placed, strict=True)
    )
    numerals = [chr(ord("①") + k) for k in range(len(events))]
    marks = [label(at, 9, n) for at, n in zip(placed, numerals, strict=True)]
    words: list[Markup] = []
    y = bottom + 26 + LINE_HEIGHT / 2
    for numeral, event in zip(numerals, events, strict=True):
        words.append(label(2, y, numeral))
        for line in _event_lines(event):
            words.append(label(_EVENT_INDENT, y, line))
            y += LINE_HEIGHT
    return (
        path(
            stems,
            class_="chart-event",
            fill="none",
            stroke="currentColor",
            stroke_opacity=".7",
            stroke_dasharray="1 3",
        )
        + group(*marks, class_="chart-text", text_anchor="middle")
        + group(*words, class_="chart-text")
    )


def _steps(plot: _Plot, series: list[Point]) -> Markup:
    places = [(plot.at(day), plot.y(value)) for day, value in series]
    x, y = places[0]
    d = f"M{coordinate(x)} {coordinate(y)}" + "".join(
        f"H{coordinate(x)}V{coordinate(y)}" for x, y in places[1:]
    )
    end = plot.at(plot.until)
    d += f"H{coordinate(end)}"
    # A dot is a line of no length with round ends: far shorter than a circle each.
    dots = "".join(f"M{coordinate(x)} {coordinate(y)}h0" for x, y in places)
    x, y = places[-1]
    value = series[-1][1]
    text = number(value)
    # Above after a rise, below after a fall: there the step itself never runs through it.
    fell = len(series) > 1 and value < series[-2][1]
    y_text = min(max(y + (13 if fell else -13), plot.y.end + 8), plot.y.start - 8)
    half = width(text) / 2
    x_text = min(max(end, plot.x.start + half), plot.x.end + 4 - half)
    return Markup().join(
        [
            path(d, class_="chart-line", fill="none", stroke=BLUE, stroke_width=2),
            path(
                dots if len(places) <= MARKS_MAX else "",
                class_="chart-marks",
                stroke=BLUE,
                stroke_width=6,
                stroke_linecap="round",
            ),
            element("circle", class_="chart-last", cx=x, cy=y, r=4.5, fill=BLUE),
            label(
                x_text,
                y_text,
                text,
                class_="chart-strong chart-halo",
                text_anchor="middle",
                font_weight="bold",
            ),
        ]
    )


def _describe(series: list[Point], lines: list[Threshold], events: list[Event]) -> str:
    (first_day, first), (last_day, last) = series[0], series[-1]
    low_day, low = min(series, key=lambda one: one[1])
    high_day, high = max(series, key=lambda one: one[1])
    parts = [say("%(day)s 为 %(value)s", day=first_day, value=number(first))]
    if len(series) > 1:
        parts.append(say("%(day)s 起为 %(value)s", day=last_day, value=number(last)))
        parts.append(say("最低 %(value)s（%(day)s）", value=number(low), day=low_day))
        parts.append(say("最高 %(value)s（%(day)s）", value=number(high), day=high_day))
    if lines:
        parts.append(said_thresholds(lines))
    if events:
        happened = listed(f"{day.isoformat()} {brief(text)}" for day, text in events)
        parts.append(say("事项：%(events)s", events=happened))
    return sentence(parts)


def _table(
    series: list[Point], events: list[Event]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    if not events:
        return _HEAD, tuple((day.isoformat(), number(value)) for day, value in series)
    values = dict(series)
    rows = []
    for day in sorted({*values, *(day for day, _ in events)}):
        value = number(values[day]) if day in values else "—"
        rows.append((day.isoformat(), value, listed(t for d, t in events if d == day)))
    return (*_HEAD, marked("事项")), tuple(rows)
