"""The console's settlements: by what they wait for, one with its lines, drawn, answered, paid."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta, Struct

from credit.access import service as access
from credit.access.views import Actor
from credit.earning.service.places import covers, reach
from credit.kit.errors import CreditError, NotFound
from credit.kit.excel import XLSX
from credit.kit.http import City, IdCursor, RecordKey, SoughtText
from credit.kit.ids import LAST_ID
from credit.kit.pages import attachment, form_of, read_form, redirect, render
from credit.kit.patterns import containing
from credit.kit.texts import marked, say
from credit.market.logic.settlements import ORDER, Act, refusal
from credit.market.pages.forms import Cursor, texts_of
from credit.market.pages.settling import (
    SETTLING,
    PayForm,
    WordsForm,
    lines_answer,
    shown_lines,
)
from credit.market.service import settlements, statements
from credit.market.settlements import store
from credit.market.settlements.excel import list_book
from credit.market.webhooks.store import disabled
from credit.points.service import accounts as book

__all__ = ["ConsoleSettlementPages"]

ROWS = 50
EXPORT_MAX = 10_000
DISABLED_SHOWN = 20
StateText = Annotated[
    Literal["", "drawn", "disputed", "confirmed", "paid", "carried"], QueryParameter()
]
ActPath = Annotated[str, PathParameter(pattern=r"^(uphold|redraw|pay)$(?!\n)", max_length=10)]
DONE: Mapping[str, str] = {
    "uphold": marked("已答复，等待商户确认。"),
    "redraw": marked("已重新出单，等待商户确认。"),
    "pay": marked("已登记付款，积分已在账本里结清。"),
}
FOLLOWS: Mapping[str, str] = {
    "uphold": marked("结算单不变，商户看到您的答复后再确认，或再提出异议。"),
    "redraw": marked("按账本重新出单：把出单以后到现在的收取和退还也算进来。商户要重新确认。"),
    "pay": marked(
        "钱已经付给商户以后再登记：账本里把这些积分记为已结清，不能更改。由没有出单的同事登记。"
    ),
}


class DrawForm(Struct, frozen=True):
    """Whose statement is to be drawn."""

    LABELS: ClassVar[Mapping[str, str]] = {"merchant": marked("商户编号")}

    merchant: Annotated[str, Meta(pattern=r"^SH-[0-9]{4,8}$(?!\n)", max_length=11)]


class ConsoleSettlementPages(Controller):
    """`/{city}/console/settlements`: merchants' statements."""

    path = "/console/settlements"

    @get(summary="结算", opt={"scope": "points:read"})
    async def settlements(
        self,
        request: Request[Any, Any, Any],
        city: City,
        standing: StateText = "",
        q: SoughtText = "",
        cursor: IdCursor = None,
    ) -> Response[str]:
        """List settlements of the visitor's division, the newest first."""
        return await _list_page(request, city, standing, q, cursor)

    @post(summary="出结算单", opt={"scope": "market:settle"}, status_code=200)
    async def draw(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Draw a merchant's statement of everything since the last one."""
        fields, actor = texts_of(await form_of(request)), request.state.visitor.actor
        try:
            form = read_form(DrawForm, fields)
            async with state.db.transaction(city) as conn:
                drawn = await settlements.draw_by_hand(
                    conn, state.clock, city, actor, form.merchant
                )
        except CreditError as refused:
            return await _list_page(request, city, "", "", None, fields, refused)
        return redirect(
            f"/{city}/console/settlements/{drawn.id}", notice=say("已出单。请核对后通知商户确认。")
        )

    @get("/export.xlsx", summary="导出结算单", opt={"scope": "points:read"})
    async def export(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        standing: StateText = "",
        q: SoughtText = "",
    ) -> Response[bytes]:
        """Hand out the list as a workbook."""
        async with state.db.city(city) as conn:
            found = await store.page(
                conn, LAST_ID, _division(request), standing or None, _like(q), EXPORT_MAX
            )
        return attachment(list_book(found), XLSX, "settlements.xlsx", "结算单.xlsx")

    @get("/{settlement:str}", summary="一张结算单", opt={"scope": "points:read"})
    async def settlement(
        self, request: Request[Any, Any, Any], settlement: RecordKey, cursor: Cursor = ""
    ) -> Response[str]:
        """Show a settlement with its lines, held against the book, and what to do now."""
        return await _page(request, settlement, int(cursor or 0))

    @get("/{settlement:str}/lines.xlsx", summary="结算单明细", opt={"scope": "points:read"})
    async def lines(
        self, request: Request[Any, Any, Any], state: State, city: City, settlement: RecordKey
    ) -> Response[bytes]:
        """Hand out a settlement with its lines as a workbook."""
        async with state.db.city(city) as conn:
            found = await settlements.seen_by(conn, request.state.visitor.actor, UUID(settlement))
            checked = await statements.check(conn, city, found)
        return lines_answer(checked)

    @post("/{settlement:str}/{act:str}", summary="办理结算单", opt={"scope": "market:settle"},
          status_code=200)  # fmt: skip
    async def do(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        settlement: RecordKey,
        act: ActPath,
    ) -> Response[Any]:
        """Answer a dispute by leaving it or drawing it anew, or note the payment."""
        fields, actor = texts_of(await form_of(request)), request.state.visitor.actor
        try:
            await _acts(state, city, actor, UUID(settlement), fields)[act]()
        except NotFound:
            raise
        except CreditError as refused:
            return await _page(request, settlement, 0, act, fields, refused)
        return redirect(f"/{city}/console/settlements/{settlement}", notice=DONE[act])


def _acts(
    state: State, city: str, actor: Actor, number: UUID, fields: Mapping[str, str]
) -> dict[str, Callable[[], Awaitable[object]]]:
    clock = state.clock

    async def uphold() -> None:
        text = read_form(WordsForm, fields).text
        async with state.db.transaction(city) as conn:
            await settlements.uphold(conn, actor, number, text)

    async def redraw() -> None:
        text = read_form(WordsForm, fields).text
        async with state.db.transaction(city) as conn:
            await settlements.redraw(conn, clock, city, actor, number, text)

    async def pay() -> None:
        voucher = read_form(PayForm, fields).voucher.strip()
        writer = state.writers.of(city)
        await settlements.pay(state.db, clock, city, writer, actor, number, voucher)

    return {"uphold": uphold, "redraw": redraw, "pay": pay}


def _division(request: Request[Any, Any, Any]) -> str:
    """Return in which division a visitor sees settlements: "" is everywhere."""
    return reach(request.state.visitor.actor)


def _like(q: str) -> str | None:
    return containing(q.strip()) if q.strip() else None


async def _list_page(
    request: Request[Any, Any, Any],
    city: str,
    standing: str,
    q: str,
    cursor: str | None,
    fields: Mapping[str, str] | None = None,
    refused: CreditError | None = None,
) -> Response[str]:
    state, division = request.app.state, _division(request)
    before = UUID(cursor) if cursor else LAST_ID
    async with state.db.city(city) as conn:
        found = await store.page(conn, before, division, standing or None, _like(q), ROWS + 1)
        sums = {one.state: one for one in await store.state_sums(conn, division)}
        silent = await disabled(conn, division, DISABLED_SHOWN)
    return render(
        request,
        "market/settlements.html",
        http_status=refused.status if refused else 200,
        settling=SETTLING,
        settlements=found[:ROWS],
        sums=sums,
        silent=silent,
        standing=standing,
        q=q,
        merchant=(fields or {}).get("merchant", ""),
        problem=refused,
        cursor=found[ROWS - 1].id.hex if len(found) > ROWS else None,
    )


async def _page(
    request: Request[Any, Any, Any],
    settlement: str,
    after: int,
    tried: str = "",
    fields: Mapping[str, str] | None = None,
    refused: CreditError | None = None,
) -> Response[str]:
    state, city = request.app.state, request.path_params["city"]
    actor: Actor = request.state.visitor.actor
    async with state.db.city(city) as conn:
        found = await settlements.seen_by(conn, actor, UUID(settlement))
        checked = await statements.check(conn, city, found)
        posted = found.state == "confirmed" and await book.is_known(
            conn, settlements.key_of_payment(found).key
        )
        people = (found.drawn_by, found.answered_by, found.paid_by)
        posts = await access.posts_of(conn, [one for one in people if one])
    lines, cursor = shown_lines(checked, after)
    own = "market:settle" in actor.scopes and covers(actor, found.division)
    may = [
        act for act, (before, _) in ORDER.items() if own and act in DONE and found.state in before
    ]
    pays = Act("pay", actor.person_id, text="x")
    return render(
        request,
        "market/settlement.html",
        http_status=refused.status if refused else 200,
        settling=SETTLING,
        follows=FOLLOWS,
        settled=found,
        checked=checked,
        lines=lines,
        cursor=cursor,
        posts=posts,
        system=settlements.SYSTEM,
        posted=posted,
        may=may,
        why=refusal(settlements.course_of(found), pays) if "pay" in may else None,
        tried=tried,
        fields=fields or {},
        problem=refused,
    )
