"""The sequencer alone, and the check of the log against itself."""

import gc
import time
from datetime import date
from itertools import islice

from bench import facts
from bench.report import Line
from bench.stage import CODE, Stage, analyze
from credit.kit.clock import SystemClock
from credit.log import service as log
from credit.log.check.fsck import check_log

RECORDS = 200_000
ROUNDS = 3


async def measure(stage: Stage) -> list[Line]:
    """Fill intake with event records of the usual size, number them, then check the log."""
    today = SystemClock().today()
    records = facts.records(stage, ROUNDS * RECORDS, date(today.year - 2, 1, 1), today)
    rates = []
    for _ in range(ROUNDS):
        await facts.enqueue(stage, islice(records, RECORDS))
        rates.append(await _sequence(stage))
    rate = sorted(rates)[ROUNDS // 2]
    async with stage.db.city(CODE) as conn:
        size = await log.size_at(conn, None)
    begin = time.perf_counter()
    found = await check_log(stage.db, CODE, stage.logs.verifier(CODE), stage.logs.keeper(CODE))
    checking = time.perf_counter() - begin
    assert found == [], found[:3]
    return [
        Line(
            "sequencer alone",
            f"{rate:,.0f} records/s",
            "",
            None,
            "≥ 50,000/s",
            ok=rate >= 50_000,
            note=f"{RECORDS:,} waiting records, tiles and checkpoints included; "
            f"{ROUNDS} rounds {', '.join(f'{one:,.0f}' for one in rates)}",
        ),
        Line(
            "fsck without signatures",
            f"{size / checking:,.0f} records/s",
            "",
            None,
            "≥ 100,000/s",
            ok=size / checking >= 100_000,
            note=f"{size:,} records: leaves, tree, tiles, chains, checkpoints",
        ),
    ]


async def _sequence(stage: Stage) -> float:
    """Number what waits; returns records per second."""
    sequencer = stage.logs.sequencer(stage.db, SystemClock(), CODE)
    assert await sequencer.take_over()
    gc.collect()
    gc.freeze()  # the collector need not walk what the measurement itself has built
    count, begin = 0, time.perf_counter()
    while taken := await sequencer.sequence_batch():
        count += taken
    seconds = time.perf_counter() - begin
    await sequencer.drop()
    await analyze(stage.url)
    return count / seconds
