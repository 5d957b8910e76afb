"""The till: one press takes points once, refusals say what to do next, what was taken goes back."""

import asyncio
import html
import json
import re
from datetime import timedelta

import pytest
from tests.bank import CITY, MERCHANT

from credit.kit.errors import Overloaded
from credit.market.pages import till as pages

TILL = f"/{CITY}/till"
RECORDS = f"{TILL}/redemptions"


def text_of(page):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def form_key(page):
    (key,) = set(re.findall(r'name="form" value="([^"]*)"', page.text))
    return key


@pytest.fixture
async def keeper(office):
    """The shopkeeper at the till, and a customer with a hundred points."""
    await office.bank.grant("Li", 100)
    return await office.at("shopkeeper")


async def fill(office, keeper, amount="50", name="Li", **more):
    """The form as somebody fills it in, with a fresh code."""
    page = await keeper.get(TILL)
    code = more.pop("code", None) or await office.bank.code(name)
    return {"form": form_key(page), "code": code, "amount": amount, "reference": "", **more}


async def records(office):
    return (await office.bank.look("/redemptions", by="shopkeeper"))["items"]


async def available(office):
    return (await office.bank.wallet("Li"))["available"]


async def test_points_are_taken_in_one_go_and_the_result_is_large_and_clear(office, keeper):
    page = await keeper.get(TILL)
    assert re.search(r'<input id="field-code"[^>]*inputmode="numeric"[^>]*autofocus', page.text)
    fields = await fill(office, keeper, reference="A-12")
    code = fields["code"]
    fields["code"] = f" {code[:3]} {code[3:6]}-{code[6:]}"  # however it was spaced
    page = await keeper.post(TILL, data=fields)
    assert '<h1 class="big">已收 50 积分</h1>' in page.text
    assert "A-12" in page.text
    assert re.fullmatch(rf"{RECORDS}/\d+", page.url.path)
    assert await available(office) == 50
    (one,) = await records(office)
    assert (one["status"], one["captured"]) == ("captured", 50)
    listed = await keeper.get(RECORDS)
    assert "今天 共收 50 积分" in text_of(listed)


async def test_a_double_click_and_a_reload_charge_once(office, keeper):
    fields = await fill(office, keeper)
    pages = await asyncio.gather(*(keeper.post(TILL, data=fields) for _ in range(5)))
    assert {one.status_code for one in pages} == {200}
    assert len({one.url.path for one in pages}) == 1
    again = await keeper.post(TILL, data=fields)
    assert "已收 50 积分" in again.text
    assert len(await records(office)) == 1
    assert await available(office) == 50


async def test_what_was_cut_off_between_holding_and_taking_is_finished_by_pressing_again(
    office, keeper, monkeypatch
):
    fields = await fill(office, keeper)
    charge = pages.charge

    async def cut_off(*args):
        await charge(*args)
        raise Overloaded("积分账本暂时不可用，请稍后重试。", slug="book-unavailable")

    monkeypatch.setattr(pages, "charge", cut_off)
    page = await keeper.post(TILL, data=fields)
    assert page.status_code == 503
    assert "同一张表单只会收一次" in page.text
    assert "这次没有收取积分" not in page.text
    assert form_key(page) == fields["form"]
    monkeypatch.setattr(pages, "charge", charge)
    page = await keeper.post(TILL, data=fields)
    assert "已收 50 积分" in page.text
    assert await available(office) == 50


async def test_a_form_used_again_for_something_else_takes_nothing(office, keeper):
    fields = await fill(office, keeper)
    await keeper.post(TILL, data=fields)
    for changed in ({"amount": "5"}, {"code": await office.bank.code("Li")}):
        page = await keeper.post(TILL, data=fields | changed)
        assert (page.status_code, "这次没有再收" in page.text) == (422, True)
        assert form_key(page) != fields["form"]
    assert await available(office) == 50


# What is sent, how it is answered, and what is said of it.
REFUSED: list[tuple[dict[str, str], int, str]] = [
    ({"amount": "101"}, 409, "现在最多可以用 100 积分"),
    ({"code": "0000000000"}, 409, "没有这个付款码"),
    ({"code": "123"}, 400, "付款码是 10 位数字"),
    ({"code": "１２３４５６７８９０"}, 400, "付款码是 10 位数字"),
    ({"code": "12345678901"}, 400, "付款码是 10 位数字"),
    ({"code": "9" * 41}, 400, "最多 40 个字"),
    ({"code": ""}, 400, "必填"),
    ({"amount": ""}, 400, "请填写收多少积分"),
    ({"amount": "0"}, 400, "不能小于 1"),
    ({"amount": "-5"}, 400, "不能小于 1"),
    ({"amount": "1.5"}, 400, "积分"),
    ({"amount": "9" * 20}, 400, "不能大于"),
    ({"offer": "999"}, 404, "没有这项权益"),
    ({"offer": "x"}, 400, "权益"),
    ({"reference": "<script>" * 9}, 400, "最多 60 个字"),
    ({"reference": "a\x00b"}, 400, "小票号"),
    ({"form": ""}, 400, "表单"),
    ({"form": "x" * 23}, 400, "表单"),
]


