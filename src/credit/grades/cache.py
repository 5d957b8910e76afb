"""Present grades as ready answers, kept only while this process hears of every publication.

Grades change when a run is published and at midnight, a handful of times a year, and are asked
for all day. Each answer is kept under its day and the city's generation; a notification sent in
the publication's transaction starts a new generation. While the listening connection is down the
cache is off, so an answer is never older than the time a notification takes.
"""

import asyncio
from datetime import date
from typing import Any

import asyncpg
import structlog

from credit.grades.store import CHANNEL
from credit.kit.db import Connection, Database

__all__ = ["GradeCache"]

ANSWERS_MAX = 50_000
RETRY_SECONDS = 1.0
CHECK_SECONDS = 5.0
log = structlog.get_logger()


class GradeCache:
    """Answers by (city, code), each with the day and generation it is true for."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], tuple[date, int, bytes]] = {}
        self._generations: dict[str, int] = {}
        self._listening = False

    def get(self, city: str, code: str, day: date) -> bytes | None:
        """Return a kept answer that still holds."""
        found = self._answers.get((city, code)) if self._listening else None
        if found is None or found[:2] != (day, self.generation(city)):
            return None
        return found[2]

    def generation(self, city: str) -> int:
        """Return the city's generation; take it before reading what is to be kept."""
        return self._generations.get(city, 0)

    def put(self, city: str, code: str, day: date, answer: bytes, generation: int) -> None:
        """Keep an answer computed from what was read under a generation."""
        if len(self._answers) >= ANSWERS_MAX:
            self._answers.clear()
        self._answers[city, code] = (day, generation, answer)

    def forget(self, city: str) -> None:
        """Start a new generation: whatever was kept for the city no longer holds."""
        self._generations[city] = self.generation(city) + 1

    async def listen(self, db: Database) -> None:
        """Listen for publications until cancelled; the cache works only meanwhile."""
        while True:
            conn: Connection | None = None
            try:
                conn = await asyncpg.connect(db.url, server_settings={"role": "credit_app"})
                await conn.add_listener(CHANNEL, self._heard)
                self._answers.clear()
                self._listening = True
                while True:
                    await asyncio.sleep(CHECK_SECONDS)
                    await conn.execute("SELECT 1", timeout=CHECK_SECONDS)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                log.warning("grade cache off: not listening")
            finally:
                self._listening = False
                if conn is not None:
                    conn.terminate()
            await asyncio.sleep(RETRY_SECONDS)

    def _heard(self, _connection: Any, _pid: int, _channel: str, schema: Any) -> None:
        self.forget(str(schema).removeprefix("city_"))
