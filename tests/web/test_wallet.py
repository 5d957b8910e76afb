"""A resident's wallet as pages: own points and nobody else's, the code, holds, offers, receipts."""

import html
import json
import re
from datetime import date, timedelta

import pytest
from tests.api.conftest import client
from tests.bank import CITY, COMMUNITY, bank

from credit.earning import service as earning
from credit.kit.db import RESIDENT_ROLE
from credit.kit.ids import LAST_ID
from credit.points.logic import operations
from credit.points.logic.bundles import read_json, verify_bundle
from credit.points.service import accounts
from credit.points.service.sealing import Sealer
from credit.points.service.sweeping import expire_points
from credit.web.wallet import store

__all__ = ["bank", "client"]

WALLET = f"/{CITY}/wallet"
POST = "service.post"
MOST_STATEMENTS = 14  # of a page, who looks and the trail's line included


def main(page) -> str:
    """What stands between the menu and the foot."""
    assert page.status_code == 200, page.text
    return html.unescape(re.search(r"<main.*</main>", page.text, re.DOTALL)[0])


def lines(page):
    """The lines of a ledger as plain text."""
    found = re.findall(r"<li>.*?</li>", main(page), re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", one).split()) for one in found]


@pytest.fixture
async def li(bank, browse):
    """Li at a telephone."""
    return await browse("Li")


async def grant(bank, name, points, until=None):
    """Give points that end with a day."""
    async with bank.db.city(CITY) as conn:
        member = (await earning.members_by_id(conn, [bank.wallets[name]]))[bank.wallets[name]]
    made = operations.transfer(
        operations.key_of("test", "lot", str(next(bank.numbers)), b""), "award",
        bank.campaign.account, member.account, points, lot=operations.Lot(until), reason=POST,
    )  # fmt: skip
    assert (await bank.writer.post(made)).outcome == "posted"


async def enter(bank, day=29):
    """Enter three hours of standing duty of Li's on a day of June; returns the participation's id."""
    return await bank.enter("Li", POST, 180, "值班表", date(2026, 6, day))


async def decide(bank, key, *, approve=True, reason=None):
    async with bank.db.transaction(CITY) as conn:
        await earning.decide(
            conn, bank.clock, bank.world.actors["head"], [key], approve=approve, reason=reason
        )
    await earning.post_approved(bank.db, bank.clock, CITY, bank.writer, bank.world.pack, [key])


async def test_a_wallet_says_what_there_is_what_waits_and_what_is_set_aside(bank, li, statements):
    assert "还没有可用的积分" in main(await li.get(WALLET))
    await grant(bank, "Li", 40, date(2026, 7, 20))
    await grant(bank, "Li", 30, date(2027, 3, 31))
    await grant(bank, "Li", 5)
    await decide(bank, await enter(bank))
    await bank.authorize("Li", 30)
    statements.clear()
    shown = main(await li.get(WALLET))
    assert 6 < len(statements) <= MOST_STATEMENTS
    assert '<span class="points">45</span>' in shown
    assert "志愿岗值守" in shown
    assert "2026-07-07 起可用" in shown
    assert "便民超市" in shown
    assert "撤销保留" in shown
    # What ends first was set aside first; 10 of it are left.
    assert "10 分在 30 天内到期，最早的是 2026-07-20" in shown
    rows = re.findall(r"<td>([^<]*)</td><td>(\d+)</td>", shown)
    assert rows == [("2026-07", "10"), ("2027-03", "30"), ("长期有效", "5")]
    assert bank.wallets["Li"] in shown
    assert bank.wallets["Wang"] not in shown


async def test_who_is_no_member_is_told_where_to_become_one(bank, browse):
    await bank.world.hire("stranger", "resident")
    stranger = await browse("stranger")
    for place in ("", "/code", "/history", "/offers", "/records"):
        shown = main(await stranger.get(WALLET + place))
        assert "到所在社区居委会登记" in shown
    for path in ("/holds/1/release",):
        assert (await stranger.post(WALLET + path)).status_code == 404
    assert (await stranger.get(f"{WALLET}/receipts/1")).status_code == 404


async def test_the_pages_are_for_residents(bank, browse):
    for name in ("shopkeeper", "clerk"):
        other = await browse(name)
        assert (await other.get(WALLET)).status_code == 403
    nobody = await browse(None)
    assert "/login" in str((await nobody.get(WALLET)).url)


async def test_a_code_is_shown_for_the_till_and_made_anew_by_itself(bank, li):
    await bank.grant("Li", 50)
    page = await li.get(f"{WALLET}/code")
    digits = re.search(r'class="digits">(\d{3}) (\d{3}) (\d{4})<', page.text)
    assert digits
    assert 'class="qr"' in page.text
    assert page.headers["refresh"] == f"90; url={WALLET}/code?n=1"
    assert page.headers["cache-control"] == "no-store"
    code = "".join(digits.groups())
    body = {"code": code, "amount": 20, "reference": "小票 9"}
    await bank.send("/redemptions", body, by="shopkeeper", status=201)
    again = await li.get(f"{WALLET}/code?n=1")
    assert code not in again.text.replace(" ", "")
    assert "便民超市" in main(again)
    left_open = await li.get(f"{WALLET}/code?n=20")
    assert "付款码已停止更新" in main(left_open)
    assert "refresh" not in left_open.headers


async def test_codes_are_not_made_without_points_nor_without_end(bank, li):
    assert "没有可用的积分" in main(await li.get(f"{WALLET}/code"))
    async with bank.db.city(CITY) as conn:
        assert await conn.fetchval("SELECT count(*) FROM point_token") == 0
    await bank.grant("Li", 50)
    answers = [(await li.get(f"{WALLET}/code")).status_code for _ in range(13)]
    assert answers == [200] * 12 + [429]


async def test_a_hold_is_released_once_and_by_its_holder_alone(bank, browse, li):
    await bank.grant("Li", 50)
    made = await bank.authorize("Li", 20)
    release = f"{WALLET}/holds/{made['id']}/release"
    wang = await browse("Wang")
    assert (await wang.post(release)).status_code == 404
    assert (await bank.wallet("Li"))["held"] == 20
    for _ in range(2):  # pressed twice
        assert "已撤销，积分回到了您的钱包" in (await li.post(release)).text
    assert (await bank.wallet("Li"))["available"] == 50
    assert (await bank.look(f"/redemptions/{made['id']}", by="shopkeeper"))["status"] == "voided"
    refused = await bank.send(f"/redemptions/{made['id']}/capture", by="shopkeeper", status=409)
    assert refused["type"].endswith("hold-voided")
    assert lines(await li.get(f"{WALLET}/history"))[0].startswith("撤销保留，积分退回 便民超市")


async def test_what_a_merchant_has_taken_cannot_be_released(bank, li):
    await bank.grant("Li", 50)
    made = await bank.authorize("Li", 20)
    await bank.send(f"/redemptions/{made['id']}/capture", by="shopkeeper", status=200)
    answer = await li.post(f"{WALLET}/holds/{made['id']}/release")
    assert answer.status_code == 409
    assert "请到商户办理" in answer.text


async def test_pending_points_are_not_the_members_to_release(bank, li):
    await decide(bank, await enter(bank))
    async with bank.db.city(CITY) as conn:
        hold = await conn.fetchval("SELECT id FROM point_hold")
    assert (await li.post(f"{WALLET}/holds/{hold}/release")).status_code == 404
    async with bank.db.city(CITY) as conn:
        assert await conn.fetchval("SELECT returned FROM point_hold") == 0


async def test_the_history_says_what_each_line_was(bank, li, statements):
    rules = bank.world.pack.on(bank.clock.today()).points
    await decide(bank, await enter(bank))
    bank.clock.now_value += timedelta(days=rules.rule(POST).pending_days)
    await earning.mature(bank.db, bank.clock, CITY, bank.writer, bank.world.pack)
    await grant(bank, "Li", 60, bank.clock.today())
    offer = await bank.add_offer("reduction", most=50)
    made = await bank.authorize("Li", 40, offer=str(offer))
    path = f"/redemptions/{made['id']}"
    await bank.send(f"{path}/capture", {"amount": 25}, by="shopkeeper", status=200)
    await bank.send(f"{path}/refund", {"amount": 5}, by="shopkeeper", status=200)
    bank.clock.now_value += timedelta(days=1)
    await expire_points(bank.db, bank.clock, CITY, bank.writer)
    await li.sign_in()
    statements.clear()
    page = await li.get(f"{WALLET}/history")
    assert 6 < len(statements) <= MOST_STATEMENTS
    found = [re.sub(r" \d{4}-\d\d-\d\d \d\d:\d\d .*?(?=[+−])", " ", one) for one in lines(page)]
    assert found == [
        "过期 −40 余 2",
        "便民超市退还 一袋大米 +5 余 42",
        "没有用完的部分退回 便民超市 +15 余 37",
        "在便民超市兑换 一袋大米、实际用了 25 分 −40 余 22",
        "红色物业志愿岗值守 +60 余 62",
        "红色物业志愿岗值守 +2 余 2",
    ]


async def test_a_merchant_that_left_is_not_named(bank, li):
    await bank.grant("Li", 50)
    await bank.authorize("Li", 20)
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE merchant SET state = 'closed'")
    shown = main(await li.get(WALLET))
    assert "一家商户" in shown
    assert "便民超市" not in shown


async def test_long_lists_go_on_on_the_next_page(bank, li):
    for _ in range(25):
        await bank.grant("Li", 1)
    for _ in range(21):
        await bank.add_offer("discount", 10)
    for place, first, second in (("history", 20, 5), ("offers", 20, 1)):
        page = await li.get(f"{WALLET}/{place}")
        following = re.search(r'rel="next" href="([^"]*)"', page.text)[1]
        rest = await li.get(html.unescape(following))
        count = (r"<li>", r'<section class="card">')[place == "offers"]
        shown = [len(re.findall(count, main(one))) for one in (page, rest)]
        if place == "history":
            assert [len(lines(one)) for one in (page, rest)] == [first, second]
        else:
            assert shown == [first, second]
        assert 'rel="next"' not in rest.text


async def test_records_say_where_they_stand_and_why(bank, li, browse):
    _, refused, pending = [await enter(bank, day) for day in (27, 28, 29)]
    await decide(bank, refused, approve=False, reason="没有签到")
    await decide(bank, pending)
    page = await li.get(f"{WALLET}/records")
    found = sorted(lines(page), key=lambda one: re.search(r"2026-06-\d\d", one)[0], reverse=True)
    assert len(found) == 3
    assert "2026-07-07 起可用" in found[0]
    assert "不予记分" in found[1]
    assert "理由：没有签到" in found[1]
    assert "等待社区审核" in found[2]
    assert "180 分钟" in found[2]
    assert lines(await (await browse("Wang")).get(f"{WALLET}/records")) == []


async def test_offers_are_those_one_can_use_the_nearest_first(bank, li):
    await bank.add_offer("reduction", most=50)
    await bank.add_offer("goods", 30, stock=2, uses=1, days=30)
    await bank.add_merchant("SH-0009", "社区食堂", COMMUNITY)
    async with bank.db.city(CITY) as conn:
        await conn.execute(
            "INSERT INTO offer (merchant, kind, title, terms, points, taken, valid_from, state, proposed_by, proposed_at)"
            " SELECT 'SH-0009', 'discount', '午餐九折', '', 15, 0, '2026-01-01', s, 'P-1', now()"
            " FROM unnest(ARRAY['open', 'proposed', 'paused']) AS s"
        )
    shown = main(await li.get(f"{WALLET}/offers"))
    titles = re.findall(r"<h2>(.*?)</h2>", shown)
    assert titles == ["午餐九折", "一袋大米", "一袋大米"]
    assert "15 分" in shown
    assert "最多减 50 分" in shown
    assert "本社区" in shown
    assert "还有 2 份、30 天内每人限 1 次" in shown
    assert "今天 全天" in shown
    assert "正在营业" in shown
    only = main(await li.get(f"{WALLET}/offers?kind=goods"))
    assert re.findall(r"<h2>(.*?)</h2>", only) == ["一袋大米"]
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE offer SET taken = stock WHERE kind = 'goods'")
        await conn.execute(
            "UPDATE merchant SET contract_until = '2026-06-29' WHERE code = 'SH-0009'"
        )
        await conn.execute("UPDATE offer SET valid_until = '2026-06-29' WHERE kind = 'reduction'")
    assert "现在没有可以兑换的权益" in main(await li.get(f"{WALLET}/offers"))
    for query in ("kind=cash", "cursor=9.1", "cursor=x"):
        assert (await li.get(f"{WALLET}/offers?{query}")).status_code == 400


async def test_a_sealed_line_has_a_receipt_that_checks_offline(bank, li, browse):
    await bank.grant("Li", 50)
    assert "封存中" in main(await li.get(f"{WALLET}/history"))
    logs = bank.world.logs
    await Sealer(bank.db, bank.clock, CITY, logs.book_key(CITY), logs.book_secret(CITY)).seal()
    await bank.world.sequence()
    page = main(await li.get(f"{WALLET}/history"))
    place = re.search(r'href="([^"]*/receipts/\d+)"', page)[1]
    answer = await li.get(place)
    assert answer.headers["content-type"] == "application/vnd.credit.receipt+json"
    assert "attachment" in answer.headers["content-disposition"]
    verifier = logs.verifier(CITY)
    assert verifier.vkey in page
    found = verify_bundle(read_json(answer.content), verifier)
    assert (found.state, found.transfer["amount"]) == ("valid", 50)
    assert json.loads(answer.content)["receipt"]["known"]["credit"]["account"].endswith(
        bank.wallets["Li"]
    )
    assert (await (await browse("Wang")).get(place)).status_code == 404


async def test_the_database_itself_shows_nobody_elses(bank):
    """Asked for another member by name, every statement of the pages finds nothing."""
    await decide(bank, await enter(bank))
    await grant(bank, "Li", 50, date(2026, 12, 31))
    made = await bank.authorize("Li", 20)
    async with bank.db.city(CITY) as conn:
        member = (await earning.members_by_id(conn, [bank.wallets["Li"]]))[bank.wallets["Li"]]
        transfers = [row[0] for row in await conn.fetch("SELECT id FROM point_transfer")]
        await conn.execute("UPDATE participation SET transfer = $1", transfers[0])
    found = {}
    for name in ("Li", "Wang"):
        person = bank.world.actors[name].person_id
        async with bank.db.bound(CITY, RESIDENT_ROLE, person=person) as conn:
            today = bank.clock.today()
            found[name] = [
                await store.ending(conn, member.account, today, 10),
                await store.pending(conn, member.id, 10),
                await store.open_holds(conn, member.account, 10),
                await store.hold_notes(conn, member.account, [int(made["id"])]),
                await store.rules_of(conn, member.id, transfers),
                await store.records(conn, member.id, LAST_ID, 10),
                await accounts.history(conn, member.account, accounts.LAST, 10),
                await accounts.account_of(conn, member.account) and [1],
            ]
    assert all(found["Li"])
    assert not any(found["Wang"])
