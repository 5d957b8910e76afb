"""The portal's pages of grades: every point explained, what would lift, what ends; the report."""

import asyncio
import html
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from credit.documents.logic import as_document
from credit.evaluations import service as evaluations
from credit.evaluations.views import Submission
from credit.grades.logic import Published
from credit.grades.pages import portal
from credit.grades.service import Held, Standing, portray
from credit.kit.db import PORTAL_ROLE
from credit.log import service as log
from credit.rules.grading import Evaluation, Fact, Grader, SubjectRecord
from credit.rules.loading import pack_of_city
from credit.rules.model import LevelPoints, RangePoints
from credit.web.reports import report_of

CITY = "150200"
PORTAL = "/150200/portal"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
PAGES = ("", "/lift", "/duties", "/facts")
MOST_STATEMENTS = 12
PACK = pack_of_city(CITY)
PUBLISHED_ON, TODAY = date(2026, 3, 1), date(2026, 6, 30)


def words(page):
    """A page's text in one line, without its tags."""
    text = re.sub(r"(?s)<(svg|head)\b.*?</\1>|<[^>]+>", " ", page.text)
    return " ".join(html.unescape(text).split())


async def grade_changes(world):
    """A graded enterprise with a cap, and facts and an evaluation since; returns its drafts."""
    drafts = {
        "award": world.draft(code="award.government", level="市", occurred_on="2026-05-02"),
        "accident": world.draft(code="penalty.heavy", occurred_on="2026-05-03"),
        "lapsing": world.draft(code="disclosure.missing", occurred_on="2026-04-20"),
    }
    await world.propose(*drafts.values())
    await world.publish_grades()
    world.clock.now_value += timedelta(days=2)
    drafts["since"] = world.draft(code="charge.unlawful", occurred_on="2026-06-20")
    drafts["waiting"] = world.draft(("officer",), code="wages.arrears")
    await world.propose(drafts["since"], drafts["waiting"])
    await world.sequence()
    return drafts


async def test_the_grade_stands_with_every_point_its_clause_its_days_and_its_log_entry(
    world, browse, statements
):
    drafts = await grade_changes(world)
    own = await browse("enterprise")
    statements.clear()
    page = await own.get(PORTAL)
    assert len(statements) <= MOST_STATEMENTS, statements
    said = words(page)
    assert "B 78 分" in said
    assert "有效期 2026-06-30 至 2027-06-30，还有 363 天" in said
    assert "示例规则，不是任何城市的正式办法" in said
    index = {}
    async with world.db.city(CITY) as conn:
        for name, draft in drafts.items():
            found = await log.index_of(conn, [draft.id])
            index[name] = next(iter(found.values()), None)
    for line in (
        "基础分 90 示例，参照连云港市物业服务企业信用评价管理办法（试行）2018",
        "受到党委政府表彰 +10 示例，参照银川市物业项目经理人信用信息记分标准第 3 项 2026-05-02",
        f"2026-05-02 2027-05-02 第 {index['award']} 条",
        "受到较大数额罚款等处罚 −20 示例，参照国办发〔2025〕22号严重失信分类 2026-05-03",
        f"2026-05-03 2029-05-03 第 {index['accident']} 条",
        f"§5.3.2 2026-04-20 2026-07-20 第 {index['lapsing']} 条",
        "等级最高为 A",
        "2029-05-03 起不再适用",
        "如果今天重新评级： 72 分 B 比公布的 −6",
        "新计入 违规收费 2026-06-20 −6 2027-06-20",
    ):
        assert line in said, line
    assert said.count("拖欠员工工资") == 0  # nobody has decided it
    for name in ("award", "accident", "lapsing", "since"):
        assert f'href="{PORTAL}/facts/{drafts[name].id}"' in page.text
    assert f"/api/v1/{CITY}/events/{drafts['award'].id}/proof" in page.text
    assert len(re.findall(r'<svg[^>]*id="(history|steps)"', page.text)) == 2


