"""Scores of a board as a workbook: one row a source and subject."""

from decimal import Decimal

from credit.blacklist.boards.logic import Score
from credit.kit.excel import Column, RowData, SheetSpec
from credit.rules.listing import Board

__all__ = ["score_of_row", "score_sheet"]

SHEET_NAME = "红黑榜得分"


def score_sheet(board: Board) -> SheetSpec:
    """Return the sheet officers fill in, with the board's sources as a drop-down list."""
    word = {"enterprise": "企业代码", "project": "项目编号"}[board.subject]
    sources = {one.title: one.id for one in board.sources}
    return SheetSpec(
        SHEET_NAME,
        (
            Column("source", "来源", "choice", choices=sources),
            Column("subject", "对象代码", "code", chars_max=24, help=word),
            Column("points", "得分", "decimal", places=2, help="0 到 100，最多两位小数"),
            Column("document", "文号", "code", chars_max=64, help="得分出自哪份文件"),
        ),
        (board.title, board.source, "缺少任何一个来源得分的对象列为未参评。"),
    )


def score_of_row(row: RowData) -> Score:
    """Turn a filled row into a score."""
    values = row.values
    points = values["points"]
    return Score(
        str(values["source"]),
        str(values["subject"]),
        points if isinstance(points, Decimal) else Decimal(str(points)),
        str(values["document"]),
    )
