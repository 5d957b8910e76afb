"""Scoring a sheet: marks, findings and rates in; points by group and evaluator out.

Standard library only: the offline verifier scores sheets with it.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from credit.kit.texts import listed, marked, say
from credit.rules.arithmetic import decimal_of, round_to
from credit.rules.ladder import Ladder
from credit.rules.model import (
    Bonus,
    Cancelled,
    CountedDeduction,
    EventDerived,
    FullOrNothing,
    GradeGate,
    ItemisedDeduction,
    Negative,
    Row,
    Sheet,
    StepwiseRate,
    SurveyMean,
)
from credit.rules.reading import shown
from credit.rules.trace import Node, text

__all__ = ["InputRefused", "Problem", "SheetResult", "score_sheet"]

MARKS_MAX = 2_000
NEGATIVE_MAX = 200
FINDINGS_MAX = 100_000
REASON_CHARS_MAX = 500
SHOWN_CHARS_MAX = 40
OWNERS_MAX = 10_000_000
KEYS = {
    "variant", "marks", "findings", "rates", "negative", "survey", "grade", "events", "vetoes",
    "reasons",
}  # fmt: skip
HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault or a remark about a row ("" for the sheet as a whole)."""

    row: str
    message: str

    def to_json(self) -> dict[str, str]:
        """Return plain JSON values."""
        return {"row": self.row, "message": self.message}


class InputRefused(ValueError):
    """Input that cannot be scored; `problems` names every fault."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("；".join(f"{p.row} {p.message}".strip() for p in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SheetResult:
    """A scored sheet. Points are exact decimals; `valid` is False below the survey's sample."""

    sheet: str
    pack: str
    total: Decimal
    groups: dict[str, Decimal]
    roles: dict[str, Decimal]
    stars: int | None
    veto: bool
    valid: bool
    problems: tuple[Problem, ...]
    trace: Node

    def to_json(self) -> dict[str, Any]:
        """Return the published form: points as decimal strings."""
        return {
            "sheet": self.sheet,
            "pack": self.pack,
            "total": text(self.total),
            "groups": {name: text(points) for name, points in self.groups.items()},
            "roles": {name: text(points) for name, points in self.roles.items()},
            "stars": self.stars,
            "veto": self.veto,
            "valid": self.valid,
            "problems": [problem.to_json() for problem in self.problems],
        }


@dataclass(slots=True)
class _Input:
    """The input's parts, checked for shape."""

    variant: str | None
    marks: dict[str, Any]
    findings: dict[str, Any]
    rates: dict[str, Any]
    negative: list[Any]
    survey: dict[str, Any] | None
    reasons: dict[str, str]
    events: list[str]
    vetoes: list[str]
    data: dict[str, Any]
    faults: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)

    def fault(self, row: str, message: str) -> None:
        self.faults.append(Problem(row, message))

    def remark(self, row: str, message: str) -> None:
        self.remarks.append(Problem(row, message))


def _short(value: object) -> str:
    return shown(value, SHOWN_CHARS_MAX)


def score_sheet(
    sheet: Sheet, data: dict[str, Any], *, pack: str = "", ladder: Ladder | None = None
) -> SheetResult:
    """Score one sheet from the input of `credit rules score`.

    A row left out scores 0; no deduction or penalty brings a row or the total below 0. Raises
    InputRefused with every fault: unknown rows and keys, marks above the full mark, both
    variants, negative points outside their range or without a reason.
    """
    given = _read_input(data)
    rows = _active_rows(sheet, given)
    points: dict[str, tuple[Row, Decimal]] = {}
    veto = False
    trace = Node(sheet.id, sheet.title, sheet.source, "0")
    for row in rows:
        value, vetoed = _score_row(row, given, ladder)
        veto = veto or vetoed
        points[row.id] = (row, value)
        trace.children.append(Node(row.id, row.text, row.source, text(value), _inputs(row, given)))
    deducted = _negative(sheet, given, trace)
    valid = _survey(sheet, given)
    if given.faults:
        raise InputRefused(given.faults)
    groups: dict[str, Decimal] = defaultdict(Decimal)
    roles: dict[str, Decimal] = defaultdict(Decimal)
    for row, value in points.values():
        groups[row.group] += value
        roles[row.role] += value
    total = max(Decimal(0), min(sheet.total_max, sum(groups.values(), Decimal(0))) - deducted)
    trace.value = text(total)
    stars = next((s.stars for s in sheet.stars if total >= s.at_least), None)
    given.remarks += [Problem("", say("%(veto)s：一票否决。", veto=one)) for one in given.vetoes]
    return SheetResult(
        sheet.id,
        pack,
        total,
        dict(groups),
        dict(roles),
        stars if valid else None,
        veto or bool(given.vetoes),
        valid,
        tuple(given.remarks),
        trace,
    )


