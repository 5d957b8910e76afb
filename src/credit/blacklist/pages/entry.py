"""The console's page of an entry: where it stands, what may be done about it, and doing it."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State

from credit.access import service as access
from credit.access.views import Actor
from credit.blacklist import service
from credit.blacklist.logic import ORDER, TEXT_CHARS_MAX
from credit.blacklist.pages.forms import (
    FILES_MAX,
    FORM_BYTES_MAX,
    AnswerForm,
    DecisionForm,
    Digest,
    HearingForm,
    ReviewForm,
    keep_files,
)
from credit.blacklist.pages.words import WORDS, next_step
from credit.blacklist.views import Answer, EntryView
from credit.kit.db import Connection
from credit.kit.errors import CreditError
from credit.kit.http import City, RecordKey
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import say
from credit.kit.uploads import file_answer
from credit.rules.loading import pack_of_city
from credit.rules.pack import Pack

__all__ = ["ConsoleEntryPages", "answer_of", "entry_page", "may_now"]

Act = Callable[[Connection, Actor, Pack], Awaitable[object]]


class ConsoleEntryPages(Controller):
    """`/{city}/console/lists/{entry}`: the course of an entry."""

    path = "/console/lists"

    @get("/{entry_id:str}", summary="一条名单记录", opt={"scope": "events:read", "personal": True})
    async def entry(
        self, request: Request[Any, Any, Any], state: State, city: City, entry_id: RecordKey
    ) -> Response[str]:
        """Show an entry with its facts and steps, and offer what may be done now."""
        return await entry_page(request, state, city, entry_id, {})

    @get("/{entry_id:str}/evidence/{digest:str}", summary="名单记录的材料",
         opt={"scope": "events:read", "personal": True})  # fmt: skip
    async def evidence(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        entry_id: RecordKey,
        digest: Digest,
    ) -> Response[bytes]:
        """Return a file that a step of the entry names."""
        actor = request.state.visitor.actor
        async with state.db.city(city) as conn:
            media_type = await service.evidence_type(
                conn, state.clock, actor, UUID(entry_id), f"sha256:{digest}"
            )
        return await file_answer(state.blobs, f"sha256:{digest}", media_type)

    @post("/{entry_id:str}/notice", summary="告知当事人", opt={"scope": "lists:propose"},
          status_code=200)  # fmt: skip
    async def notice(
        self, request: Request[Any, Any, Any], state: State, entry_id: RecordKey
    ) -> Response[Any]:
        """Tell the subject, and open the term for its answer."""

        async def act(conn: Connection, actor: Actor, pack: Pack) -> object:
            return await service.notice(conn, state.clock, actor, pack, UUID(entry_id))

        told = say("已告知：企业在门户里看得到。请打印告知书送达当事人，并留存送达凭证。")
        return await _done(request, state, entry_id, act, told)

    @post("/{entry_id:str}/answer", summary="代交当事人的书面陈述申辩",
          opt={"scope": "lists:propose"}, status_code=200,
          request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def answer(
        self, request: Request[Any, Any, Any], state: State, entry_id: RecordKey
    ) -> Response[Any]:
        """Hand in the subject's answer on paper, with the paper."""

        async def act(conn: Connection, actor: Actor, pack: Pack) -> object:
            fields = await form_of(request)
            given = await answer_of(request, state, conn, fields)
            return await service.answer(conn, state.clock, actor, pack, UUID(entry_id), given)

        return await _done(request, state, entry_id, act, say("已录入当事人的陈述申辩。"))

    @post("/{entry_id:str}/hearing", summary="登记听证", opt={"scope": "events:hear"},
          status_code=200, request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def hear(
        self, request: Request[Any, Any, Any], state: State, entry_id: RecordKey
    ) -> Response[Any]:
        """Note a hearing held, with its record."""

        async def act(conn: Connection, actor: Actor, pack: Pack) -> object:
            fields = await form_of(request)
            form = read_form(HearingForm, _texts(fields))
            files = await keep_files(request, state, conn, fields.get("files"))
            wanted = UUID(entry_id)
            return await service.hear(conn, state.clock, actor, pack, wanted, form.text, files)

        return await _done(request, state, entry_id, act, say("已登记听证，等待决定。"))

    @post("/{entry_id:str}/decision", summary="作出是否列入的决定",
          opt={"scope": "lists:decide"}, status_code=200)  # fmt: skip
    async def decide(
        self, request: Request[Any, Any, Any], state: State, entry_id: RecordKey
    ) -> Response[Any]:
        """Decide with reasons to list the subject, or not to."""

        async def act(conn: Connection, actor: Actor, pack: Pack) -> object:
            form = read_form(DecisionForm, await form_of(request))
            wanted = UUID(entry_id)
            return await service.decide(
                conn, state.clock, actor, pack, wanted, form.outcome, form.reason
            )

        return await _done(
            request, state, entry_id, act, say("决定已记下。请打印决定书送达当事人。")
        )

    @post("/{entry_id:str}/review", summary="复核名单记录", opt={"scope": "lists:decide"},
          status_code=200)  # fmt: skip
    async def review(
        self, request: Request[Any, Any, Any], state: State, entry_id: RecordKey
    ) -> Response[Any]:
        """Review a published entry: it stays, or is to be taken off its list."""

        async def act(conn: Connection, actor: Actor, pack: Pack) -> object:
            form = read_form(ReviewForm, await form_of(request))
            clock, wanted = state.clock, UUID(entry_id)
            if form.outcome == "continue":
                return await service.review(conn, clock, actor, pack, wanted, form.reason)
            return await service.leave(conn, clock, actor, pack, wanted, form.outcome, form.reason)

        return await _done(request, state, entry_id, act, say("复核结果已记下。"))


async def answer_of(
    request: Request[Any, Any, Any], state: State, conn: Connection, fields: Mapping[str, Any]
) -> Answer:
    """Read an answer's form, and keep its files."""
    form = read_form(AnswerForm, _texts(fields))
    files = await keep_files(request, state, conn, fields.get("files"))
    hearing = "" if form.hearing == "unsaid" else form.hearing
    return Answer(form.objects == "yes", hearing, form.text, files)


def may_now(view: EntryView) -> dict[str, str | None]:
    """Return what the asker may do where the entry stands, by act, with what stands against it."""
    return {one.act: one.refusal for one in view.may if view.status in ORDER[one.act][0]}


async def entry_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    entry_id: str,
    fields: Mapping[str, Any],
    refused: CreditError | None = None,
) -> Response[str]:
    """Show an entry; `fields` are what was filled in where a step was refused."""
    actor, wanted, pack = request.state.visitor.actor, UUID(entry_id), pack_of_city(city)
    async with state.db.city(city) as conn:
        view = await service.entry_view(conn, state.clock, actor, pack, wanted)
        work = await service.work_of(conn, state.clock, actor, wanted)
        posts = await access.posts_of(conn, {step.by for step in view.steps if step.by})
    rules = pack.on(state.clock.today())
    rule = rules.lists.of(view.list)
    return render(
        request,
        "blacklist/entry.html",
        http_status=refused.status if refused else 200,
        words=WORDS,
        view=view,
        work=work,
        next_step=next_step(view, work),
        posts=posts,
        may=may_now(view),
        ladder=rules.grader.ladder.grades,
        criteria={one.id: one.text for one in rule.criteria} if rule else {},
        fields=defaultdict(str, _texts(fields)),
        text_max=TEXT_CHARS_MAX,
        files_max=FILES_MAX,
        today=state.clock.today(),
        problem=refused,
    )


async def _done(
    request: Request[Any, Any, Any], state: State, entry_id: str, act: Act, notice: str
) -> Response[Any]:
    """Do something about an entry in a transaction; refused, show it with what was filled in."""
    city, actor = request.path_params["city"], request.state.visitor.actor
    try:
        async with state.db.transaction(city) as conn:
            await act(conn, actor, pack_of_city(city))
    except CreditError as refused:
        return await entry_page(request, state, city, entry_id, await form_of(request), refused)
    return redirect(f"/{city}/console/lists/{entry_id}", notice=notice)


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if isinstance(value, str)}
