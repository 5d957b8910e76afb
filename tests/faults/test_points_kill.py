"""Nothing that was posted is lost, doubled or half done when the book's database is killed at work.

Every other round ends with `kill -9` of the server and of its backends; the others cut the writer's
connection, several times, under load. A killed process leaves what it handed to the operating system;
what a loss of power leaves is not tested here.
"""

import asyncio
import os
import random  # noqa: TID251 - from seeds alone
import signal
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import asyncpg
import pytest
from tests.faults.rounds import BOOK, victims
from tests.faults.test_kill import CITY, question

from credit.kit.clock import SystemClock
from credit.kit.db import FAILURES, Database
from credit.kit.errors import Overloaded
from credit.kit.migrate import migrate
from credit.kit.signing import SigningKey
from credit.points import store
from credit.points.logic import operations as op
from credit.points.service.posting import Writer
from credit.points.service.sealing import Sealer, seal_faults
from credit.points.views import NewAccount

OPERATIONS = 80
CALLERS = 12
CUTS = 4
GRACE_DAYS = 30
SECRET = bytes(range(32))
ACCOUNTS = [
    NewAccount("issuance", "issuance"), NewAccount("held", "held"), NewAccount("Li", "resident"),
    NewAccount("Wang", "resident"), NewAccount("shop", "merchant"), NewAccount("inn", "merchant"),
]  # fmt: skip


class Load:
    """What was asked of the book so far, by key, and what was answered."""

    def __init__(self, ids):
        self.ids = ids
        self.asked, self.answers = {}, {}
        self.key = SigningKey.make()
        self.uncertain = 0  # how many operations a kill left without an answer, in all

    def holds(self):
        """List the holds that were acknowledged, in their order."""
        return sorted(
            self.answers[key].transfer for key, one in self.asked.items()
            if one.op == "hold" and key in self.answers and self.answers[key].transfer
        )  # fmt: skip

    def draw(self, dice, number):
        """Draw a round's operations; some meet holds that have ended, or points that are spent."""
        holds = self.holds()[-40:]
        made = []
        for n in range(OPERATIONS):
            key = op.key_of("till", "kill", f"{number}/{n}", b"what was asked")
            what = dice.choice(
                ["grant", "spend", "hold", "hold", "capture", "part", "void", "refund"]
            )
            who, whom = (
                self.ids[dice.choice(["Li", "Wang"])],
                self.ids[dice.choice(["shop", "inn"])],
            )
            amount, about = dice.randint(1, 20), dice.choice(holds) if holds else 0
            if what == "grant":
                one = op.transfer(key, "grant", self.ids["issuance"], who, 3 * amount)
            elif what == "spend":
                one = op.transfer(key, "spend", who, whom, amount)
            elif what == "hold":
                until = SystemClock().now() + timedelta(days=1)
                one = op.hold(key, who, self.ids["held"], whom, amount, until)
            elif what in ("capture", "part"):
                one = op.capture(key, about, 1 if what == "part" else None)
            else:
                one = op.void(key, about) if what == "void" else op.refund(key, about)
            made.append(one)
        return made


@asynccontextmanager
async def opened(server):
    """A pool and a writer; where the server is killed meanwhile, nobody waits for it."""
    db = await Database(server.url, size_max=2).open()
    writer = Writer(db, SystemClock(), CITY, lambda _: GRACE_DAYS)
    try:
        yield db, writer
    finally:
        await writer._drop()
        db.pool.terminate()


def backend_of(writer):
    """The number of the process that serves the writer, if it is connected."""
    conn = writer._conn
    return None if conn is None or conn.is_closed() else conn.get_server_pid()


async def cut(server, writer):
    if (pid := backend_of(writer)) is not None:
        await question(server, "SELECT pg_terminate_backend($1)", pid)


async def posted_by_callers(load, writer, made, *, moments, strike):
    """Post by several callers, and strike once so many answers came; returns what has none.

    Callers stop when a strike says so.
    """
    todo, unknown, count = list(reversed(made)), [], 0

    async def call():
        nonlocal count
        while todo:
            one = todo.pop()
            load.asked[one.key] = one
            try:
                load.answers[one.key] = await writer.post(one)
            except Overloaded:
                unknown.append(one)
                continue
            count += 1
            if count in moments and await strike():
                todo.clear()

    await asyncio.gather(*(call() for _ in range(CALLERS)))
    return unknown


async def settle(load, writer, unknown, dice):
    """Send again what has no answer, under its key, and some of what has one."""
    for one in unknown:
        load.answers[one.key] = await writer.post(one)
    for key in dice.sample(sorted(load.answers), min(20, len(load.answers))):
        assert await writer.post(load.asked[key]) == load.answers[key]


