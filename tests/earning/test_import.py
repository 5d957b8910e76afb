"""Participation from Excel: previewed as it will be, all or nothing, never twice, in few statements."""

import json
import re
from datetime import date
from io import BytesIO

import pytest
from click.testing import CliRunner
from openpyxl import load_workbook
from tests.bank import CITY, COMMUNITY

from credit.earning import service as earning
from credit.earning.excel import participation_sheet
from credit.earning.service import importing
from credit.earning.service.members import NewMember
from credit.kit.excel import write_table
from credit.points.service.verifying import verify_book
from credit.web import imports

PLACE = f"/{CITY}/console/imports"
POST, DONATION = "service.post", "donation.money"
DAY = date(2026, 6, 29)
STATEMENTS_MAX = 40


def saved(bank, *rows):
    sheet = participation_sheet(bank.rules)
    titles = {code: title for title, code in sheet.columns[3].choices.items()}
    assert titles[POST] == "红色物业志愿岗值守 service.post"
    buffer = BytesIO()
    write_table([(sheet, [{"on": DAY, "evidence": "值班表 6 月", **row} for row in rows])], buffer)
    return buffer.getvalue()


def deed(bank, name="Li", rule=POST, **more):
    return {"wallet": bank.wallets[name], "rule": rule, **more}


async def upload(browser, content):
    files = {"file": ("参与.xlsx", content, "a/b")}
    return await browser.post(f"{PLACE}/participation", files=files)


def cells(page):
    strip = re.compile(r"<[^>]*>")
    rows = re.findall(r"<tr>(.*?)</tr>", page.text, re.DOTALL)[1:]
    return [
        [
            " ".join(strip.sub("", one).split())
            for one in re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL)
        ]
        for row in rows
    ]


async def kept(bank):
    async with bank.db.city(CITY) as conn:
        return [
            tuple(row)
            for row in await conn.fetch(
                "SELECT member, rule, quantity, points, source, state FROM participation"
                " ORDER BY quantity, rule"
            )
        ]


async def test_a_file_is_previewed_taken_in_once_and_approved_by_somebody_else(bank, browse):
    clerk = await browse("clerk")
    content = saved(
        bank,
        deed(bank, quantity=180),
        {"name": "Wang居民", "phone": "0000", "rule": DONATION, "quantity": 200, "on": DAY},
        deed(bank, "Wang", points=3, evidence="值班表 补"),
    )
    preview = await upload(clerk, content)
    lines = [row[3] for row in cells(preview)]
    li, wang = bank.wallets["Li"], bank.wallets["Wang"]
    assert lines[0] == f"L＊ {li} 红色物业志愿岗值守 2026-06-29 2 分，等待审核"
    assert lines[1].startswith(f"W＊ {wang} 公益捐款 2026-06-29 20 分")
    assert "请核对：积分由登记人直接填写" in lines[2]
    assert "Li居民" not in preview.text
    assert await kept(bank) == []
    done = await clerk.post(str(preview.url))
    assert "已导入参与记录 3 行" in done.text
    assert await kept(bank) == [
        (wang, POST, 120, 3, "import", "entered"),
        (li, POST, 180, 2, "import", "entered"),
        (wang, DONATION, 200, 20, "import", "entered"),
    ]
    again = await upload(clerk, content)
    assert "已经导入过，不会重复导入" in again.text
    assert (await clerk.post(str(again.url))).status_code == 409
    # The same rows in another file are known, too.
    twice = await upload(clerk, saved(bank, deed(bank, quantity=180), deed(bank, quantity=60)))
    assert cells(twice)[0][3].startswith("这条记录已经登记过")
    assert len(await kept(bank)) == 3


