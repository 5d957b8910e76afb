"""Merchants: proposed by one person, admitted by another, stopped for a reason, watched for collusion."""

import asyncio
import hashlib
import html
import re
from datetime import timedelta

import pytest
from tests.bank import CITY, COMMUNITY, MERCHANT, STREET
from tests.market.conftest import LETTER, MERCHANTS

from credit.kit.errors import Conflict, Forbidden, Invalid
from credit.market.logic import merchants as logic
from credit.market.logic.merchants import ACT_WORDS, ORDER, STATE_WORDS, acts_of, code_of, take
from credit.market.service import merchants as service


def text_of(page):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


@pytest.mark.parametrize("act", ORDER)
@pytest.mark.parametrize("state", STATE_WORDS)
def test_an_act_leads_on_from_where_it_may_and_says_what_may_follow_elsewhere(state, act):
    before, after = ORDER[act]
    if state in before:
        assert take(state, act, by="P-2", proposed_by="P-1", reason="失信") == after
        return
    with pytest.raises(Conflict) as refused:
        take(state, act, by="P-2", proposed_by="P-1", reason="失信")
    assert STATE_WORDS[state] in refused.value.detail
    assert ACT_WORDS[act] in refused.value.detail
    assert refused.value.allowed == {"acts": acts_of(state)}


@pytest.mark.parametrize("act", ORDER)
def test_nobody_decides_about_a_merchant_they_proposed_and_what_hurts_has_a_reason(act):
    state = next(iter(ORDER[act][0]))
    with pytest.raises(Forbidden):
        take(state, act, by="P-1", proposed_by="P-1", reason="失信")
    for reason in (None, ""):
        if act in logic.REASONED:
            with pytest.raises(Invalid):
                take(state, act, by="P-2", proposed_by="P-1", reason=reason)
        else:
            assert take(state, act, by="P-2", proposed_by="P-1", reason=reason)


@pytest.mark.parametrize(
    ("number", "code"), [(1, "SH-0001"), (9999, "SH-9999"), (10000, "SH-10000")]
)
def test_codes_grow_longer_when_they_have_to(number, code):
    assert code_of(number) == code


async def test_a_merchant_is_proposed_with_its_letter_and_admitted_by_somebody_else(office):
    bank = office.bank
    page = await office.propose("clerk")
    code = "SH-0002"  # the first one of the city is there
    assert f"编号 {code}" in page.text
    assert "等待审核入驻" in page.text
    assert "每天 24 小时" in page.text
    row = await office.row(code)
    assert (row["state"], row["account"], row["fen_per_point"]) == ("proposed", None, 80)
    assert row["commitment_digest"] == hashlib.sha256(LETTER[1]).digest()
    own = await office.decide(code, "admit", by="clerk")
    assert own.status_code == 403  # a community decides about none
    page = await office.decide(code, "admit", by="street")
    assert "正在营业" in text_of(page)
    row = await office.row(code)
    assert row["state"] == "open"
    assert row["decided_by"] == bank.world.actors["street"].person_id
    async with bank.db.city(CITY) as conn:
        account = await conn.fetchrow("SELECT * FROM point_account WHERE id = $1", row["account"])
        assert (account["code"], account["kind"]) == (f"merchant:{code}", "merchant")
        assert (account["owner"], account["division"]) == (code, COMMUNITY)
        assert await service.sign_in_name(conn, code) == "红旗超市"
    street = await office.at("street")
    letter = await street.get(f"{MERCHANTS}/{code}/letter")
    assert (letter.content, letter.headers["content-type"]) == (LETTER[1], "application/pdf")
    assert letter.headers["content-disposition"].startswith("attachment")


async def test_who_proposed_does_not_admit_and_is_told_so_before(office):
    code = await office.proposed("street")
    street = await office.at("street")
    page = await street.get(f"{MERCHANTS}/{code}")
    assert "提出人与决定人不能是同一人" in page.text
    assert "准予入驻" not in page.text
    refused = await office.decide(code, "admit", by="street")
    assert refused.status_code == 403
    assert "提出人与决定人不能是同一人" in refused.text
    assert (await office.row(code))["state"] == "proposed"
    assert (await office.decide(code, "admit", by="second")).status_code == 200