def _read_input(data: dict[str, Any]) -> _Input:
    faults: list[Problem] = []

    def part(name: str, kind: Any, limit: int, of: type = object) -> Any:
        value = data.get(name)
        if value is None:
            return kind()
        if not isinstance(value, kind) or len(value) > limit:
            shape = marked("键值表") if kind is dict else marked("列表")
            message = say(
                "“%(name)s”应为不超过 %(most)s 项的%(shape)s。", name=name, most=limit, shape=shape
            )
            faults.append(Problem("", message))
            return kind()
        if not all(isinstance(one, of) for one in (value.values() if kind is dict else value)):
            faults.append(Problem("", say("“%(name)s”的每一项都应为文字。", name=name)))
            return kind()
        return value

    if not isinstance(data, dict):
        raise InputRefused([Problem("", say("输入应为一个 JSON 对象。"))])
    faults += [
        Problem(
            "",
            say(
                "没有“%(key)s”这个键。可用：%(keys)s。", key=_short(key), keys=listed(sorted(KEYS))
            ),
        )
        for key in data
        if key not in KEYS
    ]
    variant = data.get("variant")
    return _Input(
        variant,
        part("marks", dict, MARKS_MAX),
        part("findings", dict, MARKS_MAX),
        part("rates", dict, MARKS_MAX),
        part("negative", list, NEGATIVE_MAX),
        part("survey", dict, 10) if data.get("survey") is not None else None,
        part("reasons", dict, MARKS_MAX, str),
        part("events", list, MARKS_MAX, str),
        [_short(one) for one in part("vetoes", list, NEGATIVE_MAX, str)],
        data,
        faults,
    )


def _active_rows(sheet: Sheet, given: _Input) -> list[Row]:
    """Return the rows to score; faults for unknown, cancelled and other-variant rows."""
    by_id = {row.id: row for row in sheet.rows}
    if sheet.variants and given.variant not in sheet.variants:
        given.fault(
            "",
            say(
                "请用 variant 指明项目类型，只能选一种：%(variants)s。",
                variants=listed(sheet.variants),
            ),
        )
    elif not sheet.variants and given.variant is not None:
        given.fault("", say("这张表不分项目类型，请去掉 variant。"))
    for name in ("marks", "findings", "rates"):
        for row_id in getattr(given, name):
            row = by_id.get(row_id)
            if row is None:
                given.fault(
                    _short(row_id), say("表 %(sheet)s 没有这一行，请核对行号。", sheet=sheet.id)
                )
            elif isinstance(row, Cancelled):
                given.fault(
                    row_id,
                    say("这一行已取消，分值并入 %(row)s，请把分打在那一行。", row=row.moved_to),
                )
            elif row.variant is not None and row.variant != given.variant:
                given.fault(
                    row_id,
                    say(
                        "这一行属于“%(variant)s”，本表按“%(chosen)s”评，两种不能同时打分。",
                        variant=row.variant,
                        chosen=_short(given.variant),
                    ),
                )
    return [
        row
        for row in sheet.rows
        if not isinstance(row, Cancelled) and row.variant in (None, given.variant)
    ]


