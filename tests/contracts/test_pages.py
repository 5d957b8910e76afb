"""The pages of contracts: drafted, signed by three at three browsers, kept, disputed, looked up."""

import html
import re

import pytest

from credit.access import service as access
from credit.contracts import service
from credit.contracts.logic.clauses import Counted
from credit.contracts.service import Done

CONSOLE, PORTAL = "/150200/console/contracts", "/150200/portal/contracts"
MOST_STATEMENTS = 12
TALLY = ("票.pdf", b"%PDF-1.7 tally", "application/pdf")


@pytest.fixture
async def city(city, app, password):
    """The small city, whose committees, owners and offices sign in on pages, too."""
    async with city.db.transaction("150200") as conn:
        for name in ("committee", "committee3", "owners", "owners3", "street"):
            person = city.world.actors[name].person_id
            await access.set_password(conn, city.clock, app.state.passwords, person, password)
    return city


def draft_fields(**more):
    return {
        "template": "chengnuo-qiyue",
        "project": "XQ-1",
        "from_on": "2026-06-30",
        "months": "12",
        "party-enterprise": "91150200MA0000000C",
        "party-committee": "YWH-1",
        "party-owners": "XQ-1",
        "within_hours-E-3": "12",
        "held_on-hire": "2026-06-20",
        "filing-hire": "昆住建备〔2026〕12号",
        "total-persons-hire": "320",
        "total-area-hire": "30000",
        "took_part-persons-hire": "250",
        "took_part-area-hire": "22000",
        "in_favour-persons-hire": "200",
        "in_favour-area-hire": "18000",
        **more,
    }


async def drafted(browser, base=CONSOLE, **more):
    """Fill in the form; returns the preview."""
    return await browser.post(f"{base}/new", data=draft_fields(**more), files={"tally-hire": TALLY})


async def act(browser, at, name, **fields):
    """Do something with a contract: the page before, the signature, the page after."""
    return await browser.sign(await browser.post(f"{at}/acts/{name}", data=fields))


async def offered(browser, **more):
    """A contract on offer; returns its address."""
    page = await drafted(browser, **more)
    at = str(page.url).removesuffix("/preview")
    await act(browser, at, "freeze")
    return at


def in_portal(at):
    return at.replace("/console/", "/portal/")


@pytest.fixture
def statements(app, monkeypatch):
    """What was asked of the database since it was last cleared."""
    import asyncpg

    asked = []
    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        before = getattr(asyncpg.Connection, name)

        async def noted(self, query, *args, _before=before, **more):
            if "set_config" not in query and "trail" not in query:
                asked.append(query)
            return await _before(self, query, *args, **more)

        monkeypatch.setattr(asyncpg.Connection, name, noted)
    return asked


async def test_three_parties_sign_at_their_own_browsers_and_it_comes_into_force(city, browse):
    officer = await browse("officer")
    preview = await drafted(officer)
    assert "草稿已保存" in preview.text
    assert "每月有 95% 以上在 12 小时内响应" in preview.text  # what the form changed
    at = str(preview.url).removesuffix("/preview")
    page = await act(officer, at, "freeze")
    assert (
        "已有 0 方签署，还差 3 方：物业服务企业、业主委员会（或物业管理委员会）、业主" in page.text
    )
    for number, name in enumerate(("enterprise", "committee", "owners"), 1):
        browser = await browse(name)
        waiting = await browser.get(PORTAL)
        assert "有 1 份契约等您签署" in waiting.text
        whole = await browser.get(in_portal(at))
        assert (
            "公共区域" in whole.text or "三公开" in whole.text or "公开一次服务标准" in whole.text
        )
        unread = await browser.post(f"{in_portal(at)}/acts/sign")
        assert unread.status_code == 400
        assert "请先阅读契约全文" in unread.text
        signing = await browser.post(f"{in_portal(at)}/acts/sign", data={"read": "yes"})
        assert "的身份办理：签署" in signing.text
        digest = re.search(r"全文和附件的摘要 (sha256:[0-9a-f]{64})", signing.text)[1]
        assert digest in whole.text
        page = await browser.sign(signing)
        assert "已签署" in page.text
        if number < 3:
            assert f"已有 {number} 方签署" in page.text
    assert "正在生效" in page.text
    await city.world.sequence()
    stranger = await browse(None)
    contract = at.rpartition("/")[2]
    public = await stranger.get(f"/150200/contracts/{contract}")
    assert public.status_code == 200
    assert public.text.count("已签</span>") == 3
    assert len(re.findall(r"第 \d+ 条</a>", public.text)) == 4  # frozen, and three signatures
    assert "的姓名" not in public.text
    assert "P-" not in public.text
    listed = await stranger.get("/150200/contracts?enterprise=91150200MA0000000C")
    assert contract in listed.text


