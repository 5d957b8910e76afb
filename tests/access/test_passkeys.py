"""Passkeys: each request is answered once, soon, by whom and for what it was asked."""

import asyncio
import itertools
import json
from datetime import timedelta

import pytest

from credit.access.service import passkeys
from credit.access.service.passkeys import site_of

LOGIN = "/login/passkey"
CONFIRM = "/150200/account/confirm/passkey"
REFUSED = "通行密钥没有通过"
PAUSE = timedelta(seconds=10)  # between attempts, so that no limit of attempts is met


async def asked(browser, path=LOGIN):
    answer = await browser.post(f"{path}/options", data={"city": "150200"})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def sign_in(browser, answer, **more):
    return await browser.post(LOGIN, data={"city": "150200", "answer": answer, **more})


async def who(browser):
    """Return the person the browser is signed in as; None for nobody."""
    page = await browser.get("/150200/account")
    return page if "我的账户" in page.text and "登录情况" in page.text else None


async def test_a_passkey_is_added_signs_in_is_shown_and_is_deleted(enrol, browse, counted):
    officer, stranger = await browse("officer"), await browse(None)
    key, page = await enrol(officer)
    assert "通行密钥已添加" in page.text
    assert "钥匙1" in page.text
    assert "没有用过" in page.text
    await sign_in(stranger, key.get(await asked(stranger)))
    shown = await who(stranger)
    assert "officer的姓名" in shown.text
    assert "没有用过" not in shown.text
    (digest,) = {one for one in shown.text.split('"') if "/passkeys/" in one and "/delete" in one}
    assert "钥匙1" in (await officer.get(digest)).text
    gone = await officer.post(digest)
    assert "通行密钥已删除" in gone.text
    assert await counted("passkey") == 0
    again = await sign_in(await browse(None), key.get(await asked(stranger)))
    assert again.status_code == 401


async def test_a_request_asks_for_a_known_user_and_a_key_that_names_its_owner(enrol, browse, here):
    officer = await browse("officer")
    await enrol(officer)
    options = (await officer.post("/150200/account/passkeys/options")).json()
    assert options["rp"]["id"] == "localhost"
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert options["attestation"] == "none"
    assert len(options["excludeCredentials"]) == 1
    request = await asked(officer)
    assert request["userVerification"] == "required"
    assert request["allowCredentials"] == []
    assert len(request["challenge"]) == 43  # 32 bytes
    assert request["challenge"] != (await asked(officer))["challenge"]


async def test_an_answer_counts_once(enrol, browse):
    key, _ = await enrol(await browse("officer"))
    stranger = await browse(None)
    answer = key.get(await asked(stranger), count=7)
    await sign_in(stranger, answer)
    assert await who(stranger)
    replayed = await sign_in(await browse(None), answer)
    assert replayed.status_code == 401
    assert REFUSED in replayed.text


async def test_an_answer_comes_within_five_minutes(enrol, browse, world):
    key, _ = await enrol(await browse("officer"))
    for minutes, status in ((5, 401), (4.99, 200)):
        stranger = await browse(None)
        options = await asked(stranger)
        world.clock.now_value += timedelta(minutes=minutes)
        assert (await sign_in(stranger, key.get(options))).status_code in (status, 404)
        assert bool(await who(stranger)) == (status == 200)


NOT_QUITE = [
    {"flags": 0x01},
    {"flags": 0x04},
    {"origin": "http://localhost:8001"},
    {"origin": "https://localhost:8000"},
    {"rp_id": "evil.example"},
    {"kind": "webauthn.create"},
    {"cross_origin": True},
    {"challenge": "A" * 43},
    {"handle": b""},
    {"handle": b"150200.P-0000000000000000"},
    {"handle": b"410402.P-0000000000000000"},
    {"handle": b"999999.P-0000000000000000"},
    {"handle": b"\xff.\x00"},
]


async def test_an_answer_that_is_not_quite_right_is_refused_like_any_other(enrol, browse, world):
    key, _ = await enrol(await browse("officer"))
    stranger = await browse(None)
    for changed in NOT_QUITE:
        world.clock.now_value += PAUSE
        page = await sign_in(stranger, key.get(await asked(stranger), **changed))
        assert page.status_code == 401, changed
        assert REFUSED in page.text, changed
        assert await who(stranger) is None, changed


async def test_a_new_passkey_that_is_not_quite_right_is_not_kept(enrol, browse, counted):
    officer = await browse("officer")
    for changed in ({"flags": 0x01}, {"origin": "https://evil.cn"}, {"rp_id": "evil.cn"}):
        _, page = await enrol(officer, **changed)
        assert page.status_code == 401, changed
        assert REFUSED in page.text, changed
    assert await counted("passkey") == 0


