"""The book checked: every way in which it has to add up, over one moment of it."""

from collections.abc import Callable

from credit.kit.db import Database
from credit.points import store
from credit.points.service.sealing import seal_faults

__all__ = ["verify_book"]


async def verify_book(
    db: Database, city: str, secret: bytes, progress: Callable[[int, int], None] | None = None
) -> list[tuple[str, str]]:
    """Check a city's whole book and its seals; returns what is wrong, each with one place where it is.

    Posting goes on meanwhile: every question is put to the same snapshot.
    """
    found = []
    conn = await db.dedicated(city)
    try:
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            await store.prepare_check(conn)
            for number, what in enumerate(store.FAULTS):
                where = await store.fault(conn, what)
                if where is not None:
                    found.append((what, where))
                if progress is not None:
                    progress(number + 1, len(store.FAULTS))
            found += await seal_faults(conn, secret)
    finally:
        await conn.close()
    return found