async def test_a_merchant_is_dealt_with_where_it_is_and_above(office):
    code = await office.proposed()
    refused = await office.decide(code, "admit", by="elsewhere")
    assert (refused.status_code, "不是您负责的辖区" in refused.text) == (403, True)
    assert (await office.propose("elsewhere")).status_code == 403
    outside = await office.propose("clerk", division=STREET)  # above the community
    assert (outside.status_code, "不是您负责的辖区" in outside.text) == (403, True)
    assert (await office.decide(code, "admit", by="district")).status_code == 200


async def test_a_refused_merchant_is_told_why_and_may_be_proposed_again(office):
    code = await office.proposed()
    page = await office.decide(code, "refuse")
    assert (page.status_code, "请写明理由" in page.text) == (400, True)
    assert "承诺书没有盖章" in (await office.decide(code, "refuse", reason="承诺书没有盖章")).text
    clerk = await office.at("clerk")
    form = await clerk.get(f"{MERCHANTS}/{code}/renewal")
    assert 'value="00:00-24:00"' in form.text
    again = {k: v for k, v in office.fields(address="钢铁大街 2 号").items() if k != "name"}
    page = await clerk.post(f"{MERCHANTS}/{code}/renewal", data=again, files={"letter": LETTER})
    assert "等待审核入驻" in text_of(page)
    row = await office.row(code)
    assert (row["address"], row["reason"], row["decided_by"]) == ("钢铁大街 2 号", None, None)
    assert row["name"] == "红旗超市"
    assert (await office.decide(code, "admit")).status_code == 200


# What is typed wrong, and what is said of it.
WRONG: list[tuple[dict[str, str], str]] = [
    ({"contract_until": "2026-06-30"}, "合同结束日期应在开始日期之后"),
    ({"contract_from": "2025-01-01", "contract_until": "2026-06-30"}, "合同已经到期"),
    ({"contract_until": "2046-06-30"}, "最长十年"),
    ({"contract_from": "2026-02-30"}, "没有这一天"),
    ({"contract_from": "x"}, "合同开始"),
    ({"commitment_on": "2026-07-01"}, "在今天之后"),
    ({"category": "casino"}, "请从列表里选一个类别"),
    ({"division": "150203999"}, "登记册里没有这个辖区"),
    ({"division": "all"}, "所在辖区"),
    ({"fen_per_point": "0"}, "0.01 到 1000 元"),
    ({"fen_per_point": "1e3"}, "每积分结算"),
    ({"fen_per_point": "1.005"}, "每积分结算"),
    ({"uscc": "123"}, "统一社会信用代码"),
    ({"name": "  "}, "商户名称"),
    ({"name": "a\x00b"}, "商户名称"),
    ({"name": "好" * 121}, "商户名称"),
    ({"address": ""}, "必填"),
    ({"hours[0]": "九点到五点"}, "营业时间读不出来"),
    ({"hours[0]": "09:00-12:00 11:00-13:00"}, "周一的时间与前一段重叠"),
    ({f"hours[{day}]": "" for day in range(7)}, "营业时间全是空的"),
]


async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_kept(office):
    for changed, words in WRONG:
        page = await office.propose("district", **changed)
        assert page.status_code in (400, 409), changed
        assert words in page.text, changed
        assert 'role="alert"' in page.text
    async with office.bank.db.city(CITY) as conn:
        assert await conn.fetchval("SELECT count(*) FROM merchant") == 1


async def test_every_fault_is_named_and_the_form_comes_back_with_its_letter(office):
    page = await office.propose(category="casino", commitment_on="2026-07-01", name='<b>"店"</b>')
    assert "有 2 处要改正" in page.text
    assert "<b>" not in page.text
    assert "&lt;b&gt;&#34;店&#34;&lt;/b&gt;" in page.text
    (kept,) = re.findall(r'name="letter_kept" value="([0-9a-f]{64})"', page.text)
    assert kept == hashlib.sha256(LETTER[1]).hexdigest()
    page = await office.propose(letter=None, letter_kept=kept)
    assert page.status_code == 200
    assert (await office.row("SH-0002"))["commitment_digest"].hex() == kept


