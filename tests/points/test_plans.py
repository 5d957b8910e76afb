"""What an operation costs grows neither with the book nor with what is posted along with it.

A session keeps its plans. Those it made while the tables were empty have to be right for a million
accounts, too, and so have those of a session that comes later, with or without statistics.
"""

import itertools
from collections import Counter
from typing import NamedTuple

import pytest

from credit.points import store
from credit.points.logic import operations as op
from credit.points.views import NewAccount

ACCOUNTS = 1_000_000
SIZES = (1, 10, 100, 1_000)
STRIDE = 7_919  # no neighbours, so that each is in a place of its own
# Pages of tables and indexes that are looked at for an operation, and for a call.
PAGES_OF_ONE = 120
PAGES_OF_CALL = 100
LARGE = ("point_account", "point_transfer", "point_key", "point_hold", "point_token", "point_lot",
    "point_lot_use")  # fmt: skip
# Everybody has a lot of a hundred points, one in five once had something held. Numbers are those of
# transfers that are not there: posting looks at none. What is indexed comes in order, which is quicker.
LOAD = f"""
SELECT setval('point_transfer_id_seq', 9000000);
INSERT INTO point_account (code, kind, floor, lots, balance, opened_at)
SELECT n::text, 'resident', 0, true, 100, now() FROM generate_series(1000001, 1000000 + {ACCOUNTS}) n;
INSERT INTO point_lot (id, account, amount, remaining, valid_until, priority, reversed)
SELECT 1000000 + id, id, 100, 100, '2026-07-31', 0, false FROM point_account WHERE code > '1' AND code < '3';
INSERT INTO point_hold (id, account, holder, beneficiary, amount, until, captured, returned, refunded)
SELECT 5000000 + n, n, 1, 2, 10, now(), 10, 0, 0 FROM generate_series(1, {ACCOUNTS} / 5) n;
INSERT INTO point_key (key, hash, transfer, day)
SELECT int8send(0) || int8send(n), '', 1000000 + n, '2026-06-29' FROM generate_series(1, {ACCOUNTS} / 5) n
"""
PLACES = "SELECT array_agg(ctid) FROM point_lot WHERE id = ANY ($1)"
# What this transaction did to a table so far: whole scans, and pages it looked at, its indexes' too.
METER = """
SELECT t.relname::text, pg_stat_get_xact_numscans(t.oid),
    pg_stat_get_xact_blocks_fetched(t.oid) + (
        SELECT coalesce(sum(pg_stat_get_xact_blocks_fetched(i.indexrelid)), 0)::bigint
        FROM pg_index i WHERE i.indrelid = t.oid)
FROM pg_class t
WHERE t.relnamespace = current_schema()::regnamespace AND t.relname = ANY ($1) AND t.relkind = 'r'
"""


class Cost(NamedTuple):
    """What was done to so many in one call: the tables it went through whole, and pages in all."""

    session: str
    what: str
    size: int
    scanned: set[str]
    pages: int

    @property
    def is_bounded(self):
        # Before an account is closed, whatever is held at that time is looked at.
        few = self.what == "close" or self.pages <= PAGES_OF_CALL + PAGES_OF_ONE * self.size
        return few and not self.scanned


