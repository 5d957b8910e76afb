"""Jobs of lists."""

from credit.blacklist import service
from credit.kit.jobs import JobContext, Task

__all__ = ["TASKS"]


async def end_entries(context: JobContext) -> None:
    """Write down, early in China's morning, which entries have ended by their term."""
    async with context.db.transaction(context.city) as conn:
        await service.end_lapsed(conn, context.clock)


TASKS = (Task("blacklist.end", end_entries, cron="20 21 * * *"),)
