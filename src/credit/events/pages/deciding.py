"""The console's decisions: events accepted with the decider's signature, or refused with reasons."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal
from uuid import UUID

from litestar import Controller, Request, Response, post
from litestar.datastructures import State
from msgspec import Struct

from credit.access.views import Visitor
from credit.events import service
from credit.events.pages.lists import chosen_events, list_of, refusal_page, refuse_undecidable
from credit.events.service import ShownEvent
from credit.events.views import Decision, Signature
from credit.kit.errors import Conflict, FieldError
from credit.kit.http import City, Paragraph
from credit.kit.pages import form_of, read_form, redirect
from credit.kit.texts import marked, say
from credit.log.pages import approved_signatures, signing_page
from credit.log.records import Record
from credit.rules.loading import pack_of_city
from credit.rules.model import EventType

__all__ = ["DecisionPages"]


class AcceptanceForm(Struct, frozen=True):
    """That events are accepted, and why; a refusal's reason is asked for on a page of its own."""

    LABELS: ClassVar[Mapping[str, str]] = {"outcome": marked("决定"), "reason": marked("理由")}

    outcome: Literal["accepted"]
    reason: Paragraph


class DecisionPages(Controller):
    """`/{city}/console/events/decide` and `…/accept`: proposals decided by somebody else."""

    path = "/console/events"

    @post("/decide", summary="决定事件页", opt={"scope": "events:decide"}, status_code=200)
    async def decide(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Ask why the events chosen are refused, or show what accepting them would sign."""
        fields = await form_of(request)
        ids, refused = chosen_events(fields), fields.get("outcome") == "refused"
        form = None if refused else read_form(AcceptanceForm, fields)
        actor = request.state.visitor.actor
        async with state.db.city(city) as conn:
            chosen = await service.waiting(conn, _catalogue(state, city), ids)
            barred = await service.decidable(conn, state.clock, actor, ids, "accepted")
        if form is None:
            return refusal_page(request, chosen, fields)
        refuse_undecidable(chosen, actor)
        _refuse_barred(chosen, barred)
        return signing_page(
            request,
            title=say("认定事件"),
            action=f"/{city}/console/events/accept",
            carried={
                "events": " ".join(map(str, ids)),
                "reason": form.reason,
                "outcome": form.outcome,
                "filter": str(fields.get("filter", "")),
            },
            records=[_record(one) for one in chosen],
            words=[
                say(
                    "%(title)s（%(points)s 分）　%(enterprise_name)s　%(occurred_on)s　%(reference)s",
                    title=one.title,
                    points=one.points,
                    enterprise_name=one.row.enterprise_name,
                    occurred_on=one.row.occurred_on,
                    reference=one.body["reference"],
                )
                for one in chosen
            ],
            back=list_of(city, fields),
        )

    @post("/accept", summary="认定事件", opt={"scope": "events:decide"}, status_code=200)
    async def accept(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Take in the decider's signatures; the events become effective."""
        fields = await form_of(request)
        ids, form = chosen_events(fields), read_form(AcceptanceForm, fields)
        visitor: Visitor = request.state.visitor
        async with state.db.transaction(city) as conn:
            chosen = await service.waiting(conn, _catalogue(state, city), ids)
            sigs = await approved_signatures(conn, request, fields, list(map(_record, chosen)))
            decisions = {
                event_id: Decision("accepted", form.reason, Signature(sig.kid, "Ed25519", sig.sig))
                for event_id, sig in zip(ids, sigs, strict=True)
            }
            await service.decide(conn, state.clock, visitor.actor, decisions)
        return redirect(
            list_of(city, fields),
            notice=say("已接受 %(count)s 条事件，正在写入日志。", count=len(ids)),
        )


def _refuse_barred(chosen: Sequence[ShownEvent], barred: Mapping[UUID, str | None]) -> None:
    """Refuse events whose course has not come so far, each with its reason."""
    faults = [
        FieldError("events", say("“%(title)s”：%(why)s", title=one.title, why=why))
        for one in chosen
        if (why := barred[one.row.id]) is not None
    ]
    if faults:
        raise Conflict(
            say("有 %(count)s 条现在不能认定，请去掉它们再签。", count=len(faults)),
            slug="not-decidable",
            errors=tuple(faults),
        )


def _record(event: service.ShownEvent) -> Record:
    """Return what accepting an event signs: the record as it was proposed."""
    return Record(str(event.row.id), event.row.kind, event.body)


def _catalogue(state: State, city: str) -> Mapping[str, EventType]:
    return pack_of_city(city).on(state.clock.today()).grader.events
