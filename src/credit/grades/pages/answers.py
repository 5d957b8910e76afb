"""A kept answer on pages: shown, taken away, looked through by the auditor, checked by anybody."""

import asyncio
from io import BytesIO
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter

from credit.access.guard import actor_of
from credit.access.service import organisation_name
from credit.grades import service
from credit.grades.queries import service as queries
from credit.grades.queries.excel import answer_tables
from credit.grades.queries.service import Checked, KeptAnswer
from credit.kit.errors import CreditError, Invalid, NotFound
from credit.kit.excel import XLSX, write_table
from credit.kit.http import City, IdCursor, RecordKey, SoughtText
from credit.kit.pages import attachment, file_of, render
from credit.kit.signing import b64
from credit.kit.texts import say

__all__ = [
    "FILE_BYTES_MAX",
    "PAGE",
    "AnswerPages",
    "ConsoleQueryPages",
    "FileKind",
    "answer_file",
    "answer_page",
]

PAGE = 20
FILE_BYTES_MAX = 2 * 1024 * 1024
FORM_BYTES_MAX = 3 * 1024 * 1024
FileKind = Annotated[Literal["json", "xlsx"], PathParameter()]


class ConsoleQueryPages(Controller):
    """`/{city}/console/queries`: everybody's questions, for the auditor."""

    path = "/console/queries"

    @get(summary="评标查询记录", opt={"scope": "trail:read"})
    async def queries(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        q: SoughtText = "",
        cursor: IdCursor = None,
    ) -> Response[str]:
        """List questions, the newest first."""
        async with state.db.city(city) as conn:
            rows = await queries.list_all(
                conn,
                actor_of(request),
                before=UUID(cursor) if cursor else None,
                query=q.strip(),
                limit=PAGE + 1,
            )
        return render(
            request,
            "grades/console_queries.html",
            rows=rows[:PAGE],
            q=q.strip(),
            cursor=rows[PAGE - 1][0].id.hex if len(rows) > PAGE else None,
        )

    @get("/{query_id:str}", summary="评标查询记录的回答", opt={"scope": "trail:read"})
    async def answer(
        self, request: Request[Any, Any, Any], state: State, city: City, query_id: RecordKey
    ) -> Response[str]:
        """Show anybody's question as it was answered."""
        async with state.db.city(city) as conn:
            kept = await queries.open_kept(conn, actor_of(request), UUID(query_id))
        return await answer_page(request, state, city, kept, name="", frame="web/console.html")

    @get("/{query_id:str}/answer/{form:str}", summary="下载评标查询记录",
         opt={"scope": "trail:read"})  # fmt: skip
    async def download(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        query_id: RecordKey,
        form: FileKind,
    ) -> Response[bytes]:
        """Return anybody's kept answer as a file."""
        async with state.db.city(city) as conn:
            kept = await queries.open_kept(conn, actor_of(request), UUID(query_id))
        return await answer_file(state, city, kept, form)


class AnswerPages(Controller):
    """`/{city}/answers`: how whoever is shown an answer can check it. Nobody signs in."""

    path = "/answers"

    @get(summary="核对评标回答页")
    async def explain(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Explain the signature, publish the key, and offer to check a file."""
        return _check_page(request, state, city)

    @post(summary="核对评标回答", status_code=200, request_max_body_size=FORM_BYTES_MAX)
    async def check(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Say whether a file is an answer of ours, unchanged; nothing of it is kept."""
        try:
            found = await file_of(request, "file", FILE_BYTES_MAX)
            if found is None:
                raise Invalid(say("请选择下载的 JSON 文件。"))
        except CreditError as refused:
            return _check_page(request, state, city, refused=refused)
        key = state.logs.answer_key(city)
        checked = await asyncio.to_thread(queries.check_answer, found[1], key)
        return _check_page(request, state, city, checked=checked)


async def answer_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    kept: KeptAnswer,
    *,
    name: str,
    frame: str,
) -> Response[str]:
    """Show a kept answer within the frame of whoever looks; `name` is who asked, if it is known."""
    async with state.db.city(city) as conn:
        organisation = await organisation_name(conn, kept.line.asked_for)
    return render(
        request,
        "grades/query.html",
        frame=frame,
        kept=kept,
        document=kept.document,
        asker=name,
        organisation=organisation,
        public_key=_public_key(state, city, kept),
        public_url=state.settings.public_url.rstrip("/"),
    )


def _check_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    *,
    checked: Checked | None = None,
    refused: CreditError | None = None,
) -> Response[str]:
    if city not in state.db.cities:
        raise NotFound(say("本服务没有代码为“%(city)s”的城市。", city=city))
    key = state.logs.answer_key(city)
    return render(
        request,
        "grades/answer_check.html",
        http_status=refused.status if refused else 200,
        checked=checked,
        kid=key.kid,
        public_key=b64(key.public),
        answer_type=service.ANSWER_TYPE,
        problem=refused,
    )


async def answer_file(state: State, city: str, kept: KeptAnswer, form: str) -> Response[bytes]:
    """Return a kept answer as a file: the very bytes that were signed, or a workbook to read."""
    name = f"grade-answer-{kept.line.id}.{form}"
    if form == "json":
        return attachment(kept.content, "application/json", name)
    book = BytesIO()
    tables = answer_tables(kept, _public_key(state, city, kept))
    await asyncio.to_thread(write_table, tables, book)
    return attachment(book.getvalue(), XLSX, name)


def _public_key(state: State, city: str, kept: KeptAnswer) -> str:
    """Return the key that signed an answer, in base64; empty when it is no longer in use."""
    key = state.logs.answer_key(city)
    return b64(key.public) if kept.document["signature"]["kid"] == key.kid else ""
