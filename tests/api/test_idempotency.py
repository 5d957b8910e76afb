"""A request sent again under its key is done once, whenever and wherever it is sent again."""

import asyncio

import asyncpg
import msgspec
import pytest

from credit.kit.ids import new_id
from credit.log.service import sign_record

CITY = "150200"
API = f"/api/v1/{CITY}"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
QUESTION = {"purpose": "政府采购", "tender_ref": "包采〔2026〕7号", "bidders": [ENTERPRISE]}
MARKS = {
    "sheet": "A.2",
    "subject_kind": "enterprise",
    "subject": ENTERPRISE,
    "year": 2025,
    "division": "150203",
    "input": {"marks": {"A2-01": "2"}},
}


@pytest.fixture
def send(world, client):
    """Post as somebody under a key."""

    async def post(path, body, *, by="bidder", key="k-1"):
        headers = {"Authorization": f"Bearer {world.api_keys[by]}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return await client.post(f"{API}{path}", json=body, headers=headers)

    return post


async def count(world, table):
    async with world.db.city(CITY) as conn:
        return await conn.fetchval(f"SELECT count(*) FROM {table}")


def replayed(answer):
    return answer.headers.get("idempotency-replayed") == "true"


async def test_one_question_asked_three_times_at_once_is_answered_once(world, send, lock_awaited):
    """The first is held up in the midst of its work, and the others come meanwhile."""
    holder = await asyncpg.connect(world.db.url)
    async with holder.transaction():
        await holder.execute(f"LOCK TABLE city_{CITY}.grade_query")
        asked = [asyncio.create_task(send("/grade-queries", QUESTION)) for _ in range(3)]
        await lock_awaited(world.db.url, sessions=3)
    answers = await asyncio.gather(*asked)
    await holder.close()
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.content for answer in answers}) == 1
    assert sorted(map(replayed, answers)) == [False, True, True]
    assert await count(world, "grade_query") == 1


async def test_another_question_at_the_same_time_waits_and_is_refused(world, send, lock_awaited):
    holder = await asyncpg.connect(world.db.url)
    async with holder.transaction():
        await holder.execute(f"LOCK TABLE city_{CITY}.grade_query")
        first = asyncio.create_task(send("/grade-queries", QUESTION))
        await lock_awaited(world.db.url)
        second = asyncio.create_task(send("/grade-queries", {**QUESTION, "bidders": [OTHER]}))
        await lock_awaited(world.db.url, sessions=2)
    await holder.close()
    assert (await first).status_code == 201
    assert (await second).status_code == 422
    assert (await second).json()["type"] == "urn:credit:problem:idempotency-key-reused"
    assert await count(world, "grade_query") == 1


async def test_a_key_belongs_to_its_holder_and_to_one_kind_of_request(world, send):
    assert (await send("/grade-queries", QUESTION)).status_code == 201
    assert (await send("/evaluations", {"items": [MARKS]}, by="officer")).status_code == 201
    assert (await send("/grade-runs", {}, by="officer")).status_code == 422
    assert (await send("/grade-runs", {}, by="officer", key="k-2")).status_code == 202


async def test_what_was_refused_leaves_its_key_free(world, send):
    wrong = {**MARKS, "input": {"marks": {"A2-01": "3"}}}
    for _ in range(2):
        assert (await send("/evaluations", {"items": [wrong]}, by="officer")).status_code == 409
    done = await send("/evaluations", {"items": [MARKS]}, by="officer")
    assert (done.status_code, replayed(done)) == (201, False)


async def test_without_a_key_nothing_is_done(world, send):
    nobody = new_id(world.clock.now())
    for path, body, by in (
        ("/grade-queries", QUESTION, "bidder"),
        ("/evaluations", {"items": [MARKS]}, "officer"),
        (f"/evaluations/{nobody}/closing", {}, "reviewer"),
        (f"/events/{nobody}/decision", {"outcome": "refused", "reason": "无"}, "reviewer"),
        (f"/events/{nobody}/notice", {}, "officer"),
        (f"/events/{nobody}/answers", {"answer": "acknowledge"}, "enterprise"),
        (f"/events/{nobody}/hearing", {}, "reviewer"),
        (f"/events/{nobody}/extension", {}, "officer"),
        ("/repairs", {}, "enterprise"),
        (f"/repairs/{nobody}/acceptance", {}, "reviewer"),
        (f"/repairs/{nobody}/extension", {}, "reviewer"),
        (f"/repairs/{nobody}/decision", {}, "reviewer"),
        ("/grade-runs", {}, "officer"),
        (f"/grade-runs/{nobody}/publication", {}, "city_authority"),
    ):
        for key in (None, "", "a b", "k" * 101, "a\tb"):
            answer = await send(path, body, by=by, key=key)
            assert answer.status_code == 400, (path, key)
    assert await count(world, "idempotency_key") == 0


async def test_that_a_key_is_missing_is_told_as_such(send):
    answer = await send("/grade-queries", QUESTION, key=None)
    assert "Idempotency-Key" in answer.json()["detail"]


async def test_everything_that_signs_or_decides_answers_the_same_again(world, client, send):
    def signed(name, kind, body, record_id=None):
        record = sign_record(world.keys[name], kind, record_id or new_id(world.clock.now()), body)
        return {"id": record.id, "sig": msgspec.to_builtins(record.sigs[0])}

    async def body_of(path, by):
        headers = {"Authorization": f"Bearer {world.api_keys[by]}"}
        return (await client.get(f"{API}{path}", headers=headers)).json()

    async def twice(path, body, other, *, by):
        first, again = [
            await send(path, body, by=by, key=path[1:].replace("/", ":")) for _ in range(2)
        ]
        assert first.status_code in (201, 202), first.text
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert (replayed(first), replayed(again)) == (False, True)
        assert (await send(path, other, by=by, key=path[1:].replace("/", ":"))).status_code == 422
        return first.json()

    await world.propose(event := world.draft(signers=["officer"]))
    sig = signed("reviewer", "credit-event", msgspec.to_builtins(event.body), event.id)["sig"]
    decision = {"outcome": "accepted", "reason": "属实", "sig": sig}
    refusal = {"outcome": "refused", "reason": "证据不足"}
    await twice(f"/events/{event.id}/decision", decision, refusal, by="reviewer")
    other = {**MARKS, "subject": OTHER}
    entered = await twice("/evaluations", {"items": [MARKS]}, {"items": [other]}, by="officer")
    place = f"/evaluations/{entered['items'][0]['id']}"
    body = (await body_of(f"{place}/record", "reviewer"))["body"]
    closings = [signed("reviewer", "evaluation", body) for _ in range(2)]
    await twice(f"{place}/closing", *closings, by="reviewer")
    await world.sequence()
    async with world.db.transaction(CITY) as conn:
        from credit.grades import service as grades

        run = await grades.run(
            conn, world.clock, world.actors["officer"], world.pack, world.clock.today()
        )
    await twice("/grade-runs", {}, {"on": "2026-06-01"}, by="officer")
    place = f"/grade-runs/{run.id}"
    records = (await body_of(f"{place}/records", "city_authority"))["items"]
    items = [
        {"uscc": one["uscc"], **signed("city_authority", "grade", one["body"])} for one in records
    ]
    await twice(f"{place}/publication", {"items": items}, {"items": items[:1]}, by="city_authority")
    assert await count(world, "event_decision") == 1
    assert await count(world, "evaluation_closing") == 1
    assert await count(world, "grade_publication") == 1
