"""The JSON interface as its callers see it."""

import msgspec
import pytest

from credit.grades.service import ANSWER_TYPE
from credit.kit.canonical import canonical
from credit.kit.signing import unb64, verify
from credit.log.note import open_note, parse_checkpoint
from credit.log.tree import leaf_hash, verify_inclusion

API = "/api/v1/150200"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"


def bearer(world, name):
    return {"Authorization": f"Bearer {world.api_keys[name]}"}


async def test_the_register_is_public_and_paged(world, client):
    first = (await client.get(f"{API}/enterprises?limit=1")).json()
    assert [item["uscc"] for item in first["items"]] == [ENTERPRISE]
    second = (await client.get(f"{API}/enterprises?limit=1&cursor={first['next_cursor']}")).json()
    assert [item["uscc"] for item in second["items"]] == [OTHER]
    assert second["next_cursor"] is None
    assert second["items"][0]["status"] == "unrated"
    found = (await client.get(f"{API}/enterprises", params={"q": "乙物业"})).json()
    assert [item["uscc"] for item in found["items"]] == [OTHER]
    assert (await client.get(f"{API}/enterprises", params={"q": "%"})).json()["items"] == []


async def test_a_grade_is_answered_with_its_evidence_and_a_tag(world, client):
    await world.propose(world.draft())
    await world.publish_grades()
    response = await client.get(f"{API}/enterprises/{ENTERPRISE}/grade")
    assert response.json() == {
        "uscc": ENTERPRISE,
        "name": "甲物业有限公司",
        "grade": "A",
        "score": "90",
        "status": "graded",
        "pack": {"id": "baotou-2021", "version": "2021.1", "status": "sample"},
        "valid_from": "2026-06-30",
        "valid_until": "2027-06-30",
        "published_at": "2026-06-30T04:00:00.000Z",
        "log": {"origin": "credit.local/log/150200", "index": 6, "size": 6},
        "lists": [],
    }
    again = await client.get(
        f"{API}/enterprises/{ENTERPRISE}/grade",
        headers={"If-None-Match": response.headers["etag"]},
    )
    assert again.status_code == 304
    earlier = await client.get(f"{API}/enterprises/{ENTERPRISE}/grade?known_at=3")
    assert earlier.json()["status"] == "unrated"
    tree = await client.get(f"{API}/enterprises/{ENTERPRISE}/grade/trace")
    assert tree.json()["value"] == "A"


async def test_a_publication_is_seen_at_once_although_answers_are_kept(world, client):
    path = f"{API}/enterprises/{ENTERPRISE}/grade"
    assert (await client.get(path)).json()["status"] == "unrated"
    await world.propose(world.draft())
    await world.publish_grades()
    for _ in range(200):
        if (await client.get(path)).json()["grade"] == "A":
            return
    raise AssertionError("the kept answer was never replaced")


