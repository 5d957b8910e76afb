"""Answers kept in this process, only while it hears of every change that would make them untrue.

Whoever changes something sends a notification in its own transaction: a channel says what kind of
thing changed, the payload is the city's schema. Each starts a new generation of what is kept under
that channel for the city. While the listening connection is down nothing is kept, so an answer is
never older than the time a notification takes.
"""

import asyncio
from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import asyncpg
import structlog

from credit.kit.db import FAILURES, Connection, Database

__all__ = ["Heard", "Hearing"]

RETRY_SECONDS = 1.0
CHECK_SECONDS = 5.0
Value = TypeVar("Value")
log = structlog.get_logger()


class Hearing:
    """Listens on channels, and counts what it hears for each city."""

    def __init__(self, channels: Sequence[str]) -> None:
        self.live = False
        self._channels = channels
        self._generations: dict[tuple[str, str], int] = {}

    def generation(self, channel: str, city: str) -> int:
        """Return how often something changed since this process began."""
        return self._generations.get((channel, city), 0)

    def hear(self, channel: str, city: str) -> None:
        """Start a new generation: whatever was kept for the city under the channel is over."""
        self._generations[channel, city] = self.generation(channel, city) + 1

    async def listen(self, db: Database) -> None:
        """Listen until cancelled; answers are kept only meanwhile."""
        while True:
            conn: Connection | None = None
            try:
                conn = await asyncpg.connect(db.url, server_settings={"role": "credit_app"})
                for channel in self._channels:
                    await conn.add_listener(channel, partial(self._heard, channel))
                    for city in db.cities:  # what was missed since the last connection
                        self.hear(channel, city)
                self.live = True
                while True:
                    await asyncio.sleep(CHECK_SECONDS)
                    await conn.execute("SELECT 1", timeout=CHECK_SECONDS)
            except (*FAILURES, TimeoutError):
                log.warning("nothing is kept: not listening")
            finally:
                self.live = False
                if conn is not None:
                    conn.terminate()
            await asyncio.sleep(RETRY_SECONDS)

    def _heard(self, channel: str, _connection: Any, _pid: int, _name: str, schema: Any) -> None:
        self.hear(channel, str(schema).removeprefix("city_"))


class Heard(Generic[Value]):
    """Answers by (city, key), each with the generation it is true for."""

    def __init__(self, hearing: Hearing, channel: str, answers_max: int) -> None:
        self._hearing = hearing
        self._channel = channel
        self._answers_max = answers_max
        self._answers: dict[tuple[str, Hashable], tuple[int, Value]] = {}

    def get(self, city: str, key: Hashable) -> Value | None:
        """Return a kept answer that still holds."""
        found = self._answers.get((city, key)) if self._hearing.live else None
        if found is None or found[0] != self.generation(city):
            return None
        return found[1]

    def generation(self, city: str) -> int:
        """Return the city's generation; take it before reading what is to be kept."""
        return self._hearing.generation(self._channel, city)

    def put(self, city: str, key: Hashable, answer: Value, generation: int) -> None:
        """Keep an answer computed from what was read under a generation."""
        if len(self._answers) >= self._answers_max:
            self._answers.clear()
        self._answers[city, key] = (generation, answer)
