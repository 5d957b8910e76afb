"""What an enterprise sees of the records about it: their standing, its points, when they lapse."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from credit.events import store
from credit.events.service.reading import ShownEvent, in_words
from credit.events.store import OwnRow, ShownRow
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.texts import say
from credit.log import service as log
from credit.rules.grading import Fact, Grader, lapse_of

__all__ = ["OwnFact", "fact_of", "own_fact", "own_facts", "own_waiting"]

WAITING_MAX = 100
NOT_NUMBERED = -1
Status = Literal["proposed", "refused", "effective", "lapsed", "withdrawn", "corrected", "repaired"]
UNDONE: dict[str, Status] = {"event-withdrawn": "withdrawn", "event-corrected": "corrected"}


@dataclass(frozen=True, slots=True)
class OwnFact:
    """A record about an enterprise, as it stands on a day.

    `points` are what the enterprise itself gains or loses by the catalogue, its share of a linked
    party's fact included; None where the record is no fact of the catalogue. `lapses_on` is the
    first day on which grading leaves it out, by itself or because it was repaired.
    """

    event: ShownEvent
    status: Status
    points: Decimal | None
    lapses_on: date | None
    source: str
    undone_by: UUID | None


async def own_facts(
    conn: Connection, grader: Grader, enterprise: str, *, on: date, before: UUID | None, limit: int
) -> list[OwnFact]:
    """List what is recorded about an enterprise, the newest day first, from behind `before` on."""
    rows = await store.own_events(conn, enterprise, before, limit)
    indexes = await log.index_of(conn, [row.shown.id for row in rows])
    return [_own(row, grader, on, indexes.get(row.shown.id)) for row in rows]


async def own_fact(
    conn: Connection, grader: Grader, enterprise: str, event_id: UUID, *, on: date
) -> OwnFact:
    """Return one record about an enterprise; NotFound for another's, as for none."""
    row = await store.own_event(conn, enterprise, event_id)
    if row is None:
        raise NotFound(say("没有这条记录，或者它与您的企业无关。"))
    index = (await log.index_of(conn, [event_id])).get(event_id)
    return _own(row, grader, on, index)


async def own_waiting(conn: Connection, grader: Grader, enterprise: str) -> list[ShownEvent]:
    """List what is proposed about an enterprise and not decided, the oldest first, up to 100."""
    rows = await store.own_waiting(conn, enterprise, WAITING_MAX)
    return [in_words(row, grader.events) for row in rows]


def _own(row: OwnRow, grader: Grader, on: date, index: int | None) -> OwnFact:
    event = in_words(row.shown, grader.events, index)
    known = grader.events.get(row.shown.code)
    points = lapses_on = None
    if known is not None:
        points = grader.points_of(fact_of(row.shown, event.body, index))
        lapses_on = lapse_of(known, row.shown.occurred_on, _day(event.body.get("valid_until")))
        if row.shown.course == "repaired" and row.shown.ended_on is not None:
            lapses_on = min(lapses_on, row.shown.ended_on)
    status = _status(row, lapses_on, on)
    return OwnFact(event, status, points, lapses_on, known.source if known else "", row.undone_by)


def _status(row: OwnRow, lapses_on: date | None, on: date) -> Status:
    if row.shown.outcome is None:
        return "proposed"
    if row.shown.outcome == "refused":
        return "refused"
    if row.undone_kind is not None:
        return UNDONE[row.undone_kind]
    if row.shown.course == "repaired":
        return "repaired"
    return "lapsed" if lapses_on is not None and lapses_on <= on else "effective"


def fact_of(row: ShownRow, body: Mapping[str, Any], index: int | None) -> Fact:
    """Return an event as grading reads it; one the log has not numbered yet stands before all."""
    points = body.get("points")
    return Fact(
        NOT_NUMBERED if index is None else index,
        str(row.id),
        row.code,
        row.occurred_on,
        row.subject_kind,
        body.get("level"),
        None if points is None else Decimal(points),
        body.get("fact_key"),
        _day(body.get("valid_until")),
    )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
