"""The portal's pages of facts: an enterprise sees its own whole, and of others not that they are."""

import re
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
import pytest

from credit.events import service, store
from credit.events.views import Correction, Decision, Withdrawal
from credit.kit.db import PORTAL_ROLE
from credit.kit.ids import new_id
from credit.log.service import sign_record

CITY = "150200"
FACTS = "/150200/portal/facts"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
PROJECT = {
    "primary": "project",
    "subjects": [
        {"scheme": "USCC", "id": ENTERPRISE},
        {"scheme": "PROJECT", "id": "XQ-1"},
        {"scheme": "MANAGER", "id": "FZR-1"},
    ],
}
MOST_STATEMENTS = 12


def signed(world, shape, kind, body):
    """A record of another kind than a fact, signed by both."""
    record = sign_record(world.keys["officer"], kind, new_id(world.clock.now()), body)
    record = sign_record(world.keys["reviewer"], kind, UUID(record.id), body, record.sigs)
    sigs = msgspec.to_builtins(record.sigs)
    return msgspec.convert({"id": record.id, "kind": kind, "body": body, "sigs": sigs}, shape)


def withdrawal(world, target):
    body = {"target": target.id, "subjects": msgspec.to_builtins(target.body.subjects),
            "reason": "entered-by-mistake", "reference": "协撤〔2026〕1号", "evidence": []}  # fmt: skip
    return signed(world, Withdrawal, "event-withdrawn", body)


def correction(world, target, **more):
    return signed(world, Correction, "event-corrected", world.body(**more) | {"target": target.id})


async def refuse(world, event_id, reason):
    async with world.db.transaction(CITY) as conn:
        decision = {UUID(event_id): Decision("refused", reason)}
        await service.decide(conn, world.clock, world.actors["reviewer"], decision)


def rows(page):
    """The table's rows by event id: the texts of the cells."""
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", page.text, re.DOTALL):
        link = re.search(rf'href="{FACTS}/([0-9a-f-]{{36}})"', row)
        if link:
            cells = re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
            found[link[1]] = [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in cells]
    return found


async def test_every_record_about_the_enterprise_is_listed_as_it_stands(world, browse):
    live = world.draft(code="award.government", level="市")
    lapsed = world.draft(code="training.completed", occurred_on="2025-01-10")
    shared = world.draft(code="complaint.upheld", points="1.5", **PROJECT)
    manager = PROJECT | {"primary": "manager"}
    half = world.draft(code="neglect.duty", **manager)
    waiting = world.draft(("officer",), code="penalty.administrative", level="区")
    refused = world.draft(("officer",), code="wages.arrears")
    gone, changed = world.draft(code="pact.breach", points="3"), world.draft(code="charge.unlawful")
    await world.propose(live, lapsed, shared, half, waiting, refused, gone, changed)
    taken_back = withdrawal(world, gone)
    instead = correction(world, changed, code="disclosure.missing")
    await world.propose(taken_back, instead)
    await refuse(world, refused.id, "没有仲裁结论")
    await world.sequence()
    found = rows(await (await browse("enterprise")).get(FACTS))
    said = {key: (cells[2], cells[3], cells[4]) for key, cells in found.items()}
    assert said == {
        live.id: ("+10", "有效", "2027-06-01"),
        lapsed.id: ("+1", "已失效", "2026-01-10"),
        shared.id: ("−1.5", "有效", "2026-09-01"),
        half.id: ("−5", "有效", "2027-06-01"),  # half of what the manager loses
        waiting.id: ("−5", "待决定", "2027-06-01"),
        refused.id: ("−6", "不予认定", "2027-06-01"),
        gone.id: ("−3", "已撤回", "2027-06-01"),
        changed.id: ("−6", "已更正", "2027-06-01"),
        taken_back.id: ("—", "有效", "—"),
        instead.id: ("−2", "有效", "2026-09-01"),
    }
    assert re.fullmatch(r"第 \d+ 条", found[live.id][8])
    assert found[waiting.id][8] == found[refused.id][8] == "—"


async def test_a_fact_shows_clause_evidence_and_decision_and_names_no_official(world, browse):
    officer, own = await browse("officer"), await browse("enterprise")
    entry = {"type": "complaint.overdue", "primary": "project", "subject": "XQ-1",
             "occurred_on": "2026-06-01", "reference": "协字〔2026〕77号"}  # fmt: skip
    files = {"evidence": ("私人.pdf", b"%PDF-1.7 paper", "application/pdf")}
    entered = await officer.sign(
        await officer.post("/150200/console/events/new", data=entry, files=files)
    )
    event_id = entered.url.path.rsplit("/", 1)[1]
    page = await own.get(f"{FACTS}/{event_id}")
    for part in ("诉求逾期未办", "待决定", "DB1502/T XX-2021 §6.4.2", "协字〔2026〕77号", "2026-09-01",
                 "第1小区", "还没有告知您"):  # fmt: skip
        assert part in page.text, part
    (link,) = re.findall(rf'href="({FACTS}/{event_id}/evidence/[0-9a-f]{{64}})"', page.text)
    answer = await own.get(link)
    assert answer.content == b"%PDF-1.7 paper"
    assert answer.headers["content-disposition"].startswith("attachment")
    await refuse(world, event_id, "投诉已在期限内答复")
    page = await own.get(f"{FACTS}/{event_id}")
    assert "投诉已在期限内答复" in page.text
    assert "不予认定，不计分" in page.text
    for name in ("officer", "reviewer"):
        assert world.actors[name].person_id not in page.text


