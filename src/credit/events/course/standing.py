"""Where a matter stands, in one sentence: who has to do what until which day. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from credit.events.course.views import STATE_TITLES, Course, TermView
from credit.events.repair.views import Repair
from credit.kit.texts import marked, say

__all__ = ["FINDING_TITLES", "Standing", "left", "office_standing", "party_standing",
           "repair_standing"]  # fmt: skip

FINDING_TITLES = {
    "upheld": marked("异议成立"),
    "partly": marked("异议部分成立"),
    "dismissed": marked("异议不成立"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A sentence, and whether what it asks for is late."""

    text: str
    late: bool = False


def left(days: int) -> str:
    """Say how many working days are left: 0 on the last day, below 0 when it is over."""
    if days < 0:
        return say("已超 %(days)s 个工作日", days=-days)
    if days == 0:
        return say("今天是最后一天")
    return say("还剩 %(days)s 个工作日", days=days)


def office_standing(course: Course, terms: Sequence[TermView], today: date) -> Standing:
    """Say to an officer where a bad fact stands."""
    by_kind = {one.kind: one for one in terms}
    match course.state:
        case "proposed":
            return Standing(_unnoticed(course))
        case "noticed":
            return _in_silence(course, by_kind, today)
        case "acknowledged":
            return _until(
                by_kind.get("decision"),
                say("企业已于 %(day)s 认可，等待另一位同事决定", day=course.acknowledged_on),
            )
        case "objected":
            return _until(
                by_kind.get("hearing"),
                say(
                    "企业已于 %(day)s 提出异议，等待没有经手的同事核查",
                    day=course.objected_on,
                ),
            )
        case "heard":
            return _heard(course, by_kind)
        case _:
            return Standing(_ended(course))


def party_standing(course: Course, terms: Sequence[TermView], today: date) -> Standing:
    """Say to the fact's enterprise where it stands, and what to do until when."""
    by_kind = {one.kind: one for one in terms}
    match course.state:
        case "proposed":
            return Standing(
                say("协会正在登记这条信息，还没有作出决定。决定之前不计分。")
                if course.elsewhere
                else say("协会正在登记这条信息，还没有告知您。收到告知书后您可以认可或提出异议。")
            )
        case "noticed" if course.objection_due is not None and today <= course.objection_due:
            return _until(by_kind.get("objection"), say("已告知您。请认可，或者提出异议"))
        case "noticed" | "acknowledged" | "objected" | "heard":
            return Standing(_waiting(course))
        case _:
            return Standing(_ended(course))


def repair_standing(repair: Repair, term: TermView | None) -> Standing:
    """Say where an application for repair stands."""
    match repair.state:
        case "applied":
            return _until(
                term,
                say("企业已于 %(day)s 申请修复，等待协会决定是否受理", day=repair.applied_on),
            )
        case "accepted":
            return _until(
                term,
                say(
                    "已于 %(day)s 受理，等待受理人以外的同事决定是否准予修复",
                    day=repair.accepted_on,
                ),
            )
        case "rejected":
            return Standing(
                say("已于 %(day)s 决定不予受理。补正材料后可以再次申请。", day=repair.accepted_on)
            )
        case "granted":
            return Standing(
                say(
                    "已于 %(day)s 准予修复：这条信息不再计分、查询、共享和公示。",
                    day=repair.decided_on,
                )
            )
        case _:
            return Standing(
                say("已于 %(day)s 决定不予修复。条件具备后可以再次申请。", day=repair.decided_on)
            )


def _unnoticed(course: Course) -> str:
    if course.elsewhere:
        return say(
            "有权机关已经告知企业并作出决定，不另行告知；等待另一位同事决定是否登记，告知书随决定送达。"
        )
    return say("还没有告知企业。请送达告知书，企业的整改期和异议期从次日起算。")


def _until(term: TermView | None, what: str) -> Standing:
    if term is None:
        return Standing(say("%(what)s。", what=what))
    text = say(
        "%(what)s，到 %(due_on)s 为止，%(left)s。",
        what=what,
        due_on=term.due_on,
        left=left(term.days_left),
    )
    return Standing(text, term.days_left < 0)


def _in_silence(course: Course, by_kind: dict[str, TermView], today: date) -> Standing:
    """The subject has been told and has not answered: it may still, or it is too late."""
    if course.objection_due is not None and today <= course.objection_due:
        what = say("已于 %(day)s 告知，等待企业认可或提出异议", day=course.noticed_on)
        return _until(by_kind.get("objection"), what)
    if course.must_hear:
        what = say(
            "异议期已于 %(day)s 届满，企业没有回应。严重失信不视为认可，等待没有经手的同事核查",
            day=course.objection_due,
        )
        return _until(by_kind.get("hearing"), what)
    what = say(
        "异议期已于 %(day)s 届满，企业没有提出异议，等待另一位同事决定", day=course.objection_due
    )
    return _until(by_kind.get("decision"), what)


def _heard(course: Course, by_kind: dict[str, TermView]) -> Standing:
    finding = FINDING_TITLES[course.finding] if course.finding else ""
    if course.finding == "upheld":
        what = say(
            "已于 %(day)s 核查：%(finding)s，等待提出人和核查人以外的同事决定不予认定",
            day=course.heard_on,
            finding=finding,
        )
    elif course.must_measure and not course.measures:
        what = say(
            "已于 %(day)s 核查：%(finding)s，还缺纠正措施和预防措施，等待企业补交整改报告",
            day=course.heard_on,
            finding=finding,
        )
    else:
        what = say(
            "已于 %(day)s 核查：%(finding)s，等待提出人和核查人以外的同事决定",
            day=course.heard_on,
            finding=finding,
        )
    return _until(by_kind.get("decision"), what)


def _waiting(course: Course) -> str:
    """Say to the subject that the office has to act now."""
    if course.state == "noticed":
        return (
            say("异议期已于 %(day)s 届满。协会先由没有经手的人核查，再作决定。",
                day=course.objection_due)
            if course.must_hear
            else say("异议期已于 %(day)s 届满，等待协会决定。", day=course.objection_due)
        )  # fmt: skip
    if course.state == "acknowledged":
        return say("您已于 %(day)s 认可，等待协会决定。", day=course.acknowledged_on)
    if course.state == "objected":
        return say(
            "您已于 %(day)s 提出异议，协会由没有经手的人核查后再决定。", day=course.objected_on
        )
    finding = FINDING_TITLES[course.finding] if course.finding else ""
    if course.must_measure and not course.measures:
        return say(
            "已于 %(day)s 核查：%(finding)s。还缺纠正措施和预防措施，请补交整改报告。",
            day=course.heard_on,
            finding=finding,
        )
    return say(
        "已于 %(day)s 核查：%(finding)s。等待协会决定。", day=course.heard_on, finding=finding
    )


def _ended(course: Course) -> str:
    if course.state == "effective":
        return say("已于 %(day)s 认定生效，计入信用得分。", day=course.decided_on)
    if course.state == "dropped":
        return say("已于 %(day)s 决定不予认定，不计分。", day=course.decided_on)
    if course.state == "repaired":
        return say("已于 %(day)s 修复，不再计分和公示。", day=course.ended_on)
    return say(
        "%(state)s，自 %(day)s 起不再计分。",
        state=STATE_TITLES[course.state],
        day=course.ended_on or course.decided_on,
    )
