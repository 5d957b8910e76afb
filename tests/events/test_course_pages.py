"""Pages of a fact's course: told, answered, heard, decided, repaired – by whom and when each may."""

import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest

from credit.events import service
from credit.events.course.views import Suggestion
from credit.terms import service as terms

CITY = "150200"
ENTERPRISE = "91150200MA0000000C"
EVENTS, FACTS = "/150200/console/events", "/150200/portal/facts"
GENERAL, SERIOUS = "wages.arrears", "exit.refused"
MOST_STATEMENTS = 12
PROOF = {"evidence": ("证明.pdf", b"%PDF-1.7 proof", "application/pdf")}


async def noticed(office, *codes):
    """Propose facts and give notice of them."""
    facts = [await office.propose(one) for one in codes]
    await office.notify(*facts)
    return facts


async def at(office, day, *browsers):
    """Move to a day; sessions from days before are over, so that everybody signs in again."""
    office.at(day)
    for one in browsers:
        await one.sign_in()


async def accept(browser, fact):
    """Accept a fact on its page; returns what follows the signing."""
    fields = {"events": str(fact), "outcome": "accepted", "reason": "事实清楚"}
    return await browser.sign(await browser.post(f"{EVENTS}/decide", data=fields))


@pytest.fixture
def logged(app, monkeypatch):
    """The statements that pages send, once asked for."""
    sent, lend = [], app.state.db.city

    @asynccontextmanager
    async def city(code):
        async with lend(code) as conn:
            with conn.query_logger(lambda record: sent.append(record.query)):
                yield conn

    monkeypatch.setattr(app.state.db, "city", city)
    return sent


async def test_a_fact_goes_through_all_pages_from_notice_to_repair(office, world, browse):
    await world.announce("enterprise")
    officer, own = await browse("officer"), await browse("enterprise")
    hearer, reviewer, second = [await browse(one) for one in ("hearer", "reviewer", "second")]
    await world.publish_grades()
    fact = await office.propose(GENERAL)
    page = await officer.get(f"{EVENTS}?status=notice")
    assert str(fact) in page.text
    told = await officer.post(f"{EVENTS}/notify", data={"events": str(fact)})
    assert "已告知 1 条" in told.text
    assert "到 2026-07-14" in told.text

    await at(office, "2026-07-10", own, hearer, reviewer)
    page = await own.get(f"{FACTS}/{fact}")
    assert "到 2026-07-14 为止，还剩 2 个工作日" in page.text
    report = {"answer": "rectify", "statement": "第一行\r\n第二行"}
    page = await own.post(f"{FACTS}/{fact}/answers", data=report)
    assert "整改报告已经提交" in page.text
    objection = {"answer": "object", "statement": "已经支付"}
    page = await own.post(f"{FACTS}/{fact}/answers", data=objection, files=PROOF)
    assert "您已于 2026-07-10 提出异议" in page.text
    (digest,) = set(re.findall(r"/evidence/([0-9a-f]{64})", page.text))

    page = await hearer.get(f"{EVENTS}/{fact}")
    assert "等待没有经手的同事核查，到 2026-07-31 为止" in page.text
    assert (await hearer.get(f"{EVENTS}/{fact}/evidence/{digest}")).content == b"%PDF-1.7 proof"
    heard = {"finding": "dismissed", "reasons": "工资表和流水不符", "participants": "会计、经办人"}
    page = await hearer.post(f"{EVENTS}/{fact}/hearing", data=heard, files=PROOF)
    assert "核查：异议不成立" in page.text
    assert "<h2>作出决定</h2>" not in page.text
    assert "已接受 1 条" in (await accept(reviewer, fact)).text

    title = world.pack.on(world.clock.today()).grader.events[GENERAL].title
    pages = {own: "/150200/portal", reviewer: f"/150200/console/enterprises/{ENTERPRISE}"}
    await world.publish_grades()
    for who, path in pages.items():
        svg = re.search(r"<svg[^>]*id=\"steps\".*?</svg>", (await who.get(path)).text, re.DOTALL)
        assert svg, path
        assert title[:8] in svg[0], path

    await at(office, "2026-10-10", own, reviewer, second)
    page = await own.get(f"{FACTS}/{fact}")
    assert "申请修复" in page.text
    form = await own.get(f"{FACTS}/{fact}/repair")
    assert "郑重承诺" in form.text
    asked = {"statement": "已全部付清"}
    missing = await own.post(f"{FACTS}/{fact}/repair", data=asked)
    assert missing.status_code == 409
    assert "已全部付清" in missing.text
    applied = await own.sign(await own.post(f"{FACTS}/{fact}/repair", data=asked, files=PROOF))
    assert "修复申请已经提交" in applied.text
    repair = applied.url.path.rsplit("/", 1)[1]

    place = f"/150200/console/repairs/{repair}"
    given = {"outcome": "accepted", "reason": "材料齐全"}
    taken = await reviewer.post(f"{place}/acceptance", data=given)
    assert "受理人与决定人不能是同一人" in taken.text
    granting = {"outcome": "granted", "reason": "已核实"}
    assert (await reviewer.post(f"{place}/decision", data=granting)).status_code == 409
    done = await second.sign(await second.post(f"{place}/decision", data=granting))
    assert "已准予修复" in done.text
    await world.publish_grades()
    for who, path in pages.items():
        svg = re.search(r"<svg[^>]*id=\"steps\".*?</svg>", (await who.get(path)).text, re.DOTALL)
        assert svg is None or title[:8] not in svg[0], path
    stranger = await browse(None)
    for path in (f"/150200/enterprises/{ENTERPRISE}", "/150200/log"):
        assert str(fact) not in (await stranger.get(path)).text


