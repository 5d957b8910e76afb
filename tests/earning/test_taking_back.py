"""What comes back of a reversed award is taken back: it was held when the officer reversed it."""

from contextlib import suppress
from datetime import timedelta

from tests.bank import BUDGET, CITY
from tests.earning.test_leaving import award, budget, close, holds, is_faultless, reverse

from credit.earning import jobs
from credit.earning import service as earning
from credit.earning.service import reversing
from credit.kit.jobs import JobContext
from credit.points.logic import operations


async def sweep(bank):
    return await reversing.take_back_returned(bank.db, CITY, bank.writer)


async def spendable(bank, name="Li"):
    return (await bank.wallet(name))["available"]


async def void(bank, held):
    await bank.send(f"/redemptions/{held['id']}/void", {}, by="shopkeeper", status=200)


async def test_what_was_held_when_it_was_reversed_comes_back_to_nobody(bank):
    made = await award(bank, points=9)
    held = await bank.authorize("Li", 9)
    assert await reverse(bank, made) == 0
    assert await sweep(bank) == 0
    await void(bank, held)
    assert await spendable(bank) == 0
    assert await budget(bank) == BUDGET - 9
    assert await sweep(bank) == 1
    assert await budget(bank) == BUDGET
    assert await sweep(bank) == 0
    history = await bank.look(f"/wallets/{bank.wallets['Li']}/history", by="Li")
    assert (history["items"][0]["kind"], history["items"][0]["amount"]) == ("reverse", -9)
    await is_faultless(bank)


async def test_it_is_taken_back_as_often_as_something_comes_back(bank):
    made = await award(bank, points=9)
    first, second = await bank.authorize("Li", 3), await bank.authorize("Li", 4)
    spent = await bank.authorize("Li", 1)
    await bank.send(f"/redemptions/{spent['id']}/capture", {}, by="shopkeeper", status=200)
    assert await reverse(bank, made) == 1
    for held in (first, second):
        await void(bank, held)
        assert await spendable(bank) == 0
        assert await sweep(bank) == 1
        assert await spendable(bank) == 0
    await bank.send(f"/redemptions/{spent['id']}/refund", {}, by="shopkeeper", status=200)
    assert await sweep(bank) == 1
    assert await budget(bank) == BUDGET
    await is_faultless(bank)


async def test_a_refund_grants_nothing_anew_for_a_lot_that_was_reversed_and_is_over(bank):
    made = await award(bank, points=9)
    spent = await bank.authorize("Li", 9)
    await bank.send(f"/redemptions/{spent['id']}/capture", {}, by="shopkeeper", status=200)
    assert await reverse(bank, made) == 0
    bank.clock.now_value += timedelta(days=800)
    refund = operations.refund(operations.key_of("test", "refund", "1", b""), int(spent["id"]))
    assert (await bank.writer.post(refund)).outcome == "posted"
    assert await sweep(bank) == 1
    assert await budget(bank) == BUDGET
    await is_faultless(bank)


async def test_points_of_others_and_of_other_awards_stay(bank):
    made = await award(bank, points=9)
    held = await bank.authorize("Li", 9)
    await bank.grant("Li", 5)
    await bank.grant("Wang", 7)
    await reverse(bank, made)
    await void(bank, held)
    assert await sweep(bank) == 1
    assert [await spendable(bank, name) for name in ("Li", "Wang")] == [5, 7]
    await is_faultless(bank)


async def test_the_job_gives_back_what_is_over_and_takes_it(bank):
    made = await award(bank, points=9)
    await bank.authorize("Li", 9)
    assert await reverse(bank, made) == 0
    bank.clock.now_value += timedelta(days=30)
    context = JobContext(bank.db, bank.clock, CITY)
    for _ in range(2):
        await jobs.take_back_returned(bank.writers, context)
        assert await spendable(bank) == 0
        assert await budget(bank) == BUDGET
    await is_faultless(bank)


async def test_where_the_campaign_is_over_it_goes_to_the_programme(bank):
    made = await award(bank, points=9)
    held = await bank.authorize("Li", 9)
    await reverse(bank, made)
    await earning.close_campaign(
        bank.db, bank.clock, CITY, bank.writer, bank.world.actors["street"], bank.campaign.id
    )
    async with bank.db.city(CITY) as conn:
        await conn.execute("SELECT close_account_v1($1, now())", bank.campaign.account)
    await void(bank, held)
    assert await sweep(bank) == 1
    assert await sweep(bank) == 0
    assert (await spendable(bank), await holds(bank, "issuance")) == (0, 0)
    await is_faultless(bank)


async def test_a_reversal_sent_again_takes_what_came_back(bank):
    made = await award(bank, points=9)
    held = await bank.authorize("Li", 9)
    assert await reverse(bank, made) == 0
    await void(bank, held)
    taken = await reversing.take_back(bank.db, CITY, bank.writer, made, "granted")
    assert (taken, await spendable(bank)) == (9, 0)
    await is_faultless(bank)


async def test_what_came_due_while_it_was_reversed_is_found_again(bank, monkeypatch):
    """The book had captured it, nobody had noted that, and it was held at once."""
    made = await award(bank, points=9, granted=False)
    bank.clock.now_value += timedelta(days=bank.rules.rule("donation.money").pending_days)

    async def cut_off(*_):
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr("credit.earning.participation.store.settle", cut_off)
        with suppress(ConnectionError):
            await earning.mature(bank.db, bank.clock, CITY, bank.writer, bank.world.pack)
    held = await bank.authorize("Li", 9)
    assert await reverse(bank, made) == 0
    await void(bank, held)
    assert await sweep(bank) == 1
    assert await spendable(bank) == 0
    await is_faultless(bank)


async def test_who_left_has_nothing_that_comes_back(bank):
    await award(bank, points=4, granted=False)
    await close(bank)
    assert await sweep(bank) == 0
    await is_faultless(bank)
