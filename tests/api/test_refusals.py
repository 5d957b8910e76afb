"""Requests that must not be taken in: each is refused as a problem, and nothing of it is kept."""

import asyncio
import json
from copy import deepcopy

import msgspec
import pytest

from credit.kit.ids import new_id
from credit.kit.signing import SigningKey
from credit.log import service as log
from credit.log.service import sign_record

CITY = "150200"
API = f"/api/v1/{CITY}"
ENTERPRISE = "91150200MA0000000C"
TABLES = (
    "event", "event_decision", "evidence", "evaluation", "evaluation_entry", "evaluation_closing",
    "grade_run_request", "grade_publication", "grade_query", "log_record", "signing_key",
    "idempotency_key",
)  # fmt: skip


async def kept(world):
    async with world.db.city(CITY) as conn:
        return {name: await conn.fetchval(f"SELECT count(*) FROM {name}") for name in TABLES}


@pytest.fixture
def post(world, client):
    """Post as somebody under a new idempotency key."""

    async def send(path, body, *, by="officer"):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {
            "Authorization": f"Bearer {world.api_keys[by]}",
            "Content-Type": "application/json",
            "Idempotency-Key": new_id(world.clock.now()).hex,
        }
        return await client.post(f"{API}{path}", content=content, headers=headers)

    return send


