"""A line as small as a word, for rows of a table."""

from collections.abc import Sequence
from decimal import Decimal

from credit.kit.charts.scale import Scale
from credit.kit.charts.svg import BLUE, Picture, coordinate, element, frame, label, path
from credit.kit.charts.text import clean, exact, number
from credit.kit.texts import marked, say

__all__ = ["SPARK_POINTS_MAX", "draw_spark"]

SPARK_POINTS_MAX = 120

_WIDTH, _HEIGHT = 80.0, 20.0
_HEAD = (marked("次序"), marked("数值"))


def draw_spark(values: Sequence[Decimal], *, id_: str, title: str) -> Picture:
    """Draw values in their order, evenly spaced, the last as a dot; it is 5 em wide.

    Raises ValueError above `SPARK_POINTS_MAX`.
    """
    if len(values) > SPARK_POINTS_MAX:
        raise ValueError("too many values for one sparkline")
    drawn = [exact(value) for value in values]
    if not drawn:
        nothing = clean(say("暂无数据"))
        parts = [
            label(_WIDTH / 2, _HEIGHT / 2, nothing, class_="chart-muted", text_anchor="middle")
        ]
        desc = say("暂无数据。")
    else:
        low, high = min(drawn), max(drawn)
        level = low == high
        y = Scale(low - level, high + level, _HEIGHT - 4, 4)
        x = Scale(Decimal(0), Decimal(max(len(drawn) - 1, 1)), 4, _WIDTH - 4)
        places = [(x(Decimal(k)), y(value)) for k, value in enumerate(drawn)]
        if len(drawn) == 1:
            places = [(_WIDTH / 2, places[0][1])]
        line = "M" + "L".join(f"{coordinate(a)} {coordinate(b)}" for a, b in places)
        last_x, last_y = places[-1]
        parts = [
            path(line, class_="chart-line", fill="none", stroke=BLUE, stroke_width=1.5),
            element("circle", class_="chart-last", cx=last_x, cy=last_y, r=3, fill=BLUE),
        ]
        desc = say(
            "共 %(count)s 个：首 %(first)s，末 %(last)s，最低 %(low)s，最高 %(high)s。",
            count=len(drawn),
            first=number(drawn[0]),
            last=number(drawn[-1]),
            low=number(low),
            high=number(high),
        )
    svg = frame(
        *parts,
        id_=id_,
        title=title,
        desc=desc,
        size=(_WIDTH, _HEIGHT),
        class_="chart-spark",
        width="5em",
        height="1.25em",
    )
    rows = tuple((str(k), number(value)) for k, value in enumerate(drawn, 1))
    return Picture(svg, _HEAD, rows)
