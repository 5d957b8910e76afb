"""What somebody should look at before approving: never a refusal, always a reason to ask."""

from credit.earning.views import Claim
from credit.kit.texts import marked
from credit.rules.bank import Fraud

__all__ = ["FLAG_TITLES", "flags_of"]

FLAG_TITLES = {
    "by-hand": marked("积分数由登记人直接填写，不是按规则算出"),
    "busy-enterer": marked("登记人一天登记的记录过多"),
    "repeated-pair": marked("同一登记人与同一参与者反复出现"),
    "over-plan": marked("人数超过活动计划"),
    "many-by-hand": marked("这个活动补登的比例过高"),
    "overlap": marked("同一时间出现在另一个活动"),
    "organiser-elsewhere": marked("组织者同一时间在另一个活动"),
    "late": marked("登记得很晚"),
}


def flags_of(fraud: Fraud, claim: Claim, *, entered_of_day: int, with_member: int) -> list[str]:
    """Return what is unusual about a claim: `entered_of_day` is how many its enterer has on that
    day, `with_member` how many of this member in the days the pack looks back.
    """
    flags = []
    if claim.points is not None:
        flags.append("by-hand")
    if entered_of_day > fraud.organiser_daily:
        flags.append("busy-enterer")
    if with_member > fraud.pair_repeats:
        flags.append("repeated-pair")
    return flags
