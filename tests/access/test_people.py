"""People administered: invited, given offices, ended and erased, by whom it may be done."""

import asyncio
import html
import json
import re
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import asyncpg
import pytest

from credit.access import service as access
from credit.access.admin import people
from credit.access.admin.people import Office
from credit.access.views import Seen
from credit.events import service as events
from credit.kit.errors import Conflict, Forbidden, Invalid
from credit.kit.signing import b64, unb64
from credit.log.carried import batch_digest
from credit.log.check.fsck import check_log
from credit.log.records import RECORD_TYPE, Record

CITY = "150200"
BASE = f"/{CITY}/console/people"
PORTAL = f"/{CITY}/portal/people"
FORM = {
    "username": "zhaoliu",
    "name": "赵六六",
    "roles": "association_officer",
    "kind": "association",
    "organisation": "市物业管理行业协会",
}
CHOSEN = "另一句好记的话2027"
ENTERPRISE = "91150200MA0000000C"


def link_of(page):
    """The invitation's link without its host, as the page shows it once."""
    found = re.search(r"http://[^<\"]*/invitation/[^<\"]*", page.text)
    assert found, page.text
    whole = urlsplit(html.unescape(found[0]))
    return f"{whole.path}?{whole.query}"


async def accept(browser, link, password=CHOSEN, again=None):
    token = link.partition("token=")[2]
    fields = {"token": token, "password": password, "again": again or password}
    return await browser.post(link.partition("?")[0], data=fields)


@pytest.fixture
def invited(browse):
    """What has the administrator add somebody; returns (administrator, person's page, link)."""

    async def add(**more):
        administrator = await browse("administrator")
        page = await administrator.post(f"{BASE}/new", data={**FORM, **more})
        link = link_of(page)
        listed = await administrator.get(f"{BASE}?q={more.get('username', 'zhaoliu')}")
        return administrator, re.search(rf"{BASE}/P-\w+", listed.text)[0], link

    return add


@pytest.fixture
def add_administrator(world):
    """What adds another administrator to the small city; returns them as an actor."""

    async def add(name):
        async with world.db.transaction(CITY) as conn:
            await access.add_person(
                conn, world.clock, world.vault, username=name, name=name, roles=["administrator"]
            )
            return await access.actor_named(conn, name)

    return add


async def signs_in(browser, username, password):
    fields = {"city": CITY, "username": username, "password": password}
    answer = await browser.post("/login", data=fields)
    return answer.status_code != 401


async def test_an_invitation_lets_one_person_choose_a_password_once(invited, browse):
    administrator, person, link = await invited()
    assert "赵六六" in (await administrator.get(person)).text
    assert "待接受邀请" in (await administrator.get(person)).text
    new = await browse(None)
    assert "zhaoliu" in (await new.get(link)).text
    assert (await new.get(link)).headers["cache-control"] == "no-store"
    for password, again in (
        ("短", None),
        ("我叫zhaoliu啊啊啊", None),
        (CHOSEN, "别的一句话别的一句话"),
    ):
        refused = await accept(new, link, password, again)
        assert refused.status_code == 400
    entered = await accept(new, link)
    assert entered.history[0].status_code == 303
    assert "赵六六" in (await new.get(f"/{CITY}/account")).text
    for again in (await accept(await browse(None), link), await new.get(link)):
        assert again.status_code == 404
        assert "已用过" in again.text
    assert "在岗" in (await administrator.get(person)).text
    assert await signs_in(await browse(None), "zhaoliu", CHOSEN)


async def test_an_invitation_ends_after_a_week_when_replaced_and_when_its_person_ends(
    world, invited, browse
):
    administrator, person, first = await invited()
    second = link_of(await administrator.post(f"{person}/invite"))
    new = await browse(None)
    assert (await accept(new, first)).status_code == 404
    await administrator.post(f"{person}/deactivate")
    assert (await accept(new, second)).status_code == 404
    await administrator.post(f"{person}/reactivate")
    third = link_of(await administrator.post(f"{person}/invite"))
    world.clock.now_value += timedelta(days=7)
    assert (await accept(new, third)).status_code == 404
    administrator = await browse("administrator")
    assert (
        "邀请已过期" not in (await administrator.get(person)).text
    )  # a password was set and voided
    fourth = link_of(await administrator.post(f"{person}/invite"))
    world.clock.now_value += timedelta(days=6, hours=23)
    assert (await new.get(fourth)).status_code == 200


