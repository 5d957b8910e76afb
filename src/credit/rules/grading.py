"""Grading: facts and evaluations in, score and grade out, with a trace that sums.

Two families (domain practice): `points`, base + good − bad with cut-offs, and `rank`, the same
score graded by percentage of the ranking. Standard library only: the verifier grades with it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from credit.kit.texts import marked
from credit.rules.arithmetic import add_months, round_to
from credit.rules.ladder import Ladder
from credit.rules.model import (
    Condition,
    EvaluationRule,
    EventType,
    FixedPoints,
    Grading,
    LevelPoints,
    LiveEvent,
    LiveSeverity,
    PartyKind,
    RangePoints,
    SheetBelow,
)
from credit.rules.trace import Node, text

__all__ = [
    "Evaluation",
    "Fact",
    "GradeResult",
    "Grader",
    "SubjectRecord",
    "lapse_of",
    "rank_subjects",
]

ZERO = Decimal(0)


class Fact(NamedTuple):
    """A credit event as the log tells it; `primary` is the kind of party it is about.

    A repaired fact says from which day on it counts no more; `valid_until` is that day too.
    """

    log_index: int
    id: str
    code: str
    occurred_on: date
    primary: str
    level: str | None
    points: Decimal | None
    fact_key: str | None
    valid_until: date | None
    repaired_on: date | None = None


class Evaluation(NamedTuple):
    """A closed evaluation; `weight` is the area it speaks for, in square metres."""

    log_index: int
    id: str
    sheet: str
    year: int
    total: Decimal
    weight: Decimal
    veto: bool
    valid: bool
    closed_on: date


@dataclass(frozen=True, slots=True)
class SubjectRecord:
    """Everything known about a subject."""

    subject: str
    facts: tuple[Fact, ...]
    evaluations: tuple[Evaluation, ...]


@dataclass(frozen=True, slots=True)
class GradeResult:
    """A subject's score and grade, and the trace that explains them."""

    subject: str
    score: Decimal | None
    grade: str | None
    status: str
    trace: Node
    bound: str | None = None  # the best grade that caps and vetoes leave
    forced: str | None = None  # the grade a veto sets


@dataclass(frozen=True, slots=True)
class _Live:
    """A live fact with its signed points."""

    fact: Fact
    event: EventType
    points: Decimal


@lru_cache(maxsize=100_000)
def _expiry(occurred_on: date, months: int) -> date:
    return add_months(occurred_on, months)


def lapse_of(event: EventType, occurred_on: date, valid_until: date | None) -> date:
    """Return the first day on which a fact counts no more: its own, or by the catalogue."""
    return valid_until or _expiry(occurred_on, event.validity_months)


# What a trace says itself. It is stored in Chinese; a page may say it in its own language.
SCORE = marked("信用得分")
BASE = marked("基础分")
GRADE = marked("信用等级")
COUNTED_ONCE = marked("同一事实只按最高一次计分")
LIMITED = marked("“%(group)s”类合计以 %(limit)s 分为限")
CAPPED = marked("等级最高为 %(grade)s")
VETOED = marked("一票否决，等级为 %(grade)s")
ROLLED_UP = marked("%(sheet)s 评价结果")
EVALUATED = marked("%(year)s 年度评价")
TRACE_TEXTS = (
    SCORE, BASE, GRADE, COUNTED_ONCE, LIMITED, CAPPED, VETOED, ROLLED_UP, EVALUATED,
)  # fmt: skip