async def test_who_has_no_grade_is_told_what_it_takes(world, browse):
    own = await browse("enterprise")
    said = words(await own.get(PORTAL))
    assert "未评级不等于信用差" in said
    assert "任何一条生效的事实" in said
    assert "110 分 2A" in words(await own.get(PORTAL + "/lift"))  # by an award of the state
    await world.propose(world.draft())
    await world.sequence()
    said = words(await own.get(PORTAL))
    assert "下一次公布评级时会有等级" in said
    assert "按今天的记录： 90 分 A" in said
    await world.publish_grades(date(2026, 6, 20))
    world.clock.now_value += timedelta(days=365)
    assert "上一次公布的等级已经到期" in words(await (await browse("enterprise")).get(PORTAL))


async def test_what_lifts_is_named_with_what_it_leads_to(world, browse, statements):
    drafts = await grade_changes(world)
    own = await browse("enterprise")
    statements.clear()
    page = await own.get(PORTAL + "/lift")
    assert len(statements) <= MOST_STATEMENTS, statements
    said = words(page)
    for line in (
        "到 A 要 85 分，还差 13 分",
        "等级最高为 A 示例：有效期内有严重不良信息的，等级最高为 A 受到较大数额罚款等处罚",
        "2029-05-03 起解除",
        "一件事就能升到 A 的良好行为",
        "受到党委政府表彰 国家 +15 87 分 A 2027-07-02",  # the group's limit takes five
        "A.2 物业服务企业红色物业工作评价细则 — 93 85 分 A",
        "满分 100 也不够 77 分 B",
        "受到较大数额罚款等处罚 升级 示例，参照国办发〔2025〕22号严重失信分类 +20 92 分 A",
        "2026-07-20 未按“三公开三透明三报告”公开 74 分 B",
    ):
        assert line in said, line
    assert f'href="{PORTAL}/facts/{drafts["accident"].id}"' in page.text
    assert re.search(r'<svg[^>]*id="forecast"', page.text)


async def test_where_grades_go_by_rank_only_scores_are_promised(world, browse, monkeypatch):
    await world.propose(world.draft(code="award.government", level="市"))
    await world.sequence()
    monkeypatch.setattr(portal, "pack_of_city", lambda _: pack_of_city("410402"))
    own = await browse("enterprise")
    said = words(await own.get(PORTAL + "/lift"))
    assert "等级还取决于其他企业" in said
    assert "还差" not in said
    assert "一次有效的年度评价" in words(await own.get(PORTAL))


async def test_with_too_many_facts_the_page_says_that_it_works_nothing_out(
    world, browse, monkeypatch
):
    await grade_changes(world)
    monkeypatch.setattr("credit.grades.service.advice.ADVISED_FACTS_MAX", 2)
    own = await browse("enterprise")
    assert "有效的事实太多" in words(await own.get(PORTAL + "/lift"))
    assert "有效的事实太多" in words(await own.get(PORTAL + "/duties"))
    assert "如果今天重新评级： 72 分 B" in words(await own.get(PORTAL))


async def test_deadlines_and_what_is_under_way_are_listed_and_no_official_is_named(
    world, browse, statements
):
    drafts = await grade_changes(world)
    marks = {"marks": {"A2-01": "1.5"}}
    async with world.db.transaction(CITY) as conn:
        await evaluations.submit(
            conn,
            world.clock,
            world.actors["officer"],
            world.pack,
            [
                Submission("A.2", "enterprise", ENTERPRISE, 2025, "150203", marks),
                Submission("A.2", "enterprise", OTHER, 2026, "150203", marks),
            ],
        )
    own = await browse("enterprise")
    statements.clear()
    page = await own.get(PORTAL + "/duties")
    assert len(statements) <= MOST_STATEMENTS, statements
    said = words(page)
    for line in (
        "2026-07-20 18 天 未按“三公开三透明三报告”公开 失效，不再计分 +2",
        "2027-06-30 363 天 公布的等级 B 到期",
        "拖欠员工工资 2026-06-01 由协会另一位工作人员决定",
        "2025 年度 A.2 本企业 昆都仑区 打分中",
    ):
        assert line in said, line
    assert "2026 年度" not in said
    assert "1.5" not in said  # marks are nobody's business before the closing
    assert f'href="{PORTAL}/facts/{drafts["waiting"].id}"' in page.text
    assert world.actors["officer"].person_id not in page.text
    competitor = words(await (await browse("competitor")).get(PORTAL + "/duties"))
    assert "没有等待决定的事件" in competitor
    assert "2026 年度 A.2" in competitor
    assert "2025 年度" not in competitor


