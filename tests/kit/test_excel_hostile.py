"""Excel files that are odd or hostile: each refusal names what is wrong."""

import re
import struct
import zipfile
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from credit.kit.errors import CreditError
from credit.kit.excel import Column, SheetSpec, read_workbook, write_table

SPEC = SheetSpec(
    "事件",
    (
        Column("code", "代码", "code"),
        Column("day", "发生日期", "date", required=False),
        Column("points", "分值", "decimal", required=False),
        Column("note", "备注", required=False),
    ),
)
HEAD = ["代码", "发生日期", "分值", "备注"]
SHEET = "xl/worksheets/sheet1.xml"


def saved(book: Workbook) -> bytes:
    buffer = BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def book(*rows) -> Workbook:
    made = Workbook()
    made.active.title = "事件"
    for row in rows:
        made.active.append(row)
    return made


def edited(data: bytes, edits: dict[str, object]) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as source, zipfile.ZipFile(target, "w", 8) as copy:
        for name in source.namelist():
            content = source.read(name)
            if name in edits:
                content = edits[name](content)
            copy.writestr(name, content)
        for name in edits.keys() - set(source.namelist()):
            copy.writestr(name, edits[name](b""))
    return target.getvalue()


def with_rows(rows: str, head=HEAD) -> bytes:
    def change(xml: bytes) -> bytes:
        return re.sub(rb"</sheetData>", rows.encode() + b"</sheetData>", xml)

    return edited(saved(book(head)), {SHEET: change})


def problems(data: bytes) -> list[str]:
    return [str(problem) for problem in read_workbook(data, [SPEC]).problems]


def values(data: bytes) -> dict:
    reading = read_workbook(data, [SPEC])
    assert reading.problems == []
    (row,) = reading.rows
    return row.values


def test_a_wrong_date_is_worded_for_the_clerk():
    rows = [HEAD] + [["A", None, None, None]] * 5 + [["A", "2026-13-01"]]
    assert problems(saved(book(*rows))) == [
        "第 7 行 B 列「发生日期」：“2026-13-01”不是日期。请写成 2026-06-30。"
    ]


@pytest.mark.parametrize(
    "text", ["2026-06-30", "2026/6/30", "2026年6月30日", "２０２６－０６－３０"]
)
def test_dates_written_as_text_are_read(text):
    assert values(saved(book(HEAD, ["A", text])))["day"] == date(2026, 6, 30)


@pytest.mark.parametrize("mac", [False, True])
def test_real_dates_are_read_in_both_date_systems(mac):
    made = book(HEAD)
    if mac:
        made.epoch = CALENDAR_MAC_1904
    made.active.append(["A", date(2026, 6, 30)])
    assert values(saved(made))["day"] == date(2026, 6, 30)


def test_a_chinese_built_in_date_format_without_a_text_is_a_date():
    def styles(xml: bytes) -> bytes:
        return re.sub(rb'(<cellXfs[^>]*>\s*<xf[^>]*?numFmtId=")0"', rb'\g<1>31"', xml)

    data = with_rows(
        '<row r="2"><c r="A2" t="inlineStr"><is><t>A</t></is></c><c r="B2"><v>46203</v></c></row>'
    )
    assert values(edited(data, {"xl/styles.xml": styles}))["day"] == date(2026, 6, 30)


def test_binary_noise_is_rounded_to_what_excel_shows_but_a_real_third_place_is_refused():
    noisy = '<row r="2"><c r="A2"><v>7</v></c><c r="C2"><v>0.30000000000000004</v></c></row>'
    assert values(with_rows(noisy)) == {
        "code": "7", "day": None, "points": Decimal("0.3"), "note": None,
    }  # fmt: skip
    assert "超过 2 位小数" in problems(with_rows(noisy.replace("0.30000000000000004", "0.305")))[0]


@pytest.mark.parametrize(
    ("cell", "word"),
    [
        ('<c r="A2" t="e"><v>#REF!</v></c>', "错误值"),
        ('<c r="A2"><f>1+1</f><v>2</v></c>', "公式"),
        ('<c r="A2" t="shared"><f t="shared" si="0"/></c>', "公式"),
        ('<c r="A2" t="inlineStr"><is><t>a_x0000_b</t></is></c>', r"U\+0000"),
        ('<c r="A2" t="inlineStr"><is><t>a\u202eb</t></is></c>', r"U\+202E"),
        ('<c r="A2"><v>123456789012345678</v></c>', "前 15 位"),
        ('<c r="A2" t="inlineStr"><is><t>A</t></is></c><c r="C2"><v>NaN</v></c>', "不是数字"),
        ('<c r="A2" t="inlineStr"><is><t>A</t></is></c><c r="C2"><v>1E999</v></c>', "不是数字|太大"),
        (f'<c r="A2" t="inlineStr"><is><t>A</t></is></c><c r="C2"><v>{"9" * 5000}</v></c>', "不是数字|太大"),
        ('<c r="A2" t="inlineStr"><is><t>A</t></is></c><c r="B2"><v>20260630</v></c>', "不是日期"),
        ('<c r="A2" t="inlineStr"><is><t>A</t></is></c><c r="H2"><v>1</v></c>', "没有表头"),
        ('<c r="B2" t="inlineStr"><is><t>2026-06-30</t></is></c>', "必填"),
    ],
)  # fmt: skip
def test_each_odd_cell_is_named(cell, word):
    found = problems(with_rows(f'<row r="2">{cell}</row>'))
    assert len(found) == 1
    assert found[0].startswith("第 2 行")
    assert re.search(word, found[0])


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ('<row r="5"/><row r="3"/>', "顺序"),
        ('<row r="2"><c r="B2"/><c r="A2"/></row>', "顺序"),
        ('<row r="2"><c r="A9"><v>1</v></c></row>', "位置"),
        ('<row r="2"><c r="A2" t="s"><v>99999</v></c></row>', "编号"),
        ('<row r="2"><c r="A2" s="x"/></row>', "编号"),
        ('<row r="9999999"/>', "顺序"),
        ('<row r="2">', "XML"),
    ],
)
def test_a_sheet_that_contradicts_itself_is_refused(rows, word):
    with pytest.raises(CreditError) as caught:
        problems(with_rows(rows))
    assert word in caught.value.detail


