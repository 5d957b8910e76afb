"""Redemptions over HTTP: authorize by a code, capture, void, refund; what is refused, and repeated."""

import asyncio
import json
from datetime import timedelta

import pytest
from tests.bank import API, CITY, MERCHANT

from credit.earning import service as earning
from credit.points.service import accounts
from credit.points.service.sweeping import lapse_holds


async def test_a_customer_pays_with_points_and_gets_some_back(bank):
    await bank.grant("Li", 100)
    made = await bank.authorize("Li", 60)
    assert (made["status"], made["amount"], made["acts"]) == ("authorized", 60, ["capture", "void"])
    wallet = await bank.wallet("Li")
    assert (wallet["available"], wallet["held"]) == (40, 60)
    assert wallet["holds"][0]["id"] == made["id"]
    path = f"/redemptions/{made['id']}"
    captured = await bank.send(f"{path}/capture", {"amount": 50}, by="shopkeeper", status=200)
    assert (captured["status"], captured["captured"], captured["acts"]) == (
        "captured",
        50,
        ["refund"],
    )
    assert (await bank.wallet("Li"))["available"] == 50
    part = await bank.send(f"{path}/refund", {"amount": 20}, by="shopkeeper", status=200)
    assert (part["status"], part["refunded"]) == ("captured", 20)
    rest = await bank.send(f"{path}/refund", by="shopkeeper", status=200)
    assert (rest["status"], rest["refunded"], rest["acts"]) == ("refunded", 50, [])
    wallet = await bank.wallet("Li")
    assert (wallet["available"], wallet["held"], wallet["holds"]) == (100, 0, [])
    seen = await bank.look(path, by="shopkeeper")
    assert (seen["reference"], seen["offer"]) == ("小票 1", None)
    assert {name: seen[name] for name in rest} == rest
    page = await bank.look("/redemptions", by="shopkeeper")
    assert page == {"items": [seen], "next_cursor": None}


async def test_what_is_asked_again_is_answered_the_same(bank):
    await bank.grant("Li", 100)
    body = {"code": await bank.code("Li"), "amount": 30, "reference": "小票 2"}
    first = await bank.send("/redemptions", body, by="shopkeeper", key="a", status=201)
    path = f"/redemptions/{first['id']}"
    captured = await bank.send(f"{path}/capture", by="shopkeeper", key="c", status=200)
    parts = [
        await bank.send(f"{path}/refund", {"amount": 10}, by="shopkeeper", key=key, status=200)
        for key in ("r1", "r2")
    ]
    bank.clock.now_value += timedelta(days=1)
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE merchant SET state = 'suspended' WHERE code = $1", MERCHANT)
    assert await bank.send("/redemptions", body, by="shopkeeper", key="a", status=201) == first
    assert await bank.send(f"{path}/capture", by="shopkeeper", key="c", status=200) == captured
    again = [
        await bank.send(f"{path}/refund", {"amount": 10}, by="shopkeeper", key=key, status=200)
        for key in ("r1", "r2")
    ]
    assert again == parts
    assert [one["refunded"] for one in parts] == [10, 20]
    other = await bank.send(f"{path}/refund", {"amount": 9}, by="shopkeeper", key="r1", status=422)
    assert other["type"].endswith("idempotency-key-reused")
    assert (await bank.wallet("Li"))["available"] == 90


async def test_what_is_refused_before_the_book_is_asked_is_kept_under_the_key_too(bank):
    await bank.grant("Li", 100)
    offer = str(await bank.add_offer(points=30, stock=1))
    code = await bank.code("Li")
    body = {"code": code, "amount": 20, "reference": "大米", "offer": offer}
    wrong = await bank.send("/redemptions", body, by="shopkeeper", key="w", status=409)
    assert wrong["type"].endswith("wrong-amount")
    assert wrong["allowed"] == {"amount": 30}
    right = body | {"amount": 30}
    used = await bank.send("/redemptions", right, by="shopkeeper", key="w", status=422)
    assert used["type"].endswith("idempotency-key-reused")
    assert (await bank.wallet("Li"))["held"] == 0
    async with bank.db.city(CITY) as conn:
        assert await conn.fetchval("SELECT taken FROM offer") == 0
        await conn.execute("UPDATE offer SET state = 'paused'")
    closed = await bank.send("/redemptions", right, by="shopkeeper", key="x", status=409)
    assert closed["type"].endswith("offer-not-open")
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE offer SET state = 'open'")
    # It stays the answer when it would be granted; a new key is a new request.
    assert await bank.send("/redemptions", right, by="shopkeeper", key="x", status=409) == closed
    made = await bank.send("/redemptions", right, by="shopkeeper", key="y", status=201)
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE offer SET state = 'paused'")
    # And what was granted stays so when it would be refused.
    assert await bank.send("/redemptions", right, by="shopkeeper", key="y", status=201) == made
    assert (await bank.wallet("Li"))["held"] == 30


