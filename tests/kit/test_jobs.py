"""Jobs are there exactly when the transaction that asked for them is, and are done."""

import pytest

from credit.kit import jobs, store
from credit.kit.errors import Overloaded
from credit.kit.jobs import Task, enqueue, worker_app

CITY = "150200"


async def work(db, clock, *tasks):
    """Work off what waits, once."""
    app = worker_app(db, clock, CITY, tasks)
    async with app.open_async():
        await app.run_worker_async(wait=False, install_signal_handlers=False)


async def test_a_job_is_done_with_its_arguments_in_its_city(db, clock):
    done = []

    async def note(context, *, number):
        done.append((context.city, number))

    async with db.transaction(CITY) as conn:
        assert await enqueue(conn, "note", {"number": 7})
    await work(db, clock, Task("note", note))
    await work(db, clock, Task("note", note))
    assert done == [(CITY, 7)]


async def test_a_job_of_a_transaction_rolled_back_was_never_there(db, clock):
    async with db.city(CITY) as conn:
        transaction = conn.transaction()
        await transaction.start()
        await enqueue(conn, "note", {})
        assert await store.jobs_waiting(conn, 10) == 1
        await transaction.rollback()
        assert await store.jobs_waiting(conn, 10) == 0


async def test_one_job_waits_under_one_name_and_the_transaction_goes_on(db):
    async with db.transaction(CITY) as conn:
        assert await enqueue(conn, "note", {}, once="note 1")
        assert not await enqueue(conn, "note", {}, once="note 1")
        assert await enqueue(conn, "note", {}, once="note 2")
    async with db.city(CITY) as conn:
        assert await store.jobs_waiting(conn, 10) == 2
        assert await store.job_status(conn, "note 1") == "todo"


async def test_a_job_that_fails_is_tried_again_later(db, clock):
    async def fail(context):
        raise ValueError

    async with db.transaction(CITY) as conn:
        await enqueue(conn, "fail", {}, once="fail")
    await work(db, clock, Task("fail", fail))
    async with db.city(CITY) as conn:
        row = await conn.fetchrow(  # another may be there, too: once a minute the worker asks for it
            "SELECT attempts, status, scheduled_at FROM procrastinate_jobs WHERE task_name = 'fail'"
        )
    assert (row["attempts"], row["status"]) == (1, "todo")
    assert row["scheduled_at"] is not None


async def test_a_full_queue_is_refused_with_a_time_to_come_back(conn, monkeypatch):
    monkeypatch.setattr(jobs, "QUEUE_DEPTH_MAX", 2)
    await enqueue(conn, "note", {})
    await enqueue(conn, "note", {})
    with pytest.raises(Overloaded):
        await enqueue(conn, "note", {})


async def test_answers_kept_for_long_are_forgotten(world):
    async with world.db.city(CITY) as conn:
        kept = store.KeptAnswer(b"x", 201, b"{}")
        await store.keep_answer(conn, "P-1", "old", kept, world.clock.now())
        world.clock.now_value = world.clock.now_value.replace(year=2027)
        await store.keep_answer(conn, "P-1", "new", kept, world.clock.now())
        await jobs.purge_answers(jobs.JobContext(world.db, world.clock, CITY))
        assert await store.claim_key(conn, "P-1", "old") is None
        assert await store.claim_key(conn, "P-1", "new") == kept
