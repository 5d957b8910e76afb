"""One's own account: where one is signed in, the password, and proving again who one is."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State

from credit.access import logic, service
from credit.access.own import TRAIL_COUNTED_MAX, own_data, own_document
from credit.access.pages.signin import Onward, Password, open_session
from credit.access.service import identities, passkeys
from credit.access.views import Visitor
from credit.kit.errors import CreditError, Unauthenticated
from credit.kit.http import City
from credit.kit.pages import attachment, form_of, read_form, redirect, render
from credit.kit.texts import marked, say

__all__ = ["AccountPages", "account_page", "confirm_page"]


class PasswordForm(msgspec.Struct, frozen=True):
    """A change of one's own password."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "old": marked("现在的密码"),
        "new": marked("新密码"),
        "again": marked("再输一次新密码"),
    }

    old: Password
    new: Password
    again: Password


class ConfirmForm(msgspec.Struct, frozen=True):
    """The password once more, before something important."""

    LABELS: ClassVar[Mapping[str, str]] = {"password": marked("密码")}

    password: Password
    next: str = ""


class AccountPages(Controller):
    """One's own account: sessions, password."""

    path = "/account"

    @get(summary="我的账户", opt={"scope": ""})
    async def account(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Show where one is signed in, and what may be changed."""
        return await account_page(request, state, city)

    @get("/data.json", summary="下载我的个人信息",
         opt={"scope": "", "confirmed": True, "personal": True})  # fmt: skip
    async def data(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[bytes]:
        """Return everything kept about the visitor as a file (PIPL, art. 45)."""
        async with state.db.city(city) as conn:
            document = await own_document(conn, state.clock, request.state.visitor)
        # What slices above keep about somebody, as plain JSON values by name.
        for section in state.own_sections:
            document |= await section(request, state, city)
        content = msgspec.json.format(msgspec.json.encode(document))
        return attachment(content, "application/json", "my-data.json")

    @post("/password", summary="改密码", opt={"scope": ""}, status_code=200)
    async def password(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Change one's own password; every session ends, and one begins anew."""
        visitor: Visitor = request.state.visitor
        try:
            form = read_form(PasswordForm, await form_of(request))
            if form.new != form.again:
                raise Unauthenticated(say("两次输入的新密码不一样，请重新输入。"))
            await service.check_password_of(
                state.db, state.clock, state.passwords, visitor, form.old
            )
            async with state.db.transaction(city) as conn:
                await service.set_password(
                    conn, state.clock, state.passwords, visitor.actor.person_id, form.new
                )
        except CreditError as refused:
            return await account_page(request, state, city, refused)
        response = await open_session(
            request, state, city, visitor.actor.person_id, f"/{city}/account"
        )
        response.cookies.extend(
            redirect("", notice=say("密码已改，其他地方的登录都已结束。")).cookies
        )
        return response

    @post("/sessions/end", summary="结束登录", opt={"scope": ""}, status_code=200)
    async def end(self, request: Request[Any, Any, Any], state: State, city: City) -> Response[Any]:
        """End one of one's sessions, or all others."""
        chosen = str((await form_of(request)).get("session", ""))
        visitor: Visitor = request.state.visitor
        async with state.db.transaction(city) as conn:
            await service.end_session_named(conn, visitor, chosen)
        return redirect(f"/{city}/account", notice=say("已结束。"))

    @get("/confirm", summary="确认身份页", opt={"scope": ""})
    async def confirm_form(
        self,
        request: Request[Any, Any, Any],
        state: State,
        onward: Onward = "",
    ) -> Response[str]:
        """Ask for a proof of identity before something important."""
        return await confirm_page(request, state, onward)

    @post("/confirm", summary="确认身份", opt={"scope": ""}, status_code=200)
    async def confirm(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Take the password once more, and go on."""
        fields = await form_of(request)
        visitor: Visitor = request.state.visitor
        try:
            form = read_form(ConfirmForm, fields)
            await service.check_password_of(
                state.db, state.clock, state.passwords, visitor, form.password
            )
        except CreditError as refused:
            return await confirm_page(request, state, str(fields.get("next", "")), refused)
        async with state.db.transaction(city) as conn:
            await service.confirm_session(conn, state.clock, visitor)
        return redirect(logic.safe_path(form.next, f"/{city}/account"))


async def account_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    refused: CreditError | None = None,
) -> Response[str]:
    """Show the visitor's account: sessions, passkeys, what they are linked to."""
    visitor: Visitor = request.state.visitor
    provider = state.identity_provider
    async with state.db.city(city) as conn:
        sessions = await service.sessions_of(conn, state.clock, visitor)
        kept = await passkeys.passkeys_of(conn, visitor)
        linked = await identities.linked_since(conn, provider, visitor) if provider.label else None
        own = await own_data(conn, visitor)
    return render(
        request,
        "access/account.html",
        http_status=refused.status if refused else 200,
        city=city,
        path=f"/{city}/account",
        query={},
        sessions=sessions,
        passkeys=kept,
        passkeys_at=passkeys.site_of(state.settings.public_url),
        provider=provider.label,
        linked=linked,
        role_titles=logic.ROLE_TITLES,
        own=own,
        trail_max=TRAIL_COUNTED_MAX,
        fresh=state.clock.now() - visitor.confirmed_at <= logic.CONFIRMED_FOR,
        # For whom there is no other page: theirs is the interface.
        only_place=logic.home_of(visitor.actor.scopes) == "account",
        problem=refused,
    )


async def confirm_page(
    request: Request[Any, Any, Any],
    state: State,
    onward: str,
    refused: CreditError | None = None,
) -> Response[str]:
    """Ask for the password once more, or for a passkey of those who have one."""
    visitor: Visitor = request.state.visitor
    async with state.db.city(visitor.city) as conn:
        kept = await passkeys.passkeys_of(conn, visitor)
    return render(
        request,
        "access/confirm.html",
        http_status=refused.status if refused else 200,
        path=f"/{visitor.city}/account/confirm",
        query={"next": onward},
        next=onward,
        passkeys_at=passkeys.site_of(state.settings.public_url) if kept else None,
        problem=refused,
    )
