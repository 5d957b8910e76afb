"""The console's page of exports: the register, grades and events as Excel files."""

import asyncio
from datetime import date
from io import BytesIO
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter

from credit.events.excel import events_table
from credit.grades.excel import grades_table, register_table
from credit.kit.excel import write_table
from credit.kit.http import City
from credit.kit.pages import render
from credit.rules.loading import pack_of_city

__all__ = ["ConsoleExportPages"]

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NAMES = {"register": "登记册", "grades": "评级结果", "events": "信用事件"}
Kind = Annotated[Literal["register", "grades", "events"], PathParameter()]
Run = Annotated[
    str | None, QueryParameter(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$(?!\n)")
]
Enterprise = Annotated[str | None, QueryParameter(pattern=r"^[0-9A-Z-]{1,18}$(?!\n)")]


class ConsoleExportPages(Controller):
    """`/{city}/console/exports`: what officers take away as Excel."""

    path = "/console/exports"

    @get(summary="导出", opt={"scope": "events:read"})
    async def exports(self, request: Request[Any, Any, Any], city: City) -> Response[str]:
        """Offer the files; `city` is who they are of."""
        return render(request, "grades/console_exports.html", of=city)

    @get("/{kind:str}", summary="导出 Excel", opt={"scope": "events:read", "personal": True})
    async def export(
        self,
        state: State,
        city: City,
        kind: Kind,
        run: Run = None,
        enterprise: Enterprise = None,
    ) -> Response[bytes]:
        """Return a workbook: the register today, a run's results, or events with their decisions.

        Reasons of decisions may name people, so that the trail counts it as personal.
        """
        today = state.clock.today()
        async with state.db.city(city) as conn:
            if kind == "register":
                table = await register_table(conn, today)
            elif kind == "grades":
                table = await grades_table(conn, UUID(run) if run else None)
            else:
                catalogue = pack_of_city(city).on(today).grader.events
                table = await events_table(conn, catalogue, enterprise=enterprise)
        book = BytesIO()
        # Writing takes seconds for a large table: a thread lets other requests have their turns.
        await asyncio.to_thread(write_table, [table], book)
        return _attachment(book.getvalue(), kind, city, today)


def _attachment(content: bytes, kind: str, city: str, day: date) -> Response[bytes]:
    named = quote(f"{NAMES[kind]}-{city}-{day}.xlsx")
    plain = f"{kind}-{city}-{day}.xlsx"
    headers = {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{named}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(content, media_type=MEDIA_TYPE, headers=headers)
