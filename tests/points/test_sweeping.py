"""What time ends is booked in bulk, in steps, beside whoever posts, and does not depend on it."""

import asyncio

import asyncpg
import pytest

from credit.points import store
from credit.points.logic import operations as op
from credit.points.service import sweeping
from credit.points.views import NewAccount

CITY = "150200"
PEOPLE = [f"P{n}" for n in range(230)]


@pytest.fixture
async def people(book, monkeypatch):
    """Residents with two points until today and three for always, some looks' worth of them."""
    monkeypatch.setattr(sweeping, "LOTS", 100)
    monkeypatch.setattr(sweeping, "AT_ONCE", 30)
    async with book.db.city(CITY) as conn:
        opened = [NewAccount(name, "resident") for name in PEOPLE]
        book.ids.update(await store.open_accounts(conn, opened, book.clock.now()))
    for lot in (op.Lot(book.clock.today()), op.Lot()):
        amount = 2 if lot.valid_until else 3
        await book.writer.post_all(
            [book.transfer("issuance", one, amount, kind="grant", lot=lot) for one in PEOPLE]
        )
    return PEOPLE


async def sweep(book):
    return await sweeping.expire_points(book.db, book.clock, CITY, book.writer)


async def test_every_lot_is_booked_once_while_others_spend(book, people):
    book.pass_days(1)
    spent = [book.transfer(one, "shop", 1) for one in people]
    lots, outcomes = await asyncio.gather(sweep(book), book.writer.post_all(spent))
    assert lots == len(people)
    assert {one.outcome for one in outcomes} == {"posted"}
    assert await book.balances("expired", "shop", "P0", "P229") == (2 * 230, 230, 2, 2)
    assert await sweep(book) == 0
    assert await book.faults() == []


async def test_a_sweep_that_is_stopped_keeps_its_steps_and_the_next_one_does_the_rest(
    book, people, monkeypatch
):
    book.pass_days(1)
    expire, steps = book.writer.expire, []

    async def only_twice(lots):
        steps.append(len(lots))
        if len(steps) > 2:
            raise ConnectionError("stopped")
        return await expire(lots)

    with monkeypatch.context() as patched:
        patched.setattr(book.writer, "expire", only_twice)
        with pytest.raises(ConnectionError):
            await sweep(book)
    assert await book.balance("expired") == 2 * 60
    assert await sweep(book) == 170
    assert await book.balance("expired") == 2 * 230
    assert await book.faults() == []


async def test_a_sweep_whose_connection_is_cut_books_every_lot_once(
    book, people, lock_awaited, database_url, monkeypatch
):
    book.pass_days(1)
    post, cut = store.post_and_expire, []

    async def cut_off_once(conn, *asked):
        if cut:
            return await post(conn, *asked)
        async with book.locked():
            running = asyncio.ensure_future(post(conn, *asked))
            await lock_awaited(database_url, sessions=1)
            cut.append(await book.stop(book.writer))
        return await running

    monkeypatch.setattr(store, "post_and_expire", cut_off_once)
    assert await sweep(book) == 230
    assert cut == [True]
    assert await book.balance("expired") == 2 * 230
    assert await book.faults() == []


async def test_lots_share_a_transaction_with_what_others_post(book, people, monkeypatch):
    book.pass_days(1)
    async with book.db.city(CITY) as conn:
        over = await store.lots_to_expire(conn, book.clock.today(), 4)
    post, groups = store.post_and_expire, []

    async def noted(conn, lease, operations, lots, *moment):
        groups.append((len(operations), len(lots)))
        return await post(conn, lease, operations, lots, *moment)

    monkeypatch.setattr(store, "post_and_expire", noted)
    *outcomes, expired = await asyncio.gather(
        book.writer.post(book.transfer("P0", "shop", 3)),
        book.writer.post(book.transfer("P1", "shop", 4)),
        book.writer.expire(over),
    )
    assert groups == [(2, 4)]
    assert [one.outcome for one in outcomes] == ["posted", "insufficient"]
    assert expired == 4
    assert await book.balances("expired", "shop") == (8, 3)
    assert await book.faults() == []


