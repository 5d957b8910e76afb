"""A year's work over HTTP alone: marks, closing, a run in the background, publication."""

from uuid import UUID

from credit.background import tasks
from credit.kit.ids import new_id
from credit.kit.jobs import worker_app
from credit.kit.signing import ALGORITHM, SigningKey, b64
from credit.log.records import RECORD_TYPE, payload
from credit.log.service import sign_record
from credit.points.service.posting import Writers
from credit.rules.loading import pack_of_city

API = "/api/v1/150200"
ENTERPRISE = "91150200MA0000000C"


def headers(world, name, key=None):
    found = {"Authorization": f"Bearer {world.api_keys[name]}"}
    return found if key is None else {**found, "Idempotency-Key": key}


def sign(world, name, kind, body):
    record = sign_record(world.keys[name], kind, new_id(world.clock.now()), body)
    (sig,) = record.sigs
    return {"id": record.id, "sig": {"kid": sig.kid, "alg": sig.alg, "sig": sig.sig}}


def marks(**more):
    rows = pack_of_city("150200").on(pack_of_city("150200").days[-1]).sheets["A.1"].rows
    full = {
        row.id: str(row.full)
        for row in rows
        if type(row).__name__ in ("FullOrNothing", "Judgement") and row.variant is None
    }
    return {
        "sheet": "A.1",
        "subject_kind": "project",
        "subject": "XQ-1",
        "year": 2025,
        "division": "150200",
        "input": {
            "variant": "老旧小区",
            "marks": full,
            "survey": {"owners_total": 100, "sampled": 40},
            **more,
        },
    }


async def test_marks_become_a_signed_evaluation_and_a_grade(world, client):
    body = {"items": [marks()]}
    entered = await client.post(
        f"{API}/evaluations", json=body, headers=headers(world, "officer", "m-1")
    )
    assert entered.status_code == 201, entered.text
    (state,) = entered.json()["items"]
    again = await client.post(
        f"{API}/evaluations", json=body, headers=headers(world, "officer", "m-1")
    )
    assert again.json() == entered.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = await client.post(
        f"{API}/evaluations", json={"items": [marks(marks={})]},
        headers=headers(world, "officer", "m-1"),
    )  # fmt: skip
    assert other.status_code == 422
    place = f"{API}/evaluations/{state['id']}"
    record = (await client.get(f"{place}/record", headers=headers(world, "reviewer"))).json()
    assert record["body"]["total"] == state["result"]["total"]
    closing = sign(world, "reviewer", "evaluation", record["body"])
    closed = await client.post(
        f"{place}/closing", json=closing, headers=headers(world, "reviewer", "c-1")
    )
    assert closed.status_code == 201, closed.text
    assert (await client.get(place, headers=headers(world, "officer"))).json()["closed"] is True
    late = await client.post(
        f"{API}/evaluations", json=body, headers=headers(world, "officer", "m-2")
    )
    assert late.status_code == 409
    await world.sequence()
    asked = await client.post(
        f"{API}/grade-runs", json={}, headers=headers(world, "officer", "r-1")
    )
    assert asked.status_code == 202, asked.text
    run = f"{API}/grade-runs/{asked.json()['id']}"
    assert (await client.get(run, headers=headers(world, "officer"))).json()["status"] == "queued"
    app = worker_app(world.db, world.clock, "150200", tasks(Writers(world.db, world.clock)))
    async with app.open_async():
        await app.run_worker_async(wait=False, install_signal_handlers=False)
    found = (await client.get(run, headers=headers(world, "officer"))).json()
    assert (found["status"], found["enterprises"]) == ("proposed", 2)
    authority = headers(world, "city_authority")
    records = (await client.get(f"{run}/records", headers=authority)).json()["items"]
    items = [
        {"uscc": one["uscc"], **sign(world, "city_authority", "grade", one["body"])}
        for one in records
    ]
    published = await client.post(
        f"{run}/publication", json={"items": items},
        headers=headers(world, "city_authority", "p-1"),
    )  # fmt: skip
    assert published.status_code == 201, published.text
    assert (await client.get(run, headers=headers(world, "officer"))).json()[
        "status"
    ] == "published"
    grade = (await client.get(f"{API}/enterprises/{ENTERPRISE}/grade")).json()
    assert grade["status"] == "graded"


