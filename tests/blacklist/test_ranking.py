"""Boards as a ranking: shares, ties, ends, and who is not ranked at all."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.blacklist.boards.logic import Score, numbers_of, period_span, rank, score_fault
from credit.kit.canonical import canonical
from credit.rules.listing import Board, BoardSource

BOARD = Board(
    "quarter",
    "红黑榜",
    "quarter",
    "project",
    (
        BoardSource("street", "街道", Decimal("0.4")),
        BoardSource("inspection", "检查", Decimal("0.3")),
        BoardSource("owners", "业主", Decimal("0.3")),
    ),
    Decimal(10),
    Decimal(5),
    Decimal(85),
    Decimal(60),
    "示例",
)
SOURCES = [one.id for one in BOARD.sources]
POINTS = st.decimals(0, 100, places=2)


@st.composite
def boards(draw):
    """A board's scores, by subject and source; some subjects lack some."""
    given_ = {}
    for n in range(draw(st.integers(0, 25))):
        # Few different totals, so that there are ties.
        same = draw(st.sampled_from([None, Decimal(40), Decimal(59), Decimal(85), Decimal(100)]))
        absent = draw(st.sets(st.sampled_from(SOURCES))) if draw(st.booleans()) else set()
        given_[f"XQ-{n}"] = {
            source: draw(POINTS) if same is None else same
            for source in SOURCES
            if source not in absent
        }
    return given_


def scores_of(given_):
    return [
        Score(source, subject, points, "考评〔2026〕1号")
        for subject, parts in given_.items()
        for source, points in parts.items()
    ]


def total_of(points):
    return sum((one.share * points[one.id] for one in BOARD.sources), Decimal(0))


@given(boards(), st.randoms(use_true_random=False))
def test_the_order_in_which_scores_come_in_does_not_matter(given_, random):
    scores = scores_of(given_)
    shuffled = scores[:]
    random.shuffle(shuffled)
    assert rank(BOARD, scores) == rank(BOARD, shuffled)


@given(boards())
def test_a_rank_counts_those_ahead_and_equal_totals_share_it(given_):
    ranking = rank(BOARD, scores_of(given_))
    full = {s: total_of(p) for s, p in given_.items() if set(p) == set(SOURCES)}
    assert {one.subject for one in ranking.rows} == full.keys()
    for one in ranking.rows:
        assert one.total == full[one.subject]
        assert one.rank == 1 + sum(total > one.total for total in full.values())
    assert [one.rank for one in ranking.rows] == sorted(one.rank for one in ranking.rows)
    partial = {s: p for s, p in given_.items() if p and s not in full}
    assert ranking.missing == {
        s: tuple(source for source in SOURCES if source not in p)
        for s, p in sorted(partial.items())
    }


@given(boards(), POINTS, POINTS, st.decimals(0, 100, places=1), st.decimals(0, 100, places=1))
def test_the_ends_hold_who_the_rule_says_and_nobody_else(given_, red, black, top, bottom):
    board = replace(
        BOARD,
        red_at_least=max(red, black),
        black_below=min(red, black),
        top_percent=top,
        bottom_percent=min(bottom, 100 - top),
    )
    rows = rank(board, scores_of(given_)).rows
    totals = [one.total for one in rows]
    for one in rows:
        ahead = sum(total > one.total for total in totals)
        behind = sum(total < one.total for total in totals)
        is_red = one.total >= board.red_at_least and Decimal(100 * ahead) / len(rows) < top
        is_black = (
            one.total < board.black_below
            and Decimal(100 * behind) / len(rows) < board.bottom_percent
        )
        assert (one.side == "red") == is_red
        assert (one.side == "black") == is_black
    # Who shares a total shares the side.
    assert len({(one.total, one.side) for one in rows}) == len(set(totals))


def test_ten_percent_of_ten_is_one_and_a_tie_takes_both():
    plain = {f"XQ-{n}": dict.fromkeys(SOURCES, Decimal(90 - n)) for n in range(10)}
    assert [one.subject for one in rank(BOARD, scores_of(plain)).rows if one.side] == ["XQ-0"]
    tied = {**plain, "XQ-1": dict.fromkeys(SOURCES, Decimal(90))}
    rows = rank(BOARD, scores_of(tied)).rows
    assert [(one.subject, one.rank) for one in rows[:3]] == [("XQ-0", 1), ("XQ-1", 1), ("XQ-2", 3)]
    assert [one.subject for one in rows if one.side == "red"] == ["XQ-0", "XQ-1"]


def test_good_points_or_bad_ones_alone_show_nobody():
    low = {f"XQ-{n}": dict.fromkeys(SOURCES, Decimal("84.99")) for n in range(3)}
    assert {one.side for one in rank(BOARD, scores_of(low)).rows} == {None}
    assert rank(BOARD, []).rows == ()


@given(boards())
def test_the_published_numbers_are_canonical_and_add_up(given_):
    scores = scores_of(given_)
    documents = {(one.subject, one.source): one.document for one in scores}
    numbers = numbers_of(BOARD, "2026-Q2", rank(BOARD, scores), documents)
    assert canonical(numbers)  # text, integers and None alone
    shares = {one["id"]: Decimal(one["share"]) for one in numbers["rule"]["sources"]}
    for row in numbers["rows"]:
        points = {one["source"]: Decimal(one["points"]) for one in row["points"]}
        total = sum((share * points[source] for source, share in shares.items()), Decimal(0))
        assert Decimal(row["total"]) == total


@pytest.mark.parametrize(
    ("kind", "period", "span"),
    [
        ("quarter", "2026-Q1", (date(2026, 1, 1), date(2026, 4, 1))),
        ("quarter", "2026-Q4", (date(2026, 10, 1), date(2027, 1, 1))),
        ("half-year", "2026-H2", (date(2026, 7, 1), date(2027, 1, 1))),
        ("year", "2026", (date(2026, 1, 1), date(2027, 1, 1))),
        ("quarter", "2026-Q5", None), ("quarter", "2026", None), ("quarter", "2026-Q1\n", None),
        ("half-year", "2026-H3", None), ("year", "2026-Q1", None), ("year", "0000", None),
        ("year", "٢٠٢٦", None),
    ],
)  # fmt: skip
def test_a_period_has_one_form_and_its_days(kind, period, span):
    assert period_span(kind, period) == span


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"source": "party"}, "来源"),
        ({"points": Decimal("100.01")}, "0 到 100"),
        ({"points": Decimal("-0.01")}, "0 到 100"),
        ({"points": Decimal("NaN")}, "0 到 100"),
        ({"points": Decimal("Infinity")}, "0 到 100"),
        ({"points": Decimal("1.005")}, "两位小数"),
        ({"document": "张三说的，很好！"}, "文号"),
        ({"document": ""}, "文号"),
    ],
)
def test_a_score_out_of_bounds_is_named(changed, word):
    good = Score("street", "XQ-1", Decimal("80.5"), "考评〔2026〕1号")
    assert score_fault(good, BOARD) is None
    assert word in score_fault(replace(good, **changed), BOARD)