async def test_every_fault_is_named_by_its_row_and_column_and_nothing_is_kept(bank, browse):
    await bank.world.hire("far", "community_officer", kind="community", division="150204001001")
    async with bank.db.transaction(CITY) as conn:
        twins = [
            NewMember("赵同名", "resident", COMMUNITY, "13700001234", date(1990, 1, 1))
            for _ in range(2)
        ]
        child = NewMember("钱小朋友", "resident", COMMUNITY, "", date(2016, 1, 1))
        unit = NewMember("市图书馆", "dual_unit", COMMUNITY)
        actor = bank.world.actors["clerk"]
        made = await earning.register(
            conn, bank.clock, bank.world.vault, actor, bank.rules, [*twins, child, unit]
        )
        (elsewhere,) = await earning.register(
            conn, bank.clock, bank.world.vault, bank.world.actors["far"], bank.rules,
            [NewMember("孙远", "resident", "150204001001", "", date(1990, 1, 1))],
        )  # fmt: skip
    clerk = await browse("clerk")
    for row, (column, words) in (
        ({"wallet": "W2345", "rule": POST}, ("钱包编号", "没有这个钱包编号")),
        ({"wallet": elsewhere, "rule": POST}, ("钱包编号", "不在您的辖区")),
        ({"wallet": "'; DROP TABLE member", "rule": POST}, ("钱包编号", "")),
        ({"rule": POST}, ("姓名或名称", "请填钱包编号")),
        ({"name": "Li居民", "rule": POST}, ("手机后四位", "请填钱包编号")),
        ({"name": "Li居民", "phone": "1111", "rule": POST}, ("姓名或名称", "没有这个姓名和手机")),
        ({"name": "孙远", "phone": "1111", "rule": POST}, ("姓名或名称", "没有这个姓名和手机")),
        ({"name": "赵同名", "phone": "1234", "rule": POST}, ("姓名或名称", "有 2 位参与者同名")),
        (deed(bank, name="Li") | {"name": "Wang居民"}, ("姓名或名称", "登记的不一样")),
        ({"wallet": made[2], "rule": POST}, ("钱包编号", "监护人的同意书")),
        ({"wallet": made[3], "rule": POST}, ("积分规则", "不适用于双报到单位")),
        (deed(bank, rule="service.volunteer"), ("积分规则", "只记事先公布的活动")),
        (deed(bank, rule=DONATION), ("数量", "请写明数量")),
        (deed(bank, quantity=0), ("数量", "1 到 1000000")),
        (deed(bank, quantity=10, points=1), ("积分", "只填一个")),
        (deed(bank, on=date(2026, 7, 1)), ("参与日期", "还没有到")),
        (deed(bank, on=date(1950, 1, 1)), ("参与日期", "今年和去年")),
        (deed(bank, evidence="值班表\n第二行"), ("凭据", "一行里")),
    ):
        page = await upload(clerk, saved(bank, deed(bank, "Wang"), row))
        found = cells(page)
        assert [one[1] for one in found] == ["3"], (row, found)
        assert column in found[0][2], (row, found)
        assert words in found[0][3], (row, found)
        assert (await clerk.post(str(page.url))).status_code == 409
    assert await kept(bank) == []


async def test_rows_are_counted_after_one_another(bank, browse):
    """Six hours of a day count; what says the same twice is refused."""
    clerk = await browse("clerk")
    rows = [deed(bank, quantity=240, evidence=f"值班表 {number}") for number in range(3)]
    page = await upload(clerk, saved(bank, *rows))
    assert [(row[1], row[3]) for row in cells(page)] == [
        ("4", "这个人这一天在这条规则下的量已经记满，不再计分。")
    ]
    page = await upload(clerk, saved(bank, rows[0], rows[1], rows[0]))
    assert [row[1] for row in cells(page)] == ["4"]
    assert "请只留一行" in cells(page)[0][3]
    page = await upload(clerk, saved(bank, *rows[:2]))
    assert [re.search(r"(\d) 分，", row[3])[1] for row in cells(page)] == ["2", "2"]


async def test_zeros_that_a_spreadsheet_leaves_out_are_put_back(bank, browse):
    async with bank.db.transaction(CITY) as conn:
        (wallet,) = await earning.register(
            conn, bank.clock, bank.world.vault, bank.world.actors["clerk"], bank.rules,
            [NewMember("李零", "resident", COMMUNITY, "13700000042", date(1990, 1, 1))],
        )  # fmt: skip
    clerk = await browse("clerk")
    page = await upload(clerk, saved(bank, {"name": "李零", "phone": "42", "rule": POST}))
    assert wallet in cells(page)[0][3]


async def test_so_many_names_are_opened_and_no_more(bank, browse, monkeypatch):
    monkeypatch.setattr(importing, "NAMES_MAX", 1)
    clerk = await browse("clerk")
    rows = [{"name": "没有", "phone": "0000", "rule": POST}, deed(bank)]
    page = await upload(clerk, saved(bank, *rows))
    assert [row[1] for row in cells(page)] == ["2"]
    assert "超过 1 人，不能按姓名查找" in cells(page)[0][3]


