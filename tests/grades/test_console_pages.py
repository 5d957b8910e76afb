"""The console's pages of enterprises, runs and exports."""

import html
import re
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO

import asyncpg
import openpyxl
import pytest

from credit.grades import service, store
from credit.grades.jobs import run_grades
from credit.grades.pages import drawing
from credit.grades.reading.trace import STEPS_SHOWN_MAX, explain_trace, merged_steps
from credit.kit.errors import TooLarge
from credit.kit.jobs import JobContext
from credit.rules.loading import pack_of_city

CITY = "150200"
BASE = "/150200/console"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
MOST_STATEMENTS = 12  # of a page, who looks and the trail's line included


async def a_run(world, **more):
    await world.sequence()
    async with world.db.transaction(CITY) as conn:
        return await service.run(
            conn, world.clock, world.actors["officer"], world.pack, world.clock.today(), **more
        )


# Enterprises


async def test_the_list_shows_grade_trend_and_work_and_is_filtered(world, browse, statements):
    await world.propose(world.draft(code="award.government", level="市"))
    await world.publish_grades(date(2026, 6, 10))
    world.clock.now_value += timedelta(minutes=1)
    await world.propose(
        world.draft(code="penalty.administrative", level="区"), world.draft(signers=("officer",))
    )
    await world.publish_grades()
    officer = await browse("officer")
    statements.clear()
    page = (await officer.get(f"{BASE}/enterprises")).text
    assert len(statements) <= MOST_STATEMENTS
    row = re.search(r"<tr>\s*<td[^>]*><a[^>]*>甲物业有限公司.*?</tr>", page, re.DOTALL)[0]
    for shown in ("昆都仑区", "grade-a", ">95<", "−5", "chart-spark", ">1</a>", ">2<"):
        assert shown in row, shown  # district, grade, score, fall, trend, waiting, projects
    other = re.search(r"<tr>\s*<td[^>]*><a[^>]*>乙物业有限公司.*?</tr>", page, re.DOTALL)[0]
    assert "未评级" in other
    assert "chart-spark" not in other
    for query, names in (
        ("q=甲物业", ["甲"]),
        ("q=0001F", ["乙"]),
        ("q=%25", []),
        ("grade=A", ["甲"]),
        ("grade=unrated", ["乙"]),
        ("grade=3A", []),
        ("division=150203", ["甲", "乙"]),
        ("division=150204", []),
        ("q=&grade=&division=", ["甲", "乙"]),
        (f"cursor={ENTERPRISE}", ["乙"]),
    ):
        page = (await officer.get(f"{BASE}/enterprises?{query}")).text
        assert re.findall(r"(.)物业有限公司</a>", page) == names, query


async def test_an_enterprise_is_shown_whole(world, browse, statements):
    await world.propose(
        world.draft(code="award.government", level="市"),
        world.draft(code="penalty.administrative", level="市"),
        world.draft(code="safety.accident.major"),
    )
    await world.publish_grades()
    await world.propose(world.draft(signers=("officer",)))
    officer = await browse("officer")
    await officer.get(f"{BASE}/enterprises/{ENTERPRISE}")  # the driver gets to know some types
    statements.clear()
    page = html.unescape((await officer.get(f"{BASE}/enterprises/{ENTERPRISE}")).text)
    assert len(statements) <= MOST_STATEMENTS, statements
    for shown in (
        f"/events/new?primary=enterprise&subject={ENTERPRISE}",
        "受到行政处罚或通报批评",
        "示例，参照银川市记分标准第 8 项",  # a clause
        f'/{CITY}/log/5"',  # a log index
        "一票否决，等级为 B",
        "待决定",
        "第1小区",
        "负责人2",
        "怎样提升",
        "重大安全责任事故",
    ):
        assert shown in page, shown
    assert "第3小区" not in page
    missing = await officer.get(f"{BASE}/enterprises/91150200MA0000009X")
    assert missing.status_code == 404
    assert "没有这家企业" in missing.text


async def test_what_an_enterprise_s_page_computes_is_what_a_run_would(world, browse):
    """The page reads the log once for everything: its record must be the runs' own."""
    await world.propose(
        world.draft(code="training.completed", occurred_on="2025-08-01"),
        world.draft(code="award.government", level="市", valid_until="2026-06-20"),
        world.draft(code="wages.arrears"),
    )
    await world.sequence()
    page = (await (await browse("officer")).get(f"{BASE}/enterprises/{ENTERPRISE}")).text
    found = await a_run(world)
    async with world.db.city(CITY) as conn:
        results = {row.enterprise: row for row in await store.results_of_run(conn, found.id)}
    assert results[ENTERPRISE].score == Decimal(85)
    assert re.search(r"今天算得：.*?85 分.*?grade-a", page, re.DOTALL)


