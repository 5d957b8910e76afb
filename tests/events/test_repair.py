"""Repair of effective bad facts: when, by whom, and what it does to grades, pages and the log."""

import asyncio
from datetime import date, timedelta
from uuid import UUID

import msgspec
import pytest

from credit.evaluations.logic import derived_inputs
from credit.events import service
from credit.events.excel import events_table
from credit.events.jobs import seal_lapsed
from credit.events.views import Correction
from credit.grades import service as grades
from credit.grades.jobs import grade_repairs
from credit.kit.db import PORTAL_ROLE
from credit.kit.errors import Conflict, Forbidden, NotFound
from credit.kit.ids import new_id
from credit.kit.jobs import JobContext
from credit.log import reading as log_reading
from credit.log import service as log
from credit.log.check.fsck import check_log
from credit.rules.trace import text

CITY = "150200"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
GENERAL, SERIOUS = "wages.arrears", "exit.refused"


@pytest.fixture
async def ready(office, world):
    """A general fact decided on 2026-06-30, whose least display is over on 2026-09-30."""
    await world.announce("enterprise")
    await office.evidence()
    fact = await office.effective(GENERAL)
    office.at("2026-09-30")
    return fact


async def refused(work, kind=Conflict) -> str:
    with pytest.raises(kind) as caught:
        await work
    return caught.value.slug


async def test_a_repair_is_applied_for_accepted_and_granted_by_three_people(office, ready, world):
    repair = await office.apply(ready)
    assert repair.state == "applied"
    # 1 to 7 October are free, Saturday the 10th is worked.
    assert await office.terms(repair.id) == {"acceptance": "2026-10-10"}
    repair = await office.accept(repair.id)
    assert await office.terms(repair.id) == {"finish": "2026-10-20"}
    assert await refused(office.grant(repair.id, by="reviewer"), Forbidden) == "four-eyes"
    repair = await office.grant(repair.id)
    assert (repair.state, await office.terms(repair.id)) == ("granted", {})
    course = await office.course(ready)
    assert (course.state, str(course.ended_on)) == ("repaired", "2026-09-30")
    await world.sequence()
    rows = await office.act(
        lambda conn: log.entries_since(conn, 0, ("commitment", "event-repaired"))
    )
    (_, promised), (_, repaired) = rows
    assert promised["text_digest"].startswith("sha256:")
    assert repaired == {
        "basis": world.pack.on(date(2026, 9, 30)).procedure.repair.source,
        "on": "2026-09-30",
        "pack": "baotou-2021",
        "subjects": [{"scheme": "USCC", "id": ENTERPRISE}],
        "target": str(ready),
    }
    view = await office.act(
        lambda conn: service.repair_of(
            conn, world.clock, world.actors["auditor"], world.pack, repair.id
        )
    )
    assert [one.kind for one in view.steps] == ["applied", "accepted", "granted"]
    assert "甲物业有限公司" in repair.commitment
    assert await check_log(
        world.db, CITY, world.logs.verifier(CITY), world.logs.keeper(CITY)
    ) == []  # fmt: skip


async def test_before_the_least_display_is_over_nobody_can_apply(office, ready):
    office.at("2026-09-29")
    assert await refused(office.apply(ready)) == "repair-too-early"
    office.at("2026-09-30")
    assert (await office.apply(ready)).state == "applied"


async def test_before_the_duties_are_done_nobody_can_apply(office, world):
    await world.announce("enterprise")
    await office.evidence()
    fact = await office.effective(GENERAL, rectified=False)
    office.at("2026-10-30")
    assert await refused(office.apply(fact)) == "duties-open"
    await office.answer(fact, "rectify")
    assert (await office.apply(fact)).state == "applied"


async def test_what_has_ended_is_not_repaired(office, ready, world):
    open_ = await office.propose(GENERAL)
    assert await refused(office.apply(open_)) == "not-effective"
    office.at("2027-06-01")  # twelve months after it happened
    assert await refused(office.apply(ready)) == "fact-ended"
    office.at("2026-09-30")
    repair = await office.apply(ready)
    assert await refused(office.apply(ready)) == "already-applied"
    await office.accept(repair.id)
    await office.grant(repair.id)
    assert await refused(office.apply(ready)) == "fact-ended"


async def test_an_application_is_its_enterprises_own_with_proof_and_its_own_key(
    office, ready, world
):
    assert await refused(office.apply(ready, by="competitor"), NotFound) == "not-found"
    assert await refused(office.apply(ready, key="officer"), Forbidden) == "bad-signature"
    assert await refused(office.apply(ready, evidence=())) == "proof-missing"
    assert await refused(office.accept((await office.apply(ready)).id, by="officer"), Forbidden)