async def test_a_lot_that_changed_since_it_was_seen_is_left_to_the_next_look(book):
    await book.fund("Li", 50, days=0)
    await book.fund("Wang", 20, days=0)
    number = await book.hold("Li", 30)
    book.pass_days(1)
    async with book.db.city(CITY) as conn:
        over = await store.lots_to_expire(conn, book.clock.today(), 10)
        await book.posted(op.void(book.key(), number))
        assert await book.writer.expire([*over, *over, (4_000_000, 1)]) == 1
    assert await book.balances("Li", "Wang", "expired") == (50, 0, 20)
    assert await sweep(book) == 1
    assert await book.balances("Li", "Wang", "expired") == (0, 0, 70)
    assert await book.faults() == []


async def test_lots_that_cannot_be_booked_stop_nobody_else(book, people):
    """The database refuses the whole group: each part of it is then tried by itself."""
    book.pass_days(1)
    async with book.db.city(CITY) as conn:
        (lot,) = await store.lots_to_expire(conn, book.clock.today(), 1)
    await book.ask_owner("UPDATE point_account SET floor = balance WHERE lots")
    spent, refused = await asyncio.gather(
        book.writer.post(book.transfer("issuance", "shop", 3)),
        book.writer.expire([lot]),
        return_exceptions=True,
    )
    assert spent.outcome == "posted"
    assert isinstance(refused, asyncpg.CheckViolationError)
    assert await book.balances("expired", "shop") == (0, 3)


async def test_what_comes_back_while_a_few_accounts_are_expired_is_booked_with_the_rest(
    book, lock_awaited, database_url
):
    """Whoever asks for it now waits for what is being posted, and then looks."""
    await book.fund("Li", 50, days=0)
    number = await book.hold("Li", 50)
    book.pass_days(1)
    async with book.owner() as conn, conn.transaction():
        today, now = book.clock.today(), book.clock.now()
        void = op.void(book.key(), number)
        (voided,) = await store.post(conn, None, [void], now, today, today)
        async with book.db.city(CITY) as other:
            expiring = asyncio.ensure_future(
                sweeping.expire_accounts(other, book.clock, [book.ids["Li"]])
            )
            await lock_awaited(database_url, sessions=1)
            assert voided.outcome == "posted"
            await conn.execute("COMMIT AND CHAIN")
            await expiring
    assert await book.balances("Li", "expired") == (0, 50)
    assert await book.faults() == []


async def test_holds_of_a_whole_day_are_given_back_in_bulk(book, people, monkeypatch):
    monkeypatch.setattr(sweeping, "HOLDS", 100)
    held = await book.writer.post_all([book.to_hold(one, 3) for one in people])
    await book.posted(op.capture(book.key(), held[0].transfer))
    book.clock.now_value = book.in_minutes(15)
    assert await sweeping.lapse_holds(book.db, book.clock, CITY, book.writer) == 229
    assert await book.balances("held", "shop", "P0", "P1") == (0, 3, 2, 5)
    assert await sweeping.lapse_holds(book.db, book.clock, CITY, book.writer) == 0
    assert await book.faults() == []


async def test_a_gift_beside_a_monthly_allowance_is_right_every_day_without_any_job(book):
    """Nothing has to reset: what may be spent follows from the lots and the day."""
    for month in range(3):
        await book.fund("Li", 10, days=30 * (month + 1) - 1, priority=month)
    await book.fund("Li", 7, priority=5)
    left = []
    for spent in (4, 0, 12):
        if spent:
            await book.posted(book.transfer("Li", "shop", spent))
        left.append(await book.available("Li"))
        book.pass_days(30)
    assert left == [10 - 4 + 10 + 10 + 7, 10 + 10 + 7, 10 - 10 + 7 - 2]
    assert await book.available("Li") == 5
    assert await sweep(book) == 2
    assert await book.available("Li") == 5
    assert await book.faults() == []
