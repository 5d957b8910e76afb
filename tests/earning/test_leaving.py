"""What ends: awards taken back, memberships closed; one's own data seen, taken away and erased."""

import asyncio
import re
from datetime import date, timedelta
from io import BytesIO
from uuid import UUID

import pytest
from openpyxl import load_workbook
from tests.bank import BUDGET, CITY, COMMUNITY

from credit.earning import jobs
from credit.earning import service as earning
from credit.earning.members import store as members
from credit.earning.participation import store as participation
from credit.earning.reading import store as reading
from credit.earning.service import leaving, reversing
from credit.earning.views import Claim
from credit.kit.db import RESIDENT_ROLE
from credit.kit.errors import Conflict, Forbidden, Invalid, NotFound
from credit.kit.jobs import JobContext
from credit.points.service import accounts
from credit.points.service.verifying import verify_book

MEMBERS, OWN = f"/{CITY}/console/members", f"/{CITY}/account/points"
POST = "donation.money"
WHY = "值班表上没有这个人"


async def enter(bank, name="Li", *, by="clerk", **more):
    """Enter a participation; returns its id."""
    claim = Claim(bank.wallets[name], POST, date(2026, 6, 29), "值班表 6 月", **more)
    async with bank.db.transaction(CITY) as conn:
        (entered,) = await earning.enter(
            conn, bank.clock, CITY, bank.world.actors[by], bank.world.pack, [claim], source="entry"
        )
    assert entered.id, entered.message
    return entered.id


async def award(bank, name="Li", *, granted=True, **more):
    """Award somebody points that can be spent, or wait."""
    made = await enter(bank, name, **more)
    async with bank.db.transaction(CITY) as conn:
        await earning.decide(conn, bank.clock, bank.world.actors["head"], [made], approve=True)
    await earning.post_approved(bank.db, bank.clock, CITY, bank.writer, bank.world.pack, [made])
    if granted:
        await mature(bank)
    return made


async def mature(bank):
    bank.clock.now_value += timedelta(days=bank.rules.rule(POST).pending_days)
    await earning.mature(bank.db, bank.clock, CITY, bank.writer, bank.world.pack)


async def reverse(bank, made, *, by="head", why=WHY):
    return await reversing.reverse(
        bank.db, bank.clock, CITY, bank.writer, bank.world.actors[by], made, why
    )


async def close(bank, name="Li", *, by="clerk"):
    await leaving.close_member(
        bank.db, bank.clock, CITY, bank.writer, bank.world.vault, bank.world.actors[by],
        bank.wallets[name],
    )  # fmt: skip


async def state_of(bank, made):
    async with bank.db.city(CITY) as conn:
        return await conn.fetchrow(
            "SELECT state, reason, reversed_by FROM participation WHERE id = $1", made
        )


async def holds(bank, code):
    """Return what an account holds, by its code."""
    async with bank.db.city(CITY) as conn:
        (found,) = (await accounts.accounts_named(conn, [code])).values()
        return (await accounts.balances(conn, [found.id], bank.clock.today()))[found.id].balance


async def budget(bank):
    return await holds(bank, f"campaign:{bank.campaign.id}")


async def is_faultless(bank):
    assert await verify_book(bank.db, CITY, bank.world.logs.book_secret(CITY)) == []


async def member(bank, name="Li"):
    async with bank.db.city(CITY) as conn:
        return (await members.members_by_id(conn, [bank.wallets[name]]))[bank.wallets[name]]


async def test_what_was_granted_wrongly_goes_back_to_its_budget(bank):
    made = await award(bank, points=9)
    assert await budget(bank) == BUDGET - 9
    assert await reverse(bank, made) == 9
    assert await budget(bank) == BUDGET
    assert await holds(bank, f"wallet:{bank.wallets['Li']}") == 0
    assert tuple(await state_of(bank, made)) == (
        "reversed",
        WHY,
        bank.world.actors["head"].person_id,
    )
    history = await bank.look(f"/wallets/{bank.wallets['Li']}/history", by="Li")
    assert [(one["kind"], one["amount"], one["note"]) for one in history["items"]] == [
        ("reverse", -9, WHY), ("capture", 9, None),
    ]  # fmt: skip
    again = await award(bank, points=9)
    assert (await state_of(bank, again))["state"] == "granted"
    await is_faultless(bank)


