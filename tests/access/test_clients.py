"""Machines: keys issued, renewed, ended, and how often they may ask."""

import asyncio
import html
import re
from base64 import b64encode
from datetime import timedelta

import pytest
from click.testing import CliRunner

from credit.access import service as access
from credit.access.admin import clients
from credit.access.guard import SIGN_INS_PER_MINUTE
from credit.access.logic import address_group
from credit.cli import main
from credit.kit.errors import Conflict, Forbidden, Invalid, NotFound

CITY = "150200"
BASE = f"/{CITY}/console/clients"
EVENTS = f"/api/v1/{CITY}/events"
PUBLIC = b64encode(bytes(range(32))).decode()


def key_of(page):
    found = re.search(r"ck_[0-9a-f]{9}_[0-9a-f]{55}", page.text)
    assert found, page.text
    return found[0]


@pytest.fixture
async def call(world, app, browse):
    """What asks for events with a key; returns the answer."""
    stranger = await browse(None)

    async def ask(key, path=EVENTS):
        return await stranger.get(path, headers={"Authorization": f"Bearer {key}"})

    return ask


@pytest.fixture
async def administrator(browse):
    return await browse("administrator")


@pytest.fixture
def issue(world, administrator):
    """What issues a key on the page for a person's machine."""

    async def made(by="officer", **more):
        fields = {
            "person": world.actors[by].person_id,
            "name": "招投标平台",
            "scopes": "events:read",
            "rate": "600",
            "days": "30",
        }
        return await administrator.post(f"{BASE}/new", data={**fields, **more})

    return made


async def test_a_key_is_shown_once_and_carries_what_was_chosen(world, administrator, issue, call):
    offered = await administrator.get(f"{BASE}/new?person={world.actors['officer'].person_id}")
    assert "提出事件" in offered.text
    assert "进入工作台" not in offered.text  # what only pages ask for
    key = key_of(await issue())
    listed = await administrator.get(BASE)
    assert key[:12] in listed.text
    assert key not in listed.text
    assert (await call(key)).status_code == 200
    assert (await call(key, f"{EVENTS}/019f0000-0000-7000-8000-000000000001")).status_code == 404
    narrow = key_of(await issue(scopes="events:propose"))
    assert (await call(narrow)).status_code == 403
    async with world.db.city(CITY) as conn:
        rows = await conn.fetch("SELECT client, status FROM trail WHERE client IS NOT NULL")
    assert (key[:12], 200) in {tuple(row) for row in rows}
    world.clock.now_value += timedelta(days=30)
    assert (await call(key)).status_code == 401


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"scopes": []}, "至少勾选一项"),
        ({"scopes": "grades:publish"}, "密钥也不能有"),
        ({"scopes": ["events:read", "no:such"]}, "no:such"),
        ({"days": "731"}, "days"),
        ({"days": "0"}, "days"),
        ({"rate": "0"}, "rate"),
        ({"name": ""}, "name"),
        ({"name": "officer 的电脑"}, "不要写人的姓名"),
        ({"name": "给OFFICER的姓名用"}, "不要写人的姓名"),
    ],
)
async def test_what_does_not_fit_is_said_and_nothing_issued(administrator, issue, wrong, said):
    refused = await issue(**wrong)
    assert refused.status_code == 400
    assert said in html.unescape(refused.text)
    assert "招投标平台" not in (await administrator.get(f"{BASE}?ended=yes")).text


async def test_nobody_gets_a_key_who_left(world, administrator, issue):
    officer = world.actors["officer"].person_id
    await administrator.post(f"/{CITY}/console/people/{officer}/deactivate")
    assert (await issue()).status_code == 404


async def test_rotation_lets_the_old_key_work_on_for_some_days(world, administrator, issue, call):
    old = key_of(await issue())
    await administrator.post(f"{BASE}/{old[:12]}/public-key", data={"public_key": PUBLIC})
    world.clock.now_value += timedelta(minutes=1)
    new = key_of(await administrator.post(f"{BASE}/{old[:12]}/rotate", data={"overlap": "3"}))
    async with world.db.city(CITY) as conn:
        rows = await conn.fetch(
            "SELECT name, scopes, rate_per_minute, public_key FROM api_client"
            " WHERE prefix = ANY($1)", [old[:12], new[:12]]
        )  # fmt: skip
    assert rows[0] == rows[1]
    assert "换发" in (await administrator.get(BASE)).text
    runs = f"/api/v1/{CITY}/grade-runs"  # which name no person, and so need no signature
    assert [(await call(key, runs)).status_code for key in (old, new)] == [200, 200]
    world.clock.now_value += timedelta(days=3)
    assert [(await call(key, runs)).status_code for key in (old, new)] == [401, 200]
    async with world.db.transaction(CITY) as conn:
        with pytest.raises(Conflict):  # what has ended is not renewed
            await clients.rotate_client(conn, world.clock, world.actors["administrator"], old[:12])


async def test_an_overlap_never_makes_a_key_last_longer(world, issue, call):
    old = key_of(await issue(days="1"))
    async with world.db.transaction(CITY) as conn:
        await clients.rotate_client(conn, world.clock, world.actors["administrator"], old[:12], 30)
    world.clock.now_value += timedelta(days=1)
    assert (await call(old)).status_code == 401


async def test_a_renewed_key_has_what_its_person_may_still_do(world, issue):
    old = key_of(await issue(scopes=["events:read", "grades:run"]))
    person = world.actors["officer"].person_id
    administrator = world.actors["administrator"]
    async with world.db.pool.acquire() as conn:
        await conn.execute(
            "UPDATE city_150200.person SET roles = $2 WHERE id = $1", person, ["street_officer"]
        )
    async with world.db.transaction(CITY) as conn:
        new = await clients.rotate_client(conn, world.clock, administrator, old[:12])
        assert (await clients.client(conn, administrator, new[:12])).scopes == ("events:read",)
        await conn.execute("UPDATE person SET roles = $2 WHERE id = $1", person, ["resident"])
        with pytest.raises(Conflict):
            await clients.rotate_client(conn, world.clock, administrator, new[:12])


