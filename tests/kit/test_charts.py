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
WEB = Path(charts.__file__).parents[2] / "web"
CSS = (WEB / "static" / "charts.css").read_text(encoding="utf-8")
CUTS = [("3A ≥120", Decimal(120)), ("2A ≥100", Decimal(100)), ("A ≥85", Decimal(85))]
HOSTILE = ["<script>alert(1)</script>", '"]]>', "' onload='x", "&amp;", "\x00\ud800\ufffe\u202ex"]
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
    second = draw(st.sampled_from([{}, {"before": draw(same)}, {"wholes": draw(same)}]))
    return draw_bars(
        rows,
        id_="p",
        title=draw(texts),
        **second,
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
@settings(deadline=None)
def test_whatever_comes_in_the_picture_is_well_formed_harmless_and_inside_its_frame(picture):
    root = root_of(picture)
    _, _, wide, high = (float(n) for n in root.get("viewBox").split())
    allowed = ["svg", "title", "desc", "g", "path", "rect", "circle", "text", "tspan", "pattern"]
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
    points = [
        (date(2024, 1, 1) + timedelta(days=40 * k), Decimal(90 + k * 7 % 40)) for k in range(12)
    ]
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
    known = set(re.findall(r"^\s*\.(chart[a-z0-9-]*)", CSS, re.MULTILINE))
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


def bars_in_order(picture):
    """The kind of each row's bar and the two places it joins, left first."""
    found = []
    for group in root_of(picture):
        kind = group.get("class", "").removeprefix("chart-")
        for one in group if kind in ("total", "good", "bad", "none") else ():
            (left, y), (right, _) = list(corners(one, "start"))[:2]
            found.append((y, (kind, left, right)))
    return [bar for _, bar in sorted(found)]


@given(
    st.lists(st.decimals(-50, 50, places=2), max_size=STEPS_MAX), st.decimals(-200, 200, places=2)
)
@settings(deadline=None)
def test_a_waterfalls_bars_are_as_long_as_their_steps_and_begin_where_the_last_one_ended(
    changes, base
):
    steps = [(str(k), change) for k, change in enumerate(changes)]
    picture = draw_waterfall(steps, id_="w", title="构成", start=("起", base))
    bars = bars_in_order(picture)
    kinds = ["good" if step > 0 else "bad" if step < 0 else "none" for step in changes]
    assert [kind for kind, _, _ in bars[1:-1]] == kinds
    # Where the running sums lie follows from the ends of the steps alone.
    sums = [base]
    places = []
    for (kind, left, right), step in zip(bars[1:-1], changes, strict=True):
        begin, end = (right, left) if kind == "bad" else (left, right)
        places = places or [begin]
        assert begin == pytest.approx(places[-1], abs=0.11)
        places.append(end)
        sums.append(sums[-1] + step)
    span = max(sums) - min(sums)
    for (_, left, right), step in zip(bars[1:-1], changes, strict=True):
        share = float(abs(step) / span) if span else 0
        assert right - left == pytest.approx(share * (max(places) - min(places)), abs=0.21)
    assert picture.rows == (
        ("起", "", number(base)),
        *(
            (name, signed(step), number(total))
            for (name, step), total in zip(steps, sums[1:], strict=True)
        ),
        ("合计", "", number(sums[-1])),
    )


def test_a_waterfalls_totals_begin_at_zero_or_are_broken():
    def draw(base, change):
        steps = [("一", Decimal(change))]
        return draw_waterfall(steps, id_="w", title="构成", start=("起", Decimal(base)))

    (_, left, right), (_, begin, end), (_, low, high) = bars_in_order(draw(20, 20))
    assert "chart-cut" not in draw(20, 20).svg
    assert right - left == pytest.approx(end - begin, abs=0.2)
    assert high - low == pytest.approx(2 * (end - begin), abs=0.2)
    for base in (100, -100):
        root = root_of(draw(base, 2))
        cuts = next(one for one in root if one.get("class") == "chart-cut")
        assert cuts.get("d").count("M") == 4


def test_good_and_bad_differ_without_colour():
    steps = [("加", Decimal(5)), ("减", Decimal("-2.50"))]
    picture = draw_waterfall(steps, id_="w", title="构成", start=("起", Decimal(10)))
    good, bad = (
        next(one for one in root_of(picture) if one.get("class") == kind)
        for kind in ("chart-good", "chart-bad")
    )
    assert bad.get("fill") == "url(#w-bad)"
    assert not good.get("fill").startswith("url")
    shown = ["".join(one.itertext()) for one in root_of(picture).iter(f"{SVG}text")]
    assert {"+5", "−2.5", "12.5"} <= set(shown)


def test_a_line_holds_each_value_until_the_next_and_the_last_until_the_end():
    start = date(2024, 1, 1)
    points = [(start + timedelta(days=30), Decimal(20)), (start, Decimal(10))]
    until = start + timedelta(days=40)
    root = root_of(
        draw_line(points, id_="l", title="走势", thresholds=[("线", Decimal(15))], until=until)
    )
    line, cut = (
        list(path_points(next(one for one in root.iter() if one.get("class") == name).get("d")))
        for name in ("chart-line", "chart-threshold")
    )
    (x0, y10), (x1, y), (x2, y20), (x3, y_end) = line
    assert (y, x1, y_end) == (y10, x2, y20)
    assert cut[0][1] == pytest.approx((y10 + y20) / 2, abs=0.11)
    assert y20 < y10
    assert (x1 - x0) == pytest.approx(3 * (x3 - x2), abs=0.3)


def test_a_lines_words_and_table_say_what_it_shows():
    day = date(2024, 3, 1)
    points = [
        (day, Decimal(100)),
        (day + timedelta(1), Decimal("88.50")),
        (day + timedelta(2), Decimal(1)),
        (day + timedelta(2), Decimal(97)),
    ]
    events = [(day + timedelta(1), "通报"), (day + timedelta(3), "整改")]
    picture = draw_line(points, id_="l", title="走势", thresholds=CUTS[:1], events=events)
    assert root_of(picture).find(f"{SVG}desc").text == (
        "2024-03-01 为 100；2024-03-03 起为 97；最低 88.5（2024-03-02）；最高 100（2024-03-01）；"
        "参考线：3A ≥120（120）；事项：2024-03-02 通报、2024-03-04 整改。"
    )
    assert picture.head == ("日期", "数值", "事项")
    assert picture.rows == (
        ("2024-03-01", "100", ""),
        ("2024-03-02", "88.5", "通报"),
        ("2024-03-03", "97", ""),
        ("2024-03-04", "—", "整改"),
    )


def test_bars_are_as_long_as_their_counts_and_say_their_shares():
    picture = draw_bars(
        [("甲", 10), ("乙", 30), ("丙", 0)], id_="b", title="分布", before=[40, 0, 0], unit="家"
    )
    now = [length for _, length in lengths(picture, "chart-s1")][1:]  # the first is in the key
    before = [length for _, length in lengths(picture, "chart-s2")][1:]
    assert [3 * now[0], 4 * now[0]] == pytest.approx([now[1], before[0]], abs=0.3)
    titles = [one.text for one in root_of(picture).iter(f"{SVG}title")]
    assert titles[1] == "甲：调整前 40 家（100%），调整后 10 家（25%）"
    assert picture.head == ("类别", "调整前", "调整前占比", "调整后", "调整后占比")
    assert picture.rows[0] == ("甲", "40", "100%", "10", "25%")
    parts = draw_bars(
        [("甲", 60), ("乙", 0)], id_="b", title="采集", wholes=[62, 0], names=("登记", "参与")
    )
    titles = [one.text for one in root_of(parts).iter(f"{SVG}title")]
    assert titles[1] == "甲：登记 62，参与 60（96.8%）"
    assert parts.head == ("类别", "登记", "参与", "占比")
    assert parts.rows == (("甲", "62", "60", "96.8%"), ("乙", "0", "0", "—"))
    alone = draw_bars([("甲", 1), ("乙", 2)], id_="b", title="分布")
    assert alone.rows == (("甲", "1", "33.3%"), ("乙", "2", "66.7%"))
    assert draw_bars([("甲", 0)], id_="b", title="分布").rows == (("甲", "0", "—"),)


def test_a_star_shows_shares_of_the_full_mark_between_nothing_and_all():
    marks = [5, 10, -3, 12]
    groups = [(name, Decimal(m), Decimal(10)) for name, m in zip("甲乙丙丁", marks, strict=True)]
    picture = draw_radar(groups, id_="r", title="得分率", other=[Decimal(2)] * 4)
    by_class = {one.get("class"): one for one in root_of(picture).iter(f"{SVG}path")}
    rings = list(path_points(by_class["chart-grid"].get("d")))
    centre = rings[-1 - 7]  # each of the 4 spokes is a point in the middle and one at the end
    full = math.dist(centre, rings[-1])

    def shares(class_):
        found = list(path_points(by_class[class_].get("d")))[:4]
        return [math.dist(centre, point) / full for point in found]

    assert shares("chart-area") == pytest.approx([0.5, 1, 0, 1], abs=0.01)
    assert shares("chart-outline") == pytest.approx([0.2] * 4, abs=0.01)
    assert picture.rows[2] == ("丙", "−3", "10", "0%", "2", "20%")
    assert picture.head[3:] == ("得分率", "平均", "平均得分率")


@pytest.mark.parametrize("count", [1, 2, 13])
def test_groups_that_make_no_star_are_rows_of_bars(count):
    groups = [(f"第{k}项", Decimal(5), Decimal(k + 5)) for k in range(count)]
    picture = draw_radar(groups, id_="r", title="得分率")
    assert "chart-area" not in picture.svg
    assert [
        round(n / lengths(picture, "chart-s1")[0][1], 1) for _, n in lengths(picture, "chart-s1")
    ] == [round(5 / (k + 5), 1) for k in range(count)]


def test_nothing_to_show_is_said():
    for picture in (
        draw_line([], id_="e", title="走势"),
        draw_bars([], id_="e", title="走势"),
        draw_radar([], id_="e", title="走势"),
        draw_spark([], id_="e", title="走势"),
    ):
        assert [one.text for one in root_of(picture).iter(f"{SVG}text")] == ["暂无数据"]
        assert root_of(picture).find(f"{SVG}desc").text == "暂无数据。"
        assert picture.rows == ()
        assert picture.head


def test_pictures_stay_small():
    step = [(LONG, Decimal(k % 7) - 3) for k in range(30)]
    waterfall = draw_waterfall(
        step, id_="w", title="构成", start=("起", Decimal(100)), thresholds=CUTS
    )
    assert len(waterfall.svg.encode()) <= 15_000
    for name, picture in show_all().items():
        assert len(picture.svg.encode()) <= 6_000, name
    day = date(2020, 1, 1)
    points = [(day + timedelta(days=9 * k), Decimal(k * 37 % 101)) for k in range(POINTS_MAX)]
    assert len(draw_line(points, id_="l", title="走势", thresholds=CUTS).svg.encode()) <= 6_000
    spark = draw_spark([value for _, value in points[:30]], id_="s", title="走势")
    assert len(spark.svg.encode()) <= 1_000


ONE = Decimal(1)
DAY = date(2024, 1, 1)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: draw_line([(DAY, ONE)] * (POINTS_MAX + 1), id_="a", title=""),
        lambda: draw_line([(DAY, ONE)], id_="a", title="", events=[(DAY, "")] * (EVENTS_MAX + 1)),
        lambda: draw_line([(DAY, ONE)], id_="a", title="", thresholds=CUTS * 3),
        lambda: draw_line([(DAY, ONE)], id_="a", title="", until=DAY - timedelta(1)),
        lambda: draw_line([(DAY, Decimal("NaN"))], id_="a", title=""),
        lambda: draw_waterfall([("", ONE)] * (STEPS_MAX + 1), id_="a", title="", start=("", ONE)),
        lambda: draw_waterfall([], id_="a", title="", start=("", VALUE_MAX + 1)),
        lambda: draw_bars([("", 1)] * (CATEGORIES_MAX + 1), id_="a", title=""),
        lambda: draw_bars([("", -1)], id_="a", title=""),
        lambda: draw_bars([("", 1)], id_="a", title="", before=[-1]),
        lambda: draw_bars([("", 1)], id_="a", title="", before=[]),
        lambda: draw_bars([("", 1)], id_="a", title="", before=[1], wholes=[1]),
        lambda: draw_radar([("", ONE, ONE)] * (GROUPS_MAX + 1), id_="a", title=""),
        lambda: draw_radar([("", ONE, Decimal(0))], id_="a", title=""),
        lambda: draw_radar([("", ONE, ONE)], id_="a", title="", other=[]),
        lambda: draw_spark([ONE] * (SPARK_POINTS_MAX + 1), id_="a", title=""),
        lambda: draw_spark([ONE], id_='a"b', title=""),
        lambda: draw_spark([ONE], id_="", title=""),
    ],
)
def test_what_is_out_of_bounds_is_refused(draw):
    with pytest.raises(ValueError):
        draw()