async def test_what_is_spent_is_not_asked_back(bank):
    made = await award(bank, points=9)
    spent = await bank.authorize("Li", 5)
    await bank.send(f"/redemptions/{spent['id']}/capture", {}, by="shopkeeper")
    await bank.grant("Li", 3)
    assert await reverse(bank, made) == 4
    assert await holds(bank, f"wallet:{bank.wallets['Li']}") == 3
    await is_faultless(bank)


async def test_what_waits_goes_back_whole(bank):
    made = await award(bank, points=9, granted=False)
    assert await budget(bank) == BUDGET - 9
    assert await reverse(bank, made) == 9
    assert await budget(bank) == BUDGET
    await mature(bank)
    assert (await state_of(bank, made))["state"] == "reversed"
    assert await holds(bank, f"wallet:{bank.wallets['Li']}") == 0
    await is_faultless(bank)


async def test_nobody_reverses_what_they_entered_or_what_is_elsewhere(bank):
    made = await award(bank, points=9)
    await bank.world.hire("far", "community_officer", kind="community", division="150204001001")
    with pytest.raises(Forbidden, match="提出人与决定人"):
        await reverse(bank, made, by="clerk")
    with pytest.raises(NotFound):
        await reverse(bank, made, by="far")
    with pytest.raises(Forbidden, match="权限"):
        await reverse(bank, made, by="auditor")
    with pytest.raises(Invalid, match="理由"):
        await reverse(bank, made, why=" \n")
    entered = await enter(bank, points=1)
    with pytest.raises(Conflict, match="没有入账"):
        await reverse(bank, entered)
    assert await reverse(bank, made, by="street") == 9
    with pytest.raises(Conflict, match="没有入账"):
        await reverse(bank, made)
    await is_faultless(bank)


async def test_a_reversal_that_was_cut_off_is_finished_by_its_job(bank, monkeypatch):
    made = await award(bank, points=9)

    async def cut_off(*_):
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(reversing, "take_back", cut_off)
        with pytest.raises(ConnectionError):
            await reverse(bank, made)
    assert await holds(bank, f"wallet:{bank.wallets['Li']}") == 9
    async with bank.db.city(CITY) as conn:
        (asked,) = await conn.fetch(
            "SELECT args FROM procrastinate_jobs WHERE task_name = $1", reversing.TASK
        )
    assert asked["args"] is not None
    context = JobContext(bank.db, bank.clock, CITY)
    for _ in range(2):  # a job may run twice
        await jobs.take_back(bank.writers, context, participation=str(made), was="granted")
        assert await budget(bank) == BUDGET
    await is_faultless(bank)


async def test_a_hold_that_comes_due_while_it_is_reversed_is_taken_back_from_its_lot(
    bank, monkeypatch
):
    """The job has captured it and not noted that yet: the reversal comes in between."""
    made = await award(bank, points=9, granted=False)
    bank.clock.now_value += timedelta(days=bank.rules.rule(POST).pending_days)
    captured, go_on = asyncio.Event(), asyncio.Event()
    settle = participation.settle

    async def waits(conn, rows):
        captured.set()
        await go_on.wait()
        await settle(conn, rows)

    monkeypatch.setattr(participation, "settle", waits)
    maturing = asyncio.create_task(
        earning.mature(bank.db, bank.clock, CITY, bank.writer, bank.world.pack)
    )
    await captured.wait()
    try:
        assert await reverse(bank, made) == 9
    finally:
        go_on.set()
        await maturing
    assert (await state_of(bank, made))["state"] == "reversed"
    assert await budget(bank) == BUDGET
    await is_faultless(bank)


