"""The main journeys, as people walk them in a real browser."""

import pytest

pytestmark = pytest.mark.browser


async def make_key(page):
    """Make a signing key in this browser, as somebody does on their first day."""
    await page.goto("/150200/account/keys")
    await page.click("text=在这个浏览器生成密钥并登记")
    await page.wait_for_selector("text=签名密钥已登记")


async def sign(page):
    await page.click("button:has-text('签名并提交')")


async def enter_fact(page, reference):
    await page.goto("/150200/console/events/new")
    await page.select_option("[name=type]", "party.project")
    await page.select_option("[name=primary]", "project")
    await page.fill("[name=subject]", "XQ-1")
    await page.fill("[name=occurred_on]", "2026-06-01")
    await page.fill("[name=reference]", reference)
    await page.click("text=下一步")
    await sign(page)
    await page.wait_for_selector("text=已提出")


async def test_a_fact_goes_from_entry_to_the_log_by_two_people_s_browsers(world, open_as):
    officer, reviewer = await open_as("officer"), await open_as("reviewer")
    await make_key(officer)
    await make_key(reviewer)
    await enter_fact(officer, "协字〔2026〕91号")
    await reviewer.goto("/150200/console/events?status=proposed")
    await reviewer.check("[name=events]")
    await reviewer.click("text=认定并签名")
    await sign(reviewer)
    await reviewer.wait_for_selector("text=已接受 1 条事件")
    await world.sequence()
    await officer.reload()
    assert "已生效" in await officer.inner_text("main")


async def test_who_has_no_key_in_this_browser_is_told_where_to_make_one(open_as):
    officer = await open_as("officer")
    await officer.goto("/150200/console/events/new")
    await officer.select_option("[name=type]", "note.registered")
    await officer.select_option("[name=primary]", "enterprise")
    await officer.fill("[name=subject]", "91150200MA0000000C")
    await officer.fill("[name=occurred_on]", "2026-06-01")
    await officer.fill("[name=reference]", "协字〔2026〕92号")
    await officer.click("text=下一步")
    await sign(officer)
    await officer.wait_for_selector("text=没有您的签名密钥")


async def test_pages_are_used_without_script(open_as):
    officer = await open_as("officer", java_script_enabled=False)
    await officer.goto("/150200/console/events")
    await officer.fill("[name=q] >> nth=-1", "甲物业")
    await officer.click("main button:has-text('查找')")
    assert "q=" in officer.url
    await officer.click("text=English")
    assert await officer.get_attribute("html", "lang") == "en"


async def test_a_district_confirms_its_grades_and_the_city_may_then_publish(world, open_as):
    from credit.grades import service

    await world.hire("district", "district_officer", kind="district_department", division="150203")
    await world.propose(world.draft())
    await world.sequence()
    async with world.db.transaction("150200") as conn:
        run = await service.run(
            conn, world.clock, world.actors["officer"], world.pack, world.clock.today()
        )
    publisher, district = await open_as("city_authority"), await open_as("district")
    await publisher.goto(f"/150200/console/runs/{run.id}")
    assert await publisher.locator("main a[href$='/publication']").count() == 0
    await make_key(district)
    await district.goto("/150200/console")
    await district.click("text=待确认的评级")
    await district.click("text=核对无误，去签名确认")
    await sign(district)
    await district.wait_for_selector("text=已确认，正在写入日志")
    await publisher.reload()
    assert await publisher.locator("main a[href$='/publication']").count() == 1


async def test_a_run_is_published_after_a_fresh_proof_and_seen_by_everybody(
    world, open_as, password
):
    from datetime import timedelta

    from credit.grades import service

    await world.propose(world.draft(), world.draft(code="duty.charity", points="2"))
    await world.sequence()
    async with world.db.transaction("150200") as conn:
        run = await service.run(
            conn, world.clock, world.actors["officer"], world.pack, world.clock.today()
        )
    publisher = await open_as("city_authority")
    await make_key(publisher)
    world.clock.now_value += timedelta(minutes=10)
    await publisher.goto(f"/150200/console/runs/{run.id}")
    await publisher.click("main a[href$='/publication']")
    await publisher.wait_for_url("**/account/confirm**")
    await publisher.fill("[name=password]", password)
    await publisher.click("main form:has([name=password]) button")
    await publisher.wait_for_url("**/publication")
    await sign(publisher)
    await publisher.wait_for_selector("text=已公布")
    await world.sequence()
    enterprise, anybody = await open_as("enterprise"), await open_as()
    await enterprise.goto("/150200/portal")
    assert "92" in await enterprise.inner_text("main")
    async with enterprise.expect_download() as report:
        await enterprise.click("text=下载信用报告")
    assert (await report.value).suggested_filename.endswith(".pdf")
    await anybody.goto("/150200/enterprises/91150200MA0000000C")
    assert "92" in await anybody.inner_text("main")


