"""The log as anybody may read it."""

import json
import re
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter

from credit.kit.db import Connection
from credit.kit.http import UUID_PATTERN, City, SoughtText
from credit.kit.pages import redirect, render
from credit.log import reading, service
from credit.log.records import RECORD_TYPE

__all__ = ["LogPages"]

LISTED = 30
INDEX_DIGITS_MAX = 15  # an index stays below 2^53
# An empty field of a form arrives as an empty text.
IndexCursor = Annotated[int | None, QueryParameter(ge=0, le=2**53 - 1)]
IndexPath = Annotated[str, PathParameter(pattern=r"^[0-9]{1,15}$", max_length=INDEX_DIGITS_MAX)]


class LogPages(Controller):
    """`/{city}/log`: what is in the log, and how anybody can check it. The tiles are at `/log/`."""

    path = "/log"

    @get(summary="公开日志")
    async def overview(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        q: SoughtText = "",
        cursor: IndexCursor = None,
    ) -> Response[Any]:
        """Show the newest checkpoint and entries; a number or record id leads to its entry."""
        wanted = q.strip().lower()
        async with state.db.city(city) as conn:
            if wanted and (index := await _find(conn, wanted)) is not None:
                return redirect(f"/{city}/log/{index}")
            head = await reading.head_of(conn)
            size = head.size if head else 0
            before = size if cursor is None else min(cursor, size)
            entries = await reading.newest(conn, before, LISTED)
        return render(
            request,
            "log/overview.html",
            head=head,
            origin=state.logs.origin(city),
            vkey=state.logs.verifier(city).vkey,
            q=q,
            entries=entries,
            latest=cursor is None,
            cursor=str(entries[-1].index) if entries and entries[-1].index else None,
        )

    @get("/{index:str}", summary="日志里的一条")
    async def entry(
        self, request: Request[Any, Any, Any], state: State, city: City, index: IndexPath
    ) -> Response[str]:
        """Show an entry as the log keeps it, who signed it, and what proves that it is there."""
        async with state.db.city(city) as conn:
            found = await reading.entry_at(conn, int(index))
        return render(
            request,
            "log/entry.html",
            entry=found,
            record=json.dumps(found.record, ensure_ascii=False, indent=2),
            record_type=RECORD_TYPE,
        )


async def _find(conn: Connection, wanted: str) -> int | None:
    """Return the index that a text names, as a number or by the record's id."""
    if wanted.isdecimal() and wanted.isascii() and len(wanted) <= INDEX_DIGITS_MAX:
        return int(wanted)
    if re.fullmatch(UUID_PATTERN, wanted):
        record_id = UUID(wanted)
        return (await service.index_of(conn, [record_id])).get(record_id)
    return None
