"""Passkeys approve what is signed: each act that signs, exactly its content, its person, once."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from credit.kit.signing import SigningKey, b64, unb64
from credit.log.carried import batch_digest
from credit.log.records import RECORD_TYPE, Record

SOURCE = Path(__file__).parents[2] / "src" / "credit"
CITY = "150200"
ENTERPRISE = "91150200MA0000000C"
CONFIRM = f"/{CITY}/account/confirm/passkey"
APPROVAL = f"/{CITY}/account/approval"
MISSING, REFUSED = "这次没有收到确认", "通行密钥的确认没有通过"
ENTRY = {
    "type": "complaint.overdue",
    "primary": "project",
    "subject": "XQ-1",
    "occurred_on": "2026-06-01",
    "reference": "协字〔2026〕77号",
}


async def proposing(world, browse, enrol):
    officer = await browse("officer")
    return officer, await officer.post(f"/{CITY}/console/events/new", data=ENTRY)


async def accepting(world, browse, enrol):
    states = await world.propose(*(world.draft(signers=("officer",)) for _ in range(2)))
    reviewer = await browse("reviewer")
    fields = {"events": [one.id for one in states], "outcome": "accepted", "reason": "事实清楚"}
    return reviewer, await reviewer.post(f"/{CITY}/console/events/decide", data=fields)


async def closing(world, browse, enrol):
    from credit.evaluations import service
    from credit.evaluations.views import Submission

    await world.publish_grades()
    given = {"marks": {"A2-01": "1"}}
    marks = Submission("A.2", "enterprise", ENTERPRISE, 2026, "150203", given)
    async with world.db.transaction(CITY) as conn:
        (state,) = await service.submit(
            conn, world.clock, world.actors["officer"], world.pack, [marks]
        )
    reviewer = await browse("reviewer")
    fields = {"evaluations": state.id}
    return reviewer, await reviewer.post(f"/{CITY}/console/evaluations/close", data=fields)


async def publishing(world, browse, enrol):
    from credit.grades import service

    await world.sequence()
    async with world.db.transaction(CITY) as conn:
        run = await service.run(
            conn, world.clock, world.actors["officer"], world.pack, world.clock.today()
        )
    authority = await browse("city_authority")
    return authority, await authority.get(f"/{CITY}/console/runs/{run.id}/publication")


async def revoking(world, browse, enrol):
    officer = await browse("officer")
    return officer, await officer.get(f"/{CITY}/account/keys/{world.keys['officer'].kid}/revoke")


async def revoking_another_s(world, browse, enrol):
    administrator = await browse("administrator")
    kid = world.keys["officer"].kid
    return administrator, await administrator.get(f"/{CITY}/console/keys/{kid}/revoke")


ACTS = [proposing, accepting, closing, publishing, revoking, revoking_another_s]


@pytest.fixture
def kept(counted):
    """What counts the signed records there are: decided or not, in the log or on their way."""

    async def count():
        return (await counted("log_record"), await counted("event"), await counted("event_waiting"))

    return count


@pytest.mark.parametrize("act", ACTS)
async def test_an_act_of_somebody_with_a_passkey_is_taken_in_with_its_approval_alone(
    world, browse, enrol, kept, act
):
    browser, page = await act(world, browse, enrol)
    assert page.status_code == 200, page.text
    key, _ = await enrol(browser)
    before = await kept()
    refused = await browser.sign(page)
    assert refused.status_code == 403
    assert MISSING in refused.text
    assert await kept() == before
    done = await browser.sign(page, key)
    assert done.status_code == 200, done.text
    assert await kept() != before


async def test_a_key_is_announced_with_an_approval_alone(world, browse, enrol, counted):
    officer = await browse("officer")
    key, _ = await enrol(officer)
    place, made = f"/{CITY}/account/keys", SigningKey.make()
    fields = {"id": "01900000-0000-7000-8000-000000000000", "public_key": b64(made.public)}
    wanted = (await officer.post(f"{place}/payload", data=fields)).json()
    payload = unb64(wanted["payload"])
    fields |= {"kid": wanted["kid"], "signatures": b64(made.sign(RECORD_TYPE, payload))}
    body = {
        "algorithm": "Ed25519",
        "holder": world.actors["officer"].person_id,
        "kid": made.kid,
        "public_key": b64(made.public),
        "purpose": "record",
        "role": "association_officer",
    }
    fields["digest"] = batch_digest([Record(fields["id"], "key", body)])
    before = await counted("signing_key")
    for none in ("x", "=" * 88, "A" * 88, "é" * 86 + "=="):
        refused = await officer.post(place, data=fields | {"signatures": none})
        assert (refused.status_code, "签名读不出来" in refused.text) == (400, True), none
    refused = await officer.post(place, data=fields)
    assert (refused.status_code, MISSING in refused.text) == (403, True)
    assert await counted("signing_key") == before
    fields["approval"] = await officer.approve(key, fields["digest"])
    assert "签名密钥已登记" in (await officer.post(place, data=fields)).text
    assert await counted("signing_key") == before + 1


async def test_without_a_passkey_the_key_alone_signs(world, browse, enrol, here):
    officer, page = await proposing(world, browse, enrol)
    asked = await officer.post(APPROVAL, data={"digest": "0" * 64})
    assert asked.json() == {"options": None, "origin": "http://localhost:8000"}
    assert "已提出" in (await officer.sign(page)).text


async def test_where_browsers_refuse_passkeys_the_key_alone_signs(world, app, browse, enrol):
    officer, page = await proposing(world, browse, enrol)
    await enrol(officer)
    app.state.settings = app.state.settings.model_copy(update={"public_url": "http://127.0.0.1"})
    asked = await officer.post(APPROVAL, data={"digest": "0" * 64})
    assert asked.json() == {"options": None, "origin": None}
    assert "已提出" in (await officer.sign(page)).text


async def test_an_approval_asks_for_one_s_own_passkeys_and_a_known_user(browse, enrol):
    officer, reviewer = await browse("officer"), await browse("reviewer")
    key, _ = await enrol(officer)
    await enrol(reviewer, number=2)
    options = (await officer.post(APPROVAL, data={"digest": "0" * 64})).json()["options"]
    assert options["userVerification"] == "required"
    assert [unb64url(one["id"]) for one in options["allowCredentials"]] == [key.id]
    for digest in ("", "0", "0" * 65, "G" * 64, "0" * 64 + "\n"):
        assert (await officer.post(APPROVAL, data={"digest": digest})).status_code == 400
    assert (await (await browse(None)).post(APPROVAL)).url.path == "/login"


def unb64url(text):
    from base64 import urlsafe_b64decode

    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
async def signed(world, browse, enrol):
    """An officer with a passkey, and where to send a proposal that is signed and not approved."""
    officer, page = await proposing(world, browse, enrol)
    key, _ = await enrol(officer)
    return officer, key, *await officer.signed(page)


async def refuses(browser, action, fields, approval, status=403):
    answer = await browser.post(action, data=fields | {"approval": approval})
    assert answer.status_code == status, answer.text
    assert REFUSED in answer.text


async def test_an_approval_counts_once(world, signed, counted):
    officer, key, action, fields = signed
    approval = await officer.approve(key, fields["digest"])
    done = await officer.post(action, data=fields | {"approval": approval})
    assert "已提出" in done.text
    await refuses(officer, action, fields, approval)
    assert await counted("challenge") == 0


async def test_an_approval_comes_within_five_minutes(world, signed, counted):
    officer, key, action, fields = signed
    approval = await officer.approve(key, fields["digest"])
    world.clock.now_value += timedelta(minutes=5)
    await refuses(officer, action, fields, approval)
    assert await counted("event") == 0


async def test_an_approval_is_of_one_content(world, signed, browse, enrol, counted):
    officer, key, action, fields = signed
    page = await officer.post(
        f"/{CITY}/console/events/new", data=ENTRY | {"reference": "协字〔2026〕78号"}
    )
    _, other = await officer.signed(page)
    await refuses(officer, action, fields, await officer.approve(key, other["digest"]))
    # Nor is the digest that was sent believed: the server makes its own of what it takes in.
    approval = await officer.approve(key, other["digest"])
    changed = fields | {"digest": other["digest"], "approval": approval}
    answer = await officer.post(action, data=changed)
    assert (answer.status_code, "没有提交任何内容" in answer.text) == (409, True)
    assert await counted("event") == 0


async def test_an_approval_is_of_one_person(world, signed, browse, enrol, counted):
    officer, key, action, fields = signed
    reviewer = await browse("reviewer")
    theirs, _ = await enrol(reviewer, number=2)
    await refuses(officer, action, fields, await reviewer.approve(theirs, fields["digest"]))
    # Asked of the officer, and answered by another's passkey.
    await refuses(officer, action, fields, await officer.approve(theirs, fields["digest"]))
    # Asked of the reviewer, and answered by the officer's.
    await refuses(officer, action, fields, await reviewer.approve(key, fields["digest"]))
    assert await counted("event") == 0


async def test_what_was_asked_for_another_purpose_approves_nothing(world, signed, counted):
    officer, key, action, fields = signed
    options = (await officer.post(f"{CONFIRM}/options")).json()
    await refuses(officer, action, fields, key.get(options))
    options = (await officer.post("/login/passkey/options", data={"city": CITY})).json()
    await refuses(officer, action, fields, key.get(options))
    # Nor does an approval prove who somebody is.
    answer = await officer.approve(key, fields["digest"])
    assert (await officer.post(CONFIRM, data={"answer": answer})).status_code == 401
    assert await counted("event") == 0


NOT_QUITE = [
    {"flags": 0x01},  # nobody was recognised by the device
    {"flags": 0x04},
    {"origin": "http://localhost:8001"},
    {"rp_id": "evil.example"},
    {"kind": "webauthn.create"},
    {"cross_origin": True},
    {"challenge": "A" * 43},
    {"count": 0},
]


async def test_an_approval_that_is_not_quite_right_is_refused(world, signed, counted):
    officer, key, action, fields = signed
    await officer.post(CONFIRM, data={"answer": key.get(
        (await officer.post(f"{CONFIRM}/options")).json(), count=3)})  # fmt: skip
    for changed in NOT_QUITE:
        approval = await officer.approve(key, fields["digest"], **changed)
        await refuses(officer, action, fields, approval)
    for junk in ("{}", "[]", "x", '{"id": 1}', "[" * 10_000):
        await refuses(officer, action, fields, junk)
    assert (await officer.post(action, data=fields | {"approval": "x" * 20_001})).status_code == 400
    assert await counted("event") == 0


async def test_an_approval_is_used_up_with_the_act_or_not_at_all(world, browse, enrol, counted):
    """An act that is refused after its approval leaves nothing behind: the same may be sent again."""
    reviewer, page = await accepting(world, browse, enrol)
    key, _ = await enrol(reviewer)
    action, fields = await reviewer.signed(page, key)
    unknown = await reviewer.post(action, data=fields | {"kid": "k1:" + "0" * 32})
    assert unknown.status_code == 403
    assert "没有登记" in unknown.text
    assert "已接受 2 条事件" in (await reviewer.post(action, data=fields)).text


async def test_machines_sign_as_before(world, browse, enrol, app):
    import httpx
    import msgspec

    await enrol(await browse("officer"))
    draft = msgspec.to_builtins(world.draft(signers=("officer",)))
    headers = {"Authorization": f"Bearer {world.api_keys['officer']}", "Idempotency-Key": "k-1"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://credit.test"
    ) as client:
        answer = await client.post(f"/api/v1/{CITY}/events", json=draft, headers=headers)
    assert answer.status_code in (200, 201, 202), answer.text


def test_whoever_shows_what_is_signed_takes_it_in_by_approval():
    """Every module that shows something to sign takes signatures in, and by one function alone."""
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(SOURCE).as_posix()
        if name == "log/pages/signing.py":
            continue
        shown = len(re.findall(r"\bsigning_page\(", text))
        taken = len(re.findall(r"await approved_signatures\(", text))
        assert taken >= shown, name
        if "pages" in path.parts:
            assert not re.search(r"\bSig\(", text), name
