"""Pages of lists: an entry led the whole way by people at browsers, boards, gates, who sees what."""

import html
import re
from contextlib import asynccontextmanager
from io import BytesIO

import pytest

from credit.blacklist import service
from credit.blacklist.boards.excel import score_sheet
from credit.blacklist.pages import partners
from credit.kit.excel import write_table
from credit.rules.loading import pack_of_city

ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
LISTS, PORTAL, PUBLIC = "/150200/console/lists", "/150200/portal/lists", "/150200/lists"
NEW, BOARDS = f"{LISTS}/new", "/150200/console/boards"
PAPER = {"files": ("申辩.pdf", b"%PDF-1.7 paper", "application/pdf")}
STATEMENTS_MAX = 12


def text_of(page):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


async def propose(browser, fact, **changed):
    fields = {
        "list": "black",
        "subject_kind": "enterprise",
        "subject": ENTERPRISE,
        "list_kind": "self-discipline",
        "legal_basis": "DB1502/T XX-2021 §7.3.3",
        "facts": str(fact),
        "measures": ["B-M1", "B-M2"],
        "criterion": "B-2",
    }
    return await browser.post(NEW, data=fields | changed)


async def test_an_entry_goes_the_whole_way_in_and_out_at_browsers(office, browse):
    world, fact = office.world, await office.fact()
    officer, enterprise, nobody = (
        await browse("officer"),
        await browse("enterprise"),
        await browse(None),
    )
    found = await officer.get(f"{LISTS}/candidates?name=black")
    assert "骗取挪用维修资金、拒不移交、串标" in found.text
    (link,) = re.findall(r'href="(/150200/console/lists/new\?[^"]*)"', found.text)
    form = await officer.get(html.unescape(link))
    assert f'value="{fact}" checked' in form.text  # what makes the candidate is chosen already
    assert "限期内不得参加" not in form.text  # self-discipline bars nobody from tenders
    shown = await propose(officer, fact)
    assert "等协会信用专员" in shown.text or "向当事人送达告知书" in shown.text
    entry = shown.url.path.rpartition("/")[2]
    here, own = f"{LISTS}/{entry}", f"{PORTAL}/{entry}"
    assert (await officer.get(f"{here}/letters/notice.pdf")).status_code == 404
    noticed = await officer.post(f"{here}/notice")
    assert "还有 10 个工作日" in text_of(noticed)
    page = await enterprise.get(PORTAL)
    assert "去陈述申辩" in page.text
    assert "还有 10 个工作日" in text_of(page)
    said = {"objects": "yes", "hearing": "asked", "text": "我们没有串标。"}
    answered = await enterprise.post(f"{own}/answer", data=said, files=PAPER)
    assert "已提交" in answered.text
    again = await enterprise.post(f"{own}/answer", data=said)
    assert (again.status_code, "没有串标" in again.text) == (409, True)
    reviewer = await browse("reviewer")
    early = await reviewer.get(here)
    assert "还没有听证" in early.text
    (paper,) = re.findall(rf'href="({here}/evidence/[0-9a-f]{{64}})"', early.text)
    assert (await reviewer.get(paper)).content == b"%PDF-1.7 paper"
    hearer = await browse("hearer")
    heard = await hearer.post(f"{here}/hearing", data={"text": "双方到场，证据当面核对。"})
    assert "等待决定" in heard.text
    decided = await reviewer.post(
        f"{here}/decision", data={"outcome": "listed", "reason": "陈述不成立，证据充分。"}
    )
    assert "市主管部门签名公布" in decided.text
    assert (await nobody.get(f"{PUBLIC}/{entry}")).status_code == 404
    authority = await browse("city_authority")
    done = await authority.sign(await authority.get(f"{here}/publication"))
    assert "已公布" in done.text
    await world.sequence()
    public = await nobody.get(PUBLIC)
    assert "甲物业有限公司" in public.text
    assert f'href="/150200/log/{fact}"' in public.text
    assert "供招标人参考" in (await nobody.get(f"{PUBLIC}/{entry}")).text
    assert "黑名单" in text_of(await nobody.get(f"/150200/enterprises/{ENTERPRISE}"))
    assert "到 2027-06-30 自动结束" in text_of(await enterprise.get(own))
    assert "警告" not in text_of(await authority.get("/150200/console/exchange"))
    left = await reviewer.post(
        f"{here}/review", data={"outcome": "overturned", "reason": "判决已撤销。"}
    )
    assert "公布以前仍在名单上" in left.text
    assert "甲物业有限公司" in (await nobody.get(PUBLIC)).text
    gone = await authority.sign(await authority.get(f"{here}/publication"))
    assert "已公布移出" in gone.text
    assert (await officer.get(here)).status_code == 404  # it is sealed to officers
    await world.sequence()
    assert "甲物业有限公司" not in (await nobody.get(PUBLIC)).text
    assert (await nobody.get(f"{PUBLIC}/{entry}")).status_code == 404
    assert "名单上" not in text_of(await nobody.get(f"/150200/enterprises/{ENTERPRISE}"))
    assert "已移出" in text_of(await (await browse("auditor")).get(here))
    assert "已移出" in text_of(await enterprise.get(own))


