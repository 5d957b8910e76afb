"""Award gates: may this subject apply? Answered with reasons, from facts with their dates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from credit.rules.arithmetic import add_months
from credit.rules.gates import (
    AnyOf,
    FlagIs,
    Gate,
    GradeAtMost,
    HadEvent,
    LacksAward,
    OnBlacklist,
)
from credit.rules.ladder import Ladder
from credit.rules.model import Grading

__all__ = ["EligibilityFacts", "Reason", "check_eligibility"]


@dataclass(frozen=True, slots=True)
class EligibilityFacts:
    """What the gates ask about.

    `flags` says yes or no by name; `events` are (code, day); `grade` is the last published one;
    `blacklists` are the kinds of subject listed; `awards` are (sheet, year).
    """

    flags: Mapping[str, bool] = field(default_factory=dict)
    events: tuple[tuple[str, date], ...] = ()
    grade: str | None = None
    blacklists: frozenset[str] = frozenset()
    awards: frozenset[tuple[str, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Reason:
    """A gate that holds against the subject."""

    id: str
    text: str
    source: str


def check_eligibility(
    grading: Grading, sheet: str, facts: EligibilityFacts, on: date
) -> tuple[Reason, ...]:
    """Return every gate of a sheet that bars the subject on a day; none means it may apply.

    A flag nobody has stated bars nothing: only a stated "no" does.
    """
    ladder = Ladder(grading.ladder)
    return tuple(
        Reason(rule.id, rule.text, rule.source)
        for rule in grading.eligibility
        if sheet in rule.sheets and _holds(rule.when, facts, on, ladder)
    )


def _holds(when: Gate, facts: EligibilityFacts, on: date, ladder: Ladder) -> bool:
    match when:
        case AnyOf(gates):
            return any(_holds(one, facts, on, ladder) for one in gates)
        case FlagIs(name, wanted):
            return facts.flags.get(name) is wanted
        case HadEvent(codes):
            first = _first_day(when, on)
            return any(code in codes and first <= day <= on for code, day in facts.events)
        case GradeAtMost(bound):
            # A grade of an older ladder that this one no longer has bars nobody.
            known = facts.grade is not None and ladder.knows(facts.grade)
            return known and ladder.at_most(str(facts.grade), bound)
        case OnBlacklist(kinds):
            return bool(facts.blacklists.intersection(kinds))
        case LacksAward(sheet):
            return (sheet, on.year) not in facts.awards


def _first_day(when: HadEvent, on: date) -> date:
    if when.within_years is None:
        return date(on.year, 1, 1)
    return add_months(on, -12 * when.within_years)