async def test_every_fault_of_marks_is_named_with_its_row(world, client):
    wrong = marks(marks={"A1-99": "1", "A1-01": "500"}, reasons={"A1-02": "甲\n乙"})
    answer = await client.post(
        f"{API}/evaluations", json={"items": [wrong]}, headers=headers(world, "officer", "m-1")
    )
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["field"] == "items[0].reasons"
    del wrong["input"]["reasons"]
    answer = await client.post(
        f"{API}/evaluations", json={"items": [wrong]}, headers=headers(world, "officer", "m-2")
    )
    assert {fault["field"] for fault in answer.json()["errors"]} == {
        "items[0].A1-99", "items[0].A1-01"
    }  # fmt: skip


async def test_a_run_is_published_whole_by_somebody_else_with_their_own_key(world, client):
    await world.propose(world.draft())
    await world.sequence()
    asked = await client.post(
        f"{API}/grade-runs", json={"on": "2026-06-30"}, headers=headers(world, "officer", "r-1")
    )
    second = await client.post(
        f"{API}/grade-runs", json={"on": "2026-06-30"}, headers=headers(world, "officer", "r-2")
    )
    assert second.status_code == 409
    future = await client.post(
        f"{API}/grade-runs", json={"on": "2026-07-01"}, headers=headers(world, "officer", "r-3")
    )
    assert future.status_code == 409
    app = worker_app(world.db, world.clock, "150200", tasks(Writers(world.db, world.clock)))
    async with app.open_async():
        await app.run_worker_async(wait=False, install_signal_handlers=False)
    run = f"{API}/grade-runs/{asked.json()['id']}"
    refused = await client.get(f"{run}/records", headers=headers(world, "officer"))
    assert refused.status_code == 403
    authority = headers(world, "city_authority")
    records = (await client.get(f"{run}/records", headers=authority)).json()["items"]
    by_other = [
        {"uscc": one["uscc"], **sign(world, "reviewer", "grade", one["body"])} for one in records
    ]
    good = [
        {"uscc": one["uscc"], **sign(world, "city_authority", "grade", one["body"])}
        for one in records
    ]
    for number, items, status in (
        (1, by_other, 403),
        (2, good[:1], 409),
        (3, [*good, good[0]], 409),
        (4, good, 201),
        (5, good, 409),
    ):
        answer = await client.post(
            f"{run}/publication", json={"items": items},
            headers=headers(world, "city_authority", f"p-{number}"),
        )  # fmt: skip
        assert answer.status_code == status, (number, answer.text)


async def test_a_key_is_announced_by_its_holder_with_proof_of_possession(world, client):
    key, actor = SigningKey.make(), world.actors["city_authority"]

    def announcement(signer, **changes):
        body = {
            "algorithm": ALGORITHM,
            "holder": actor.person_id,
            "kid": key.kid,
            "public_key": b64(key.public),
            "purpose": "record",
            "role": actor.role,
            **changes,
        }
        record_id = str(new_id(world.clock.now()))
        sig = b64(signer.sign(RECORD_TYPE, payload("key", record_id, body)))
        sigs = [{"kid": key.kid, "alg": ALGORITHM, "sig": sig}]
        return {"id": record_id, "kind": "key", "body": body, "sigs": sigs}

    async def post(content):
        found = await client.post(
            f"{API}/keys", json=content, headers=headers(world, "city_authority")
        )
        return found.status_code

    assert await post(announcement(SigningKey.make())) == 403
    assert await post(announcement(key, holder=world.actors["officer"].person_id)) == 403
    assert await post(announcement(key, role="administrator")) == 403
    assert await post(announcement(key)) == 201
    assert await post(announcement(key)) == 409
    await world.sequence()
    listed = (await client.get("/log/150200/keys")).json()
    (mine,) = [one for one in listed if one["kid"] == key.kid]
    assert mine["announced"] is not None


async def test_single_events_sent_at_once_share_a_transaction_and_answer_each(world, client):
    import asyncio

    import msgspec

    good = [world.draft() for _ in range(20)]
    drafts = [*good, good[0]]

    async def post(draft):
        found = await client.post(
            f"{API}/events", content=msgspec.json.encode(draft),
            headers={**headers(world, "officer"), "Content-Type": "application/json"},
        )  # fmt: skip
        return found.status_code

    codes = await asyncio.gather(*(post(draft) for draft in drafts))
    assert sorted(codes) == [201] * 20 + [409]
    async with world.db.city("150200") as conn:
        ids = await conn.fetch("SELECT id FROM event")
    assert {row["id"] for row in ids} == {UUID(draft.id) for draft in good}
