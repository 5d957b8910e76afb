"""The cases beside each pack, run as tests."""

from datetime import date
from decimal import Decimal

import pytest

from credit.rules.eligibility import EligibilityFacts, check_eligibility
from credit.rules.grading import Evaluation, Fact, SubjectRecord, rank_subjects
from credit.rules.loading import PACKS_DIR, list_packs, load_pack, read_yaml
from credit.rules.model import Bonus, Cancelled
from credit.rules.sheets import InputRefused, score_sheet


def collect():
    for pack in list_packs():
        for path in sorted((PACKS_DIR / pack / "cases").glob("*.yaml")):
            for case in read_yaml(path, path.name):
                yield pytest.param(pack, case, id=f"{pack} {case['name']}")


def day(value: str) -> date:
    return date.fromisoformat(value)


def full_marks(sheet, given):
    taken = {*given.get("marks", {}), *given.get("findings", {}), *given.get("rates", {})}
    marks = {
        row.id: str(row.full)
        for row in sheet.rows
        if row.id not in taken
        and not isinstance(row, Cancelled)
        and row.variant in (None, given.get("variant"))
    }
    return {**given, "marks": {**marks, **given.get("marks", {})}}


def record(subject: str, case) -> SubjectRecord:
    facts = tuple(
        Fact(
            index,
            f"f{index}",
            one["code"],
            day(one["occurred_on"]),
            one.get("primary", "enterprise"),
            one.get("level"),
            Decimal(one["points"]) if "points" in one else None,
            one.get("fact_key"),
            None,
        )
        for index, one in enumerate(case.get("facts", ()))
    )
    evaluations = tuple(
        Evaluation(
            100 + index,
            f"e{index}",
            one["sheet"],
            one["year"],
            Decimal(one["total"]),
            Decimal(one["weight"]),
            one.get("veto", False),
            one.get("valid", True),
            day(one["closed_on"]),
        )
        for index, one in enumerate(case.get("evaluations", ()))
    )
    return SubjectRecord(subject, facts, evaluations)


@pytest.mark.parametrize(("pack", "case"), list(collect()))
def test_case(pack, case):
    rules = load_pack(pack).on(date(2026, 6, 30))
    if "sheet" in case:
        run_sheet(rules, case)
    elif "grade" in case:
        run_grade(rules, case)
    elif "rank" in case:
        run_rank(rules, case)
    else:
        run_eligibility(rules, case)


def run_sheet(rules, case):
    sheet = rules.sheets[case["sheet"]]
    given = full_marks(sheet, case["input"]) if case.get("all") == "full" else case["input"]
    if "refused" in case:
        with pytest.raises(InputRefused) as caught:
            score_sheet(sheet, given, ladder=rules.grader.ladder)
        for part in case["refused"]:
            assert part in str(caught.value)
        return
    result = score_sheet(sheet, given, ladder=rules.grader.ladder).to_json()
    for key, expected in case["output"].items():
        assert result[key] == expected


def run_grade(rules, case):
    on = day(case["grade"]["on"])
    result = rules.grader.grade(record("x", case["grade"]), on)
    expected = case["output"]
    if "status" in expected:
        assert result.status == expected["status"]
    assert result.grade == expected["grade"]
    assert result.score == (None if expected["score"] is None else Decimal(expected["score"]))


def run_rank(rules, case):
    evaluation = {"sheet": "红色物业评分表", "year": 2025, "weight": "1", "closed_on": "2026-01-20"}
    results = [
        rules.grader.grade(
            record(name, {"evaluations": [{**evaluation, "total": total}]}),
            day(case["rank"]["on"]),
        )
        for name, total in case["rank"]["totals"].items()
    ]
    ranked = rank_subjects(rules.grader, results)
    assert {one.subject: one.grade for one in ranked} == case["output"]


def run_eligibility(rules, case):
    given = case["eligibility"]
    facts = EligibilityFacts(
        given.get("flags", {}),
        tuple((code, day(when)) for code, when in given.get("events", ())),
        given.get("grade"),
        frozenset(given.get("blacklists", ())),
        frozenset((sheet, year) for sheet, year in given.get("awards", ())),
    )
    reasons = check_eligibility(rules.grading, given["sheet"], facts, day(given["on"]))
    assert [reason.id for reason in reasons] == case["output"]


def test_the_rows_of_the_standards_are_all_there():
    sheets = load_pack("baotou-2021").on(date(2026, 1, 1)).sheets
    assert [len(sheets[name].rows) for name in ("A.1", "A.2", "A.3", "A.4")] == [50, 30, 34, 39]
    xinhua = load_pack("xinhua-2022").on(date(2026, 1, 1)).sheets["红色物业评分表"]
    assert len(xinhua.rows) == 17
    assert sum(row.full for row in xinhua.rows if not isinstance(row, Bonus)) == 95
