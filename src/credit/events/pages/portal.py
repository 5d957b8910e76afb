"""The portal's pages of facts: what is recorded about an enterprise, and how it answers to that."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, ClassVar, Literal
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from msgspec import UNSET, Struct

from credit.access.service import posts_of
from credit.access.views import Actor, Visitor
from credit.events import service
from credit.events.course.standing import party_standing
from credit.events.course.views import Answer
from credit.events.pages.course import Digest, evidence_of
from credit.events.pages.files import EVIDENCE_MAX, FORM_BYTES_MAX, keep_own_files
from credit.events.pages.timeline import of_course, people_in
from credit.kit.db import PORTAL_ROLE
from credit.kit.errors import CreditError, Forbidden
from credit.kit.http import City, IdCursor, RecordKey, Statement
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.kit.uploads import file_answer
from credit.rules.grading import Grader
from credit.rules.loading import pack_of_city

__all__ = ["PortalFactPages", "enterprise_of"]

PAGE = 50
ENTERPRISE_ROLE = "enterprise_user"
ANSWERED = {
    "acknowledge": marked("已认可。"),
    "rectify": marked("整改报告已经提交。"),
    "object": marked("异议已经提出，协会由没有经手的人核查。"),
}


class AnswerForm(Struct, frozen=True):
    """What an enterprise answers to a notice."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "statement": marked("说明"),
        "corrective": marked("纠正措施"),
        "preventive": marked("预防措施"),
    }

    answer: Literal["acknowledge", "rectify", "object"]
    statement: Statement | None = None
    corrective: Statement | None = None
    preventive: Statement | None = None


class PortalFactPages(Controller):
    """`/{city}/portal/facts`: an enterprise's own facts; another's are not there at all."""

    path = "/portal/facts"

    @get(summary="本企业的事实", opt={"scope": "portal:use"})
    async def facts(
        self, request: Request[Any, Any, Any], state: State, city: City, cursor: IdCursor = None
    ) -> Response[str]:
        """List what is recorded about the enterprise, the newest first."""
        enterprise = enterprise_of(request)
        async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
            found = await service.own_facts(
                conn,
                _grader(state, city),
                enterprise,
                on=state.clock.today(),
                before=UUID(cursor) if cursor else None,
                limit=PAGE + 1,
            )
            ids = [one.event.row.id for one in found if one.event.row.outcome is None]
            terms = await service.next_terms(conn, state.clock, ids)
        return render(
            request,
            "events/portal_facts.html",
            facts=found[:PAGE],
            terms=terms,
            cursor=found[PAGE - 1].event.row.id.hex if len(found) > PAGE else None,
        )

    @get("/{event_id:str}", summary="本企业的一条事实", opt={"scope": "portal:use"})
    async def fact(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> Response[str]:
        """Show a fact with its course, what may be answered, and its place in the log."""
        return await _fact_page(request, state, city, event_id)

    @post("/{event_id:str}/answers", summary="答复告知书", opt={"scope": "portal:use"},
          status_code=200, request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def answer(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> Response[Any]:
        """Acknowledge a fact, report its rectification, or object to it."""
        enterprise_of(request)
        fields = await form_of(request)
        actor, pack, wanted = request.state.visitor.actor, pack_of_city(city), UUID(event_id)
        try:
            form = read_form(AnswerForm, {k: v for k, v in fields.items() if k != "evidence"})
            async with state.db.transaction(city) as conn:
                evidence = await keep_own_files(
                    request, state, conn, wanted, fields.get("evidence")
                )
                given = Answer(
                    form.answer,
                    form.statement or UNSET,
                    evidence,
                    form.corrective or UNSET,
                    form.preventive or UNSET,
                )
                await service.answer(conn, state.clock, actor, pack, {wanted: given})
        except CreditError as refused:
            return await _fact_page(request, state, city, event_id, (fields, refused))
        return redirect(f"/{city}/portal/facts/{event_id}", notice=ANSWERED[form.answer])

    @get("/{event_id:str}/evidence/{digest:str}", summary="本企业事实的证据",
         opt={"scope": "portal:use", "personal": True})  # fmt: skip
    async def evidence(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        event_id: RecordKey,
        digest: Digest,
    ) -> Response[bytes]:
        """Return a file that an own fact, or a step of its course or repair, names as evidence."""
        found = await _fact(request, state, city, event_id)
        async with state.db.city(city) as conn:
            ref = await evidence_of(conn, request.state.visitor.actor, found.event, digest)
        return await file_answer(state.blobs, ref.digest, ref.type)


def enterprise_of(request: Request[Any, Any, Any]) -> str:
    """Return the code of the enterprise whose user looks; Forbidden for everybody else."""
    visitor: Visitor = request.state.visitor
    if ENTERPRISE_ROLE not in visitor.actor.roles or visitor.actor.party is None:
        raise Forbidden(
            say(
                "这一页只给企业用户看。业主委员会请看门户首页；如果您的账号应当属于一家企业，请联系协会管理员。"
            )
        )
    return visitor.actor.party


async def _fact(
    request: Request[Any, Any, Any], state: State, city: str, event_id: str
) -> service.OwnFact:
    enterprise = enterprise_of(request)
    async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
        return await service.own_fact(
            conn, _grader(state, city), enterprise, UUID(event_id), on=state.clock.today()
        )


async def _fact_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    event_id: str,
    refused: tuple[Mapping[str, Any], CreditError] | None = None,
) -> Response[str]:
    """Show an own fact; an answer that was refused keeps what was typed."""
    enterprise, actor = enterprise_of(request), request.state.visitor.actor
    pack, clock, wanted = pack_of_city(city), state.clock, UUID(event_id)
    today, view = clock.today(), None
    async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
        fact = await service.own_fact(conn, _grader(state, city), enterprise, wanted, on=today)
        if fact.event.row.course is not None:
            view = await service.course_of_event(conn, clock, actor, pack, fact.event)
    moments = of_course(fact.event, view.steps if view else ())
    async with state.db.city(city) as conn:
        posts = people_in(moments, await posts_of(conn, [one.by for one in moments]))
    fields, problem = refused or ({}, None)
    rules = pack.on((view.course.noticed_on if view else None) or today)
    known = view is not None and fact.event.row.code in rules.grader.events
    return render(
        request,
        "events/portal_fact.html",
        http_status=problem.status if problem else 200,
        fact=fact,
        view=view,
        standing=party_standing(view.course, view.terms, today) if view else None,
        told=service.notice_of(view.event, view.course, rules) if view and known else None,
        moments=moments,
        posts=posts,
        barred=defaultdict(str, _barred(view, actor) if view else {}),
        evidence_max=EVIDENCE_MAX,
        fields=defaultdict(str, fields),
        problem=problem,
    )


def _barred(view: service.CourseView, actor: Actor) -> dict[str, str]:
    """Say why the enterprise may not object, or apply for repair, now; only where it might wait."""
    if actor.party != view.course.enterprise:
        return {}
    return {
        one.act: one.why_not
        for one in view.acts
        if one.act in ("object", "repair") and one.why_not is not None
    }


def _grader(state: State, city: str) -> Grader:
    return pack_of_city(city).on(state.clock.today()).grader