async def test_a_refused_proposal_comes_back_as_it_was_filled_in(office, browse):
    fact, officer = await office.fact(), await browse("officer")
    page = await propose(officer, fact, legal_basis="违反规定", measures="B-M5", criterion="")
    assert page.status_code == 409
    for words in ("写明依据的文件和条款", "不能用于这种性质的名单", "要写明提请的理由"):
        assert words in page.text
    assert f'value="{fact}" checked' in page.text
    assert 'value="违反规定"' in page.text
    for fields in ({"list": "x"}, {"facts": "x"}, {"subject": "<b>"}, {"facts": []}):
        assert (await propose(officer, fact, **fields)).status_code in (400, 409)
    resident = await propose(officer, fact, subject="JM-1", subject_kind="practitioner")
    assert "登记册里没有这个对象" in resident.text


async def test_who_stands_on_no_live_fact_or_is_barred_is_told_so_before_the_form(office, browse):
    officer = await browse("officer")
    page = await officer.get(NEW, params={"name": "black", "q": ENTERPRISE})
    assert "没有可以依据的事实" in page.text
    await office.fact()
    page = await officer.get(NEW, params={"name": "red", "q": ENTERPRISE})
    assert "有严重不良信息还在有效期内" in page.text
    several = await officer.get(NEW, params={"name": "black", "q": "物业有限公司"})
    assert "有几个对象符合" in several.text
    head = await officer.get(NEW, params={"kind": "manager", "q": "XQ-1"})
    assert "FZR-1" in head.text


async def test_a_statutory_entry_names_its_law_and_bars_from_tenders(office, browse):
    fact, officer = await office.fact(), await browse("officer")
    form = await officer.get(
        NEW, params={"name": "black", "q": ENTERPRISE, "list_kind": "statutory"}
    )
    assert "限期内不得参加" in form.text or "在期限内不得参加" in form.text
    assert 'name="law"' in form.text
    law = "《中华人民共和国招标投标法》第五十三条"
    page = await propose(officer, fact, list_kind="statutory", law=law, measures="B-M6")
    assert "依法限制投标" in page.text


async def test_nobody_acts_twice_and_the_page_says_why(office, browse):
    entry = await office.enter(await office.fact(), until="answered")
    here = f"{LISTS}/{entry}"
    reviewer = await browse("reviewer")
    await reviewer.post(f"{here}/hearing", data={"text": "听证笔录。"})
    page = await reviewer.get(here)
    assert "听证主持人不能作决定" in page.text
    refused = await reviewer.post(
        f"{here}/decision", data={"outcome": "listed", "reason": "事实清楚，理由充分。"}
    )
    assert refused.status_code == 403
    assert "听证主持人不能作决定" in refused.text
    blank = await (await browse("second_reviewer")).post(
        f"{here}/decision", data={"outcome": "listed", "reason": "  "}
    )
    assert blank.status_code == 400
    assert "请写明理由或内容" in blank.text
    auditor = await browse("auditor")
    assert "您的角色现在没有要办的事" in (await auditor.get(here)).text
    assert (await auditor.post(f"{here}/decision")).status_code == 403


async def test_a_district_hears_nobody_of_another_one(office, browse):
    entry = await office.enter(await office.fact(), until="answered", hearing="asked")
    await office.world.hire(
        "elsewhere", "district_officer", kind="district_department", division="150204"
    )
    district = await browse("elsewhere")
    page = await district.get(f"{LISTS}/{entry}")
    assert "这个对象不在您的辖区" in page.text
    refused = await district.post(f"{LISTS}/{entry}/hearing", data={"text": "听证笔录。"})
    assert refused.status_code == 403
    assert "听证笔录。" not in (await (await browse("officer")).get(f"{LISTS}/{entry}")).text


