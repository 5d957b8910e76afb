"""Parties as pure decisions: what is wrong with a register file, and what lies in which division."""

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import chain
from typing import Any

from stdnum import numdb

from credit.kit.texts import listed, marked, said_by, say
from credit.parties.codes import INTERNAL, CodeRefused, check_code, internal_code
from credit.parties.views import Fault, Located, Register, Row, Sheets

__all__ = [
    "CHARS_MAX",
    "codes_named",
    "division_name",
    "find_faults",
    "give_numbers",
    "identify",
    "is_within",
    "lies_within",
    "names_without_code",
    "normalise",
]

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
LEVELS = {
    "district": (marked("区"), 6),
    "street": (marked("街道"), 9),
    "community": (marked("社区"), 12),
}
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
    "divisions": marked("行政区划"),
    "enterprises": marked("企业"),
    "projects": marked("项目"),
    "managers": marked("项目负责人"),
    "committees": marked("业主委员会"),
}
ENTERPRISE_COLUMNS = {"enterprises": "code", "projects": "enterprise"}
# Faults of one row: column and message.
Found = Iterator[tuple[str, str]]


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
        yield "code", say("代码“%(code)s”与第 %(row)s 行重复。请只留一行。", code=code, row=where)
    else:
        yield (
            "code",
            say(
                "“%(name)s”没有代码，又与第 %(row)s 行同名。请只留一行，或填写代码。",
                name=row["name"],
                row=where,
            ),
        )


def _too_long(sheet: str, row: Row) -> Found:
    for column, chars_max in CHARS_MAX[sheet].items():
        chars = len(row.get(column) or "")
        if chars > chars_max:
            message = say(
                "有 %(chars)s 个字，超过 %(most)s 个。请缩短。", chars=chars, most=chars_max
            )
            yield column, message


def _references(sheet: str, row: Row, whole: _Whole) -> Found:
    for column, target in REFERENCES[sheet]:
        code = row.get(column)
        if not code:
            continue
        if column in LEVELS and (message := _level(column, code)):
            yield column, message
        elif code not in whole.codes[target]:
            label = LABELS[target]
            message = say(
                "没有代码为“%(code)s”的%(label)s。请先在“%(sheet)s”表里登记，或改正代码。",
                code=code,
                label=label,
                sheet=str(label),
            )
            yield column, message


def _level(level: str, code: str) -> str | None:
    label, digits = LEVELS[level]
    if re.fullmatch(f"[0-9]{{{digits}}}", code):
        return None
    return say(
        "“%(code)s”不是%(label)s代码，%(label)s代码是 %(digits)s 位数字。请改正。",
        code=code,
        label=label,
        digits=digits,
    )


def _division(row: Row, _: _Whole) -> Found:
    """Hold a division to the code it has: its parent's code is the beginning of its own."""
    level, code, parent = row["level"], row["code"], row.get("parent")
    label, digits = LEVELS[level]
    if message := _level(level, code):
        yield "code", message
    elif level == "district":
        if parent:
            yield "parent", say("区没有上级代码。请清空这一格。")
    elif parent != code[:-PARENT_DIGITS]:
        message = say(
            "%(label)s“%(code)s”的上级代码应是它的前 %(digits)s 位。请改正代码或上级代码。",
            label=label,
            code=code,
            digits=digits - PARENT_DIGITS,
        )
        yield "parent", message


def _enterprise(row: Row, whole: _Whole) -> Found:
    code, founded_on = row.get("code"), row["founded_on"]
    held = whole.register.enterprises.get(code) if code else None
    if founded_on > whole.today:
        yield "founded_on", say("成立日期在今天之后。请核对。")
    elif held is not None and held.founded_on != founded_on:
        kept = say(
            "登记册里“%(code)s”的成立日期是 %(day)s，导入不会改它。请照登记册填写；登记册有误请联系管理员。",
            code=code,
            day=held.founded_on,
        )
        yield "founded_on", kept
    message = _code_refused(code, whole) if code else _which(row, whole)
    if message:
        yield "code", message


