"""The console's pages of attendance: written down by hand, and the activity closed."""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from msgspec import Meta, Struct

from credit.earning import service as earning
from credit.earning.activities.views import Attendance
from credit.earning.logic.flags import flags_of_activity
from credit.earning.pages.activities import activity_page
from credit.earning.pages.words import WORDS, masked_names, moment_of
from credit.earning.service import activities as service
from credit.earning.service import attending, closing
from credit.earning.service.closing import Closed
from credit.kit.clock import CHINA
from credit.kit.errors import Conflict, CreditError, Invalid
from credit.kit.http import City, Reason, RecordKey
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import listed, marked, say
from credit.rules.loading import pack_of_city

__all__ = ["AttendancePages", "MemberId"]

MemberId = Annotated[str, Meta(pattern=r"^W[0-9A-Z]{1,23}$(?!\n)", max_length=24)]
REFUSED_SHOWN = 50
Moment = Annotated[str, Meta(max_length=20)]


class HandForm(Struct, frozen=True):
    """When somebody came and left."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "member": marked("钱包编号"),
        "came": marked("签到时间"),
        "left": marked("签退时间"),
    }

    member: MemberId
    came: Moment
    left: Moment = ""


class CloseForm(Struct, frozen=True):
    """What shows that those were there who were written down by hand."""

    LABELS: ClassVar[Mapping[str, str]] = {"evidence": marked("补登的凭据")}

    evidence: Reason | None = None


class AttendancePages(Controller):
    """`/{city}/console/activities/{activity}`: who was there, and what comes of it."""

    path = "/console/activities/{activity_id:str}"

    @post("/attendance", summary="补登签到", opt={"scope": "points:record"}, status_code=200)
    async def write_down(
        self, request: Request[Any, Any, Any], state: State, city: City, activity_id: RecordKey
    ) -> Response[Any]:
        """Write down by hand when a member came and left."""
        fields = await form_of(request)
        try:
            form = read_form(HandForm, {k: _trimmed(v) for k, v in fields.items()})
            labels = form.LABELS
            written = Attendance(
                UUID(activity_id), form.member,
                moment_of(form.came, "came", labels["came"]),
                moment_of(form.left, "left", labels["left"]) if form.left else None, None,
            )  # fmt: skip
            async with state.db.transaction(city) as conn:
                await attending.write_down(
                    conn, state.clock, city, request.state.visitor.actor, pack_of_city(city),
                    written,
                )  # fmt: skip
        except CreditError as refused:
            return await activity_page(request, state, city, activity_id, fields, refused)
        return redirect(
            f"/{city}/console/activities/{activity_id}",
            notice=say("已补登。补登的要由另一位同事对照凭据审核。"),
        )

    @get("/close", summary="关闭活动页", opt={"scope": "points:record", "personal": True})
    async def look(
        self, request: Request[Any, Any, Any], state: State, city: City, activity_id: RecordKey
    ) -> Response[str]:
        """Say what closing would make; where it cannot be done, show the activity and why."""
        try:
            return await _close_page(request, state, city, activity_id)
        except Conflict as refused:
            return await activity_page(request, state, city, activity_id, {}, refused)

    @post("/close", summary="关闭活动", opt={"scope": "points:record"}, status_code=200)
    async def close(
        self, request: Request[Any, Any, Any], state: State, city: City, activity_id: RecordKey
    ) -> Response[Any]:
        """Close an activity; what needs no approval is posted at once."""
        fields, pack = await form_of(request), pack_of_city(city)
        try:
            evidence = (read_form(CloseForm, fields).evidence or "").strip()
            async with state.db.transaction(city) as conn:
                done = await closing.close(
                    conn, state.clock, city, request.state.visitor.actor, pack, UUID(activity_id),
                    evidence=evidence,
                )  # fmt: skip
        except Invalid as refused:
            return await _close_page(request, state, city, activity_id, refused)
        except Conflict as refused:
            return await activity_page(request, state, city, activity_id, {}, refused)
        if done.approved:
            writer = state.writers.of(city)
            await earning.post_approved(state.db, state.clock, city, writer, pack, done.approved)
        return redirect(f"/{city}/console/activities/{activity_id}", notice=_notice(done))


def _trimmed(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


async def _close_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    activity_id: str,
    refused: CreditError | None = None,
) -> Response[str]:
    actor, key, pack = request.state.visitor.actor, UUID(activity_id), pack_of_city(city)
    async with state.db.city(city) as conn:
        found = await service.activity(conn, state.clock, actor, key)
        would = await closing.preview(conn, state.clock, city, actor, pack, key)
        shown = would.refused[:REFUSED_SHOWN]
        names = await masked_names(conn, state.logs.vault(city), [one.resident for one in shown])
    bank = pack.on(found.activity.begins_at.astimezone(CHINA).date()).points
    return render(
        request,
        "earning/activity_close.html",
        http_status=refused.status if refused else 200,
        words=WORDS,
        found=found,
        activity=found.activity,
        rule=bank.rule(found.activity.rule),
        common=flags_of_activity(bank.fraud, found.activity.planned, found.counts),
        would=would,
        refused=[(one, names.get(one.resident, "")) for one in shown],
        problem=refused,
    )


def _notice(done: Closed) -> str:
    """Say what closing made."""
    parts = [say("已关闭。")]
    if done.waiting:
        parts.append(say("%(count)s 人等另一位同事审核。", count=done.waiting))
    if done.approved:
        parts.append(say("%(count)s 人不用审核，已入账。", count=len(done.approved)))
    if done.left_out:
        parts.append(say("%(count)s 人没有签退或不足一分钟，没有计入。", count=done.left_out))
    for why, count in Counter(one.message for one in done.refused).most_common(3):
        parts.append(say("%(count)s 人没有计入：%(why)s", count=count, why=why))
    return listed(parts, "")
