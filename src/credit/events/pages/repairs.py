"""The console's pages of repair: applications, each accepted, put off and decided in time."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from credit.access.service import posts_of
from credit.access.views import Actor
from credit.events import service
from credit.events.course.standing import repair_standing
from credit.events.pages.timeline import of_repair, people_in
from credit.events.repair.logic import repairable_from
from credit.events.repair.views import Acceptance, RepairExtension
from credit.events.service import RepairView, repair_terms
from credit.kit.db import Connection
from credit.kit.errors import Conflict, CreditError
from credit.kit.http import City, IdCursor, RecordKey, Statement
from credit.kit.lists import ASKED, Asked
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.log.carried import counted_ids, first_id
from credit.log.pages import approved_signatures, signing_page
from credit.log.records import Record
from credit.parties import service as parties
from credit.rules.loading import pack_of_city

__all__ = ["RepairPages"]

Status = Literal["", "applied", "accepted", "granted", "refused", "rejected"]
OPEN = ("applied", "accepted")
ACT_TITLES = {
    "accept": marked("受理"),
    "reject": marked("不予受理"),
    "extend": marked("延长办结期限"),
    "grant": marked("准予修复"),
    "refuse": marked("不予修复"),
}


# What an application waits for, by its state.
NEXT = {"applied": ("accept", "reject"), "accepted": ("extend", "grant", "refuse")}


class AcceptanceForm(Struct, frozen=True):
    """Whether an application is taken on, and why."""

    LABELS: ClassVar[Mapping[str, str]] = {"outcome": marked("决定"), "reason": marked("理由")}

    outcome: Literal["accepted", "rejected"]
    reason: Statement


class RepairExtensionForm(Struct, frozen=True):
    """By how many working days the decision is put off, and why."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "days": marked("工作日"),
        "reason": marked("延长的理由"),
    }

    days: Annotated[int, Meta(ge=1, le=250)]
    reason: Statement


class RepairDecisionForm(Struct, frozen=True):
    """Whether a repair is granted, and why."""

    LABELS: ClassVar[Mapping[str, str]] = {"outcome": marked("决定"), "reason": marked("理由")}

    outcome: Literal["granted", "refused"]
    reason: Statement


class RepairPages(Controller):
    """`/{city}/console/repairs`: applications for repair."""

    path = "/console/repairs"

    @get(summary="修复申请列表", opt={"scope": "events:read"}, dependencies=ASKED)
    async def repairs(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        asked: NamedDependency[Asked],
        status: Annotated[Status, QueryParameter()] = "",
        cursor: IdCursor = None,
    ) -> Response[str]:
        """List applications, oldest first: those that are open, or those of one state."""
        actor: Actor = request.state.visitor.actor
        where = asked.where(actor.division)
        async with state.db.city(city) as conn:
            found = await service.repairs(
                conn,
                states=(status,) if status else OPEN,
                division=where,
                after=UUID(cursor) if cursor else UUID(int=0),
                limit=asked.rows + 1,
            )
            ids = [one.repair.id for one in found]
            return render(
                request,
                "events/repairs.html",
                repairs=found[: asked.rows],
                terms=await service.next_terms(conn, state.clock, ids),
                counts=await service.counts(conn, state.clock, where),
                catalogue=pack_of_city(city).on(state.clock.today()).grader.events,
                status=status,
                division=where,
                own=actor.division,
                divisions=await parties.divisions(conn),
                cursor=found[asked.rows - 1].repair.id.hex if len(found) > asked.rows else None,
            )

    @get("/{repair_id:str}", summary="一份修复申请", opt={"scope": "events:read"})
    async def repair(
        self, request: Request[Any, Any, Any], state: State, city: City, repair_id: RecordKey
    ) -> Response[str]:
        """Show an application with its fact, its steps, and what may be done with it."""
        return await _page(request, state, city, repair_id)

    @post("/{repair_id:str}/acceptance", summary="受理修复申请", opt={"scope": "events:decide"},
          status_code=200)  # fmt: skip
    async def accept(
        self, request: Request[Any, Any, Any], state: State, city: City, repair_id: RecordKey
    ) -> Response[Any]:
        """Take an application on, or reject it with reasons."""
        fields = await form_of(request)
        actor, pack = request.state.visitor.actor, pack_of_city(city)
        try:
            form = read_form(AcceptanceForm, fields)
            given = Acceptance(form.outcome, form.reason)
            async with state.db.transaction(city) as conn:
                await service.accept_repair(conn, state.clock, actor, pack, UUID(repair_id), given)
        except CreditError as refused:
            return await _page(request, state, city, repair_id, ("accept", fields, refused))
        taken = form.outcome == "accepted"
        return redirect(
            f"/{city}/console/repairs/{repair_id}",
            notice=say("已受理，等待另一位同事决定。") if taken else say("已决定不予受理。"),
        )

    @post("/{repair_id:str}/extension", summary="延长修复办结期限",
          opt={"scope": "events:decide"}, status_code=200)  # fmt: skip
    async def extend(
        self, request: Request[Any, Any, Any], state: State, city: City, repair_id: RecordKey
    ) -> Response[Any]:
        """Put the decision off, once."""
        fields = await form_of(request)
        actor, pack = request.state.visitor.actor, pack_of_city(city)
        try:
            form = read_form(RepairExtensionForm, fields)
            given = RepairExtension(form.days, form.reason)
            async with state.db.transaction(city) as conn:
                await service.extend_repair(conn, state.clock, actor, pack, UUID(repair_id), given)
        except CreditError as refused:
            return await _page(request, state, city, repair_id, ("extend", fields, refused))
        return redirect(f"/{city}/console/repairs/{repair_id}", notice=say("期限已经延长。"))

    @post("/{repair_id:str}/decision", summary="决定修复", opt={"scope": "events:decide"},
          status_code=200)  # fmt: skip
    async def decide(
        self, request: Request[Any, Any, Any], state: State, city: City, repair_id: RecordKey
    ) -> Response[Any]:
        """Refuse a repair with reasons, or show the record that granting it would sign."""
        fields = await form_of(request)
        actor, pack, wanted = request.state.visitor.actor, pack_of_city(city), UUID(repair_id)
        try:
            form = read_form(RepairDecisionForm, fields)
            if form.outcome == "granted":
                async with state.db.transaction(city) as conn:
                    view = await service.repair_of(conn, state.clock, actor, pack, wanted)
                    _refuse_barred(view)
                    body = await service.prepare_repair(conn, state.clock, pack, wanted)
                return _signing(request, state, city, view, body, form.reason)
            async with state.db.transaction(city) as conn:
                await service.decide_repair(
                    conn, state.clock, actor, pack, wanted, "refused", form.reason
                )
        except CreditError as refused:
            return await _page(request, state, city, repair_id, ("decide", fields, refused))
        return redirect(f"/{city}/console/repairs/{repair_id}", notice=say("已决定不予修复。"))

    @post("/{repair_id:str}/grant", summary="准予修复", opt={"scope": "events:decide"},
          status_code=200)  # fmt: skip
    async def grant(
        self, request: Request[Any, Any, Any], state: State, city: City, repair_id: RecordKey
    ) -> Response[Any]:
        """Take in the granter's signature; the fact counts and shows no more."""
        fields = await form_of(request)
        actor, pack, wanted = request.state.visitor.actor, pack_of_city(city), UUID(repair_id)
        form = read_form(RepairDecisionForm, {**fields, "outcome": "granted"})
        (record_id,) = counted_ids(fields.get("first"), 1)
        async with state.db.transaction(city) as conn:
            body = await service.prepare_repair(conn, state.clock, pack, wanted)
            record = Record(record_id, "event-repaired", body)
            sigs = await approved_signatures(conn, request, fields, [record])
            signed = Record(record.id, record.kind, body, tuple(sigs))
            await service.decide_repair(
                conn, state.clock, actor, pack, wanted, "granted", form.reason, signed
            )
        return redirect(
            f"/{city}/console/repairs/{repair_id}",
            notice=say("已准予修复：这条信息不再计分、查询、共享和公示，等级会随下一次评级重算。"),
        )


