"""Jobs of contracts."""

from credit.contracts import service
from credit.kit.jobs import JobContext, Task
from credit.rules.loading import pack_of_city

__all__ = ["TASKS"]


async def look_after_duties(context: JobContext) -> None:
    """Make the duties of periods that have begun, count due days again, hand up what is late, and
    wait no more for signatures of offers that have lapsed.

    Runs before terms are swept. Every step is a transaction of its own and may be taken twice.
    """
    rules = pack_of_city(context.city).on(context.clock.today())
    while True:
        async with context.db.transaction(context.city) as conn:
            if not await service.make_due_duties(conn, context.clock):
                break
    async with context.db.transaction(context.city) as conn:
        await service.recount_dues(conn, context.clock)
    while True:
        async with context.db.transaction(context.city) as conn:
            days = rules.procedure.escalation_days
            if not await service.hand_up_late(conn, context.clock, days):
                break
    while True:
        async with context.db.transaction(context.city) as conn:
            if not await service.close_lapsed_offers(conn, context.clock):
                break


TASKS = (Task("contracts.duties", look_after_duties, cron="40 20 * * *"),)