async def test_fifty_captures_at_once_take_it_once(bank):
    await bank.grant("Li", 100)
    made = await bank.authorize("Li", 60)
    answers = await asyncio.gather(
        *(bank.send(f"/redemptions/{made['id']}/capture", by="shopkeeper") for _ in range(50))
    )
    assert sorted(one.status_code for one in answers) == [200] + [409] * 49
    assert (await bank.wallet("Li"))["available"] == 40


async def test_a_code_is_used_once_and_by_nobody_too_late(bank):
    await bank.grant("Li", 100)
    body = {"code": await bank.code("Li"), "amount": 10, "reference": "小票"}
    await bank.send("/redemptions", body, by="shopkeeper", status=201)
    assert await refusal(bank, body) == "code-used"
    body["code"] = await bank.code("Li")
    bank.clock.now_value += timedelta(seconds=bank.rules.code_seconds)
    assert await refusal(bank, body) == "code-over"
    assert await refusal(bank, {**body, "code": "0000000000"}) == "unknown-code"


async def refusal(bank, body, *, by="shopkeeper"):
    answer = await bank.send("/redemptions", body, by=by, status=409)
    return answer["type"].rsplit(":", 1)[1]


async def test_a_customer_with_too_little_is_said_what_would_do(bank):
    await bank.grant("Li", 10)
    body = {"code": await bank.code("Li"), "amount": 11, "reference": "小票"}
    answer = await bank.send("/redemptions", body, by="shopkeeper", status=409)
    assert (answer["allowed"]["amount_max"], "10 积分" in answer["detail"]) == (10, True)
    await bank.send("/redemptions", {**body, "amount": 10}, by="shopkeeper", status=201)


NO_AMOUNTS = ["0", "-1", str(2**53), str(2**64), "1.5", "1e400", "NaN", '"1.5"', "true"]


@pytest.mark.parametrize("amount", NO_AMOUNTS)
async def test_an_amount_that_is_none_moves_nothing_over_http(bank, amount):
    await bank.grant("Li", 100)
    made = await bank.authorize("Li", 60)
    taken = await bank.authorize("Li", 20)
    await bank.send(f"/redemptions/{taken['id']}/capture", by="shopkeeper", status=200)
    code = await bank.code("Li")
    before = await bank.wallet("Li")
    for path, rest in (
        ("/redemptions", f'"code": "{code}", "reference": "1", '),
        (f"/redemptions/{made['id']}/capture", ""),
        (f"/redemptions/{taken['id']}/refund", ""),
        ("/points/transfers", None),
    ):
        body = f'{{{rest}"amount": {amount}}}'
        if rest is None:
            item = f'"debit": "issuance", "credit": "campaign:{bank.campaign.id}", "reason": "1", '
            body = f'{{"items": [{{{item}"amount": {amount}}}]}}'
        answer = await raw(bank, path, body, by="street" if rest is None else "shopkeeper")
        assert answer.status_code == 400, (path, answer.text)
    assert await bank.wallet("Li") == before


async def raw(bank, path, body, *, by):
    """Post a body as it is written."""
    headers = {
        "Authorization": f"Bearer {bank.world.api_keys[by]}",
        "Idempotency-Key": f"raw-{next(bank.numbers)}",
        "Content-Type": "application/json",
    }
    return await bank.client.post(f"{API}{path}", content=body, headers=headers)


async def test_more_than_is_held_or_after_the_end_nothing_is_captured(bank):
    await bank.grant("Li", 100)
    made = await bank.authorize("Li", 60)
    path = f"/redemptions/{made['id']}"
    above = await bank.send(f"{path}/capture", {"amount": 61}, by="shopkeeper", status=409)
    assert (above["type"].rsplit(":", 1)[1], above["allowed"]["amount_max"]) == ("above-hold", 60)
    await bank.send(f"{path}/void", by="shopkeeper", status=200)
    after = await bank.send(f"{path}/capture", by="shopkeeper", status=409)
    assert after["type"].endswith("hold-voided")
    taken = await bank.authorize("Li", 60)
    path = f"/redemptions/{taken['id']}"
    await bank.send(f"{path}/capture", by="shopkeeper", status=200)
    twice = await bank.send(f"{path}/capture", by="shopkeeper", status=409)
    assert twice["type"].endswith("hold-captured")
    assert (await bank.wallet("Li"))["available"] == 40


async def test_a_key_used_for_another_body_is_refused_by_every_call(bank):
    await bank.grant("Li", 100)
    body = {"code": await bank.code("Li"), "amount": 30, "reference": "小票"}
    made = await bank.send("/redemptions", body, by="shopkeeper", key="k", status=201)
    path = f"/redemptions/{made['id']}"
    taken = await bank.authorize("Li", 30)
    calls = [("/redemptions", {**body, "amount": 29}, "k")]
    await bank.send(f"{path}/void", by="shopkeeper", key="v", status=200)
    calls.append((f"/redemptions/{taken['id']}/void", None, "v"))
    await bank.send(f"/redemptions/{taken['id']}/capture", {"amount": 20}, by="shopkeeper", key="c")
    calls.append((f"/redemptions/{taken['id']}/capture", {"amount": 10}, "c"))
    before = await bank.wallet("Li")
    for where, other, key in calls:
        answer = await bank.send(where, other, by="shopkeeper", key=key, status=422)
        assert answer["type"].endswith("idempotency-key-reused"), where
    assert await bank.wallet("Li") == before


