"""Jobs of the market: uses of offers of which nothing came, and of which something did."""

from credit.kit.jobs import JobContext, Task
from credit.market.service import offers

__all__ = ["TASKS"]


async def sweep(context: JobContext) -> None:
    """Give back what was reserved for redemptions that came to nothing; settle the others."""
    await offers.sweep(context.db, context.clock, context.city)


TASKS = (Task("market.sweep", sweep, cron="* * * * *"),)
