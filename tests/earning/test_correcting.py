"""Corrections: a member's name and telephone number, mended by their own community alone."""

import asyncio
import html
import re
from datetime import date

import pytest
from tests.bank import CITY, COMMUNITY

from credit.earning import service as earning
from credit.earning.service import correcting, leaving, posting_lists, sign_ins
from credit.earning.service.members import NewMember
from credit.kit.errors import Conflict, Forbidden, Invalid, NotFound

MEMBERS = f"/{CITY}/console/members"
FAR = "150204001001"
PHONE = "13900000000"


async def correct(bank, name, phone=PHONE, *, by="clerk", wallet=None):
    """Correct Li, or another wallet; says whether anything was another one."""
    async with bank.db.transaction(CITY) as conn:
        return await correcting.correct(
            conn, bank.clock, bank.world.vault, bank.world.actors[by],
            wallet or bank.wallets["Li"], name, phone,
        )  # fmt: skip


async def kept(bank, subject=None):
    """Return (name, phone) of a subject of the vault, Li's unless told: None where there is none."""
    key, vault = subject or bank.wallets["Li"], bank.world.vault
    async with bank.db.city(CITY) as conn:
        found = [await vault.open(conn, field, [key]) for field in ("name", "phone")]
    return tuple(one.get(key) for one in found)


async def close(bank):
    await leaving.close_member(
        bank.db, bank.clock, CITY, bank.writer, bank.world.vault, bank.world.actors["clerk"],
        bank.wallets["Li"],
    )  # fmt: skip


async def register(bank, name, phone=""):
    made = NewMember(name, "resident", COMMUNITY, phone, date(1990, 1, 1))
    async with bank.db.transaction(CITY) as conn:
        (wallet,) = await earning.register(
            conn, bank.clock, bank.world.vault, bank.world.actors["clerk"], bank.rules, [made]
        )
    return wallet


async def test_a_name_and_a_number_are_corrected_by_their_community_and_its_street(bank):
    assert await correct(bank, " 李居民 ", "13911112222") is True
    assert await kept(bank) == ("李居民", "13911112222")
    assert await correct(bank, "李居民", "13911112222", by="street") is False
    assert await correct(bank, "李聚民", "13911112222", by="street") is True
    assert await kept(bank) == ("李聚民", "13911112222")
    assert await kept(bank, bank.wallets["Wang"]) == ("Wang居民", PHONE)


async def test_a_number_that_is_left_out_is_deleted_and_can_be_entered_again(bank):
    assert await correct(bank, "Li居民", "") is True
    assert await kept(bank) == ("Li居民", None)
    async with bank.db.city(CITY) as conn:
        fields = await conn.fetch(
            "SELECT field FROM vault_value WHERE subject = $1", bank.wallets["Li"]
        )
    assert [one["field"] for one in fields] == ["name"]
    assert await correct(bank, "Li居民", "") is False
    assert await correct(bank, "Li居民", "13911112222") is True
    assert await kept(bank) == ("Li居民", "13911112222")


async def test_nobody_else_corrects_anything(bank):
    await bank.world.hire("far", "community_officer", kind="community", division=FAR)
    for by, refusal in (("far", NotFound), ("Li", Forbidden), ("auditor", Forbidden)):
        with pytest.raises(refusal):
            await correct(bank, "李居民", by=by)
    with pytest.raises(NotFound):
        await correct(bank, "李居民", wallet="W2345")
    assert await kept(bank) == ("Li居民", PHONE)


async def test_what_is_no_name_changes_nothing(bank):
    for name in ("", "  ", "张\u202e三", "——", "长" * 41):
        with pytest.raises(Invalid):
            await correct(bank, name, "13911112222")
    assert await kept(bank) == ("Li居民", PHONE)


async def test_who_has_left_is_not_named_again(bank, browse):
    await close(bank)
    with pytest.raises(Conflict, match="已经注销"):
        await correct(bank, "李居民")
    clerk, place = await browse("clerk"), f"{MEMBERS}/{bank.wallets['Li']}"
    for page in (
        await clerk.get(f"{place}/correction"),
        await clerk.post(f"{place}/correction", data={"name": "李居民"}),
    ):
        assert (page.status_code, "已经注销，姓名和手机号已经删除" in page.text) == (409, True)
    assert f"{place}/correction" not in (await clerk.get(place)).text
    assert await kept(bank) == (None, None)


async def test_a_correction_that_meets_a_closing_seals_nothing_again(bank, lock_awaited):
    """The correction waits for who closes the member, and finds it closed."""
    async with bank.db.transaction(CITY) as conn:
        await conn.execute("SELECT FROM member WHERE id = $1 FOR UPDATE", bank.wallets["Li"])
        closing = asyncio.create_task(close(bank))
        await lock_awaited(bank.db.url)
        late = asyncio.create_task(correct(bank, "李居民"))
        await lock_awaited(bank.db.url, sessions=2)
    await closing
    with pytest.raises(Conflict):
        await late
    async with bank.db.city(CITY) as conn:
        keys = "SELECT count(*) FROM vault_key WHERE subject = $1"
        assert await conn.fetchval(keys, bank.wallets["Li"]) == 0


