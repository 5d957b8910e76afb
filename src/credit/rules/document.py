"""A pack's document before it means anything: plain values, and the days on which they change."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any, TypeGuard

from credit.kit.canonical import DEPTH_MAX
from credit.rules.arithmetic import day_of
from credit.rules.reading import Fault, Reader, shown

__all__ = ["MANY", "SINGLE", "check_document", "resolve"]

# What a document consists of: one file each, and folders of files that name themselves.
SINGLE = ("pack", "grading", "procedure", "lists", "points")
MANY = ("sheets", "contracts")
KEY = re.compile(r"[A-Za-z0-9_.-]{1,60}", re.ASCII)
ID_CHARS_MAX = 60
INTEGER_BOUND = 10**15
DAYS_MAX = 200  # a pack is read once for each day on which a value changes
HALF_CHARACTER = re.compile("[\ud800-\udfff]")

Note = Callable[[str, str], None]


def check_document(document: Any, faults: list[Fault]) -> set[date]:
    """Add what is wrong with a document that may hold anything; return the days of its values.

    Without a fault it has a canonical form, its sheets have names of their own, and `resolve`
    may be asked for any day.
    """
    days: set[date] = set()
    whole = Reader("规则包", faults).fault
    if type(document) is not dict or set(document) != {*SINGLE, *MANY}:
        whole("", f"应由 {'、'.join((*SINGLE, *MANY))} 这几部分组成。")
        return days
    files = [(f"{part}.yaml", document[part], 2) for part in SINGLE]
    for part in MANY:
        files += [(name, content, 3) for name, content in _named(part, document[part], whole)]
    for file, content, depth in files:
        _check_value(content, "", depth, Reader(file, faults).fault, days)
    if len(days) > DAYS_MAX:
        whole("", f"有 {len(days)} 个生效日期，最多 {DAYS_MAX} 个，请另立一个规则包。")
        return set()
    return days


def _named(part: str, items: Any, note: Note) -> list[tuple[str, Any]]:
    """Return the files of a folder by name, after noting what has none or another's."""
    if type(items) is not list:
        note(part, "应为列表。")
        return []
    files: dict[str, Any] = {}
    for position, item in enumerate(items):
        name = item.get("id") if type(item) is dict else None
        if not _is_name(name):
            note(f"{part}[{position}].id", f"应为文字，不超过 {ID_CHARS_MAX} 个字。")
        elif name in files:
            note(f"{part}[{position}].id", f"“{name}”出现了两次，请只留一个。")
        else:
            files[name] = item
    return [(f"{part}/{name}.yaml", item) for name, item in files.items()]


def _is_name(value: Any) -> TypeGuard[str]:
    return type(value) is str and 0 < len(value) <= ID_CHARS_MAX and value.isprintable()


def _check_value(value: Any, path: str, depth: int, note: Note, days: set[date]) -> None:
    """Note what has no canonical form or no day, here and below; `depth` is the document's."""
    if depth > DEPTH_MAX:
        note(path, f"整个规则包的嵌套不能超过 {DEPTH_MAX} 层，请少分几层。")
    elif type(value) is dict:
        for key, one in value.items():
            if type(key) is str and KEY.fullmatch(key):
                _check_value(one, f"{path}.{key}".lstrip("."), depth + 1, note, days)
            else:
                note(
                    path, f"键“{shown(key)}”不能用：键由英文字母、数字和 _ . - 组成，不超过 60 个。"
                )
    elif type(value) is list:
        if _dated(value):
            _check_days(value, path, note, days)
        for position, one in enumerate(value):
            _check_value(one, f"{path}[{position}]", depth + 1, note, days)
    else:
        _check_scalar(value, path, note)


def _check_scalar(value: Any, path: str, note: Note) -> None:
    if type(value) is str:
        if HALF_CHARACTER.search(value):
            note(path, f"“{shown(value)}”里有不完整的字符，请重新输入。")
    elif type(value) is int:
        if abs(value) >= INTEGER_BOUND:
            note(path, "整数太长，不能超过 15 位。")
    elif type(value) is not bool and value is not None:
        note(path, f"应为文字、整数、true 或 false，现在是“{shown(value)}”，小数请加引号。")


def _dated(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(one, dict) and {"from", "value"} <= set(one) <= {"from", "value", "source"}
            for one in value
        )
    )


def _check_days(dated: list[Any], path: str, note: Note, days: set[date]) -> None:
    seen: set[date] = set()
    for position, one in enumerate(dated):
        where, day = f"{path}[{position}].from", day_of(one["from"])
        if day is None:
            note(where, f"应写成日期，例如 2026-06-30，现在是“{shown(one['from'])}”。")
        elif day in seen:
            note(where, f"有两个值都从 {day} 起，请只留一个。")
        else:
            seen.add(day)
    days |= seen


def resolve(value: Any, day: date) -> Any:
    """Replace dated values by those in force on a day: the latest that has begun.

    Before the first one begins, the first one stands: a pack says nothing about earlier days.
    """
    if _dated(value):
        ordered = sorted(value, key=lambda one: one["from"])
        begun = [one for one in ordered if one["from"] <= day.isoformat()]
        return resolve((begun or ordered[:1])[-1]["value"], day)
    if isinstance(value, dict):
        return {key: resolve(one, day) for key, one in value.items()}
    if isinstance(value, list):
        return [resolve(one, day) for one in value]
    return value