async def test_no_page_of_the_portal_shows_anything_of_another_enterprise(world, browse):
    drafts = await grade_changes(world)
    theirs = world.draft(code="award.association", level="市", subject=("USCC", OTHER))
    await world.propose(theirs)
    await world.sequence()
    for name, foreign in (("enterprise", OTHER), ("competitor", ENTERPRISE)):
        browser = await browse(name)
        about = [theirs] if name == "enterprise" else list(drafts.values())
        hidden = {foreign, *(one.id for one in about), *(one.body.reference for one in about)}
        hidden.add("乙物业" if name == "enterprise" else "甲物业")
        for path in PAGES:
            page = await browser.get(PORTAL + path)
            assert page.status_code == 200, (name, path)
            assert [one for one in hidden if one in page.text] == [], (name, path)
            assert (await browser.get(f"/410402/portal{path}")).url.path == "/login"


async def test_the_report_is_printed_for_its_enterprise_and_for_officers(world, browse, app, fonts):
    await grade_changes(world)
    browsers = {name: await browse(name) for name in ("enterprise", "competitor", "auditor")}
    console = "/150200/console/enterprises/{}/report.pdf"
    for name, path, code in (
        ("enterprise", PORTAL + "/report.pdf", ENTERPRISE),
        ("competitor", PORTAL + "/report.pdf", OTHER),
        ("auditor", console.format(ENTERPRISE), ENTERPRISE),
    ):
        answer = await browsers[name].get(path)
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"] == (
            f'attachment; filename="credit-report-{code}-2026-07-02.pdf"'
        )
        assert answer.headers["cache-control"] == "no-store"
        assert answer.content.startswith(b"%PDF-")
    assert (await browsers["enterprise"].get(console.format(ENTERPRISE))).status_code == 403
    assert (await browsers["auditor"].get(PORTAL + "/report.pdf")).status_code == 403
    assert (await browsers["auditor"].get(console.format("91150200MA0000009X"))).status_code == 404


async def test_the_report_says_what_the_page_says(world, app, fonts):
    await grade_changes(world)
    async with world.db.bound(CITY, PORTAL_ROLE, party=ENTERPRISE) as conn:
        report = await report_of(conn, app.state, CITY, ENTERPRISE)
    assert (report.grade, report.score, report.status) == ("B", Decimal(78), "graded")
    assert sum(step.points for step in report.steps) == report.score
    assert [(one.title, one.occurred_on, one.lapses_on) for one in report.steps[1:]] == [
        ("受到党委政府表彰", date(2026, 5, 2), date(2027, 5, 2)),
        ("受到较大数额罚款等处罚", date(2026, 5, 3), date(2029, 5, 3)),
        ("未按“三公开三透明三报告”公开", date(2026, 4, 20), date(2026, 7, 20)),
    ]
    assert [one.title for one in report.bounds] == ["等级最高为 A"]
    assert [one.note for one in report.ladder] == ["120 分以上", "100 分以上", "85 分以上", "其余"]
    assert report.url.endswith(f"/150200/enterprises/{ENTERPRISE}")
    assert (report.pack.status, report.synthetic) == ("sample", False)
    assert [(one.grade, one.score) for one in report.history] == [("B", Decimal(78))]
    assert report.place.index > report.steps[1].log_index
    async with world.db.bound(CITY, PORTAL_ROLE, party=OTHER) as conn:
        theirs = await report_of(conn, app.state, CITY, OTHER)
    assert (theirs.status, theirs.grade, theirs.steps) == ("unrated", None, ())
    assert as_document(theirs)["name"] == "乙物业有限公司"


# What came since, on any record


