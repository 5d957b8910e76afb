"""The book's writer: what queues up shares a transaction, and nothing is lost, doubled or guessed."""

import asyncio
from collections import Counter

import asyncpg
import pytest

from credit.kit import grouping
from credit.kit.errors import Overloaded
from credit.points import store
from credit.points.logic import operations as op
from credit.points.service import posting


async def test_of_many_callers_at_once_each_gets_his_own_outcome(book):
    await book.fund("Li", 50)
    asked = []
    for amount in range(1, 101):
        asked.append(book.transfer("issuance", ("shop", "Wang")[amount % 2], amount))
        asked.append(book.transfer("Li", "inn", 50 + amount))  # never covered
        asked.append(book.to_hold("issuance", amount))
    outcomes = await asyncio.gather(*(book.writer.post(one) for one in asked))
    async with book.owner() as conn:
        rows = await conn.fetch("SELECT id, kind, amount, credit FROM point_transfer")
    booked = {row["id"]: tuple(row)[1:] for row in rows}
    for one, outcome in zip(asked, outcomes, strict=True):
        if one.debit == book.ids["Li"]:
            assert (outcome.outcome, outcome.details["available"]) == ("insufficient", 50)
        else:
            assert booked.pop(outcome.transfer) == (one.kind, one.amount, one.credit)
    assert len(booked) == 1  # what Li was granted
    assert await book.faults() == []


async def test_a_long_list_lets_single_operations_through_between_its_pieces(book):
    many = [book.transfer("issuance", "shop", 1) for _ in range(350)]
    order = []

    async def noted(name, work):
        outcome = await work
        order.append(name)
        return outcome

    listed, single = await asyncio.gather(
        noted("list", book.writer.post_all(many)),
        noted("single", book.writer.post(book.transfer("issuance", "Li", 1))),
    )
    assert order == ["single", "list"]
    numbers = [one.transfer for one in listed]
    assert numbers == sorted(set(numbers))
    assert numbers[0] < single.transfer < numbers[-1]
    assert await book.balances("shop", "Li") == (350, 1)
    assert await book.faults() == []


@pytest.mark.parametrize("odd", ["refused", "sent before", "twice", "unknown", "closed", "mixed"])
async def test_a_list_of_grants_comes_to_what_its_operations_come_to_one_by_one(book, odd):
    """Grants are posted in one statement where they can be; nobody can tell from what they say."""
    await book.posted(book.transfer("issuance", "budget", 60))
    asked = [
        book.transfer("budget", ("Li", "Wang", "shop")[n % 3], 1 + n % 2, lot=op.Lot(book.day(n), n % 2))
        for n in range(40)
    ]  # fmt: skip
    before = []
    if odd == "refused":
        asked[5] = book.transfer("budget", "Li", 0)
    elif odd == "sent before":
        before = await book.post(asked[7])
    elif odd == "twice":
        asked[9] = asked[3]
    elif odd == "unknown":
        asked[20] = book.transfer("budget", "nobody", 1)
    elif odd == "closed":
        assert await book.ask("SELECT close_account_v1($1, $2)", book.ids["inn"], book.clock.now())
        asked[20] = book.transfer("budget", "inn", 1)
    else:
        asked[30] = asked[30]._replace(kind="other")
    outcomes = await book.writer.post_all(asked)
    answers = Counter(one.outcome for one in outcomes)
    wrong = {"refused": "bad-amount", "unknown": "unknown-account", "closed": "closed-account"}
    assert answers == ({wrong[odd]: 1, "posted": 39} if odd in wrong else {"posted": 40})
    assert before == ([outcomes[7]] if before else [])
    assert (outcomes[9] == outcomes[3]) is (odd == "twice")
    good = {one.key: one for one, out in zip(asked, outcomes, strict=True) if out.transfer}
    for name in ("Li", "Wang", "shop"):
        meant = sum(one.amount for one in good.values() if one.credit == book.ids[name])
        assert await book.balance(name) == meant
    async with book.owner() as conn:
        lots = await conn.fetch("SELECT account, amount, valid_until, priority FROM point_lot")
    assert sorted(map(tuple, lots)) == sorted(
        (one.credit, one.amount, one.valid_until, one.priority)
        for one in good.values() if one.credit != book.ids["shop"]
    )  # fmt: skip
    assert await book.writer.post_all(asked) == outcomes
    assert await book.faults() == []


