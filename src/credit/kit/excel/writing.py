"""Writing workbooks: templates with drop-down lists and a help sheet, and safe exports."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.datavalidation import DataValidation

from credit.kit.excel.spec import (
    DIGITS_MAX,
    HELP_SHEET,
    OPTIONS_SHEET,
    ROWS_MAX,
    TEXT_CHARS_MAX,
    Column,
    SheetSpec,
)

__all__ = ["write_table", "write_template"]

Target = Path | BytesIO
HEADER_FILL = PatternFill("solid", fgColor="1F4E79")
HEADER_FONT = Font(bold=True, color="FFFFFF")
REQUIRED_FILL = PatternFill("solid", fgColor="C00000")
TEMPLATE_ROWS = 5_000  # rows that carry formats and drop-down lists
RISKY_STARTS = ("=", "+", "-", "@", "\t", "\r")
# Text that SpreadsheetML would read as an escape (ECMA-376-1, 22.9.2.19).
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
# What XML cannot hold, and lone surrogates, which UTF-8 cannot.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def write_template(specs: Sequence[SheetSpec], target: Target, *, title: str) -> None:
    """Write an empty workbook to fill in: the help sheet first, then one sheet for each spec."""
    book = Workbook()
    _write_help(book, specs, title)
    options = book.create_sheet(OPTIONS_SHEET)
    options.sheet_state = "hidden"
    used = 0
    for spec in specs:
        sheet = book.create_sheet(spec.name)
        sheet.freeze_panes = "A2"
        for position, column in enumerate(spec.columns, 1):
            letter = get_column_letter(position)
            _header(sheet.cell(1, position, column.title), column)
            sheet.column_dimensions[letter].width = _width(column)
            number_format = _number_format(column)
            if number_format:
                sheet.column_dimensions[letter].number_format = number_format
            labels = _labels(column)
            if labels:
                used += 1
                for row, label in enumerate(labels, 1):
                    options.cell(row, used, label)
                where = get_column_letter(used)
                source = f"{quote_sheetname(OPTIONS_SHEET)}!${where}$1:${where}${len(labels)}"
                rule = DataValidation("list", formula1=source, allow_blank=not column.required)
                rule.error = f"请从下拉列表中选“{column.title}”。"
                rule.add(f"{letter}2:{letter}{TEMPLATE_ROWS}")
                sheet.add_data_validation(rule)
    book.active = 1
    book.save(target)


def write_table(
    tables: Iterable[tuple[SheetSpec, Iterable[Mapping[str, Any]]]], target: Target
) -> None:
    """Write filled sheets, row by row, so that a long table needs little memory.

    Text that a spreadsheet might run as a formula is marked as text; choices are written with
    the words a clerk sees; dates and decimals stay dates and exact numbers.
    """
    book = Workbook(write_only=True)
    for spec, rows in tables:
        sheet = book.create_sheet(spec.name)
        sheet.freeze_panes = "A2"
        for position, column in enumerate(spec.columns, 1):
            sheet.column_dimensions[get_column_letter(position)].width = _width(column)
        head = [_header(WriteOnlyCell(sheet, column.title), column) for column in spec.columns]
        sheet.append(head)
        shown = [{value: label for label, value in c.choices.items()} for c in spec.columns]
        for count, row in enumerate(rows):
            if count >= ROWS_MAX:
                raise ValueError(f"{spec.name}: more than {ROWS_MAX} rows")
            sheet.append(
                [
                    _cell(sheet, column, _shown(words, row.get(column.key)))
                    for column, words in zip(spec.columns, shown, strict=True)
                ]
            )
    book.save(target)


def _shown(words: Mapping[str, str], value: Any) -> Any:
    return words.get(value, value) if isinstance(value, str) else value


def _cell(sheet: Any, column: Column, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, bool):
        return _text_cell(sheet, "是" if value else "否")
    if isinstance(value, str):
        return _text_cell(sheet, value)
    if isinstance(value, int | Decimal):
        exact = Decimal(value)
        if len(exact.normalize().as_tuple().digits) > DIGITS_MAX:
            return _text_cell(sheet, f"{exact:f}")
    cell = WriteOnlyCell(sheet, value)
    cell.number_format = _number_format(column) or "General"
    return cell


def _text_cell(sheet: Any, text: str) -> Any:
    """Make a cell of text; what XML cannot hold becomes U+FFFD, what looks like code is quoted."""
    if len(text) > TEXT_CHARS_MAX:
        raise ValueError(f"a text of {len(text)} characters; a cell holds {TEXT_CHARS_MAX}")
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    cell = WriteOnlyCell(sheet, _ESCAPED.sub("_x005F_", _UNWRITABLE.sub("\ufffd", plain)))
    cell.data_type = "s"
    if text.startswith(RISKY_STARTS):
        cell.quotePrefix = True
    return cell


def _write_help(book: Workbook, specs: Sequence[SheetSpec], title: str) -> None:
    sheet = book.active
    if sheet is None:
        raise RuntimeError("a new workbook has a sheet")
    sheet.title = HELP_SHEET
    sheet["A1"] = title
    sheet["A1"].font = Font(bold=True, size=14)
    sheet["A2"] = (
        "红色表头为必填。每张表第 1 行是表头，请勿改动；从第 2 行起填写，不要合并单元格，不要用公式。"
    )
    row = 4
    for spec in specs:
        sheet.cell(row, 1, f"工作表“{spec.name}”").font = Font(bold=True)
        row += 1
        for line in spec.help:
            sheet.cell(row, 1, line)
            row += 1
        for position, heading in enumerate(("列", "必填", "写法", "说明", "示例"), 1):
            cell = sheet.cell(row, position, heading)
            cell.font, cell.fill = HEADER_FONT, HEADER_FILL
        row += 1
        for column in spec.columns:
            required = "必填" if column.required else "可空"
            values = (column.title, required, column.format_text, column.help, column.example)
            for position, value in enumerate(values, 1):
                cell = sheet.cell(row, position, value)
                cell.data_type = "s"
                cell.alignment = Alignment(wrap_text=True, vertical="top")
            row += 1
        row += 1
    for letter, width in zip("ABCDE", (22, 8, 30, 60, 24), strict=True):
        sheet.column_dimensions[letter].width = width


def _header(cell: Any, column: Column) -> Any:
    cell.font = HEADER_FONT
    cell.fill = REQUIRED_FILL if column.required else HEADER_FILL
    cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
    return cell


def _labels(column: Column) -> list[str]:
    return ["是", "否"] if column.kind == "boolean" else list(column.choices)


def _width(column: Column) -> int:
    if column.width is not None:
        return column.width
    return {"text": 28, "code": 22, "date": 14, "choice": 16}.get(column.kind, 12)


def _number_format(column: Column) -> str | None:
    if column.kind == "date":
        return "yyyy-mm-dd"
    if column.kind == "decimal":
        return "0." + "0" * column.places if column.places else "0"
    if column.kind in ("code", "text"):
        return "@"  # long codes must not become numbers such as 9.11502E+17
    return None
