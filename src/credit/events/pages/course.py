"""The console's page of one event: where it stands, its course, and what may be done with it now."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter
from msgspec import UNSET, Meta, Struct

from credit.access.service import posts_of
from credit.access.views import Actor
from credit.events import service
from credit.events.course.logic import SCOPE_OF
from credit.events.course.standing import FINDING_TITLES, office_standing
from credit.events.course.views import Act, Answer, Extension, Finding, Hearing, TermKind
from credit.events.pages.files import EVIDENCE_MAX, FORM_BYTES_MAX, keep_files
from credit.events.pages.lists import DEFAULT_REASON, chosen_events, list_of
from credit.events.pages.timeline import of_course, people_in
from credit.events.service import CourseView
from credit.events.views import EvidenceRef
from credit.kit.db import Connection
from credit.kit.errors import CreditError, NotFound
from credit.kit.http import City, RecordKey, Statement
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.kit.uploads import file_answer
from credit.rules.loading import pack_of_city

__all__ = ["CoursePages", "Digest", "evidence_of"]

Digest = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{64}$", max_length=64)]
ACT_TITLES: dict[Act, str] = {
    "notify": marked("送达告知书"),
    "hear": marked("核查"),
    "extend": marked("延长期限"),
    "accept": marked("认定"),
    "refuse": marked("不予认定"),
}
ANSWER_TITLES = {
    "object": marked("提出异议"),
    "acknowledge": marked("认可"),
    "rectify": marked("报告整改"),
}
EXTENDS = frozenset({"events:propose", "events:hear", "events:decide"})


class HearingForm(Struct, frozen=True):
    """What a hearing found, why, and who took part."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "finding": marked("核查结论"),
        "reasons": marked("核查的理由"),
        "participants": marked("参加核查的人"),
        "corrective": marked("纠正措施"),
        "preventive": marked("预防措施"),
    }

    finding: Finding
    reasons: Statement
    participants: Statement
    corrective: Statement | None = None
    preventive: Statement | None = None


class PaperForm(Struct, frozen=True):
    """What an enterprise answered on paper."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "answer": marked("答复"),
        "statement": marked("企业的陈述"),
    }

    answer: Literal["acknowledge", "rectify", "object"]
    statement: Statement | None = None


class ExtensionForm(Struct, frozen=True):
    """Which term is extended, by how many working days, and why."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "term": marked("期限"),
        "days": marked("工作日"),
        "reason": marked("延长的理由"),
    }

    term: TermKind
    days: Annotated[int, Meta(ge=1, le=250)]
    reason: Statement


