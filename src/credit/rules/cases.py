"""The cases beside a pack: inputs with the outputs the standard's text demands."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from credit.rules.eligibility import EligibilityFacts, check_eligibility
from credit.rules.grading import Evaluation, Fact, SubjectRecord, rank_subjects
from credit.rules.loading import PACKS_DIR, read_yaml
from credit.rules.model import Cancelled, Sheet
from credit.rules.pack import Pack, Rules
from credit.rules.sheets import InputRefused, score_sheet
from credit.rules.trace import text

__all__ = ["read_cases", "run_case", "run_cases"]

Case = dict[str, Any]
DEFAULT_DAY = "2026-06-30"


def read_cases(name: str) -> list[Case]:
    """Read every case of a pack (an id, or a folder's path)."""
    folder = (Path(name) if "/" in name else PACKS_DIR / name) / "cases"
    return [case for path in sorted(folder.glob("*.yaml")) for case in read_yaml(path, path.name)]


def run_cases(pack: Pack, name: str) -> Iterator[tuple[str, str | None]]:
    """Run a pack's cases; yields each one's name and what went wrong, or None."""
    for case in read_cases(name):
        yield case["name"], run_case(pack, case)


def run_case(pack: Pack, case: Case) -> str | None:
    """Run one case; returns what differs from its output, or None."""
    kind = next(one for one in RUN if one in case)
    given = case[kind] if isinstance(case[kind], dict) else {}
    rules = pack.on(date.fromisoformat(str(given.get("on", DEFAULT_DAY))))
    if "refused" in case:
        return _refusal(rules, case)
    found = RUN[kind](rules, case)
    expected = case["output"]
    if isinstance(expected, dict):
        found = {key: found.get(key) for key in expected}
    return None if found == expected else f"应为 {expected}，得到 {found}"


def _sheet(rules: Rules, case: Case) -> Any:
    sheet = rules.sheets[case["sheet"]]
    given = _with_full_marks(sheet, case["input"]) if case.get("all") == "full" else case["input"]
    return score_sheet(sheet, given, ladder=rules.grader.ladder).to_json()


def _refusal(rules: Rules, case: Case) -> str | None:
    try:
        found = _sheet(rules, case)
    except InputRefused as refused:
        missing = [part for part in case["refused"] if part not in str(refused)]
        return f"没有指出 {missing}：{refused}" if missing else None
    return f"应当拒绝，却得到 {found['total']} 分"


def _with_full_marks(sheet: Sheet, given: Case) -> Case:
    """Give every row that the case leaves out its full mark (`all: full`)."""
    taken = {row for part in ("marks", "findings", "rates") for row in given.get(part, {})}
    marks = {
        row.id: text(row.full)
        for row in sheet.rows
        if row.id not in taken
        and not isinstance(row, Cancelled)
        and row.variant in (None, given.get("variant"))
    }
    return {**given, "marks": {**marks, **given.get("marks", {})}}


def _grade(rules: Rules, case: Case) -> Any:
    given = case["grade"]
    result = rules.grader.grade(_record("x", given), date.fromisoformat(given["on"]))
    score = None if result.score is None else text(result.score)
    return {"status": result.status, "grade": result.grade, "score": score}


def _rank(rules: Rules, case: Case) -> Any:
    """Rank subjects that differ only in one sheet's total, the grading's first."""
    given = case["rank"]
    on = date.fromisoformat(given["on"])
    evaluation = {
        "sheet": rules.grading.evaluations[0].sheet,
        "year": on.year,
        "weight": "1",
        "closed_on": given["on"],
    }
    results = [
        rules.grader.grade(_record(name, {"evaluations": [{**evaluation, "total": total}]}), on)
        for name, total in given["totals"].items()
    ]
    return {one.subject: one.grade for one in rank_subjects(rules.grader, results)}


def _eligibility(rules: Rules, case: Case) -> Any:
    given = case["eligibility"]
    facts = EligibilityFacts(
        given.get("flags", {}),
        tuple((code, date.fromisoformat(day)) for code, day in given.get("events", ())),
        given.get("grade"),
        frozenset(given.get("blacklists", ())),
        frozenset((sheet, year) for sheet, year in given.get("awards", ())),
    )
    on = date.fromisoformat(given["on"])
    return [reason.id for reason in check_eligibility(rules.grading, given["sheet"], facts, on)]


def _points(rules: Rules, case: Case) -> Any:
    """Say what each of several participations of a year earns, one after the other."""
    given = case["points"]
    rule = rules.points.rule(given["rule"])
    before, earned = given.get("before", 0), []
    for quantity in given["quantities"]:
        earned.append(rule.points(before, quantity))
        before += quantity
    return earned


def _record(subject: str, given: Case) -> SubjectRecord:
    facts = [
        Fact(
            index,
            f"fact-{index}",
            one["code"],
            date.fromisoformat(one["occurred_on"]),
            one.get("primary", "enterprise"),
            one.get("level"),
            Decimal(one["points"]) if "points" in one else None,
            one.get("fact_key"),
            date.fromisoformat(one["valid_until"]) if "valid_until" in one else None,
        )
        for index, one in enumerate(given.get("facts", ()))
    ]
    evaluations = [
        Evaluation(
            len(facts) + index,
            f"evaluation-{index}",
            one["sheet"],
            one["year"],
            Decimal(one["total"]),
            Decimal(one["weight"]),
            one.get("veto", False),
            one.get("valid", True),
            date.fromisoformat(one["closed_on"]),
        )
        for index, one in enumerate(given.get("evaluations", ()))
    ]
    return SubjectRecord(subject, tuple(facts), tuple(evaluations))


# What a case asks, by the key that says so.
RUN: dict[str, Callable[[Rules, Case], Any]] = {
    "sheet": _sheet,
    "grade": _grade,
    "rank": _rank,
    "eligibility": _eligibility,
    "points": _points,
}