async def check(db, load):
    """Hold the book to what was acknowledged: each posting once, and nothing besides.

    What was posted since the last check is sealed, so that the next one sees whether it changed.
    """
    await Sealer(db, SystemClock(), CITY, load.key, SECRET).seal()
    async with db.city(CITY) as conn:
        assert await store.faults(conn) == []
        assert await seal_faults(conn, SECRET) == []
        keys = await conn.fetch("SELECT key, coalesce(refusal, 'posted'), transfer FROM point_key")
        booked = await conn.fetch("SELECT id, kind FROM point_transfer WHERE kind <> 'release'")
        parts = await conn.fetchval(
            "SELECT count(*) FROM point_hold WHERE captured > 0 AND returned > 0"
        )
        released = await conn.fetchval("SELECT count(*) FROM point_transfer WHERE kind = 'release'")
    assert {row[0]: (row[1], row[2]) for row in keys} == {
        key: (one.outcome, one.transfer) for key, one in load.answers.items()
    }
    kinds = {
        one.transfer: load.asked[key].kind for key, one in load.answers.items() if one.transfer
    }
    assert dict(map(tuple, booked)) == kinds
    assert released == parts


async def round_(server, load, number, victim):
    """Post, strike, start again if that killed the server, settle, check."""
    dice = random.Random(number)
    killed = victim == "database"
    async with opened(server) as (db, writer):

        async def strike():
            await (asyncio.to_thread(server.kill) if killed else cut(server, writer))
            return killed

        moments = dice.sample(range(1, OPERATIONS - CALLERS), 1 if killed else CUTS)
        made = load.draw(dice, number)
        unknown = await posted_by_callers(load, writer, made, moments=moments, strike=strike)
        load.uncertain += len(unknown) if killed else 0
        if not killed:
            await settle(load, writer, unknown, dice)
            await check(db, load)
            return
    await asyncio.to_thread(server.start)
    async with opened(server) as (db, writer):
        await settle(load, writer, unknown, dice)
        await check(db, load)


@pytest.mark.slow
async def test_what_the_book_acknowledged_is_there_once_whatever_is_killed(server):
    await asyncio.to_thread(migrate, server.url, [CITY])
    async with Database(server.url, size_max=1) as db, db.city(CITY) as conn:
        ids = await store.open_accounts(conn, ACCOUNTS, SystemClock().now())
    load = Load(ids)
    for number, victim in enumerate(victims(BOOK)):
        await round_(server, load, number, victim)
    assert load.uncertain  # or the kills came when nobody was at work
    answers = {one.outcome for one in load.answers.values()}
    assert {"posted", "insufficient", "hold-captured", "hold-voided"} <= answers


async def answering(server):
    """Wait until the server, which starts itself again, takes connections."""
    async with asyncio.timeout(60):
        while True:
            with suppress(asyncpg.PostgresError, OSError):
                conn = await asyncpg.connect(server.url)
                return await conn.close()


@pytest.mark.slow
async def test_of_a_batch_that_is_killed_at_its_last_step_nothing_stands(server):
    await asyncio.to_thread(migrate, server.url, [CITY])
    now, today = SystemClock().now(), SystemClock().today()
    async with opened(server) as (db, _):
        async with db.city(CITY) as conn:
            ids = await store.open_accounts(conn, ACCOUNTS, now)
            keys = [op.key_of("till", "batch", str(n), b"what was asked") for n in range(4)]
            grant = op.transfer(keys[0], "grant", ids["issuance"], ids["Li"], 50)
            (first,) = await store.post(conn, None, [grant], now, today, today)
        batch = [
            op.hold(keys[1], ids["Li"], ids["held"], ids["shop"], 10, now + timedelta(days=1)),
            op.transfer(keys[2], "spend", ids["Li"], ids["shop"], 40),
            op.transfer(keys[3], "spend", ids["Li"], ids["shop"], 1),
        ]
        doomed, holding = await db.dedicated(CITY), await asyncpg.connect(server.url)
        await holding.execute(f"SET search_path = city_{CITY}; BEGIN")
        # Whoever posts to the shop has written all but balances when he comes to wait for this.
        await holding.execute("SELECT FROM point_account WHERE code = 'shop' FOR UPDATE")
        posting = asyncio.create_task(store.post(doomed, None, batch, now, today, today))
        pid = doomed.get_server_pid()
        async with asyncio.timeout(10):
            while not await holding.fetchval(
                "SELECT count(*) FROM pg_locks WHERE pid = $1 AND NOT granted", pid
            ):
                continue
        os.kill(pid, signal.SIGKILL)  # which takes every other backend down, too
        with pytest.raises(FAILURES):
            await posting
        # Until the server learns of it and turns everybody out, it goes on to take connections.
        with pytest.raises(FAILURES):
            await holding.execute("SELECT pg_sleep(60)")
    await answering(server)
    load = Load(ids)
    load.asked, load.answers = {grant.key: grant}, {grant.key: first}
    async with opened(server) as (db, writer):
        await check(db, load)  # the grant alone
        load.asked.update((one.key, one) for one in batch)
        outcomes = await writer.post_all(batch)
        load.answers.update((one.key, out) for one, out in zip(batch, outcomes, strict=True))
        assert [one.outcome for one in outcomes] == ["posted", "posted", "insufficient"]
        await check(db, load)
