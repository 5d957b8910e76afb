"""Bid evaluators' pages: the same signed answer as the interface's, asked once, and nobody else's."""

import asyncio
import html
import json
import re
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import httpx
import openpyxl
import pytest
from stdnum.cn import uscc

from credit.grades.pages import answers
from credit.grades.queries import service as queries
from credit.grades.queries.excel import BIDDERS, listed_words
from credit.grades.queries.logic import Bidder, read_lines, read_picks, settle
from credit.kit.canonical import canonical
from credit.kit.excel import XLSX, write_table
from credit.kit.signing import unb64, verify
from credit.parties import service as parties

CITY = "150200"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
PAGE, CONSOLE = f"/{CITY}/queries", f"/{CITY}/console/queries"
GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "bidders.md"
HOSTILE = '=HYPERLINK("http://evil.example")<script>alert(1)</script>'


def words(page):
    """A page's text in one line, without its tags."""
    text = re.sub(r"(?s)<head\b.*?</head>|<[^>]+>", " ", page.text)
    return " ".join(html.unescape(text).split())


def sheet_of(page):
    """The name of the sheet a form was written on."""
    return re.search(r'name="form" value="([^"]+)"', page.text)[1]


async def ask(browser, bidders, *, form=None, **more):
    """Fill in the form and send it."""
    sheet = form or sheet_of(await browser.get(PAGE))
    fields = {"form": sheet, "purpose": "政府采购", "tender_ref": "包采〔2026〕7号", **more}
    return await browser.post(PAGE, data={**fields, "bidders": bidders})


async def kept(world):
    async with world.db.city(CITY) as conn:
        return await conn.fetchval("SELECT count(*) FROM grade_query")


async def register(world, *rows):
    """Add enterprises (code, name) to the register."""
    sheet = [
        {"code": code, "name": name, "kind": "company", "founded_on": date(2020, 1, 1),
         "district": "150203", "former_code": None}
        for code, name in rows
    ]  # fmt: skip
    async with world.db.transaction(CITY) as conn:
        plan = await parties.plan_parties(
            conn, world.clock, {"enterprises": list(enumerate(sheet, 2))}
        )
        assert plan.faults == []
        await parties.apply_parties(conn, world.clock, world.vault, plan)


def code_number(number):
    body = f"91150200MA1{number:05d}X"
    return body + uscc.calc_check_digit(body)


STRANGER = code_number(999)


@pytest.fixture
async def graded(world):
    """The small city with a published grade for the first enterprise, none for the second."""
    await world.propose(world.draft(), world.draft(code="duty.charity", points="2"))
    await world.publish_grades()
    return world


async def test_a_page_answers_what_the_interface_answers_and_the_signature_holds(
    graded, app, browse
):
    bidder = await browse("bidder")
    page = await ask(bidder, f"{OTHER}\n{ENTERPRISE}\n{STRANGER}\n", at="2026-06-30")
    assert page.status_code == 200
    query_id = page.url.path.rpartition("/")[2]
    said = words(page)
    for line in (
        f"1 乙物业有限公司 {OTHER} 未评级 —",
        f"2 甲物业有限公司 {ENTERPRISE} A 92 2027-06-30 没有 2026-06-30 第 7 条",
        f"3 {STRANGER} 登记册里没有 — — 没有 — —",
        "用途 政府采购 招标编号 包采〔2026〕7号 按哪一天 2026-06-30",
        "示例规则",
    ):
        assert line in said, line
    file = await bidder.get(f"{page.url.path}/answer/json")
    assert file.headers["content-disposition"].startswith('attachment; filename="grade-answer-')
    document = file.json()
    signature = document.pop("signature")
    key = graded.logs.answer_key(CITY)
    signed = canonical(document)
    assert verify(key.public, unb64(signature["sig"]), answers.service.ANSWER_TYPE, signed)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://credit.test"
    ) as machine:
        said_to_machines = (
            await machine.post(
                f"/api/v1/{CITY}/grade-queries",
                json={"purpose": "政府采购", "tender_ref": "包采〔2026〕7号", "at": "2026-06-30",
                      "bidders": [OTHER, ENTERPRISE, STRANGER]},
                headers={"Authorization": f"Bearer {graded.api_keys['bidder']}",
                         "Idempotency-Key": "k-1"},
            )
        ).json()  # fmt: skip
    assert said_to_machines["answers"] == document["answers"]
    assert document["id"] == query_id
    # What a machine asked for the same person is there to be opened on pages, too.
    theirs = await bidder.get(f"{PAGE}/{said_to_machines['id']}")
    assert f"2 甲物业有限公司 {ENTERPRISE} A 92" in words(theirs)


