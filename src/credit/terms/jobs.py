"""Jobs of terms."""

from credit.kit.jobs import JobContext, Task
from credit.rules.loading import pack_of_city
from credit.terms import service

__all__ = ["TASKS"]


async def sweep_terms(context: JobContext) -> None:
    """Send up what is late, early in China's morning."""
    procedure = pack_of_city(context.city).on(context.clock.today()).procedure
    async with context.db.transaction(context.city) as conn:
        await service.sweep(conn, context.clock, procedure.escalation_days)


TASKS = (Task("terms.sweep", sweep_terms, cron="30 21 * * *"),)
