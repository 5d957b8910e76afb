"""The server over HTTP: a grade against an empty endpoint, a hundred bidders against one."""

import itertools
from collections.abc import Callable
from datetime import date

from bench import facts
from bench.report import Line
from bench.serving import serving
from bench.stage import CODE, Stage
from bench.wire import CONNECTIONS, Load, Wire, get, load, post
from credit.grades import service as grades
from credit.kit.clock import SystemClock
from credit.log.service import sign_records

REQUESTS = 6_000
QUERIES = 400
ROUNDS = 5
FACTS = 20_000
API = f"/api/v1/{CODE}"


async def measure(stage: Stage) -> list[Line]:
    """Publish grades, start the server as a process of its own, and load it in turns."""
    today = SystemClock().today()
    records = facts.records(stage, FACTS, date(today.year - 2, 1, 1), today)
    await facts.enqueue(stage, records)
    await stage.sequence()
    await _publish(stage, today)
    async with serving(stage) as process:
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

    async def ask(_: int, wire: Wire) -> None:
        await wire.ask(next(requests))

    return await load(pid, count, ask)
