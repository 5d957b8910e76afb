"""The console's pages that enter a board's scores: one by one, or a workbook with its preview."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from io import BytesIO
from typing import Annotated, Any, ClassVar
from urllib.parse import quote
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from msgspec import Meta, Struct

from credit.blacklist.boards import scoring, service
from credit.blacklist.boards.excel import score_sheet
from credit.blacklist.boards.logic import Score
from credit.blacklist.pages.boards import board_page
from credit.blacklist.pages.forms import Digest
from credit.blacklist.pages.words import WORDS
from credit.kit.blobs import BLOB_BYTES_MAX
from credit.kit.errors import Conflict, CreditError, Invalid
from credit.kit.excel import write_template
from credit.kit.http import City, RecordKey
from credit.kit.pages import file_of, form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.rules.loading import pack_of_city

__all__ = ["BoardScorePages"]

LINES_SHOWN = 200
FORM_BYTES_MAX = BLOB_BYTES_MAX + 64 * 1024
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ScoreForm(Struct, frozen=True):
    """Points of one source for one subject."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "source": marked("来源"),
        "subject": marked("对象代码"),
        "points": marked("得分"),
        "document": marked("文号"),
    }

    source: Annotated[str, Meta(max_length=60)]
    subject: Annotated[str, Meta(max_length=24)]
    points: Annotated[str, Meta(pattern=r"^[0-9]{1,3}(\.[0-9]{1,2})?$(?!\n)", max_length=6)]
    document: Annotated[str, Meta(max_length=64)]


class BoardScorePages(Controller):
    """`/{city}/console/boards/{board}`: scores in; later ones stand for earlier ones."""

    path = "/console/boards"

    @post("/{board_id:str}/scores", summary="录入一个得分", opt={"scope": "marks:enter"},
          status_code=200)  # fmt: skip
    async def score(
        self, request: Request[Any, Any, Any], state: State, city: City, board_id: RecordKey
    ) -> Response[Any]:
        """Enter one score."""
        fields = await form_of(request)
        actor = request.state.visitor.actor
        try:
            form = read_form(ScoreForm, fields)
            score = Score(
                form.source, form.subject.strip(), Decimal(form.points), form.document.strip()
            )
            async with state.db.transaction(city) as conn:
                await scoring.enter_scores(
                    conn, state.clock, actor, pack_of_city(city), UUID(board_id), [score]
                )
        except CreditError as refused:
            return await board_page(request, state, city, board_id, fields, refused)
        return redirect(f"/{city}/console/boards/{board_id}", notice=say("已录入 1 个得分。"))

    @get("/{board_id:str}/template", summary="下载红黑榜得分模板", opt={"scope": "marks:enter"})
    async def template(self, state: State, city: City, board_id: RecordKey) -> Response[bytes]:
        """Return the empty workbook to be filled in."""
        async with state.db.city(city) as conn:
            head = await service.board_head(conn, UUID(board_id))
        rule = service.board_rule(pack_of_city(city), head.board, state.clock.today())
        buffer = BytesIO()
        title = f"{head.title} {head.period}"
        await asyncio.to_thread(write_template, [score_sheet(rule)], buffer, title=title)
        shown = quote(f"{head.title}得分模板.xlsx")
        headers = {
            "Content-Disposition": f"attachment; filename=\"scores.xlsx\"; filename*=UTF-8''{shown}",
            "Cache-Control": "no-store",
        }
        return Response(buffer.getvalue(), media_type=XLSX, headers=headers)

    @post("/{board_id:str}/workbook", summary="上传红黑榜得分", opt={"scope": "marks:enter"},
          status_code=200, request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def upload(
        self, request: Request[Any, Any, Any], state: State, city: City, board_id: RecordKey
    ) -> Response[Any]:
        """Hold a file that is a harmless workbook, and lead to its preview."""
        try:
            found = await file_of(request, "file", BLOB_BYTES_MAX)
            if found is None:
                raise Invalid(say("请选择要导入的 Excel 文件。"))
            digest = await state.uploads.hold(city, found[1], state.clock.now())
        except CreditError as refused:
            return await board_page(request, state, city, board_id, {}, refused)
        return redirect(f"/{city}/console/boards/{board_id}/workbook/{digest}")

    @get("/{board_id:str}/workbook/{digest:str}", summary="红黑榜得分导入预览",
         opt={"scope": "marks:enter"})  # fmt: skip
    async def preview(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        board_id: RecordKey,
        digest: Digest,
    ) -> Response[str]:
        """Show what a held file would enter, or every fault."""
        content, pack, wanted = (
            await state.uploads.read(city, digest),
            pack_of_city(city),
            UUID(board_id),
        )
        scores: list[Score] = []
        refused: CreditError | None = None
        async with state.db.transaction(city) as conn:
            head = await service.board_head(conn, wanted)
            try:
                scores = await scoring.check_workbook(
                    conn, state.clock, request.state.visitor.actor, pack, wanted, content
                )
            except (Conflict, Invalid) as error:
                refused = error
        rule = service.board_rule(pack, head.board, state.clock.today())
        return render(
            request,
            "blacklist/board_preview.html",
            words=WORDS,
            head=head,
            scores=scores[:LINES_SHOWN],
            total=len(scores),
            sources={one.id: one.title for one in rule.sources},
            problem=refused,
        )

    @post("/{board_id:str}/workbook/{digest:str}", summary="确认导入红黑榜得分",
          opt={"scope": "marks:enter"}, status_code=200)  # fmt: skip
    async def confirm(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        board_id: RecordKey,
        digest: Digest,
    ) -> Response[Any]:
        """Take a held file in, as its preview said."""
        content = await state.uploads.read(city, digest)
        actor, pack = request.state.visitor.actor, pack_of_city(city)
        async with state.db.transaction(city) as conn:
            done = await scoring.enter_workbook(
                conn, state.clock, actor, pack, UUID(board_id), content
            )
        await state.uploads.discard(city, digest)
        return redirect(
            f"/{city}/console/boards/{board_id}",
            notice=say("已录入 %(count)s 个得分。", count=done.entered),
        )