async def test_two_who_answer_one_invitation_at_once_are_one(invited, browse):
    _, _, link = await invited()
    one, other = await browse(None), await browse(None)
    answers = await asyncio.gather(
        accept(one, link), accept(other, link, "第三句好记的话2028"), return_exceptions=True
    )
    assert sorted(answer.history != [] for answer in answers) == [False, True]
    assert {answer.status_code for answer in answers if not answer.history} == {404}


async def test_a_reset_makes_the_old_password_useless_and_ends_every_session(
    world, browse, password
):
    officer, administrator = await browse("officer"), await browse("administrator")
    person = world.actors["officer"].person_id
    link = link_of(await administrator.post(f"{BASE}/{person}/invite"))
    assert officer_is_out(await officer.get(f"/{CITY}/account"))
    assert not await signs_in(officer, "officer", password)
    await accept(officer, link)
    assert await signs_in(await browse(None), "officer", CHOSEN)


def officer_is_out(answer):
    return str(answer.url.path) == "/login"


async def test_who_is_deactivated_is_out_everywhere_until_reactivated(world, app, browse, password):
    officer, administrator = await browse("officer"), await browse("administrator")
    person = world.actors["officer"].person_id
    bearer = {"Authorization": f"Bearer {world.api_keys['officer']}"}
    stranger = await browse(None)

    async def api():
        answer = await stranger.get(f"/api/v1/{CITY}/events", headers=bearer)
        return answer.status_code

    assert await api() == 200
    page = await administrator.post(f"{BASE}/{person}/deactivate")
    assert "已停用" in page.text
    assert officer_is_out(await officer.get(f"/{CITY}/account"))
    assert not await signs_in(stranger, "officer", password)
    assert await api() == 401
    assert (await administrator.post(f"{BASE}/{person}/deactivate")).status_code == 409
    await administrator.post(f"{BASE}/{person}/reactivate")
    assert await signs_in(stranger, "officer", password)
    assert await api() == 200


async def test_nobody_ends_themselves_and_the_last_administrator_stays(
    world, browse, add_administrator
):
    administrator = await browse("administrator")
    own = world.actors["administrator"].person_id
    for path in ("deactivate", "erase", "invite"):
        refused = await administrator.post(f"{BASE}/{own}/{path}")
        assert refused.status_code == 403
        assert "自己的账户" in refused.text
    refused = await administrator.post(f"{BASE}/{own}", data={**FORM, "roles": "auditor"})
    assert refused.status_code == 403
    office = Office(["auditor"], "other", "审计处")
    async with world.db.transaction(CITY) as conn:
        second = await add_administrator("second")
        first = world.actors["administrator"]
        await people.deactivate(conn, second, first.person_id)
        await people.reactivate(conn, second, first.person_id)
        await people.change_office(conn, world.clock, first, second.person_id, office)
    # The one who is left acts on nobody who could be the last but themselves.
    for act in (
        lambda conn: people.deactivate(conn, second, first.person_id),
        lambda conn: people.erase_person(conn, world.clock, world.vault, second, first.person_id),
        lambda conn: people.change_office(conn, world.clock, second, first.person_id, office),
    ):
        with pytest.raises(Conflict, match="最后一位"):
            async with world.db.transaction(CITY) as conn:
                await act(conn)


@pytest.fixture
def at_once(world, lock_awaited):
    """What has people changed at the same moment: each has begun before any can go on."""

    async def run(*acts):
        async def one(act):
            async with world.db.transaction(CITY) as conn:
                await act(conn)

        holder = await asyncpg.connect(world.db.url)
        async with holder.transaction():
            await holder.execute("SELECT FROM city_150200.person FOR UPDATE")
            tasks = [asyncio.create_task(one(act)) for act in acts]
            await lock_awaited(world.db.url, sessions=len(acts))
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        await holder.close()
        return sorted(type(outcome).__name__ for outcome in outcomes)

    return run


async def test_two_administrators_who_end_each_other_at_once_leave_one(
    world, add_administrator, at_once
):
    first, second = world.actors["administrator"], await add_administrator("second")
    outcomes = await at_once(
        lambda conn: people.deactivate(conn, first, second.person_id),
        lambda conn: people.deactivate(conn, second, first.person_id),
    )
    assert outcomes == ["Conflict", "NoneType"]