async def test_a_kept_answer_stays_as_it_was_whatever_is_published_later(graded, browse):
    bidder = await browse("bidder")
    first = await ask(bidder, ENTERPRISE)
    content = (await bidder.get(f"{first.url.path}/answer/json")).content
    graded.clock.now_value += timedelta(days=1)
    await graded.propose(graded.draft(code="penalty.heavy", occurred_on="2026-06-02"))
    await graded.publish_grades()
    bidder = await browse("bidder")
    assert " A 92 " in words(await bidder.get(first.url.path))
    assert (await bidder.get(f"{first.url.path}/answer/json")).content == content
    assert " B " in words(await ask(bidder, ENTERPRISE))


async def test_the_same_sheet_sent_twice_asks_once_and_a_changed_one_asks_again(graded, browse):
    bidder = await browse("bidder")
    sheet = sheet_of(await bidder.get(PAGE))
    first, beside = await asyncio.gather(
        *(ask(bidder, ENTERPRISE, form=sheet) for _ in range(2))  # a double click
    )
    again = await ask(bidder, ENTERPRISE, form=sheet)
    assert first.url == beside.url == again.url
    assert await kept(graded) == 1
    changed = await ask(bidder, f"{ENTERPRISE}\n{OTHER}", form=sheet)
    fresh = await ask(bidder, ENTERPRISE)
    assert len({first.url, changed.url, fresh.url}) == 3
    assert await kept(graded) == 3
    listed = words(await bidder.get(PAGE))
    assert listed.count("包采〔2026〕7号 政府采购 2 您本人") == 1
    assert listed.count("包采〔2026〕7号 政府采购 1 您本人") == 2


async def test_names_are_looked_up_and_what_is_unclear_is_asked_before_anything_is(graded, browse):
    twins = code_number(1), code_number(2)
    await register(graded, *((code, "同名物业有限公司") for code in twins))
    await register(graded, (code_number(3), "丙（包头）物业有限公司"))
    bidder = await browse("bidder")
    text = "丙(包头)物业有限公司\n同名物业有限公司\n甲物业\n没有这家"
    page = await ask(bidder, text)
    assert page.status_code == 400
    said = words(page)
    assert "第 2 行：同名物业有限公司 请选择 同名物业有限公司" in said
    assert f"第 3 行：甲物业 请选择 甲物业有限公司（{ENTERPRISE}）" in said
    assert "4 没有这家 登记册里没有名称含这些字的单位" in said
    assert "丙(包头)物业有限公司：" not in said  # brackets of another width are the same
    assert await kept(graded) == 0
    picks = re.findall(r'<option value="([^"]+\t[^"]+)"', html.unescape(page.text))
    chosen = [f"同名物业有限公司\t{twins[1]}", f"甲物业\t{ENTERPRISE}"]
    assert set(chosen) < set(picks)
    # One pick is not enough, one of another line does not count, and nothing is lost meanwhile.
    page = await ask(bidder, text[:-5], pick=[chosen[0], f"甲物业\t{OTHER}"], form=sheet_of(page))
    assert page.status_code == 400
    assert f'value="{chosen[0]}" selected' in html.unescape(page.text)
    page = await ask(bidder, text[:-5], pick=chosen, form=sheet_of(page))
    assert page.status_code == 200
    document = (await bidder.get(f"{page.url.path}/answer/json")).json()
    assert [one["uscc"] for one in document["answers"]] == [code_number(3), twins[1], ENTERPRISE]


async def test_brackets_of_another_width_are_no_other_bidder(graded, browse):
    await register(graded, (code_number(3), "丙（包头）物业有限公司"))
    text = "丙(包头)物业有限公司\n丙（包头）物业有限公司"
    page = await ask(await browse("bidder"), text)
    assert page.status_code == 400
    assert "2 丙（包头）物业有限公司 与第 1 行是同一家" in words(page)


