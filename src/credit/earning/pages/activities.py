"""The console's pages of activities: listed, announced, looked at, cancelled."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from credit.access import service as access
from credit.access.views import Actor
from credit.earning import service as earning
from credit.earning.activities.views import ActivityState
from credit.earning.logic.activities import Draft, quantity_of, sign_refusal, state_of
from credit.earning.logic.flags import flags_of_activity, flags_of_presence
from credit.earning.pages.words import WORDS, day_of, local, masked_names, moment_of
from credit.earning.service import activities as service
from credit.earning.service import attending, records
from credit.kit.clock import CHINA
from credit.kit.db import Connection
from credit.kit.errors import CreditError
from credit.kit.http import UUID_PATTERN, City, Code, IdCursor, Name, Reason, RecordKey
from credit.kit.lists import ASKED, Asked, Listing
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.points.service import accounts as book
from credit.rules.loading import pack_of_city

__all__ = ["ActivityPages", "MemberCursor", "activity_page"]

ATTENDANTS = 100
PLANNED_MAX = 100_000
MemberCursor = Annotated[
    str | None, QueryParameter(pattern=r"^W[0-9A-Z]{1,23}$(?!\n)", max_length=24)
]
Day = Annotated[str, QueryParameter(max_length=10)]


class ActivityForm(Struct, frozen=True):
    """An activity to be announced."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "title": marked("活动名称"),
        "division": marked("辖区代码"),
        "place": marked("地点"),
        "rule": marked("积分规则"),
        "campaign": marked("积分预算"),
        "planned": marked("计划人数"),
        "begins_at": marked("开始时间"),
        "ends_at": marked("结束时间"),
        "organiser": marked("组织者"),
    }

    title: Name
    division: Annotated[str, Meta(pattern=r"^[0-9]{6}([0-9]{3}([0-9]{3})?)?$(?!\n)")]
    place: Name
    rule: Code
    campaign: Annotated[str, Meta(pattern=UUID_PATTERN)]
    planned: Annotated[int, Meta(ge=1, le=PLANNED_MAX)]
    begins_at: Annotated[str, Meta(max_length=20)]
    ends_at: Annotated[str, Meta(max_length=20)]
    organiser: Code | None = None


class CancelForm(Struct, frozen=True):
    """Why an activity does not take place."""

    LABELS: ClassVar[Mapping[str, str]] = {"reason": marked("取消的原因")}

    reason: Reason


