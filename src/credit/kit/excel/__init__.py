"""Excel in, Excel out: templates, checked reading that names every wrong cell, safe exports."""

from credit.kit.excel.reading import read_workbook
from credit.kit.excel.spec import (
    CODE_CHARS_MAX,
    COLUMNS_MAX,
    HELP_SHEET,
    PROBLEMS_MAX,
    ROWS_MAX,
    TEXT_CHARS_MAX,
    XLSX,
    Column,
    Kind,
    Problem,
    Reading,
    RowData,
    SheetSpec,
    Value,
)
from credit.kit.excel.writing import write_table, write_template

__all__ = [
    "CODE_CHARS_MAX",
    "COLUMNS_MAX",
    "HELP_SHEET",
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
    "read_workbook",
    "write_table",
    "write_template",
]
