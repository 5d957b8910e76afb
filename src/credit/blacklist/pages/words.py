"""What pages and letters call things of lists, and the sentence that says where an entry stands."""

from collections.abc import Mapping
from typing import Any

from credit.blacklist.views import EntryView, WorkLine
from credit.kit.texts import marked, say

__all__ = [
    "ACTS",
    "ANSWERS",
    "EFFECTS",
    "EXITS",
    "KINDS",
    "LISTS",
    "STAGES",
    "STAGE_LOOKS",
    "SUBJECTS",
    "WORDS",
    "next_step",
]

LISTS: Mapping[str, str] = {"red": marked("红名单"), "black": marked("黑名单")}
KINDS: Mapping[str, str] = {
    "self-discipline": marked("行业自律"),
    "departmental": marked("部门认定"),
    "statutory": marked("法定"),
}
SUBJECTS: Mapping[str, str] = {
    "enterprise": marked("企业"),
    "manager": marked("项目负责人"),
    "practitioner": marked("从业人员"),
}
STAGES: Mapping[str, str] = {
    "notice": marked("待告知"),
    "answer": marked("待答复"),
    "hearing": marked("待听证"),
    "decision": marked("待决定"),
    "publication": marked("待公布"),
    "review": marked("待复核"),
    "exit": marked("待公布移出"),
    "published": marked("在名单上"),
    "rejected": marked("不予列入"),
    "exited": marked("已移出"),
    "ended": marked("已到期"),
}
STAGE_LOOKS: Mapping[str, str] = {
    "published": "good",
    "rejected": "muted",
    "exited": "muted",
    "ended": "muted",
}
ACTS: Mapping[str, str] = {
    "proposed": marked("提请列入"),
    "notice": marked("送达告知书"),
    "answer": marked("陈述申辩"),
    "hear": marked("听证"),
    "list": marked("决定列入"),
    "reject": marked("决定不予列入"),
    "publish": marked("公布列入"),
    "continue": marked("复核：继续列入"),
    "leave": marked("决定移出"),
    "exit": marked("公布移出"),
}
EXITS: Mapping[str, str] = {
    "repaired": marked("所依据的事实已经修复或失效"),
    "overturned": marked("所依据的决定被撤销或改变"),
    "review": marked("复核认为不必继续列入"),
}
ANSWERS: Mapping[str, str] = {"objected": marked("有异议"), "accepted": marked("没有异议")}
EFFECTS: Mapping[str, str] = {
    "reference": marked("供招标人参考，不限制投标"),
    "statutory bar": marked("依法限制投标"),
}
WORDS: Mapping[str, Any] = {
    "lists": LISTS,
    "kinds": KINDS,
    "subjects": SUBJECTS,
    "stages": STAGES,
    "looks": STAGE_LOOKS,
    "acts": ACTS,
    "exits": EXITS,
    "answers": ANSWERS,
    "effects": EFFECTS,
}
_NEXT: Mapping[str, str] = {
    "notice": marked("已提请。下一步：协会信用专员向当事人送达告知书；告知以前什么也不生效。"),
    "publication": marked("已决定列入。下一步：市主管部门签名公布；公布以前不生效。"),
    "exit": marked("已决定移出。下一步：市主管部门签名公布移出；公布以前仍在名单上。"),
    "rejected": marked("已决定不予列入，事情到此结束。"),
    "exited": marked("已移出名单，不再公开。"),
    "ended": marked("期限已满，自动不在名单上，不再公开。"),
}


def next_step(view: EntryView, work: WorkLine) -> str:
    """Say where an entry stands, who has to do what, and until which day."""
    day = work.due or view.review_on or "—"
    match work.stage:
        case "published":
            return say(
                "在名单上，自 %(since)s 起，到 %(until)s 为止（不含）。下次复核最迟 %(review)s。",
                since=view.since,
                until=view.until,
                review=view.review_on,
            )
        case "answer":
            return say(
                "已告知。当事人可以在 %(day)s 以前陈述申辩，要求或者放弃听证；期满没有答复的，不算放弃听证。",
                day=day,
            )
        case "hearing":
            return say("下一步：由没有参与提请的审核员或区县主管部门在 %(day)s 以前听证。", day=day)
        case "decision":
            return say("下一步：由没有参与提请和听证的审核员在 %(day)s 以前作出决定。", day=day)
        case "review":
            return say(
                "在名单上。下一步：审核员在 %(day)s 以前复核，决定继续列入还是移出。", day=day
            )
        case stage:
            return _NEXT[stage]
