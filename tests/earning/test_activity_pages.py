"""Pages of activities, signing in, approvals and entries, as people use them without script."""

import html
import re
from datetime import date, timedelta

from tests.bank import BUDGET, CITY, COMMUNITY
from tests.earning.square import BEGINS, ENDS, SERVICE, SHOW, square

from credit.points.logic import operations

__all__ = ["square"]

CONSOLE = f"/{CITY}/console"
ACTIVITIES, APPROVALS = f"{CONSOLE}/activities", f"{CONSOLE}/approvals"
NEW, ENTRY = f"{ACTIVITIES}/new", f"{APPROVALS}/new"
PHONE = f"/{CITY}/wallet/activity"
MINUTE = timedelta(minutes=1)
POST = "service.post"


def text_of(page):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def fields_of(page):
    """Return the values of a page's hidden fields, by name."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    return {name: html.unescape(value) for name, value in found}


def new_activity(bank, **changed):
    fields = {
        "title": "周六清洁家园", "division": COMMUNITY, "place": "3 号楼前", "rule": SERVICE,
        "campaign": str(bank.campaign.id), "planned": "20", "begins_at": "2026-07-02T09:00",
        "ends_at": "2026-07-02T11:00", "organiser": "",
    }  # fmt: skip
    return fields | changed


async def move(square, moment, *browsers):
    """Move the clock; whoever was signed in has to sign in again, days being so long."""
    square.at(moment)
    for one in browsers:
        assert (await one.sign_in()).status_code in (200, 404)


async def scan(screen, here, way):
    """Return the address and the digits that the organiser's screen shows."""
    page = await screen.get(f"{here}/code?way={way}")
    assert page.status_code == 200
    title = html.unescape(re.search(r'<title id="code-title">(.*?)</title>', page.text)[1])
    digits = "".join(re.search(r'<p class="digits">(\d{4}) (\d{4})</p>', page.text).groups())
    return title.partition("：")[2], digits


async def test_an_activity_goes_the_whole_way_at_browsers(square, bank, browse):
    clerk, head, li = await browse("clerk"), await browse("head"), await browse("Li")
    assert "还没有活动" in (await clerk.get(ACTIVITIES)).text
    form = await clerk.get(NEW)
    for words in ("至少 24 小时公布", "红色物业志愿服务（余 10000 分）", "head的姓名", "按分钟"):
        assert words in form.text, words
    assert "公益捐款" not in form.text  # nobody signs in to that
    made = await clerk.post(ACTIVITIES, data=new_activity(bank))
    assert "已公布" in made.text
    here = made.url.path
    waiting = await clerk.get(f"{here}/code")
    assert "还没有到签到的时间：07-02 08:30 开始" in waiting.text
    assert waiting.headers["refresh"] == "60"
    await move(square, BEGINS, clerk, head, li)
    address, digits = await scan(clerk, here, "in")
    assert digits in address
    refresh = int((await clerk.get(f"{here}/code")).headers["refresh"])
    assert 1 <= refresh <= bank.rules.code_seconds + 1
    asked = await li.get(address.partition(str(bank.world.settings.public_url))[2])
    assert "周六清洁家园" in asked.text
    assert "还没有签到。" in text_of(asked)  # nothing is signed by looking
    came = await li.post(PHONE, data=fields_of(asked) | {"code": digits})
    assert "已签到：周六清洁家园" in came.text
    assert "还没有签退" in came.text
    await move(square, ENDS, clerk, head, li)
    _, digits = await scan(clerk, here, "out")
    typed = await li.get(PHONE, params={"code": f"{digits[:4]} {digits[4:]}"})
    assert "已签到" in typed.text
    left = await li.post(PHONE, data=fields_of(typed) | {"code": digits})
    assert "已签退：周六清洁家园" in left.text
    shown = await clerk.get(here)
    assert "L***" in shown.text
    assert "Li居民" not in shown.text
    would = await clerk.get(f"{here}/close")
    assert "1 人的参与记录等另一位同事审核" in text_of(would)
    closed = await clerk.post(f"{here}/close")
    assert "已关闭。1 人等另一位同事审核。" in closed.text
    own = await clerk.get(APPROVALS)
    assert "本人登记" in own.text
    assert "这一条是您登记的，要由另一位同事审核" in own.text
    assert 'name="items"' not in own.text
    queue = await head.get(APPROVALS)
    (item,) = re.findall(r'name="items" value="([^"]+)"', queue.text)
    assert "现场签到 09:00–11:00" in queue.text
    assert "clerk的姓名" in queue.text
    fields = {"items": item, "outcome": "approve"}
    done = await head.post(APPROVALS, data=fields)
    assert "已批准 1 条。入账 2 分，2026-07-09 起可用。" in done.text
    assert "没有等待审核的参与记录" in done.text
    again = await head.post(APPROVALS, data=fields)
    assert "已批准 0 条。1 条没有办" in again.text
    assert "已入账，待可用" in (await clerk.get(here)).text
    assert "2026-07-09 起可用" in (await clerk.get(f"{APPROVALS}?state=pending")).text