# Pictures of a score


def trace(*steps):
    children = [
        {"rule": rule, "title": rule, "source": "", "value": value, "inputs": inputs, "index": None,
         "children": []}
        for rule, value, inputs in (("base", "90", {}), *steps)
    ]  # fmt: skip
    total = sum(Decimal(value) for _, value, _ in (("", "90", {}), *steps))
    score = {"rule": "score", "value": str(round(total, 2)), "children": children}
    return {"children": [score]}


@pytest.mark.parametrize("kinds", [3, STEPS_SHOWN_MAX, STEPS_SHOWN_MAX + 1, 300])
def test_a_picture_of_any_score_has_few_steps_that_add_up(kinds):
    rules = pack_of_city(CITY).on(date(2026, 6, 30))
    codes = [event.code for event in rules.grading.events]
    named = (codes * 8)[:kinds] if kinds < 300 else [f"old.{k}" for k in range(kinds)]
    steps = [(code, "1.005" if k % 2 else "-2", {}) for k, code in enumerate(named)]
    found = explain_trace(trace(*steps, ("not", "0", {"not_counted": "同一事实"})))
    merged = merged_steps(found, rules.grader.events)
    assert len(merged) <= STEPS_SHOWN_MAX + 1
    assert sum(points for _, points in merged) + 90 == found.score
    assert drawing.steps_picture(found, rules.grader.events, rules.grading).rows[-1][-1]


# Runs


async def test_a_run_is_asked_for_awaited_and_compared(world, browse, statements):
    await world.propose(world.draft(code="award.government", level="市"))
    await world.publish_grades(date(2026, 6, 10))
    await world.propose(
        world.draft(code="penalty.administrative", level="市"),
        world.draft(subject=("USCC", OTHER)),
    )
    await world.sequence()
    world.clock.now_value += timedelta(minutes=1)
    officer = await browse("officer")
    queued = await officer.post(f"{BASE}/runs", data={"on": "2026-06-30"})
    assert queued.headers["refresh"] == "3"
    again = await officer.post(f"{BASE}/runs", data={"on": "2026-06-30"})
    assert again.status_code == 409
    assert "正在等待计算" in again.text
    for day in ("2026-07-01", "昨天", ""):
        assert (await officer.post(f"{BASE}/runs", data={"on": day})).status_code in (400, 409)
    assert "排队等候" in (await officer.get(f"{BASE}/runs")).text
    run_id = queued.url.path.rpartition("/")[2]
    context = JobContext(world.db, world.clock, CITY)
    person = world.actors["officer"].person_id
    await run_grades(context, run_id=run_id, on="2026-06-30", person_id=person)
    statements.clear()
    answer = await officer.get(queued.url)
    page = answer.text
    assert len(statements) <= MOST_STATEMENTS
    assert "refresh" not in answer.headers
    assert page.index("甲物业有限公司") < page.index("乙物业有限公司")  # the fall comes first
    assert "−10" in page
    assert "去签名公布" not in page
    assert "等待市主管部门" in page
    change = html.unescape((await officer.get(f"{queued.url}/changes/{ENTERPRISE}")).text)
    assert "受到行政处罚或通报批评" in change
    assert re.search(r"新增.*?−10.*?第 8 项.*?/150200/log/\d+", change, re.DOTALL)
    listed = (await officer.get(f"{BASE}/runs")).text
    assert listed.index("待公布") < listed.index("已公布")


async def test_a_run_that_failed_says_so_and_can_be_asked_for_again(world, browse):
    officer = await browse("officer")
    queued = await officer.post(f"{BASE}/runs", data={"on": "2026-06-30"})
    async with world.db.city(CITY) as conn:
        await conn.execute("UPDATE procrastinate_jobs SET status = 'doing'")
        assert "正在为全市企业计算" in (await officer.get(queued.url)).text
        await conn.execute("UPDATE procrastinate_jobs SET status = 'failed'")
    answer = await officer.get(queued.url)
    page = answer.text
    assert "没有算成" in page
    assert "refresh" not in answer.headers
    fields = dict(re.findall(r'type="hidden" name="(on)" value="(.*?)"', page))
    assert (await officer.post(f"{BASE}/runs", data=fields)).url != queued.url


# Publication


