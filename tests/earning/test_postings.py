"""Awards made public: of a community and a month, people with the first letter of their name alone."""

import html
import re
from datetime import date, timedelta

from tests.bank import API, CITY, COMMUNITY, STREET

from credit.earning import service as earning
from credit.earning.service import leaving, reversing
from credit.earning.service.members import NewMember
from credit.earning.views import Claim

POINTS = f"/{CITY}/points"
DONATION, UNIT = "donation.money", "service.unit"
NEXT_DOOR = "150203001002"


def text_of(page):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


async def award(bank, *claims, approve=True, by=("clerk", "head")):
    made = [Claim(wallet, rule, on, "收据", None, points) for wallet, rule, on, points in claims]
    async with bank.db.transaction(CITY) as conn:
        entered = await earning.enter(
            conn, bank.clock, CITY, bank.world.actors[by[0]], bank.world.pack, made, source="entry"
        )
        ids = [one.id for one in entered]
        assert None not in ids, entered
        if approve:
            await earning.decide(conn, bank.clock, bank.world.actors[by[1]], ids, approve=True)
    await earning.post_approved(bank.db, bank.clock, CITY, bank.writer, bank.world.pack, ids)
    return ids


async def mature(bank, days):
    bank.clock.now_value += timedelta(days=days)
    await earning.mature(bank.db, bank.clock, CITY, bank.writer, bank.world.pack)


async def add(bank, name, kind="resident", born=date(1990, 1, 1), division=COMMUNITY):
    async with bank.db.transaction(CITY) as conn:
        (wallet,) = await earning.register(
            conn, bank.clock, bank.world.vault, bank.world.actors["street"], bank.rules,
            [NewMember(name, kind, division, "13812345678", None if kind == UNIT else born)],
        )  # fmt: skip
    return wallet


