"""Saved views: a list's filter under a name, seen by one person, leading nowhere else."""

import html
import inspect
import re
from urllib.parse import parse_qsl, urlencode

from hypothesis import given
from hypothesis import strategies as st

from credit.access.admin.people import erase_person
from credit.evaluations.pages import EvaluationListPages
from credit.events.pages import EventListPages
from credit.grades.pages import ConsoleEnterprisePages
from credit.kit.errors import Invalid
from credit.kit.lists import QUERY_CHARS_MAX, asked, kept_query
from credit.web.saved import FILTERS

CITY = "150200"
CONSOLE = f"/{CITY}/console"
VIEWS = f"{CONSOLE}/views"
NOT_ASKED = {"self", "request", "state", "city", "asked", "cursor"}
FILTER = {"a": "[0-9]{1,3}", "b": "x|y"}
# A value of each list's every parameter.
FULL = {
    "enterprises": {
        "q": "甲&乙=?#", "grade": "3A", "division": "150203", "sort": "-score", "size": "100",
    },
    "events": {
        "status": "refused", "q": " 甲 ", "division": "150203001", "sort": "time", "size": "30",
    },
    "evaluations": {
        "sheet": "A.2", "year": "2025", "q": "甲", "division": "all", "sort": "-total",
        "size": "30",
    },
}  # fmt: skip


async def save(browser, name="我的", place="events", query="status=proposed"):
    return await browser.post(VIEWS, data={"place": place, "name": name, "query": query})


def chips(page):
    """The saved views a page shows: (name, address)."""
    return [
        (html.unescape(name), html.unescape(href))
        for href, name in re.findall(r'class="chip" href="(.*?)"[^>]*>(.*?)</a>', page.text)
    ]


async def test_a_filter_is_saved_above_its_list_and_on_the_desk_and_leads_back(browse):
    officer = await browse("officer")
    for place, full in FULL.items():
        listed = await officer.get(f"{CONSOLE}/{place}", params=full)
        assert listed.status_code == 200
        query = html.unescape(re.search(r'name="query" value="(.*?)"', listed.text)[1])
        saved = await save(officer, f"看{place}", place, query)
        assert f"已保存为“看{place}”" in saved.text
        assert saved.url.path == f"{CONSOLE}/{place}"
        assert dict(parse_qsl(saved.url.query.decode())) == full
        ((name, href),) = chips(saved)
        assert name == f"看{place}"
        assert 'aria-current="true"' in saved.text
        assert dict(parse_qsl(href.partition("?")[2])) == full
    desk = await officer.get(CONSOLE)
    assert {href.partition("?")[0] for _, href in chips(desk)} == {
        f"{CONSOLE}/{place}" for place in FULL
    }
    for _, href in chips(desk):
        assert (await officer.get(href)).status_code == 200


def test_every_parameter_of_a_list_can_be_saved_and_no_other():
    for place, handler in {
        "enterprises": ConsoleEnterprisePages.enterprises,
        "events": EventListPages.events,
        "evaluations": EvaluationListPages.evaluations,
    }.items():
        own = inspect.signature(handler.fn).parameters.keys()
        known = (own | inspect.signature(asked).parameters.keys()) - NOT_ASKED
        assert known == FILTERS[place].keys() == FULL[place].keys()


HOSTILE = [
    "next=//evil.example", "status=waiting", "status=proposed&status=refused", "status",
    "size=1000", "division=15020", "division=150203%0A", "sort=body", "q=%00", "q=%FF", "=x",
    "//evil.example", "https://evil.example/?status=proposed", "q=" + "x" * 61, "q=a&" * 300,
    "q=" + "%E7%94%B2" * 200, "status=proposed;size=30", "status=proposed#x=1",
]  # fmt: skip
ELSEWHERE = ["", "people", "../../login", "events/new", "//evil.example"]


async def test_what_no_list_asks_is_not_kept_nor_what_is_no_list(browse):
    officer = await browse("officer")
    for query in HOSTILE:
        assert (await save(officer, query=query)).status_code == 400, query
    for place in ELSEWHERE:
        assert (await save(officer, place=place)).status_code == 400, place
    assert chips(await officer.get(CONSOLE)) == []


@given(st.text(max_size=80) | st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8))).map(
    urlencode))  # fmt: skip