async def test_a_thousand_rows_take_as_many_statements_as_two(bank, browse, statements):
    people = [
        NewMember(f"甲{number}", "resident", COMMUNITY, f"1370000{number:04}", date(1990, 1, 1))
        for number in range(500)
    ]
    async with bank.db.transaction(CITY) as conn:
        wallets = await earning.register(
            conn, bank.clock, bank.world.vault, bank.world.actors["clerk"], bank.rules, people
        )
    rows = [
        {"wallet": wallets[number // 2], "rule": POST, "quantity": 180}
        if number % 2
        else {
            "name": f"甲{number // 2}", "phone": f"{number // 2:04}", "rule": DONATION, "quantity": 50
        }
        for number in range(1000)
    ]  # fmt: skip
    clerk = await browse("clerk")

    async def took(content):
        preview = await upload(clerk, content)
        statements.clear()
        done = await clerk.post(str(preview.url))
        assert "已导入参与记录" in done.text
        return len(statements)

    await took(saved(bank, *[{**one, "evidence": "试"} for one in rows[:2]]))
    few = await took(saved(bank, *[{**one, "evidence": "再试"} for one in rows[2:4]]))
    many = await took(saved(bank, *rows))
    assert many == few <= STATEMENTS_MAX
    assert len(await kept(bank)) == 1004


async def test_what_needs_no_approval_is_paid_out_at_once(bank, browse, monkeypatch):
    rules = bank.world.pack.on(DAY).points.rule(POST)
    monkeypatch.setattr(type(rules), "approval", property(lambda _: False), raising=False)
    clerk = await browse("clerk")
    preview = await upload(clerk, saved(bank, deed(bank, quantity=180)))
    assert "免审，导入后入账" in preview.text
    await clerk.post(str(preview.url))
    assert [row[-1] for row in await kept(bank)] == ["pending"]
    assert await verify_book(bank.db, CITY, bank.world.logs.book_secret(CITY)) == []


async def test_only_who_records_imports_and_finds_the_template(bank, browse):
    clerk, officer, auditor = (
        await browse("clerk"),
        await browse("officer"),
        await browse("auditor"),
    )
    page = await clerk.get(PLACE)
    assert 'id="file-participation"' in page.text
    assert 'id="file-marks"' not in page.text
    assert 'id="file-participation"' not in (await officer.get(PLACE)).text
    assert "没有导入的权限" in (await auditor.get(PLACE)).text
    assert (await upload(officer, b"x")).status_code == 403
    answer = await clerk.get(f"{PLACE}/participation/template")
    book = load_workbook(BytesIO(answer.content))
    assert book.sheetnames == ["填写说明", "选项", "参与记录"]
    assert "志愿服务" in str([row[0].value for row in book["填写说明"].iter_rows()])


async def test_more_rows_than_a_page_takes_are_said_so(bank, browse, monkeypatch):
    monkeypatch.setitem(imports.ROWS_MAX, "participation", 1)
    clerk = await browse("clerk")
    page = await upload(clerk, saved(bank, deed(bank), deed(bank, "Wang")))
    assert "文件有 2 行，网页一次最多导入 1 行" in page.text


@pytest.fixture
def credit(bank, monkeypatch):
    """What runs a command of `credit` against the bank's own database and clock."""
    import asyncio

    from credit.cli import context, main

    monkeypatch.setenv("CREDIT_DATABASE_URL", bank.db.url)
    monkeypatch.setenv("CREDIT_DATA_DIR", str(bank.world.settings.data_dir))
    monkeypatch.setattr(context, "SystemClock", lambda: bank.clock)

    async def run(*words):
        return await asyncio.to_thread(CliRunner().invoke, main, [*words, "--city", CITY, "--json"])

    return run


async def test_the_command_line_previews_takes_in_and_knows_the_file(bank, credit, tmp_path):
    path = tmp_path / "参与.xlsx"
    path.write_bytes(saved(bank, deed(bank, quantity=180), deed(bank, "Wang", quantity=180)))
    words = ("import", "participation", str(path), "--as", "clerk")
    seen = json.loads((await credit(*words, "--dry-run")).stdout)
    assert (seen["rows"], seen["points"], seen["written"]) == (2, 4, False)
    assert seen["preview"][0].startswith("第 2 行：L＊")
    assert await kept(bank) == []
    assert json.loads((await credit(*words)).stdout)["written"] is True
    assert len(await kept(bank)) == 2
    again = json.loads((await credit(*words)).stdout)
    assert (again["written"], "导入过" in again["message"]) == (False, True)
    path.write_bytes(
        saved(bank, deed(bank, "Wang", evidence="七月"), {"wallet": "W1", "rule": POST})
    )
    refused = await credit(*words)
    assert refused.exit_code == 2
    fault = json.loads(refused.stdout)["errors"][0]
    assert fault["field"] == "参与记录 第 3 行「钱包编号」"
    refused = await credit("import", "participation", str(path), "--as", "officer")
    assert (refused.exit_code, "权限" in refused.stdout) == (2, True)
    assert len(await kept(bank)) == 2
