"""How many of each: a distribution as bars, now or before and after."""

from collections.abc import Sequence
from decimal import Decimal

from credit.kit.charts.rows import Bar, BarRow, draw_rows
from credit.kit.charts.svg import Picture, empty
from credit.kit.charts.text import brief, clean, number, percent

__all__ = ["CATEGORIES_MAX", "draw_bars"]

CATEGORIES_MAX = 16


def draw_bars(
    counts: Sequence[tuple[str, int]],
    *,
    id_: str,
    title: str,
    before: Sequence[int] | None = None,
    names: tuple[str, str] = ("调整前", "调整后"),
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
    head: tuple[str, ...] = ("类别", "数量", "占比")
    if before is not None:
        head = ("类别", earlier, f"{earlier}占比", now, f"{now}占比")
    if not counts:
        return empty(id_, title, head)
    most = Decimal(max([1, *(n for _, n in counts), *(before or ())]))
    main = _bars([n for _, n in counts], most)
    other = [None] * len(main) if before is None else _bars(before, most)
    rows: list[BarRow] = []
    for (name, _), bar, old in zip(counts, main, other, strict=True):
        said = _say(bar, unit)
        if old is not None:
            said = f"{earlier} {_say(old, unit)}，{now} {said}"
        rows.append(BarRow(clean(name), f"{brief(clean(name))}：{said}", bar, old))
    svg = draw_rows(
        rows,
        id_=id_,
        title=title,
        desc="；".join(row.title for row in rows) + "。",
        series=None if before is None else (now, earlier),
        other_first=True,
    )
    return Picture(svg, head, tuple(_cells(row) for row in rows))


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


def _say(bar: Bar, unit: str) -> str:
    share = f"（{bar.note}）" if bar.note else ""
    return f"{bar.text} {clean(unit)}".rstrip() + share


def _cells(row: BarRow) -> tuple[str, ...]:
    cells: tuple[str, ...] = (row.main.text, row.main.note or "—")
    if row.other is not None:
        cells = (row.other.text, row.other.note or "—", *cells)
    return (row.name, *cells)
