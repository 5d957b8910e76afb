"""The access trail for the auditor: looked through, and taken away as a table."""

import asyncio
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO, StringIO
from typing import Annotated, Any, Literal

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter

from credit.access import service
from credit.access.admin.store import TrailPlace, TrailRow
from credit.access.guard import actor_of, note_seen
from credit.kit.clock import CHINA
from credit.kit.errors import CreditError, Invalid, TooLarge
from credit.kit.excel import XLSX, Column, SheetSpec, write_table
from credit.kit.http import City, SearchText, parse_date
from credit.kit.pages import attachment, render
from credit.kit.texts import marked, say

__all__ = ["TrailPages"]

PAGE = 100
EXPORT_LINES_MAX = 10_000
DAYS_SHOWN = 7
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# What a spreadsheet might take for a formula.
RISKY = ("=", "+", "-", "@", "\t", "\r")
From = Annotated[str, QueryParameter(name="from", max_length=10)]
To = Annotated[str, QueryParameter(name="to", max_length=10)]
Who = Annotated[str, QueryParameter(pattern=r"^(P-[0-9a-f]{16})?$(?!\n)", max_length=18)]
Place = Annotated[
    str | None, QueryParameter(pattern=r"^[0-9]{1,17}\.[0-9]{1,18}$(?!\n)", max_length=36)
]
SHEET = SheetSpec(
    "访问记录",
    (
        Column("at", "时间（北京）", "text"),
        Column("person_id", "人员编号", "text", required=False),
        Column("client", "接口密钥", "text", required=False),
        Column("action", "操作", "text"),
        Column("object", "对象", "text", required=False),
        Column("status", "应答码", "text"),
        Column("personal", "涉及个人信息", "text"),
        Column("address", "网络地址", "text", required=False),
    ),
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines are looked for: days are China's, both included."""

    begin: date
    end: date
    person_id: str
    text: str | None

    @property
    def period(self) -> tuple[datetime, datetime]:
        """From the first day's beginning until the day after the last one begins."""
        return (
            datetime.combine(self.begin, time.min, CHINA),
            datetime.combine(self.end, time.min, CHINA) + timedelta(days=1),
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """The filter as it was typed."""

    begin: str
    end: str
    person_id: str
    text: str | None


async def asked(begin: From = "", end: To = "", person: Who = "", q: SearchText = None) -> Asked:
    """Take the filter from the address."""
    return Asked(begin, end, person, q)


class TrailPages(Controller):
    """`/{city}/console/trail`: who saw or did what."""

    path = "/console/trail"

    @get(summary="访问记录", opt={"scope": "trail:read"}, dependencies={"wanted": Provide(asked)})
    async def trail(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        wanted: NamedDependency[Asked],
        names: Annotated[Literal["", "yes"], QueryParameter()] = "",
        cursor: Place = None,
    ) -> Response[str]:
        """List lines, the newest first; with `names` people's names, which is noted itself."""
        chosen, rows, known, refused = _week(state), list[TrailRow](), dict[str, str](), None
        try:
            chosen = _filter(state, wanted)
            async with state.db.city(city) as conn:
                rows = await _lines(request, conn, chosen, _below(cursor), PAGE + 1)
                if names:
                    note_seen(request, personal=True)
                    people = [row.person_id for row in rows if row.person_id]
                    known = await service.names_of(conn, state.logs.vault(city), people)
        except CreditError as error:
            refused = error
        return render(
            request,
            "access/trail.html",
            http_status=refused.status if refused else 200,
            rows=rows[:PAGE],
            chosen=chosen,
            q=wanted.text or "",
            names=known,
            names_shown=bool(names),
            problem=refused,
            lines_max=EXPORT_LINES_MAX,
            cursor=_place(rows[PAGE - 1]) if len(rows) > PAGE else None,
        )

    @get("/export", summary="导出访问记录", opt={"scope": "trail:read"},
         dependencies={"wanted": Provide(asked)})  # fmt: skip
    async def export(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        wanted: NamedDependency[Asked],
        form: Annotated[Literal["xlsx", "csv"], QueryParameter(name="format")] = "xlsx",
    ) -> Response[bytes]:
        """Return the lines as a table, with pseudonyms."""
        chosen = _filter(state, wanted)
        async with state.db.city(city) as conn:
            rows = await _lines(request, conn, chosen, None, EXPORT_LINES_MAX + 1)
        if len(rows) > EXPORT_LINES_MAX:
            raise TooLarge(
                say("超过 %(most)s 条，请缩短时间范围或加上条件后再导出。", most=EXPORT_LINES_MAX)
            )
        content, media_type = await asyncio.to_thread(_written, rows, form)
        name = f"trail-{city}-{chosen.begin}-{chosen.end}.{form}"
        return attachment(content, media_type, name)


async def _lines(
    request: Request[Any, Any, Any],
    conn: Any,
    chosen: Filter,
    below: TrailPlace | None,
    limit: int,
) -> list[TrailRow]:
    return await service.trail_page(
        conn,
        actor_of(request),
        below=below,
        person_id=chosen.person_id or None,
        text=chosen.text,
        period=chosen.period,
        limit=limit,
    )


def _week(state: State) -> Filter:
    today = state.clock.today()
    return Filter(today - timedelta(days=DAYS_SHOWN - 1), today, "", None)


def _filter(state: State, wanted: Asked) -> Filter:
    """Read the filter; without days, the last week, or a week from or until the day given."""
    last = parse_date(wanted.end, marked("截止日期")) if wanted.end else None
    first = parse_date(wanted.begin, marked("起始日期")) if wanted.begin else None
    span = timedelta(days=DAYS_SHOWN - 1)
    try:
        if last is None:
            last = min(first + span, state.clock.today()) if first else state.clock.today()
        filter_ = Filter(first or last - span, last, wanted.person_id, wanted.text)
        _ = filter_.period
    except OverflowError:
        raise Invalid(say("日期超出范围，请写成 2026-06-30 这样的日期。")) from None
    return filter_


def _below(cursor: str | None) -> TrailPlace | None:
    if cursor is None:
        return None
    micros, _, line = cursor.partition(".")
    return TrailPlace(EPOCH + int(micros) * MICROSECOND, int(line))


def _place(row: TrailRow) -> str:
    return f"{(row.at - EPOCH) // MICROSECOND}.{row.id}"


def _written(rows: Sequence[TrailRow], form: str) -> tuple[bytes, str]:
    """Write lines as a workbook, or as CSV that a spreadsheet reads and does not run."""
    lines = [_cells(row) for row in rows]
    if form == "xlsx":
        book = BytesIO()
        write_table([(SHEET, lines)], book)
        return book.getvalue(), XLSX
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow([column.title for column in SHEET.columns])
    writer.writerows([_tame(line[column.key]) for column in SHEET.columns] for line in lines)
    # The mark at the beginning tells the spreadsheet that this is UTF-8.
    return text.getvalue().encode("utf-8-sig"), "text/csv; charset=utf-8"


def _cells(row: TrailRow) -> dict[str, str]:
    return {
        "at": f"{row.at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}",
        "person_id": row.person_id or "",
        "client": row.client or "",
        "action": row.action,
        "object": row.object or "",
        "status": str(row.status),
        "personal": "是" if row.personal else "",
        "address": row.address or "",
    }


def _tame(text: str) -> str:
    return f"'{text}" if text.startswith(RISKY) else text
