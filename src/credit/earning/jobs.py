"""Jobs of earning: approved points that nobody posted, pending points whose time has come, and what
reversals and members who left still have in the book.
"""

from uuid import UUID

from credit.earning import service
from credit.earning.service import leaving, reversing
from credit.kit.jobs import JobContext, Task
from credit.points.jobs import writing
from credit.points.service.sweeping import lapse_holds
from credit.rules.loading import pack_of_city

__all__ = ["TASKS"]


async def post_waiting(context: JobContext) -> None:
    """Post what was approved and not posted yet: whoever approved it may have been cut off."""
    async with writing(context) as writer:
        await service.post_waiting(
            context.db, context.clock, context.city, writer, pack_of_city(context.city)
        )


async def mature(context: JobContext) -> None:
    """Make pending points available, right after midnight in China."""
    async with writing(context) as writer:
        await service.mature(
            context.db, context.clock, context.city, writer, pack_of_city(context.city)
        )


async def take_back(context: JobContext, participation: str, was: str) -> None:
    """Take back the points of a participation that was reversed."""
    async with writing(context) as writer:
        await reversing.take_back(context.db, context.city, writer, UUID(participation), was)


async def take_back_returned(context: JobContext) -> None:
    """Take back what came back of reversed participations: of holds that were voided, or are over.

    Those that are over are given back here, too, so that nobody has a minute to spend them in.
    """
    async with writing(context) as writer:
        await lapse_holds(context.db, context.clock, context.city, writer)
        await reversing.take_back_returned(context.db, context.city, writer)


async def close_accounts(context: JobContext) -> None:
    """Close the accounts of members who have left that something still kept open."""
    async with writing(context) as writer:
        await leaving.close_accounts(context.db, context.clock, context.city, writer)


TASKS = (
    Task("earning.post", post_waiting, cron="* * * * *"),
    Task("earning.mature", mature, cron="5 16 * * *"),
    Task(reversing.TASK, take_back),
    Task("earning.take_back_returned", take_back_returned, cron="* * * * *"),
    Task("earning.close_accounts", close_accounts, cron="*/10 * * * *"),
)
