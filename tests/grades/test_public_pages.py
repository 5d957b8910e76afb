"""The public pages: everything a stranger may look at, every link on it, and what it proves."""

import base64
import hashlib
import html
import re
from datetime import date, timedelta
from urllib.parse import unquote, urljoin

import asyncpg
import orjson
import pytest

from credit.grades.pages import public
from credit.log.note import Verifier, open_note, parse_checkpoint
from credit.log.tree import leaf_hash, verify_inclusion
from credit.rules.loading import load_pack

ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
PAGE = f"/150200/enterprises/{ENTERPRISE}"
PACKS = {"150200": "baotou-2021", "410402": "xinhua-2022", "510700": "mianyang-2021"}


def words_of(page):
    """Return what a page says, without its elements."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", page.text))
    return re.sub(r"\s+", " ", text)


def links_of(page):
    found = re.findall(r'(?:href|src)="([^"#][^"]*)"', page.text)
    return {urljoin(str(page.url), html.unescape(one)) for one in found}


@pytest.fixture
async def stranger(browse):
    return await browse(None)


@pytest.fixture
async def graded(world):
    """Honours beyond their limit, a serious fact that caps the grade, and a publication."""
    await world.propose(
        world.draft(code="award.government", level="国家"),
        world.draft(code="award.association", level="全国"),
        world.draft(code="media.report", level="国家"),
        world.draft(code="party.branch"),
        world.draft(code="penalty.heavy"),
    )
    return await world.publish_grades()


async def test_before_anything_is_published_the_pages_say_what_will_be_there(stranger):
    home = words_of(await stranger.get("/150200/"))
    assert "还没有公布过等级" in home
    assert "日志里还没有记录" in home
    page = await stranger.get(PAGE)
    assert "还没有公布过这家企业的等级" in page.text
    assert "未评级不是差评" in page.text
    assert "日志里还没有记录" in (await stranger.get("/150200/log")).text


async def test_the_first_page_says_how_things_stand(graded, stranger):
    page = words_of(await stranger.get("/150200/"))
    assert "等级按示例规则算出，不是当地的正式评价办法" in page
    assert "登记的企业 2 " in page
    assert "最近公布 2026-06-30 12:00" in page
    assert "公开日志 12 条" in page  # five keys, five facts, two grades
    # Grades in force as a picture's table, and the publication's row.
    assert "A 1 50%" in page
    assert re.search(r"2026-06-30 0 0 1 0 1 ", page)


async def test_every_link_of_every_public_page_leads_somewhere(graded, stranger):
    start = "http://credit.test/150200/"
    waiting, seen = [start], {start}
    while waiting:
        address = waiting.pop()
        answer = await stranger.get(address)
        assert answer.status_code == 200, address
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        assert "undefined" not in answer.text.lower(), address
        assert len(answer.content) < 100_000, address
        for link in links_of(answer):
            if link not in seen and link.startswith("http://credit.test/"):
                seen.add(link)
                waiting.append(link)
    paths = {unquote(one.removeprefix("http://credit.test")) for one in seen}
    assert {
        PAGE,
        "/150200/rules",
        "/150200/rules/sheets/A.3",
        "/150200/rules/document",
        "/150200/log",
        "/150200/log/0",
        "/log/150200/checkpoint",
        f"/api/v1/150200/enterprises/{OTHER}/grade/trace",
    } <= paths


async def test_the_register_finds_by_text_and_grade_page_by_page(graded, stranger, monkeypatch):
    path = "/150200/enterprises"
    whole = words_of(await stranger.get(path, params={"q": "", "grade": ""}))
    assert "甲物业有限公司 A 106 昆都仑区 91150200MA0000000C" in whole
    assert "乙物业有限公司 未评级 — 昆都仑区" in whole
    for query, names in (
        ({"q": "乙物业"}, {OTHER}),
        ({"q": "0000000C"}, {ENTERPRISE}),
        ({"grade": "A"}, {ENTERPRISE}),
        ({"grade": "unrated"}, {OTHER}),
        ({"q": "乙", "grade": "A"}, set()),
        ({"q": "%"}, set()),
    ):
        page = await stranger.get(path, params=query)
        assert set(re.findall(r'href="/150200/enterprises/(\w+)"', page.text)) == names, query
        assert ("没有找到" in page.text) == (not names)
    monkeypatch.setattr(public, "PAGE", 1)
    first = await stranger.get(path, params={"q": "物业"})
    (onward,) = [one for one in links_of(first) if "cursor=" in one]
    second = await stranger.get(onward)
    assert "甲物业" in first.text
    assert "甲物业" not in second.text
    assert "乙物业" in second.text
    assert 'rel="next"' not in second.text


async def test_an_enterprise_s_page_explains_the_grade_with_clause_and_log_place(graded, stranger):
    page = await stranger.get(PAGE)
    said = words_of(page)
    for words in (
        "106 分 有效期 2026-06-30 至 2027-06-30",
        "基础分 90 良好信息 +46 不良信息 −20 类别上限扣回 −10 信用得分 106",
        "按等级分段是 2A ，受上述限制，得 A",
    ):
        assert words in said
    assert "有效期内有不良信息，程度为 严重 ：等级最高为 A" in said
    capped = re.search(r"等级最高为 A.{0,200}?/150200/log/(\d+)", page.text, re.DOTALL)
    fact = words_of(await stranger.get(f"/150200/log/{capped[1]}"))
    assert "penalty.heavy" in fact
    assert "在管项目 2 个" in said
    assert "第1小区 一街道" in said
    assert "第3小区" not in said


async def test_what_the_page_shows_can_be_checked_from_outside(world, graded, stranger):
    page = await stranger.get(PAGE)
    (vkey,) = re.findall(r'class="code">([^<\s]+/log/150200\+[^<\s]+)<', page.text)
    (at,) = set(re.findall(r"/log/150200/proof/inclusion\?index=(\d+)&amp;size=(\d+)", page.text))
    index, size = map(int, at)
    note = (await stranger.get("/log/150200/checkpoint")).text
    head = parse_checkpoint(open_note(note, Verifier.from_vkey(html.unescape(vkey))))
    proof = (await stranger.get(f"/log/150200/proof/inclusion?index={index}&size={size}")).json()
    shown = await stranger.get(f"/150200/log/{index}")
    (leaf,) = re.findall(r'<dd class="code">([0-9a-f]{64})</dd>', shown.text)
    assert head.size == size
    record = orjson.loads(
        html.unescape(re.search(r"<pre[^>]*>(\{.*?)</pre>", shown.text, re.DOTALL)[1])
    )
    trace = await stranger.get(f"/api/v1/150200/enterprises/{ENTERPRISE}/grade/trace")
    digest = "sha256:" + hashlib.sha256(trace.content).hexdigest()
    assert record["body"]["trace_digest"] == digest
    assert digest in page.text
    assert record["body"]["subjects"][0]["id"] == ENTERPRISE
    entry = (await stranger.get(f"/api/v1/150200/events/{record['id']}/proof")).json()
    assert leaf_hash(base64.b64decode(entry["entry"])).hex() == leaf
    hashes = [base64.b64decode(one) for one in proof["hashes"]]
    verify_inclusion(bytes.fromhex(leaf), index, size, hashes, head.root)
    document = (await stranger.get("/150200/rules/document")).content
    assert record["body"]["pack_digest"] == "sha256:" + hashlib.sha256(document).hexdigest()
    assert record["body"]["pack_digest"] in (await stranger.get("/150200/rules")).text


async def test_an_earlier_day_shows_what_was_in_force_then(world, stranger):
    await world.propose(world.draft(code="party.branch", occurred_on="2026-05-01"))
    await world.publish_grades(date(2026, 6, 1))
    await world.propose(world.draft(code="wages.arrears", occurred_on="2026-06-05"))
    world.clock.now_value += timedelta(days=1)
    await world.publish_grades(date(2026, 6, 20))
    for day, expected in (
        ("2026-05-31", "这一天还没有公布过它的等级，最早的一次自 2026-06-01 起"),
        ("2026-06-19", "93 分"),
        ("2026-06-20", "87 分"),
        ("2027-06-20", "上一次公布的等级（自 2026-06-20 起）已经过了有效期"),
    ):
        page = await stranger.get(PAGE, params={"valid_at": day})
        assert expected in words_of(page), day
        assert f"这里显示的是 {day} 的等级" in page.text
    assert "87 分" in words_of(await stranger.get(PAGE, params={"valid_at": ""}))
    other = words_of(await stranger.get(f"/150200/enterprises/{OTHER}"))
    assert "它还没有任何信用记录，所以不评级" in other
    assert (await stranger.get(PAGE, params={"valid_at": "2026-02-30"})).status_code == 400


async def test_a_manager_without_a_code_has_a_page_and_a_stranger_has_none(world, stranger):
    async with world.db.transaction("150200") as conn:
        await conn.execute(
            "INSERT INTO enterprise (code, kind, name, founded_on, created_at)"
            " VALUES ('N150200-000007', 'other_manager', '丙社区服务站', '2021-01-01', now())"
        )
    page = words_of(await stranger.get("/150200/enterprises/N150200-000007"))
    assert "内部编号 N150200-000007" in page
    assert "其他管理人" in page
    assert "没有在管的项目" in page
    for code in ("91150200MA0000009X", "nobody", "甲物业", "<b>", "x" * 60):
        answer = await stranger.get(f"/150200/enterprises/{code}")
        assert answer.status_code == 404, code
        assert "登记册里没有这家企业" in answer.text
    lower = await stranger.get(f"/150200/enterprises/{ENTERPRISE.lower()}")
    assert "甲物业有限公司" in lower.text
    assert (await stranger.get("/999999/rules")).status_code == 404


@pytest.mark.parametrize("city", PACKS)
async def test_every_line_of_every_pack_can_be_read(app, stranger, city, monkeypatch):
    monkeypatch.setattr(app.state.db, "_cities", app.state.db.cities | {city})
    rules = load_pack(PACKS[city]).on(date(2026, 6, 30))
    page = words_of(await stranger.get(f"/{city}/rules"))
    grading = rules.grading
    listed = [rules.head.version, rules.head.source, grading.source, *rules.head.notes]
    listed += [one.text for one in rules.head.readings]
    listed += [one.title for one in grading.events] + [one.source for one in grading.events]
    listed += [one.source for one in (*grading.caps, *grading.vetoes, *grading.evaluations)]
    listed += [one.text for one in grading.eligibility]
    assert [text for text in listed if text not in page] == []
    for sheet in rules.sheets.values():
        shown = words_of(await stranger.get(f"/{city}/rules/sheets/{sheet.id}"))
        assert sheet.source in shown
        for row in (*sheet.rows, *sheet.negative):
            assert row.id in shown
            assert re.sub(r"\s+", " ", row.text) in shown
            assert row.source in shown
    assert (await stranger.get(f"/{city}/rules/sheets/A.9")).status_code == 404


async def test_the_log_is_searched_by_number_and_by_record(world, graded, stranger):
    draft = world.draft()
    await world.propose(draft)
    await world.sequence()
    found = await stranger.get("/150200/log", params={"q": draft.id.upper()})
    assert str(found.url).endswith("/150200/log/12")
    assert draft.body.reference in found.text
    assert draft.sigs[0].sig in html.unescape(found.text)
    assert world.actors["reviewer"].person_id in found.text
    assert "这个对象的第几条" in found.text
    assert str((await stranger.get("/150200/log", params={"q": " 3 "})).url).endswith("/log/3")
    missing = await stranger.get("/150200/log", params={"q": "不存在的"})
    assert "没有找到“不存在的”" in missing.text
    assert (await stranger.get("/150200/log/13")).status_code == 404
    older = words_of(await stranger.get("/150200/log", params={"cursor": "3"}))
    assert " 2 登记公钥 " in older
    assert " 3 登记公钥 " not in older


async def test_what_no_checkpoint_covers_is_not_shown(world, graded, stranger):
    await world.propose(world.draft())
    async with world.db.transaction("150200") as conn:
        size = await conn.fetchval("SELECT size FROM log_state")
    page = await stranger.get(f"/150200/log/{size}")
    assert page.status_code == 404
    assert f"第 {size} 条" in page.text


async def test_names_are_text_and_nothing_else(world, graded, stranger):
    async with world.db.transaction("150200") as conn:
        await conn.execute("UPDATE enterprise SET name = '<script>alert(1)</script>%(x)s'")
        await conn.execute("UPDATE project SET name = '<img src=x>'")
    for path in ("/150200/enterprises", PAGE):
        page = await stranger.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;%(x)s" in page.text


async def test_a_page_that_did_not_change_is_not_sent_again(world, graded, browse, stranger):
    for path in (
        "/150200/",
        "/150200/enterprises",
        PAGE,
        "/150200/rules",
        "/150200/rules/document",
    ):
        first = await stranger.get(path)
        again = await stranger.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    etag = (await stranger.get(PAGE)).headers["etag"]
    own = await (await browse("officer")).get(PAGE, headers={"If-None-Match": etag})
    assert (own.status_code, own.headers["cache-control"]) == (200, "no-store")
    assert "etag" not in own.headers
    await world.propose(world.draft(code="wages.arrears"))
    world.clock.now_value += timedelta(minutes=1)
    await world.publish_grades()
    changed = await stranger.get(PAGE, headers={"If-None-Match": etag})
    assert changed.status_code == 200


async def test_a_page_asks_the_database_a_few_questions_only(graded, stranger, monkeypatch):
    asked = []
    execute = asyncpg.Connection._execute

    async def count(self, query, *args, **more):
        if not query.startswith(("LISTEN", "SELECT 1")):  # the cache listens for publications
            asked.append(query)
        return await execute(self, query, *args, **more)

    monkeypatch.setattr(asyncpg.Connection, "_execute", count)
    for path, most in (
        ("/150200/", 4),
        ("/150200/enterprises", 1),
        (PAGE, 9),
        ("/150200/rules", 0),
        ("/150200/log", 3),
        ("/150200/log/7", 4),
    ):
        asked.clear()
        assert (await stranger.get(path)).status_code == 200
        assert len(asked) <= most, (path, asked)
