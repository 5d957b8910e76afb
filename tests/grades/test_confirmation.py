"""Between a run and its publication each district answers for its enterprises."""

import asyncio
import hashlib
import html
import json
import re
from contextlib import asynccontextmanager
from datetime import date, timedelta
from uuid import UUID

import asyncpg
import pytest

from credit.access import service as access
from credit.grades import service
from credit.kit.canonical import canonical
from credit.kit.errors import Conflict, Forbidden, Invalid
from credit.kit.ids import new_id
from credit.log import service as log
from credit.log.check.fsck import check_log
from credit.rules.trace import text

CITY = "150200"
RUNS = f"/{CITY}/console/runs"
HERE, THERE = "150203", "150204"
ENTERPRISE, OTHER, ELSEWHERE = "91150200MA0000000C", "91150200MA0000001F", "91150200MA0000002J"
MOST_STATEMENTS = 12  # of a page, who looks and the trail's line included
REASON = "丙物业 6 月的投诉不属实"


@pytest.fixture
async def departments(world):
    """Two districts with a department each, an officer in either, and a graded enterprise each."""
    await world.widen()
    for name, division in (("here", HERE), ("there", THERE)):
        await world.hire(name, "district_officer", kind="district_department", division=division)
    await world.propose(world.draft(), world.draft(subject=("USCC", ELSEWHERE)))
    await world.sequence()
    return world


async def compute(world, by="officer"):
    async with world.db.transaction(CITY) as conn:
        return await service.run(
            conn, world.clock, world.actors[by], world.pack, world.clock.today()
        )


async def prepare(world, by, run, outcome="confirmed"):
    async with world.db.city(CITY) as conn:
        return await service.prepare_confirmation(
            conn, world.clock, world.actors[by], world.pack, run.id, outcome
        )


async def take(world, by, run, body, *, reason=None, key=None, kind="grades-confirmed"):
    record = log.sign_record(world.keys[key or by], kind, new_id(world.clock.now()), body)
    async with world.db.transaction(CITY) as conn:
        await service.confirm(
            conn, world.clock, world.actors[by], world.pack, run.id, record, reason=reason
        )
    return record


async def answer(world, by, run, outcome="confirmed"):
    reason = REASON if outcome == "returned" else None
    return await take(world, by, run, await prepare(world, by, run, outcome), reason=reason)


async def publish(world, run, by="city_authority"):
    async with world.db.transaction(CITY) as conn:
        bodies = await service.prepare_publication(conn, world.clock, world.pack, run.id)
        records = log.sign_records(world.keys[by], "grade", bodies, world.clock)
        await service.publish(conn, world.clock, world.actors[by], world.pack, run.id, records)


async def count(world, table="grade_confirmation"):
    async with world.db.city(CITY) as conn:
        return await conn.fetchval(f"SELECT count(*) FROM {table}")


async def test_a_run_is_published_once_every_district_has_confirmed(departments):
    run = await compute(departments)
    assert run.summary["districts"] == {HERE: 1, THERE: 1}
    with pytest.raises(Conflict, match="还在等昆都仑区、青山区确认"):
        await publish(departments, run)
    await answer(departments, "here", run)
    with pytest.raises(Conflict, match="还在等青山区确认"):
        await publish(departments, run)
    await answer(departments, "there", run)
    await publish(departments, run)
    await departments.sequence()
    logs = departments.logs
    verifier, keeper = logs.verifier(CITY), logs.keeper(CITY)
    assert await check_log(departments.db, CITY, verifier, keeper, signatures=True) == []


async def test_the_record_names_what_was_confirmed_and_no_reason(departments):
    run = await compute(departments)
    record = await answer(departments, "there", run, "returned")
    async with departments.db.city(CITY) as conn:
        (row,) = await conn.fetch(
            "SELECT enterprise, grade, score, trace_digest FROM grade_result"
            " WHERE run_id = $1 AND district = $2", run.id, THERE
        )  # fmt: skip
        kept = await conn.fetchval("SELECT reason FROM grade_confirmation")
    named = [[ELSEWHERE, row["grade"], text(row["score"]), "sha256:" + row["trace_digest"].hex()]]
    assert record.body == {
        "division": THERE,
        "log_size": run.log_size,
        "on": "2026-06-30",
        "outcome": "returned",
        "pack_digest": departments.pack.digest,
        "results": "sha256:" + hashlib.sha256(canonical(named)).hexdigest(),
        "run": str(run.id),
    }
    assert kept == REASON
    await departments.sequence()
    async with departments.db.city(CITY) as conn:
        proof = await log.entry_proof(conn, UUID(record.id))
    entry = json.loads(proof.entry)
    assert (entry["kind"], entry["body"]) == ("grades-confirmed", record.body)
    assert REASON not in proof.entry.decode()