async def test_a_reversal_is_confirmed_on_a_page_and_its_reason_shown(bank, browse):
    made = await award(bank, points=9)
    clerk, head = await browse("clerk"), await browse("head")
    place = f"{MEMBERS}/{bank.wallets['Li']}"
    asked = f"{place}/participation/{made}/reversal"
    assert asked not in (await clerk.get(place)).text
    assert (await clerk.get(asked)).status_code == 403
    assert asked in (await head.get(place)).text
    assert "已经花掉的不追讨" in (await head.get(asked)).text
    empty = await head.post(asked, data={"reason": ""})
    assert (empty.status_code, "撤回理由" in empty.text) == (400, True)
    elsewhere = f"{MEMBERS}/{bank.wallets['Wang']}/participation/{made}/reversal"
    assert (await head.post(elsewhere, data={"reason": WHY})).status_code == 404
    done = await head.post(asked, data={"reason": WHY})
    assert "已撤回，收回 9 分" in done.text
    assert WHY in done.text
    assert asked not in done.text
    again = await head.post(asked, data={"reason": WHY})
    assert (again.status_code, "没有入账的积分" in again.text) == (409, True)


async def test_closing_gives_everything_back_and_destroys_the_name(bank, browse):
    await award(bank, points=9)
    waits = await award(bank, points=4, granted=False)
    entered = await enter(bank, points=2)
    clerk, wallet = await browse("clerk"), bank.wallets["Li"]
    place, account = f"{MEMBERS}/{wallet}", (await member(bank)).account
    asked = await clerk.get(f"{place}/closing")
    for words in ("9 分作废", "4 分退回预算", "不能恢复", "登录账户只用于积分"):
        assert words in re.sub(r"\s", "", asked.text).replace("9分", "9 分").replace("4分", "4 分")
    done = await clerk.post(f"{place}/closing")
    assert f"已注销 {wallet}" in done.text
    gone = await member(bank)
    assert (gone.closed, gone.person_id) == (True, None)
    assert await holds(bank, "expired") == 9
    assert await budget(bank) == BUDGET - 9
    assert tuple(await state_of(bank, waits))[:2] == ("reversed", "参与者已注销")
    assert tuple(await state_of(bank, entered))[:2] == ("refused", "参与者已注销")
    async with bank.db.city(CITY) as conn:
        assert await bank.world.vault.open(conn, "name", [wallet]) == {}
        assert await bank.world.vault.open(conn, "phone", [wallet]) == {}
        assert await conn.fetchval(
            "SELECT closed_at IS NOT NULL FROM point_account WHERE id = $1", account
        )
        person = bank.world.actors["Li"].person_id
        assert await conn.fetchval("SELECT username FROM person WHERE id = $1", person) is None
        assert await bank.world.vault.open(conn, "name", [person]) == {}
    assert wallet not in (await clerk.get(MEMBERS)).text
    assert wallet in (await clerk.get(f"{MEMBERS}?closed=yes")).text
    left = await clerk.get(place)
    assert "已注销的参与者" in left.text
    assert "Li居民" not in left.text
    assert "值班表 6 月" in left.text  # what was done stays, and nobody knows any more by whom
    assert (await clerk.post(f"{place}/closing")).status_code == 404
    await mature(bank)
    assert await holds(bank, f"wallet:{wallet}") == 0
    await is_faultless(bank)


async def test_closing_waits_for_what_a_merchant_holds(bank, browse):
    await bank.grant("Li", 20)
    held = await bank.authorize("Li", 5)
    clerk, place = await browse("clerk"), f"{MEMBERS}/{bank.wallets['Li']}"
    asked = await clerk.get(f"{place}/closing")
    assert "还有 1 笔积分保留在商户处" in asked.text
    assert "确认注销" not in asked.text
    refused = await clerk.post(f"{place}/closing")
    assert refused.status_code == 409
    assert "1 笔共 5 分保留在商户处" in refused.text
    assert not (await member(bank)).closed
    assert await holds(bank, f"wallet:{bank.wallets['Li']}") == 15
    await bank.send(f"/redemptions/{held['id']}/void", {}, by="shopkeeper")
    assert "已注销" in (await clerk.post(f"{place}/closing")).text
    assert await holds(bank, "expired") == 20
    await is_faultless(bank)