async def test_an_unknown_enterprise_is_a_problem(world, client):
    response = await client.get(f"{API}/enterprises/91150200MA0000009F/grade")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "urn:credit:problem:no-such-enterprise"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Bearer ck_000000000_" + "0" * 55},
        {"Authorization": "Basic abc"},
    ],
)
async def test_whatever_is_wrong_with_a_key_the_answer_is_the_same(world, client, headers):
    response = await client.post(f"{API}/grade-queries", json={}, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["detail"] == "请在 Authorization 头中给出有效的接口密钥：Bearer ck_…"


async def test_an_expired_key_is_refused(world, client):
    from datetime import timedelta

    world.clock.now_value += timedelta(days=366)
    response = await client.get(f"{API}/events", headers=bearer(world, "officer"))
    assert response.status_code == 401


async def test_a_key_without_the_scope_is_refused(world, client):
    response = await client.get(f"{API}/events", headers=bearer(world, "bidder"))
    assert response.status_code == 403


async def test_a_signed_event_is_taken_in_numbered_and_proved(world, client):
    draft = world.draft()
    response = await client.post(
        f"{API}/events", content=msgspec.json.encode(draft), headers=bearer(world, "officer")
    )
    assert response.status_code == 201, response.text
    assert response.json() == {"id": draft.id, "status": "effective", "index": None}
    await world.sequence()
    proof = (await client.get(f"{API}/events/{draft.id}/proof")).json()
    verifier = world.logs.verifier("150200")
    head = parse_checkpoint(open_note(proof["checkpoint"], verifier))
    leaf = leaf_hash(unb64(proof["entry"]))
    hashes = [unb64(one) for one in proof["hashes"]]
    verify_inclusion(leaf, proof["index"], head.size, hashes, head.root)
    assert proof["record"]["id"] == draft.id
    listed = (await client.get(f"{API}/events", headers=bearer(world, "officer"))).json()
    assert [item["id"] for item in listed["items"]] == [draft.id]


async def test_unknown_keys_and_floats_are_refused(world, client):
    for change in ({"extra": 1}, {"body": {"type": 1.5}}):
        draft = {**msgspec.to_builtins(world.draft()), **change}
        response = await client.post(f"{API}/events", json=draft, headers=bearer(world, "officer"))
        assert response.status_code == 400


async def test_evidence_is_kept_by_its_digest_and_a_lying_type_is_refused(world, client):
    headers = {**bearer(world, "officer"), "Content-Type": "application/pdf"}
    response = await client.post(f"{API}/events/evidence", content=b"%PDF-1.7 x", headers=headers)
    assert response.status_code == 201
    reference = response.json()
    good = world.draft(evidence=[reference])
    assert (await world.propose(good))[0].status == "effective"
    response = await client.post(f"{API}/events/evidence", content=b"MZ", headers=headers)
    assert response.status_code == 400


async def test_a_query_of_bidders_is_answered_in_order_signed_and_repeated(world, client):
    await world.propose(world.draft())
    await world.publish_grades()
    question = {
        "purpose": "政府采购",
        "tender_ref": "包采〔2026〕7号",
        "at": "2026-06-30",
        "bidders": [OTHER, ENTERPRISE, "91150200MA0000009F", OTHER],
    }
    headers = {**bearer(world, "bidder"), "Idempotency-Key": "query-1"}
    response = await client.post(f"{API}/grade-queries", json=question, headers=headers)
    assert response.status_code == 201, response.text
    answer = response.json()
    assert [one["uscc"] for one in answer["answers"]] == question["bidders"]
    assert [one["status"] for one in answer["answers"]] == [
        "unrated",
        "graded",
        "unknown",
        "unrated",
    ]
    signature = answer.pop("signature")
    key = world.logs.answer_key("150200")
    assert verify(key.public, unb64(signature["sig"]), ANSWER_TYPE, canonical(answer))
    again = await client.post(f"{API}/grade-queries", json=question, headers=headers)
    assert again.json() == {**answer, "signature": signature}
    assert again.headers["idempotency-replayed"] == "true"
    other = await client.post(
        f"{API}/grade-queries", json={**question, "bidders": [OTHER]}, headers=headers
    )
    assert other.status_code == 422


async def test_tiles_and_proofs_follow_the_checkpoint(world, client):
    await world.sequence()
    note = (await client.get("/log/150200/checkpoint")).text
    head = parse_checkpoint(open_note(note, world.logs.verifier("150200")))
    assert head.size == 5
    tile = await client.get("/log/150200/tile/0/000.p/5")
    assert len(tile.content) == 160
    assert "immutable" in tile.headers["cache-control"]
    for bad in ("0/000", "0/000.p/6", "0/0", "0/000.p/05", "x/000", "0/x000/000.p/1"):
        assert (await client.get(f"/log/150200/tile/{bad}")).status_code == 404
    entries = await client.get("/log/150200/tile/entries/000.p/5")
    assert (
        leaf_hash(entries.content[2 : 2 + int.from_bytes(entries.content[:2], "big")])
        == (tile.content[:32])
    )
    proof = await client.get("/log/150200/proof/consistency?from=2&to=5")
    assert proof.status_code == 200
    assert (await client.get("/log/150200/proof/inclusion?index=5&size=5")).status_code == 400


async def test_a_city_that_is_not_here_is_a_problem(world, client):
    for path in ("/api/v1/999999/enterprises", "/log/999999/checkpoint", "/api/v1/1/enterprises"):
        assert (await client.get(path)).status_code in (400, 404)
