"""The console's pages of events: entered by one, signed, decided by another."""

import html
import re

import pytest

ENTRY = {
    "type": "party.project",
    "primary": "project",
    "subject": "XQ-1",
    "occurred_on": "2026-06-01",
    "reference": "协字〔2026〕77号",
}
NEW = "/150200/console/events/new"
WAITING = "/150200/console/events?status=proposed"
REFUSE = "/150200/console/events/refuse"


async def enter(browser, **changed):
    return await browser.sign(await browser.post(NEW, data=ENTRY | changed))


async def decide(browser, page, outcome="accepted", reason="事实清楚"):
    chosen = re.findall(r'name="events" value="(.*?)"', page.text)
    fields = {"events": chosen, "outcome": outcome, "reason": reason}
    if kept := re.search(r'name="filter" value="(.*?)"', page.text):
        fields["filter"] = html.unescape(kept[1])
    return await browser.post("/150200/console/events/decide", data=fields)


async def test_a_fact_is_entered_and_signed_by_one_and_accepted_by_another(world, browse):
    officer, reviewer = await browse("officer"), await browse("reviewer")
    shown = await enter(officer)
    assert "已提出" in shown.text
    assert "待决定" in shown.text
    page = await reviewer.get(WAITING)
    assert "协字〔2026〕77号" in page.text
    done = await reviewer.sign(await decide(reviewer, page))
    assert "已接受 1 条事件" in done.text
    await world.sequence()
    event = await officer.get(shown.url)
    assert "已生效" in event.text
    assert re.search(r"第 \d+ 条", event.text)


async def test_several_are_refused_for_one_reason_that_is_asked_for(browse):
    officer, reviewer = await browse("officer"), await browse("reviewer")
    shown = await enter(officer)
    await enter(officer, reference="协字〔2026〕78号")
    place = f"{WAITING}&q=甲物业&size=100"
    waiting = await reviewer.get(place)
    # The reason of acceptances is none of a refusal's: it may be empty, and browsers let it be so.
    assert re.search(r'value="refused" formnovalidate>', waiting.text)
    assert re.search(r'value="refused" formnovalidate>', (await reviewer.get(shown.url)).text)
    nothing = await decide(reviewer, waiting, "accepted", reason="")
    assert (nothing.status_code, "data-sign" in nothing.text) == (400, False)
    asked = await decide(reviewer, waiting, "refused", reason="")
    assert "不予认定 2 条事件" in asked.text
    assert "事实清楚" not in asked.text  # that was the reason for accepting
    fields = {
        "events": re.findall(r'name="events" value="(.*?)"', asked.text),
        "filter": html.unescape(re.search(r'name="filter" value="(.*?)"', asked.text)[1]),
    }
    again = await reviewer.post(REFUSE, data=fields | {"reason": ""})
    assert again.status_code == 400
    assert again.text.count('name="events"') == 2  # nothing has to be chosen again
    done = await reviewer.post(REFUSE, data=fields | {"reason": "缺处罚决定书"})
    assert "已决定不予认定 2 条事件" in done.text
    assert dict(done.url.params) == {"status": "proposed", "q": "甲物业", "size": "100"}
    event = await officer.get(shown.url)
    assert "不予认定" in event.text
    assert "缺处罚决定书" in event.text
    twice = await reviewer.post(REFUSE, data=fields | {"reason": "再退一次"})
    assert twice.status_code == 409


@pytest.mark.parametrize(
    "filter_", ["", "status=x", "next=//evil.example", "q=a&q=b", "//evil.example", "\x00"]
)
async def test_after_a_decision_the_list_it_came_from_is_shown_and_no_other_place(browse, filter_):
    officer, reviewer = await browse("officer"), await browse("reviewer")
    await enter(officer)
    asked = await decide(reviewer, await reviewer.get(WAITING), "refused")
    events = re.findall(r'name="events" value="(.*?)"', asked.text)
    fields = {"events": events, "filter": filter_, "reason": "缺材料"}
    reviewer.follow_redirects = False
    done = await reviewer.post(REFUSE, data=fields)
    assert done.headers["location"] == WAITING


async def test_a_form_with_a_fault_comes_back_as_it_was_filled_in(browse):
    officer = await browse("officer")
    page = await officer.post(NEW, data=ENTRY | {"occurred_on": "2026-07-31"})
    assert page.status_code == 409
    assert "2026-07-31 在今天之后" in page.text
    assert 'value="协字〔2026〕77号"' in page.text


async def test_nobody_chooses_or_decides_their_own_proposal(world, browse):
    from credit.access import store

    officer = await browse("officer")
    await enter(officer)
    async with world.db.transaction("150200") as conn:
        await conn.execute(
            "UPDATE person SET roles = '{association_officer,association_reviewer}'"
            " WHERE username = 'officer'"
        )
        assert (await store.find_person(conn, "officer")).roles[1] == "association_reviewer"
        (event_id,) = (await conn.fetchrow("SELECT id FROM event")).values()
    page = await officer.get(WAITING)
    assert 'name="events"' not in page.text
    fields = {"events": [str(event_id)], "outcome": "refused", "reason": "试试"}
    for place, outcome in (
        ("/150200/console/events/decide", "refused"),
        ("/150200/console/events/decide", "accepted"),
        (REFUSE, "refused"),
    ):
        refused = await officer.post(place, data=fields | {"outcome": outcome})
        assert refused.status_code == 403
        assert "不能是同一人" in refused.text


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"id": 1, "body": []}', '{"id":"a","body":{}}']
)
async def test_what_is_carried_through_the_signing_page_may_be_anything(browse, text):
    officer = await browse("officer")
    fields = {"draft": text, "kid": "k1:" + "0" * 32, "signatures": "A" * 86 + "=="}
    assert (await officer.post("/150200/console/events/propose", data=fields)).status_code == 400


async def test_evidence_is_handed_out_only_for_the_event_that_names_it(world, browse):
    officer, auditor = await browse("officer"), await browse("auditor")
    files = {"evidence": ("../../私人.pdf", b"%PDF-1.7 paper", "application/pdf")}
    page = await officer.post(NEW, data=ENTRY, files=files)
    shown = await officer.sign(page)
    (link,) = re.findall(r'href="(/150200/console/events/[^"]*/evidence/[0-9a-f]{64})"', shown.text)
    answer = await auditor.get(link)
    assert answer.content == b"%PDF-1.7 paper"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "私人" not in str(answer.headers)
    other = await enter(officer, reference="协字〔2026〕78号")
    elsewhere = other.url.path + link[link.index("/evidence/") :]
    assert (await auditor.get(elsewhere)).status_code == 404
