"""A committee's home: its own project by the public log, who manages it, and nobody else's."""

import html
import re
from datetime import date, timedelta
from uuid import UUID

import msgspec
import pytest

from credit.evaluations import service as evaluations
from credit.evaluations.views import Submission
from credit.events.repair.logic import repaired_body
from credit.kit.db import PORTAL_ROLE
from credit.kit.ids import new_id
from credit.log import service as log
from credit.parties import service as parties

CITY = "150200"
PORTAL = f"/{CITY}/portal"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
MOST_STATEMENTS = 12


def words(page):
    """A page's text in one line, without its tags."""
    text = re.sub(r"(?s)<(svg|head)\b.*?</\1>|<[^>]+>", " ", page.text)
    return " ".join(html.unescape(text).split())


def of_project(number, code=ENTERPRISE):
    """What makes a fact one about a project."""
    refs = (("USCC", code), ("PROJECT", f"XQ-{number}"), ("MANAGER", f"FZR-{number}"))
    return {
        "primary": "project",
        "subjects": [{"scheme": scheme, "id": name} for scheme, name in refs],
    }


async def replace(world, kind, target, **body):
    """Sign a withdrawal or a correction by both, and take it in."""
    from credit.events.views import Correction, Signature, Withdrawal

    keys = [world.keys["officer"], world.keys["reviewer"]]
    record_id, sigs = new_id(world.clock.now()), ()
    for key in keys:
        record = log.sign_record(key, kind, record_id, {**body, "target": target.id}, sigs)
        sigs = record.sigs
    import msgspec

    shape = {"event-withdrawn": Withdrawal, "event-corrected": Correction}[kind]
    draft = msgspec.convert(
        {"id": record.id, "kind": kind, "body": record.body,
         "sigs": [{"kid": one.kid, "alg": one.alg, "sig": one.sig} for one in sigs]},
        shape,
    )  # fmt: skip
    assert isinstance(draft.sigs[0], Signature)
    await world.propose(draft)
    return record.id


async def evaluate(world, project, year, marks, enterprise=ENTERPRISE):
    """Enter and close a project's sheet; `enterprise` answers for it."""
    given = {"variant": "老旧小区", "marks": marks,
             "survey": {"owners_total": 300, "sampled": 200}}  # fmt: skip
    async with world.db.transaction(CITY) as conn:
        (state,) = await evaluations.submit(
            conn,
            world.clock,
            world.actors["officer"],
            world.pack,
            [Submission("A.1", "project", project, year, "150203", given)],
        )
        bodies = await evaluations.prepare_closings(conn, world.clock, world.pack, [UUID(state.id)])
        records = log.sign_records(world.keys["reviewer"], "evaluation", bodies, world.clock)
        await evaluations.close(conn, world.clock, world.actors["reviewer"], world.pack, records)


@pytest.fixture
async def committees(world):
    """Committees of XQ-1, of the first enterprise, and XQ-3, of the other; each with a user."""
    rows = [
        {"code": f"YWH-{n}", "name": f"第{n}小区业主委员会", "kind": "业主委员会",
         "project": f"XQ-{n}", "formed_on": date(2025, 1, 1), "ended_on": None}
        for n in (1, 3)
    ]  # fmt: skip
    async with world.db.transaction(CITY) as conn:
        plan = await parties.plan_parties(
            conn, world.clock, {"committees": list(enumerate(rows, 2))}
        )
        assert plan.faults == []
        await parties.apply_parties(conn, world.clock, world.vault, plan)
    for n in (1, 3):
        await world.hire(f"committee{n}", "committee_user", kind="committee", party=f"YWH-{n}")
    return world


