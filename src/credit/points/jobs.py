"""Jobs of the book: what time ends, and codes nobody will show again."""

from collections.abc import Sequence
from functools import partial

from credit.kit.jobs import JobContext, Task
from credit.points.service.accounts import purge_codes
from credit.points.service.posting import Writers
from credit.points.service.sweeping import expire_points, lapse_holds

__all__ = ["tasks"]


async def expire(writers: Writers, context: JobContext) -> None:
    """Book what is past its day as expired, and forget codes that are over."""
    writer = writers.of(context.city)
    await expire_points(context.db, context.clock, context.city, writer)
    async with context.db.city(context.city) as conn:
        await purge_codes(conn, context.clock)


async def lapse(writers: Writers, context: JobContext) -> None:
    """Give back what is held longer than was said."""
    await lapse_holds(context.db, context.clock, context.city, writers.of(context.city))


def tasks(writers: Writers) -> Sequence[Task]:
    """List the jobs; they post with these writers."""
    return (
        Task("points.expire", partial(expire, writers), cron="20 16 * * *"),
        Task("points.lapse", partial(lapse, writers), cron="* * * * *"),
    )
