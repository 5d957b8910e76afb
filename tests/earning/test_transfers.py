"""Transfers by officers: a key stands for one request, and nobody moves points to themselves."""

import asyncio
import json

import pytest
from tests.bank import CITY

from credit.earning.service import adjusting
from credit.earning.service.adjusting import Wanted
from credit.kit.errors import Unprocessable
from credit.points.service import accounts
from credit.points.service.posting import Writer

PLACE = "/points/transfers"


def item(bank, amount, *, debit="issuance", credit=None):
    credit = credit or f"campaign:{bank.campaign.id}"
    return {"debit": debit, "credit": credit, "amount": amount, "reason": "年中调整"}


def wallet(bank, name):
    return f"wallet:{bank.wallets[name]}"


async def made(bank, *items, by="street", key=None):
    answer = await bank.send(PLACE, {"items": list(items)}, by=by, key=key, status=200)
    return answer["items"]


async def refused(bank, *items, by="street", key):
    answer = await bank.send(PLACE, {"items": list(items)}, by=by, key=key, status=422)
    assert answer["type"].endswith("idempotency-key-reused")


async def balance(bank, code=None):
    async with bank.db.city(CITY) as conn:
        code = code or f"campaign:{bank.campaign.id}"
        number = (await accounts.accounts_named(conn, [code]))[code].id
        return (await accounts.balances(conn, [number], bank.clock.today()))[number].balance


async def test_a_longer_list_under_a_used_key_posts_nothing(bank):
    before = await balance(bank)
    first = await made(bank, item(bank, 1), key="k")
    longer = [item(bank, 1), item(bank, 10), item(bank, 100)]
    await refused(bank, *longer, key="k")
    assert await balance(bank) == before + 1
    assert await made(bank, item(bank, 1), key="k") == first
    assert [one["status"] for one in await made(bank, *longer, key="n")] == ["posted"] * 3
    await refused(bank, item(bank, 1), key="n")
    assert await balance(bank) == before + 112


async def test_what_is_refused_binds_its_key_too(bank):
    """Also where the same would be posted by now, or what was posted would be refused."""
    nowhere = item(bank, 1, credit="campaign:none")
    elsewhere = item(bank, 1, debit="adjustment")
    for key, refusal, status in (
        ("u", nowhere, "unknown-account"), ("n", elsewhere, "not-allowed"),
    ):  # fmt: skip
        answer = await made(bank, refusal, key=key)
        assert [one["status"] for one in answer] == [status]
        assert await made(bank, refusal, key=key) == answer
        await refused(bank, item(bank, 1), item(bank, 2), key=key)
    mixed = [nowhere, item(bank, 3), elsewhere]
    answer = await made(bank, *mixed, key="m")
    assert [one["status"] for one in answer] == ["unknown-account", "posted", "not-allowed"]
    assert await made(bank, *mixed, key="m") == answer


async def test_an_answer_stays_when_what_the_officer_may_do_changes(bank, monkeypatch):
    one, own = item(bank, 5), item(bank, 5, debit="adjustment")
    posted, not_allowed = await made(bank, one, key="p"), await made(bank, own, key="q")
    monkeypatch.setattr(adjusting, "ALLOWED", {("adjustment", "budget"): "fund"})
    assert await made(bank, one, key="p") == posted
    assert await made(bank, own, key="q") == not_allowed
    assert [it["status"] for it in await made(bank, own, key="r")] == ["posted"]


async def test_of_two_requests_under_a_key_one_alone_is_posted(bank):
    """Both at once, each by a writer with a connection of its own."""
    grace = bank.rules.grace_days
    writers = [Writer(bank.db, bank.clock, CITY, lambda _: grace) for _ in range(2)]
    campaign = f"campaign:{bank.campaign.id}"
    bodies = (
        [Wanted("issuance", campaign, 1, "甲")],
        [Wanted("issuance", campaign, amount, "乙") for amount in (10, 100, 1000)],
    )
    expected = {1: 1, 3: 1110}
    try:
        for number in range(8):
            before = await balance(bank)
            order = bodies if number % 2 else bodies[::-1]
            answers = await asyncio.gather(
                *(
                    adjusting.transfer(
                        bank.db, CITY, writer, bank.world.actors["street"], f"race-{number}",
                        json.dumps([one.amount for one in wanted]).encode(), wanted,
                    )
                    for writer, wanted in zip(writers, order, strict=True)
                ),
                return_exceptions=True,
            )  # fmt: skip
            (lost,) = [one for one in answers if isinstance(one, Unprocessable)]
            (won,) = [one for one in answers if one is not lost]
            assert {one.outcome for one in won} == {"posted"}
            assert await balance(bank) - before == expected[len(won)]
    finally:
        for writer in writers:
            await writer.close()


async def test_nobody_adjusts_a_wallet_of_their_own(bank):
    await bank.world.hire("city", "city_officer")
    async with bank.db.city(CITY) as conn:
        await conn.execute(
            "UPDATE member SET person_id = $1 WHERE id = $2",
            bank.world.actors["city"].person_id,
            bank.wallets["Wang"],
        )
    own = item(bank, 5, debit="adjustment", credit=wallet(bank, "Wang"))
    other = item(bank, 5, debit="adjustment", credit=wallet(bank, "Li"))
    answer = await made(bank, own, other, by="city", key="a")
    assert [one["status"] for one in answer] == ["own-wallet", "posted"]
    assert "自己的积分钱包" in answer[0]["message"]
    assert await made(bank, own, other, by="city", key="a") == answer
    assert [await balance(bank, wallet(bank, name)) for name in ("Wang", "Li")] == [0, 5]
    back = item(bank, 5, debit=wallet(bank, "Li"), credit="adjustment")
    assert [one["status"] for one in await made(bank, back, by="city")] == ["not-allowed"]


@pytest.mark.parametrize("count", [1, 3])
async def test_one_transfer_is_one_posting(bank, monkeypatch, count):
    calls = []
    post = Writer._post

    async def counted(self, operations, lots):
        calls.append(len(operations))
        return await post(self, operations, lots)

    await made(bank, item(bank, 1))
    monkeypatch.setattr(Writer, "_post", counted)
    await made(bank, *[item(bank, 1)] * count)
    assert calls == ([1] if count == 1 else [1, 2])


async def test_the_association_funds_budgets_and_adjusts_no_wallet(bank):
    answer = await made(
        bank, item(bank, 7), item(bank, 5, debit="adjustment", credit=wallet(bank, "Li")),
        by="officer",
    )  # fmt: skip
    assert [one["status"] for one in answer] == ["posted", "not-allowed"]
    assert await balance(bank, wallet(bank, "Li")) == 0
