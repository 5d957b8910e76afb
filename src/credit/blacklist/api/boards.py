"""Boards over HTTP: published ones for anybody, drafts for officers."""

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct

from credit.access.views import Actor
from credit.blacklist.boards import scoring, service
from credit.blacklist.boards.logic import DOCUMENT_PATTERN, Score
from credit.blacklist.boards.views import BoardEntered, BoardHead, BoardRecord, BoardStanding
from credit.events.views import RecordId, Signature
from credit.kit.db import Connection
from credit.kit.http import (
    CODE_PATTERN,
    City,
    IdCursor,
    IdempotencyHeader,
    Limit,
    Page,
    RecordKey,
    idempotent,
)
from credit.kit.ids import LAST_ID
from credit.log.records import Record, Sig
from credit.rules.loading import pack_of_city

__all__ = ["BoardController", "BoardDraftController"]

PlaceCursor = Annotated[
    str | None, QueryParameter(pattern=r"^[0-9]{1,4}$", max_length=4, description="排名表里的位置")
]
Name = Annotated[str, Meta(pattern=CODE_PATTERN, max_length=60)]


class NewBoard(Struct, frozen=True, forbid_unknown_fields=True):
    """A board of the pack and a period: 2026-Q2, 2026-H1 or 2026."""

    board: Name
    period: Annotated[str, Meta(pattern=r"^[0-9]{4}(-[QH][1-4])?$(?!\n)", max_length=7)]


class NewScore(Struct, frozen=True, forbid_unknown_fields=True):
    """Points from 0 to 100 by one source, and the document they stand in."""

    source: Name
    subject: Annotated[str, Meta(pattern=CODE_PATTERN, max_length=24)]
    points: Annotated[str, Meta(pattern=r"^[0-9]{1,3}(\.[0-9]{1,2})?$(?!\n)", max_length=6)]
    document: Annotated[str, Meta(pattern=DOCUMENT_PATTERN, max_length=64)]


class NewScores(Struct, frozen=True, forbid_unknown_fields=True):
    """Up to 500 scores, entered all or none."""

    items: Annotated[list[NewScore], Meta(min_length=1, max_length=500)]


class BoardPublishing(Struct, frozen=True, forbid_unknown_fields=True):
    """The publisher's signature over the record whose body `GET …/record` gave, under this id."""

    id: RecordId
    sig: Signature


class BoardController(Controller):
    """Published boards, with every number behind them."""

    path = "/boards"
    tags = ("boards",)

    @get(operation_id="listBoards", summary="已公布的红黑榜")
    async def boards(
        self, state: State, city: City, cursor: IdCursor = None, limit: Limit = 50
    ) -> Page[BoardHead]:
        """List published boards, the newest first."""
        return await _page(state, city, cursor, limit, draft=False)

    @get("/{board_id:str}", operation_id="getBoard", summary="一期红黑榜")
    async def board(
        self,
        state: State,
        city: City,
        board_id: RecordKey,
        cursor: PlaceCursor = None,
        limit: Limit = 50,
    ) -> BoardStanding:
        """Return a published board with a page of its ranking."""
        return await _board(state, city, board_id, cursor, limit, draft=False)

    @get("/{board_id:str}/numbers", operation_id="getBoardNumbers",
         summary="红黑榜的全部数字（签名记录所摘要的原文）")  # fmt: skip
    async def numbers(
        self, state: State, city: City, board_id: RecordKey
    ) -> Response[dict[str, Any]]:
        """Return the very bytes whose SHA-256 the published record signs."""
        async with state.db.city(city) as conn:
            content = await service.board_numbers(conn, UUID(board_id))
        answer: Response[Any] = Response(content, media_type="application/json")
        return answer


