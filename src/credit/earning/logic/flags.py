"""What somebody should look at before approving: never a refusal, always a reason to ask."""

from credit.earning.activities.views import Counts, Presence
from credit.earning.views import Claim
from credit.kit.texts import marked
from credit.rules.bank import Fraud

__all__ = ["FLAG_TITLES", "flags_of", "flags_of_activity", "flags_of_presence"]

# What is unusual, and what to look at because of it.
FLAG_TITLES = {
    "by-hand": marked("积分由登记人直接填写：请按凭据核对数额"),
    "busy-enterer": marked("登记人或组织者这一天的记录过多：请抽查几位参与者"),
    "repeated-pair": marked("同一组织者与同一参与者反复出现：请向参与者本人核实"),
    "over-plan": marked("到场人数超过计划：请对照现场照片和签到表"),
    "many-by-hand": marked("这个活动补登的人过多：请对照纸质签到表"),
    "signed-by-hand": marked("签到或签退是工作人员补登的：请看纸质签到表"),
    "no-sign-out": marked("没有签退：请向组织者核实是否全程参加"),
    "overlap": marked("同一时间还在另一个活动签到：请核实本人在哪里"),
    "own-part": marked("关闭活动的人或组织者自己参加了：请向在场的其他人核实"),
    "organiser-elsewhere": marked("组织者同一时间在别处还有活动：请核实由谁在场组织"),
}


def flags_of(fraud: Fraud, claim: Claim, *, entered_of_day: int, with_member: int) -> list[str]:
    """Return what is unusual about a claim: `entered_of_day` is how many its organiser, or who
    entered it, has on that day, `with_member` how many of this member in the days the pack looks
    back.
    """
    flags = []
    if claim.points is not None:
        flags.append("by-hand")
    if entered_of_day > fraud.organiser_daily:
        flags.append("busy-enterer")
    if with_member > fraud.pair_repeats:
        flags.append("repeated-pair")
    return flags


def flags_of_activity(fraud: Fraud, planned: int, counts: Counts) -> list[str]:
    """Return what is unusual about an activity, and so about everybody's participation in it."""
    flags = []
    if counts.attendants > planned:
        flags.append("over-plan")
    if counts.by_hand * 100 > fraud.entry_share_percent * counts.attendants:
        flags.append("many-by-hand")
    if counts.elsewhere:
        flags.append("organiser-elsewhere")
    return flags


def flags_of_presence(one: Presence) -> list[str]:
    """Return what is unusual about one member's attendance."""
    flags = []
    if one.entered_by is not None:
        flags.append("signed-by-hand")
    if one.signed_out_at is None:
        flags.append("no-sign-out")
    if one.overlaps:
        flags.append("overlap")
    return flags