async def test_an_account_made_under_the_wrong_name_bears_the_right_one(bank):
    """The resident who was invited; an account that had another name before keeps it."""
    wallet, vault = await register(bank, "孙陆"), bank.world.vault
    async with bank.db.transaction(CITY) as conn:
        await sign_ins.invite(conn, bank.clock, vault, bank.world.actors["clerk"], wallet, "sunliu")
        person = await conn.fetchval("SELECT person_id FROM member WHERE id = $1", wallet)
    assert await correct(bank, "孙六", "", wallet=wallet) is True
    assert await kept(bank, person) == ("孙六", None)
    linked = bank.world.actors["Li"].person_id
    before = await kept(bank, linked)
    assert await correct(bank, "李居民") is True
    assert await kept(bank, linked) == before != ("李居民", None)


async def test_an_account_of_more_than_a_resident_or_an_erased_one_is_left_alone(bank):
    person, vault = bank.world.actors["Li"].person_id, bank.world.vault
    async with bank.db.transaction(CITY) as conn:
        await vault.put(conn, "name", {person: "Li居民"})
        await conn.execute(
            "UPDATE person SET roles = '{community_officer,resident}' WHERE id = $1", person
        )
    assert await correct(bank, "李居民") is True
    assert await kept(bank, person) == ("Li居民", None)
    async with bank.db.transaction(CITY) as conn:
        await conn.execute(
            "UPDATE person SET username = NULL, active = false, roles = '{resident}' WHERE id = $1",
            person,
        )
        await vault.erase(conn, [person])
    assert await correct(bank, "李聚民") is True
    assert await kept(bank, person) == (None, None)


async def test_what_is_public_shows_the_corrected_name_covered(bank):
    made = await bank.enter("Li", "donation.money", 100, "捐款收据", date(2026, 6, 29))
    async with bank.db.transaction(CITY) as conn:
        await earning.decide(conn, bank.clock, bank.world.actors["head"], [made], approve=True)
    await earning.post_approved(bank.db, bank.clock, CITY, bank.writer, bank.world.pack, [made])
    await correct(bank, "王居民")
    async with bank.db.city(CITY) as conn:
        (shown,) = await posting_lists.postings(
            conn, bank.world.vault, bank.world.pack, COMMUNITY, date(2026, 6, 1), limit=10
        )
    assert (shown.id, shown.name) == (made, "王＊")


async def test_an_officer_corrects_on_a_page_that_shows_what_is_there(bank, browse):
    clerk, place = await browse("clerk"), f"{MEMBERS}/{bank.wallets['Li']}"
    assert f'href="{place}/correction">更正姓名或手机号</a>' in (await clerk.get(place)).text
    form = await clerk.get(f"{place}/correction")
    assert re.findall(r'<input id="field-\w+" name="(\w+)" type="\w+" value="([^"]*)"', form.text) == [
        ("name", "Li居民"), ("phone", PHONE),
    ]  # fmt: skip
    page = await clerk.post(f"{place}/correction", data={"name": "李居民", "phone": ""})
    assert page.url.path == place
    assert "已更正登记信息" in page.text
    assert "没有登记" in page.text
    assert "<bdi>李居民</bdi>" in page.text
    again = await clerk.post(f"{place}/correction", data={"name": "李居民", "phone": ""})
    assert "没有改动" in again.text
    async with bank.db.city(CITY) as conn:
        line = await conn.fetchrow("SELECT * FROM trail WHERE action = '更正登记信息' LIMIT 1")
    assert (line["person_id"], line["object"], line["personal"]) == (
        bank.world.actors["clerk"].person_id, bank.wallets["Li"], True,
    )  # fmt: skip
    assert "李居民" not in str(dict(line))


async def test_what_cannot_stand_there_comes_back_as_it_was_filled_in(bank, browse):
    clerk, place = await browse("clerk"), f"{MEMBERS}/{bank.wallets['Li']}/correction"
    for fields, words in (
        ({"name": "", "phone": "13911112222"}, "姓名或单位名称"),
        ({"name": "张\u202e三", "phone": "13911112222"}, "不能有看不见的字符"),
        ({"name": "<b>李", "phone": "call me"}, "手机号"),
    ):
        page = await clerk.post(place, data=fields)
        assert (page.status_code, words in page.text) == (400, True), fields
        said = html.unescape(page.text)
        assert all(f'value="{one}"' in said for one in fields.values()), fields
        assert "<b>李" not in page.text
    assert await kept(bank) == ("Li居民", PHONE)


async def test_a_correction_does_not_make_two_of_one_person_by_mistake(bank, browse):
    other = await register(bank, "李居民", PHONE)
    clerk, place = await browse("clerk"), f"{MEMBERS}/{bank.wallets['Li']}/correction"
    fields = {"name": "李居民", "phone": PHONE}
    page = await clerk.post(place, data=fields)
    assert (page.status_code, f'href="{MEMBERS}/{other}"' in page.text) == (409, True)
    meant = await clerk.post(place, data={**fields, "another": "yes"})
    assert "已更正登记信息" in meant.text


async def test_the_page_is_shown_to_nobody_else(bank, browse):
    await bank.world.hire("far", "community_officer", kind="community", division=FAR)
    place = f"{MEMBERS}/{bank.wallets['Li']}"
    for name, status in (("far", 404), ("auditor", 403), ("Li", 403)):
        browser = await browse(name)
        for page in (
            await browser.get(f"{place}/correction"),
            await browser.post(f"{place}/correction", data={"name": "李居民"}),
        ):
            assert (page.status_code, PHONE in page.text) == (status, False), name
    auditor = await browse("auditor")
    assert "/correction" not in (await auditor.get(place)).text
    assert await kept(bank) == ("Li居民", PHONE)
