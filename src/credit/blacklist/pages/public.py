"""Everybody's pages of lists and boards. Nobody signs in; what has ended is not there."""

from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.blacklist import service
from credit.blacklist.boards import service as boards
from credit.blacklist.pages.boards import PlaceNumber
from credit.blacklist.pages.words import WORDS
from credit.blacklist.reading.store import Sought
from credit.grades.pages import rules_on, unless_known
from credit.kit.http import City, IdCursor, RecordKey, SoughtText
from credit.kit.ids import LAST_ID
from credit.kit.pages import render
from credit.kit.patterns import containing
from credit.rules.loading import pack_of_city

__all__ = ["PublicBoardPages", "PublicListPages"]

PAGE = 30
ROWS = 50
BOARDS = 60
SoughtKind = Annotated[
    Literal["", "statutory", "departmental", "self-discipline"], QueryParameter()
]


class PublicListPages(Controller):
    """`/{city}/lists`: the published red and black lists."""

    path = "/lists"

    @get(summary="公开的红黑名单")
    async def lists(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        name: Annotated[Literal["", "red", "black"], QueryParameter()] = "",
        kind: SoughtKind = "",
        q: SoughtText = "",
        cursor: IdCursor = None,
    ) -> Response[Any]:
        """List entries in force, the newest first, looked for by subject and kind."""
        today = state.clock.today()
        rules = rules_on(state, city, today)
        sought = Sought(
            UUID(cursor) if cursor else LAST_ID,
            name or None,
            containing(q.strip()) if q.strip() else None,
            kind or None,
        )
        async with state.db.city(city) as conn:
            rows = await service.listed_page(
                conn, pack_of_city(city), sought, on=today, limit=PAGE + 1
            )
        page = render(
            request,
            "blacklist/public_list.html",
            words=WORDS,
            rows=rows[:PAGE],
            rules=rules.lists.lists,
            status=rules.lists.status,
            which=name,
            kind=kind,
            q=q,
            cursor=UUID(rows[PAGE - 1].entry).hex if len(rows) > PAGE else None,
        )
        return unless_known(request, page)

    @get("/{entry_id:str}", summary="一条公开的名单记录")
    async def entry(
        self, request: Request[Any, Any, Any], state: State, city: City, entry_id: RecordKey
    ) -> Response[Any]:
        """Show an entry in force: whom, since when, on which facts, what follows from it."""
        today = state.clock.today()
        rules = rules_on(state, city, today)
        async with state.db.city(city) as conn:
            found = await service.listed_entry(conn, pack_of_city(city), UUID(entry_id), on=today)
        page = render(
            request,
            "blacklist/public_entry.html",
            words=WORDS,
            one=found,
            rule=rules.lists.of(found.list),
            status=rules.lists.status,
        )
        return unless_known(request, page)


class PublicBoardPages(Controller):
    """`/{city}/boards`: published boards with the numbers behind them."""

    path = "/boards"

    @get(summary="公开的红黑榜")
    async def boards(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """List published boards, the newest first."""
        rules = rules_on(state, city, state.clock.today())
        async with state.db.city(city) as conn:
            found = await boards.boards_page(conn, draft=False, before=LAST_ID, limit=BOARDS)
        page = render(
            request,
            "blacklist/public_boards.html",
            words=WORDS,
            boards=found,
            rules=rules.lists.boards,
            status=rules.lists.status,
        )
        return unless_known(request, page)

    @get("/{board_id:str}", summary="一期公开的红黑榜")
    async def board(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        board_id: RecordKey,
        after: PlaceNumber = 0,
    ) -> Response[Any]:
        """Show a published ranking with every number behind it."""
        rules = rules_on(state, city, state.clock.today())
        async with state.db.city(city) as conn:
            found = await boards.board_page(
                conn,
                state.clock,
                pack_of_city(city),
                UUID(board_id),
                draft=False,
                after=after,
                limit=ROWS,
            )
        page = render(
            request,
            "blacklist/public_board.html",
            words=WORDS,
            board=found,
            after=after,
            status=rules.lists.status,
        )
        return unless_known(request, page)