async def test_grants_beyond_what_a_budget_has_are_refused_one_by_one(book):
    await book.posted(book.transfer("issuance", "budget", 30))
    outcomes = await book.writer.post_all([book.transfer("budget", "Li", 1) for _ in range(40)])
    assert [one.outcome for one in outcomes] == ["posted"] * 30 + ["insufficient"] * 10
    assert outcomes[-1].details == {"available": 0, "held": 0}
    assert await book.balances("budget", "Li") == (0, 30)
    assert await book.faults() == []


async def test_a_caller_that_goes_away_does_not_stop_its_operation(
    book, database_url, lock_awaited
):
    asked = [book.transfer("issuance", "shop", 10**n) for n in range(3)]
    async with book.locked():
        callers = [asyncio.create_task(book.writer.post(one)) for one in asked[:1]]
        await lock_awaited(database_url)
        # The first is with the database, the second waits in the queue.
        callers.append(asyncio.create_task(book.writer.post(asked[1])))
        await asyncio.wait(callers, timeout=0)
        for one in callers:
            one.cancel()
        gone = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(one) for one in gone] == [asyncio.CancelledError] * 2
    async with asyncio.timeout(10):
        await book.writer.post(asked[2])  # in the queue behind them
    assert await book.balance("shop") == 111
    outcomes = [await book.writer.post(one) for one in asked]
    assert {one.outcome for one in outcomes} == {"posted"}
    assert (await book.balance("shop"), await book.transfers()) == (111, 3)


async def test_a_full_queue_says_so_and_loses_nothing(
    book, database_url, lock_awaited, monkeypatch
):
    monkeypatch.setattr(grouping, "QUEUE_ITEMS_MAX", 20)
    asked = [book.transfer("issuance", "shop", 1) for _ in range(25)]
    async with book.locked():
        first = asyncio.create_task(book.writer.post(asked[0]))
        await lock_awaited(database_url)
        rest = [asyncio.create_task(book.writer.post(one)) for one in asked[1:]]
        # Those that find no room are told at once, not when the others are through.
        await asyncio.wait(rest[20:], timeout=10)
        assert not any(one.done() for one in rest[:20])
    refused = [one.exception() for one in rest[20:]]
    assert [(type(one), one.status, one.slug) for one in refused] == [(Overloaded, 503, "queue-full")] * 4  # fmt: skip
    outcomes = await asyncio.gather(first, *rest[:20])
    assert {one.outcome for one in outcomes} == {"posted"}
    assert await book.balance("shop") == 21
    again = [await book.writer.post(one) for one in asked]
    assert again[:21] == outcomes
    assert (await book.balance("shop"), await book.transfers()) == (25, 25)


def mixed_load(book, count):
    """Operations of every kind that know nothing of one another's numbers."""
    kinds = (
        lambda n: book.transfer("issuance", "Li", n),
        lambda n: book.to_hold("Li", 3),
        lambda n: book.transfer("Li", "shop", 2),
        lambda n: book.to_hold("issuance", n, "inn"),
        lambda n: book.transfer("Wang", "inn", 10**6),
    )
    return [kinds[n % len(kinds)](n + 1) for n in range(count)]


async def settled(post, operations, *, answers, callers=16, on_answer=lambda: None):
    """Have callers post until each operation is answered; what came to nothing is sent again."""
    todo = list(reversed(operations))

    async def call():
        while todo:
            one = todo.pop()
            try:
                answers[one.key] = await post(one)
            except Overloaded:
                todo.append(one)
            else:
                on_answer()

    await asyncio.gather(*(call() for _ in range(callers)))