async def test_who_proposed_the_fact_or_took_it_on_does_not_decide_its_repair(office, world):
    from dataclasses import replace

    await world.announce("enterprise")
    await office.evidence()
    fact = await office.effective(GENERAL)
    scopes = world.actors["officer"].scopes | world.actors["reviewer"].scopes
    world.actors["officer"] = replace(world.actors["officer"], scopes=scopes)
    office.at("2026-09-30")
    repair = await office.apply(fact)
    for outcome in ("accepted", "rejected"):  # not to take it on ends it as well
        given = office.accept(repair.id, outcome, by="officer")
        assert await refused(given, Forbidden) == "four-eyes"
    await office.accept(repair.id)
    for name in ("officer", "reviewer"):
        for outcome in ("granted", "refused"):
            assert (
                await refused(office.grant(repair.id, outcome, by=name), Forbidden) == "four-eyes"
            )
    assert (await office.grant(repair.id)).state == "granted"


async def test_a_rejected_or_refused_application_may_be_made_again(office, ready):
    first = await office.apply(ready)
    assert (await office.accept(first.id, "rejected")).state == "rejected"
    second = await office.apply(ready)
    assert await refused(office.grant(second.id)) == "repair-elsewhere"
    await office.accept(second.id)
    assert (await office.grant(second.id, "refused")).state == "refused"
    assert (await office.course(ready)).state == "effective"
    assert (await office.apply(ready)).state == "applied"


async def test_the_decision_is_put_off_once_and_not_too_far(office, ready, world):
    from credit.events.repair.views import RepairExtension

    repair = await office.apply(ready)
    await office.accept(repair.id)

    def extend(days):
        return office.act(
            lambda conn: service.extend_repair(
                conn,
                world.clock,
                world.actors["reviewer"],
                world.pack,
                repair.id,
                RepairExtension(days, "要到现场核实"),
            )
        )

    assert await refused(extend(11)) == "extended-too-far"
    assert (await extend(10)).extended
    assert await office.terms(repair.id) == {"finish": "2026-11-03"}
    assert await refused(extend(1)) == "extended-before"


async def test_a_record_prepared_yesterday_or_about_another_fact_grants_nothing(
    office, ready, world
):
    repair = await office.apply(ready)
    await office.accept(repair.id)
    body = await office.act(
        lambda conn: service.prepare_repair(conn, world.clock, world.pack, repair.id)
    )
    other = await office.propose(GENERAL)

    def decide(changed, kind="event-repaired"):
        from credit.kit.ids import new_id

        record = log.sign_record(world.keys["second"], kind, new_id(world.clock.now()), changed)
        return office.act(
            lambda conn: service.decide_repair(
                conn, world.clock, world.actors["second"], world.pack, repair.id,
                "granted", "已核实", record,
            )
        )  # fmt: skip

    assert await refused(decide({**body, "target": str(other)})) == "body-outdated"
    assert await refused(decide({**body, "on": "2026-09-29"})) == "body-outdated"
    assert await refused(decide(body, "commitment")) == "body-outdated"
    assert await refused(office.grant(repair.id, key="officer"), Forbidden) == "bad-signature"
    office.at("2026-10-08")
    assert await refused(decide(body)) == "body-outdated"


async def test_of_two_applications_and_two_grants_at_once_one_counts(office, ready, world):
    await world.hire("third", "association_reviewer")
    outcomes = await asyncio.gather(
        *(office.apply(ready) for _ in range(3)), return_exceptions=True
    )
    assert sorted(getattr(one, "slug", "") for one in outcomes) == ["", *["already-applied"] * 2]
    repair = next(one for one in outcomes if not isinstance(one, Exception))
    await office.accept(repair.id)
    outcomes = await asyncio.gather(
        office.grant(repair.id),
        office.grant(repair.id, by="third"),
        office.grant(repair.id, "refused", by="third"),
        return_exceptions=True,
    )
    slugs = sorted(getattr(one, "slug", "") for one in outcomes)
    assert slugs == ["", "repair-elsewhere", "repair-elsewhere"]


# Grades


async def explained(world, day, size=None):
    """Return an enterprise's score, grade and trace on a day, known at a log size."""
    async with world.db.city(CITY) as conn:
        known = await log.size_at(conn, None) if size is None else size
        result, trace = await grades.explain(conn, world.pack, ENTERPRISE, on=day, size=known)
        return text(result.score), result.grade, trace


