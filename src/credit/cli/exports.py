"""The tables that `credit export` writes."""

from datetime import date
from typing import Any
from uuid import UUID

from credit.events import service as events
from credit.grades import service as grades
from credit.grades import store as grade_store
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.excel import Column, SheetSpec

__all__ = ["events_table", "grades_table", "register_table"]

Table = tuple[SheetSpec, list[dict[str, Any]]]
_STATUS = {"已评级": "graded", "未评级": "unrated"}
_DECIDED = {"待决定": "proposed", "已生效": "accepted", "未接受": "refused"}
_GRADED = (
    Column("code", "统一社会信用代码", "code"),
    Column("name", "名称", "text", required=False),
    Column("grade", "等级", "text", required=False),
    Column("score", "得分", "decimal", required=False, places=4),
    Column("status", "状态", "choice", choices=_STATUS),
)
_REGISTER = SheetSpec("登记册", _GRADED)
_GRADES = SheetSpec("评级结果", _GRADED)
_EVENTS = SheetSpec(
    "信用事件",
    (
        Column("id", "编号", "code"),
        Column("code", "事件", "text"),
        Column("enterprise", "企业代码", "code"),
        Column("subject", "对象代码", "code"),
        Column("occurred_on", "发生日期", "date"),
        Column("outcome", "决定", "choice", choices=_DECIDED),
        Column("reason", "理由", "text", required=False),
    ),
)


async def register_table(conn: Connection, on: date, page: int) -> Table:
    """Return the whole register with the grades in force on a day."""
    rows: list[dict[str, Any]] = []
    after = ""
    while found := await grades.register(conn, on, after, query=None, grade=None, limit=page):
        rows += [
            {
                "code": row.code,
                "name": row.name,
                "grade": row.grade,
                "score": row.score,
                "status": row.status or "unrated",
            }
            for row in found
        ]
        after = found[-1].code
    return _REGISTER, rows


async def grades_table(conn: Connection) -> Table:
    """Return the newest run's results, published or not."""
    run = await grade_store.latest_run(conn)
    if run is None:
        raise NotFound("还没有任何评级。请先运行 credit grade run。")
    return _GRADES, [
        {"code": row.enterprise, "grade": row.grade, "score": row.score, "status": row.status}
        for row in await grade_store.results_of_run(conn, run)
    ]


async def events_table(conn: Connection, page: int) -> Table:
    """Return every event with its decision, oldest first."""
    rows: list[dict[str, Any]] = []
    after = UUID(int=0)
    while found := await events.events_page(conn, after, outcome=None, enterprise=None, limit=page):
        rows += [
            {
                "id": str(row.id),
                "code": row.code,
                "enterprise": row.enterprise,
                "subject": row.subject,
                "occurred_on": row.occurred_on if row.occurred_on > date.min else None,
                "outcome": row.outcome or "proposed",
                "reason": row.reason,
            }
            for row in found
        ]
        after = found[-1].id
    return _EVENTS, rows