async def each_is_there_once(book, operations, answers):
    """Hold what callers were told to what the book has; the refused ones came to nothing."""
    posted = [one.transfer for one in answers.values() if one.outcome == "posted"]
    assert len(answers) == len(operations)
    assert len(set(posted)) == len(posted)
    async with book.owner() as conn:
        rows = await conn.fetch("SELECT id, amount FROM point_transfer ORDER BY id")
    booked = {row["id"]: row["amount"] for row in rows}
    assert sorted(posted) == sorted(booked)
    for one in operations:
        outcome = answers[one.key]
        assert outcome.transfer is None or booked[outcome.transfer] == one.amount
        assert await book.post(one) == [outcome]
    assert await book.transfers() == len(booked)
    assert await book.faults() == []


async def test_what_was_acknowledged_is_there_once_however_often_the_connection_is_cut(book):
    operations = mixed_load(book, 1_000)
    answers, cut = {}, []
    answered = asyncio.Event()

    async def cutter():
        while True:
            await answered.wait()
            answered.clear()
            # Where it is between two connections, the next answer is the occasion.
            if await book.stop(book.writer):
                cut.append(len(answers))

    cutting = asyncio.create_task(cutter())
    await settled(book.writer.post, operations, answers=answers, on_answer=answered.set)
    cutting.cancel()
    assert len(cut) >= 5
    assert {"posted", "insufficient"} == {one.outcome for one in answers.values()}
    await each_is_there_once(book, operations, answers)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.ConnectionDoesNotExistError, asyncpg.AdminShutdownError, asyncpg.InterfaceError,
        ConnectionResetError, asyncpg.InternalClientError,
    ],
)  # fmt: skip
@pytest.mark.parametrize("work", ["post", "post_grants"])
async def test_an_answer_that_was_lost_is_looked_up(book, monkeypatch, work, error):
    really, lost = getattr(store, work), []

    async def loses_its_first_answer(conn, *rest):
        outcomes = await really(conn, *rest)
        if not lost:
            lost.append(outcomes)
            conn.terminate()
            raise error("cut between the commit and its answer")
        return outcomes

    monkeypatch.setattr(posting.store, work, loses_its_first_answer)
    asked = [book.transfer("issuance", "Li", 1) for _ in range(1 if work == "post" else 30)]
    assert [await book.writer.post_all(asked)] == lost
    assert await book.balance("Li") == len(asked)
    assert await book.faults() == []


