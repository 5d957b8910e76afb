"""The console's pages of evaluations: filled in by one, closed by another."""

import re
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from credit.evaluations import service
from credit.evaluations.pages import closing, console, lists
from credit.evaluations.views import Submission
from credit.rules.loading import PACKS_DIR, load_pack

PLACE = "/150200/console/evaluations"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
NOBODYS = "01900000-0000-7000-8000-000000000000"
MOST_STATEMENTS = 12  # of a page, who looks and the trail's line included
SHEET = "红色物业评分表"


class Form(HTMLParser):
    """A page's form of marks as a browser would send it."""

    def __init__(self, page):
        super().__init__()
        self.fields, self._inside, self._select = {}, False, ""
        self.feed(page.text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self._inside = given.get("class") == "marks"
        elif self._inside and tag == "input":
            if given.get("type") != "checkbox" or "checked" in given:
                self.fields.setdefault(given["name"], []).append(given.get("value", ""))
        elif self._inside and tag == "select":
            self._select = given["name"]
            self.fields[self._select] = [""]
        elif self._select and tag == "option" and "selected" in given:
            self.fields[self._select] = [given["value"]]

    def handle_endtag(self, tag):
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = ""


def key(sheet="A.2", subject=ENTERPRISE, division="150203", year=2026):
    return {"sheet": sheet, "subject": subject, "year": year, "division": division}


async def begin(browser, **more):
    page = await browser.get(f"{PLACE}/new", params=key(**more))
    assert page.status_code == 200, page.text
    return page


async def save(browser, page, **changed):
    """Fill in a page's form and send it to where it leads."""
    names = {name: name.replace("_", "-") for name in changed if "_total" not in name}
    changed = {names.get(name, name): value for name, value in changed.items()}
    fields = Form(page).fields
    assert changed.keys() <= fields.keys() | {one for one in changed if one.startswith("item-")}
    (action,) = re.findall(r'<form method="post" action="([^"]*)" class="marks"', page.text)
    return await browser.post(action, data=fields | changed)


def total(page):
    return Decimal(re.search(r'class="big">([0-9.]+) <small>', page.text)[1])


@pytest.fixture
def statements(app, monkeypatch):
    """Every statement the application sends, in order."""
    sent, lend = [], app.state.db.city

    @asynccontextmanager
    async def city(code):
        async with lend(code) as conn:
            with conn.query_logger(lambda record: sent.append(record.query)):
                yield conn

    monkeypatch.setattr(app.state.db, "city", city)
    return sent


@pytest.fixture
def other_rules(monkeypatch):
    """The rules of another city, whose sheet has every way to give a row."""
    pack = load_pack(PACKS_DIR / "xinhua-2022")
    for module in (console, closing, lists):
        monkeypatch.setattr(module, "pack_of_city", lambda _city: pack)
    return pack


async def enter(world, **marks):
    """Enter marks as the officer, without a page; returns the evaluation's id."""
    given = {"marks": {f"A2-{row}": mark for row, mark in (marks or {"01": "2"}).items()}}
    one = Submission("A.2", "enterprise", ENTERPRISE, 2026, "150203", given)
    async with world.db.transaction("150200") as conn:
        (state,) = await service.submit(
            conn, world.clock, world.actors["officer"], world.pack, [one]
        )
    return state.id


async def test_a_sheet_is_filled_in_by_one_and_closed_and_signed_by_another(world, browse):
    await world.publish_grades()
    officer, reviewer = await browse("officer"), await browse("reviewer")
    blank = await begin(officer)
    assert "甲物业有限公司" in blank.text
    assert 'name="mark-A2-12"' not in blank.text  # what the log gives is not filled in
    assert "由日志得出：本年度没有这类事件。" in blank.text
    saved = await save(officer, blank, mark_A2_01="1.5", rate_A2_26="８６．５")
    assert "已保存第 1 版，现在共 14.15 分。" in saved.text  # two rows of 2 points from the log
    assert total(saved) == Decimal("14.15")
    assert "<svg" in saved.text
    assert 'value="86.5"' in saved.text
    assert (await begin(officer)).url == saved.url  # one that has begun is gone on with
    page = await reviewer.get(PLACE, params={"sheet": "A.2"})
    assert "2026 年度共 1 份，已结束 0 份" in page.text
    chosen = re.findall(r'name="page" value="(.*?)"', page.text)
    signing = await reviewer.post(f"{PLACE}/close", data={"whole": "1", "page": chosen})
    assert "甲物业有限公司　2026 年度 A.2　昆都仑区　14.15 分" in signing.text
    done = await reviewer.sign(signing)
    assert "已结束 1 份评价" in done.text
    assert "已结束 1 份。" in done.text
    await world.sequence()
    await world.propose(world.draft(code="safety.accident", occurred_on="2026-06-02"))
    await world.sequence()
    shown = await officer.get(saved.url)
    assert re.search(r"第 \d+ 条", shown.text)
    assert total(shown) == Decimal("14.15")  # what came into the log later changes nothing
    assert 'class="marks"' not in shown.text
    refused = await officer.post(str(saved.url), data=Form(saved).fields | {"mark-A2-02": "1"})
    assert refused.status_code == 409
    assert "已经结束，不能再打分" in refused.text


async def test_every_way_to_give_a_row_comes_back_as_it_was_filled_in(browse, other_rules):
    officer = await browse("officer")
    page = await begin(officer, sheet=SHEET, subject="XQ-1", division="150200")
    saved = await save(
        officer,
        page,
        mark_XH_01="5",  # the full mark or none
        item_XH_02=["-"],  # looked at, nothing found
        mark_XH_06="3",
        why_XH_06="缺两项登记，\n另有一项过期",
        rate_XH_11="84",  # a point off for each whole 5 below 90
        count_XH_12="3",  # half a point off for each
        mark_XH_17="2.5",
    )
    assert total(saved) == Decimal(5 + 5 + 3 + 4) + Decimal("6.5") + Decimal("2.5")
    form = Form(saved).fields
    assert form["item-XH-02"] == ["-"]
    assert form["why-XH-06"] == ["缺两项登记， 另有一项过期"]
    assert (form["mark-XH-01"], form["count-XH-12"]) == (["5"], ["3"])
    again = await save(
        officer, saved, item_XH_02=["no_activity"], mark_XH_17="", count_XH_12="0", rate_XH_11="49"
    )
    assert total(again) == Decimal(5 + 3 + 3 + 8)  # XH-11: eight steps below 90, so no points
    assert "一票否决" in again.text
    assert Form(again).fields["mark-XH-17"] == [""]
    both = await save(officer, again, item_XH_02=["-", "no_activity"])
    assert both.status_code == 409
    assert 'href="#field-XH-02"' in both.text


async def test_what_is_refused_stands_in_the_form_again_and_leads_to_its_row(browse):
    officer = await browse("officer")
    saved = await save(officer, await begin(officer), mark_A2_01="1")
    refused = await save(officer, saved, mark_A2_01="9", mark_A2_02="1.25", points_A2_N1="12")
    assert refused.status_code == 409
    assert 'href="#field-A2-01"' in refused.text
    assert "得分 9 超过满分 2" in refused.text
    assert "请写明扣分理由" in refused.text
    form = Form(refused).fields
    assert (form["mark-A2-01"], form["mark-A2-02"]) == (["9"], ["1.25"])
    assert form["points-A2-N1"] == ["12", ""]
    fixed = await save(officer, refused, mark_A2_01="2", cause_A2_N1=["电梯<b>事故</b>", ""])
    assert total(fixed) == 0
    assert "电梯&lt;b&gt;事故" in fixed.text
    assert Form(fixed).fields["points-A2-N1"] == ["12", ""]
    taken_back = await save(officer, fixed, points_A2_N1=["", ""], cause_A2_N1=["", ""])
    assert total(taken_back) == Decimal("7.25")


async def test_another_kind_of_project_takes_the_rows_of_the_first_away(browse):
    officer = await browse("officer")
    blank = await begin(officer, sheet="A.1", subject="XQ-1", division="150200")
    assert 'name="mark-A1-36"' in blank.text  # the register says it is an old estate
    assert 'name="mark-A1-25"' not in blank.text
    saved = await save(
        officer, blank, mark_A1_01="2", mark_A1_36="4", owners_total="100", sampled="20"
    )
    assert total(saved) == 6
    assert "不到业主总数 100 的 30%" in saved.text
    other = await officer.get(str(saved.url), params={"variant": "既有民用建筑"})
    assert 'name="mark-A1-36"' not in other.text
    assert "保存后显示得分" in other.text
    changed = await save(officer, other, mark_A1_25="3")
    assert total(changed) == 5
    assert Form(changed).fields["variant"] == ["既有民用建筑"]


async def test_two_fill_in_rows_of_one_sheet_and_one_row_is_never_overwritten_unseen(browse):
    first, second = await browse("officer"), await browse("officer")
    begun = await save(first, await begin(first), mark_A2_01="1", mark_A2_02="1")
    old = await second.get(str(begun.url))
    await save(first, begun, mark_A2_01="2")
    merged = await save(second, old, mark_A2_03="2")
    form = Form(merged).fields
    assert (form["mark-A2-01"], form["mark-A2-03"]) == (["2"], ["2"])
    refused = await save(second, old, mark_A2_01="0.5", mark_A2_02="0.5")
    assert refused.status_code == 409
    assert "有 1 处刚刚被同事改过" in refused.text
    assert 'href="#field-A2-01"' in refused.text
    form = Form(refused).fields
    assert (form["mark-A2-01"], form["mark-A2-02"], form["mark-A2-03"]) == (["0.5"], ["0.5"], ["2"])
    kept = Form(await save(second, refused)).fields
    assert (kept["mark-A2-01"], kept["mark-A2-03"], kept["version"]) == (["0.5"], ["2"], ["4"])


async def test_two_who_begin_the_same_evaluation_fill_in_one(browse):
    first, second = await browse("officer"), await browse("officer")
    one, other = await begin(first), await begin(second)
    await save(first, one, mark_A2_01="1")
    merged = Form(await save(second, other, mark_A2_02="2")).fields
    assert (merged["mark-A2-01"], merged["mark-A2-02"]) == (["1"], ["2"])


async def test_nobody_closes_marks_they_entered_last_and_is_told_who_may(world, browse):
    async with world.db.transaction("150200") as conn:
        await conn.execute(
            "UPDATE person SET roles = '{association_officer,association_reviewer}'"
            " WHERE username = 'officer'"
        )
    officer = await browse("officer")
    saved = await save(officer, await begin(officer), mark_A2_01="1")
    assert "要由另一位有权限的同事核对后结束" in saved.text
    page = await officer.get(PLACE, params={"sheet": "A.2"})
    assert 'name="evaluations"' not in page.text
    assert "本人" in page.text
    refused = await officer.post(f"{PLACE}/close", data={"evaluations": saved.url.path[-36:]})
    assert refused.status_code == 403
    assert "由另一位同事核对后结束" in refused.text


async def test_marks_that_change_between_showing_and_signing_close_nothing(world, browse):
    evaluation_id = await enter(world)
    reviewer = await browse("reviewer")
    signing = await reviewer.post(f"{PLACE}/close", data={"evaluations": evaluation_id})
    await enter(world, **{"02": "2"})
    refused = await reviewer.sign(signing)
    assert refused.status_code == 409
    assert "没有提交任何内容" in refused.text
    signing = await reviewer.post(f"{PLACE}/close", data={"evaluations": evaluation_id})
    world.clock.now_value += timedelta(days=1)  # the record names its day
    reviewer = await browse("reviewer")
    assert (await reviewer.sign(signing)).status_code == 409
    async with world.db.city("150200") as conn:
        assert await conn.fetchval("SELECT count(*) FROM evaluation_closing") == 0


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"evaluations": "x", "first": "y"},
        {"evaluations": NOBODYS, "first": "", "digest": ""},
        {"evaluations": " ".join([NOBODYS] * 300), "first": NOBODYS},
    ],
)
async def test_what_is_carried_through_the_signing_page_may_be_anything(browse, fields):
    reviewer = await browse("reviewer")
    sent = {**fields, "kid": "k1:" + "0" * 32, "signatures": "A" * 86 + "=="}
    for path in ("close", "close/sign"):
        assert (await reviewer.post(f"{PLACE}/{path}", data=sent)).status_code in (400, 404)