async def test_what_took_a_fact_back_or_replaced_it_is_one_link_away(world, browse):
    gone, changed = world.draft(code="pact.breach", points="3"), world.draft(code="charge.unlawful")
    await world.propose(gone, changed)
    taken_back = withdrawal(world, gone)
    instead = correction(world, changed, code="disclosure.missing")
    await world.propose(taken_back, instead)
    own = await browse("enterprise")
    for first, later in ((gone, taken_back), (changed, instead)):
        assert f'href="{FACTS}/{later.id}"' in (await own.get(f"{FACTS}/{first.id}")).text
        assert f'href="{FACTS}/{first.id}"' in (await own.get(f"{FACTS}/{later.id}")).text


async def test_to_another_enterprise_a_fact_and_its_evidence_are_not_there(world, browse):
    files = {"evidence": ("a.pdf", b"%PDF-1.7 paper", "application/pdf")}
    entry = {"type": "note.registered", "primary": "enterprise", "subject": ENTERPRISE,
             "occurred_on": "2026-06-01", "reference": "甲企业的文号"}  # fmt: skip
    officer = await browse("officer")
    entered = await officer.sign(
        await officer.post("/150200/console/events/new", data=entry, files=files)
    )
    event_id = entered.url.path.rsplit("/", 1)[1]
    theirs = world.draft(subject=("USCC", OTHER))
    await world.propose(theirs)
    own, competitor = await browse("enterprise"), await browse("competitor")
    page = await own.get(f"{FACTS}/{event_id}")
    (digest,) = re.findall(r"/evidence/([0-9a-f]{64})", page.text)
    unknown = str(new_id(world.clock.now()))
    refused = await competitor.get(f"{FACTS}/{event_id}")
    nowhere = await competitor.get(f"{FACTS}/{unknown}")
    assert refused.status_code == nowhere.status_code == 404
    # Nothing in the answer tells a fact of somebody else from none at all.
    assert refused.text.replace(event_id, unknown) == nowhere.text
    for path in (f"{event_id}/evidence/{digest}", f"{theirs.id}/evidence/{digest}"):
        assert (await competitor.get(f"{FACTS}/{path}")).status_code == 404
    listed = await competitor.get(FACTS)
    assert list(rows(listed)) == [theirs.id]
    assert "甲企业的文号" not in listed.text
    assert list(rows(await own.get(FACTS))) == [event_id]
    # The cursor is an id that anybody may send, another enterprise's too.
    beyond = await competitor.get(FACTS, params={"cursor": UUID(event_id).hex})
    assert rows(beyond) == {}


async def test_in_a_portal_s_session_a_statement_without_filter_finds_nothing_of_others(world):
    mine, theirs = world.draft(), world.draft(subject=("USCC", OTHER))
    waiting = world.draft(("officer",), subject=("USCC", OTHER))
    await world.propose(mine, theirs, waiting)
    ids = [UUID(one.id) for one in (mine, theirs, waiting)]
    async with world.db.bound(CITY, PORTAL_ROLE, party=ENTERPRISE) as conn:
        assert list(await store.show_these(conn, ids)) == [UUID(mine.id)]
        zero = UUID(int=0)
        shown = await store.show(conn, "all oldest", zero, 10, like=None, division=None)
        assert [one.id for one in shown] == [UUID(mine.id)]
        assert await store.show_of(conn, "proposed oldest", zero, 10, codes=[OTHER]) == []
        assert await store.own_events(conn, OTHER, None, 10) == []
    async with world.db.bound(CITY, PORTAL_ROLE) as conn:
        assert await store.show_these(conn, ids) == {}


@pytest.mark.parametrize("name", ["officer", "auditor", "administrator"])
async def test_officials_have_no_portal(browse, name):
    official = await browse(name)
    assert (await official.get(FACTS)).status_code == 403


async def test_pages_follow_the_days_and_leave_nothing_out(world, browse, app, monkeypatch):
    drafts = [world.draft(occurred_on=f"2026-0{1 + n % 5}-{1 + n % 27:02d}") for n in range(70)]
    await world.propose(*drafts)
    sent, lend = [], app.state.db.city

    @asynccontextmanager
    async def city(code):
        async with lend(code) as conn:
            with conn.query_logger(lambda record: sent.append(record.query)):
                yield conn

    own = await browse("enterprise")
    monkeypatch.setattr(app.state.db, "city", city)
    first = await own.get(FACTS)
    assert len(sent) <= MOST_STATEMENTS, sent
    cursor = re.search(r"cursor=([0-9a-f]{32})", first.text)[1]
    second = await own.get(FACTS, params={"cursor": cursor})
    assert 'rel="next"' not in second.text
    listed = [*rows(first).items(), *rows(second).items()]
    assert sorted(key for key, _ in listed) == sorted(one.id for one in drafts)
    days = [(cells[0], key) for key, cells in listed]
    assert days == sorted(days, reverse=True)
