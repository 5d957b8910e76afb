"""The bank in the console: figures, budgets opened, funded and closed, indicators, the desk's counts."""

import html
import re
from datetime import date
from io import BytesIO

import pytest
from openpyxl import load_workbook
from tests.api.conftest import client
from tests.bank import BUDGET, CITY, COMMUNITY, STREET, bank

from credit.earning import service as earning
from credit.earning.views import Claim
from credit.kit.errors import NotFound
from credit.points.service.verifying import verify_book

__all__ = ["bank", "client"]

POINTS = f"/{CITY}/console/points"
POST = "service.post"
MOST_STATEMENTS = 17  # of a page, who looks and the trail's line included


def main(page, status=200) -> str:
    """What stands between the menu and the foot."""
    assert page.status_code == status, page.text
    return html.unescape(re.search(r"<main.*</main>", page.text, re.DOTALL)[0])


def cells(page, title):
    """The cells of a budget's row."""
    row = re.search(rf"<tr>(?:(?!</tr>).)*{title}.*?</tr>", main(page), re.DOTALL)[0]
    return [
        re.sub(r"<[^>]*>", "", one).strip() for one in re.findall(r"<td.*?</td>", row, re.DOTALL)
    ]


async def enter(bank, name="Li", by="clerk"):
    claim = Claim(bank.wallets[name], POST, date(2026, 6, 29), "值班表", quantity=180)
    async with bank.db.transaction(CITY) as conn:
        (entered,) = await earning.enter(
            conn, bank.clock, CITY, bank.world.actors[by], bank.world.pack, [claim], source="entry"
        )
    return entered.id


async def approve(bank, *ids):
    async with bank.db.transaction(CITY) as conn:
        await earning.decide(conn, bank.clock, bank.world.actors["head"], ids, approve=True)
    await earning.post_approved(bank.db, bank.clock, CITY, bank.writer, bank.world.pack, ids)


async def balance(bank, code):
    async with bank.db.city(CITY) as conn:
        return await conn.fetchval("SELECT balance FROM point_account WHERE code = $1", code)


@pytest.fixture
async def street(bank, browse):
    """The street's officer at the console."""
    return await browse("street")


async def test_an_empty_bank_says_so(bank, street):
    shown = main(await street.get(POINTS))
    assert "没有未用的积分" in shown
    assert "等待办理" not in shown


async def test_the_page_sums_up_and_says_what_waits(bank, street, statements):
    await bank.grant("Li", 100)
    made = await bank.authorize("Li", 30)
    await bank.send(f"/redemptions/{made['id']}/capture", by="shopkeeper", status=200)
    await enter(bank)
    statements.clear()
    page = await street.get(POINTS)
    assert len(statements) <= MOST_STATEMENTS
    shown = main(page)
    assert '<span class="big">70</span> 分' in shown
    assert '<span class="big">70</span> 元' in shown
    assert cells(page, "红色物业志愿服务")[2:6] == ["10000", "100", "0", "9900"]
    assert "条参与记录等待审核" in shown
    assert re.findall(r"<td>(2026-06)</td><td>(\d+)</td>", shown) == [("2026-06", "100")]
    assert "超市零售" in shown
    # Nothing of anybody in particular.
    for secret in (*bank.wallets.values(), "Li居民", "便民超市"):
        assert secret not in shown


async def test_who_may_look_and_who_may_fund(bank, browse):
    for name, status, funds in (
        ("clerk", 200, False),
        ("officer", 200, True),
        ("street", 200, True),
        ("auditor", 200, False),
        ("Li", 403, False),
        ("enterprise", 403, False),
    ):
        page = await (await browse(name)).get(POINTS)
        assert page.status_code == status, name
        assert ("开设一项预算" in page.text) == funds, name
    clerk = await browse("clerk")
    form = {"title": "我们的", "division": COMMUNITY}
    assert (await clerk.post(f"{POINTS}/campaigns", data=form)).status_code == 403
    assert (await clerk.get(f"{POINTS}?division={STREET}")).status_code == 403
    above = await clerk.get(f"{POINTS}/campaigns/{bank.campaign.id}")
    assert above.status_code == 403


async def test_a_budget_is_opened_funded_once_and_closed(bank, street):
    form = {"title": "社区议事积分", "division": COMMUNITY, "rules": ["meeting.hall", POST]}
    page = await street.post(f"{POINTS}/campaigns", data=form)
    shown = main(page)
    assert "下一步：拨付积分" in shown
    assert "红色物业议事厅议事" in shown
    here = str(page.url.path)
    key = re.search(r'name="key" value="([^"]*)"', page.text)[1]
    fund = {"amount": "500", "reason": "第一批", "key": key}
    for _ in range(2):  # sent twice
        assert "已拨付 500 分" in main(await street.post(f"{here}/fund", data=fund))
    assert cells(await street.get(POINTS), "社区议事积分")[2:6] == ["500", "0", "0", "500"]
    other = main(await street.post(f"{here}/fund", data=fund | {"amount": "600"}), 409)
    assert "数额不同" in other
    await approve(bank, await enter(bank))  # paid by the nearest budget
    assert cells(await street.get(POINTS), "社区议事积分")[2:6] == ["500", "0", "2", "498"]
    before = await balance(bank, "issuance")
    assert "498 分退回" in main(await street.post(f"{here}/close"))
    assert await balance(bank, "issuance") == before + 498
    assert cells(await street.get(POINTS), "社区议事积分")[2:6] == ["2", "0", "2", "0"]
    assert "已经关闭" in main(
        await street.post(f"{here}/fund", data=fund | {"key": key[:-1] + "0"}), 409
    )
    # What is pending is still paid out, and new participation finds the street's budget.
    bank.pass_to(2026, 7, 20)
    await earning.mature(bank.db, bank.clock, CITY, bank.writer, bank.world.pack)
    assert (await bank.wallet("Li"))["available"] == 2
    assert await verify_book(bank.db, CITY, bank.world.logs.book_secret(CITY)) == []