@pytest.mark.parametrize("paper", ["notice", "decision"])
async def test_letters_of_a_fact_are_for_both_sides_and_nobody_else(office, browse, fonts, paper):
    fact = await office.effective(GENERAL)
    for name, place, status in (
        ("auditor", EVENTS, 200),
        ("enterprise", FACTS, 200),
        ("competitor", FACTS, 404),
    ):
        answer = await (await browse(name)).get(f"{place}/{fact}/{paper}.pdf")
        assert answer.status_code == status
        assert answer.content.startswith(b"%PDF-") == (status == 200)


async def test_before_its_notice_a_fact_has_no_letter_for_its_enterprise(office, browse, fonts):
    fact = await office.propose(GENERAL)
    own, officer = await browse("enterprise"), await browse("officer")
    assert (await own.get(f"{FACTS}/{fact}/notice.pdf")).status_code == 404
    assert (await officer.get(f"{EVENTS}/{fact}/notice.pdf")).status_code == 200
    assert (await officer.get(f"{EVENTS}/{fact}/decision.pdf")).status_code == 404


async def test_what_may_not_be_done_says_why_and_keeps_what_was_typed(office, browse):
    (fact,) = await noticed(office, GENERAL)
    reviewer, hearer = await browse("reviewer"), await browse("hearer")
    page = await reviewer.get(f"{EVENTS}/{fact}")
    assert "现在不能办的" in page.text
    assert "期满后才能认定" in page.text
    heard = {"finding": "upheld", "reasons": "一句理由", "participants": "双方"}
    early = await hearer.post(f"{EVENTS}/{fact}/hearing", data=heard)
    assert early.status_code == 409
    assert "期满后再核查" in early.text
    fields = {"events": str(fact), "outcome": "accepted", "reason": "事实清楚"}
    refused = await reviewer.post(f"{EVENTS}/decide", data=fields)
    assert refused.status_code == 409
    assert "现在不能认定" in refused.text
    await at(office, "2026-07-20", hearer)
    blank = await hearer.post(f"{EVENTS}/{fact}/hearing", data=heard | {"participants": ""})
    assert blank.status_code == 400
    own = await browse("enterprise")
    late = await own.post(
        f"{FACTS}/{fact}/answers", data={"answer": "object", "statement": "迟到的异议"}
    )
    assert late.status_code == 409
    assert "已经逾期" in late.text


async def test_a_serious_fact_asks_for_measures_in_its_report(office, browse):
    (fact,) = await noticed(office, SERIOUS)
    own = await browse("enterprise")
    page = await own.get(f"{FACTS}/{fact}")
    assert "缺了不能结案" in page.text
    assert re.search(r'name="corrective"[^>]* required', page.text)
    report = {
        "answer": "rectify",
        "statement": "已移交",
        "corrective": "移交",
        "preventive": "清单",
    }
    page = await own.post(f"{FACTS}/{fact}/answers", data=report)
    assert "清单" in page.text


async def test_a_term_is_extended_with_a_reason_and_what_is_late_stands_out(office, world, browse):
    (fact,) = await noticed(office, GENERAL)
    officer = await browse("officer")
    given = {"term": "objection", "days": "5", "reason": "企业申请延期"}
    page = await officer.post(f"{EVENTS}/{fact}/extension", data=given)
    assert "2026-07-21" in page.text
    far = await officer.post(f"{EVENTS}/{fact}/extension", data=given | {"days": "50"})
    assert far.status_code == 409
    assert 'value="50"' in far.text
    await at(office, "2026-08-14", officer)
    await office.act(lambda conn: terms.sweep(conn, world.clock, 3))
    page = await officer.get(f"{EVENTS}/{fact}")
    assert "已超" in page.text
    assert "已上报区县主管部门" in page.text
    assert str(fact) in (await officer.get(f"{EVENTS}?status=late")).text