async def test_a_returned_run_is_neither_published_nor_confirmed_and_the_next_one_may_be(
    departments,
):
    run = await compute(departments)
    await answer(departments, "here", run)
    await answer(departments, "there", run, "returned")
    with pytest.raises(Conflict, match="青山区退回了这次评级"):
        await publish(departments, run)
    again = await compute(departments)
    await answer(departments, "there", again, "returned")
    with pytest.raises(Conflict, match="青山区退回了这次评级"):
        await prepare(departments, "here", again)
    third = await compute(departments)
    for name in ("here", "there"):
        await answer(departments, name, third)
    await publish(departments, third)


async def test_a_district_answers_once_for_itself_with_its_own_key(departments):
    run = await compute(departments)
    mine, theirs = await prepare(departments, "here", run), await prepare(departments, "there", run)
    for body, more, wrong in (
        (theirs, {}, Conflict),  # another district
        ({**mine, "results": theirs["results"]}, {}, Conflict),
        ({**mine, "log_size": mine["log_size"] + 1}, {}, Conflict),
        ({**mine, "run": str(UUID(int=1))}, {}, Conflict),
        (mine, {"kind": "grade"}, Conflict),
        (mine, {"key": "there"}, Forbidden),
        (mine, {"reason": "确认没有理由"}, Invalid),
        ({**mine, "outcome": "returned"}, {}, Invalid),
        ({**mine, "outcome": "perhaps"}, {}, Invalid),
    ):
        with pytest.raises(wrong):
            await take(departments, "here", run, body, **more)
    assert await count(departments) == 0
    await take(departments, "here", run, mine)
    with pytest.raises(Conflict, match="昆都仑区已经答复过"):
        await answer(departments, "here", run, "returned")
    for by in ("officer", "city_authority"):
        with pytest.raises(Forbidden):
            await prepare(departments, by, run)


async def test_of_two_answers_at_once_one_counts(departments, lock_awaited):
    """The second waits for the first and is then told; a return does not slip in beside it."""
    await departments.hire("second", "district_officer", kind="district_department", division=HERE)
    run = await compute(departments)
    bodies = {
        ("here", None): await prepare(departments, "here", run),
        ("second", REASON): await prepare(departments, "second", run, "returned"),
    }
    blocker = await asyncpg.connect(departments.db.url)
    try:
        await blocker.execute(
            f"SET search_path = city_{CITY}; BEGIN; LOCK grade_confirmation IN EXCLUSIVE MODE"
        )
        tasks = [
            asyncio.create_task(take(departments, by, run, body, reason=reason))
            for (by, reason), body in bodies.items()
        ]
        await lock_awaited(departments.db.url, sessions=2)
        await blocker.execute("COMMIT")
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await blocker.close()
    assert sorted(type(one).__name__ for one in outcomes) == ["Conflict", "Record"]
    assert await count(departments) == 1


async def test_nobody_confirms_their_own_run_nor_publishes_what_they_confirmed(departments):
    """People of two roles, who would else be on both sides."""
    for name, roles in (("here", ["district_officer", "association_officer"]),
                        ("there", ["district_officer", "city_officer"])):  # fmt: skip
        async with departments.db.transaction(CITY) as conn:
            await conn.execute("UPDATE person SET roles = $2 WHERE username = $1", name, roles)
            departments.actors[name] = await access.actor_named(conn, name)
    own = await compute(departments, "here")
    with pytest.raises(Conflict, match="您自己提出的"):
        await prepare(departments, "here", own)
    run = await compute(departments)
    await answer(departments, "here", run)
    await answer(departments, "there", run)
    with pytest.raises(Conflict, match="由您代表区县确认过"):
        await publish(departments, run, "there")
    await publish(departments, run)


