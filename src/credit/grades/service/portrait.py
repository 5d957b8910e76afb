"""An enterprise's grade as the enterprise sees it: every point explained, and what came since."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

import orjson

from credit.grades import store
from credit.grades.reading.trace import Explained, TraceStep, explain_trace
from credit.grades.service.advice import advise_on_record
from credit.grades.service.answers import Standing, standings
from credit.grades.service.comparison import score_history
from credit.grades.service.runs import subject_records
from credit.grades.views import ScorePoint
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.texts import say
from credit.log import service as log
from credit.rules.advice import Advice, Outcome
from credit.rules.grading import Evaluation, Fact, SubjectRecord, lapse_of
from credit.rules.pack import Pack, Rules

__all__ = [
    "CountedEvaluation",
    "Held",
    "HeldBound",
    "OwnStep",
    "Portrait",
    "SinceStep",
    "load_held",
    "portray",
]

SHEET = "sheet:"
Change = Literal["new", "changed", "lapsed", "withdrawn", "repaired"]


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of an enterprise: its standing with the trace, and its record in the log."""

    standing: Standing
    trace: Mapping[str, Any] | None
    history: tuple[ScorePoint, ...]
    record: SubjectRecord


@dataclass(frozen=True, slots=True)
class OwnStep:
    """A step of a score with its days: when it happened or was closed, when it counts no more.

    `title` is a sheet's own where the step is one. `gone` says that the fact was taken back or
    corrected since, `repaired` that it was repaired.
    """

    step: TraceStep
    title: str
    occurred_on: date | None = None
    lapses_on: date | None = None
    gone: bool = False
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class CountedEvaluation:
    """A closed evaluation that a score counts: its total, and the record that closed it."""

    title: str
    evaluation: Evaluation


@dataclass(frozen=True, slots=True)
class HeldBound:
    """A cap or veto a grade stands under, and whether it holds today.

    `until` is the first day on which it holds no more when nothing new happens; None is never.
    """

    step: TraceStep
    holds: bool
    until: date | None


@dataclass(frozen=True, slots=True)
class SinceStep:
    """A step that a run today would have otherwise than the published score, by signed points."""

    change: Change
    own: OwnStep
    points: Decimal


@dataclass(frozen=True, slots=True)
class Portrait:
    """An enterprise's grade explained as of a day; `rules` are those of that day.

    Steps, bounds and evaluations are those of the published grade in force; there are none without
    one, or where it is unrated. `earned` is the grade that its score alone would give, `rank` its
    place among how many, where grades go by rank. `today` is what a run would find now, `since` what
    makes the difference. `advice` is None where there is too much to compute it.
    """

    standing: Standing
    on: date
    rules: Rules
    explained: Explained | None
    earned: str | None
    rank: tuple[int, int] | None
    steps: tuple[OwnStep, ...]
    evaluations: tuple[CountedEvaluation, ...]
    bounds: tuple[HeldBound, ...]
    history: tuple[ScorePoint, ...]
    today: Outcome
    since: tuple[SinceStep, ...]
    advice: Advice | None

    @property
    def days_left(self) -> int | None:
        """How many days the grade in force has left, this one included."""
        published = self.standing.published
        return None if published is None else (published.valid_until - self.on).days


class _Reader(NamedTuple):
    """What helps to read a trace: the rules of its day, and what the record says by log index."""

    rules: Rules
    facts: Mapping[int, Fact]
    closed: Mapping[int, Evaluation]
    lapses: Mapping[tuple[str, int], date | None]  # of sheets, by (sheet, year)


async def load_held(conn: Connection, code: str, on: date) -> Held:
    """Load what a portrait is made of; NotFound for a code the register does not have."""
    found = await standings(conn, [code], valid_at=on, size=None)
    if code not in found:
        raise NotFound(
            say("登记册里没有这家企业。请核对统一社会信用代码。"), slug="no-such-enterprise"
        )
    published = found[code].published
    packed = None
    if published is not None and published.score is not None:
        packed = await store.trace_of(conn, UUID(published.run_id), code)
    history = await score_history(conn, code)
    size = await log.size_at(conn, None)
    (record,) = await subject_records(conn, [code], size)
    trace = None if packed is None else orjson.loads(zlib.decompress(packed))
    return Held(found[code], trace, tuple(history), record)


