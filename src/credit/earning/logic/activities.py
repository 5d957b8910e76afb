"""Activities as pure decisions: their states, what may be announced, the codes people sign in by."""

import hashlib
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from credit.earning.activities.views import ActivityState, ActivityView, Presence, Way
from credit.earning.logic.awards import Refused
from credit.earning.views import Budget
from credit.kit.clock import CHINA
from credit.kit.texts import marked, say
from credit.rules.bank import Bank

__all__ = [
    "CODE_DIGITS",
    "SIGNED_EARLY",
    "SIGNED_LATE",
    "STATE_TITLES",
    "Draft",
    "code_of",
    "hand_refusal",
    "quantity_of",
    "refuse_draft",
    "seconds_left",
    "sign_refusal",
    "slot_of",
    "state_of",
    "way_of",
]

CODE_DIGITS = 8
WAYS: Sequence[Way] = ("in", "out")
# People arrive before an activity begins and take their time to leave: half an hour is long enough
# to do both, and too short to be somewhere else meanwhile. It earns nothing.
SIGNED_EARLY = SIGNED_LATE = timedelta(minutes=30)
# What goes on for longer is announced day by day, since a day's caps count by the day it begins.
LASTS_MAX = timedelta(hours=24)
# Further ahead nobody knows the rules of the day.
AHEAD_MAX = timedelta(days=366)

