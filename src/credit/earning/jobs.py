"""Jobs of earning: approved points that nobody posted, and pending points whose time has come."""

from credit.earning import service
from credit.kit.jobs import JobContext, Task
from credit.points.jobs import writing
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


TASKS = (
    Task("earning.post", post_waiting, cron="* * * * *"),
    Task("earning.mature", mature, cron="5 16 * * *"),
)