async def test_each_stage_lists_and_counts_what_is_at_it(office, world, browse, logged):
    await world.widen()
    waits = await office.propose(GENERAL)
    fresh, silent, objected = await noticed(office, GENERAL, GENERAL, GENERAL)
    await office.answer(objected, "object")
    await office.answer(silent, "acknowledge")
    good = await office.propose("party.project")
    counts = await office.act(lambda conn: service.counts(conn, world.clock))
    assert (counts.notice, counts.noticed, counts.hearing, counts.decidable) == (1, 1, 1, 2)
    elsewhere = await office.act(lambda conn: service.counts(conn, world.clock, "150204"))
    assert elsewhere.notice == elsewhere.decidable == 0
    reviewer = await browse("reviewer")
    for stage, facts in (
        ("notice", {waits}),
        ("noticed", {fresh}),
        ("hearing", {objected}),
        ("decidable", {silent, good}),
        ("late", set()),
        ("proposed", {waits, fresh, objected, silent, good}),
    ):
        logged.clear()
        page = await reviewer.get(f"{EVENTS}?status={stage}")
        listed = {UUID(one) for one in re.findall(rf'href="{EVENTS}/([0-9a-f-]{{36}})"', page.text)}
        assert listed == facts, stage
        assert len(logged) <= MOST_STATEMENTS, logged
    await at(office, "2026-07-15", reviewer)
    counts = await office.act(lambda conn: service.counts(conn, world.clock))
    assert (counts.noticed, counts.decidable) == (0, 3)
    page = await reviewer.get(f"{EVENTS}?status=proposed")
    chosen = set(re.findall(r'name="events" value="(.*?)"', page.text))
    assert chosen == {str(fresh), str(silent), str(good)}


async def test_notice_is_given_of_several_at_once_and_each_only_once(office, browse):
    facts = [str(await office.propose(GENERAL)) for _ in range(3)]
    officer = await browse("officer")
    fields = {"events": facts, "filter": "status=notice"}
    done = await officer.post(f"{EVENTS}/notify", data=fields)
    assert "已告知 3 条" in done.text
    assert dict(done.url.params) == {"status": "notice"}
    again = await officer.post(f"{EVENTS}/notify", data=fields)
    assert again.status_code == 409
    assert "已经告知过" in again.text


async def test_in_another_division_nobody_gives_notice_or_hears(office, world, browse):
    await world.widen()
    await world.hire("street", "street_officer", kind="street", division="150204001")
    await world.hire("far", "district_officer", kind="district_department", division="150204")
    street, far = await browse("street"), await browse("far")
    fact = await office.propose(GENERAL)
    page = await street.get(f"{EVENTS}/{fact}")
    assert "由协会或所在辖区的同事办理" in page.text
    refused = await street.post(f"{EVENTS}/notify", data={"events": str(fact)})
    assert refused.status_code == 403
    await office.notify(fact)
    await office.answer(fact, "object")
    heard = {"finding": "upheld", "reasons": "一句理由", "participants": "双方"}
    assert (await far.post(f"{EVENTS}/{fact}/hearing", data=heard)).status_code == 403


async def test_a_fact_in_effect_is_taken_back_or_put_right_by_two(office, world, browse):
    first, second = await office.effective(GENERAL), await office.effective(GENERAL)
    officer, reviewer = await browse("officer"), await browse("reviewer")
    page = await officer.get(f"{EVENTS}/{first}")
    assert f"{EVENTS}/{first}/withdrawal" in page.text
    paper = {"reason": "overturned", "reference": "协撤〔2026〕1号"}
    wrong = await officer.post(f"{EVENTS}/{first}/withdrawal", data=paper | {"reference": "空 格"})
    assert wrong.status_code == 400
    assert "空 格" in wrong.text
    asked = await officer.sign(await officer.post(f"{EVENTS}/{first}/withdrawal", data=paper))
    assert "已提出" in asked.text
    await accept(reviewer, asked.url.path.rsplit("/", 1)[1])
    assert (await office.course(first)).state == "withdrawn"

    form = await officer.get(f"{EVENTS}/new?target={second}")
    assert f'value="{second}"' in form.text
    fields = dict(re.findall(r'name="(\w+)" type="(?:date|text)" value="(.*?)"', form.text))
    fields |= {"type": GENERAL, "primary": "enterprise", "target": str(second),
               "reference": "协更〔2026〕1号"}  # fmt: skip
    put = await officer.sign(await officer.post(f"{EVENTS}/new", data=fields))
    right = UUID(put.url.path.rsplit("/", 1)[1])
    await office.notify(right)
    await office.answer(right, "acknowledge")
    await accept(reviewer, right)
    assert (await office.course(second)).state == "corrected"


