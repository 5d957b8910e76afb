"""Advice: whatever it says comes true when the fact is added or removed, or the day comes."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit.rules.advice import HORIZON_MONTHS, advise
from credit.rules.arithmetic import add_months, round_to
from credit.rules.grading import Evaluation, Fact, Grader, SubjectRecord
from credit.rules.loading import list_packs, load_pack
from credit.rules.model import Cap, FixedPoints, LevelPoints, LiveEvent, RangePoints, Rounding

D = Decimal
ON = date(2026, 6, 30)
DAY = timedelta(days=1)
STEP = D("0.5")
many = settings(max_examples=100, deadline=None)

RULES = {name: load_pack(name).on(ON) for name in list_packs()}
BAOTOU = RULES["baotou-2021"]


def points_family():
    """The rank pack graded by its cut-offs: a sheet's veto, no rating without an evaluation."""
    grading = replace(RULES["xinhua-2022"].grading, family="points", rounding=Rounding(0, "up"))
    return Grader(grading), RULES["xinhua-2022"].sheets


GRADERS = [*((rules.grader, rules.sheets) for rules in RULES.values()), points_family()]


def a_record(grader, rng):
    """Make a record of up to ten facts and five evaluations, mostly around the day of grading."""

    def day():
        return (
            ON
            + rng.choice([0, 1, 40, -365, -184, rng.randint(-900, 3), -rng.randint(0, 300)]) * DAY
        )

    def a_fact(n):
        code = rng.choice([*sorted(grader.events), "unheard.of"])
        points = grader.events[code].points if code in grader.events else None
        return Fact(
            n, f"f{n}", code, day(),
            rng.choice(["enterprise", "enterprise", "project", "manager"]),
            rng.choice(points.levels).level if isinstance(points, LevelPoints) else None,
            D(rng.randint(0, 2_000)) / 100 if isinstance(points, RangePoints) else None,
            rng.choice([None, "一", "二"]),
            rng.choice([None, None, None, day()]),
        )  # fmt: skip

    sheets = [*(rule.sheet for rule in grader.grading.evaluations), "别的表"]
    evaluations = tuple(
        Evaluation(
            100 + n, f"e{n}", rng.choice(sheets), rng.randint(2023, 2027),
            D(rng.randint(3_000, 10_000)) / 100, D(rng.randint(0, 3)),
            rng.random() < 0.1, rng.random() < 0.9, day(),
        )
        for n in range(rng.randint(0, 5))
    )  # fmt: skip
    return SubjectRecord("x", tuple(a_fact(n) for n in range(rng.randint(0, 10))), evaluations)


@st.composite
def advised(draw):
    """A grader, a record and the advice for it; one seed draws them."""
    rng = draw(st.randoms(use_true_random=True, note_method_calls=False))
    grader, sheets = rng.choice(GRADERS)
    record = a_record(grader, rng)
    return grader, record, advise(grader, record, ON, sheets=sheets), rng


every_advice = given(advised())


def outcome(grader, record, on=ON):
    result = grader.grade(record, on)
    return result.score, result.grade


def steps(grader, record, on):
    """Return the log indexes a grade's trace names below its score, and the bounds beside it."""
    score, *bounds = grader.grade(record, on).trace.children
    indexes = {node.index for node in score.walk() if node.index is not None}
    return indexes, {node.rule for node in bounds}


def better(grader, grade, other):
    return grader.ladder.grades.index(grade) < grader.ladder.grades.index(other)


# What is there now


@every_advice
@many
def test_base_facts_limits_and_sheets_add_up_to_the_score(found):
    grader, record, advice, _ = found
    assert advice.now == outcome(grader, record)
    parts = [one.points for one in (*advice.facts, *advice.limits, *advice.sheets)]
    rounding = grader.grading.rounding
    total = round_to(sum(parts, grader.grading.base), rounding.places, rounding.mode)
    if advice.now.score is not None:
        assert advice.now.score == total
    assert all(one.points == 0 for one in advice.facts if not one.counted)


@every_advice
@many
def test_facts_and_sheets_count_until_the_day_before_they_lapse(found):
    grader, record, advice, _ = found
    ends = {one.log_index: one.lapses_on for one in advice.facts}
    ends |= {index: one.lapses_on for one in advice.sheets for index in one.log_indexes}
    assert set(ends) == steps(grader, record, ON)[0]
    for index, end in ends.items():
        assert index in steps(grader, record, end - DAY)[0]
        assert index not in steps(grader, record, end)[0]


