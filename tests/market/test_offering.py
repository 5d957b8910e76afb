"""Offers: proposed by a merchant or for it, opened by somebody else, stopped by either, seen by all."""

import asyncio
import html
import re
from datetime import timedelta

from tests.bank import CITY, COMMUNITY, MERCHANT, STREET

TILL, CONSOLE = f"/{CITY}/till/offers", f"/{CITY}/console/offers"


def text_of(page):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def fields(office, **changed):
    """The form of goods, filled in."""
    return {
        "kind": "goods", "title": "一袋大米", "terms": "到店自取，\r\n凭小票。", "points": "30",
        "stock": "20", "valid_from": office.day(0).isoformat(), **changed,
    }  # fmt: skip


async def propose(office, by="shopkeeper", **changed):
    browser = await office.at(by)
    return await browser.post(f"{TILL}/new", data=fields(office, **changed))


async def proposed(office, **changed):
    page = await propose(office, **changed)
    assert page.status_code == 200, page.text
    return page.url.path.rpartition("/")[2]


async def act(office, number, what, *, by="street", **more):
    browser = await office.at(by)
    place = TILL if by in ("shopkeeper", "rival") else CONSOLE
    return await browser.post(f"{place}/{number}", data={"act": what, **more})


async def opened(office, **changed):
    number = await proposed(office, **changed)
    assert (await act(office, number, "open")).status_code == 200
    return number


async def public(office, query="", status=200):
    answer = await office.bank.client.get(f"/api/v1/{CITY}/offers{query}")
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_an_offer_is_seen_and_used_when_an_officer_opened_it(office):
    bank, keeper = office.bank, await office.at("shopkeeper")
    number = await proposed(office)
    assert "等待运营人员审核" in (await keeper.get(f"{TILL}/{number}")).text
    assert (await public(office))["items"] == []
    assert "一袋大米" not in (await keeper.get(f"/{CITY}/till")).text
    await bank.grant("Li", 100)
    early = await bank.authorize("Li", 30, offer=number, status=409)
    assert early["type"].endswith("offer-not-open")
    street = await office.at("street")
    assert "一袋大米" in (await street.get(CONSOLE)).text
    assert "可以兑换" in text_of(await act(office, number, "open"))
    (shown,) = (await public(office))["items"]
    assert (shown["id"], shown["points"], shown["left"]) == (number, 30, 20)
    assert (shown["merchant_name"], shown["terms"]) == ("便民超市", "到店自取，\n凭小票。")
    nobody = await office.browse(None)
    assert "一袋大米" in (await nobody.get(f"/{CITY}/offers")).text
    assert "一袋大米 · 30 积分 · 剩 20 份" in text_of(await keeper.get(f"/{CITY}/till"))
    await bank.authorize("Li", 30, offer=number)
    assert (await public(office))["items"][0]["left"] == 19


async def test_a_refusal_has_a_reason_and_ends_it(office):
    number = await proposed(office)
    page = await act(office, number, "refuse", reason=" ")
    assert (page.status_code, "请写明理由" in page.text) == (400, True)
    await act(office, number, "refuse", reason="价格不公道")
    keeper = await office.at("shopkeeper")
    assert "价格不公道" in (await keeper.get(f"{TILL}/{number}")).text
    again = await act(office, number, "open")
    assert (again.status_code, "现在不能“审核通过”" in again.text) == (409, True)


async def test_an_officer_s_own_proposal_is_opened_by_another(office):
    street = await office.at("street")
    page = await street.post(
        f"/{CITY}/console/merchants/{MERCHANT}/offers/new", data=fields(office)
    )
    assert "另一位同事审核" in page.text
    number = page.url.path.rpartition("/")[2]
    assert 'value="open"' not in page.text
    assert (await act(office, number, "open")).status_code == 403
    assert "您提出的，由别人审核" in (await street.get(CONSOLE)).text
    for name in ("clerk", "elsewhere"):
        assert (await act(office, number, "open", by=name)).status_code == 403
    assert (await act(office, number, "open", by="second")).status_code == 200


async def test_a_clerk_proposes_for_merchants_of_its_own_community_alone(office):
    clerk = await office.at("clerk")
    page = await clerk.post(f"/{CITY}/console/merchants/{MERCHANT}/offers/new", data=fields(office))
    assert (page.status_code, "不是您负责的辖区" in page.text) == (403, True)  # it is the street's
    code = await office.admitted(division=COMMUNITY)
    page = await clerk.post(f"/{CITY}/console/merchants/{code}/offers/new", data=fields(office))
    assert page.status_code == 200


