"""Whatever is posted, in whatever order and company: the database does what the model does."""

import asyncio
import copy
import itertools
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from tests.points.model import GRACE_DAYS, Account, Book

from credit.kit.db import APP_ROLE, session_settings
from credit.points import store
from credit.points.logic import operations as op
from credit.points.views import NewAccount

CITY = "150200"
START = datetime(2026, 6, 30, 4, 0, tzinfo=UTC)
KINDS = {
    "issuance": "issuance", "held": "held", "pending": "pending", "expired": "expired",
    "adjustment": "adjustment", "budget": "budget", "Li": "resident", "Wang": "resident",
    "shop": "merchant", "inn": "merchant",
}  # fmt: skip
names = st.sampled_from(sorted(KINDS))
amounts = st.one_of(
    st.integers(1, 30), st.integers(1, 30), st.sampled_from([0, -1, 2**53, 2**63 - 1])
)
parts = st.one_of(st.none(), st.integers(-1, 30))
days = st.sampled_from([None, -1, 0, 1, 3, 20])
moves = st.tuples(st.just("transfer"), names, names, amounts, days, st.integers(0, 2))
grants = st.tuples(
    st.just("transfer"), st.sampled_from(["issuance", "budget"]), st.sampled_from(["Li", "Wang"]),
    st.integers(1, 30), days, st.integers(0, 2),
)  # fmt: skip
holds = st.tuples(
    st.just("hold"), st.sampled_from(["Li", "Wang", "budget"]), st.sampled_from(["held", "pending", "shop"]),
    st.sampled_from(["shop", "inn", "Li"]), amounts, st.sampled_from([0, 5, 60]),
)  # fmt: skip
which = st.integers(0, 9)
ends = st.one_of(
    st.tuples(st.just("capture"), which, parts),
    st.tuples(st.just("void"), which),
    st.tuples(st.just("refund"), which, parts),
    st.tuples(st.just("reverse"), which, parts),
)