# What is to come


@every_advice
@many
def test_the_forecast_holds_on_every_day_up_to_its_horizon(found):
    grader, record, advice, rng = found
    last = add_months(ON, HORIZON_MONTHS)
    assert [one.on for one in advice.forecast] == sorted({one.on for one in advice.forecast})
    assert all(ON < one.on <= last for one in advice.forecast)
    for _ in range(20):
        day = ON + rng.randint(0, (last - ON).days) * DAY
        before = [one.outcome for one in advice.forecast if one.on <= day]
        assert (before or [advice.now])[-1] == outcome(grader, record, day)


@every_advice
@many
def test_each_step_of_the_forecast_names_what_lapses_and_what_begins(found):
    grader, record, advice, _ = found
    last = add_months(ON, HORIZON_MONTHS)
    ends = {one.log_index: one.lapses_on for one in advice.facts}
    ends |= {index: one.lapses_on for one in advice.sheets for index in one.log_indexes}
    lapsed = {index: step.on for step in advice.forecast for index in step.lapsed if index in ends}
    assert lapsed == {index: end for index, end in ends.items() if end <= last}
    for step in advice.forecast:
        before, after = (steps(grader, record, day)[0] for day in (step.on - DAY, step.on))
        assert (set(step.lapsed), set(step.begun)) == (before - after, after - before)
        changes = outcome(grader, record, step.on - DAY) != outcome(grader, record, step.on)
        assert step.lapsed or step.begun or changes


@every_advice
@many
def test_a_block_holds_up_to_its_day_and_goes_with_its_causes_alone(found):
    grader, record, advice, rng = found
    assert {one.rule for one in advice.blocks} == steps(grader, record, ON)[1]
    for block in advice.blocks:
        last = block.until - DAY if block.until else ON + 4_000 * DAY
        for day in (ON, last, ON + rng.randint(0, (last - ON).days) * DAY):
            assert block.rule in steps(grader, record, day)[1]
        if block.until:
            assert block.rule not in steps(grader, record, block.until)[1]
        causes = set(block.causes)
        facts = {one.log_index for one in record.facts} & causes
        rest = tuple(one for one in record.facts if one.log_index not in causes)
        without = steps(grader, replace(record, facts=rest), ON)[1]
        assert (block.rule not in without) == bool(facts)
        for one in facts:
            kept = tuple(
                fact for fact in record.facts if fact.log_index in {one} - (causes - {one})
            )
            assert block.rule in steps(grader, replace(record, facts=kept), ON)[1]


# What would lift


@every_advice
@many
def test_the_target_is_the_next_grade_which_its_missing_points_reach_unless_barred(found):
    grader, record, advice, _ = found
    ladder = grader.grading.ladder
    if advice.ranked or advice.now.score is None or advice.now.grade == ladder[0].grade:
        assert advice.target is None
        assert advice.totals == ()
        return
    target = advice.target
    place = grader.ladder.grades.index(advice.now.grade)
    assert (target.grade, target.at_least) == (ladder[place - 1].grade, ladder[place - 1].at_least)
    assert target.missing == max(0, target.at_least - advice.now.score)
    assert target.missing > 0 or target.barred_by
    assert set(target.barred_by) <= {one.rule for one in advice.blocks}
    if advice.now.score < 0:
        return  # roundings go from or to zero, so that a sum across it may round otherwise
    lifted = Grader(replace(grader.grading, base=grader.grading.base + target.missing))
    assert lifted.grade(record, ON).score == advice.now.score + target.missing
    reached = not better(grader, target.grade, lifted.grade(record, ON).grade)
    assert reached == (not target.barred_by)