async def test_a_bid_evaluator_asks_by_name_prints_the_answer_and_a_stranger_checks_it(
    world, open_as, tmp_path
):
    await world.propose(world.draft(), world.draft(code="duty.charity", points="2"))
    await world.publish_grades()
    bidder, stranger = await open_as("bidder"), await open_as()
    assert bidder.url.endswith("/150200/queries")
    await bidder.fill("[name=purpose]", "政府采购")
    await bidder.fill("[name=tender_ref]", "包采〔2026〕7号")
    await bidder.fill("[name=bidders]", "1\t甲物业\n2\t乙物业有限公司")
    await bidder.click("text=提问并留存")
    await bidder.select_option("#pick-1", label="甲物业有限公司（91150200MA0000000C）")
    await bidder.dblclick("text=提问并留存")
    await bidder.wait_for_selector("text=签名和核对")
    assert "92" in await bidder.inner_text("main")
    await bidder.emulate_media(media="print")
    assert not await bidder.is_visible("text=下载 Excel")
    assert await bidder.is_visible("text=内容摘要")
    await bidder.emulate_media(media="screen")
    async with bidder.expect_download() as file:
        await bidder.click("text=下载签名文件")
    await (await file.value).save_as(tmp_path / "answer.json")
    await stranger.goto("/150200/answers")
    await stranger.set_input_files("[name=file]", tmp_path / "answer.json")
    await stranger.click("main form button")
    await stranger.wait_for_selector("text=一字未改")
    await bidder.click("text=返回全部查询")
    assert await bidder.locator("#earlier tbody tr").count() == 1
    auditor = await open_as("auditor")
    await auditor.click("nav.menu >> text=评标查询")
    await auditor.click("main >> text=包采〔2026〕7号")
    assert "甲物业有限公司" in await auditor.inner_text("main")
    await auditor.click("nav.menu >> text=访问记录")
    assert "提交评标查询" in await auditor.inner_text("main")


async def test_a_committee_looks_at_its_estate_makes_a_key_and_invites_a_colleague(
    world, open_as, faults
):
    from datetime import date

    from credit.parties import service as parties

    row = {
        "code": "YWH-1",
        "name": "第1小区业主委员会",
        "kind": "业主委员会",
        "project": "XQ-1",
        "formed_on": date(2025, 1, 1),
        "ended_on": None,
    }
    async with world.db.transaction("150200") as conn:
        plan = await parties.plan_parties(conn, world.clock, {"committees": [(2, row)]})
        await parties.apply_parties(conn, world.clock, world.vault, plan)
    await world.hire("committee", "committee_user", kind="committee", party="YWH-1")
    await world.propose(world.draft())
    await world.publish_grades()
    committee = await open_as("committee")
    assert "第1小区" in await committee.inner_text("main")
    assert await faults(committee) == []
    await make_key(committee)
    await committee.goto("/150200/portal")
    await committee.click("nav.menu >> text=同事")
    await committee.fill("[name=username]", "deputy")
    await committee.fill("[name=name]", "副主任")
    await committee.click("text=生成邀请链接")
    assert "/invitation/150200" in await committee.input_value("#field-link")


async def test_who_works_by_machine_alone_finds_their_account_and_their_data(
    world, open_as, faults
):
    await world.hire("exchange", "partner")
    person = await open_as("exchange")
    assert person.url.endswith("/150200/account")
    assert await faults(person) == []
    async with person.expect_download() as file:
        await person.click("text=下载全部")
    assert (await file.value).suggested_filename == "my-data.json"
    await person.click("text=English")
    assert await person.get_attribute("html", "lang") == "en"