REFUSED = (
    ({"begins_at": "2026-06-30T13:00", "ends_at": "2026-06-30T14:00"}, 409, "至少 24 小时公布"),
    ({"begins_at": "下周六"}, 400, 'href="#field-begins_at"'),
    ({"ends_at": "2026-07-02T08:00"}, 409, "结束时间要晚于开始时间"),
    ({"title": " "}, 400, 'href="#field-title"'),
    ({"planned": "0"}, 400, 'href="#field-planned"'),
    ({"planned": "很多"}, 400, 'href="#field-planned"'),
    ({"rule": "donation.money"}, 409, "按捐款登记"),
    ({"campaign": "019f0000-0000-7000-8000-000000000001"}, 409, "没有这项积分预算"),
    ({"division": "150204001001"}, 403, "不是您负责的辖区"),
    ({"organiser": "P-0"}, 409, "这个人不能组织"),
)


async def test_a_refused_announcement_comes_back_as_it_was_filled_in(bank, browse):
    clerk = await browse("clerk")
    for changed, status, words in REFUSED:
        fields = new_activity(bank, place="<b>广场</b>", **changed)
        page = await clerk.post(ACTIVITIES, data=fields)
        assert page.status_code == status
        assert words in page.text
        assert "&lt;b&gt;广场&lt;/b&gt;" in page.text
        assert "<b>广场" not in page.text
    assert "还没有活动" in (await clerk.get(ACTIVITIES)).text


async def test_a_code_that_is_not_good_says_what_to_do(square, bank, browse):
    activity, li = await square.announce(), await browse("Li")
    await move(square, BEGINS, li)
    code = await square.code(activity)
    for given in ("12", "abcdefgh", "９９９９９９９９"):
        page = await li.get(PHONE, params={"code": given})
        assert page.status_code == 400
        assert "签到码" in page.text
    square.at(BEGINS + timedelta(seconds=3 * bank.rules.code_seconds))
    old = await li.post(PHONE, data={"code": code, "activity": activity.hex})
    assert old.status_code == 409
    assert "已经过期。请重新扫描" in old.text
    nobody = await browse(None)
    asked = await nobody.get(f"{PHONE}?code={code}")
    assert "登录" in asked.text
    clerk = await browse("clerk")
    assert (await clerk.get(PHONE)).status_code == 403
    assert (await li.get(f"{ACTIVITIES}/{activity}/code")).status_code == 403


async def test_nobody_finds_a_code_by_trying(square, bank, browse):
    activity, li = await square.announce(), await browse("Li")
    await move(square, BEGINS, li)
    found = [await li.post(PHONE, data={"code": f"{n:08d}"}) for n in range(11)]
    assert [one.status_code for one in found] == [409] * 10 + [429]
    assert "试得太频繁" in found[-1].text
    wang = await browse("Wang")  # somebody else still signs in
    signed = await wang.post(PHONE, data={"code": await square.code(activity)})
    assert "已签到" in signed.text


