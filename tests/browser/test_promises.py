"""A promise signed by three, missed by one, heard, decided, graded and repaired; and a list entry.

Everybody sits at a browser of their own, with a key made there.
"""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from tests.contracts.conftest import Contracts

from credit.access import service as access

pytestmark = pytest.mark.browser

CITY = "/150200"
PROOF = {"name": "证明.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 proof"}
ENTERPRISE = "91150200MA0000000C"


@pytest.fixture
async def city(world, app, password):
    """The small city with a committee and owners who can sign in."""
    city = await Contracts(world).build()
    await world.hire("hearer", "association_reviewer")
    await world.hire("second", "association_reviewer")
    async with city.db.transaction("150200") as conn:
        for name in ("committee", "owners"):
            person = world.actors[name].person_id
            await access.set_password(conn, city.clock, app.state.passwords, person, password)
    return city


@pytest.fixture
def desk(open_as, world, password):
    return Desks(open_as, world, password)


class Desks:
    """Browsers by the name of who sits there."""

    def __init__(self, open_as, world, password):
        self.open_as, self.world, self.password = open_as, world, password
        self.pages = {}

    async def of(self, name):
        """Somebody's browser, signed in, with a key of its own."""
        page = self.pages[name] = await self.open_as(name)
        await page.goto(f"{CITY}/account/keys")
        await page.click("text=在这个浏览器生成密钥并登记")
        await page.wait_for_selector("text=签名密钥已登记")
        return page

    async def on(self, day):
        """Move to a day; sessions of days before are over, and everybody signs in again."""
        year, month, date_ = map(int, day.split("-"))
        self.world.clock.now_value = datetime(year, month, date_, 4, tzinfo=UTC)
        for name, page in self.pages.items():
            await page.goto("/login")
            await page.select_option("[name=city]", "150200")
            await page.fill("[name=username]", name)
            await page.fill("[name=password]", self.password)
            await page.click("main form button:not([type=button])")
            await page.wait_for_url("**/150200/**")


async def sign(page, then):
    await page.click("button:has-text('签名并提交')")
    await page.wait_for_selector(f"text={then}")


async def told(page):
    return await page.inner_text("main")


async def test_three_sign_one_misses_is_heard_loses_its_grade_and_has_it_back(
    city, world, desk, open_as
):
    title = "一般性违背契约"
    await world.propose(world.draft(code="award.government", level="市"))
    await world.publish_grades()
    officer, own = await desk.of("officer"), await desk.of("enterprise")
    contract = await city.draft(await city.tri_party())
    await officer.goto(f"{CITY}/console/contracts/{contract}/preview")
    await officer.click("text=定稿并签名…")
    await sign(officer, "已定稿并发出要约")
    for page in (own, await desk.of("committee"), await desk.of("owners")):
        await page.goto(f"{CITY}/portal/contracts/{contract}")
        await page.check("[name=read]")
        await page.click("button:has-text('签署…')")
        await sign(page, "已签署")
    await own.reload()
    assert "正在生效" in await told(own)
    await own.goto(f"{CITY}/portal")
    assert "2A" in await told(own)

    # A month later half of the calls were answered in time, where 95 % were promised.
    await desk.on("2026-07-30")
    duty = (await city.duty(contract, "E-3")).id
    await own.goto(f"{CITY}/portal/promises/{duty}")
    await own.fill("[name=whole]", "20")
    await own.fill("[name=part]", "10")
    await own.click("text=提交报告")
    committee = desk.pages["committee"]
    await committee.goto(f"{CITY}/portal/promises/{duty}")
    await committee.click("main button:text-is('确认')")
    await committee.wait_for_selector("text=违约")

    await officer.goto(f"{CITY}/console/suggestions")
    await officer.click(f"main a:has-text('{title}')")
    await officer.click("text=登记为事件…")
    await officer.click("text=下一步")
    await sign(officer, "已提出")
    await officer.goto(f"{CITY}/console/events?status=notice")
    await officer.click(f"main a:has-text('{title}')")
    fact = UUID(officer.url.rpartition("/")[2])
    await officer.click("button:has-text('送达告知书')")
    await officer.wait_for_selector("text=已告知 1 条")

    await desk.on("2026-08-05")
    await own.goto(f"{CITY}/portal")
    assert "要办的事" in await told(own)
    await own.goto(f"{CITY}/portal/facts/{fact}")
    await own.fill("#field-statement", "当月平台统计有误，已按时响应。")
    await own.set_input_files("#field-object-files", PROOF)
    await own.click("button:has-text('提出异议')")
    await own.wait_for_selector("text=您已于")

    hearer = await desk.of("hearer")
    await hearer.goto(f"{CITY}/console/events?status=hearing")
    await hearer.click(f"main a:has-text('{title}')")
    await hearer.check("[name=finding][value=dismissed]")
    await hearer.fill("[name=reasons]", "工单与统计表一致，异议不成立。")
    await hearer.fill("[name=participants]", "企业项目经理、业委会主任、核查人")
    await hearer.click("text=提交核查结论")
    await hearer.wait_for_selector("text=异议不成立")

    reviewer = await desk.of("reviewer")
    await reviewer.goto(f"{CITY}/console/events/{fact}")
    await reviewer.click("text=认定并签名")
    await sign(reviewer, "已接受 1 条")
    await world.publish_grades()
    await own.goto(f"{CITY}/portal")
    assert "98 分" in await told(own)
    assert title in await own.inner_text("#waterfall, main")
    stranger = await open_as()
    await stranger.goto(f"{CITY}/enterprises/{ENTERPRISE}")
    assert title in await told(stranger)

    await own.goto(f"{CITY}/portal/facts/{fact}")
    await own.fill("#field-rectify", "已增配客服，每日核对工单。")
    await own.click("button:has-text('提交整改报告')")
    await own.wait_for_selector("text=整改报告已经提交")
    await own.click("main a.button:has-text('申请修复')")
    await own.fill("[name=statement]", "已增配客服，连续两周全部按时响应。")
    await own.set_input_files("[name=evidence]", PROOF)
    await own.click("main form button:has-text('下一步')")
    await sign(own, "修复申请已经提交")
    repair = own.url.rpartition("/")[2]
    await reviewer.goto(f"{CITY}/console/repairs/{repair}")
    second = await desk.of("second")
    await second.goto(f"{CITY}/console/repairs/{repair}")
    await second.click("button:text-is('受理')")
    await second.wait_for_selector("text=已受理")
    await hearer.goto(f"{CITY}/console/repairs/{repair}")
    await hearer.click("text=准予修复并签名")
    await sign(hearer, "已准予修复")
    await world.publish_grades()
    await own.goto(f"{CITY}/portal")
    assert "2A" in await told(own)
    assert "100 分" in await told(own)
    await stranger.reload()
    assert title not in await told(stranger)


