"""The console's list of events, and the refusal of several with one reason."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Meta

from credit.access.guard import actor_of
from credit.access.logic import refuse_same_person
from credit.access.saved import saved_views
from credit.access.views import Actor, Visitor
from credit.events import service
from credit.events.service import Counts, Order, ShownEvent
from credit.events.views import Decision
from credit.kit.db import Connection
from credit.kit.errors import Conflict, CreditError, Invalid
from credit.kit.http import City, IdCursor, Paragraph
from credit.kit.lists import ASKED, FILTER, Asked, kept_query, listing_of
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.parties import service as parties
from credit.rules.loading import pack_of_city

__all__ = [
    "DEFAULT_REASON",
    "EVENT_FILTER",
    "EventListPages",
    "chosen_events",
    "list_of",
    "refusal_page",
    "refuse_undecidable",
]

# The parameters of the list, as a saved view may hold them.
EVENT_FILTER: Mapping[str, str] = {
    "status": "proposed|refused|notice|noticed|hearing|decidable|late",
    "q": FILTER["q"],
    "division": FILTER["division"],
    "sort": "-?time",
    "size": FILTER["size"],
}
Status = Literal["", "proposed", "refused", "notice", "noticed", "hearing", "decidable", "late"]
# The lists of which several events can be decided at once.
DECIDED = ("proposed", "decidable", "late")
# By the time they were proposed; left open, the status decides.
ORDERS: Mapping[str, Order] = {"": "", "time": "oldest", "-time": "newest"}
WAITING = "status=proposed"
DEFAULT_REASON = marked("事实清楚，证据充分，适用条款正确。")
DECIDED_AT_ONCE_MAX = 200
Ids = Annotated[list[UUID], Meta(min_length=1, max_length=DECIDED_AT_ONCE_MAX)]


class RefusalForm(msgspec.Struct, frozen=True):
    """Why events are refused."""

    LABELS: ClassVar[Mapping[str, str]] = {"reason": marked("不予认定的理由")}

    reason: Paragraph


class EventListPages(Controller):
    """`/{city}/console/events`: events looked up; several refused at once."""

    path = "/console/events"

    @get(summary="事件列表", opt={"scope": "events:read"}, dependencies=ASKED)
    async def events(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        asked: NamedDependency[Asked],
        status: Annotated[Status, QueryParameter()] = "",
        sort: Annotated[Literal["", "time", "-time"], QueryParameter()] = "",
        cursor: IdCursor = None,
    ) -> Response[str]:
        """List events: those that wait oldest first, others newest first."""
        actor = actor_of(request)
        where = asked.where(actor.division)
        async with state.db.city(city) as conn:
            after = UUID(cursor) if cursor else None
            found = await _found(conn, state, city, status, asked, where, after, ORDERS[sort])
            ids = [one.row.id for one in found[: asked.rows]]
            terms = await service.next_terms(conn, state.clock, ids)
            counts = await service.counts(conn, state.clock, where)
            barred = await _barred(conn, state, actor, status, ids)
            listing = listing_of(
                "events",
                EVENT_FILTER,
                asked,
                request.query_params,
                sort=sort or ("-time" if status in ("", "refused") else "time"),
                own=actor.division,
                views=await saved_views(conn, actor, "events"),
                divisions=await parties.divisions(conn),
            )
        return render(
            request,
            "events/list.html",
            events=found[: asked.rows],
            status=status,
            stages=_stages(counts),
            terms=terms,
            barred=barred,
            acting=_acting(status, actor),
            default_reason=DEFAULT_REASON,
            listing=listing,
            cursor=found[asked.rows - 1].row.id.hex if len(found) > asked.rows else None,
        )

    @post("/refuse", summary="不予认定事件", opt={"scope": "events:decide"}, status_code=200)
    async def refuse(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Refuse the events chosen, all for one reason."""
        fields = await form_of(request)
        ids = chosen_events(fields)
        visitor: Visitor = request.state.visitor
        async with state.db.transaction(city) as conn:
            catalogue = pack_of_city(city).on(state.clock.today()).grader.events
            chosen = await service.waiting(conn, catalogue, ids)
            try:
                refusal = Decision("refused", read_form(RefusalForm, fields).reason)
            except CreditError as refused:
                return refusal_page(request, chosen, fields, refused)
            await service.decide(conn, state.clock, visitor.actor, dict.fromkeys(ids, refusal))
        return redirect(
            list_of(city, fields), notice=say("已决定不予认定 %(count)s 条事件。", count=len(ids))
        )


