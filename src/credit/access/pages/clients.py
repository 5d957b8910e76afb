"""Machines' keys in the console: issued, renewed, revoked, bound to signatures."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta

from credit.access import logic
from credit.access.admin import clients, people
from credit.access.admin.people import ShownPerson
from credit.access.guard import actor_of, note_seen
from credit.access.pages.people import PAGE
from credit.access.service.clients import KEY_DAYS, KEY_DAYS_MAX, RATE_MAX, RATE_PER_MINUTE
from credit.kit.errors import CreditError, Invalid
from credit.kit.http import City, SearchText
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say

__all__ = ["ClientPages"]

_PREFIX = r"^ck_[0-9a-f]{9}$(?!\n)"
Prefix = Annotated[str, PathParameter(pattern=_PREFIX, max_length=12)]
PrefixCursor = Annotated[str | None, QueryParameter(pattern=_PREFIX, max_length=12)]
Chosen = Annotated[str, QueryParameter(pattern=r"^(P-[0-9a-f]{16})?$(?!\n)", max_length=18)]
WORDS = {"scopes": logic.SCOPE_TITLES, "roles": logic.ROLE_TITLES}


class IssueForm(msgspec.Struct, frozen=True):
    """A key for a machine of somebody."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "name": marked("用途"),
        "scopes": marked("权限"),
        "rate": marked("每分钟最多请求数"),
        "days": marked("有效天数"),
    }

    person: Annotated[str, Meta(pattern=r"^P-[0-9a-f]{16}$(?!\n)")]
    name: Annotated[
        str, Meta(min_length=1, max_length=80, pattern=r"^[^\u0000-\u001f\u007f]*$(?!\n)")
    ]
    scopes: Annotated[list[str], Meta(max_length=40)]
    rate: Annotated[int, Meta(ge=1, le=RATE_MAX)] = RATE_PER_MINUTE
    days: Annotated[int, Meta(ge=1, le=KEY_DAYS_MAX)] = KEY_DAYS


class RotationForm(msgspec.Struct, frozen=True):
    """For how long the old key still works."""

    LABELS: ClassVar[Mapping[str, str]] = {"overlap": marked("旧密钥再用几天")}

    overlap: Annotated[int, Meta(ge=0, le=clients.OVERLAP_DAYS_MAX)] = clients.OVERLAP_DAYS


class PublicKeyForm(msgspec.Struct, frozen=True):
    """The key a client signs with; nothing takes it away."""

    LABELS: ClassVar[Mapping[str, str]] = {"public_key": marked("公钥（32 字节的 base64）")}

    public_key: Annotated[str, Meta(max_length=80)] | None = None


