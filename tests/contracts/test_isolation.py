"""A party sees the contracts it is in, through the database itself, and no others."""

import pytest

from credit.contracts import service
from credit.contracts.logic.clauses import Counted
from credit.contracts.service import Done, Sought
from credit.kit.db import PORTAL_ROLE
from credit.kit.errors import NotFound
from credit.kit.ids import LAST_ID

CITY = "150200"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
TABLES = (
    "contract", "contract_version", "contract_party", "contract_signature", "contract_step",
    "owner_vote", "duty", "duty_step",
)  # fmt: skip


@pytest.fixture
async def both(city):
    """A contract of each of two projects, with something reported in each."""
    first = await city.in_force()
    second = await city.in_force(await city.tri_party(3), ("competitor", "committee3", "owners3"))
    for contract, name in ((first, "enterprise"), (second, "competitor")):
        duty = (await city.duty(contract, "E-4")).id
        await city.perform(name, duty, Done("report", 0, value=Counted(1)))
    return city, first, second


def bound(city, party):
    return city.db.bound(CITY, PORTAL_ROLE, party=party)


async def owners_of(conn, table):
    column = "id" if table == "contract" else "contract_id"
    if table == "duty_step":
        rows = await conn.fetch(
            "SELECT DISTINCT d.contract_id FROM duty_step s JOIN duty d ON d.id = s.duty_id"
        )
    else:
        rows = await conn.fetch(f"SELECT DISTINCT {column} FROM {table}")
    return {row[0] for row in rows}


async def test_each_table_shows_a_party_its_own_contracts_whoever_of_them_asks(both):
    city, first, second = both
    for contract, parties in (
        (first, (ENTERPRISE, "YWH-1", "XQ-1")),
        (second, (OTHER, "YWH-3", "XQ-3")),
    ):
        for party in parties:
            async with bound(city, party) as conn:
                for table in TABLES:
                    assert await owners_of(conn, table) == {contract}, (table, party)
    async with bound(city, "XQ-2") as conn:
        for table in TABLES:
            assert await owners_of(conn, table) == set(), table


async def test_lists_and_views_are_made_of_what_the_session_sees(both):
    city, first, second = both
    competitor = city.world.actors["competitor"]
    async with city.db.city(CITY) as conn:
        by = service.belonging_of(competitor)
    async with bound(city, OTHER) as conn:
        lines = await service.contracts_page(
            conn, city.clock, competitor, before=LAST_ID, sought=Sought(), limit=10
        )
        assert [one.id for one in lines] == [str(second)]
        assert (await service.contract_view(conn, city.clock, by, second)).line.state == "in-force"
        with pytest.raises(NotFound):
            await service.contract_view(conn, city.clock, by, first)
        with pytest.raises(NotFound):
            await service.contract_text(conn, first, 1)
        with pytest.raises(NotFound):
            await service.performance(conn, city.clock, competitor, first)
        assert await service.duties_of_contract(
            conn, city.clock, competitor, first, limit=10
        ) == []  # fmt: skip
        assert len(await service.performance(conn, city.clock, competitor, second)) == 9


async def test_a_draft_is_the_drafters_until_it_is_frozen(city):
    contract = await city.draft(city.service_contract(), by="enterprise")

    async def sees(party):
        async with bound(city, party) as conn:
            found = await conn.fetch("SELECT id FROM contract")
            drafts = await conn.fetch("SELECT contract_id FROM contract_draft")
        return len(found), len(drafts)

    assert await sees(ENTERPRISE) == (1, 1)
    assert await sees("YWH-1") == (0, 0)
    await city.freeze(contract, by="enterprise")
    assert await sees("YWH-1") == (1, 0)
    # The office's draft of a new version is nobody's but the office's.
    await city.sign(contract, "enterprise", "committee")
    async with city.db.transaction(CITY) as conn:
        await service.amend(conn, city.clock, city.world.actors["officer"], city.pack, contract)
    assert await sees(ENTERPRISE) == (1, 0)


async def test_of_a_pact_a_member_sees_who_joined_but_not_others_duties_or_reasons(city):
    contract = await city.draft(city.pact())
    async with bound(city, OTHER) as conn:
        assert await owners_of(conn, "contract") == set()
    await city.freeze(contract)
    await city.sign(contract, "officer", "enterprise", "competitor")
    await city.do("competitor", "leave", contract, reason="不便公开的原因")
    office = city.offices["officer"]
    for party, own in ((ENTERPRISE, True), (OTHER, True), ("YWH-1", False)):
        async with bound(city, party) as conn:
            members = await conn.fetch("SELECT party FROM contract_party ORDER BY party")
            assert [row[0] for row in members] == sorted([ENTERPRISE, OTHER, office])
            duties = await conn.fetch("SELECT DISTINCT party FROM duty")
            assert {row[0] for row in duties} == ({party, office} if own else {office})
            reasons = await conn.fetch("SELECT reason FROM contract_step WHERE step = 'left'")
            assert [row[0] for row in reasons] == (["不便公开的原因"] if party == OTHER else [])
    async with bound(city, "") as conn:
        assert await owners_of(conn, "contract") == set()
