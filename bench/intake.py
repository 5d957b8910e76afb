"""Event intake over the service with 16 writers, against plain INSERTs of the same rows."""

import asyncio
import time
from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any

import asyncpg

from bench.report import Line
from bench.stage import CODE, Stage, analyze
from credit.events import service as events
from credit.kit.clock import SystemClock

WRITERS = 16
EVENTS = 5_000
ROUNDS = 3
TABLES = ("event", "event_decision", "log_intake")


async def measure(stage: Stage) -> list[Line]:
    """Write the same rows through the service and as plain INSERTs, in turns."""
    catalogue = stage.pack.on(SystemClock().today()).grader.events
    today = SystemClock().today()
    first = date(today.year - 1, 1, 1)
    wanted = stage.maker.events(catalogue, first, today, (ROUNDS + 1) * EVENTS)
    rounds: list[tuple[float, float]] = []
    latencies: list[float] = []
    for _ in range(ROUNDS + 1):
        drafts = await stage.drafts(list(islice(wanted, EVENTS)))
        seconds, times = await _through_service(stage, drafts)
        rounds.append((seconds, await _plain(stage, await _written(stage, drafts))))
        latencies = times
        await stage.sequence()
        await analyze(stage.url)
    # The first round fills empty tables and caches; it counts for neither side.
    service_seconds, plain_seconds = sorted(rounds[1:], key=lambda r: r[1] / r[0])[ROUNDS // 2]
    latencies.sort()
    return [
        Line(
            "event intake over the service, 16 writers",
            f"{EVENTS / service_seconds:,.0f}/s",
            f"plain INSERTs of the same rows, 16 writers: {EVENTS / plain_seconds:,.0f}/s",
            plain_seconds / service_seconds,
            "≥ 0.6",
            ok=plain_seconds / service_seconds >= 0.6,
            note=f"p99 {latencies[int(0.99 * len(latencies))] * 1000:.0f} ms",
        )
    ]


async def _through_service(stage: Stage, drafts: list[Any]) -> tuple[float, list[float]]:
    intake, actor = events.Intake(stage.db, SystemClock()), stage.actors["officer"]
    todo: Iterator[Any] = iter(drafts)
    times: list[float] = []

    async def writer() -> None:
        for draft in todo:
            begin = time.perf_counter()
            await intake.propose(CODE, actor, draft)
            times.append(time.perf_counter() - begin)

    begin = time.perf_counter()
    await asyncio.gather(*(writer() for _ in range(WRITERS)))
    return time.perf_counter() - begin, times


async def _written(stage: Stage, drafts: list[Any]) -> list[list[asyncpg.Record]]:
    """Read back what the service wrote for the drafts, row by row."""
    ids = [draft.id for draft in drafts]
    async with stage.db.city(CODE) as conn:
        tables = []
        for table in TABLES:
            key = "id" if table == "event" else "event_id"
            found = await conn.fetch(f"SELECT * FROM {table} WHERE {key} = ANY($1)", ids)
            by_id = {row[key]: row for row in found}
            tables.append([by_id[one] for one in sorted(by_id)])
    return list(zip(*tables, strict=True))


async def _plain(stage: Stage, rows: list[Any]) -> float:
    """Insert the same rows into tables of the same shape, keys and indexes: one transaction an event."""
    owner = await asyncpg.connect(stage.url)
    await owner.execute("DROP SCHEMA IF EXISTS plain CASCADE; CREATE SCHEMA plain")
    for table in TABLES:
        await owner.execute(
            f"CREATE TABLE plain.{table} (LIKE city_{CODE}.{table} INCLUDING ALL EXCLUDING IDENTITY)"
        )
    await owner.execute(
        "ALTER TABLE plain.event_decision ADD FOREIGN KEY (event_id) REFERENCES plain.event"
    )
    statements = []
    for table, row in zip(TABLES, rows[0], strict=True):
        marks = ", ".join(f"${n + 1}" for n in range(len(row)))
        statements.append(f"INSERT INTO plain.{table} VALUES ({marks})")
    todo = iter(rows)
    pool = await asyncpg.create_pool(stage.url, min_size=WRITERS, max_size=WRITERS)

    async def writer() -> None:
        for event in todo:
            async with pool.acquire() as conn, conn.transaction():
                for statement, row in zip(statements, event, strict=True):
                    await conn.execute(statement, *row)

    begin = time.perf_counter()
    await asyncio.gather(*(writer() for _ in range(WRITERS)))
    seconds = time.perf_counter() - begin
    await pool.close()
    await owner.execute("DROP SCHEMA plain CASCADE")
    await owner.close()
    return seconds
