"""Posting: single operations queue up while others are posted, and share a transaction.

One process at a time is the book's writer: it holds a session lock, and its lease is a number that
grows with each change of writer and that the database compares. Others post what they have by
themselves; the book's own lock keeps that in order, it is only slower.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import date, timedelta
from functools import partial
from typing import NamedTuple

import asyncpg
import structlog

from credit.kit.clock import Clock
from credit.kit.db import FAILURES, Connection, Database
from credit.kit.errors import Overloaded
from credit.kit.grouping import GroupCommit
from credit.kit.texts import say
from credit.points import store
from credit.points.reading.store import accounts_by_code
from credit.points.views import Account, Operation, Outcome, Place
from credit.rules.loading import pack_of_city
from credit.rules.pack import Pack

__all__ = ["Writer", "Writers"]

ACCOUNTS_KEPT = 50_000
CHUNK = 250  # of a long list, so that single operations need not wait for all of it
GRANTS_MIN = 20  # so many of one kind from one account are posted in one statement
log = structlog.get_logger()
# What the caller asked for cannot be written at all; trying again would not help.
MISTAKES = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)


class Work(NamedTuple):
    """What shares a transaction with others': operations, and lots to be booked as expired."""

    operations: Sequence[Operation] = ()
    lots: Sequence[Place] = ()


class Done(NamedTuple):
    """What became of it: the outcome of each operation, and how many lots of the whole transaction
    were past their day.
    """

    outcomes: Sequence[Outcome]
    expired: int


class Writer:
    """Posts one city's operations; `close` gives its connection and its lease back.

    `grace_days` says, for a day, how long points are good that come back when their lot is over.
    Without `leading` it leaves the lease to others.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        city: str,
        grace_days: Callable[[date], int],
        *,
        leading: bool = True,
    ) -> None:
        self._db = db
        self._clock = clock
        self._city = city
        self._grace_days = grace_days
        self._leading = leading
        self._conn: Connection | None = None
        self._lease: int | None = None
        self._accounts: dict[str, Account] = {}
        self._queue: GroupCommit[Work, Done] = GroupCommit(self._run, lanes=1)

    async def post(self, operation: Operation) -> Outcome:
        """Post one operation with whatever else waits; answers after the commit.

        Raises `Overloaded` (503) where the queue is full, or the outcome could not be learnt: the
        same operation under the same key may then be sent again.
        """
        done = await self._queue.submit(Work((operation,)))
        return done.outcomes[0]

    async def post_all(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Post operations in their order; each has its own outcome."""
        outcomes: list[Outcome] = []
        for begin in range(0, len(operations), CHUNK):
            done = await self._queue.submit(Work(operations[begin : begin + CHUNK]))
            outcomes += done.outcomes
        return outcomes

    async def expire(self, lots: Sequence[Place]) -> int:
        """Book lots that are past their day as expired; returns how many the transaction booked.

        What others post shares it, and waits for them, too: a few at a time.
        """
        return (await self._queue.submit(Work(lots=lots))).expired

    async def accounts(self, codes: Collection[str]) -> dict[str, Account]:
        """Return accounts by their codes; unknown ones are left out.

        What an account was opened as never changes, so that it is read once.
        """
        missing = [code for code in codes if code not in self._accounts]
        if missing:
            if len(self._accounts) > ACCOUNTS_KEPT:
                self._accounts.clear()
                missing = list(codes)
            async with self._db.city(self._city) as conn:
                self._accounts.update(await accounts_by_code(conn, missing))
        return {code: self._accounts[code] for code in codes if code in self._accounts}

    async def account(self, code: str) -> int:
        """Return the number of an account of which a book has one: `held`, `pending`, `issuance`."""
        return (await self.accounts((code,)))[code].id

    async def close(self) -> None:
        """Finish what was submitted, then give up the connection, and with it the lease."""
        await self._queue.finish()
        conn, self._conn, self._lease = self._conn, None, None
        if conn is not None:
            await conn.close()

    async def _run(self, group: Sequence[Work]) -> list[Done]:
        operations = [one for work in group for one in work.operations]
        lots = [lot for work in group for lot in work.lots]
        try:
            outcomes, expired = await self._post(operations, lots)
        except MISTAKES:
            raise
        except FAILURES as error:
            # Whether it was committed is not known; under the same keys that is looked up.
            log.warning("points posted again", city=self._city, error=type(error).__name__)
            await self._drop()
            try:
                outcomes, expired = await self._post(operations, lots)
            except MISTAKES:
                raise
            except FAILURES as again:
                await self._drop()
                raise Overloaded(
                    say("积分账本暂时不可用，请稍后用同一幂等键重试。"), slug="book-unavailable"
                ) from again
        answered = iter(outcomes)
        return [
            Done([next(answered) for _ in work.operations], expired if work.lots else 0)
            for work in group
        ]

    async def _post(
        self, operations: Sequence[Operation], lots: Sequence[Place]
    ) -> tuple[list[Outcome], int]:
        conn = await self._connected()
        now, today = self._clock.now(), self._clock.today()
        grace = today + timedelta(days=self._grace_days(today))
        if lots:
            return await store.post_and_expire(
                conn, self._lease, operations, lots, now, today, grace
            )
        if len(operations) >= GRANTS_MIN and _are_grants(operations):
            granted = await store.post_grants(conn, self._lease, operations, now, today)
            if granted is not None:
                return granted, 0
        return await store.post(conn, self._lease, operations, now, today, grace), 0

    async def _connected(self) -> Connection:
        if self._conn is None:
            self._conn = await self._db.dedicated(self._city)
        if self._lease is None and self._leading:
            self._lease = await store.take_lease(self._conn)
        return self._conn

    async def _drop(self) -> None:
        conn, self._conn, self._lease = self._conn, None, None
        if conn is not None:
            conn.terminate()


class Writers:
    """One writer for each city, made when it is first asked for; `leading` as for a `Writer`."""

    def __init__(self, db: Database, clock: Clock, *, leading: bool = True) -> None:
        self._db = db
        self._clock = clock
        self._leading = leading
        self._writers: dict[str, Writer] = {}

    def of(self, city: str) -> Writer:
        """Return the city's writer."""
        if city not in self._writers:
            grace_days = partial(_grace_days, pack_of_city(city))
            self._writers[city] = Writer(
                self._db, self._clock, city, grace_days, leading=self._leading
            )
        return self._writers[city]

    async def close(self) -> None:
        """Finish what was submitted, and give every connection back."""
        for writer in self._writers.values():
            await writer.close()


def _grace_days(pack: Pack, day: date) -> int:
    return pack.on(day).points.grace_days


def _are_grants(operations: Sequence[Operation]) -> bool:
    first = operations[0]
    return all(
        one.op == "transfer" and one.debit == first.debit and one.kind == first.kind
        for one in operations
    )