async def test_without_a_letter_that_was_uploaded_there_is_no_merchant(office):
    for kept in ("", "0" * 64, "x" * 64, "..", "0" * 63):
        page = await office.propose(letter=None, letter_kept=kept)
        assert (page.status_code, "请上传签了字的诚信经营承诺书" in page.text) == (409, True)


async def test_a_letter_is_what_it_says_it_is(office):
    page = await office.propose(letter=("a.pdf", b"<script>", "application/pdf"))
    assert (page.status_code, "文件内容不是" in page.text) == (400, True)


async def test_hours_are_typed_once_for_every_day_and_otherwise_day_by_day(office):
    days = {f"hours[{day}]": "" for day in range(7)}
    code = await office.proposed(**days | {"hours_all": "9:00-21:00", "hours[6]": "休息"})
    page = await (await office.at("street")).get(f"{MERCHANTS}/{code}")
    assert "周一至周六 09:00–21:00；周日休息" in page.text
    clerk = await office.at("clerk")
    rest = {"hours_all": "08:00-20:00", "hours[0]": "Closed", "address": "新华路 3 号"}
    page = await clerk.post(f"{MERCHANTS}/{code}/place", data=days | rest)
    assert "周一休息；周二至周日 08:00–20:00" in page.text
    fields = {"address": "新华路 3 号", "hours_all": "08:00-20:00", **days}
    page = await clerk.post(f"{MERCHANTS}/{code}/place", data=fields)
    assert "每天 08:00–20:00" in page.text
    assert "新华路 3 号" in page.text
    bad = await clerk.post(f"{MERCHANTS}/{code}/place", data=fields | {"hours[1]": "x"})
    assert (bad.status_code, 'value="x"' in bad.text) == (400, True)
    away = await office.at("elsewhere")
    assert (await away.post(f"{MERCHANTS}/{code}/place", data=fields)).status_code == 403


async def test_at_once_proposed_merchants_have_codes_of_their_own(office):
    await office.at("clerk")
    await office.at("street")
    names = [f"{number}号店" for number in range(6)]
    pages = await asyncio.gather(
        *(office.propose(("clerk", "street")[k % 2], name=name) for k, name in enumerate(names))
    )
    assert [one.status_code for one in pages] == [200] * 6
    async with office.bank.db.city(CITY) as conn:
        rows = await conn.fetch("SELECT code FROM merchant ORDER BY code")
    assert [row[0] for row in rows] == [code_of(number) for number in range(1, 8)]


async def test_a_code_somebody_signs_in_under_already_goes_to_no_new_merchant(office):
    await office.world.hire("squatter", "merchant_user", kind="merchant", party="SH-0002")
    assert await office.proposed() == "SH-0003"


async def test_merchants_of_one_name_have_sign_ins_of_their_own(office):
    codes = [await office.admitted(), await office.admitted()]
    async with office.bank.db.city(CITY) as conn:
        names = [await service.sign_in_name(conn, code) for code in codes]
    assert names == ["红旗超市", "红旗超市（SH-0003）"]
    page = await (await office.at("street")).get(f"{MERCHANTS}/{codes[1]}")
    assert "红旗超市（SH-0003）" in page.text


