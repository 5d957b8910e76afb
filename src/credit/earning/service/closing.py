"""Closing an activity: who signed in and out has taken part."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from credit.access.views import Actor
from credit.earning.activities import store
from credit.earning.activities.views import ActivityView, Presence
from credit.earning.logic.activities import quantity_of, state_of
from credit.earning.logic.flags import flags_of_activity, flags_of_presence
from credit.earning.members import store as members
from credit.earning.service.activities import work_on
from credit.earning.service.entering import CLAIMS_MAX, enter
from credit.earning.views import Claim, Entered, Occasion
from credit.kit.clock import CHINA, Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Invalid
from credit.kit.texts import say
from credit.rules.bank import EarningRule
from credit.rules.pack import Pack

__all__ = ["Closed", "close", "preview"]

UNSAID = "—"  # the evidence of what is only looked at


@dataclass(frozen=True, slots=True)
class Closed:
    """What closing made: participations and those refused; `left_out` counts who did not sign out,
    or was not there for a minute.
    """

    entered: list[Entered]
    left_out: int

    @property
    def approved(self) -> list[UUID]:
        """Those approved by their rule, whose points are to be posted."""
        return [one.id for one in self.entered if one.id and one.status == "approved"]

    @property
    def points(self) -> int:
        """What all of them are worth."""
        return sum(one.points for one in self.entered)

    @property
    def waiting(self) -> int:
        """How many wait for somebody else to approve."""
        return sum(one.status == "entered" for one in self.entered)

    @property
    def refused(self) -> list[Entered]:
        """Those worth nothing, with why."""
        return [one for one in self.entered if one.id is None]


async def close(
    conn: Connection,
    clock: Clock,
    city: str,
    actor: Actor,
    pack: Pack,
    activity_id: UUID,
    *,
    evidence: str,
) -> Closed:
    """Close an activity that is over, once: its attendance becomes participations.

    `evidence` says what shows that those were there who were written down by hand. Raises NotFound
    for an activity of another division, Invalid where that evidence is needed and not given, Conflict
    for an activity that is not over, or closed already.
    """
    activity = await work_on(conn, actor, activity_id)
    _refuse_state(activity, clock)
    budget = await members.campaign(conn, activity.campaign)
    if budget is None or budget.closed:
        raise Conflict(
            say("这个活动的积分预算已经关闭。请街道或区县先处理预算。"), slug="no-campaign"
        )
    counts = await store.counts(conn, activity_id)
    if counts.by_hand and not evidence:
        raise Invalid(
            say("有补登的人，请写明凭据，例如“签到表存社区 3 号柜”。"), slug="no-evidence"
        )
    bank = pack.on(activity.begins_at.astimezone(CHINA).date()).points
    rule, common = bank.rule(activity.rule), flags_of_activity(bank.fraud, activity.planned, counts)
    await store.lock_members(conn, activity_id)
    entered: list[Entered] = []
    left_out, after = 0, ""
    while presences := await store.presences(conn, activity_id, after, CLAIMS_MAX):
        after = presences[-1].member
        flags = {one.member: [*common, *flags_of_presence(one)] for one in presences}
        occasion = Occasion(activity.organiser, budget, flags)
        for source in ("sign-in", "entry"):
            claims = _claims(activity, rule, presences, source, evidence)
            if claims:
                entered += await enter(
                    conn, clock, city, actor, pack, claims, source=source, occasion=occasion
                )
        left_out += sum(quantity_of(activity, one, rule.unit) is None for one in presences)
    await store.close(conn, activity_id, clock.now(), actor.person_id)
    return Closed(entered, left_out)


async def preview(
    conn: Connection, clock: Clock, city: str, actor: Actor, pack: Pack, activity_id: UUID
) -> Closed:
    """Say what closing would make; nothing of it is kept. Raises what `close` raises."""
    tried = conn.transaction()
    await tried.start()
    try:
        return await close(conn, clock, city, actor, pack, activity_id, evidence=UNSAID)
    finally:
        await tried.rollback()


def _refuse_state(activity: ActivityView, clock: Clock) -> None:
    match state_of(activity, clock.now()):
        case "closed":
            raise Conflict(say("这个活动已经关闭过了，不用再办。"), slug="closed")
        case "cancelled":
            raise Conflict(say("这个活动已经取消，没有要记的参与。"), slug="cancelled")
        case "announced" | "running":
            raise Conflict(say("活动还没有结束。请结束以后再关闭。"), slug="not-over")


def _claims(
    activity: ActivityView,
    rule: EarningRule,
    presences: Sequence[Presence],
    source: str,
    evidence: str,
) -> list[Claim]:
    """Return what was done by those of one source: who signed themselves, or was written down."""
    day = activity.begins_at.astimezone(CHINA).date()
    return [
        Claim(
            one.member, activity.rule, day, evidence if source == "entry" else _times(one),
            quantity, activity=activity.id,
        )
        for one in presences
        if (one.entered_by is not None) == (source == "entry")
        and (quantity := quantity_of(activity, one, rule.unit)) is not None
    ]  # fmt: skip


def _times(one: Presence) -> str:
    """Say when somebody came and left: what shows that they were there."""
    came, left = one.signed_in_at, one.signed_out_at
    until = f"{left.astimezone(CHINA):%H:%M}" if left else say("未签退")
    return say("现场签到 %(came)s–%(left)s", came=f"{came.astimezone(CHINA):%H:%M}", left=until)
