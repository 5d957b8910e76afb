"""Workbooks that must not come in: each is refused with its place, and nothing of it is kept."""

import base64
import hashlib
import re
import zipfile
from datetime import date
from io import BytesIO

import pytest
from openpyxl import Workbook, load_workbook

from credit.evaluations.excel import marks_sheet
from credit.events.excel import event_sheet
from credit.kit.calendar import CALENDAR_SHEET
from credit.kit.excel import write_table
from credit.parties.excel import SHEETS

ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
CELL_BYTES = 10 * 1024 * 1024


@pytest.fixture
def refused(world, credit, tmp_path):
    """Import a workbook that must be refused; returns what is said of it."""

    async def run(kind, content, *, tables):
        path = tmp_path / f"{kind}.xlsx"
        path.write_bytes(content)
        before = await counts(world, tables)
        output = await credit("import", kind, path, "--city", "150200", code=2)
        assert await counts(world, tables) == before
        return re.sub(r"\s+", " ", output)

    return run


async def counts(world, tables):
    async with world.db.city("150200") as conn:
        return [
            await conn.fetchval(f"SELECT count(*) FROM {name}")
            for name in ("import_batch", "log_record", *tables)
        ]


def saved(spec, *rows):
    buffer = BytesIO()
    write_table([(spec, rows)], buffer)
    return buffer.getvalue()


def edited(content, edit):
    """Let a test change the finished workbook as a clerk's spreadsheet would."""
    book = load_workbook(BytesIO(content))
    edit(book.worksheets[0])
    buffer = BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def replaced(content, old, new):
    """Change the bytes of the workbook's parts, as no spreadsheet would.

    However the text was written: as it is, or by its characters' numbers.
    """
    target, forms = BytesIO(), (old.encode(), old.encode("ascii", "xmlcharrefreplace"))
    with zipfile.ZipFile(BytesIO(content)) as source, zipfile.ZipFile(target, "w", 8) as copy:
        parts = {name: source.read(name) for name in source.namelist()}
        assert any(form in part for form in forms for part in parts.values())
        for name, part in parts.items():
            copy.writestr(name, part.replace(forms[0], new).replace(forms[1], new))
    return target.getvalue()


def facts(world, *changes):
    rows = [
        {
            "type": "award.government",
            "primary": "enterprise",
            "subject": ENTERPRISE,
            "occurred_on": date(2026, 6, 1),
            "level": "市",
            "reference": f"包建〔2026〕{number}号",
            **change,
        }
        for number, change in enumerate(changes, 1)
    ]
    return saved(event_sheet(world.pack.on(world.pack.days[-1]).grading), *rows)


def enterprises(*codes):
    row = {"name": "丙物业", "kind": "company", "founded_on": date(2021, 1, 1)}
    return saved(SHEETS["enterprises"], *({**row, "code": code} for code in codes))


def marks(world, name, *rows):
    spec = marks_sheet(world.pack.on(world.pack.days[-1]).sheets[name])
    return saved(spec, *({"year": 2025, "division": "150203", **row} for row in rows))


