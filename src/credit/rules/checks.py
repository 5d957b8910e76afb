"""What must be true of a pack beyond its shape: sums, references, orders."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from credit.rules.gates import AnyOf, Gate, GradeAtMost, HadEvent, LacksAward
from credit.rules.ladder import Ladder
from credit.rules.model import (
    Bonus,
    Cancelled,
    Cap,
    EventDerived,
    EventType,
    GradeGate,
    Grading,
    Head,
    ItemisedDeduction,
    LevelPoints,
    LiveEvent,
    RangePoints,
    Row,
    Sheet,
    SheetBelow,
    SheetVeto,
    Veto,
)
from credit.rules.reading import Fault, Reader
from credit.rules.trace import text

__all__ = ["Note", "check_rules", "repeated"]

# How a check notes a fault: the path, and the sentence.
Note = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class _Names:
    """What a rule may refer to; each method notes a name that there is not."""

    ladder: Ladder
    codes: Collection[str]
    sheets: Collection[str]

    def grade(self, name: str, path: str, note: Note) -> None:
        if not self.ladder.knows(name):
            note(path, f"等级“{name}”不在 ladder 里。")

    def event(self, code: str, path: str, note: Note) -> None:
        if code not in self.codes:
            note(path, f"事件目录里没有“{code}”。")

    def sheet(self, name: str, path: str, note: Note) -> None:
        if name not in self.sheets:
            note(path, f"没有评分表“{name}”。")


def check_rules(head: Head, sheets: dict[str, Sheet], grading: Grading, out: list[Fault]) -> None:
    """Add to `out` every fault of meaning in a pack that has the right shape."""
    names = _Names(Ladder(grading.ladder), {event.code for event in grading.events}, sheets)
    if not head.jurisdictions:
        Reader("pack.yaml", out).fault("jurisdictions", "至少写一个行政区划代码。")
    for name, sheet in sheets.items():
        _check_sheet(sheet, names, Reader(f"sheets/{name}.yaml", out).fault)
    note = Reader("grading.yaml", out).fault
    _check_ladder(grading, note)
    for position, event in enumerate(grading.events):
        _check_event(f"events[{position}]", event, note)
    repeated("events", (event.code for event in grading.events), note)
    _check_limits(grading, note)
    _check_evaluations(grading, names, note)
    _check_bounds(grading, names, note)
    _check_eligibility(grading, names, note)


def repeated(path: str, names: Iterable[str], note: Note) -> None:
    """Note every name that stands twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            note(path, f"“{name}”出现了两次，请只留一个。")
        seen.add(name)


def _falls(values: Sequence[Decimal]) -> bool:
    return all(before > after for before, after in pairwise(values))


def _check_sheet(sheet: Sheet, names: _Names, note: Note) -> None:
    repeated("rows", [r.id for r in sheet.rows] + [n.id for n in sheet.negative], note)
    for variant in sheet.variants or (None,):
        rows = [row for row in sheet.rows if row.variant in (None, variant)]
        _check_sums(sheet, variant, rows, note)
    ids = {row.id for row in sheet.rows}
    for position, row in enumerate(sheet.rows):
        path = f"rows[{position}]"
        if row.variant is not None and row.variant not in sheet.variants:
            note(f"{path}.variant", f"“{row.variant}”不在 variants 里。")
        if isinstance(row, Cancelled) and row.moved_to not in ids:
            note(f"{path}.moved_to", f"没有“{row.moved_to}”这一行。")
        _check_row(path, row, names, note)
    for position, one in enumerate(sheet.negative):
        if one.at_least > one.at_most:
            note(f"negative[{position}]", "at_least 不能大于 at_most。")
    if not _falls([star.at_least for star in sheet.stars]):
        note("stars", "星级要从高到低排列，at_least 各不相同。")


def _check_sums(sheet: Sheet, variant: str | None, rows: list[Row], note: Note) -> None:
    scored = [row for row in rows if not isinstance(row, Cancelled)]
    base = sum((row.full for row in scored if not isinstance(row, Bonus)), Decimal(0))
    where = f"（{variant}）" if variant else ""
    if base != sheet.full:
        note("full", f"各行满分合计{where} {text(base)}，而 full 是 {text(sheet.full)}。")
    if sheet.total_max < sheet.full:
        note("total_max", "不能小于 full。")
    for position, weight in enumerate(sheet.role_weights):
        share = sum((row.full for row in scored if row.role in weight.roles), Decimal(0))
        if share != weight.weight:
            note(
                f"role_weights[{position}]",
                f"{'、'.join(weight.roles)}的分值合计{where} {text(share)}，"
                f"应为 {text(weight.weight)}。",
            )


