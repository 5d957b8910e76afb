"""A stored trace in rows: each step of a score with its clause and log entry, and what bounds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from credit.kit.texts import recognised, say
from credit.rules.grading import TRACE_TEXTS
from credit.rules.model import EventType

__all__ = ["Explained", "TraceStep", "explain_trace", "merged_steps", "step_title"]

# What a picture shows one by one; with more of them facts are drawn by their group.
STEPS_SHOWN_MAX = 24


@dataclass(frozen=True, slots=True)
class TraceStep:
    """A step of a score: signed points, clause, and the log entry it rests on, if it rests on one.

    `event` is a fact's record id, `note` says why it counts nothing. `parts` are the log entries
    of the evaluations behind a sheet: (title, total, log index).
    """

    rule: str
    title: str
    source: str
    points: Decimal
    index: int | None = None
    event: str | None = None
    occurred_on: str | None = None
    note: str = ""
    parts: tuple[tuple[str, str, int | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """A score from its base over its steps, and the caps and vetoes its grade stands under."""

    score: Decimal
    base: TraceStep
    steps: tuple[TraceStep, ...]
    bounds: tuple[TraceStep, ...]


def explain_trace(trace: Mapping[str, Any]) -> Explained:
    """Read a stored trace, as `rules.trace.Node.to_json` writes it."""
    score, *bounds = trace["children"]
    base, *steps = score["children"]
    return Explained(
        Decimal(score["value"]),
        _step(base),
        tuple(_step(one) for one in steps),
        tuple(
            TraceStep(one["rule"], step_title(one), one["source"], Decimal(0), one["index"])
            for one in bounds
        ),
    )


def merged_steps(
    explained: Explained, catalogue: Mapping[str, EventType]
) -> list[tuple[str, Decimal]]:
    """Return the steps of a picture, whose points add up to the score: like steps as one.

    Steps of one title and sign are one, `投诉经查属实 ×3`; with too many titles those of one group
    of the catalogue, with too many groups those of one sign. What rounding did is a step too.
    """
    counted = [one for one in explained.steps if not one.note]
    for name in (_title, lambda one: _group(one, catalogue), _sign):
        merged = _merge([(name(one), one.points) for one in counted])
        if len(merged) <= STEPS_SHOWN_MAX:
            break
    rounding = explained.score - explained.base.points - sum((p for _, p in merged), Decimal(0))
    return [*merged, (say("四舍五入"), rounding)] if rounding else merged


def _title(step: TraceStep) -> str:
    return step.title


def _group(step: TraceStep, catalogue: Mapping[str, EventType]) -> str:
    event = catalogue.get(step.rule)
    return event.group if event else step.title


def _sign(step: TraceStep) -> str:
    return say("扣分") if step.points < 0 else say("加分")


def _merge(named: Sequence[tuple[str, Decimal]]) -> list[tuple[str, Decimal]]:
    sums: dict[tuple[str, bool], list[Decimal]] = {}
    for name, points in named:
        sums.setdefault((name, points < 0), []).append(points)
    return [
        (
            say("%(name)s ×%(count)s", name=name, count=len(points)) if len(points) > 1 else name,
            sum(points, Decimal(0)),
        )
        for (name, _), points in sums.items()
    ]


def step_title(node: Mapping[str, Any]) -> str:
    """Return what a stored step is called; what the trace says itself is a Text again."""
    title: str = node["title"]
    return recognised(title, TRACE_TEXTS)


def _step(node: Mapping[str, Any]) -> TraceStep:
    inputs = node["inputs"]
    return TraceStep(
        node["rule"],
        step_title(node),
        node["source"],
        Decimal(node["value"]),
        node["index"],
        inputs.get("id"),
        inputs.get("occurred_on"),
        recognised(inputs.get("not_counted", ""), TRACE_TEXTS),
        tuple((step_title(one), one["value"], one["index"]) for one in node["children"]),
    )
