"""Statements are drawn once each, whoever is killed while they are drawn: what was drawn stays, what was
being drawn leaves nothing, and drawing again draws the rest.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta

import asyncpg
import pytest
from tests.bank import ADD_MERCHANT, ALL_DAY
from tests.faults.test_kill import CITY, PATIENCE_SECONDS, credit, environment, question

from credit.kit.clock import FixedClock, SystemClock
from credit.kit.db import Database
from credit.kit.migrate import migrate
from credit.market.service import settlements, statements
from credit.points import store
from credit.points.logic import operations as op
from credit.points.views import NewAccount

MERCHANTS = [f"SH-000{number}" for number in range(1, 7)]
BUYS = 4
# The drawing stands still at this merchant: others come before and after it.
AT = MERCHANTS[2]
DRAW = """
import asyncio, sys
from credit.kit.clock import SystemClock
from credit.kit.db import Database
from credit.market.service import settlements

async def main():
    async with Database(sys.argv[1], size_max=2) as db:
        await settlements.draw_due(db, SystemClock(), sys.argv[2])

asyncio.run(main())
"""
# Who adds a statement of the same stretch waits for the end of this one, with its own in hand.
IN_THE_WAY = """
INSERT INTO settlement (id, merchant, after, upto, begins_on, ends_on, captures, captured, refunds, refunded,
    points, carried, fen_per_point, fen, digest, state, drawn_by, drawn_at)
VALUES (gen_random_uuid(), $1, 0, 1, now(), now(), 1, 1, 0, 0, 1, 0, 100, 100, '', 'drawn', 'P-1', now())
"""
WAITING = """
SELECT pid FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND query LIKE '%INSERT INTO settlement%'
"""
BOOKED = """
SELECT m.code,
    coalesce(sum(t.amount) FILTER (WHERE t.kind = 'capture' AND t.credit = m.account), 0)::bigint,
    coalesce(sum(t.amount) FILTER (WHERE t.kind = 'refund' AND t.debit = m.account), 0)::bigint
FROM merchant m LEFT JOIN point_transfer t ON m.account IN (t.debit, t.credit)
GROUP BY m.code ORDER BY m.code
"""
DRAWN = "SELECT id, merchant, captured, refunded, upto FROM settlement ORDER BY merchant, after"


async def book_of_last_month(db):
    """Merchants whose customers bought last month, and gave something back at every other one."""
    clock = FixedClock(last_month())
    async with db.city(CITY) as conn:
        ids = await store.open_accounts(
            conn,
            [NewAccount("Li", "resident"), *(NewAccount(f"merchant:{one}", "merchant", one) for one in MERCHANTS)],
            clock.now(),
        )  # fmt: skip
        ids |= dict(
            map(tuple, await conn.fetch("SELECT code, id FROM point_account WHERE kind = code"))
        )
        for code in MERCHANTS:
            await conn.execute(
                ADD_MERCHANT, code, "便民超市", "150203001", json.dumps(ALL_DAY), b"\0" * 32,
                ids[f"merchant:{code}"], clock.now(),
            )  # fmt: skip
        await buy(conn, clock, ids)


def last_month():
    """Noon in the middle of the month before this one."""
    return SystemClock().now().replace(day=1) - timedelta(days=15)


async def buy(conn, clock, ids):
    keys = iter(op.key_of("till", "buy", str(number), b"") for number in range(1_000))

    async def post(*asked):
        today = clock.today()
        outcomes = await store.post(conn, None, asked, clock.now(), today, today)
        assert {one.outcome for one in outcomes} == {"posted"}
        return [one.transfer for one in outcomes]

    await post(op.transfer(next(keys), "grant", ids["issuance"], ids["Li"], 5_000))
    until = clock.now() + timedelta(minutes=15)
    for place, code in enumerate(MERCHANTS):
        shop = ids[f"merchant:{code}"]
        holds = await post(
            *(op.hold(next(keys), ids["Li"], ids["held"], shop, 10 + place, until) for _ in range(BUYS))
        )  # fmt: skip
        await post(*(op.capture(next(keys), one) for one in holds))
        if place % 2:
            await post(op.refund(next(keys), holds[0], 3))


def begin_to_draw(server):
    """Draw what is due in a process of its own."""
    command = [sys.executable, "-c", DRAW, server.url, CITY]
    return subprocess.Popen(command, env=environment(server), stderr=subprocess.PIPE)


async def standing_still(server):
    """Wait until the drawing waits for who is in its way; returns the number of its backend."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            pid = await question(server, WAITING)
            if pid is not None:
                return pid
            await asyncio.sleep(0.01)


async def strike(server, victim, drawing, pid):
    """Kill the process that draws, its connection, or the database with everybody in it."""
    if victim == "the process":
        drawing.kill()
    elif victim == "its connection":
        assert await question(server, "SELECT pg_terminate_backend($1)", pid)
    else:
        await asyncio.to_thread(server.kill)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(drawing.communicate, timeout=PATIENCE_SECONDS)
    assert drawing.returncode != 0


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["the process", "its connection", "the database"])
async def test_statements_whose_drawing_is_killed_are_drawn_once_each(server, victim):
    await asyncio.to_thread(migrate, server.url, [CITY])
    async with Database(server.url, size_max=2) as db:
        await book_of_last_month(db)
    in_the_way = await asyncpg.connect(server.url)
    await in_the_way.execute(f"SET search_path = city_{CITY}; BEGIN")
    await in_the_way.execute(IN_THE_WAY, AT)
    drawing = begin_to_draw(server)
    pid = await standing_still(server)
    before = [row["merchant"] for row in await drawn(server)]
    assert before == [one for one in MERCHANTS if one < AT]
    await strike(server, victim, drawing, pid)
    in_the_way.terminate()
    if victim == "the database":
        await asyncio.to_thread(server.start)
    async with Database(server.url, size_max=6) as db:
        # Two at once: nobody knows whether who was killed is not starting again, too.
        counts = await asyncio.gather(
            *(settlements.draw_due(db, SystemClock(), CITY) for _ in range(2))
        )
        assert sum(counts) == len(MERCHANTS) - len(before)
        assert await settlements.draw_due(db, SystemClock(), CITY) == 0
        await agree_with_the_book(server, db)
    (first, *_) = await drawn(server)
    said = credit(server, "points", "statement", str(first["id"]), "--city", CITY, "--json")
    assert json.loads(said.communicate(timeout=PATIENCE_SECONDS)[0])["ok"] is True


async def drawn(server):
    conn = await asyncpg.connect(server.url)
    try:
        await conn.execute(f"SET search_path = city_{CITY}")
        return await conn.fetch(DRAWN)
    finally:
        await conn.close()


async def agree_with_the_book(server, db):
    """Each merchant has one statement, of all the book has; computed again it is the same."""
    async with db.city(CITY) as conn:
        booked = [tuple(row) for row in await conn.fetch(BOOKED)]
        found = await drawn(server)
        assert [(row["merchant"], row["captured"], row["refunded"]) for row in found] == booked
        assert all(captured for _, captured, _ in booked)
        for row in found:
            settled = await settlements.settlement(conn, row["id"])
            assert (await statements.check(conn, CITY, settled)).agrees
            assert settled.drawn_by == settlements.SYSTEM