async def test_a_committee_sees_its_project_its_facts_its_evaluations_and_the_grade(
    committees, browse, statements
):
    world = committees
    fact = world.draft(code="complaint.overdue", **of_project(1))
    heard = world.draft(code="award.demonstration", level="市", **of_project(1))
    lapsed = world.draft(code="safety.hazard", **of_project(1) | {"occurred_on": "2025-06-01"})
    waiting = world.draft(("officer",), code="utility.cut", **of_project(1))
    about_the_head = world.draft(code="neglect.duty", **of_project(1) | {"primary": "manager"})
    about_the_company = world.draft(code="penalty.heavy")
    await world.propose(fact, heard, lapsed, waiting, about_the_head, about_the_company)
    await evaluate(world, "XQ-1", 2024, {"A1-01": "1"})
    await evaluate(world, "XQ-1", 2025, {"A1-01": "2", "A1-14": "1.5"})
    await world.publish_grades()
    browser = await browse("committee1")
    statements.clear()
    page = await browser.get(PORTAL)
    assert len(statements) <= MOST_STATEMENTS, statements
    said = words(page)
    async with world.db.city(CITY) as conn:
        index = (await log.index_of(conn, [UUID(fact.id)]))[UUID(fact.id)]
    for line in (
        "第1小区业主委员会",
        "名称 第1小区 项目编号 XQ-1 类型 老旧小区 街道 一街道 户数 300",
        "物业服务企业 甲物业有限公司 服务开始 2024-01-01",
        "这家企业的信用等级 B",
        "2026-06-01 诉求逾期未办 −1 示例，DB1502/T XX-2021 §6.4.2 2026-09-01 第 " + str(index),
        "2026-06-01 项目评为红色物业示范项目 +5 示例，DB1502/T XX-2021 §6.7.1 2028-06-01",
        "2025 年度 A.1",
        "2024 年度 A.1",
        "服务专业 1.5",
    ):
        assert line in said, line
    for hidden in ("消防通道", "停水停电", "失职", "较大数额罚款"):
        assert hidden not in said, hidden
    assert waiting.id not in page.text
    drawn = re.findall(r'<svg[^>]*id="(history|groups)"', page.text)
    assert sorted(drawn) == ["groups", "history"]
    for path in ("/lift", "/duties", "/facts", "/report.pdf", f"/facts/{fact.id}"):
        assert (await browser.get(PORTAL + path)).status_code == 403, path


async def test_what_was_taken_back_corrected_or_repaired_stands_no_more(committees, browse):
    world = committees
    gone = world.draft(code="complaint.overdue", **of_project(1))
    moved = world.draft(code="charge.unlawful", **of_project(1))
    mended = world.draft(code="disclosure.missing", **of_project(1))
    await world.propose(gone, moved, mended)
    await world.sequence()
    body = {"subjects": of_project(1)["subjects"], "reason": "entered-by-mistake",
            "reference": "更字1号", "evidence": []}  # fmt: skip
    await replace(world, "event-withdrawn", gone, **body)
    # The other one was about another project of the same enterprise all along.
    await replace(
        world,
        "event-corrected",
        moved,
        **world.body("charge.unlawful", **of_project(2)),
    )
    repaired = repaired_body(
        mended.id,
        msgspec.to_builtins(mended.body),
        pack=world.pack.head.id,
        basis="DB1502/T XX-2021 §8",
        on=world.clock.today(),
    )
    record_id = new_id(world.clock.now())
    record = log.sign_record(world.keys["reviewer"], "event-repaired", record_id, repaired)
    async with world.db.transaction(CITY) as conn:
        await log.enqueue(conn, [record])
    await world.sequence()
    said = words(await (await browse("committee1")).get(PORTAL))
    assert "诉求逾期未办" not in said
    assert "违规收费" not in said
    assert "三公开三透明三报告" not in said
    assert "现在没有记在本小区名下的有效事实" in said


async def test_two_committees_see_nothing_of_each_other(committees, browse):
    world = committees
    mine = world.draft(code="complaint.overdue", **of_project(1))
    theirs = world.draft(code="charge.unlawful", **of_project(3, OTHER))
    await world.propose(mine, theirs)
    await evaluate(world, "XQ-3", 2025, {"A1-01": "1"}, OTHER)
    await world.publish_grades()
    pages = {n: await (await browse(f"committee{n}")).get(PORTAL) for n in (1, 3)}
    assert "诉求逾期未办" in words(pages[1])
    assert "违规收费" in words(pages[3])
    assert "2025 年度 A.1" in words(pages[3])
    hidden = {1: ("违规收费", "XQ-3", "第3小区", "乙物业", OTHER, "2025 年度"),
              3: ("诉求逾期未办", "XQ-1", "第1小区", "甲物业", ENTERPRISE)}  # fmt: skip
    for n, foreign in hidden.items():
        assert [one for one in foreign if one in pages[n].text] == [], n
    for n in (1, 3):  # nor does the database show a committee's session what belongs to companies
        async with world.db.bound(CITY, PORTAL_ROLE, party=f"YWH-{n}") as conn:
            for table in ("event", "evaluation", "evaluation_entry", "grade_result"):
                assert await conn.fetchval(f"SELECT count(*) FROM {table}") == 0, table


