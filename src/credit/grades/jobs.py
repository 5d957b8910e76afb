"""Jobs of grades."""

from datetime import date
from uuid import UUID

from credit.access.service import actor_of
from credit.grades import service
from credit.kit.jobs import JobContext, Task
from credit.rules.loading import pack_of_city

__all__ = ["TASKS"]


async def run_grades(context: JobContext, *, run_id: str, on: str, person_id: str) -> None:
    """Compute a run that was asked for; one that is there already is left alone."""
    async with context.db.transaction(context.city) as conn:
        actor = await actor_of(conn, person_id)
        await service.run(
            conn,
            context.clock,
            actor,
            pack_of_city(context.city),
            date.fromisoformat(on),
            run_id=UUID(run_id),
        )


async def grade_repairs(context: JobContext) -> None:
    """Ask for a run where facts were repaired since the newest one, early in China's morning."""
    async with context.db.transaction(context.city) as conn:
        await service.ask_after_repairs(conn, context.clock)


TASKS = (
    Task(service.RUN_TASK, run_grades),
    Task("grades.after_repairs", grade_repairs, cron="45 21 * * *"),
)
