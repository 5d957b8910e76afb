"""Parties as pure decisions: codes, and what is wrong with a register file."""

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import chain
from typing import Any

from stdnum import numdb
from stdnum.cn import uscc
from stdnum.exceptions import InvalidChecksum, InvalidComponent, ValidationError

from credit.parties.views import Fault, Register, Row, Sheets

__all__ = [
    "CHARS_MAX",
    "CodeRefused",
    "check_code",
    "codes_named",
    "division_name",
    "find_faults",
    "give_numbers",
    "identify",
    "internal_code",
    "names_without_code",
    "normalise",
    "scheme_of",
]

INTERNAL = re.compile(r"N[0-9]{6}-[0-9]{6}")
NUMBER_MAX = 999_999
# How long texts may be, by sheet and column; an enterprise's and a division's code have a form.
CHARS_MAX: Mapping[str, Mapping[str, int]] = {
    "divisions": {"name": 80},
    "enterprises": {"name": 120, "former_code": 40},
    "projects": {"code": 24, "name": 120},
    "managers": {"code": 24, "name": 40},
    "committees": {"code": 24, "name": 120},
}
# More households, owners or square metres than any project has, and few enough to add up.
SIZE_MAX = 999_999_999
SIZES = ("households", "owners", "area_m2")
# Each level of division and how many digits its code has. The columns that name a division are
# called after its level, but for `parent`.
LEVELS = {"district": ("区", 6), "street": ("街道", 9), "community": ("社区", 12)}
PARENT_DIGITS = 3  # by so many digits a division's code is longer than that of its parent
# Which columns of a sheet name a row of which sheet.
REFERENCES = {
    "divisions": (("parent", "divisions"),),
    "enterprises": (("district", "divisions"),),
    "projects": (
        ("street", "divisions"),
        ("community", "divisions"),
        ("enterprise", "enterprises"),
        ("manager", "managers"),
    ),
    "managers": (),
    "committees": (("project", "projects"),),
}
LABELS = {
    "divisions": "行政区划",
    "enterprises": "企业",
    "projects": "项目",
    "managers": "项目负责人",
    "committees": "业主委员会",
}
ENTERPRISE_COLUMNS = {"enterprises": "code", "projects": "enterprise"}
# Faults of one row: column and message.
Found = Iterator[tuple[str, str]]


class CodeRefused(ValueError):
    """A code that cannot be one; the message says why and what to do, in Chinese."""


def check_code(code: str) -> str:
    """Return a unified social credit code (GB 32100-2015) or an internal number, normalised.

    The embedded organisation code (GB 11714) is not checked: its check character does not hold
    for every registrant, so a code is refused for its own check character only.
    """
    text = code.strip().upper()
    if INTERNAL.fullmatch(text):
        return text
    if len(text) != 18:
        raise CodeRefused(
            f"“{code[:40]}”有 {len(text)} 位，统一社会信用代码应为 18 位。"
            "请核对营业执照；没有代码的单位请留空，由系统编内部编号。"
        )
    try:
        return str(uscc.validate(text))
    except InvalidChecksum:
        raise CodeRefused(
            f"“{text}”的校验位不对，多半有一位录错。请对照营业执照逐位核对。"
        ) from None
    except InvalidComponent:
        raise CodeRefused(
            f"“{text}”的登记部门或行政区划不对。请对照营业执照核对前 8 位。"
        ) from None
    except ValidationError:
        raise CodeRefused(
            f"“{text}”含有不允许的字符：代码只用数字和大写字母，不用 I、O、S、V、Z。"
        ) from None


def internal_code(city: str, number: int) -> str:
    """Number a party without a code: `N150200-000001`."""
    if not 1 <= number <= NUMBER_MAX:
        raise CodeRefused("内部编号已用完，请联系管理员。")
    return f"N{city}-{number:06d}"


def scheme_of(code: str) -> str:
    """Name the scheme of an enterprise's code in the log: USCC, or INT for an internal number."""
    return "INT" if INTERNAL.fullmatch(code) else "USCC"


def normalise(sheets: Sheets) -> Sheets:
    """Write every code of an enterprise one way, so that equal codes are equal texts."""
    return {sheet: [(n, _normal(sheet, row)) for n, row in rows] for sheet, rows in sheets.items()}


def _normal(sheet: str, row: Row) -> Row:
    column = ENTERPRISE_COLUMNS.get(sheet)
    if column is None or not row.get(column):
        return row
    try:
        return {**row, column: check_code(row[column])}
    except CodeRefused:
        return {**row, column: row[column].strip().upper()}


