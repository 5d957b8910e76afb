"""The console by keyboard alone: single keys move, tick and open; they stay out of what is typed."""

import re

import pytest

pytestmark = pytest.mark.browser
CONSOLE = "/150200/console"
WAITING = f"{CONSOLE}/events?status=proposed"
PHONE_DARK = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"}
# Where the focus is: which row of the list, or what.
FOCUS = """() => {
    const one = document.activeElement;
    const rows = [...document.querySelectorAll("main table[data-rows] tbody tr")];
    return rows.includes(one) ? rows.indexOf(one) : one.id || one.tagName;
}"""


async def press(page, *keys):
    for key in keys:
        await page.keyboard.press(key)
    return await page.evaluate(FOCUS)


async def ticked(page):
    return await page.eval_on_selector_all(
        "main [name=events]", "boxes => boxes.map((box) => box.checked)"
    )


@pytest.fixture
async def waiting(world):
    """Three facts of the officer's that wait for the reviewer."""
    await world.propose(*(world.draft(signers=("officer",)) for _ in range(3)))


async def test_rows_are_walked_ticked_and_opened_without_a_mouse(waiting, open_as):
    reviewer = await open_as("reviewer")
    await reviewer.goto(WAITING)
    assert await press(reviewer, "j") == 0
    assert await press(reviewer, "j") == 1
    assert await press(reviewer, "ArrowDown") == 2
    assert await press(reviewer, "j") == 2  # the last one
    assert await press(reviewer, "k", "ArrowUp") == 0
    assert await press(reviewer, "x", "j", "x") == 1
    assert await ticked(reviewer) == [True, True, False]
    assert await reviewer.inner_text("[data-chosen]") == "已选本页 2 条"
    await press(reviewer, "a")
    assert await ticked(reviewer) == [True] * 3
    assert await reviewer.is_checked("[data-all]")
    await press(reviewer, "a")
    assert await ticked(reviewer) == [False] * 3
    assert await reviewer.inner_text("[data-chosen]") == ""
    # Tab reaches one row, and from it what stands in it; the others are not stops.
    stops = "main table[data-rows] tbody tr[tabindex='0']"
    assert await reviewer.locator(stops).count() == 1
    assert await press(reviewer, "Tab") == "INPUT"
    await press(reviewer, "Space")
    assert (await ticked(reviewer))[1] is True
    assert await press(reviewer, "j") == 2  # from within a row, too
    await reviewer.keyboard.press("Enter")
    await reviewer.wait_for_url(re.compile(r"/console/events/[0-9a-f-]{36}$"))


async def test_keys_lead_to_the_menu_the_search_and_a_new_event(waiting, open_as):
    officer = await open_as("officer")
    await officer.goto(CONSOLE)
    await officer.keyboard.press("g")
    await officer.keyboard.press("e")
    await officer.wait_for_url(f"**{CONSOLE}/enterprises")
    assert await press(officer, "j") == 0
    assert await press(officer, "/") == "field-q"
    await officer.keyboard.type("jkxang?/")  # letters, while something is typed
    assert await officer.input_value("#field-q") == "jkxang?/"
    await officer.goto(CONSOLE)
    assert await press(officer, "/") == "search"
    await officer.evaluate("document.activeElement.blur()")
    await press(officer, "Control+j", "Alt+n", "Shift+J")  # the browser's own
    assert await officer.evaluate(FOCUS) == "BODY"
    await officer.keyboard.press("n")
    await officer.wait_for_url(f"**{CONSOLE}/events/new")
    await officer.keyboard.press("g")
    await officer.keyboard.press("d")
    await officer.wait_for_url(f"**{CONSOLE}")


async def test_the_list_of_keys_opens_by_key_and_button_and_switches_them_off(
    waiting, open_as, faults
):
    reviewer = await open_as("reviewer")
    await reviewer.goto(WAITING)
    await press(reviewer, "?")
    dialog = reviewer.locator("dialog#shortcuts")
    assert await dialog.is_visible()
    assert "勾选这一行" in await dialog.inner_text()
    assert "登记一条事件" not in await dialog.inner_text()  # which the reviewer may not
    assert await faults(reviewer) == []
    await press(reviewer, "j", "x", "a")  # nothing acts behind it
    assert not any(await ticked(reviewer))
    await press(reviewer, "Escape")
    assert not await dialog.is_visible()
    await reviewer.click("[data-shortcuts]")
    await reviewer.uncheck("[data-shortcuts-on]")
    await dialog.get_by_role("button").click()
    await press(reviewer, "j", "x", "a", "?")
    assert await reviewer.evaluate(FOCUS) not in range(3)
    assert not any(await ticked(reviewer))
    assert not await dialog.is_visible()
    await reviewer.reload()
    assert await press(reviewer, "j") not in range(3)
    await reviewer.click("[data-shortcuts]")
    await reviewer.check("[data-shortcuts-on]")
    await press(reviewer, "Escape")
    assert await press(reviewer, "j") == 0


@pytest.mark.parametrize("options", [{}, PHONE_DARK], ids=["desktop", "telephone-dark"])
async def test_lists_and_saved_views_have_no_serious_fault(waiting, open_as, faults, options):
    reviewer = await open_as("reviewer", **options)
    await reviewer.goto(WAITING)
    await reviewer.click("text=保存当前筛选")
    await reviewer.fill("#view-name", "待我决定")
    found = await faults(reviewer)
    await reviewer.press("#view-name", "Enter")
    await reviewer.wait_for_selector("a.chip:has-text('待我决定')")
    for place in ("events?division=150203", "enterprises?sort=-score", "evaluations", "views", ""):
        await reviewer.goto(f"{CONSOLE}/{place}".rstrip("/"))
        found += await faults(reviewer)
        width = await reviewer.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0, place
    await reviewer.goto(WAITING)
    await press(reviewer, "a")
    await reviewer.click("text=不予认定…")
    await reviewer.wait_for_selector("text=不予认定 3 条事件")
    found += await faults(reviewer)
    assert found == []