async def test_the_grade_falls_with_the_decision_and_rises_with_the_repair(office, world):
    await world.announce("enterprise")
    await office.evidence()
    await world.propose(world.draft(code="award.government", level="市"))
    await world.publish_grades()
    day = world.clock.today()
    assert (await explained(world, day))[:2] == ("100", "2A")
    fact = await office.propose(SERIOUS)
    await office.notify(fact)
    await office.answer(fact, "rectify", measures=True)
    await office.answer(fact, "acknowledge")
    await world.sequence()
    assert (await explained(world, day))[:2] == ("100", "2A")  # proposed and noticed: no effect
    await office.decide(fact)
    await world.sequence()
    score, grade, trace = await explained(world, day)
    assert (score, grade) == ("70", "B")
    (step,) = [one for one in trace["children"][0]["children"] if one["rule"] == SERIOUS]
    assert (step["value"], step["inputs"]["id"]) == ("-30", str(fact))
    async with world.db.city(CITY) as conn:
        assert (await log.index_of(conn, [fact]))[fact] == step["index"]
        before = await log.size_at(conn, None)

    office.at("2027-06-30")  # twelve months of display are over; the fact would last till 2028-06
    granted = world.clock.today()
    eve = granted - timedelta(days=1)
    asked = (day, eve, granted)
    then = [await explained(world, one) for one in asked]
    assert then[2][:2] == ("60", "B")
    repair = await office.apply(fact)
    await office.accept(repair.id)
    await office.grant(repair.id)
    await world.sequence()
    score, grade, trace = await explained(world, granted)
    assert (score, grade) == ("90", "A")  # the award of 2026 has lapsed by then
    assert trace["children"][0]["inputs"] == {
        "on": "2027-06-30", "live": 0, "expired": 1, "future": 0, "repaired": 1,
    }  # fmt: skip
    # Until that day it counts; and as the log was known before, every answer is the one it was.
    assert [await explained(world, one) for one in asked[:2]] == then[:2]
    assert [await explained(world, one, before) for one in asked] == then


async def test_after_a_repair_a_run_is_asked_for_in_the_name_of_who_proposed_the_last(
    office, ready, world
):
    context = JobContext(world.db, world.clock, CITY)
    await world.publish_grades()
    await grade_repairs(context)
    assert await office.act(grades.repairs_to_grade) == 0
    repair = await office.apply(ready)
    await office.accept(repair.id)
    await office.grant(repair.id)
    await world.sequence()
    assert await office.act(grades.repairs_to_grade) == 1
    office.at("2026-10-01")
    await grade_repairs(context)
    await grade_repairs(context)  # what runs twice asks once
    async with world.db.city(CITY) as conn:
        requests = await conn.fetch("SELECT on_date, requested_by FROM grade_run_request")
    assert [tuple(row) for row in requests] == [
        (date(2026, 10, 1), world.actors["officer"].person_id)
    ]


async def test_a_publication_computed_before_a_repair_is_overtaken(office, ready, world):
    await world.sequence()
    async with world.db.transaction(CITY) as conn:
        run = await grades.run(
            conn, world.clock, world.actors["officer"], world.pack, world.clock.today()
        )
    repair = await office.apply(ready)
    await office.accept(repair.id)
    await office.grant(repair.id)
    await world.sequence()
    with pytest.raises(Conflict) as caught:
        await office.act(
            lambda conn: grades.prepare_publication(conn, world.clock, world.pack, run.id)
        )
    assert caught.value.slug == "run-overtaken"


def test_a_repaired_fact_is_none_of_a_years_facts(world):
    from credit.evaluations.logic import RecordBody
    from credit.log.views import ChainEntry

    sheets = world.pack.on(date(2026, 6, 30)).sheets.values()
    sheet = next(one for one in sheets if "events" in derived_inputs(one, [], 2026))
    chain = [
        ChainEntry(0, "credit-event", "a", RecordBody("wages.arrears", date(2026, 6, 1))),
        ChainEntry(1, "credit-event", "b", RecordBody("safety.accident", date(2026, 6, 1))),
        ChainEntry(2, "event-repaired", "c", RecordBody(target="a")),
    ]
    assert derived_inputs(sheet, chain, 2026)["events"] == ["safety.accident"]


# What is shown