@pytest.fixture
async def away(book, monkeypatch):
    """A book whose database answers nobody; returns who knocked there."""
    knocked = []

    async def turn_away(_, writer):
        knocked.append(writer.get_extra_info("peername"))
        writer.close()

    async with await asyncio.start_server(turn_away, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        with monkeypatch.context() as patched:
            patched.setattr(book.db, "url", f"postgresql://{host}:{port}/book?sslmode=disable")
            yield knocked


@pytest.mark.parametrize("count", [1, 5, grouping.GROUP_ITEMS_MAX])
async def test_where_the_database_stays_away_everybody_is_told_after_two_attempts(
    book, away, count
):
    asked = [book.transfer("issuance", "shop", 1) for _ in range(count)]
    async with asyncio.timeout(10):
        refused = await asyncio.gather(
            *(book.writer.post(one) for one in asked), return_exceptions=True
        )
    assert {(type(one), one.slug) for one in refused} == {(Overloaded, "book-unavailable")}
    assert len(away) == 2


async def test_where_the_database_stays_away_a_long_list_is_given_up_at_its_first_piece(book, away):
    with pytest.raises(Overloaded):
        await book.writer.post_all([book.transfer("issuance", "shop", 1) for _ in range(1_000)])
    assert len(away) == 2
    assert await book.transfers() == 0


async def test_once_the_database_is_back_what_was_refused_is_posted_under_its_key(
    book, monkeypatch
):
    really = book.db.dedicated

    async def away(city):
        raise ConnectionRefusedError

    monkeypatch.setattr(book.db, "dedicated", away)
    asked = [book.transfer("issuance", "shop", 1) for _ in range(5)]
    refused = await asyncio.gather(
        *(book.writer.post(one) for one in asked), return_exceptions=True
    )
    assert [type(one) for one in refused] == [Overloaded] * 5
    monkeypatch.setattr(book.db, "dedicated", really)
    for one in asked:
        assert (await book.writer.post(one)).outcome == "posted"
    assert await book.balance("shop") == 5


async def test_one_that_cannot_be_written_at_all_does_not_fail_its_neighbours(book):
    asked = [book.transfer("issuance", "shop", amount) for amount in (1, 2**63, 2)]
    outcomes = await asyncio.gather(
        *(book.writer.post(one) for one in asked), return_exceptions=True
    )
    assert [getattr(one, "outcome", type(one)) for one in outcomes] == [
        "posted", asyncpg.DataError, "posted",
    ]  # fmt: skip
    assert (await book.balance("shop"), await book.transfers()) == (3, 2)


async def test_a_second_writer_posts_too_and_takes_over_when_the_first_is_closed(book):
    other = book.another_writer()
    try:
        assert (await book.writer.post(book.transfer("issuance", "Li", 5))).outcome == "posted"
        lease = book.writer._lease
        operations, answers = mixed_load(book, 200), {}
        writers = {one.key: (book.writer, other)[n // 5 % 2] for n, one in enumerate(operations)}
        await settled(lambda one: writers[one.key].post(one), operations, answers=answers)
        assert (book.writer._lease, other._lease) == (lease, None)
        assert lease == await book.ask("SELECT lease FROM point_book")
        async with asyncio.timeout(10):  # the server may be a moment behind in noticing
            await book.writer.close()
            while other._lease is None:
                outcome = await other.post(book.transfer("issuance", "Li", 1))
                assert outcome.outcome == "posted"
        assert other._lease == lease + 1
        assert set(answers) == {one.key for one in operations}
        outcomes = [await other.post(one) for one in operations]
        assert outcomes == [answers[one.key] for one in operations]
    finally:
        await other.close()
    assert await book.faults() == []


@pytest.mark.parametrize("size", [1, 30])
async def test_an_outdated_lease_posts_nothing(book, size):
    await book.writer.post(book.transfer("issuance", "Li", 1))
    lease = book.writer._lease
    await book.ask("UPDATE point_book SET lease = lease + 1")
    asked = [book.transfer("issuance", "Li", 1) for _ in range(size)]
    now, today = book.clock.now(), book.clock.today()
    async with book.db.city("150200") as conn:
        for work in (
            store.post(conn, lease, asked, now, today, today),
            store.post_grants(conn, lease, asked, now, today),
        ):
            with pytest.raises(asyncpg.PostgresError, match="another writer") as refused:
                await work
            assert refused.value.sqlstate == "CR010"
    assert await book.transfers() == 1
    # The writer that finds out goes on, with a lease of now or without one.
    assert {one.outcome for one in await book.writer.post_all(asked)} == {"posted"}
    assert book.writer._lease in (None, lease + 2)
    assert await book.balance("Li") == 1 + size


async def test_nothing_is_lost_where_the_lease_is_taken_away_again_and_again(book):
    operations, answers = mixed_load(book, 400), {}
    taken = []
    answered = asyncio.Event()

    async def taker():
        while True:
            await answered.wait()
            answered.clear()
            if len(answers) >= 20 * len(taken):
                taken.append(
                    await book.ask("UPDATE point_book SET lease = lease + 1 RETURNING lease")
                )

    taking = asyncio.create_task(taker())
    await settled(book.writer.post, operations, answers=answers, on_answer=answered.set)
    taking.cancel()
    assert len(taken) >= 5
    await each_is_there_once(book, operations, answers)


async def test_a_writer_that_is_closed_at_work_keeps_no_connection(
    book, database_url, lock_awaited
):
    asked = book.transfer("issuance", "shop", 1)
    async with book.locked():
        caller = asyncio.create_task(book.writer.post(asked))
        await lock_awaited(database_url)
        closing = asyncio.create_task(book.writer.close())
        await asyncio.wait([closing], timeout=0.2)  # it may wait for what is at work, or cut it
    await asyncio.wait([caller, closing], timeout=10)
    assert caller.done()
    caller.exception()  # whether it is posted or refused is all the same here
    left = book.writer._conn
    gone = left is None or left.is_closed()
    await book.writer.close()
    assert gone
