"""The desk, which shows everybody their own work, and the search across everything."""

import html
import re
from datetime import timedelta
from uuid import UUID

import pytest

from credit.evaluations import service as evaluations
from credit.evaluations.views import Submission
from credit.grades import service as grades
from credit.log import service as log
from credit.web.search import id_bounds

CITY = "150200"
DESK = "/150200/console"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
MOST_STATEMENTS = 12  # of a page, who looks and the trail's line included
REFERENCE = "协字〔2026〕1号"


def main(page) -> str:
    """What stands between the menu and the foot."""
    text = html.unescape(page.text)
    return re.search(r"<main.*</main>", text, re.DOTALL)[0]


async def waiting(world, **more):
    """Propose a fact that waits; returns its id."""
    draft = world.draft(signers=("officer",), **more)
    await world.propose(draft)
    return draft.id


async def an_open_evaluation(world):
    submission = Submission("A.2", "enterprise", ENTERPRISE, 2025, "150203", {"marks": {}})
    async with world.db.transaction(CITY) as conn:
        (state,) = await evaluations.submit(
            conn, world.clock, world.actors["officer"], world.pack, [submission]
        )
    return state.id


async def test_an_empty_desk_says_what_one_could_do(browse):
    for name, offered in {
        "officer": ["events/new", "evaluations", "runs", "imports", "enterprises", "exports"],
        "reviewer": ["enterprises", "exports"],
        "city_authority": ["enterprises", "exports", "activities", "points"],
        "auditor": ["enterprises", "exports", "trail"],
        "administrator": ["people", "clients"],
    }.items():
        shown = main(await (await browse(name)).get(DESK))
        assert "没有等您处理的事情" in shown
        listed = re.search(r'<ul class="could">.*?</ul>', shown, re.DOTALL)[0]
        found = re.findall(r'href="/150200/(?:console/)?([^"]*)"', listed)
        assert found == [*offered, "log"], name


async def test_a_long_menu_is_folded_but_for_the_group_one_is_in(browse):
    auditor, shown = await browse("auditor"), {}
    for place in ("", "/events", "/contracts", "/points/indicators"):
        page = html.unescape((await auditor.get(f"{DESK}{place}")).text)
        menu = re.search(r'<nav class="menu".*?</nav>', page, re.DOTALL)[0]
        groups = re.findall(r"<details name=\"menu\"( open)?><summary>(.*?)</summary>", menu)
        shown[place] = [(name, bool(opened)) for opened, name in groups]
        assert menu.count("aria-current") == 1, place
    closed = [("信用", False), ("积分", False)]
    assert shown[""] == shown["/contracts"] == closed
    assert shown["/events"] == [("信用", True), ("积分", False)]
    assert shown["/points/indicators"] == [("信用", False), ("积分", True)]


async def test_a_short_menu_is_not_folded(browse):
    for name in ("reviewer", "administrator"):
        page = (await (await browse(name)).get(DESK)).text
        assert 'class="menu"' in page
        assert 'name="menu"' not in page, name


async def test_a_desk_shows_what_waits_for_each_role(world, browse, statements):
    await waiting(world)
    await waiting(world, code="wages.arrears")
    await an_open_evaluation(world)
    await world.sequence()
    async with world.db.transaction(CITY) as conn:
        await grades.ask_for_run(conn, world.clock, world.actors["officer"], world.clock.today())
        await conn.execute("UPDATE procrastinate_jobs SET status = 'failed'")
        await grades.run(
            conn, world.clock, world.actors["officer"], world.pack, world.clock.today()
        )
    work = {
        "notice": "件待送达告知书",
        "decidable": "件可以作出决定",
        "evaluations": "份评价没有结束",
        "publish": "的评级等待公布",
        "own": "件您提出的事件等别人决定",
        "failed": "没有算成",
        "proposed": "等市主管部门公布",
    }
    for name, expected in (
        ("officer", {"notice", "evaluations", "own", "failed", "proposed"}),
        ("reviewer", {"decidable", "evaluations"}),
        ("city_authority", {"publish"}),
        ("auditor", set()),
        ("administrator", set()),
    ):
        browser = await browse(name)
        await browser.get(DESK)
        statements.clear()
        shown = main(await browser.get(DESK))
        assert {key for key, words in work.items() if words in shown} == expected, name
        assert len(statements) <= MOST_STATEMENTS, name


