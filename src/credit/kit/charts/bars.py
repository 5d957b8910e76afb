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
    wholes: Sequence[int] | None = None,
    names: tuple[str, str] = (marked("调整前"), marked("调整后")),
    unit: str = "",
) -> Picture:
    """Draw a count per label in the given order, with its share of all.

    `before` gives the same labels' counts of an earlier time, or `wholes` what each count is a part
    of: then its share is that. `names` call the two, earlier first; `unit` is a measure word such
    as 家. Raises ValueError above `CATEGORIES_MAX`, for a count below 0, and when `before` or
    `wholes` is not as long as `counts`, or both are given.
    """
    second = before if wholes is None else wholes
    if len(counts) > CATEGORIES_MAX or min([0, *(n for _, n in counts), *(second or ())]) < 0:
        raise ValueError("too many categories, or a count below 0")
    both = before is not None and wholes is not None
    if both or (second is not None and len(second) != len(counts)):
        raise ValueError("the other counts belong to other labels, or are of both kinds")
    earlier, now = (clean(name) for name in names)
    head: tuple[str, ...] = (marked("类别"), marked("数量"), marked("占比"))
    if before is not None:
        head = (marked("类别"), earlier, _share_of(earlier), now, _share_of(now))
    elif wholes is not None:
        head = (marked("类别"), earlier, now, marked("占比"))
    if not counts:
        return empty(id_, title, head)
    most = Decimal(max([1, *(n for _, n in counts), *(second or ())]))
    main = _bars([n for _, n in counts], most, wholes)
    other: list[Bar] | list[None] = [None] * len(main)
    if before is not None:
        other = _bars(before, most)
    elif wholes is not None:
        other = [Bar(bar.share, bar.text, "") for bar in _bars(wholes, most)]
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
        series=None if second is None else (now, earlier),
        other_first=True,
    )
    return Picture(svg, head, tuple(_cells(row, of_all=wholes is None) for row in rows))


def _share_of(name: str) -> str:
    return say("%(name)s占比", name=name)


def _bars(counts: Sequence[int], most: Decimal, wholes: Sequence[int] | None = None) -> list[Bar]:
    return [
        Bar(
            Decimal(count) / most,
            number(Decimal(count)),
            percent(Decimal(count) / whole) if whole else "",
        )
        for count, whole in zip(counts, wholes or [sum(counts)] * len(counts), strict=True)
    ]


def _said(bar: Bar, unit: str) -> str:
    value = f"{bar.text} {clean(unit)}".rstrip()
    return say("%(value)s（%(share)s）", value=value, share=bar.note) if bar.note else value


def _cells(row: BarRow, *, of_all: bool) -> tuple[str, ...]:
    cells: tuple[str, ...] = (row.main.text, row.main.note or "—")
    if row.other is not None:
        share = (row.other.note or "—",) if of_all else ()
        cells = (row.other.text, *share, *cells)
    return (row.name, *cells)
