"""Grades as workbooks: the register with grades in force, and what a run found."""

from datetime import date
from typing import Any
from uuid import UUID

from credit.grades import store
from credit.grades.reading.enterprises import Chosen, office_page
from credit.grades.service import register
from credit.kit.db import Connection
from credit.kit.errors import NotFound, TooLarge
from credit.kit.excel import ROWS_MAX, Column, SheetSpec
from credit.kit.texts import say

__all__ = ["enterprises_table", "grades_table", "register_table"]

Table = tuple[SheetSpec, list[dict[str, Any]]]
STATUS = {"已评级": "graded", "未评级": "unrated"}
GRADED = (
    Column("code", "统一社会信用代码", "code"),
    Column("name", "名称", "text"),
    Column("grade", "等级", "text", required=False),
    Column("score", "得分", "decimal", required=False, places=4),
    Column("status", "状态", "choice", choices=STATUS),
)
REGISTER = SheetSpec("登记册", GRADED)
RESULTS = SheetSpec(
    "评级结果",
    (
        *GRADED,
        Column("grade_before", "原等级", "text", required=False),
        Column("score_before", "原得分", "decimal", required=False, places=4),
    ),
)
ENTERPRISES = SheetSpec(
    "企业",
    (
        *GRADED[:2],
        Column("district", "所在区", "text", required=False),
        *GRADED[2:4],
        Column("waiting", "待决定事件", "integer"),
        Column("projects", "在管项目", "integer"),
        Column("ended_on", "注销日期", "date", required=False),
    ),
)


async def register_table(conn: Connection, on: date) -> Table:
    """Return the whole register with the grades in force on a day, by code."""
    found = await register(conn, on, "", query=None, grade=None, limit=ROWS_MAX + 1)
    _refuse_too_long(len(found))
    return REGISTER, [
        {
            "code": row.code,
            "name": row.name,
            "grade": row.grade,
            "score": row.score,
            "status": row.status or "unrated",
        }
        for row in found
    ]


async def enterprises_table(conn: Connection, on: date, chosen: Chosen) -> Table:
    """Return the enterprises of the officers' list, in its order: grade, score, the work."""
    found = await office_page(conn, on, chosen, None, ROWS_MAX + 1)
    _refuse_too_long(len(found))
    return ENTERPRISES, [
        {
            "code": row.code,
            "name": row.name,
            "district": row.district,
            "grade": row.grade,
            "score": row.score,
            "waiting": row.waiting,
            "projects": row.projects,
            "ended_on": row.ended_on,
        }
        for row in found
    ]


async def grades_table(conn: Connection, run_id: UUID | None = None) -> Table:
    """Return a run's results beside what was in force before, by code; of the newest by default.

    NotFound where there is no such run, or none at all.
    """
    run = run_id or await store.latest_run(conn)
    if run is None or await store.load_run(conn, run) is None:
        raise NotFound(say("还没有这样一次评级的结果。请先提出评级，等它算完。"))
    rows = await store.compare_results(conn, run)
    _refuse_too_long(len(rows))
    return RESULTS, [
        {
            "code": row.code,
            "name": row.name,
            "grade": row.grade_after,
            "score": row.score_after,
            "status": "unrated" if row.score_after is None else "graded",
            "grade_before": row.grade_before,
            "score_before": row.score_before,
        }
        for row in sorted(rows, key=lambda row: row.code)
    ]


def _refuse_too_long(rows: int) -> None:
    if rows > ROWS_MAX:
        raise TooLarge(
            say("超过 %(most)s 行，一张 Excel 表放不下。请用接口分页读取。", most=ROWS_MAX)
        )