async def postings(bank, **query):
    answer = await bank.client.get(
        f"{API}/points/postings", params={"division": COMMUNITY, **query}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


JUNE = date(2026, 6, 20)


async def test_everybody_sees_what_was_awarded_and_no_more(bank, browse):
    unit = await add(bank, "市图书馆", "dual_unit")
    li = bank.wallets["Li"]
    ids = await award(bank, (li, DONATION, JUNE, 5), (unit, UNIT, JUNE, 7))
    nobody = await browse(None)
    page = await nobody.get(POINTS)  # one community has members: it is chosen
    words = text_of(page)
    assert "L＊" in words
    assert "市图书馆" in words
    assert "公益捐款" in words
    assert "待生效" in words
    assert "一社区居委会" in words  # whom to tell
    for secret in (li, unit, "13900000000", "Li居民", bank.world.actors["Li"].person_id, "收据"):
        assert secret not in page.text
    found = (await postings(bank))["items"]
    assert {(one["name"], one["points"], one["status"]) for one in found} == {
        ("L＊", 5, "pending"), ("市图书馆", 7, "pending"),
    }  # fmt: skip
    assert {one["id"] for one in found} == {str(one) for one in ids}
    await mature(bank, 20)
    found = (await postings(bank, month="2026-06"))["items"]
    assert {one["status"] for one in found} == {"granted"}
    assert (await postings(bank))["items"] == []  # it is July by now


async def test_what_is_not_awarded_or_taken_back_is_not_there(bank):
    li, wang = bank.wallets["Li"], bank.wallets["Wang"]
    await award(bank, (li, DONATION, JUNE, 5), approve=False)
    (wrong,) = await award(bank, (wang, DONATION, JUNE, 9))
    assert [one["points"] for one in (await postings(bank))["items"]] == [9]
    await reversing.reverse(
        bank.db, bank.clock, CITY, bank.writer, bank.world.actors["head"], wrong, "写错了人"
    )
    assert (await postings(bank))["items"] == []


async def test_children_and_who_has_left_have_no_letter(bank):
    child = await add(bank, "小明", born=date(2015, 1, 1))
    gone = await add(bank, "李四")
    async with bank.db.transaction(CITY) as conn:
        await conn.execute(
            "UPDATE member SET consent_digest = '\\x00', consent_on = '2026-01-01' WHERE id = $1",
            child,
        )
    await award(bank, (child, DONATION, JUNE, 5), (gone, DONATION, JUNE, 6))
    await mature(bank, 7)
    await leaving.close_member(
        bank.db, bank.clock, CITY, bank.writer, bank.world.vault, bank.world.actors["clerk"], gone
    )
    found = (await postings(bank, month="2026-06"))["items"]
    assert {one["name"] for one in found} == {"未成年参与者", "已注销的参与者"}


async def test_a_community_sees_its_own_and_chooses_among_several(bank, browse):
    other = await add(bank, "邻居", division=NEXT_DOOR)
    await bank.world.hire("above", "street_officer", kind="street", division=STREET)
    claims = [(other, DONATION, JUNE, 5), (bank.wallets["Li"], DONATION, JUNE, 6)]
    await award(bank, *claims, by=("street", "above"))
    nobody = await browse(None)
    page = await nobody.get(POINTS)
    assert "请选择社区" in page.text
    assert "邻＊" not in page.text
    assert f"division={NEXT_DOOR}" in page.text
    shown = await nobody.get(f"{POINTS}?division={NEXT_DOOR}&month=2026-06")
    assert "邻＊" in shown.text
    assert "L＊" not in shown.text
    assert [one["points"] for one in (await postings(bank, division=NEXT_DOOR))["items"]] == [5]
    unknown = await nobody.get(f"{POINTS}?division=150203009009")
    assert "还没有公示" in unknown.text


async def test_pages_follow_one_another_and_miss_nothing(bank, browse):
    days = [JUNE - timedelta(days=number // 2) for number in range(12)]
    wallets = [bank.wallets["Li"], bank.wallets["Wang"]]
    await award(bank, *((wallets[n % 2], DONATION, day, n + 1) for n, day in enumerate(days)))
    seen, cursor = [], None
    while True:
        found = await postings(bank, limit=5, **({"cursor": cursor} if cursor else {}))
        seen += found["items"]
        cursor = found["next_cursor"]
        if cursor is None:
            break
    assert sorted(one["points"] for one in seen) == list(range(1, 13))
    assert [one["participated_on"] for one in seen] == sorted(map(str, days), reverse=True)
    assert (await postings(bank, cursor="0" * 32))["items"] == []
    nobody = await browse(None)
    first = await nobody.get(POINTS)
    tag = first.headers["etag"]
    assert (await nobody.get(POINTS, headers={"If-None-Match": tag})).status_code == 304


async def test_who_names_a_posting_leads_to_its_member(bank, browse):
    (made,) = await award(bank, (bank.wallets["Li"], DONATION, JUNE, 5))
    page = await (await browse(None)).get(POINTS)
    (number,) = re.findall(r'<small class="code">([0-9a-f]{12})</small>', page.text)
    assert str(made).endswith(number)
    await bank.world.hire("far", "community_officer", kind="community", division="150204001001")
    place = f"/{CITY}/console/members/{bank.wallets['Li']}"
    for name, finds in (("clerk", True), ("auditor", True), ("far", False)):
        browser = await browse(name)
        found = await browser.post(f"/{CITY}/console/members/search", data={"q": number})
        assert (place in found.text) is finds, name


async def test_hostile_names_and_questions(bank, browse):
    wallet = await add(bank, "<b>恶意</b>", "dual_unit")
    await award(bank, (wallet, UNIT, JUNE, 5))
    nobody = await browse(None)
    page = await nobody.get(POINTS)
    assert "&lt;b&gt;恶意" in page.text
    for query in ("month=2026-13", "month=x", "division=1", "cursor=x", "division=' OR 1=1"):
        assert (await nobody.get(f"{POINTS}?{query}")).status_code == 400, query
        refused = await bank.client.get(f"{API}/points/postings?{query}")
        assert refused.status_code == 400, query


async def test_a_page_takes_a_handful_of_statements(bank, browse, statements):
    claims = [
        (wallet, DONATION, JUNE - timedelta(days=number), 3)
        for wallet in bank.wallets.values()
        for number in range(10)
    ]
    nobody = await browse(None)
    await nobody.get(POINTS)
    statements.clear()
    await nobody.get(POINTS)
    before = len(statements)
    await award(bank, *claims)
    statements.clear()
    assert len(re.findall("公益捐款", (await nobody.get(POINTS)).text)) == 20
    assert len(statements) == before <= 5
