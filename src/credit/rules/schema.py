"""JSON Schema (2020-12) of a pack's files, made from the dataclasses that read them."""

import dataclasses
import math
import types
import typing
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Union, get_args, get_origin

from credit.rules.bank import Bank
from credit.rules.bounds import Between
from credit.rules.listing import Lists
from credit.rules.model import Grading, Head, Sheet
from credit.rules.procedure import Procedure
from credit.rules.promises import ContractTemplate

__all__ = ["pack_schema"]

FILES = {
    "pack": Head,
    "sheet": Sheet,
    "grading": Grading,
    "procedure": Procedure,
    "lists": Lists,
    "points": Bank,
    "contract": ContractTemplate,
}
_DECIMAL = {"type": ["string", "integer"], "pattern": r"^-?[0-9]{1,9}(\.[0-9]{1,6})?$"}
_UNSIGNED = {"pattern": r"^[0-9]{1,9}(\.[0-9]{1,6})?$"}
_DATE = {"type": "string", "format": "date"}
_SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string", "minLength": 1},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    Decimal: _DECIMAL,
    date: _DATE,
}


def pack_schema() -> dict[str, Any]:
    """Return one schema whose `$defs` describe each kind of file a pack has.

    Every scalar may also be a list of dated values: `{from, value, source}`.
    """
    builder = _Builder()
    files = {name: builder.of(kind) for name, kind in FILES.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "信用规则包",
        "oneOf": list(files.values()),
        "$defs": builder.definitions,
    }


class _Builder:
    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}

    def of(self, kind: Any) -> dict[str, Any]:
        origin = get_origin(kind)
        if origin in (Union, types.UnionType):
            members = [self.of(one) for one in get_args(kind) if one is not type(None)]
            return members[0] if len(members) == 1 else {"oneOf": members}
        if origin is Literal:
            return _dated({"enum": list(get_args(kind))})
        if origin is tuple:
            return {"type": "array", "items": self.of(get_args(kind)[0])}
        if origin is dict:
            name, item = get_args(kind)
            names = {"propertyNames": {"enum": list(get_args(name))}} if get_args(name) else {}
            return {"type": "object", **names, "additionalProperties": self.of(item)}
        if dataclasses.is_dataclass(kind):
            return self._class(kind)
        return _dated(_scalar(*(get_args(kind) or (kind,))))

    def _class(self, kind: Any) -> dict[str, Any]:
        name = kind.__name__
        if name not in self.definitions:
            self.definitions[name] = {}  # stands here while the class refers to itself
            hints = typing.get_type_hints(kind, include_extras=True)
            fields = {f.metadata.get("key", f.name): f for f in dataclasses.fields(kind)}
            properties = {key: self.of(hints[field.name]) for key, field in fields.items()}
            required = [
                key
                for key, field in fields.items()
                if field.default is dataclasses.MISSING
                and field.default_factory is dataclasses.MISSING
            ]
            tag = getattr(kind, "TAG", None)
            if tag is not None:
                properties[tag] = {"const": kind.TAG_VALUE}
                required.append(tag)
            self.definitions[name] = {
                "type": "object",
                "description": (kind.__doc__ or "").strip().split("\n")[0],
                "properties": properties,
                "required": required,
                "additionalProperties": False,
            }
        return {"$ref": f"#/$defs/{name}"}


def _scalar(kind: Any, bounds: Between | None = None) -> dict[str, Any]:
    """Describe a scalar; of a decimal written as text, a schema can only say it has no sign."""
    if bounds is None:
        return _SCALARS[kind]
    unsigned = _UNSIGNED if kind is Decimal and bounds.low >= 0 else {}
    limits = {"minimum": math.ceil(bounds.low), "maximum": math.floor(bounds.high)}
    return {**_SCALARS[kind], **unsigned, **limits}


def _dated(value: dict[str, Any]) -> dict[str, Any]:
    one = {
        "type": "object",
        "properties": {"from": _DATE, "value": value, "source": {"type": "string"}},
        "required": ["from", "value"],
        "additionalProperties": False,
    }
    return {"anyOf": [value, {"type": "array", "items": one, "minItems": 1}]}