def _score_row(row: Row, given: _Input, ladder: Ladder | None) -> tuple[Decimal, bool]:
    """Return a row's points and whether it vetoes the sheet."""
    ways = [name for name in ("marks", "findings", "rates") if row.id in getattr(given, name)]
    if len(ways) > 1:
        given.fault(row.id, say("同一行只能用一种方式评：得分、扣分项或比率，请留一种。"))
        return Decimal(0), False
    if not ways:
        return _derived(row, given, ladder), False
    value = getattr(given, ways[0])[row.id]
    if ways == ["marks"]:
        return _mark(row, value, given), False
    if ways == ["findings"]:
        return _finding(row, value, given), False
    return _rate(row, value, given)


def _mark(row: Row, value: Any, given: _Input) -> Decimal:
    mark = decimal_of(value)
    if mark is None:
        given.fault(
            row.id,
            say(
                '得分应写成小数文字，例如 "%(full)s"，不能是“%(value)s”。',
                full=text(row.full),
                value=_short(value),
            ),
        )
        return Decimal(0)
    if mark > row.full:
        given.fault(
            row.id, say("得分 %(mark)s 超过满分 %(full)s。", mark=text(mark), full=text(row.full))
        )
        return Decimal(0)
    if isinstance(row, FullOrNothing) and mark not in (0, row.full):
        given.fault(row.id, say("这一行只能得 0 分或满分 %(full)s。", full=text(row.full)))
        return Decimal(0)
    if row.requires_reason and mark < row.full and not given.reasons.get(row.id):
        given.remark(row.id, say("标准没有给出扣分规则，未得满分应写明理由。"))
    return mark


def _finding(row: Row, value: Any, given: _Input) -> Decimal:
    if isinstance(row, CountedDeduction):
        if type(value) is int and 0 <= value <= FINDINGS_MAX:
            return max(Decimal(0), row.full - row.per * value)
        given.fault(row.id, say("发现的处数应为不小于 0 的整数。"))
    elif isinstance(row, ItemisedDeduction):
        return _itemised(row, value, given)
    else:
        given.fault(row.id, say("这一行不按扣分项评，请在 marks 里给出得分。"))
    return Decimal(0)


def _itemised(row: ItemisedDeduction, value: Any, given: _Input) -> Decimal:
    points = {item.code: item.points for item in row.items}
    usable = listed(points)
    texts = isinstance(value, list) and all(isinstance(code, str) for code in value)
    if not texts or len(set(value)) != len(value):
        given.fault(row.id, say("应为扣分项的列表，每项一次。可用：%(usable)s。", usable=usable))
        return Decimal(0)
    for code in value:
        if code not in points:
            given.fault(
                row.id,
                say("没有扣分项“%(code)s”。可用：%(usable)s。", code=_short(code), usable=usable),
            )
            return Decimal(0)
    return max(Decimal(0), row.full - sum((points[code] for code in value), Decimal(0)))


def _rate(row: Row, value: Any, given: _Input) -> tuple[Decimal, bool]:
    rate = decimal_of(value)
    if rate is None or rate > HUNDRED:
        given.fault(
            row.id,
            say(
                '比率应为 0 到 100 的小数文字，例如 "86.5"，不能是“%(value)s”。',
                value=_short(value),
            ),
        )
        return Decimal(0), False
    if isinstance(row, SurveyMean):
        return round_to(row.full * rate / HUNDRED, row.places, row.rounding), False
    if isinstance(row, StepwiseRate):
        below = max(Decimal(0), row.threshold - rate) / row.step
        mode = ROUND_FLOOR if row.rounding == "floor" else ROUND_CEILING
        steps = below.to_integral_value(rounding=mode)
        veto = row.veto_below is not None and rate < row.veto_below
        if veto:
            bound = text(row.veto_below or rate)
            given.remark(
                row.id,
                say("比率 %(rate)s%% 低于 %(bound)s%%，一票否决。", rate=text(rate), bound=bound),
            )
        return max(Decimal(0), row.full - row.points * steps), veto
    given.fault(row.id, say("这一行不按比率评，请在 marks 里给出得分。"))
    return Decimal(0), False


