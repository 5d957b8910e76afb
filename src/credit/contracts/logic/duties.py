"""Duties of a contract: which fall due when, and what may follow once one does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from credit.contracts.logic.records import Side
from credit.contracts.views import ClauseText, LadderStep
from credit.kit.texts import marked, say
from credit.rules.arithmetic import add_months
from credit.rules.promises import Period

__all__ = [
    "DUTY_ACTS",
    "DUTY_STATES",
    "DutyAct",
    "DutyStanding",
    "DutyState",
    "Finding",
    "NewDuty",
    "due_duties",
    "duty_after",
    "duty_refusal",
    "next_start",
    "opening_duties",
    "periods",
    "severity_at",
]

MONTHS: Mapping[str, int] = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}
_DAY = timedelta(days=1)
DutyState = Literal["open", "reported", "disputed", "fulfilled", "breached", "waived"]
DutyAct = Literal["report", "confirm", "dispute", "raise", "settle", "inspect"]
Finding = Literal["fulfilled", "breached"]
DUTY_STATES: Mapping[DutyState, str] = {
    "open": marked("待报告"),
    "reported": marked("待确认"),
    "disputed": marked("有争议"),
    "fulfilled": marked("已履行"),
    "breached": marked("违约"),
    "waived": marked("免除"),
}
DUTY_ACTS: Mapping[DutyAct, str] = {
    "report": marked("报告履约"),
    "confirm": marked("确认"),
    "dispute": marked("提出争议"),
    "raise": marked("提交上一级"),
    "settle": marked("作出处理"),
    "inspect": marked("核查"),
}


@dataclass(frozen=True, slots=True)
class NewDuty:
    """A duty to come: whose, of which clause, for which days (both included)."""

    clause: str
    role: str
    side: Side
    confirmer: str
    period: Period
    start: date
    end: date
    grace_days: int


@dataclass(frozen=True, slots=True)
class DutyStanding:
    """Where a duty stands: `level` counts the levels of a dispute from 0, `rungs` how many
    there are. `by_office` says that an office has found what it found.
    """

    state: DutyState
    start: date
    level: int
    rungs: int
    by_office: bool = False


def periods(period: Period, from_on: date, until: date) -> Iterator[tuple[date, date]]:
    """Return the periods of a contract, first and last days; they count from its first day on."""
    months = MONTHS.get(period)
    if months is None:
        yield from_on, until
        return
    number, start = 0, from_on
    while start <= until:
        number += 1
        following = add_months(from_on, number * months)
        yield start, min(following - _DAY, until)
        start = following


def opening_duties(
    clauses: Sequence[ClauseText],
    sides: Mapping[str, Sequence[Side]],
    days: tuple[date, date],
    begin: date,
) -> list[NewDuty]:
    """Return the duties of the periods that run on a day, from that day on.

    `days` are the first and last day of the contract, `sides` who is bound in which role.
    """
    return [
        _duty(clause, side, (max(start, begin), end))
        for clause in clauses
        for start, end in periods(clause.period, *days)
        if start <= begin <= end
        for side in sides.get(clause.obligor, ())
    ]


def due_duties(
    clauses: Sequence[ClauseText],
    sides: Mapping[str, Sequence[Side]],
    days: tuple[date, date],
    span: tuple[date, date],
) -> list[NewDuty]:
    """Return the duties of the periods that begin within a span of days, both included."""
    return [
        _duty(clause, side, (start, end))
        for clause in clauses
        for start, end in periods(clause.period, *days)
        if span[0] <= start <= span[1]
        for side in sides.get(clause.obligor, ())
    ]


def next_start(clauses: Sequence[ClauseText], days: tuple[date, date], after: date) -> date | None:
    """Return the first day after one on which a period begins; None when there is no more."""
    starts = (
        start for clause in clauses for start, _ in periods(clause.period, *days) if start > after
    )
    return min(starts, default=None)


def duty_refusal(duty: DutyStanding, act: DutyAct, today: date) -> str | None:
    """Say why something may not be done about a duty now; None where it may."""
    if duty.start > today:
        return say("这一期从 %(start)s 开始，还不能办理。", start=duty.start)
    return _RULES[act](duty)


def duty_after(duty: DutyStanding, act: DutyAct, finding: Finding | None = None) -> DutyStanding:
    """Return where a duty stands after an act that was not refused; `finding` where it has one."""
    match act:
        case "report":
            return replace(duty, state="reported")
        case "dispute":
            return replace(duty, state="disputed", level=0)
        case "raise":
            return replace(duty, level=duty.level + 1)
        case _:
            found: DutyState = finding or "fulfilled"
            return replace(duty, state=found, by_office=act != "confirm")


def severity_at(ladder: Sequence[LadderStep], level: int) -> Literal["minor", "general", "serious"]:
    """Return how heavy a breach found at a level of the ladder is; minor where there is none."""
    return ladder[level].breach if level < len(ladder) else "minor"


def _duty(clause: ClauseText, side: Side, days: tuple[date, date]) -> NewDuty:
    return NewDuty(
        clause.id,
        clause.obligor,
        side,
        clause.confirmed_by,
        clause.period,
        *days,
        clause.grace_days,
    )


def _report(duty: DutyStanding) -> str | None:
    return None if duty.state == "open" else say("这一期已经报告或处理，不能再报告。")


def _answer(duty: DutyStanding) -> str | None:
    return None if duty.state == "reported" else say("只有已报告、未确认的一期可以确认或提出争议。")


def _raise(duty: DutyStanding) -> str | None:
    if duty.state != "disputed":
        return say("没有争议，不用提交上一级。")
    if duty.level + 1 >= duty.rungs:
        return say("已经在最高一级，请作出处理。")
    return None


def _settle(duty: DutyStanding) -> str | None:
    return None if duty.state == "disputed" else say("没有争议需要处理；要核查请用“核查”。")


def _inspect(duty: DutyStanding) -> str | None:
    if duty.state == "disputed":
        return say("这一期有争议，请先作出处理。")
    if duty.state == "waived":
        return say("这一期已经免除，不用核查。")
    return say("主管单位已经作出认定，不能重复核查。") if duty.by_office else None


_RULES: Mapping[DutyAct, Callable[[DutyStanding], str | None]] = {
    "report": _report,
    "confirm": _answer,
    "dispute": _answer,
    "raise": _raise,
    "settle": _settle,
    "inspect": _inspect,
}