# What is typed wrong, and what is said of it.
WRONG: list[tuple[dict[str, str], str]] = [
    ({"stock": ""}, "商品要写明有多少份"),
    ({"points": ""}, "写明要多少积分"),
    ({"points_max": "5"}, "只有消费减免写"),
    ({"kind": "reduction"}, "消费减免没有固定价格"),
    ({"kind": "reduction", "points": "", "stock": ""}, "写明一次最多减免"),
    ({"kind": "lottery"}, "请从给出的选项里选"),
    ({"per_person_days": "7"}, "每人可以用几次"),
    ({"per_person": "40000"}, "不能大于"),
    ({"points": "-1"}, "不能小于"),
    ({"points": "9" * 30}, "价格（积分）"),
    ({"points": "1.5"}, "价格（积分）"),
    ({"stock": "2147483647"}, "份数应在"),
    ({"valid_until": "2026-06-29"}, "结束日期在开始日期之前"),
    ({"valid_until": "2027-01-01"}, "商户的合同到 2026-12-31 为止"),
    ({"valid_from": "2026-13-01"}, "没有这一天"),
    ({"title": "\t"}, "名称"),
    ({"title": "a\x00"}, "名称"),
    ({"terms": "a\x01"}, "使用说明"),
    ({"terms": "好" * 1001}, "使用说明"),
]


async def test_what_is_wrong_is_said_and_the_form_comes_back(office):
    for changed, words in WRONG:
        page = await propose(office, **{"title": "<i>大米</i>", **changed})
        assert page.status_code in (400, 409), changed
        assert words in page.text, changed
        assert "<i>" not in page.text
    async with office.bank.db.city(CITY) as conn:
        assert await conn.fetchval("SELECT count(*) FROM offer") == 0


async def test_a_merchant_pauses_resumes_and_ends_but_not_what_the_operator_stopped(office):
    number = await opened(office)
    for what, state in (("pause", "暂停兑换"), ("resume", "可以兑换")):
        assert state in text_of(await act(office, number, what, by="shopkeeper"))
    assert (await act(office, number, "pause")).status_code == 400  # an officer says why
    await act(office, number, "pause", reason="顾客投诉")
    page = await (await office.at("shopkeeper")).get(f"{TILL}/{number}")
    assert "顾客投诉" in page.text
    assert 'value="resume"' not in page.text
    refused = await act(office, number, "resume", by="shopkeeper")
    assert (refused.status_code, "运营人员暂停的" in refused.text) == (403, True)
    assert (await public(office))["items"] == []
    assert "可以兑换" in text_of(await act(office, number, "resume"))
    assert "顾客投诉" not in (await (await office.at("shopkeeper")).get(f"{TILL}/{number}")).text
    assert "已结束" in text_of(await act(office, number, "end", by="shopkeeper"))
    assert (await act(office, number, "resume", by="shopkeeper")).status_code == 409


async def test_a_merchant_decides_about_nothing_and_sees_nobody_else_s(office):
    number = await proposed(office)
    for what in ("open", "refuse"):
        page = await act(office, number, what, by="shopkeeper", reason="好")
        assert (page.status_code, "商户自己不能审核" in page.text) == (403, True)
    await office.world.hire("rival", "merchant_user", kind="merchant", party="SH-0002")
    await office.bank.add_merchant("SH-0002", "隔壁超市")
    rival = await office.at("rival")
    assert (await rival.get(f"{TILL}/{number}")).status_code == 404
    for what in ("pause", "end", "restock"):
        assert (await act(office, number, what, by="rival", stock="99")).status_code == 404
    assert "一袋大米" not in (await rival.get(TILL)).text
    assert (await rival.get(f"{CONSOLE}/{number}")).status_code == 403


async def test_stock_only_grows_and_doing_it_twice_is_doing_it_once(office):
    number = await opened(office)
    for _ in range(2):
        assert "剩 50 份" in text_of(
            await act(office, number, "restock", by="shopkeeper", stock="50")
        )
    for stock in ("49", "0", "1000001", "99999999999999", "", "x"):
        page = await act(office, number, "restock", by="shopkeeper", stock=stock)
        assert page.status_code in (400, 409), stock
        assert 'role="alert"' in page.text
    assert (await public(office))["items"][0]["left"] == 50
    service = await opened(office, kind="discount", stock="")
    page = await act(office, service, "restock", by="shopkeeper", stock="5")
    assert (page.status_code, "不分份数" in page.text) == (409, True)
    assert (await act(office, number, "restock", stock="60")).status_code == 400  # not an officer


async def test_decided_by_two_at_once_it_is_decided_once(office):
    number = await proposed(office)
    await office.at("street")
    await office.at("second")
    pages = await asyncio.gather(
        act(office, number, "open"),
        act(office, number, "refuse", by="second", reason="不公道"),
    )
    assert sorted(one.status_code for one in pages) == [200, 409]


