"""Participation as lists show it, and what became of what was decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from credit.access.views import Actor
from credit.earning.lists import store
from credit.earning.lists.store import AwardRow, Outcome, WaitingRow
from credit.earning.service.places import reach
from credit.kit.db import Connection
from credit.kit.ids import LAST_ID

__all__ = [
    "AwardRow",
    "Outcome",
    "Waiting",
    "WaitingRow",
    "awards",
    "of_activity",
    "outcomes",
    "unfunded",
    "waiting",
]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A page of what waits for a decision; how many wait altogether, and how many are flagged."""

    rows: list[WaitingRow]
    count: int
    flagged: int


async def awards(
    conn: Connection, actor: Actor, state: str | None, before: UUID | None, limit: int
) -> list[AwardRow]:
    """List participation of the actor's division, the newest first."""
    return await store.awards(conn, reach(actor), state, before or LAST_ID, limit)


async def of_activity(
    conn: Connection, activity_id: UUID, members: Sequence[str]
) -> dict[str, AwardRow]:
    """Return what became of members' attendance at an activity, once it was closed."""
    return await store.of_activity(conn, activity_id, members)


async def waiting(conn: Connection, actor: Actor, after: UUID | None, limit: int) -> Waiting:
    """List what waits for a decision in the actor's division, the flagged first."""
    rows = await store.waiting(conn, reach(actor), actor.person_id, after, limit)
    return Waiting(rows, *await store.count_waiting(conn, reach(actor)))


async def unfunded(conn: Connection, actor: Actor, ids: Sequence[UUID]) -> list[UUID]:
    """Return which participations of the actor's division their budget was too small for."""
    return await store.unfunded(conn, reach(actor), ids)


async def outcomes(conn: Connection, ids: Sequence[UUID]) -> dict[str, Outcome]:
    """Sum up what became of participations, by state."""
    return await store.outcomes(conn, ids)
