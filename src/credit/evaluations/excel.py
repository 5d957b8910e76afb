"""Score sheets as workbooks: one row a subject, one column a row of the sheet."""

from decimal import Decimal
from typing import Any

from credit.evaluations.service import Standing, chosen_rows
from credit.evaluations.views import Submission
from credit.kit.db import Connection
from credit.kit.errors import TooLarge
from credit.kit.excel import ROWS_MAX, Column, RowData, SheetSpec
from credit.kit.texts import say
from credit.parties.logic import division_name
from credit.rules.model import (
    Cancelled,
    CountedDeduction,
    ItemisedDeduction,
    Row,
    Sheet,
    StepwiseRate,
)
from credit.rules.trace import text

__all__ = ["evaluations_table", "marks_sheet", "submission_of_row"]

TITLE_CHARS_MAX = 40
STATES = {"没有打分": "empty", "没有结束": "open", "已结束": "closed"}
EXPORTED = SheetSpec(
    "年度评价",
    (
        Column("subject", "对象代码", "code"),
        Column("name", "对象", "text", required=False),
        Column("enterprise", "企业", "text", required=False),
        Column("year", "年度", "integer"),
        Column("sheet", "评分表", "code"),
        Column("division", "评价单位", "text"),
        Column("state", "状态", "choice", choices=STATES),
        Column("total", "得分", "decimal", required=False, places=4, help="结束后才有"),
        Column("veto", "一票否决", "boolean", required=False),
        Column("valid", "有效", "boolean", required=False),
        Column("closed_on", "结束日期", "date", required=False),
    ),
)


async def evaluations_table(
    conn: Connection, standing: Standing, query: str | None
) -> tuple[SheetSpec, list[dict[str, Any]]]:
    """Return a sheet's evaluations of a year as they stand, those closed with their totals.

    `query` is looked for in the names and codes of subjects. TooLarge beyond a sheet's rows.
    """
    rows = await chosen_rows(conn, standing, query, ROWS_MAX + 1)
    if len(rows) > ROWS_MAX:
        raise TooLarge(
            say("评价超过 %(most)s 份，一张 Excel 表放不下。请按区或街道分开导出。", most=ROWS_MAX)
        )
    return EXPORTED, [
        {
            "subject": row.subject,
            "name": row.subject_name,
            "enterprise": row.enterprise_name,
            "year": row.year,
            "sheet": row.sheet,
            "division": division_name(row.division),
            "state": "closed" if row.closed else "open" if row.version else "empty",
            "total": row.total,
            "veto": row.veto,
            "valid": row.valid,
            "closed_on": row.closed_on,
        }
        for row in rows
    ]


def marks_sheet(sheet: Sheet) -> SheetSpec:
    """Return the workbook sheet for a score sheet: marks, findings or rates by the row's method."""
    columns = [
        Column("subject", "对象代码", "code", help="企业代码、项目编号、街道或区的代码"),
        Column("year", "年度", "integer"),
        Column("division", "评价单位代码", "code", help="组织评价的区或市的行政区划代码"),
    ]
    if sheet.variants:
        choices = {variant: variant for variant in sheet.variants}
        columns.append(Column("variant", "项目类型", "choice", choices=choices))
    columns += [_column(row) for row in sheet.rows if not isinstance(row, Cancelled)]
    for one in sheet.negative:
        span = f"{text(one.at_least)}-{text(one.at_most)}"
        columns.append(
            Column(
                f"{one.id} points",
                f"{one.id} 扣分",
                "decimal",
                required=False,
                help=f"{one.text}，扣 {span} 分",
            )
        )
        columns.append(
            Column(f"{one.id} reason", f"{one.id} 理由", "text", required=False, chars_max=500)
        )
    if sheet.survey is not None:
        columns.append(Column("owners_total", "业主总数", "integer", required=False))
        columns.append(Column("sampled", "调查样本数", "integer", required=False))
    return SheetSpec(sheet.id, tuple(columns), (sheet.title, sheet.source))


def submission_of_row(sheet: Sheet, row: RowData) -> Submission:
    """Turn a filled row into marks for the engine; blank cells are rows left out."""
    values = row.values
    given: dict[str, Any] = {"marks": {}, "findings": {}, "rates": {}, "negative": []}
    if sheet.variants:
        given["variant"] = values["variant"]
    for one in sheet.rows:
        value = values.get(one.id)
        if value is None:
            continue
        if isinstance(one, CountedDeduction):
            given["findings"][one.id] = value
        elif isinstance(one, ItemisedDeduction):
            codes = str(value).replace("，", "、").split("、")
            given["findings"][one.id] = [] if value == "无" else [code.strip() for code in codes]
        elif isinstance(one, StepwiseRate):
            given["rates"][one.id] = _decimal(value)
        else:
            given["marks"][one.id] = _decimal(value)
    for negative in sheet.negative:
        points = values.get(f"{negative.id} points")
        if points is not None:
            reason = values.get(f"{negative.id} reason") or ""
            given["negative"].append(
                {"row": negative.id, "points": _decimal(points), "reason": reason}
            )
    if sheet.survey is not None and values.get("owners_total") is not None:
        given["survey"] = {
            "owners_total": values["owners_total"],
            "sampled": values.get("sampled") or 0,
        }
    return Submission(
        sheet.id,
        sheet.subject,
        str(values["subject"]),
        int(values["year"]),  # type: ignore[arg-type]
        str(values["division"]),
        {key: value for key, value in given.items() if value},
    )


def _column(row: Row) -> Column:
    name = f"{row.id} {row.text}"[:TITLE_CHARS_MAX]
    note = f"{row.text}（{row.role}，满分 {text(row.full)}）"
    if isinstance(row, CountedDeduction):
        return Column(row.id, f"{name} 处数", "integer", required=False, help=note)
    if isinstance(row, ItemisedDeduction):
        items = "、".join(f"{item.code}（{item.text}）" for item in row.items)
        return Column(
            row.id,
            f"{name} 扣分项",
            "text",
            required=False,
            help=f"{note}。可填：{items}，多项用顿号隔开，没有扣分填“无”",
        )
    if isinstance(row, StepwiseRate):
        return Column(row.id, f"{name} 比率", "decimal", required=False, help=f"{note}。填百分数")
    return Column(row.id, f"{name} 得分", "decimal", required=False, help=note)


def _decimal(value: object) -> str:
    return text(value) if isinstance(value, Decimal) else str(value)
