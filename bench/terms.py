"""The daily sweep of open terms: what is late goes up a level."""

import time
from datetime import timedelta

from bench.report import Line
from bench.stage import CODE, Stage, analyze
from credit.access.logic import SCOPES
from credit.access.views import Actor
from credit.kit.clock import FixedClock, SystemClock
from credit.kit.ids import new_id
from credit.terms import service as terms
from credit.terms.views import NewTerm

OPEN = 100_000
CHUNK = 5_000
SECONDS_MAX = 10
CITY = Actor("P-city", ("city_officer",), None, SCOPES["city_officer"])


async def measure(stage: Stage) -> list[Line]:
    """Sweep 100,000 open terms, every one of them late, on each of two days."""
    clock = FixedClock(SystemClock().now())
    today = clock.today()
    due = today - timedelta(days=1)
    code = stage.maker.enterprises[0]
    for _ in range(OPEN // CHUNK):
        new = [
            NewTerm("event", new_id(clock.now()), "hearing", due, scope="events:hear", about=code)
            for _ in range(CHUNK)
        ]
        async with stage.db.transaction(CODE) as conn:
            await terms.open_terms(conn, clock, new)
    await analyze(stage.url)
    seconds = []
    for days in (0, 7):  # a week later they go up once more
        clock.now_value += timedelta(days=days)
        begin = time.perf_counter()
        async with stage.db.transaction(CODE) as conn:
            raised = await terms.sweep(conn, clock, 3)
        seconds.append(time.perf_counter() - begin)
        assert raised == OPEN, raised
    async with stage.db.city(CODE) as conn:
        listed = await terms.open_of_office(conn, CITY)
    assert {one.level for one in listed} == {2}
    slowest = max(seconds)
    return [
        Line(
            "daily sweep of 100,000 open terms, all late",
            f"{slowest:.1f} s",
            "",
            None,
            "≤ 10 s",
            ok=slowest <= SECONDS_MAX,
            note=f"the slower of two days: {', '.join(f'{one:.2f} s' for one in seconds)}",
        )
    ]