async def test_a_budget_that_somebody_waits_for_is_not_closed(bank, street):
    here = f"{POINTS}/campaigns/{bank.campaign.id}"
    waits = await enter(bank)
    assert "还有 1 条参与记录" in main(await street.post(f"{here}/close"), 409)
    await approve(bank, waits)
    async with bank.db.city(CITY) as conn:
        await conn.execute(
            "INSERT INTO activity (id, title, division, place, rule, campaign, planned, begins_at, ends_at, organiser,"
            " announced_by, announced_at, secret) VALUES (gen_random_uuid(), '大扫除', $1, '广场', $2, $3, 10,"
            " now(), now() + interval '1 hour', 'P-1', 'P-1', now(), '')",
            COMMUNITY, POST, bank.campaign.id,
        )  # fmt: skip
    assert "还有 1 个活动" in main(await street.post(f"{here}/close"), 409)
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE activity SET cancelled_at = now(), cancel_reason = '下雨'")
    assert "预算已关闭" in main(await street.post(f"{here}/close"))


async def test_what_is_filled_in_wrongly_is_said_beside_the_form(bank, street):
    for changed, words in (
        ({"division": "15"}, "辖区代码"),
        ({"division": "150204"}, "不是您负责的辖区"),
        ({"title": ""}, "名称"),
        ({"until": "2026-06-29"}, "已经过去"),
        ({"until": "soon"}, "日期"),
        ({"rules": "nothing"}, "不在规则包里"),
    ):
        form = {"title": "预算", "division": STREET} | changed
        page = await street.post(f"{POINTS}/campaigns", data=form)
        assert page.status_code in (400, 403, 409), changed
        assert words in main(page, page.status_code), changed
    here = f"{POINTS}/campaigns/{bank.campaign.id}"
    for amount in ("0", "-5", "x", "1.5", "1000000001"):
        page = await street.post(
            f"{here}/fund",
            data={"amount": amount, "reason": "第一批", "key": str(bank.campaign.id)},
        )
        assert "拨付多少分" in main(page, 400)
    assert (
        await street.get(f"{POINTS}/campaigns/{'0' * 8}-0000-7000-8000-{'0' * 12}")
    ).status_code == 404


async def test_one_close_among_many_gives_the_rest_back_once(bank, street):
    import asyncio

    here = f"{POINTS}/campaigns/{bank.campaign.id}"
    before = await balance(bank, "issuance")
    answers = await asyncio.gather(*(street.post(f"{here}/close") for _ in range(4)))
    assert all(one.status_code == 200 for one in answers)
    assert await balance(bank, "issuance") == before + BUDGET
    with pytest.raises(NotFound):
        async with bank.db.city(CITY) as conn:
            await earning.campaign_of(
                conn, bank.world.actors["street"], bank.campaign.id.__class__(int=5)
            )


async def test_the_indicators_are_shown_and_exported(bank, street, statements):
    await approve(bank, await enter(bank))
    await bank.add_offer("discount", 10)
    statements.clear()
    shown = main(await street.get(f"{POINTS}/indicators"))
    assert f'href="/{CITY}/rules">{bank.rules.title}</a>' in shown
    assert "不能作为“已出台”的依据" in shown  # the pack of the tests is a sample
    assert len(statements) <= 6
    assert "50.00%" in shown
    assert "150203001001" in shown
    assert "标准没有写算法" in shown
    answer = await street.get(f"{POINTS}/indicators/export?year=2026")
    sheet = load_workbook(BytesIO(answer.content)).active
    rows = [[one.value for one in row] for row in sheet.iter_rows()]
    assert rows[1] == [
        2026,
        "街道",
        STREET,
        "一街道",
        2,
        1,
        "50.00",
        1,
        0,
        0,
    ]  # what is pending nobody has received
    assert rows[2][:3] == [2026, "社区", COMMUNITY]
    assert (await street.get(f"{POINTS}/indicators?year=2027")).status_code == 409
    assert (await street.get(f"{POINTS}/indicators?division=150204")).status_code == 403
    linked = main(await street.get(f"/{CITY}/console/indicators"))
    assert f"{POINTS}/indicators" in linked


async def test_the_desk_counts_what_waits_for_who_can_do_something_about_it(bank, browse):
    desk = f"/{CITY}/console"
    await enter(bank)
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE participation SET state = 'unfunded'")
    await enter(bank, "Wang")
    found = {}
    for name in ("clerk", "head", "street", "officer"):
        shown = main(await (await browse(name)).get(desk))
        found[name] = ("条参与记录等待审核" in shown, "条已审核的记录等待预算" in shown)
    assert found == {
        "clerk": (False, False),  # entered it; somebody else decides
        "head": (True, False),
        "street": (True, True),
        "officer": (False, False),
    }
    assert "本社区" in main(await (await browse("head")).get(desk))
