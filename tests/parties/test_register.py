"""A register as it comes in by workbook, and who answered for what on which day."""

import asyncio
from datetime import date, timedelta

import asyncpg
import pytest

from credit.kit.errors import NotFound
from credit.kit.vault import Vault
from credit.parties import service, store

VAULT = Vault(bytes(32), "150200")
CITY = "150200"
FIRST, SECOND = "91150200MA0000000C", "91150200MA0000001F"
BEGIN, HANDOVER = date(2024, 1, 1), date(2025, 7, 1)
DAY = timedelta(days=1)
TABLES = ("division", "enterprise", "project", "management", "manager", "post", "committee")


async def contents(conn):
    return {name: sorted(map(str, await conn.fetch(f"SELECT * FROM {name}"))) for name in TABLES}


async def placed(conn, kind, code, day):
    (found,) = await service.place(conn, [kind], [code], [day])
    return found.enterprise, found.project, found.manager


async def test_a_workbook_of_a_whole_register_is_taken_in(conn, register):
    plan = await register.take(conn)
    assert plan.added == {
        "divisions": 3, "enterprises": 2, "projects": 1, "managers": 2, "committees": 1
    }  # fmt: skip
    assert set(plan.updated.values()) == {0}
    found = await service.find_enterprise(conn, FIRST)
    assert (found.name, found.founded_on, found.district) == (
        "甲物业有限公司", date(2020, 1, 1), "150203"
    )  # fmt: skip
    assert await service.areas_of_projects(conn, ["XQ-1", "XQ-2"]) == {"XQ-1": 30_000}
    assert await store.open_managements(conn, ["XQ-1"]) == {"XQ-1": (BEGIN, FIRST)}
    assert await store.open_posts(conn, ["XQ-1"]) == {"XQ-1": (date(2024, 3, 1), "FZR-1")}
    committee = await conn.fetchrow("SELECT * FROM committee")
    assert (committee["project"], committee["ended_on"]) == ("XQ-1", date(2028, 5, 1))
    with pytest.raises(NotFound):
        await service.find_enterprise(conn, "91150200MA0000002J")


async def test_the_same_register_again_changes_nothing(conn, register, clock):
    first = await register.take(conn)
    before = await contents(conn)
    assert all(before.values())
    clock.now_value += DAY
    second = await register.take(conn)
    assert await contents(conn) == before
    assert second.updated == first.added
    assert set(second.added.values()) == {0}


async def test_a_plan_alone_writes_nothing(conn, register):
    plan = await register.plan(conn, {"managers": [register.row("managers")]})
    assert plan.faults == []
    assert not any((await contents(conn)).values())


async def test_what_is_known_may_be_left_out_of_later_workbooks(conn, register):
    await register.take(conn)
    plan = await register.take(
        conn,
        projects=[register.row("projects", code="XQ-2", community=None)],
        committees=[register.row("committees", code="YWH-2", project="XQ-2", ended_on=None)],
    )
    assert (plan.added["projects"], plan.added["committees"]) == (1, 1)


async def test_particulars_are_brought_up_to_date(conn, register):
    await register.take(conn)
    plan = await register.take(
        conn,
        divisions=[register.row("divisions", name="新昆都仑区")],
        enterprises=[register.row("enterprises", name="甲物业集团", former_code="150200000012345")],
        projects=[register.row("projects", area_m2=31_000)],
        managers=[register.row("managers", name="负责人甲")],
        committees=[register.row("committees", kind="物业管理委员会")],
    )
    assert set(plan.added.values()) == {0}
    assert await service.areas_of_projects(conn, ["XQ-1"]) == {"XQ-1": 31_000}
    row = await conn.fetchrow("SELECT name, former_code FROM enterprise WHERE code = $1", FIRST)
    assert tuple(row) == ("甲物业集团", "150200000012345")
    assert await conn.fetchval("SELECT name FROM division WHERE code = '150203'") == "新昆都仑区"
    assert await VAULT.open(conn, "name", ["FZR-1"]) == {"FZR-1": "负责人甲"}
    assert await conn.fetchval("SELECT kind FROM committee") == "物业管理委员会"


async def test_who_has_no_code_is_numbered_on_from_the_last_one(conn, register):
    nameless = register.row("enterprises", code=None, kind="other_manager", district=None)
    await register.take(conn, enterprises=[{**nameless, "name": name} for name in "甲乙"])
    await register.take(conn, enterprises=[{**nameless, "name": "丙"}])
    rows = await conn.fetch("SELECT code, name FROM enterprise ORDER BY code")
    assert [tuple(row) for row in rows] == [
        ("N150200-000001", "甲"), ("N150200-000002", "乙"), ("N150200-000003", "丙")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("day", "enterprise"),
    [
        (BEGIN - DAY, None),
        (BEGIN, FIRST),
        (HANDOVER - DAY, FIRST),
        (HANDOVER, SECOND),
        (HANDOVER + DAY, SECOND),
    ],
    ids=["before", "first day", "day before", "on the day", "day after"],
)
async def test_a_project_answers_to_the_enterprise_that_managed_it_that_day(
    conn, register, day, enterprise
):
    await register.take(conn)
    await register.hand_over(conn, HANDOVER, enterprise=SECOND)
    assert (await placed(conn, "project", "XQ-1", day))[:2] == (enterprise, "XQ-1")
    areas = await service.areas_by_district(conn, day, [FIRST, SECOND])
    assert areas == ({(enterprise, "150203"): 30_000} if enterprise else {})