@pytest.fixture
def refused(world, post):
    """Post what must be refused; returns the problem's slug."""

    async def send(path, body, status, *, by="officer"):
        before = await kept(world)
        answer = await post(path, body, by=by)
        assert answer.status_code == status, (path, body, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert await kept(world) == before
        return answer.json()["type"].removeprefix("urn:credit:problem:")

    return send


def event(world, **more):
    return msgspec.to_builtins(world.draft(**more))


def changed(document, place, value):
    """Copy a document with one value put in a place: `body.subjects.0.id`."""
    made = deepcopy(document)
    *way, last = [int(step) if step.isdigit() else step for step in place.split(".")]
    target = made
    for step in way:
        target = target[step]
    target[last] = value
    return made


def marks(**more):
    return {
        "sheet": "A.2",
        "subject_kind": "enterprise",
        "subject": ENTERPRISE,
        "year": 2025,
        "division": "150203",
        "input": {"marks": {"A2-01": "2"}, **more},
    }


QUESTION = {"purpose": "政府采购", "tender_ref": "包采〔2026〕7号", "bidders": [ENTERPRISE]}
DECISION = {"outcome": "refused", "reason": "证据不足"}


async def test_no_text_holds_a_nul(world, client, refused):
    await world.propose(proposed := world.draft(signers=["officer"]))
    full = event(world, code="award.government", level="市", fact_key="1", valid_until="2027-01-01")
    for place in (
        "id", "kind", "body.type", "body.pack", "body.reference", "body.level", "body.fact_key",
        "body.occurred_on", "body.valid_until", "body.subjects.0.id", "sigs.0.kid", "sigs.0.sig",
    ):  # fmt: skip
        await refused("/events", changed(full, place, "甲\0"), 400)
    for item in (
        {**marks(), "subject": "\0"},
        {**marks(), "division": "150203\0"},
        marks(negative=[{"row": "A2-N1", "points": "12", "reason": "甲\0"}]),
    ):
        await refused("/evaluations", {"items": [item]}, 400)
    for given in (
        {"marks": {"A2-01": "2\0"}},
        {"marks": {"A2-01\0": "2"}},
        {"rates": {"A2-01\0": "2"}},
        {"findings": {"A2-01\0": ["\0"]}},
        {"reasons": {"A2-01": "甲\0"}},
        {"reasons": {"A2-01\0": "甲"}},
    ):
        await refused("/evaluations", {"items": [marks(**given)]}, 409)
    for name in ("purpose", "tender_ref", "at"):
        await refused("/grade-queries", {**QUESTION, name: "甲\0"}, 400, by="bidder")
    place = f"/events/{proposed.id}/decision"
    await refused(place, {**DECISION, "reason": "甲\0"}, 400, by="reviewer")
    await refused("/grade-runs", {"on": "2026-06-30\0"}, 400)
    for path in (
        "/enterprises?q=%00", "/enterprises?grade=%00", "/enterprises?cursor=%00",
        f"/enterprises/{ENTERPRISE}/grade?valid_at=%00",
        f"/enterprises/{ENTERPRISE}/grade?known_at=%00",
        "/enterprises/%00/grade", "/events/%00", "/events/%00/proof",
    ):  # fmt: skip
        answer = await client.get(f"{API}{path}")
        assert answer.status_code == 400, path


async def test_bodies_of_ten_megabytes_are_refused_unread(world, refused):
    huge = "x" * (10 * 1024 * 1024)
    await refused("/events", changed(event(world), "body.reference", huge), 413)
    await refused("/evaluations", {"items": [marks(reasons={"A2-01": huge})]}, 413)
    await refused("/grade-queries", {**QUESTION, "tender_ref": huge}, 413, by="bidder")


async def test_a_body_nested_without_end_is_refused(refused):
    await refused("/events", b"[" * 5_000, 400)


async def test_keys_nobody_knows_are_refused_wherever_they_stand(world, refused):
    good = event(world)
    for place in ("extra", "body.extra", "body.subjects.0.extra", "sigs.0.extra"):
        await refused("/events", changed(good, place, "1"), 400)
    await refused("/events/batch", {"items": [good], "extra": 1}, 400)
    for item in (changed(marks(), "extra", 1), changed(marks(), "input.extra", {})):
        await refused("/evaluations", {"items": [item]}, 400)
    await refused("/grade-queries", {**QUESTION, "extra": 1}, 400, by="bidder")
    await refused("/grade-runs", {"extra": 1}, 400)


async def test_no_float_gets_into_what_is_signed(world, refused):
    reference = {"digest": f"sha256:{'0' * 64}", "size": 7, "type": "application/pdf"}
    good = event(world, code="conduct.good", points="3", evidence=[reference])
    for place, value in (
        ("body.points", 3.5),
        ("body.points", 3),
        ("body.points", "3.555"),
        ("body.points", "3e0"),
        ("body.points", "NaN"),
        ("body.evidence.0.size", 7.5),
        ("body.evidence.0.size", "7.5"),
        ("body.occurred_on", 20260601),
    ):
        await refused("/events", changed(good, place, value), 400)
    await refused("/events", json.dumps(good).encode().replace(b'"3"', b"NaN"), 400)
    await refused("/events", json.dumps(good).encode().replace(b'"3"', b"1e999"), 400)
    for given in (
        {"marks": {"A2-01": 1.5}},
        {"rates": {"A2-01": 86.5}},
        {"findings": {"A2-01": 1.5}},
        {"survey": {"owners_total": 100.5, "sampled": 40}},
    ):
        await refused("/evaluations", {"items": [marks(**given)]}, 400)
    for mark in ("1e0", "NaN", "Infinity", "-1", "1,5", "١", ""):
        item = marks(marks={"A2-01": mark})
        assert await refused("/evaluations", {"items": [item]}, 409) == "marks-refused"


async def test_a_whole_number_written_with_a_point_is_kept_as_the_integer_that_was_signed(
    world, client, post
):
    headers = {
        "Authorization": f"Bearer {world.api_keys['officer']}", "Content-Type": "application/pdf"
    }  # fmt: skip
    kept = await client.post(f"{API}/events/evidence", content=b"%PDF-1.7 x", headers=headers)
    good = event(world, evidence=[kept.json()])
    assert good["body"]["evidence"][0]["size"] == 10
    answer = await post("/events", changed(good, "body.evidence.0.size", 10.0))
    assert answer.status_code == 201
    async with world.db.city(CITY) as conn:
        assert b'"size":10,' in await conn.fetchval(
            "SELECT fragment FROM log_record WHERE kind = 'credit-event'"
        )


async def test_the_same_record_again_is_refused_and_the_first_one_stands(
    world, client, post, refused
):
    first = event(world)
    assert (await post("/events", first)).status_code == 201
    world.references -= 1
    for again in (first, event(world)):  # the same record, and the same fact under another id
        assert await refused("/events", again, 409) == "event-exists"
        fresh = event(world)
        world.references -= 1
        assert await refused("/events/batch", {"items": [fresh, again]}, 409) == "event-exists"
    assert (await client.get(f"{API}/events/{first['id']}")).json()["status"] == "effective"


async def test_one_record_twice_in_a_batch_keeps_the_whole_batch_out(world, post, refused):
    first, second = event(world), event(world)
    batch = {"items": [first, second, first]}
    assert await refused("/events/batch", batch, 409) == "event-exists"
    answer = await post("/events/batch", batch)
    assert [fault["field"] for fault in answer.json()["errors"]] == ["items[2]"]


async def test_marks_that_cannot_be_are_refused_with_their_whole_batch(world, refused):
    for wrong in (
        marks(marks={"A2-01": "2.01"}),
        marks(variant="老旧小区"),
        {**marks(), "year": 2027},
        {**marks(), "subject": "91150200MA0000009F"},
        {**marks(), "sheet": "A.9"},
        marks(),
    ):
        assert await refused("/evaluations", {"items": [marks(), wrong]}, 409) == "marks-refused"


async def test_a_sheet_with_marks_of_both_variants_is_refused(world, refused):
    rows = world.pack.on(world.pack.days[-1]).sheets["A.1"].rows
    both = {row.variant: row.id for row in rows if row.variant}
    given = {"variant": "老旧小区", "marks": dict.fromkeys(both.values(), "1")}
    assert len(both) == 2
    item = {**marks(), "sheet": "A.1", "subject_kind": "project", "subject": "XQ-1", "input": given}
    assert await refused("/evaluations", {"items": [item]}, 409) == "marks-refused"
    await refused("/evaluations", {"items": [changed(item, "input.variant", ["老旧小区"])]}, 400)


async def test_an_enterprise_has_no_marks_for_years_before_its_founding(refused):
    assert await refused("/evaluations", {"items": [{**marks(), "year": 2019}]}, 409)


async def test_a_reference_too_long_to_keep_is_refused(refused):
    await refused("/grade-queries", {**QUESTION, "tender_ref": "号" * 201}, 400, by="bidder")


async def test_wrong_codes_of_enterprises_are_nobody_s(world, client, refused):
    for code in ("91150200MA0000000D", "150200000012345", "91150200MA0000009F"):
        answer = await client.get(f"{API}/enterprises/{code}/grade")
        assert answer.json()["type"] == "urn:credit:problem:no-such-enterprise"
        slug = await refused("/events", event(world, subject=("USCC", code)), 409)
        assert slug == "event-refused"


async def test_only_announced_and_living_keys_sign_whatever_is_signed(world, client, post, refused):
    await world.propose(waiting := world.draft(signers=["officer"]))
    entered = await post("/evaluations", {"items": [marks()]})
    evaluation = entered.json()["items"][0]["id"]
    async with world.db.transaction(CITY) as conn:
        from credit.grades import service as grades

        await world.sequence()
        run = await grades.run(
            conn, world.clock, world.actors["officer"], world.pack, world.clock.today()
        )

    async def bodies(path, by):
        headers = {"Authorization": f"Bearer {world.api_keys[by]}"}
        return (await client.get(f"{API}{path}", headers=headers)).json()

    closing = (await bodies(f"/evaluations/{evaluation}/record", "reviewer"))["body"]
    publication = (await bodies(f"/grade-runs/{run.id}/records", "city_authority"))["items"]

    def signed(name, kind, body, record_id=None):
        record_id = record_id or new_id(world.clock.now())
        record = sign_record(world.keys[name], kind, record_id, body)
        return {"id": record.id, "sig": msgspec.to_builtins(record.sigs[0])}

    async def all_refused(slug):
        body = msgspec.to_builtins(waiting.body)
        sig = signed("reviewer", "credit-event", body, waiting.id)["sig"]
        items = [
            {"uscc": one["uscc"], **signed("city_authority", "grade", one["body"])}
            for one in publication
        ]
        for path, content, by in (
            ("/events", event(world, signers=["officer"]), "officer"),
            (f"/events/{waiting.id}/decision", {"outcome": "accepted", "reason": "属实", "sig": sig}, "reviewer"),
            (f"/evaluations/{evaluation}/closing", signed("reviewer", "evaluation", closing), "reviewer"),
            (f"/grade-runs/{run.id}/publication", {"items": items}, "city_authority"),
        ):  # fmt: skip
            assert await refused(path, content, 403, by=by) == slug

    signers = ("officer", "reviewer", "city_authority")
    known = dict(world.keys)
    world.keys |= {name: SigningKey.make() for name in signers}
    await all_refused("unknown-key")
    world.keys |= known
    async with world.db.transaction(CITY) as conn:
        for name in signers:
            await log.revoke_key(conn, world.clock, known[name].kid, known["administrator"])
    await all_refused("revoked-key")


async def test_one_record_sent_many_times_at_once_is_taken_in_once(world, post):
    record = event(world)
    answers = await asyncio.gather(
        *(post("/events", record) for _ in range(8)),
        *(post("/events/batch", {"items": [record]}) for _ in range(8)),
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 15
    assert (await kept(world))["event"] == 1