async def portray(pack: Pack, held: Held, on: date) -> Portrait:
    """Explain what is held, as of a day; a published step by the rules it was computed with."""
    rules = pack.on(on)
    advice = await advise_on_record(pack, held.record, on)
    now = rules.grader.grade(held.record, on)
    reader = _Reader(
        rules,
        {fact.log_index: fact for fact in held.record.facts},
        {one.log_index: one for one in held.record.evaluations},
        {(one.sheet, one.year): one.lapses_on for one in advice.sheets} if advice else {},
    )
    present = explain_trace(now.trace.to_json())
    published = held.standing.published
    explained, then = None, reader
    inputs: Mapping[str, Any] = held.trace["inputs"] if held.trace else {}
    if published is not None and held.trace is not None:
        explained = explain_trace(held.trace)
        then = reader._replace(rules=pack.on(published.valid_from))
    steps = _own_steps(explained, then)
    return Portrait(
        held.standing,
        on,
        rules,
        explained,
        inputs.get("earned"),
        (inputs["rank"], inputs["ranked"]) if "rank" in inputs else None,
        steps,
        tuple(_evaluations(explained, then)),
        tuple(_bounds(explained, advice, {one.rule for one in present.bounds})),
        held.history,
        Outcome(now.score, now.grade),
        tuple(_since(steps, _own_steps(present, reader))) if explained else (),
        advice,
    )


def _own_steps(explained: Explained | None, reader: _Reader) -> tuple[OwnStep, ...]:
    if explained is None:
        return ()
    return tuple(_own_step(step, reader) for step in explained.steps)


def _own_step(step: TraceStep, reader: _Reader) -> OwnStep:
    if step.rule.startswith(SHEET):
        closed = _closed(step, reader)
        sheet = step.rule.removeprefix(SHEET)
        years = {one.year for one in closed}
        return OwnStep(
            step,
            _sheet_title(sheet, reader.rules),
            max((one.closed_on for one in closed), default=None),
            reader.lapses.get((sheet, max(years))) if years else None,
        )
    if step.index is None:
        return OwnStep(step, step.title)
    fact, event = reader.facts.get(step.index), reader.rules.grader.events.get(step.rule)
    if fact is None or event is None:
        happened = date.fromisoformat(step.occurred_on) if step.occurred_on else None
        return OwnStep(step, step.title, happened, gone=fact is None)
    lapses_on = lapse_of(event, fact.occurred_on, fact.valid_until)
    repaired = fact.repaired_on is not None
    return OwnStep(step, step.title, fact.occurred_on, lapses_on, repaired=repaired)


def _closed(step: TraceStep, reader: _Reader) -> list[Evaluation]:
    """Return the evaluations behind a step that the log still has as the last of their kind."""
    return [
        reader.closed[index]
        for _, _, index in step.parts
        if index is not None and index in reader.closed
    ]


def _sheet_title(sheet: str, rules: Rules) -> str:
    known = rules.sheets.get(sheet)
    return sheet if known is None or known.title == sheet else f"{sheet} {known.title}"


def _evaluations(explained: Explained | None, reader: _Reader) -> Iterator[CountedEvaluation]:
    for step in explained.steps if explained else ():
        for one in _closed(step, reader):
            yield CountedEvaluation(_sheet_title(one.sheet, reader.rules), one)


def _bounds(
    explained: Explained | None, advice: Advice | None, holding: set[str]
) -> Iterator[HeldBound]:
    until = {block.rule: block.until for block in advice.blocks} if advice else {}
    for step in explained.bounds if explained else ():
        yield HeldBound(step, step.rule in holding, until.get(step.rule))


def _since(before: tuple[OwnStep, ...], after: tuple[OwnStep, ...]) -> Iterator[SinceStep]:
    """Yield what appeared or changed, in the order of today's score, then what vanished."""
    old = {_key(own.step): own for own in before}
    new = {_key(own.step): own for own in after}
    for key, own in new.items():
        was = old.get(key)
        if was is None:
            yield SinceStep("new", own, own.step.points)
        elif was.step.points != own.step.points or was.step.parts != own.step.parts:
            yield SinceStep("changed", own, own.step.points - was.step.points)
    for key, own in old.items():
        if key not in new:
            yield SinceStep(_why_vanished(own), own, -own.step.points)


def _why_vanished(own: OwnStep) -> Change:
    if own.gone:
        return "withdrawn"
    return "repaired" if own.repaired else "lapsed"


def _key(step: TraceStep) -> tuple[str, int | None, bool | None]:
    # A group's limit may cut its good and its bad facts: two steps of one rule.
    cut = step.points < 0 if step.rule.startswith("limit:") else None
    return step.rule, step.index, cut