async def test_a_revoked_key_is_out_at_once(administrator, issue, call):
    key = key_of(await issue())
    page = await administrator.post(f"{BASE}/{key[:12]}/revoke")
    assert "已吊销" in page.text
    assert (await call(key)).status_code == 401
    assert key[:12] not in (await administrator.get(BASE)).text
    assert key[:12] in (await administrator.get(f"{BASE}?ended=yes")).text
    for path in ("rotate", "public-key"):
        assert (await administrator.post(f"{BASE}/{key[:12]}/{path}")).status_code == 409


@pytest.mark.parametrize("wrong", ["x", "AAAA", "!" * 44, b64encode(bytes(33)).decode()])
async def test_a_public_key_is_32_bytes(administrator, issue, wrong):
    key = key_of(await issue())
    path = f"{BASE}/{key[:12]}/public-key"
    assert (await administrator.post(path, data={"public_key": wrong})).status_code == 400
    assert "须签名" in (await administrator.post(path, data={"public_key": PUBLIC})).text
    assert "已移除" in (await administrator.post(path)).text


async def test_the_list_goes_on_where_a_page_ended(world, administrator):
    async with world.db.transaction(CITY) as conn:
        for number in range(60):
            await access.issue_key(
                conn,
                world.clock,
                person_id=world.actors["officer"].person_id,
                name=f"平台{number}号",
            )
    first = await administrator.get(f"{BASE}?q=平台")
    found = re.search(r'rel="next" href="([^"]*)"', first.text)
    second = await administrator.get(html.unescape(found[1]))
    names = re.findall(r"平台\d+号", first.text + second.text)
    assert len(names) == len(set(names)) == 60


async def test_only_the_administrator_looks_after_keys(world):
    actor = world.actors["officer"]
    prefix = world.api_keys["bidder"][:12]
    async with world.db.transaction(CITY) as conn:
        for act in (
            clients.client(conn, actor, prefix),
            clients.rotate_client(conn, world.clock, actor, prefix),
            clients.revoke_client(conn, world.clock, actor, prefix),
            clients.register_public_key(conn, world.clock, actor, prefix, PUBLIC),
        ):
            with pytest.raises(Forbidden):
                await act
        with pytest.raises(NotFound):
            await clients.client(conn, world.actors["administrator"], "ck_000000000")
        with pytest.raises(Invalid):
            await clients.rotate_client(
                conn, world.clock, world.actors["administrator"], prefix, 31
            )


async def test_more_than_agreed_is_refused_until_told(world, issue, call):
    key, busy = key_of(await issue(rate="60")), key_of(await issue(rate="60"))
    answers = await asyncio.gather(*(call(key) for _ in range(13)))
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429] * 3
    late = next(answer for answer in answers if answer.status_code == 429)
    assert late.headers["content-type"] == "application/problem+json"
    assert late.headers["retry-after"] == "1"
    assert "每分钟最多 60 次" in late.json()["detail"]
    assert (await call(busy)).status_code == 200  # another key has its own
    world.clock.now_value += timedelta(seconds=1)
    assert [(await call(key)).status_code for _ in range(2)] == [200, 429]
    async with world.db.city(CITY) as conn:
        noted = await conn.fetchval("SELECT count(*) FROM trail WHERE client = $1", key[:12])
    assert noted == 11  # what was not even looked at is not noted


async def test_a_flood_of_sign_ins_from_one_place_is_stopped(world, browse):
    stranger, most = await browse(None), SIGN_INS_PER_MINUTE
    fields = {"city": CITY, "username": "nobody", "password": "无论什么密码"}
    statuses = [(await stranger.post("/login", data=fields)).status_code for _ in range(most + 1)]
    assert statuses == [401] * most + [429]
    page = await stranger.post("/login", data=fields)
    assert (page.status_code, page.headers["retry-after"]) == (429, str(60 // most))
    assert "请求太频繁" in page.text
    assert (await stranger.get("/login")).status_code == 200
    assert (await stranger.post("/logout")).status_code == 200
    world.clock.now_value += timedelta(seconds=60 // most)
    assert (await stranger.post("/login", data=fields)).status_code == 401


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("", "", True),
    ],
)
def test_whoever_has_a_whole_network_is_one_place(one, other, same):
    assert (address_group(one) == address_group(other)) is same


async def test_the_operator_issues_keys_as_narrow_as_wished(world):
    environment = {
        "CREDIT_DATABASE_URL": world.db.url,
        "CREDIT_DATA_DIR": str(world.settings.data_dir),
    }

    async def key(*options, name="招投标平台"):
        command = ["people", "key", "officer", "--city", CITY, "--name", name, *options]
        return await asyncio.to_thread(CliRunner().invoke, main, command, env=environment)

    scopes = ["--scope", "events:read", "--scope", "grades:run"]
    made = await key(*scopes, "--days", "30", "--rate", "60")
    prefix = made.stdout[:12]
    async with world.db.city(CITY) as conn:
        found = await clients.client(conn, world.actors["administrator"], prefix)
    assert (found.scopes, found.rate_per_minute) == (("events:read", "grades:run"), 60)
    assert found.expires_at - found.created_at == timedelta(days=30)
    for options, name in (
        (["--scope", "grades:publish"], "平台"),
        (["--days", "731"], "平台"),
        (["--rate", "100001"], "平台"),
        ([], "officer 的机器"),
    ):
        assert (await key(*options, name=name)).exit_code == 2