async def test_an_application_and_its_papers_are_its_enterprise_s_alone(
    office, world, browse, fonts
):
    await world.announce("enterprise")
    await office.evidence()
    fact = await office.effective(GENERAL)
    own, other = await browse("enterprise"), await browse("competitor")
    early = await own.get(f"{FACTS}/{fact}/repair")
    assert early.status_code == 409
    assert "最短公示期 3 个月还没有满" in early.text
    await at(office, "2026-09-30", own, other)
    repair = (await office.apply(fact)).id
    place = f"/150200/portal/repairs/{repair}"
    for path, mine, theirs in (
        (place, 200, 404),
        (f"{place}/commitment.pdf", 200, 404),
        (f"{place}/acceptance.pdf", 404, 404),
        (f"{FACTS}/{fact}/repair", 200, 404),
    ):
        assert (await own.get(path)).status_code in (mine, 409), path
        assert (await other.get(path)).status_code == theirs, path
    assert str(repair) in (await own.get("/150200/portal/repairs")).text
    assert str(repair) not in (await other.get("/150200/portal/repairs")).text
    reviewer = await browse("reviewer")
    page = await reviewer.get("/150200/console/repairs")
    assert str(repair) in page.text
    given = {"outcome": "rejected", "reason": "缺付款凭证"}
    await reviewer.post(f"/150200/console/repairs/{repair}/acceptance", data=given)
    page = await own.get(place)
    assert "缺付款凭证" in page.text
    assert "再次申请修复" in page.text
    assert (await own.get(f"{place}/acceptance.pdf")).content.startswith(b"%PDF-")


async def test_a_repair_is_put_off_once_and_refused_with_reasons(office, world, browse):
    await world.announce("enterprise")
    await office.evidence()
    fact = await office.effective(GENERAL)
    office.at("2026-09-30")
    repair = (await office.apply(fact)).id
    await office.accept(repair)
    second, place = await browse("second"), f"/150200/console/repairs/{repair}"
    put_off = {"days": "5", "reason": "需要现场核实"}
    assert "期限已经延长" in (await second.post(f"{place}/extension", data=put_off)).text
    again = await second.post(f"{place}/extension", data=put_off)
    assert again.status_code == 409
    done = await second.post(f"{place}/decision", data={"outcome": "refused", "reason": "仍有欠薪"})
    assert "已决定不予修复" in done.text
    assert (await office.course(fact)).state == "effective"


async def suggest(office, world, number="1"):
    given = Suggestion(
        "duty", number, "party.project", "project", "XQ-1",
        datetime(2026, 6, 1, tzinfo=UTC).date(), f"契履〔2026〕{number}号", "逾期未公示收支",
    )  # fmt: skip
    return await office.act(lambda conn: service.suggest(conn, world.clock, given))


async def test_a_suggestion_becomes_a_proposed_fact_or_is_set_aside(office, world, browse):
    first, second = await suggest(office, world), await suggest(office, world, "2")
    officer, place = await browse("officer"), "/150200/console/suggestions"
    assert (await office.act(lambda conn: service.counts(conn, world.clock))).suggestions == 2
    near = await office.act(lambda conn: service.counts(conn, world.clock, "150203"))
    assert near.suggestions == 2
    assert str(first) in (await officer.get(place)).text
    page = await officer.get(f"{place}/{first}")
    (link,) = re.findall(rf'href="({EVENTS}/new\?[^"]*)"', page.text)
    form = await officer.get(link.replace("&amp;", "&"))
    assert "逾期未公示收支" in form.text
    fields = {"type": "party.project", "primary": "project", "subject": "XQ-1",
              "occurred_on": "2026-06-01", "reference": "契履〔2026〕1号",
              "suggestion": str(first)}  # fmt: skip
    signing = await officer.post(f"{EVENTS}/new", data=fields)
    assert "已提出" in (await officer.sign(signing)).text
    taken = await office.act(lambda conn: service.suggested(conn, first))
    assert taken.state == "taken"
    assert (await officer.post(f"{EVENTS}/new", data=fields)).status_code == 409
    empty = await officer.post(f"{place}/{second}/dismissal", data={"reason": ""})
    assert empty.status_code == 400
    done = await officer.post(f"{place}/{second}/dismissal", data={"reason": "已另案处理"})
    assert "没有等待处理的线索" in done.text
    assert "已另案处理" in (await officer.get(f"{place}/{second}")).text
