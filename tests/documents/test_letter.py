"""Letters: a page to hand over that shows what it was given, and only that."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit.documents import compiler
from credit.documents.compiler import render_letter
from credit.documents.letters import (
    Heading,
    Letter,
    Paragraph,
    Particulars,
    Points,
    SignatureLine,
    Table,
    as_letter,
)
from credit.kit.errors import TooLarge

LEFT, RIGHT = 73.0, 522.0  # the margins of the page, in points
LETTER = Letter(
    city_code="150200",
    city_name="包头市",
    issuer="包头市物业管理行业协会",
    title="不良信用信息认定告知单",
    number="包物信告〔2026〕12 号",
    addressee="甲物业服务有限公司",
    blocks=(
        Paragraph("经核查，拟认定下列事实。\n请按期回复。"),
        Heading("拟认定的事实"),
        Table(("事项", "拟记分"), (4, 1), (("一般性违背契约", "−2"),)),
        Heading("你单位的权利"),
        Points(("提出异议", "整改")),
        Particulars((("受理", "3 个工作日"),)),
    ),
    signatures=(SignatureLine("包头市物业管理行业协会"), SignatureLine("甲公司", "k1:00 已签名")),
    issued_at=datetime(2026, 11, 20, 16, 30, tzinfo=UTC),
    note="期限按法定工作日计算。",
    url="https://credit.example/150200/portal",
    sample=True,
    synthetic=True,
)


async def test_a_letter_shows_what_it_was_given(read_pdf):
    text = read_pdf(await render_letter(LETTER)).text
    for part in (
        "包头市物业管理行业协会包物信告〔2026〕12号不良信用信息认定告知单按示例规则出具",
        "甲物业服务有限公司：经核查，拟认定下列事实。请按期回复。",
        "一、拟认定的事实事项拟记分一般性违背契约−2",
        "二、你单位的权利1.提出异议2.整改受理3个工作日",
        "（签名、盖章）甲公司k1:00已签名2026年11月21日",  # the Chinese day
        "期限按法定工作日计算。第1页共1页",
        "演示数据由程序合成",
    ):
        assert part in text, part


async def test_a_letter_without_sample_or_synthetic_data_says_nothing_of_them(read_pdf):
    text = read_pdf(await render_letter(replace(LETTER, sample=False, synthetic=False))).text
    assert "示例" not in text
    assert "演示" not in text


@settings(max_examples=15, deadline=None)
@given(st.text("#*_<>@$`\\/[]{}()\"'~=+-甲 \u202e\x00", min_size=1, max_size=100))
def test_hostile_text_stays_text_and_within_the_margins(read_pdf, text):
    hostile = '#read("letter.typ") *b* <l> $x$ ' + "W" * 80 + text
    letter = replace(
        LETTER,
        addressee=hostile,
        blocks=(Paragraph(hostile), Table(("甲", "乙"), (1, 1), ((hostile, hostile),)),
                Particulars(((hostile, hostile),)), Points((hostile,))),
    )  # fmt: skip
    paper = read_pdf(compiler._PRESS._print("letter", lambda: as_letter(letter), letter.issued_at))
    assert paper.text.count('#read("letter.typ")*b*<l>$x$' + "W" * 80) >= 6
    assert all(run.left >= LEFT and run.right <= RIGHT for run in paper.runs)


def test_what_is_too_long_or_does_not_fit_is_refused():
    with pytest.raises(TooLarge, match="一段最多"):
        as_letter(replace(LETTER, blocks=(Paragraph("长" * 4_001),)))
    with pytest.raises(TooLarge, match="一份文书最多"):
        as_letter(replace(LETTER, blocks=(Paragraph("短"),) * 401))
    with pytest.raises(TooLarge, match="一份文书最多"):
        as_letter(replace(LETTER, blocks=(Table(("一",), (1,), (("二",),) * 2_501),)))
    with pytest.raises(ValueError, match="as many as its heads"):
        as_letter(replace(LETTER, blocks=(Table(("一",), (1,), (("二", "三"),)),)))
