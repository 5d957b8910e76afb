"""Grades end to end: facts into the log, a run over it, a publication, questions as of a day."""

from datetime import date, timedelta
from uuid import UUID

import msgspec
import orjson
import pytest

from credit.evaluations import service as evaluations
from credit.evaluations.views import Submission
from credit.events.views import Withdrawal, WithdrawalBody
from credit.grades import service
from credit.kit.errors import Conflict, Forbidden
from credit.kit.ids import new_id
from credit.log import service as log

CITY = "150200"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"


async def standing(world, code=ENTERPRISE, valid_at=None, size=None):
    async with world.db.city(CITY) as conn:
        found = await service.standings(
            conn, [code], valid_at=valid_at or world.clock.today(), size=size
        )
    return service.standing_json(found[code], "origin")


async def test_a_fact_changes_the_grade_and_the_trace_names_its_log_index(world):
    await world.propose(world.draft(code="award.government", level="市"))
    await world.publish_grades()
    found = await standing(world)
    assert (found["grade"], found["score"], found["status"]) == ("2A", "100", "graded")
    assert found["pack"]["status"] == "sample"
    assert found["valid_from"] == "2026-06-30"
    assert found["valid_until"] == "2027-06-30"
    async with world.db.city(CITY) as conn:
        kept = await service.trace(conn, ENTERPRISE, valid_at=world.clock.today(), size=None)
    tree = orjson.loads(kept)
    (award,) = [n for n in tree["children"][0]["children"] if n["rule"] == "award.government"]
    assert award["value"] == "10"
    assert award["index"] == 5  # after the announcements of five keys
    assert (await standing(world, OTHER))["status"] == "unrated"


async def test_a_withdrawn_fact_leaves_the_next_grade_and_stays_in_the_log(world):
    draft = world.draft(code="award.government", level="市")
    await world.propose(draft)
    await world.publish_grades()
    body = WithdrawalBody(draft.id, draft.body.subjects, "overturned", "撤字〔2026〕1号", [])
    withdrawal_id = str(new_id(world.clock.now()))
    record = log.sign_record(
        world.keys["officer"], "event-withdrawn", UUID(withdrawal_id), msgspec.to_builtins(body)
    )
    record = log.sign_record(
        world.keys["reviewer"], record.kind, UUID(record.id), record.body, record.sigs
    )
    sigs = [{"kid": s.kid, "alg": s.alg, "sig": s.sig} for s in record.sigs]
    await world.propose(
        msgspec.convert(
            {"id": record.id, "kind": record.kind, "body": record.body, "sigs": sigs}, Withdrawal
        )
    )
    await world.sequence()
    await world.publish_grades()
    found = await standing(world)
    assert (found["status"], found["score"]) == ("unrated", None)  # it was the only fact


async def test_what_was_known_then_is_answered_as_it_was_known_then(world):
    await world.propose(world.draft())
    await world.publish_grades(date(2026, 6, 10))
    async with world.db.city(CITY) as conn:
        size_before = await log.size_at(conn, None)
    moment_before = world.clock.now()
    world.clock.now_value += timedelta(days=1)
    await world.propose(
        world.draft(code="penalty.administrative", level="市", occurred_on="2026-06-05")
    )
    await world.sequence()
    await world.publish_grades(date(2026, 6, 10))
    assert (await standing(world, valid_at=date(2026, 6, 11)))["score"] == "80"
    then = await standing(world, valid_at=date(2026, 6, 11), size=size_before)
    assert then["score"] == "90"
    async with world.db.city(CITY) as conn:
        assert await service.known_size(conn, moment_before) == size_before
    assert (await standing(world, valid_at=date(2026, 6, 9)))["status"] == "unrated"


async def test_the_publisher_is_not_the_proposer_and_publishes_once(world):
    await world.propose(world.draft())
    run = await world.publish_grades()
    async with world.db.city(CITY) as conn:
        with pytest.raises(Conflict, match="已经公布"):
            await service.prepare_publication(conn, world.clock, world.pack, run.id)
    async with world.db.transaction(CITY) as conn:
        run = await service.run(
            conn, world.clock, world.actors["officer"], world.pack, world.clock.today()
        )
        with pytest.raises(Forbidden):
            await service.publish(
                conn, world.clock, world.actors["officer"], world.pack, run.id, {}
            )


async def test_a_run_overtaken_by_a_new_fact_is_not_published(world):
    async with world.db.transaction(CITY) as conn:
        run = await service.run(
            conn, world.clock, world.actors["officer"], world.pack, world.clock.today()
        )
    await world.propose(world.draft())
    await world.sequence()
    async with world.db.city(CITY) as conn:
        with pytest.raises(Conflict, match="又有了新的事实"):
            await service.prepare_publication(conn, world.clock, world.pack, run.id)


async def enter(world, **marks):
    async with world.db.transaction(CITY) as conn:
        return await evaluations.submit(
            conn,
            world.clock,
            world.actors["officer"],
            world.pack,
            [Submission("A.2", "enterprise", ENTERPRISE, 2025, "150203", marks)],
        )


async def close(world, by="reviewer"):
    async with world.db.transaction(CITY) as conn:
        (row,) = await evaluations.open_evaluations(conn, "A.2", 2025)
        bodies = await evaluations.prepare_closings(conn, world.clock, world.pack, [row.id])
        record = log.sign_record(
            world.keys[by], "evaluation", new_id(world.clock.now()), bodies[row.id]
        )
        await evaluations.close(conn, world.clock, world.actors[by], world.pack, {row.id: record})
        return record


async def test_marks_of_two_entries_join_and_a_closed_evaluation_enters_the_score(world):
    full = {f"A2-{n:02d}": "10" for n in range(26, 31)}
    await enter(world, marks=full)
    (state,) = await enter(world, marks={f"A2-{n:02d}": "2" for n in range(1, 26)})
    assert (state.result.total, state.version) == ("100", 2)
    record = await close(world)
    assert record.body["weight"] == "40000"  # the two projects managed in the district
    await world.sequence()
    await world.publish_grades()
    assert (await standing(world))["score"] == "110"
    with pytest.raises(Conflict):
        await enter(world, marks={"A2-01": "0"})


async def test_a_sheet_that_asks_for_the_grade_takes_the_last_published_one(world):
    await world.propose(world.draft())
    await world.publish_grades()
    (state,) = await enter(world, marks={"A2-01": "2"})
    # A2-12 (grade A or better), A2-11 and A2-13 (no such events) add two points each.
    assert state.result.total == "8"


async def test_marks_above_the_full_mark_name_every_fault(world):
    with pytest.raises(Conflict) as caught:
        await enter(world, marks={"A2-01": "3", "A2-99": "1"})
    assert [fault.field for fault in caught.value.errors] == ["items[0].A2-99", "items[0].A2-01"]
