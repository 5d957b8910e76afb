"""Members at browsers: listed, looked for by name within bounds, registered, linked, agreed for."""

import hashlib
import html
import re
from datetime import date

import pytest
from tests.bank import CITY, COMMUNITY

from credit.earning import service as earning
from credit.earning.logic.names import check_name, covered, posted_name
from credit.earning.service import member_lists
from credit.earning.service.members import NewMember
from credit.kit.errors import Invalid

MEMBERS = f"/{CITY}/console/members"
PAPER = {"paper": ("同意书.pdf", b"%PDF-1.7 signed", "application/pdf")}
FAR = "150204001001"
STATEMENTS_MAX = 14


def text_of(page):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def form(**changed):
    return {
        "kind": "resident", "name": "张三", "phone": "13811112222", "born_on": "1990-02-03",
        "division": COMMUNITY, **changed,
    }  # fmt: skip


async def add(bank, *people, by="clerk"):
    async with bank.db.transaction(CITY) as conn:
        return await earning.register(
            conn, bank.clock, bank.world.vault, bank.world.actors[by], bank.rules, people
        )


async def add_named(bank, *names, division=COMMUNITY, by="clerk"):
    people = [NewMember(one, "resident", division, "", date(1990, 1, 1)) for one in names]
    return await add(bank, *people, by=by)


async def search(browser, text, **more):
    return await browser.post(f"{MEMBERS}/search", data={"q": text, **more})


async def row_of(bank, wallet):
    async with bank.db.city(CITY) as conn:
        return await conn.fetchrow("SELECT * FROM member WHERE id = $1", wallet)


async def test_somebody_is_registered_and_found_again(bank, browse):
    clerk = await browse("clerk")
    offered = await clerk.get(f"{MEMBERS}/new")
    assert f'value="{COMMUNITY}"' in offered.text
    page = await clerk.post(f"{MEMBERS}/new", data=form())
    wallet = page.url.path.rpartition("/")[2]
    assert f"已登记，钱包编号 {wallet}" in page.text
    assert "张三" in page.text
    assert "13811112222" in page.text
    assert "1990" not in page.text
    assert f"{MEMBERS}/{wallet}" in (await clerk.get(MEMBERS)).text
    for text in ("张三", "三", wallet, wallet.lower()):
        found = await search(clerk, text)
        assert f'href="{MEMBERS}/{wallet}"' in found.text, text
        assert "张三" in found.text
        assert "%E5%BC%A0" not in str(found.url)  # the name looked for stands in no address
    row = await row_of(bank, wallet)
    assert (row["minor_until"], row["registered_by"]) == (
        None,
        bank.world.actors["clerk"].person_id,
    )


async def test_a_form_that_is_wrong_comes_back_as_it_was_filled_in(bank, browse):
    clerk = await browse("clerk")
    for changed, words in (
        ({"name": ""}, "姓名或单位名称"),
        ({"name": "   "}, "不能有看不见的字符"),
        ({"name": "张\u202e三"}, "不能有看不见的字符"),
        ({"name": "——"}, "不能有看不见的字符"),
        ({"born_on": ""}, "请填出生日期"),
        ({"born_on": "1799-01-01"}, "出生日期不对"),
        ({"kind": "nobody"}, "没有“nobody”这类参与者"),
        ({"phone": "call me"}, "手机号"),
        ({"division": "150203001"}, "社区代码"),
        ({"division": "110101001001"}, "不在本市"),
        ({"division": FAR}, "不是您负责的辖区"),
    ):
        page = await clerk.post(f"{MEMBERS}/new", data=form(**changed))
        assert page.status_code in (400, 403), changed
        assert words in page.text, changed
        assert 'value="张三"' in page.text or "name" in changed
    async with bank.db.city(CITY) as conn:
        assert await conn.fetchval("SELECT count(*) FROM member") == 2