def _derived(row: Row, given: _Input, ladder: Ladder | None) -> Decimal:
    """Return what a row that carries no mark gets from the grade or the events, if given."""
    if isinstance(row, GradeGate) and "grade" in given.data and ladder is not None:
        grade = given.data["grade"]
        if grade is None:
            given.remark(row.id, say("没有已公布的等级，按规则计分。"))
            return row.without_grade
        if not isinstance(grade, str) or not ladder.knows(grade):
            given.fault(row.id, say("没有“%(grade)s”这个等级。", grade=_short(grade)))
            return Decimal(0)
        return row.full if ladder.at_least(grade, row.at_least) else Decimal(0)
    if isinstance(row, EventDerived) and given.data.get("events") is not None:
        return row.full if set(given.events).isdisjoint(row.none_of) else Decimal(0)
    return Decimal(0)


def _negative(sheet: Sheet, given: _Input, trace: Node) -> Decimal:
    by_id: dict[str, Negative] = {one.id: one for one in sheet.negative}
    deducted = Decimal(0)
    for one in given.negative:
        if not isinstance(one, dict) or not set(one) <= {"row", "points", "reason"}:
            given.fault("", say("负面清单每项应有 row、points、reason 三个键。"))
            continue
        name = one.get("row")
        row_id, row = _short(name), by_id.get(name) if isinstance(name, str) else None
        if row is None:
            given.fault(row_id, say("表 %(sheet)s 的负面清单没有这一项。", sheet=sheet.id))
            continue
        points = decimal_of(one.get("points"))
        if points is None or not row.at_least <= points <= row.at_most:
            low, high = text(row.at_least), text(row.at_most)
            given.fault(row_id, say("扣分应在 %(low)s 到 %(high)s 之间。", low=low, high=high))
            continue
        reason = one.get("reason")
        if not isinstance(reason, str) or not reason.strip() or len(reason) > REASON_CHARS_MAX:
            given.fault(row_id, say("请写明扣分理由，不超过 %(most)s 字。", most=REASON_CHARS_MAX))
            continue
        deducted += points
        trace.children.append(Node(row.id, row.text, row.source, text(-points)))
    return deducted


def _survey(sheet: Sheet, given: _Input) -> bool:
    if given.survey is None:
        if sheet.survey is not None:
            share = text(sheet.survey.sample_at_least * HUNDRED)
            message = say(
                "没有给出调查样本量，无法核对是否达到业主总数的 %(share)s%%。", share=share
            )
            given.remark("", message)
        return True
    if sheet.survey is None:
        given.fault("", say("这张表没有满意度抽样要求，请去掉 survey。"))
        return True
    total: Any = given.survey.get("owners_total")
    sampled: Any = given.survey.get("sampled")
    whole = type(total) is int and type(sampled) is int and 0 <= sampled <= total <= OWNERS_MAX
    if not whole or set(given.survey) != {"owners_total", "sampled"} or total == 0:
        given.fault(
            "", say("survey 应写 owners_total（业主总数）和 sampled（样本数），样本不多于总数。")
        )
        return True
    if Decimal(sampled) / Decimal(total) < sheet.survey.sample_at_least:
        share = text(sheet.survey.sample_at_least * HUNDRED)
        message = say(
            "样本 %(sampled)s 户，不到业主总数 %(total)s 的 %(share)s%%，本表无效。",
            sampled=sampled,
            total=total,
            share=share,
        )
        given.remark("", message)
        return False
    return True


def _inputs(row: Row, given: _Input) -> dict[str, Any]:
    inputs: dict[str, Any] = {"full": text(row.full), "role": row.role}
    for name in ("marks", "findings", "rates"):
        if row.id in getattr(given, name):
            inputs[name] = getattr(given, name)[row.id]
    if isinstance(row, GradeGate) and "grade" in given.data:
        inputs["grade"] = given.data["grade"]
    if isinstance(row, Bonus):
        inputs["bonus"] = True
    return inputs
