"""The demo's bank leaves something for everybody to try, at whatever time they do."""

from datetime import date, timedelta

import pytest
from tests.bank import CITY, COMMUNITY, STREET

from credit.demo import bank as demo
from credit.earning import service as earning
from credit.kit.blobs import BlobStore
from credit.points.service import accounts
from credit.points.service.verifying import verify_book


@pytest.fixture
async def desk(world, monkeypatch):
    """The desk of a demo that is a month old, its story told."""
    monkeypatch.setattr(demo, "MONTHS", 1)
    for name, role, kind, division in (
        ("community", "community_officer", "community", COMMUNITY),
        ("community_head", "community_officer", "community", COMMUNITY),
        ("street", "street_officer", "street", STREET),
        ("resident", "resident", None, None),
    ):
        await world.hire(name, role, kind=kind, division=division)
    made = demo.BankDesk(
        world.db, CITY, world.pack, logs=world.logs,
        files=BlobStore(world.settings.data_dir / "blobs"), users=world.actors, today=date(2026, 6, 30),
    )  # fmt: skip
    await made.open()
    await world.hire("merchant", "merchant_user", kind="merchant", party="SH-0001")
    await made.tell()
    return made


async def test_it_leaves_something_for_everybody(desk, world):
    async with world.db.city(CITY) as conn:
        waiting = await conn.fetch("SELECT code FROM merchant WHERE state = 'proposed'")
        offers = await conn.fetch("SELECT merchant FROM offer WHERE state = 'proposed'")
        drawn = await conn.fetch("SELECT merchant FROM settlement WHERE state = 'drawn'")
        entered = await conn.fetchval("SELECT count(*) FROM participation WHERE state = 'entered'")
    assert len(waiting) == 1
    assert [one["merchant"] for one in offers] == ["SH-0001"] * 2
    assert [one["merchant"] for one in drawn] == ["SH-0001"]
    assert entered
    assert await verify_book(world.db, CITY, world.logs.book_secret(CITY)) == []


async def test_the_resident_has_points_for_a_year(desk, world):
    async with world.db.city(CITY) as conn:
        (wallet,) = (await earning.members_by_id(conn, desk.wallets[:1])).values()
        almost = date(2026, 6, 30) + timedelta(days=360)
        for day in (date(2026, 6, 30), almost):
            balance = (await accounts.balances(conn, [wallet.account], day))[wallet.account]
            assert balance.available >= 400


async def test_the_merchant_whose_key_there_is_never_closes(desk, world):
    async with world.db.city(CITY) as conn:
        hours = dict(await conn.fetch("SELECT code, hours::text FROM merchant ORDER BY code"))
    assert "07:00" not in hours["SH-0001"]
    assert hours["SH-0001"].count("24:00") == 7
    assert all("07:00" in week for code, week in hours.items() if code != "SH-0001")
