"""Advice: what a score rests on, how it will change, and what would lift it to the next grade.

Nothing here is estimated. Every score and grade comes from the grader itself, run on a day to come
or on the record with one fact or sheet result more or less. The rules are those of the grader
throughout, also for days on which the pack says something else. Standard library only.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from datetime import MAXYEAR, date
from decimal import Decimal
from typing import Literal

from credit.rules.advice_model import (
    Advice,
    Block,
    CountedSheet,
    LimitCut,
    LiveFact,
    Outcome,
    Removal,
    SheetTotal,
    Step,
    Target,
    Way,
)
from credit.rules.arithmetic import add_months
from credit.rules.grading import Evaluation, Fact, Grader, GradeResult, SubjectRecord, lapse_of
from credit.rules.model import (
    EvaluationRule,
    EventType,
    LevelPoints,
    PartyKind,
    RangePoints,
    Sheet,
)
from credit.rules.trace import Node

__all__ = [
    "HORIZON_MONTHS",
    "Advice",
    "Block",
    "CountedSheet",
    "LimitCut",
    "LiveFact",
    "Outcome",
    "Removal",
    "SheetTotal",
    "Step",
    "Target",
    "Way",
    "advise",
]

HORIZON_MONTHS = 24
HALF_POINT = Decimal("0.5")
NO_ENTRY = -1  # the log index of what is only supposed


def advise(
    grader: Grader,
    record: SubjectRecord,
    on: date,
    *,
    sheets: Mapping[str, Sheet],
    step: Decimal = HALF_POINT,
) -> Advice:
    """Compute the advice for a subject on a day.

    `sheets` are the pack's, for their largest totals; `step` is the precision of a sheet total in
    points. The time is that of some hundred grader runs and grows with the number of live facts.
    """
    return _Advisor(grader, record, on).advice(sheets, step)


class _Advisor:
    """One subject on one day, with the grader's results for days to come."""

    def __init__(self, grader: Grader, record: SubjectRecord, on: date) -> None:
        self.grader = grader
        self.record = record
        self.on = on
        self._by_day: dict[date, GradeResult] = {}
        self.result = self.at(on)
        self.now = _outcome(self.result)
        self.days = self._days_of_change()
        by_index = {fact.log_index: fact for fact in record.facts}
        # Of the score's steps only facts rest on a log entry themselves.
        self.live = [
            (by_index[node.index], node)
            for node in self.result.trace.children[0].children
            if node.index is not None
        ]
        self.blocks = self._blocks()
        self.target = self._target()

    def advice(self, sheets: Mapping[str, Sheet], step: Decimal) -> Advice:
        nodes = self.result.trace.children[0].children
        by_sheet = {node.rule: node for node in nodes if node.rule.startswith("sheet:")}
        rules = self.grader.grading.evaluations
        counted = [(rule, by_sheet.get(f"sheet:{rule.sheet}")) for rule in rules]
        return Advice(
            on=self.on,
            ranked=self.grader.grading.family == "rank",
            now=self.now,
            facts=tuple(self._live_fact(fact, node) for fact, node in self.live),
            sheets=tuple(self._sheet(rule, node) for rule, node in counted if node is not None),
            limits=tuple(
                LimitCut(node.title, node.source, Decimal(node.value))
                for node in nodes
                if node.rule.startswith("limit:")
            ),
            forecast=tuple(self._forecast()),
            target=self.target,
            blocks=self.blocks,
            ways=tuple(sorted(self._ways(), key=self._usefulness)),
            totals=tuple(
                self._total(rule, node, sheets[rule.sheet], step)
                for rule, node in counted
                if self.target is not None
            ),
            removals=tuple(sorted(self._removals(), key=self._usefulness)),
        )

    def at(self, day: date) -> GradeResult:
        """Grade the record as it is on a day, once."""
        if day not in self._by_day:
            self._by_day[day] = self.grader.grade(self.record, day)
        return self._by_day[day]

    def _with(
        self,
        facts: tuple[Fact, ...] | None = None,
        evaluations: tuple[Evaluation, ...] | None = None,
    ) -> GradeResult:
        """Grade today what the record would be with other facts or evaluations."""
        changed = SubjectRecord(
            self.record.subject,
            self.record.facts if facts is None else facts,
            self.record.evaluations if evaluations is None else evaluations,
        )
        return self.grader.grade(changed, self.on)

    def _lapse(self, fact: Fact) -> date:
        event = self.grader.events[fact.code]
        return lapse_of(event, fact.occurred_on, fact.valid_until)

    def _days_of_change(self) -> list[date]:
        """List the later days on which the record could give another result, in order."""
        days = {fact.occurred_on for fact in self.record.facts}
        days |= {self._lapse(fact) for fact in self.record.facts if fact.code in self.grader.events}
        days |= {one.closed_on for one in self.record.evaluations}
        days |= {
            day
            for rule in self.grader.grading.evaluations
            for one in self.record.evaluations
            if one.sheet == rule.sheet and (day := _too_old_on(one.year, rule)) is not None
        }
        return sorted(day for day in days if day > self.on)

    def _live_fact(self, fact: Fact, node: Node) -> LiveFact:
        return LiveFact(
            fact.log_index,
            fact.id,
            fact.code,
            node.title,
            node.source,
            self.grader.events[fact.code].polarity,
            fact.occurred_on,
            fact.level,
            Decimal(node.value),
            "not_counted" not in node.inputs,
            self._lapse(fact),
        )

    def _sheet(self, rule: EvaluationRule, node: Node) -> CountedSheet:
        year = node.inputs["year"]
        ends = {
            one.closed_on
            for one in self.record.evaluations
            if one.sheet == rule.sheet and one.valid and one.year > year and one.closed_on > self.on
        }
        too_old = _too_old_on(year, rule)
        return CountedSheet(
            rule.sheet,
            node.source,
            year,
            Decimal(node.inputs["result"]),
            Decimal(node.value),
            tuple(child.index for child in node.children if child.index is not None),
            min(ends | {too_old} if too_old else ends, default=None),
        )

    def _forecast(self) -> Iterator[Step]:
        last = add_months(self.on, HORIZON_MONTHS)
        before = self.result
        for day in self.days:
            if day > last:
                return
            after = self.at(day)
            was, is_ = _rests_on(before), _rests_on(after)
            if was != is_ or _outcome(before) != _outcome(after):
                yield Step(day, _outcome(after), tuple(sorted(was - is_)), tuple(sorted(is_ - was)))
            before = after

    def _blocks(self) -> tuple[Block, ...]:
        holding = _bounds(self.result)
        if not holding:
            return ()
        by_sheets = _bounds(self._with(facts=()))
        alone = [(fact, _bounds(self._with(facts=(fact,)))) for fact, _ in self.live]
        caps = {cap.id for cap in self.grader.grading.caps}
        blocks = []
        for rule, node in holding.items():
            causes = [fact.log_index for fact, bounds in alone if rule in bounds]
            if rule in by_sheets:
                causes = [] if node.index is None else [node.index]
            until = next((day for day in self.days if rule not in _bounds(self.at(day))), None)
            kind: Literal["cap", "veto"] = "cap" if rule in caps else "veto"
            blocks.append(
                Block(rule, kind, node.title, node.source, node.value, tuple(causes), until)
            )
        return tuple(blocks)

    def _target(self) -> Target | None:
        if self.now.score is None or self.now.grade is None:
            return None
        place = self.grader.ladder.grades.index(self.now.grade)
        if place == 0:
            return None
        rung = self.grader.grading.ladder[place - 1]
        at_least = Decimal(0) if rung.at_least is None else rung.at_least
        barred = tuple(
            block.rule
            for block in self.blocks
            if not self.grader.ladder.at_least(block.grade, rung.grade)
        )
        return Target(rung.grade, at_least, max(Decimal(0), at_least - self.now.score), barred)

    def _lifts(self, outcome: Outcome) -> bool:
        if self.target is None or outcome.grade is None:
            return False
        return self.grader.ladder.at_least(outcome.grade, self.target.grade)

    def _gain(self, outcome: Outcome) -> Decimal | None:
        if self.now.score is None or outcome.score is None:
            return None
        return outcome.score - self.now.score

    def _usefulness(self, one: Way | Removal) -> tuple[int, Decimal]:
        """Order by the grade that comes out, then by the score; what leaves no rating is last."""
        grades, (score, grade) = self.grader.ladder.grades, one.outcome
        place = len(grades) if grade is None else grades.index(grade)
        return place, Decimal("Infinity") if score is None else -score

    def _ways(self) -> Iterator[Way]:
        graded: PartyKind = self.grader.grading.subject
        for event in self.grader.grading.events:
            own = graded in event.subjects
            if event.polarity != "good" or not (own or event.shares.get(graded, 0) > 0):
                continue
            primary = graded if own else event.subjects[0]
            for level, points in _options(event):
                fact = Fact(NO_ENTRY, "", event.code, self.on, primary, level, points, None, None)
                outcome = _outcome(self._with(facts=(*self.record.facts, fact)))
                yield Way(
                    event.code,
                    event.title,
                    event.group,
                    event.source,
                    primary,
                    level,
                    points,
                    outcome,
                    self._gain(outcome),
                    self._lifts(outcome),
                    self._lapse(fact),
                )

    def _total(
        self, rule: EvaluationRule, node: Node | None, sheet: Sheet, step: Decimal
    ) -> SheetTotal:
        """Search the least total: more points on a sheet never give a worse grade."""
        others = tuple(one for one in self.record.evaluations if one.sheet != rule.sheet)
        blank = Evaluation(
            NO_ENTRY,
            "",
            rule.sheet,
            self.on.year,
            Decimal(0),
            Decimal(1),
            veto=False,
            valid=True,
            closed_on=self.on,
        )

        def outcome_of(steps: int) -> Outcome:
            return _outcome(self._with(evaluations=(*others, blank._replace(total=steps * step))))

        most = int(sheet.total_max // step)
        steps = range(most + 1)
        found = bisect_left(steps, x=True, key=lambda one: self._lifts(outcome_of(one)))
        reached = found in steps
        return SheetTotal(
            rule.sheet,
            rule.source,
            None if node is None else Decimal(node.inputs["result"]),
            found * step if reached else None,
            outcome_of(found) if reached else None,
            most * step,
            outcome_of(most),
        )

    def _removals(self) -> Iterator[Removal]:
        for fact, node in self.live:
            if self.grader.events[fact.code].polarity != "bad":
                continue
            rest = tuple(one for one in self.record.facts if one.log_index != fact.log_index)
            outcome = _outcome(self._with(facts=rest))
            if outcome != self.now:
                yield Removal(
                    fact.log_index,
                    fact.id,
                    fact.code,
                    node.title,
                    node.source,
                    outcome,
                    self._gain(outcome),
                    self._lifts(outcome),
                )


def _outcome(result: GradeResult) -> Outcome:
    return Outcome(result.score, result.grade)


def _bounds(result: GradeResult) -> dict[str, Node]:
    """Return the caps and vetoes that hold, by their ids: what stands beside the score."""
    return {node.rule: node for node in result.trace.children[1:]}


def _rests_on(result: GradeResult) -> set[int]:
    """Return the log indexes of the facts and evaluations that grading looked at."""
    return {node.index for node in result.trace.children[0].walk() if node.index is not None}


def _too_old_on(year: int, rule: EvaluationRule) -> date | None:
    """Return the first day on which an evaluation of a year is too old; None is never."""
    first = year + rule.max_age_years + 1
    return date(first, 1, 1) if first <= MAXYEAR else None


def _options(event: EventType) -> list[tuple[str | None, Decimal | None]]:
    """List an event's (level, points): every level, or the two ends of its range."""
    match event.points:
        case LevelPoints(levels):
            return [(one.level, None) for one in levels]
        case RangePoints((low, high)):
            return [(None, one) for one in dict.fromkeys((low, high))]
        case _:
            return [(None, None)]