async def test_another_key_under_a_known_id_signs_nobody_in(enrol, browse, passkey):
    key, _ = await enrol(await browse("officer"))
    forged = passkey(1)
    forged.handle = key.handle
    stranger = await browse(None)
    assert (await sign_in(stranger, forged.get(await asked(stranger)))).status_code == 401


async def test_a_counter_that_does_not_grow_tells_of_a_copy(enrol, browse):
    key, _ = await enrol(await browse("officer"))
    stranger = await browse(None)
    await sign_in(stranger, key.get(await asked(stranger), count=5))
    assert await who(stranger)
    for count in (5, 4, 0):
        copy = await browse(None)
        assert (await sign_in(copy, key.get(await asked(copy), count=count))).status_code == 401
    await sign_in(copy, key.get(await asked(copy), count=6))
    assert await who(copy)


async def test_a_passkey_that_does_not_count_may_be_used_again(enrol, browse):
    key, _ = await enrol(await browse("officer"))
    for _ in range(2):
        stranger = await browse(None)
        await sign_in(stranger, key.get(await asked(stranger), count=0))
        assert await who(stranger)


async def test_a_request_serves_one_purpose_and_one_person(enrol, browse, world, passkey):
    officer, reviewer = await browse("officer"), await browse("reviewer")
    key, _ = await enrol(officer)
    await enrol(reviewer, number=2)
    stranger = await browse(None)
    for path in (CONFIRM, "/150200/account/passkeys"):  # asked for something else
        options = (await officer.post(f"{path}/options")).json() | {"rpId": "localhost"}
        assert (await sign_in(stranger, key.get(options))).status_code == 401
    options = await asked(stranger)  # asked of anybody, to sign in
    assert (await officer.post(CONFIRM, data={"answer": key.get(options)})).status_code == 401
    options = await asked(reviewer, CONFIRM)  # asked of somebody else
    assert (await officer.post(CONFIRM, data={"answer": key.get(options)})).status_code == 401
    options = await asked(officer, CONFIRM)  # answered by somebody else's
    other = passkey(2)
    other.handle = key.handle
    assert (await officer.post(CONFIRM, data={"answer": other.get(options)})).status_code == 401
    made = (await reviewer.post("/150200/account/passkeys/options")).json()
    answer = passkey(3).create(made)  # asked of the reviewer, sent by the officer
    fields = {"name": "别人的", "answer": answer}
    assert (await officer.post("/150200/account/passkeys", data=fields)).status_code == 401


async def test_a_passkey_confirms_in_the_place_of_the_password(enrol, browse, world):
    officer = await browse("officer")
    key, _ = await enrol(officer)
    world.clock.now_value += timedelta(minutes=6)
    page = await officer.get("/150200/account/passkeys/new")
    assert "请再次确认是您本人" in page.text
    assert "用通行密钥确认" in page.text
    answer = key.get(await asked(officer, CONFIRM))
    fields = {"answer": answer, "next": "/150200/account/passkeys/new"}
    page = await officer.post(CONFIRM, data=fields)
    assert page.url.path == "/150200/account/passkeys/new"
    assert "添加通行密钥" in page.text


async def test_adding_and_deleting_ask_for_a_proof_of_identity(enrol, browse, world, counted):
    officer = await browse("officer")
    _, page = await enrol(officer)
    (path,) = {one for one in page.text.split('"') if "/passkeys/" in one and "/delete" in one}
    world.clock.now_value += timedelta(minutes=6)
    officer.follow_redirects = False
    for method, where in (
        ("GET", "/150200/account/passkeys/new"),
        ("POST", "/150200/account/passkeys/options"),
        ("POST", "/150200/account/passkeys"),
        ("GET", path),
        ("POST", path),
    ):
        answer = await officer.request(method, where)
        assert answer.headers["location"].startswith("/150200/account/confirm?"), where
    assert await counted("passkey") == 1


async def test_nobody_deletes_another_s_passkey(enrol, browse, counted):
    officer, reviewer = await browse("officer"), await browse("reviewer")
    _, page = await enrol(officer)
    (path,) = {one for one in page.text.split('"') if "/passkeys/" in one and "/delete" in one}
    assert (await reviewer.get(path)).status_code == 404
    assert (await reviewer.post(path)).status_code == 404
    assert await counted("passkey") == 1


async def test_who_has_left_does_not_come_in(enrol, browse, world):
    key, _ = await enrol(await browse("officer"))
    async with world.db.city("150200") as conn:
        await conn.execute("UPDATE person SET active = false WHERE username = 'officer'")
    stranger = await browse(None)
    assert (await sign_in(stranger, key.get(await asked(stranger)))).status_code == 401