async def test_a_repaired_fact_leaves_pages_answers_and_exports_and_stays_for_the_office(
    office, ready, world, browse
):
    await world.publish_grades()
    visitor, officer = await browse(), await browse("officer")
    page = f"/{CITY}/enterprises/{ENTERPRISE}"
    trace = f"/api/v1/{CITY}/enterprises/{ENTERPRISE}/grade/trace"
    proof = f"/api/v1/{CITY}/events/{ready}/proof"
    async with world.db.city(CITY) as conn:
        index = (await log.index_of(conn, [ready]))[ready]
    for address in (trace, proof, f"/{CITY}/log", f"/{CITY}/log/{index}"):
        assert "wages.arrears" in (await visitor.get(address)).text
    assert "拖欠员工工资" in (await visitor.get(page)).text
    repair = await office.apply(ready)
    await office.accept(repair.id)
    await office.grant(repair.id)
    await world.sequence()

    shown = (await visitor.get(page)).text
    assert "拖欠员工工资" not in shown
    assert str(ready) not in shown
    assert "已到期或已修复的不良信息，不再公示" in shown
    told = (await visitor.get(trace)).json()
    (bare,) = [one for one in told["children"][0]["children"] if one["rule"] == "withheld"]
    assert (bare["value"], bare["index"], bare["inputs"]) == ("-6", None, {})
    assert "arrears" not in str(told)
    # The published grade itself stands until the next publication.
    assert told["value"] == "B"
    assert (await visitor.get(proof)).status_code == 404
    for address in (f"/{CITY}/log", f"/{CITY}/log/{index}"):
        answer = (await visitor.get(address)).text
        assert "wages.arrears" not in answer
        assert "已经修复或公示期满，不再公示" in answer
    async with world.db.city(CITY) as conn:
        stored = await grades.trace(conn, ENTERPRISE, valid_at=world.clock.today(), size=None)
        assert "wages.arrears" in stored.decode()  # sealed, not erased
        _, rows = await events_table(conn, world.pack.on(world.clock.today()).grader.events)
        assert str(ready) not in [row["id"] for row in rows]
        (entry,) = await log_reading.newest(conn, index + 1, 1)
        assert (entry.sealed, entry.body) == (True, {})
    listed = (await officer.get(f"/{CITY}/console/enterprises/{ENTERPRISE}")).text
    assert "已修复" in listed
    assert "拖欠员工工资" in listed
    async with world.db.bound(CITY, PORTAL_ROLE, party=ENTERPRISE) as conn:
        (own,) = await service.own_facts(
            conn,
            world.pack.on(world.clock.today()).grader,
            ENTERPRISE,
            on=world.clock.today(),
            before=None,
            limit=9,
        )
    assert (own.status, str(own.lapses_on)) == ("repaired", "2026-09-30")


async def test_a_lapsed_bad_fact_is_shown_no_more_and_a_good_one_is(office, world, browse):
    await world.propose(
        world.draft(code="disclosure.missing"), world.draft(code="training.completed")
    )
    await world.publish_grades()
    page = f"/{CITY}/enterprises/{ENTERPRISE}"
    visitor = await browse()
    assert "三公开三透明三报告" in (await visitor.get(page)).text
    office.at("2026-09-01")  # three months after it happened; the grade is still in force
    shown = (await visitor.get(page)).text
    assert "三公开三透明三报告" not in shown
    assert "组织员工完成年度培训" in shown


async def test_a_lapsed_bad_fact_leaves_the_log_s_pages_and_nothing_else_does(
    office, world, browse
):
    lapsing = world.draft(code="disclosure.missing")
    lasting = world.draft(code="wages.arrears", reference="协字〔2026〕2号")
    good = world.draft(code="training.completed")
    await world.propose(lapsing, lasting, good)
    await world.sequence()
    context = JobContext(world.db, world.clock, CITY)
    proof, found = f"/api/v1/{CITY}/events/%s/proof", {}
    visitor = await browse()
    for today in ("2026-08-31", "2026-09-01"):
        office.at(today)
        await seal_lapsed(context)
        await seal_lapsed(context)  # what runs twice seals once
        found[today] = [
            (await visitor.get(proof % one.id)).status_code for one in (lapsing, lasting, good)
        ]
    assert found == {"2026-08-31": [200, 200, 200], "2026-09-01": [404, 200, 200]}
    page = (await visitor.get(f"/{CITY}/log")).text
    assert page.count("已经修复或公示期满，不再公示") == 1


