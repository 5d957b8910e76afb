"""A whole city's grades from a million facts, and one enterprise after one new fact."""

import os
import statistics
import subprocess
import sys
import time
from datetime import date

from bench import facts
from bench.report import Line
from bench.stage import CODE, Stage, analyze
from credit.grades import service as grades
from credit.kit.clock import SystemClock
from credit.log import service as log

EVENTS = 1_000_000
MEMORY_MAX = 1 << 30
ONE_ROUNDS = 200


async def measure(stage: Stage) -> list[Line]:
    """Run `credit grade run` as a process of its own, then explain single enterprises."""
    today = SystemClock().today()
    records = facts.records(stage, EVENTS, date(today.year - 2, 1, 1), today)
    await facts.enqueue(stage, records)
    await stage.sequence()
    await analyze(stage.url)
    wall, cpu, memory = _run(stage)
    one = await _one(stage, today)
    return [
        Line(
            "a whole city: 5,000 enterprises, 1,000,000 facts",
            f"{EVENTS / wall:,.0f} facts/s",
            "",
            None,
            "≥ 30,000/s per core",
            ok=EVENTS / wall >= 30_000,
            note=f"credit grade run: {wall:.1f} s from start to end, {cpu:.1f} s of its one core",
        ),
        Line(
            "its memory",
            f"{memory / (1 << 20):,.0f} MiB",
            "",
            None,
            "≤ 1,024 MiB",
            ok=memory <= MEMORY_MAX,
            note="peak resident set of the process",
        ),
        Line(
            "one enterprise after one new fact",
            f"{one * 1000:.1f} ms of CPU",
            "",
            None,
            "≤ 10 ms",
            ok=one <= 0.010,
            note=f"median of {ONE_ROUNDS}, {EVENTS // len(stage.maker.enterprises)} facts each",
        ),
    ]


def _run(stage: Stage) -> tuple[float, float, int]:
    """Return seconds, CPU seconds and peak memory in bytes of a run over the city."""
    environment = {
        **os.environ,
        "CREDIT_DATABASE_URL": stage.url,
        "CREDIT_DATA_DIR": str(stage.settings.data_dir),
    }
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "credit", "grade", "run", "--city", CODE, "--json"],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    seconds = time.perf_counter() - begin
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


async def _one(stage: Stage, today: date) -> float:
    """Return the CPU seconds of recomputing one enterprise; the median of several."""
    pack, times = stage.pack, []
    async with stage.db.city(CODE) as conn:
        size = await log.size_at(conn, None)
        for code in stage.maker.enterprises[:ONE_ROUNDS]:
            begin = time.process_time()
            await grades.explain(conn, pack, code, on=today, size=size)
            times.append(time.process_time() - begin)
    return statistics.median(times)
