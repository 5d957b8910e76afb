"""Activities over HTTP: announced, listed, cancelled; and participation as it stands."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct

from credit.access.views import Actor
from credit.earning.activities.views import ActivityState, ActivityView
from credit.earning.logic.activities import Draft, state_of
from credit.earning.service import activities as service
from credit.earning.service import records
from credit.kit.clock import CHINA, Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict
from credit.kit.http import (
    UUID_PATTERN,
    City,
    Code,
    IdCursor,
    IdempotencyHeader,
    Limit,
    Name,
    Page,
    Reason,
    RecordKey,
    idempotent,
)
from credit.kit.texts import say
from credit.rules.loading import pack_of_city

__all__ = ["ActivityController", "ParticipationController"]

PLANNED_MAX = 100_000
Division = Annotated[str, Meta(pattern=r"^[0-9]{6}([0-9]{3}([0-9]{3})?)?$(?!\n)", max_length=12)]
Key = Annotated[str, Meta(pattern=UUID_PATTERN, max_length=36)]
Moment = Annotated[datetime, Meta(tz=True)]
AwardState = Literal["entered", "approved", "refused", "unfunded", "pending", "granted", "reversed"]


class NewActivity(Struct, frozen=True, forbid_unknown_fields=True):
    """An activity to be announced: what earns points there by which rule, which campaign pays, for
    how many people it is planned. `organiser` is who announces it, unless somebody else is named.
    """

    title: Name
    division: Division
    place: Name
    rule: Code
    campaign: Key
    planned: Annotated[int, Meta(ge=1, le=PLANNED_MAX)]
    begins_at: Moment
    ends_at: Moment
    organiser: Code | None = None


class Cancellation(Struct, frozen=True, forbid_unknown_fields=True):
    """Why an activity does not take place; people read it where they would have signed in."""

    reason: Reason


class Activity(Struct, frozen=True):
    """An activity: `over` waits for somebody to close it, `closed` has made participations of who
    attended. `attendants` is how many signed in, or were written down.
    """

    id: str
    title: str
    division: str
    place: str
    rule: str
    campaign: str
    planned: int
    begins_at: datetime
    ends_at: datetime
    state: ActivityState
    organiser: str
    announced_at: datetime
    cancel_reason: str | None
    attendants: int


class Award(Struct, frozen=True):
    """A participation: what a resident did, what it is worth, where it stands, and what is unusual
    about it. `available_on` is the day from which the points can be spent.
    """

    id: str
    resident: str
    rule: str
    activity: str | None
    quantity: int
    points: int
    participated_on: date
    source: str
    evidence: str
    flags: list[str]
    state: str
    entered_by: str
    entered_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    available_on: date | None


class ActivityController(Controller):
    """Activities at which residents take part."""

    path = "/activities"
    tags = ("points",)

    @get(operation_id="listActivities", summary="活动列表", opt={"scope": "points:read"})
    async def activities(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        status: Annotated[ActivityState | None, QueryParameter(name="state")] = None,
        cursor: IdCursor = None,
        limit: Limit = 50,
    ) -> Page[Activity]:
        """List the activities of one's division, those that begin last first."""
        after = UUID(cursor) if cursor else None
        async with state.db.city(city) as conn:
            found = await service.activities(
                conn, state.clock, request.user, state=status, after=after, limit=limit + 1
            )
        shown = [_shown(state.clock, one.activity, one.attendants) for one in found[:limit]]
        return Page(shown, found[limit - 1].activity.id.hex if len(found) > limit else None)

    @post(operation_id="announceActivity", summary="公布活动", opt={"scope": "points:record"})
    async def announce(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[NewActivity],
        idempotency_key: IdempotencyHeader,
    ) -> Response[Activity]:
        """Announce an activity before it begins; how long before, the rule pack says."""
        actor: Actor = request.user
        draft = _draft(data)

        async def act(conn: Connection) -> tuple[int, object]:
            made = await service.announce(
                conn, state.clock, city, actor, pack_of_city(city), draft, data.organiser
            )
            return 201, _shown(state.clock, made, 0)

        return await idempotent(
            state, city, client=actor.acts_for, key=idempotency_key,
            request=await _asked(request), act=act,
        )  # fmt: skip

    @get("/{activity:str}", operation_id="getActivity", summary="一个活动",
         opt={"scope": "points:read"})  # fmt: skip
    async def activity(
        self, request: Request[Any, Any, Any], state: State, city: City, activity: RecordKey
    ) -> Activity:
        """Return an activity of one's division."""
        async with state.db.city(city) as conn:
            found = await service.activity(conn, state.clock, request.user, UUID(activity))
        return _shown(state.clock, found.activity, found.counts.attendants)

    @post("/{activity:str}/cancel", operation_id="cancelActivity", summary="取消活动",
          status_code=200, opt={"scope": "points:record"})  # fmt: skip
    async def cancel(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        activity: RecordKey,
        data: JSONBody[Cancellation],
        idempotency_key: IdempotencyHeader,
    ) -> Response[Activity]:
        """Cancel an activity that has not ended; who signed in there earns nothing by it."""
        actor: Actor = request.user

        async def act(conn: Connection) -> tuple[int, object]:
            await service.cancel(conn, state.clock, actor, UUID(activity), data.reason)
            found = await service.activity(conn, state.clock, actor, UUID(activity))
            return 200, _shown(state.clock, found.activity, found.counts.attendants)

        return await idempotent(
            state, city, client=actor.acts_for, key=idempotency_key,
            request=await _asked(request), act=act,
        )  # fmt: skip


class ParticipationController(Controller):
    """Participation as it stands."""

    path = "/points/awards"
    tags = ("points",)

    @get(operation_id="listAwards", summary="参与记录", opt={"scope": "points:read"})
    async def awards(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        status: Annotated[AwardState | None, QueryParameter(name="state")] = None,
        cursor: IdCursor = None,
        limit: Limit = 50,
    ) -> Page[Award]:
        """List what residents of one's division did, the latest entries first."""
        before = UUID(cursor) if cursor else None
        async with state.db.city(city) as conn:
            found = await records.awards(conn, request.user, status, before, limit + 1)
        return Page(
            [_award(one) for one in found[:limit]],
            found[limit - 1].id.hex if len(found) > limit else None,
        )


async def _asked(request: Request[Any, Any, Any]) -> bytes:
    """Return what was asked: the path counts as part of it."""
    return request.scope["path"].encode() + b"\n" + await request.body()


def _draft(data: NewActivity) -> Draft:
    try:
        begins_at, ends_at = data.begins_at.astimezone(CHINA), data.ends_at.astimezone(CHINA)
    except OverflowError:  # at the very ends of the calendar
        raise Conflict(say("没有这一天。请核对年份。"), slug="no-such-day") from None
    return Draft(
        data.title, data.division, data.place, data.rule, UUID(data.campaign), data.planned,
        begins_at, ends_at,
    )  # fmt: skip


def _shown(clock: Clock, one: ActivityView, attendants: int) -> Activity:
    return Activity(
        str(one.id), one.title, one.division, one.place, one.rule, str(one.campaign), one.planned,
        one.begins_at, one.ends_at, state_of(one, clock.now()), one.organiser, one.announced_at,
        one.cancel_reason, attendants,
    )  # fmt: skip


def _award(one: records.AwardRow) -> Award:
    return Award(
        str(one.id), one.member, one.rule, str(one.activity) if one.activity else None,
        one.quantity, one.points, one.participated_on, one.source, one.evidence, one.flags,
        one.state, one.entered_by, one.entered_at, one.decided_by, one.decided_at, one.reason,
        one.available_on,
    )  # fmt: skip
