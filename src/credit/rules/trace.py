"""Traces: every value a rule produced, as a tree that names rule, clause, inputs and source."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

__all__ = ["Node", "text"]


@dataclass(slots=True)
class Node:
    """One step of a computation.

    `rule` is its code in the pack, `source` the clause, `value` what came out (a decimal string or
    a grade), `inputs` what went in, `index` the log entry it rests on, if it rests on one.
    """

    rule: str
    title: str
    source: str
    value: str
    inputs: dict[str, Any] = field(default_factory=dict)
    index: int | None = None
    children: list["Node"] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the tree as plain JSON values."""
        return {
            "rule": self.rule,
            "title": self.title,
            "source": self.source,
            "value": self.value,
            "inputs": self.inputs,
            "index": self.index,
            "children": [child.to_json() for child in self.children],
        }

    def walk(self) -> Iterator["Node"]:
        """Yield this node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def text(number: Decimal) -> str:
    """Write a decimal plainly and shortly: `96.5`, `0`, never `1E+2` or `2.50`."""
    if number == 0:
        return "0"
    plain = format(number.normalize(), "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
