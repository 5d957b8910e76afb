"""The course of a bad fact and its repair over HTTP, each step by its own machine."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from credit.events.signing import countersign
from credit.events.store import load_events
from credit.kit.ids import new_id
from credit.log.service import sign_record

CITY = "150200"
API = f"/api/v1/{CITY}"
PDF = b"%PDF-1.7 proof"


@pytest.fixture
async def send(world, client):
    """What posts to the interface as somebody, under a key of its own each time."""
    await world.hire("hearer", "district_officer", kind="district_department", division="150203")
    await world.hire("second", "association_reviewer")
    await world.announce("enterprise")
    sent = 0

    async def post(path, body=None, *, by="officer", key=None, status=201):
        nonlocal sent
        sent += 1
        headers = {"Authorization": f"Bearer {world.api_keys[by]}"}
        headers["Idempotency-Key"] = key or f"k-{sent}"
        answer = await client.post(f"{API}{path}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    return post


@pytest.fixture
def look(world, client):
    """What gets from the interface as somebody."""

    async def get(path, *, by="officer", status=200):
        headers = {"Authorization": f"Bearer {world.api_keys[by]}"}
        answer = await client.get(f"{API}{path}", headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    return get


async def decision(world, fact, by="reviewer"):
    """Sign a proposal as its decider."""
    async with world.db.city(CITY) as conn:
        row = (await load_events(conn, [UUID(fact)]))[UUID(fact)]
    sig = msgspec.to_builtins(countersign(world.keys[by], row))
    return {"outcome": "accepted", "reason": "属实", "sig": sig}


async def test_a_fact_is_noticed_answered_heard_and_decided(world, send, look):
    draft = msgspec.to_builtins(world.draft(("officer",), code="wages.arrears"))
    fact = (await send("/events", draft))["id"]
    both = msgspec.to_builtins(world.draft(code="wages.arrears"))
    assert (await send("/events", both, status=409))["type"].endswith("notice-first")
    (listed,) = (await look("/events/courses?status=proposed"))["items"]
    assert (listed["id"], listed["state"], listed["due_on"]) == (fact, "proposed", "2026-07-14")
    noticed = await send(f"/events/{fact}/notice", key="once")
    assert noticed == await send(f"/events/{fact}/notice", key="once")
    assert noticed["objection_due"] == "2026-07-14"
    assert noticed["terms"][0] == {
        "kind": "rectification", "due_on": "2026-07-09", "days_left": 7, "level": 0,
    }  # fmt: skip
    own = await look(f"/events/{fact}/course/own", by="enterprise")
    assert own["notice"]["points"] == "-6"
    assert own["notice"]["object_by"] == "2026-07-14"
    assert own["steps"][0]["by"] is None  # who of the office it was is for the office
    assert {one["act"] for one in own["acts"] if one["why_not"] is None} == {
        "acknowledge", "rectify", "object",
    }  # fmt: skip
    await look(f"/events/{fact}/course/own", by="competitor", status=404)
    await look(f"/events/{fact}/course", by="enterprise", status=403)
    extension = {"term": "objection", "days": 2, "reason": "企业申请"}
    assert (await send(f"/events/{fact}/extension", extension))["objection_due"] == "2026-07-16"
    await send(f"/events/{fact}/extension", {**extension, "term": "decision"}, status=403)
    objection = {"answer": "object", "statement": "工资已在 6 月 20 日发放。\n见附件。"}
    await send(f"/events/{fact}/answers", objection, by="competitor", status=404)
    await send(f"/events/{fact}/answers", objection, by="enterprise")
    hearing = {"finding": "dismissed", "reasons": "银行流水不足", "participants": "财务负责人"}
    await send(f"/events/{fact}/hearing", hearing, by="officer", status=403)
    assert (await send(f"/events/{fact}/hearing", hearing, by="hearer"))["state"] == "heard"
    done = await send(f"/events/{fact}/decision", await decision(world, fact), by="reviewer")
    assert done["status"] == "effective"
    found = await look(f"/events/{fact}/course", by="auditor")
    assert [one["kind"] for one in found["steps"]] == ["noticed", "extended", "objected", "heard"]
    assert (found["state"], found["outcome"], found["terms"]) == ("effective", "accepted", [])
    (event,) = (await look("/events"))["items"]
    assert event["course"] == "effective"


async def test_a_fact_is_repaired(world, send, look, client):
    draft = msgspec.to_builtins(world.draft(("officer",), code="wages.arrears"))
    fact = (await send("/events", draft))["id"]
    await send(f"/events/{fact}/notice")
    report = {"answer": "rectify", "statement": "已补发"}
    await send(f"/events/{fact}/answers", report, by="enterprise")
    await send(f"/events/{fact}/answers", {"answer": "acknowledge"}, by="enterprise")
    await send(f"/events/{fact}/decision", await decision(world, fact), by="reviewer")
    early = await look(f"/repairs/commitment?event={fact}", by="enterprise", status=409)
    assert early["type"].endswith("repair-too-early")
    assert "2026-09-30" in early["detail"]
    world.clock.now_value = datetime(2026, 9, 30, 4, tzinfo=UTC)

    headers = {
        "Authorization": f"Bearer {world.api_keys['enterprise']}",
        "Content-Type": "application/pdf",
    }
    place = f"{API}/events/{fact}/evidence"
    proof = (await client.post(place, content=PDF, headers=headers)).json()
    headers["Authorization"] = f"Bearer {world.api_keys['competitor']}"
    assert (await client.post(place, content=PDF, headers=headers)).status_code == 404

    promised = await look(f"/repairs/commitment?event={fact}", by="enterprise")
    assert "信用承诺书" in promised["text"]
    application = {
        "event": fact, "statement": "已全部补发", "evidence": [proof],
        **signed(world, "enterprise", "commitment", promised["body"]),
    }  # fmt: skip
    repair = (await send("/repairs", application, by="enterprise"))["id"]
    (listed,) = (await look("/repairs"))["items"]
    assert (listed["id"], listed["due_on"]) == (repair, "2026-10-10")
    acceptance = {"outcome": "accepted", "reason": "材料齐全"}
    await send(f"/repairs/{repair}/acceptance", acceptance, by="officer", status=403)
    await send(f"/repairs/{repair}/acceptance", acceptance, by="reviewer")
    later = await send(
        f"/repairs/{repair}/extension", {"days": 5, "reason": "要核实"}, by="reviewer"
    )
    assert later["terms"][0]["due_on"] == "2026-10-27"
    body = (await look(f"/repairs/{repair}/record", by="second"))["body"]
    grant = {"outcome": "granted", "reason": "已核实"}
    await send(f"/repairs/{repair}/decision", grant, by="second", status=409)
    own = {**grant, **signed(world, "reviewer", "event-repaired", body)}
    await send(f"/repairs/{repair}/decision", own, by="reviewer", status=403)
    grant |= signed(world, "second", "event-repaired", body)
    assert (await send(f"/repairs/{repair}/decision", grant, by="second"))["state"] == "granted"
    found = await look(f"/repairs/{repair}/own", by="enterprise")
    assert [one["kind"] for one in found["steps"]] == [
        "applied", "accepted", "extended", "granted",
    ]  # fmt: skip
    assert (found["record"], found["commitment"]) == (grant["id"], promised["text"])
    assert (await look("/repairs/own?status=granted", by="competitor"))["items"] == []
    assert (await look("/repairs"))["items"] == []
    assert (await look(f"/events/{fact}/course"))["state"] == "repaired"


def signed(world, name, kind, body):
    record = sign_record(world.keys[name], kind, new_id(world.clock.now()), body)
    return {"id": record.id, "sig": msgspec.to_builtins(record.sigs[0])}