async def test_only_districts_with_an_officer_and_a_graded_enterprise_are_waited_for(departments):
    async with departments.db.transaction(CITY) as conn:
        await conn.execute("UPDATE enterprise SET district = NULL WHERE code = $1", ELSEWHERE)
    run = await compute(departments)  # nobody's district
    assert run.summary["districts"] == {HERE: 1}
    with pytest.raises(Conflict, match="不用确认"):
        await prepare(departments, "there", run)
    with pytest.raises(Conflict, match="还在等昆都仑区确认"):
        await publish(departments, run)
    async with departments.db.transaction(CITY) as conn:
        await conn.execute("UPDATE person SET active = false WHERE username = 'here'")
    await publish(departments, run)  # the department has nobody any more


async def test_who_never_answered_the_invitation_is_not_waited_for(departments):
    async with departments.db.transaction(CITY) as conn:
        invited = await conn.fetchval(
            "UPDATE person SET active = false WHERE username = 'there' RETURNING organisation_id"
        )
        await access.add_person(
            conn, departments.clock, departments.vault, username="invited", name="新来的",
            roles=["district_officer"], organisation_id=invited,
        )  # fmt: skip
        # Whoever has a password can come in and make another key.
        key = departments.keys["here"]
        await log.revoke_key(conn, departments.clock, key.kid, key)
    run = await compute(departments)
    with pytest.raises(Conflict, match="还在等昆都仑区确认"):
        await publish(departments, run)


async def test_an_overtaken_or_published_run_is_not_confirmed(departments):
    run = await compute(departments)
    await departments.propose(departments.draft(code="wages.arrears"))
    await departments.sequence()
    with pytest.raises(Conflict, match="又有了新的事实"):
        await prepare(departments, "here", run)
    run = await compute(departments)
    for name in ("here", "there"):
        await answer(departments, name, run)
    await publish(departments, run)
    with pytest.raises(Conflict, match="已经公布"):
        await prepare(departments, "here", run)


async def test_a_run_of_before_districts_confirmed_is_computed_again(departments):
    run = await compute(departments)
    owner = await asyncpg.connect(departments.db.url)
    try:
        await owner.execute(
            f"SET search_path = city_{CITY}; ALTER TABLE grade_run DISABLE TRIGGER refuse_change;"
            " UPDATE grade_run SET summary = summary - 'districts'"
        )
    finally:
        await owner.close()
    for refused in (prepare(departments, "here", run), publish(departments, run)):
        with pytest.raises(Conflict, match="请重新评级"):
            await refused


async def test_results_changed_behind_the_log_s_back_are_not_published(departments):
    run = await compute(departments)
    body = await prepare(departments, "here", run)
    await answer(departments, "there", run)
    owner = await asyncpg.connect(departments.db.url)
    try:
        await owner.execute(
            f"SET search_path = city_{CITY}; ALTER TABLE grade_result DISABLE TRIGGER refuse_change"
        )
        change = "UPDATE grade_result SET grade = '3A' WHERE enterprise = $1"
        await owner.execute(change, ENTERPRISE)
        with pytest.raises(Conflict, match="签名的内容与评级结果不符"):
            await take(departments, "here", run, body)
        await answer(departments, "here", run)
        await owner.execute(change, ELSEWHERE)
    finally:
        await owner.close()
    with pytest.raises(Conflict, match="确认之后，评级结果有了变化"):
        await publish(departments, run)


async def test_an_answer_is_for_good(departments):
    run = await compute(departments)
    await answer(departments, "here", run)
    for change in (
        "UPDATE grade_confirmation SET outcome = outcome",
        "DELETE FROM grade_confirmation",
    ):
        async with departments.db.city(CITY) as conn:
            with pytest.raises(asyncpg.PostgresError):
                await conn.execute(change)


def words(page):
    return " ".join(re.sub(r"<[^>]*>", " ", html.unescape(page.text)).split())