async def test_a_draft_with_faults_comes_back_as_it_was_filled_in(city, browse):
    officer = await browse("officer")
    page = await drafted(officer, **{"in_favour-persons-hire": "100", "text-E-4": "每月查一次。"})
    assert page.status_code == 409
    assert "没有达到超过2 分之 1" in page.text
    assert 'value="100"' in page.text
    assert "每月查一次。" in page.text
    kept = re.search(r'name="tally-kept-hire" value="(.*?)"', page.text)[1]
    again = await officer.post(
        f"{CONSOLE}/new", data=draft_fields(**{"tally-kept-hire": html.unescape(kept)})
    )
    assert "草稿已保存" in again.text  # the file was kept the first time
    wrong = await drafted(officer, **{"share-E-3": "许多"})
    assert wrong.status_code == 400
    assert 'href="#field-clauses">条款</a>' in wrong.text


async def test_a_draft_is_changed_and_a_colleague_s_change_is_not_written_over(city, browse):
    officer = await browse("officer")
    at = str((await drafted(officer)).url).removesuffix("/preview")
    form = await officer.get(f"{at}/draft")
    assert 'value="12"' in form.text
    revision = re.search(r'name="revision" value="(\d+)"', form.text)[1]
    kept = html.unescape(re.search(r'name="tally-kept-hire" value="(.*?)"', form.text)[1])
    fields = draft_fields(revision=revision, months="6", **{"tally-kept-hire": kept})
    assert "草稿已保存" in (await officer.post(f"{at}/draft", data=fields)).text
    late = await officer.post(f"{at}/draft", data=fields)
    assert late.status_code == 409
    assert "同事刚刚改过" in late.text
    done = await officer.post(f"{at}/discard")
    assert "草稿已作废" in done.text


async def test_a_party_drafts_what_it_is_a_party_of_and_nobody_else_sees_it(city, browse):
    committee = await browse("committee")
    assert "XQ-1" in (await committee.get(f"{PORTAL}/new?template=fuwu-xieyi")).text
    fields = {
        "template": "fuwu-xieyi",
        "project": "XQ-1",
        "from_on": "2026-07-01",
        "party-enterprise": "91150200MA0000000C",
        "party-committee": "YWH-1",
    }
    preview = await committee.post(f"{PORTAL}/new", data=fields)
    assert "草稿已保存" in preview.text
    at = str(preview.url).removesuffix("/preview")
    for name in ("competitor", "enterprise", "committee3"):
        other = await browse(name)
        for place in ("", "/preview", "/draft"):
            assert (await other.get(f"{at}{place}")).status_code == 404, (name, place)
    foreign = await committee.post(f"{PORTAL}/new", data=fields | {"party-committee": "YWH-3"})
    assert foreign.status_code == 409


async def test_the_other_side_agrees_to_what_one_proposes(city, browse):
    contract = await city.in_force()
    at = f"{PORTAL}/{contract}"
    enterprise, committee = await browse("enterprise"), await browse("committee")
    without = await enterprise.post(f"{at}/acts/suspend")
    assert without.status_code == 400
    assert "要写明理由" in without.text
    page = await act(enterprise, at, "suspend", reason="设备大修，双方商定暂停三个月")
    assert "物业服务企业提议“中止履行”" in page.text
    assert "1 项提议等您同意" in (await committee.get(PORTAL)).text
    page = await act(committee, at, "suspend", reason="同意")
    assert "正在中止" in page.text
    assert "设备大修" in page.text
    assert "enterprise的姓名" not in page.text  # the other side's people are not named


async def test_one_refuses_with_a_reason_and_who_may_not_act_is_told_why(city, browse):
    officer, enterprise, auditor = (
        await browse("officer"), await browse("enterprise"), await browse("auditor"),
    )  # fmt: skip
    at = await offered(officer)
    page = await act(enterprise, in_portal(at), "refuse", reason="指标太高")
    assert "有一方拒绝签署" in page.text
    page = await officer.get(at)
    assert "指标太高" in page.text
    assert "别的步骤为什么现在不能办" in page.text
    seen = await auditor.get(at)
    assert "指标太高" in seen.text
    assert "不办理这份契约" in seen.text
    assert (await auditor.post(f"{at}/amend")).status_code == 403
    assert (await enterprise.get(at)).status_code == 403  # the console is not its place
    competitor = await browse("competitor")
    assert (await competitor.get(in_portal(at))).status_code == 404


