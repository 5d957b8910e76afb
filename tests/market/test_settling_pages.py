"""Settlements and webhooks led the whole way by people at browsers, and who sees what."""

import html
import re
from io import BytesIO

import pytest
from openpyxl import load_workbook
from tests.bank import CITY, MERCHANT
from tests.market.receiver import receiving
from tests.market.settling import VOUCHER, buy, check, confirm, draw, give_back, shop

from credit.market.service.courier import Courier
from credit.market.service.sending import Sender

__all__ = ["shop"]

LIST, TILL = "/150200/console/settlements", "/150200/till/statements"
HOOKS = "/150200/till/webhooks"


def text_of(page):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


async def test_a_settlement_goes_the_whole_way_at_browsers(bank, shop, browse):
    street, keeper = await browse("street"), await browse("shopkeeper")
    assert "还没有结算单" in (await street.get(LIST)).text
    assert "还没有结算单" in (await keeper.get(TILL)).text
    bought = await buy(bank, 60)
    await give_back(bank, bought, 10)
    drawn = await street.post(LIST, data={"merchant": MERCHANT})
    assert "已出单" in drawn.text
    assert "与账本一致" in drawn.text
    here = drawn.url.path
    number = here.rpartition("/")[2]
    assert "50 元" in text_of(await street.get(LIST))
    own = await keeper.get(f"{TILL}/{number}")
    assert "50 元" in text_of(own)
    assert "−10" in text_of(own)
    disputed = await keeper.post(f"{TILL}/{number}/dispute", data={"text": "还退了 5 积分"})
    assert "等待运营人员答复" in disputed.text
    assert "登记付款" not in (await street.get(here)).text
    same = await street.post(f"{here}/redraw", data={"text": "已更正"})
    assert (same.status_code, "与原来的相同" in same.text) == (409, True)
    assert ">已更正</textarea>" in same.text  # what was filled in is still there
    await give_back(bank, bought, 5)
    redrawn = await street.post(f"{here}/redraw", data={"text": "补上了 5 积分"})
    assert "已重新出单" in redrawn.text
    own = await keeper.get(f"{TILL}/{number}")
    assert "补上了 5 积分" in own.text
    stale = await keeper.post(f"{TILL}/{number}/confirm", data={"digest": "0" * 64})
    assert (stale.status_code, "重新出过" in stale.text) == (409, True)
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', own.text)[1]
    assert "已确认" in (await keeper.post(f"{TILL}/{number}/confirm", data={"digest": digest})).text
    page = await street.get(here)
    assert "不能是同一" in page.text  # who drew it is told why, and has no form
    assert "付款凭证号" not in page.text
    payer = await browse("payer")
    empty = await payer.post(f"{here}/pay", data={"voucher": " "})
    assert empty.status_code == 400
    paid = await payer.post(f"{here}/pay", data={"voucher": VOUCHER})
    assert "已登记付款" in paid.text
    assert VOUCHER in paid.text
    assert VOUCHER in (await keeper.get(f"{TILL}/{number}")).text
    assert (await payer.post(f"{here}/pay", data={"voucher": VOUCHER})).status_code == 409


async def test_only_who_settles_is_shown_what_to_do(bank, shop, browse):
    await buy(bank, 60)
    drawn = await draw(bank)
    await confirm(bank, drawn)
    clerk = await browse("clerk")  # of the community: looks, and does nothing
    page = await clerk.get(LIST)
    assert page.status_code == 200
    assert "现在出单" not in page.text
    assert "登记付款" not in (await clerk.get(f"{LIST}/{drawn.id}")).text
    denied = await clerk.post(f"{LIST}/{drawn.id}/pay", data={"voucher": VOUCHER})
    assert denied.status_code == 403
    assert (await (await browse("shopkeeper")).get(LIST)).status_code == 403
    assert (await (await browse("Li")).get(TILL)).status_code == 403
    await bank.world.hire("far", "street_officer", kind="street", division="150204001")
    far = await browse("far")
    assert "便民超市" not in (await far.get(LIST)).text
    denied = await far.post(f"{LIST}/{drawn.id}/pay", data={"voucher": VOUCHER})
    assert (denied.status_code, "不是您负责的辖区" in denied.text) == (403, True)


async def test_a_list_is_searched_by_state_and_name_and_exported(bank, shop, browse):
    await bank.world.hire("rival", "merchant_user", kind="merchant", party="SH-0002")
    await bank.add_merchant("SH-0002", "100% 超市")
    await buy(bank, 60)
    await buy(bank, 7, by="rival")
    for code in (MERCHANT, "SH-0002"):
        await draw(bank, code)
    street = await browse("street")
    found = text_of(await street.get(f"{LIST}?standing=drawn&q=%25"))
    assert "100% 超市" in found
    assert "便民超市" not in found
    assert "没有找到" in (await street.get(f"{LIST}?standing=paid")).text
    book = load_workbook(BytesIO((await street.get(f"{LIST}/export.xlsx?q=SH-0002")).content))
    rows = list(book["结算单"].values)
    assert len(rows) == 2
    assert (rows[1][1], rows[1][11], str(rows[1][13])) == ("SH-0002", 7, "7")


async def test_lines_are_exported_and_printed_for_both_sides(bank, shop, browse, fonts):
    bought = await buy(bank, 60)
    await give_back(bank, bought, 10)
    drawn = await draw(bank)
    for name, place in (("street", LIST), ("shopkeeper", TILL)):
        browser = await browse(name)
        answer = await browser.get(f"{place}/{drawn.id}/lines.xlsx")
        rows = list(load_workbook(BytesIO(answer.content))["明细"].values)
        assert [row[3] for row in rows[1:]] == [60, -10]
        printed = await browser.get(f"{place}/{drawn.id}/statement.pdf")
        assert printed.content.startswith(b"%PDF-")
    await bank.world.hire("rival", "merchant_user", kind="merchant", party="SH-0002")
    await bank.add_merchant("SH-0002", "隔壁超市")
    rival = await browse("rival")
    for file in ("lines.xlsx", "statement.pdf"):
        assert (await rival.get(f"{TILL}/{drawn.id}/{file}")).status_code == 404


