"""SQL of views people save: every statement is bound to one person."""

from dataclasses import dataclass
from datetime import datetime

from credit.kit.db import Connection

__all__ = [
    "SavedView",
    "add_view",
    "count_views",
    "delete_view",
    "hold_person",
    "rename_view",
    "views_of",
]

# Whoever saves holds their own row until the transaction ends: neither do two saves at once pass
# the limit, nor does one come after an erasure that is under way.
HOLD_PERSON = "SELECT id FROM person WHERE id = $1 AND username IS NOT NULL FOR UPDATE"
COUNT_VIEWS = "SELECT count(*) FROM saved_view WHERE person_id = $1"
ADD_VIEW = """
INSERT INTO saved_view (person_id, place, name, query, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING name
"""
RENAME_VIEW = """
UPDATE saved_view v SET name = $4 WHERE person_id = $1 AND place = $2 AND name = $3
    AND NOT EXISTS (
        SELECT FROM saved_view o WHERE o.person_id = $1 AND o.place = $2 AND o.name = $4)
RETURNING name
"""
DELETE_VIEW = "DELETE FROM saved_view WHERE person_id = $1 AND place = $2 AND name = $3"
VIEWS_OF = """
SELECT place, name, query FROM saved_view
WHERE person_id = $1 AND ($2::text IS NULL OR place = $2) ORDER BY place, created_at, name
"""


@dataclass(frozen=True, slots=True)
class SavedView:
    """A filter with a name; `place` is the list's name in addresses, `query` its query string."""

    place: str
    name: str
    query: str


async def hold_person(conn: Connection, person_id: str) -> bool:
    """Hold a person's row until the transaction ends; False for somebody who was erased."""
    return await conn.fetchval(HOLD_PERSON, person_id) is not None


async def count_views(conn: Connection, person_id: str) -> int:
    """Count a person's views."""
    count: int = await conn.fetchval(COUNT_VIEWS, person_id)
    return count


async def add_view(conn: Connection, person_id: str, view: SavedView, now: datetime) -> bool:
    """Keep a view; False when the person has one of that name in that place."""
    added = await conn.fetchval(ADD_VIEW, person_id, view.place, view.name, view.query, now)
    return added is not None


async def rename_view(conn: Connection, person_id: str, place: str, name: str, new: str) -> bool:
    """Rename a view; False when there is none, or the new name is taken."""
    return await conn.fetchval(RENAME_VIEW, person_id, place, name, new) is not None


async def delete_view(conn: Connection, person_id: str, place: str, name: str) -> None:
    """Delete a view, if it is there."""
    await conn.execute(DELETE_VIEW, person_id, place, name)


async def views_of(conn: Connection, person_id: str, place: str | None) -> list[SavedView]:
    """List a person's views of a place, or of all, the oldest first."""
    return [SavedView(*row) for row in await conn.fetch(VIEWS_OF, person_id, place)]
