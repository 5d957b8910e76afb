"""Jobs of access: what need not be kept any longer is forgotten."""

from credit.access import service
from credit.kit.jobs import JobContext, Task

__all__ = ["TASKS"]


async def purge_sessions(context: JobContext) -> None:
    """Forget sessions and challenges that have run out."""
    async with context.db.city(context.city) as conn:
        await service.purge_sessions(conn, context.clock)


async def purge_trail(context: JobContext) -> None:
    """Delete lines of the trail that have been kept long enough."""
    async with context.db.city(context.city) as conn:
        await service.purge_trail(conn)


TASKS = (
    Task("access.purge_sessions", purge_sessions, cron="*/10 * * * *"),
    Task("access.purge_trail", purge_trail, cron="41 19 * * *"),
)
