"""The open evaluations are kept apart: as many as have begun and are not closed, whoever asks."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from credit.evaluations import service
from credit.evaluations.views import Submission
from credit.kit.errors import Conflict
from credit.log.service import sign_records

CITY = "150200"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
BACKFILL = Path(service.__file__).parents[2] / "migrations" / "sql" / "desks_v1.sql"
OPEN = """
SELECT id, sheet, year, subject, division, created_at FROM evaluation
WHERE id NOT IN (SELECT evaluation_id FROM evaluation_closing) ORDER BY id
"""
KEPT = """
SELECT evaluation_id, sheet, year, subject, division, created_at FROM evaluation_open
ORDER BY evaluation_id
"""


def submission(subject=ENTERPRISE, year=2026, mark="1"):
    return Submission("A.2", "enterprise", subject, year, "150203", {"marks": {"A2-01": mark}})


async def submit(world, *submissions):
    async with world.db.transaction(CITY) as conn:
        return await service.submit(
            conn, world.clock, world.actors["officer"], world.pack, list(submissions)
        )


async def close(world, evaluation_id):
    async with world.db.transaction(CITY) as conn:
        bodies = await service.prepare_closings(conn, world.clock, world.pack, [evaluation_id])
        key = world.keys["reviewer"]
        records = sign_records(key, "evaluation", bodies, world.clock)
        reviewer = world.actors["reviewer"]
        await service.close(conn, world.clock, reviewer, world.pack, records)


async def kept(world):
    async with world.db.city(CITY) as conn:
        rows = await conn.fetch(KEPT)
        assert rows == await conn.fetch(OPEN)
        return len(rows)


async def test_what_begins_is_open_once_until_it_is_closed(world):
    (first, _) = await submit(world, submission(), submission(OTHER))
    assert await kept(world) == 2
    await submit(world, submission(mark="2"), submission(year=2025))
    assert await kept(world) == 3
    await close(world, UUID(first.id))
    assert await kept(world) == 2
    with pytest.raises(Conflict):
        await submit(world, submission(), submission(OTHER, year=2025))
    assert await kept(world) == 2
    async with world.db.city(CITY) as conn:
        found = await service.open_evaluations(conn, "A.2", 2026)
    assert [one.subject for one in found] == [OTHER]


async def test_two_who_begin_at_once_begin_it_once(world):
    both = [submit(world, submission()), submit(world, submission())]
    done = await asyncio.gather(*both, return_exceptions=True)
    assert sum(isinstance(one, list) for one in done) >= 1
    assert all(isinstance(one, list | Conflict) for one in done)
    assert await kept(world) == 1


async def test_a_city_that_is_brought_up_to_date_gets_its_open_evaluations(world):
    (first, *_) = await submit(world, submission(), submission(OTHER), submission(year=2025))
    await close(world, UUID(first.id))
    statement = BACKFILL.read_text("utf-8").partition(";")[0]
    async with world.db.city(CITY) as conn:
        await conn.execute("DELETE FROM evaluation_open")
        await conn.execute(statement)
    assert await kept(world) == 2