async def test_the_same_person_is_not_registered_twice_by_mistake(bank, browse):
    clerk = await browse("clerk")
    first = (await clerk.post(f"{MEMBERS}/new", data=form())).url.path
    again = await clerk.post(f"{MEMBERS}/new", data=form())
    assert again.status_code == 409
    assert f'href="{first}"' in again.text
    other = await clerk.post(f"{MEMBERS}/new", data=form(phone="13811113333"))
    assert "已登记" in other.text
    meant = await clerk.post(f"{MEMBERS}/new", data=form(another="yes"))
    assert "已登记" in meant.text


async def test_an_organisation_has_no_day_of_birth(bank, browse):
    clerk = await browse("clerk")
    fields = form(kind="dual_unit", name="市图书馆", born_on="")
    page = await clerk.post(f"{MEMBERS}/new", data=fields)
    assert "市图书馆" in page.text
    assert "监护人" not in text_of(page)


async def test_a_hostile_name_is_text_and_nothing_else(bank, browse):
    clerk = await browse("clerk")
    for name in ("<script>alert(1)</script>", "{{ 7*7 }}", "' OR 1=1 --", "a%_\\"):
        page = await clerk.post(f"{MEMBERS}/new", data=form(name=name))
        assert html.unescape(page.text).count(name) >= 2
        found = await search(clerk, name)
        assert html.unescape(found.text).count(name) >= 2
        assert "<script>alert" not in page.text + found.text
    wild = await search(clerk, "%")
    assert ("Li居民" in wild.text) is False


async def test_officers_see_their_own_division_alone(bank, browse):
    await bank.world.hire("far", "community_officer", kind="community", division=FAR)
    (wallet,) = await add_named(bank, "李四", division=FAR, by="far")
    clerk, street = await browse("clerk"), await browse("street")
    far = await browse("far")
    for browser in (clerk, street):
        assert wallet not in (await browser.get(MEMBERS)).text
        assert wallet not in (await browser.get(f"{MEMBERS}?division={FAR}")).text
        assert "没有找到" in (await search(browser, wallet)).text
        assert "没有找到" in (await search(browser, "李四", division=FAR)).text
        assert (await browser.get(f"{MEMBERS}/{wallet}")).status_code == 404
        assert (await browser.post(f"{MEMBERS}/{wallet}/unlink")).status_code == 404
    assert wallet in (await far.get(MEMBERS)).text
    assert bank.wallets["Li"] not in (await far.get(MEMBERS)).text
    assert (await far.get(f"{MEMBERS}/{bank.wallets['Li']}")).status_code == 404


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ("kind=volunteer", "没有找到。请换一个类别"),
        ("kind=volunteer&closed=yes", "没有找到。请换一个类别"),
        ("closed=yes", "没有已注销的参与者"),
    ],
)
async def test_a_list_without_anybody_says_what_was_asked_for(bank, browse, conditions, said):
    page = await (await browse("clerk")).get(f"{MEMBERS}?{conditions}")
    assert said in page.text
    assert "还没有参与者" not in page.text


async def test_who_only_looks_sees_covered_names_and_changes_nothing(bank, browse):
    auditor = await browse("auditor")
    listed = await auditor.get(MEMBERS)
    assert "L＊" in listed.text
    assert "Li居民" not in listed.text
    wallet = bank.wallets["Li"]
    page = await auditor.get(f"{MEMBERS}/{wallet}")
    assert "13900000000" not in page.text
    assert "Li居民" not in page.text
    assert "不能按姓名查找" in (await search(auditor, "Li居民")).text
    assert f"{MEMBERS}/{wallet}" in (await search(auditor, wallet)).text
    assert (await auditor.get(f"{MEMBERS}/new")).status_code == 403
    assert (await auditor.post(f"{MEMBERS}/{wallet}/unlink")).status_code == 403
    resident = await browse("Li")
    assert (await resident.get(MEMBERS)).status_code == 403