class Grader:
    """Grades subjects by one grading in force; build it once for many subjects."""

    def __init__(self, grading: Grading) -> None:
        self.grading = grading
        self.ladder = Ladder(grading.ladder)
        self.events = {event.code: event for event in grading.events}
        self._points = {
            event.code: _points_table(event, grading.subject) for event in grading.events
        }
        self._limits = {limit.group: limit.at_most for limit in grading.group_limits}

    def grade(self, record: SubjectRecord, on: date) -> GradeResult:
        """Grade one subject on a day; a rank family's grade comes with `rank_subjects`."""
        live, skipped = self._live(record.facts, on)
        trace = Node(
            "score", str(SCORE), self.grading.source, "", {"on": on.isoformat(), **skipped}
        )
        trace.children.append(Node("base", str(BASE), self.grading.source, text(self.grading.base)))
        score = self.grading.base
        score += self._count_facts(live, trace)
        rolled: dict[str, Decimal] = {}
        counted: list[Evaluation] = []
        for rule in self.grading.evaluations:
            found = _latest(record.evaluations, rule, on)
            if found:
                counted += found
                rolled[rule.sheet] = _roll_up(found, rule)
                score += _contribute(found, rule, rolled[rule.sheet], trace)
        rounding = self.grading.rounding
        score = round_to(score, rounding.places, rounding.mode)
        trace.value = text(score)
        root = Node("grade", str(GRADE), self.grading.source, "", children=[trace])
        if self._unrated(record, on, counted):
            root.value = "unrated"
            return GradeResult(record.subject, None, None, "unrated", root)
        bound, forced = self._bounds(live, rolled, counted, root)
        result = GradeResult(record.subject, score, None, "graded", root, bound, forced)
        return result if self.grading.family == "rank" else self._by_cut_offs(result)

    def _live(self, facts: Sequence[Fact], on: date) -> tuple[list[_Live], dict[str, Any]]:
        live: list[_Live] = []
        expired = future = repaired = 0
        for fact in facts:
            event = self.events.get(fact.code)
            if event is None:
                continue
            if fact.occurred_on > on:
                future += 1
            elif on >= lapse_of(event, fact.occurred_on, fact.valid_until):
                expired += fact.repaired_on is None
                repaired += fact.repaired_on is not None
            else:
                live.append(_Live(fact, event, self.points_of(fact)))
        counts = {"live": len(live), "expired": expired, "future": future}
        return live, {**counts, "repaired": repaired} if repaired else counts

    def points_of(self, fact: Fact) -> Decimal:
        """Return a fact's signed points for the graded kind of subject.

        The party the fact is about takes all of them, a linked one its share from the catalogue.
        """
        by_level, plain, share, ranged = self._points[fact.code]
        points = by_level.get(fact.level or "", ZERO) if by_level else plain
        if ranged:
            points *= fact.points or ZERO
        return points if fact.primary == self.grading.subject else points * share

    def _count_facts(self, live: list[_Live], trace: Node) -> Decimal:
        """Add each live fact's points, one fact once, groups within their limits."""
        best = _best_of_same_fact(live)
        total = ZERO
        by_group: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for one in live:
            fact, event = one.fact, one.event
            node = Node(event.code, event.title, event.source, "0", {}, fact.log_index)
            node.inputs = {"id": fact.id, "occurred_on": fact.occurred_on.isoformat()}
            if fact.level is not None:
                node.inputs["level"] = fact.level
            chosen = best.get((fact.fact_key or "", event.polarity)) if fact.fact_key else one
            if event.same_fact_once and chosen is not one:
                node.inputs["not_counted"] = str(COUNTED_ONCE)
            else:
                node.value = text(one.points)
                total += one.points
                by_group[event.group, event.polarity] += one.points
            trace.children.append(node)
        for (group, _), points in by_group.items():
            limit = self._limits.get(group)
            if limit is not None and abs(points) > limit:
                back = (limit if points > 0 else -limit) - points
                total += back
                trace.children.append(
                    Node(
                        f"limit:{group}",
                        LIMITED % {"group": group, "limit": text(limit)},
                        self.grading.source,
                        text(back),
                    )
                )
        return total

    def _unrated(self, record: SubjectRecord, on: date, counted: list[Evaluation]) -> bool:
        if self.grading.unrated_without == "evaluation":
            return not counted
        known = any(fact.occurred_on <= on for fact in record.facts)
        return not known and not any(one.closed_on <= on for one in record.evaluations)

    def _bounds(
        self,
        live: list[_Live],
        rolled: dict[str, Decimal],
        counted: list[Evaluation],
        root: Node,
    ) -> tuple[str | None, str | None]:
        bound: str | None = None
        forced: str | None = None
        for cap in self.grading.caps:
            holds, index = _holds(cap.when, live, rolled, counted)
            if holds:
                bound = cap.at_most if bound is None else self.ladder.lower(bound, cap.at_most)
                title = CAPPED % {"grade": cap.at_most}
                root.children.append(Node(cap.id, title, cap.source, cap.at_most, index=index))
        for veto in self.grading.vetoes:
            holds, index = _holds(veto.when, live, rolled, counted)
            if holds:
                forced = veto.grade if forced is None else self.ladder.lower(forced, veto.grade)
                title = VETOED % {"grade": veto.grade}
                root.children.append(Node(veto.id, title, veto.source, veto.grade, index=index))
        return bound, forced

    def _by_cut_offs(self, result: GradeResult) -> GradeResult:
        score = result.score or ZERO
        earned = next(
            rung.grade
            for rung in self.grading.ladder
            if rung.at_least is None or score >= rung.at_least
        )
        return self.settle(result, earned, {})

    def settle(self, result: GradeResult, earned: str, inputs: dict[str, Any]) -> GradeResult:
        """Apply veto and caps to the grade earned, and write it at the root of the trace."""
        grade = earned if result.bound is None else self.ladder.lower(earned, result.bound)
        if result.forced is not None:
            grade = self.ladder.lower(grade, result.forced)
        result.trace.value = grade
        result.trace.inputs = {"earned": earned, **inputs}
        return replace(result, grade=grade)