async def test_a_project_changes_hands_and_stays_the_committee_s(committees, browse):
    world = committees
    await world.propose(world.draft(code="complaint.overdue", **of_project(1)))
    await world.sequence()
    row = {"code": "XQ-1", "name": "第1小区", "kind": "老旧小区", "households": 300, "owners": 320,
           "area_m2": 30000, "street": "150203001", "community": None, "enterprise": OTHER,
           "enterprise_since": date(2026, 6, 20), "manager": "FZR-1",
           "manager_since": date(2024, 1, 1)}  # fmt: skip
    async with world.db.transaction(CITY) as conn:
        plan = await parties.plan_parties(conn, world.clock, {"projects": [(2, row)]})
        assert plan.faults == []
        await parties.apply_parties(conn, world.clock, world.vault, plan)
    said = words(await (await browse("committee1")).get(PORTAL))
    assert "物业服务企业 乙物业有限公司 服务开始 2026-06-20" in said
    assert "以前的物业服务企业（1 家） 甲物业有限公司 2024-01-01 — 2026-06-20" in said
    assert "诉求逾期未办" in said


async def test_colleagues_are_invited_and_ended_within_the_committee_alone(
    committees, browse, password
):
    world = committees
    first, third = await browse("committee1"), await browse("committee3")
    page = await first.post(f"{PORTAL}/people", data={"username": "deputy", "name": "副主任"})
    link = re.search(r"/invitation/150200\?token=[0-9A-Za-z_-]+", page.text)[0]
    newcomer = await browse(None)
    shown = await newcomer.get(link)
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown.text))
    answer = await newcomer.post(
        f"/invitation/{CITY}", data={**fields, "password": password, "again": password}
    )
    assert answer.status_code == 200, answer.text
    assert "第1小区业主委员会" in words(await newcomer.get(PORTAL))
    listed = await first.get(f"{PORTAL}/people")
    assert "业委会的用户" in words(listed)
    assert "deputy 副**" in words(listed)
    assert "deputy" not in (await third.get(f"{PORTAL}/people")).text
    deputy = re.search(r"/people/(P-[0-9a-f]{16})/deactivate", listed.text)[1]
    for browser in (third, await browse("enterprise")):
        answer = await browser.post(f"{PORTAL}/people/{deputy}/deactivate")
        assert answer.status_code == 404
    assert (await newcomer.get(PORTAL)).status_code == 200
    await first.post(f"{PORTAL}/people/{deputy}/deactivate")
    assert (await newcomer.get(PORTAL)).url.path == "/login"
    async with world.db.city(CITY) as conn:
        roles = await conn.fetchval("SELECT roles FROM person WHERE username = 'deputy'")
    assert roles == ["committee_user"]


async def test_a_committee_without_a_record_and_one_that_ended_are_told_so(committees, browse):
    world = committees
    said = words(await (await browse("committee1")).get(PORTAL))
    assert "未评级不等于信用差" in said
    assert "还没有办结的评价" in said
    rows = [{"code": "YWH-1", "name": "第1小区业主委员会", "kind": "业主委员会",
             "project": "XQ-1", "formed_on": date(2025, 1, 1), "ended_on": date(2026, 6, 1)}]  # fmt: skip
    async with world.db.transaction(CITY) as conn:
        plan = await parties.plan_parties(
            conn, world.clock, {"committees": list(enumerate(rows, 2))}
        )
        await parties.apply_parties(conn, world.clock, world.vault, plan)
    world.clock.now_value += timedelta(minutes=1)
    assert "业主委员会已于 2026-06-01 届满" in words(await (await browse("committee1")).get(PORTAL))
    await world.hire("lost", "committee_user", kind="committee", party="YWH-9")
    assert (await (await browse("lost")).get(PORTAL)).status_code == 404
