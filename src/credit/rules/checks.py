"""What must be true of a pack beyond its shape: sums, references, orders."""

from collections.abc import Iterable
from decimal import Decimal

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
from credit.rules.reading import Fault
from credit.rules.trace import text

__all__ = ["check_rules"]


def check_rules(head: Head, sheets: dict[str, Sheet], grading: Grading, out: list[Fault]) -> None:
    """Add to `out` every fault of meaning in a pack that has the right shape."""
    ladder = Ladder(grading.ladder)
    codes = {event.code for event in grading.events}
    if not head.jurisdictions:
        out.append(Fault("pack.yaml", "jurisdictions", "至少写一个行政区划代码。"))
    for name, sheet in sheets.items():
        _check_sheet(name, sheet, ladder, codes, out)
    _check_ladder(grading, out)
    for position, event in enumerate(grading.events):
        _check_event(f"events[{position}]", event, out)
    _repeated("grading.yaml", "events", (event.code for event in grading.events), out)
    _check_references(grading, sheets, ladder, codes, out)


def _repeated(file: str, path: str, names: Iterable[str], out: list[Fault]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            out.append(Fault(file, path, f"“{name}”出现了两次，请只留一个。"))
        seen.add(name)


def _check_sheet(
    name: str, sheet: Sheet, ladder: Ladder, codes: set[str], out: list[Fault]
) -> None:
    file = f"sheets/{name}.yaml"
    _repeated(file, "rows", [r.id for r in sheet.rows] + [n.id for n in sheet.negative], out)
    for variant in sheet.variants or (None,):
        rows = [row for row in sheet.rows if row.variant in (None, variant)]
        _check_sums(file, sheet, variant, rows, out)
    for position, row in enumerate(sheet.rows):
        _check_row(file, f"rows[{position}]", row, sheet, ladder, codes, out)
    for position, one in enumerate(sheet.negative):
        if one.at_least > one.at_most:
            out.append(Fault(file, f"negative[{position}]", "at_least 不能大于 at_most。"))
    stars = [star.at_least for star in sheet.stars]
    if stars != sorted(stars, reverse=True):
        out.append(Fault(file, "stars", "星级要从高到低排列。"))


def _check_sums(
    file: str, sheet: Sheet, variant: str | None, rows: list[Row], out: list[Fault]
) -> None:
    scored = [row for row in rows if not isinstance(row, Cancelled)]
    base = sum((row.full for row in scored if not isinstance(row, Bonus)), Decimal(0))
    where = f"（{variant}）" if variant else ""
    if base != sheet.full:
        out.append(
            Fault(
                file, "full", f"各行满分合计{where} {text(base)}，而 full 是 {text(sheet.full)}。"
            )
        )
    if sheet.total_max < sheet.full:
        out.append(Fault(file, "total_max", "不能小于 full。"))
    for position, weight in enumerate(sheet.role_weights):
        share = sum((row.full for row in scored if row.role in weight.roles), Decimal(0))
        if share != weight.weight:
            out.append(
                Fault(
                    file,
                    f"role_weights[{position}]",
                    f"{'、'.join(weight.roles)}的分值合计{where} {text(share)}，"
                    f"应为 {text(weight.weight)}。",
                )
            )


def _check_row(
    file: str,
    path: str,
    row: Row,
    sheet: Sheet,
    ladder: Ladder,
    codes: set[str],
    out: list[Fault],
) -> None:
    ids = {one.id for one in sheet.rows}
    if row.variant is not None and row.variant not in sheet.variants:
        out.append(Fault(file, f"{path}.variant", f"“{row.variant}”不在 variants 里。"))
    if isinstance(row, Cancelled) and row.moved_to not in ids:
        out.append(Fault(file, f"{path}.moved_to", f"没有“{row.moved_to}”这一行。"))
    if isinstance(row, GradeGate) and not ladder.knows(row.at_least):
        out.append(Fault(file, f"{path}.at_least", f"等级“{row.at_least}”不在 ladder 里。"))
    if isinstance(row, EventDerived):
        unknown = [code for code in row.none_of if code not in codes]
        out += [Fault(file, f"{path}.none_of", f"事件目录里没有“{code}”。") for code in unknown]
    if isinstance(row, ItemisedDeduction):
        if sum((item.points for item in row.items), Decimal(0)) > row.full:
            out.append(Fault(file, f"{path}.items", "各项扣分合计超过本行满分。"))
        _repeated(file, f"{path}.items", (item.code for item in row.items), out)


def _check_ladder(grading: Grading, out: list[Fault]) -> None:
    file, ladder = "grading.yaml", grading.ladder
    names = [name for rung in ladder for name in (rung.grade, *rung.aliases)]
    _repeated(file, "ladder", names, out)
    if len(ladder) < 2:
        out.append(Fault(file, "ladder", "至少要有两个等级，从高到低。"))
        return
    if ladder[-1].at_least is not None or ladder[-1].top_percent is not None:
        out.append(
            Fault(file, "ladder", "最后一个等级收留其余的主体，不写 at_least 或 top_percent。")
        )
    key = "at_least" if grading.family == "points" else "top_percent"
    values = [getattr(rung, key) for rung in ladder[:-1]]
    if None in values:
        out.append(Fault(file, "ladder", f"除最后一个等级外都要写 {key}。"))
    elif values != sorted(values, reverse=grading.family == "points"):
        out.append(Fault(file, "ladder", f"{key} 要按等级从高到低排列。"))


def _check_event(path: str, event: EventType, out: list[Fault]) -> None:
    file = "grading.yaml"
    if (event.polarity == "bad") != (event.severity is not None):
        out.append(Fault(file, f"{path}.severity", "不良事件要写 severity，其他事件不写。"))
    if event.validity_months < 1:
        out.append(Fault(file, f"{path}.validity_months", "有效期至少 1 个月。"))
    if any(not 0 <= share <= 1 for share in event.shares.values()):
        out.append(Fault(file, f"{path}.shares", "分担比例应在 0 到 1 之间。"))
    if isinstance(event.points, LevelPoints):
        levels = [one.level for one in event.points.levels]
        _repeated(file, f"{path}.points.levels", levels, out)
        if not levels:
            out.append(Fault(file, f"{path}.points", "levels 至少写一个级别。"))
    if isinstance(event.points, RangePoints):
        low_high = event.points.range
        if len(low_high) != 2 or low_high[0] > low_high[1]:
            out.append(Fault(file, f"{path}.points.range", "应写成 [下限, 上限]。"))


def _check_references(
    grading: Grading,
    sheets: dict[str, Sheet],
    ladder: Ladder,
    codes: set[str],
    out: list[Fault],
) -> None:
    file = "grading.yaml"
    bounds: tuple[Cap | Veto, ...] = (*grading.caps, *grading.vetoes)
    _repeated(file, "caps/vetoes", [one.id for one in bounds], out)
    wanted = [(f"evaluations[{i}]", one.sheet) for i, one in enumerate(grading.evaluations)]
    for one in bounds:
        grade = one.at_most if isinstance(one, Cap) else one.grade
        if not ladder.knows(grade):
            out.append(Fault(file, one.id, f"等级“{grade}”不在 ladder 里。"))
        match one.when:
            case SheetBelow(below):
                wanted.append((one.id, below.sheet))
            case SheetVeto(sheet):
                wanted.append((one.id, sheet))
            case LiveEvent(code) if code not in codes:
                out.append(Fault(file, one.id, f"事件目录里没有“{code}”。"))
    for path, sheet in wanted:
        if sheet not in sheets:
            out.append(Fault(file, path, f"没有评分表“{sheet}”。"))
    groups = {event.group for event in grading.events}
    for i, limit in enumerate(grading.group_limits):
        if limit.group not in groups:
            out.append(Fault(file, f"group_limits[{i}]", f"事件目录里没有“{limit.group}”这一类。"))
