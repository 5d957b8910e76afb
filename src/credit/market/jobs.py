"""Jobs of the market: uses of offers, monthly statements, and deliveries that are long over."""

from credit.kit.jobs import JobContext, Task
from credit.market.service import offers, settlements, webhooks

__all__ = ["TASKS"]


async def sweep(context: JobContext) -> None:
    """Give back what was reserved for redemptions that came to nothing; settle the others."""
    await offers.sweep(context.db, context.clock, context.city)


async def draw_statements(context: JobContext) -> None:
    """Draw the statements of the month that is over; on other days, those that were missed."""
    await settlements.draw_due(context.db, context.clock, context.city)


async def purge_deliveries(context: JobContext) -> None:
    """Forget how deliveries went that nobody asks about any more."""
    async with context.db.city(context.city) as conn:
        await webhooks.purge(conn, context.clock)


TASKS = (
    Task("market.sweep", sweep, cron="* * * * *"),
    Task("market.draw_statements", draw_statements, cron="10 16 * * *"),
    Task("market.purge_deliveries", purge_deliveries, cron="25 19 * * *"),
)
