"""Excel in and out: round trips, named faults, hostile files."""

import zipfile
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from credit.kit.errors import CreditError
from credit.kit.excel import Column, SheetSpec, read_workbook, write_table, write_template

SPEC = SheetSpec(
    "企业",
    (
        Column("code", "代码", "code"),
        Column("name", "名称", "text", chars_max=20),
        Column("day", "日期", "date", required=False),
        Column("points", "分值", "decimal", required=False, places=2),
        Column("count", "数量", "integer", required=False),
        Column("kind", "类型", "choice", required=False, choices={"公司": "company", "其他": "x"}),
        Column("open", "公开", "boolean", required=False),
    ),
)
HEAD = [column.title for column in SPEC.columns]


def book_of(*rows, head=HEAD) -> Workbook:
    book = Workbook()
    book.active.title = "企业"
    book.active.append(head)
    for row in rows:
        book.active.append(row)
    return book


def read(book) -> object:
    if isinstance(book, Workbook):
        buffer = BytesIO()
        book.save(buffer)
        book = buffer.getvalue()
    return read_workbook(book, [SPEC])


def problems(book) -> list[str]:
    return [str(problem) for problem in read(book).problems]


def test_a_table_reads_back_as_written():
    rows = [
        {"code": "A1", "name": "甲", "day": date(2026, 6, 30), "points": Decimal("2.50"),
         "count": 7, "kind": "company", "open": True},
        {"code": "B2", "name": "=1+1", "day": None, "points": None, "count": None, "kind": None,
         "open": False},
    ]  # fmt: skip
    buffer = BytesIO()
    write_table([(SPEC, rows)], buffer)
    reading = read(buffer.getvalue())
    assert reading.problems == []
    assert [row.values for row in reading.rows] == rows
    cell = load_workbook(BytesIO(buffer.getvalue()))["企业"]["B3"]
    assert cell.data_type == "s"
    assert cell.quotePrefix


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[A-Z0-9]{1,10}", fullmatch=True),
            st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1,
                    max_size=20),
            st.dates(date(1990, 1, 1), date(2090, 1, 1)),
            st.decimals(0, 9999, places=2),
        ),
        min_size=1,
        max_size=5,
    )
)  # fmt: skip
def test_any_plain_table_reads_back_as_written(rows):
    records = [
        {"code": c, "name": n, "day": d, "points": p, "count": None, "kind": None, "open": None}
        for c, n, d, p in rows
    ]
    buffer = BytesIO()
    write_table([(SPEC, records)], buffer)
    reading = read(buffer.getvalue())
    assert reading.problems == []
    assert [row.values for row in reading.rows] == records


def test_the_template_reads_as_an_empty_workbook_and_offers_the_choices():
    buffer = BytesIO()
    write_template([SPEC], buffer, title="企业登记")
    reading = read(buffer.getvalue())
    assert reading.problems == []
    assert reading.rows == []
    book = load_workbook(BytesIO(buffer.getvalue()))
    assert book.sheetnames[0] == "填写说明"
    rules = book["企业"].data_validations.dataValidation
    assert len(rules) == 2


@pytest.mark.parametrize(
    ("row", "place", "word"),
    [
        ([None, "甲"], "第 2 行 A 列「代码」", "必填"),
        (["A1", "甲" * 21], "第 2 行 B 列「名称」", "20"),
        (["A1", "甲", "2026-13-01"], "第 2 行 C 列「日期」", "2026-13-01"),
        (["A1", "甲", None, "abc"], "第 2 行 D 列「分值」", "abc"),
        (["A1", "甲", None, 2.555], "第 2 行 D 列「分值」", "小数"),
        (["A1", "甲", None, None, 1.5], "第 2 行 E 列「数量」", "整数"),
        (["A1", "甲", None, None, None, "公"], "第 2 行 F 列「类型」", "公司"),
        (["A1", "甲", None, None, None, None, "也许"], "第 2 行 G 列「公开」", "是"),
        (["A1", "=B1&C1"], "第 2 行 B 列「名称」", "公式"),
    ],
)
def test_a_wrong_cell_is_named_with_its_cure(row, place, word):
    found = problems(book_of(row))
    assert len(found) == 1
    assert found[0].startswith(place)
    assert word in found[0]


def test_every_wrong_cell_of_every_row_is_named():
    assert len(problems(book_of(["A1", "甲", "x"], [None, "乙"], ["C3", "丙", None, "y"]))) == 3


def test_headers_are_checked():
    found = problems(book_of(["A1", "甲"], head=["代码", "名字"]))
    assert any("名字" in one for one in found)
    assert any("名称" in one for one in found)


def test_merged_cells_are_refused_with_their_range():
    book = book_of(["A1", "甲"], ["B2", "乙"])
    book.active.merge_cells("A2:A3")
    assert any("A2:A3" in one for one in problems(book))


def test_a_very_long_cell_is_refused():
    buffer = BytesIO()
    book_of(["A1", "LONG"]).save(buffer)
    data = _replace(buffer.getvalue(), "xl/worksheets/sheet1.xml", "LONG", "L" * 10_500_000)
    with pytest.raises(CreditError) as caught:
        problems(data)
    assert caught.value.status in (400, 413)


def _replace(data: bytes, member: str, old: str, new: str) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as source, zipfile.ZipFile(target, "w", 8) as copy:
        for name in source.namelist():
            content = source.read(name)
            if name == member:
                content = content.decode().replace(old, new).encode()
            copy.writestr(name, content)
    return target.getvalue()


def test_a_zip_bomb_is_refused():
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("[Content_Types].xml", "<Types/>")
        bomb.writestr("xl/workbook.xml", b"\0" * 300_000_000)
    with pytest.raises(CreditError):
        read(target.getvalue())


def test_billion_laughs_are_refused():
    buffer = BytesIO()
    book_of(["A1", "甲"]).save(buffer)
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><worksheet'
    data = _replace(buffer.getvalue(), "xl/worksheets/sheet1.xml", "<worksheet", laughs)
    with pytest.raises(CreditError):
        read(data)


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04broken", b"a,b\n1,2\n", b"\xd0\xcf\x11\xe0" * 99]
)
def test_what_is_no_workbook_is_refused_with_a_clear_message(data):
    with pytest.raises(CreditError) as caught:
        read(data)
    assert "xlsx" in caught.value.detail


def test_a_sheet_that_claims_a_million_rows_is_read_quickly():
    buffer = BytesIO()
    book_of(["A1", "甲"]).save(buffer)
    data = _replace(buffer.getvalue(), "xl/worksheets/sheet1.xml", "A1:G2", "A1:XFD1048576")
    assert len(read(data).rows) == 1