async def test_a_black_list_entry_goes_the_whole_way_in_and_out(city, world, desk, open_as):
    """Proposed on a live serious fact, answered, heard, published; overturned and taken off."""
    await world.propose(world.draft(code="exit.refused", occurred_on="2026-06-01"))
    await world.publish_grades()
    officer, own, stranger = await open_as("officer"), await open_as("enterprise"), await open_as()
    await officer.goto(f"{CITY}/console/lists/candidates?name=black")
    await officer.click("main a[href*='/console/lists/new?']")
    await officer.check("[name=measures] >> nth=0")
    await officer.fill("[name=legal_basis]", "DB1502/T XX-2021 §7.3.3")
    await officer.click("main form button:has-text('提请')")
    await officer.wait_for_selector("text=送达告知")
    entry = officer.url.rpartition("/")[2].partition("?")[0]
    await officer.click("text=已核对，送达告知")
    await officer.wait_for_selector("text=还有 10 个工作日")
    await own.goto(f"{CITY}/portal/lists")
    await own.click("main a:has-text('去陈述申辩')")
    await own.check("[name=objects][value=yes]")
    await own.check("[name=hearing][value=asked]")
    await own.fill("[name=text]", "交接已经办完，有签收单为证。")
    await own.set_input_files("[name=files]", PROOF)
    await own.click("main form button:has-text('提交')")
    await own.wait_for_selector("text=已提交")

    here = f"{CITY}/console/lists/{entry}"
    hearer, reviewer = await open_as("hearer"), await open_as("reviewer")
    await hearer.goto(here)
    await hearer.fill("main form[action$='/hearing'] [name=text]", "双方到场，签收单系事后补签。")
    await hearer.click("button:has-text('登记听证')")
    await hearer.wait_for_selector("text=等待决定")
    await reviewer.goto(here)
    await reviewer.fill("main form[action$='/decision'] [name=reason]", "拒不移交属实，证据充分。")
    await reviewer.click("button[name=outcome][value=listed]")
    await reviewer.wait_for_selector("text=市主管部门签名公布")
    authority = await desk.of("city_authority")
    await authority.goto(here)
    await authority.click("text=核对并签名公布")
    await sign(authority, "已公布")
    await world.sequence()
    await stranger.goto(f"{CITY}/lists")
    assert "甲物业有限公司" in await told(stranger)
    await stranger.goto(f"{CITY}/enterprises/{ENTERPRISE}")
    assert "黑名单" in await told(stranger)

    await reviewer.goto(here)
    await reviewer.check("[name=outcome][value=overturned]")
    await reviewer.fill("main form[action$='/review'] [name=reason]", "法院判决已经撤销原认定。")
    await reviewer.click("text=记下复核结果")
    await authority.goto(f"{here}/publication")
    await sign(authority, "已公布移出")
    await world.sequence()
    await stranger.goto(f"{CITY}/lists")
    assert "甲物业有限公司" not in await told(stranger)
    await own.goto(f"{CITY}/portal/lists/{entry}")
    assert "已移出" in await told(own)
