"""Participation taken in from a workbook: every row valued as if it were entered by hand."""

from collections.abc import Sequence
from typing import Any

from credit.earning.excel import participation_sheet
from credit.earning.service import importing
from credit.earning.service.importing import Fault, ImportRow, Result
from credit.kit.excel import RowData
from credit.kit.texts import marked, say
from credit.workbooks.faults import CellFault, ImportRefused, of_row
from credit.workbooks.taking import Line, Taken, Work

__all__ = ["take_participation"]

STATUS = {"entered": marked("等待审核"), "approved": marked("免审，导入后入账")}


async def take_participation(work: Work, rows: Sequence[RowData]) -> Taken:
    """Enter what members did, a row each; `more` has those that their rule approves at once."""
    wanted = [ImportRow(**one.values) for one in rows]  # type: ignore[arg-type]
    taken = await importing.take_list(
        work.conn, work.clock, work.vault, work.actor, work.pack, wanted
    )
    if taken.faults:
        raise ImportRefused([_cell(work, rows, one) for one in taken.faults])
    lines = [
        Line(row.sheet, row.row_number, "added", _words(one))
        for row, one in zip(rows, taken.results, strict=True)
    ]
    points = sum(one.points for one in taken.results)
    more: dict[str, Any] = {
        "points": points,
        "members": len({one.member for one in taken.results}),
        "approved": [str(one) for one in taken.approved],
    }
    message = say(
        "%(count)s 条参与记录检查无误，共 %(points)s 分。", count=len(lines), points=points
    )
    preview = [f"第 {line.row} 行：{line.words}" for line in lines]
    return Taken(lines, message, preview, more)


def _words(one: Result) -> str:
    """Say what a row comes to; the name is covered, since the file has it."""
    words = say(
        "%(name)s %(member)s　%(rule)s　%(on)s　%(points)s 分，%(status)s",
        name=one.name, member=one.member, rule=one.rule, on=one.on, points=one.points,
        status=STATUS[one.status],
    )  # fmt: skip
    return say("%(words)s。请核对：%(flags)s", words=words, flags=one.flags) if one.flags else words


def _cell(work: Work, rows: Sequence[RowData], fault: Fault) -> CellFault:
    """Name a fault by its row and the title of its column."""
    sheet = participation_sheet(work.pack.on(work.clock.today()).points)
    title = next(one.title for one in sheet.columns if one.key == fault.column)
    return of_row(rows[fault.place], fault.message, title=title, rest=f"「{title}」")