class BoardDraftController(Controller):
    """Boards of periods that are not published: scores in, the ranking as it would come out."""

    path = "/board-drafts"
    tags = ("boards",)

    @get(operation_id="listBoardDrafts", summary="还没有公布的红黑榜", opt={"scope": "events:read"})
    async def drafts(
        self, state: State, city: City, cursor: IdCursor = None, limit: Limit = 50
    ) -> Page[BoardHead]:
        """List drafts, the newest first."""
        return await _page(state, city, cursor, limit, draft=True)

    @post(operation_id="postBoard", summary="新建一期红黑榜", opt={"scope": "lists:propose"})
    async def begin(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[NewBoard],
        idempotency_key: IdempotencyHeader,
    ) -> Response[BoardHead]:
        """Begin a board for a period."""
        actor: Actor = request.user

        async def act(conn: Connection) -> tuple[int, object]:
            pack = pack_of_city(city)
            return 201, await service.begin_board(
                conn, state.clock, actor, pack, data.board, data.period
            )

        return await idempotent(
            state,
            city,
            client=actor.person_id,
            key=idempotency_key,
            request=b"board-drafts" + msgspec.json.encode(data),
            act=act,
        )

    @get("/{board_id:str}", operation_id="getBoardDraft", summary="一期红黑榜的现状",
         opt={"scope": "events:read"})  # fmt: skip
    async def draft(
        self,
        state: State,
        city: City,
        board_id: RecordKey,
        cursor: PlaceCursor = None,
        limit: Limit = 50,
    ) -> BoardStanding:
        """Return the ranking as it would come out now."""
        return await _board(state, city, board_id, cursor, limit, draft=True)

    @post("/{board_id:str}/scores", operation_id="postBoardScores",
          summary="录入得分（全收或全不收）", opt={"scope": "marks:enter"})  # fmt: skip
    async def scores(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        board_id: RecordKey,
        data: JSONBody[NewScores],
        idempotency_key: IdempotencyHeader,
    ) -> Response[BoardEntered]:
        """Enter scores over earlier ones."""
        actor: Actor = request.user
        given = [
            Score(one.source, one.subject, Decimal(one.points), one.document) for one in data.items
        ]

        async def act(conn: Connection) -> tuple[int, object]:
            pack = pack_of_city(city)
            return 201, await scoring.enter_scores(
                conn, state.clock, actor, pack, UUID(board_id), given
            )

        return await idempotent(
            state,
            city,
            client=actor.person_id,
            key=idempotency_key,
            request=board_id.encode() + msgspec.json.encode(data),
            act=act,
        )

    @post("/{board_id:str}/workbook", operation_id="postBoardWorkbook",
          summary="用 Excel 录入得分", opt={"scope": "marks:enter"},
          include_in_schema=False)  # fmt: skip
    async def workbook(
        self, request: Request[Any, Any, Any], state: State, city: City, board_id: RecordKey
    ) -> Response[BoardEntered]:
        """Enter the scores of a workbook; the body is the file."""
        content = await request.body()
        async with state.db.transaction(city) as conn:
            done = await scoring.enter_workbook(
                conn, state.clock, request.user, pack_of_city(city), UUID(board_id), content
            )
        return Response(done, status_code=201)

    @get("/{board_id:str}/record", operation_id="getBoardRecord",
         summary="公布红黑榜要签名的内容", opt={"scope": "lists:publish"})  # fmt: skip
    async def record(self, state: State, city: City, board_id: RecordKey) -> BoardRecord:
        """Return the record body that would publish the board now."""
        async with state.db.city(city) as conn:
            return await service.prepare_board(
                conn, state.clock, pack_of_city(city), UUID(board_id)
            )

    @post("/{board_id:str}/publication", operation_id="publishBoard", summary="签名公布红黑榜",
          opt={"scope": "lists:publish"})  # fmt: skip
    async def publish(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        board_id: RecordKey,
        data: JSONBody[BoardPublishing],
        idempotency_key: IdempotencyHeader,
    ) -> Response[BoardHead]:
        """Publish a board with the publisher's own signature over the digest of its numbers."""
        actor: Actor = request.user
        pack, wanted = pack_of_city(city), UUID(board_id)

        async def act(conn: Connection) -> tuple[int, object]:
            prepared = await service.prepare_board(conn, state.clock, pack, wanted)
            sig = Sig(data.sig.kid, data.sig.alg, data.sig.sig)
            record = Record(data.id, "board", prepared.body, (sig,))
            return 201, await service.publish_board(conn, state.clock, actor, pack, wanted, record)

        return await idempotent(
            state,
            city,
            client=actor.person_id,
            key=idempotency_key,
            request=board_id.encode() + msgspec.json.encode(data),
            act=act,
        )


async def _page(
    state: State, city: str, cursor: str | None, limit: int, *, draft: bool
) -> Page[BoardHead]:
    before = UUID(cursor) if cursor else LAST_ID
    async with state.db.city(city) as conn:
        rows = await service.boards_page(conn, draft=draft, before=before, limit=limit + 1)
    return Page(rows[:limit], UUID(rows[limit - 1].id).hex if len(rows) > limit else None)


async def _board(
    state: State, city: str, board_id: str, cursor: str | None, limit: int, *, draft: bool
) -> BoardStanding:
    async with state.db.city(city) as conn:
        return await service.board_page(
            conn,
            state.clock,
            pack_of_city(city),
            UUID(board_id),
            draft=draft,
            after=int(cursor or 0),
            limit=limit,
        )
