"""`credit points statement`: anybody with the book computes a merchant's statement again."""

import asyncpg
from tests.bank import CITY
from tests.cli.conftest import credit
from tests.market.settling import buy, draw, shop

__all__ = ["credit", "shop"]


async def test_a_statement_is_computed_again_from_the_book(bank, shop, credit, database_url):
    await buy(bank, 60)
    bought = await buy(bank, 30)
    drawn = await draw(bank)
    command = ("points", "statement", drawn.id, "--city", CITY)
    found = await credit(*command, "--json")
    assert (found["ok"], found["findings"]) == (True, [])
    assert found["drawn"] == found["computed"] == drawn.digest.hex()
    assert [one["amount"] for one in found["statement"]["lines"]] == [60, 30]
    assert "与账本一致" in await credit(*command)
    owner = await asyncpg.connect(database_url, server_settings={"search_path": f"city_{CITY}"})
    try:
        await owner.execute("ALTER TABLE point_transfer DISABLE TRIGGER ALL")
        await owner.execute("UPDATE point_transfer SET amount = 31 WHERE about = $1", int(bought))
    finally:
        await owner.close()
    said = await credit(*command, code=1)
    assert "与账本不一致" in said
    assert "91 积分" in said


async def test_an_unknown_statement_is_refused(bank, shop, credit):
    missing = "01900000-0000-7000-8000-000000000000"
    assert "没有这张结算单" in await credit("points", "statement", missing, "--city", CITY, code=2)
    assert "不是结算单的编号" in await credit("points", "statement", "7", "--city", CITY, code=2)