@pytest.mark.parametrize(
    ("member", "word"),
    [
        ("xl/vbaProject.bin", "宏"),
        ("xl/externalLinks/externalLink1.xml", "链接"),
        ("xl/embeddings/oleObject1.bin", "嵌入"),
        ("xl/activeX/activeX1.xml", "控件"),
    ],
)
def test_active_content_is_refused(member, word):
    with pytest.raises(CreditError) as caught:
        problems(edited(saved(book(HEAD)), {member: lambda _: b"x"}))
    assert word in caught.value.detail


def test_hidden_sheets_are_ignored_and_unknown_ones_with_content_are_named():
    made = book(HEAD, ["A"])
    hidden = made.create_sheet("旧数据")
    hidden.append(["=1+1"])
    hidden.sheet_state = "hidden"
    made.create_sheet("空表")
    assert problems(saved(made)) == []
    made.create_sheet("Sheet2").append(["x"])
    assert len(problems(saved(made))) == 1
    assert "Sheet2" in problems(saved(made))[0]


def test_headers_missing_unknown_and_double_are_named_with_their_cells():
    found = problems(saved(book(["代码", "代码", "金额", "备注", "分值"])))
    assert any("第 1 行 B 列" in one and "重复" in one for one in found)
    assert any("第 1 行 C 列" in one and "不认识" in one for one in found)
    assert any("缺少表头“发生日期”" in one for one in found)


def test_a_header_below_the_first_row_is_named():
    assert "表头必须在第 1 行" in problems(saved(book([], HEAD, ["A"])))[0]


def test_blanks_are_trimmed_and_empty_rows_skipped():
    data = saved(
        book(HEAD, [None], [" ", "\u3000"], ["\u3000Ａ１\ufeff ", None, None, " 甲 \r\n 乙 "])
    )
    assert values(data) == {"code": "A1", "day": None, "points": None, "note": "甲 \n 乙"}


def test_a_header_of_the_package_that_lies_about_a_size_is_refused():
    data = bytearray(edited(saved(book(HEAD)), {SHEET: lambda xml: xml + b" " * 5_000_000}))
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = data.find(signature)
        while at >= 0:
            if struct.unpack_from("<I", data, at + offset)[0] > 5_000_000:
                struct.pack_into("<I", data, at + offset, 10)
            at = data.find(signature, at + 4)
    with pytest.raises(CreditError):
        problems(bytes(data))


def test_an_encrypted_member_is_refused():
    data = bytearray(saved(book(HEAD)))
    at = data.find(b"PK\x01\x02")
    data[at + 8] |= 1
    with pytest.raises(CreditError) as caught:
        problems(bytes(data))
    assert "密码" in caught.value.detail


def test_more_rows_than_allowed_are_named_once():
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>' for n in range(2, 50_004))
    found = problems(with_rows(rows))
    assert len(found) == 1
    assert "50,000" in found[0]


def test_every_problem_is_counted_but_only_so_many_are_listed():
    rows = "".join(f'<row r="{n}"><c r="B{n}"><v>1</v></c></row>' for n in range(2, 6_002))
    reading = read_workbook(with_rows(rows), [SPEC])
    assert reading.problems_total == 12_000
    assert len(reading.problems) == 10_000
    assert "另有 2001 处" in str(reading.problems[-1])


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "#REF!", "a_x0041_b", "_x000D_"])
def test_text_that_looks_like_code_comes_back_as_text(text):
    buffer = BytesIO()
    write_table([(SPEC, [{"code": "A", "note": text}])], buffer)
    assert values(buffer.getvalue())["note"] == text


def test_a_number_beyond_fifteen_digits_stays_exact():
    buffer = BytesIO()
    write_table([(SPEC, [{"code": "A", "points": Decimal("12345678901234567.25")}])], buffer)
    assert values(buffer.getvalue())["points"] == Decimal("12345678901234567.25")


def test_a_control_character_in_an_export_is_replaced_and_does_not_break_it():
    buffer = BytesIO()
    write_table([(SPEC, [{"code": "A", "note": "a\0b"}])], buffer)
    assert values(buffer.getvalue())["note"] == "a\ufffdb"


def test_a_superscript_is_never_read_as_a_digit():
    assert "不是数字" in problems(saved(book(HEAD, ["A", None, "10²"])))[0]
