"""Awards over HTTP: entered by one person, approved by another, worth what the pack says."""

from datetime import date, timedelta

from tests.bank import BUDGET, CITY

from credit.earning import service as earning
from credit.points.service import accounts
from credit.points.service.verifying import verify_book

POST = "service.post"  # the pack's rule for standing duty: needs approval, no activity


def claim(bank, name="Li", rule=POST, **more):
    return {
        "resident": bank.wallets[name], "rule": rule, "evidence": "值班表 6 月",
        "participated_on": "2026-06-29", **more,
    }  # fmt: skip


async def enter(bank, *items, by="clerk", key=None):
    answer = await bank.send("/points/awards", {"items": list(items)}, by=by, key=key, status=200)
    return answer["items"]


async def approve(bank, *ids, by="head", approve=True, reason=""):
    body = {"items": list(ids), "approve": approve, "reason": reason}
    return (await bank.send("/points/decisions", body, by=by, status=200))["items"]


async def mature(bank):
    return await earning.mature(bank.db, bank.clock, CITY, bank.writer, bank.world.pack)


async def test_somebody_earns_waits_and_can_spend(bank):
    (entered,) = await enter(bank, claim(bank, quantity=180))
    assert (entered["status"], entered["points"], entered["flags"]) == ("entered", 2, [])
    assert (await bank.wallet("Li"))["pending"] == 0
    assert await approve(bank, entered["id"]) == [entered["id"]]
    wallet = await bank.wallet("Li")
    assert (wallet["available"], wallet["pending"]) == (0, 2)
    bank.clock.now_value += timedelta(days=bank.rules.rule(POST).pending_days)
    assert await mature(bank) == 1
    wallet = await bank.wallet("Li")
    assert (wallet["available"], wallet["pending"]) == (2, 0)
    assert wallet["lots"][0]["valid_until"] == "2028-07-31"  # a month's last day
    assert wallet["ending"] == [{"on": "2028-07-31", "points": 2}]
    history = await bank.look(f"/wallets/{bank.wallets['Li']}/history", by="Li")
    assert [(one["kind"], one["amount"]) for one in history["items"]] == [("capture", 2)]
    assert await verify_book(bank.db, CITY, bank.world.logs.book_secret(CITY)) == []


async def test_nobody_approves_what_they_entered(bank):
    (entered,) = await enter(bank, claim(bank))
    assert await approve(bank, entered["id"], by="clerk") == []
    assert await approve(bank, entered["id"], by="street") == [entered["id"]]
    assert await approve(bank, entered["id"], by="head") == []


async def test_nobody_enters_or_approves_for_their_own_wallet(bank):
    """An officer who lives in the community has a wallet there, too."""
    clerk = bank.world.actors["clerk"].person_id
    async with bank.db.city(CITY) as conn:
        question = "UPDATE member SET person_id = $2 WHERE id = $1"
        await conn.execute(question, bank.wallets["Li"], clerk)
    own, other = await enter(bank, claim(bank), claim(bank, "Wang"))
    assert (own["status"], own["reason"], own["points"]) == ("refused", "own-wallet", 0)
    assert "不能自己登记" in own["message"]
    assert other["status"] == "entered"
    entered = await enter(bank, claim(bank), claim(bank, "Wang"), by="head")
    ids = [one["id"] for one in entered]
    body = {"items": ids, "approve": True}
    refused = await bank.send("/points/decisions", body, by="clerk", status=403)
    assert refused["type"].endswith("own-wallet")
    assert "不能自己审核" in refused["detail"]
    assert await approve(bank, ids[1], by="clerk") == [ids[1]]
    assert await approve(bank, ids[0], by="street") == [ids[0]]


async def test_nobody_approves_for_another_division(bank):
    await bank.world.hire("far", "community_officer", kind="community", division="150204001001")
    (entered,) = await enter(bank, claim(bank))
    assert await approve(bank, entered["id"], by="far") == []
    (refused,) = await enter(bank, claim(bank), by="far")
    assert refused["reason"] == "unknown-resident"


