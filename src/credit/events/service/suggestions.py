"""Suggestions: facts that other parts of the service put before the officers, who decide."""

from collections.abc import Sequence
from uuid import UUID

from credit.access.logic import require
from credit.access.views import Actor
from credit.events import store
from credit.events.course import store as course_store
from credit.events.course.views import Suggested, Suggestion
from credit.events.evidence import store as evidence_store
from credit.events.service.places import Place, refuse_elsewhere
from credit.events.views import EvidenceRef
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden, NotFound
from credit.kit.ids import new_id
from credit.kit.texts import say

__all__ = [
    "dismiss",
    "suggest",
    "suggested",
    "suggested_evidence",
    "suggestions",
    "supersede_suggestions",
    "take",
]


async def suggest(conn: Connection, clock: Clock, suggestion: Suggestion) -> UUID | None:
    """Put a fact before the officers; None when its source suggested this code before.

    Nothing follows from it until an officer proposes the fact.
    """
    suggestion_id = new_id(clock.now())
    added = await course_store.add_suggestion(conn, suggestion_id, suggestion, clock.now())
    return suggestion_id if added else None


async def suggestions(
    conn: Connection, after: UUID, limit: int, division: str | None = None
) -> list[Suggested]:
    """List what nobody has taken up yet, after an id, oldest first: all, or about a division's."""
    return await course_store.open_suggestions(conn, after, limit, division)


async def suggested(conn: Connection, suggestion_id: UUID) -> Suggested:
    """Return a suggestion, to fill in the form of a fact; NotFound without it."""
    found = await course_store.suggestion(conn, suggestion_id)
    if found is None:
        raise NotFound(say("没有这条线索。"))
    return found


async def suggested_evidence(conn: Connection, digests: Sequence[str]) -> list[EvidenceRef]:
    """Return kept files as a record names them; what is not kept is left out."""
    known = await evidence_store.known_evidence(conn, list(digests))
    return [EvidenceRef(one, *known[one]) for one in digests if one in known]


async def take(
    conn: Connection, clock: Clock, actor: Actor, suggestion_id: UUID, event_id: UUID
) -> None:
    """Note which proposed fact a suggestion became; the actor is who proposed it.

    Refuses a fact of another kind or about another subject, and suggestions about subjects outside
    of the actor's division.
    """
    require(actor, "events:propose")
    rows = await store.load_events(conn, [event_id])
    if event_id not in rows:
        raise NotFound(say("没有编号为 %(event_id)s 的事件。请先提出事件。", event_id=event_id))
    if rows[event_id].proposed_by != actor.person_id:
        raise Forbidden(say("线索由提出这个事件的人办结。"), slug="not-the-proposer")
    given, row = (await suggested(conn, suggestion_id)).suggestion, rows[event_id]
    if (given.code, given.primary, given.subject) != (row.code, row.subject_kind, row.subject):
        raise Conflict(
            say(
                "提出的事件与线索的事项或对象不同，不能用它办结线索。"
                "请按线索填写；线索不采用的，请写明理由后另行提出。"
            ),
            slug="another-fact",
        )
    await _end(conn, clock, actor, suggestion_id, event_id=event_id)


async def dismiss(
    conn: Connection, clock: Clock, actor: Actor, suggestion_id: UUID, reason: str
) -> None:
    """Set a suggestion aside, and say why; refuses those outside of the actor's division."""
    require(actor, "events:propose")
    if not reason.strip():
        raise Conflict(say("请写明不采用这条线索的理由。"), slug="reason-missing")
    await _end(conn, clock, actor, suggestion_id, reason=reason)


async def supersede_suggestions(
    conn: Connection,
    clock: Clock,
    source_kind: str,
    source_id: str,
    reason: str,
    *,
    by: str | None = None,
) -> int:
    """Set aside what a source suggested and nobody took up yet, because it holds no more.

    `by` is whose act that was, if anybody's. Returns how many suggestions it were.
    """
    return await course_store.end_suggestions(
        conn, source_kind, source_id, by=by, now=clock.now(), reason=reason
    )


async def _end(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    suggestion_id: UUID,
    *,
    event_id: UUID | None = None,
    reason: str | None = None,
) -> None:
    found = await suggested(conn, suggestion_id)
    given = found.suggestion
    about = Place(found.id, given.primary, given.subject, given.occurred_on)
    await refuse_elsewhere(conn, actor, [about])
    done = await course_store.end_suggestion(
        conn,
        suggestion_id,
        "taken" if event_id else "dismissed",
        by=actor.person_id,
        now=clock.now(),
        event_id=event_id,
        reason=reason,
    )
    if not done:
        raise Conflict(say("这条线索刚刚由别人处理，请刷新后再看。"), slug="suggestion-handled")