async def test_more_names_than_are_searched_for_at_once_are_told_and_come_next(
    graded, browse, monkeypatch
):
    monkeypatch.setattr(queries, "SIMILAR_NAMES_MAX", 1)
    bidder = await browse("bidder")
    text = "甲物业\n乙物业\n没有这家"
    page = await ask(bidder, text)
    said = words(page)
    assert f"第 1 行：甲物业 请选择 甲物业有限公司（{ENTERPRISE}）" in said
    for line in ("2 乙物业 名称太多，这一行还没有查", "3 没有这家 名称太多"):
        assert line in said, line
    first, second = f"甲物业\t{ENTERPRISE}", f"乙物业\t{OTHER}"
    said = words(await ask(bidder, text, pick=[first]))
    assert f"第 2 行：乙物业 请选择 乙物业有限公司（{OTHER}）" in said
    # A pick that its name does not fit is none, whoever made it up.
    said = words(await ask(bidder, text, pick=[first, f"乙物业\t{ENTERPRISE}"]))
    assert "2 乙物业 名称太多" in said
    assert "3 没有这家 登记册里没有" in said
    page = await ask(bidder, "甲物业\n乙物业", pick=[first, second])
    assert page.status_code == 200
    document = (await bidder.get(f"{page.url.path}/answer/json")).json()
    assert [one["uscc"] for one in document["answers"]] == [ENTERPRISE, OTHER]


async def test_bad_codes_and_doubles_are_told_by_line(graded, browse):
    bidder = await browse("bidder")
    text = (
        f"{ENTERPRISE}\n\n91150200MA0000000D\n９１１５0200ma0000000c\n甲物业有限公司\n9115\n\x07乙"
    )
    page = await ask(bidder, text)
    assert page.status_code == 400
    said = words(page)
    assert "3 91150200MA0000000D “91150200MA0000000D”的校验位不对" in said
    assert "4 ９１１５0200ma0000000c 与第 1 行是同一家" in said
    assert "5 甲物业有限公司 与第 1 行是同一家" in said
    assert "6 9115 “9115”有 4 位" in said
    assert "7 \\x07" in said
    assert await kept(graded) == 0
    for empty in ("", " \n\t\n"):
        assert "请填写投标人" in words(await ask(bidder, empty))
    assert "表单有一处没有填对" in words(await ask(bidder, ENTERPRISE, purpose=""))


async def test_so_many_and_no_more(graded, browse, monkeypatch):
    bidder = await browse("bidder")
    codes = [code_number(number) for number in range(501)]
    page = await ask(bidder, "\n".join(codes))
    assert page.status_code == 400
    assert "有 501 家，一次最多问 500 家" in words(page)
    assert await kept(graded) == 0
    with monkeypatch.context() as patch:  # as little as counting is done for a list too long
        patch.setattr(queries.logic, "read_lines", None)
        assert "有 501 家" in words(await ask(bidder, "\n".join(codes)))
    page = await ask(bidder, "\n".join(codes[:500]))
    assert page.status_code == 200
    assert "500 家" in words(page)


def test_lines_are_read_as_columns_of_a_spreadsheet_are_pasted():
    text = (
        f"1\t甲物业\t{ENTERPRISE}\r\n2\t\u200b乙物业\u3000有限公司\t备注\r\n"
        " N150200-000001 \r\n\r\n7\t8"
    )
    lines, faults = read_lines(text)
    assert [(one.number, one.code or one.text) for one in lines] == [
        (1, ENTERPRISE),
        (2, "乙物业 有限公司"),
        (3, "N150200-000001"),
    ]
    assert [(one.number, one.text) for one in faults] == [(5, "7")]
    assert read_picks(["甲\t=1+1", "甲\t" + ENTERPRISE, "x"]) == {"甲": ENTERPRISE}
    found = settle(lines, {}, {"乙物业 有限公司": [Bidder(OTHER, "乙物业有限公司")]}, {})
    assert (found.codes, found.ready) == ((ENTERPRISE, "N150200-000001"), False)


