"""The main journeys, as people walk them in a real browser."""

import pytest

pytestmark = pytest.mark.browser


async def make_key(page):
    """Make a signing key in this browser, as somebody does on their first day."""
    await page.goto("/150200/account/keys")
    await page.click("text=在这个浏览器生成密钥并登记")
    await page.wait_for_selector("text=签名密钥已登记")


async def sign(page):
    await page.click("text=签名并提交")


async def enter_fact(page, reference):
    await page.goto("/150200/console/events/new")
    await page.select_option("[name=type]", "complaint.overdue")
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
    await reviewer.click("text=接受并签名")
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