@every_advice
@many
def test_a_way_gives_what_it_says_when_the_fact_is_really_added(found):
    grader, record, advice, _ = found
    for way in advice.ways:
        event = grader.events[way.code]
        assert way.primary in event.subjects
        fact = Fact(999, "new", way.code, ON, way.primary, way.level, way.points, None, None)
        more = replace(record, facts=(fact, *record.facts))
        assert way.outcome == outcome(grader, more)
        if way.gain is None:
            assert None in (way.outcome.score, advice.now.score)
        else:
            assert way.outcome.score == advice.now.score + way.gain
        assert 999 in steps(grader, more, way.counts_until - DAY)[0]
        assert 999 not in steps(grader, more, way.counts_until)[0]
        assert way.lifts == bool(
            advice.target and better(grader, way.outcome.grade, advice.now.grade)
        )


@every_advice
@many
def test_every_good_event_of_the_catalogue_is_there_at_each_level_the_most_useful_first(found):
    grader, _, advice, _ = found
    expected = set()
    for event in grader.grading.events:
        if event.polarity == "good":
            match event.points:
                case LevelPoints(levels):
                    expected |= {(event.code, one.level, None) for one in levels}
                case RangePoints(ends):
                    expected |= {(event.code, None, one) for one in ends}
                case FixedPoints():
                    expected.add((event.code, None, None))
    assert {(one.code, one.level, one.points) for one in advice.ways} == expected
    assert len(advice.ways) == len(expected)
    for listed in (advice.ways, advice.removals):
        order = [not one.lifts for one in listed]
        assert order == sorted(order)
        for one, following in pairwise(listed):
            scores = one.outcome.score, following.outcome.score
            if one.outcome.grade == following.outcome.grade and None not in scores:
                assert scores[0] >= scores[1]


@every_advice
@many
def test_the_needed_total_of_a_sheet_reaches_the_next_grade_and_no_smaller_one_does(found):
    grader, record, advice, rng = found

    def with_total(sheet, total):
        rest = tuple(one for one in record.evaluations if one.sheet != sheet)
        new = Evaluation(999, "new", sheet, ON.year, total, D(7), False, True, ON)
        return outcome(grader, replace(record, evaluations=(*rest, new)))

    rules = [rule.sheet for rule in grader.grading.evaluations]
    assert [one.sheet for one in advice.totals] == (rules if advice.target else [])
    for one in advice.totals:
        present = {sheet.sheet: sheet.result for sheet in advice.sheets}
        assert one.present == present.get(one.sheet)
        assert with_total(one.sheet, one.most) == one.at_most
        if one.needed is None:
            tried = one.most
        else:
            assert with_total(one.sheet, one.needed) == one.outcome
            assert not better(grader, advice.target.grade, one.outcome.grade)
            tried = one.needed - STEP
        for total in (tried, D(rng.randint(0, 200)) / 2):
            if 0 <= total <= tried:
                grade = with_total(one.sheet, total)[1]
                assert better(grader, advice.target.grade, grade)


@every_advice
@many
def test_a_removal_gives_what_it_says_and_none_that_would_help_is_left_out(found):
    grader, record, advice, _ = found
    listed = {one.log_index: one for one in advice.removals}
    live = steps(grader, record, ON)[0]
    for fact in record.facts:
        rest = tuple(one for one in record.facts if one is not fact)
        after = outcome(grader, replace(record, facts=rest))
        event = grader.events.get(fact.code)
        if fact.log_index not in live or event.polarity != "bad" or after == advice.now:
            assert fact.log_index not in listed
            continue
        removal = listed[fact.log_index]
        assert removal.outcome == after
        if None not in (after[0], advice.now.score):
            assert removal.gain == after[0] - advice.now.score >= 0
            assert removal.lifts == bool(
                advice.target and better(grader, after[1], advice.now.grade)
            )


# Cases by hand


def fact(code, index=0, occurred_on=ON, **more):
    more = {"level": None, "points": None, "fact_key": None, "valid_until": None, **more}
    return Fact(index, f"f{index}", code, occurred_on, "enterprise", **more)


def advice_for(*facts, evaluations=(), rules=BAOTOU, grader=None):
    record = SubjectRecord("x", facts, tuple(evaluations))
    return advise(grader or rules.grader, record, ON, sheets=rules.sheets)


def a_sheet(total, *, sheet="A.2", year=2026, index=50, veto=False):
    return Evaluation(index, "e", sheet, year, D(total), D(1), veto, True, date(year, 6, 1))