async def test_a_run_is_published_after_a_proof_of_identity_by_signing(world, browse):
    await world.propose(world.draft(code="award.government", level="市"))
    found = await a_run(world)
    authority = await browse("city_authority")
    here = f"{BASE}/runs/{found.id}"
    assert "去签名公布" in (await authority.get(here)).text
    world.clock.now_value += timedelta(minutes=6)
    asked = await authority.get(f"{here}/publication")
    assert asked.url.path == f"/{CITY}/account/confirm"
    page = await authority.post(
        asked.url.path, data={"password": "一句好记的话2026", "next": f"{here}/publication"}
    )
    assert "甲物业有限公司　2A　100 分　（原 未评级）" in page.text
    action, fields = await authority.signed(page)
    done = await authority.post(action, data=fields)
    assert "已公布 2 家企业的等级" in done.text
    await world.sequence()
    async with world.db.city(CITY) as conn:
        standing = (
            await service.standings(conn, [ENTERPRISE], valid_at=world.clock.today(), size=None)
        )[ENTERPRISE]
    assert standing.published.grade == "2A"
    assert standing.published.index is not None
    twice = await authority.get(f"{here}/publication")
    assert twice.status_code == 409
    assert "已经公布，不能重复公布" in twice.text
    assert (await authority.post(action, data=fields)).status_code == 409
    payloads = html.unescape(re.search(r'data-payloads="([^"]*)"', page.text)[1])
    assert (await authority.get(payloads)).status_code == 409


async def test_a_run_overtaken_by_a_fact_is_refused_before_and_after_signing(world, browse):
    found = await a_run(world)
    authority = await browse("city_authority")
    page = await authority.get(f"{BASE}/runs/{found.id}/publication")
    action, fields = await authority.signed(page)
    await world.propose(world.draft())
    await world.sequence()
    for refused in (await authority.post(action, data=fields), await authority.get(page.url)):
        assert refused.status_code == 409
        assert "请重新计算后再公布" in refused.text
        assert "请信用专员" in refused.text
    async with world.db.city(CITY) as conn:
        assert (await store.load_run(conn, found.id)).published is False


async def test_a_signing_form_may_send_anything(world, browse):
    found = await a_run(world)
    authority = await browse("city_authority")
    fields = {
        "kid": "k1:" + "0" * 32,
        "signatures": " ".join(["A" * 86 + "=="] * 2),
        "digest": "0" * 64,
    }
    here = f"{BASE}/runs/{found.id}/publication"
    for changed in (
        {"signatures": "A"},
        {"kid": "k1:0"},
        {"digest": "0"},
    ):
        answer = await authority.post(here, data=fields | changed)
        assert answer.status_code == 400, changed
    assert (await authority.post(here, data=fields)).status_code == 409  # not what was shown
    page = await authority.get(here)
    unknown = await authority.sign(page, kid="k1:" + "0" * 32)
    assert unknown.status_code == 403  # a key nobody announced


async def test_nobody_publishes_a_run_of_their_own(world, browse):
    found = await a_run(world)
    officer = await browse("officer")
    async with world.db.transaction(CITY) as conn:
        await conn.execute(
            "UPDATE person SET roles = '{association_officer,city_officer}'"
            " WHERE username = 'officer'"
        )
    assert "您自己提出的" in (await officer.get(f"{BASE}/runs/{found.id}")).text
    refused = await officer.get(f"{BASE}/runs/{found.id}/publication")
    assert refused.status_code == 409
    assert "data-sign" not in refused.text


async def by_the_owner(world, statement):
    """Do what the database lets nobody do but its owner."""
    owner = await asyncpg.connect(world.db.url)
    try:
        await owner.execute(f"SET search_path = city_{CITY}; {statement}")
    finally:
        await owner.close()


async def test_what_is_signed_is_settled_when_a_run_is_computed(world, browse):
    found = await a_run(world)
    authority, officer = await browse("city_authority"), await browse("officer")
    page = await authority.get(f"{BASE}/runs/{found.id}/publication")
    (digest,) = re.findall(r'name="digest" value="([0-9a-f]{64})"', page.text)
    assert digest in (await officer.get(f"{BASE}/runs/{found.id}")).text
    await by_the_owner(
        world,
        "ALTER TABLE grade_result DISABLE TRIGGER refuse_change;"
        f" UPDATE grade_result SET grade = '3A', score = 120 WHERE enterprise = '{ENTERPRISE}'",
    )
    refused = await authority.sign(page)
    assert (refused.status_code, "没有提交任何内容" in refused.text) == (409, True)
    async with world.db.city(CITY) as conn:
        assert (await store.load_run(conn, found.id)).published is False


async def test_a_run_of_an_older_version_is_computed_again_before_it_is_signed(world, browse):
    found = await a_run(world)
    await by_the_owner(
        world,
        "ALTER TABLE grade_run DISABLE TRIGGER refuse_change; UPDATE grade_run SET seed = NULL",
    )
    authority = await browse("city_authority")
    refused = await authority.get(f"{BASE}/runs/{found.id}/publication")
    assert (refused.status_code, "请重新评级后再公布" in refused.text) == (409, True)