async def test_a_refusal_says_what_to_do_next_and_keeps_what_was_typed(office, keeper):
    for changed, status, words in REFUSED:
        fields = await fill(office, keeper, reference="小票 7") | changed
        page = await keeper.post(TILL, data=fields)
        assert (page.status_code, words in page.text) == (status, True), text_of(page)
        assert "这次没有收取积分" in page.text
        assert "<script>" * 2 not in page.text
        assert form_key(page) not in ("", fields["form"])
        if "reference" not in changed:
            assert 'value="小票 7"' in page.text
    assert (await records(office), await available(office)) == ([], 100)


async def test_a_code_works_once_and_not_too_late(office, keeper):
    fields = await fill(office, keeper, "10")
    await keeper.post(TILL, data=fields)
    page = await keeper.post(TILL, data=await fill(office, keeper, "10", code=fields["code"]))
    assert (page.status_code, "已经用过" in page.text) == (409, True)
    assert f'href="{RECORDS}"' in page.text
    late = await fill(office, keeper)
    office.bank.clock.now_value += timedelta(seconds=office.bank.rules.code_seconds)
    assert "已经过期" in (await keeper.post(TILL, data=late)).text
    assert await available(office) == 90


async def test_an_offer_brings_its_price_along(office, keeper):
    rice = await office.bank.add_offer(points=30, stock=2)
    bill = await office.bank.add_offer("reduction", most=20)
    page = await keeper.get(f"{TILL}?offer={rice}")
    assert f'value="{rice}" selected' in page.text
    assert 'name="amount" class="large" type="number" value="30"' in page.text
    page = await keeper.post(TILL, data=await fill(office, keeper, "", offer=str(rice)))
    assert "已收 30 积分" in page.text
    assert "一袋大米" in page.text
    wrong = await keeper.post(TILL, data=await fill(office, keeper, "31", offer=str(rice)))
    assert (wrong.status_code, "价格是 30 积分" in wrong.text) == (409, True)
    assert f'value="{rice}" selected' in wrong.text
    blank = await keeper.post(TILL, data=await fill(office, keeper, "", offer=str(bill)))
    assert "请填写收多少积分" in blank.text
    above = await keeper.post(TILL, data=await fill(office, keeper, "21", offer=str(bill)))
    assert "一次可以用 1 到 20 积分" in above.text
    await keeper.post(TILL, data=await fill(office, keeper, "30", offer=str(rice)))
    assert f'value="{rice}"' not in (await keeper.get(TILL)).text  # there is none left
    assert [one["offer"] for one in await records(office)] == [str(rice), str(rice)]


async def test_what_was_taken_goes_back_in_part_and_whole_and_only_when_one_is_sure(office, keeper):
    done = await keeper.post(TILL, data=await fill(office, keeper))
    here, fields = done.url.path, {"form": form_key(done), "act": "refund", "amount": "20"}
    page = await keeper.post(here, data=fields)
    assert (page.status_code, "勾选“已核对”" in page.text) == (400, True)
    assert await available(office) == 50
    for _ in range(2):  # sent twice it goes back once
        page = await keeper.post(here, data=fields | {"sure": "yes"})
        assert "其中已退还 20 积分" in page.text
    assert await available(office) == 70
    more = {"form": form_key(page), "act": "refund", "amount": "31", "sure": "yes"}
    page = await keeper.post(here, data=more)
    assert (page.status_code, "还可以退 30 积分" in page.text) == (409, True)
    rest = {"form": form_key(page), "act": "refund", "amount": "", "sure": "yes"}
    page = await keeper.post(here, data=rest)
    assert "已全部退还 50 积分" in page.text
    assert await available(office) == 100
    assert 'value="refund"' not in page.text


async def test_what_is_held_is_captured_or_voided_here_too(office, keeper):
    held = [await office.bank.authorize("Li", 10) for _ in range(2)]
    page = await keeper.get(f"{RECORDS}/{held[0]['id']}")
    assert "已保留 10 积分" in page.text
    fields = {"form": form_key(page), "act": "capture"}
    assert "已收 10 积分" in (await keeper.post(page.url.path, data=fields)).text
    here = f"{RECORDS}/{held[1]['id']}"
    fields = {"form": form_key(await keeper.get(here)), "act": "void"}
    assert (await keeper.post(here, data=fields)).status_code == 400
    page = await keeper.post(here, data=fields | {"sure": "yes"})
    assert "已撤销，没有收取" in page.text
    late = await keeper.post(
        here, data={"form": form_key(await keeper.get(TILL)), "act": "capture"}
    )
    assert (late.status_code, "已经撤销或超时" in late.text) == (409, True)
    assert await available(office) == 90