class ClientPages(Controller):
    """`/{city}/console/clients`: for the administrator."""

    path = "/console/clients"

    @get(summary="接口密钥列表", opt={"scope": "people:write"})
    async def clients(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        q: SearchText = None,
        ended: Annotated[Literal["", "yes"], QueryParameter()] = "",
        cursor: PrefixCursor = None,
    ) -> Response[str]:
        """List keys, the newest first."""
        async with state.db.city(city) as conn:
            found = await clients.clients_page(
                conn,
                state.clock,
                actor_of(request),
                after=cursor,
                query=q,
                ended=bool(ended),
                limit=PAGE + 1,
            )
        return render(
            request,
            "access/clients.html",
            clients=found[:PAGE],
            q=q or "",
            ended=ended,
            now=state.clock.now(),
            words=WORDS,
            cursor=found[PAGE - 1].prefix if len(found) > PAGE else None,
        )

    @get("/new", summary="发接口密钥页", opt={"scope": "people:write", "personal": True})
    async def entry(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        person: Chosen = "",
        q: SearchText = None,
    ) -> Response[str]:
        """Choose whose machine it is, and then what it may do."""
        if person:
            return await _issue_page(request, state, city, person, {})
        async with state.db.city(city) as conn:
            found = await people.people_page(
                conn,
                state.clock,
                state.logs.vault(city),
                actor_of(request),
                after="",
                query=q,
                limit=PAGE,
            )
        chosen = [one for one in found if one.row.active]
        return render(request, "access/client_person.html", people=chosen, q=q or "", words=WORDS)

    @post("/new", summary="发接口密钥", opt={"scope": "people:write", "personal": True},
          status_code=200)  # fmt: skip
    async def issue(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Issue a key and show it, this once."""
        fields = await form_of(request)
        scopes = fields.get("scopes", [])
        fields["scopes"] = [scopes] if isinstance(scopes, str) else scopes
        try:
            form = read_form(IssueForm, fields)
            if not form.scopes:
                raise Invalid(say("请至少勾选一项权限。"))
            async with state.db.transaction(city) as conn:
                key = await clients.issue_client(
                    conn,
                    state.clock,
                    state.logs.vault(city),
                    person_id=form.person,
                    purpose=form.name,
                    scopes=form.scopes,
                    rate_per_minute=form.rate,
                    days=form.days,
                )
        except CreditError as refused:
            return await _issue_page(
                request, state, city, str(fields.get("person", "")), fields, refused
            )
        return _key_page(request, state, key, form.name)

    @get("/{prefix:str}", summary="一把接口密钥", opt={"scope": "people:write"})
    async def client(
        self, request: Request[Any, Any, Any], state: State, city: City, prefix: Prefix
    ) -> Response[str]:
        """Show a key with what may be done with it."""
        return await _client_page(request, state, city, prefix)

    @post("/{prefix:str}/rotate", summary="换发接口密钥", opt={"scope": "people:write"},
          status_code=200)  # fmt: skip
    async def rotate(
        self, request: Request[Any, Any, Any], state: State, city: City, prefix: Prefix
    ) -> Response[str]:
        """Issue a key in the place of this one and show it, this once."""
        try:
            form = read_form(RotationForm, await form_of(request))
            async with state.db.transaction(city) as conn:
                old = await clients.client(conn, actor_of(request), prefix)
                key = await clients.rotate_client(
                    conn, state.clock, actor_of(request), prefix, form.overlap
                )
        except CreditError as refused:
            return await _client_page(request, state, city, prefix, refused)
        return _key_page(request, state, key, old.name)

    @post("/{prefix:str}/revoke", summary="吊销接口密钥", opt={"scope": "people:write"},
          status_code=200)  # fmt: skip
    async def revoke(
        self, request: Request[Any, Any, Any], state: State, city: City, prefix: Prefix
    ) -> Response[Any]:
        """End a key at once."""
        async with state.db.transaction(city) as conn:
            await clients.revoke_client(conn, state.clock, actor_of(request), prefix)
        return redirect(f"/{city}/console/clients/{prefix}", notice=say("已吊销，立即失效。"))

    @post("/{prefix:str}/public-key", summary="登记接口公钥", opt={"scope": "people:write"},
          status_code=200)  # fmt: skip
    async def public_key(
        self, request: Request[Any, Any, Any], state: State, city: City, prefix: Prefix
    ) -> Response[Any]:
        """Register the key the client signs with, or take it away."""
        try:
            form = read_form(PublicKeyForm, await form_of(request))
            async with state.db.transaction(city) as conn:
                await clients.register_public_key(
                    conn, state.clock, actor_of(request), prefix, form.public_key
                )
        except CreditError as refused:
            return await _client_page(request, state, city, prefix, refused)
        said = (
            say("公钥已登记：从现在起，除查询外的请求都要签名。")
            if form.public_key
            else say("公钥已移除。")
        )
        return redirect(f"/{city}/console/clients/{prefix}", notice=said)


def _key_page(
    request: Request[Any, Any, Any], state: State, key: str, purpose: str
) -> Response[str]:
    """Show a key; it is written nowhere else."""
    prefix = logic.split_key(key) or ""
    note_seen(request, about=prefix)
    return render(
        request,
        "access/key.html",
        key=key,
        prefix=prefix,
        purpose=purpose,
        public_url=state.settings.public_url,
    )


async def _issue_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    person_id: str,
    fields: Mapping[str, Any],
    refused: CreditError | None = None,
) -> Response[str]:
    async with state.db.city(city) as conn:
        shown: ShownPerson = await people.shown_person(
            conn, state.clock, state.logs.vault(city), actor_of(request), person_id
        )
    return render(
        request,
        "access/client_new.html",
        http_status=refused.status if refused else 200,
        person=shown,
        scopes=sorted(logic.scopes_of(shown.row.roles) - logic.PAGE_SCOPES),
        words=WORDS,
        fields=defaultdict(str, {"rate": RATE_PER_MINUTE, "days": KEY_DAYS, **fields}),
        rate_max=RATE_MAX,
        days_max=KEY_DAYS_MAX,
        problem=refused,
    )


async def _client_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    prefix: str,
    refused: CreditError | None = None,
) -> Response[str]:
    async with state.db.city(city) as conn:
        found = await clients.client(conn, actor_of(request), prefix)
    return render(
        request,
        "access/client.html",
        http_status=refused.status if refused else 200,
        client=found,
        now=state.clock.now(),
        words=WORDS,
        overlap=clients.OVERLAP_DAYS,
        overlap_max=clients.OVERLAP_DAYS_MAX,
        problem=refused,
    )
