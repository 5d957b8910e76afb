"""What is served on the subject of a bad fact: the notice, and how the fact can be repaired.

Both are computed from the event, its course and the pack alone, for pages and for print.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from credit.events.course.views import Course
from credit.events.service.own import fact_of
from credit.events.service.reading import ShownEvent
from credit.events.service.repair import lapse_day
from credit.kit.texts import marked, say
from credit.rules.arithmetic import add_months
from credit.rules.model import Severity, Status
from credit.rules.pack import Rules
from credit.rules.procedure import SeverityTerms

__all__ = ["SEVERITY_TITLES", "Notice", "RepairNotice", "notice_of", "repair_notice_of"]

SEVERITY_TITLES: dict[Severity, str] = {
    "minor": marked("轻微"),
    "general": marked("一般"),
    "serious": marked("严重"),
}


@dataclass(frozen=True, slots=True)
class RepairNotice:
    """How, from when and by when a fact can be repaired (信用修复告知); days are working days.

    `from_on` and `ends_on` (the first day without it) are None before the decision.
    """

    severity: str
    min_months: int
    max_months: int
    from_on: date | None
    ends_on: date | None
    acceptance_days: int
    finish_days: int
    conditions: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Notice:
    """The notice (告知书) of a bad fact: what, by which clause, at what cost, and the rights.

    `points` are what the enterprise itself would lose. The days a term ends are None until the
    notice is given. `with_decision` says that an authority heard the matter: the notice goes out
    with the decision.
    """

    event_id: UUID
    enterprise: str
    enterprise_name: str
    subject: str
    title: str
    code: str
    severity: str
    occurred_on: date
    reference: str
    level: str | None
    clause: str
    points_words: str
    points: Decimal
    evidence: int
    with_decision: bool
    noticed_on: date | None
    rectification_days: int
    rectify_by: date | None
    objection_days: int
    object_by: date | None
    decision_days: int
    silence: Literal["decide", "hear"]
    measures: bool
    rights: tuple[str, ...]
    repair: RepairNotice
    source: str
    status: Status


def notice_of(event: ShownEvent, course: Course, rules: Rules) -> Notice:
    """Return the notice of a fact; before it is given, as it would read."""
    known = rules.grader.events[event.row.code]
    terms = rules.procedure.of(course.severity)
    level = event.body.get("level")
    return Notice(
        event.row.id,
        course.enterprise,
        event.row.enterprise_name or course.enterprise,
        event.subject,
        known.title,
        event.row.code,
        SEVERITY_TITLES[course.severity],
        event.row.occurred_on,
        event.body["reference"],
        None if level is None else str(level),
        known.source,
        event.points,
        rules.grader.points_of(fact_of(event.row, event.body, event.index)),
        len(event.body["evidence"]),
        course.elsewhere,
        course.noticed_on,
        terms.rectification_days,
        course.rectification_due,
        terms.objection_days,
        course.objection_due,
        terms.decision_days,
        terms.silence,
        terms.measures,
        _rights(course, terms),
        repair_notice_of(event, course, rules),
        rules.procedure.source,
        rules.procedure.status,
    )


def repair_notice_of(event: ShownEvent, course: Course, rules: Rules) -> RepairNotice:
    """Return how a fact can be repaired, and when it ends by itself."""
    terms, repair = rules.procedure.of(course.severity), rules.procedure.repair
    decided = course.shown_from if course.state != "dropped" and course.decided_on else None
    return RepairNotice(
        SEVERITY_TITLES[course.severity],
        terms.display_min_months,
        terms.display_max_months,
        add_months(decided, terms.display_min_months) if decided else None,
        lapse_day(rules.grader.events.get(event.row.code), event) if decided else None,
        repair.acceptance_days,
        repair.finish_days,
        (
            say(
                "自决定之日起满 %(display_min_months)s 个月",
                display_min_months=terms.display_min_months,
            )
            if terms.display_min_months
            else say("决定以后随时可以申请"),
            say("不良行为已经纠正，应当履行的义务已经履行完毕，并提交了整改报告"),
            say("提交证明材料和签名的信用承诺书，承诺书向社会公开"),
            (
                say(
                    "协会在 %(acceptance_days)s 个工作日内决定是否受理，受理后 %(finish_days)s 个工作日内办结，不收取任何费用",
                    acceptance_days=repair.acceptance_days,
                    finish_days=repair.finish_days,
                )
            ),
        ),
        repair.source,
    )


def _rights(course: Course, terms: SeverityTerms) -> tuple[str, ...]:
    if course.elsewhere:
        return (
            (
                say(
                    "本条依据有权机关已经告知并生效的决定登记。对该决定有异议的，"
                    "请依法向作出决定的机关申请复核、复议或提起诉讼。"
                )
            ),
            say("决定被撤销或者变更的，请把文书交给协会，本条随之撤回或者更正。"),
        )
    object_by = (
        say("（到 %(objection_due)s 为止，含当日）", objection_due=course.objection_due)
        if course.objection_due
        else ""
    )
    rectify_by = (
        say("（到 %(rectification_due)s 为止，含当日）", rectification_due=course.rectification_due)
        if course.rectification_due
        else ""
    )
    rights = [
        (
            say(
                "对事实、依据或者扣分有异议的，可以在收到告知之日起 %(objection_days)s 个工作日内%(object_by)s在企业门户提出异议，写明事实和理由并附证据；异议由没有经手的人核查。",
                objection_days=terms.objection_days,
                object_by=object_by,
            )
        ),
        say("可以查看证据，可以陈述和申辩，不会因此加重扣分。"),
        say(
            "请在 %(rectification_days)s 个工作日内%(rectify_by)s整改，并在企业门户提交整改报告。",
            rectification_days=terms.rectification_days,
            rectify_by=rectify_by,
        ),
        say("认可事实的，可以在企业门户确认；确认后不再等待异议期满。"),
    ]
    if terms.measures:
        rights.append(
            say("本条属于严重不符合，整改报告要写明纠正措施和预防措施，没有措施不能结案。")
        )
    if terms.silence == "hear":
        rights.append(say("逾期没有回应的，不视为认可；协会先由没有经手的人核查，再作决定。"))
    else:
        rights.append(say("逾期没有提出异议的，协会将根据现有证据作出决定。"))
    return tuple(rights)
