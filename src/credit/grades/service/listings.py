"""Published listings: written by the slice of lists, read with every answer about a grade."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from credit.grades import logic
from credit.grades import store as grade_store
from credit.grades.listings import store
from credit.grades.listings.store import ListingRow, NewListing
from credit.kit.db import Connection
from credit.kit.errors import Conflict
from credit.kit.texts import say

__all__ = ["ListingRow", "NewListing", "add_listing", "end_listing", "known", "listings"]


async def add_listing(conn: Connection, new: NewListing) -> None:
    """Publish an entry to everybody who asks; kept answers are dropped at commit."""
    await store.add_listing(conn, new)
    await grade_store.notify_published(conn)


async def end_listing(
    conn: Connection, entry_id: UUID, exit_id: UUID, *, on: date, now: datetime
) -> None:
    """Take an entry out of all answers; kept ones are dropped at commit."""
    if not await store.end_listing(conn, entry_id, exit_id, on, now):
        raise Conflict(say("这一条已经移出名单。"), slug="already-ended")
    await grade_store.notify_published(conn)


async def listings(
    conn: Connection, codes: Sequence[str], *, valid_at: date, people: bool = False
) -> dict[str, tuple[ListingRow, ...]]:
    """Return which lists enterprises, or people, are on, on a day, as known now."""
    found: dict[str, tuple[ListingRow, ...]] = {}
    for row in known(await store.listings_of(conn, codes, valid_at, people=people), {}, None):
        found[row.subject] = (*found.get(row.subject, ()), row)
    return found


def known(
    rows: Iterable[ListingRow], indexes: Mapping[UUID, int], size: int | None
) -> tuple[ListingRow, ...]:
    """Keep the listings known at a log size, by the indexes of their records (None: now, whether
    they are numbered yet or not).

    What was taken off a list is in no answer once that is known, whatever day is asked for.
    """
    if size is None:
        return tuple(row for row in rows if row.exit_id is None)
    return tuple(
        row for row in rows if logic.listing_known(row.record_id, row.exit_id, indexes, size)
    )