class ActivityPages(Controller):
    """`/{city}/console/activities`: activities of the visitor's division."""

    path = "/console/activities"

    @get(summary="活动列表", opt={"scope": "points:read"}, dependencies=ASKED)
    async def activities(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        asked: NamedDependency[Asked],
        status: Annotated[str, QueryParameter(name="state", max_length=10)] = "",
        since: Day = "",
        until: Day = "",
        cursor: IdCursor = None,
    ) -> Response[str]:
        """List activities, those that begin last first."""
        chosen: ActivityState | None = next(
            (one for one in WORDS["activities"] if one == status), None
        )
        async with state.db.city(city) as conn:
            found = await service.activities(
                conn, state.clock, request.state.visitor.actor, state=chosen,
                since=day_of(since, "since", say("从哪天开始")),
                until=day_of(until, "until", say("到哪天为止")),
                after=UUID(cursor) if cursor else None, limit=asked.rows + 1,
            )  # fmt: skip
        now = state.clock.now()
        return render(
            request,
            "earning/activities.html",
            words=WORDS,
            lines=found[: asked.rows],
            state_of=lambda one: state_of(one, now),
            rules=_rule_titles(state, city),
            status=chosen,
            since=since,
            until=until,
            listing=Listing("activities", "", (), "", asked.rows, ""),
            cursor=found[asked.rows - 1].activity.id.hex if len(found) > asked.rows else None,
        )

    @get("/new", summary="公布活动页", opt={"scope": "points:record"})
    async def new(self, request: Request[Any, Any, Any], state: State, city: City) -> Response[str]:
        """Offer the form of a new activity."""
        return await _form(request, state, city, {})

    @post(summary="公布活动", opt={"scope": "points:record"}, status_code=200)
    async def announce(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Announce an activity; refused, show the form as it was filled in."""
        fields = await form_of(request)
        try:
            form = read_form(ActivityForm, fields)
            labels = form.LABELS
            draft = Draft(
                form.title.strip(), form.division, form.place.strip(), form.rule,
                UUID(form.campaign), form.planned,
                moment_of(form.begins_at, "begins_at", labels["begins_at"]),
                moment_of(form.ends_at, "ends_at", labels["ends_at"]),
            )  # fmt: skip
            async with state.db.transaction(city) as conn:
                made = await service.announce(
                    conn, state.clock, city, request.state.visitor.actor, pack_of_city(city),
                    draft, form.organiser,
                )  # fmt: skip
        except CreditError as refused:
            return await _form(request, state, city, fields, refused)
        return redirect(
            f"/{city}/console/activities/{made.id}",
            notice=say("已公布。活动当天在“签到码”页面亮出二维码。"),
        )

    @get("/{activity_id:str}", summary="一个活动", opt={"scope": "points:read", "personal": True})
    async def activity(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        activity_id: RecordKey,
        cursor: MemberCursor = None,
    ) -> Response[str]:
        """Show an activity with who came and left."""
        return await activity_page(request, state, city, activity_id, {}, after=cursor or "")

    @post("/{activity_id:str}/cancel", summary="取消活动", opt={"scope": "points:record"},
          status_code=200)  # fmt: skip
    async def cancel(
        self, request: Request[Any, Any, Any], state: State, city: City, activity_id: RecordKey
    ) -> Response[Any]:
        """Cancel an activity with a reason."""
        fields = await form_of(request)
        try:
            reason = read_form(CancelForm, fields).reason.strip()
            async with state.db.transaction(city) as conn:
                actor = request.state.visitor.actor
                await service.cancel(conn, state.clock, actor, UUID(activity_id), reason)
        except CreditError as refused:
            return await activity_page(request, state, city, activity_id, fields, refused)
        return redirect(
            f"/{city}/console/activities/{activity_id}",
            notice=say("已取消。居民扫码时会看到原因；请另外通知已经报名的人。"),
        )


async def activity_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    activity_id: str,
    fields: Mapping[str, Any],
    refused: CreditError | None = None,
    *,
    after: str = "",
) -> Response[str]:
    """Show an activity; `fields` are what was filled in where something was refused."""
    actor: Actor = request.state.visitor.actor
    vault, key, now = state.logs.vault(city), UUID(activity_id), state.clock.now()
    async with state.db.city(city) as conn:
        found = await service.activity(conn, state.clock, actor, key)
        one = found.activity
        present = await attending.presences(conn, actor, key, after, ATTENDANTS + 1)
        shown = present[:ATTENDANTS]
        ids = [line.member for line in shown]
        names = await masked_names(conn, vault, ids)
        made = await records.of_activity(conn, key, ids) if found.state == "closed" else {}
        people = [who for who in (one.organiser, one.announced_by, one.closed_by) if who]
        staff = await access.names_of(conn, vault, people)
    bank = pack_of_city(city).on(one.begins_at.astimezone(CHINA).date()).points
    rule = bank.rule(one.rule)
    over = found.state == "over"
    return render(
        request,
        "earning/activity.html",
        http_status=refused.status if refused else 200,
        words=WORDS,
        found=found,
        activity=one,
        rule=rule,
        campaign=found.budget.title if found.budget else "",
        staff=staff,
        kinds={kind.code: kind.title for kind in bank.participants},
        common=flags_of_activity(bank.fraud, one.planned, found.counts),
        lines=[
            (line, names.get(line.member, ""), flags_of_presence(line), made.get(line.member),
             quantity_of(one, line, rule.unit))
            for line in shown
        ],
        records="points:record" in actor.scopes,
        by_hand=over or sign_refusal(one, now) is None,
        times=(local(one.begins_at), local(one.ends_at)) if over else (local(now), ""),
        fields=defaultdict(str, fields),
        cursor=shown[-1].member if len(present) > ATTENDANTS else None,
        problem=refused,
    )  # fmt: skip


async def _form(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    fields: Mapping[str, Any],
    refused: CreditError | None = None,
) -> Response[str]:
    actor: Actor = request.state.visitor.actor
    bank, today = pack_of_city(city).on(state.clock.today()).points, state.clock.today()
    async with state.db.city(city) as conn:
        campaigns = await _campaigns(conn, state, city, actor)
        others = await service.colleagues(conn, actor)
        names = await access.names_of(
            conn, state.logs.vault(city), [one.person_id for one in others]
        )
    soonest = state.clock.now() + timedelta(hours=bank.fraud.announced_hours)
    return render(
        request,
        "earning/activity_new.html",
        http_status=refused.status if refused else 200,
        words=WORDS,
        rules=[one for one in bank.earning if one.unit != "yuan"],
        campaigns=campaigns,
        colleagues=[(one.person_id, names.get(one.person_id) or one.username) for one in others],
        hours=bank.fraud.announced_hours,
        soonest=local(soonest),
        fixed=actor.division if actor.bound and len(actor.division or "") == 12 else None,
        today=today,
        fields=defaultdict(str, {"division": actor.division or "", **fields}),
        problem=refused,
    )


async def _campaigns(
    conn: Connection, state: State, city: str, actor: Actor
) -> list[tuple[str, str]]:
    """List the campaigns that may pay, with what each has left."""
    found = [
        one
        for one in await earning.campaigns_of(conn, city, actor.division)
        if one.until is None or one.until >= state.clock.today()
    ]
    left = await book.balances(conn, [one.account for one in found], state.clock.today())
    return [
        (
            str(one.id),
            say(
                "%(title)s（余 %(points)s 分）", title=one.title, points=left[one.account].available
            ),
        )
        for one in found
    ]


def _rule_titles(state: State, city: str) -> dict[str, str]:
    bank = pack_of_city(city).on(state.clock.today()).points
    return {one.code: one.title for one in bank.earning}
