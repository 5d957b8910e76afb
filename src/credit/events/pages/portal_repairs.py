"""The portal's pages of repair: an enterprise applies with proof and a signed commitment."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from msgspec import Struct

from credit.access.service import posts_of
from credit.events import service
from credit.events.course.standing import repair_standing
from credit.events.pages.files import (
    EVIDENCE_MAX,
    FORM_BYTES_MAX,
    carried_refs,
    keep_own_files,
    refs_text,
)
from credit.events.pages.portal import enterprise_of
from credit.events.pages.timeline import of_repair, people_in
from credit.events.repair.views import Application, Commitment
from credit.events.service import repair_terms
from credit.kit.db import PORTAL_ROLE
from credit.kit.errors import Conflict, CreditError
from credit.kit.http import City, IdCursor, RecordKey, Statement
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.log.carried import counted_ids, first_id
from credit.log.pages import approved_signatures, signing_page
from credit.log.records import Record
from credit.rules.loading import pack_of_city

__all__ = ["PortalApplicationPages", "PortalRepairPages"]

PAGE = 50
ANY = ("applied", "accepted", "granted", "refused", "rejected")


class ApplicationForm(Struct, frozen=True):
    """What was done to make a fact good."""

    LABELS: ClassVar[Mapping[str, str]] = {"statement": marked("已经做了什么")}

    statement: Statement


class PortalApplicationPages(Controller):
    """`/{city}/portal/facts/{event_id}/repair`: applying for a fact's repair."""

    path = "/portal/facts/{event_id:str}/repair"

    @get(summary="申请修复页", opt={"scope": "portal:use"})
    async def form(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> Response[str]:
        """Show the commitment letter, and ask what was done and for its proof."""
        return await _apply_page(request, state, city, event_id)

    @post(summary="申请修复：核对承诺书", opt={"scope": "portal:use"}, status_code=200,
          request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def apply(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> Response[Any]:
        """Keep the proof, and show the commitment to be signed."""
        enterprise_of(request)
        fields = await form_of(request)
        wanted = UUID(event_id)
        try:
            form = read_form(ApplicationForm, {k: v for k, v in fields.items() if k != "evidence"})
            promised = await _promised(request, state, city, event_id)
            async with state.db.transaction(city) as conn:
                proof = await keep_own_files(request, state, conn, wanted, fields.get("evidence"))
            if not proof:
                raise Conflict(
                    say("请附上已经履行义务、消除影响的证明材料。"), slug="proof-missing"
                )
        except CreditError as refused:
            return await _apply_page(request, state, city, event_id, (fields, refused))
        first = first_id(state.clock.now())
        (record_id,) = counted_ids(first, 1)
        return signing_page(
            request,
            title=say("签署信用承诺书"),
            action=f"/{city}/portal/facts/{event_id}/repair/sign",
            carried={"first": first, "statement": form.statement, "proof": refs_text(proof)},
            records=[Record(record_id, "commitment", promised.body)],
            words=[promised.text],
            back=f"/{city}/portal/facts/{event_id}/repair",
        )

    @post("/sign", summary="申请修复", opt={"scope": "portal:use"}, status_code=200)
    async def sign(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> Response[Any]:
        """Take in the signed commitment with the application."""
        enterprise_of(request)
        fields = await form_of(request)
        actor, pack, wanted = request.state.visitor.actor, pack_of_city(city), UUID(event_id)
        form = read_form(ApplicationForm, fields)
        given = Application(form.statement, carried_refs(fields.get("proof")))
        (record_id,) = counted_ids(fields.get("first"), 1)
        async with state.db.transaction(city) as conn:
            promised = await service.prepare_commitment(conn, state.clock, actor, pack, wanted)
            record = Record(record_id, "commitment", promised.body)
            sigs = await approved_signatures(conn, request, fields, [record])
            signed = Record(record.id, record.kind, record.body, tuple(sigs))
            repair = await service.apply_for_repair(
                conn, state.clock, actor, pack, wanted, given, signed
            )
        return redirect(
            f"/{city}/portal/repairs/{repair.id}",
            notice=say("修复申请已经提交，协会将在期限内决定是否受理。"),
        )


class PortalRepairPages(Controller):
    """`/{city}/portal/repairs`: an enterprise's own applications."""

    path = "/portal/repairs"

    @get(summary="本企业的修复申请", opt={"scope": "portal:use"})
    async def repairs(
        self, request: Request[Any, Any, Any], state: State, city: City, cursor: IdCursor = None
    ) -> Response[str]:
        """List the enterprise's applications, oldest first."""
        enterprise = enterprise_of(request)
        async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
            found = await service.repairs(
                conn,
                states=ANY,
                enterprise=enterprise,
                after=UUID(cursor) if cursor else UUID(int=0),
                limit=PAGE + 1,
            )
            ids = [one.repair.id for one in found]
            terms = await service.next_terms(conn, state.clock, ids)
        return render(
            request,
            "events/portal_repairs.html",
            repairs=found[:PAGE],
            terms=terms,
            catalogue=pack_of_city(city).on(state.clock.today()).grader.events,
            cursor=found[PAGE - 1].repair.id.hex if len(found) > PAGE else None,
        )

    @get("/{repair_id:str}", summary="本企业的一份修复申请", opt={"scope": "portal:use"})
    async def repair(
        self, request: Request[Any, Any, Any], state: State, city: City, repair_id: RecordKey
    ) -> Response[str]:
        """Show an own application, its steps, and what was promised."""
        enterprise, actor = enterprise_of(request), request.state.visitor.actor
        pack = pack_of_city(city)
        async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
            view = await service.repair_of(conn, state.clock, actor, pack, UUID(repair_id))
        moments = of_repair(view.steps)
        async with state.db.city(city) as conn:
            posts = people_in(moments, await posts_of(conn, [one.by for one in moments]))
        return render(
            request,
            "events/portal_repair.html",
            view=view,
            standing=repair_standing(view.repair, view.terms[0] if view.terms else None),
            moments=moments,
            posts=posts,
            rules=repair_terms(pack, view.course),
        )


async def _promised(
    request: Request[Any, Any, Any], state: State, city: str, event_id: str
) -> Commitment:
    """Return the commitment letter; refuses whatever an application would be refused for."""
    actor, pack = request.state.visitor.actor, pack_of_city(city)
    async with state.db.transaction(city) as conn:
        return await service.prepare_commitment(conn, state.clock, actor, pack, UUID(event_id))


async def _apply_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    event_id: str,
    refused: tuple[Mapping[str, Any], CreditError] | None = None,
) -> Response[str]:
    enterprise, today = enterprise_of(request), state.clock.today()
    grader = pack_of_city(city).on(today).grader
    async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
        fact = await service.own_fact(conn, grader, enterprise, UUID(event_id), on=today)
    fields, problem = refused or ({}, None)
    promised = None
    try:
        promised = await _promised(request, state, city, event_id)
    except CreditError as barred:
        problem = problem or barred
    return render(
        request,
        "events/portal_apply.html",
        http_status=problem.status if problem else 200,
        fact=fact,
        promised=promised,
        evidence_max=EVIDENCE_MAX,
        fields=defaultdict(str, fields),
        problem=problem,
    )
