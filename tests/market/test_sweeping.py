"""Uses of offers: what came to nothing goes back on the shelf once, what was captured stays taken."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.bank import CITY

from credit.market.jobs import TASKS
from credit.market.service import offers, redemptions
from credit.market.service.redemptions import Wish
from credit.points.logic.operations import key_of
from credit.points.service.sweeping import lapse_holds


@pytest.fixture
async def rice(bank):
    """An offer of three bags of rice, and a customer with points."""
    await bank.grant("Li", 1_000)
    return await bank.add_offer(points=30, stock=3)


async def taken(bank, offer):
    async with bank.db.city(CITY) as conn:
        return await conn.fetchval("SELECT taken FROM offer WHERE id = $1", offer)


async def uses(bank):
    async with bank.db.city(CITY) as conn:
        rows = await conn.fetch("SELECT settled, released FROM offer_use ORDER BY made_at, key")
    return sorted(tuple(row) for row in rows)


async def sweep(bank):
    swept = await offers.sweep(bank.db, bank.clock, CITY)
    return swept.released, swept.taken


def is_over(bank):
    bank.clock.now_value += timedelta(minutes=bank.rules.hold_minutes)


async def test_what_was_captured_stays_taken_and_what_was_voided_goes_back_once(bank, rice):
    kept, given_back, open_ = [await bank.authorize("Li", 30, offer=str(rice)) for _ in range(3)]
    assert await taken(bank, rice) == 3
    assert await sweep(bank) == (0, 0)
    await bank.send(f"/redemptions/{kept['id']}/capture", by="shopkeeper", status=200)
    await bank.send(f"/redemptions/{given_back['id']}/void", by="shopkeeper", status=200)
    assert await sweep(bank) == (1, 1)
    assert await taken(bank, rice) == 2
    assert await sweep(bank) == (0, 0)
    assert await uses(bank) == [(False, False), (True, False), (True, True)]
    assert open_["status"] == "authorized"


async def test_what_lapsed_goes_back_when_the_book_says_so(bank, rice):
    await bank.authorize("Li", 30, offer=str(rice))
    is_over(bank)
    assert await sweep(bank) == (0, 0)  # the points are still held
    assert await lapse_holds(bank.db, bank.clock, CITY, bank.writer) == 1
    assert await sweep(bank) == (1, 0)
    assert await taken(bank, rice) == 0


async def test_what_was_refunded_stays_taken(bank, rice):
    made = await bank.authorize("Li", 30, offer=str(rice))
    for act in ("capture", "refund"):
        await bank.send(f"/redemptions/{made['id']}/{act}", by="shopkeeper", status=200)
    assert await sweep(bank) == (0, 1)
    assert await taken(bank, rice) == 1


class Crash(Exception):
    """The process is gone."""


class Dead:
    """A writer that dies before it posts."""

    async def post(self, operation):
        raise Crash(operation.op)

    async def account(self, _):
        return 0


async def ask(bank, offer, writer, code):
    shop = replace(bank.shop, writer=writer)
    wish = Wish(code, 30, "小票", offer)
    key = key_of("till", "authorize", "k", wish.code.encode())
    actor = bank.world.actors["shopkeeper"]
    return await redemptions.authorize(shop, actor, bank.rules, wish, key)


async def test_what_was_reserved_before_a_crash_goes_back_when_its_time_is_over(bank, rice):
    code = await bank.code("Li")
    with pytest.raises(Crash):
        await ask(bank, rice, Dead(), code)
    assert await taken(bank, rice) == 1
    assert await sweep(bank) == (0, 0)
    bank.clock.now_value += timedelta(minutes=bank.rules.hold_minutes, seconds=-1)
    assert await sweep(bank) == (0, 0)
    bank.clock.now_value += timedelta(seconds=1)
    assert await sweep(bank) == (1, 0)
    assert await taken(bank, rice) == 0
    assert await uses(bank) == [(True, True)]


async def test_what_is_asked_again_after_a_crash_is_reserved_once(bank, rice):
    code = await bank.code("Li")
    with pytest.raises(Crash):
        await ask(bank, rice, Dead(), code)
    made = await ask(bank, rice, bank.writer, code)
    assert (made.status, await taken(bank, rice)) == ("authorized", 1)


async def test_what_is_asked_again_after_the_sweep_is_taken_from_the_shelf_again(bank, rice):
    async with bank.db.city(
        CITY
    ) as conn:  # a code that lasts, as those of tills without a line may
        await conn.execute("UPDATE offer SET stock = 1 WHERE id = $1", rice)
    code = await long_code(bank)
    with pytest.raises(Crash):
        await ask(bank, rice, Dead(), code)
    is_over(bank)
    assert await sweep(bank) == (1, 0)
    made = await ask(bank, rice, bank.writer, code)
    assert (made.status, await taken(bank, rice)) == ("authorized", 1)
    assert await uses(bank) == [(False, False)]
    answer = await bank.authorize("Li", 30, offer=str(rice), status=409)
    assert answer["type"].endswith("sold-out")
    await bank.send(f"/redemptions/{made.id}/void", by="shopkeeper", status=200)
    assert await sweep(bank) == (1, 0)
    again = await ask(bank, rice, bank.writer, code)  # it is answered as before, and takes nothing
    assert (again.id, await taken(bank, rice)) == (made.id, 0)


async def long_code(bank):
    from credit.points.service import accounts

    async with bank.db.transaction(CITY) as conn:
        account = await conn.fetchval(
            "SELECT account FROM member WHERE id = $1", bank.wallets["Li"]
        )
        code, _ = await accounts.make_code(conn, bank.clock, account, seconds=7_200)
    return code


async def test_a_key_used_for_something_else_takes_nothing_from_the_shelf(bank, rice):
    body = {"code": await bank.code("Li"), "amount": 30, "reference": "小票"}
    await bank.send("/redemptions", body, by="shopkeeper", key="k", status=201)
    again = {**body, "offer": str(rice)}
    await bank.send("/redemptions", again, by="shopkeeper", key="k", status=422)
    assert await taken(bank, rice) == 0


async def test_a_refusal_nobody_cleaned_up_after_goes_back_at_the_next_sweep(bank, rice):
    body = {"code": await bank.code("Li"), "amount": 30, "reference": "小票", "offer": str(rice)}
    bank.clock.now_value += timedelta(seconds=bank.rules.code_seconds)
    await bank.send("/redemptions", body, by="shopkeeper", status=409)
    async with bank.db.transaction(CITY) as conn:  # as if the process had died before
        await conn.execute("UPDATE offer_use SET settled = false, released = false")
        await conn.execute("UPDATE offer SET taken = 1 WHERE id = $1", rice)
    assert await sweep(bank) == (1, 0)
    assert await taken(bank, rice) == 0


async def test_sweeps_at_once_give_back_once_and_page_through_them_all(bank, monkeypatch):
    monkeypatch.setattr(offers, "SWEPT_AT_ONCE", 3)
    await bank.grant("Li", 1_000)
    rice = await bank.add_offer(points=30, stock=20)
    for number in range(8):
        made = await bank.authorize("Li", 30, offer=str(rice))
        act = "void" if number % 2 else "capture"
        await bank.send(f"/redemptions/{made['id']}/{act}", by="shopkeeper", status=200)
    swept = await asyncio.gather(*(sweep(bank) for _ in range(4)))
    assert [sum(column) for column in zip(*swept, strict=True)] == [4, 4]
    assert await taken(bank, rice) == 4


async def test_whoever_buys_while_it_is_swept_is_counted(bank):
    await bank.grant("Li", 5_000)
    rice = await bank.add_offer(points=30, stock=100)
    for _ in range(10):
        made = await bank.authorize("Li", 30, offer=str(rice))
        await bank.send(f"/redemptions/{made['id']}/void", by="shopkeeper", status=200)
    await asyncio.gather(
        *(bank.authorize("Li", 30, offer=str(rice)) for _ in range(10)),
        *(sweep(bank) for _ in range(5)),
    )
    await sweep(bank)
    assert await taken(bank, rice) == 10


def test_the_sweep_is_a_job_of_every_minute():
    assert [one.cron for one in TASKS if one.name == "market.sweep"] == ["* * * * *"]
