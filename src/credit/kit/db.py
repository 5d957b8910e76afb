"""The database: one pool, one schema per city, chosen by the connection's search path."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self, cast

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from credit.kit.errors import NotFound
from credit.kit.texts import say

__all__ = [
    "APP_ROLE",
    "BIDDER_ROLE",
    "FAILURES",
    "MERCHANT_ROLE",
    "PORTAL_ROLE",
    "RESIDENT_ROLE",
    "ROLES",
    "SEQUENCER_ROLE",
    "Connection",
    "Database",
    "city_schema",
    "session_settings",
]

# A connection of the pool or one opened alone; both answer the same calls.
Connection = asyncpg.Connection | PoolConnectionProxy

# How the driver says that the server refused, or was lost. A connection that breaks between two messages of
# one statement ends in an InternalClientError.
FAILURES = (
    asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError,
)  # fmt: skip

APP_ROLE = "credit_app"
SEQUENCER_ROLE = "credit_sequencer"
# Roles the server takes for one transaction, in which row-level security shows a party its own.
PORTAL_ROLE = "credit_portal"
MERCHANT_ROLE = "credit_merchant"
RESIDENT_ROLE = "credit_resident"
BIDDER_ROLE = "credit_bidder"
ROLES = (APP_ROLE, SEQUENCER_ROLE, PORTAL_ROLE, MERCHANT_ROLE, RESIDENT_ROLE, BIDDER_ROLE)
STATEMENT_TIMEOUT_MS = 60_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000
BIND = """
SELECT set_config('role', $1, true), set_config('credit.party', $2, true),
    set_config('credit.person', $3, true)
"""


def city_schema(city: str) -> str:
    """Name the schema of a GB/T 2260 division code: `150200` → `city_150200`."""
    if not re.fullmatch(r"[0-9]{6}", city):
        raise NotFound(
            say("没有代码为“%(city)s”的城市。城市代码是六位数字，例如 150200。", city=city[:20])
        )
    return f"city_{city}"


class _CityConnection(asyncpg.Connection):
    """A connection that remembers whose schema it looks into."""

    city = ""

    async def look_into(self, city: str) -> None:
        if self.city != city:
            self.city = ""  # should the statement fail, the next use sets the path again
            await self.execute(f"SET search_path = {city_schema(city)}, pg_catalog")
            self.city = city

    def get_reset_query(self) -> str:
        # An open transaction is still rolled back when a connection returns to the pool, but the
        # round trip of RESET ALL is saved: every other setting here is local to a transaction.
        return ""


class Database:
    """A pool of connections in one role. Use it as an asynchronous context manager."""

    def __init__(self, url: str, *, role: str = APP_ROLE, size_max: int = 16) -> None:
        self.url = url
        self._role = role
        self._size_max = size_max
        self._cities: frozenset[str] = frozenset()
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> Self:
        """Open the pool and read which cities there are."""
        self._pool = await asyncpg.create_pool(
            self.url,
            min_size=1,
            max_size=self._size_max,
            connection_class=_CityConnection,
            server_settings=session_settings(self._role),
        )
        await self.find_cities()
        return self

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def find_cities(self) -> frozenset[str]:
        """Read the cities hosted here: every schema named `city_<code>`."""
        async with self.pool.acquire() as conn:
            rows = await conn.fetch(
                "SELECT substr(nspname, 6) AS city FROM pg_catalog.pg_namespace"
                " WHERE nspname ~ '^city_[0-9]{6}$'"
            )
        self._cities = frozenset(row["city"] for row in rows)
        return self._cities

    @property
    def cities(self) -> frozenset[str]:
        """The cities hosted here, as last read."""
        return self._cities

    @property
    def pool(self) -> asyncpg.Pool:
        """The open pool."""
        if self._pool is None:
            raise RuntimeError("the database is not open")
        return self._pool

    @asynccontextmanager
    async def city(self, city: str) -> AsyncIterator[Connection]:
        """Lend a connection that sees the city's schema; each statement is its own transaction."""
        if city not in self._cities:
            raise NotFound(say("本服务没有代码为“%(city)s”的城市。", city=city[:20]))
        async with self.pool.acquire() as conn:
            await cast(_CityConnection, conn).look_into(city)
            yield conn

    @asynccontextmanager
    async def transaction(self, city: str) -> AsyncIterator[Connection]:
        """Lend a connection inside one transaction: committed at the end, or rolled back whole."""
        async with self.city(city) as conn, conn.transaction():
            yield conn

    @asynccontextmanager
    async def bound(
        self, city: str, role: str, *, party: str = "", person: str = ""
    ) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction in which the database shows only a party's own.

        What the policies of `role` compare with is set here once; a query that forgets to filter
        finds nothing of anybody else.
        """
        async with self.transaction(city) as conn:
            await conn.execute(BIND, role, party, person)
            yield conn

    async def dedicated(self, city: str, *, role: str | None = None) -> Connection:
        """Open a connection outside the pool (LISTEN, advisory locks); the caller closes it."""
        settings = session_settings(role or self._role, city)
        connection: asyncpg.Connection = await asyncpg.connect(self.url, server_settings=settings)
        return connection


def session_settings(role: str, city: str | None = None) -> dict[str, str]:
    """Return the settings every session of a role starts with, in a city's schema if one is given.

    Every statement keeps one plan: planning again for every call cost intake a quarter of its
    speed, so statements are written to suit all their arguments. No question is large enough for
    parallel helpers or for compiling the plan to be worth their start, and look-ups by key do not
    repeat, so that remembering them (memoize) only costs. What is answered is on the disk, whatever
    the server does by default.
    """
    settings = {
        "role": role,
        "application_name": "credit",
        "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
        "timezone": "UTC",
        "synchronous_commit": "on",
        "plan_cache_mode": "force_generic_plan",
        "max_parallel_workers_per_gather": "0",
        "enable_memoize": "off",
        "jit": "off",
    }
    if city is not None:
        settings["search_path"] = f"{city_schema(city)}, pg_catalog"
    return settings