async def test_what_is_not_there_not_begun_or_not_known_is_said(browse):
    officer, reviewer = await browse("officer"), await browse("reviewer")
    assert (await officer.get(f"{PLACE}/{NOBODYS}")).status_code == 404
    assert (await officer.get(PLACE, params={"sheet": "A.9"})).status_code == 404
    assert (await officer.get(PLACE, params={"cursor": "0" * 32})).status_code == 200
    for changed, status, words in (
        ({"subject": "没有这家"}, 404, "登记册里没有这样的对象"),
        ({"year": 2027}, 400, "年度 2027 不对"),
        ({"year": 2019}, 400, "自 2020-01-01 起才有登记"),
        ({"sheet": "A.3", "subject": "150203002"}, 404, "登记册里没有这样的对象"),
    ):
        page = await officer.get(f"{PLACE}/new", params=key() | changed)
        assert (page.status_code, words in page.text) == (status, True), page.text
    several = await officer.get(f"{PLACE}/new", params=key(subject="物业"))
    assert "请选一个" in several.text
    assert f"subject={OTHER}" in several.text
    one = await officer.get(f"{PLACE}/new", params=key(subject="乙物业"))
    assert "乙物业有限公司" in one.text
    assert 'class="marks"' in one.text
    fields = Form(await begin(officer)).fields
    for changed in (
        {"version": "x"},
        {"version": "7"},
        {"points-A2-N1": []},
        {"mark-A2-01": ["1", "2"]},
    ):
        assert (await officer.post(f"{PLACE}/new", data=fields | changed)).status_code == 400
    assert (await reviewer.post(f"{PLACE}/new", data=fields)).status_code == 403


