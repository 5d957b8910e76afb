"""A matter's steps as pages show them: what, by which office, when, with which reasons and files."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from credit.events.course.standing import FINDING_TITLES
from credit.events.course.views import TERM_TITLES, Step
from credit.events.repair.views import RepairStep
from credit.events.service import ShownEvent
from credit.kit.texts import marked, say

__all__ = ["Moment", "of_course", "of_repair", "people_in"]

STEP_TITLES = {
    "noticed": marked("送达告知书"),
    "acknowledged": marked("企业认可"),
    "rectified": marked("企业提交整改报告"),
    "objected": marked("企业提出异议"),
}
REPAIR_STEP_TITLES = {
    "applied": marked("企业申请修复"),
    "accepted": marked("受理修复申请"),
    "rejected": marked("不予受理修复申请"),
    "granted": marked("准予修复"),
    "refused": marked("不予修复"),
}
REASON = marked("理由")
SOMEBODY = marked("工作人员")


@dataclass(frozen=True, slots=True)
class Moment:
    """A step: `words` are (label, text) of what was said, `evidence` digests of files."""

    at: datetime
    title: str
    by: str
    words: tuple[tuple[str, str], ...] = ()
    evidence: tuple[str, ...] = ()


def of_course(event: ShownEvent, steps: Sequence[Step]) -> list[Moment]:
    """Tell how a fact was proposed, what followed, and how it was decided, in the order of time."""
    row = event.row
    moments = [Moment(row.proposed_at, say("提出"), row.proposed_by), *map(_moment, steps)]
    if row.decided_at is not None and row.decided_by is not None:
        title = say("认定生效") if row.outcome == "accepted" else say("决定不予认定")
        words = ((REASON, row.reason or ""),)
        moments.append(Moment(row.decided_at, title, row.decided_by, words))
    return sorted(moments, key=lambda one: one.at)


def of_repair(steps: Sequence[RepairStep]) -> list[Moment]:
    """Tell what became of an application for repair."""
    return [
        Moment(
            one.at,
            say("办结期限延长 %(days)s 个工作日，到 %(due_on)s", days=one.days, due_on=one.due_on)
            if one.kind == "extended"
            else REPAIR_STEP_TITLES[one.kind],
            one.done_by,
            ((say("情况说明") if one.kind == "applied" else REASON, one.statement or ""),),
            one.evidence,
        )
        for one in steps
    ]


def people_in(moments: Iterable[Moment], posts: Mapping[str, str]) -> dict[str, str]:
    """Return in which office each of a timeline's people is, by their pseudonyms."""
    return {one.by: posts.get(one.by, SOMEBODY) for one in moments}


def _moment(step: Step) -> Moment:
    labels = {
        "rectified": say("整改情况"),
        "objected": say("异议的事实和理由"),
        "acknowledged": say("说明"),
    }
    words = [
        (labels.get(step.kind, REASON), step.statement),
        (say("纠正措施"), step.corrective),
        (say("预防措施"), step.preventive),
        (say("参加人"), step.participants),
    ]
    said = tuple((label, text) for label, text in words if text)
    return Moment(step.at, _title(step), step.done_by, said, step.evidence)


def _title(step: Step) -> str:
    if step.kind == "extended" and step.term is not None:
        return say(
            "%(term)s延长 %(days)s 个工作日，到 %(due_on)s",
            term=TERM_TITLES[step.term],
            days=step.days,
            due_on=step.due_on,
        )
    if step.kind == "heard" and step.finding is not None:
        return say("核查：%(finding)s", finding=FINDING_TITLES[step.finding])
    return STEP_TITLES[step.kind]