async def test_who_is_not_concerned_sees_no_application(office, ready, world):
    repair = await office.apply(ready)
    for name in ("competitor", "bidder"):
        with pytest.raises(NotFound):
            await office.act(
                lambda conn, name=name: service.repair_of(
                    conn, world.clock, world.actors[name], world.pack, repair.id
                )
            )
    async with world.db.bound(CITY, PORTAL_ROLE, party=ENTERPRISE) as conn:
        view = await service.repair_of(
            conn, world.clock, world.actors["enterprise"], world.pack, repair.id
        )
        assert [one.kind for one in view.terms] == ["acceptance"]
    async with world.db.bound(CITY, PORTAL_ROLE, party=OTHER) as conn:
        assert await service.repairs(conn, after=UUID(int=0), limit=9) == []


async def test_a_correction_goes_on_with_the_display_of_what_it_corrects(office, world):
    await world.announce("enterprise")
    await office.evidence()
    fact = await office.effective(GENERAL)
    for day, number in (("2026-08-14", 2), ("2026-09-01", 3)):
        office.at(day)
        body = {
            **world.body(code=GENERAL, reference=f"协更〔2026〕{number}号"),
            "target": str(fact),
        }
        record = log.sign_record(
            world.keys["officer"], "event-corrected", new_id(world.clock.now()), body
        )
        document = {
            "id": record.id,
            "kind": "event-corrected",
            "body": body,
            "sigs": msgspec.to_builtins(record.sigs),
        }
        await world.propose(msgspec.convert(document, Correction))
        fact = UUID(record.id)
        await office.notify(fact)
        await office.answer(fact, "rectify")
        await office.answer(fact, "acknowledge")
        await office.decide(fact)
    course = await office.course(fact)
    assert (str(course.decided_on), str(course.shown_from)) == ("2026-09-01", "2026-06-30")
    office.at("2026-09-29")
    assert await refused(office.apply(fact)) == "repair-too-early"
    view = await office.view(fact)
    notice = service.repair_notice_of(view.event, course, world.pack.on(world.clock.today()))
    assert str(notice.from_on) == "2026-09-30"
    office.at("2026-09-30")
    assert (await office.apply(fact)).state == "applied"


async def test_of_two_decisions_on_a_repair_at_once_the_second_comes_too_late(office, ready, world):
    """One prepares the record and signs it while another refuses: neither waits for the other's."""
    repair = (await office.apply(ready)).id
    await office.accept(repair)

    async def refuse(conn, by):
        return await service.decide_repair(
            conn, world.clock, world.actors[by], world.pack, repair, "refused", "仍有欠薪"
        )

    await world.hire("third", "association_reviewer")
    async with world.db.city(CITY) as watch, world.db.city(CITY) as other:
        pid = other.get_server_pid()

        async def second():
            async with other.transaction():
                return await refuse(other, "third")

        async with world.db.transaction(CITY) as conn:
            await service.prepare_repair(conn, world.clock, world.pack, repair)
            late = asyncio.create_task(second())
            while not await watch.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", pid):
                assert not late.done()
            assert (await refuse(conn, "second")).state == "refused"
        assert await refused(late) == "repair-elsewhere"


async def test_a_repaired_fact_cannot_be_corrected_back_to_life(office, ready, world):
    import msgspec

    from credit.events.views import Correction
    from credit.kit.ids import new_id

    body = {**world.body(code=GENERAL), "target": str(ready)}
    record = log.sign_record(
        world.keys["officer"], "event-corrected", new_id(world.clock.now()), body
    )
    sigs = [{"kid": s.kid, "alg": s.alg, "sig": s.sig} for s in record.sigs]
    document = {"id": record.id, "kind": "event-corrected", "body": body, "sigs": sigs}
    draft = msgspec.convert(document, Correction)
    repair = await office.apply(ready)
    await office.accept(repair.id)
    await world.propose(draft)  # while it still counts, it may be proposed
    await office.notify(UUID(draft.id))
    await office.answer(UUID(draft.id), "acknowledge")
    await office.grant(repair.id)
    assert await refused(office.decide(UUID(draft.id))) == "fact-ended"
    again = msgspec.structs.replace(draft, id=str(new_id(world.clock.now())))
    record = log.sign_record(world.keys["officer"], "event-corrected", UUID(again.id), body)
    again = msgspec.convert(
        {**document, "id": again.id,
         "sigs": [{"kid": s.kid, "alg": s.alg, "sig": s.sig} for s in record.sigs]},
        Correction,
    )  # fmt: skip
    with pytest.raises(Conflict, match="已经修复"):
        await world.propose(again)