async def test_of_two_who_end_the_same_person_at_once_one_is_told(world, at_once):
    actor, officer = world.actors["administrator"], world.actors["officer"]
    outcomes = await at_once(*[lambda conn: people.deactivate(conn, actor, officer.person_id)] * 2)
    assert outcomes == ["Conflict", "NoneType"]


async def test_offices_fit_organisations_and_a_known_one_keeps_its_code(world, browse):
    administrator = await browse("administrator")
    person = f"{BASE}/{world.actors['officer'].person_id}"
    enterprise = {"roles": "enterprise_user", "kind": "enterprise", "organisation": "甲物业"}
    for wrong, said in (
        ({"roles": []}, "没有“（空）”这个角色"),
        ({"roles": ["administrator", "association_officer"]}, "不能兼任"),
        ({"roles": "enterprise_user"}, "不能担任“企业用户”"),
        ({**enterprise, "party": "", "kind": "enterprise"}, "要填登记册里的代码"),
        ({**enterprise, "roles": "association_officer", "party": ENTERPRISE}, "不能担任"),
        ({"kind": "nothing"}, "请从列表中选择单位类别"),
        # The name is known under another code: whoever joined it would see its affairs.
        (
            {**enterprise, "organisation": "enterprise", "party": "91150200MA0000001F"},
            "与填写的不同",
        ),
    ):
        refused = await administrator.post(person, data={**FORM, **wrong})
        assert refused.status_code in (400, 409), wrong
        assert said in html.unescape(refused.text), wrong
    assert world.actors["officer"].roles == ("association_officer",)
    changed = {**FORM, "roles": ["association_officer", "street_officer"]}
    assert "已改任" in (await administrator.post(person, data=changed)).text
    actor = await actor_now(world, "officer")
    assert actor.roles == ("association_officer", "street_officer")
    assert (actor.division, actor.bound) == (None, False)  # the association works everywhere


async def actor_now(world, name):
    async with world.db.city(CITY) as conn:
        return await access.actor_named(conn, name)


async def test_a_street_and_a_district_s_department_name_their_division(browse):
    administrator = await browse("administrator")
    for kind, role, division, said in (
        ("street", "street_officer", "", "请填 9 位区划代码"),
        ("community", "community_officer", "150203001", "请填 12 位区划代码"),
        ("street", "street_officer", "150203", "请填 9 位区划代码"),
        ("district_department", "district_officer", "", "请填 6 位区划代码"),
        ("district_department", "district_officer", "150203001", "请填 6 位区划代码"),
        ("association", "association_officer", "150203", "其他单位不填"),
        ("association", "street_officer", "", "单位类别应是社区、街道或区县主管部门"),
        ("street", "association_reviewer", "150203001", "不能担任“协会审核员”"),
        ("district_department", "association_officer", "150203", "不能担任“协会信用专员”"),
        ("district_department", "city_officer", "150203", "不能担任“市主管部门”"),
        ("street", ["street_officer", "city_officer"], "150203001", "不能担任“市主管部门”"),
    ):
        office = {"roles": role, "kind": kind, "division": division}
        refused = await administrator.post(f"{BASE}/new", data={**FORM, **office})
        assert refused.status_code == 400, kind
        assert said in html.unescape(refused.text), (kind, division)


async def test_an_organisation_s_division_is_that_of_all_its_people(world, browse, invited):
    street = {"roles": "street_officer", "kind": "street", "organisation": "一街道办事处"}
    administrator, person, _ = await invited(**street, division="150203001")
    actor = await actor_now(world, "zhaoliu")
    assert (actor.division, actor.bound) == ("150203001", True)
    second = {**FORM, **street, "username": "second", "division": "150203002"}
    refused = await administrator.post(f"{BASE}/new", data=second)
    assert refused.status_code == 409
    assert "负责的区划是 150203001" in html.unescape(refused.text)
    await administrator.post(f"{BASE}/new", data={**second, "division": "150203001"})
    moved = {**FORM, **street, "division": "150203002"}
    assert "已改任" in (await administrator.post(person, data=moved)).text
    assert (await actor_now(world, "second")).division == "150203002"