async def test_what_slips_in_while_somebody_leaves_is_settled_by_the_job(bank, monkeypatch):
    """A till that has the code already takes points between the commit and the account's end."""
    await bank.grant("Li", 20)
    code = await bank.code("Li")
    finish = leaving.close_accounts
    taken = {}

    async def late(*given):
        body = {"code": code, "amount": 5, "reference": "小票 1"}
        taken.update(await bank.send("/redemptions", body, by="shopkeeper", status=201))
        return await finish(*given)

    with monkeypatch.context() as patch:
        patch.setattr(leaving, "close_accounts", late)
        await close(bank)
    assert (await member(bank)).closed
    assert await holds(bank, "expired") == 15
    context = JobContext(bank.db, bank.clock, CITY)
    await jobs.close_accounts(bank.writers, context)
    assert await open_accounts(bank) == 1
    await bank.send(f"/redemptions/{taken['id']}/void", {}, by="shopkeeper", status=200)
    await jobs.close_accounts(bank.writers, context)
    assert await open_accounts(bank) == 0
    assert await holds(bank, "expired") == 20
    await is_faultless(bank)


async def open_accounts(bank):
    async with bank.db.city(CITY) as conn:
        return await conn.fetchval(
            "SELECT count(*) FROM point_account a JOIN member m ON m.account = a.id"
            " WHERE m.closed_at IS NOT NULL AND a.closed_at IS NULL"
        )


async def test_points_past_their_day_are_booked_before_the_account_is_closed(bank):
    await award(bank, points=9)
    bank.pass_to(2029, 1, 1)  # nobody has booked them as expired yet
    await close(bank)
    assert await open_accounts(bank) == 0
    assert await holds(bank, "expired") == 9
    await is_faultless(bank)


async def test_two_who_close_the_same_member_do_it_once(bank):
    await bank.grant("Li", 20)
    done = await asyncio.gather(
        close(bank), close(bank, by="head"), close(bank, by="street"), return_exceptions=True
    )
    assert sum(one is None for one in done) == 1
    assert all(isinstance(one, NotFound) for one in done if one is not None)
    assert await holds(bank, "expired") == 20
    assert await open_accounts(bank) == 0
    await is_faultless(bank)


async def test_who_is_more_than_a_resident_keeps_the_account(bank):
    async with bank.db.transaction(CITY) as conn:
        await conn.execute(
            "UPDATE person SET roles = '{owner_delegate,resident}' WHERE username = 'Li'"
        )
    await close(bank)
    async with bank.db.city(CITY) as conn:
        row = await conn.fetchrow("SELECT username, active FROM person WHERE username = 'Li'")
    assert tuple(row) == ("Li", True)


