"""A year of the bank in one walk: a resident earns, shows a code, pays, gets some back; the merchant's
statement is drawn, confirmed and paid. Everybody at a browser, residents and merchants at a phone.
"""

import re
from datetime import timedelta

import pytest
from tests.api.conftest import client
from tests.bank import CITY, bank

from credit.earning import service as earning
from credit.market.service import settlements
from credit.points.service.verifying import verify_book

__all__ = ["bank", "client"]

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}}


async def earn(bank, open_as):
    """Let the clerk write a duty down, and the head approve it."""
    clerk = await open_as("clerk")
    await clerk.goto(f"/{CITY}/console/approvals/new")
    await clerk.select_option("[name=rule]", "service.post")
    await clerk.fill("[name=evidence]", "6 月值班表第 2 页")
    await clerk.fill("[name=member-1]", bank.wallets["Li"])
    await clerk.fill("[name=quantity-1]", "360")
    await clerk.click("main form button:has-text('登记')")
    await clerk.wait_for_selector("[role=status], .notice")
    head = await open_as("head")
    await head.goto(f"/{CITY}/console/approvals")
    await head.check("[name=items]")
    await head.click("button:has-text('批准并入账')")
    await head.wait_for_selector("text=待可用")
    bank.clock.now_value += timedelta(days=bank.rules.rule("service.post").pending_days)
    await earning.mature(bank.db, bank.clock, CITY, bank.writer, bank.world.pack)


async def test_a_resident_earns_pays_gets_some_back_and_the_merchant_is_paid(bank, open_as, faults):
    await earn(bank, open_as)
    wallet = await open_as("Li", **PHONE)
    assert wallet.url.endswith(f"/{CITY}/wallet")
    assert await faults(wallet) == []
    await wallet.goto(f"/{CITY}/wallet/code")
    code = re.search(r"\d{3} \d{3} \d{4}", await wallet.inner_text("main"))[0]
    till = await open_as("shopkeeper", **PHONE)
    await till.fill("[name=code]", code)
    await till.fill("[name=amount]", "3")
    await till.fill("[name=reference]", "小票 77")
    await till.click("[data-charge] button")
    await till.wait_for_selector("h1:has-text('已收 3 积分')")
    await till.goto(f"/{CITY}/till/redemptions")
    await till.click("main a[href*='/till/redemptions/']")
    await till.click("summary")
    await till.fill("[name=amount]", "1")
    await till.check("[name=sure]")
    await till.click("button:has-text('退还')")
    await till.wait_for_selector("text=小票 77")
    await wallet.goto(f"/{CITY}/wallet/history")
    assert "便民超市" in await wallet.inner_text("main")
    assert (await bank.wallet("Li"))["available"] == 2

    bank.pass_to(2026, 8, 1)
    assert await settlements.draw_due(bank.db, bank.clock, CITY) == 1
    till = await open_as("shopkeeper", **PHONE)
    await till.goto(f"/{CITY}/till/statements")
    await till.click("main a[href*='/till/statements/']")
    assert await faults(till) == []
    await till.check("input[type=checkbox][required]")
    await till.click("button:has-text('确认结算单')")
    await till.wait_for_selector("text=已确认")
    street = await open_as("street")
    await street.goto(f"/{CITY}/console/settlements")
    await street.click("main table a[href*='/console/settlements/']")
    await street.fill("[name=voucher]", "银行回单 2026-08-01")
    await street.check("form[action$='/pay'] [type=checkbox]")
    await street.click("form[action$='/pay'] button")
    await street.wait_for_selector("text=银行回单 2026-08-01")
    assert await verify_book(bank.db, CITY, bank.world.logs.book_secret(CITY)) == []
