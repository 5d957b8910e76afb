"""Pictures: well-formed and inside their frame whatever comes in, and true to their numbers."""

import math
import re
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from defusedxml import ElementTree
from hypothesis import given, settings
from hypothesis import strategies as st

from credit.kit import charts
from credit.kit.charts import (
    CATEGORIES_MAX,
    EVENTS_MAX,
    GROUPS_MAX,
    POINTS_MAX,
    SPARK_POINTS_MAX,
    STEPS_MAX,
    THRESHOLDS_MAX,
    VALUE_MAX,
    draw_bars,
    draw_line,
    draw_radar,
    draw_spark,
    draw_waterfall,
)
from credit.kit.charts.scale import date_ticks, lanes, nice_ticks, spread
from credit.kit.charts.text import EM, clean, fit, number, short_number, signed, width, wrap

SVG = "{http://www.w3.org/2000/svg}"
CSS = (Path(charts.__file__).parent / "charts.css").read_text(encoding="utf-8")
CUTS = [("3A ≥120", Decimal(120)), ("2A ≥100", Decimal(100)), ("A ≥85", Decimal(85))]
HOSTILE = ["<script>alert(1)</script>", '"]]>', "' onload='x", "&amp;", "\x00\ud800￾‮x", "​"]
LONG = "擅自挪用专项维修资金，情节严重，受到行政处罚并列入关注名单"

texts = st.sampled_from([*HOSTILE, LONG, "环境卫生", ""]) | st.text(max_size=60)
values = st.one_of(
    st.integers(-200, 200).map(Decimal),
    st.decimals(-200, 200, places=2),
    st.decimals(-(VALUE_MAX / 100), VALUE_MAX / 100, allow_nan=False),
    st.just(Decimal("1E-200")),
)
days = st.dates()
cuts = st.lists(st.tuples(texts, values), max_size=THRESHOLDS_MAX)
counts = st.integers(0, 10**6) | st.integers(0, 10**11)


@st.composite
def lines(draw):
    points = draw(st.lists(st.tuples(days, values), max_size=30))
    last = max((day for day, _ in points), default=date.min)
    return draw_line(
        points,
        id_="p",
        title=draw(texts),
        thresholds=draw(cuts),
        events=draw(st.lists(st.tuples(days, texts), max_size=EVENTS_MAX)),
        until=draw(st.none() | st.dates(min_value=last)),
    )


@st.composite
def waterfalls(draw):
    steps = draw(st.lists(st.tuples(texts, values), max_size=20))
    start = draw(st.tuples(texts, values))
    return draw_waterfall(
        steps,
        id_="p",
        title=draw(texts),
        start=start,
        total_label=draw(texts),
        thresholds=draw(cuts),
    )


@st.composite
def distributions(draw):
    rows = draw(st.lists(st.tuples(texts, counts), max_size=CATEGORIES_MAX))
    same = st.lists(counts, min_size=len(rows), max_size=len(rows))
    return draw_bars(
        rows,
        id_="p",
        title=draw(texts),
        before=draw(st.none() | same),
        names=draw(st.tuples(texts, texts)),
        unit="家",
    )


@st.composite
def stars(draw):
    full = st.decimals(Decimal("0.0001"), 1000, places=4)
    groups = draw(st.lists(st.tuples(texts, values, full), max_size=GROUPS_MAX))
    same = st.lists(values, min_size=len(groups), max_size=len(groups))
    other = draw(st.none() | same)
    names = draw(st.tuples(texts, texts))
    return draw_radar(groups, id_="p", title=draw(texts), other=other, names=names)


@st.composite
def sparks(draw):
    return draw_spark(draw(st.lists(values, max_size=30)), id_="p", title=draw(texts))


def root_of(picture):
    return ElementTree.fromstring(str(picture.svg).encode())


def drawn(element):
    """Every element that is drawn, with the text anchor it inherits."""
    todo = [(element, "start")]
    while todo:
        one, anchor = todo.pop()
        if one.tag == f"{SVG}pattern":
            continue
        anchor = one.get("text-anchor", anchor)
        yield one, anchor
        todo.extend((child, anchor) for child in one)


def path_points(d):
    """The absolute points of a path of M, L, H, V, h, v, l and z."""
    x = y = 0.0
    for command, rest in re.findall(r"([MLHVhvlz])([^MLHVhvlz]*)", d):
        numbers = [float(n) for n in rest.split()]
        if command in "ML":
            x, y = numbers
        elif command == "l":
            x, y = x + numbers[0], y + numbers[1]
        elif command in "Hh":
            x = numbers[0] + (x if command == "h" else 0)
        elif command in "Vv":
            y = numbers[0] + (y if command == "v" else 0)
        yield x, y


def corners(one, anchor):
    """The points that a drawn element reaches."""
    name = one.tag.removeprefix(SVG)
    if name == "path":
        yield from path_points(one.get("d"))
    elif name == "rect":
        x, y = float(one.get("x")), float(one.get("y"))
        yield x, y
        yield x + float(one.get("width")), y + float(one.get("height"))
    elif name == "circle":
        yield float(one.get("cx")), float(one.get("cy"))
    elif name == "text":
        x, y = float(one.get("x")), float(one.get("y"))
        room = width("".join(one.itertext()))
        left = x - {"start": 0, "middle": room / 2, "end": room}[anchor]
        yield left, y - EM / 2
        yield left + room, y + EM / 2


def lengths(picture, class_):
    """(x, width) of the rectangles of a class."""
    return [
        (float(one.get("x")), float(one.get("width")))
        for one in root_of(picture).iter(f"{SVG}rect")
        if one.get("class") == class_
    ]