async def test_a_passkey_knows_its_city_whichever_was_chosen(enrol, browse):
    key, _ = await enrol(await browse("officer"))
    stranger = await browse(None)
    answer = await stranger.post(f"{LOGIN}/options", data={"city": "410402"})
    await sign_in(stranger, key.get(answer.json()), city="410402")
    assert await who(stranger)


async def test_a_session_begins_anew_with_a_passkey(enrol, browse, counted):
    officer = await browse("officer")
    key, _ = await enrol(officer)
    planted = officer.cookies["credit_session"]
    await sign_in(officer, key.get(await asked(officer)))
    assert officer.cookies["credit_session"] != planted
    assert await counted("web_session") == 1


async def test_of_two_answers_at_once_with_one_counter_one_counts(
    enrol, browse, world, lock_awaited
):
    key, _ = await enrol(await browse("officer"))
    browsers = [await browse(None), await browse(None)]
    answers = [key.get(await asked(one), count=9) for one in browsers]
    async with world.db.transaction("150200") as conn:
        await conn.execute("SELECT FROM passkey FOR UPDATE")
        both = asyncio.gather(*map(sign_in, browsers, answers))
        await lock_awaited(world.db.url, sessions=2)
    await both
    assert sum([bool(await who(one)) for one in browsers]) == 1


async def test_an_eleventh_passkey_is_refused(enrol, browse, monkeypatch):
    monkeypatch.setattr(passkeys, "PASSKEYS_MAX", 1)
    officer = await browse("officer")
    await enrol(officer)
    answer = await officer.post("/150200/account/passkeys/options")
    assert answer.status_code == 409
    assert "最多可以有 1 个" in answer.text


HOSTILE = [
    "{}",
    "[]",
    "nonsense",
    "[" * 10_000,
    "9" * 5_000,
    '{"id": 1}',
    '{"id": "\ud83d", "rawId": "\u2028", "type": "public-key", "response": {}}',
    "x" * 20_001,
]


PARTS = ["clientDataJSON", "authenticatorData", "signature", "userHandle"]
JUNK = ["", "AA", "!", "e30", "W10", "bnVsbA", "eyJ0eXBlIjoxfQ", "oA", "o2NmbXRkbm9uZQ", "n" * 400]


async def test_hostile_answers_are_refused_and_never_a_fault(enrol, browse, world):
    key, _ = await enrol(await browse("officer"))
    stranger = await browse(None)
    for answer in HOSTILE:
        world.clock.now_value += PAUSE
        page = await sign_in(stranger, answer.encode("utf-8", "replace").decode())
        assert page.status_code in (400, 401), answer[:60]
    for part, junk in itertools.product(PARTS, JUNK):
        world.clock.now_value += PAUSE
        answer = json.loads(key.get(await asked(stranger)))
        answer["response"][part] = junk
        page = await sign_in(stranger, json.dumps(answer))
        assert page.status_code == 401, (part, junk)
        assert REFUSED in page.text


async def test_a_hostile_attestation_is_refused_and_never_a_fault(here, browse, passkey):
    officer = await browse("officer")
    base = "/150200/account/passkeys"
    for junk in JUNK:
        answer = json.loads(passkey().create((await officer.post(f"{base}/options")).json()))
        answer["response"]["attestationObject"] = junk
        page = await officer.post(base, data={"name": "x", "answer": json.dumps(answer)})
        assert page.status_code == 401, junk


async def test_where_browsers_refuse_passkeys_the_pages_do_not_offer_them(app, browse):
    officer = await browse("officer")
    app.state.settings = app.state.settings.model_copy(
        update={"public_url": "http://127.0.0.1:8000"}
    )
    assert "通行密钥" not in (await officer.get("/150200/account")).text
    assert "通行密钥" not in (await officer.get("/login")).text
    assert (await officer.get("/150200/account/passkeys/new")).status_code == 404
    assert (await officer.post(f"{LOGIN}/options")).status_code == 404


@pytest.mark.parametrize(
    ("public_url", "found"),
    [
        ("https://credit.example.cn", ("credit.example.cn", "https://credit.example.cn")),
        ("https://Credit.Example.cn:443", ("credit.example.cn", "https://credit.example.cn")),
        ("https://x.cn:8443", ("x.cn", "https://x.cn:8443")),
        ("http://localhost:8000", ("localhost", "http://localhost:8000")),
        ("http://credit.example.cn", None),
        ("http://127.0.0.1:8000", None),
        ("https://192.0.2.1", None),
        ("https://[2001:db8::1]", None),
    ],
)
def test_passkeys_belong_to_a_named_host_reached_safely(public_url, found):
    site = site_of(public_url)
    assert (site and (site.rp_id, site.origin)) == found