def _code_refused(code: str, whole: _Whole) -> str | None:
    try:
        check_code(code)
    except CodeRefused as refused:
        return said_by(refused)
    if INTERNAL.fullmatch(code) and code not in whole.register.enterprises:
        return say(
            "登记册里没有内部编号“%(code)s”，内部编号只由系统编。新登记的请留空，已登记的请核对编号。",
            code=code,
        )
    return None


def _which(row: Row, whole: _Whole) -> str | None:
    numbers = whole.namesakes.get((row["kind"], row["name"]), [])
    if len(numbers) < 2:
        return None
    return say(
        "登记册里叫“%(name)s”的不止一个：%(numbers)s。请填写是哪一个的编号。",
        name=row["name"],
        numbers=listed(sorted(numbers)),
    )


def _project(row: Row, whole: _Whole) -> Found:
    for column in SIZES:
        if not 0 <= row[column] <= SIZE_MAX:
            yield column, say("应在 0 到 %(most)s 之间。请核对。", most=f"{SIZE_MAX:,}")
    code, register = row["code"], whole.register
    yield from _handover(row, "enterprise", register.managements.get(code), whole)
    yield from _handover(row, "manager", register.posts.get(code), whole)


def _handover(row: Row, column: str, present: tuple[date, str] | None, whole: _Whole) -> Found:
    """Check since when somebody manages or heads a project; what stays as it is always may."""
    who, since = row.get(column), row.get(f"{column}_since")
    if not who or present == (since, who):
        return
    message: str | None = None
    if since is None:
        message = say("填了代码就要填起始日期。")
    elif since > whole.today:
        message = say("起始日期在今天之后。请到当天再登记。")
    elif present is not None and (present[1] == who or since <= present[0]):
        message = _standing(who, *present)
    elif column == "enterprise" and who in whole.founded and since < whole.founded[who]:
        message = say(
            "“%(who)s”成立于 %(day)s，起始日期不能在这之前。请核对。",
            who=who,
            day=whole.founded[who],
        )
    if message:
        yield f"{column}_since", message


def _standing(who: str, since: date, present: str) -> str:
    if who == present:
        return say(
            "现有记录自 %(since)s 起由“%(present)s”负责，导入不会改起始日期。请照现有记录填写；记录有误请联系管理员。",
            since=since,
            present=present,
        )
    return say(
        "现有记录自 %(since)s 起由“%(present)s”负责，新的起始日期要在这之后。",
        since=since,
        present=present,
    )


def _committee(row: Row, whole: _Whole) -> Found:
    formed_on, ended_on = row["formed_on"], row.get("ended_on")
    project = whole.register.committees.get(row["code"], row["project"])
    if formed_on > whole.today:
        yield "formed_on", say("成立日期在今天之后。请核对。")
    if ended_on is not None and ended_on <= formed_on:
        yield "ended_on", say("届满日期要在成立日期之后。请核对。")
    if project != row["project"]:
        kept = say(
            "登记册里“%(code)s”属于项目“%(project)s”，导入不会换项目。请照登记册填写；另一项目的请用新编号登记。",
            code=row["code"],
            project=project,
        )
        yield "project", kept


_CHECKS = {
    "divisions": _division,
    "enterprises": _enterprise,
    "projects": _project,
    "committees": _committee,
}


@lru_cache(maxsize=4096)
def lies_within(code: str, division: str) -> bool:
    """Say whether a division is another one or a part of it, by their codes.

    A street's code begins with its district's, a community's with its street's; the six digits of a
    city and of a province end in 00 and 0000.
    """
    if len(division) == 6 and division.endswith("00"):
        division = division[:2] if division.endswith("0000") else division[:4]
    return code.startswith(division)


def is_within(located: Located, division: str) -> bool:
    """Say whether the people of a division may speak about a subject: one that is in it.

    A street or a district is in what it is a part of and not in itself: nobody judges themselves.
    """
    inside = any(lies_within(code, division) for code in located.divisions)
    return inside and located.subject.code != division


@lru_cache(maxsize=1_000)
def division_name(code: str) -> str:
    """Name a division of GB/T 2260 by its six digits; a code nobody knows stands for itself."""
    found = numdb.get("cn/loc").info(code)
    name = str(found[-1][1].get("county", "")) if found else ""
    return name.rpartition("]")[2] or code  # the data give the years in brackets before