async def test_cells_no_workbook_may_have_are_named(world, refused):
    good = facts(world, {}, {})
    noise = base64.b64encode(hashlib.shake_256(b"").digest(CELL_BYTES * 3 // 4))
    for content, *words in (
        (edited(good, lambda sheet: sheet.cell(2, 7, '="包建"&1')), "第 2 行 G 列", "公式"),
        (edited(good, lambda sheet: sheet.cell(1, 7, "=1")), "第 1 行 G 列", "公式"),
        (edited(good, lambda sheet: sheet.merge_cells("C2:C3")), "C2:C3", "合并单元格"),
        (replaced(good, "〕1号", b"_x0000_"), "第 2 行 G 列", "控制字符（U+0000）"),
        (replaced(good, "〕1号", b"&#0;"), "已损坏"),
        (replaced(good, "〕1号", b"\0"), "已损坏"),
        (replaced(good, "〕1号", noise), "第 2 行 G 列", "超过 32,767 个字"),
        (edited(good, lambda sheet: sheet.cell(3, 1, "no.such 没有")), "第 3 行 A 列", "可选项"),
    ):
        output = await refused("events", content, tables=["event"])
        for word in words:
            assert word in output


async def test_a_zip_bomb_is_refused_before_it_is_unpacked(refused):
    buffer = BytesIO()
    Workbook().save(buffer)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("xl/worksheets/sheet2.xml", bytes(50_000_000))
    output = await refused("events", buffer.getvalue(), tables=["event"])
    assert "压缩率异常" in output


async def test_a_fact_that_stands_twice_is_named_by_its_row(world, refused):
    again = {"reference": "包建〔2026〕1号"}
    output = await refused("events", facts(world, {}, {}, again), tables=["event"])
    assert "信用事件 第 4 行" in output
    assert "已经登记过" in output
    assert "第 2 行" not in output


async def test_one_enterprise_nobody_knows_keeps_the_whole_workbook_out(world, refused):
    content = facts(world, {}, {"subject": "91150200MA0000009F"}, {})
    output = await refused("events", content, tables=["event"])
    assert "信用事件 第 3 行" in output
    assert "登记册里没有企业" in output


async def test_a_code_nobody_knows_is_named_as_it_was_written(world, refused):
    for kind, code in (("enterprise", "91150200MA0000009F"), ("project", "XQ-9")):
        content = facts(world, {"primary": kind, "subject": code})
        assert code in await refused("events", content, tables=["event"])


async def test_days_to_come_and_days_before_the_founding_are_named_by_their_rows(world, refused):
    content = facts(
        world, {"occurred_on": date(2099, 1, 1)}, {}, {"occurred_on": date(2019, 12, 31)}
    )
    output = await refused("events", content, tables=["event"])
    assert "第 2 行 发生日期 2099-01-01 在今天之后" in output
    assert "第 4 行 “91150200MA0000000C”自 2020-01-01 起才有登记" in output


async def test_one_wrong_check_digit_keeps_the_whole_register_out(refused):
    good, wrong = "91150200MA0000002J", "91150200MA0000003B"
    output = await refused("parties", enterprises(good, wrong), tables=["enterprise"])
    assert "企业 第 3 行" in output
    assert f"“{wrong}”的校验位不对" in output


async def test_an_enterprise_that_stands_twice_is_named_by_its_row(refused):
    code = "91150200MA0000002J"
    output = await refused("parties", enterprises(code, code), tables=["enterprise"])
    assert "企业 第 3 行" in output
    assert f"“{code}”与第 2 行重复" in output


async def test_a_wrong_code_is_named_by_its_column(refused):
    output = await refused("parties", enterprises("91150200MA0000003B"), tables=["enterprise"])
    assert "统一社会信用代码" in output.partition("校验位")[0]


async def test_a_register_the_database_would_refuse_is_refused_in_words(refused):
    row = {"code": "1502", "level": "district", "name": "包头"}
    output = await refused("parties", saved(SHEETS["divisions"], row), tables=["division"])
    assert "行政区划 第 2 行" in output


async def test_marks_no_sheet_can_have_are_named_by_row_and_line(world, refused):
    sheets = world.pack.on(world.pack.days[-1]).sheets
    old, new = (
        next(row.id for row in sheets["A.1"].rows if row.variant == variant)
        for variant in ("老旧小区", "既有民用建筑")
    )
    both = {"subject": "XQ-1", "variant": "老旧小区", old: 1, new: 1}
    good, above = ({"subject": code, "A2-01": mark} for code, mark in ((ENTERPRISE, 2), (OTHER, 3)))
    for name, rows, *words in (
        ("A.1", [both], f"第 2 行.{new}", "两种不能同时打分"),
        ("A.2", [good, above], "第 3 行.A2-01", "得分 3 超过满分 2"),
        ("A.2", [good, {**good, "A2-01": 1}], "第 3 行", "出现了两次"),
        ("A.2", [good, {**above, "A2-01": 1, "year": 2027}], "第 3 行", "年度 2027 不对"),
        ("A.2", [good, {"subject": "91150200MA0000009F"}], "第 3 行", "登记册里没有"),
    ):
        content = marks(world, name, *rows)
        output = await refused("marks", content, tables=["evaluation", "evaluation_entry"])
        for word in words:
            assert word in output


async def test_a_day_that_stands_twice_is_refused(refused):
    rows = [{"day": date(2031, 1, 1), "workday": word} for word in ("free", "work")]
    output = await refused("calendar", saved(CALENDAR_SHEET, *rows), tables=["calendar_day"])
    assert "出现了两次" in output


async def test_the_same_register_is_taken_in_once(world, credit, tmp_path):
    path = tmp_path / "register.xlsx"
    path.write_bytes(enterprises("91150200MA0000002J"))
    first = await credit("import", "parties", path, "--city", "150200", "--json")
    after = await counts(world, ["enterprise"])
    second = await credit("import", "parties", path, "--city", "150200", "--json")
    assert (first["written"], second["written"]) == (True, False)
    assert await counts(world, ["enterprise"]) == after