async def test_a_workbook_is_read_like_lines_and_its_template_is_what_is_read(graded, browse):
    bidder = await browse("bidder")
    template = await bidder.get(f"{PAGE}/template")
    book = openpyxl.load_workbook(BytesIO(template.content))
    sheet = book["投标人"]
    sheet["A2"], sheet["B3"] = OTHER, "甲物业有限公司"
    filled = BytesIO()
    book.save(filled)
    files = {"file": ("名单.xlsx", filled.getvalue(), XLSX)}
    sheet_name = sheet_of(await bidder.get(PAGE))
    fields = {"form": sheet_name, "purpose": "", "tender_ref": "", "bidders": "", "act": "read"}
    page = await bidder.post(PAGE, data=fields, files=files)
    assert page.status_code == 200
    assert f">{OTHER}\n甲物业有限公司</textarea>" in page.text
    assert await kept(graded) == 0
    fields |= {"purpose": "项目招标", "tender_ref": "8号", "act": "ask"}
    page = await bidder.post(PAGE, data=fields, files=files)
    assert f"1 乙物业有限公司 {OTHER}" in words(page)
    assert f"2 甲物业有限公司 {ENTERPRISE}" in words(page)
    page = await bidder.post(PAGE, data=fields, files={"file": ("x.xlsx", b"PK", XLSX)})
    assert page.status_code == 400
    wrong = BytesIO()
    write_table([(BIDDERS, [{"code": ENTERPRISE, "name": "名" * 121}])], wrong)
    files = {"file": ("名单.xlsx", wrong.getvalue(), XLSX)}
    page = await bidder.post(PAGE, data=fields, files=files)
    assert "第 2 行 B 列" in words(page)


async def test_what_people_wrote_is_text_on_pages_and_in_the_workbook(graded, browse):
    bidder = await browse("bidder")
    await register(graded, (code_number(7), HOSTILE))
    page = await ask(bidder, f"{HOSTILE}\n{HOSTILE[1:]}", purpose=HOSTILE, tender_ref=HOSTILE)
    assert "<script>alert" not in page.text
    page = await ask(bidder, code_number(7), purpose=HOSTILE, tender_ref="@SUM(1)")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "<script>alert" not in (await bidder.get(PAGE)).text
    file = await bidder.get(f"{page.url.path}/answer/xlsx")
    book = openpyxl.load_workbook(BytesIO(file.content))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    texts = {cell.value: cell for cell in cells if isinstance(cell.value, str)}
    for hostile in (HOSTILE, "@SUM(1)"):
        assert (texts[hostile].data_type, texts[hostile].quotePrefix) == ("s", True)
    document = (await bidder.get(f"{page.url.path}/answer/json")).json()
    shown = {row[0].value: row[1].value for row in book["这次查询"].iter_rows()}
    assert shown["签名"] == document["signature"]["sig"]
    rows = list(book["回答"].iter_rows(values_only=True))
    assert rows[1][:4] == (1, code_number(7), HOSTILE, "未评级")
    page = await bidder.get(PAGE, params={"q": HOSTILE})
    assert "<script>alert" not in page.text
    assert "@SUM(1)" not in (await bidder.get(PAGE, params={"q": "100%"})).text


async def test_colleagues_share_their_questions_and_another_s_is_not_there(graded, browse):
    house = {"kind": "other", "organisation": "公共资源交易中心"}
    for name in ("expert", "partner"):
        await graded.hire(name, "bidder", **house)
    await graded.hire("rival", "bidder", kind="other")
    expert, partner, rival, alone = [
        await browse(name) for name in ("expert", "partner", "rival", "bidder")
    ]
    page = await ask(expert, ENTERPRISE)
    assert "公共资源交易中心 e*** P-" in words(page)
    assert "包采〔2026〕7号 政府采购 1 e***" in words(await partner.get(PAGE))
    assert (await partner.get(page.url.path)).status_code == 200
    for stranger in (rival, alone):
        assert "包采〔2026〕7号" not in (await stranger.get(PAGE)).text
        for path in ("", "/answer/json", "/answer/xlsx"):
            answer = await stranger.get(page.url.path + path)
            assert answer.status_code == 404, path
            assert ENTERPRISE not in answer.text
    for name in ("officer", "enterprise", "auditor"):
        assert (await (await browse(name)).get(page.url.path)).status_code == 403
    assert (await rival.get(f"{CONSOLE}/{page.url.path.rpartition('/')[2]}")).status_code == 403