async def test_a_signature_for_a_text_that_changed_meanwhile_is_refused(city, browse):
    officer, enterprise = await browse("officer"), await browse("enterprise")
    at = await offered(officer)
    signing = await enterprise.post(f"{in_portal(at)}/acts/sign", data={"read": "yes"})
    await act(officer, at, "withdraw", reason="写错了")
    late = await enterprise.sign(signing)
    assert late.status_code == 409
    assert "没有等待签署的文本" in late.text


async def test_a_duty_is_reported_disputed_raised_and_settled(city, browse):
    contract = await city.in_force()
    duty = (await city.duty(contract, "E-4")).id
    enterprise, committee, officer = (
        await browse("enterprise"), await browse("committee"), await browse("officer"),
    )  # fmt: skip
    own = await enterprise.get("/150200/portal/promises")
    assert duty in own.text
    assert "还有" in own.text
    at = f"/150200/portal/promises/{duty}"
    refused = await enterprise.post(f"{at}/report", data={"seen": "0", "count": "许多"})
    assert refused.status_code == 400
    assert "数量用整数" in refused.text
    page = await enterprise.post(
        f"{at}/report", data={"seen": "0", "count": "0", "reason": "设备停用"},
        files={"evidence": ("a.pdf", b"%PDF-1.7 proof", "application/pdf")},
    )  # fmt: skip
    assert "没有达到承诺" in page.text
    assert "填报：0 次" in page.text
    assert duty in (await committee.get("/150200/portal/promises")).text
    evidence = re.search(r'href="([^"]*/evidence/[0-9a-f]{64})"', page.text)[1]
    assert (await committee.get(evidence)).content == b"%PDF-1.7 proof"
    page = await committee.post(f"{at}/dispute", data={"seen": "1", "reason": "查过一次"})
    assert re.search("有争议，在“一般”一级，由.+在 20\\d\\d-\\d\\d-\\d\\d 以前处理", page.text)
    console = f"/150200/console/duties/{duty}"
    assert duty in (await officer.get("/150200/console/duties?what=disputed")).text
    page = await officer.post(f"{console}/raise", data={"seen": "2", "reason": "双方各执一词"})
    assert "有争议，在“较大”一级" in page.text
    stale = await officer.post(
        f"{console}/settle", data={"seen": "2", "finding": "breached", "reason": "查实"}
    )
    assert stale.status_code == 409
    street = await browse("street")  # who raised it does not settle it
    page = await street.post(
        f"{console}/settle", data={"seen": "3", "finding": "breached", "reason": "查实"}
    )
    assert "认定违约（较大）" in page.text
    (found,) = await city.fetch("SELECT code, source_kind, source_id FROM event_suggestion")
    assert tuple(found) == ("contract.breach.general", "duty", duty)
    board = await officer.get(f"{CONSOLE}/{contract}")
    assert re.search(rf'class="cell breached" href="[^"]*{duty}"', board.text)


async def test_offices_of_a_division_act_in_it_alone(city, browse):
    contract = await city.in_force(await city.tri_party(3), ("competitor", "committee3", "owners3"))
    await city.fetch("UPDATE organisation SET division = '150204001' WHERE name = '一街道办事处'")
    duty = (await city.duty(contract, "E-4")).id
    street = await browse("street")
    page = await street.get(f"/150200/console/duties/{duty}")
    assert "第3小区（XQ-3）”不在" in page.text
    refused = await street.post(
        f"/150200/console/duties/{duty}/inspect",
        data={"seen": "0", "finding": "breached", "reason": "路过看到"},
    )
    assert refused.status_code == 403
    assert (await drafted(street)).status_code == 409
    assert "第3小区" not in (await street.get(CONSOLE)).text
    assert "第3小区" in (await street.get(f"{CONSOLE}?division=all")).text


