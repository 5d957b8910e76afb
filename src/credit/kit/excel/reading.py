"""Read a workbook against what its sheets should hold, and name every wrong cell."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from openpyxl.utils import get_column_letter

from credit.kit.excel.cells import Cell, Row, stream_rows
from credit.kit.excel.package import Package, SheetPart, open_package
from credit.kit.excel.spec import (
    COLUMNS_MAX,
    HELP_SHEET,
    ROWS_MAX,
    Column,
    Problem,
    Reading,
    RowData,
    SheetSpec,
    Value,
)
from credit.kit.excel.values import Fault, read_value, shown
from credit.kit.texts import listed, marked, say

__all__ = ["read_workbook"]


def read_workbook(source: Path | str | bytes, specs: Sequence[SheetSpec]) -> Reading:
    """Read every row of the specified sheets that are there; one at least must be.

    Args:
        source: a path or the bytes of an .xlsx file of at most 20 MiB.
        specs: the sheets that must be there; hidden sheets and the help sheet are ignored.

    Returns a Reading with the faultless rows and every problem found, in sheet and row order.
    Raises TooLarge and Invalid for a file that is refused as a whole.
    """
    package = open_package(source)
    reading = Reading()
    visible = {sheet.name: sheet for sheet in package.sheets if sheet.visible}
    for spec in specs:
        if spec.name in visible:
            _SheetReader(package, spec, reading).read(visible[spec.name])
    if not any(spec.name in visible for spec in specs):
        reading.report(_missing_sheet(specs))
    names = {spec.name for spec in specs} | {HELP_SHEET}
    for sheet in visible.values():
        if sheet.name not in names and next(stream_rows(package, sheet, []), None) is not None:
            reading.report(
                Problem(
                    sheet=sheet.name,
                    row=None,
                    column=None,
                    title=None,
                    message=say("不认识的工作表里有内容"),
                    cure=say("请把内容移到“%(name)s”，并删除或隐藏这张工作表", name=specs[0].name),
                )
            )
    _count_the_rest(reading)
    return reading


def _missing_sheet(specs: Sequence[SheetSpec]) -> Problem:
    names = listed((spec.name for spec in specs), marked("”或“"))
    cure = say("请下载模板填写，工作表名称须为“%(names)s”，且不要隐藏", names=names)
    return Problem(specs[0].name, None, None, None, say("没有可以导入的工作表"), cure)


def _count_the_rest(reading: Reading) -> None:
    left = reading.problems_total - len(reading.problems)
    if left:
        reading.problems[-1] = Problem(
            sheet=reading.problems[-1].sheet,
            row=None,
            column=None,
            title=None,
            message=say("另有 %(left)s 处问题没有列出", left=left + 1),
            cure=say("请先改正已列出的问题，再上传一次"),
        )


def _plain(title: str) -> str:
    """Compare titles without blanks, full-width variants and the mark of a required column."""
    return "".join(unicodedata.normalize("NFKC", title).split()).rstrip("*")


class _SheetReader:
    """Reads one sheet into a Reading."""

    def __init__(self, package: Package, spec: SheetSpec, reading: Reading) -> None:
        self._package = package
        self._spec = spec
        self._reading = reading
        self._columns: dict[int, Column] = {}
        self._stray: set[int] = set()

    def read(self, sheet: SheetPart) -> None:
        merges: list[str] = []
        rows = stream_rows(self._package, sheet, merges)
        header = next(rows, None)
        if header is None or header.number != 1:
            self._fault(
                1,
                None,
                Fault(
                    say("第 1 行没有表头"), say("表头必须在第 1 行，请按模板填写，不要另加标题行")
                ),
            )
        elif self._read_header(header):
            for count, row in enumerate(rows, start=1):
                if count > ROWS_MAX:
                    cure = say("请拆成几个文件分别上传")
                    self._fault(
                        row.number,
                        None,
                        Fault(say("数据超过 %(most)s 行", most=f"{ROWS_MAX:,}"), cure),
                    )
                    break
                self._read_row(row)
        for _ in rows:  # the merged ranges stand behind the last row
            pass
        for merged in merges:
            self._report(
                None,
                None,
                None,
                Fault(
                    say("区域 %(merged)s 是合并单元格", merged=merged),
                    say("请取消合并，每个单元格分别填写"),
                ),
            )

    def _read_header(self, header: Row) -> bool:
        """Find each column by its title; a sheet with a wrong header is read no further."""
        wanted = {_plain(column.title): column for column in self._spec.columns}
        before = self._reading.problems_total
        seen: dict[str, int] = {}
        for cell in header.cells:
            title = self._title(cell)
            if title is None:
                continue
            if cell.column > COLUMNS_MAX:
                self._fault(
                    1, cell, Fault(say("超过 %(most)s 列", most=COLUMNS_MAX), say("请删除多余的列"))
                )
                break
            if title not in wanted:
                self._fault(
                    1, cell, Fault(say("表头%(title)s不认识", title=shown(title)), self._known())
                )
            elif title in seen:
                first = get_column_letter(seen[title])
                cure = say("请删除其中一列，它与 %(first)s 列同名", first=first)
                self._fault(1, cell, Fault(say("表头%(title)s重复", title=shown(title)), cure))
            else:
                seen[title] = cell.column
                self._columns[cell.column] = wanted[title]
        for title, column in wanted.items():
            if title not in seen:
                cure = say("请在第 1 行补上“%(column)s”一列，或重新下载模板", column=column.title)
                self._fault(1, None, Fault(say("缺少表头“%(column)s”", column=column.title), cure))
        return self._reading.problems_total == before

    def _title(self, cell: Cell) -> str | None:
        try:
            text = read_value(self._package, cell, Column("title", "表头"))
        except Fault as fault:
            self._fault(1, cell, fault)
            return None
        return _plain(str(text)) if text is not None else None

    def _known(self) -> str:
        titles = listed(column.title for column in self._spec.columns)
        return say("请删除这一列，或改成模板里的表头之一：%(titles)s", titles=titles)

    def _read_row(self, row: Row) -> None:
        before = self._reading.problems_total
        values: dict[str, Value] = dict.fromkeys(column.key for column in self._spec.columns)
        filled = False
        for cell in row.cells:
            column = self._columns.get(cell.column)
            if column is None:
                self._read_stray(row.number, cell)
                continue
            try:
                value = read_value(self._package, cell, column)
            except Fault as fault:
                filled = True
                self._fault(row.number, cell, fault)
                values[column.key] = ""  # filled in, though wrongly: not to be named as missing
            else:
                filled = filled or value is not None
                values[column.key] = value
        if not filled:
            return
        for number, column in self._columns.items():
            if column.required and values[column.key] is None:
                missing = Fault(
                    say("必填，但没有填写"),
                    say("请填写：%(format_text)s", format_text=column.format_text),
                )
                self._report(row.number, number, column.title, missing)
        if self._reading.problems_total == before:
            self._reading.rows.append(RowData(self._spec.name, row.number, values))

    def _read_stray(self, number: int, cell: Cell) -> None:
        """Name a column without a title once, however many cells it fills."""
        if cell.column in self._stray or (not cell.formula and not cell.text.strip()):
            return
        if len(self._stray) < COLUMNS_MAX:
            self._stray.add(cell.column)
            cure = say("请删除这一列的内容，或移到有表头的列")
            self._fault(number, cell, Fault(say("这一列没有表头却有内容"), cure))

    def _fault(self, row: int, cell: Cell | None, fault: Fault) -> None:
        column = self._columns.get(cell.column) if cell and row > 1 else None
        self._report(row, cell.column if cell else None, column.title if column else None, fault)

    def _report(self, row: int | None, column: int | None, title: str | None, fault: Fault) -> None:
        letter = get_column_letter(column) if column else None
        self._reading.report(
            Problem(self._spec.name, row, letter, title, fault.message, fault.cure)
        )
