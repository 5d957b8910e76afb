"""Grading: what holds for every record, on a small hand-made grading and on the three packs."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit.rules.arithmetic import add_months, decimal_of, round_to
from credit.rules.grading import Evaluation, Fact, Grader, SubjectRecord, rank_subjects
from credit.rules.ladder import Ladder
from credit.rules.loading import list_packs, load_pack
from credit.rules.model import (
    Below,
    Cap,
    Contribution,
    EvaluationRule,
    EventType,
    FixedPoints,
    Grading,
    GroupLimit,
    Level,
    LevelPoints,
    LiveEvent,
    LiveSeverity,
    RangePoints,
    Rounding,
    Rung,
    SheetBelow,
    SheetVeto,
    Veto,
)

D = Decimal
ON = date(2026, 6, 30)
DAY = timedelta(days=1)
many = settings(max_examples=200, deadline=None)
some = settings(max_examples=60, deadline=None)


def event(code, points, polarity="good", *, group="其他", **more):
    severity = more.pop("severity", "minor" if polarity == "bad" else None)
    more = {"validity_months": 12, "shares": {"enterprise": D("0.5")}, **more}
    return EventType(
        code, code, group, polarity, ("enterprise",), points, source="手写", severity=severity, **more
    )  # fmt: skip


LEVELS = LevelPoints((Level("国家", D(20)), Level("市", D(10)), Level("区", D("0.5"))))
RANGE = RangePoints((D(0), D(100)))
LADDER = (
    Rung("3A", ("AAA",), at_least=D(80), top_percent=D(10)),
    Rung("2A", ("AA",), at_least=D(60), top_percent=D(50)),
    Rung("A", at_least=D(40), top_percent=D(90)),
    Rung("B"),
)
GRADING = Grading(
    title="手写",
    status="sample",
    source="手写",
    subject="enterprise",
    family="points",
    base=D(50),
    rounding=Rounding(1, "half-up"),
    valid_months=12,
    ladder=LADDER,
    events=(
        event("award", LEVELS, group="荣誉"),
        event("fame", FixedPoints(D(7)), group="荣誉"),
        event("duty", RANGE, group="责任"),
        event("every", FixedPoints(D(1)), same_fact_once=False),
        event("slip", RANGE, "bad", group="责任"),
        event("breach", FixedPoints(D(6)), "bad", severity="serious"),
        event("crash", FixedPoints(D(8)), "bad", severity="general"),
        event("note", FixedPoints(D(0)), "neutral"),
    ),
    unrated_without="any-record",
    group_limits=(GroupLimit("荣誉", D(25)), GroupLimit("责任", D(15))),
    evaluations=(
        EvaluationRule(
            "S", "weighted-by-area", 1, Contribution(D(80), D("0.5"), D(-10), D(10)), "手写"
        ),
    ),
    caps=(
        Cap("CAP-SERIOUS", LiveSeverity("serious"), "AA", "手写"),
        Cap("CAP-LOW", SheetBelow(Below("S", D(60))), "A", "手写"),
    ),
    vetoes=(
        Veto("VETO-CRASH", LiveEvent("crash"), "B", "手写"),
        Veto("VETO-SHEET", SheetVeto("S"), "A", "手写"),
    ),
)
GRADER = Grader(GRADING)
GRADERS = [GRADER, *(load_pack(name).on(ON).grader for name in list_packs())]


def fact(code, occurred_on=ON, *, index=0, level=None, points=None, key=None, until=None, of="enterprise"):  # fmt: skip
    return Fact(index, f"f{index}", code, occurred_on, of, level, points, key, until)


def evaluation(total, weight=1, *, year=2026, closed_on=ON, veto=False, valid=True, index=99):
    return Evaluation(index, f"e{index}", "S", year, D(total), D(weight), veto, valid, closed_on)


def grade(*facts, evaluations=(), on=ON, grader=GRADER):
    return grader.grade(SubjectRecord("x", facts, tuple(evaluations)), on)


def gain(*facts, **more):
    """Return what facts add to the base."""
    return grade(*facts, **more).score - GRADING.base


def a_record(grader, rng):
    """Make a record of up to eight facts and four evaluations, around the day of grading."""

    def day():
        return ON + rng.choice([0, 1, -365, -184, rng.randint(-1200, 3)]) * DAY

    def a_fact(n):
        code = rng.choice(sorted(grader.events))
        points = grader.events[code].points
        level = rng.choice(points.levels).level if isinstance(points, LevelPoints) else None
        return Fact(
            n, f"f{n}", code, day(),
            rng.choice(["enterprise", "enterprise", "project", "manager"]),
            level,
            D(rng.randint(0, 2_000)) / 100 if isinstance(points, RangePoints) else None,
            rng.choice([None, "一", "二"]),
            rng.choice([None, None, day()]),
        )  # fmt: skip

    sheets = [rule.sheet for rule in grader.grading.evaluations]
    evaluations = [
        Evaluation(
            100 + n, f"e{n}", rng.choice(sheets), rng.randint(2023, 2026),
            D(rng.randint(0, 10_000)) / 100, D(rng.randint(0, 3)),
            rng.random() < 0.2, rng.random() < 0.8, day(),
        )
        for n in range(rng.randint(0, 4))
    ]  # fmt: skip
    return SubjectRecord(
        "x", tuple(a_fact(n) for n in range(rng.randint(0, 8))), tuple(evaluations)
    )


@st.composite
def graded_records(draw):
    """A grader and a record for it; one seed draws them, since a draw for each value is slow."""
    rng = draw(st.randoms(use_true_random=True, note_method_calls=False))
    grader = rng.choice(GRADERS)
    return grader, a_record(grader, rng), rng


every_record = given(graded_records())


def outcome(result):
    score = result.trace.children[0]
    parts = sorted((child.rule, str(child.index), child.value) for child in score.children)
    return result.score, result.grade, result.status, result.bound, result.forced, parts


def is_live(one, grader, on=ON):
    end = one.valid_until or add_months(one.occurred_on, grader.events[one.code].validity_months)
    return one.occurred_on <= on < end


# What holds for every record


@every_record
@many
def test_the_order_of_facts_and_evaluations_does_not_matter(found):
    grader, record, rng = found
    shuffled = SubjectRecord(
        "x",
        tuple(rng.sample(record.facts, len(record.facts))),
        tuple(rng.sample(record.evaluations, len(record.evaluations))),
    )
    assert outcome(grader.grade(shuffled, ON)) == outcome(grader.grade(record, ON))


@every_record
@many
def test_the_score_is_the_rounded_sum_of_the_children_of_its_trace(found):
    grader, record, _ = found
    result = grader.grade(record, ON)
    score = result.trace.children[0]
    rounding = grader.grading.rounding
    total = sum(D(child.value) for child in score.children)
    assert D(score.value) == round_to(total, rounding.places, rounding.mode)
    assert result.score == (D(score.value) if result.status == "graded" else None)
    assert (score.children[0].rule, D(score.children[0].value)) == ("base", grader.grading.base)
    assert [c.index for c in score.children if c.rule in grader.events] == [
        one.log_index for one in record.facts if is_live(one, grader)
    ]


@every_record
@many
def test_facts_that_are_not_live_on_the_day_add_nothing(found):
    grader, record, _ = found
    live = replace(record, facts=tuple(one for one in record.facts if is_live(one, grader)))
    before, after = grader.grade(record, ON), grader.grade(live, ON)
    assert before.trace.children[0].value == after.trace.children[0].value
    if after.status == "graded":
        assert outcome(before) == outcome(after)


@every_record
@many
def test_the_grade_is_never_better_than_what_caps_and_vetoes_leave(found):
    grader, record, _ = found
    result = grader.grade(record, ON)
    if grader.grading.family == "rank":
        (result,) = rank_subjects(grader, [result])
    if result.status == "unrated":
        assert (result.grade, result.score) == (None, None)
        return
    ladder = grader.ladder
    earned = result.trace.inputs["earned"]
    limits = [one for one in (earned, result.bound, result.forced) if one is not None]
    assert all(ladder.at_most(result.grade, one) for one in limits)
    assert any(ladder.at_least(result.grade, one) for one in limits)
    assert result.trace.value == result.grade
    assert result.grade in ladder.grades
    assert {c.rule for c in result.trace.children[1:]} <= {
        one.id for one in (*grader.grading.caps, *grader.grading.vetoes)
    }


@every_record
@many
def test_the_same_fact_told_again_changes_nothing(found):
    grader, record, rng = found
    once = [one for one in record.facts if one.fact_key and grader.events[one.code].same_fact_once]
    if once:
        again = rng.choice(once)._replace(log_index=50, id="again")
        twice = replace(record, facts=(*record.facts, again))
        assert grader.grade(twice, ON).score == grader.grade(record, ON).score


@every_record
@many
def test_a_group_adds_and_takes_away_no_more_than_its_limit(found):
    grader, record, _ = found
    score = grader.grade(record, ON).trace.children[0]
    for limit in grader.grading.group_limits:
        for polarity, sign in (("good", 1), ("bad", -1)):
            codes = {
                e.code
                for e in grader.events.values()
                if (e.group, e.polarity) == (limit.group, polarity)
            }
            raw = sum(D(c.value) for c in score.children if c.rule in codes)
            back = sum(
                D(c.value)
                for c in score.children
                if c.rule == f"limit:{limit.group}" and D(c.value) * sign < 0
            )
            assert sign * (raw + back) == min(sign * raw, limit.at_most)


# Days


@pytest.mark.parametrize(
    ("occurred_on", "months", "first_day_off"),
    [
        (date(2025, 6, 30), 12, date(2026, 6, 30)),
        (date(2025, 8, 31), 6, date(2026, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2025, 12, 31), 2, date(2026, 2, 28)),
        (date(2025, 1, 31), 1, date(2025, 2, 28)),
        (date(2025, 11, 30), 1, date(2025, 12, 30)),
        (date(2025, 12, 1), 1, date(2026, 1, 1)),
    ],
)
def test_a_fact_counts_from_its_day_to_the_day_before_it_expires(
    occurred_on, months, first_day_off
):
    events = (event("fame", FixedPoints(D(7)), validity_months=months),)
    grader = Grader(replace(GRADING, events=events))
    one = fact("fame", occurred_on)
    assert grade(one, on=occurred_on - DAY, grader=grader).status == "unrated"
    assert grade(one, on=occurred_on, grader=grader).score == 57
    assert grade(one, on=first_day_off - DAY, grader=grader).score == 57
    assert grade(one, on=first_day_off, grader=grader).score == 50


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.integers(0, 240))
@some
def test_months_are_added_by_the_calendar_and_end_on_a_day_it_has(day, months):
    later = add_months(day, months)
    assert later.year * 12 + later.month == day.year * 12 + day.month + months
    assert later.day == day.day or (later.day < day.day and (later + DAY).day == 1)


@pytest.mark.parametrize("until", [date(2026, 1, 2), date(2030, 1, 1)])
def test_a_fact_s_own_expiry_goes_before_the_catalogue_s_earlier_or_later(until):
    one = fact("fame", date(2026, 1, 1), until=until)
    assert gain(one, on=until - DAY) == 7
    assert gain(one, on=until) == 0


# One fact once, groups, shares


@pytest.mark.parametrize("order", list(permutations(["区", "国家", "市"])))
def test_the_same_fact_at_three_levels_counts_once_at_its_highest(order):
    facts = [fact("award", index=n, level=level, key="抗洪") for n, level in enumerate(order)]
    assert gain(*facts) == 20
    others = [c for c in grade(*facts).trace.children[0].children if "not_counted" in c.inputs]
    assert [c.value for c in others] == ["0", "0"]


def test_the_same_fact_under_two_codes_counts_the_higher_and_the_earlier_of_equals():
    assert gain(fact("fame", key="一"), fact("award", index=1, level="区", key="一")) == 7
    twins = grade(fact("fame", key="一", index=7), fact("fame", key="一", index=3))
    assert [(c.index, c.value) for c in twins.trace.children[0].children[1:]] == [
        (7, "0"),
        (3, "7"),
    ]


def test_other_keys_no_keys_the_other_polarity_and_events_that_may_repeat_all_count():
    assert gain(fact("fame", key="一"), fact("fame", index=1, key="二")) == 14
    assert gain(fact("fame"), fact("fame", index=1)) == 14
    assert gain(fact("fame", key="一"), fact("breach", index=1, key="一")) == 1
    assert gain(*(fact("every", index=n, key="一") for n in range(3))) == 3


def test_an_expired_record_of_a_fact_does_not_stand_in_for_a_live_one():
    old = fact("award", ON - 400 * DAY, level="国家", key="一")
    assert gain(old, fact("award", index=1, level="区", key="一")) == D("0.5")


@pytest.mark.parametrize(
    ("good", "bad", "sum_"),
    [("15", "0", "15"), ("15.01", "0", "15"), ("40", "40", "0"), ("3", "40", "-12"), ("0", "15", "-15")],
)  # fmt: skip
def test_good_and_bad_of_a_group_are_limited_each_on_its_own(good, bad, sum_):
    assert gain(fact("duty", points=D(good)), fact("slip", index=1, points=D(bad))) == D(sum_)


def test_a_limit_holds_for_the_group_and_not_for_the_code():
    facts = (fact("award", level="国家"), fact("fame", index=1), fact("breach", index=2))
    assert gain(*facts) == 25 - 6
    limit = grade(*facts).trace.children[0].children[-1]
    assert (limit.rule, limit.value, limit.index) == ("limit:荣誉", "-2", None)


def test_a_linked_party_s_fact_counts_by_its_share_and_an_unknown_level_or_code_not_at_all():
    assert gain(fact("award", level="市", of="project")) == 5
    assert gain(fact("breach", of="manager")) == -3
    assert gain(fact("award", level="省")) == gain(fact("award")) == gain(fact("duty")) == 0
    assert gain(fact("unheard.of")) == 0


@pytest.mark.parametrize(("points", "score"), [("0.04", "50"), ("0.05", "50.1"), ("0.15", "50.2")])
def test_the_score_is_rounded_as_the_pack_says(points, score):
    one = fact("duty", points=D(points))
    assert grade(one).score == D(score)
    down = Grader(replace(GRADING, rounding=Rounding(1, "down")))
    assert grade(one, grader=down).score == round_to(50 + D(points), 1, "down")


# Newcomers and evaluations


def test_nobody_is_graded_without_a_record_and_any_record_will_do():
    assert grade().status == "unrated"
    assert grade(fact("fame", ON + DAY)).status == "unrated"
    assert grade(evaluations=[evaluation("90", closed_on=ON + DAY)]).status == "unrated"
    assert grade(fact("note")).score == grade(fact("fame", ON - 900 * DAY)).score == 50
    assert grade(evaluations=[evaluation("90", valid=False)]).score == 50


def test_where_an_evaluation_is_asked_for_only_one_that_counts_will_do():
    grader = Grader(replace(GRADING, unrated_without="evaluation"))
    for none in ([], [evaluation("90", valid=False)], [evaluation("90", year=2024)]):
        result = grade(fact("fame"), evaluations=none, grader=grader)
        assert (result.status, result.grade, result.score) == ("unrated", None, None)
        assert result.trace.value == "unrated"
    assert grade(evaluations=[evaluation("90")], grader=grader).status == "graded"


@pytest.mark.parametrize(
    ("rollup", "totals", "adds"),
    [
        ("weighted-by-area", [("90", 3), ("70", 1)], "2.5"),
        ("weighted-by-area", [("90", 0), ("70", 0)], "0"),
        ("mean", [("90", 3), ("70", 1)], "0"),
        ("lowest", [("90", 3), ("70", 1)], "-5"),
        ("mean", [("100", 1)], "10"),
        ("mean", [("100", 1), ("100", 1), ("99", 1)], "9.8"),
        ("mean", [("30", 1)], "-10"),
    ],
)
def test_evaluations_are_rolled_up_and_kept_within_their_bounds(rollup, totals, adds):
    (rule,) = GRADING.evaluations
    grader = Grader(replace(GRADING, evaluations=(replace(rule, rollup=rollup),)))
    found = [evaluation(*one, index=n) for n, one in enumerate(totals)]
    assert grade(evaluations=found, grader=grader).score == 50 + D(adds)


def test_only_the_newest_valid_year_counts_while_it_is_young_enough():
    old, new = evaluation("100", year=2025), evaluation("82", year=2026)
    assert gain(evaluations=[old, new]) == 1
    assert gain(evaluations=[old, new._replace(valid=False)]) == 10
    assert gain(evaluations=[old, new._replace(closed_on=ON + DAY)]) == 10
    assert gain(evaluations=[old._replace(year=2024)]) == 0


# Caps, vetoes, ladder


@pytest.mark.parametrize(
    ("points", "expected"), [("30", "3A"), ("29.9", "2A"), ("10", "2A"), ("9.9", "A"), ("0", "A")]
)
def test_a_cut_off_belongs_to_the_grade_above_it(points, expected):
    grader = Grader(replace(GRADING, group_limits=()))
    assert grade(fact("duty", points=D(points)), grader=grader).grade == expected


TOP = (fact("award", level="国家"), fact("duty", index=1, points=D(15)), fact("fame", index=2))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "3A"),
        ({"facts": [fact("breach", index=7)]}, "2A"),
        ({"facts": [fact("breach", ON - 400 * DAY, index=7)]}, "3A"),
        ({"facts": [fact("slip", index=7, points=D(1))]}, "3A"),
        ({"evaluations": [evaluation("59.99")]}, "A"),
        ({"evaluations": [evaluation("60")]}, "3A"),
        ({"facts": [fact("breach", index=7)], "evaluations": [evaluation("59.99")]}, "A"),
        ({"facts": [fact("crash", index=7)]}, "B"),
        ({"evaluations": [evaluation("100", veto=True)]}, "A"),
        ({"evaluations": [evaluation("100", veto=True, valid=False)]}, "3A"),
        ({"facts": [fact("crash", index=7)], "evaluations": [evaluation("100", veto=True)]}, "B"),
    ],
)
def test_the_worst_cap_or_veto_that_holds_binds_and_no_longer_than_it_holds(more, expected):
    lift = Grader(replace(GRADING, base=D(70)))
    result = grade(
        *TOP, *more.get("facts", ()), evaluations=more.get("evaluations", ()), grader=lift
    )
    assert result.trace.inputs["earned"] == "3A"
    assert result.grade == expected


def test_a_veto_never_raises_a_grade_and_names_the_fact_it_rests_on():
    poor = Grader(replace(GRADING, base=D(0)))
    assert grade(evaluations=[evaluation("100", veto=True)], grader=poor).grade == "B"
    node = grade(*TOP, fact("crash", index=7)).trace.children[-1]
    assert (node.rule, node.value, node.index) == ("VETO-CRASH", "B", 7)


ladders = [Ladder(LADDER), *(grader.ladder for grader in GRADERS[1:])]


@pytest.mark.parametrize("ladder", ladders)
def test_above_and_below_include_the_grade_named_and_run_the_ladder_s_way(ladder):
    for better, worse in combinations(ladder.grades, 2):
        assert ladder.at_least(better, worse)
        assert not ladder.at_least(worse, better)
        assert ladder.at_most(worse, better)
        assert not ladder.at_most(better, worse)
        assert ladder.lower(better, worse) == ladder.lower(worse, better) == worse
    for one in ladder.grades:
        assert ladder.at_least(one, one)
        assert ladder.at_most(one, one)
        assert ladder.lower(one, one) == one


@pytest.mark.parametrize("ladder", ladders)
def test_an_alias_is_the_same_grade_and_what_comes_out_is_the_grade_s_own_name(ladder):
    assert ladder.knows("AAA")
    assert not ladder.knows("aaa")
    assert not ladder.knows("")
    for alias, name in (("AAA", "3A"), ("AA", "2A")):
        assert ladder.at_least(alias, name)
        assert ladder.at_most(alias, name)
        assert ladder.lower(alias, alias) == ladder.lower(alias, name) == name
        assert ladder.lower(alias, "A") == "A"
    assert not ladder.at_least("AA", "AAA")


# Ranking

RANK = Grader(replace(GRADING, family="rank", ladder=tuple(replace(r, at_least=None) for r in LADDER), group_limits=(), unrated_without="evaluation"))  # fmt: skip


def ranked(points, *, crashed=(), grader=RANK):
    """Rank one subject for each number of points; those in `crashed` are under a veto."""
    results = []
    for n, one in enumerate(points):
        crash = [fact("crash", index=1)] * (n in crashed)
        evaluations = [evaluation("80")] if one is not None else []
        facts = (fact("duty", points=D(one or 0)), *crash)
        results.append(grader.grade(SubjectRecord(str(n), facts, tuple(evaluations)), ON))
    out = rank_subjects(grader, results)
    assert [one.subject for one in out] == [str(n) for n in range(len(points))]
    return [one.grade for one in out]


@pytest.mark.parametrize(
    ("subjects", "tops"), [(1, 1), (9, 1), (10, 1), (11, 2), (20, 2), (21, 3), (100, 10), (101, 11)]
)
def test_a_subject_is_inside_when_less_than_the_percentage_is_ahead_of_it(subjects, tops):
    assert ranked(range(subjects)).count("3A") == tops


def test_the_percentages_cut_a_hundred_exactly():
    grades = ranked(range(100, 0, -1))
    assert grades == ["3A"] * 10 + ["2A"] * 40 + ["A"] * 40 + ["B"] * 10


@pytest.mark.parametrize(("best", "tops"), [(2, 2), (5, 5), (10, 10)])
def test_who_ties_with_the_last_one_inside_is_inside_too(best, tops):
    assert ranked([9] * best + [1] * (10 - best)).count("3A") == tops


@given(st.lists(st.integers(0, 12), min_size=1, max_size=30))
@some
def test_ties_share_a_grade_which_the_number_ahead_alone_decides(points):
    for one, found in zip(points, ranked(points), strict=True):
        ahead = 100 * sum(other > one for other in points)
        bounds = {"3A": 10, "2A": 50, "A": 90, "B": 101}
        assert found == next(g for g, top in bounds.items() if ahead < top * len(points))


@given(st.lists(st.integers(0, 12), min_size=2, max_size=12), st.integers(0, 11))
@some
def test_unrated_subjects_stand_outside_the_ranking(points, place):
    place %= len(points)
    without = ranked(points)
    mixed = ranked([*points[:place], None, *points[place:]])
    assert mixed[place] is None
    assert [*mixed[:place], *mixed[place + 1 :]] == without


def test_a_veto_takes_the_grade_but_not_the_place_in_the_ranking():
    points = [30, 25, 20, 15, 10, 9, 8, 7, 6, 5, 4]
    assert ranked(points)[:3] == ["3A", "3A", "2A"]
    assert ranked(points, crashed={0})[:3] == ["B", "3A", "2A"]  # 30 less 8 is third then
    assert ranked([60, *points[1:]], crashed={0})[:3] == ["B", "3A", "2A"]


def test_a_rank_does_not_help_who_misses_the_points_the_grade_also_asks_for():
    strict = Grader(replace(RANK.grading, ladder=LADDER))
    assert ranked([30, 29, 10, 9, -11], grader=strict) == ["3A", "2A", "2A", "A", "B"]
    assert ranked([29], grader=strict) == ["2A"]


def test_nobody_to_rank_is_no_fault():
    assert ranked([]) == []
    assert ranked([None, None]) == [None, None]


# Numbers


@given(st.decimals(min_value=0, max_value=999_999_999, places=6))
@some
def test_a_plainly_written_decimal_is_read_back_exactly(number):
    assert decimal_of(format(number, "f")) == number


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("half-up", ["0.3", "0.4", "-0.3", "0.2"]),
        ("half-even", ["0.2", "0.4", "-0.2", "0.2"]),
        ("down", ["0.2", "0.3", "-0.2", "0.2"]),
        ("up", ["0.3", "0.4", "-0.3", "0.3"]),
    ],
)
def test_each_named_rounding_does_what_its_name_says(mode, expected):
    numbers = ["0.25", "0.35", "-0.25", "0.21"]
    assert [str(round_to(D(one), 1, mode)) for one in numbers] == expected