async def test_who_was_registered_without_a_division_is_told_what_to_do(world, browse, invited):
    """As organisations of before the rule are: their people may look, and nothing else."""
    street = {"roles": "street_officer", "kind": "street", "organisation": "一街道办事处"}
    administrator, person, _ = await invited(**street, division="150203001")
    async with world.db.transaction(CITY) as conn:
        await conn.execute("UPDATE organisation SET division = NULL WHERE kind = 'street'")
    actor = await actor_now(world, "zhaoliu")
    assert (actor.division, actor.bound) == (None, True)
    assert "还没有登记负责的辖区" in (await administrator.get(person)).text
    changed = {**FORM, **street, "division": "150203001"}
    assert "已改任" in (await administrator.post(person, data=changed)).text
    assert (await actor_now(world, "zhaoliu")).division == "150203001"


@pytest.mark.parametrize("username", ["a", "赵六", "a b", "-ab", "a" * 41, "a\n"])
async def test_a_user_name_can_be_typed_everywhere(browse, username):
    administrator = await browse("administrator")
    refused = await administrator.post(f"{BASE}/new", data={**FORM, "username": username})
    assert refused.status_code == 400
    taken = await administrator.post(f"{BASE}/new", data={**FORM, "username": "officer"})
    assert taken.status_code == 409
    assert "赵六六" in taken.text  # what was typed is still there


async def test_the_list_goes_on_where_a_page_ended_and_looking_is_noted(world, browse):
    async with world.db.transaction(CITY) as conn:
        for number in range(55):
            await access.add_person(
                conn,
                world.clock,
                world.vault,
                username=f"u{number:03d}",
                name=f"名字{number}",
                roles=["resident"],
            )
    administrator = await browse("administrator")
    first = await administrator.get(f"{BASE}?role=resident")
    found = re.search(r'rel="next" href="([^"]*)"', first.text)
    second = await administrator.get(html.unescape(found[1]))
    names = re.findall(r"名字\d+", first.text + second.text)
    assert len(names) == len(set(names)) == 55
    assert "没有找到" in (await administrator.get(f"{BASE}?q=100%25")).text
    async with world.db.city(CITY) as conn:
        rows = await conn.fetch("SELECT personal FROM trail WHERE action = '人员名单'")
    assert [row["personal"] for row in rows] == [True] * 3


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("administrator", BASE),
        ("administrator", f"/{CITY}/console/clients?ended=yes"),
        ("administrator", f"/{CITY}/console/clients/new"),
        ("enterprise", PORTAL),
        ("auditor", f"/{CITY}/console/trail?names=yes"),
    ],
)
async def test_a_list_takes_few_statements_however_long_it_is(
    world, app, browse, monkeypatch, name, path
):
    async with world.db.transaction(CITY) as conn:
        for number in range(60):
            person = await access.add_person(
                conn,
                world.clock,
                world.vault,
                username=f"u{number:03d}",
                name=f"名字{number}",
                roles=["enterprise_user"],
                organisation_id=await conn.fetchval(
                    "SELECT organisation_id FROM person WHERE username = 'enterprise'"
                ),
            )
            await access.issue_key(conn, world.clock, person_id=person, name=f"平台{number}")
            await access.note_trail(conn, world.clock, Seen("看", person), status=200, address=None)
    browser = await browse(name)
    sent, lend = [], app.state.db.city

    @asynccontextmanager
    async def city(code):
        async with lend(code) as conn:
            with conn.query_logger(lambda record: sent.append(record.query)):
                yield conn

    monkeypatch.setattr(app.state.db, "city", city)
    page = await browser.get(path)
    assert page.status_code == 200
    assert len(re.findall(r"<tr>", page.text)) > 50
    assert len(sent) <= 6, sent
    assert len(page.content) < 100_000


async def scan(world, *words):
    """Look for words in everything the schema holds, as text and as bytes."""
    found = []
    async with world.db.pool.acquire() as conn:
        columns = await conn.fetch(
            """
            SELECT c.relname AS of, a.attname AS name, t.typname AS kind
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            JOIN pg_type t ON t.oid = a.atttypid
            WHERE c.relnamespace = to_regnamespace('city_150200') AND c.relkind IN ('r', 'p')
                AND a.attnum > 0 AND NOT a.attisdropped
            """
        )
        assert {row["kind"] for row in columns} >= {"text", "bytea", "jsonb", "_text"}
        for row in columns:
            column = f'"{row["name"]}"'
            if row["kind"] == "bytea":
                test = f"position($1::text::bytea IN {column}) > 0"
            else:
                test = f"position(lower($1) IN lower({column}::text)) > 0"
            for word in words:
                query = f'SELECT count(*) FROM city_150200."{row["of"]}" WHERE {test}'
                if await conn.fetchval(query, word):
                    found.append((row["of"], row["name"], word))
    return found