async def test_another_enterprises_entry_is_not_there(office, browse):
    entry = await office.enter(await office.fact(), until="noticed")
    competitor = await browse("competitor")
    assert "没有与本企业有关的名单记录" in (await competitor.get(PORTAL)).text
    for path in ("", "/letters/notice.pdf", f"/evidence/{'0' * 64}"):
        assert (await competitor.get(f"{PORTAL}/{entry}{path}")).status_code == 404
    said = {"objects": "no", "hearing": "waived"}
    assert (await competitor.post(f"{PORTAL}/{entry}/answer", data=said)).status_code == 404
    assert (await competitor.get(f"{LISTS}/{entry}")).status_code == 403


async def test_what_waits_and_what_is_late_is_counted_as_the_machine_says(office, browse):
    ours = await office.enter(await office.fact(), until="noticed")
    theirs = await office.propose(await office.fact(subject=("USCC", OTHER)), subject=OTHER)
    await office.notice(theirs)
    await office.answer(theirs, by="competitor", hearing="waived")
    await office.decide(theirs)
    await office.publish(theirs)
    officer = await browse("officer")
    page = text_of(await officer.get(LISTS))
    assert "待答复 1" in page
    assert "在名单上 1" in page
    assert "超时" not in page
    office.wait(60)  # the term of the answer is over, and that of the hearing
    officer = await browse("officer")
    page = text_of(await officer.get(f"{LISTS}?stage=hearing"))
    assert "待听证 1" in page
    assert "超时 1 条" in page
    assert "乙物业" not in page
    office.wait(110)
    page = text_of(
        await (await browse("officer")).get(f"{LISTS}?name=black&stage=review&sort=time")
    )
    assert "乙物业有限公司" in page
    async with office.world.db.city("150200") as conn:
        counts = await service.counts(conn, None, on=office.clock.today())
    assert (counts.hearing, counts.review, counts.late) == (1, 1, 1)
    assert ours


@pytest.mark.parametrize(
    "path", [LISTS, f"{LISTS}/candidates", PORTAL, PUBLIC, BOARDS, "/150200/console/exchange"]
)
async def test_a_list_takes_few_statements(office, app, browse, monkeypatch, path):
    for subject in (ENTERPRISE, OTHER):
        fact = await office.fact(subject=("USCC", subject))
        await office.enter(fact, subject=subject, until="noticed")
    browser = await browse("enterprise" if path == PORTAL else "officer")
    sent, lend = [], app.state.db.city

    @asynccontextmanager
    async def city(code):
        async with lend(code) as conn:
            with conn.query_logger(lambda record: sent.append(record.query)):
                yield conn

    monkeypatch.setattr(app.state.db, "city", city)
    assert (await browser.get(path)).status_code == 200
    assert 0 < len(sent) <= STATEMENTS_MAX, sent


@pytest.mark.usefixtures("fonts")
async def test_letters_print_what_stands_in_the_entry(office, browse, read_pdf):
    entry = await office.enter(await office.fact(), until="noticed", criterion="B-2", reason="")
    own = await browse("enterprise")
    notice = read_pdf((await own.get(f"{PORTAL}/{entry}/letters/notice.pdf")).content).text
    for part in ("拟列入黑名单告知书", "甲物业有限公司", "DB1502/TXX-2021", "陈述和申辩", "听证"):
        assert part in notice, part
    assert (await own.get(f"{PORTAL}/{entry}/letters/decision.pdf")).status_code == 404
    await office.decide(entry, "rejected")
    told = read_pdf((await own.get(f"{PORTAL}/{entry}/letters/decision.pdf")).content).text
    assert "不予列入黑名单决定书" in told
    assert "事实清楚，依据充分。" in told


# Boards


