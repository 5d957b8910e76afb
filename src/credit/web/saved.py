"""Views people save of the console's lists: kept, renamed, deleted, listed."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from msgspec import Meta

from credit.access.saved import (
    NAME_CHARS_MAX,
    VIEWS_MAX,
    SavedView,
    delete_view,
    rename_view,
    save_view,
    saved_views,
)
from credit.blacklist.pages import LIST_FILTER
from credit.contracts.pages import CONTRACT_FILTER
from credit.evaluations.pages import EVALUATION_FILTER
from credit.events.pages import EVENT_FILTER
from credit.grades.pages import ENTERPRISE_FILTER
from credit.kit.errors import CreditError
from credit.kit.http import City
from credit.kit.lists import QUERY_CHARS_MAX, kept_query
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, marked_as, say

__all__ = ["FILTERS", "SavedViewPages"]

FILTERS: Mapping[str, Mapping[str, str]] = {
    "enterprises": ENTERPRISE_FILTER,
    "events": EVENT_FILTER,
    "evaluations": EVALUATION_FILTER,
    "contracts": CONTRACT_FILTER,
    "lists": LIST_FILTER,
}
TITLES = {
    "enterprises": marked_as("many", "企业"),
    "events": marked_as("many", "事件"),
    "evaluations": marked("评价"),
    "contracts": marked("契约"),
    "lists": marked("红黑名单"),
}
Place = Literal["enterprises", "events", "evaluations", "contracts", "lists"]
Name = Annotated[str, Meta(max_length=NAME_CHARS_MAX * 2)]


class SaveForm(msgspec.Struct, frozen=True):
    """A list, its filter and a name for it."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "place": marked("列表"),
        "name": marked("名称"),
        "query": marked("筛选"),
    }

    place: Place
    name: Name
    query: Annotated[str, Meta(max_length=QUERY_CHARS_MAX + 1)] = ""


class ViewForm(msgspec.Struct, frozen=True):
    """Which view is meant, and its new name."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "place": marked("列表"),
        "name": marked("名称"),
        "new": marked("新名称"),
    }

    place: Place
    name: Name
    new: Name = ""


class SavedViewPages(Controller):
    """`/{city}/console/views`: one's own saved filters."""

    path = "/console/views"

    @get(summary="常用筛选", opt={"scope": "events:read"})
    async def views(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """List the visitor's views, to be renamed or deleted."""
        return await _views_page(request, state, city)

    @post(summary="保存常用筛选", opt={"scope": "events:read"}, status_code=200)
    async def save(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Keep a list's filter under a name, and go back to it."""
        form = read_form(SaveForm, await form_of(request))
        query = kept_query(FILTERS[form.place], form.query)
        try:
            async with state.db.transaction(city) as conn:
                view = SavedView(form.place, form.name, query)
                await save_view(conn, state.clock, request.state.visitor.actor, view)
        except CreditError as refused:
            return await _views_page(request, state, city, refused)
        return redirect(
            f"/{city}/console/{form.place}" + (f"?{query}" if query else ""),
            notice=say("已保存为“%(name)s”。", name=form.name.strip()),
        )

    @post("/rename", summary="给常用筛选改名", opt={"scope": "events:read"}, status_code=200)
    async def rename(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Give a view another name."""
        form = read_form(ViewForm, await form_of(request))
        try:
            async with state.db.transaction(city) as conn:
                actor = request.state.visitor.actor
                await rename_view(conn, actor, form.place, form.name, form.new)
        except CreditError as refused:
            return await _views_page(request, state, city, refused)
        return redirect(f"/{city}/console/views", notice=say("已改名。"))

    @post("/delete", summary="删除常用筛选", opt={"scope": "events:read"}, status_code=200)
    async def delete(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Delete a view."""
        form = read_form(ViewForm, await form_of(request))
        async with state.db.transaction(city) as conn:
            await delete_view(conn, request.state.visitor.actor, form.place, form.name)
        return redirect(
            f"/{city}/console/views", notice=say("已删除“%(name)s”。", name=form.name.strip())
        )


async def _views_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    problem: CreditError | None = None,
) -> Response[str]:
    async with state.db.city(city) as conn:
        views = await saved_views(conn, request.state.visitor.actor)
    return render(
        request,
        "web/views.html",
        http_status=problem.status if problem else 200,
        views=views,
        titles=TITLES,
        views_max=VIEWS_MAX,
        name_max=NAME_CHARS_MAX,
        problem=problem,
    )