def test_ten_points_short_of_2a_and_what_gives_them():
    advice = advice_for(fact("note.registered"))
    assert (advice.now.score, advice.now.grade) == (90, "A")
    assert (advice.target.grade, advice.target.missing, advice.target.barred_by) == ("2A", 10, ())
    assert {(one.code, one.level) for one in advice.ways if one.lifts} == {
        ("award.government", "国家"), ("award.government", "自治区"), ("award.government", "市"),
        ("award.association", "全国"), ("award.association", "自治区"), ("conduct.good", None),
    }  # fmt: skip
    assert advice.ways[0].outcome == (D(110), "2A")
    assert [(one.sheet, one.needed) for one in advice.totals] == [("A.2", D(90)), ("A.1", None)]
    assert advice.totals[1].at_most == (D(95), "A")


def test_a_full_group_leaves_nothing_to_gain_in_it():
    facts = [fact("award.government", n, level="国家", fact_key=str(n)) for n in (1, 2)]
    advice = advice_for(*facts)
    assert [(one.title, one.points) for one in advice.limits] == [("“荣誉”类合计以 25 分为限", -15)]
    honours = [one for one in advice.ways if one.group == "荣誉"]
    assert {one.gain for one in honours} == {0}
    assert {one.gain for one in advice.ways[-len(honours) :]} == {0}


def test_a_linked_party_s_event_counts_by_its_share_and_without_one_is_no_way():
    event = BAOTOU.grader.events["contract.fulfilled"]
    linked = replace(event, subjects=("manager",), shares={"enterprise": D("0.25")})
    others = (
        replace(event, code="none", subjects=("manager",), shares={}),
        replace(event, code="nothing", subjects=("manager",), shares={"enterprise": D(0)}),
        replace(event, code="bad", polarity="bad", severity="minor"),
        replace(event, code="neutral", polarity="neutral"),
    )
    grading = replace(BAOTOU.grading, events=(linked, *others), caps=(), vetoes=())
    (way,) = advice_for(fact("unheard.of"), grader=Grader(grading)).ways
    assert (way.primary, way.gain, way.counts_until) == ("manager", D("0.5"), date(2027, 6, 30))


def test_a_cap_bars_the_next_grade_until_the_last_of_its_facts_has_lapsed():
    advice = advice_for(
        fact("award.government", 1, level="国家"),
        fact("mass.incident", 2, date(2025, 9, 1), points=D(5)),
        fact("mass.incident", 3, date(2026, 3, 1), points=D(5)),
        fact("complaint.overdue", 4, date(2026, 6, 1)),
        evaluations=[a_sheet(100)],
    )
    assert advice.now == (D(119), "A")
    (block,) = advice.blocks
    assert (block.rule, block.kind, block.grade) == ("CAP-SERIOUS", "cap", "A")
    assert (block.causes, block.until) == ((2, 3), date(2027, 3, 1))
    assert (advice.target.missing, advice.target.barred_by) == (0, ("CAP-SERIOUS",))
    assert not any(one.lifts for one in advice.ways)
    assert [one.needed for one in advice.totals] == [None, None]
    assert [(one.log_index, one.gain, one.lifts) for one in advice.removals] == [
        (2, 5, False), (3, 5, False), (4, 1, False),
    ]  # fmt: skip


def test_the_removal_of_the_only_serious_fact_lifts_and_comes_first():
    advice = advice_for(
        fact("penalty.administrative", 1, level="市"),
        fact("mass.incident", 2, points=D(5)),
        evaluations=[a_sheet(100)],
        grader=Grader(replace(BAOTOU.grading, base=D(106))),
    )
    assert advice.now == (D(111), "A")
    first, second = advice.removals
    assert (first.log_index, first.outcome, first.lifts) == (2, (D(116), "2A"), True)
    assert (second.log_index, second.outcome, second.lifts) == (1, (D(121), "A"), False)


def test_a_sheet_lapses_when_it_is_too_old_or_a_newer_one_takes_its_place():
    one = a_sheet(90, year=2025)
    (sheet,) = advice_for(evaluations=[one]).sheets
    assert (sheet.result, sheet.points, sheet.lapses_on) == (90, 10, date(2028, 1, 1))
    newer = a_sheet(70, year=2026, index=51)._replace(closed_on=ON + DAY)
    advice = advice_for(evaluations=[one, newer])
    assert advice.sheets[0].lapses_on == ON + DAY
    assert advice.forecast[0].outcome == (D(80), "B")
    assert (advice.forecast[0].lapsed, advice.forecast[0].begun) == ((50,), (51,))


