"""The bank's indicators and figures, against what was counted by hand."""

from collections import Counter
from datetime import date, datetime, timedelta

import pytest
from tests.bank import BUDGET, CITY, COMMUNITY, STREET

from credit.earning import service as earning
from credit.earning.service.members import NewMember
from credit.kit.clock import CHINA
from credit.market.figures import service
from credit.points.service.sealing import Sealer
from credit.points.service.sweeping import expire_points

NEXT = "150203001002"  # another community of the street
ELSEWHERE = "150204001001"  # one of another district
POST = "service.post"


async def register(bank, *people):
    """Register members: (name, kind, division)."""
    async with bank.db.transaction(CITY) as conn:
        ids = await earning.register(
            conn, bank.clock, bank.world.vault, bank.world.actors["city_authority"], bank.rules,
            [NewMember(name, kind, division, born_on=date(1980, 5, 1)) for name, kind, division in people],
        )  # fmt: skip
    bank.wallets |= {name: key for (name, _, _), key in zip(people, ids, strict=True)}


async def took_part(bank, name, state, on, points=2, rule=POST):
    """Keep a participation as it stands after a while."""
    from credit.kit.ids import new_id

    async with bank.db.city(CITY) as conn:
        await conn.execute(
            "INSERT INTO participation (id, member, rule, campaign, quantity, points, participated_on, source,"
            " evidence, flags, state, entered_by, entered_at, attempt)"
            " VALUES ($1, $2, $3, $4, 60, $5, $6, 'entry', '值班表', '{}', $7, 'P-1', $8, 0)",
            new_id(bank.clock.now()), bank.wallets[name], rule, bank.campaign.id, points, on, state,
            bank.clock.now(),
        )  # fmt: skip


async def kpis(bank, year=2026, division=None, by="city_authority"):
    async with bank.db.city(CITY) as conn:
        found = await service.kpis(
            conn, bank.clock, bank.world.actors[by], CITY, bank.rules, year, division
        )
    return {one.code: one for one in found.items}


def counts(row):
    return (row.members, row.collected, row.scenes, row.people, row.organisations)


@pytest.fixture
async def crowd(bank):
    """Seven members in three communities of two districts, of whom some took part and some spent."""
    await register(
        bank,
        ("Zhao", "volunteer", COMMUNITY), ("Bureau", "dual_unit", COMMUNITY),
        ("Qian", "party_member", NEXT), ("Sun", "resident", ELSEWHERE), ("School", "dual_unit", ELSEWHERE),
    )  # fmt: skip
    day = date(2026, 5, 1)
    await took_part(bank, "Li", "granted", day)
    await took_part(bank, "Li", "granted", day)  # twice is one member
    await took_part(bank, "Wang", "entered", day)  # nobody has verified it
    await took_part(bank, "Zhao", "pending", day)
    await took_part(bank, "Qian", "refused", day)
    await took_part(bank, "Sun", "granted", date(2025, 12, 31))  # another year
    await took_part(bank, "Bureau", "granted", date(2026, 1, 1))
    for name in ("Li", "Wang", "Bureau", "School"):
        await bank.grant(name, 50)
    made = await bank.authorize("Wang", 30)
    await bank.send(f"/redemptions/{made['id']}/capture", by="shopkeeper", status=200)
    await bank.add_offer("discount", 10)
    await bank.add_offer("discount", 20)  # the same kind at the same merchant is the same scene
    await bank.add_offer("reduction", most=50)
    return bank


async def test_the_indicators_are_those_counted_by_hand(crowd):
    found = await kpis(crowd)
    assert {code: counts(row) for code, row in found.items()} == {
        None: (7, 3, 2, 2, 2),
        "150203": (5, 3, 2, 2, 1),
        STREET: (5, 3, 2, 2, 1),
        COMMUNITY: (4, 3, 0, 2, 1),  # the merchant is the street's
        NEXT: (1, 0, 0, 0, 0),
        "150204": (2, 0, 0, 0, 1),
        "150204001": (2, 0, 0, 0, 1),
        ELSEWHERE: (2, 0, 0, 0, 1),
    }
    assert found[None].collected_percent == "42.86"
    assert found[COMMUNITY].collected_percent == "75.00"
    assert (found["150203"].name, found[STREET].name) == ("昆都仑区", "一街道")
    assert [row.level for row in found.values()][:4] == ["city", "district", "street", "community"]


async def test_they_are_the_same_however_the_book_was_sealed_since(crowd):
    """Where the year begins in the book is looked up by its seals; nothing gets lost by that."""
    logs, before = crowd.world.logs, await kpis(crowd)
    sealer = Sealer(crowd.db, crowd.clock, CITY, logs.book_key(CITY), logs.book_secret(CITY))
    await sealer.seal()
    assert await kpis(crowd) == before
    crowd.pass_to(2027, 3, 1)
    await crowd.grant("Li", 5)
    await sealer.seal()
    assert counts((await kpis(crowd, 2027))[None]) == (7, 0, 0, 1, 0)  # the contract has ended
    assert counts((await kpis(crowd))[None]) == (7, 3, 2, 2, 2)
    assert counts((await kpis(crowd, 2025))[None]) == (0, 0, 0, 0, 0)