async def test_suspending_stops_the_till_and_closing_ends_what_was_offered(office):
    bank = office.bank
    code = await office.admitted()
    await bank.world.hire("owner", "merchant_user", kind="merchant", party=code)
    street = await office.at("street")
    offer = {
        "kind": "discount", "title": "八折", "terms": "全场", "points": "5",
        "valid_from": office.day(0).isoformat(),
    }  # fmt: skip
    for _ in range(2):
        await street.post(f"{MERCHANTS}/{code}/offers/new", data=offer)
    async with bank.db.city(CITY) as conn:
        ids = [row[0] for row in await conn.fetch("SELECT id FROM offer ORDER BY id")]
    second = await office.at("second")
    await second.post(f"/{CITY}/console/offers/{ids[0]}", data={"act": "open"})
    assert [one["id"] for one in (await public(bank))["items"]] == [str(ids[0])]
    page = await office.decide(code, "suspend", reason="短斤少两")
    assert "暂停兑换" in text_of(page)
    assert (await public(bank))["items"] == []
    await bank.grant("Li", 50)
    refused = await bank.authorize("Li", 5, by="owner", status=409)
    assert refused["type"].endswith("merchant-closed")
    owner = await office.at("owner")
    assert "短斤少两" in (await owner.get(f"/{CITY}/till")).text
    assert "正在营业" in text_of(await office.decide(code, "resume"))
    assert (await public(bank))["items"]
    assert "已退出" in text_of(await office.decide(code, "close", reason="屡教不改"))
    async with bank.db.city(CITY) as conn:
        rows = await conn.fetch("SELECT state, reason FROM offer ORDER BY id")
    assert [tuple(row) for row in rows] == [("ended", "屡教不改"), ("refused", "屡教不改")]
    again = await office.decide(code, "resume")
    assert (again.status_code, "现在不能" in again.text) == (409, True)