def test_a_sheet_below_its_bound_is_lifted_by_the_sheet_alone():
    advice = advice_for(fact("note.registered"), evaluations=[a_sheet("59.5")])
    assert (advice.blocks[0].rule, advice.blocks[0].causes) == ("CAP-A2", ())
    assert advice.blocks[0].until == date(2029, 1, 1)
    grader = Grader(replace(BAOTOU.grading, base=D(130)))
    advice = advice_for(fact("note.registered"), evaluations=[a_sheet("59.5")], grader=grader)
    assert advice.now == (D(110), "A")
    assert (advice.totals[0].needed, advice.totals[0].outcome) == (D(60), (D(110), "2A"))


def test_an_alias_in_a_cap_bars_like_the_grade_it_names():
    cap = Cap("CAP-NOTE", LiveEvent("note.registered"), "AA", "手写")
    grader = Grader(replace(BAOTOU.grading, base=D(125), caps=(cap,), vetoes=()))
    advice = advice_for(fact("note.registered"), grader=grader)
    assert (advice.now.grade, advice.target.barred_by) == ("2A", ("CAP-NOTE",))
    low = Grader(replace(grader.grading, base=D(90)))
    assert advice_for(fact("note.registered"), grader=low).target.barred_by == ()


def test_who_has_no_rating_learns_which_fact_would_bring_one():
    advice = advice_for()
    assert (advice.now, advice.target, advice.facts, advice.forecast) == (
        (None, None),
        None,
        (),
        (),
    )
    assert advice.ways[0].outcome == (D(110), "2A")
    assert {(one.gain, one.lifts) for one in advice.ways} == {(None, False)}


def test_what_only_makes_a_subject_known_is_a_step_of_the_forecast_too():
    (step,) = advice_for(fact("unheard.of", 1, ON + DAY)).forecast
    assert (step.on, step.outcome, step.begun) == (ON + DAY, (D(90), "A"), ())


def test_the_only_fact_a_bad_one_leaves_no_rating_behind():
    (removal,) = advice_for(fact("wages.arrears")).removals
    assert (removal.outcome, removal.gain, removal.lifts) == ((None, None), None, False)


def test_the_best_grade_has_no_target():
    advice = advice_for(
        fact("note.registered"), grader=Grader(replace(BAOTOU.grading, base=D(130)))
    )
    assert (advice.now.grade, advice.target, advice.totals) == ("3A", None, ())
    assert not any(one.lifts for one in advice.ways)


def test_a_rank_family_gets_scores_only_and_says_so():
    rules = RULES["xinhua-2022"]
    advice = advice_for(
        fact("law.serious", 1), evaluations=[a_sheet(80, sheet="红色物业评分表")], rules=rules
    )
    assert advice.ranked
    assert advice.now == (D(55), None)
    assert (advice.target, advice.totals) == (None, ())
    assert [one.rule for one in advice.blocks] == ["CAP-SERIOUS", "VETO-LAW"]
    assert [(one.gain, one.outcome.grade) for one in advice.removals] == [(20, None)]
    gains = [one.gain for one in advice.ways]
    assert gains == sorted(gains, reverse=True) == [10, 6, 4, 2, 2]


@pytest.mark.parametrize("name", list_packs())
def test_the_runs_for_a_subject_with_forty_facts_are_a_few_hundred(name, monkeypatch):
    """The time is that of the grader's runs: count them, since a clock would make a poor test."""
    rules = RULES[name]
    codes = sorted(rules.grader.events)
    facts = [
        fact(codes[n % len(codes)], n, ON - 4 * n * DAY, points=D(1), fact_key=str(n))
        for n in range(40)
    ]
    sheets = [
        a_sheet(85, sheet=rule.sheet, index=50 + n)
        for n, rule in enumerate(rules.grading.evaluations)
    ]
    grade, runs = Grader.grade, []
    monkeypatch.setattr(Grader, "grade", lambda *given: runs.append(1) or grade(*given))
    advice = advice_for(*facts, evaluations=sheets, rules=rules)
    assert len(advice.facts) > 25
    assert len(runs) <= 200
