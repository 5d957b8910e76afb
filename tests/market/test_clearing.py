"""Streets owe one another what their residents spent elsewhere: booked with each payment, once."""

import asyncio
import re
from datetime import date

import pytest
from tests.bank import CITY, MERCHANT, STREET
from tests.market.settling import (
    VOUCHER,
    balances,
    buy,
    confirm,
    draw,
    give_back,
    killed_while_paying,
    pay,
    shop,
)

from credit.earning import service as earning
from credit.earning.service import leaving
from credit.earning.service.members import NewMember
from credit.points.service.verifying import verify_book

__all__ = ["shop"]

OTHER, THIRD = "150203002", "150204001"
RIVAL = "SH-0002"
POINTS = f"/{CITY}/console/points"


@pytest.fixture
async def streets(bank, shop):
    """Li and Wang live in the merchant's street, Sun and Zhao in two others; one has a merchant, too."""
    async with bank.db.transaction(CITY) as conn:
        people = [
            NewMember("Sun", "resident", f"{OTHER}001", born_on=date(1980, 5, 1)),
            NewMember("Zhao", "resident", THIRD, born_on=date(1980, 5, 1)),
        ]
        ids = await earning.register(
            conn, bank.clock, bank.world.vault, bank.world.actors["city_authority"], bank.rules, people
        )  # fmt: skip
    bank.wallets |= dict(zip(("Sun", "Zhao"), ids, strict=True))
    for name in ("Sun", "Zhao"):
        await bank.grant(name, 500)
    await bank.world.hire("rival", "merchant_user", kind="merchant", party=RIVAL)
    await bank.add_merchant(RIVAL, "隔壁超市", f"{OTHER}001")
    return bank


async def owed(bank):
    """What each street is owed by others; they come to nothing together, and the book adds up."""
    async with bank.db.city(CITY) as conn:
        rows = await conn.fetch(
            "SELECT code, owner, division, balance FROM point_account WHERE kind = 'clearing'"
        )
    assert {(row["owner"], f"clearing:{row['owner']}") for row in rows} == {
        (row["division"], row["code"]) for row in rows
    }
    assert sum(row["balance"] for row in rows) == 0
    assert await verify_book(bank.db, CITY, bank.world.logs.book_secret(CITY)) == []
    return {row["division"]: row["balance"] for row in rows}


async def moves(bank):
    """The transfers between streets, in order: amount and reason."""
    async with bank.db.city(CITY) as conn:
        return await conn.fetch(
            "SELECT amount, reason FROM point_transfer WHERE kind = 'clear' ORDER BY id"
        )


async def settle(bank, merchant=MERCHANT):
    """Draw a statement, confirm it and pay it, if there is anything to pay."""
    drawn = await draw(bank, merchant, "city_authority")
    if drawn.state != "carried":
        keeper = {MERCHANT: "shopkeeper", RIVAL: "rival"}[merchant]
        await confirm(bank, drawn, keeper)
        await pay(bank, bank.world.actors["officer"], drawn.id, VOUCHER)
    return drawn


async def test_what_residents_of_another_street_spent_is_owed_by_it(streets):
    bank = streets
    bought = await buy(bank, 60, name="Sun")
    await give_back(bank, bought, 20)
    await buy(bank, 30)  # of the merchant's own street
    await buy(bank, 7, name="Zhao")
    assert await owed(bank) == {}  # nothing is owed before it is paid
    drawn = await settle(bank)
    assert drawn.payable == 77
    assert await owed(bank) == {STREET: 47, OTHER: -40, THIRD: -7}
    assert [tuple(one) for one in await moves(bank)] == [
        (points, f"街道往来，结算单 {drawn.id}") for points in (40, 7)
    ]
    # And the other way round: what both streets owe one another is one number.
    await buy(bank, 25, by="rival")
    await settle(bank, RIVAL)
    assert await owed(bank) == {STREET: 22, OTHER: -15, THIRD: -7}


