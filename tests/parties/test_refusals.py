"""Registers that cannot be: each fault names its sheet, row and column."""

from datetime import date, timedelta

import pytest

from credit.parties.logic import CHARS_MAX, SIZE_MAX, SIZES, find_faults, identify
from credit.parties.views import Register, RegisteredEnterprise

FIRST, SECOND = "91150200MA0000000C", "91150200MA0000001F"
TODAY = date(2026, 6, 30)
TOMORROW = TODAY + timedelta(days=1)
EMPTY = Register(set(), {}, set(), set(), {}, {}, {})


@pytest.mark.parametrize(
    ("sheet", "changes", "column", "message"),
    [
        ("enterprises", {"code": "91150200MA0000000D"}, "code", "校验位"),
        ("enterprises", {"code": "150200000012345"}, "code", "应为 18 位"),
        ("enterprises", {"code": "91150200MA000O000C"}, "code", "不允许的字符"),
        ("enterprises", {"founded_on": TOMORROW}, "founded_on", "在今天之后"),
        ("enterprises", {"district": "150299"}, "district", "没有代码为“150299”的行政区划"),
        ("divisions", {"parent": "150299"}, "parent", "没有代码为“150299”的行政区划"),
        ("projects", {"street": "150203999"}, "street", "没有代码为“150203999”的行政区划"),
        ("projects", {"community": "150203001999"}, "community", "没有代码为“150203001999”"),
        ("projects", {"enterprise": "91150200MA0000002J"}, "enterprise", "的企业"),
        ("projects", {"manager": "FZR-9"}, "manager", "的项目负责人"),
        ("projects", {"enterprise_since": None}, "enterprise_since", "要填起始日期"),
        ("projects", {"manager_since": None}, "manager_since", "要填起始日期"),
        ("projects", {"enterprise_since": TOMORROW}, "enterprise_since", "在今天之后"),
        ("projects", {"manager_since": TOMORROW}, "manager_since", "在今天之后"),
        ("committees", {"project": "XQ-9"}, "project", "没有代码为“XQ-9”的项目"),
    ],
)
async def test_a_wrong_row_is_named_by_its_cell_with_the_cure(
    conn, register, sheet, changes, column, message
):
    await register.take(conn)
    place = 1 if sheet == "divisions" else 0
    good = register.row(sheet, place)
    plan = await register.plan(conn, {sheet: [good, {**good, "code": "NEW", **changes}]})
    faults = [one for one in plan.faults if one.column != "code" or "code" in changes]
    assert [(one.sheet, one.row, one.column) for one in faults] == [(sheet, 3, column)]
    assert message in faults[0].message


@pytest.mark.parametrize("day", [TODAY, date(2020, 1, 1)])
async def test_the_last_day_that_is_allowed_is_allowed(conn, register, day):
    await register.take(
        conn,
        divisions=[register.row("divisions", n) for n in range(3)],
        managers=[register.row("managers")],
        enterprises=[register.row("enterprises", founded_on=day)],
        projects=[register.row("projects", enterprise_since=day, manager_since=day)],
    )


@pytest.mark.parametrize(
    "sheet", ["divisions", "enterprises", "projects", "managers", "committees"]
)
async def test_a_row_that_stands_twice_is_named_with_the_first_one(conn, register, sheet):
    await register.take(conn)
    row = register.row(sheet)
    plan = await register.plan(conn, {sheet: [row, row, row]})
    assert [(one.sheet, one.row, one.column) for one in plan.faults] == [
        (sheet, 3, "code"), (sheet, 4, "code")
    ]  # fmt: skip
    assert {one.message for one in plan.faults} == {
        f"代码“{row['code']}”与第 2 行重复。请只留一行。"
    }


async def test_every_fault_of_every_sheet_is_named_at_once(conn, register):
    found = await register.faults(
        conn,
        divisions=[register.row("divisions", 1, parent="150299")],
        enterprises=[register.row("enterprises", code="123", founded_on=TOMORROW)],
        projects=[register.row("projects", manager="FZR-9", enterprise_since=None)],
        committees=[register.row("committees", project="XQ-9")],
    )
    assert sorted(found) == [
        ("committees", 2, "project"),
        ("divisions", 2, "parent"),
        ("enterprises", 2, "code"),
        ("enterprises", 2, "district"),
        ("enterprises", 2, "founded_on"),
        ("projects", 2, "community"),
        ("projects", 2, "enterprise"),
        ("projects", 2, "enterprise_since"),
        ("projects", 2, "manager"),
    ]