async def test_a_manager_answers_for_the_project_headed_that_day(conn, register):
    await register.take(conn)
    await register.hand_over(conn, HANDOVER, enterprise=SECOND, manager="FZR-2")
    nowhere = (None, None)
    for day, head, first, second in (
        (date(2024, 2, 29), None, nowhere, nowhere),  # managed, but nobody was appointed yet
        (HANDOVER - DAY, "FZR-1", (FIRST, "XQ-1"), nowhere),
        (HANDOVER, "FZR-2", nowhere, (SECOND, "XQ-1")),
    ):
        assert (await placed(conn, "project", "XQ-1", day))[2] == head
        assert await placed(conn, "manager", "FZR-1", day) == (*first, "FZR-1")
        assert await placed(conn, "manager", "FZR-2", day) == (*second, "FZR-2")


async def test_facts_can_begin_when_the_subject_did(conn, register):
    await register.take(conn)
    await register.hand_over(conn, HANDOVER, enterprise=SECOND, manager="FZR-2")
    kinds = ["enterprise", "project", "manager", "manager", "project"]
    codes = [FIRST, "XQ-1", "FZR-1", "FZR-2", "XQ-9"]
    found = await service.place(conn, kinds, codes, [HANDOVER] * 5)
    assert [one.exists_from for one in found] == [
        date(2020, 1, 1), BEGIN, date(2024, 3, 1), HANDOVER, None
    ]  # fmt: skip
    assert [one.known for one in found] == [True] * 4 + [False]


async def test_a_project_may_come_back(conn, register):
    await register.take(conn)
    await register.hand_over(conn, HANDOVER, enterprise=SECOND)
    await register.hand_over(conn, HANDOVER + DAY, enterprise=FIRST)
    found = [(await placed(conn, "project", "XQ-1", HANDOVER + n * DAY))[0] for n in (-1, 0, 1, 2)]
    assert found == [FIRST, SECOND, FIRST, FIRST]


async def test_a_handover_again_changes_nothing(conn, register):
    await register.take(conn)
    await register.hand_over(conn, HANDOVER, enterprise=SECOND, manager="FZR-2")
    before = await contents(conn)
    await register.hand_over(conn, HANDOVER, enterprise=SECOND, manager="FZR-2")
    assert await contents(conn) == before


@pytest.mark.parametrize("since", [BEGIN - DAY, BEGIN, HANDOVER - DAY, HANDOVER])
async def test_a_handover_into_time_another_already_has_is_refused(conn, register, since):
    await register.take(conn)
    await register.hand_over(conn, HANDOVER, enterprise=SECOND, manager="FZR-2")
    row = register.row("projects", enterprise_since=since, manager_since=since)
    plan = await register.plan(conn, {"projects": [row]})
    assert [(fault.row, fault.column) for fault in plan.faults] == [
        (2, "enterprise_since"), (2, "manager_since")
    ]  # fmt: skip
    assert f"自 {HANDOVER} 起由“{SECOND}”负责" in plan.faults[0].message


async def test_the_database_itself_holds_one_manager_at_a_time(conn, register):
    await register.take(conn)
    for statement in (
        "INSERT INTO management VALUES ('XQ-1', '2025-01-01', NULL, '91150200MA0000001F')",
        "INSERT INTO post VALUES ('XQ-1', '2025-01-01', NULL, 'FZR-2')",
        "UPDATE management SET until = since",
        "UPDATE post SET until = since - 1",
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            async with conn.transaction():
                await conn.execute(statement)


async def test_of_two_handovers_at_once_the_second_is_refused_by_its_cell(
    db, register, lock_awaited
):
    third = register.row("enterprises", code="91150200MA0000002J", name="丙物业有限公司")
    async with db.transaction(CITY) as conn:
        await register.take(conn)
        await register.take(conn, enterprises=[third])

    async def hand_over(code):
        row = register.row("projects", enterprise=code, enterprise_since=HANDOVER)
        async with db.transaction(CITY) as conn:
            plan = await register.plan(conn, {"projects": [row]})
            if not plan.faults:
                await service.apply_parties(conn, register.clock, VAULT, plan)
            return [(fault.row, fault.column) for fault in plan.faults]

    async with db.transaction(CITY) as conn:
        await register.hand_over(conn, HANDOVER, enterprise=SECOND)
        second = asyncio.create_task(hand_over(third["code"]))
        await lock_awaited(db.url)
    assert await second == [(2, "enterprise_since")]