async def test_the_auditor_sees_every_question_and_who_asked(graded, browse):
    await graded.hire("expert", "bidder", kind="other", organisation="公共资源交易中心")
    page = await ask(await browse("expert"), ENTERPRISE)
    await ask(await browse("bidder"), OTHER, tender_ref="另一个标")
    auditor = await browse("auditor")
    said = words(await auditor.get(CONSOLE))
    person = graded.actors["expert"].person_id
    assert f"包采〔2026〕7号 政府采购 1 公共资源交易中心 {person}" in said
    assert f"另一个标 政府采购 1 — {graded.actors['bidder'].person_id}" in said
    assert "另一个标" not in words(await auditor.get(CONSOLE, params={"q": "包采"}))
    query_id = page.url.path.rpartition("/")[2]
    shown = await auditor.get(f"{CONSOLE}/{query_id}")
    assert f"1 甲物业有限公司 {ENTERPRISE} A 92" in words(shown)
    own = await (await browse("expert")).get(f"{PAGE}/{query_id}/answer/json")
    assert (await auditor.get(f"{CONSOLE}/{query_id}/answer/json")).content == own.content


async def test_earlier_questions_come_page_by_page_and_none_twice(graded, browse, monkeypatch):
    bidder = await browse("bidder")
    for number in range(5):
        await ask(bidder, ENTERPRISE, tender_ref=f"第{number}号")
        graded.clock.now_value += timedelta(seconds=1)
    for module in ("credit.grades.pages.queries.PAGE", "credit.grades.pages.answers.PAGE"):
        monkeypatch.setattr(module, 2)
    for browser, path in ((bidder, PAGE), (await browse("auditor"), CONSOLE)):
        seen, link = [], path
        while link:
            page = await browser.get(link)
            seen += re.findall(r">第(\d)号</a>", page.text)
            found = re.search(r'rel="next" href="([^"]+)"', page.text)
            link = html.unescape(found[1]) if found else None
        assert seen == ["4", "3", "2", "1", "0"], path


async def test_anybody_can_check_a_file_on_the_page_and_by_the_guide(graded, browse):
    bidder, stranger = await browse("bidder"), await browse(None)
    page = await ask(bidder, f"{ENTERPRISE}\n{OTHER}")
    content = (await bidder.get(f"{page.url.path}/answer/json")).content
    document = json.loads(content)
    key = graded.logs.answer_key(CITY)
    address = f"/{CITY}/answers"
    explained = await stranger.get(address)
    assert document["signature"]["kid"] in explained.text

    async def checked(content):
        files = {"file": ("answer.json", content, "application/json")}
        return words(await stranger.post(address, files=files))

    assert "一字未改" in await checked(content)
    pretty = json.dumps(document, indent=2, ensure_ascii=False).encode()
    said = await checked(pretty)
    assert "一字未改" in said
    assert f"1 甲物业有限公司 {ENTERPRISE} A 92" in said
    forged = json.loads(content)
    forged["answers"][0]["grade"] = "3A"
    assert "签名无效" in await checked(json.dumps(forged).encode())
    forged["answers"][0]["grade"] = "<script>alert(1)</script>"
    assert "<script>" not in await checked(json.dumps(forged).encode())
    fewer = {**document, "answers": document["answers"][1:]}
    assert "签名无效" in await checked(json.dumps(fewer).encode())
    other = {**document, "signature": {**document["signature"], "kid": "k1:" + "0" * 32}}
    assert "不是用本市现在的密钥签的" in await checked(json.dumps(other).encode())
    for nonsense in (b"", b"{}", b"[]", b"[" * 100_000, b"\xff\xfe", b'{"signature": 1}', b"1e9",
                     b'{"signature": {"kid": "a", "sig": "b"}, "a": 1.5}'):  # fmt: skip
        assert "读不出签名" in await checked(nonsense), nonsense[:20]
    assert (await stranger.post(address, data={})).status_code == 400
    assert (await stranger.get("/999999/answers")).status_code == 404

    (snippet,) = re.findall(r"(?s)```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"))
    names = {}
    exec(compile(snippet, GUIDE.name, "exec"), names)
    public = re.search(r"[0-9A-Za-z+/]{43}=", explained.text)[0]
    assert unb64(public) == key.public
    assert names["is_unchanged"](content, public)
    assert names["is_unchanged"](pretty, public)
    assert not names["is_unchanged"](json.dumps(fewer).encode(), public)


def test_what_a_list_entry_leads_to_is_said_with_its_kind_and_basis():
    entry = {"list": "black", "kind": "self-discipline", "legal_basis": "章程第 9 条"}
    assert listed_words([{**entry, "effect": "reference"}]) == (
        "黑名单（行业自律，章程第 9 条，仅供参考）"
    )
    assert "法定限制" in listed_words([{**entry, "effect": "statutory bar", "kind": "statutory"}])
