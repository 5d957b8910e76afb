"""Grades as pictures: scores over time, a score step by step, a sheet's groups, distributions."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from credit.grades.reading.shapes import SheetShape
from credit.grades.reading.trace import Explained, merged_steps
from credit.kit.charts import (
    GROUPS_MAX,
    POINTS_MAX,
    THRESHOLDS_MAX,
    Picture,
    draw_bars,
    draw_line,
    draw_radar,
    draw_spark,
    draw_waterfall,
)
from credit.kit.texts import marked, say
from credit.rules.model import EventType, Grading

__all__ = [
    "UNRATED",
    "distribution_picture",
    "groups_picture",
    "history_picture",
    "steps_picture",
    "trend_picture",
]

UNRATED = marked("未评级")


def trend_picture(code: str, newest_first: Sequence[Decimal]) -> Picture | None:
    """Draw a row's trend; one score alone is none."""
    if len(newest_first) < 2:
        return None
    return draw_spark(list(reversed(newest_first)), id_=f"t-{code}", title=say("得分走势"))


def history_picture(
    points: Sequence[tuple[date, Decimal]], grading: Grading, until: date
) -> Picture:
    """Draw published scores over time, the newest last, between the cut-offs of the grades."""
    shown = points[-POINTS_MAX:]
    return draw_line(
        shown,
        id_="history",
        title=say("信用得分变化"),
        thresholds=_cut_offs(grading),
        until=max([until, *(day for day, _ in shown)]),
    )


def steps_picture(
    explained: Explained, catalogue: Mapping[str, EventType], grading: Grading
) -> Picture:
    """Draw how the base and the steps add up to the score."""
    return draw_waterfall(
        merged_steps(explained, catalogue),
        id_="steps",
        title=say("得分构成"),
        start=(explained.base.title, explained.base.points),
        total_label=say("信用得分"),
        thresholds=_cut_offs(grading),
    )


def groups_picture(shape: SheetShape) -> Picture:
    """Draw how far an evaluation reached the full mark of each group, beside the year before."""
    return draw_radar(
        shape.groups[:GROUPS_MAX],
        id_="groups",
        title=say("%(sheet)s 各部分得分率", sheet=shape.sheet),
        other=shape.before and shape.before[:GROUPS_MAX],
        names=(say("%(year)s 年度", year=shape.year), say("%(year)s 年度", year=shape.year - 1)),
    )


def distribution_picture(
    after: Mapping[str, int], before: Mapping[str, int] | None = None, *, id_: str = "distribution"
) -> Picture:
    """Draw how many enterprises have each grade, maybe beside how many had before."""
    names = list(dict.fromkeys([*after, *(before or {})]))
    return draw_bars(
        [(UNRATED if name == "unrated" else name, after.get(name, 0)) for name in names],
        id_=id_,
        title=say("等级分布"),
        before=None if before is None else [before.get(name, 0) for name in names],
        names=(say("评级前"), say("评级后")),
        unit=say("家"),
    )


def _cut_offs(grading: Grading) -> list[tuple[str, Decimal]]:
    found = [(rung.grade, rung.at_least) for rung in grading.ladder if rung.at_least is not None]
    return found[:THRESHOLDS_MAX]