def _check_row(path: str, row: Row, names: _Names, note: Note) -> None:
    match row:
        case GradeGate():
            names.grade(row.at_least, f"{path}.at_least", note)
            if row.without_grade > row.full:
                note(f"{path}.without_grade", "不能大于本行满分。")
        case EventDerived():
            for code in row.none_of:
                names.event(code, f"{path}.none_of", note)
        case ItemisedDeduction():
            if sum((item.points for item in row.items), Decimal(0)) > row.full:
                note(f"{path}.items", "各项扣分合计超过本行满分。")
            repeated(f"{path}.items", (item.code for item in row.items), note)


def _check_ladder(grading: Grading, note: Note) -> None:
    ladder = grading.ladder
    repeated("ladder", [name for rung in ladder for name in (rung.grade, *rung.aliases)], note)
    if len(ladder) < 2:
        note("ladder", "至少要有两个等级，从高到低。")
        return
    if ladder[-1].at_least is not None or ladder[-1].top_percent is not None:
        note("ladder", "最后一个等级收留其余的主体，不写 at_least 或 top_percent。")
    if grading.family == "points":
        key, values = "at_least", [rung.at_least for rung in ladder[:-1]]
    else:
        key, values = "top_percent", [rung.top_percent for rung in ladder[-2::-1]]
    known = [value for value in values if value is not None]
    if known != values:
        note("ladder", f"除最后一个等级外都要写 {key}。")
    elif not _falls(known):
        note("ladder", f"{key} 要按等级从高到低排列，各不相同。")


def _check_event(path: str, event: EventType, note: Note) -> None:
    if (event.polarity == "bad") != (event.severity is not None):
        note(f"{path}.severity", "不良事件要写 severity，其他事件不写。")
    if isinstance(event.points, LevelPoints):
        levels = [one.level for one in event.points.levels]
        repeated(f"{path}.points.levels", levels, note)
        if not levels:
            note(f"{path}.points", "levels 至少写一个级别。")
    if isinstance(event.points, RangePoints):
        low_high = event.points.range
        if len(low_high) != 2 or low_high[0] > low_high[1]:
            note(f"{path}.points.range", "应写成 [下限, 上限]。")


def _check_limits(grading: Grading, note: Note) -> None:
    groups = {event.group for event in grading.events}
    for position, limit in enumerate(grading.group_limits):
        if limit.group not in groups:
            note(f"group_limits[{position}]", f"事件目录里没有“{limit.group}”这一类。")
    repeated("group_limits", [limit.group for limit in grading.group_limits], note)


def _check_evaluations(grading: Grading, names: _Names, note: Note) -> None:
    for position, rule in enumerate(grading.evaluations):
        names.sheet(rule.sheet, f"evaluations[{position}]", note)
        if rule.adds.at_least > rule.adds.at_most:
            note(f"evaluations[{position}].adds", "at_least 不能大于 at_most。")
    repeated("evaluations", [rule.sheet for rule in grading.evaluations], note)


def _check_bounds(grading: Grading, names: _Names, note: Note) -> None:
    bounds: tuple[Cap | Veto, ...] = (*grading.caps, *grading.vetoes)
    repeated("caps/vetoes", [one.id for one in bounds], note)
    for one in bounds:
        names.grade(one.at_most if isinstance(one, Cap) else one.grade, one.id, note)
        match one.when:
            case SheetBelow(below):
                names.sheet(below.sheet, one.id, note)
            case SheetVeto(sheet):
                names.sheet(sheet, one.id, note)
            case LiveEvent(code):
                names.event(code, one.id, note)


def _check_eligibility(grading: Grading, names: _Names, note: Note) -> None:
    for position, rule in enumerate(grading.eligibility):
        path = f"eligibility[{position}]"
        for sheet in rule.sheets:
            names.sheet(sheet, f"{path}.sheets", note)
        _check_gate(f"{path}.when", rule.when, names, note)
    repeated("eligibility", [rule.id for rule in grading.eligibility], note)


def _check_gate(path: str, gate: Gate, names: _Names, note: Note) -> None:
    match gate:
        case AnyOf(gates):
            for position, one in enumerate(gates):
                _check_gate(f"{path}.any[{position}]", one, names, note)
        case HadEvent(codes, this_year, within_years):
            for code in codes:
                names.event(code, f"{path}.events", note)
            if this_year == (within_years is not None):
                note(path, "要写 this_year: true 或 within_years，只写一个。")
        case GradeAtMost(grade):
            names.grade(grade, f"{path}.grade_at_most", note)
        case LacksAward(sheet, this_year):
            names.sheet(sheet, f"{path}.lacks_award", note)
            if not this_year:
                note(f"{path}.this_year", "只能是 true：没有奖项只看当年。")
