"""Colleagues in the portal: whom an enterprise or a committee lets see its own affairs."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State

from credit.access import logic
from credit.access.admin import people
from credit.access.guard import actor_of, note_seen
from credit.access.pages.people import (
    PAGE,
    Name,
    PersonId,
    Username,
    UsernameCursor,
    invited_page,
)
from credit.kit.errors import CreditError
from credit.kit.http import City
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say

__all__ = ["PortalPeoplePages"]


class ColleagueForm(msgspec.Struct, frozen=True):
    """A new colleague."""

    LABELS: ClassVar[Mapping[str, str]] = {"username": marked("用户名"), "name": marked("姓名")}

    username: Username
    name: Name


class PortalPeoplePages(Controller):
    """`/{city}/portal/people`: users of one's own enterprise or committee."""

    path = "/portal/people"

    @get(summary="本单位用户", opt={"scope": "portal:use"})
    async def people(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        cursor: UsernameCursor = None,
    ) -> Response[str]:
        """List colleagues, their names masked."""
        return await _page(request, state, city, cursor=cursor)

    @post(summary="邀请同事", opt={"scope": "portal:use", "personal": True}, status_code=200)
    async def add(self, request: Request[Any, Any, Any], state: State, city: City) -> Response[str]:
        """Add a colleague and show the invitation, this once."""
        fields = await form_of(request)
        try:
            form = read_form(ColleagueForm, fields)
            logic.check_username(form.username)
            async with state.db.transaction(city) as conn:
                person_id, token = await people.add_colleague(
                    conn,
                    state.clock,
                    state.logs.vault(city),
                    actor_of(request),
                    username=form.username,
                    name=form.name,
                )
        except CreditError as refused:
            return await _page(request, state, city, fields=fields, refused=refused)
        note_seen(request, about=person_id)
        return invited_page(request, state, token, form.username, f"/{city}/portal/people")

    @post("/{person_id:str}/invite", summary="重新邀请同事", opt={"scope": "portal:use"},
          status_code=200)  # fmt: skip
    async def invite(
        self, request: Request[Any, Any, Any], state: State, city: City, person_id: PersonId
    ) -> Response[str]:
        """Invite anew a colleague who never came in."""
        actor = actor_of(request)
        async with state.db.transaction(city) as conn:
            token = await people.invite_again(conn, state.clock, actor, person_id)
            shown = await people.shown_person(
                conn, state.clock, state.logs.vault(city), actor, person_id
            )
        back = f"/{city}/portal/people"
        return invited_page(request, state, token, shown.row.username or "", back)

    @post("/{person_id:str}/deactivate", summary="停用同事账户", opt={"scope": "portal:use"},
          status_code=200)  # fmt: skip
    async def deactivate(
        self, request: Request[Any, Any, Any], state: State, city: City, person_id: PersonId
    ) -> Response[Any]:
        """Let a colleague in no longer."""
        async with state.db.transaction(city) as conn:
            await people.deactivate(conn, actor_of(request), person_id)
        return redirect(
            f"/{city}/portal/people", notice=say("已停用。如需恢复，请联系市里的管理员。")
        )


async def _page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    *,
    cursor: str | None = None,
    fields: dict[str, Any] | None = None,
    refused: CreditError | None = None,
) -> Response[str]:
    async with state.db.city(city) as conn:
        found = await people.people_page(
            conn,
            state.clock,
            state.logs.vault(city),
            actor_of(request),
            after=cursor or "",
            limit=PAGE + 1,
        )
    given = fields or {}
    return render(
        request,
        "access/colleagues.html",
        http_status=refused.status if refused else 200,
        people=found[:PAGE],
        cursor=found[PAGE - 1].row.username if len(found) > PAGE else None,
        username=given.get("username", ""),
        person_name=given.get("name", ""),
        problem=refused,
    )
