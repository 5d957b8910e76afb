"""The console's lists: entries by what they wait for, and whom the pack's criteria propose."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from credit.access.saved import saved_views
from credit.blacklist import service
from credit.blacklist.pages.words import STAGES, WORDS
from credit.blacklist.reading.store import Sought
from credit.blacklist.views import Candidate, ListName, Stage
from credit.kit.http import City, CodeCursor, IdCursor
from credit.kit.ids import LAST_ID
from credit.kit.lists import ASKED, FILTER, Asked, Listing, present_query
from credit.kit.pages import render
from credit.kit.patterns import containing
from credit.rules.loading import pack_of_city

__all__ = ["LIST_FILTER", "ConsoleListPages"]

CANDIDATES_LOOKED_AT = 50
ENTRIES_LOOKED_AT = 200
# The parameters of the list, as a saved view may hold them.
LIST_FILTER: Mapping[str, str] = {
    "name": "red|black",
    "stage": "|".join(STAGES),
    "q": FILTER["q"],
    "sort": "-?time",
    "size": FILTER["size"],
}
FIRST = UUID(int=0)


class ConsoleListPages(Controller):
    """`/{city}/console/lists`: entries, candidates, and what should come off its list."""

    path = "/console/lists"

    @get(summary="红黑名单", opt={"scope": "events:read"}, dependencies=ASKED)
    async def entries(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        asked: NamedDependency[Asked],
        name: Annotated[Literal["", "red", "black"], QueryParameter()] = "",
        stage: Annotated[Stage | Literal[""], QueryParameter()] = "",
        sort: Annotated[Literal["", "time", "-time"], QueryParameter()] = "",
        cursor: IdCursor = None,
    ) -> Response[str]:
        """List entries with what each waits for, the newest first unless asked otherwise."""
        actor, oldest = request.state.visitor.actor, sort == "time"
        sought = Sought(
            UUID(cursor) if cursor else (FIRST if oldest else LAST_ID),
            name or None,
            containing(asked.query) if asked.query else None,
            stage=stage or None,
        )
        today = state.clock.today()
        async with state.db.city(city) as conn:
            found = await service.work_page(
                conn, state.clock, actor, sought, oldest=oldest, limit=asked.rows + 1
            )
            counts = await service.counts(conn, name or None, on=today)
            listing = Listing(
                "lists",
                present_query(LIST_FILTER, request.query_params),
                await saved_views(conn, actor, "lists"),
                asked.q,
                asked.rows,
                sort or "-time",
            )
        return render(
            request,
            "blacklist/list.html",
            words=WORDS,
            entries=found[: asked.rows],
            counts=counts,
            which=name,
            stage=stage,
            listing=listing,
            cursor=UUID(found[asked.rows - 1].line.id).hex if len(found) > asked.rows else None,
        )

    @get("/candidates", summary="符合条件、可以提请的对象", opt={"scope": "lists:propose"})
    async def candidates(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        name: Annotated[ListName, QueryParameter()] = "black",
        cursor: CodeCursor = None,
    ) -> Response[str]:
        """Say who meets a criterion of the pack, and on which facts; nobody is listed by it."""
        pack, today = pack_of_city(city), state.clock.today()
        rule = pack.on(today).lists.of(name)
        found: list[Candidate] = []
        following = None
        if rule is not None:
            async with state.db.city(city) as conn:
                found, following = await service.candidates(
                    conn, pack, name, on=today, after=cursor or "", limit=CANDIDATES_LOOKED_AT
                )
        return render(
            request,
            "blacklist/candidates.html",
            words=WORDS,
            which=name,
            rule=rule,
            criteria={one.id: one for one in rule.criteria} if rule else {},
            candidates=found,
            cursor=following,
        )

    @get("/leaving", summary="应当移出名单的记录", opt={"scope": "events:read"})
    async def leaving(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        cursor: IdCursor = None,
    ) -> Response[str]:
        """Say which published entries rest on facts that are gone; none leaves its list by it."""
        pack, today = pack_of_city(city), state.clock.today()
        after = UUID(cursor) if cursor else FIRST
        async with state.db.city(city) as conn:
            found, following = await service.to_leave(
                conn, pack, on=today, after=after, limit=ENTRIES_LOOKED_AT
            )
        return render(
            request,
            "blacklist/leaving.html",
            words=WORDS,
            found=found,
            cursor=following.hex if following else None,
        )
