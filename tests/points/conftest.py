"""An open book with a few accounts, and short ways to post to it and to look into it."""

import asyncio
import itertools
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest

from credit.points import store
from credit.points.logic import operations as op
from credit.points.service.posting import Writer
from credit.points.views import NewAccount

CITY = "150200"
GRACE_DAYS = 30
KINDS = {
    "issuance": "issuance", "held": "held", "pending": "pending", "expired": "expired",
    "adjustment": "adjustment", "budget": "budget", "Li": "resident", "Wang": "resident",
    "shop": "merchant", "inn": "merchant",
}  # fmt: skip
AVAILABLE = """
SELECT CASE WHEN a.lots THEN (
    SELECT coalesce(sum(l.remaining), 0) FROM point_lot l
    WHERE l.account = a.id AND l.valid_until >= $2 AND NOT l.reversed
) ELSE a.balance - a.floor END
FROM point_account a WHERE a.id = $1
"""


class Book:
    """The book of one city at the clock's moment; names stand for accounts."""

    def __init__(self, db, clock, ids):
        self.db, self.clock, self.ids = db, clock, ids
        self.writer = self.another_writer()
        self.numbers = itertools.count()

    def another_writer(self):
        return Writer(self.db, self.clock, CITY, lambda _: GRACE_DAYS)

    def key(self):
        return op.key_of("till", "test", str(next(self.numbers)), b"what was asked")

    def day(self, days):
        return self.clock.today() + timedelta(days=days)

    def in_minutes(self, minutes):
        return self.clock.now() + timedelta(minutes=minutes)

    def pass_days(self, days):
        self.clock.now_value += timedelta(days=days)

    def transfer(self, debit, credit, amount, *, kind="test", **more):
        """Make a transfer between two accounts by their names."""
        return op.transfer(
            self.key(), kind, self.ids.get(debit, 0), self.ids.get(credit, 0), amount, **more
        )

    def to_hold(self, account, amount, whom="shop", *, minutes=15, holder="held", **more):
        """Make a hold of an account by its name, or of whose a token is."""
        return op.hold(
            self.key(), account if isinstance(account, bytes) else self.ids[account], self.ids[holder], self.ids[whom], amount,
            self.in_minutes(minutes), **more,
        )  # fmt: skip

    async def post(self, *operations):
        """Post in one transaction on a connection of the pool, as the application."""
        today = self.clock.today()
        async with self.db.city(CITY) as conn:
            return await store.post(
                conn, None, operations, self.clock.now(), today, self.day(GRACE_DAYS)
            )

    async def posted(self, operation):
        """Post what has to be posted; returns its number."""
        (outcome,) = await self.post(operation)
        assert outcome.outcome == "posted", outcome
        return outcome.transfer

    async def refused(self, operation):
        """Post what has to be refused; returns why."""
        (outcome,) = await self.post(operation)
        assert outcome.transfer is None, outcome
        return outcome.outcome

    async def fund(self, name, amount, days=None, priority=0):
        """Grant a lot good through a day so many days ahead (None: always); returns its number."""
        lot = op.Lot(None if days is None else self.day(days), priority)
        return await self.posted(self.transfer("issuance", name, amount, kind="grant", lot=lot))

    async def hold(self, account, amount, whom="shop", **more):
        return await self.posted(self.to_hold(account, amount, whom, **more))

    async def captured(self, account, amount, whom="shop"):
        """Hold and capture; returns the hold's number."""
        number = await self.hold(account, amount, whom)
        await self.posted(op.capture(self.key(), number))
        return number

    async def sweep(self):
        """Book what is past its day as expired; returns how many lots that were."""
        today = self.clock.today()
        async with self.db.city(CITY) as conn:
            lots = await store.lots_to_expire(conn, today, 1_000)
            return await store.expire_lots(conn, lots, self.clock.now(), today)

    async def busy_day(self):
        """Everything that can happen, some of it in company."""
        lot = await self.fund("Li", 50, days=1)
        await self.fund("Wang", 40, days=9)
        await self.writer.post_all(
            [self.transfer("issuance", name, 2) for name in ("Li", "Wang", "shop", "budget") * 6]
        )
        first, second = await self.hold("Li", 30), await self.hold("Wang", 10, "inn")
        await self.posted(op.capture(self.key(), first, 20))
        await self.posted(op.void(self.key(), second))
        await self.posted(op.refund(self.key(), first, 5))
        await self.posted(op.reverse(self.key(), lot, self.ids["adjustment"], 3))
        self.pass_days(2)
        await self.posted(op.refund(self.key(), first, 5))
        await self.sweep()

    async def faults(self):
        async with self.db.city(CITY) as conn:
            return await store.faults(conn)

    async def ask(self, question, *arguments):
        """Return the one value a question has for an answer."""
        async with self.db.city(CITY) as conn:
            return await conn.fetchval(question, *arguments)

    async def balance(self, name):
        return await self.ask("SELECT balance FROM point_account WHERE id = $1", self.ids[name])

    async def balances(self, *names):
        return tuple([await self.balance(name) for name in names])

    async def available(self, name):
        return await self.ask(AVAILABLE, self.ids[name], self.clock.today())

    async def lots(self, name):
        """Return what is left of each lot by its number."""
        async with self.db.city(CITY) as conn:
            rows = await conn.fetch(
                "SELECT id, remaining FROM point_lot WHERE account = $1", self.ids[name]
            )
        return dict(rows)

    async def transfers(self):
        return await self.ask("SELECT count(*) FROM point_transfer")

    async def stop(self, writer):
        """Cut a writer's connection, if it has one; says whether it had."""
        conn = writer._conn
        if conn is None or conn.is_closed():
            return False
        return await self.ask_owner("SELECT pg_terminate_backend($1)", conn.get_server_pid())

    @asynccontextmanager
    async def owner(self):
        """A connection of the book's owner, whom no right stops."""
        conn = await asyncpg.connect(self.db.url)
        try:
            await conn.execute(f"SET search_path = city_{CITY}, pg_catalog")
            yield conn
        finally:
            await conn.close()

    async def ask_owner(self, question, *arguments):
        async with self.owner() as conn:
            return await conn.fetchval(question, *arguments)

    @asynccontextmanager
    async def locked(self):
        """The book's lock, taken by somebody else: what is posted meanwhile waits."""
        async with self.owner() as conn, conn.transaction():
            await store.lock_book(conn)
            yield


@pytest.fixture
async def book(db, clock):
    """An open book at noon on 2026-06-30, and its writer."""
    async with db.city(CITY) as conn:
        accounts = [NewAccount(name, kind) for name, kind in KINDS.items()]
        ids = await store.open_accounts(conn, accounts, clock.now())
    made = Book(db, clock, ids)
    yield made
    await made.writer.close()


@pytest.fixture
def at_once(book, database_url, lock_awaited):
    """What runs things at once: they wait until so many sessions stand before the book's lock, so
    that what each of them saw before is out of date for all but the first.
    """

    async def run(things, *, sessions=10):
        async with book.locked():
            running = [asyncio.ensure_future(thing) for thing in things]
            await lock_awaited(database_url, sessions=sessions)
        return await asyncio.gather(*running)

    return run
