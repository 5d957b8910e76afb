"""The server over HTTP: a grade against an empty endpoint, a hundred bidders against one."""

import asyncio
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import orjson

from bench import facts
from bench.report import Line
from bench.stage import CODE, Stage
from credit.grades import service as grades
from credit.kit.clock import SystemClock
from credit.log.service import sign_records

PORT = 18_643
CONNECTIONS = 16
REQUESTS = 6_000
QUERIES = 400
ROUNDS = 5
FACTS = 20_000
TICK = os.sysconf("SC_CLK_TCK")
API = f"/api/v1/{CODE}"


@dataclass(frozen=True)
class Load:
    """What a load came to: requests per second, server CPU seconds a request, p99 in seconds."""

    rate: float
    cpu: float
    p99: float


async def measure(stage: Stage) -> list[Line]:
    """Publish grades, start the server as a process of its own, and load it in turns."""
    today = SystemClock().today()
    records = facts.records(stage, FACTS, date(today.year - 2, 1, 1), today)
    await facts.enqueue(stage, records)
    await stage.sequence()
    await _publish(stage, today)
    with serving(stage) as process:
        await wait_ready()
        codes = itertools.cycle(stage.maker.enterprises)
        key, numbers = stage.clients["bidder"], itertools.count()

        def empty() -> bytes:
            return get("/health/live")

        def grade() -> bytes:
            return get(f"{API}/enterprises/{next(codes)}/grade")

        def query(count: int) -> Callable[[], bytes]:
            def make() -> bytes:
                body = {
                    "purpose": "项目招标",
                    "tender_ref": "包公资〔2026〕1号",
                    "bidders": list(itertools.islice(codes, count)),
                }
                return post(f"{API}/grade-queries", body, key, f"bench-{next(numbers)}")

            return make

        plain, graded = await _compare(process.pid, empty, grade, REQUESTS)
        one, hundred = await _compare(process.pid, query(1), query(100), QUERIES)
    return [
        Line(
            "GET …/grade",
            f"{graded.cpu * 1e6:,.0f} µs of CPU, {graded.rate:,.0f}/s",
            f"an empty endpoint: {plain.cpu * 1e6:,.0f} µs, {plain.rate:,.0f}/s",
            plain.cpu / graded.cpu,
            "≥ 0.5",
            ok=plain.cpu / graded.cpu >= 0.5,
            note=f"{CONNECTIONS} connections, p99 {graded.p99 * 1000:.1f} ms",
        ),
        Line(
            "a query of 100 bidders",
            f"{hundred.cpu * 1e3:,.2f} ms of CPU, {hundred.rate:,.0f}/s",
            f"a query of one: {one.cpu * 1e3:,.2f} ms, {one.rate:,.0f}/s",
            max(hundred.cpu / one.cpu, one.rate / hundred.rate),
            "≤ 15",
            ok=max(hundred.cpu / one.cpu, one.rate / hundred.rate) <= 15,
            note=f"the larger of the ratios of CPU and time; p99 {hundred.p99 * 1000:.0f} ms",
        ),
    ]


async def _publish(stage: Stage, today: date) -> None:
    clock = SystemClock()
    async with stage.db.transaction(CODE) as conn:
        run = await grades.run(conn, clock, stage.actors["officer"], stage.pack, today)
        bodies = await grades.prepare_publication(conn, clock, stage.pack, run.id)
        key = stage.keys["city_authority"]
        records = sign_records(key, "grade", bodies, clock)
        actor = stage.actors["city_authority"]
        await grades.publish(conn, clock, actor, stage.pack, run.id, records)
    await stage.sequence()


@contextmanager
def serving(stage: Stage) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "CREDIT_DATABASE_URL": stage.url,
        "CREDIT_DATA_DIR": str(stage.settings.data_dir),
        "CREDIT_PORT": str(PORT),
    }
    process = subprocess.Popen([sys.executable, "-m", "credit", "serve"], env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


async def wait_ready() -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", PORT)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise RuntimeError("the server did not start")


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def post(path: str, body: object, key: str, idempotency_key: str) -> bytes:
    content = orjson.dumps(body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nIdempotency-Key: {idempotency_key}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def _compare(
    pid: int, first: Callable[[], bytes], second: Callable[[], bytes], count: int
) -> tuple[Load, Load]:
    """Load the server with both in turns, once to warm up; the round of the median ratio counts."""
    rounds = [
        (await _load(pid, first, count), await _load(pid, second, count)) for _ in range(ROUNDS + 1)
    ]
    return sorted(rounds[1:], key=lambda pair: pair[1].cpu / pair[0].cpu)[ROUNDS // 2]


async def _load(pid: int, make: Callable[[], bytes], count: int) -> Load:
    requests = iter([make() for _ in range(count)])
    times: list[float] = []

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        for request in requests:
            begin = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            assert head[9:12] in (b"200", b"201"), head
            times.append(time.perf_counter() - begin)
        writer.close()

    cpu, begin = cpu_of(pid), time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    seconds = time.perf_counter() - begin
    times.sort()
    return Load(count / seconds, (cpu_of(pid) - cpu) / count, times[int(len(times) * 0.99)])


def cpu_of(pid: int) -> float:
    """Return the CPU seconds a process has used (proc(5): utime and stime, in ticks)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK
