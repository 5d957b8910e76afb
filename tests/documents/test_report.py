"""The credit report: a PDF that shows what it was given, and only that."""

import asyncio
import pickle
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit.documents import compiler
from credit.documents.compiler import FontMissing, check_fonts, render_report
from credit.documents.logic import ROWS_MAX, TEXT_CHARS_MAX, as_document
from credit.documents.views import (
    Bound,
    CreditReport,
    Evaluation,
    ListEntry,
    LogPlace,
    PastGrade,
    RulePack,
    Rung,
    Step,
)
from credit.kit.errors import Overloaded, TooLarge

LEFT, RIGHT = 62.3, 533.0  # the margins of the page, in points
SAMPLE = "示例规则包，不是任何城市的正式办法"
SYNTHETIC = "演示数据由程序合成"
URL = "https://credit.example/150200/enterprises/91150200MA0000000C"
REPORT = CreditReport(
    city_code="150200",
    city_name="包头市",
    name="甲物业服务有限公司",
    uscc="91150200MA0000000C",
    status="graded",
    grade="2A",
    score=Decimal("89.5"),
    valid_from=date(2026, 7, 1),
    valid_until=date(2027, 6, 30),
    published_at=datetime(2026, 6, 30, 16, 30, tzinfo=UTC),
    pack=RulePack("baotou-2021", "2021.1", "official", "信用规则包", "信用管理办法第八条"),
    ladder=(Rung("3A", "95 分及以上"), Rung("2A", "85 分及以上"), Rung("A"), Rung("B")),
    steps=(
        Step("基础分", "办法第二条", Decimal(80)),
        Step("获评示范项目", "办法第五条", Decimal(5), date(2026, 1, 2), date(2027, 1, 2), 3120),
        Step("没有公示公共收益", "办法第七条", Decimal("-1.5"), log_index=2987, note="已整改"),
        Step("企业评价折算", "办法第九条", Decimal("6.0"), date(2025, 12, 30)),
    ),
    evaluations=(Evaluation("企业评价表", 2025, Decimal("90.50"), date(2025, 12, 30), 3402),),
    lists=(ListEntry("red", "self-discipline", "行业公约第三条", "reference", "优秀企业"),),
    history=(
        PastGrade(date(2026, 7, 1), "2A", Decimal("89.5")),
        PastGrade(date(2025, 7, 1), "A", Decimal(92)),
        PastGrade(date(2024, 7, 1), None, None),
    ),
    place=LogPlace("credit.example/150200", 4711, 4690),
    url=URL,
    issued_at=datetime(2026, 11, 21, 3, 4, 5, 678, tzinfo=UTC),
    synthetic=False,
)
UNRATED = replace(
    REPORT,
    status="unrated",
    grade=None,
    score=None,
    valid_from=None,
    valid_until=None,
    published_at=None,
    pack=None,
    place=None,
    ladder=(),
    steps=(),
    evaluations=(),
    lists=(),
    history=(),
)
MARKUP = st.characters(min_codepoint=0x20, max_codepoint=0x7E) | st.sampled_from(
    "#$*_`@<>\\/=-+~'\"“”[]{}\n\t 物业，。《》—"
)
ELSEWHERE = """
import asyncio, pickle, sys
from credit.documents.compiler import render_report

report = pickle.load(sys.stdin.buffer)
sys.stdout.buffer.write(asyncio.run(render_report(report)))
"""


def plain(text: str) -> str:
    return "".join(text.split())


