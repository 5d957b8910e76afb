"""An officer's morning at the command line: workbooks in, grades out, and why."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import date

import pytest
from openpyxl import load_workbook

from credit.evaluations.excel import marks_sheet
from credit.events.excel import event_sheet
from credit.kit.excel import write_table
from credit.parties.excel import SHEETS
from credit.rules.model import FullOrNothing, Judgement

ENTERPRISE = "91150200MA0000000C"
NEW = "91150200MA0000002B"
DAY = date(2026, 6, 1)


def events(world, tmp_path, *rows, name="events.xlsx"):
    spec = event_sheet(world.pack.on(world.pack.days[-1]).grading)
    path = tmp_path / name
    write_table([(spec, rows)], path)
    return path


def award(number, **more):
    return {
        "type": "award.government",
        "primary": "enterprise",
        "subject": ENTERPRISE,
        "occurred_on": DAY,
        "level": "市",
        "reference": f"包建〔2026〕{number}号",
        **more,
    }


async def test_an_imported_workbook_changes_a_grade_and_the_trace_shows_why(
    world, credit, tmp_path
):
    await world.publish_grades()
    before = await credit("grade", "explain", ENTERPRISE, "--city", "150200", "--json")
    path = events(world, tmp_path, *(award(number) for number in range(1, 4)))
    preview = await credit("import", "events", path, "--city", "150200", "--dry-run", "--json")
    assert (preview["written"], preview["rows"]) == (False, 3)
    taken = await credit("import", "events", path, "--city", "150200", "--json")
    assert (taken["written"], len(taken["ids"])) == (True, 3)
    again = await credit("import", "events", path, "--city", "150200", "--json")
    assert again["written"] is False
    same_facts = events(
        world, tmp_path, *(award(number) for number in range(1, 5)), name="again.xlsx"
    )
    refused = await credit("import", "events", same_facts, "--city", "150200", code=2)
    assert "已经登记过" in refused
    await credit("events", "decide", "--all", "--as", "officer", "--city", "150200", code=2)
    decided = await credit("events", "decide", "--all", "--city", "150200", "--json")
    assert len(decided["decided"]) == 3
    await world.sequence()
    run = await credit("grade", "run", "--city", "150200", "--json")
    assert sum(run["distribution"].values()) == 2
    await credit("grade", "publish", "--as", "officer", "--city", "150200", code=2)
    published = await credit("grade", "publish", run["run"], "--city", "150200", "--json")
    assert published["published"] == 2
    await world.sequence()
    after = await credit("grade", "explain", ENTERPRISE, "--city", "150200", "--json")
    assert before["published"]["status"] == "unrated"
    assert after["published"]["grade"] == after["grade"] != before["grade"]
    (score,) = after["trace"]["children"]
    reasons = [node for node in score["children"] if node["rule"] == "award.government"]
    assert len(reasons) == 3
    assert all(node["index"] is not None and node["source"] for node in reasons)
    text = await credit("grade", "explain", ENTERPRISE, "--city", "150200")
    assert f"日志第 {reasons[0]['index']} 条" in text
    assert "日志核对无误" in await credit("log", "fsck", "--signatures", "--city", "150200")


async def test_every_wrong_cell_is_named_and_nothing_is_taken_in(world, credit, tmp_path):
    path = events(
        world,
        tmp_path,
        award(1),
        award(2, occurred_on=date(2099, 1, 1)),
        award(3, occurred_on=date(2001, 1, 1)),
        award(4, subject="91150200MA0000009X"),
        award(5, level=None),
        award(6, points="5"),
        award(7, reference="张三家的电话"),
        award(1),
    )
    output = await credit("import", "events", path, "--city", "150200", code=2)
    for row in (3, 4, 5, 6, 7):
        assert f"信用事件 第 {row} 行" in output
    async with world.db.city("150200") as conn:
        assert await conn.fetchval("SELECT count(*) FROM event") == 0
        assert await conn.fetchval("SELECT count(*) FROM import_batch") == 0


async def test_marks_come_in_by_workbook_and_an_evaluation_is_closed(world, credit, tmp_path):
    sheet = world.pack.on(world.pack.days[-1]).sheets["A.1"]
    spec = marks_sheet(sheet)
    full = {
        row.id: row.full
        for row in sheet.rows
        if isinstance(row, FullOrNothing | Judgement) and row.variant in (None, "老旧小区")
    }
    known = {column.key for column in spec.columns}
    row = {"subject": "XQ-1", "year": 2025, "division": "150200", "variant": "老旧小区"}
    row |= {key: value for key, value in full.items() if key in known}
    row |= {"owners_total": 100, "sampled": 40}
    path = tmp_path / "marks.xlsx"
    write_table([(spec, [row])], path)
    taken = await credit("import", "marks", path, "--city", "150200", "--json")
    (result,) = taken["results"]
    closed = await credit(
        "evaluation", "close", "--sheet", "A.1", "--year", 2025, "--city", "150200", "--json"
    )
    assert closed["closed"] == 1
    await world.sequence()
    run = await credit("grade", "run", "--city", "150200", "--json")
    assert run["enterprises"] == 2
    found = await credit("grade", "explain", ENTERPRISE, "--city", "150200", "--json")
    assert result["result"]["total"] in json.dumps(found["trace"], ensure_ascii=False)
    first = next(iter(full))
    write_table([(spec, [{**row, "subject": "XQ-2", first: 999}])], path)
    output = await credit("import", "marks", path, "--city", "150200", code=2)
    assert f"A.1 第 2 行.{first}" in output


async def test_the_register_comes_in_by_workbook_and_out_again(world, credit, tmp_path):
    path = tmp_path / "register.xlsx"
    enterprise = {
        "code": NEW,
        "name": "丙物业有限公司",
        "kind": "company",
        "founded_on": date(2021, 1, 1),
        "district": "150203",
    }
    write_table([(SHEETS["enterprises"], [enterprise])], path)
    output = await credit("import", "parties", path, "--city", "150200", code=2)
    assert NEW in output
    assert "企业 第 2 行" in output  # its check digit is wrong
    other = {**enterprise, "code": None, "kind": "other_manager"}
    write_table([(SHEETS["enterprises"], [other])], path)
    await credit("import", "parties", path, "--city", "150200")
    out = tmp_path / "out.xlsx"
    await credit("export", "register", "--city", "150200", "--out", out)
    book = load_workbook(out)
    names = [row[1].value for row in book["登记册"].iter_rows(min_row=2)]
    assert "丙物业有限公司" in names
    for what in ("grades", "events"):
        if what == "events":
            await credit("export", what, "--city", "150200", "--out", out)


@pytest.mark.parametrize("kind", ["parties", "events", "marks", "calendar"])
async def test_a_template_has_a_help_sheet_and_lists_to_choose_from(credit, tmp_path, kind):
    out = tmp_path / f"{kind}.xlsx"
    await credit("template", kind, "--city", "150200", "--out", out)
    book = load_workbook(out)
    assert book.sheetnames[0] == "填写说明"
    assert any(sheet.data_validations.dataValidation for sheet in book.worksheets)
    assert "没有数据行" in await credit("import", kind, out, "--city", "150200", code=2)


async def test_holidays_an_officer_loads_are_counted(world, credit, tmp_path):
    from credit.kit.calendar import CALENDAR_SHEET, city_calendar

    path = tmp_path / "calendar.xlsx"
    rows = [
        {"day": date(2031, 1, 1), "workday": "free"},
        {"day": date(2031, 1, 4), "workday": "work"},
    ]
    write_table([(CALENDAR_SHEET, rows)], path)
    await credit("import", "calendar", path, "--city", "150200")
    async with world.db.city("150200") as conn:
        calendar = await city_calendar(conn, date(2030, 12, 31))
    assert not calendar.is_workday(date(2031, 1, 1))
    assert calendar.is_workday(date(2031, 1, 4))
    assert calendar.known(2031)


async def test_packs_are_listed_shown_tested_and_scored(credit, tmp_path):
    assert "baotou-2021" in await credit("rules", "list")
    shown = await credit("rules", "show", "xinhua-2022")
    assert "每 60 分钟 1 分，满 6000 分钟后每 120 分钟 1 分，每日最多 6 分" in shown
    await credit("rules", "test")
    given = tmp_path / "in.json"
    given.write_text('{"marks": {"XH-17": "3.5"}}', encoding="utf-8")
    scored = json.loads(await credit("rules", "score", "xinhua-2022", "红色物业评分表", given))
    assert scored["sheet"] == "红色物业评分表"
    given.write_text('{"marks": {"XH-99": "3.5", "XH-17": "99"}}', encoding="utf-8")
    output = await credit("rules", "score", "xinhua-2022", "红色物业评分表", given, code=2)
    assert "XH-99" in output
    assert "XH-17" in output


async def test_a_district_confirms_before_the_city_publishes(world, credit, tmp_path):
    to = ("--city", "150200", "--json")
    await world.hire("district", "district_officer", kind="district_department", division="150203")
    await world.propose(world.draft())
    await world.sequence()
    assert "请区县主管部门先确认" in await credit("grade", "run", "--city", "150200")
    refused = await credit("grade", "publish", "--city", "150200", code=2)
    assert "还在等昆都仑区确认" in refused
    # A return without a word of why is none, and least of all a confirmation.
    assert "理由" in await credit("grade", "confirm", "--return", "", "--city", "150200", code=2)
    returned = await credit("grade", "confirm", "--return", "有一条投诉不属实", *to)
    assert (returned["division"], returned["outcome"]) == ("150203", "returned")
    assert "退回了这次评级" in await credit("grade", "publish", "--city", "150200", code=2)
    run = await credit("grade", "run", *to)
    assert (await credit("grade", "confirm", run["run"], *to))["outcome"] == "confirmed"
    assert (await credit("grade", "publish", *to))["published"] == 2


async def test_a_person_is_registered_signs_and_gets_a_key_once(world, credit):
    to = ("--city", "150200", "--json")
    person = ("--name", "王专员", "--role", "association_officer", "--organisation", "市协会")
    added = await credit("people", "add", "wang", *person, *to)
    assert added["signs"] is True
    key = await credit("people", "key", "wang", "--name", "办公电脑", *to)
    assert key["key"].startswith("ck_")
    invited = await credit("people", "invite", "wang", *to)
    assert "/invitation/150200?token=" in invited["link"]
    assert "wang" in {one["username"] for one in await credit("people", "list", *to)}
    await credit("people", "add", "wang", *person, *to, code=2)
    await credit("people", "add", "li", "--name", "李", "--role", "chief", "--organisation", "市协会", *to, code=2)  # fmt: skip
    street = ("--name", "街道", "--role", "street_officer", "--organisation", "一街道", "--kind", "street")  # fmt: skip
    refused = await credit("people", "add", "jie", *street, "--city", "150200", code=2)
    assert "9 位区划代码" in refused
    await credit("people", "add", "jie", *street, "--division", "150203001", *to)
    async with world.db.city("150200") as conn:
        assert await conn.fetchval("SELECT division FROM organisation WHERE kind = 'street'") == "150203001"  # fmt: skip


async def test_what_waits_for_a_decision_is_listed(world, credit, tmp_path):
    to = ("--city", "150200", "--json")
    await credit("import", "events", events(world, tmp_path, award(1), award(2)), *to)
    (first, second) = await credit("events", "list", *to)
    assert {one["reference"] for one in (first, second)} == {"包建〔2026〕1号", "包建〔2026〕2号"}
    assert (await credit("events", "decide", first["id"], *to))["decided"] == [first["id"]]
    assert [one["id"] for one in await credit("events", "list", *to)] == [second["id"]]


async def test_a_bad_fact_is_noticed_before_it_is_decided(world, credit, tmp_path):
    to = ("--city", "150200", "--json")
    bad = {**award(1), "type": "wages.arrears", "level": None}
    await credit("import", "events", events(world, tmp_path, bad, award(2)), *to)
    decided = await credit("events", "decide", "--all", *to)
    ((fact, why),) = decided["later"].items()
    assert len(decided["decided"]) == 1
    assert "告知" in why
    await credit("events", "notify", "--all", "--as", "reviewer", *to, code=2)
    noticed = await credit("events", "notify", "--all", *to)
    assert list(noticed["noticed"]) == [fact]
    assert await credit("events", "notify", "--all", *to) == {"noticed": {}}
    again = await credit("events", "decide", "--all", *to)
    assert again["decided"] == []
    assert noticed["noticed"][fact] in again["later"][fact]
    refused = await credit("events", "decide", fact, "--city", "150200", code=2)
    assert "异议期限" in refused
    dropped = await credit("events", "decide", "--all", "--refuse", "证据不足", *to)
    assert dropped["decided"] == [fact]


async def test_a_refusal_as_json_is_one_document(credit):
    printed = await credit("events", "decide", "--city", "150200", "--json", code=2)
    assert json.loads(printed[: printed.rindex("}") + 1])["error"] == "invalid"


@pytest.mark.parametrize("command", [
    ("rules", "list"), ("rules", "test"), ("rules", "schema"), ("rules", "show", "baotou-2021"),
    ("check",), ("migrate",), ("log", "vkey", "--city", "150200"), ("log", "fsck", "--city", "150200"),
])  # fmt: skip
async def test_with_json_a_command_prints_one_document(credit, command):
    assert await credit(*command, "--json")


async def test_who_stops_reading_is_not_told_of_a_lost_database(world):
    await world.publish_grades()
    command = f"{sys.executable} -m credit grade explain {ENTERPRISE} --city 150200 | true"
    environment = {
        **os.environ,  # noqa: TID251 - the child inherits ours
        "CREDIT_DATABASE_URL": world.db.url,
        "CREDIT_DATA_DIR": str(world.settings.data_dir),
        "PYTHONUNBUFFERED": "1",
    }
    done = await asyncio.to_thread(
        subprocess.run, command, shell=True, env=environment, capture_output=True
    )
    assert done.stdout == b""
    assert "数据库" not in done.stderr.decode()