def _points_table(
    event: EventType, graded: PartyKind
) -> tuple[dict[str, Decimal], Decimal, Decimal, bool]:
    """Prepare an event type: points by level, plain ones (all signed), linked share, ranged."""
    sign = {"good": 1, "bad": -1, "neutral": 0}[event.polarity]
    if isinstance(event.points, LevelPoints):
        by_level = {one.level: sign * one.points for one in event.points.levels}
        return by_level, ZERO, event.shares.get(graded, ZERO), False
    # Points from a range come with the fact: what is kept here is only their sign.
    ranged = isinstance(event.points, RangePoints)
    plain = event.points.fixed if isinstance(event.points, FixedPoints) else Decimal(1)
    return {}, sign * plain, event.shares.get(graded, ZERO), ranged


def rank_subjects(grader: Grader, results: Sequence[GradeResult]) -> list[GradeResult]:
    """Grade a rank family: the best score ranks first and equal scores rank equally.

    A grade's `top_percent` counts from the top; who shares a score with the last one inside
    belongs to it too. Subjects under a veto are ranked with the rest but take the veto's grade;
    unrated ones are outside the ranking.
    """
    rated = [one for one in results if one.status == "graded"]
    scores = sorted((one.score or ZERO for one in rated), reverse=True)
    first_rank: dict[Decimal, int] = {}
    for position, score in enumerate(scores):
        first_rank.setdefault(score, position)
    graded = []
    for one in results:
        if one.status != "graded" or one.score is None:
            graded.append(one)
            continue
        ahead = first_rank[one.score]
        percent = Decimal(100 * ahead) / len(scores)
        earned = next(
            rung.grade
            for rung in grader.grading.ladder
            if (rung.top_percent is None or percent < rung.top_percent)
            and (rung.at_least is None or one.score >= rung.at_least)
        )
        inputs = {"rank": ahead + 1, "ranked": len(scores)}
        graded.append(grader.settle(one, earned, inputs))
    return graded


def _best_of_same_fact(live: Iterable[_Live]) -> dict[tuple[str, str], _Live]:
    """Of the records of one fact, find the one with most points; the earliest of equals."""
    best: dict[tuple[str, str], _Live] = {}
    for one in live:
        if one.fact.fact_key is None:
            continue
        if not one.event.same_fact_once:
            continue
        key = (one.fact.fact_key, one.event.polarity)
        other = best.get(key)
        if other is None or (-abs(one.points), one.fact.log_index) < (
            -abs(other.points),
            other.fact.log_index,
        ):
            best[key] = one
    return best


def _latest(evaluations: Sequence[Evaluation], rule: EvaluationRule, on: date) -> list[Evaluation]:
    """Return the valid evaluations of the newest year closed by then, unless they are too old."""
    closed = [
        one for one in evaluations if one.sheet == rule.sheet and one.valid and one.closed_on <= on
    ]
    if not closed:
        return []
    year = max(one.year for one in closed)
    if on.year - year > rule.max_age_years:
        return []
    return [one for one in closed if one.year == year]


def _roll_up(found: list[Evaluation], rule: EvaluationRule) -> Decimal:
    totals = [one.total for one in found]
    weight = sum((one.weight for one in found), ZERO)
    if rule.rollup == "lowest":
        return min(totals)
    if rule.rollup == "weighted-by-area" and weight > 0:
        return sum((one.total * one.weight for one in found), ZERO) / weight
    return sum(totals, ZERO) / len(totals)


def _contribute(
    found: list[Evaluation], rule: EvaluationRule, rolled: Decimal, trace: Node
) -> Decimal:
    adds = rule.adds
    value = (rolled - adds.start) * adds.per_point
    value = round_to(min(adds.at_most, max(adds.at_least, value)), 4, "half-up")
    inputs = {
        "year": found[0].year,
        "rollup": rule.rollup,
        "result": text(round_to(rolled, 4, "half-up")),
    }
    title = ROLLED_UP % {"sheet": rule.sheet}
    node = Node(f"sheet:{rule.sheet}", title, rule.source, text(value), inputs)
    node.children = [
        Node(
            f"evaluation:{one.sheet}",
            EVALUATED % {"year": one.year},
            rule.source,
            text(one.total),
            {"id": one.id, "weight": text(one.weight)},
            one.log_index,
        )
        for one in found
    ]
    trace.children.append(node)
    return value


def _holds(
    when: Condition,
    live: list[_Live],
    rolled: dict[str, Decimal],
    counted: list[Evaluation],
) -> tuple[bool, int | None]:
    """Say whether a condition holds, and the log index of a fact that makes it."""
    if isinstance(when, LiveSeverity):
        hits = [
            one.fact.log_index
            for one in live
            if one.event.polarity == "bad" and one.event.severity == when.live_severity
        ]
    elif isinstance(when, LiveEvent):
        hits = [one.fact.log_index for one in live if one.fact.code == when.live_event]
    elif isinstance(when, SheetBelow):
        below = when.sheet_below
        return below.sheet in rolled and rolled[below.sheet] < below.points, None
    else:
        hits = [one.log_index for one in counted if one.sheet == when.sheet_veto and one.veto]
    return bool(hits), hits[0] if hits else None
