"""The access trail: who saw or did what, and when."""

from datetime import datetime, timedelta

from credit.access import store
from credit.access.admin import store as admin_store
from credit.access.admin.store import TrailPlace, TrailRow
from credit.access.logic import require
from credit.access.views import Actor, Seen
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Invalid
from credit.kit.patterns import containing
from credit.kit.texts import say

__all__ = ["PERIOD_MAX", "note_trail", "purge_trail", "trail_page"]

PERIOD_MAX = timedelta(days=92)


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
    below: TrailPlace | None,
    person_id: str | None,
    text: str | None,
    period: tuple[datetime, datetime],
    limit: int,
) -> list[TrailRow]:
    """List lines of a period, the newest first; `text` is looked for in actions and objects.

    `below` is the last line of the page before. A period of more than a quarter is refused.
    """
    require(actor, "trail:read")
    begin, end = period
    if not begin < end <= begin + PERIOD_MAX:
        raise Invalid(
            say(
                "请选择不超过 %(days)s 天的时间范围，起始日期不晚于截止日期。", days=PERIOD_MAX.days
            )
        )
    like = containing(text) if text else None
    place = below or TrailPlace(end, 0)
    if person_id is None:
        return await admin_store.trail_by_time(conn, period, place, like=like, limit=limit)
    line = place.id or 2**62
    return await admin_store.trail_of(conn, person_id, period, line, like=like, limit=limit)


async def purge_trail(conn: Connection) -> None:
    """Delete lines that have been kept long enough; the database refuses to delete others."""
    await store.purge_trail(conn)
