"""Codes: guessed by nobody over the interface, and never the same twice within the day they are kept."""

import asyncio
from datetime import timedelta

import pytest
from tests.bank import CITY

from credit.earning.service.wallets import CODES_PER_MINUTE
from credit.kit.errors import Overloaded
from credit.market.api.redemptions import BAD_CODES_PER_MINUTE
from credit.points.service import accounts

BAD = {"code": "0000000000", "amount": 1, "reference": "小票"}


async def test_who_sends_very_many_bad_codes_is_stopped_before_the_book_is_asked(bank, statements):
    await bank.grant("Li", 100)
    used = (await bank.code("Li"), await bank.code("Li"))
    await bank.send("/redemptions", BAD | {"code": used[0]}, by="shopkeeper", status=201)
    bank.clock.now_value += timedelta(seconds=bank.rules.code_seconds)
    bodies = [BAD, BAD | {"code": used[0]}, BAD | {"code": used[1]}]  # unknown, used, over
    for number in range(BAD_CODES_PER_MINUTE):
        await bank.send("/redemptions", bodies[number % 3], by="shopkeeper", status=409)
    good = BAD | {"code": await bank.code("Li")}
    statements.clear()
    answer = await bank.send("/redemptions", good, by="shopkeeper", key="g")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    assert answer.json()["type"].endswith("too-many-bad-codes")
    assert not [one for one in statements if "point_" in one or "merchant" in one]
    # Another merchant is none the worse for it, and the same request is taken when it is time.
    await bank.world.hire("rival", "merchant_user", kind="merchant", party="SH-0002")
    await bank.add_merchant("SH-0002", "隔壁超市")
    await bank.authorize("Li", 1, by="rival")
    bank.clock.now_value += timedelta(seconds=2)
    await bank.send("/redemptions", good, by="shopkeeper", key="g", status=201)


async def test_what_is_no_bad_code_counts_for_nothing(bank):
    await bank.grant("Li", 100)
    for number in range(BAD_CODES_PER_MINUTE + 5):
        made = await bank.authorize("Li", 1)  # good
        await bank.send(f"/redemptions/{made['id']}/void", by="shopkeeper", status=200)
        if number % 3 == 0:
            await bank.authorize("Li", 1_000, status=409)  # too little
    assert (await bank.authorize("Li", 1))["status"] == "authorized"


async def test_codes_are_made_no_faster_than_anybody_pays_on_pages_and_over_the_interface(
    bank, browse
):
    await bank.grant("Li", 100)
    li = await browse("Li")
    path = f"/wallets/{bank.wallets['Li']}/codes"
    half = CODES_PER_MINUTE // 2
    for _ in range(half):
        await bank.send(path, by="Li", status=201)
        assert (await li.get(f"/{CITY}/wallet/code")).status_code == 200
    answer = await bank.send(path, by="Li")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    assert (await li.get(f"/{CITY}/wallet/code")).status_code == 429
    await bank.send(f"/wallets/{bank.wallets['Wang']}/codes", by="Wang", status=201)
    # Who asks for another's wallet learns nothing, and uses up none of theirs.
    bank.clock.now_value += timedelta(seconds=5)
    await bank.send(path, by="Wang", status=404)
    await bank.send(path, by="Li", status=201)


async def test_a_code_that_is_there_already_is_made_another(bank, monkeypatch):
    made = iter(["1" * 10, "1" * 10, "1" * 10, "2" * 10])
    monkeypatch.setattr(accounts.codes, "code_of", lambda _: next(made))
    first, second = await bank.code("Li"), await bank.code("Wang")
    assert first != second
    await bank.grant("Wang", 5)
    body = BAD | {"code": second}
    await bank.send("/redemptions", body, by="shopkeeper", status=201)
    assert (await bank.wallet("Wang"))["held"] == 1


async def test_at_once_made_the_same_code_is_one_person_s(bank, monkeypatch):
    codes = iter(["1" * 10] * 2 + ["2" * 10])
    monkeypatch.setattr(accounts.codes, "code_of", lambda _: next(codes))
    made = await asyncio.gather(bank.code("Li"), bank.code("Wang"))
    assert len(set(made)) == 2


async def test_where_no_code_can_be_made_one_is_told_to_come_again(bank, monkeypatch):
    monkeypatch.setattr(accounts.codes, "code_of", lambda _: "1" * 10)
    await bank.code("Li")
    with pytest.raises(Overloaded):
        await bank.code("Li")
    answer = await bank.send(f"/wallets/{bank.wallets['Li']}/codes", by="Li")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
