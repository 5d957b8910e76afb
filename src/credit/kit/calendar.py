"""The city's working days: the kept package, and what an officer loaded for years it lacks."""

from datetime import date

from credit.kit import store
from credit.kit.db import Connection
from credit.kit.excel import Column, SheetSpec
from credit.kit.workdays import SPAN_DAYS_MAX, WorkCalendar

__all__ = ["CALENDAR_SHEET", "city_calendar"]

CALENDAR_SHEET = SheetSpec(
    "放假调休",
    (
        Column("day", "日期", "date"),
        Column(
            "workday",
            "性质",
            "choice",
            choices={"放假": "free", "上班": "work"},
            help="只列与平常不同的日子：放假的工作日填“放假”，补班的周末填“上班”",
        ),
    ),
    ("依据国务院办公厅每年公布的节假日安排填写。",),
)


async def city_calendar(conn: Connection, day: date) -> WorkCalendar:
    """Return the calendar for terms that begin about a day."""
    first = date(day.year - 1, 1, 1)
    last = date.fromordinal(day.toordinal() + SPAN_DAYS_MAX)
    return WorkCalendar(await store.declared_days(conn, first, last))
