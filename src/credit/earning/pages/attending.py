"""Signing in: the code on the organiser's screen, and the page on a resident's phone."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from credit.access.views import Actor
from credit.earning import service as earning
from credit.earning.logic.activities import CODE_DIGITS
from credit.earning.pages.words import WORDS
from credit.earning.service import attending
from credit.earning.service.attending import Meant
from credit.kit.errors import CreditError, TooManyRequests
from credit.kit.http import City, RecordKey
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.rules.loading import pack_of_city

__all__ = ["ActivityCodePages", "AttendPages"]

# While there is no code yet, the page looks again this often.
WAITING_SECONDS = 60
# People scan a code twice at an activity; whoever sends many more is guessing.
TRIES_PER_MINUTE, TRIES_AT_ONCE = 20, 10
CODE = rf"[0-9]{{{CODE_DIGITS}}}"
ACTIVITY = r"[0-9a-f]{32}"
AskedCode = Annotated[str, QueryParameter(max_length=20)]
AskedActivity = Annotated[str, QueryParameter(pattern=rf"^({ACTIVITY})?$(?!\n)", max_length=32)]


class SignForm(Struct, frozen=True):
    """The digits of a code, and the activity where it was scanned."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "code": marked("签到码或签退码"),
        "activity": marked("活动"),
    }

    code: Annotated[str, Meta(pattern=rf"^{CODE}$(?!\n)")]
    activity: Annotated[str, Meta(pattern=rf"^{ACTIVITY}$(?!\n)")] = ""


class ActivityCodePages(Controller):
    """`/{city}/console/activities/{activity}/code`: what people scan, large enough for a room."""

    path = "/console/activities/{activity_id:str}/code"

    @get(summary="签到码", opt={"scope": "points:record"})
    async def code(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        activity_id: RecordKey,
        way: Annotated[Literal["in", "out"], QueryParameter()] = "in",
    ) -> Response[str]:
        """Show the code of this moment; the page asks for the next one by itself."""
        pack, key = pack_of_city(city), UUID(activity_id)
        async with state.db.city(city) as conn:
            shown = await attending.code_now(
                conn, state.clock, request.state.visitor.actor, pack, key, way
            )
        public = f"{state.settings.public_url}/{city}/wallet/activity"
        response = render(
            request,
            "earning/activity_code.html",
            words=WORDS,
            activity=shown.activity,
            way=way,
            code=shown.code,
            address=f"{public}?activity={key.hex}&code={shown.code}",
            typed=public.partition("://")[2],
            refused=shown.refused,
        )
        # Past the end of the slot, so that what comes is the next code.
        again = shown.seconds + 1 if shown.code else WAITING_SECONDS
        response.headers["Refresh"] = str(again)
        return response


class AttendPages(Controller):
    """`/{city}/wallet/activity`: where a resident signs in and out."""

    path = "/wallet/activity"

    @get(summary="活动签到页", opt={"scope": "wallet:use", "personal": True})
    async def look(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        code: AskedCode = "",
        activity: AskedActivity = "",
    ) -> Response[str]:
        """Say what a code is for, and ask for it where there is none; nothing is signed by looking."""
        return await _page(
            request, state, city, {"code": "".join(code.split()), "activity": activity}
        )

    @post(summary="活动签到签退", opt={"scope": "wallet:use"}, status_code=200)
    async def sign(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Sign in or out, as the code says."""
        fields = await form_of(request)
        try:
            form = _read(request, state, fields)
            async with state.db.transaction(city) as conn:
                member = await earning.own_member(conn, request.state.visitor.actor)
                done = await attending.sign(
                    conn, state.clock, city, pack_of_city(city), member, form.code,
                    UUID(form.activity) if form.activity else None,
                )  # fmt: skip
        except CreditError as refused:
            return await _page(request, state, city, {}, refused)
        return redirect(f"/{city}/wallet/activity", notice=_notice(done))


def _read(request: Request[Any, Any, Any], state: State, fields: Mapping[str, Any]) -> SignForm:
    """Read a code, and count it: nobody finds one by trying."""
    actor: Actor = request.state.visitor.actor
    wait = state.rates.take(
        ("sign", actor.person_id), state.clock.now().timestamp(),
        per_minute=TRIES_PER_MINUTE, burst=TRIES_AT_ONCE,
    )  # fmt: skip
    if wait:
        raise TooManyRequests(say("试得太频繁。请等一分钟，再照屏幕上现在的码填写。"))
    plain = {name: "".join(str(value).split()) for name, value in fields.items()}
    return read_form(SignForm, plain)


async def _page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    fields: Mapping[str, str],
    refused: CreditError | None = None,
) -> Response[str]:
    """Show what a code is for, or ask for one; and where the resident signed in these days."""
    meant: Meant | None = None
    async with state.db.transaction(city) as conn:
        member = await earning.own_member(conn, request.state.visitor.actor)
        if fields.get("code") and refused is None:
            try:
                form = _read(request, state, fields)
                meant = await attending.meant(
                    conn, state.clock, city, pack_of_city(city), member, form.code,
                    UUID(form.activity) if form.activity else None,
                )  # fmt: skip
            except CreditError as found:
                refused = found
        lately = await attending.lately(conn, state.clock, member)
    return render(
        request,
        "earning/attend.html",
        http_status=refused.status if refused else 200,
        words=WORDS,
        meant=meant,
        code=fields.get("code", ""),
        lately=[(one, activity) for one, activity in lately if activity is not None],
        digits=CODE_DIGITS,
        problem=refused,
    )


def _notice(done: Meant) -> str:
    if done.way == "in":
        return say(
            "已签到：%(title)s。离开时请再扫一次签退码，没有签退的不记时长。",
            title=done.activity.title,
        )
    return say("已签退：%(title)s。活动关闭并审核以后记分。", title=done.activity.title)
