"""What is one division's of the market no other one sees, by whatever address."""

import pytest
from tests.bank import CITY, MERCHANT
from tests.market.settling import draw
from tests.market.test_offering import fields as offer_fields

CONSOLE = f"/{CITY}/console"


@pytest.fixture
async def places(office):
    """Addresses of a merchant of the first street's, its offer and its statement; who looks."""
    bank = office.bank
    await bank.grant("Li", 50)
    made = await bank.authorize("Li", 5)
    await bank.send(f"/redemptions/{made['id']}/capture", by="shopkeeper", status=200)
    code = await office.admitted()
    drawn, offer = await draw(bank), await bank.add_offer(points=30, stock=1)
    settled, shop = f"{CONSOLE}/settlements/{drawn.id}", f"{CONSOLE}/merchants/{MERCHANT}"
    return {
        settled: ["", "/lines.xlsx", "/statement.pdf"],
        shop: ["", "/renewal", "/offers/new"],
        f"{CONSOLE}/merchants/{code}": ["/letter"],
        f"{CONSOLE}/offers/{offer}": [""],
    }


async def test_nobody_of_elsewhere_sees_anything_by_its_address(office, places):
    browser = await office.at("elsewhere")
    for root, ends in places.items():
        for end in ends:
            answer = await browser.get(root + end)
            assert answer.status_code == 403, root + end
            assert "便民超市" not in answer.text
            assert "小票" not in answer.text


async def test_nor_by_being_refused_to_do_something(office, places):
    browser = await office.at("elsewhere")
    (settled, shop, _, offer) = places
    for address, given in (
        (f"{settled}/uphold", {"text": "x"}),
        (f"{settled}/pay", {"voucher": "x"}),
        (f"{settled}/redraw", {}),
        (f"{shop}/decision", {"act": "suspend"}),
        (f"{shop}/place", {"address": "别处"}),
        (f"{shop}/renewal", {}),
        (f"{shop}/offers/new", offer_fields(office)),
        (offer, {"act": "pause", "reason": ""}),
        (offer, {"act": "restock"}),
    ):
        answer = await browser.post(address, data=given)
        assert answer.status_code == 403, address
        assert "便民超市" not in answer.text, address


@pytest.mark.parametrize("name", ["street", "district", "auditor"])
async def test_who_works_there_or_above_sees_it(office, places, name, fonts):
    browser = await office.at(name)
    forms = ("/renewal", "/offers/new")
    for root, ends in places.items():
        for end in ends:
            if name != "auditor" or end not in forms:
                assert (await browser.get(root + end)).status_code == 200, root + end
