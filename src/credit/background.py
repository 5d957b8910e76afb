"""Everything a deployment does by itself: each city's sequencer, its worker of jobs, and what
tells merchants.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog

from credit.access import jobs as access_jobs
from credit.blacklist import jobs as list_jobs
from credit.contracts import jobs as contract_jobs
from credit.earning import jobs as earning_jobs
from credit.events import jobs as event_jobs
from credit.grades import jobs as grade_jobs
from credit.kit import jobs
from credit.kit.clock import Clock
from credit.kit.db import Database
from credit.kit.jobs import Task
from credit.logs import Logs
from credit.market import jobs as market_jobs
from credit.market.logic.events import source_of
from credit.market.service.courier import Courier
from credit.market.service.sending import Sender
from credit.points import jobs as point_jobs
from credit.points.service.posting import Writers
from credit.points.service.sealing import Sealer
from credit.settings import Settings
from credit.terms import jobs as term_jobs

__all__ = ["run_background", "tasks"]

RETRY_SECONDS = 5.0
log = structlog.get_logger()


def tasks(writers: Writers) -> Sequence[Task]:
    """List every job there is; those that post points do so with these writers."""
    return (
        *jobs.TASKS,
        *access_jobs.TASKS,
        *grade_jobs.TASKS,
        *contract_jobs.TASKS,
        *event_jobs.TASKS,
        *list_jobs.TASKS,
        *term_jobs.TASKS,
        *point_jobs.tasks(writers),
        *earning_jobs.tasks(writers),
        *market_jobs.TASKS,
    )


async def run_background(
    db: Database, clock: Clock, logs: Logs, settings: Settings, writers: Writers
) -> None:
    """Sequence every city's log, work off its jobs and tell its merchants, until cancelled.

    Any number of processes may do this: of the sequencers one works, of the workers each takes
    other jobs.
    """
    running = [
        asyncio.create_task(work)
        for city in sorted(db.cities)
        for work in (
            logs.sequencer(db, clock, city).run(),
            Sealer(db, clock, city, logs.book_key(city), logs.book_secret(city)).run(),
            _sender(db, clock, city, logs, settings).run(),
            _work(db, clock, city, tasks(writers)),
        )
    ]
    try:
        await asyncio.gather(*running)
    finally:
        for task in running:
            task.cancel()
        for task in running:
            with suppress(asyncio.CancelledError):
                await task


def _sender(db: Database, clock: Clock, city: str, logs: Logs, settings: Settings) -> Sender:
    return Sender(
        db,
        clock,
        city,
        logs.vault(city),
        Courier(allow_private=settings.webhooks_private),
        source_of(settings.public_url, city),
    )


async def _work(db: Database, clock: Clock, city: str, known: Sequence[Task]) -> None:
    """Work off a city's jobs; begin again after whatever stops the worker."""
    while True:
        try:
            app = jobs.worker_app(db, clock, city, known)
            async with app.open_async():
                await app.run_worker_async(
                    install_signal_handlers=False,
                    delete_jobs="successful",
                    shutdown_graceful_timeout=5,
                )
        except Exception as error:  # noqa: BLE001 - a worker that stays down is worse
            log.warning("worker begins again", city=city, error=type(error).__name__)
        await asyncio.sleep(RETRY_SECONDS)
