"""Attending activities: signing in and out by one-time codes, or written down by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from credit.access.views import Actor
from credit.earning.activities import store
from credit.earning.activities.views import ActivityView, Attendance, Presence, Way
from credit.earning.logic.activities import (
    SIGNED_EARLY,
    SIGNED_LATE,
    code_of,
    hand_refusal,
    seconds_left,
    sign_refusal,
    slot_of,
    way_of,
)
from credit.earning.logic.awards import Refused
from credit.earning.members import store as members
from credit.earning.service.activities import activity_of
from credit.earning.service.places import above, covers
from credit.earning.views import MemberView
from credit.kit.clock import CHINA, Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden, NotFound
from credit.kit.texts import say
from credit.rules.pack import Pack

__all__ = [
    "Meant",
    "Shown",
    "code_now",
    "lately",
    "meant",
    "presences",
    "sign",
    "write_down",
]

# A typed code is looked for among so many activities that go on at a time.
CURRENT_MAX = 500
LATELY = timedelta(days=2)
LATELY_MAX = 10
UNKNOWN_CODE = say("签到码不对，或已经过期。请重新扫描组织者屏幕上的码，或照现在显示的数字填写。")


@dataclass(frozen=True, slots=True)
class Shown:
    """A code to be shown for `seconds` more; or why there is none now."""

    activity: ActivityView
    code: str | None
    seconds: int
    refused: Refused | None


@dataclass(frozen=True, slots=True)
class Meant:
    """What a code is for: the activity and the way; `before` is when the member came, if they did."""

    activity: ActivityView
    way: Way
    before: Attendance | None


async def code_now(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, activity_id: UUID, way: Way
) -> Shown:
    """Return the code of an activity of the actor's division at this moment."""
    found, now = await activity_of(conn, actor, activity_id), clock.now()
    seconds = pack.on(clock.today()).points.code_seconds
    secret, refused = await store.secret(conn, activity_id), sign_refusal(found, now)
    code = None
    if secret is not None and refused is None:
        code = code_of(secret, activity_id, way, slot_of(now, seconds))
    return Shown(found, code, seconds_left(now, seconds), refused)


async def meant(
    conn: Connection,
    clock: Clock,
    city: str,
    pack: Pack,
    member: MemberView,
    code: str,
    activity_id: UUID | None = None,
) -> Meant:
    """Say what a code is for; the activity is kept from being closed in the caller's transaction.

    Without `activity_id` the code is looked for among the activities that go on. Raises Conflict for
    a code that is not good now, and where the member cannot take part.
    """
    known = await _known(conn, clock, city, member, activity_id)
    seconds = pack.on(clock.today()).points.code_seconds
    found = [
        (one, way)
        for one, secret in known
        if (way := way_of(secret, one, code, clock.now(), seconds)) is not None
    ]
    if len(found) != 1:  # two activities with one code: only the scanned one says which
        raise Conflict(UNKNOWN_CODE, slug="unknown-code")
    ((key, way),) = found
    activity = await store.hold(conn, key)
    if activity is None:
        raise Conflict(UNKNOWN_CODE, slug="unknown-code")
    _refuse(sign_refusal(activity, clock.now()))
    if way == "in":
        await _refuse_outsider(conn, city, pack, member, activity)
    before = await store.attendances(conn, member.id, activity.begins_at - SIGNED_EARLY, key, 1)
    return Meant(activity, way, before[0] if before else None)


async def sign(
    conn: Connection,
    clock: Clock,
    city: str,
    pack: Pack,
    member: MemberView,
    code: str,
    activity_id: UUID | None = None,
) -> Meant:
    """Sign a member in or out, as the code says, once each; in the caller's transaction."""
    found = await meant(conn, clock, city, pack, member, code, activity_id)
    key, now = found.activity.id, clock.now()
    if found.way == "in":
        if not await store.sign_in(conn, key, member.id, now):
            raise Conflict(say("您已经签到过了，不用再签。离开时请扫签退码。"), slug="signed-in")
        return found
    if found.before is None:
        raise Conflict(
            say("您还没有签到，不能签退。确实到场的，请找组织者补登。"), slug="not-signed-in"
        )
    if not await store.sign_out(conn, key, member.id, now):
        raise Conflict(say("您已经签退过了，不用再签。"), slug="signed-out")
    return found


