"""The sequencer alone, and the check of the log against itself."""

import gc
import time
from collections.abc import Iterator
from datetime import date

from bench.report import Line
from bench.stage import CODE, Stage, analyze
from credit.kit.clock import SystemClock
from credit.log import service as log
from credit.log.check.fsck import check_log
from credit.log.records import Record, Sig

RECORDS = 400_000
CHUNK = 5_000


async def measure(stage: Stage) -> list[Line]:
    """Fill intake with event records of the usual size, number them, then check the log."""
    await _fill(stage)
    sequencer = stage.logs.sequencer(stage.db, SystemClock(), CODE)
    assert await sequencer.take_over()
    gc.collect()
    gc.freeze()  # the collector need not walk what the measurement itself has built
    begin = time.perf_counter()
    count = 0
    while taken := await sequencer.sequence_batch():
        count += taken
    sequencing = time.perf_counter() - begin
    await sequencer.drop()
    await analyze(stage.url)
    async with stage.db.city(CODE) as conn:
        size = await log.size_at(conn, None)
    begin = time.perf_counter()
    found = await check_log(stage.db, CODE, stage.logs.verifier(CODE), stage.logs.keeper(CODE))
    checking = time.perf_counter() - begin
    assert found == [], found[:3]
    return [
        Line(
            "sequencer alone",
            f"{count / sequencing:,.0f} records/s",
            "",
            None,
            "≥ 50,000/s",
            ok=count / sequencing >= 50_000,
            note=f"{count:,} records, batches of 8,192, tiles and checkpoints included",
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


async def _fill(stage: Stage) -> None:
    """Put records into intake past the checks of their signatures: fsck here reads none."""
    for chunk in _records(stage):
        async with stage.db.transaction(CODE) as conn:
            await log.enqueue(conn, chunk)
    await analyze(stage.url)


def _records(stage: Stage) -> Iterator[list[Record]]:
    from bench.facts import bodies

    sig = Sig(stage.keys["officer"].kid, "Ed25519", "A" * 86 + "==")
    other = Sig(stage.keys["reviewer"].kid, "Ed25519", "A" * 86 + "==")
    today = SystemClock().today()
    chunk: list[Record] = []
    for record_id, body in bodies(stage, RECORDS, date(today.year - 2, 1, 1), today):
        chunk.append(Record(record_id, "credit-event", body, (sig, other)))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
