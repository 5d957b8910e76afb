"""The page an invitation leads to: choosing a password, and coming in."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.access.admin import invitations
from credit.access.pages.signin import Password, open_session
from credit.access.views import Seen
from credit.kit.errors import CreditError, Invalid, NotFound
from credit.kit.http import City
from credit.kit.pages import form_of, read_form, render
from credit.kit.texts import marked, say

__all__ = ["InvitationPages"]

SHAPE = r"^[0-9A-Za-z_-]{43}$(?!\n)"
Token = Annotated[str, QueryParameter(pattern=SHAPE, max_length=43)]


class NewPasswordForm(msgspec.Struct, frozen=True):
    """A password chosen, twice, by whoever has the invitation."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "password": marked("新密码"),
        "again": marked("再输一次"),
    }

    token: Annotated[str, msgspec.Meta(pattern=SHAPE)]
    password: Password
    again: Password


class InvitationPages(Controller):
    """`/invitation/{city}?token=…`; looking at it uses nothing up.

    The token is no part of the path, since paths are written to the service's log.
    """

    path = "/invitation/{city:str}"

    @get(summary="邀请页")
    async def invitation(
        self, request: Request[Any, Any, Any], state: State, city: City, token: Token
    ) -> Response[str]:
        """Ask for a password."""
        return await _page(request, state, city, token)

    @post(summary="接受邀请", status_code=200)
    async def accept(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Set the password, and sign in."""
        fields = await form_of(request)
        try:
            form = read_form(NewPasswordForm, fields)
            if form.password != form.again:
                raise Invalid(say("两次输入的密码不一样，请重新输入。"))
            async with state.db.transaction(city) as conn:
                person_id = await invitations.accept_invitation(
                    conn, state.clock, state.passwords, form.token, form.password
                )
        except NotFound:
            raise
        except CreditError as refused:
            return await _page(request, state, city, str(fields.get("token", "")), refused)
        request.state.trail = Seen("接受邀请", person_id)
        return await open_session(request, state, city, person_id, "")


async def _page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    token: str,
    refused: CreditError | None = None,
) -> Response[str]:
    async with state.db.city(city) as conn:
        username = await invitations.invited_name(conn, state.clock, token)
    page = render(
        request,
        "access/invitation.html",
        http_status=refused.status if refused else 200,
        username=username,
        token=token,
        problem=refused,
    )
    page.headers["Cache-Control"] = "no-store"
    return page