async def test_another_merchant_s_redemption_is_not_found_here(office, keeper):
    done = await keeper.post(TILL, data=await fill(office, keeper))
    await office.world.hire("rival", "merchant_user", kind="merchant", party="SH-0002")
    await office.bank.add_merchant("SH-0002", "隔壁超市")
    rival = await office.at("rival")
    fields = {"form": form_key(await rival.get(TILL)), "act": "refund", "sure": "yes"}
    assert (await rival.get(done.url.path)).status_code == 404
    assert (await rival.post(done.url.path, data=fields)).status_code == 404
    assert "还没有收过积分" in (await rival.get(RECORDS)).text
    for path in ("0", "x", "9" * 19, "-1", "1%0A"):
        assert (await keeper.get(f"{RECORDS}/{path}")).status_code in (400, 404), path
    for name in ("Li", "street"):
        assert (await (await office.at(name)).get(TILL)).status_code == 403
    assert await available(office) == 50


# What stops a till, and what it says.
STOPPED = [
    ("state = 'suspended', reason = '短斤少两'", "已暂停收取积分：短斤少两"),
    ("state = 'closed', reason = '合同终止'", "已退出，不再收取积分：合同终止"),
    ("state = 'proposed'", "正在等待运营人员审核入驻"),
    ("state = 'open', contract_until = '2026-06-29'", "2026-01-01 到 2026-06-29"),
]


async def test_a_till_that_is_stopped_says_why_takes_nothing_and_still_gives_back(office, keeper):
    done = await keeper.post(TILL, data=await fill(office, keeper, "10"))
    fields = await fill(office, keeper)
    back = {"form": "", "act": "refund", "amount": "2", "sure": "yes"}
    for number, (change, words) in enumerate(STOPPED, 1):
        async with office.bank.db.city(CITY) as conn:
            await conn.execute(f"UPDATE merchant SET {change} WHERE code = '{MERCHANT}'")
        page = await keeper.get(TILL)
        assert words in page.text
        assert 'name="code"' not in page.text
        late = await keeper.post(TILL, data=fields)  # from a page that was open before
        assert (late.status_code, words in late.text) == (409, True)
        back["form"] = form_key(await keeper.get(done.url.path))
        page = await keeper.post(done.url.path, data=back)
        assert f"其中已退还 {2 * number} 积分" in page.text
    assert await available(office) == 98


async def test_outside_its_hours_the_till_says_so_before(office, keeper):
    hours = json.dumps([[["09:00", "12:00"]]] * 7)  # the clock stands at noon
    async with office.bank.db.city(CITY) as conn:
        await conn.execute("UPDATE merchant SET hours = $1", hours)
    page = await keeper.get(TILL)
    assert "现在不在登记的营业时间内" in page.text
    assert "每天 09:00–12:00" in page.text
    page = await keeper.post(TILL, data=await fill(office, keeper))
    assert (page.status_code, await available(office)) == (409, 100)


async def test_a_merchant_that_was_never_proposed_is_told_whom_to_ask(office):
    await office.world.hire("early", "merchant_user", kind="merchant", party="SH-0009")
    early = await office.at("early")
    for place in ("", "/shop"):
        page = await early.get(f"{TILL}{place}")
        assert (page.status_code, "您的商户还没有登记" in page.text) == (200, True)
    for place in ("/redemptions", "/offers", "/offers/new"):
        page = await early.get(f"{TILL}{place}")
        assert (page.status_code, "还没有入驻" in page.text) == (403, True)


async def test_whoever_guesses_codes_is_stopped(office, keeper, monkeypatch):
    monkeypatch.setattr(pages, "CHARGES_PER_MINUTE", 3)
    key = form_key(await keeper.get(TILL))
    guesses = [{"form": key, "code": f"{number:010}", "amount": "1"} for number in range(4)]
    answers = [(await keeper.post(TILL, data=one)).status_code for one in guesses]
    assert answers[-1] == 429
    assert 429 not in answers[:3]


async def test_the_list_goes_on_page_by_page(office, keeper, monkeypatch):
    monkeypatch.setattr(pages, "REDEMPTIONS", 2)
    for amount in ("1", "2", "3"):
        await keeper.post(TILL, data=await fill(office, keeper, amount))
    page = await keeper.get(RECORDS)
    links = re.findall(rf'href="{RECORDS}/(\d+)"', page.text)
    assert len(links) == 2
    (more,) = re.findall(r'rel="next" href="([^"]*)"', page.text)
    rest = re.findall(rf'href="{RECORDS}/(\d+)"', (await keeper.get(html.unescape(more))).text)
    assert len({*links, *rest}) == 3
