"""What a sheet should hold, and what reading one gave: columns, rows and named problems."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from credit.kit.texts import listed, say

__all__ = [
    "CODE_CHARS_MAX",
    "COLUMNS_MAX",
    "DATE_MIN",
    "DIGITS_MAX",
    "HELP_SHEET",
    "OPTIONS_SHEET",
    "PROBLEMS_MAX",
    "ROWS_MAX",
    "TEXT_CHARS_MAX",
    "XLSX",
    "Column",
    "Kind",
    "Problem",
    "Reading",
    "RowData",
    "SheetSpec",
    "Value",
]

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ROWS_MAX = 50_000  # data rows of one sheet that is read
COLUMNS_MAX = 100
TEXT_CHARS_MAX = 32_767  # what Excel itself holds in one cell
CODE_CHARS_MAX = 64
PROBLEMS_MAX = 10_000  # problems listed of one workbook; the rest are counted
DIGITS_MAX = 15  # significant digits that Excel keeps of a number
DATE_MIN = date(1900, 3, 1)  # before it the two date systems and Excel's 1900-02-29 disagree

HELP_SHEET = "填写说明"
OPTIONS_SHEET = "选项"  # hidden; holds the drop-down lists that are too long for a cell rule

Kind = Literal["text", "integer", "decimal", "date", "code", "choice", "boolean"]
Value = str | int | Decimal | date | bool | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet.

    `choices` maps what the clerk sees to the value the program gets; `chars_max` limits text and
    code; `places` is the number of decimal places a decimal may have; `width` is in characters.
    """

    key: str
    title: str
    kind: Kind = "text"
    required: bool = field(default=True, kw_only=True)
    choices: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    chars_max: int | None = field(default=None, kw_only=True)
    places: int = field(default=2, kw_only=True)
    help: str = field(default="", kw_only=True)
    example: str = field(default="", kw_only=True)
    width: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError(f"{self.key}: choices belong to a choice column, and only to it")
        if len(set(self.choices.values())) != len(self.choices):
            raise ValueError(f"{self.key}: two choices stand for one value")

    @property
    def limit(self) -> int:
        """How many characters a text or code may have."""
        return self.chars_max or (CODE_CHARS_MAX if self.kind == "code" else TEXT_CHARS_MAX)

    @property
    def format_text(self) -> str:
        """Say in Chinese how the cell is to be written."""
        texts: dict[Kind, str] = {
            "text": say("文字，最多 %(limit)s 个字", limit=self.limit),
            "code": say("代码，最多 %(limit)s 个字符，中间不留空格", limit=self.limit),
            "integer": say("整数，例如 12"),
            "decimal": say("数字，最多 %(places)s 位小数", places=self.places),
            "date": say("日期，例如 2026-06-30"),
            "choice": say("从下拉列表中选一项"),
            "boolean": say("填“是”或“否”"),
        }
        return texts[self.kind]


@dataclass(frozen=True, slots=True)
class SheetSpec:
    """One sheet: its name, its columns in order, and lines for the help sheet."""

    name: str
    columns: tuple[Column, ...]
    help: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[^\[\]:*?/\\']{1,31}", self.name):
            raise ValueError(f"{self.name}: no name for an Excel sheet")
        if self.name in {HELP_SHEET, OPTIONS_SHEET}:
            raise ValueError(f"{self.name}: this sheet name is kept for the help and the lists")
        if not 1 <= len(self.columns) <= COLUMNS_MAX:
            raise ValueError(f"{self.name}: a sheet has 1 to {COLUMNS_MAX} columns")
        for names in ([c.key for c in self.columns], [c.title for c in self.columns]):
            if len(set(names)) != len(names):
                raise ValueError(f"{self.name}: two columns share a key or a title")


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: where (`row` from 1, `column` as a letter), what, and how to cure it."""

    sheet: str
    row: int | None
    column: str | None
    title: str | None
    message: str
    cure: str

    def __str__(self) -> str:
        """Word it: `第 7 行 C 列「发生日期」：“2026-13-01”不是日期。请写成 2026-06-30。`."""
        found = []
        if self.row:
            found.append(say("第 %(row)s 行", row=self.row))
        if self.column:
            found.append(say("%(column)s 列", column=self.column))
        place = listed(found, " ") if found else say("工作表“%(sheet)s”", sheet=self.sheet)
        if self.title:
            place = say("%(place)s「%(title)s」", place=place if found else "", title=self.title)
        return say(
            "%(place)s：%(message)s。%(cure)s。",
            place=place,
            message=self.message,
            cure=self.cure,
        )


@dataclass(frozen=True, slots=True)
class RowData:
    """One row without faults: every key of the sheet's columns, `None` where left blank."""

    sheet: str
    row_number: int
    values: dict[str, Value]


@dataclass(slots=True)
class Reading:
    """What a workbook held. `rows` may only be used when `problems` is empty."""

    rows: list[RowData] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    problems_total: int = 0

    def report(self, problem: Problem) -> None:
        """Note a problem; beyond `PROBLEMS_MAX` it is only counted."""
        self.problems_total += 1
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)