async def _found(
    conn: Connection,
    state: State,
    city: str,
    status: Status,
    asked: Asked,
    where: str | None,
    after: UUID | None,
    order: Order,
) -> list[ShownEvent]:
    """List a page of events and one more."""
    today, limit = state.clock.today(), asked.rows + 1
    catalogue = pack_of_city(city).on(today).grader.events
    if status in ("", "proposed", "refused"):
        return await service.shown(
            conn,
            catalogue,
            status=status,
            query=asked.query,
            before=after,
            limit=limit,
            division=where,
            order=order,
        )
    rows = await service.at_stage(
        conn,
        status,
        query=asked.query,
        after=after,
        limit=limit,
        today=today,
        division=where,
        order=order,
    )
    return [service.in_words(row, catalogue) for row in rows]


def _acting(status: Status, actor: Actor) -> str:
    """Name what an officer may do with several of a list's events at once."""
    if status == "notice" and "events:propose" in actor.scopes:
        return "notify"
    return "decide" if status in DECIDED and "events:decide" in actor.scopes else ""


async def _barred(
    conn: Connection, state: State, actor: Actor, status: Status, ids: Sequence[UUID]
) -> Mapping[UUID, str | None]:
    """Say which of a list's events an officer may not decide, and why."""
    if _acting(status, actor) != "decide":
        return {}
    return await service.decidable(conn, state.clock, actor, ids, "accepted")


def _stages(counts: Counts) -> list[tuple[Status, str, int]]:
    """Return whose turn it is with undecided events: filter, title, how many."""
    return [
        ("notice", say("待告知"), counts.notice),
        ("noticed", say("已告知"), counts.noticed),
        ("hearing", say("待核查"), counts.hearing),
        ("decidable", say("可决定"), counts.decidable),
        ("late", say("超时"), counts.late_events),
    ]


def chosen_events(fields: Mapping[str, Any]) -> list[UUID]:
    """Return which events a form chose; refuses none, and too many."""
    chosen = fields.get("events", [])
    listed = chosen.split() if isinstance(chosen, str) else chosen
    try:
        ids = msgspec.convert(listed, Ids)
    except msgspec.ValidationError:
        raise Invalid(say("请选择 1 到 %(most)s 个事件。", most=DECIDED_AT_ONCE_MAX)) from None
    return list(dict.fromkeys(ids))


def list_of(city: str, fields: Mapping[str, Any]) -> str:
    """Return the list a form came from, with its filter; what waits, where it says none."""
    kept = ""
    with suppress(CreditError):  # what was decided counts, whatever the form says of the list
        kept = kept_query(EVENT_FILTER, str(fields.get("filter", "")))
    return f"/{city}/console/events?{kept or WAITING}"


def refusal_page(
    request: Request[Any, Any, Any],
    chosen: Sequence[ShownEvent],
    fields: Mapping[str, Any],
    problem: CreditError | None = None,
) -> Response[str]:
    """Show which events would be refused, and ask why; refuses what cannot be."""
    city, actor = request.path_params["city"], request.state.visitor.actor
    refuse_undecidable(chosen, actor)
    return render(
        request,
        "events/refuse.html",
        http_status=problem.status if problem else 200,
        chosen=chosen,
        filter=str(fields.get("filter", "")),
        back=list_of(city, fields),
        problem=problem,
    )


def refuse_undecidable(chosen: Sequence[ShownEvent], actor: Actor) -> None:
    """Refuse before anything is written or signed: what was decided, and one's own proposals."""
    for one in chosen:
        if one.row.outcome is not None:
            raise Conflict(
                say("“%(title)s”已经作出决定，请刷新列表。", title=one.title),
                slug="already-decided",
            )
        refuse_same_person(one.row.proposed_by, actor.person_id)