async def write_down(
    conn: Connection,
    clock: Clock,
    city: str,
    actor: Actor,
    pack: Pack,
    written: Attendance,
) -> None:
    """Write down by hand when a member came and left, or only left; what they signed themselves stays.

    `written.activity` is the one meant. Raises NotFound for an activity of another division and an
    unknown member, Forbidden for oneself, Conflict for times outside of the activity, and where both
    are known already.
    """
    activity = await store.hold(conn, written.activity)
    if activity is None or not covers(actor, activity.division):
        raise NotFound(say("没有这个活动，或不在您的辖区。请从活动列表里选。"))
    member = (await members.members_by_id(conn, [written.member])).get(written.member)
    if member is None or member.closed:
        raise Conflict(
            say("没有这个参与者。请核对钱包编号，先登记再补登。"), slug="unknown-resident"
        )
    if member.person_id == actor.person_id:
        raise Forbidden(
            say("不能补登自己的签到。请由另一位同事补登，或自己扫签到码。"), slug="own-wallet"
        )
    now = clock.now()
    _refuse(hand_refusal(activity, written.signed_in_at, written.signed_out_at, now))
    await _refuse_outsider(conn, city, pack, member, activity)
    if not await store.write_down(
        conn, activity.id, member.id, written.signed_in_at, written.signed_out_at, actor.person_id
    ):
        raise Conflict(say("这位参与者已经签到过了。要补签退，请填离开时间。"), slug="signed-in")


async def presences(
    conn: Connection, actor: Actor, activity_id: UUID, after: str, limit: int
) -> list[Presence]:
    """List who came to an activity of the actor's division, by member."""
    await activity_of(conn, actor, activity_id)
    return await store.presences(conn, activity_id, after, limit)


async def lately(
    conn: Connection, clock: Clock, member: MemberView
) -> list[tuple[Attendance, ActivityView | None]]:
    """List where a member signed in these days, the newest first."""
    found = await store.attendances(conn, member.id, clock.now() - LATELY, None, LATELY_MAX)
    shown = await store.activities_by_id(conn, [one.activity for one in found])
    return [(one, shown.get(one.activity)) for one in found]


async def _known(
    conn: Connection, clock: Clock, city: str, member: MemberView, activity_id: UUID | None
) -> Sequence[tuple[UUID, bytes]]:
    if activity_id is not None:
        secret = await store.secret(conn, activity_id)
        return [(activity_id, secret)] if secret is not None else []
    now = clock.now()
    places = above(member.division, city)
    return await store.current(conn, now + SIGNED_EARLY, now - SIGNED_LATE, places, CURRENT_MAX)


async def _refuse_outsider(
    conn: Connection, city: str, pack: Pack, member: MemberView, activity: ActivityView
) -> None:
    """Refuse whom the activity's points are not for."""
    bank = pack.on(activity.begins_at.astimezone(CHINA).date()).points
    rule = bank.rule(activity.rule)
    if member.kind not in rule.participants:
        kind = bank.participant(member.kind).title
        raise Conflict(
            say("这个活动按“%(title)s”计分，不适用于%(kind)s。", title=rule.title, kind=kind),
            slug="kind-not-eligible",
        )
    campaign = await members.campaign(conn, activity.campaign)
    if campaign is None or campaign.division not in above(member.division, city):
        raise Conflict(
            say("这个活动的积分预算只付本辖区的参与者。请参加您所在社区或街道的活动。"),
            slug="outside-campaign",
        )


def _refuse(refused: Refused | None) -> None:
    if refused is not None:
        raise Conflict(refused.message, slug=refused.slug)
