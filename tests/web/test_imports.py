"""Excel files on pages: previewed row by row, taken in whole or not at all, never twice."""

import re
import zipfile
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pytest
from openpyxl import Workbook, load_workbook

from credit.evaluations.excel import marks_sheet
from credit.events.excel import event_sheet
from credit.kit.errors import NotFound
from credit.kit.excel import write_table
from credit.parties.excel import SHEETS
from credit.web import imports
from credit.web.uploads import HELD_FOR, Uploads

PLACE = "/150200/console/imports"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
NEW = "91150200MA0000002J"
TABLES = ("import_batch", "event", "enterprise", "evaluation", "evaluation_entry", "log_record")


def saved(spec, *rows):
    buffer = BytesIO()
    write_table([(spec, rows)], buffer)
    return buffer.getvalue()


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


def enterprise(code=NEW, name="丙物业有限公司", **more):
    row = {"code": code, "name": name, "kind": "company", "founded_on": date(2021, 1, 1)}
    return row | more


def marks(world, *rows):
    spec = marks_sheet(world.pack.on(world.pack.days[-1]).sheets["A.2"])
    return saved(spec, *({"year": 2025, "division": "150203", **row} for row in rows))


def edited(content, edit):
    """Change a finished workbook as a clerk's spreadsheet would."""
    book = load_workbook(BytesIO(content))
    edit(book.worksheets[0])
    buffer = BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def packed(*members):
    """Make a workbook with members that none should have."""
    buffer = BytesIO()
    Workbook().save(buffer)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


async def upload(browser, kind, content, name="填好的.xlsx"):
    return await browser.post(f"{PLACE}/{kind}", files={"file": (name, content, "a/b")})


async def counts(world):
    async with world.db.city("150200") as conn:
        return [await conn.fetchval(f"SELECT count(*) FROM {name}") for name in TABLES]


def cells(page):
    """The texts of a page's table, row by row."""
    rows = re.findall(r"<tr>(.*?)</tr>", page.text, re.DOTALL)
    strip = re.compile(r"<[^>]*>")
    return [
        [
            " ".join(strip.sub("", one).split())
            for one in re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL)
        ]
        for row in rows
    ][1:]


def held(world):
    return [path for path in (world.settings.data_dir / "uploads").rglob("*") if path.is_file()]


async def test_events_are_previewed_signed_and_proposed_once(world, browse):
    officer = await browse("officer")
    before = await counts(world)
    content = facts(world, {}, {"primary": "project", "subject": "XQ-1"})
    preview = await upload(officer, "events", content)
    assert "已读取“填好的.xlsx”" in preview.text
    (first, second) = cells(preview)
    assert first[:3] == ["信用事件", "2", "新增"]
    assert second[3].endswith("XQ-1 2026-06-01 包建〔2026〕2号")
    assert await counts(world) == before
    signing = await officer.post(str(preview.url))
    assert "签名 2 条记录" in signing.text
    assert await counts(world) == before
    done = await officer.sign(signing)
    assert "已提出 2 条事件，等待另一位同事决定" in done.text
    assert "第1小区" in done.text
    async with world.db.city("150200") as conn:
        assert await conn.fetchval("SELECT count(*) FROM event_waiting") == 2
    assert held(world) == []
    assert (await officer.get(str(preview.url))).status_code == 404
    again = await upload(officer, "events", content)
    assert "已经导入过，不会重复导入" in again.text
    assert "<button" not in re.search(r"<main.*</main>", again.text, re.DOTALL)[0]
    refused = await officer.sign(signing)
    assert refused.status_code == 409
    assert "没有重复导入" in refused.text


async def test_a_register_is_previewed_and_taken_in(world, browse):
    officer = await browse("officer")
    rows = [enterprise(), enterprise(ENTERPRISE, "甲物业新名", founded_on=date(2020, 1, 1))]
    preview = await upload(officer, "parties", saved(SHEETS["enterprises"], *rows))
    assert cells(preview) == [
        ["企业", "2", "新增", f"丙物业有限公司 {NEW}"],
        ["企业", "3", "更新", f"甲物业新名 {ENTERPRISE}"],
    ]
    done = await officer.post(str(preview.url))
    assert "已导入登记册 2 行" in done.text
    async with world.db.city("150200") as conn:
        names = await conn.fetch("SELECT name FROM enterprise ORDER BY code")
    assert [row["name"] for row in names] == ["甲物业新名", "乙物业有限公司", "丙物业有限公司"]
    assert held(world) == []