async def test_somebody_without_a_telephone_is_written_down_and_looked_at(square, bank, browse):
    activity, clerk = await square.announce(rule=SHOW), await browse("clerk")
    here = f"{ACTIVITIES}/{activity}"
    await move(square, BEGINS, clerk)
    wallet = bank.wallets["Li"]
    for member, status in (("W?", 400), ("WAAAA", 409)):
        page = await clerk.post(
            f"{here}/attendance", data={"member": member, "came": "2026-07-02T09:00"}
        )
        assert page.status_code == status
        assert f'value="{member}"' in page.text
    await clerk.post(
        f"{here}/attendance", data={"member": f" {wallet} ", "came": "2026-07-02T09:00"}
    )
    page = await clerk.get(here)
    assert "补签退" in page.text
    await move(square, ENDS + MINUTE, clerk)
    page = await clerk.get(here)
    assert "签退的人齐了就关闭活动" in page.text
    fields = re.search(r'name="came" value="([^"]+)">.*?name="left" value="([^"]+)"', page.text)
    signed = await clerk.post(
        f"{here}/attendance", data={"member": wallet, "came": fields[1], "left": fields[2]}
    )
    assert "已补登" in signed.text
    assert "补登的凭据" in (await clerk.get(f"{here}/close")).text
    blank = await clerk.post(f"{here}/close")
    assert blank.status_code == 400
    assert "请写明凭据" in blank.text
    closed = await clerk.post(f"{here}/close", data={"evidence": "签到表存 3 号柜"})
    assert "1 人等另一位同事审核" in closed.text  # though its rule asks for no approval
    queue = await (await browse("head")).get(APPROVALS)
    assert "签到或签退是工作人员补登的：请看纸质签到表" in queue.text
    assert "签到表存 3 号柜" in queue.text


async def test_closing_twice_and_too_early_says_so(square, bank, browse):
    activity, clerk = await square.announce(rule=SHOW), await browse("clerk")
    here = f"{ACTIVITIES}/{activity}"
    early = await clerk.get(f"{here}/close")
    assert (early.status_code, "还没有结束" in early.text) == (409, True)
    await square.attend("Li", activity)
    await clerk.sign_in()
    done = await clerk.post(f"{here}/close")
    assert "1 人不用审核，已入账" in done.text
    assert "已入账，待可用" in done.text
    twice = await clerk.post(f"{here}/close")
    assert (twice.status_code, "已经关闭过了" in twice.text) == (409, True)


async def test_a_cancelled_activity_tells_residents_why(square, bank, browse):
    activity, clerk, li = await square.announce(), await browse("clerk"), await browse("Li")
    here = f"{ACTIVITIES}/{activity}"
    blank = await clerk.post(f"{here}/cancel", data={"reason": ""})
    assert blank.status_code == 400
    assert 'href="#field-reason"' in blank.text
    gone = await clerk.post(f"{here}/cancel", data={"reason": "大雨，改到下周六"})
    assert "已取消：大雨，改到下周六" in gone.text
    assert "亮签到码" not in gone.text
    await move(square, BEGINS, clerk, li)
    code = await square.code(activity)
    page = await li.get(PHONE, params={"code": code, "activity": activity.hex})
    assert "这个活动已经取消：大雨" in page.text
    assert (await clerk.post(f"{here}/cancel", data={"reason": "再"})).status_code == 409


async def test_the_list_is_filtered_by_state_and_day_and_paged(square, bank, browse):
    clerk = await browse("clerk")
    for number in range(31):
        later = timedelta(hours=number)
        await square.announce(
            title=f"活动{number:02d}", begins_at=BEGINS + later, ends_at=ENDS + later
        )
    page = await clerk.get(ACTIVITIES)
    assert page.text.index("活动30") < page.text.index("活动01")
    assert "活动00" not in page.text
    following = html.unescape(re.search(r'rel="next" href="([^"]+)"', page.text)[1])
    last = await clerk.get(following)
    assert "活动00" in last.text
    assert "活动01" not in last.text
    assert "没有找到活动" in (await clerk.get(f"{ACTIVITIES}?state=closed")).text
    third = await clerk.get(f"{ACTIVITIES}?since=2026-07-03&until=2026-07-03")
    assert "活动30" in third.text
    assert "活动14" not in third.text
    assert (await clerk.get(f"{ACTIVITIES}?since=7月")).status_code == 400


async def test_an_auditor_looks_and_does_nothing(square, bank, browse):
    activity, auditor = await square.announce(), await browse("auditor")
    await move(square, BEGINS, auditor)
    page = await auditor.get(f"{ACTIVITIES}/{activity}")
    for words in ("亮签到码", "补登：", "取消这个活动"):
        assert words not in page.text
    assert f'href="{ENTRY}"' not in (await auditor.get(APPROVALS)).text
    for path in (NEW, ENTRY, f"{ACTIVITIES}/{activity}/close", f"{ACTIVITIES}/{activity}/code"):
        assert (await auditor.get(path)).status_code == 403
    for path in (APPROVALS, f"{ACTIVITIES}/{activity}/cancel", f"{APPROVALS}/again"):
        assert (await auditor.post(path, data={"reason": "试"})).status_code == 403


