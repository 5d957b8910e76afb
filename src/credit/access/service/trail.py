"""The access trail: who saw or did what, and when."""

from datetime import datetime

from credit.access import store
from credit.access.logic import require
from credit.access.store import TrailRow
from credit.access.views import Actor, Seen
from credit.kit.clock import Clock
from credit.kit.db import Connection

__all__ = ["note_trail", "purge_trail", "trail_page"]

FIRST_ID = 2**62


async def note_trail(
    conn: Connection,
    clock: Clock,
    seen: Seen,
    *,
    status: int,
    address: str | None,
) -> None:
    """Add a line: what was done by whom, and how it was answered (an HTTP status)."""
    await store.add_trail(conn, seen, at=clock.now(), status=status, address=address)


async def trail_page(
    conn: Connection,
    actor: Actor,
    *,
    before: int | None,
    person_id: str | None,
    text: str | None,
    period: tuple[datetime, datetime],
    limit: int,
) -> list[TrailRow]:
    """List lines of a period, the newest first; `text` is looked for in actions and objects."""
    require(actor, "trail:read")
    like = f"%{text.translate(_LIKE)}%" if text else None
    return await store.list_trail(
        conn, before or FIRST_ID, person_id=person_id, like=like, period=period, limit=limit
    )


async def purge_trail(conn: Connection) -> None:
    """Delete lines that have been kept long enough; the database refuses to delete others."""
    await store.purge_trail(conn)


_LIKE = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})