class Session:
    """A session that does everything there is to do to accounts, and what that cost."""

    def __init__(self, book, conn, name):
        self.book, self.conn, self.name = book, conn, name
        self.costs = []
        self.numbers = itertools.count()

    async def everything(self, accounts):
        """Post every operation to each of these accounts, and whatever else is done to them."""
        key, adjustment = self.book.key, self.book.ids["adjustment"]
        granted = await self.post("grant", [self._grant(one, 9) for one in accounts])
        await self.post("spend", [self._spend(one, 5) for one in accounts])
        await self.post(
            "spend too much", [self._spend(one, 10**6) for one in accounts], "insufficient"
        )
        held = await self.post("hold", [self._hold(one) for one in accounts])
        captured = await self.post("capture a part", [op.capture(key(), one, 6) for one in held])
        await self.post("refund", [op.refund(key(), one, 3) for one in held])
        held = await self.post("hold by code", await self._holds_by_code(accounts))
        voids = [op.void(key(), one) for one in held]
        await self.post("void", voids)
        await self.post("the same again", voids)
        await self.post("capture", [op.capture(key(), one) for one in held], "hold-voided")
        await self.post("reverse", [op.reverse(key(), one, adjustment, 1) for one in granted])
        await self._sweep(accounts)
        await self._open_and_close(len(accounts))
        sealed = store.movements(self.conn, captured[0] - 1, len(accounts))
        assert len(await self.measured("seal", len(accounts), sealed)) == len(accounts)

    async def in_all_sizes(self, accounts):
        for size in SIZES:
            await self.everything(list(itertools.islice(accounts, size)))

    async def post(self, what, operations, outcome="posted"):
        """Post in one call; returns the transfers' numbers."""
        now, today, grace = self.book.clock.now(), self.book.clock.today(), self.book.day(30)
        posting = store.post(self.conn, None, operations, now, today, grace)
        outcomes = await self.measured(what, len(operations), posting)
        assert Counter(one.outcome for one in outcomes) == {outcome: len(operations)}
        return [one.transfer for one in outcomes]

    async def _sweep(self, accounts):
        now, today, size = self.book.clock.now(), self.book.clock.today(), len(accounts)
        over = [self._grant(one, -1) for one in accounts]
        granting = store.post_grants(self.conn, None, over, now, today)
        granted = await self.measured("grants", size, granting)
        lots = await self.conn.fetchval(PLACES, [one.transfer for one in granted])
        expiring = store.expire_lots(self.conn, lots, now, today)
        assert await self.measured("expire", size, expiring) == size
        assert await self.measured("lapse", 1, store.holds_over(self.conn, now, 500)) == []

    async def _open_and_close(self, size):
        now = self.book.clock.now()
        new = [NewAccount(f"{self.name} {next(self.numbers)}", "resident") for _ in range(size)]
        opened = await self.measured("open", size, store.open_accounts(self.conn, new, now))
        close = self.conn.fetchval("SELECT close_account_v1($1, $2)", max(opened.values()), now)
        assert await self.measured("close", 1, close)

    async def measured(self, what, size, work):
        """Do something in a transaction of its own, and note what it cost."""
        async with self.conn.transaction():
            before = await self._meter()
            answer = await work
            after = await self._meter()
        scanned = {name for name in LARGE if after[name][0] > before[name][0]}
        pages = sum(after[name][1] - before[name][1] for name in LARGE)
        self.costs.append(Cost(self.name, what, size, scanned, pages))
        return answer

    async def _meter(self):
        return {name: counted for name, *counted in await self.conn.fetch(METER, LARGE)}

    def _grant(self, account, days):
        lot = op.Lot(self.book.day(days))
        return op.transfer(
            self.book.key(), "grant", self.book.ids["issuance"], account, 10, lot=lot
        )

    def _spend(self, account, amount):
        return op.transfer(self.book.key(), "spend", account, self.book.ids["shop"], amount)

    def _hold(self, account, **more):
        ids = self.book.ids
        return op.hold(
            self.book.key(), account, ids["held"], ids["shop"], 9, self.book.in_minutes(9), **more
        )

    async def _holds_by_code(self, accounts):
        until = self.book.in_minutes(1)
        codes = [(f"{self.name} {next(self.numbers)}".encode(), one, until) for one in accounts]
        await self.conn.executemany(
            "INSERT INTO point_token (token, account, until) VALUES ($1, $2, $3)", codes
        )
        return [self._hold(code) for code, *_ in codes]


@pytest.mark.slow
async def test_what_an_operation_costs_grows_with_neither_the_book_nor_the_batch(book):
    sessions = []

    async def come(name):
        sessions.append(Session(book, await book.db.dedicated("150200"), name))
        return sessions[-1]

    async with book.owner() as owner:
        try:
            # Or statistics of what is loaded would come on their own, and new plans with them.
            for name in LARGE:
                await owner.execute(f"ALTER TABLE {name} SET (autovacuum_enabled = false)")
            early = await come("planned while the book was empty")
            for name in ("Li", "Wang"):
                await book.fund(name, 100)
            await early.everything([book.ids["Li"], book.ids["Wang"]])
            early.costs.clear()
            first = await owner.fetchval("SELECT max(id) FROM point_account") + 1
            await owner.execute(LOAD)
            late = await come("planned without statistics")
            places = (first + place % ACCOUNTS for place in itertools.count(0, STRIDE))
            for session in (early, late):
                await session.in_all_sizes(places)
            await owner.execute("ANALYZE")
            latest = await come("planned with statistics")
            await latest.in_all_sizes(places)
            # The meter sees what it should see.
            counting = late.conn.fetchval("SELECT sum(remaining) FROM point_lot")
            await late.measured("count", 1, counting)
            count = late.costs.pop()
            assert (count.scanned, count.pages > 1_000) == ({"point_lot"}, True)
        finally:
            for session in sessions:
                await session.conn.close()
    assert [cost for one in sessions for cost in one.costs if not cost.is_bounded] == []