@pytest.mark.parametrize(
    ("sheet", "place", "changes", "column"),
    [
        ("divisions", 0, {"code": "1502"}, "code"),
        ("divisions", 0, {"code": "150204", "parent": "150203"}, "parent"),
        ("divisions", 1, {"code": "150203002", "parent": None}, "parent"),
        ("enterprises", 0, {"former_code": "1" * 41}, "former_code"),
        ("projects", 0, {"households": -1}, "households"),
        ("projects", 0, {"owners": -1}, "owners"),
        ("projects", 0, {"area_m2": -1}, "area_m2"),
        ("projects", 0, {"owners": 2**31}, "owners"),
        ("projects", 0, {"area_m2": 2**63}, "area_m2"),
        ("committees", 0, {"ended_on": date(2023, 5, 1)}, "ended_on"),
    ],
)
async def test_what_the_database_would_refuse_is_named_by_its_cell(
    conn, register, sheet, place, changes, column
):
    await register.take(conn)
    rows = {sheet: [register.row(sheet, place, **changes)]}
    found = await register.faults(conn, **rows)
    if not found:
        await register.take(conn, **rows)  # raises what the database says instead
    assert found == [(sheet, 2, column)]


@pytest.mark.parametrize(
    ("sheet", "changes", "column"),
    [
        ("projects", {"enterprise_since": date(2019, 12, 31)}, "enterprise_since"),
        ("projects", {"street": "150203"}, "street"),
        ("projects", {"community": "150203001"}, "community"),
        ("enterprises", {"district": "150203001"}, "district"),
        ("committees", {"formed_on": TOMORROW}, "formed_on"),
        ("enterprises", {"code": "N410402-000001"}, "code"),
        ("enterprises", {"code": "N150200-999999"}, "code"),
    ],
    ids=[
        "managed before it was founded",
        "a district for a street",
        "a street for a community",
        "a street for a district",
        "a committee formed tomorrow",
        "an internal number of another city",
        "an internal number never given",
    ],
)
async def test_what_cannot_be_is_named_by_its_cell(conn, register, sheet, changes, column):
    await register.take(
        conn,
        divisions=[register.row("divisions", n) for n in range(3)],
        enterprises=[register.row("enterprises", n) for n in range(2)],
        managers=[register.row("managers")],
        projects=[register.row("projects", code="XQ-0")],
    )
    row = register.row(sheet, project="XQ-0") if sheet == "committees" else register.row(sheet)
    assert await register.faults(conn, **{sheet: [{**row, **changes}]}) == [(sheet, 2, column)]


@pytest.mark.parametrize(
    ("sheet", "place", "changes", "column"),
    [
        ("divisions", 2, {"parent": "150203002"}, "parent"),
        ("enterprises", 0, {"founded_on": date(2019, 1, 1)}, "founded_on"),
        ("projects", 0, {"enterprise_since": date(2024, 2, 1)}, "enterprise_since"),
        ("projects", 0, {"manager_since": date(2024, 2, 1)}, "manager_since"),
        ("committees", 0, {"project": "XQ-2"}, "project"),
    ],
)
async def test_a_change_that_would_not_be_made_is_not_passed_over_in_silence(
    conn, register, sheet, place, changes, column
):
    await register.take(conn)
    await register.take(
        conn,
        divisions=[register.row("divisions", 1, code="150203002")],
        projects=[register.row("projects", code="XQ-2")],
    )
    row = register.row(sheet, place, **changes)
    assert await register.faults(conn, **{sheet: [row]}) == [(sheet, 2, column)]


async def test_a_code_in_small_letters_is_the_same_code(conn, register):
    rows = [register.row("enterprises", district=None), register.row("enterprises", district=None)]
    rows[1]["code"] = FIRST.lower()
    found = await register.faults(conn, enterprises=rows)
    if not found:
        await register.take(conn, enterprises=rows)  # raises what the database says instead
    assert found == [("enterprises", 3, "code")]


async def test_a_project_may_name_its_enterprise_in_small_letters(conn, register):
    await register.take(conn)
    await register.hand_over(conn, date(2025, 7, 1), enterprise=SECOND.lower())
    assert await conn.fetchval("SELECT enterprise FROM management WHERE until IS NULL") == SECOND


