"""Reading a pack's plain data into its dataclasses, collecting every fault with its cure.

The classes' annotations are the format: this reader, the check of an unknown key and the JSON
Schema all follow them. Standard library only: the offline verifier reads packs with it.
"""

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Union, get_args, get_origin

from credit.rules.arithmetic import day_of
from credit.rules.trace import text

__all__ = ["Fault", "Reader", "shown"]

DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?")
INTEGER_BOUND = 10**9
FAULTS_MAX = 200


def shown(value: object, most: int = 80) -> str:
    """Write any value for a message: cut short, and only what can be printed."""
    try:
        plain = str(value)
    except (ValueError, RecursionError):  # an integer or a nesting beyond what Python writes out
        plain = "（太长，无法显示）"
    return "".join(one if one.isprintable() else "\ufffd" for one in plain[:most])


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a pack: the file, the key's path, what is wrong and how to mend it."""

    file: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.file} › {self.path or '（整个文件）'}：{self.message}"


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, str) and DECIMAL.fullmatch(value):
        return Decimal(value)
    if type(value) is int and abs(value) < INTEGER_BOUND:
        return Decimal(value)
    return None


# What each kind of scalar is called, and how it is read: None for anything else.
SCALARS: dict[Any, tuple[str, Callable[[Any], Any]]] = {
    bool: ("true 或 false", lambda value: value if type(value) is bool else None),
    int: ("整数", lambda value: value if type(value) is int else None),
    str: ("文字", lambda value: value if isinstance(value, str) and value.strip() else None),
    Decimal: ('小数，例如 "2.5"', _decimal),
    date: ("日期，例如 2026-06-30", day_of),
}


class Reader:
    """Reads values for one file; faults pile up in `faults`."""

    def __init__(self, file: str, faults: list[Fault]) -> None:
        self.file = file
        self.faults = faults

    def fault(self, path: str, message: str) -> None:
        """Note a fault."""
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(Fault(self.file, path, message))

    def read(self, kind: Any, value: Any, path: str = "") -> Any:
        """Return `value` as `kind`; after a fault the result must not be used."""
        origin = get_origin(kind)
        if origin in (Union, types.UnionType):
            return self._read_union(kind, value, path)
        if origin is Literal:
            return self._read_literal(kind, value, path)
        if origin is tuple:
            return self._read_list(get_args(kind)[0], value, path)
        if origin is dict:
            return self._read_dict(get_args(kind), value, path)
        if dataclasses.is_dataclass(kind):
            return self._read_class(kind, value, path)
        return self._read_scalar(kind, value, path)

    def _read_scalar(self, kind: Any, value: Any, path: str) -> Any:
        plain, *bounds = get_args(kind) or (kind,)  # bounds stand in the annotation, if anywhere
        wanted, parse = SCALARS[plain]
        found = parse(value)
        if found is None:
            self.fault(path, f"应为{wanted}，现在是“{shown(value)}”。")
        elif bounds and not bounds[0].low <= found <= bounds[0].high:
            low, high = (text(Decimal(one)) for one in (bounds[0].low, bounds[0].high))
            self.fault(path, f"应在 {low} 到 {high} 之间，现在是“{shown(value)}”。")
        return found

    def _read_literal(self, kind: Any, value: Any, path: str) -> Any:
        choices = get_args(kind)
        if value not in choices:
            near = difflib.get_close_matches(shown(value), [str(c) for c in choices], 1)
            hint = f"是不是“{near[0]}”？" if near else ""
            self.fault(
                path, f"不能是“{shown(value)}”。{hint}可用：{'、'.join(map(str, choices))}。"
            )
        return value

    def _read_list(self, item: Any, value: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            self.fault(path, f"应为列表，现在是“{shown(value)}”。")
            return ()
        return tuple(self.read(item, one, f"{path}[{i}]") for i, one in enumerate(value))

    def _read_dict(self, kinds: tuple[Any, Any], value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.fault(path, f"应为键值表，现在是“{shown(value)}”。")
            return {}
        name, item = kinds
        return {
            self.read(name, key, f"{path}.{key}"): self.read(item, one, f"{path}.{key}")
            for key, one in value.items()
        }

    def _read_union(self, kind: Any, value: Any, path: str) -> Any:
        members = [member for member in get_args(kind) if member is not type(None)]
        if value is None:
            if len(members) == len(get_args(kind)):
                self.fault(path, "缺少内容。")
            return None
        if len(members) == 1:
            return self.read(members[0], value, path)
        return self._read_tagged(members, value, path)

    def _read_tagged(self, members: list[Any], value: Any, path: str) -> Any:
        """Read one of several classes, told apart by a tag or by the one key each has."""
        if not isinstance(value, dict):
            self.fault(path, f"应为键值表，现在是“{shown(value)}”。")
            return None
        tag = members[0].TAG
        by_tag = {member.TAG_VALUE: member for member in members}
        keys = [key for key in by_tag if key in value] if tag is None else [value.get(tag)]
        if tag is None and len(keys) != 1:
            self.fault(path, f"要有且只有其中一项：{'、'.join(by_tag)}。")
            return None
        if not isinstance(keys[0], str) or keys[0] not in by_tag:
            self._read_literal(Literal[tuple(by_tag)], keys[0], f"{path}.{tag}")
            return None
        return self.read(by_tag[keys[0]], value, path)

    def _read_class(self, kind: Any, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            self.fault(path, f"应为键值表，现在是“{shown(value)}”。")
            return None
        hints = typing.get_type_hints(kind, include_extras=True)
        fields = {f.metadata.get("key", f.name): f for f in dataclasses.fields(kind)}
        before = len(self.faults)
        for key in value:
            if key not in fields and key != getattr(kind, "TAG", None):
                near = difflib.get_close_matches(str(key), list(fields), 1)
                hint = f"是不是“{near[0]}”？" if near else f"可用的键：{'、'.join(fields)}。"
                self.fault(f"{path}.{key}".lstrip("."), f"没有这个键。{hint}")
        values = {}
        for key, field in fields.items():
            where = f"{path}.{key}".lstrip(".")
            if key in value:
                values[field.name] = self.read(hints[field.name], value[key], where)
            elif field.default is dataclasses.MISSING and (
                field.default_factory is dataclasses.MISSING
            ):
                self.fault(where, "缺少这个键。")
        return kind(**values) if len(self.faults) == before else None