def entry(form, bank, *rows, **changed):
    fields = fields_of(form) | {
        "rule": POST, "day": "2026-06-29", "evidence": "值班表第 2 页", "q": "",
    }  # fmt: skip
    for number, (member, quantity) in enumerate(rows, 1):
        fields |= {f"member-{number}": member, f"quantity-{number}": quantity}
    return fields | changed


async def test_several_people_are_entered_at_once_and_one_form_once(bank, browse):
    clerk = await browse("clerk")
    form = await clerk.get(ENTRY)
    assert "红色物业志愿岗值守" in form.text
    assert ">志愿服务（" not in form.text  # only at activities
    rows = [(bank.wallets["Li"], "180"), ("", ""), (bank.wallets["Wang"], "")]
    fields = entry(form, bank, *rows)
    done = await clerk.post(ENTRY, data=fields)
    assert done.url.path == APPROVALS
    assert "已登记 2 条，共 3 分。2 条等另一位同事审核。" in done.text
    await clerk.post(ENTRY, data=fields)  # the button pressed twice
    changed = await clerk.post(ENTRY, data=fields | {"evidence": "另一页"})
    assert (changed.status_code, "已经提交过了" in changed.text) == (409, True)
    queue = await (await browse("head")).get(APPROVALS)
    assert len(re.findall('name="items"', queue.text)) == 2


async def test_a_row_that_cannot_be_entered_holds_the_whole_form_back(bank, browse):
    clerk = await browse("clerk")
    form = await clerk.get(ENTRY)
    rows = [
        (bank.wallets["Li"], "60"),
        ("WAAAA", "60"),
        ("王五", "60"),
        (bank.wallets["Wang"], "-1"),
    ]
    page = await clerk.post(ENTRY, data=entry(form, bank, *rows))
    assert page.status_code == 400
    assert 'href="#field-member-3"' in page.text
    assert 'href="#field-quantity-4"' in page.text
    page = await clerk.post(ENTRY, data=entry(form, bank, *rows[:2]))
    assert page.status_code == 409
    assert "所以一行也没有登记" in page.text
    assert 'href="#field-member-2"' in page.text
    assert "没有这个参与者" in page.text
    assert "值班表第 2 页" in page.text
    for changed, name in (
        ({"evidence": ""}, "evidence"),
        ({"day": "昨天"}, "day"),
        ({"rule": ""}, "rule"),
    ):
        page = await clerk.post(ENTRY, data=entry(form, bank, *rows[:1], **changed))
        assert f'href="#field-{name}"' in page.text
    assert "至少填一行" in (await clerk.post(ENTRY, data=entry(form, bank))).text
    assert "没有等待审核的参与记录" in (await clerk.get(APPROVALS)).text


async def test_somebody_is_found_by_name_and_put_into_a_row(square, bank, browse):
    clerk = await browse("clerk")
    await square.register("远方居民", division="150203001002", by="street")
    form = await clerk.get(ENTRY)
    found = await clerk.post(ENTRY, data=entry(form, bank, ("WAAAA", "7"), q="居民"))
    assert "“居民”找到 2 人" in found.text  # those of one's own division
    assert "Wang居民" not in found.text
    assert "0000" in found.text  # the end of the telephone
    assert 'value="WAAAA"' in found.text
    wallet = bank.wallets["Wang"]
    added = await clerk.post(ENTRY, data=entry(found, bank, ("WAAAA", "7"), add=wallet))
    assert f'name="member-2" value="{wallet}"' in added.text
    assert "W***" in added.text
    assert "没有找到“赵”" in (await clerk.post(ENTRY, data=entry(form, bank, q="赵"))).text
    more = await clerk.post(ENTRY, data=entry(form, bank, rows_more="1"))
    assert 'name="member-10"' in more.text


