"""Jobs of events."""

from uuid import UUID

from credit.events import service
from credit.kit.jobs import JobContext, Task
from credit.rules.loading import pack_of_city

__all__ = ["TASKS"]


async def seal_lapsed(context: JobContext) -> None:
    """Take bad facts off the log's pages whose display has ended, early in China's morning."""
    pack, after = pack_of_city(context.city), UUID(int=0)
    while True:
        async with context.db.transaction(context.city) as conn:
            last = await service.seal_lapsed(conn, context.clock, pack, after)
        if last is None:
            return
        after = last


TASKS = (Task("events.seal_lapsed", seal_lapsed, cron="10 21 * * *"),)
