"""Nothing is lost, doubled or half done when the service or the database is killed at work."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import asyncpg
import httpx
import msgspec
import pytest

from credit.events.excel import event_sheet
from credit.kit.clock import SystemClock
from credit.kit.db import Database
from credit.kit.excel import write_table
from credit.kit.migrate import migrate
from credit.log.check.fsck import check_log

CITY = "150200"
ROWS = 2_000
DRAFTS = 240
WRITERS = 8
PATIENCE_SECONDS = 60


@pytest.fixture
async def city(server, build_world):
    """The small world on that server; it lives in the present, as the processes do."""
    await asyncio.to_thread(migrate, server.url, [CITY])
    async with Database(server.url, size_max=4) as db:
        return await build_world(db, SystemClock(), server.folder)


def environment(server):
    return {
        **os.environ,  # noqa: TID251 - the child inherits ours
        "CREDIT_DATABASE_URL": server.url,
        "CREDIT_DATA_DIR": str(server.folder),
        "CREDIT_LOG_LEVEL": "error",
    }


def credit(server, *arguments):
    command = [sys.executable, "-m", "credit", *arguments]
    return subprocess.Popen(
        command, env=environment(server), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def workbook(city, folder):
    spec = event_sheet(city.pack.on(city.pack.days[-1]).grading)
    rows = [
        {
            "type": "note.registered",
            "primary": "enterprise",
            "subject": "91150200MA0000000C",
            "occurred_on": SystemClock().today(),
            "reference": f"协字〔2026〕{number}号",
        }
        for number in range(ROWS)
    ]
    path = folder / "events.xlsx"
    write_table([(spec, rows)], path)
    return path


async def question(server, text, *arguments):
    conn = await asyncpg.connect(server.url)
    try:
        await conn.execute(f"SET search_path = city_{CITY}")
        return await conn.fetchval(text, *arguments)
    finally:
        await conn.close()


async def until_writing(server):
    """Wait until another session is in the midst of a transaction that has written."""
    conn = await asyncpg.connect(server.url)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if await conn.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
        ):
            with suppress(asyncpg.PostgresError, OSError):
                await conn.close()
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody wrote")


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["the import", "the database"])
async def test_an_import_that_is_killed_leaves_nothing_and_can_be_repeated(server, city, victim):
    arguments = ("import", "events", str(workbook(city, server.folder)), "--city", CITY, "--json")
    running = credit(server, *arguments)
    await until_writing(server)
    if victim == "the import":
        running.kill()
        running.communicate()
    else:
        server.kill()
        _, errors = running.communicate(timeout=PATIENCE_SECONDS)
        assert running.returncode != 0
        assert "Traceback" not in errors
        server.start()
    assert await question(server, "SELECT count(*) FROM event") == 0
    assert await question(server, "SELECT count(*) FROM import_batch") == 0
    again = json.loads(credit(server, *arguments).communicate()[0])
    assert (again["written"], again["rows"]) == (True, ROWS)
    third = json.loads(credit(server, *arguments).communicate()[0])
    assert third["written"] is False
    assert await question(server, "SELECT count(*) FROM event") == ROWS


@contextmanager
def service(server):
    """A service with its background work; yields (process, base URL)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "credit", "serve"],
        env={**environment(server), "CREDIT_PORT": str(port)},
    )
    try:
        yield process, f"http://127.0.0.1:{port}/api/v1/{CITY}"
    finally:
        process.kill()
        process.wait()


async def send(base, key, drafts, *, on_answer=lambda: None):
    """Send drafts by several writers until each is answered; returns the answers' slugs by id."""
    answers, todo = {}, list(drafts)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    deadline = time.monotonic() + PATIENCE_SECONDS

    async def write(client):
        while todo and time.monotonic() < deadline:
            draft = todo.pop()
            try:
                response = await client.post(
                    f"{base}/events", content=msgspec.json.encode(draft), headers=headers
                )
            except httpx.HTTPError:
                todo.append(draft)  # the outcome is unknown: ask again
                await asyncio.sleep(0.05)
                continue
            if response.status_code >= 500:
                todo.append(draft)
                await asyncio.sleep(0.05)
            elif response.status_code == 201:
                answers[draft.id] = "new"
                on_answer()
            else:
                answers[draft.id] = response.json()["type"].rpartition(":")[2]

    async with httpx.AsyncClient(timeout=10) as client:
        await asyncio.gather(*(write(client) for _ in range(WRITERS)))
    return answers


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["the service", "the database"])
async def test_events_are_taken_in_once_whatever_is_killed(server, city, victim):
    today = SystemClock().today().isoformat()
    drafts = [city.draft(occurred_on=today) for _ in range(DRAFTS)]
    key = city.api_keys["officer"]
    answered = 0
    killed = asyncio.Event()

    def count():
        nonlocal answered
        answered += 1
        if answered == DRAFTS // 3:
            killed.set()

    with service(server) as (process, base):
        sending = asyncio.create_task(send(base, key, drafts, on_answer=count))
        await asyncio.wait_for(killed.wait(), PATIENCE_SECONDS)
        if victim == "the service":
            process.kill()
            process.wait()
            sending.cancel()
        else:
            server.kill()
            server.start()
            answers = await sending  # the service found its database again
            assert set(answers.values()) <= {"new", "event-exists"}
            assert len(answers) == DRAFTS
    with service(server) as (_, base):
        answers = await send(base, key, drafts)
        assert set(answers.values()) <= {"new", "event-exists"}
        assert len(answers) == DRAFTS
        deadline = time.monotonic() + PATIENCE_SECONDS
        while await question(server, "SELECT count(*) FROM log_intake"):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
    assert await question(server, "SELECT count(*) FROM event") == DRAFTS
    numbered = await question(
        server, "SELECT count(*) FROM log_entry JOIN log_record USING (k) WHERE kind = $1",
        "credit-event",
    )  # fmt: skip
    assert numbered == DRAFTS
    async with Database(server.url, size_max=4) as db:
        logs = city.logs
        found = await check_log(db, CITY, logs.verifier(CITY), logs.keeper(CITY), signatures=True)
    assert found == []
