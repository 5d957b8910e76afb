"""Settlements in whatever order people act: they stand where a small model says, and no point of
the merchant's is settled twice or left out.
"""

import asyncio
import itertools
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.bank import ADD_MERCHANT, ALL_DAY, CITY, MERCHANT, STREET

from credit.access.views import Actor
from credit.kit.clock import FixedClock
from credit.kit.db import APP_ROLE, session_settings
from credit.kit.errors import CreditError
from credit.market.service import settlements, statements
from credit.points import store as book
from credit.points.logic import operations as op
from credit.points.views import NewAccount

START = datetime(2026, 6, 30, 4, 0, tzinfo=UTC)
OFFICERS = ("P-a", "P-b", "P-c")
PRICE = 80
officers = st.sampled_from(OFFICERS)
which = st.integers(0, 5)


@dataclass
class Bill:
    """A statement of the model: places of the first and behind the last movement, and its state."""

    begin: int
    end: int
    carried: int
    drawn_by: str
    state: str = ""
    digests: list = field(default_factory=list)


class Lent:
    """A database with one connection, whose transactions are parts of the test's own; posts alone."""

    def __init__(self, conn, clock):
        self.conn, self.clock = conn, clock

    @asynccontextmanager
    async def transaction(self, _):
        async with self.conn.transaction():
            yield self.conn

    async def post(self, operation):
        today = self.clock.today()
        (outcome,) = await book.post(self.conn, None, [operation], self.clock.now(), today, today)
        return outcome

    async def post_all(self, operations):
        return [await self.post(one) for one in operations]


