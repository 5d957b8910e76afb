"""The course of a fact written out as the interface answers it."""

from datetime import date

from credit.access.views import Actor
from credit.events.course.views import (
    ActAnswer,
    CourseAnswer,
    CourseListed,
    ListedCourse,
    NoticeAnswer,
    Step,
    StepAnswer,
    TermState,
    TermView,
)
from credit.events.service import CourseView, Notice, notice_of
from credit.kit.clock import rfc3339
from credit.rules.pack import Pack
from credit.rules.trace import text

__all__ = ["course_answer", "day_text", "listed_answer", "term_states"]


def course_answer(view: CourseView, pack: Pack, reader: Actor, today: date) -> CourseAnswer:
    """Write a course for its reader: who of the office did what is for the office alone."""
    course, row = view.course, view.event.row
    rules = pack.on(course.noticed_on or today)
    known = row.code in rules.grader.events
    return CourseAnswer(
        str(course.event_id),
        row.code,
        course.enterprise,
        row.occurred_on.isoformat(),
        course.state,
        course.severity,
        day_text(course.noticed_on),
        day_text(course.rectification_due),
        day_text(course.objection_due),
        course.finding,
        day_text(course.decided_on),
        row.outcome,  # type: ignore[arg-type]
        row.reason,
        _notice(notice_of(view.event, course, rules)) if known else None,
        [_step(one, reader) for one in view.steps],
        term_states(view.terms),
        [ActAnswer(one.act, one.why_not) for one in view.acts],
        [str(one.id) for one in view.repairs],
    )


def listed_answer(one: ListedCourse) -> CourseListed:
    """Write a course of a list."""
    course = one.course
    return CourseListed(
        str(course.event_id),
        one.code,
        course.enterprise,
        one.enterprise_name,
        one.subject_kind,  # type: ignore[arg-type]
        one.subject,
        one.occurred_on.isoformat(),
        course.state,
        course.severity,
        day_text(course.objection_due),
        one.due_kind,
        day_text(one.due_on),
        one.level,
    )


def term_states(terms: tuple[TermView, ...]) -> list[TermState]:
    """Write open terms."""
    return [TermState(one.kind, one.due_on.isoformat(), one.days_left, one.level) for one in terms]


def day_text(day: date | None) -> str | None:
    """Write a day, if there is one."""
    return None if day is None else day.isoformat()


def _step(step: Step, reader: Actor) -> StepAnswer:
    known = "events:read" in reader.scopes or step.done_by == reader.person_id
    return StepAnswer(
        step.number,
        step.kind,
        rfc3339(step.at),
        step.done_by if known else None,
        step.statement,
        list(step.evidence),
        day_text(step.due_on),
        step.finding,
        step.term,
        step.days,
        step.participants,
        step.corrective,
        step.preventive,
    )


def _notice(notice: Notice) -> NoticeAnswer:
    return NoticeAnswer(
        notice.title,
        notice.severity,
        notice.clause,
        text(notice.points),
        list(notice.rights),
        day_text(notice.rectify_by),
        day_text(notice.object_by),
        notice.with_decision,
        day_text(notice.repair.from_on),
        day_text(notice.repair.ends_on),
        list(notice.repair.conditions),
    )