async def test_nobody_can_tell_beforehand_under_which_ids_a_run_is_published(world, browse):
    found = await a_run(world)
    async with world.db.city(CITY) as conn:
        records = await service.prepare_records(conn, world.clock, world.pack, found.id)
    begin = {one.id[:-4] for one in records.values()}
    assert begin == {str(found.seed)[:-4]}
    assert begin.isdisjoint({str(found.id)[:-4]})
    officer, authority = await browse("officer"), await browse("city_authority")
    for browser, path in ((officer, "runs"), (officer, f"runs/{found.id}"),
                          (authority, f"runs/{found.id}/publication")):  # fmt: skip
        assert begin.copy().pop() not in (await browser.get(f"{BASE}/{path}")).text


async def test_five_thousand_grades_and_one_are_signed_on_one_page(world, browse):
    async with world.db.transaction(CITY) as conn:
        await conn.execute(
            "INSERT INTO enterprise (code, kind, name, founded_on, created_at)"
            " SELECT 'N150200-' || lpad(n::text, 5, '0'), 'company', '企业' || n, '2020-01-01', now()"
            " FROM generate_series(1, 4999) AS n"
        )
    found = await a_run(world)
    authority = await browse("city_authority")
    page = await authority.get(f"{BASE}/runs/{found.id}/publication")
    assert len(page.content) <= 100_000
    assert "另有 4951 条" in page.text
    assert re.search(r"未评级.*?>5001<", page.text, re.DOTALL)
    assert "已公布 5001 家企业的等级" in (await authority.sign(page)).text


# Exports


async def workbook(browser, path):
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith("attachment;")
    (sheet,) = openpyxl.load_workbook(BytesIO(answer.content)).worksheets
    head, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in rows]


async def test_what_is_exported_is_what_there_is(world, browse):
    await world.propose(
        world.draft(code="award.government", level="市"),
        world.draft(subject=("USCC", OTHER), signers=("officer",)),
    )
    first = await world.publish_grades()
    world.clock.now_value += timedelta(minutes=1)
    await world.propose(world.draft(code="wages.arrears"))
    await a_run(world)
    auditor = await browse("auditor")
    assert (await auditor.get(f"{BASE}/exports")).status_code == 200
    register = await workbook(auditor, f"{BASE}/exports/register")
    assert [(row["名称"], row["等级"], row["状态"]) for row in register] == [
        ("甲物业有限公司", "2A", "已评级"),
        ("乙物业有限公司", None, "未评级"),
    ]
    newest = await workbook(auditor, f"{BASE}/exports/grades")
    older = await workbook(auditor, f"{BASE}/exports/grades?run={first.id}")
    assert (newest[0]["得分"], newest[0]["原得分"]) == (94, 100)
    assert (older[0]["得分"], older[0]["原得分"]) == (100, None)
    events = await workbook(auditor, f"{BASE}/exports/events")
    assert {(row["事件"], row["决定"]) for row in events} == {
        ("受到党委政府表彰", "已生效"),
        ("信息登记变更", "待决定"),
        ("拖欠员工工资", "已生效"),
    }
    theirs = await workbook(auditor, f"{BASE}/exports/events?enterprise={OTHER}")
    assert [row["企业代码"] for row in theirs] == [OTHER]
    for status, code, count in (("proposed", OTHER, 1), ("proposed", ENTERPRISE, 0)):
        both = f"{BASE}/exports/events?enterprise={code}&status={status}"
        assert len(await workbook(auditor, both)) == count
    elsewhere = f"{BASE}/exports/events?enterprise={ENTERPRISE}"
    assert len(await workbook(auditor, f"{elsewhere}&division=150203")) == 2
    assert await workbook(auditor, f"{elsewhere}&q={OTHER}") == []
    assert (await auditor.get(f"{BASE}/exports/people")).status_code in (400, 404)
    async with world.db.city(CITY) as conn:
        lines = await conn.fetch("SELECT personal FROM trail WHERE action = '导出 Excel'")
    assert [line["personal"] for line in lines][:5] == [True] * 5


async def test_more_than_a_sheet_holds_is_refused_with_a_way_out(world, monkeypatch):
    from credit.events import excel

    await world.propose(world.draft(), world.draft())
    monkeypatch.setattr(excel, "ROWS_MAX", 1)
    async with world.db.city(CITY) as conn:
        with pytest.raises(TooLarge, match="逐家导出"):
            await excel.events_table(conn, {})
