"""Grades as pure decisions: log entries in, facts out; what a publication may do; as-of choice."""

import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from credit.grades.views import DistrictAnswer
from credit.kit.canonical import canonical
from credit.kit.errors import Conflict
from credit.kit.texts import listed, say
from credit.log.views import ChainEntry
from credit.rules.grading import Evaluation, Fact
from credit.rules.trace import text

__all__ = [
    "Published",
    "RecordBody",
    "choose_published",
    "is_code",
    "listing_known",
    "read_facts",
    "refuse_answer",
    "refuse_publication",
    "refuse_unconfirmed",
    "results_digest",
]


class Subject(Struct, gc=False):
    """A subject as a record names it."""

    id: str


class RecordBody(Struct, gc=False):
    """What grading reads in the body of a fact, what ends or replaces one, or an evaluation.

    A record carries the fields of its own kind; the others keep their defaults.
    """

    subjects: list[Subject]
    # a fact, or the fact as corrected
    type: str = ""
    primary: str = ""
    occurred_on: date = date.min
    level: str | None = None
    points: Decimal | None = None
    fact_key: str | None = None
    valid_until: date | None = None
    # a withdrawal, a correction or a repair, which also says from which day on
    target: str = ""
    on: date = date.min
    # an evaluation
    sheet: str = ""
    year: int = 0
    division: str = ""
    total: Decimal = Decimal(0)
    weight: Decimal = Decimal(0)
    veto: bool = False
    valid: bool = False
    closed_on: date = date.min


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
    entries: Iterable[ChainEntry[RecordBody]], enterprise: str
) -> tuple[tuple[Fact, ...], tuple[Evaluation, ...]]:
    """Read an enterprise's facts and closed evaluations from its chain in the log.

    A withdrawal takes its target out; a correction puts another fact in its place, under the
    correction's own index; from the day of a repair on its target counts no more. Of several closings for one subject, sheet, year and division the last
    counts. Only entries whose first subject is the enterprise are read: the first subject is the
    one that answers for the fact.
    """
    facts: dict[str, Fact] = {}
    closings: dict[tuple[str, ...], Evaluation] = {}
    for entry in entries:
        body = entry.body
        if body.subjects[0].id != enterprise:
            continue
        match entry.kind:
            case "credit-event":
                facts[entry.id] = _fact(entry)
            case "event-corrected":
                if facts.pop(body.target, None) is not None:
                    facts[entry.id] = _fact(entry)
            case "event-withdrawn":
                facts.pop(body.target, None)
            case "event-repaired":
                if (repaired := facts.get(body.target)) is not None:
                    facts[body.target] = repaired._replace(valid_until=body.on, repaired_on=body.on)
            case "evaluation":
                key = (
                    body.sheet,
                    str(body.year),
                    body.division,
                    body.subjects[-1].id,
                )
                closings[key] = _evaluation(entry)
            case _:
                continue
    return tuple(facts.values()), tuple(closings.values())


def _fact(entry: ChainEntry[RecordBody]) -> Fact:
    body = entry.body
    return Fact(
        entry.index,
        entry.id,
        body.type,
        body.occurred_on,
        body.primary,
        body.level,
        body.points,
        body.fact_key,
        body.valid_until,
    )


def _evaluation(entry: ChainEntry[RecordBody]) -> Evaluation:
    body = entry.body
    return Evaluation(
        entry.index,
        entry.id,
        body.sheet,
        body.year,
        body.total,
        body.weight,
        body.veto,
        body.valid,
        body.closed_on,
    )


def refuse_publication(*, published: bool, on: date, today: date, stale_index: int | None) -> None:
    """Refuse to publish a run twice, a run about a future day, or one overtaken by the log.

    `stale_index` is the index of the first fact sequenced after the run's prefix that is about a
    day the run covers, or None.
    """
    if published:
        raise Conflict(say("这次评级已经公布，不能重复公布。"))
    if on > today:
        raise Conflict(say("评级日 %(on)s 在今天之后，不能公布。请等到当天，或另算一次。", on=on))
    if stale_index is not None:
        raise Conflict(
            say(
                "评级之后日志里又有了新的事实（第 %(stale_index)s 条起）。请重新计算后再公布。",
                stale_index=stale_index,
            ),
            slug="run-overtaken",
        )


def results_digest(results: Iterable[tuple[str, str | None, Decimal | None, bytes]]) -> bytes:
    """Name what a run found for a district's enterprises, each (code, grade, score, trace digest).

    SHA-256 over the canonical JSON of `[[code, grade, score, "sha256:…"], …]` in the order of the
    codes; scores are decimal texts, and what an unrated enterprise has not is null.
    """
    found = [
        [code, grade, None if score is None else text(score), "sha256:" + digest.hex()]
        for code, grade, score, digest in sorted(results)
    ]
    return hashlib.sha256(canonical(found)).digest()


def refuse_answer(answers: Sequence[DistrictAnswer], division: str) -> None:
    """Refuse a district's answer to a run that has nothing of it, has its answer already, or was
    returned by another.
    """
    own = next((one for one in answers if one.division == division), None)
    if own is None or (not own.enterprises and own.outcome is None):
        raise Conflict(
            say("这次评级里没有您所在区县评上等级的企业，不用确认。"), slug="nothing-to-confirm"
        )
    if own.outcome is not None:
        raise Conflict(
            say("%(name)s已经答复过这次评级，不能再答复。", name=own.name), slug="already-answered"
        )
    _refuse_returned(answers)


def refuse_unconfirmed(answers: Sequence[DistrictAnswer]) -> None:
    """Refuse to publish a run that a district returned, or that awaits one."""
    _refuse_returned(answers)
    awaited = [one.name for one in answers if one.awaited]
    if awaited:
        raise Conflict(
            say(
                "还在等%(names)s确认本区企业的等级，全部确认后才能公布。请提醒他们办理。",
                names=listed(awaited),
            ),
            slug="districts-awaited",
        )


def _refuse_returned(answers: Sequence[DistrictAnswer]) -> None:
    returned = [one for one in answers if one.outcome == "returned"]
    if returned:
        raise Conflict(
            say(
                "%(names)s退回了这次评级，不能公布。请信用专员看清理由，核对后重新评级。",
                names=listed(one.name for one in returned),
            ),
            slug="run-returned",
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


def listing_known(
    record: UUID, exit_record: UUID | None, indexes: Mapping[UUID, int], size: int
) -> bool:
    """Say whether a log of `size` entries has a listing's record, and not yet the one that ends it."""
    index = indexes.get(record)
    ended = None if exit_record is None else indexes.get(exit_record)
    return index is not None and index < size and (ended is None or ended >= size)


def _order(one: Published) -> tuple[datetime, float]:
    """Order publications by time and then by their place in the log; unnumbered ones are last."""
    return one.published_at, math.inf if one.index is None else one.index