async def test_a_refused_proposal_comes_back_to_who_made_it_for_a_month(world, browse):
    from credit.events import service as events
    from credit.events.views import Decision

    event_id = await waiting(world)
    async with world.db.transaction(CITY) as conn:
        refusal = {UUID(event_id): Decision("refused", "缺材料")}
        await events.decide(conn, world.clock, world.actors["reviewer"], refusal)
    for days, shown in ((0, True), (30, True), (31, False)):
        world.clock.now_value += timedelta(days=days)
        page = main(await (await browse("officer")).get(DESK))
        assert ("件您提出的事件不予认定" in page) is shown
        assert "件您提出的事件不予认定" not in main(await (await browse("reviewer")).get(DESK))
        world.clock.now_value -= timedelta(days=days)


async def test_who_has_no_key_is_told_where_to_make_one(world, browse):
    officer = await browse("officer")
    assert "/account/keys" not in main(await officer.get(DESK))
    async with world.db.transaction(CITY) as conn:
        key = world.keys["officer"]
        await log.revoke_key(conn, world.clock, key.kid, key)
    assert "/150200/account/keys" in main(await officer.get(DESK))
    assert "/account/keys" not in main(await (await browse("auditor")).get(DESK))


async def test_the_last_publication_is_summed_up_and_its_end_announced(world, browse):
    await world.propose(world.draft(code="award.government", level="市"))
    await world.publish_grades()
    shown = main(await (await browse("auditor")).get(DESK))
    rows = re.findall(r"<td>(3A|2A|A|B|未评级)</td><td>(\d+)</td>", shown)
    assert rows == [("3A", "0"), ("2A", "1"), ("A", "0"), ("B", "0"), ("未评级", "1")]
    assert "请在那之前完成" not in shown
    world.clock.now_value += timedelta(days=336)
    assert "请在那之前完成" in main(await (await browse("auditor")).get(DESK))


# Search


async def found(browser, text):
    page = await browser.get(f"{DESK}/search", params={"q": text})
    assert page.status_code == 200
    return main(page)


async def test_everything_is_found_by_what_it_is_called(world, browse, statements):
    event = await waiting(world, code="wages.arrears")
    evaluation = await an_open_evaluation(world)
    officer = await browse("officer")
    await found(officer, "甲物业")
    statements.clear()
    shown = await found(officer, "甲物业")
    assert len(statements) <= MOST_STATEMENTS
    for link in (f"enterprises/{ENTERPRISE}", f"events/{event}", f"evaluations/{evaluation}"):
        assert f'href="{DESK}/{link}"' in shown
    assert OTHER not in shown
    assert "第3小区" in await found(officer, "第3小")
    assert f"{DESK}/enterprises/{OTHER}" in await found(officer, "xq-3")
    assert f"{DESK}/enterprises/{OTHER}" in await found(officer, OTHER[8:].lower())
    for text in (event, event[:13], event.replace("-", "")[:8].upper()):
        assert f"events/{event}" in await found(officer, text)
    assert f"evaluations/{evaluation}" in await found(officer, evaluation[:18])


async def test_nothing_found_says_so_and_a_reference_is_not_searched(world, browse):
    await waiting(world)
    officer = await browse("officer")
    for text in (REFERENCE, "%", "_", "\\", "'", "没有这家", "0" * 8, "f" * 32):
        shown = await found(officer, text)
        assert "没有找到" in shown, text
        assert "文号写在记录的正文里" in shown
    assert "没有找到" not in await found(officer, " ")


async def test_who_may_not_read_events_finds_none(world, browse):
    event = await waiting(world)
    administrator = await browse("administrator")
    assert "没有找到" in await found(administrator, event)
    shown = await found(administrator, "甲物业")
    assert event not in shown
    assert f'href="/150200/enterprises/{ENTERPRISE}"' in shown


@pytest.mark.parametrize("text", ["", "0190000", "0190000g", "甲" * 8, "0" * 33, "ＡＢＣＤＥＦ01"])
def test_what_is_no_beginning_of_an_id_is_none(text):
    assert id_bounds(text) is None


def test_the_bounds_of_an_id_hold_what_begins_like_it():
    whole = UUID("01900204-fe00-7a00-9607-7106491c1860")
    for digits in range(8, 33):
        low, high = id_bounds(whole.hex[:digits])
        assert low <= whole <= high
        assert low.hex[:digits] == high.hex[:digits] == whole.hex[:digits]
    assert id_bounds(str(whole)) == (whole, whole)