def codes_named(sheets: Sheets) -> dict[str, set[str]]:
    """Return every code a file names, by the sheet it would stand in."""
    named: dict[str, set[str]] = {sheet: set() for sheet in REFERENCES}
    for sheet, rows in sheets.items():
        for column, target in (("code", sheet), *REFERENCES[sheet]):
            named[target] |= {row[column] for _, row in rows if row.get(column)}
    return named


def names_without_code(sheets: Sheets) -> set[str]:
    """Return the names of enterprises a file has without a code."""
    return {row["name"] for _, row in sheets.get("enterprises", ()) if not row.get("code")}


def identify(sheets: Sheets, register: Register) -> Sheets:
    """Give who has no code the internal number under which the register knows the same name.

    Where the register has several, the row stays without a code and `find_faults` asks which.
    """
    namesakes = _internal_numbers(register)
    rows = sheets.get("enterprises", ())
    return {**sheets, "enterprises": [(n, _identified(row, namesakes)) for n, row in rows]}


def _identified(row: Row, namesakes: Mapping[tuple[str, str], list[str]]) -> Row:
    numbers = [] if row.get("code") else namesakes.get((row["kind"], row["name"]), [])
    return {**row, "code": numbers[0]} if len(numbers) == 1 else row


def _internal_numbers(register: Register) -> dict[tuple[str, str], list[str]]:
    numbers: dict[tuple[str, str], list[str]] = {}
    for code, held in register.enterprises.items():
        if INTERNAL.fullmatch(code):
            numbers.setdefault((held.kind, held.name), []).append(code)
    return numbers


def give_numbers(rows: Iterable[Row], city: str, number: int) -> list[Row]:
    """Number the enterprises without a code from `number` on."""
    numbered = []
    for row in rows:
        if row.get("code"):
            numbered.append(row)
        else:
            numbered.append({**row, "code": internal_code(city, number)})
            number += 1
    return numbered


@dataclass(frozen=True, slots=True)
class _Whole:
    """The register together with the file: which codes are known, and who was founded when."""

    register: Register
    today: date
    codes: Mapping[str, AbstractSet[str]]
    founded: Mapping[str, date]
    namesakes: Mapping[tuple[str, str], list[str]]


def _whole(sheets: Sheets, register: Register, today: date) -> _Whole:
    codes = {
        sheet: held | {row["code"] for _, row in sheets.get(sheet, ()) if row.get("code")}
        for sheet, held in register.codes().items()
    }
    enterprises = [row for _, row in sheets.get("enterprises", ()) if row.get("code")]
    founded = {row["code"]: row["founded_on"] for row in enterprises}
    founded |= {code: held.founded_on for code, held in register.enterprises.items()}
    return _Whole(register, today, codes, founded, _internal_numbers(register))


def find_faults(sheets: Sheets, register: Register, today: date) -> list[Fault]:
    """Return what keeps a file out, in the file's order: one fault a cell, with its cure.

    The file comes from `normalise` and `identify`. Every row that names something must find it
    in the file or in the register; what the register would not change must not differ from it.
    """
    whole = _whole(sheets, register, today)
    faults = []
    for sheet, rows in sheets.items():
        first: dict[Any, int] = {}
        check = _CHECKS.get(sheet)
        for number, row in rows:
            cells: dict[str, str] = {}
            for column, message in chain(
                _twice(row, number, first),
                _too_long(sheet, row),
                _references(sheet, row, whole),
                check(row, whole) if check else (),
            ):
                cells.setdefault(column, message)  # the first is the cause of the others
            faults += [Fault(sheet, number, column, text) for column, text in cells.items()]
    return faults


def _twice(row: Row, number: int, first: dict[Any, int]) -> Found:
    """Compare with the rows above; without a code an enterprise goes by kind and name."""
    code = row.get("code")
    where = first.setdefault(code or (row["kind"], row["name"]), number)
    if where == number:
        return
    if code:
        yield "code", f"代码“{code}”与第 {where} 行重复。请只留一行。"
    else:
        yield "code", f"“{row['name']}”没有代码，又与第 {where} 行同名。请只留一行，或填写代码。"


def _too_long(sheet: str, row: Row) -> Found:
    for column, chars_max in CHARS_MAX[sheet].items():
        chars = len(row.get(column) or "")
        if chars > chars_max:
            yield column, f"有 {chars} 个字，超过 {chars_max} 个。请缩短。"


def _references(sheet: str, row: Row, whole: _Whole) -> Found:
    for column, target in REFERENCES[sheet]:
        code = row.get(column)
        if not code:
            continue
        if column in LEVELS and (message := _level(column, code)):
            yield column, message
        elif code not in whole.codes[target]:
            label = LABELS[target]
            cure = f"请先在“{label}”表里登记，或改正代码。"
            yield column, f"没有代码为“{code}”的{label}。{cure}"