async def test_everybody_sees_what_is_open_today_in_a_place_and_of_a_trade(office):
    bank = office.bank
    number = await opened(office)
    code = await office.admitted(name="药店", category="medicine", division=COMMUNITY)
    street = await office.at("street")
    page = await street.post(
        f"/{CITY}/console/merchants/{code}/offers/new", data=fields(office, title="感冒药")
    )
    other = page.url.path.rpartition("/")[2]
    await act(office, other, "open", by="second")

    async def shown(query=""):
        return [one["id"] for one in (await public(office, query))["items"]]

    assert await shown() == [other, number]
    assert await shown(f"?division={STREET}") == [other, number]
    assert await shown(f"?division={COMMUNITY}") == [other, number]  # and what is all the street's
    assert await shown("?division=150203001002") == [number]
    assert await shown("?division=150204") == []
    assert await shown("?category=medicine") == [other]
    first = await public(office, "?limit=1")
    assert (first["items"][0]["id"], first["next_cursor"]) == (other, other)
    assert await shown(f"?cursor={other}") == [number]
    nobody = await office.browse(None)
    page = await nobody.get(f"/{CITY}/offers?division={COMMUNITY}&category=medicine")
    assert ("感冒药" in page.text, "一袋大米" in page.text) == (True, False)
    assert "没有可以兑换的权益" in (await nobody.get(f"/{CITY}/offers?category=bank")).text
    for query in ("division=x", "division=1502", "category=A%00", "cursor=-1"):
        assert (await nobody.get(f"/{CITY}/offers?{query}")).status_code == 400
        await public(office, f"?{query}", status=400)
    bank.pass_to(2026, 12, 31)
    assert await shown() == [other, number]
    bank.pass_to(2027, 1, 1)  # the supermarket's contract is over
    assert await shown() == [other]


async def test_what_is_gone_not_yet_or_no_longer_good_is_shown_to_nobody(office):
    bank = office.bank
    await bank.grant("Li", 100)
    number = await opened(office, stock="1")
    await bank.authorize("Li", 30, offer=number)
    assert (await public(office))["items"] == []
    today = bank.clock.today()
    days = {"valid_from": today + timedelta(days=2), "valid_until": today + timedelta(days=3)}
    number = await opened(office, **{name: day.isoformat() for name, day in days.items()})
    for moved, seen in ((1, []), (1, [number]), (1, [number]), (1, [])):
        bank.clock.now_value += timedelta(days=moved)
        assert [one["id"] for one in (await public(office))["items"]] == seen


async def test_a_merchant_s_system_keeps_its_offers_over_the_interface(office):
    bank = office.bank
    body = {
        "kind": "reduction", "title": "满减", "terms": "满十元可用", "points_max": 50,
        "valid_from": office.day(0).isoformat(), "per_person": 1, "per_person_days": 7,
    }  # fmt: skip
    made = await bank.send("/offers", body, by="shopkeeper", key="o", status=201)
    assert (made["state"], made["reason"], made["taken"]) == ("proposed", None, 0)
    again = await bank.send("/offers", body, by="shopkeeper", key="o", status=201)
    assert again == made
    assert await bank.look("/offers/own", by="shopkeeper") == {"items": [made], "next_cursor": None}
    path = f"/offers/{made['id']}"
    early = await bank.send(f"{path}/acts", {"act": "pause"}, by="shopkeeper", status=409)
    assert early["type"].endswith("wrong-state")
    assert early["allowed"] == {"acts": ["open", "refuse"]}
    await act(office, made["id"], "open")
    paused = await bank.send(f"{path}/acts", {"act": "pause"}, by="shopkeeper", status=200)
    assert paused["state"] == "paused"
    await bank.send(f"{path}/acts", {"act": "open"}, by="shopkeeper", status=400)
    await bank.send(f"{path}/stock", {"stock": 5}, by="shopkeeper", status=409)
    goods = {**body, "kind": "goods", "points": 5, "stock": 3}
    del goods["points_max"]
    made = await bank.send("/offers", goods, by="shopkeeper", status=201)
    more = await bank.send(f"/offers/{made['id']}/stock", {"stock": 9}, by="shopkeeper", status=200)
    assert more["stock"] == 9
    wrong = await bank.send("/offers", {**body, "points": 5}, by="shopkeeper", status=409)
    assert [one["field"] for one in wrong["errors"]] == ["points"]
    await bank.send("/offers", body, by="Li", status=403)
    await bank.look("/offers/own", by="street", status=403)
    await bank.send("/offers/999/acts", {"act": "end"}, by="shopkeeper", status=404)
    await bank.world.hire("early", "merchant_user", kind="merchant", party="SH-0009")
    refused = await bank.send("/offers", body, by="early", status=403)
    assert refused["type"].endswith("no-merchant")


async def test_a_merchant_has_so_many_offers_and_no_more(office, monkeypatch):
    from credit.market.service import offers

    monkeypatch.setattr(offers, "LIVE_MAX", 2)
    await proposed(office)
    number = await proposed(office)
    page = await propose(office)
    assert (page.status_code, "最多同时有 2 项权益" in page.text) == (409, True)
    await act(office, number, "refuse", reason="重复")
    await proposed(office)
