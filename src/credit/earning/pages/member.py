"""The console's page of a member: what is known, what they did, a guardian's consent, who signs in."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Annotated, Any, ClassVar
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter
from msgspec import Struct

from credit.access import service as access
from credit.access.guard import actor_of
from credit.access.pages.people import Username, invited_page
from credit.access.views import Actor
from credit.earning.pages.members import bank_of
from credit.earning.pages.words import WORDS
from credit.earning.reading import store
from credit.earning.service import member_lists, sign_ins
from credit.kit.blobs import BLOB_BYTES_MAX, sniff
from credit.kit.db import Connection
from credit.kit.errors import CreditError, Invalid
from credit.kit.http import City, IdCursor
from credit.kit.pages import file_of, form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.parties import service as parties
from credit.rules.loading import pack_of_city

__all__ = ["MemberId", "MemberPages", "rule_titles"]

DEEDS = 30
PAPERS = ("application/pdf", "image/png", "image/jpeg")
FORM_BYTES_MAX = BLOB_BYTES_MAX + 64 * 1024
MemberId = Annotated[str, PathParameter(pattern=r"^W[0-9A-Z]{1,23}$", max_length=24)]
Act = Callable[[Connection, Actor], Awaitable[None]]


class ConsentForm(Struct, frozen=True):
    """When a guardian signed; the paper comes as a file."""

    LABELS: ClassVar[Mapping[str, str]] = {"on": marked("签署日期")}

    on: date


class UsernameForm(Struct, frozen=True):
    """The name somebody signs in by."""

    LABELS: ClassVar[Mapping[str, str]] = {"username": marked("用户名")}

    username: Username


class MemberPages(Controller):
    """`/{city}/console/members/{wallet}`: a member."""

    path = "/console/members/{wallet:str}"

    @get(summary="一个参与者", opt={"scope": "points:read", "personal": True})
    async def member(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        wallet: MemberId,
        cursor: IdCursor = None,
    ) -> Response[str]:
        """Show a member with what they did, the newest first."""
        return await _page(request, state, city, wallet, cursor=cursor)

    @post("/consent", summary="登记监护人同意", opt={"scope": "points:record"}, status_code=200,
          request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def consent(
        self, request: Request[Any, Any, Any], state: State, city: City, wallet: MemberId
    ) -> Response[Any]:
        """Keep the digest of a guardian's consent; the scan itself is not kept here."""

        async def act(conn: Connection, actor: Actor) -> None:
            form = read_form(ConsentForm, _texts(await form_of(request)))
            paper = await _paper(request)
            await sign_ins.give_consent(conn, state.clock, actor, wallet, paper, form.on)

        told = say("已登记监护人的同意。请把同意书原件和这份扫描件归档。")
        return await _done(request, state, city, wallet, act, told)

    @post("/consent/check", summary="核对同意书", opt={"scope": "points:record"}, status_code=200,
          request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def check_consent(
        self, request: Request[Any, Any, Any], state: State, city: City, wallet: MemberId
    ) -> Response[Any]:
        """Say whether a scan is the one that was registered."""
        same = False

        async def act(conn: Connection, actor: Actor) -> None:
            nonlocal same
            same = await sign_ins.is_consent(conn, actor, wallet, await _paper(request))

        answer = await _done(request, state, city, wallet, act, "")
        if answer.status_code != 303:
            return answer
        told = say("这份扫描件就是登记时的那一份，没有改动。")
        if not same:
            told = say("这份扫描件与登记时的不是同一个文件。请核对是否拿错，或文件改动过。")
        return redirect(f"/{city}/console/members/{wallet}", notice=told)

    @post("/invitation", summary="邀请参与者", opt={"scope": "points:record", "personal": True},
          status_code=200)  # fmt: skip
    async def invite(
        self, request: Request[Any, Any, Any], state: State, city: City, wallet: MemberId
    ) -> Response[str]:
        """Make an account for a member, and show the invitation, this once."""
        fields, vault = _texts(await form_of(request)), state.logs.vault(city)
        try:
            form = read_form(UsernameForm, fields)
            async with state.db.transaction(city) as conn:
                token = await sign_ins.invite(
                    conn, state.clock, vault, actor_of(request), wallet, form.username
                )
        except CreditError as refused:
            return await _page(request, state, city, wallet, fields, refused)
        back = f"/{city}/console/members/{wallet}"
        return invited_page(request, state, token, form.username, back)

    @post("/invitation/again", summary="重新邀请参与者", opt={"scope": "points:record"},
          status_code=200)  # fmt: skip
    async def invite_again(
        self, request: Request[Any, Any, Any], state: State, city: City, wallet: MemberId
    ) -> Response[str]:
        """Make a new invitation for who never came in."""
        try:
            async with state.db.transaction(city) as conn:
                username, token = await sign_ins.invite_again(
                    conn, state.clock, actor_of(request), wallet
                )
        except CreditError as refused:
            return await _page(request, state, city, wallet, {}, refused)
        return invited_page(request, state, token, username, f"/{city}/console/members/{wallet}")

    @post("/link", summary="关联登录账户", opt={"scope": "points:record"}, status_code=200)
    async def link(
        self, request: Request[Any, Any, Any], state: State, city: City, wallet: MemberId
    ) -> Response[Any]:
        """Let a resident who has an account sign in for the member."""

        async def act(conn: Connection, actor: Actor) -> None:
            form = read_form(UsernameForm, _texts(await form_of(request)))
            await sign_ins.link(conn, actor, wallet, form.username)

        return await _done(request, state, city, wallet, act, say("已关联登录账户。"))

    @post("/unlink", summary="解除登录账户", opt={"scope": "points:record"}, status_code=200)
    async def unlink(
        self, request: Request[Any, Any, Any], state: State, city: City, wallet: MemberId
    ) -> Response[Any]:
        """Let nobody sign in for the member any more."""

        async def act(conn: Connection, actor: Actor) -> None:
            await sign_ins.unlink(conn, actor, wallet)

        told = say("已解除关联。积分还在，原来的账户看不到了。")
        return await _done(request, state, city, wallet, act, told)


def rule_titles(city: str, deeds: list[store.Deed]) -> dict[str, tuple[str, str]]:
    """Return titles and units of rules by code, as they were when something was done."""
    pack = pack_of_city(city)
    found: dict[str, tuple[str, str]] = {}
    for one in deeds:
        rules = {rule.code: rule for rule in pack.on(one.participated_on).points.earning}
        rule = rules.get(one.rule)
        found[one.rule] = (rule.title, rule.unit) if rule else (one.rule, "time")
    return found


async def _page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    wallet: str,
    fields: Mapping[str, str] | None = None,
    refused: CreditError | None = None,
    *,
    cursor: str | None = None,
) -> Response[str]:
    """Show a member; `fields` are what was filled in where something was refused."""
    actor = actor_of(request)
    async with state.db.city(city) as conn:
        shown = await member_lists.shown_member(
            conn, state.clock, state.logs.vault(city), actor, wallet
        )
        before = UUID(cursor) if cursor else None
        deeds = await store.deeds(conn, wallet, before, DEEDS + 1)
        names = await parties.division_names(conn, [shown.member.division])
        posts = await access.posts_of(conn, {shown.row.registered_by})
    return render(
        request,
        "earning/member.html",
        http_status=refused.status if refused else 200,
        shown=shown,
        kind=member_lists.kind_title(bank_of(state, city), shown.member.kind),
        needs_consent=shown.needs_consent(state.clock.today()),
        minor=shown.member.minor_on(state.clock.today()),
        place=names[shown.member.division],
        registered_by=posts.get(shown.row.registered_by, shown.row.registered_by),
        deeds=deeds[:DEEDS],
        titles=rule_titles(city, deeds),
        cursor=deeds[DEEDS - 1].id.hex if len(deeds) > DEEDS else None,
        words=WORDS,
        me=actor.person_id,
        today=state.clock.today(),
        fields=defaultdict(str, fields or {}),
        problem=refused,
    )


async def _done(
    request: Request[Any, Any, Any], state: State, city: str, wallet: str, act: Act, notice: str
) -> Response[Any]:
    """Change a member in a transaction; refused, show the page with what was filled in."""
    try:
        async with state.db.transaction(city) as conn:
            await act(conn, actor_of(request))
    except CreditError as refused:
        fields = _texts(await form_of(request))
        return await _page(request, state, city, wallet, fields, refused)
    return redirect(f"/{city}/console/members/{wallet}", notice=notice)


async def _paper(request: Request[Any, Any, Any]) -> bytes:
    """Read a scanned paper: of a kind that a paper is scanned to."""
    found = await file_of(request, "paper", BLOB_BYTES_MAX)
    if found is None:
        raise Invalid(say("请选择同意书的扫描件。"))
    _, content, declared = found
    if declared not in PAPERS or not sniff(content, declared):
        raise Invalid(say("同意书请上传 PDF、PNG 或 JPEG 扫描件。"))
    return content


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if isinstance(value, str)}