async def test_who_may_only_look_is_shown_marks_and_no_form(world, browse):
    evaluation_id = await enter(world, **{"01": "1.5"})
    auditor = await browse("auditor")
    page = await auditor.get(f"{PLACE}/{evaluation_id}")
    assert "1.5 分" in page.text
    assert 'class="marks"' not in page.text
    assert "核对并签名结束" not in page.text
    assert (await auditor.get(f"{PLACE}/new")).status_code == 403
    for name in ("bidder", "enterprise"):
        assert (await (await browse(name)).get(f"{PLACE}/{evaluation_id}")).status_code == 403


async def test_a_long_list_is_paged_open_ones_first_and_asks_little(world, browse, statements):
    async with world.db.transaction("150200") as conn:
        codes = [f"N150200-{number:06d}" for number in range(1, 61)]
        await conn.execute(
            "INSERT INTO enterprise (code, kind, name, founded_on, created_at)"
            " SELECT code, 'other_manager', '管理人' || code, '2020-01-01', now()"
            " FROM unnest($1::text[]) AS n (code)",
            codes,
        )
        marks = [
            Submission("A.2", "enterprise", code, 2026, "150203", {"marks": {"A2-01": "1"}})
            for code in codes
        ]
        states = await service.submit(conn, world.clock, world.actors["officer"], world.pack, marks)
    reviewer = await browse("reviewer")
    first = [one.id for one in states[:3]]
    chosen = {"evaluations": first, "filter": "sheet=A.2&division=150203&size=100"}
    done = await reviewer.sign(await reviewer.post(f"{PLACE}/close", data=chosen))
    assert dict(done.url.params) == {"sheet": "A.2", "division": "150203", "size": "100"}
    statements.clear()
    page = await reviewer.get(PLACE, params={"sheet": "A.2", "year": 2026})
    assert len(statements) <= MOST_STATEMENTS, statements
    assert page.text.count('name="evaluations"') == 30
    assert codes[0] not in page.text  # it is closed, and so comes last
    more = re.search(r'rel="next" href="(.*?)"', page.text)[1].replace("&amp;", "&")
    rest = await reviewer.get(more)
    assert rest.text.count('name="evaluations"') == 27
    assert re.findall(r"N150200-\d+", rest.text)[-1] == codes[2]
    assert "回到第一页" in rest.text
    found = await reviewer.get(PLACE, params={"sheet": "A.2", "year": 2026, "q": codes[7]})
    assert set(re.findall(r"N150200-\d+", found.text)) == {codes[7]}
    none = await reviewer.get(PLACE, params={"sheet": "A.2", "year": 2026, "q": "100%_"})
    assert "没有找到" in none.text
