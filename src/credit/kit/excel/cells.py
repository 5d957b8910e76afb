"""The rows of one sheet as they are stored, streamed: nothing converted, nothing dropped."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from openpyxl.utils import column_index_from_string

from credit.kit.excel.package import Package, SheetPart, damaged, parse_part, unescape
from credit.kit.excel.spec import TEXT_CHARS_MAX
from credit.kit.texts import say

__all__ = ["Cell", "Row", "stream_rows"]

MERGES_MAX = 1_000  # merged ranges named; the first few are enough to find the rest

_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_COLUMN_LIMIT = 16_384
_ROW_LIMIT = 1_048_576


class Cell(NamedTuple):
    """A cell that holds something: `type` as in SpreadsheetML, `text` as stored."""

    column: int
    type: str
    text: str
    style: int
    formula: bool
    too_long: bool


class Row(NamedTuple):
    """A row's number from 1 and its cells that hold something, in order."""

    number: int
    cells: list[Cell]


class _Sheet:
    """Follows the events of a sheet's XML."""

    def __init__(self, package: Package) -> None:
        self.rows: list[Row] = []
        self.merges: list[str] = []
        self._strings = package.strings
        self._number = 0
        self._column = 0
        self._cells: list[Cell] = []
        self._in_cell = False
        self._taking = False
        self._phonetic = False
        self._type = "n"
        self._style = 0
        self._formula = False
        self._pieces: list[str] = []
        self._chars = 0
        self._columns: dict[str, int] = {}

    def start(self, name: str, attrs: dict[str, str]) -> None:
        if self._in_cell:
            if name in {"v", "t"}:
                self._taking = not self._phonetic
            elif name == "f":
                self._formula = True
            elif name == "rPh":
                self._phonetic = True
        elif name == "c":
            self._start_cell(attrs)
        elif name == "row":
            self._start_row(attrs)
        elif name == "mergeCell" and len(self.merges) < MERGES_MAX:
            self.merges.append(attrs.get("ref", ""))

    def _start_row(self, attrs: dict[str, str]) -> None:
        number = _whole(attrs.get("r"), self._number + 1)
        if not self._number < number <= _ROW_LIMIT:
            raise damaged(say("行的顺序有误"))
        self._number, self._column, self._cells = number, 0, []

    def _start_cell(self, attrs: dict[str, str]) -> None:
        column = self._column + 1
        if reference := attrs.get("r"):
            match = _REFERENCE.fullmatch(reference)
            if match is None or int(match[2]) != self._number:
                raise damaged(say("单元格的位置有误"))
            letters = match[1]
            if letters not in self._columns:
                self._columns[letters] = column_index_from_string(letters)
            column = self._columns[letters]
        if not self._column < column <= _COLUMN_LIMIT:
            raise damaged(say("单元格的顺序有误"))
        self._column = column
        self._in_cell, self._formula = True, False
        self._type = attrs.get("t", "n")
        self._style = _whole(attrs.get("s"), 0)
        self._pieces, self._chars = [], 0

    def end(self, name: str) -> None:
        if self._in_cell:
            if name == "c":
                self._end_cell()
            elif name in {"v", "t"}:
                self._taking = False
            elif name == "rPh":
                self._phonetic = False
        elif name == "row" and self._cells:
            self.rows.append(Row(self._number, self._cells))

    def _end_cell(self) -> None:
        self._in_cell = False
        text: str | None = "".join(self._pieces)
        if text and self._type == "s":
            index = _whole(text, -1)
            if not 0 <= index < len(self._strings):
                raise damaged(say("文字的编号有误"))
            text = self._strings[index]
        elif text and self._type in {"inlineStr", "str"}:
            text = unescape(text)
        too_long = self._chars > TEXT_CHARS_MAX or text is None
        if text or self._formula or too_long:
            self._cells.append(
                Cell(self._column, self._type, text or "", self._style, self._formula, too_long)
            )

    def text(self, data: str) -> None:
        if self._taking:
            self._chars += len(data)
            if self._chars <= TEXT_CHARS_MAX:
                self._pieces.append(data)


def _whole(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise damaged(say("编号有误"))
    return int(text)


def stream_rows(package: Package, sheet: SheetPart, merges: list[str]) -> Iterator[Row]:
    """Yield the rows that hold something; appends the merged ranges, which stand at the end.

    The sheet's stated size is never looked at, as it may be wrong. Raises Invalid and TooLarge.
    """
    handler = _Sheet(package)
    for _ in parse_part(package.archive, sheet.member, handler):
        yield from handler.rows
        handler.rows = []
    merges.extend(handler.merges)