async def test_a_name_is_looked_for_among_so_many_and_then_further_on(bank, browse, monkeypatch):
    monkeypatch.setattr(member_lists, "LOOKED_THROUGH", 3)
    wallets = await add_named(bank, *(f"赵{number}" for number in range(7)))
    clerk = await browse("clerk")
    found, page = set(), await search(clerk, "赵")
    for _ in range(4):
        found |= set(re.findall(rf'href="{MEMBERS}/(W\w+)"', page.text))
        after = re.search(r'name="after" value="([^"]+)"', page.text)
        if after is None:
            break
        page = await search(clerk, "赵", after=after[1])
    assert found == set(wallets)
    assert after is None


async def test_a_look_for_a_name_takes_no_more_statements_for_more_members(
    bank, browse, statements
):
    clerk = await browse("clerk")

    async def asked():
        statements.clear()
        assert "Li居民" in (await search(clerk, "Li居")).text
        return len(statements)

    await asked()  # what a connection has to learn first
    before = await asked()
    await add_named(bank, *(f"钱{number}" for number in range(60)))
    assert await asked() == before
    assert before <= STATEMENTS_MAX
    statements.clear()
    listed = await clerk.get(MEMBERS)
    assert len(re.findall(rf'href="{MEMBERS}/W', listed.text)) == 50
    assert len(statements) <= STATEMENTS_MAX
    following = re.search(r'rel="next" href="([^"]+)"', listed.text)
    rest = await clerk.get(html.unescape(following[1]))
    assert len(re.findall(rf'href="{MEMBERS}/W', rest.text)) == 12


async def test_a_guardians_paper_is_known_by_its_digest_alone(bank, browse):
    clerk = await browse("clerk")
    child = await clerk.post(f"{MEMBERS}/new", data=form(born_on="2015-09-01"))
    place = child.url.path
    wallet = place.rpartition("/")[2]
    assert "未成年人要先登记监护人的书面同意" in child.text
    assert "缺监护人同意" in (await clerk.get(MEMBERS)).text
    page = await clerk.post(f"{place}/consent", data={"on": "2026-06-01"})
    assert (page.status_code, "请选择同意书的扫描件" in page.text) == (400, True)
    lying = {"paper": ("同意书.pdf", b"<html>", "application/pdf")}
    page = await clerk.post(f"{place}/consent", data={"on": "2026-06-01"}, files=lying)
    assert (page.status_code, "PDF、PNG 或 JPEG" in page.text) == (400, True)
    page = await clerk.post(f"{place}/consent", data={"on": "2026-07-01"}, files=PAPER)
    assert (page.status_code, "还没有到" in page.text) == (400, True)
    page = await clerk.post(f"{place}/consent", data={"on": "2026-06-01"}, files=PAPER)
    digest = hashlib.sha256(b"%PDF-1.7 signed").digest()
    assert digest.hex() in page.text
    row = await row_of(bank, wallet)
    assert (row["consent_digest"], row["consent_on"]) == (digest, date(2026, 6, 1))
    assert row["minor_until"] == date(2033, 9, 1)
    assert [
        one for one in bank.world.settings.data_dir.rglob("*") if digest.hex() in one.name
    ] == []
    same = await clerk.post(f"{place}/consent/check", files=PAPER)
    assert "就是登记时的那一份" in same.text
    other = {"paper": ("同意书.pdf", b"%PDF-1.7 other", "application/pdf")}
    assert "不是同一个文件" in (await clerk.post(f"{place}/consent/check", files=other)).text
    adult = f"{MEMBERS}/{bank.wallets['Li']}/consent"
    page = await clerk.post(adult, data={"on": "2026-06-01"}, files=PAPER)
    assert (page.status_code, "已经成年" in page.text) == (409, True)


