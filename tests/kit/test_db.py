"""What every session may count on, whatever the server's own settings."""

import asyncpg
import pytest

from credit.kit.db import Database


@pytest.fixture
async def careless(database_url):
    """A database that answers before anything is on the disk."""
    owner = await asyncpg.connect(database_url)
    name = await owner.fetchval("SELECT quote_ident(current_database())")
    try:
        await owner.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        yield database_url
    finally:
        await owner.execute(f"ALTER DATABASE {name} RESET synchronous_commit")
        await owner.close()


async def test_what_is_answered_is_on_the_disk(careless):
    async with Database(careless) as db:
        alone = await db.dedicated("150200")
        try:
            assert await alone.fetchval("SHOW synchronous_commit") == "on"
        finally:
            await alone.close()
        assert await db.pool.fetchval("SHOW synchronous_commit") == "on"