STATE_TITLES: dict[ActivityState, str] = {
    "announced": marked("已公布"),
    "running": marked("进行中"),
    "over": marked("已结束，待关闭"),
    "closed": marked("已关闭"),
    "cancelled": marked("已取消"),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """An activity somebody wants to announce."""

    title: str
    division: str
    place: str
    rule: str
    campaign: UUID
    planned: int
    begins_at: datetime
    ends_at: datetime


WRONG_ORDER = Refused("times-in-order", say("结束时间要晚于开始时间。请改正。"))
TOO_LONG = Refused("too-long", say("一个活动最长 24 小时。请按天分开公布，每天一个活动。"))
TOO_FAR = Refused("too-far", say("开始时间超过一年，那时的规则还没有定。请到时再公布。"))
NO_CAMPAIGN = Refused("no-campaign", say("没有这项积分预算，或已经关闭。请从列表里选。"))
CAMPAIGN_ELSEWHERE = Refused(
    "campaign-elsewhere", say("这项积分预算不付这个辖区的活动。请选本辖区或上级的预算。")
)
CAMPAIGN_OTHER_RULE = Refused(
    "campaign-other-rule", say("这项积分预算不付这条积分规则。请换一项预算，或换一条规则。")
)
CAMPAIGN_ENDS = Refused(
    "campaign-ends", say("这项积分预算在活动那天已经截止。请换一项预算，或提前活动。")
)
NOT_COUNTED = Refused("not-counted", say("按元计的规则不靠签到。请在“登记参与”里按捐款登记。"))


def state_of(activity: ActivityView, now: datetime) -> ActivityState:
    """Return where an activity stands at a moment."""
    if activity.cancelled_at is not None:
        return "cancelled"
    if activity.closed_at is not None:
        return "closed"
    if now < activity.begins_at:
        return "announced"
    return "running" if now < activity.ends_at else "over"


def refuse_draft(
    draft: Draft, now: datetime, bank: Bank, campaign: Budget | None, places: Collection[str]
) -> Refused | None:
    """Return why an activity cannot be announced, None if it can.

    `bank` is that of the day it begins, `places` are the division and those it lies in: whose
    campaigns may pay.
    """
    if draft.ends_at <= draft.begins_at:
        return WRONG_ORDER
    if draft.ends_at - draft.begins_at > LASTS_MAX:
        return TOO_LONG
    if draft.begins_at - now > AHEAD_MAX:
        return TOO_FAR
    hours = bank.fraud.announced_hours
    if draft.begins_at - now < timedelta(hours=hours):
        why = say(
            "活动要在开始前至少 %(hours)s 小时公布，让居民看得到、来得及。请改开始时间。",
            hours=hours,
        )
        return Refused("announced-late", why)
    return _refuse_rule(draft, bank) or _refuse_campaign(draft, campaign, places)


def _refuse_rule(draft: Draft, bank: Bank) -> Refused | None:
    try:
        rule = bank.rule(draft.rule)
    except KeyError:
        why = say("规则包里没有“%(rule)s”这条积分规则。请从规则表里选。", rule=draft.rule)
        return Refused("unknown-rule", why)
    return NOT_COUNTED if rule.unit == "yuan" else None


def _refuse_campaign(
    draft: Draft, campaign: Budget | None, places: Collection[str]
) -> Refused | None:
    if campaign is None or campaign.closed:
        return NO_CAMPAIGN
    if campaign.division not in places:
        return CAMPAIGN_ELSEWHERE
    if campaign.rules and draft.rule not in campaign.rules:
        return CAMPAIGN_OTHER_RULE
    if campaign.until is not None and campaign.until < draft.ends_at.astimezone(CHINA).date():
        return CAMPAIGN_ENDS
    return None


def sign_refusal(activity: ActivityView, now: datetime) -> Refused | None:
    """Return why nobody can sign in or out at a moment, None if people can."""
    match state_of(activity, now):
        case "cancelled":
            why = say("这个活动已经取消：%(reason)s", reason=activity.cancel_reason)
            return Refused("cancelled", why)
        case "closed":
            return Refused("closed", say("这个活动已经关闭，不能再签到签退。请找组织者。"))
    opens, ends = activity.begins_at - SIGNED_EARLY, activity.ends_at + SIGNED_LATE
    if now < opens:
        when = f"{opens.astimezone(CHINA):%m-%d %H:%M}"
        return Refused("too-early", say("还没有到签到的时间：%(when)s 开始。", when=when))
    if now > ends:
        why = say("签到签退已经结束。确实到场的，请找组织者补登。")
        return Refused("too-late", why)
    return None


def hand_refusal(
    activity: ActivityView, came: datetime, left: datetime | None, now: datetime
) -> Refused | None:
    """Return why a coming and a leaving cannot be written down by hand, None if they can."""
    match state_of(activity, now):
        case "cancelled" | "closed":
            return Refused("not-open", say("活动已经关闭或取消，不能再补登。"))
    first, last = activity.begins_at - SIGNED_EARLY, activity.ends_at + SIGNED_LATE
    if not first <= came <= last or (left is not None and not came <= left <= last):
        return Refused(
            "outside-activity", say("时间要在活动前后半小时以内，签退不早于签到。请改正。")
        )
    if max(came, left or came) > now:
        return Refused("in-future", say("不能登记还没有到的时间。请到时再登记。"))
    return None


def slot_of(now: datetime, seconds: int) -> int:
    """Return the number of the time slot a moment lies in."""
    return int(now.timestamp()) // seconds


def seconds_left(now: datetime, seconds: int) -> int:
    """Return for how many seconds a slot goes on, at least one."""
    return seconds - int(now.timestamp()) % seconds


def code_of(secret: bytes, activity_id: UUID, way: Way, slot: int) -> str:
    """Return an activity's code for coming or leaving in a slot: CODE_DIGITS digits.

    It is cut from the HMAC-SHA256 of the activity's id, the way and the slot, so that nobody who
    has seen some codes knows another.
    """
    about = f"{activity_id}:{way}:{slot}".encode()
    digest = hmac.new(secret, about, hashlib.sha256).digest()
    return f"{int.from_bytes(digest[:8], 'big') % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def way_of(secret: bytes, activity_id: UUID, code: str, now: datetime, seconds: int) -> Way | None:
    """Return what an activity's code is for at a moment, None if it is not one.

    A code is good in its slot and the next one: whoever scans it in its last second still has time
    to press the button.
    """
    slot = slot_of(now, seconds)
    return next(
        (
            way
            for way in WAYS
            for one in (slot, slot - 1)
            if hmac.compare_digest(code_of(secret, activity_id, way, one).encode(), code.encode())
        ),
        None,
    )


def quantity_of(activity: ActivityView, one: Presence, unit: str) -> int | None:
    """Return what an attendance counts in a rule's unit; None: nothing.

    Minutes are those between the announced beginning and end, whole ones; without a sign-out
    nobody knows them. Being there is once, however long.
    """
    if unit == "time":
        return 1
    if one.signed_out_at is None:
        return None
    came = max(one.signed_in_at, activity.begins_at)
    left = min(one.signed_out_at, activity.ends_at)
    minutes = (left - came) // timedelta(minutes=1)
    return minutes if minutes > 0 else None