async def test_a_statement_that_does_not_agree_with_the_book_says_so(bank, shop, browse):
    await buy(bank, 60)
    drawn = await draw(bank)
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE settlement SET fen = fen * 2")
    assert not (await check(bank, drawn.id)).agrees
    street, keeper = await browse("street"), await browse("shopkeeper")
    assert "与账本不一致" in (await street.get(f"{LIST}/{drawn.id}")).text
    assert "与账本不一致" in (await keeper.get(f"{TILL}/{drawn.id}")).text
    assert (await street.get(f"{LIST}/{drawn.id}/statement.pdf")).status_code == 409


async def test_many_lines_are_shown_page_by_page(bank, shop, browse, monkeypatch):
    from credit.market.pages import settling

    monkeypatch.setattr(settling, "LINES_SHOWN", 2)
    for amount in (11, 12, 13):
        await buy(bank, amount)
    drawn = await draw(bank)
    keeper = await browse("shopkeeper")
    page = await keeper.get(f"{TILL}/{drawn.id}")
    (more,) = re.findall(r'rel="next" href="([^"]*)"', page.text)
    rest = await keeper.get(html.unescape(more))
    assert [one in page.text for one in (">11<", ">12<", ">13<")] == [True, True, False]
    assert [one in rest.text for one in (">11<", ">12<", ">13<")] == [False, False, True]
    assert 'rel="next"' not in rest.text


@pytest.fixture
async def receiver(bank, app, shop):
    """A merchant's server, on this machine."""
    app.state.settings = app.state.settings.model_copy(update={"webhooks_private": True})
    async with receiving(bank.clock) as running:
        yield running


async def send(bank):
    sender = Sender(bank.db, bank.clock, CITY, bank.world.vault, Courier(allow_private=True), "x")
    try:
        return await sender.send()
    finally:
        sender.drop()


async def test_a_merchant_sets_its_webhook_up_at_the_till(bank, receiver, browse):
    keeper = await browse("shopkeeper")
    assert "还没有登记" in (await keeper.get(HOOKS)).text
    wrong = await keeper.post(HOOKS, data={"url": "https://user:pw@example.com/"})
    assert (wrong.status_code, "写法不对" in wrong.text) == (400, True)
    made = await keeper.post(HOOKS, data={"url": receiver.url})
    secret = re.search(r"whsec_[0-9A-Za-z+/=]+", made.text)[0]
    here = re.search(rf'href="({HOOKS}/[0-9a-f-]+)"', made.text)[1]
    assert made.headers["cache-control"] == "no-store"
    assert secret not in (await keeper.get(here)).text
    tested = await keeper.post(f"{here}/test")
    assert "测试消息已发出" in tested.text
    (told,) = receiver.events(secret)
    assert told.type == "credit.webhook.test"
    await buy(bank, 5)
    assert await send(bank) == 2
    assert (
        re.findall(r'<span class="tag good">(\d+)</span>', (await keeper.get(here)).text)
        == ["200"] * 3
    )
    rotated = await keeper.post(f"{here}/rotate")
    newer = re.search(r"whsec_[0-9A-Za-z+/=]+", rotated.text)[0]
    assert newer != secret
    assert "2026-07-01 12:00" in rotated.text  # until then the old one signs, too
    receiver.got.clear()
    await keeper.post(f"{here}/test")
    for known in (secret, newer):
        receiver.events(known)
    stopped = await keeper.post(f"{here}/disable")
    assert "恢复通知" in stopped.text
    assert receiver.url.split("?")[0] in (await (await browse("street")).get(LIST)).text
    assert "1 个通知地址已停用" in (await keeper.get(TILL)).text
    await buy(bank, 6)
    assert await send(bank) == 0
    assert "已恢复" in (await keeper.post(f"{here}/resume")).text
    assert await send(bank) == 2
    receiver.got.clear()
    assert (await keeper.post(f"{here}/replay", data={"after": "99999"})).status_code == 409
    assert "重新通知" in (await keeper.post(f"{here}/replay", data={"after": "0"})).text
    assert await send(bank) == 4
    assert [one.data["amount"] for one in receiver.events(newer)] == [5, 5, 6, 6]
    gone = await keeper.post(f"{here}/delete")
    assert "已删去" in gone.text
    assert (await keeper.get(here)).status_code == 404


async def test_nobody_else_s_webhook_is_found_at_the_till(bank, receiver, browse):
    keeper = await browse("shopkeeper")
    made = await keeper.post(HOOKS, data={"url": receiver.url})
    here = re.search(rf'href="({HOOKS}/[0-9a-f-]+)"', made.text)[1]
    await bank.world.hire("rival", "merchant_user", kind="merchant", party="SH-0002")
    await bank.add_merchant("SH-0002", "隔壁超市")
    rival = await browse("rival")
    assert (await rival.get(here)).status_code == 404
    for act in ("test", "rotate", "replay", "resume", "disable", "delete"):
        answer = await rival.post(f"{here}/{act}", data={"after": "0"})
        assert answer.status_code == 404, act
    assert receiver.got == []
    await bank.world.hire("early", "merchant_user", kind="merchant", party="SH-0003")
    early = await browse("early")
    assert "还没有入驻" in (await early.get(HOOKS)).text
    assert "还没有结算单" in (await early.get(TILL)).text
