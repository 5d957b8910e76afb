"""Use cases of terms: open, close, extend, and the daily sweep that sends up what is late.

Sending up is all a day does by itself (D001 §6.4.2, 超时自动上传): nothing is decided by time.
"""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from credit.access.views import Actor
from credit.kit.calendar import city_calendar
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict
from credit.kit.ids import new_id
from credit.kit.texts import say
from credit.terms import store
from credit.terms.views import NewTerm, OpenTerm

__all__ = [
    "close_terms",
    "due_after",
    "extend_term",
    "open_of_matters",
    "open_of_office",
    "open_of_party",
    "open_terms",
    "sweep",
    "told_after",
]

LISTED_MAX = 200
# From which level on what is late comes to those with a scope: the city sees what stayed with a
# district.
LEVELS = {"late:city": 2, "late:district": 1}
NO_LEVEL = 3  # above every level there is
FIRST = (date.min, UUID(int=0))


async def due_after(conn: Connection, day: date, workdays: int) -> date:
    """Return the last day of a term of so many working days that begins after a day."""
    return (await city_calendar(conn, day)).add_workdays(day, workdays).due


async def told_after(conn: Connection, day: date, workdays: int) -> date:
    """Return such a day for a party to be told; refuses one a holiday may still move."""
    return (await city_calendar(conn, day)).add_workdays(day, workdays).certain()


async def open_terms(conn: Connection, clock: Clock, terms: Sequence[NewTerm]) -> None:
    """Open terms in the caller's transaction."""
    now = clock.now()
    await store.add_terms(conn, [new_id(now) for _ in terms], terms, now)


async def close_terms(
    conn: Connection, clock: Clock, matters: Collection[UUID], *kinds: str
) -> None:
    """Close the open terms of matters; only those of the kinds named, if any are."""
    await store.close_terms(conn, matters, kinds, clock.now())


async def extend_term(conn: Connection, matter_id: UUID, kind: str, due_on: date) -> None:
    """Move an open term to a later day; refuses where none is open, or it ends no earlier."""
    if not await store.extend_term(conn, matter_id, kind, due_on):
        raise Conflict(
            say("这个期限已经办结，或者新的日期没有更晚，不能延长。"), slug="term-closed"
        )


async def open_of_matters(conn: Connection, matters: Collection[UUID]) -> list[OpenTerm]:
    """Return the open terms of matters, the next due first."""
    return await store.of_matters(conn, matters)


async def open_of_office(
    conn: Connection,
    actor: Actor,
    after: tuple[date, UUID] = FIRST,
    limit: int = LISTED_MAX,
) -> list[OpenTerm]:
    """Return what an officer has to do and what came up to them because it is late, the next due
    first; whoever is bound to a division sees what concerns its enterprises.
    """
    if actor.bound and actor.division is None:
        return []
    level = min((LEVELS[scope] for scope in actor.scopes if scope in LEVELS), default=NO_LEVEL)
    return await store.of_office(conn, actor.scopes, level, actor.division, after, limit)


async def open_of_party(conn: Connection, party: str) -> list[OpenTerm]:
    """Return what a party has to do, the next due first."""
    return await store.of_party(conn, party, LISTED_MAX)


async def sweep(conn: Connection, clock: Clock, escalation_days: int) -> int:
    """Raise every late term by one level, once a day at most; returns how many."""
    today = clock.today()
    return await store.sweep(conn, today, await due_after(conn, today, max(escalation_days, 1)))