@given(st.one_of(lines(), waterfalls(), distributions(), stars(), sparks()))
@settings(deadline=None, max_examples=300)
def test_whatever_comes_in_the_picture_is_well_formed_harmless_and_inside_its_frame(picture):
    root = root_of(picture)
    _, _, wide, high = (float(n) for n in root.get("viewBox").split())
    allowed = "svg title desc g path rect circle text tspan pattern".split()
    elements = list(root.iter())
    assert {one.tag.removeprefix(SVG) for one in elements} <= set(allowed)
    names = {name for one in elements for name in one.attrib}
    assert not [name for name in names if name in ("style", "href") or name.startswith("on")]
    ids = [one.get("id") for one in elements if one.get("id")]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]*)\)", str(picture.svg))) <= set(ids)
    assert {root.get("aria-labelledby"), root.get("aria-describedby")} <= set(ids)
    assert root.get("role") == "img"
    assert root.find(f"{SVG}desc").text
    assert "px" not in (root.get("width") or "")
    for one, anchor in drawn(root):
        for x, y in corners(one, anchor):
            assert -0.3 <= x <= wide + 0.3, (one.attrib, one.text)
            assert -0.3 <= y <= high + 0.3, (one.attrib, one.text)
    assert all(len(row) == len(picture.head) for row in picture.rows)


def show_all():
    """One picture of each kind, as a page would show them."""
    points = [(date(2024, 1, 1) + timedelta(days=40 * k), Decimal(90 + k * 7 % 40)) for k in range(12)]
    steps = [(LONG, Decimal(-5)), ("示范项目", Decimal("6.5")), ("不计", Decimal(0))]
    groups = [(f"第{k}项", Decimal(k), Decimal(12)) for k in range(1, 9)]
    tally = [("3A", 12), ("2A", 48), ("A", 131), ("B", 17), ("未评级", 36)]
    return {
        "line": draw_line(
            points, id_="l", title="走势", thresholds=CUTS, events=[(date(2024, 5, 1), LONG)]
        ),
        "waterfall": draw_waterfall(
            steps, id_="w", title="构成", start=("基础分", Decimal(100)), thresholds=CUTS
        ),
        "bars": draw_bars(tally, id_="b", title="分布", before=[8, 52, 120, 22, 42], unit="家"),
        "radar": draw_radar(groups, id_="r", title="得分率", other=[Decimal(6)] * 8),
        "rows": draw_radar(groups[:2], id_="r2", title="得分率"),
        "spark": draw_spark([value for _, value in points], id_="s", title="走势"),
        "empty": draw_line([], id_="e", title="走势"),
    }


def test_the_same_input_gives_the_same_bytes():
    assert show_all() == show_all()


def test_the_stylesheet_knows_each_class_that_is_drawn_and_no_other():
    used = {
        name
        for picture in show_all().values()
        for one in root_of(picture).iter()
        for name in one.get("class", "").split()
    }
    known = set(re.findall(r"\.(chart[a-z0-9-]*)", CSS))
    assert used - known == set()
    assert known - used == {"chart-frame"}  # the page's own element around a picture


def test_every_colour_of_the_stylesheet_has_a_dark_one():
    light, dark = (re.findall(r"(--chart-[a-z0-9]+):", part) for part in CSS.split("}")[:2])
    assert light == dark
    assert set(re.findall(r"var\((--chart-[a-z0-9]+)\)", CSS)) == set(light)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"]]>', "</title><b onload='x'>"])
def test_a_hostile_label_stays_text(text):
    one = [(text, Decimal(1), Decimal(2))]
    pictures = [
        draw_bars([(text, 3)], id_="a", title=text),
        draw_waterfall([(text, Decimal(1))], id_="a", title=text, start=(text, Decimal(1))),
        draw_radar(one * 3, id_="a", title=text),
        draw_radar(one, id_="a", title=text, other=[Decimal(1)], names=(text, text)),
        draw_line(
            [(date(2024, 1, 1), Decimal(1))],
            id_="a",
            title=text,
            thresholds=[(text, Decimal(1))],
            events=[(date(2024, 1, 1), text)],
        ),
    ]
    for picture in pictures:
        root = root_of(picture)
        assert root.find(f"{SVG}title").text == text
        assert text[:4] in "".join(root.find(f"{SVG}desc").itertext())
        assert "<script" not in picture.svg
        assert "<b " not in picture.svg
        assert "]]>" not in picture.svg
        assert text in "".join(picture.rows[0])


@given(
    st.lists(st.decimals(-50, 50, places=2), min_size=1, max_size=STEPS_MAX),
    st.decimals(-200, 200, places=2),
)
@settings(deadline=None)
def test_a_waterfalls_bars_are_as_long_as_their_steps_and_each_begins_where_the_last_ended(
    changes, base
):
    steps = [(str(k), change) for k, change in enumerate(changes)]
    picture = draw_waterfall(steps, id_="w", title="构成", start=("起", base))
    bars = sorted(lengths(picture, "chart-good") + lengths(picture, "chart-bad"))
    scale_of = [length / abs(float(step)) for (_, length), step in _paired(picture, changes)]
    assert len(scale_of) == len(bars)
    widest = max((length for _, length in bars), default=0)
    for (_, length), step in _paired(picture, changes):
        biggest = max(map(abs, changes))
        assert math.isclose(length, widest * float(abs(step) / biggest), abs_tol=0.21)
    assert picture.rows[-1] == ("合计", "", number(base + sum(changes)))
    assert picture.rows[0] == ("起", "", number(base))
    ends = [base]
    for step, (_, change, total) in zip(changes, picture.rows[1:-1], strict=True):
        ends.append(ends[-1] + step)
        assert (change, total) == (signed(step), number(ends[-1]))
