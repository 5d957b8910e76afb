"""Pages of passkeys: signing in with one, one's own, and proving with one who one is."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter

from credit.access import logic
from credit.access.pages.account import confirm_page
from credit.access.pages.signin import (
    CityCode,
    city_of,
    note_sign_in,
    open_session,
    sign_in_page,
)
from credit.access.service import passkeys
from credit.access.service.passkeys import Site
from credit.access.views import Visitor
from credit.kit.errors import CreditError, NotFound, Unauthenticated
from credit.kit.http import City
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say

__all__ = ["PasskeyPages", "PasskeySignInPages"]

Digest = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{64}$", max_length=64)]
Answer = Annotated[str, msgspec.Meta(min_length=2, max_length=20_000)]
Name = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=60, pattern=r"^[^\u0000-\u001f\u007f]+$(?!\n)"),
]


class SignInForm(msgspec.Struct, frozen=True):
    """The browser's answer at sign-in, and the city whose page asked."""

    LABELS: ClassVar[Mapping[str, str]] = {"city": marked("城市")}

    answer: Answer
    city: CityCode | None = None
    next: str = ""


class NewForm(msgspec.Struct, frozen=True):
    """The browser's answer with a new passkey, and what to call it."""

    LABELS: ClassVar[Mapping[str, str]] = {"name": marked("名称")}

    answer: Answer
    name: Name


class ConfirmForm(msgspec.Struct, frozen=True):
    """The browser's answer before something important."""

    answer: Answer
    next: str = ""


class ApprovalForm(msgspec.Struct, frozen=True):
    """The digest of what is about to be signed."""

    digest: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]


class PasskeySignInPages(Controller):
    """Signing in with a passkey; who it is, and of which city, the passkey says."""

    path = "/login/passkey"
    include_in_schema = False

    @post("/options", summary="通行密钥登录的请求", status_code=200)
    async def options(self, request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
        """Ask the browser for a passkey."""
        site = _site(state)
        city = city_of(state, str((await form_of(request)).get("city", "")))
        async with state.db.city(city) as conn:
            return await passkeys.sign_in_options(conn, state.clock, site)

    @post(summary="通行密钥登录", status_code=200)
    async def sign_in(self, request: Request[Any, Any, Any], state: State) -> Response[Any]:
        """Begin a session for the owner of the passkey."""
        fields = await form_of(request)
        asked = city_of(state, str(fields.get("city", "")))
        try:
            form = read_form(SignInForm, fields)
            city, person_id = await passkeys.sign_in_with_passkey(
                state.db, state.clock, _site(state), asked, form.answer
            )
        except CreditError as refused:
            if isinstance(refused, Unauthenticated):
                await note_sign_in(request, state, asked, None, 401)
            return sign_in_page(request, state, fields, refused)
        return await open_session(request, state, city, person_id, form.next)


class PasskeyPages(Controller):
    """One's own passkeys, and what they prove: who one is, and that one wants what is signed."""

    path = "/account"

    @get("/passkeys/new", summary="添加通行密钥页", opt={"scope": "", "confirmed": True})
    async def form(self, request: Request[Any, Any, Any], state: State) -> Response[str]:
        """Ask what to call a new passkey."""
        return render(request, "access/passkey_new.html", passkeys_at=_site(state), problem=None)

    @post(
        "/passkeys/options",
        summary="添加通行密钥的请求",
        opt={"scope": "", "confirmed": True},
        status_code=200,
    )
    async def options(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> dict[str, Any]:
        """Ask the browser to make a passkey."""
        site = _site(state)
        async with state.db.city(city) as conn:
            return await passkeys.passkey_options(conn, state.clock, site, request.state.visitor)

    @post(
        "/passkeys", summary="添加通行密钥", opt={"scope": "", "confirmed": True}, status_code=200
    )
    async def add(self, request: Request[Any, Any, Any], state: State, city: City) -> Response[Any]:
        """Take in the passkey the browser made."""
        site = _site(state)
        try:
            form = read_form(NewForm, await form_of(request))
            await passkeys.add_passkey(
                state.db,
                state.clock,
                site,
                request.state.visitor,
                name=form.name,
                answer=form.answer,
            )
        except CreditError as refused:
            return render(
                request,
                "access/passkey_new.html",
                http_status=refused.status,
                passkeys_at=site,
                problem=refused,
            )
        return redirect(f"/{city}/account", notice=say("通行密钥已添加，下次登录可以直接用它。"))

    @get(
        "/passkeys/{digest:str}/delete",
        summary="删除通行密钥页",
        opt={"scope": "", "confirmed": True},
    )
    async def deletion(
        self, request: Request[Any, Any, Any], state: State, city: City, digest: Digest
    ) -> Response[str]:
        """Show which passkey is about to be deleted."""
        async with state.db.city(city) as conn:
            kept = await passkeys.passkeys_of(conn, request.state.visitor)
        found = next((one for one in kept if one.digest == digest), None)
        if found is None:
            raise NotFound(say("没有这个通行密钥，可能已经删除。"))
        return render(request, "access/passkey_delete.html", passkey=found)

    @post(
        "/passkeys/{digest:str}/delete",
        summary="删除通行密钥",
        opt={"scope": "", "confirmed": True},
        status_code=200,
    )
    async def delete(
        self, request: Request[Any, Any, Any], state: State, city: City, digest: Digest
    ) -> Response[Any]:
        """Delete one of one's passkeys."""
        async with state.db.transaction(city) as conn:
            await passkeys.drop_passkey(conn, request.state.visitor, digest)
        return redirect(
            f"/{city}/account", notice=say("通行密钥已删除。设备里留下的那一份也可以在设备上删掉。")
        )

    @post("/approval", summary="请求批准签名", opt={"scope": ""}, status_code=200)
    async def approval(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> dict[str, Any]:
        """Ask for a passkey's approval of what is about to be signed; null for who has none."""
        form = read_form(ApprovalForm, await form_of(request))
        site = passkeys.site_of(state.settings.public_url)
        async with state.db.city(city) as conn:
            options = await passkeys.approval_options(
                conn, state.clock, site, request.state.visitor, bytes.fromhex(form.digest)
            )
        return {"options": options, "origin": site and site.origin}

    @post(
        "/confirm/passkey/options",
        summary="通行密钥确认身份的请求",
        opt={"scope": ""},
        status_code=200,
    )
    async def confirm_options(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> dict[str, Any]:
        """Ask the browser for one of the visitor's passkeys."""
        site = _site(state)
        async with state.db.city(city) as conn:
            return await passkeys.confirmation_options(
                conn, state.clock, site, request.state.visitor
            )

    @post("/confirm/passkey", summary="通行密钥确认身份", opt={"scope": ""}, status_code=200)
    async def confirm(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Take the passkey's answer in the place of the password, and go on."""
        fields = await form_of(request)
        visitor: Visitor = request.state.visitor
        try:
            form = read_form(ConfirmForm, fields)
            await passkeys.confirm_with_passkey(
                state.db, state.clock, _site(state), visitor, form.answer
            )
        except CreditError as refused:
            return await confirm_page(request, state, str(fields.get("next", "")), refused)
        return redirect(logic.safe_path(form.next, f"/{city}/account"))


def _site(state: State) -> Site:
    """Return what passkeys are bound to; refuses where browsers would not take them."""
    site = passkeys.site_of(state.settings.public_url)
    if site is None:
        raise NotFound(say("本网站的地址不支持通行密钥（需要域名和 https）。请用密码。"))
    return site