async def test_the_report_shows_what_it_was_given(read_pdf):
    pdf = await render_report(replace(REPORT, bounds=(Bound("等级最高为 2A", "第十条", 77),)))
    paper = read_pdf(pdf)
    for text in (
        "包头市物业服务企业信用服务",
        "物业服务企业信用报告",
        "企业名称甲物业服务有限公司",
        "统一社会信用代码91150200MA0000000C",
        "等级有效期2026年7月1日至2027年6月30日",
        "公布时间2026年7月1日00:30",  # the Chinese day, not the one in UTC
        "出具时间2026年11月21日11:04",
        "规则包baotou-20212021.1（正式）信用管理办法第八条",
        "信用等级2A得分89.5",
        "3A95分及以上2A85分及以上AB",
        "1基础分办法第二条——+80.0",
        "2获评示范项目办法第五条2026-01-022027-01-023120+5.0",
        "3没有公示公共收益办法第七条注：已整改—2987−1.5",
        "得分89.5",
        "等级最高为2A第十条77",
        "企业评价表20252025-12-30340290.5",
        "红名单行业自律优秀企业行业公约第三条供参考，不限制依法投标——",
        "2026-07-012A89.5−2.52025-07-01A92.0—2024-07-01未评级——",
        f"公示页面{URL}",
        "日志来源credit.example/150200",
        "记录序号（从0数起）4711",
        "前4690条",
        "权威在于日志中已签名的记录",
    ):
        assert text in paper.text, text
    assert SAMPLE not in paper.text
    assert "各项相加" not in paper.text
    assert f"/URI({URL})".encode() in pdf


def test_the_report_can_be_archived_and_made_again():
    pdf = asyncio.run(render_report(REPORT))
    assert pdf.startswith(b"%PDF-1.7\n")
    assert pdf.endswith(b"%%EOF")
    assert b"<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>" in pdf
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf
    assert b"/CreationDate(D:20261121030405Z)" in pdf
    elsewhere = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=pickle.dumps(REPORT),
        capture_output=True,
        check=True,
    )
    assert elsewhere.stdout == pdf
    assert asyncio.run(render_report(replace(REPORT, name="乙物业服务有限公司"))) != pdf
    assert asyncio.run(render_report(REPORT)) == pdf


@settings(max_examples=30, deadline=None)
@given(st.text(MARKUP, min_size=1, max_size=120))
def test_hostile_text_stays_text_and_within_the_margins(read_pdf, text):
    hostile = (
        '#eval("1+1") #read("report.typ") *b* <label> @ref $x$ `raw` // 注释 ' + "W" * 60 + text
    )
    report = replace(
        REPORT,
        name=hostile,
        steps=(Step(hostile, hostile, Decimal(80), note=hostile),),
        bounds=(Bound(hostile, hostile),),
        lists=(ListEntry("black", "statutory", hostile, "statutory bar", hostile),),
    )
    paper = read_pdf(
        compiler._PRESS._print("report", lambda: as_document(report), report.issued_at)
    )
    assert paper.text.count(plain(hostile)) >= 8
    assert all(run.left >= LEFT for run in paper.runs)
    assert all(run.right <= RIGHT for run in paper.runs)


async def test_many_steps_flow_over_pages_under_the_same_head(read_pdf):
    name = "内蒙古自治区包头市昆都仑区" + "鹿鸣长河青禾明德" * 8 + "物业服务股份有限公司第二分公司"
    steps = tuple(
        Step(f"第{number}项，约定的保洁没有做到，书面通知后没有整改", f"记分标准第 {number} 条",
             Decimal(-1), date(2026, 1, 1) + timedelta(number), date(2027, 1, 1), number)
        for number in range(1, 61)
    )  # fmt: skip
    paper = read_pdf(await render_report(replace(REPORT, name=name, steps=steps)))
    pages = ["" for _ in range(paper.pages)]
    for run in paper.runs:
        pages[run.page - 1] += plain(run.text)
    assert paper.pages >= 4
    assert name in paper.text
    for number in range(1, 61):
        assert paper.text.count(f"第{number}项，") == 1
    for number, page in enumerate(pages, 1):
        assert page.endswith(f"第{number}页共{paper.pages}页")
        assert ("序号项目与依据发生日失效日日志序号分值" in page) == ("项，约定" in page)
        assert number == 1 or "统一社会信用代码91150200MA0000000C" in page
    assert all(LEFT <= run.left <= run.right <= RIGHT for run in paper.runs)