def test_a_query_that_is_kept_holds_what_is_allowed_once_and_is_kept_as_it_is(text):
    try:
        kept = kept_query(FILTER, text)
    except Invalid:
        return
    pairs = parse_qsl(kept, keep_blank_values=True)
    assert len(kept) <= QUERY_CHARS_MAX
    assert [name for name, _ in pairs] == [name for name in FILTER if name in dict(pairs)]
    assert all(re.fullmatch(FILTER[name], value) for name, value in pairs)
    assert kept_query(FILTER, kept) == kept


@given(st.fixed_dictionaries({}, optional={"a": st.from_regex("[0-9]{1,3}", fullmatch=True),
    "b": st.sampled_from("xy"), "cursor": st.text(max_size=9)}), st.randoms())  # fmt: skip
def test_what_a_list_may_be_asked_is_kept_but_for_the_place_in_it(asked, random):
    pairs = list(asked.items())
    random.shuffle(pairs)
    kept = dict(parse_qsl(kept_query(FILTER, urlencode(pairs))))
    assert kept == {name: value for name, value in asked.items() if name != "cursor"}


async def test_names_are_texts_are_one_s_own_and_bounded(browse):
    officer = await browse("officer")
    hostile = "<script>alert(1)</script>\"'"
    assert "&lt;script&gt;" in (await save(officer, hostile)).text
    assert "<script>alert" not in (await officer.get(VIEWS)).text
    for name in ("", " ", "字" * 41, "a\x00b", "a\u202eb"):
        assert (await save(officer, name)).status_code == 400, name
    taken = await save(officer, f" {hostile} ")
    assert taken.status_code == 409
    assert "请换一个名称" in taken.text
    for number in range(19):
        assert (await save(officer, f"第{number}个")).status_code == 200
    assert (await save(officer, "第二十一个")).status_code == 409
    assert "最多保存 20 个" in (await save(officer, "第二十一个")).text
    await officer.post(f"{VIEWS}/delete", data={"place": "events", "name": hostile})
    assert (await save(officer, "字" * 40)).status_code == 200


async def test_a_view_is_renamed_and_deleted(browse):
    officer = await browse("officer")
    await save(officer, "一")
    await save(officer, "二", "enterprises", "grade=3A")
    renamed = await officer.post(
        f"{VIEWS}/rename", data={"place": "events", "name": "一", "new": "待决定"}
    )
    assert 'value="待决定"' in renamed.text
    await save(officer, "三")
    taken = await officer.post(
        f"{VIEWS}/rename", data={"place": "events", "name": "三", "new": "待决定"}
    )
    assert taken.status_code == 409
    gone = await officer.post(f"{VIEWS}/delete", data={"place": "events", "name": "待决定"})
    assert "已删除" in gone.text
    assert [name for name, _ in chips(await officer.get(CONSOLE))] == ["二", "三"]


async def test_nobody_sees_or_changes_another_s_views(browse):
    officer, reviewer = await browse("officer"), await browse("reviewer")
    await save(officer, "秘密")
    for page in (CONSOLE, VIEWS, f"{CONSOLE}/events"):
        assert "秘密" not in (await reviewer.get(page)).text
    await reviewer.post(f"{VIEWS}/delete", data={"place": "events", "name": "秘密"})
    renaming = {"place": "events", "name": "秘密", "new": "改了"}
    assert (await reviewer.post(f"{VIEWS}/rename", data=renaming)).status_code == 409
    assert [name for name, _ in chips(await officer.get(CONSOLE))] == ["秘密"]
    assert (await save(reviewer, "秘密")).status_code == 200
    for name in ("administrator", "enterprise", "bidder"):
        stranger = await browse(name)
        assert (await stranger.get(VIEWS)).status_code == 403
        assert (await save(stranger)).status_code == 403


async def test_views_go_with_the_person_and_stand_in_what_is_kept_about_them(world, browse):
    officer, reviewer = await browse("officer"), await browse("reviewer")
    await save(officer, "张三的投诉")
    await save(reviewer, "留下的")
    kept = (await officer.get(f"/{CITY}/account/data.json")).json()["saved_views"]
    assert kept == [{"place": "events", "name": "张三的投诉", "query": "status=proposed"}]
    async with world.db.transaction(CITY) as conn:
        person_id = world.actors["officer"].person_id
        administrator = world.actors["administrator"]
        await erase_person(conn, world.clock, world.vault, administrator, person_id)
    async with world.db.city(CITY) as conn:
        assert await conn.fetch("SELECT name FROM saved_view") == [("留下的",)]