def _refuse_barred(view: RepairView) -> None:
    """Refuse to let somebody sign what would not be taken."""
    why = dict(view.acts)["grant"]
    if why is not None:
        raise Conflict(why, slug="not-grantable")


def _signing(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    view: RepairView,
    body: dict[str, Any],
    reason: str,
) -> Response[str]:
    first = first_id(state.clock.now())
    (record_id,) = counted_ids(first, 1)
    place = f"/{city}/console/repairs/{view.repair.id}"
    return signing_page(
        request,
        title=say("准予信用修复"),
        action=f"{place}/grant",
        carried={"first": first, "reason": reason},
        records=[Record(record_id, "event-repaired", body)],
        words=[
            say(
                "准予修复“%(title)s”　%(enterprise)s　%(day)s　%(reference)s",
                title=view.event.title,
                enterprise=view.event.row.enterprise_name,
                day=view.event.row.occurred_on,
                reference=view.event.body["reference"],
            )
        ],
        back=place,
    )


Refused = tuple[Literal["accept", "extend", "decide"], Mapping[str, Any], CreditError]


async def _page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    repair_id: str,
    refused: Refused | None = None,
) -> Response[str]:
    actor: Actor = request.state.visitor.actor
    pack, clock = pack_of_city(city), state.clock
    async with state.db.city(city) as conn:
        view = await service.repair_of(conn, clock, actor, pack, UUID(repair_id))
        moments = of_repair(view.steps)
        posts = await _posts(conn, moments)
    form, fields, problem = refused or (None, {}, None)
    due = NEXT.get(view.repair.state, ())
    barred = [(ACT_TITLES[act], why) for act, why in view.acts if why is not None and act in due]
    return render(
        request,
        "events/repair.html",
        http_status=problem.status if problem else 200,
        view=view,
        standing=repair_standing(view.repair, view.terms[0] if view.terms else None),
        moments=moments,
        posts=posts,
        rules=repair_terms(pack, view.course),
        since=repairable_from(view.course, repair_terms(pack, view.course)),
        barred=barred if "events:decide" in actor.scopes else [],
        form=form,
        fields=defaultdict(str, fields),
        problem=problem,
    )


async def _posts(conn: Connection, moments: list[Any]) -> dict[str, str]:
    return people_in(moments, await posts_of(conn, [one.by for one in moments]))