class Machine(RuleBasedStateMachine):
    """Operations alone and in company, days and hours that pass, sweeps, replays."""

    connect = None

    def __init__(self):
        super().__init__()
        self.now = START
        self.keys = itertools.count()
        self.past = []  # what was posted, and what it came to
        self.book = Book({
            name: Account(
                None if kind in ("issuance", "adjustment", "merchant") else 0, kind == "resident"
            )
            for name, kind in KINDS.items()
        })  # fmt: skip
        self.runner = asyncio.Runner()
        self.conn = self.runner.run(type(self).connect())
        self.transaction = self.conn.transaction()
        self.runner.run(self.transaction.start())
        opened = [NewAccount(name, kind) for name, kind in KINDS.items()]
        self.ids = self.runner.run(store.open_accounts(self.conn, opened, START))

    def teardown(self):
        assert self.runner.run(store.faults(self.conn)) == []
        self.runner.run(self.transaction.rollback())
        self.runner.run(self.conn.close())
        self.runner.close()

    @property
    def today(self):
        return self.now.date()

    @property
    def day_of_grace(self):
        return self.today + timedelta(days=GRACE_DAYS)

    def key(self):
        return op.key_of("test", "any", str(next(self.keys)), b"asked")

    def operation(self, step):
        """Make the operation a step asks for, and the model's way to do it."""
        what, *rest = step
        numbers = sorted(self.book.grants if what == "reverse" else self.book.holds)
        if what == "transfer":
            debit, credit, amount, day, priority = rest
            lot = (None if day is None else self.today + timedelta(days=day), priority)
            made = op.transfer(
                self.key(), "any", self.ids[debit], self.ids[credit], amount, lot=op.Lot(*lot)
            )
            return made, lambda n: self.book.transfer(n, debit, credit, amount, self.today, lot)
        if what == "hold":
            debit, holder, for_whom, amount, minutes = rest
            until = self.now + timedelta(minutes=minutes)
            made = op.hold(
                self.key(), self.ids[debit], self.ids[holder], self.ids[for_whom], amount, until
            )
            return made, lambda n: self.book.hold(
                n, debit, holder, for_whom, amount, until, self.today
            )
        number = numbers[rest[0] % len(numbers)] if numbers else 0
        amount = rest[1] if len(rest) > 1 else None
        if what == "capture":
            made = op.capture(self.key(), number, amount)
            return made, lambda n: self.book.capture(n, number, amount, self.now, self.today)
        if what == "void":
            return op.void(self.key(), number), lambda n: self.book.void(n, number, self.today)
        if what == "refund":
            made = op.refund(self.key(), number, amount)
            return made, lambda n: self.book.refund(n, number, amount, self.today)
        made = op.reverse(self.key(), number, self.ids["budget"], amount)
        return made, lambda n: self.book.reverse(n, number, "budget", amount, self.today)

    def post(self, made):
        return self.runner.run(
            store.post(self.conn, None, made, self.now, self.today, self.day_of_grace)
        )

    @initialize()
    def not_empty(self):
        self.posted([
            ("transfer", "issuance", "budget", 200, None, 0),
            *(
                ("transfer", "issuance", who, 20, day, priority)
                for who in ("Li", "Wang")
                for day, priority in ((3, 1), (20, 0), (None, 0))
            ),
            *(("hold", who, "held", "shop", 25, 60) for who in ("Li", "Wang", "Li")),
        ])  # fmt: skip

    @rule(steps=st.lists(st.one_of(moves, grants, holds, ends, ends), min_size=1, max_size=4))
    def posted(self, steps):
        made, meant = zip(*map(self.operation, steps), strict=True)
        self.held_to_the_model(made, self.post(made), meant)

    @rule(steps=st.lists(st.one_of(moves, holds, ends), min_size=1, max_size=4))
    def posted_beside_a_sweep(self, steps):
        """Lots that a step has changed are left to the look that comes after it."""
        made, meant = zip(*map(self.operation, steps), strict=True)
        over = self.runner.run(store.lots_to_expire(self.conn, self.today, 1_000))
        outcomes, expired = self.runner.run(
            store.post_and_expire(
                self.conn, None, made, over, self.now, self.today, self.day_of_grace
            )
        )
        self.held_to_the_model(made, outcomes, meant)
        assert self.book.expire(self.today) == expired + self.sweep()

    def held_to_the_model(self, made, outcomes, meant):
        for one, outcome, do in zip(made, outcomes, meant, strict=True):
            assert outcome.outcome == do(outcome.transfer), one
            self.past.append((one, outcome))

    @rule(
        debit=st.sampled_from(["issuance", "budget", "Li", "held"]),
        steps=st.lists(st.tuples(names, amounts, days, st.integers(0, 2)), min_size=1, max_size=6),
    )
    def granted(self, debit, steps):
        steps = [("transfer", debit, *step) for step in steps]
        made, _ = zip(*map(self.operation, steps), strict=True)
        numbers = iter(itertools.count(-1, -1))
        alone = copy.deepcopy(self.book)
        possible = KINDS[debit] != "resident" and all(
            alone.transfer(next(numbers), debit, credit, amount, self.today) == "posted"
            for _, _, credit, amount, _, _ in steps
        )
        outcomes = self.runner.run(store.post_grants(self.conn, None, made, self.now, self.today))
        assert (outcomes is not None) == possible
        for step, outcome in zip(steps, outcomes or (), strict=False):
            self.operation(step)[1](outcome.transfer)
        for one, outcome in zip(made, outcomes or (), strict=False):
            self.past.append((one, outcome))

    @rule(picked=st.lists(which, min_size=1, max_size=4), other=st.booleans())
    def sent_again(self, picked, other):
        if not self.past:
            return
        again = [self.past[-1 - one % len(self.past)] for one in picked]
        made = [one._replace(hash=b"something else .") if other else one for one, _ in again]
        for outcome, (_, before) in zip(self.post(made), again, strict=True):
            assert outcome == (("key-reused", None, None) if other else before)

    @rule(minutes=st.sampled_from([5, 60, 24 * 60, 3 * 24 * 60, 20 * 24 * 60]))
    def time_passes(self, minutes):
        self.now += timedelta(minutes=minutes)

    @rule()
    def swept(self):
        assert self.book.expire(self.today) == self.sweep()

    def sweep(self):
        over = self.runner.run(store.lots_to_expire(self.conn, self.today, 1_000))
        every = self.runner.run(self.conn.fetchval("SELECT array_agg(ctid) FROM point_lot")) or []
        expired = self.runner.run(store.expire_lots(self.conn, every, self.now, self.today))
        assert expired == len(over)
        return expired

    @invariant()
    def the_book_is_the_model_s(self):
        rows = self.runner.run(self.conn.fetch("SELECT code, balance FROM point_account"))
        assert dict(rows) == {name: one.balance for name, one in self.book.accounts.items()}
        rows = self.runner.run(self.conn.fetch("SELECT id, remaining FROM point_lot"))
        assert dict(rows) == {
            lot.id: lot.remaining
            for one in self.book.accounts.values()
            for lot in one.lots.values()
        }
        rows = self.runner.run(
            self.conn.fetch("SELECT id, captured, returned, refunded FROM point_hold")
        )
        assert {row[0]: tuple(row[1:]) for row in rows} == {
            number: (one.captured, one.returned, one.refunded)
            for number, one in self.book.holds.items()
        }


def test_the_database_keeps_the_book_as_the_model_does(database_url):
    async def connect():
        return await asyncpg.connect(database_url, server_settings=session_settings(APP_ROLE, CITY))

    Machine.connect = staticmethod(connect)
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=100, stateful_step_count=20, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("day", [date(2026, 6, 30), date(2026, 7, 31)])
def test_the_model_itself_grants_anew_what_a_refund_finds_over(day):
    book = Book({"Li": Account(0, True), "issuance": Account(None), "held": Account(), "shop": Account(None)})  # fmt: skip
    book.transfer(1, "issuance", "Li", 5, date(2026, 6, 30), (date(2026, 7, 15), 0))
    book.hold(2, "Li", "held", "shop", 5, START + timedelta(days=60), date(2026, 6, 30))
    book.capture(3, 2, None, START, date(2026, 6, 30))
    book.refund(4, 2, None, day)
    lots = {one.id: one.remaining for one in book.accounts["Li"].lots.values()}
    assert lots == ({1: 5} if day == date(2026, 6, 30) else {1: 0, 4: 5})
