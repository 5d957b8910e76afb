"""Tills that lose their connection: holds that live for hours, captures that come late."""

from datetime import datetime, timedelta

import pytest
from tests.bank import CITY, MERCHANT

from credit.market.service import redemptions
from credit.market.service.redemptions import Wish
from credit.points.logic.operations import key_of
from credit.points.service.sweeping import lapse_holds

WALLET = f"/{CITY}/wallet"
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def bank(bank):
    """The bank, its merchant one whose till is without a connection at times."""
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE merchant SET offline = true WHERE code = $1", MERCHANT)
    await bank.grant("Li", 100)
    return bank


def life(bank):
    """How long such a hold lives."""
    hours = timedelta(hours=bank.rules.offline_hours)
    assert hours > timedelta(minutes=bank.rules.hold_minutes)
    return hours


async def test_a_hold_lives_for_the_hours_of_the_pack(bank):
    made = await bank.authorize("Li", 60)
    assert datetime.fromisoformat(made["expires_at"]) == bank.clock.now() + life(bank)
    assert (await bank.wallet("Li"))["available"] == 40


async def test_a_capture_that_was_queued_is_taken_hours_later_and_once(bank):
    made = await bank.authorize("Li", 60)
    bank.clock.now_value += life(bank) - MINUTE
    assert await lapse_holds(bank.db, bank.clock, CITY, bank.writer) == 0
    path = f"/redemptions/{made['id']}/capture"
    answers = [
        await bank.send(path, {"amount": 50}, by="shopkeeper", key="queued", status=200)
        for _ in range(3)
    ]
    assert answers == [answers[0]] * 3
    assert (answers[0]["status"], answers[0]["captured"]) == ("captured", 50)
    assert (await bank.wallet("Li"))["available"] == 50
    # What was taken in time is answered after it, too.
    bank.clock.now_value += timedelta(days=1)
    again = await bank.send(path, {"amount": 50}, by="shopkeeper", key="queued", status=200)
    assert again == answers[0]


async def test_a_capture_that_comes_after_the_time_is_too_late(bank):
    made = await bank.authorize("Li", 60)
    bank.clock.now_value += life(bank)
    path = f"/redemptions/{made['id']}"
    for _ in range(2):
        refused = await bank.send(f"{path}/capture", by="shopkeeper", key="late", status=409)
        assert refused["type"].endswith("hold-over")
    assert await lapse_holds(bank.db, bank.clock, CITY, bank.writer) == 1
    assert (await bank.wallet("Li"))["available"] == 100
    assert (await bank.look(path, by="shopkeeper"))["status"] == "expired"


async def test_a_customer_takes_nothing_back_that_the_till_may_still_send(bank, browse):
    made = await bank.authorize("Li", 60)
    li = await browse("Li")
    release = f"{WALLET}/holds/{made['id']}/release"
    assert "/release" not in (await li.get(WALLET)).text
    assert "/release" not in (await li.get(f"{WALLET}/code")).text
    answer = await li.post(release)
    assert answer.status_code == 409
    assert "2026-07-01 12:00 前没有收取，积分自动退回" in answer.text
    bank.clock.now_value += life(bank) - MINUTE
    li = await browse("Li")
    assert (await li.post(release)).status_code == 409
    assert (await bank.wallet("Li"))["held"] == 60
    done = await bank.send(f"/redemptions/{made['id']}/capture", by="shopkeeper", status=200)
    assert done["status"] == "captured"
    # What was captured is said to be so, and not that it may be later.
    assert "商户已经收取了" in (await li.post(release)).text


async def test_what_a_till_can_take_no_more_its_customer_gets_back(bank, browse):
    made = await bank.authorize("Li", 60)
    bank.clock.now_value += life(bank)
    li = await browse("Li")
    release = f"{WALLET}/holds/{made['id']}/release"
    assert "已撤销" in (await li.post(release)).text
    assert (await bank.wallet("Li"))["available"] == 100


async def test_that_a_till_is_connected_by_now_changes_nothing_for_holds_of_before(bank, browse):
    made = await bank.authorize("Li", 60)
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE merchant SET offline = false WHERE code = $1", MERCHANT)
    wish, key = Wish(await bank.code("Li"), 10, "小票 2"), key_of("test", "authorize", "2", b"")
    keeper = bank.world.actors["shopkeeper"]
    other = await redemptions.authorize(bank.shop, keeper, bank.rules, wish, key)
    li = await browse("Li")
    assert (await li.post(f"{WALLET}/holds/{made['id']}/release")).status_code == 409
    assert "已撤销" in (await li.post(f"{WALLET}/holds/{other.id}/release")).text
    assert (await bank.wallet("Li"))["held"] == 60
