"""The console's pages of suggestions: facts that contracts, lists and inspections put forward."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from msgspec import Struct

from credit.access.views import Actor
from credit.events import service
from credit.events.course.views import Suggested
from credit.events.logic import SUBJECT_WORDS
from credit.kit.errors import CreditError
from credit.kit.http import City, IdCursor, RecordKey, Statement
from credit.kit.lists import ASKED, Asked
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.parties import service as parties
from credit.rules.loading import pack_of_city

__all__ = ["SuggestionPages"]

SOURCE_TITLES = {
    "duty": marked("履约"),
    "contract": marked("契约"),
    "entry": marked("名单"),
    "inspection": marked("检查"),
    "evaluation": marked("评价"),
}


class DismissalForm(Struct, frozen=True):
    """Why a suggestion is set aside."""

    LABELS: ClassVar[Mapping[str, str]] = {"reason": marked("不采用的理由")}

    reason: Statement


class SuggestionPages(Controller):
    """`/{city}/console/suggestions`: what nobody has taken up yet."""

    path = "/console/suggestions"

    @get(summary="线索列表", opt={"scope": "events:read"}, dependencies=ASKED)
    async def suggestions(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        asked: NamedDependency[Asked],
        cursor: IdCursor = None,
    ) -> Response[str]:
        """List open suggestions, oldest first."""
        actor: Actor = request.state.visitor.actor
        where = asked.where(actor.division)
        async with state.db.city(city) as conn:
            after = UUID(cursor) if cursor else UUID(int=0)
            found = await service.suggestions(conn, after, asked.rows + 1, where)
            divisions = await parties.divisions(conn)
        return render(
            request,
            "events/suggestions.html",
            suggestions=found[: asked.rows],
            catalogue=pack_of_city(city).on(state.clock.today()).grader.events,
            sources=SOURCE_TITLES,
            kinds=SUBJECT_WORDS,
            division=where,
            own=actor.division,
            divisions=divisions,
            cursor=found[asked.rows - 1].id.hex if len(found) > asked.rows else None,
        )

    @get("/{suggestion_id:str}", summary="一条线索", opt={"scope": "events:read"})
    async def suggestion(
        self, request: Request[Any, Any, Any], state: State, city: City, suggestion_id: RecordKey
    ) -> Response[str]:
        """Show a suggestion, and what may be done with it."""
        return await _page(request, state, city, suggestion_id)

    @post("/{suggestion_id:str}/dismissal", summary="不采用线索",
          opt={"scope": "events:propose"}, status_code=200)  # fmt: skip
    async def dismiss(
        self, request: Request[Any, Any, Any], state: State, city: City, suggestion_id: RecordKey
    ) -> Response[Any]:
        """Set a suggestion aside with a reason."""
        fields = await form_of(request)
        try:
            form = read_form(DismissalForm, fields)
            async with state.db.transaction(city) as conn:
                actor = request.state.visitor.actor
                await service.dismiss(conn, state.clock, actor, UUID(suggestion_id), form.reason)
        except CreditError as refused:
            return await _page(request, state, city, suggestion_id, fields, refused)
        return redirect(f"/{city}/console/suggestions", notice=say("已记下不采用的理由。"))


async def _page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    suggestion_id: str,
    fields: Mapping[str, Any] | None = None,
    refused: CreditError | None = None,
) -> Response[str]:
    async with state.db.city(city) as conn:
        found = await service.suggested(conn, UUID(suggestion_id))
    return render(
        request,
        "events/suggestion.html",
        http_status=refused.status if refused else 200,
        found=found,
        given=found.suggestion,
        event=_event(state, city, found),
        sources=SOURCE_TITLES,
        kinds=SUBJECT_WORDS,
        reason=(fields or {}).get("reason", ""),
        problem=refused,
    )


def _event(state: State, city: str, found: Suggested) -> str:
    """Return the title of the suggested fact; its code where the catalogue has none."""
    catalogue = pack_of_city(city).on(state.clock.today()).grader.events
    code = found.suggestion.code
    return catalogue[code].title if code in catalogue else code