@st.composite
def facts(draw, first=0):
    """Facts of the catalogue about days around the publication and today."""
    found = []
    for number in range(draw(st.integers(0, 8))):
        event = draw(st.sampled_from(PACK.on(TODAY).grading.events))
        level = points = None
        if isinstance(event.points, LevelPoints):
            level = draw(st.sampled_from([one.level for one in event.points.levels]))
        elif isinstance(event.points, RangePoints):
            points = draw(st.sampled_from(event.points.range))
        day = TODAY - timedelta(days=draw(st.integers(0, 900)))
        until = day + timedelta(days=draw(st.integers(1, 900))) if draw(st.booleans()) else None
        key = draw(st.sampled_from([None, None, "一", "二"]))
        primary = draw(st.sampled_from(event.subjects))
        fact = Fact(first + number, f"id-{first + number}", event.code, day, primary, level, points,
                    key, until)  # fmt: skip
        found.append(fact)
    return tuple(found)


@st.composite
def results(draw, first=1000):
    """Closed evaluations of the two sheets that count, of several years."""
    found = {}
    for number in range(draw(st.integers(0, 4))):
        sheet, year = draw(st.sampled_from(["A.1", "A.2"])), draw(st.integers(2022, 2026))
        total = Decimal(draw(st.integers(100, 200))) / 2
        closed = draw(st.dates(date(2025, 1, 1), TODAY))
        found[sheet, year] = Evaluation(first + number, f"id-{first + number}", sheet, year, total,
                                        Decimal(1), False, True, closed)  # fmt: skip
    return tuple(found.values())


@settings(max_examples=150, deadline=None)
@given(facts(), facts(first=100), results(), results(first=2000), st.data())
def test_the_published_score_and_what_came_since_make_today_s_score(
    before, added, evaluated, evaluated_since, data
):
    grader: Grader = PACK.on(PUBLISHED_ON).grader
    old = SubjectRecord(ENTERPRISE, before, evaluated)
    then = grader.grade(old, PUBLISHED_ON)
    taken = {one.id for one in before if data.draw(st.booleans())}
    kept = tuple(one for one in before if one.id not in taken)
    later = {(one.sheet, one.year): one for one in (*evaluated, *evaluated_since)}
    record = SubjectRecord(ENTERPRISE, kept + added, tuple(later.values()))
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    published = Published("record", 1, "run", ENTERPRISE, then.status, then.grade, then.score,
                          PUBLISHED_ON, date(2027, 3, 1), moment)  # fmt: skip
    standing = Standing(ENTERPRISE, "甲", published, ("baotou-2021", "2021.1", "sample"), 1)
    trace = then.trace.to_json() if then.score is not None else None
    shown = asyncio.run(portray(PACK, Held(standing, trace, (), record), TODAY))
    now = PACK.on(TODAY).grader.grade(record, TODAY)
    assert shown.today == (now.score, now.grade)
    if then.score is None:
        assert shown.since == shown.steps == ()
        return
    steps = sum((one.step.points for one in shown.steps), shown.explained.base.points)
    assert abs(steps - then.score) <= Decimal("0.005")
    today = Decimal(now.trace.children[0].value)
    changed = sum((one.points for one in shown.since), Decimal(0))
    assert abs(steps + changed - today) <= Decimal("0.005")
    # Each change is about its own step, and says rightly whether the fact is still in the log.
    live = {one.log_index for one in record.facts}
    for one in shown.since:
        index = one.own.step.index
        if one.change == "withdrawn":
            assert one.own.step.event in taken
        elif one.change == "lapsed" and index is not None:
            assert one.own.lapses_on <= TODAY
        if index is not None:
            assert (index in live) == (one.change != "withdrawn")
    for own in shown.steps:
        if own.lapses_on is not None and own.step.event is not None:
            last = replace(record, facts=tuple(f for f in before if f.log_index == own.step.index))
            for day, counts in ((own.lapses_on, 0), (own.lapses_on - timedelta(days=1), 1)):
                rest = grader.grade(last, day).trace.children[0].children
                assert sum(node.index is not None for node in rest) == counts