async def test_a_board_is_filled_by_form_and_workbook_and_published_by_another(office, browse):
    officer, authority, nobody = (
        await browse("officer"),
        await browse("city_authority"),
        await browse(None),
    )
    wrong = await officer.post(BOARDS, data={"board": "quarter", "period": "2026年"})
    assert (wrong.status_code, "2026-Q2" in wrong.text, "2026年" in wrong.text) == (400, True, True)
    board = await officer.post(BOARDS, data={"board": "quarter", "period": "2026-q1"})
    here = board.url.path
    assert "下一步：录齐各来源的得分" in board.text
    one = {"source": "street", "subject": "XQ-1", "points": "91", "document": "街办〔2026〕1号"}
    bad = await officer.post(f"{here}/scores", data=one | {"points": "191"})
    assert (bad.status_code, "0 到 100 之间" in bad.text) == (409, True)
    assert "已录入 1 个得分" in (await officer.post(f"{here}/scores", data=one)).text
    template = await officer.get(f"{here}/template")
    assert template.content[:2] == b"PK"
    rule = office.pack.on(office.clock.today()).lists.boards[0]
    rows = [("inspection", "XQ-1", 88, "检〔2026〕2号"), ("owners", "XQ-1", 90, "调〔2026〕3号")]
    preview = await officer.post(f"{here}/workbook", files={"file": workbook(rule, rows)})
    assert "确认录入 2 个得分" in preview.text
    assert "未参评 1 个" in (await officer.get(here)).text  # nothing is written yet
    full = await officer.post(preview.url.path)
    assert "已录入 2 个得分" in full.text
    faulty = workbook(rule, [("owners", "XQ-99", 90, "调〔2026〕3号")])
    assert "登记册里没有" in (await officer.post(f"{here}/workbook", files={"file": faulty})).text
    public = here.replace("/console", "")
    assert (await nobody.get(public)).status_code == 404
    done = await authority.sign(await authority.get(f"{here}/publication"))
    assert "已公布" in done.text
    page = text_of(await nobody.get(public))
    assert "89.8" in page  # 0.4 × 91 + 0.3 × 88 + 0.3 × 90
    assert "红榜" in page
    assert "2026-Q1" in text_of(await nobody.get("/150200/boards"))


def workbook(rule, rows):
    buffer, spec = BytesIO(), score_sheet(rule)
    keys = [column.key for column in spec.columns]
    write_table([(spec, [dict(zip(keys, row, strict=True)) for row in rows])], buffer)
    return ("scores.xlsx", buffer.getvalue(), "application/vnd.openxmlformats")


async def test_who_entered_a_score_does_not_publish_and_a_running_period_is_not_published(
    office, browse
):
    officer, authority = await browse("officer"), await browse("city_authority")
    board = await officer.post(BOARDS, data={"board": "quarter", "period": "2026-Q2"})
    page = await authority.get(f"{board.url.path}/publication")
    assert page.status_code == 409
    assert "还没有结束" in page.text


# Gates


async def test_a_city_without_gates_says_so(office, browse):
    page = await (await browse("officer")).get("/150200/console/gates")
    assert "没有规定评优的参评条件" in page.text


async def test_gates_answer_with_reasons_and_the_log_behind_them(office, browse, monkeypatch):
    pack = office.world.pack = pack_of_city("510700")
    monkeypatch.setattr(partners, "pack_of_city", lambda _: pack)
    index = await office.fact(code="abnormal.list", occurred_on="2026-05-01")
    officer, gates = await browse("officer"), "/150200/console/gates"
    page = await officer.get(gates)
    assert "MD-9" in page.text
    asked = {"sheet": "M1", "q": ENTERPRISE, "award": "M2"}
    barred = text_of(await officer.get(gates, params=asked | {"flag-party_organisation": "no"}))
    assert "不能参评" in barred
    assert "MD-1 企业未按要求成立基层党组织" in barred
    assert f"第 {index} 条" in barred
    unstated = text_of(await officer.get(gates, params=asked | {"q": OTHER}))
    assert "可以参评" in unstated
    assert "还有 1 项没有说明" in unstated
    several = await officer.get(gates, params=asked | {"q": "物业有限公司"})
    assert "有几个对象符合" in several.text
    assert "登记册里没有找到" in (await officer.get(gates, params=asked | {"q": "查无此人"})).text


async def test_what_should_come_off_its_list_is_named_with_the_reason(office, browse):
    fact = await office.fact()
    entry = await office.enter(fact)
    officer = await browse("officer")
    assert f"{LISTS}/leaving" in (await officer.get(LISTS)).text
    assert "现在没有应当移出的记录" in (await officer.get(f"{LISTS}/leaving")).text
    await office.repair(fact)
    page = await officer.get(f"{LISTS}/leaving")
    assert f"{LISTS}/{entry}" in page.text
    assert f"所依据的事实不再有效： 第 {fact} 条" in text_of(page)
    async with office.world.db.city("150200") as conn:
        asked = {"on": office.clock.today(), "after": entry, "limit": 1}
        assert await service.to_leave(conn, office.pack, **asked) == ([], None)
