"""What pages show of events: lists with names and points, one event with all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from credit.events import store
from credit.events.logic import points_words
from credit.events.store import ShownRow
from credit.kit.canonical import parse
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.ids import LAST_ID
from credit.log import service as log
from credit.parties import service as parties
from credit.rules.model import EventType

__all__ = [
    "WAITING_SHOWN_MAX",
    "ShownEvent",
    "count_waiting",
    "in_words",
    "shown",
    "shown_event",
    "waiting",
]

WAITING_SHOWN_MAX = 1_000
Filter = Literal["", "proposed", "refused"]
TITLES = {"event-withdrawn": "撤回", "event-corrected": "更正"}
SUBJECT_WORDS = {"enterprise": "企业", "project": "项目", "manager": "项目负责人"}


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event in words: `title` from the catalogue, `points` as the catalogue counts them."""

    row: ShownRow
    title: str
    points: str
    polarity: str
    severity: str | None
    body: dict[str, Any]
    index: int | None = None

    @property
    def subject(self) -> str:
        """Whom it is about: a project by its name, others by their code."""
        word = SUBJECT_WORDS[self.row.subject_kind]
        if self.row.subject_kind == "enterprise":
            return word
        return f"{word} {self.row.project_name or self.row.subject}"


async def shown(
    conn: Connection,
    catalogue: Mapping[str, EventType],
    *,
    status: Filter,
    query: str | None,
    before: UUID | None,
    limit: int,
) -> list[ShownEvent]:
    """List events for a page: those that wait oldest first, others newest first.

    `query` is looked for among enterprises, by name or code.
    """
    if status == "proposed":
        rows = await store.show_waiting(conn, before or UUID(int=0), limit)
    elif status == "refused":
        rows = await store.show_refused(conn, before or LAST_ID, limit)
    elif query:
        codes = await parties.matching(conn, query)
        rows = await store.show_of(conn, codes, before or LAST_ID, limit)
    else:
        rows = await store.show_latest(conn, before or LAST_ID, limit)
    return [in_words(row, catalogue) for row in rows]


async def waiting(
    conn: Connection, catalogue: Mapping[str, EventType], ids: Sequence[UUID]
) -> list[ShownEvent]:
    """Return events by id, in the order asked for; NotFound when one is not there."""
    rows = await store.show_these(conn, ids)
    if missing := set(ids) - rows.keys():
        raise NotFound(f"没有编号为 {min(missing)} 的事件。")
    return [in_words(rows[one], catalogue) for one in ids]


async def shown_event(
    conn: Connection, catalogue: Mapping[str, EventType], event_id: UUID
) -> ShownEvent:
    """Return one event with its place in the log; NotFound without one."""
    rows = await store.show_these(conn, [event_id])
    if event_id not in rows:
        raise NotFound("没有这个编号的事件。")
    index = (await log.index_of(conn, [event_id])).get(event_id)
    return in_words(rows[event_id], catalogue, index)


async def count_waiting(conn: Connection) -> int:
    """Count the events that wait for a decision, up to a thousand."""
    return await store.count_waiting(conn, WAITING_SHOWN_MAX)


def in_words(
    row: ShownRow, catalogue: Mapping[str, EventType], index: int | None = None
) -> ShownEvent:
    """Put an event into the catalogue's words; its own code stands for what that does not know."""
    body = parse(row.body)
    event = catalogue.get(row.code)
    prefix = TITLES.get(row.kind, "")
    if event is None:
        return ShownEvent(row, prefix or row.code, "", "neutral", None, body, index)
    title = f"{prefix}：{event.title}" if prefix else event.title
    points = points_words(event, body)
    return ShownEvent(row, title, points, event.polarity, event.severity, body, index)