async def test_lists_ask_little_and_filters_are_kept(city, browse, statements):
    for _ in range(3):
        await city.draft(city.service_contract())
    contract = await city.in_force()
    officer, enterprise, stranger = (
        await browse("officer"), await browse("enterprise"), await browse(None),
    )  # fmt: skip
    for browser, path, said in (
        (officer, f"{CONSOLE}?kind=service", "红色物业服务协议"),
        (officer, "/150200/console/duties", "履约核查"),
        (officer, "/150200/console/indicators", "三方契约书签订率"),
        (enterprise, PORTAL, "红色物业三方承诺契约书"),
        (enterprise, "/150200/portal/promises", "要报告 5 件"),
        (enterprise, f"{PORTAL}/{contract}", "履约"),
        (officer, f"{CONSOLE}/{contract}", "履约"),
        (stranger, "/150200/contracts?q=第1", "第1小区"),
    ):
        statements.clear()
        page = await browser.get(path)
        assert page.status_code == 200, path
        assert said in page.text, path
        assert len(statements) <= MOST_STATEMENTS, (path, len(statements), statements)
    saved = await officer.post(
        "/150200/console/views",
        data={"place": "contracts", "name": "服务协议", "query": "kind=service"},
    )
    assert saved.url.path == CONSOLE
    assert "已保存为“服务协议”" in saved.text


async def test_indicators_name_their_numbers_and_who_is_missing(city, browse):
    officer = await browse("officer")
    await city.in_force()
    page = await officer.get("/150200/console/indicators")
    assert "已签 1 个 ÷ 应签 2 个项目" in page.text
    assert "50.00%" in page.text
    assert re.search(r"<td>第3小区 <span", page.text)
    assert not re.search(r"<td>第1小区 <span", page.text)
    assert "<svg" in page.text
    wrong = await officer.get("/150200/console/indicators?on=明天")
    assert wrong.status_code == 400


async def test_what_waits_is_counted_for_the_desk(city):
    contract = await city.in_force()
    duty = (await city.duty(contract, "E-4")).id
    await city.perform("enterprise", duty, Done("report", 0, value=Counted(0)))
    await city.perform("committee", duty, Done("dispute", 1, reason="不对"))
    await city.freeze(await city.draft(city.pact()))
    async with city.db.city("150200") as conn:
        officer = await access.actor_named(conn, "officer")
    await city.look_after(days=60)
    async with city.db.city("150200") as conn:
        work = await service.contract_work(conn, city.clock, officer)
    assert (work.to_sign, work.disputed, work.late, work.orphaned) == (1, 1, 1, 0)


async def test_contracts_print_with_signatures_and_drafts_say_so(city, browse, fonts):
    officer = await browse("officer")
    preview = await drafted(officer)
    at = str(preview.url).removesuffix("/preview")
    draft = await officer.get(f"{at}/draft.pdf")
    assert draft.headers["content-type"] == "application/pdf"
    assert draft.content.startswith(b"%PDF")
    contract = await city.in_force(await city.tri_party(3), ("competitor", "committee3", "owners3"))
    printed = await officer.get(f"{CONSOLE}/{contract}/text.pdf")
    assert printed.content.startswith(b"%PDF")
    assert "attachment" in printed.headers["content-disposition"]
    other = await browse("enterprise")
    assert (await other.get(f"{PORTAL}/{contract}/text.pdf")).status_code == 404


async def test_a_contract_whose_enterprise_left_is_closed_by_an_office(city, browse):
    contract = await city.in_force()
    await city.fetch("UPDATE management SET until = '2026-06-15' WHERE project = 'XQ-1'")
    officer = await browse("officer")
    listed = await officer.get(f"{CONSOLE}?q=没有")
    assert "有 1 份契约的企业已不管理项目" in listed.text
    assert str(contract) in listed.text
    page = await officer.get(f"{CONSOLE}/{contract}")
    assert "已不再管理本项目" in page.text
    done = await act(officer, f"{CONSOLE}/{contract}", "close", reason="企业已撤出")
    assert "已经终止" in done.text


async def test_pages_of_contracts_speak_english(city, browse):
    officer = await browse("officer")
    at = await offered(officer)
    await officer.post("/language", data={"language": "en", "next": "/"})
    page = await officer.get(at)
    assert "Version 1: 0 have signed, 3 have not" in page.text
    assert "Who has signed and who has not" in page.text
    signing = await officer.post(f"{at}/acts/withdraw", data={"reason": "x"})
    assert "In the role of “Drafter”: Withdraw the offer" in signing.text
