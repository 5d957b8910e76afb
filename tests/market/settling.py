"""What tests of settlements do: customers buy and give back, somebody draws, confirms, checks."""

import pytest
from tests.bank import CITY, MERCHANT, STREET

from credit.market.service import settlements, statements
from credit.market.settlements import store
from credit.points.service import accounts as book

__all__ = [
    "VOUCHER",
    "balances",
    "buy",
    "check",
    "confirm",
    "draw",
    "give_back",
    "killed_while_paying",
    "pay",
    "run",
    "shop",
]

VOUCHER = "付字〔2026〕7 号"


@pytest.fixture
async def shop(bank):
    """The bank with a second officer of the street, and customers who have points."""
    await bank.world.hire(
        "payer", "street_officer", kind="street", division=STREET, organisation="街道财务"
    )
    for name in ("Li", "Wang"):
        await bank.grant(name, 500)
    return bank


async def buy(bank, amount, *, name="Li", by="shopkeeper"):
    """A customer pays with points; returns the redemption's number."""
    made = await bank.authorize(name, amount, by=by)
    await bank.send(f"/redemptions/{made['id']}/capture", by=by, status=200)
    return made["id"]


async def give_back(bank, redemption, amount, *, by="shopkeeper"):
    await bank.send(f"/redemptions/{redemption}/refund", {"amount": amount}, by=by, status=200)


async def draw(bank, merchant=MERCHANT, by="street"):
    async with bank.db.transaction(CITY) as conn:
        return await settlements.draw_by_hand(
            conn, bank.clock, CITY, bank.world.actors[by], merchant
        )


async def run(bank, act, *more):
    """Do an act of settlements in a transaction of its own."""
    async with bank.db.transaction(CITY) as conn:
        return await act(conn, *more)


async def confirm(bank, drawn, by="shopkeeper"):
    keeper = bank.world.actors[by]
    return await run(bank, settlements.confirm, bank.clock, keeper, drawn.id, drawn.digest)


async def check(bank, number):
    async with bank.db.city(CITY) as conn:
        return await statements.check(conn, CITY, await settlements.settlement(conn, number))


async def balances(bank):
    """What the merchant is owed for, and what it was paid for."""
    codes = [f"merchant:{MERCHANT}", settlements.settled_code(MERCHANT)]
    async with bank.db.city(CITY) as conn:
        found = await book.accounts_named(conn, codes)
        held = await book.balances(conn, [one.id for one in found.values()], bank.clock.today())
    return [held[found[code].id].balance if code in found else None for code in codes]


async def pay(bank, actor, number, voucher):
    return await settlements.pay(bank.db, bank.clock, CITY, bank.writer, actor, number, voucher)


async def killed_while_paying(bank, actor, number, monkeypatch):
    """Pay, and be killed after the book has the payment and before the settlement says so."""

    class Killed(BaseException):
        """The process is gone."""

    async def killed(*_):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(store, "mark_paid", killed)
        with pytest.raises(Killed):
            await pay(bank, actor, number, VOUCHER)
