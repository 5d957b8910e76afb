"""Bid evaluators' pages: a question about many bidders, its signed answer, the earlier ones."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import date
from io import BytesIO
from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State

from credit.access import service as access
from credit.access.guard import actor_of
from credit.access.logic import masked
from credit.access.views import Actor
from credit.grades import service
from credit.grades.pages.answers import (
    FILE_BYTES_MAX,
    PAGE,
    FileKind,
    answer_file,
    answer_page,
)
from credit.grades.queries import service as queries
from credit.grades.queries.excel import BIDDERS, text_of_rows
from credit.grades.queries.logic import BIDDERS_MAX, Bidders, read_picks
from credit.grades.service import Question
from credit.kit.db import BIDDER_ROLE, Connection
from credit.kit.errors import CreditError, Invalid
from credit.kit.excel import XLSX, write_template
from credit.kit.http import (
    UUID_PATTERN,
    City,
    IdCursor,
    Line,
    RecordKey,
    SoughtText,
    idempotent,
    parse_date,
)
from credit.kit.ids import new_id
from credit.kit.pages import attachment, file_of, form_of, read_form, redirect, render
from credit.kit.texts import marked, say

__all__ = ["QueryPages"]

FORM_BYTES_MAX = 4 * 1024 * 1024
# The usual purposes by the model text (D003:L593, L601, L608, L658), offered and not imposed.
PURPOSES = (
    marked("前期物业招标投标"),
    marked("业主大会选聘"),
    marked("政府采购"),
    marked("项目招标"),
    marked("评先评优"),
)


class QuestionForm(msgspec.Struct, frozen=True):
    """A question; `form` names the sheet it was written on, so that it is asked once."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "purpose": marked("用途"),
        "tender_ref": marked("招标编号"),
        "at": marked("按哪一天"),
    }

    purpose: Line
    tender_ref: Line
    form: Annotated[str, msgspec.Meta(pattern=UUID_PATTERN, max_length=36)]
    at: Annotated[str, msgspec.Meta(max_length=10)] = ""