async def test_marks_are_laid_over_those_there_are(world, browse):
    officer = await browse("officer")
    preview = await upload(officer, "marks", marks(world, {"subject": ENTERPRISE, "A2-01": 2}))
    assert cells(preview)[0][:3] == ["A.2", "2", "新增"]
    assert "已导入评分 1 行" in (await officer.post(str(preview.url))).text
    preview = await upload(officer, "marks", marks(world, {"subject": ENTERPRISE, "A2-02": 1}))
    assert cells(preview) == [["A.2", "2", "更新", f"{ENTERPRISE} 2025 年度 7 分"]]
    wrong = marks(world, {"subject": ENTERPRISE, "A2-01": 2}, {"subject": OTHER, "A2-02": 9})
    refused = await upload(officer, "marks", wrong)
    (fault,) = cells(refused)
    assert fault[:2] == ["A.2", "3"]
    assert fault[2].startswith("A2-02 ")
    assert fault[3] == "得分 9 超过满分 2。"


async def test_every_fault_is_named_by_its_cell_and_nothing_is_taken_in(world, browse):
    officer = await browse("officer")
    before = await counts(world)
    good = facts(world, {}, {})
    known = world.draft(
        ["officer"], code="award.government", level="市", reference="包建〔2026〕1号"
    )
    await world.propose(known)
    before[TABLES.index("event")] += 1
    for content, (row, column, words) in (
        (edited(good, lambda sheet: sheet.cell(2, 7, '="包建"&1')), ["2", "G 文号", "公式"]),
        (edited(good, lambda sheet: sheet.cell(3, 4, "下周")), ["3", "D 发生日期", "不是日期"]),
        (facts(world, {}, {"subject": "91150200MA0000009F"}), ["3", "", "登记册里没有"]),
        (facts(world, {}, {"reference": "a/b#c"}), ["3", "文号", "写法不对"]),
        (facts(world, {"occurred_on": date(2027, 1, 1)}), ["2", "", "在今天之后"]),
        (good, ["2", "", "已经登记过"]),
        (facts(world, {"reference": "二"}, {"reference": "二"}), ["3", "", "出现了两次"]),
    ):
        page = await upload(officer, "events", content)
        assert page.status_code == 200
        (found,) = cells(page)
        assert found[:2] == ["信用事件", row]
        assert column in found[2]
        assert words in found[3]
        assert f'action="{page.url.path}"' not in page.text
        assert (await officer.post(str(page.url))).status_code == 409
        assert await counts(world) == before
    codes = [enterprise("91150200MA0000002B"), enterprise(name="")]
    page = await upload(officer, "parties", saved(SHEETS["enterprises"], *codes))
    assert cells(page)[0][:3] == ["企业", "3", "B 名称"]
    page = await upload(officer, "parties", saved(SHEETS["enterprises"], codes[0]))
    assert cells(page)[0][:3] == ["企业", "2", "统一社会信用代码"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "这不是 .xlsx 文件"),
        ("代码,名称\n".encode(), "看起来是 CSV 文本"),
        (b"\x89PNG\r\n\x1a\n\0\0", "内容不是工作簿"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "旧版 .xls"),
        (b"PK\x03\x04" + bytes(100), "已损坏"),
        (packed(("xl/vbaProject.bin", b"x")), "有宏"),
        (packed(("xl/externalLinks/externalLink1.xml", b"<x/>")), "指向其他文件的链接"),
        (packed(("xl/worksheets/sheet2.xml", bytes(50_000_000))), "压缩率异常"),
        (bytes(21 * 1024 * 1024), "太大"),
        (bytes(20 * 1024 * 1024 + 1), "超过 20 MB"),
    ],
    ids=["empty", "csv", "png", "xls", "cut", "macro", "links", "bomb", "body", "file"],
)
async def test_a_file_that_is_no_harmless_workbook_is_refused_and_not_held(
    world, browse, content, words
):
    officer = await browse("officer")
    page = await upload(officer, "events", content)
    assert page.status_code in (400, 413)
    assert words in page.text
    assert held(world) == []


async def test_no_file_an_empty_sheet_and_a_strange_name(world, browse):
    officer = await browse("officer")
    page = await officer.post(f"{PLACE}/events", files={"file": ("", b"", "a/b")})
    assert (page.status_code, "请选择要导入的" in page.text) == (400, True)
    page = await upload(officer, "events", facts(world))
    assert (page.status_code, "没有数据行" in page.text) == (400, True)
    name = "../../<script>alert(1)</script>.xlsx"
    page = await upload(officer, "events", facts(world, {}), name)
    assert "&lt;script&gt;" in page.text
    assert "<script>alert" not in page.text
    assert all(re.fullmatch("[0-9a-f]{64}", path.name) for path in held(world))


