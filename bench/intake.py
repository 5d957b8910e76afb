"""Event intake over the service with 16 writers, against plain INSERTs of the same rows."""

import asyncio
import time
from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any
from uuid import UUID

import asyncpg

from bench.report import Line
from bench.stage import CODE, Stage, analyze
from credit.events import service as events
from credit.kit.clock import SystemClock

WRITERS = 16
EVENTS = 5_000
ROUNDS = 3
# Each table the service writes for an event, with the column that names the event in it.
TABLES = {
    "event": "id = ANY($1)",
    "event_decision": "event_id = ANY($1)",
    "log_record": "record_id = ANY($1)",
    "log_subject": "k = ANY($2)",
    "log_intake": "k = ANY($2)",
}


async def measure(stage: Stage) -> list[Line]:
    """Write the same rows through the service and as plain INSERTs, in turns."""
    catalogue = stage.pack.on(SystemClock().today()).grader.events
    today = SystemClock().today()
    first = date(today.year - 1, 1, 1)
    # Good facts, whose second signature makes them effective at once: bad ones take their course.
    facts = stage.maker.events(catalogue, first, today, 4 * (ROUNDS + 1) * EVENTS)
    wanted = (body for body in facts if catalogue[body["type"]].polarity == "good")
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


async def _written(stage: Stage, drafts: list[Any]) -> list[dict[str, list[asyncpg.Record]]]:
    """Read back what the service wrote for the drafts: for each event its rows by table."""
    ids = [UUID(draft.id) for draft in drafts]
    events: dict[UUID, dict[str, list[asyncpg.Record]]] = {one: {} for one in ids}
    async with stage.db.city(CODE) as conn:
        keys = await conn.fetch(
            "SELECT k, record_id FROM log_record WHERE record_id = ANY($1)", ids
        )
        names = {row["k"]: row["record_id"] for row in keys}
        for table, condition in TABLES.items():
            column, _, wanted = condition.partition(" = ")
            values = ids if "$1" in wanted else list(names)
            found = await conn.fetch(f"SELECT * FROM {table} WHERE {column} = ANY($1)", values)
            for row in found:
                key = row[column]
                events[names.get(key, key)].setdefault(table, []).append(row)
    return list(events.values())


async def _plain(stage: Stage, rows: list[dict[str, list[asyncpg.Record]]]) -> float:
    """Insert the same rows into tables of the same shape, keys and indexes: one transaction an
    event, one statement a row.
    """
    owner = await asyncpg.connect(stage.url)
    await owner.execute("DROP SCHEMA IF EXISTS plain CASCADE; CREATE SCHEMA plain")
    for table in TABLES:
        await owner.execute(
            f"CREATE TABLE plain.{table} (LIKE city_{CODE}.{table} INCLUDING ALL EXCLUDING IDENTITY)"
        )
    await owner.execute(
        "ALTER TABLE plain.event_decision ADD FOREIGN KEY (event_id) REFERENCES plain.event"
    )
    statements = {
        table: f"INSERT INTO plain.{table} VALUES "
        f"({', '.join(f'${n + 1}' for n in range(len(rows[0][table][0])))})"
        for table in TABLES
    }
    todo = iter(rows)
    pool = await asyncpg.create_pool(stage.url, min_size=WRITERS, max_size=WRITERS)

    async def writer() -> None:
        for event in todo:
            async with pool.acquire() as conn, conn.transaction():
                for table, statement in statements.items():
                    for row in event[table]:
                        await conn.execute(statement, *row)

    begin = time.perf_counter()
    await asyncio.gather(*(writer() for _ in range(WRITERS)))
    seconds = time.perf_counter() - begin
    await pool.close()
    await owner.execute("DROP SCHEMA plain CASCADE")
    await owner.close()
    return seconds
