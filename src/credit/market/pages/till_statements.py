"""A merchant's settlements at its till: looked at, confirmed, disputed."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter
from msgspec import Meta, Struct

from credit.access.views import Actor
from credit.kit.db import Connection
from credit.kit.errors import CreditError, Forbidden, NotFound
from credit.kit.http import City, RecordKey
from credit.kit.pages import form_of, read_form, redirect
from credit.kit.texts import marked
from credit.market.pages.forms import Cursor, texts_of
from credit.market.pages.settling import WordsForm, lines_answer, shown_lines, till
from credit.market.pages.till import own_rows
from credit.market.service import settlements, statements, webhooks
from credit.market.service.redemptions import merchant_of
from credit.market.settlements import store
from credit.market.settlements.views import Checked
from credit.points.service.accounts import LAST

__all__ = ["TillStatementPages"]

STATEMENTS = 24
ActPath = Annotated[str, PathParameter(pattern=r"^(confirm|dispute)$(?!\n)", max_length=10)]
DONE: Mapping[str, str] = {
    "confirm": marked("已确认，等待付款。"),
    "dispute": marked("已提出异议，运营人员答复后您再确认。"),
}


class ConfirmForm(Struct, frozen=True):
    """The digest of the statement that was on the page."""

    LABELS: ClassVar[Mapping[str, str]] = {"digest": marked("结算单")}

    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", max_length=64)]


class TillStatementPages(Controller):
    """`/{city}/till/statements`: the merchant's own."""

    path = "/till/statements"

    @get(summary="本店的结算", opt={"scope": "till:use"})
    async def statements(
        self, request: Request[Any, Any, Any], state: State, city: City, cursor: Cursor = ""
    ) -> Response[str]:
        """List the merchant's statements, the newest first."""
        actor: Actor = request.state.visitor.actor
        found, silent = [], 0
        async with own_rows(state, city, actor) as conn:
            try:
                merchant = await merchant_of(conn, actor)
                found = await store.of_merchant(
                    conn, merchant.code, int(cursor or LAST), STATEMENTS + 1
                )
                own = await webhooks.webhooks(conn, actor)
                silent = sum(one.disabled_at is not None for one in own)
            except Forbidden:
                found = []  # not admitted yet: there is nothing to settle
        return till(
            request,
            "market/till_statements.html",
            statements=found[:STATEMENTS],
            silent=silent,
            cursor=str(found[STATEMENTS - 1].after) if len(found) > STATEMENTS else None,
        )

    @get("/{settlement:str}", summary="本店的一张结算单", opt={"scope": "till:use"})
    async def statement(
        self, request: Request[Any, Any, Any], settlement: RecordKey, cursor: Cursor = ""
    ) -> Response[str]:
        """Show a statement with its lines, and what may be said about it."""
        return await _page(request, settlement, int(cursor or 0))

    @get("/{settlement:str}/lines.xlsx", summary="本店结算单的明细", opt={"scope": "till:use"})
    async def lines(
        self, request: Request[Any, Any, Any], settlement: RecordKey
    ) -> Response[bytes]:
        """Hand out a statement with its lines as a workbook."""
        return lines_answer(await _checked(request, settlement))

    @post("/{settlement:str}/{act:str}", summary="答复结算单", opt={"scope": "till:use"},
          status_code=200)  # fmt: skip
    async def do(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        settlement: RecordKey,
        act: ActPath,
    ) -> Response[Any]:
        """Agree to the statement that was shown, or object to it."""
        fields, actor = texts_of(await form_of(request)), request.state.visitor.actor
        number = UUID(settlement)

        async def confirm(conn: Connection) -> None:
            digest = bytes.fromhex(read_form(ConfirmForm, fields).digest)
            await settlements.confirm(conn, state.clock, actor, number, digest)

        async def dispute(conn: Connection) -> None:
            text = read_form(WordsForm, fields).text
            await settlements.dispute(conn, actor, number, text)

        acts: Mapping[str, Callable[[Connection], Awaitable[None]]] = {
            "confirm": confirm, "dispute": dispute
        }  # fmt: skip
        try:
            async with state.db.transaction(city) as conn:
                await acts[act](conn)
        except NotFound:
            raise
        except CreditError as refused:
            return await _page(request, settlement, 0, fields, refused)
        return redirect(f"/{city}/till/statements/{settlement}", notice=DONE[act])


async def _checked(request: Request[Any, Any, Any], settlement: str) -> Checked:
    state, city = request.app.state, request.path_params["city"]
    actor: Actor = request.state.visitor.actor
    async with own_rows(state, city, actor) as conn:
        found = await settlements.settlement(conn, UUID(settlement), merchant=actor.party or "")
        return await statements.check(conn, city, found)


async def _page(
    request: Request[Any, Any, Any],
    settlement: str,
    after: int,
    fields: Mapping[str, str] | None = None,
    refused: CreditError | None = None,
) -> Response[str]:
    checked = await _checked(request, settlement)
    lines, cursor = shown_lines(checked, after)
    return till(
        request,
        "market/till_statement.html",
        http_status=refused.status if refused else 200,
        settled=checked.settled,
        checked=checked,
        lines=lines,
        cursor=cursor,
        fields=fields or {},
        problem=refused,
    )