async def announce(world, browser, name):
    """Make a signing key for somebody and announce it, as their browser would."""
    key = world.keys[name] = world.logs.person_key(CITY, name)
    fields = {"id": "019f0000-0000-7000-8000-000000000001", "public_key": b64(key.public)}
    asked = await browser.post(f"/{CITY}/account/keys/payload", data=fields)
    payload = unb64(asked.json()["payload"])
    signed = {
        "kid": key.kid,
        "signatures": b64(key.sign(RECORD_TYPE, payload)),
        "digest": batch_digest([Record(**json.loads(payload))]),
    }
    done = await browser.post(f"/{CITY}/account/keys", data=fields | signed)
    assert "已登记" in done.text


async def test_who_is_erased_is_named_nowhere_and_the_log_stays_whole(world, invited, browse):
    """The person signs in, sees, is seen, has a key and a fact of theirs in the log first."""
    administrator, person, link = await invited(username="sunwukong", name="孙悟空行者")
    new = await browse(None)
    await accept(new, link)
    person_id = person.rsplit("/", 1)[1]
    await announce(world, new, "sunwukong")
    async with world.db.transaction(CITY) as conn:
        world.actors["sunwukong"] = await access.actor_named(conn, "sunwukong")
        draft = world.draft(signers=("sunwukong", "reviewer"))
        await events.propose(conn, world.clock, world.actors["sunwukong"], world.pack, [draft])
        await access.issue_key(conn, world.clock, person_id=person_id, name="招投标平台")
        await conn.execute(
            "INSERT INTO passkey (credential_id, person_id, public_key, sign_count, name,"
            " created_at) VALUES ('x', $1, 'x', 0, '孙悟空行者的手机', now())", person_id
        )  # fmt: skip
        await conn.execute(
            "INSERT INTO external_identity (issuer, subject, person_id, linked_at)"
            " VALUES ('https://id.test', 'sunwukong', $1, now())", person_id
        )  # fmt: skip
    await world.sequence()
    assert set(await scan(world, "sunwukong", "孙悟空行者")) == {
        ("person", "username", "sunwukong"),
        ("passkey", "name", "孙悟空行者"),
        ("external_identity", "subject", "sunwukong"),
    }

    explained = await administrator.get(f"{person}/erase")
    assert "不能撤销" in explained.text
    done = await administrator.post(f"{person}/erase")
    assert f"已删除 {person_id}" in done.text
    assert await scan(world, "sunwukong", "孙悟空行者", "孙悟空") == []
    assert await scan(world, person_id) != []  # the pseudonym stays
    assert officer_is_out(await new.get(f"/{CITY}/account"))
    assert not await signs_in(new, "sunwukong", CHOSEN)
    assert (await administrator.get(person)).status_code == 404
    async with world.db.city(CITY) as conn:
        assert await access.names_of(conn, world.vault, [person_id]) == {}
        assert (
            await conn.fetchval(
                "SELECT count(*) FROM api_client WHERE person_id = $1 AND revoked_at IS NULL",
                person_id,
            )
            == 0
        )
        left = await conn.fetchval(
            "SELECT password_hash FROM credential WHERE person_id = $1", person_id
        )
        assert not left
    faults = await check_log(
        world.db, CITY, world.logs.verifier(CITY), world.logs.keeper(CITY), signatures=True
    )
    assert faults == []
    again = await administrator.post(f"{BASE}/new", data={**FORM, "username": "sunwukong"})
    assert "邀请链接" in again.text  # the user name is free


async def test_erasing_asks_for_a_fresh_proof_of_identity(world, browse, password):
    administrator = await browse("administrator")
    person = f"{BASE}/{world.actors['officer'].person_id}"
    world.clock.now_value += timedelta(minutes=6)
    asked = await administrator.get(f"{person}/erase")
    assert asked.url.path == f"/{CITY}/account/confirm"
    assert (await administrator.post(f"{person}/erase")).url.path == f"/{CITY}/account/confirm"
    async with world.db.city(CITY) as conn:
        assert await access.actor_named(conn, "officer")
    confirmed = await administrator.post(
        f"/{CITY}/account/confirm", data={"password": password, "next": f"{person}/erase"}
    )
    assert "确认删除" in confirmed.text