def _level(level: str, code: str) -> str | None:
    label, digits = LEVELS[level]
    if re.fullmatch(f"[0-9]{{{digits}}}", code):
        return None
    return f"“{code}”不是{label}代码，{label}代码是 {digits} 位数字。请改正。"


def _division(row: Row, _: _Whole) -> Found:
    """Hold a division to the code it has: its parent's code is the beginning of its own."""
    level, code, parent = row["level"], row["code"], row.get("parent")
    label, digits = LEVELS[level]
    if message := _level(level, code):
        yield "code", message
    elif level == "district":
        if parent:
            yield "parent", "区没有上级代码。请清空这一格。"
    elif parent != code[:-PARENT_DIGITS]:
        cure = f"应是它的前 {digits - PARENT_DIGITS} 位。请改正代码或上级代码。"
        yield "parent", f"{label}“{code}”的上级代码{cure}"


def _enterprise(row: Row, whole: _Whole) -> Found:
    code, founded_on = row.get("code"), row["founded_on"]
    held = whole.register.enterprises.get(code) if code else None
    if founded_on > whole.today:
        yield "founded_on", "成立日期在今天之后。请核对。"
    elif held is not None and held.founded_on != founded_on:
        record = f"登记册里“{code}”的成立日期是 {held.founded_on}，导入不会改它。"
        yield "founded_on", f"{record}请照登记册填写；登记册有误请联系管理员。"
    message = _code_refused(code, whole) if code else _which(row, whole)
    if message:
        yield "code", message


def _code_refused(code: str, whole: _Whole) -> str | None:
    try:
        check_code(code)
    except CodeRefused as refused:
        return str(refused)
    if INTERNAL.fullmatch(code) and code not in whole.register.enterprises:
        cure = "新登记的请留空，已登记的请核对编号。"
        return f"登记册里没有内部编号“{code}”，内部编号只由系统编。{cure}"
    return None


def _which(row: Row, whole: _Whole) -> str | None:
    numbers = whole.namesakes.get((row["kind"], row["name"]), [])
    if len(numbers) < 2:
        return None
    listed = "、".join(sorted(numbers))
    return f"登记册里叫“{row['name']}”的不止一个：{listed}。请填写是哪一个的编号。"


def _project(row: Row, whole: _Whole) -> Found:
    for column in SIZES:
        if not 0 <= row[column] <= SIZE_MAX:
            yield column, f"应在 0 到 {SIZE_MAX:,} 之间。请核对。"
    code, register = row["code"], whole.register
    yield from _handover(row, "enterprise", register.managements.get(code), whole)
    yield from _handover(row, "manager", register.posts.get(code), whole)


def _handover(row: Row, column: str, present: tuple[date, str] | None, whole: _Whole) -> Found:
    """Check since when somebody manages or heads a project; what stays as it is always may."""
    who, since = row.get(column), row.get(f"{column}_since")
    if not who or present == (since, who):
        return
    message = None
    if since is None:
        message = "填了代码就要填起始日期。"
    elif since > whole.today:
        message = "起始日期在今天之后。请到当天再登记。"
    elif present is not None and (present[1] == who or since <= present[0]):
        message = _standing(who, *present)
    elif column == "enterprise" and who in whole.founded and since < whole.founded[who]:
        message = f"“{who}”成立于 {whole.founded[who]}，起始日期不能在这之前。请核对。"
    if message:
        yield f"{column}_since", message


def _standing(who: str, since: date, present: str) -> str:
    record = f"现有记录自 {since} 起由“{present}”负责，"
    if who == present:
        return f"{record}导入不会改起始日期。请照现有记录填写；记录有误请联系管理员。"
    return f"{record}新的起始日期要在这之后。"


def _committee(row: Row, whole: _Whole) -> Found:
    formed_on, ended_on = row["formed_on"], row.get("ended_on")
    project = whole.register.committees.get(row["code"], row["project"])
    if formed_on > whole.today:
        yield "formed_on", "成立日期在今天之后。请核对。"
    if ended_on is not None and ended_on <= formed_on:
        yield "ended_on", "届满日期要在成立日期之后。请核对。"
    if project != row["project"]:
        record = f"登记册里“{row['code']}”属于项目“{project}”，导入不会换项目。"
        yield "project", f"{record}请照登记册填写；另一项目的请用新编号登记。"


_CHECKS = {
    "divisions": _division,
    "enterprises": _enterprise,
    "projects": _project,
    "committees": _committee,
}


@lru_cache(maxsize=4096)
def division_name(code: str) -> str:
    """Name a division of GB/T 2260 by its six digits; a code nobody knows stands for itself."""
    found = numdb.get("cn/loc").info(code)
    name = str(found[-1][1].get("county", "")) if found else ""
    return name.rpartition("]")[2] or code  # the data give the years in brackets before