async def test_a_district_confirms_on_its_page_and_the_city_sees_who_is_awaited(
    departments, browse
):
    run = await compute(departments)
    page = f"{RUNS}/{run.id}"
    district, city = await browse("here"), await browse("city_authority")
    assert "2026-06-30 待确认的评级 本区 1 家企业" in words(await district.get(f"/{CITY}/console"))
    assert "待 2 个区县确认" in words(await city.get(f"/{CITY}/console"))
    assert "待 2 个区县确认" in words(await city.get(RUNS))
    shown = await city.get(page)
    assert "还在等 昆都仑区、青山区 确认" in words(shown)
    assert "/publication" not in shown.text
    assert "去签名确认" not in shown.text
    own = words(await district.get(page))
    assert "请确认昆都仑区的评级" in own
    assert "甲物业有限公司" in own
    assert "丙物业有限公司" not in own
    assert "丙物业有限公司" in words(await district.get(page, params={"district": "all"}))
    asked = await district.post(f"{page}/confirmation", data={"outcome": "confirmed"})
    assert "昆都仑区确认 2026-06-30 的评级：本区 2 家企业" in words(asked)
    assert "首次评级 1 家" in words(asked)
    done = await district.sign(asked)
    assert "已确认，正在写入日志" in words(done)
    assert "去签名确认" not in words(done)
    assert "待确认的评级" not in words(await district.get(f"/{CITY}/console"))
    refused = await city.get(f"{page}/publication")
    assert refused.status_code == 409
    assert "还在等青山区确认" in words(refused)
    there = await browse("there")
    await there.sign(await there.post(f"{page}/confirmation", data={"outcome": "confirmed"}))
    assert "/publication" in (await city.get(page)).text
    published = await city.sign(await city.get(f"{page}/publication"))
    assert "已公布 3 家企业" in words(published)
    await departments.sequence()
    listed = words(await city.get(f"/{CITY}/log"))
    assert "区县确认评级" in listed
    assert "昆都仑区 确认 2026-06-30 的评级" in listed


async def test_the_pages_ask_the_database_little(departments, app, browse, monkeypatch):
    sent, lend = [], app.state.db.city

    @asynccontextmanager
    async def city(code):
        async with lend(code) as conn:
            with conn.query_logger(lambda record: sent.append(record.query)):
                yield conn

    monkeypatch.setattr(app.state.db, "city", city)
    run = await compute(departments)
    for name in ("here", "city_authority", "officer"):
        browser = await browse(name)
        for path in (f"/{CITY}/console", RUNS, f"{RUNS}/{run.id}"):
            sent.clear()
            assert (await browser.get(path)).status_code == 200
            assert len(sent) <= MOST_STATEMENTS, (name, path)


async def test_a_district_returns_a_run_with_a_reason_that_officers_see(departments, browse):
    run = await compute(departments)
    page = f"{RUNS}/{run.id}"
    district = await browse("there")
    without = await district.post(f"{page}/confirmation", data={"outcome": "returned"})
    assert without.status_code == 400
    assert "请写明退回的理由" in words(without)
    fields = {"outcome": "returned", "reason": f"  {REASON}\r\n第二行"}
    done = await district.sign(await district.post(f"{page}/confirmation", data=fields))
    assert "已退回，信用专员会看到您的理由" in words(done)
    for name in ("officer", "city_authority", "here"):
        shown = await (await browse(name)).get(page)
        assert f"{REASON} 第二行" in words(shown), name
        assert "/publication" not in shown.text
        assert "去签名确认" not in shown.text
    officer = await browse("officer")
    assert "为 2026-06-30 重新评级" in words(await officer.get(page))
    assert "被区县退回 看清理由，核对后重新评级" in words(await officer.get(f"/{CITY}/console"))
    here = await browse("here")
    refused = await here.post(f"{page}/confirmation", data={"outcome": "confirmed"})
    assert refused.status_code == 409
    assert "青山区退回了这次评级" in words(refused)


async def test_a_run_overtaken_while_the_district_signs_is_not_confirmed(departments, browse):
    run = await compute(departments)
    district = await browse("here")
    asked = await district.post(f"{RUNS}/{run.id}/confirmation", data={"outcome": "confirmed"})
    departments.clock.now_value += timedelta(seconds=5)
    await departments.propose(
        departments.draft(code="penalty.administrative", level="市", occurred_on="2026-06-05")
    )
    await departments.sequence()
    refused = await district.sign(asked)
    assert refused.status_code == 409
    assert "又有了新的事实" in words(refused)
    assert await count(departments) == 0


async def test_a_city_without_departments_waits_for_nobody(world, browse):
    await world.propose(world.draft())
    run = await world.publish_grades(date(2026, 6, 29))
    shown = words(await (await browse("officer")).get(f"{RUNS}/{run.id}"))
    assert "区县确认" not in shown
