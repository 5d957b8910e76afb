"""A wallet tells of every lot when it ends, and of every award on which day it was earned."""

from datetime import date, timedelta

from tests.bank import CITY
from tests.earning.test_import import deed, saved, upload

from credit.earning import service as earning
from credit.points.logic import operations
from credit.points.logic.operations import Lot, key_of

LOTS = 230


async def test_an_award_keeps_the_day_on_which_it_was_earned(bank, browse):
    """Through an import with days of its own, an approval, and the days of waiting."""
    days = [date(2026, 6, 11), date(2026, 5, 30), date(2026, 6, 2)]
    clerk = await browse("clerk")
    page = await upload(clerk, saved(bank, *(deed(bank, quantity=180, on=day) for day in days)))
    assert "已导入参与记录 3 行" in (await clerk.post(str(page.url))).text
    async with bank.db.transaction(CITY) as conn:
        ids = [row[0] for row in await conn.fetch("SELECT id FROM participation")]
        await earning.decide(conn, bank.clock, bank.world.actors["head"], ids, approve=True)
    await earning.post_approved(bank.db, bank.clock, CITY, bank.writer, bank.world.pack, ids)
    waiting = bank.rules.rule("service.post").pending_days
    assert waiting
    bank.clock.now_value += timedelta(days=waiting)
    assert await earning.mature(bank.db, bank.clock, CITY, bank.writer, bank.world.pack) == 3
    history = await bank.look(f"/wallets/{bank.wallets['Li']}/history", by="Li")
    told = sorted(one["participated_on"] for one in history["items"])
    assert told == sorted(str(day) for day in days)
    async with bank.db.city(CITY) as conn:
        held = await conn.fetch("SELECT happened_on FROM point_transfer WHERE kind = 'hold'")
    assert sorted(row[0] for row in held) == sorted(days)


async def test_what_ends_adds_up_however_many_lots_there_are(bank):
    async with bank.db.city(CITY) as conn:
        member = (await earning.members_by_id(conn, [bank.wallets["Li"]]))[bank.wallets["Li"]]
    ends = [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31)]
    granted = await bank.writer.post_all(
        [
            operations.transfer(
                key_of("test", "lots", str(number), b""), "award", bank.campaign.account,
                member.account, 1, lot=Lot(ends[number % 3]),
            )
            for number in range(LOTS)
        ]
    )  # fmt: skip
    assert {one.outcome for one in granted} == {"posted"}
    await bank.grant("Li", 5)  # good for ever
    wallet = await bank.wallet("Li")
    assert (wallet["available"], len(wallet["lots"])) == (LOTS + 5, 200)
    assert [one["on"] for one in wallet["ending"]] == [str(day) for day in ends]
    assert sum(one["points"] for one in wallet["ending"]) == LOTS