async def test_a_street_alone_with_its_residents_has_no_account(streets):
    await buy(streets, 30)
    await settle(streets)
    assert await owed(streets) == {}
    assert await balances(streets) == [0, 30]


async def test_what_was_carried_is_owed_with_what_it_is_paid_with(streets):
    bank = streets
    bought = await buy(bank, 60, name="Sun")
    await settle(bank)
    await give_back(bank, bought, 50)
    assert (await settle(bank)).state == "carried"
    assert await owed(bank) == {STREET: 60, OTHER: -60}
    await buy(bank, 20)
    assert (await settle(bank)).state == "carried"
    await buy(bank, 100)
    assert (await settle(bank)).payable == 70
    assert await owed(bank) == {STREET: 10, OTHER: -10}  # more came back than was brought
    await buy(bank, 3, name="Sun")
    await settle(bank)
    assert await owed(bank) == {STREET: 13, OTHER: -13}


async def test_what_was_bought_and_given_back_moves_nothing(streets):
    bank = streets
    await give_back(bank, await buy(bank, 60, name="Sun"), 60)
    await buy(bank, 5)
    await settle(bank)
    assert await owed(bank) == {}


async def test_a_closed_membership_counts(streets):
    bank = streets
    await bank.world.hire("neighbor", "street_officer", kind="street", division=OTHER)
    await buy(bank, 60, name="Sun")
    await leaving.close_member(
        bank.db, bank.clock, CITY, bank.writer, bank.world.vault, bank.world.actors["neighbor"],
        bank.wallets["Sun"],
    )  # fmt: skip
    await settle(bank)
    assert await owed(bank) == {STREET: 60, OTHER: -60}


async def test_among_many_payers_and_after_a_crash_it_is_booked_once(streets, monkeypatch):
    bank = streets
    await buy(bank, 60, name="Sun")
    drawn = await draw(bank)
    await confirm(bank, drawn)
    payer = bank.world.actors["payer"]
    await killed_while_paying(bank, payer, drawn.id, monkeypatch)
    assert await owed(bank) == {STREET: 60, OTHER: -60}
    outcomes = await asyncio.gather(
        *(pay(bank, payer, drawn.id, f"凭证 {n}") for n in range(5)), return_exceptions=True
    )
    assert sorted(getattr(one, "slug", "paid") for one in outcomes) == [
        "paid",
        *["wrong-state"] * 4,
    ]
    assert await owed(bank) == {STREET: 60, OTHER: -60}
    assert len(await moves(bank)) == 1


def rows(page):
    """The cells of the table of what streets owe one another; None where there is no table."""
    found = re.search(r'id="cleared".*?<tbody>(.*?)</tbody>', page.text, re.DOTALL)
    return found and [
        [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<td.*?</td>", row)]
        for row in re.findall(r"<tr>.*?</tr>", found[1], re.DOTALL)
    ]


async def test_operators_see_what_streets_owe_one_another(streets, browse):
    bank = streets
    async with bank.db.city(CITY) as conn:
        await conn.execute(
            "INSERT INTO division (code, level, name, parent) VALUES ($1, 'street', '二街道', $2)",
            OTHER, OTHER[:6],
        )  # fmt: skip
    people = {name: await browse(name) for name in ("officer", "street", "clerk")}
    for browser in people.values():
        assert rows(await browser.get(POINTS)) is None
    await buy(bank, 60, name="Sun")
    await settle(bank)
    own = ["一街道", STREET, "应收", "60", "60"]
    other = ["二街道", OTHER, "应付", "60", "60"]
    assert rows(await people["officer"].get(POINTS)) == [own, other]
    assert rows(await people["officer"].get(f"{POINTS}?division={OTHER}")) == [other]
    assert rows(await people["street"].get(POINTS)) == [own]
    assert rows(await people["clerk"].get(POINTS)) is None  # of a community in it
