"""Everybody's signing keys in the console: found, understood, revoked; and pointed out in time."""

import html
import re
from datetime import timedelta

import pytest

from credit.log import service

CITY = "150200"
KEYS = f"/{CITY}/console/keys"
MOST_STATEMENTS = 12


async def rows(browser, **query):
    """Return the list as texts, a row each."""
    page = await browser.get(KEYS, params=query)
    assert page.status_code == 200, page.text
    found = re.findall(r"<tbody>(.*?)</tbody>", page.text, re.DOTALL)
    cells = re.findall(r"<tr>(.*?)</tr>", found[0], re.DOTALL) if found else []
    return [" ".join(html.unescape(re.sub(r"<[^>]*>", " ", row)).split()) for row in cells]


async def revoke(browser, kid):
    """Revoke a key as an administrator does, from the list."""
    return await browser.sign(await browser.get(f"{KEYS}/{kid}/revoke"))


async def test_an_administrator_sees_whose_each_key_is_and_revokes_it(world, browse):
    await world.sequence()
    administrator = await browse("administrator")
    kid, person = world.keys["officer"].kid, world.actors["officer"].person_id
    (row,) = await rows(administrator, holder=person)
    for shown in (
        kid,
        "Ed25519",
        "officer的姓名",
        person,
        "协会信用专员",
        "第 0 条",
        "有效",
        "吊销",
    ):
        assert shown in row, shown
    assert len(await rows(administrator)) == 5
    page = await administrator.get(f"{KEYS}/{kid}/revoke")
    assert person in page.text
    done = await administrator.sign(page)
    assert (done.url.path, done.url.params["holder"]) == (KEYS, person)
    assert "密钥已吊销" in done.text
    await world.sequence()
    (row,) = await rows(administrator, status="revoked")
    assert "已吊销 2026-06-30 12:00 第 5 条" in row
    assert kid not in " ".join(await rows(administrator, status="live"))
    assert (await administrator.get(f"{KEYS}/{kid}/revoke")).status_code == 409
    assert (await administrator.get(f"{KEYS}/k1:{'0' * 32}/revoke")).status_code == 404
    async with world.db.city(CITY) as conn:
        assert not (await service.find_keys(conn, [kid]))[kid].active


async def test_an_auditor_sees_all_keys_names_masked_and_revokes_none(world, browse):
    auditor = await browse("auditor")
    found = await rows(auditor)
    assert len(found) == 5
    assert not any("的姓名" in row or row.endswith("吊销") for row in found)
    kid = world.keys["officer"].kid
    assert (await auditor.get(f"{KEYS}/{kid}/revoke")).status_code == 403
    assert (await auditor.post(f"{KEYS}/{kid}/revoke")).status_code == 403
    async with world.db.city(CITY) as conn:
        (line,) = await conn.fetch("SELECT personal FROM trail WHERE action = '签名密钥名单'")
    assert line["personal"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"q": "officer"}, 1),
        ({"q": "甲"}, 0),
        ({"q": "%"}, 0),
        ({"q": "k1:"}, 5),
        ({"q": "", "status": ""}, 5),
        ({"status": "revoked"}, 0),
        ({"status": "orphan"}, 0),
        ({"holder": "P-0000000000000000"}, 0),
    ],
)
async def test_the_list_is_narrowed(browse, query, count):
    assert len(await rows(await browse("administrator"), **query)) == count


async def test_the_list_is_paged_and_costs_few_statements(world, browse, monkeypatch):
    from credit.log.pages import console

    monkeypatch.setattr(console, "PAGE", 2)
    administrator = await browse("administrator")
    query, seen = {}, []
    for number in (2, 2, 1):
        page = await administrator.get(KEYS, params=query)
        kids = re.findall(r'class="code nowrap">(k1:[0-9a-f]{32})<', page.text)
        assert len(kids) == number
        seen += kids
        more = re.search(r'rel="next" href="[^"]*cursor=(k1%3A[0-9a-f]{32})', page.text)
        query = {"cursor": more[1].replace("%3A", ":")} if more else {}
    assert sorted(seen) == sorted(set(seen))
    assert len(seen) == 5


async def test_whoever_leaves_is_followed_by_the_revocation_of_their_keys(world, browse):
    administrator = await browse("administrator")
    person, kid = world.actors["officer"].person_id, world.keys["officer"].kid
    place = f"/{CITY}/console/people/{person}"
    assert "1 把有效" in (await administrator.get(place)).text
    done = await administrator.post(f"{place}/deactivate")
    assert (done.url.path, dict(done.url.params)) == (KEYS, {"holder": person, "status": "live"})
    assert "此人还有 1 把有效的签名密钥，请接着吊销" in done.text
    assert "有 1 把有效的密钥，持有人的账户已停用或删除" in done.text
    assert "还有 1 把签名密钥没有吊销" in (await administrator.get(place)).text
    (row,) = await rows(administrator, status="orphan")
    assert kid in row
    assert "已停用" in row
    assert "密钥已吊销" in (await revoke(administrator, kid)).text
    assert await rows(administrator, status="orphan") == []
    assert "没有有效的" in (await administrator.get(place)).text


async def test_whoever_is_erased_leaves_keys_without_a_name(world, browse):
    administrator = await browse("administrator")
    person = world.actors["officer"].person_id
    place = f"/{CITY}/console/people/{person}/erase"
    assert "还有 1 把有效的签名密钥。请先吊销" in (await administrator.get(place)).text
    done = await administrator.post(place)
    assert "请接着吊销" in done.text
    (row,) = await rows(administrator, status="orphan")
    assert "不再知道是谁" in row
    assert "officer" not in row
    gone = await administrator.post(
        f"/{CITY}/console/people/{world.actors['auditor'].person_id}/erase"
    )
    assert gone.url.path == f"/{CITY}/console/people"  # an auditor has no key


async def test_a_revocation_is_of_now_and_of_the_key_that_was_shown(world, browse):
    administrator = await browse("administrator")
    kid, other = world.keys["officer"].kid, world.keys["reviewer"].kid
    page = await administrator.get(f"{KEYS}/{kid}/revoke")
    action, fields = await administrator.signed(page)
    elsewhere = await administrator.post(action.replace(kid, other), data=fields)
    assert (elsewhere.status_code, "没有提交任何内容" in elsewhere.text) == (409, True)
    for changed in ({"revoked_at": "x"}, {"revoked_at": "2026-06-30T03:00:00Z"}, {"id": "x"}):
        answer = await administrator.post(action, data=fields | changed)
        assert answer.status_code in (400, 409), changed
    world.clock.now_value += timedelta(minutes=11)
    late = await administrator.post(action, data=fields)
    assert (late.status_code, "已经过时" in late.text) == (409, True)
    officer = await browse("officer")
    own = await officer.sign(await officer.get(f"/{CITY}/account/keys/{kid}/revoke"))
    assert "密钥已吊销" in own.text
    foreign = await officer.get(f"/{CITY}/account/keys/{other}/revoke")
    assert (await officer.sign(foreign)).status_code == 403
