"""Grades as pure decisions: log entries in, facts out; what a publication may do; as-of choice."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from credit.kit.errors import Conflict
from credit.rules.grading import Evaluation, Fact

__all__ = [
    "Entry",
    "Published",
    "choose_published",
    "is_code",
    "read_facts",
    "refuse_publication",
]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log, decoded: its index, kind, record id and body."""

    index: int
    kind: str
    id: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Published:
    """A published grade as stored, with its record's index in the log (None: not yet numbered)."""

    record_id: str
    index: int | None
    run_id: str
    enterprise: str
    status: str
    grade: str | None
    score: Decimal | None
    valid_from: date
    valid_until: date
    published_at: datetime


def is_code(text: str) -> bool:
    """Say whether a text could be an enterprise's code at all."""
    return re.fullmatch(r"[0-9A-Z-]{1,18}", text) is not None


def read_facts(
    entries: Iterable[Entry], enterprise: str
) -> tuple[tuple[Fact, ...], tuple[Evaluation, ...]]:
    """Read an enterprise's facts and closed evaluations from its chain in the log.

    A withdrawal takes its target out; a correction puts another fact in its place, under the
    correction's own index. Of several closings for one subject, sheet, year and division the last
    counts. Only entries whose first subject is the enterprise are read: the first subject is the
    one that answers for the fact.
    """
    facts: dict[str, Fact] = {}
    closings: dict[tuple[str, ...], Evaluation] = {}
    for entry in entries:
        body = entry.body
        if body["subjects"][0]["id"] != enterprise:
            continue
        match entry.kind:
            case "credit-event":
                facts[entry.id] = _fact(entry)
            case "event-corrected":
                if facts.pop(body["target"], None) is not None:
                    facts[entry.id] = _fact(entry)
            case "event-withdrawn":
                facts.pop(body["target"], None)
            case "evaluation":
                key = (
                    body["sheet"],
                    str(body["year"]),
                    body["division"],
                    body["subjects"][-1]["id"],
                )
                closings[key] = _evaluation(entry)
            case _:
                continue
    return tuple(facts.values()), tuple(closings.values())


def _fact(entry: Entry) -> Fact:
    body = entry.body
    points = body.get("points")
    until = body.get("valid_until")
    return Fact(
        entry.index,
        entry.id,
        body["type"],
        date.fromisoformat(body["occurred_on"]),
        body["primary"],
        body.get("level"),
        None if points is None else Decimal(points),
        body.get("fact_key"),
        None if until is None else date.fromisoformat(until),
    )


def _evaluation(entry: Entry) -> Evaluation:
    body = entry.body
    return Evaluation(
        entry.index,
        entry.id,
        body["sheet"],
        body["year"],
        Decimal(body["total"]),
        Decimal(body["weight"]),
        body["veto"],
        body["valid"],
        date.fromisoformat(body["closed_on"]),
    )


def refuse_publication(*, published: bool, on: date, today: date, stale_index: int | None) -> None:
    """Refuse to publish a run twice, a run about a future day, or one overtaken by the log.

    `stale_index` is the index of the first fact sequenced after the run's prefix that is about a
    day the run covers, or None.
    """
    if published:
        raise Conflict("这次评级已经公布，不能重复公布。")
    if on > today:
        raise Conflict(f"评级日 {on} 在今天之后，不能公布。请等到当天，或另算一次。")
    if stale_index is not None:
        raise Conflict(
            f"评级之后日志里又有了新的事实（第 {stale_index} 条起）。请重新计算后再公布。",
            slug="run-overtaken",
        )


def choose_published(
    candidates: Sequence[Published], valid_at: date, known_size: int | None
) -> Published | None:
    """Choose the grade in force on a day as known at a log size: the last one published.

    A later publication takes the place of an earlier one from its own first day on. Without
    `known_size` the present knowledge counts, records not yet numbered included.
    """
    best: Published | None = None
    for candidate in candidates:
        if known_size is not None and (candidate.index is None or candidate.index >= known_size):
            continue
        if not candidate.valid_from <= valid_at < candidate.valid_until:
            continue
        if best is None or _order(candidate) > _order(best):
            best = candidate
    return best


def _order(one: Published) -> tuple[datetime, float]:
    """Order publications by time and then by their place in the log; unnumbered ones are last."""
    return one.published_at, math.inf if one.index is None else one.index