@given(values, values, st.integers(2, 6))
def test_ticks_are_round_evenly_spaced_and_reach_around_the_values(one, two, about):
    low, high = sorted((one, two))
    ticks = nice_ticks(low, high, about)
    (step,) = {b - a for a, b in pairwise(ticks)}
    assert step.normalize().as_tuple().digits in ((1,), (2,), (5,))
    assert ticks[0] <= low <= high <= ticks[-1]
    assert 2 <= len(ticks) <= about + 2
    if high - low > about * Decimal("0.0001"):
        assert step <= (high - low) / about * Decimal("2.5")


@given(days, days)
def test_date_ticks_are_few_and_first_days_or_the_ends(one, two):
    low, high = sorted((one, two))
    ticks = [day for day, _ in date_ticks(low, high)]
    assert ticks == sorted(set(ticks))
    assert 1 <= len(ticks) <= 6
    assert low <= ticks[0] <= ticks[-1] <= high
    assert all(day.day == 1 for day in ticks) or ticks == sorted({low, high})


def test_a_span_of_years_has_ticks_at_years_and_a_short_one_at_months():
    shown = date_ticks(date(2023, 1, 15), date(2025, 12, 31))
    assert shown == [(date(2024, 1, 1), "2024"), (date(2025, 1, 1), "2025")]
    assert [text for _, text in date_ticks(date(2023, 11, 20), date(2024, 2, 1))] == [
        "2023-12",
        "2024-01",
        "2024-02",
    ]


