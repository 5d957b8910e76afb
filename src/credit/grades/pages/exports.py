"""The console's exports: the register, grades, and lists under their filters as Excel files."""

import asyncio
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import PathParameter, QueryParameter

from credit.evaluations.excel import evaluations_table
from credit.evaluations.pages.lists import SheetName, Year, chosen_sheet, sheets_of
from credit.evaluations.service import Standing
from credit.events.excel import ChosenEvents, events_table
from credit.grades.excel import enterprises_table, grades_table, register_table
from credit.grades.pages.console import Grade
from credit.grades.reading.enterprises import Chosen
from credit.kit.db import Connection
from credit.kit.excel import XLSX, SheetSpec, write_table
from credit.kit.http import City
from credit.kit.lists import ASKED, Asked
from credit.kit.pages import attachment, render
from credit.kit.patterns import containing
from credit.rules.loading import pack_of_city
from credit.rules.pack import Pack

__all__ = ["ConsoleExportPages"]

NAMES = {
    "register": "登记册",
    "grades": "评级结果",
    "events": "信用事件",
    "enterprises": "企业",
    "evaluations": "年度评价",
}
Kind = Annotated[
    Literal["register", "grades", "events", "enterprises", "evaluations"], PathParameter()
]
Run = Annotated[
    str | None, QueryParameter(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$(?!\n)")
]
Enterprise = Annotated[str | None, QueryParameter(pattern=r"^[0-9A-Z-]{1,18}$(?!\n)")]
Table = tuple[SheetSpec, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a kind is wanted: a run's, an enterprise's, or a list's under its filter."""

    run: str | None
    enterprise: str | None
    status: Literal["", "proposed", "refused"]
    grade: str
    sheet: str | None
    year: int | None


def wanted(
    run: Run = None,
    enterprise: Enterprise = None,
    status: Annotated[Literal["", "proposed", "refused"], QueryParameter()] = "",
    grade: Grade = "",
    sheet: SheetName = None,
    year: Year = None,
) -> Wanted:
    """Read what is wanted from the address."""
    return Wanted(run, enterprise, status, grade, sheet, year)


class ConsoleExportPages(Controller):
    """`/{city}/console/exports`: what officers take away as Excel."""

    path = "/console/exports"

    @get(summary="导出", opt={"scope": "events:read"})
    async def exports(self, request: Request[Any, Any, Any], city: City) -> Response[str]:
        """Offer the files; `city` is who they are of."""
        return render(request, "grades/console_exports.html", of=city)

    @get("/{kind:str}", summary="导出 Excel", opt={"scope": "events:read", "personal": True},
         dependencies={**ASKED, "wanted": Provide(wanted, sync_to_thread=False)})  # fmt: skip
    async def export(
        self,
        state: State,
        city: City,
        kind: Kind,
        asked: NamedDependency[Asked],
        wanted: NamedDependency[Wanted],
    ) -> Response[bytes]:
        """Return a workbook: the register today, a run's results, or a list under its filter.

        Reasons of decisions may name people, so that the trail counts it as personal.
        """
        today = state.clock.today()
        async with state.db.city(city) as conn:
            table = await _table(conn, kind, asked, wanted, pack_of_city(city), today)
        book = BytesIO()
        # Writing takes seconds for a large table: a thread lets other requests have their turns.
        await asyncio.to_thread(write_table, [table], book)
        name, shown_name = f"{kind}-{city}-{today}.xlsx", f"{NAMES[kind]}-{city}-{today}.xlsx"
        return attachment(book.getvalue(), XLSX, name, shown_name)


async def _table(
    conn: Connection, kind: str, asked: Asked, wanted: Wanted, pack: Pack, today: date
) -> Table:
    rules, where = pack.on(today), asked.where(None)
    if kind == "register":
        return await register_table(conn, today)
    if kind == "grades":
        return await grades_table(conn, UUID(wanted.run) if wanted.run else None)
    if kind == "enterprises":
        like = containing(asked.query) if asked.query else None
        ladder = rules.grader.ladder.grades
        chosen = Chosen("code", ladder, like, wanted.grade or None, where)
        return await enterprises_table(conn, today, chosen)
    if kind == "evaluations":
        sheet = chosen_sheet(sheets_of(pack, today), wanted.sheet).id
        year = wanted.year or today.year
        return await evaluations_table(conn, Standing(sheet, year, where), asked.query)
    events = ChosenEvents(wanted.enterprise, wanted.status, asked.query, where)
    return await events_table(conn, rules.grader.events, events)