async def test_an_enterprise_looks_after_its_own_colleagues_alone(world, browse):
    enterprise, competitor = await browse("enterprise"), await browse("competitor")
    invited = await enterprise.post(PORTAL, data={"username": "tongshi", "name": "钱七七"})
    link = link_of(invited)
    shown = await enterprise.get(PORTAL)
    assert "tongshi" in shown.text
    assert "钱**" in shown.text
    assert "钱七七" not in shown.text
    assert "tongshi" not in (await competitor.get(PORTAL)).text
    async with world.db.city(CITY) as conn:
        colleague = await access.actor_named(conn, "tongshi")
    assert (colleague.roles, colleague.party) == (("enterprise_user",), ENTERPRISE)
    path = f"{PORTAL}/{colleague.person_id}"
    for other in (f"{path}/deactivate", f"{path}/invite"):
        assert (await competitor.post(other)).status_code == 404
    replaced = link_of(await enterprise.post(f"{path}/invite"))
    new = await browse(None)
    assert (await accept(new, link)).status_code == 404
    await accept(new, replaced)
    # An account that is in use is nobody's to take over.
    assert (await enterprise.post(f"{path}/invite")).status_code == 409
    officer = world.actors["officer"].person_id
    for person in (officer, world.actors["competitor"].person_id):
        assert (await enterprise.post(f"{PORTAL}/{person}/deactivate")).status_code == 404
    own = world.actors["enterprise"].person_id
    assert (await enterprise.post(f"{PORTAL}/{own}/deactivate")).status_code == 403
    assert "已停用" in (await enterprise.post(f"{path}/deactivate")).text
    assert officer_is_out(await new.get(f"/{CITY}/account"))


async def test_what_is_for_the_administrator_no_enterprise_may_do(world):
    actor, other = world.actors["enterprise"], world.actors["competitor"]
    office = Office(["administrator"], "other", "我们")
    clock, vault = world.clock, world.vault
    for act in (
        lambda conn: people.add_member(
            conn, clock, vault, actor, username="x1", name="某", office=office
        ),
        lambda conn: people.change_office(conn, clock, actor, other.person_id, office),
        lambda conn: people.reactivate(conn, actor, other.person_id),
        lambda conn: people.erase_person(conn, clock, vault, actor, other.person_id),
        lambda conn: people.people_page(
            conn, clock, vault, world.actors["officer"], after="", limit=9
        ),
        lambda conn: people.add_colleague(
            conn, clock, vault, world.actors["officer"], username="x1", name="某"
        ),
    ):
        with pytest.raises(Forbidden):
            async with world.db.transaction(CITY) as conn:
                await act(conn)


@pytest.mark.parametrize(
    ("roles", "kind", "party"),
    [
        (["committee_user"], "enterprise", ENTERPRISE),
        (["enterprise_user", "bidder"], "enterprise", ENTERPRISE),
        (["merchant_user"], "other", None),
        (["association_officer"], "association", ENTERPRISE),
    ],
)
async def test_what_does_not_belong_together_is_refused_and_nobody_added(world, roles, kind, party):
    office = Office(roles, kind, "某单位", party)
    with pytest.raises(Invalid):
        async with world.db.transaction(CITY) as conn:
            await people.add_member(
                conn,
                world.clock,
                world.vault,
                world.actors["administrator"],
                username="someone",
                name="某人",
                office=office,
            )
    async with world.db.city(CITY) as conn:
        assert "someone" not in {one["username"] for one in await access.people(conn)}


async def test_the_server_has_no_right_that_erasing_could_do_without(world):
    """A password is made useless in its row; keys and organisations keep their names."""
    async with world.db.city("150200") as conn:
        found = await conn.fetchrow(
            "SELECT has_table_privilege('credit_app', 'credential', 'DELETE'),"
            " has_table_privilege('credit_app', 'person', 'DELETE'),"
            " has_table_privilege('credit_app', 'api_client', 'DELETE'),"
            " has_column_privilege('credit_app', 'api_client', 'name', 'UPDATE'),"
            " has_column_privilege('credit_app', 'organisation', 'name', 'UPDATE')"
        )
    assert tuple(found) == (False,) * 5