class CoursePages(Controller):
    """`/{city}/console/events/{event_id}`: an event and its course."""

    path = "/console/events"

    @get("/{event_id:str}", summary="一个事件", opt={"scope": "events:read"})
    async def event(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> Response[str]:
        """Show an event with its evidence, its course, its decision and its place in the log."""
        return await _event_page(request, state, city, event_id)

    @post("/notify", summary="送达告知书", opt={"scope": "events:propose"}, status_code=200)
    async def notify(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Give notice of the events chosen to their enterprises, all or none."""
        fields = await form_of(request)
        ids = chosen_events(fields)
        pack, actor = pack_of_city(city), request.state.visitor.actor
        async with state.db.transaction(city) as conn:
            await service.notify(conn, state.clock, actor, pack, ids)
        one = len(ids) == 1 and "filter" not in fields
        return redirect(
            f"/{city}/console/events/{ids[0]}" if one else list_of(city, fields),
            notice=say("已告知 %(count)s 条，期限从次日起算。", count=len(ids)),
        )

    @post("/{event_id:str}/hearing", summary="核查事件", opt={"scope": "events:hear"},
          status_code=200, request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def hear(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> Response[Any]:
        """Keep what a hearing found, with its papers."""
        fields = await form_of(request)
        actor: Actor = request.state.visitor.actor
        try:
            form = read_form(HearingForm, {k: v for k, v in fields.items() if k != "evidence"})
            async with state.db.transaction(city) as conn:
                evidence = await keep_files(request, state, conn, fields.get("evidence"))
                given = Hearing(
                    form.finding,
                    form.reasons,
                    form.participants,
                    evidence,
                    form.corrective or UNSET,
                    form.preventive or UNSET,
                )
                await service.hear(conn, state.clock, actor, {UUID(event_id): given})
        except CreditError as refused:
            return await _event_page(request, state, city, event_id, ("hear", fields, refused))
        return redirect(
            f"/{city}/console/events/{event_id}",
            notice=say("核查已经存档，等待另一位同事决定。"),
        )

    @post("/{event_id:str}/answers", summary="录入企业的书面答复", opt={"scope": "events:propose"},
          status_code=200, request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def answer(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> Response[Any]:
        """Take in an answer on paper, with the paper."""
        fields = await form_of(request)
        actor, pack, wanted = request.state.visitor.actor, pack_of_city(city), UUID(event_id)
        try:
            form = read_form(PaperForm, {k: v for k, v in fields.items() if k != "evidence"})
            async with state.db.transaction(city) as conn:
                paper = await keep_files(request, state, conn, fields.get("evidence"))
                given = Answer(form.answer, form.statement or UNSET, paper)
                await service.answer(conn, state.clock, actor, pack, {wanted: given})
        except CreditError as refused:
            return await _event_page(request, state, city, event_id, ("paper", fields, refused))
        return redirect(f"/{city}/console/events/{event_id}", notice=say("企业的答复已经录入。"))

    @post("/{event_id:str}/extension", summary="延长事件的期限", opt={"scope": "events:read"},
          status_code=200)  # fmt: skip
    async def extend(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> Response[Any]:
        """Extend an open term with a reason."""
        fields = await form_of(request)
        actor, pack = request.state.visitor.actor, pack_of_city(city)
        try:
            form = read_form(ExtensionForm, fields)
            given = Extension(form.term, form.days, form.reason)
            async with state.db.transaction(city) as conn:
                await service.extend(conn, state.clock, actor, pack, UUID(event_id), given)
        except CreditError as refused:
            return await _event_page(request, state, city, event_id, ("extend", fields, refused))
        return redirect(f"/{city}/console/events/{event_id}", notice=say("期限已经延长。"))

    @get("/{event_id:str}/evidence/{digest:str}", summary="证据文件",
         opt={"scope": "events:read", "personal": True})  # fmt: skip
    async def evidence(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        event_id: RecordKey,
        digest: Digest,
    ) -> Response[bytes]:
        """Return a file that the event, or a step of its course or repair, names as evidence."""
        async with state.db.city(city) as conn:
            catalogue = pack_of_city(city).on(state.clock.today()).grader.events
            found = await service.shown_event(conn, catalogue, UUID(event_id))
            ref = await evidence_of(conn, request.state.visitor.actor, found, digest)
        return await file_answer(state.blobs, ref.digest, ref.type)


async def evidence_of(
    conn: Connection, actor: Actor, event: service.ShownEvent, digest: str
) -> EvidenceRef:
    """Return a file that a record, or a step of its course or repair, names; NotFound without."""
    wanted = f"sha256:{digest}"
    for ref in event.body["evidence"]:
        if ref["digest"] == wanted:
            return EvidenceRef(wanted, ref["size"], ref["type"])
    if event.row.course is None:
        raise NotFound(say("这条记录没有这份证据。"))
    return await service.step_evidence(conn, actor, event.row.id, wanted)


Refused = tuple[Literal["hear", "extend", "paper"], Mapping[str, Any], CreditError]


async def _event_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    event_id: str,
    refused: Refused | None = None,
) -> Response[str]:
    """Show an event; what was refused keeps what was typed, in its own form."""
    actor: Actor = request.state.visitor.actor
    clock, pack, wanted = state.clock, pack_of_city(city), UUID(event_id)
    async with state.db.city(city) as conn:
        catalogue = pack.on(clock.today()).grader.events
        event = await service.shown_event(conn, catalogue, wanted)
        view, decides = None, False
        if event.row.course is not None:
            view = await service.course_of_event(conn, clock, actor, pack, event)
        elif event.row.outcome is None and "events:decide" in actor.scopes:
            barred = await service.decidable(conn, clock, actor, [wanted], "accepted")
            decides = barred[wanted] is None
        moments = of_course(event, view.steps if view else ())
        posts = people_in(moments, await posts_of(conn, [one.by for one in moments]))
    form, fields, problem = refused or (None, {}, None)
    return render(
        request,
        "events/event.html",
        http_status=problem.status if problem else 200,
        event=event,
        view=view,
        standing=office_standing(view.course, view.terms, clock.today()) if view else None,
        moments=moments,
        posts=posts,
        accepts=view.may("accept") if view else decides,
        refuses=view.may("refuse") if view else decides,
        barred=_barred(view, actor) if view else [],
        takes_back=_takes_back(event, view, actor),
        findings=FINDING_TITLES.items(),
        answers=ANSWER_TITLES.items(),
        default_reason=DEFAULT_REASON,
        evidence_max=EVIDENCE_MAX,
        form=form,
        fields=defaultdict(str, fields),
        problem=problem,
    )


def _barred(view: CourseView, actor: Actor) -> list[tuple[str, str]]:
    """Say why somebody may not now do what their office does with facts."""
    return [
        (ACT_TITLES[one.act], one.why_not)
        for one in view.acts
        if one.act in ACT_TITLES
        and one.why_not is not None
        and ({SCOPE_OF[one.act]} if one.act in SCOPE_OF else EXTENDS) & actor.scopes
    ]


def _takes_back(event: service.ShownEvent, view: CourseView | None, actor: Actor) -> list[str]:
    """Name the ways in which somebody may propose to undo a fact that is in effect."""
    if "events:propose" not in actor.scopes or event.row.outcome != "accepted":
        return []
    if event.row.kind == "event-withdrawn":
        return []
    if view is None or view.course.state == "effective":
        return ["withdraw", "correct"]
    return ["withdraw"] if view.course.state == "repaired" else []