async def test_a_report_says_what_a_reader_must_not_miss(read_pdf):
    sample = replace(REPORT, pack=RulePack("x", "1", "sample"), synthetic=True)
    text = read_pdf(await render_report(sample)).text
    assert SAMPLE in text
    assert SYNTHETIC in text
    late = replace(REPORT, valid_until=date(2026, 11, 20))
    assert as_document(late)["notices"] == [
        "这一等级的有效期到 2026年11月20日 为止，出具本报告时已过。"
    ]
    assert as_document(replace(late, valid_until=date(2026, 11, 21)))["notices"] == []


async def test_an_unrated_enterprise_is_not_made_to_look_bad(read_pdf):
    paper = read_pdf(await render_report(UNRATED))
    assert "信用等级未评级" in paper.text
    assert "未评级不等于信用差" in paper.text
    assert "没有可以计分的记录。" in paper.text
    assert "日志里还没有这一企业的等级记录" in paper.text
    assert paper.pages == 1


async def test_reports_made_at_once_keep_apart(read_pdf):
    names = [f"第{number}物业公司" for number in range(8)]
    made = await asyncio.gather(*(render_report(replace(UNRATED, name=one)) for one in names))
    for name, pdf in zip(names, made, strict=True):
        assert f"企业名称{name}统一" in read_pdf(pdf).text


async def test_without_a_chinese_font_nothing_is_printed(monkeypatch, read_pdf):
    assert check_fonts()
    monkeypatch.setattr(compiler, "_families", lambda: frozenset({"DejaVu Sans"}))
    with pytest.raises(FontMissing, match="fonts-noto-cjk") as refused:
        await render_report(REPORT)
    assert (refused.value.status, refused.value.slug) == (503, "font-missing")
    with pytest.raises(FontMissing):
        check_fonts()


async def test_one_chinese_font_is_enough(monkeypatch, read_pdf):
    family = check_fonts().split("、")[-1]
    monkeypatch.setattr(compiler, "_families", lambda: frozenset({family}))
    assert check_fonts() == family
    assert REPORT.name in read_pdf(await render_report(REPORT)).text


async def test_a_character_without_a_glyph_is_refused():
    with pytest.raises(FontMissing, match="字体里没有") as refused:
        await render_report(replace(REPORT, name="甲\u0378物业"))  # a code point not assigned
    assert refused.value.slug == "font-missing"


@given(st.lists(st.decimals(-100, 100, places=3), min_size=1, max_size=30))
def test_the_points_printed_add_up_to_the_sum_printed(points):
    steps = tuple(Step("甲", "", one) for one in points)
    document = as_document(replace(REPORT, steps=steps, score=Decimal(101 * 30)))
    printed = [row["points"] for row in document["steps"]]
    read = [Decimal(one.replace("−", "-")) for one in printed]
    assert read == points
    assert Decimal(document["sum"].replace("−", "-")) == sum(read)
    assert len({len(one.partition(".")[2]) for one in printed}) == 1


def test_a_report_is_bounded():
    with pytest.raises(TooLarge, match=str(ROWS_MAX)):
        as_document(replace(REPORT, steps=REPORT.steps[:1] * (ROWS_MAX + 1)))
    with pytest.raises(TooLarge, match=str(TEXT_CHARS_MAX)):
        as_document(replace(REPORT, name="甲" * (TEXT_CHARS_MAX + 1)))
    assert as_document(replace(REPORT, name="甲\x00\u202e\n乙\ud800"))["name"] == "甲 乙"


async def test_when_too_many_wait_the_next_is_sent_away(monkeypatch):
    monkeypatch.setattr(compiler, "WAITING_MAX", 1)
    first, second = await asyncio.gather(
        render_report(UNRATED), render_report(UNRATED), return_exceptions=True
    )
    assert first.startswith(b"%PDF")
    assert isinstance(second, Overloaded)
    assert second.retry_after_seconds
    assert await render_report(UNRATED) == first
