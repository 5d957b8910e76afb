"""The console's pages of boards: periods, the ranking as it stands, publication."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from credit.access.views import Visitor
from credit.blacklist.boards import service
from credit.blacklist.boards.logic import period_form
from credit.blacklist.pages.publishing import signed_id
from credit.blacklist.pages.words import WORDS
from credit.kit.errors import Conflict, CreditError, Forbidden
from credit.kit.http import City, RecordKey
from credit.kit.ids import LAST_ID, new_id
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.log.pages import approved_signatures, signing_page
from credit.log.records import Record
from credit.rules.loading import pack_of_city

__all__ = ["ConsoleBoardPages", "PlaceNumber", "board_page"]

BOARDS = 100
ROWS = 50
PlaceNumber = Annotated[int, QueryParameter(ge=0, le=5_000)]


class PeriodForm(Struct, frozen=True):
    """A board of the pack, and a period."""

    LABELS: ClassVar[Mapping[str, str]] = {"board": marked("榜单"), "period": marked("期次")}

    board: Annotated[str, Meta(max_length=60)]
    period: Annotated[str, Meta(max_length=10)]


class ConsoleBoardPages(Controller):
    """`/{city}/console/boards`: red and black boards, a period each."""

    path = "/console/boards"

    @get(summary="红黑榜", opt={"scope": "events:read"})
    async def boards(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """List the periods begun and published, and offer to begin one."""
        return await _boards_page(request, state, city, {})

    @post(summary="新建一期红黑榜", opt={"scope": "lists:propose"}, status_code=200)
    async def begin(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Begin a period of a board of the pack."""
        fields = await form_of(request)
        try:
            form = read_form(PeriodForm, fields)
            async with state.db.transaction(city) as conn:
                head = await service.begin_board(
                    conn,
                    state.clock,
                    request.state.visitor.actor,
                    pack_of_city(city),
                    form.board,
                    form.period.strip().upper(),
                )
        except CreditError as refused:
            return await _boards_page(request, state, city, fields, refused)
        return redirect(
            f"/{city}/console/boards/{head.id}", notice=say("已建好。下一步：录入各来源的得分。")
        )

    @get("/{board_id:str}", summary="一期红黑榜", opt={"scope": "events:read"})
    async def board(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        board_id: RecordKey,
        after: PlaceNumber = 0,
    ) -> Response[str]:
        """Show the ranking as published, or as it would come out now."""
        return await board_page(request, state, city, board_id, {}, after=after)

    @get("/{board_id:str}/publication", summary="公布红黑榜页",
         opt={"scope": "lists:publish", "confirmed": True})  # fmt: skip
    async def publication(
        self, request: Request[Any, Any, Any], state: State, city: City, board_id: RecordKey
    ) -> Response[str]:
        """Say what is to be signed: the digest of all numbers; refused, show the board and why."""
        actor = request.state.visitor.actor
        try:
            async with state.db.transaction(city) as conn:
                await service.refuse_enterer(conn, actor, UUID(board_id))
                prepared = await service.prepare_board(
                    conn, state.clock, pack_of_city(city), UUID(board_id)
                )
                head = await service.board_head(conn, UUID(board_id))
        except (Conflict, Forbidden) as refused:
            return await board_page(request, state, city, board_id, {}, refused)
        record_id = str(new_id(state.clock.now()))
        here = f"/{city}/console/boards/{board_id}"
        return signing_page(
            request,
            title=say("公布红黑榜"),
            action=f"{here}/publication",
            carried={"record": record_id},
            records=[Record(record_id, "board", prepared.body)],
            words=[
                say(
                    "%(title)s　%(period)s　参加排名 %(ranked)s 个，未参评 %(missing)s 个",
                    title=head.title,
                    period=head.period,
                    ranked=prepared.body["ranked"],
                    missing=prepared.body["missing"],
                )
            ],
            back=here,
        )

    @post("/{board_id:str}/publication", summary="公布红黑榜",
          opt={"scope": "lists:publish", "confirmed": True}, status_code=200)  # fmt: skip
    async def publish(
        self, request: Request[Any, Any, Any], state: State, city: City, board_id: RecordKey
    ) -> Response[Any]:
        """Take in the publisher's signature over the digest of the numbers."""
        fields = await form_of(request)
        record_id, pack, wanted = signed_id(fields), pack_of_city(city), UUID(board_id)
        visitor: Visitor = request.state.visitor
        try:
            async with state.db.transaction(city) as conn:
                prepared = await service.prepare_board(conn, state.clock, pack, wanted)
                unsigned = Record(record_id, "board", prepared.body)
                sigs = await approved_signatures(conn, request, fields, [unsigned])
                record = Record(record_id, "board", prepared.body, tuple(sigs))
                await service.publish_board(conn, state.clock, visitor.actor, pack, wanted, record)
        except (Conflict, Forbidden) as refused:
            return await board_page(request, state, city, board_id, {}, refused)
        return redirect(f"/{city}/console/boards/{board_id}", notice=say("已公布，正在写入日志。"))


async def board_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    board_id: str,
    fields: Mapping[str, Any],
    refused: CreditError | None = None,
    *,
    after: int = 0,
) -> Response[str]:
    """Show a board; `fields` are what was filled in where a score was refused."""
    async with state.db.city(city) as conn:
        board = await service.board_page(
            conn,
            state.clock,
            pack_of_city(city),
            UUID(board_id),
            draft=True,
            after=after,
            limit=ROWS,
        )
    return render(
        request,
        "blacklist/board.html",
        http_status=refused.status if refused else 200,
        words=WORDS,
        board=board,
        over=service.period_over(pack_of_city(city), board.head, state.clock.today()),
        fields=defaultdict(str, fields),
        after=after,
        problem=refused,
    )


async def _boards_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    fields: Mapping[str, Any],
    refused: CreditError | None = None,
) -> Response[str]:
    rules = service.board_rules(pack_of_city(city), state.clock.today())
    async with state.db.city(city) as conn:
        drafts = await service.boards_page(conn, draft=True, before=LAST_ID, limit=BOARDS)
        published = await service.boards_page(conn, draft=False, before=LAST_ID, limit=BOARDS)
    return render(
        request,
        "blacklist/boards.html",
        http_status=refused.status if refused else 200,
        words=WORDS,
        rules=rules,
        forms={one.id: period_form(one.period) for one in rules},
        drafts=drafts,
        published=published,
        fields=defaultdict(str, fields),
        problem=refused,
    )
