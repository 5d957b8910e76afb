"""Credit events as a workbook: columns from the catalogue, rows to record bodies, and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from credit.events.logic import subjects_or_as_written
from credit.events.service import Filter, chosen_rows
from credit.kit.db import Connection
from credit.kit.errors import TooLarge
from credit.kit.excel import ROWS_MAX, Column, RowData, SheetSpec
from credit.kit.texts import say
from credit.parties.views import Placed
from credit.rules.model import EventType, FixedPoints, Grading, LevelPoints, RangePoints
from credit.rules.trace import text

__all__ = ["ChosenEvents", "body_of_row", "event_sheet", "events_table"]

EXPORTED_AT_ONCE = 5_000
DECIDED = {"待决定": "proposed", "已生效": "accepted", "不予认定": "refused"}
EXPORTED = SheetSpec(
    "信用事件",
    (
        Column("id", "编号", "code", width=38),
        Column("code", "事件代码", "code"),
        Column("title", "事件", "text", required=False),
        Column("enterprise", "企业代码", "code"),
        Column("subject", "对象代码", "code"),
        Column("occurred_on", "发生日期", "date", required=False),
        Column("outcome", "决定", "choice", choices=DECIDED),
        Column("reason", "理由", "text", required=False),
    ),
)
KINDS = {"企业": "enterprise", "项目": "project", "项目负责人": "manager"}


@dataclass(frozen=True, slots=True)
class ChosenEvents:
    """Which events a workbook holds: one enterprise's, a list's under its filter, those that are
    both, or all.
    """

    enterprise: str | None = None
    status: Filter = ""
    query: str | None = None
    division: str | None = None


def event_sheet(grading: Grading) -> SheetSpec:
    """Return the sheet an officer fills in, with the city's catalogue as a drop-down list."""
    levels = dict.fromkeys(
        one.level
        for event in grading.events
        if isinstance(event.points, LevelPoints)
        for one in event.points.levels
    )
    lines = tuple(
        f"{event.code}　{event.title}：{_points_text(event.points)}" for event in grading.events
    )
    return SheetSpec(
        "信用事件",
        (
            Column(
                "type",
                "事件",
                "choice",
                choices={f"{event.code} {event.title}": event.code for event in grading.events},
                width=44,
            ),
            Column("primary", "对象类型", "choice", choices=KINDS),
            Column("subject", "对象代码", "code", help="企业代码、项目编号或项目负责人编号"),
            Column("occurred_on", "发生日期", "date"),
            Column(
                "level",
                "级别",
                "choice",
                required=False,
                choices={level: level for level in levels},
                help="按级别计分的事件必填",
            ),
            Column(
                "points", "分值", "decimal", required=False, help="分值有范围的事件必填，填正数"
            ),
            Column(
                "reference",
                "文号",
                "code",
                help="处罚决定、表彰文件、检查记录等的编号；同一事实靠它识别，不写人名",
            ),
            Column(
                "fact_key",
                "同一事实",
                "code",
                required=False,
                help="同一件事有几条记录时填相同的编号，只按最高一次计分",
            ),
            Column("valid_until", "有效期止", "date", required=False, help="文件另有规定时填写"),
        ),
        lines,
    )


def body_of_row(row: RowData, placed: Placed, pack: str) -> dict[str, Any]:
    """Build the record body of a row; the subjects are those the register names for that day."""
    values = row.values
    body: dict[str, Any] = {
        "type": values["type"],
        "pack": pack,
        "primary": values["primary"],
        "subjects": subjects_or_as_written(placed),
        "occurred_on": str(values["occurred_on"]),
        "reference": values["reference"],
        "evidence": [],
    }
    for key in ("level", "fact_key"):
        if values[key] is not None:
            body[key] = values[key]
    if values["points"] is not None:
        body["points"] = text(values["points"])  # type: ignore[arg-type]
    if values["valid_until"] is not None:
        body["valid_until"] = str(values["valid_until"])
    return body


async def events_table(
    conn: Connection, catalogue: Mapping[str, EventType], chosen: ChosenEvents | None = None
) -> tuple[SheetSpec, list[dict[str, Any]]]:
    """Return every event with its decision, or those chosen, oldest first.

    A repaired fact is left out: it is not shared any more. TooLarge where they do not fit a sheet.
    """
    chosen = chosen or ChosenEvents()
    rows: list[dict[str, Any]] = []
    after = None
    while found := await chosen_rows(
        conn,
        chosen.status,
        "oldest",
        query=chosen.query,
        division=chosen.division,
        enterprise=chosen.enterprise,
        after=after,
        limit=EXPORTED_AT_ONCE,
    ):
        if len(rows) + len(found) > ROWS_MAX:
            raise TooLarge(
                say(
                    "事件超过 %(most)s 条，一张 Excel 表放不下。请在企业的页面上逐家导出。",
                    most=ROWS_MAX,
                )
            )
        rows += [
            {
                "id": str(row.id),
                "code": row.code,
                "title": catalogue[row.code].title if row.code in catalogue else None,
                "enterprise": row.enterprise,
                "subject": row.subject,
                "occurred_on": row.occurred_on if row.occurred_on > date.min else None,
                "outcome": row.outcome or "proposed",
                "reason": row.reason,
            }
            for row in found
            if row.course != "repaired"
        ]
        after = found[-1].id
    return EXPORTED, rows


def _points_text(points: object) -> str:
    if isinstance(points, LevelPoints):
        return "按级别 " + "、".join(f"{one.level} {text(one.points)}" for one in points.levels)
    if isinstance(points, RangePoints):
        return f"{text(points.range[0])} 到 {text(points.range[1])} 分"
    return f"{text(points.fixed)} 分" if isinstance(points, FixedPoints) else ""