async def test_somebody_sees_takes_away_and_erases_what_is_kept_about_them(bank, browse):
    made = await award(bank, points=9)
    await award(bank, "Wang", points=3)
    resident, wallet = await browse("Li"), bank.wallets["Li"]
    assert f'href="{OWN}"' in (await resident.get(f"/{CITY}/account")).text
    shown = await resident.get(OWN)
    for words in ("Li居民", "13900000000", wallet):
        assert words in shown.text
    everything = (await resident.get(f"/{CITY}/account/data.json")).json()
    alone = (await resident.get(f"{OWN}/data.json")).json()
    assert everything["points_bank"] == alone
    assert (alone["name"], alone["phone"], alone["wallet"]) == ("Li居民", "13900000000", wallet)
    assert [(one["id"], one["points"], one["state"]) for one in alone["participation"]] == [
        (str(made), 9, "granted")
    ]
    assert [(one["kind"], one["amount"]) for one in alone["history"]] == [("capture", 9)]
    assert alone["points"]["available"] == 9
    assert bank.wallets["Wang"] not in str(everything)
    book = load_workbook(BytesIO((await resident.get(f"{OWN}/data.xlsx")).content))
    assert book.sheetnames == ["参与者", "参与记录", "活动签到", "积分使用", "积分明细"]
    assert ("姓名或名称", "Li居民") in [tuple(row) for row in book["参与者"].values]
    deeds = list(book["参与记录"].values)
    assert deeds[1][4:6] == (9, "已到账")
    asked = await resident.get(f"{OWN}/erase")
    assert "9 分作废" in asked.text.replace("9分", "9 分")
    done = await resident.post(f"{OWN}/erase")
    assert "您的积分资料和登录账户已经删除" in done.text
    assert (await resident.get(OWN)).url.path == "/login"
    back = await resident.sign_in()
    assert "Li居民" not in back.text
    assert (await member(bank)).closed
    async with bank.db.city(CITY) as conn:
        assert len(await reading.deeds(conn, wallet, None, 10)) == 1
    await is_faultless(bank)


async def test_erasing_is_refused_while_a_merchant_holds_points(bank, browse):
    await bank.grant("Li", 20)
    await bank.authorize("Li", 5)
    resident = await browse("Li")
    refused = await resident.post(f"{OWN}/erase")
    assert refused.status_code == 409
    assert "1 笔共 5 分保留在商户处" in refused.text
    assert not (await member(bank)).closed
    assert (await resident.get(OWN)).status_code == 200


async def test_what_is_important_asks_who_it_is_once_more(bank, browse):
    resident, clerk = await browse("Li"), await browse("clerk")
    bank.clock.now_value += timedelta(minutes=6)
    for path in ("/data.json", "/data.xlsx", "/erase"):
        assert "/account/confirm" in str((await resident.get(OWN + path)).url)
    assert "先确认身份，再下载" in (await resident.get(OWN)).text
    posted = await clerk.post(f"{MEMBERS}/{bank.wallets['Li']}/closing")
    assert "/account/confirm" in str(posted.url)
    assert not (await member(bank)).closed


async def test_nobody_without_a_wallet_has_such_data(bank, browse):
    await bank.world.hire("Zhou", "resident")
    resident, clerk = await browse("Zhou"), await browse("clerk")
    assert "还没有登记为参与者" in (await resident.get(OWN)).text
    assert (await resident.post(f"{OWN}/erase")).status_code == 404
    assert (await resident.get(f"/{CITY}/account/data.json")).json()["points_bank"] is None
    assert (await clerk.get(OWN)).status_code == 403
    assert "points_bank" not in (await clerk.get(f"/{CITY}/account/data.json")).json()


async def test_a_residents_session_shows_nobody_else(bank):
    """The statements of one's own data, asked for somebody else's rows, find none."""
    theirs = await award(bank, "Wang", points=3)
    own, other = await member(bank), await member(bank, "Wang")
    person = own.person_id
    async with bank.db.bound(CITY, RESIDENT_ROLE, person=person) as conn:
        assert await members.registered(conn, other.id) is None
        assert (await members.registered(conn, own.id)).member.id == own.id
        assert await reading.deeds(conn, other.id, None, 10) == []
        assert await reading.deed(conn, theirs) is None
        assert await accounts.history(conn, other.account, accounts.LAST, 10) == []
        assert await accounts.open_lots(conn, other.account, bank.clock.today()) == []
        assert await accounts.expecting(conn, [other.account]) == []
        assert await reading.known(
            conn, [other.id], [POST], [date(2026, 6, 29)], ["值班表 6 月"]
        ) == set()  # fmt: skip
    async with bank.db.city(CITY) as conn:
        assert len(await reading.deeds(conn, other.id, None, 10)) == 1
    assert UUID(str(theirs))
    assert other.division == COMMUNITY
