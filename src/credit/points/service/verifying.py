"""The book checked: every way in which it has to add up, over one moment of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from credit.kit.db import Connection, Database
from credit.points import store
from credit.points.service.sealing import seal_faults

__all__ = ["verify_book"]


async def verify_book(
    db: Database, city: str, secret: bytes, progress: Callable[[int, int], None] | None = None
) -> list[tuple[str, str]]:
    """Check a city's whole book and its seals; returns what is wrong, each with one place where it is.

    Posting goes on meanwhile: every question is put to the same snapshot. Two connections share the
    questions, so that the seals are computed here while the database adds up.
    """
    questions = iter(store.FAULTS)
    found: dict[str, str] = {}
    sealed: list[tuple[str, str]] = []
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, len(store.FAULTS) + 1)

    async def ask(conn: Connection) -> None:
        for what in questions:
            where = await store.fault(conn, what)
            if where is not None:
                found[what] = where
            step()

    async def compare_seals(conn: Connection) -> None:
        sealed.extend(await seal_faults(conn, secret))
        step()
        await ask(conn)

    async with _reading(db, city) as first, _reading(db, city, first) as second:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(ask(first))
                tasks.create_task(compare_seals(second))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
    return [(what, found[what]) for what in store.FAULTS if what in found] + sealed


@asynccontextmanager
async def _reading(
    db: Database, city: str, same_as: Connection | None = None
) -> AsyncIterator[Connection]:
    """Open a connection that sees one moment of the book, the same as another one's if it is given."""
    conn = await db.dedicated(city)
    try:
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            if same_as is not None:
                await store.share_snapshot(same_as, conn)
            await store.prepare_check(conn)
            yield conn
    finally:
        await conn.close()