async def test_the_code_of_a_closed_account_pays_nothing(bank):
    code = await bank.code("Li")
    async with bank.db.transaction(CITY) as conn:
        member = await earning.own_member(conn, bank.world.actors["Li"])
        assert await accounts.close_account(conn, bank.clock, member.account)
    body = {"code": code, "amount": 1, "reference": "小票"}
    assert await refusal(bank, body) == "closed-account"


async def test_a_code_for_one_merchant_is_unknown_to_every_other(bank):
    await bank.grant("Li", 100)
    await bank.world.hire("rival", "merchant_user", kind="merchant", party="SH-0002")
    theirs = await bank.add_merchant("SH-0002", "隔壁超市")
    async with bank.db.transaction(CITY) as conn:
        member = await earning.own_member(conn, bank.world.actors["Li"])
        code, _ = await accounts.make_code(
            conn, bank.clock, member.account, seconds=60, beneficiary=theirs
        )
    body = {"code": code, "amount": 1, "reference": "小票"}
    assert await refusal(bank, body) == "unknown-code"
    await bank.send("/redemptions", body, by="rival", status=201)


async def test_another_merchant_s_redemption_is_nobody_else_s(bank):
    await bank.grant("Li", 100)
    made = await bank.authorize("Li", 10)
    await bank.world.hire("rival", "merchant_user", kind="merchant", party="SH-0002")
    await bank.add_merchant("SH-0002", "隔壁超市")
    path = f"/redemptions/{made['id']}"
    await bank.look(path, by="rival", status=404)
    for act in ("capture", "void", "refund"):
        await bank.send(f"{path}/{act}", by="rival", status=404)
    assert (await bank.look("/redemptions", by="rival"))["items"] == []
    assert (await bank.send(f"{path}/void", by="shopkeeper", status=200))["status"] == "voided"


async def test_a_hold_ends_by_itself(bank):
    await bank.grant("Li", 100)
    made = await bank.authorize("Li", 60)
    bank.clock.now_value += timedelta(minutes=bank.rules.hold_minutes)
    path = f"/redemptions/{made['id']}"
    answer = await bank.send(f"{path}/capture", by="shopkeeper", status=409)
    assert answer["type"].endswith("hold-over")
    assert (await bank.look(path, by="shopkeeper"))["status"] == "expired"
    assert await lapse_holds(bank.db, bank.clock, CITY, bank.writer) == 1
    assert (await bank.look(path, by="shopkeeper"))["status"] == "expired"
    assert (await bank.wallet("Li"))["available"] == 100


async def test_the_last_piece_is_taken_once(bank):
    for name in ("Li", "Wang"):
        await bank.grant(name, 100)
    offer = str(await bank.add_offer(points=30, stock=1))
    bodies = [
        {"code": await bank.code(name), "amount": 30, "reference": "大米", "offer": offer}
        for name in ("Li", "Wang")
    ]
    answers = await asyncio.gather(
        *(bank.send("/redemptions", body, by="shopkeeper") for body in bodies)
    )
    assert sorted(one.status_code for one in answers) == [201, 409]
    refused = next(one for one in answers if one.status_code == 409).json()
    assert refused["type"].endswith("sold-out")


async def test_what_came_to_nothing_leaves_the_shelf_full(bank):
    await bank.grant("Li", 10)
    offer = str(await bank.add_offer(points=30, stock=1))
    body = {"code": await bank.code("Li"), "amount": 30, "reference": "大米", "offer": offer}
    assert await refusal(bank, body) == "insufficient"
    await bank.grant("Li", 100)
    made = await bank.send("/redemptions", body, by="shopkeeper", status=201)
    assert (await bank.look(f"/redemptions/{made['id']}", by="shopkeeper"))["offer"] == offer


async def test_a_person_uses_an_offer_as_often_as_it_says(bank):
    await bank.grant("Li", 100)
    offer = str(await bank.add_offer("discount", 5, uses=1, days=7))
    await bank.authorize("Li", 5, offer=offer)
    answer = await bank.authorize("Li", 5, offer=offer, status=409)
    assert answer["type"].endswith("limit-reached")
    bank.clock.now_value += timedelta(days=7)
    await bank.authorize("Li", 5, offer=offer)


async def test_a_closed_shop_takes_no_points(bank):
    await bank.grant("Li", 100)
    hours = json.dumps([[["09:00", "12:00"]]] * 7)  # the clock stands at noon
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE merchant SET hours = $2 WHERE code = $1", MERCHANT, hours)
    answer = await bank.authorize("Li", 5, status=409)
    assert answer["type"].endswith("outside-hours")


async def test_a_till_without_a_merchant_is_told_whom_to_ask(bank):
    await bank.world.hire("early", "merchant_user", kind="merchant", party="SH-0003")
    answer = await bank.authorize("Li", 5, by="early", status=403)
    assert answer["type"].endswith("no-merchant")
