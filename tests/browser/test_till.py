"""The till on a telephone: a scanner types the code, an offer brings its price, one press is enough."""

import pytest
from tests.api.conftest import client
from tests.bank import CITY, bank

__all__ = ["bank", "client"]

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.fixture
async def rice(bank):
    """An offer with a price, one without, and a customer with points."""
    await bank.grant("Li", 500)
    await bank.add_offer("reduction", most=50)
    return str(await bank.add_offer(points=30, stock=5))


async def fits(page, faults):
    """Nothing stands beyond the screen's edge, and everybody can use it."""
    widths = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    needed, given = await page.evaluate(widths)
    assert needed <= given, page.url
    assert await faults(page) == []


async def test_a_scanner_and_a_few_taps_take_points(bank, rice, open_as, faults):
    page = await open_as("shopkeeper", **PHONE)
    assert page.url.endswith(f"/{CITY}/till")
    await fits(page, faults)
    await page.keyboard.type(await bank.code("Li"))  # the code has the focus
    await page.keyboard.press("Enter")  # as scanners do; there is no amount yet
    assert await page.evaluate("document.activeElement.name") == "amount"
    await page.select_option("[name=offer]", rice)
    assert await page.input_value("[name=amount]") == "30"
    assert not await page.is_editable("[name=amount]")
    await page.keyboard.press("Enter")  # the button has the focus
    await page.wait_for_selector("h1:has-text('已收 30 积分')")
    await fits(page, faults)
    await page.keyboard.press("Enter")  # and now the way to the next one
    await page.wait_for_selector("[data-charge]")
    assert (await bank.wallet("Li"))["available"] == 470


async def test_another_choice_takes_the_price_away_again(rice, open_as):
    page = await open_as("shopkeeper", **PHONE)
    await page.select_option("[name=offer]", rice)
    await page.select_option("[name=offer]", "")
    assert await page.input_value("[name=amount]") == ""
    assert await page.evaluate("document.activeElement.name") == "amount"


async def test_every_page_of_the_till_fits_a_telephone_and_works_without_script(
    bank, rice, open_as, faults
):
    made = await bank.authorize("Li", 20)
    page = await open_as("shopkeeper", **PHONE)
    for place in ("redemptions", f"redemptions/{made['id']}", "offers", "offers/new",
                  f"offers/{rice}", "shop"):  # fmt: skip
        answer = await page.goto(f"/{CITY}/till/{place}")
        assert answer.status == 200
        await fits(page, faults)
    page = await open_as("shopkeeper", **PHONE, java_script_enabled=False)
    await page.fill("[name=code]", await bank.code("Li"))
    await page.select_option("[name=offer]", rice)
    await page.click("[data-charge] button")  # the server brings the price
    await page.wait_for_selector("h1:has-text('已收 30 积分')")