async def test_one_refused_award_fails_no_other(bank):
    items = [
        claim(bank), claim(bank, rule="no.such"), claim(bank, rule="service.unit"),
        claim(bank, participated_on="2026-07-01"), claim(bank, rule="service.volunteer"),
        claim(bank, rule="donation.money"), claim(bank, participated_on="2024-12-31"),
        {**claim(bank), "resident": "W2345"}, claim(bank, "Wang"),
    ]  # fmt: skip
    entered = await enter(bank, *items)
    assert [one["reason"] for one in entered] == [
        "", "unknown-rule", "kind-not-eligible", "in-future", "activity-needed", "quantity-needed",
        "other-year", "unknown-resident", "",
    ]  # fmt: skip
    assert all(one["message"] for one in entered if one["reason"])


async def test_days_nobody_can_have_lived_are_refused_like_others(bank):
    days = ("0001-01-01", "9999-12-31", "2024-12-31")
    entered = await enter(bank, *(claim(bank, participated_on=day) for day in days), claim(bank))
    assert [one["reason"] for one in entered] == ["other-year", "in-future", "other-year", ""]


async def test_a_text_that_is_no_id_is_nobody_s_award(bank):
    (entered,) = await enter(bank, claim(bank))
    assert await approve(bank, "x" * 40, f"{entered['id']}\n", entered["id"]) == [entered["id"]]


async def test_caps_hold_over_one_list_and_the_next(bank):
    """Duty: 6 hours of a day count, and earn at most 4 points of it."""
    entered = await enter(bank, *(claim(bank, quantity=240) for _ in range(3)))
    assert [(one["points"], one["reason"]) for one in entered] == [
        (2, ""),
        (2, ""),
        (0, "day-full"),
    ]
    (again,) = await enter(bank, claim(bank, quantity=60))
    assert again["reason"] == "day-full"
    (other_day,) = await enter(bank, claim(bank, quantity=240, participated_on="2026-06-28"))
    assert other_day["points"] == 2


async def test_the_same_list_sent_again_is_entered_once(bank):
    first = await enter(bank, claim(bank), key="list")
    assert await enter(bank, claim(bank), key="list") == first
    body = {"items": [claim(bank, "Wang")]}
    answer = await bank.send("/points/awards", body, by="clerk", key="list", status=422)
    assert answer["type"].endswith("idempotency-key-reused")


async def test_points_given_by_hand_are_looked_at(bank):
    (entered,) = await enter(bank, claim(bank, amount=3))
    assert (entered["status"], entered["points"], entered["flags"]) == ("entered", 3, ["by-hand"])
    both = {"items": [claim(bank, amount=3, quantity=60)]}
    await bank.send("/points/awards", both, by="clerk", status=409)


async def test_a_refusal_has_a_reason_and_the_day_is_free_again(bank):
    (entered,) = await enter(bank, claim(bank, quantity=360))
    body = {"items": [entered["id"]], "approve": False}
    await bank.send("/points/decisions", body, by="head", status=409)
    assert await approve(bank, entered["id"], approve=False, reason="值班表上没有这个人")
    (again,) = await enter(bank, claim(bank, quantity=360))
    assert again["points"] == 4


async def test_an_empty_budget_leaves_the_award_waiting_until_it_is_filled(bank):
    body = {"items": [transfer(f"campaign:{bank.campaign.id}", "issuance", BUDGET)]}
    (returned,) = (await bank.send("/points/transfers", body, by="street", status=200))["items"]
    assert returned["status"] == "posted"
    (entered,) = await enter(bank, claim(bank))
    await approve(bank, entered["id"])
    assert await state_of(bank, entered["id"]) == "unfunded"
    body = {"items": [transfer("issuance", f"campaign:{bank.campaign.id}", 100)]}
    await bank.send("/points/transfers", body, by="street", status=200)
    ids = [entered["id"]]
    await earning.post_approved(bank.db, bank.clock, CITY, bank.writer, bank.world.pack, ids)
    assert await state_of(bank, entered["id"]) == "pending"


