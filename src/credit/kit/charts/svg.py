"""The elements of a picture: escaped text, rounded coordinates, one frame for all."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from credit.kit.charts.text import EM, clean, fit, width
from credit.kit.languages import shown
from credit.kit.texts import say

__all__ = [
    "BAD",
    "BLUE",
    "GOOD",
    "LINE_HEIGHT",
    "ORANGE",
    "WIDTH",
    "Picture",
    "bar_look",
    "coordinate",
    "element",
    "empty",
    "frame",
    "group",
    "hatch",
    "label",
    "legend",
    "path",
]

WIDTH = 360.0  # units of the viewBox: a phone's column, so that text is never drawn too small
LINE_HEIGHT = 16.0

# Okabe and Ito's palette, told apart by every kind of colour vision.
BLUE = "#0072B2"
GOOD = "#009E73"
BAD = "#D55E00"
ORANGE = "#E69F00"

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to stand in a page (`svg`), and the same data as a table of plain texts."""

    svg: Markup
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def coordinate(value: float) -> str:
    """Write a length with at most one decimal."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def element(name: str, *content: Markup, **attributes: str | float) -> Markup:
    """Make an element; `class_` names the attribute `class`, `stroke_width` `stroke-width`."""
    texts = Markup().join(
        Markup(' {}="{}"').format(
            key.rstrip("_").replace("_", "-"),
            value if isinstance(value, str) else coordinate(value),
        )
        for key, value in attributes.items()
    )
    if not content:
        return Markup("<{}{}/>").format(name, texts)
    return Markup("<{0}{1}>{2}</{0}>").format(name, texts, Markup().join(content))


def group(*content: Markup, **attributes: str | float) -> Markup:
    """Make elements share attributes."""
    return element("g", *content, **attributes)


def path(d: str, **attributes: str | float) -> Markup:
    """Make a path; nothing when there is nothing to draw."""
    return element("path", d=d, **attributes) if d else Markup()


def label(x: float, y: float, text: str, *more: Markup, **attributes: str | float) -> Markup:
    """Write a text, and maybe spans after it, whose middle line is at `y`, at any font size."""
    return element("text", escape(text), *more, x=x, y=y, dy=".36em", **attributes)


def hatch(id_: str, kind: str, colour: str) -> Markup:
    """Make the pattern `{id_}-{kind}`: stripes for `bad`, dots for `s2`, told apart in grey."""
    ink = {"class_": f"chart-{kind}-ink", "fill": colour}
    ground = element("rect", width=5, height=5, fill_opacity=".22", **ink)
    if kind == "bad":
        mark = element("rect", width=2.2, height=5, **ink)
    else:
        mark = element("circle", cx=2.5, cy=2.5, r=1.3, **ink)
    return element(
        "pattern",
        ground,
        mark,
        id=f"{id_}-{kind}",
        width=5,
        height=5,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )


def legend(y: float, items: Sequence[tuple[str, str]], id_: str) -> Markup:
    """Write the key of a picture in one line: what each series looks like, and its name.

    A look is `s1` or `s2` for bars, `line-s1` or `line-s2` for outlines.
    """
    room = WIDTH / len(items) - 37
    parts: list[Markup] = []
    x = 2.0
    for look, name in items:
        text = fit(name, room)
        parts += [_swatch(look, x, y, id_), label(x + 19, y, text)]
        x += 19 + width(text) + 16
    return group(*parts, class_="chart-text")


def _swatch(look: str, x: float, y: float, id_: str) -> Markup:
    across = f"M{coordinate(x)} {coordinate(y)}h14"
    if look == "line-s1":
        dot = f"M{coordinate(x + 7)} {coordinate(y)}h0"
        return path(across, class_="chart-line", stroke=BLUE, stroke_width=2) + path(
            dot, class_="chart-marks", stroke=BLUE, stroke_width=6, stroke_linecap="round"
        )
    if look == "line-s2":
        return path(
            across, class_="chart-outline", stroke=ORANGE, stroke_width=2, stroke_dasharray="5 3"
        )
    return element("rect", x=x, y=y - 5, width=14, height=10, **bar_look(look, id_))


def bar_look(series: str, id_: str) -> dict[str, str]:
    """Name the attributes of a bar of series `s1` (full) or `s2` (dotted, see `hatch`)."""
    if series == "s1":
        return {"class_": "chart-s1", "fill": BLUE}
    return {"class_": "chart-s2", "fill": f"url(#{id_}-s2)", "stroke": ORANGE}


def frame(
    *content: Markup,
    id_: str,
    title: str,
    desc: str,
    size: tuple[float, float],
    **attributes: str,
) -> Markup:
    """Make the whole of `size` (width, height); ValueError when `id_` is none or hostile.

    `attributes` replace the root's own.
    """
    if not _ID.fullmatch(id_):
        raise ValueError("an id begins with a letter and holds letters, digits, - and _ only")
    root: dict[str, str | float] = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class_": "chart",
        "id": id_,
        "role": "img",
        "aria_labelledby": f"{id_}-title",
        "aria_describedby": f"{id_}-desc",
        "viewBox": f"0 0 {coordinate(size[0])} {coordinate(size[1])}",
        "font_size": EM,
        "fill": "currentColor",
    }
    return element(
        "svg",
        element("title", escape(clean(title)), id=f"{id_}-title"),
        element("desc", escape(shown(desc)), id=f"{id_}-desc"),
        *content,
        **{**root, **attributes},
    )


def empty(id_: str, title: str, head: tuple[str, ...]) -> Picture:
    """Make the picture that says there is nothing to show yet."""
    words = label(WIDTH / 2, 36, clean(say("暂无数据")), class_="chart-muted", text_anchor="middle")
    border = element(
        "rect",
        class_="chart-grid",
        x=0.5,
        y=0.5,
        width=WIDTH - 1,
        height=71,
        rx=4,
        fill="none",
        stroke="currentColor",
        stroke_opacity=".25",
        stroke_dasharray="4 4",
    )
    svg = frame(border, words, id_=id_, title=title, desc=say("暂无数据。"), size=(WIDTH, 72))
    return Picture(svg, head, ())
