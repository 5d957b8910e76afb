"""Pages of terms: what an officer has to do until when, and what came up to them because late."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.access.views import Visitor
from credit.kit.http import City
from credit.kit.pages import render
from credit.terms import service
from credit.terms.views import OpenTerm

__all__ = ["TermPages"]

ROWS_MAX = 50
Place = Annotated[
    str, QueryParameter(pattern=r"^(?:\d{4}-\d{2}-\d{2}_[0-9a-f]{32})?$(?!\n)", max_length=43)
]


class TermPages(Controller):
    """`/{city}/console/terms`: open terms, the next due first."""

    path = "/console/terms"

    @get(summary="办理期限", opt={"scope": "console:use"})
    async def terms(
        self, request: Request[Any, Any, Any], state: State, city: City, cursor: Place = ""
    ) -> Response[str]:
        """Show what the visitor has to do, late things first since they were due first."""
        visitor: Visitor = request.state.visitor
        async with state.db.city(city) as conn:
            found = await service.open_of_office(
                conn, visitor.actor, _read(cursor) or service.FIRST, ROWS_MAX + 1
            )
        return render(
            request,
            "terms/list.html",
            terms=found[:ROWS_MAX],
            cursor=_write(found[ROWS_MAX - 1]) if len(found) > ROWS_MAX else None,
            first=not cursor,
            today=state.clock.today(),
        )


def _read(cursor: str) -> tuple[date, UUID] | None:
    day, _, term = cursor.partition("_")
    try:
        return (date.fromisoformat(day), UUID(term)) if cursor else None
    except ValueError:
        return None  # no such day: from the start


def _write(term: OpenTerm) -> str:
    return f"{term.due_on}_{term.id.hex}"