class QueryPages(Controller):
    """`/{city}/queries`: what a bid evaluator asks, and what their organisation asked before."""

    path = "/queries"

    @get(summary="评标查询", opt={"scope": "grades:query"})
    async def queries(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        q: SoughtText = "",
        cursor: IdCursor = None,
    ) -> Response[str]:
        """Offer a question, and list the earlier ones of the organisation."""
        return await _form_page(request, state, city, q=q.strip(), cursor=cursor)

    @post(summary="提交评标查询", opt={"scope": "grades:query"}, status_code=200,
          request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def ask(self, request: Request[Any, Any, Any], state: State, city: City) -> Response[Any]:
        """Answer a question and lead to its page; tell by line what keeps it from being asked."""
        fields, found, actor = await form_of(request), None, actor_of(request)
        try:
            fields["bidders"] = await _bidders_of(request, state, fields)
            if fields.get("act") == "read":
                return await _form_page(request, state, city, fields=fields)
            form = read_form(QuestionForm, fields)
            day = parse_date(form.at, marked("按哪一天")) if form.at else state.clock.today()
            picks = fields.get("pick", [])
            async with _bound(state, city, actor) as conn:
                found = await queries.settled(
                    conn,
                    fields["bidders"],
                    read_picks(map(str, picks if isinstance(picks, list) else [picks])),
                )
            if not found.ready:
                raise Invalid(say("名单里有几行要先处理。还没有提问，也没有留下记录。"))
        except CreditError as refused:
            return await _form_page(
                request, state, city, fields=fields, found=found, refused=refused
            )
        query_id = await _ask_once(state, city, actor, form, day, found.codes)
        return redirect(f"/{city}/queries/{query_id}")

    @get("/template", summary="下载投标人名单模板", opt={"scope": "grades:query"})
    async def template(self) -> Response[bytes]:
        """Return the empty workbook of a list of bidders."""
        book = BytesIO()
        await asyncio.to_thread(write_template, [BIDDERS], book, title=say("投标人名单"))
        return attachment(book.getvalue(), XLSX, "bidders.xlsx", "投标人名单.xlsx")

    @get("/{query_id:str}", summary="评标查询的回答", opt={"scope": "grades:query"})
    async def answer(
        self, request: Request[Any, Any, Any], state: State, city: City, query_id: RecordKey
    ) -> Response[str]:
        """Show a question of the own organisation as it was answered then."""
        async with _bound(state, city, actor_of(request)) as conn:
            kept = await queries.open_kept(conn, actor_of(request), UUID(query_id))
        asker = kept.line.asked_by
        async with state.db.city(city) as conn:
            names = await access.names_of(conn, state.logs.vault(city), [asker])
        return await answer_page(
            request, state, city, kept, name=masked(names.get(asker, "")), frame="web/layout.html"
        )

    @get("/{query_id:str}/answer/{form:str}", summary="下载评标回答", opt={"scope": "grades:query"})
    async def download(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        query_id: RecordKey,
        form: FileKind,
    ) -> Response[bytes]:
        """Return a kept answer: the very bytes that were signed, or a workbook to read."""
        async with _bound(state, city, actor_of(request)) as conn:
            kept = await queries.open_kept(conn, actor_of(request), UUID(query_id))
        return await answer_file(state, city, kept, form)


def _bound(state: State, city: str, actor: Actor) -> AbstractAsyncContextManager[Connection]:
    """Lend a connection that sees the questions of the actor's organisation alone."""
    lent: AbstractAsyncContextManager[Connection] = state.db.bound(
        city, BIDDER_ROLE, party=actor.acts_for, person=actor.person_id
    )
    return lent


async def _bidders_of(
    request: Request[Any, Any, Any], state: State, fields: Mapping[str, Any]
) -> str:
    """Return the lines of the form, and below them those of the workbook that came with it."""
    typed = fields.get("bidders")
    text = typed if isinstance(typed, str) else ""
    found = await file_of(request, "file", FILE_BYTES_MAX)
    if found is None:
        return text
    rows = await state.uploads.rows(found[1], [BIDDERS])
    return "\n".join(filter(None, (text.strip("\r\n"), text_of_rows(rows))))


async def _ask_once(
    state: State, city: str, actor: Actor, form: QuestionForm, day: date, codes: tuple[str, ...]
) -> str:
    """Ask, and return the question's id; the same sheet sent again finds the one it asked before.

    A sheet that was changed before it was sent again asks another question.
    """
    asked = msgspec.json.encode([form.purpose, form.tender_ref, day, codes])

    async def act(conn: Connection) -> tuple[int, object]:
        answer = await service.answer_query(
            conn,
            state.clock,
            actor,
            Question(city, form.purpose, form.tender_ref, day, codes),
            key=state.logs.answer_key(city),
            origin=state.logs.origin(city),
        )
        return 201, answer["id"]

    kept = await idempotent(
        state,
        city,
        client=actor.person_id,
        key=f"page:{form.form}:{hashlib.sha256(asked).hexdigest()[:32]}",
        request=asked,
        act=act,
        opens=lambda: _bound(state, city, actor),
    )
    query_id: str = msgspec.json.decode(kept.content)
    return query_id


async def _form_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    *,
    fields: Mapping[str, Any] | None = None,
    found: Bidders | None = None,
    refused: CreditError | None = None,
    q: str = "",
    cursor: str | None = None,
) -> Response[str]:
    actor = actor_of(request)
    async with _bound(state, city, actor) as conn:
        rows = await queries.list_own(
            conn, actor, before=UUID(cursor) if cursor else None, query=q, limit=PAGE + 1
        )
    async with state.db.city(city) as conn:
        asked_by = {row.asked_by for row in rows[:PAGE]} - {actor.person_id}
        names = await access.names_of(conn, state.logs.vault(city), sorted(asked_by))
    return render(
        request,
        "grades/queries.html",
        http_status=refused.status if refused else 200,
        path=f"/{city}/queries",
        form=_typed(fields or {}, state),
        found=found,
        purposes=PURPOSES,
        most=BIDDERS_MAX,
        file_mb=FILE_BYTES_MAX // 2**20,
        rows=rows[:PAGE],
        names={person: masked(name) for person, name in names.items()},
        q=q,
        later=cursor is not None,
        cursor=rows[PAGE - 1].id.hex if len(rows) > PAGE else None,
        problem=refused,
    )


def _typed(fields: Mapping[str, Any], state: State) -> dict[str, str]:
    """Return what was typed so far; a fresh sheet has a name of its own and today's day."""
    fresh = {"form": str(new_id(state.clock.now())), "at": state.clock.today().isoformat()}
    names = ("purpose", "tender_ref", "at", "form", "bidders")
    given = {name: fields[name] for name in names if isinstance(fields.get(name), str)}
    return {**dict.fromkeys(names, ""), **fresh, **given}
