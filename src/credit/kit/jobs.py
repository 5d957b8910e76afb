"""Background work: jobs put in the caller's transaction, done by procrastinate's worker.

A job is a name and a few plain arguments. `enqueue` calls procrastinate's own SQL function on the
caller's connection, so that a job is there exactly when the work that asked for it is. Handlers
take what they need from a `JobContext`, open transactions of their own, and may run twice.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import orjson
import procrastinate
from procrastinate import JobContext as WorkerContext

from credit.kit import store
from credit.kit.clock import Clock
from credit.kit.db import APP_ROLE, Connection, Database, session_settings
from credit.kit.errors import Overloaded
from credit.kit.texts import say

__all__ = ["TASKS", "JobContext", "Task", "enqueue", "worker_app"]

QUEUE_DEPTH_MAX = 10_000
ATTEMPTS_MAX = 5
BACKOFF_SECONDS = 10
STALLED_SECONDS = 60
POOL_MAX = 4
ANSWERS_KEPT_DAYS = 30


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a handler works with: the database, the clock, the job's city."""

    db: Database
    clock: Clock
    city: str


@dataclass(frozen=True, slots=True)
class Task:
    """Work by its name; `cron` starts it by itself at times in UTC (minute hour day month week)."""

    name: str
    handler: Callable[..., Awaitable[None]]
    cron: str | None = None


async def enqueue(
    conn: Connection, task: str, arguments: dict[str, Any], *, once: str | None = None
) -> bool:
    """Put a job in the caller's transaction; False when one waits under the same `once` already.

    Refuses with Overloaded when too many wait.
    """
    if await store.jobs_waiting(conn, QUEUE_DEPTH_MAX) >= QUEUE_DEPTH_MAX:
        raise Overloaded(say("后台任务太多，请稍后重试。"), slug="queue-full")
    try:
        async with conn.transaction():
            await store.add_job(conn, task, orjson.dumps(arguments).decode(), once)
    except asyncpg.UniqueViolationError:
        return False
    return True


def worker_app(db: Database, clock: Clock, city: str, tasks: Sequence[Task]) -> procrastinate.App:
    """Build a city's worker: run it with `run_worker_async` inside `open_async`.

    A failed job is tried again after 10, 20, 30 … seconds, five times at most, and then stays
    as failed for somebody to look at. What a worker left behind when it was killed is found by
    its missing heartbeat and started again.
    """
    settings = session_settings(APP_ROLE, city)
    options = " ".join(f"-c {name}={value.replace(' ', '')}" for name, value in settings.items())
    connector = procrastinate.PsycopgConnector(
        conninfo=db.url, kwargs={"options": options}, min_size=1, max_size=POOL_MAX
    )
    app = procrastinate.App(connector=connector)
    context = JobContext(db, clock, city)
    retry = procrastinate.RetryStrategy(
        max_attempts=ATTEMPTS_MAX, wait=BACKOFF_SECONDS, linear_wait=BACKOFF_SECONDS
    )
    for task in tasks:
        _register(app, context, task, retry)

    async def retry_stalled(_: WorkerContext, timestamp: int) -> None:  # noqa: ARG001
        manager = app.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
            await manager.retry_job(job)

    app.periodic(cron="* * * * *")(
        app.task(name="kit.retry_stalled", pass_context=True)(retry_stalled)
    )
    return app


def _register(
    app: procrastinate.App, context: JobContext, task: Task, retry: procrastinate.RetryStrategy
) -> None:
    async def run(**arguments: Any) -> None:
        await task.handler(context, **arguments)

    async def tick(timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
        await task.handler(context)

    if task.cron is None:
        app.task(name=task.name, retry=retry)(run)
    else:
        app.periodic(cron=task.cron)(app.task(name=task.name, retry=retry)(tick))


async def purge_answers(context: JobContext) -> None:
    """Forget answers kept under idempotency keys that nobody will send again."""
    before: datetime = context.clock.now() - timedelta(days=ANSWERS_KEPT_DAYS)
    async with context.db.city(context.city) as conn:
        await store.purge_answers(conn, before)


TASKS = (Task("kit.purge_answers", purge_answers, cron="17 19 * * *"),)
