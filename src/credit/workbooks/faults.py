"""Faults of a workbook: where each stands, for the table of a page and the lines of a command."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from credit.kit.errors import Conflict, FieldError
from credit.kit.excel import Reading, RowData
from credit.kit.texts import say
from credit.parties.excel import SHEETS, title_of
from credit.parties.views import Fault

__all__ = ["CellFault", "ImportRefused", "by_item", "of_register", "of_row", "unreadable"]

_ITEM = re.compile(r"items\[([0-9]+)\](.*)", re.DOTALL)
TitleOf = Callable[[RowData, str], str]


@dataclass(frozen=True, slots=True)
class CellFault:
    """One fault: sheet, row and column (a letter) as in the file, the column's title, and why with
    the cure; `told` is the same as a command tells it. What is not known is None or empty.
    """

    sheet: str
    row: int | None
    column: str
    title: str
    message: str
    told: FieldError


class ImportRefused(Conflict):
    """A workbook that is not taken in; `faults` are those of `errors`, each by its cell."""

    def __init__(
        self, faults: Sequence[CellFault], *, total: int | None = None, slug: str = ""
    ) -> None:
        self.faults = tuple(faults)
        self.total = total or len(self.faults)
        super().__init__(
            say("有 %(total)s 处要改，什么都没有导入。", total=self.total),
            slug=slug or None,
            errors=tuple(fault.told for fault in self.faults),
        )


def unreadable(reading: Reading) -> ImportRefused:
    """Refuse a workbook for what its cells are."""
    faults = [
        CellFault(
            problem.sheet,
            problem.row,
            problem.column or "",
            problem.title or "",
            say("%(message)s。%(cure)s。", message=problem.message, cure=problem.cure),
            FieldError(problem.sheet, str(problem)),
        )
        for problem in reading.problems
    ]
    return ImportRefused(faults, total=reading.problems_total)


def of_row(row: RowData, message: str, *, title: str = "", rest: str = "") -> CellFault:
    """Name a fault of a row."""
    told = FieldError(
        say(
            "%(sheet)s 第 %(row)s 行%(rest)s",
            sheet=row.sheet,
            row=row.row_number,
            rest=rest,
        ),
        message,
    )
    return CellFault(row.sheet, row.row_number, "", title, message, told)


def by_item(error: Conflict, rows: Sequence[RowData], title: TitleOf | None = None) -> Conflict:
    """Turn faults named by `items[i]` into faults of the file's rows; an error without any stays."""
    faults = []
    for one in error.errors:
        found = _ITEM.fullmatch(one.field)
        if found is None:
            faults.append(CellFault("", None, "", "", one.message, one))
            continue
        row, rest = rows[int(found[1])], found[2]
        name = title(row, rest.lstrip(".")) if title else ""
        faults.append(of_row(row, one.message, title=name, rest=rest))
    return ImportRefused(faults, slug=error.slug) if faults else error


def of_register(faults: Iterable[Fault]) -> ImportRefused:
    """Refuse a register file, each fault under the title of its column."""
    return ImportRefused(
        [
            CellFault(
                SHEETS[one.sheet].name,
                one.row,
                "",
                title_of(one.sheet, one.column),
                one.message,
                FieldError(
                    say(
                        "%(name)s 第 %(row)s 行「%(title)s」",
                        name=SHEETS[one.sheet].name,
                        row=one.row,
                        title=title_of(one.sheet, one.column),
                    ),
                    one.message,
                ),
            )
            for one in faults
        ]
    )