async def test_more_rows_than_a_page_takes_are_said_so(world, browse, monkeypatch):
    monkeypatch.setitem(imports.ROWS_MAX, "events", 3)
    officer = await browse("officer")
    before = await counts(world)
    page = await upload(officer, "events", facts(world, {}, {}, {}, {}))
    assert "文件有 4 行，网页一次最多导入 3 行" in page.text
    assert (await officer.post(str(page.url))).status_code == 413
    assert await counts(world) == before


async def test_a_long_preview_is_paged(world, browse, monkeypatch):
    monkeypatch.setattr(imports, "LINES_SHOWN", 2)
    officer = await browse("officer")
    page = await upload(officer, "events", facts(world, {}, {}, {}))
    assert [row[1] for row in cells(page)] == ["2", "3"]
    assert "第 1 页，共 2 页" in page.text
    page = await officer.get(str(page.url), params={"page": 2})
    assert [row[1] for row in cells(page)] == ["4"]


async def test_only_what_was_shown_and_by_ones_own_key_is_proposed(world, browse):
    officer = await browse("officer")
    content = facts(world, {"primary": "project", "subject": "XQ-1"})
    before = await counts(world)
    signing = await officer.post(str((await upload(officer, "events", content)).url))
    own, world.keys["officer"] = world.keys["officer"], world.keys["reviewer"]
    assert (await officer.sign(signing)).status_code == 403
    world.keys["officer"] = own
    where = re.search(r'action="([^"]*/sign)"', signing.text)[1]
    sent = {"kid": "k1:" + "0" * 32, "signatures": "A" * 86 + "=="}
    for first in ("", "x", "01900000-0000-7000-8000-000000000000 "):
        answer = await officer.post(where, data=sent | {"first": first, "digest": "0" * 64})
        assert answer.status_code == 400
    async with world.db.transaction("150200") as conn:
        await conn.execute("UPDATE post SET manager = 'FZR-2' WHERE project = 'XQ-1'")
    refused = await officer.sign(signing)
    assert refused.status_code == 409
    assert "没有提交任何内容" in refused.text
    assert await counts(world) == before


@pytest.mark.parametrize("kind", ["parties", "events", "marks"])
async def test_a_template_is_a_workbook_with_lists_to_choose_from(browse, kind):
    officer = await browse("officer")
    answer = await officer.get(f"{PLACE}/{kind}/template")
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="{kind}.xlsx"')
    book = load_workbook(BytesIO(answer.content))
    assert book.sheetnames[0] == "填写说明"
    assert (await officer.get(f"{PLACE}/{kind}")).url.path == PLACE


async def test_each_sees_the_kinds_they_may_import(world, browse):
    async with world.db.transaction("150200") as conn:
        await conn.execute(
            "UPDATE person SET roles = '{street_officer}' WHERE username = 'officer'"
        )
    street = await browse("officer")
    page = await street.get(PLACE)
    assert 'id="file-events"' in page.text
    assert 'id="file-parties"' not in page.text
    assert (await upload(street, "parties", b"x")).status_code == 403
    content = saved(SHEETS["enterprises"], enterprise())
    uploads = Uploads(world.settings.data_dir / "uploads")
    digest = await uploads.hold("150200", content, world.clock.now())
    assert (await street.get(f"{PLACE}/parties/{digest}")).status_code == 403


async def test_held_files_are_a_citys_own_and_forgotten_in_time(tmp_path):
    uploads = Uploads(tmp_path)
    now = datetime(2026, 6, 30, tzinfo=UTC)
    first = saved(SHEETS["enterprises"], enterprise())
    second = saved(SHEETS["enterprises"], enterprise(name="另一家"))
    digest = await uploads.hold("150200", first, now)
    assert await uploads.read("150200", digest) == first
    with pytest.raises(NotFound):
        await uploads.read("410402", digest)
    await uploads.hold("150200", second, now + HELD_FOR)
    assert await uploads.read("150200", digest) == first
    await uploads.hold("150200", second, now + HELD_FOR + timedelta(seconds=1))
    with pytest.raises(NotFound, match="请重新上传"):
        await uploads.read("150200", digest)