class Machine(RuleBasedStateMachine):
    """A customer buys and gives back, officers and the merchant act on statements, in any order."""

    connect = None

    def __init__(self):
        super().__init__()
        self.clock, self.keys = FixedClock(START), itertools.count()
        self.runner = asyncio.Runner()
        self.conn = self.runner.run(type(self).connect())
        self.open = self.conn.transaction()
        self.runner.run(self.open.start())
        self.lent = Lent(self.conn, self.clock)
        self.moved, self.sold, self.bills, self.ids = [], [], [], []
        self.paid = 0

    def teardown(self):
        assert self.runner.run(book.faults(self.conn)) == []
        self.runner.run(self.open.rollback())
        self.runner.run(self.conn.close())
        self.runner.close()

    @initialize()
    def begun(self):
        accounts = [NewAccount("Li", "resident"), NewAccount("shop", "merchant", MERCHANT, STREET)]
        found = self.runner.run(book.open_accounts(self.conn, accounts, START))
        codes = ["held", "issuance"]
        rows = self.runner.run(
            self.conn.fetch("SELECT code, id FROM point_account WHERE code = ANY ($1)", codes)
        )
        self.accounts = found | dict(map(tuple, rows))
        values = (
            MERCHANT, "便民超市", STREET, json.dumps(ALL_DAY), b"\0" * 32, found["shop"], START
        )  # fmt: skip
        self.runner.run(self.conn.execute(ADD_MERCHANT, *values))
        self.runner.run(self.conn.execute("UPDATE merchant SET fen_per_point = $1", PRICE))
        self.post(op.transfer(self.key(), "award", self.accounts["issuance"], found["Li"], 100_000))

    def key(self):
        return op.key_of("test", "any", str(next(self.keys)), b"")

    def post(self, operation):
        outcome = self.runner.run(self.lent.post(operation))
        assert outcome.outcome == "posted"
        return outcome.transfer

    def actor(self, name, party=None):
        return Actor(name, ("street_officer",), STREET, frozenset(), party, bound=party is None)

    def act(self, work):
        """Do something; returns what it refused with, None where it did not."""

        async def run():
            async with self.conn.transaction():
                return await work

        self.clock.now_value += timedelta(seconds=1)
        try:
            self.runner.run(run())
        except CreditError as refused:
            return refused.slug
        return None

    def total(self, bill):
        return sum(self.moved[bill.begin : bill.end]) + bill.carried

    @rule(amount=st.integers(1, 30))
    def bought(self, amount):
        until = self.clock.now() + timedelta(hours=1)
        hold = self.post(
            op.hold(self.key(), self.accounts["Li"], self.accounts["held"], self.accounts["shop"],
                amount, until, reason=f"小票 {amount}")
        )  # fmt: skip
        self.post(op.capture(self.key(), hold))
        self.sold.append([hold, amount])
        self.moved.append(amount)

    @precondition(lambda self: any(left for _, left in self.sold))
    @rule(picked=which, amount=st.integers(1, 30))
    def given_back(self, picked, amount):
        open_ = [one for one in self.sold if one[1]]
        one = open_[picked % len(open_)]
        part = min(amount, one[1])
        self.post(op.refund(self.key(), one[0], part))
        one[1] -= part
        self.moved.append(-part)

    @rule(by=st.sampled_from((*OFFICERS, settlements.SYSTEM)))
    def drawn(self, by):
        async def work():
            async with self.conn.transaction():
                return await settlements.draw(self.conn, self.clock, CITY, MERCHANT, by)

        self.clock.now_value += timedelta(seconds=1)
        made = self.runner.run(work())
        last = self.bills[-1] if self.bills else None
        begin = last.end if last else 0
        if begin == len(self.moved):
            assert made is None
            return
        carried = self.total(last) if last and last.state == "carried" else 0
        bill = Bill(begin, len(self.moved), carried, by)
        bill.state = "drawn" if self.total(bill) > 0 else "carried"
        bill.digests.append(made.digest)
        self.bills.append(bill)
        self.ids.append(made.id)

    @precondition(lambda self: self.bills)
    @rule(picked=which, stale=st.booleans())
    def confirmed(self, picked, stale):
        number = picked % len(self.bills)
        bill = self.bills[number]
        digest = bill.digests[0] if stale else bill.digests[-1]
        work = settlements.confirm(
            self.conn, self.clock, self.actor("P-m", MERCHANT), self.ids[number], digest
        )
        expected = None
        if bill.state != "drawn":
            expected = "wrong-state"
        elif digest != bill.digests[-1]:
            expected = "statement-changed"
        assert self.act(work) == expected
        if expected is None:
            bill.state = "confirmed"

    @precondition(lambda self: self.bills)
    @rule(picked=which, text=st.sampled_from(["", "少了一笔"]))
    def disputed(self, picked, text):
        number = picked % len(self.bills)
        bill = self.bills[number]
        work = settlements.dispute(self.conn, self.actor("P-m", MERCHANT), self.ids[number], text)
        expected = None
        if bill.state != "drawn":
            expected = "wrong-state"
        elif not text:
            expected = "text-missing"
        assert self.act(work) == expected
        if expected is None:
            bill.state = "disputed"

    @precondition(lambda self: self.bills)
    @rule(picked=which, by=officers)
    def upheld(self, picked, by):
        number = picked % len(self.bills)
        bill = self.bills[number]
        work = settlements.uphold(self.conn, self.actor(by), self.ids[number], "没有少")
        assert self.act(work) == (None if bill.state == "disputed" else "wrong-state")
        if bill.state == "disputed":
            bill.state = "drawn"

    @precondition(lambda self: self.bills)
    @rule(picked=which, by=officers)
    def redrawn(self, picked, by):
        number = picked % len(self.bills)
        bill = self.bills[number]
        end = len(self.moved) if number == len(self.bills) - 1 else bill.end
        work = settlements.redraw(
            self.conn, self.clock, CITY, self.actor(by), self.ids[number], "已改"
        )
        expected = None
        if bill.state != "disputed":
            expected = "wrong-state"
        elif end == bill.end:
            expected = "statement-unchanged"
        assert self.act(work) == expected
        if expected is None:
            bill.end, bill.drawn_by = end, by
            bill.state = "drawn" if self.total(bill) > 0 else "carried"
            found = self.runner.run(settlements.settlement(self.conn, self.ids[number]))
            bill.digests.append(found.digest)

    @precondition(lambda self: self.bills)
    @rule(picked=which, by=officers)
    def settled(self, picked, by):
        number = picked % len(self.bills)
        bill = self.bills[number]
        work = settlements.pay(
            self.lent, self.clock, CITY, self.lent, self.actor(by), self.ids[number], "凭证"
        )
        expected = None
        if bill.state != "confirmed":
            expected = "wrong-state"
        elif by == bill.drawn_by:
            expected = "four-eyes"
        assert self.act(work) == expected
        if expected is None:
            bill.state = "paid"
            self.paid += self.total(bill)

    @invariant()
    def everything_stands_as_the_model_says(self):
        for number, bill in zip(self.ids, self.bills, strict=True):
            found = self.runner.run(settlements.settlement(self.conn, number))
            checked = self.runner.run(statements.check(self.conn, CITY, found))
            assert checked.faults == ()
            assert (found.state, found.payable) == (bill.state, self.total(bill))
            assert found.fen == max(self.total(bill), 0) * PRICE
            assert found.captures + found.refunds == bill.end - bill.begin
        assert [one.begin for one in self.bills] == [0, *(one.end for one in self.bills)][:-1]
        rows = self.runner.run(
            self.conn.fetch("SELECT code, balance FROM point_account WHERE kind = ANY ($1)",
                ["merchant", "settled"])
        )  # fmt: skip
        held = {"shop": sum(self.moved) - self.paid}
        if self.paid:
            held[settlements.settled_code(MERCHANT)] = self.paid
        assert {code: balance for code, balance in rows if code in held or balance} == held


def test_settlements_stand_where_the_model_says(database_url):
    async def connect():
        return await asyncpg.connect(database_url, server_settings=session_settings(APP_ROLE, CITY))

    Machine.connect = staticmethod(connect)
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=30, stateful_step_count=25, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