async def public(bank, query=""):
    answer = await bank.client.get(f"/api/v1/{CITY}/offers{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_admission_comes_too_late_for_a_contract_that_is_over(office):
    code = await office.proposed(contract_until=office.day(1).isoformat())
    office.bank.clock.now_value += timedelta(days=2)
    for name in ("street",):
        office.browsers.pop(name, None)
    page = await office.decide(code, "admit")
    assert (page.status_code, "已经到期" in page.text) == (409, True)


async def test_a_price_changes_when_nothing_is_owed_at_the_old_one(office):
    bank, street = office.bank, await office.at("street")
    await bank.grant("Li", 50)
    made = await bank.authorize("Li", 5)
    await bank.send(f"/redemptions/{made['id']}/capture", by="shopkeeper", status=200)
    renewal = f"{MERCHANTS}/{MERCHANT}/renewal"
    page = await street.post(renewal, data=office.fields(), files={"letter": LETTER})
    assert (page.status_code, "请先结清" in page.text) == (409, True)
    page = await street.post(
        renewal, data=office.fields(fen_per_point="1.00"), files={"letter": LETTER}
    )
    assert page.status_code == 200
    assert (await office.row(MERCHANT))["state"] == "proposed"
    keeper = await office.at("shopkeeper")
    assert "正在等待运营人员审核入驻" in (await keeper.get(f"/{CITY}/till")).text
    account = (await office.row(MERCHANT))["account"]
    assert (await office.decide(MERCHANT, "admit", by="second")).status_code == 200
    assert (await office.row(MERCHANT))["account"] == account


async def test_a_price_stays_while_points_are_set_aside_at_it(office):
    bank, street = office.bank, await office.at("street")
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE merchant SET offline = true WHERE code = $1", MERCHANT)
    await bank.grant("Li", 50)
    made = await bank.authorize("Li", 5)
    renewal = f"{MERCHANTS}/{MERCHANT}/renewal"
    page = await street.post(renewal, data=office.fields(), files={"letter": LETTER})
    assert (page.status_code, "最晚到 2026-07-01 12:00" in page.text) == (409, True)
    assert (await office.row(MERCHANT))["fen_per_point"] == 100
    await bank.send(f"/redemptions/{made['id']}/void", by="shopkeeper", status=200)
    page = await street.post(renewal, data=office.fields(), files={"letter": LETTER})
    assert page.status_code == 200, page.text
    assert (await office.row(MERCHANT))["fen_per_point"] == 80


async def test_who_may_only_propose_stops_no_till_by_proposing_anew(office):
    code = await office.admitted()
    clerk = await office.at("clerk")
    page = await clerk.post(
        f"{MERCHANTS}/{code}/renewal", data=office.fields(), files={"letter": LETTER}
    )
    assert page.status_code == 403
    assert (await office.row(code))["state"] == "open"


async def test_the_list_is_of_one_s_own_division_and_found_by_state_trade_and_name(office):
    code = await office.proposed(name="健康药店", category="medicine")
    street, away = await office.at("street"), await office.at("elsewhere")
    every = await street.get(MERCHANTS)
    assert ("健康药店" in every.text, "便民超市" in every.text) == (True, True)
    assert "1 家待审核" in text_of(every)
    for query in ("standing=proposed", "category=medicine", "q=药店", f"q={code}"):
        page = await street.get(f"{MERCHANTS}?{query}")
        assert ("健康药店" in page.text, "便民超市" in page.text) == (True, False), query
    assert "没有找到" in (await street.get(f"{MERCHANTS}?q=%25")).text
    assert "健康药店" not in (await away.get(MERCHANTS)).text
    every = await away.get(f"{MERCHANTS}?where=all")
    assert ("健康药店" in every.text, f'href="{MERCHANTS}/{code}"' in every.text) == (True, False)
    assert f'href="{MERCHANTS}/{code}"' in (await street.get(MERCHANTS)).text
    assert "健康药店" in (await (await office.at("auditor")).get(MERCHANTS)).text
    for query in ("standing=x", "category=A", "where=b", "cursor='", "q=%00"):
        assert (await street.get(f"{MERCHANTS}?{query}")).status_code == 400, query
    for path in ("SH-0009", "sh-0001", "SH-1", "SH-0001%0A"):
        assert (await street.get(f"{MERCHANTS}/{path}")).status_code in (400, 404), path


async def test_the_desk_counts_what_one_may_decide_about_and_not_one_s_own(office):
    await office.proposed("street")
    street, second = await office.at("street"), await office.at("second")
    away, clerk = await office.at("elsewhere"), await office.at("clerk")
    desk = f"/{CITY}/console"
    assert "家商户等待审核" in (await second.get(desk)).text
    for browser in (street, away, clerk):
        assert "家商户等待审核" not in (await browser.get(desk)).text


async def test_the_same_amount_of_the_same_wallet_again_and_again_is_shown_masked(office):
    bank = office.bank
    most = bank.rules.fraud.redemption_repeats
    await bank.grant("Li", 5_000)
    await bank.grant("Wang", 5_000)

    async def take_points(name, amount, times, back=0):
        for _ in range(times):
            made = await bank.authorize(name, amount)
            path = f"/redemptions/{made['id']}"
            await bank.send(f"{path}/capture", by="shopkeeper", status=200)
            if back:
                await bank.send(f"{path}/refund", {"amount": back}, by="shopkeeper", status=200)

    async def flagged():
        async with bank.db.city(CITY) as conn:
            merchant = await service.merchant_record(conn, MERCHANT)
            return await service.repeats(conn, bank.clock, bank.rules, merchant)

    await take_points("Li", 7, most)
    await take_points("Wang", 9, most + 1, back=9)  # mistakes that were put right
    await take_points("Wang", 8, most)
    assert await flagged() == []
    await take_points("Li", 7, 1)
    await take_points("Li", 3, most + 2, back=1)
    wallet = bank.wallets["Li"]
    found = await flagged()
    assert [(one.amount, one.times) for one in found] == [(3, most + 2), (7, most + 1)]
    assert {one.wallet for one in found} == {f"{wallet[:4]}…{wallet[-2:]}"}
    page = await (await office.at("street")).get(f"{MERCHANTS}/{MERCHANT}")
    assert "同一钱包反复用同样的数额" in page.text
    assert wallet not in page.text
    bank.clock.now_value += timedelta(days=bank.rules.fraud.redemption_days, seconds=1)
    assert await flagged() == []


async def test_what_is_owed_is_what_was_taken_and_not_given_back(office):
    bank = office.bank
    await bank.grant("Li", 100)
    made = await bank.authorize("Li", 60)
    path = f"/redemptions/{made['id']}"
    await bank.send(f"{path}/capture", by="shopkeeper", status=200)
    await bank.send(f"{path}/refund", {"amount": 15}, by="shopkeeper", status=200)
    page = await (await office.at("street")).get(f"{MERCHANTS}/{MERCHANT}")
    assert "45 积分 按每积分 1 元，合 45 元" in text_of(page)
    keeper = await office.at("shopkeeper")
    assert "45 积分" in text_of(await keeper.get(f"/{CITY}/till/shop"))
