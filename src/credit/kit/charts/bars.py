"""How many of each: a distribution as bars, now or before and after."""

from collections.abc import Sequence
from decimal import Decimal

from credit.kit.charts.rows import Bar, BarRow, draw_rows
from credit.kit.charts.svg import Picture, empty
from credit.kit.charts.text import brief, clean, number, percent, sentence
from credit.kit.languages import shown
from credit.kit.texts import marked, say

__all__ = ["CATEGORIES_MAX", "draw_bars"]

CATEGORIES_MAX = 16


def draw_bars(
    counts: Sequence[tuple[str, int]],
    *,
    id_: str,
    title: str,
    before: Sequence[int] | None = None,
    names: tuple[str, str] = (marked("调整前"), marked("调整后")),
    unit: str = "",
) -> Picture:
    """Draw a count per label in the given order, with its share of all.

    `before` gives the same labels' counts of an earlier time; `names` call the two, earlier first;
    `unit` is a measure word such as 家. Raises ValueError above `CATEGORIES_MAX`, for a count below
    0, and when `before` is not as long as `counts`.
    """
    if len(counts) > CATEGORIES_MAX or min([0, *(n for _, n in counts), *(before or ())]) < 0:
        raise ValueError("too many categories, or a count below 0")
    if before is not None and len(before) != len(counts):
        raise ValueError("the counts before belong to other labels")
    earlier, now = (clean(name) for name in names)
    head: tuple[str, ...] = (marked("类别"), marked("数量"), marked("占比"))
    if before is not None:
        head = (marked("类别"), earlier, _share_of(earlier), now, _share_of(now))
    if not counts:
        return empty(id_, title, head)
    most = Decimal(max([1, *(n for _, n in counts), *(before or ())]))
    main = _bars([n for _, n in counts], most)
    other = [None] * len(main) if before is None else _bars(before, most)
    rows: list[BarRow] = []
    for (name, _), bar, old in zip(counts, main, other, strict=True):
        said = _said(bar, unit)
        if old is not None:
            said = say(
                "%(earlier)s %(old)s，%(now)s %(new)s",
                earlier=earlier,
                old=_said(old, unit),
                now=now,
                new=said,
            )
        whole = say("%(name)s：%(value)s", name=brief(clean(name)), value=said)
        rows.append(BarRow(clean(name), shown(whole), bar, old))
    svg = draw_rows(
        rows,
        id_=id_,
        title=title,
        desc=sentence(row.title for row in rows),
        series=None if before is None else (now, earlier),
        other_first=True,
    )
    return Picture(svg, head, tuple(_cells(row) for row in rows))


def _share_of(name: str) -> str:
    return say("%(name)s占比", name=name)


def _bars(counts: Sequence[int], most: Decimal) -> list[Bar]:
    total = Decimal(sum(counts))
    return [
        Bar(
            Decimal(count) / most,
            number(Decimal(count)),
            percent(Decimal(count) / total) if total else "",
        )
        for count in counts
    ]


def _said(bar: Bar, unit: str) -> str:
    value = f"{bar.text} {clean(unit)}".rstrip()
    return say("%(value)s（%(share)s）", value=value, share=bar.note) if bar.note else value


def _cells(row: BarRow) -> tuple[str, ...]:
    cells: tuple[str, ...] = (row.main.text, row.main.note or "—")
    if row.other is not None:
        cells = (row.other.text, row.other.note or "—", *cells)
    return (row.name, *cells)
