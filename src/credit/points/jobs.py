"""Jobs of the book: what time ends, and codes nobody will show again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from credit.kit.jobs import JobContext, Task
from credit.points.service.accounts import purge_codes
from credit.points.service.posting import Writer
from credit.points.service.sweeping import expire_points, lapse_holds
from credit.rules.loading import pack_of_city

__all__ = ["TASKS", "writing"]


@asynccontextmanager
async def writing(context: JobContext) -> AsyncIterator[Writer]:
    """Lend a writer for a job; while the server's has the lease it posts without one."""
    pack = pack_of_city(context.city)
    writer = Writer(
        context.db, context.clock, context.city, lambda day: pack.on(day).points.grace_days
    )
    try:
        yield writer
    finally:
        await writer.close()


async def expire(context: JobContext) -> None:
    """Book what is past its day as expired, and forget codes that are over."""
    await expire_points(context.db, context.clock, context.city)
    async with context.db.city(context.city) as conn:
        await purge_codes(conn, context.clock)


async def lapse(context: JobContext) -> None:
    """Give back what is held longer than was said."""
    async with writing(context) as writer:
        await lapse_holds(context.db, context.clock, context.city, writer)


TASKS = (
    Task("points.expire", expire, cron="20 16 * * *"),
    Task("points.lapse", lapse, cron="* * * * *"),
)