async def test_what_is_not_live_is_no_scene(crowd):
    changes = (
        "UPDATE offer SET state = 'paused' WHERE kind = 'reduction'",
        "UPDATE offer SET valid_until = '2026-06-29' WHERE kind = 'discount'",
    )
    for left, change in zip((1, 0), changes, strict=True):
        async with crowd.db.city(CITY) as conn:
            await conn.execute(change)
        assert (await kpis(crowd))[None].scenes == left
    async with crowd.db.city(CITY) as conn:
        await conn.execute(
            "UPDATE offer SET state = 'open', valid_until = NULL WHERE kind = 'reduction'"
        )
        await conn.execute("UPDATE merchant SET state = 'suspended'")
    assert (await kpis(crowd))[None].scenes == 0


async def test_an_officer_sees_the_own_division_alone(crowd):
    assert set(await kpis(crowd, by="clerk")) == {COMMUNITY}
    assert set(await kpis(crowd, by="street")) == {STREET, COMMUNITY, NEXT}
    assert set(await kpis(crowd, by="street", division=NEXT)) == {NEXT}
    path = "/kpis/points"
    for by, query, status in (
        ("clerk", f"?division={STREET}", 403),
        ("street", "?division=150204", 403),
        ("city_authority", "?year=2027", 409),
        ("city_authority", "?division=1502", 400),
        ("Li", "", 403),
        ("shopkeeper", "", 403),
    ):
        await crowd.look(path + query, by=by, status=status)
    answer = await crowd.look(f"{path}?year=2026&division=150203", by="city_authority")
    assert (answer["year"], answer["on"]) == (2026, "2026-06-30")
    assert [one["code"] for one in answer["items"]] == ["150203", STREET, COMMUNITY, NEXT]


async def figures(bank, division=None, by="city_authority"):
    async with bank.db.city(CITY) as conn:
        return await service.figures(conn, bank.clock, bank.world.actors[by], CITY, division)


async def test_budgets_liabilities_and_flows_add_up(crowd):
    found = await figures(crowd)
    (budget,) = found.budgets
    assert (budget.given, budget.awarded, budget.pending, budget.left) == (
        BUDGET,
        200,
        0,
        BUDGET - 200,
    )
    assert found.outstanding == 200 - 30
    made = await crowd.authorize("Li", 20)
    await crowd.send(
        f"/redemptions/{made['id']}/capture", {"amount": 15}, by="shopkeeper", status=200
    )
    await crowd.send(
        f"/redemptions/{made['id']}/refund", {"amount": 5}, by="shopkeeper", status=200
    )
    await crowd.authorize("Li", 7)
    found = await figures(crowd)
    assert (found.outstanding, found.held) == (160, 7)
    (flow,) = found.flows
    assert flow == (date(2026, 6, 1), 200, 40, 0)
    assert found.categories == [("retail", 40)]
    assert found.rules == [(POST, 2 * 5)]  # of twelve months
    assert found.pending == 2
    assert found.waiting == (1, 0, 0, 0, 0, 0, 0)
    here = await figures(crowd, ELSEWHERE)
    assert (here.outstanding, here.held, here.pending) == (50, 0, 0)
    assert here.flows == [(date(2026, 6, 1), 50, 0, 0)]
    assert (here.rules, here.categories, sum(here.waiting)) == ([(POST, 2)], [], 0)
    nothing = [(date(2026, 6, 1), 0, 0, 0)]  # a month in which others had something
    assert (await figures(crowd, "150204001002")).flows == nothing


async def test_what_ends_is_told_by_its_month_and_then_as_expired(bank):
    from credit.points.logic import operations

    async with bank.db.city(CITY) as conn:
        account = (await earning.members_by_id(conn, [bank.wallets["Li"]]))[
            bank.wallets["Li"]
        ].account
    expected = Counter()
    for number, day in enumerate((date(2026, 7, 3), date(2026, 7, 31), date(2027, 1, 1), None)):
        key = operations.key_of("test", "lot", str(number), b"")
        made = operations.transfer(
            key, "award", bank.campaign.account, account, 10 + number, lot=operations.Lot(day)
        )
        assert (await bank.writer.post(made)).outcome == "posted"
        expected[day and day.replace(day=1)] += 10 + number
    found = await figures(bank)
    assert dict(found.months) == expected
    assert [one.month for one in found.months] == [date(2026, 7, 1), date(2027, 1, 1), None]
    bank.clock.now_value = datetime(2026, 8, 1, 9, tzinfo=CHINA)
    await expire_points(bank.db, bank.clock, CITY, bank.writer)
    found = await figures(bank)
    assert dict(found.months) == {date(2027, 1, 1): 12, None: 13}
    assert found.flows[-1] == (date(2026, 8, 1), 0, 0, 21)
    bank.clock.now_value += timedelta(days=400)
    assert (await figures(bank)).flows == []