def transfer(debit, credit, amount):
    return {"debit": debit, "credit": credit, "amount": amount, "reason": "年中调整"}


async def state_of(bank, participation):
    async with bank.db.city(CITY) as conn:
        return await conn.fetchval("SELECT state FROM participation WHERE id = $1", participation)


async def test_an_officer_moves_points_within_their_authority(bank):
    campaign = f"campaign:{bank.campaign.id}"
    wanted = [
        transfer("issuance", campaign, 5), transfer(campaign, "nowhere", 5),
        transfer(f"wallet:{bank.wallets['Li']}", campaign, 1), transfer("adjustment", campaign, 1),
        transfer(campaign, "issuance", 10**9),
    ]  # fmt: skip
    body = {"items": wanted}
    made = (await bank.send("/points/transfers", body, by="street", key="t", status=200))["items"]
    assert [one["status"] for one in made] == [
        "posted", "unknown-account", "not-allowed", "not-allowed", "insufficient",
    ]  # fmt: skip
    again = (await bank.send("/points/transfers", body, by="street", key="t", status=200))["items"]
    assert again == made
    other = {"items": [transfer("issuance", campaign, 6)]}
    await bank.send("/points/transfers", other, by="street", key="t", status=422)
    await bank.world.hire("far", "street_officer", kind="street", division="150204001")
    (refused,) = (
        await bank.send("/points/transfers", {"items": wanted[:1]}, by="far", status=200)
    )["items"]
    assert refused["status"] == "not-allowed"
    await bank.send("/points/transfers", body, by="clerk", status=403)


async def test_a_wallet_is_its_holder_s_alone(bank):
    await bank.grant("Li", 10)
    for path in ("", "/history"):
        await bank.look(f"/wallets/{bank.wallets['Li']}{path}", by="Wang", status=404)
        await bank.look(f"/wallets/{bank.wallets['Li']}{path}", by="clerk", status=403)
    await bank.send(f"/wallets/{bank.wallets['Li']}/codes", by="Wang", status=404)


async def test_a_minor_earns_with_a_guardian_s_consent_alone(bank):
    from credit.earning.members import store
    from credit.earning.service.members import NewMember

    child = NewMember("小张", "resident", "150203001001", born_on=date(2012, 2, 29))
    async with bank.db.transaction(CITY) as conn:
        (wallet,) = await earning.register(
            conn, bank.clock, bank.world.vault, bank.world.actors["clerk"], bank.rules, [child]
        )
        found = (await earning.members_by_id(conn, [wallet]))[wallet]
    assert found.minor_until == date(2030, 3, 1)
    bank.wallets["child"] = wallet
    (refused,) = await enter(bank, claim(bank, "child"))
    assert refused["reason"] == "no-consent"
    async with bank.db.city(CITY) as conn:
        await store.give_consent(conn, wallet, b"\0" * 32, date(2026, 6, 1))
    (entered,) = await enter(bank, claim(bank, "child"))
    assert entered["status"] == "entered"


async def test_what_nobody_posted_is_posted_by_the_job(bank, monkeypatch):
    async def cut_off(*_):
        raise ConnectionError

    (entered,) = await enter(bank, claim(bank))
    monkeypatch.setattr("credit.earning.service.post_approved", cut_off)
    body = {"items": [entered["id"]], "approve": True}
    await bank.send("/points/decisions", body, by="head", status=503)
    assert await state_of(bank, entered["id"]) == "approved"
    work = (bank.db, bank.clock, CITY, bank.writer, bank.world.pack)
    assert await earning.post_waiting(*work) == 1
    assert await earning.post_waiting(*work) == 0
    assert (await bank.wallet("Li"))["pending"] == 1
    async with bank.db.city(CITY) as conn:
        balance = await accounts.balances(conn, [bank.campaign.account], bank.clock.today())
    assert balance[bank.campaign.account].balance == BUDGET - 1