async def test_who_has_no_code_is_not_numbered_twice(conn, register):
    nameless = register.row("enterprises", code=None, kind="other_manager", district=None)
    await register.take(conn, enterprises=[nameless])
    plan = await register.plan(conn, {"enterprises": [nameless]})
    assert (plan.updated["enterprises"] == 1) or plan.faults


async def test_who_has_no_code_is_brought_up_to_date_under_the_number_given(conn, register):
    nameless = register.row("enterprises", code=None, kind="other_manager", district=None)
    await register.take(conn, enterprises=[nameless, {**nameless, "kind": "company"}])
    await register.take(conn, enterprises=[{**nameless, "former_code": "150200000012345"}])
    rows = await conn.fetch("SELECT code, kind, former_code FROM enterprise ORDER BY code")
    assert [tuple(row) for row in rows] == [
        ("N150200-000001", "other_manager", "150200000012345"),
        ("N150200-000002", "company", None),
    ]
    changed = {**nameless, "founded_on": date(2019, 1, 1)}
    plan = await register.plan(conn, {"enterprises": [changed]})
    assert [(one.row, one.column) for one in plan.faults] == [(2, "founded_on")]
    assert "“N150200-000001”的成立日期是 2020-01-01" in plan.faults[0].message


@pytest.mark.parametrize("known", [False, True], ids=["new", "in the register"])
async def test_who_has_no_code_and_stands_twice_is_named_with_the_first_one(conn, register, known):
    nameless = register.row("enterprises", code=None, kind="other_manager", district=None)
    if known:
        await register.take(conn, enterprises=[nameless])
    plan = await register.plan(conn, {"enterprises": [nameless, nameless]})
    assert [(one.row, one.column) for one in plan.faults] == [(3, "code")]
    assert "第 2 行" in plan.faults[0].message


def test_of_namesakes_without_a_code_the_file_must_say_which(register):
    row = register.row("enterprises", code=None, district=None)
    held = {
        code: RegisteredEnterprise(code, row["name"], row["kind"], row["founded_on"], None, None)
        for code in ("N150200-000007", "N150200-000003")
    }
    holding = Register(set(), held, set(), set(), {}, {}, {})
    (fault,) = find_faults(identify({"enterprises": [(2, row)]}, holding), holding, TODAY)
    assert (fault.row, fault.column) == (2, "code")
    assert "N150200-000003、N150200-000007" in fault.message


def test_a_project_managed_as_before_may_stand_in_every_file(register):
    row = register.row("projects", street="150203001", community=None, manager=None)
    founded_later = RegisteredEnterprise(FIRST, "甲", "company", TODAY, None, None)
    present = {row["code"]: (row["enterprise_since"], FIRST)}
    divisions = {row["street"]}
    holding = Register(divisions, {FIRST: founded_later}, set(), set(), {}, present, {})
    assert find_faults({"projects": [(2, row)]}, holding, TODAY) == []


@pytest.mark.parametrize(
    ("sheet", "changes", "message"),
    [
        ("divisions", {"code": "15020X"}, "区代码是 6 位数字"),
        ("divisions", {"code": "150203001", "level": "street", "parent": "150204"}, "前 6 位"),
        ("projects", {"community": "150203001"}, "社区代码是 12 位数字"),
    ],
)
async def test_a_division_is_told_by_its_code(conn, register, sheet, changes, message):
    await register.take(conn)
    sheets = {"divisions": [register.row("divisions", code="150204")]}
    sheets[sheet] = [*sheets.get(sheet, []), register.row(sheet, **changes)]
    (fault,) = (await register.plan(conn, sheets)).faults
    assert message in fault.message


@pytest.mark.parametrize(
    ("sheet", "column", "most"),
    [(sheet, *limit) for sheet, limits in CHARS_MAX.items() for limit in limits.items()],
)
def test_texts_are_bounded_without_a_workbook_too(register, sheet, column, most):
    for chars, expected in ((most, []), (most + 1, [column])):
        row = register.row(sheet, **{column: "9" * chars})
        faults = find_faults({sheet: [(2, row)]}, EMPTY, TODAY)
        assert [one.column for one in faults if one.column == column] == expected


@pytest.mark.parametrize("column", SIZES)
def test_sizes_are_bounded_without_a_workbook_too(register, column):
    for size, expected in ((-1, [column]), (0, []), (SIZE_MAX, []), (SIZE_MAX + 1, [column])):
        row = register.row("projects", **{column: size})
        faults = find_faults({"projects": [(2, row)]}, EMPTY, TODAY)
        assert [one.column for one in faults if one.column in SIZES] == expected