async def test_a_member_is_invited_and_comes_in(bank, browse):
    (wallet,) = await add_named(bank, "孙六")
    clerk, place = await browse("clerk"), f"{MEMBERS}/{wallet}"
    for username, status in (("x", 400), ("孙六", 400), ("clerk", 409)):
        page = await clerk.post(f"{place}/invitation", data={"username": username})
        assert page.status_code == status
    page = await clerk.post(f"{place}/invitation", data={"username": "sunliu"})
    first = re.search(r"token=([0-9A-Za-z_-]{43})", page.text)[1]
    assert "待接受邀请" in (await clerk.get(place)).text
    page = await clerk.post(f"{place}/invitation/again")
    token = re.search(r"token=([0-9A-Za-z_-]{43})", page.text)[1]
    resident = await browse(None)
    gone = await resident.get(f"/invitation/{CITY}?token={first}")
    assert gone.status_code == 404
    password = "一句好记的话 2026"
    fields = {"token": token, "password": password, "again": password}
    await resident.post(f"/invitation/{CITY}", data=fields)
    own = await resident.get(f"/{CITY}/account/points")
    assert "孙六" in own.text
    assert wallet in own.text
    again = await clerk.post(f"{place}/invitation/again")
    assert (again.status_code, "已经设过密码" in again.text) == (409, True)
    twice = await clerk.post(f"{place}/invitation", data={"username": "sunliu2"})
    assert (twice.status_code, "先解除关联" in twice.text) == (409, True)
    assert "已解除关联" in (await clerk.post(f"{place}/unlink")).text
    own = await resident.get(f"/{CITY}/account/points")
    assert "还没有登记为参与者" in own.text


async def test_an_account_is_linked_once_to_a_resident_and_never_to_oneself(bank, browse):
    await bank.world.hire("Zhou", "resident")
    (wallet,) = await add_named(bank, "周七")
    clerk, place = await browse("clerk"), f"{MEMBERS}/{wallet}"
    for username, status, words in (
        ("nobody", 404, "没有用户名"),
        ("officer", 409, "不是居民账户"),
        ("Li", 409, "已经关联到另一个参与者"),
    ):
        page = await clerk.post(f"{place}/link", data={"username": username})
        assert (page.status_code, words in page.text) == (status, True), username
    async with bank.db.transaction(CITY) as conn:
        await conn.execute(
            "UPDATE person SET roles = '{community_officer,resident}' WHERE username = 'clerk'"
        )
    page = await clerk.post(f"{place}/link", data={"username": "clerk"})
    assert (page.status_code, "不能把自己的账户" in page.text) == (403, True)
    assert "已关联登录账户" in (await clerk.post(f"{place}/link", data={"username": "Zhou"})).text
    assert (await row_of(bank, wallet))["person_id"] == bank.world.actors["Zhou"].person_id


async def test_who_was_erased_by_the_administrator_is_unlinked_and_another_invited(bank, browse):
    clerk, place = await browse("clerk"), f"{MEMBERS}/{bank.wallets['Li']}"
    person = bank.world.actors["Li"].person_id
    administrator = await browse("administrator")
    await administrator.post(f"/{CITY}/console/people/{person}/erase")
    page = await clerk.get(place)
    assert "原来的登录账户已经删除" in page.text
    assert "Li居民" in page.text  # the membership is kept, and stands for itself
    await clerk.post(f"{place}/unlink")
    page = await clerk.post(f"{place}/invitation", data={"username": "li.again"})
    assert "请把邀请链接交给 li.again" in page.text


def test_a_name_is_covered_but_for_its_first_letter():
    assert covered("张三丰") == "张＊"
    assert covered("·阿依古丽") == "阿＊"
    assert covered("😀") == "＊"
    assert posted_name("市图书馆", unit=True, minor=False) == "市图书馆"
    assert posted_name("张三", unit=False, minor=True) == "未成年参与者"
    assert posted_name(None, unit=False, minor=False) == "已注销的参与者"


@pytest.mark.parametrize("name", ["", " ", "\u200b", "a\u0000b", "张\n三", "!" * 5, "长" * 41])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(Invalid):
        check_name(name)
