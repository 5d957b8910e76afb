"""Comparison: what publishing a run would change, or changed, and how scores went over time."""

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import orjson

from credit.grades import store
from credit.grades.reading.trace import step_title
from credit.grades.service.runs import load_run
from credit.grades.store import ComparedRow
from credit.grades.views import (
    DistributionPoint,
    GradeChange,
    RunComparison,
    ScorePoint,
    TraceChange,
)
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.texts import say
from credit.rules.pack import Pack

__all__ = [
    "COMPARED_MAX",
    "compare_run",
    "distribution_history",
    "distribution_in_force",
    "explain_change",
    "score_history",
]

COMPARED_MAX = 200
UNRATED = "unrated"
Kind = Literal["worse", "unrated", "better", "rated", "score"]
KINDS: tuple[Kind, ...] = ("worse", "unrated", "better", "rated", "score")  # the gravest first
Tree = dict[str, Any]


async def compare_run(
    conn: Connection,
    pack: Pack,
    run_id: UUID,
    *,
    district: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> RunComparison:
    """Compare a run with the grades in force on its day before it; NotFound without the run.

    With a district, of the enterprises that were registered there when it was computed.

    Of the enterprises it changes, `limit` (at most COMPARED_MAX) come after `offset`: grades that
    fall first, by as many rungs as they fall, then those lost, risen and new, then mere scores
    from the deepest fall to the highest rise.
    """
    found = await load_run(conn, run_id)
    grades = pack.on(found.on_date).grader.ladder.grades
    rows = await store.compare_results(conn, run_id, district)
    changes = _changes(rows, grades)
    counted = Counter(kind for kind, _ in changes)
    page = changes[max(0, offset) : max(0, offset) + max(0, min(limit, COMPARED_MAX))]
    return RunComparison(
        str(found.id),
        found.on_date,
        found.published,
        len(rows),
        _distribution(grades, (row.grade_before for row in rows)),
        _distribution(grades, (row.grade_after for row in rows)),
        len(changes),
        {kind: counted[kind] for kind in KINDS},
        [
            GradeChange(
                row.code,
                row.name,
                kind,
                row.grade_before,
                row.score_before,
                row.grade_after,
                row.score_after,
            )
            for kind, row in page
        ],
    )


async def explain_change(conn: Connection, run_id: UUID, code: str) -> list[TraceChange]:
    """Say which steps a run's trace has more, fewer or otherwise than that of the grade in force.

    What appeared or changed comes in the order of the run's trace, then what vanished in the order
    of the other. Without a grade in force every step appeared. NotFound where the run has no such
    enterprise.
    """
    traces = await store.compared_traces(conn, run_id, code)
    if traces is None:
        raise NotFound(say("这次评级里没有这家企业。请核对评级和统一社会信用代码。"))
    before, after = traces
    return _differences(_steps(before), _steps(after))


async def score_history(conn: Connection, code: str) -> list[ScorePoint]:
    """Return an enterprise's published scores and grades, oldest first; none for a stranger.

    At most the newest HISTORY_MAX; without those that a later publication covers on their own
    first day.
    """
    return [ScorePoint(*point) for point in await store.scores_of(conn, code)]


async def distribution_in_force(conn: Connection, on: date) -> dict[str, int]:
    """Count the whole register by the grade in force on a day; `unrated` has no grade then."""
    return await store.distribution_on(conn, on)


async def distribution_history(conn: Connection) -> list[DistributionPoint]:
    """Return what each publication found, at most the newest HISTORY_MAX, in their order."""
    return [
        DistributionPoint(str(run_id), valid_from, distribution)
        for run_id, valid_from, distribution in await store.distributions(conn)
    ]


def _changes(rows: Sequence[ComparedRow], grades: Sequence[str]) -> list[tuple[Kind, ComparedRow]]:
    """Return what a run changes, the gravest first.

    A grade that today's ladder does not have any more counts as below all that it has.
    """
    place = {grade: rank for rank, grade in enumerate(grades)}
    keyed = []
    for row in rows:
        if (row.grade_before, row.score_before) == (row.grade_after, row.score_after):
            continue
        rungs = 0
        if row.grade_before is not None and row.grade_after is not None:
            rungs = place.get(row.grade_after, len(place)) - place.get(row.grade_before, len(place))
        kind = _kind(row, rungs)
        rise = (row.score_after or Decimal(0)) - (row.score_before or Decimal(0))
        gravity = -rise if kind in ("better", "rated") else rise
        keyed.append(((KINDS.index(kind), -abs(rungs), gravity, row.code), (kind, row)))
    keyed.sort(key=lambda one: one[0])
    return [change for _, change in keyed]


def _kind(row: ComparedRow, rungs: int) -> Kind:
    if rungs:
        return "worse" if rungs > 0 else "better"
    if row.grade_after is None:
        return "unrated"
    return "rated" if row.grade_before is None else "score"


def _distribution(grades: Sequence[str], found: Iterable[str | None]) -> dict[str, int]:
    counted = Counter(grade or UNRATED for grade in found)
    others = [grade for grade in counted if grade not in grades and grade != UNRATED]
    return {grade: counted[grade] for grade in (*grades, *sorted(others), UNRATED)}


def _steps(packed: bytes | None) -> dict[tuple[Any, ...], Tree]:
    """Return a stored trace's steps in order, each under what makes it the same step again."""
    if packed is None:
        return {}
    return dict(_walk(orjson.loads(zlib.decompress(packed)), 0))


def _walk(node: Tree, depth: int) -> Iterator[tuple[tuple[Any, ...], Tree]]:
    # A cap or veto (beside the score, at depth 1) is one step whichever fact it rests on; a fact
    # or evaluation is its log entry; a group may be cut on its good and on its bad side.
    index = node["index"] if depth > 1 else None
    cut = node["value"].startswith("-") if node["rule"].startswith("limit:") else None
    yield (depth, node["rule"], index, cut), node
    for child in node["children"]:
        yield from _walk(child, depth + 1)


def _differences(
    before: dict[tuple[Any, ...], Tree], after: dict[tuple[Any, ...], Tree]
) -> list[TraceChange]:
    changes = []
    for key, node in after.items():
        old = before.get(key)
        if old is None:
            changes.append(_change("appeared", node, None, node["value"]))
        elif old["value"] != node["value"]:
            changes.append(_change("changed", node, old["value"], node["value"]))
    for key, node in before.items():
        if key not in after:
            changes.append(_change("vanished", node, node["value"], None))
    return changes


def _change(
    change: Literal["appeared", "vanished", "changed"],
    node: Tree,
    before: str | None,
    after: str | None,
) -> TraceChange:
    return TraceChange(
        change, node["rule"], step_title(node), node["source"], before, after, node["index"]
    )
