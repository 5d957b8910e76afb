"""What pages show of events: lists with names and points, one event with all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from credit.events import store
from credit.events.logic import SUBJECT_WORDS, points_words
from credit.events.store import ShownRow
from credit.kit.canonical import parse
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.ids import LAST_ID
from credit.kit.patterns import containing
from credit.kit.texts import listed, marked, say
from credit.log import service as log
from credit.parties import service as parties
from credit.rules.model import EventType

__all__ = [
    "WAITING_SHOWN_MAX",
    "Filter",
    "Order",
    "ShownEvent",
    "chosen_rows",
    "count_waiting",
    "in_words",
    "shown",
    "shown_event",
    "waiting",
]

WAITING_SHOWN_MAX = 1_000
# Of so few enterprises all events are looked through. A list that shows more of them is walked in
# its order instead: every few events one belongs to it.
FEW = 50
Filter = Literal["", "proposed", "refused"]
Order = Literal["", "newest", "oldest"]
TITLES = {"event-withdrawn": marked("撤回"), "event-corrected": marked("更正")}


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
        return listed((word, self.row.project_name or self.row.subject), " ")


async def shown(
    conn: Connection,
    catalogue: Mapping[str, EventType],
    *,
    status: Filter,
    query: str | None,
    before: UUID | None,
    limit: int,
    division: str | None = None,
    order: Order = "",
) -> list[ShownEvent]:
    """List events for a page from behind one of them on: by the time they were proposed, those
    that wait oldest first, others newest first, unless an `order` is asked for.

    `query` is looked for among enterprises, by name or code; `division` leaves those of a district
    or a street.
    """
    order = order or ("oldest" if status == "proposed" else "newest")
    rows = await chosen_rows(
        conn, status, order, query=query, division=division, after=before, limit=limit
    )
    return [in_words(row, catalogue) for row in rows]


async def chosen_rows(
    conn: Connection,
    status: Filter,
    order: Order,
    *,
    query: str | None,
    division: str | None,
    after: UUID | None,
    limit: int,
    enterprise: str | None = None,
) -> list[ShownRow]:
    """List events as `shown` does, as they are stored; those of one `enterprise`, if given."""
    begin = after or (UUID(int=0) if order == "oldest" else LAST_ID)
    which = f"{status or 'all'} {order or 'newest'}"
    filtered = (query or division) and status != "proposed"  # what waits is little and soon walked
    if filtered or enterprise is not None:
        codes = await parties.matching(conn, query, division, FEW + 1, code=enterprise)
        if len(codes) <= FEW:
            return await store.show_of(conn, which, begin, limit, codes=codes)
    like = containing(query) if query else None
    return await store.show(conn, which, begin, limit, like=like, division=division)


async def waiting(
    conn: Connection, catalogue: Mapping[str, EventType], ids: Sequence[UUID]
) -> list[ShownEvent]:
    """Return events by id, in the order asked for; NotFound when one is not there."""
    rows = await store.show_these(conn, ids)
    if missing := set(ids) - rows.keys():
        raise NotFound(say("没有编号为 %(missing)s 的事件。", missing=min(missing)))
    return [in_words(rows[one], catalogue) for one in ids]


async def shown_event(
    conn: Connection, catalogue: Mapping[str, EventType], event_id: UUID
) -> ShownEvent:
    """Return one event with its place in the log; NotFound without one."""
    rows = await store.show_these(conn, [event_id])
    if event_id not in rows:
        raise NotFound(say("没有这个编号的事件。"))
    index = (await log.index_of(conn, [event_id])).get(event_id)
    return in_words(rows[event_id], catalogue, index)


async def count_waiting(conn: Connection, division: str | None = None) -> int:
    """Count the events that wait for a decision, up to a thousand; those of a division, if given."""
    return await store.count_waiting(conn, WAITING_SHOWN_MAX, division=division)


def in_words(
    row: ShownRow, catalogue: Mapping[str, EventType], index: int | None = None
) -> ShownEvent:
    """Put an event into the catalogue's words; its own code stands for what that does not know."""
    body = parse(row.body)
    event = catalogue.get(row.code)
    prefix = TITLES.get(row.kind, "")
    if event is None:
        return ShownEvent(row, prefix or row.code, "", "neutral", None, body, index)
    title = say("%(name)s：%(value)s", name=prefix, value=event.title) if prefix else event.title
    points = points_words(event, body)
    return ShownEvent(row, title, points, event.polarity, event.severity, body, index)