async def enter_both(bank, browse, **changed):
    clerk = await browse("clerk")
    form = await clerk.get(ENTRY)
    rows = [(bank.wallets["Li"], "180"), (bank.wallets["Wang"], "180")]
    await clerk.post(ENTRY, data=entry(form, bank, *rows, **changed))
    head = await browse("head")
    queue = await head.get(APPROVALS)
    return head, re.findall(r'name="items" value="([^"]+)"', queue.text)


async def test_a_refusal_needs_a_reason_and_keeps_what_was_chosen(bank, browse):
    head, items = await enter_both(bank, browse)
    for reason in ("", "  "):
        blank = await head.post(
            APPROVALS, data={"items": items[0], "outcome": "refuse", "reason": reason}
        )
        assert blank.status_code == 400
        assert f'value="{items[0]}" checked' in blank.text
        assert f'value="{items[1]}" checked' not in blank.text
    none = await head.post(APPROVALS, data={"outcome": "approve"})
    assert "请先勾选" in none.text
    assert (await head.post(APPROVALS, data={"items": items, "outcome": "x"})).status_code == 400
    done = await head.post(
        APPROVALS, data={"items": items, "outcome": "refuse", "reason": "值班表上没有"}
    )
    assert "2 条不予记分" in done.text
    assert "值班表上没有" in (await head.get(f"{APPROVALS}?state=refused")).text


async def test_an_empty_budget_is_said_and_posted_again_once_it_is_filled(square, bank, browse):
    head, items = await enter_both(bank, browse)
    campaign = bank.campaign.account
    async with square.db.city(CITY) as conn:
        from credit.points.service import accounts

        issuance = (await accounts.accounts_named(conn, ["issuance"]))["issuance"].id

    async def move(key, debit, credit, amount):
        key = operations.key_of("test", "move", key, b"")
        made = operations.transfer(key, "fund", debit, credit, amount)
        assert (await bank.writer.post(made)).outcome == "posted"

    await move("1", campaign, issuance, BUDGET)
    done = await head.post(APPROVALS, data={"items": items, "outcome": "approve"})
    assert "已批准 2 条。2 条（4 分）因预算余额不足没有入账" in done.text
    unfunded = await head.get(f"{APPROVALS}?state=unfunded")
    assert "再入账" in unfunded.text
    await move("2", issuance, campaign, 100)
    again = await head.post(f"{APPROVALS}/again", data={"items": items})
    assert "入账 4 分，2026-07-07 起可用" in again.text
    assert (
        "没有要再入账的记录" in (await head.post(f"{APPROVALS}/again", data={"items": items})).text
    )
    assert "请先勾选" in (await head.post(f"{APPROVALS}/again")).text


async def test_what_is_flagged_stands_first_and_pages_go_on_after_it(square, bank, browse):
    wallets = await square.register(*(f"居民{number}" for number in range(31)))
    from credit.earning import service as earning
    from credit.earning.views import Claim

    claims = [Claim(one, POST, date(2026, 6, 29), "值班表", 90) for one in wallets]
    flagged = [one._replace(on=date(2026, 6, 28), points=1) for one in claims[-2:]]
    async with square.db.transaction(CITY) as conn:
        await earning.enter(
            conn, square.clock, CITY, square.actors["clerk"], square.pack, claims + flagged,
            source="entry",
        )  # fmt: skip
    head = await browse("head")
    page = await head.get(APPROVALS)
    assert "2 条有提示" in page.text
    first = re.findall(r'class="code">(W[0-9A-Z]+)<', page.text)
    assert set(first[:2]) == set(wallets[-2:])
    assert "按凭据核对数额" in page.text
    following = html.unescape(re.search(r'rel="next" href="([^"]+)"', page.text)[1])
    rest = re.findall(r'class="code">(W[0-9A-Z]+)<', (await head.get(following)).text)
    assert len(first) == 30
    assert len(rest) == 3
    assert sorted(first[2:] + rest) == sorted(wallets)


async def test_others_of_another_division_see_and_decide_nothing(bank, browse):
    _, items = await enter_both(bank, browse)
    await bank.world.hire("far", "community_officer", kind="community", division="150204001001")
    far = await browse("far")
    assert "没有等待审核的参与记录" in (await far.get(APPROVALS)).text
    done = await far.post(APPROVALS, data={"items": items, "outcome": "approve"})
    assert "已批准 0 条。2 条没有办" in done.text