@given(st.lists(st.floats(0, 100), max_size=8).map(sorted))
def test_labels_pushed_apart_stay_in_order_and_inside(wanted):
    placed = spread(wanted, 10, 0, 100)
    assert all(b - a >= 10 - 1e-9 for a, b in pairwise(placed))
    assert all(-1e-9 <= place <= 100 for place in placed)
    if all(b - a >= 10 for a, b in pairwise(wanted)):
        assert placed == pytest.approx(wanted, abs=1e-9)


@given(st.lists(st.tuples(st.floats(0, 360), texts.map(clean)), max_size=8).map(sorted))
def test_texts_in_one_lane_do_not_touch(labels):
    taken = {}
    for (_, text), (middle, lane) in zip(labels, lanes(labels), strict=True):
        assert middle - width(text) / 2 >= taken.get(lane, -math.inf) - 1e-9
        taken[lane] = middle + width(text) / 2


@given(texts.map(clean), st.floats(2 * EM, 20 * EM), st.integers(1, 3))
def test_a_wrapped_text_fits_and_loses_nothing_without_saying_so(text, room, most):
    lines = wrap(text, room, most)
    assert 1 <= len(lines) <= most
    assert all(width(line) <= room + 1e-6 for line in lines)
    if not lines[-1].endswith("…"):
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert width(fit(text, room)) <= room + 1e-6


def test_a_closing_mark_begins_no_line():
    assert wrap("限期整改，逾期未完成", 4 * EM, 3) == ["限期整", "改，逾期", "未完成"]


def test_numbers_are_written_as_a_clerk_expects():
    assert number(Decimal("-1234567.5000")) == "−1,234,567.5"
    assert number(Decimal("0.00004")) == "0"
    assert number(Decimal("-0.00004")) == "0"
    assert number(Decimal("2.00005")) == "2.0001"
    assert [signed(Decimal(n)) for n in ("2", "0", "-2")] == ["+2", "0", "−2"]
    assert short_number(Decimal("-1234567890.12"), 6 * EM, sign=True) == "−12.35亿"
    assert clean(" 红\t色\u202e\x00 物业 ") == "红 色 物业"
    assert len(clean("长" * 900)) == charts.LABEL_CHARS_MAX
