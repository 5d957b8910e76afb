"""Jobs of earning: approved points that nobody posted, pending points whose time has come, and what
reversals and members who left still have in the book.
"""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from credit.earning import service
from credit.earning.service import leaving, reversing
from credit.kit.jobs import JobContext, Task
from credit.points.service.posting import Writers
from credit.points.service.sweeping import lapse_holds
from credit.rules.loading import pack_of_city

__all__ = ["tasks"]


async def post_waiting(writers: Writers, context: JobContext) -> None:
    """Post what was approved and not posted yet: whoever approved it may have been cut off."""
    writer = writers.of(context.city)
    await service.post_waiting(
        context.db, context.clock, context.city, writer, pack_of_city(context.city)
    )


async def mature(writers: Writers, context: JobContext) -> None:
    """Make pending points available, right after midnight in China."""
    writer = writers.of(context.city)
    await service.mature(
        context.db, context.clock, context.city, writer, pack_of_city(context.city)
    )


async def take_back(writers: Writers, context: JobContext, participation: str, was: str) -> None:
    """Take back the points of a participation that was reversed."""
    writer = writers.of(context.city)
    await reversing.take_back(context.db, context.city, writer, UUID(participation), was)


async def take_back_returned(writers: Writers, context: JobContext) -> None:
    """Take back what came back of reversed participations: of holds that were voided, or are over.

    Those that are over are given back here, too, so that nobody has a minute to spend them in.
    """
    writer = writers.of(context.city)
    await lapse_holds(context.db, context.clock, context.city, writer)
    await reversing.take_back_returned(context.db, context.city, writer)


async def close_accounts(writers: Writers, context: JobContext) -> None:
    """Close the accounts of members who have left that something still kept open."""
    writer = writers.of(context.city)
    await leaving.close_accounts(context.db, context.clock, context.city, writer)


def tasks(writers: Writers) -> Sequence[Task]:
    """List the jobs; they post with these writers."""
    return (
        Task("earning.post", partial(post_waiting, writers), cron="* * * * *"),
        Task("earning.mature", partial(mature, writers), cron="5 16 * * *"),
        Task(reversing.TASK, partial(take_back, writers)),
        Task("earning.take_back_returned", partial(take_back_returned, writers), cron="* * * * *"),
        Task("earning.close_accounts", partial(close_accounts, writers), cron="*/10 * * * *"),
    )
