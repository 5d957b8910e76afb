"""The course of a bad fact as a state machine: which step may follow, taken by whom, and when.

Nothing here happens by time: a term that is over only allows the next step, which somebody takes.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Literal

from credit.access.logic import SCOPE_TITLES
from credit.access.views import Actor
from credit.events.course.views import (
    OPEN_STATES,
    STATE_TITLES,
    Act,
    Course,
    Finding,
    TermKind,
)
from credit.kit.errors import Conflict, CreditError, Forbidden, NotFound
from credit.kit.texts import say
from credit.rules.model import EventType
from credit.rules.procedure import Procedure, SeverityTerms

__all__ = [
    "ACTS",
    "EXTENDED_BY",
    "acknowledged",
    "barred",
    "barred_extension",
    "decided",
    "ended",
    "extended",
    "heard",
    "heard_elsewhere",
    "needs_course",
    "needs_notice",
    "noticed",
    "objected",
    "rectified",
]

SCOPE_OF: dict[Act, str] = {
    "notify": "events:propose",
    "acknowledge": "portal:use",
    "rectify": "portal:use",
    "object": "portal:use",
    "repair": "portal:use",
    "hear": "events:hear",
    "accept": "events:decide",
    "refuse": "events:decide",
}
# What a party does, and an office takes in for one that answers on paper.
OF_PARTY: tuple[Act, ...] = ("acknowledge", "rectify", "object")
# Whose term it is who may extend it: the party's own are extended by who gives notice.
EXTENDED_BY: dict[TermKind, str] = {
    "rectification": "events:propose",
    "objection": "events:propose",
    "hearing": "events:hear",
    "decision": "events:decide",
}
STEPS_MAX = 100
TO_BE_ANSWERED = ("noticed", "acknowledged", "objected", "heard")


def needs_course(event: EventType) -> bool:
    """Say whether a fact of a type takes the course: every bad one does."""
    return event.polarity == "bad"


def heard_elsewhere(event: EventType, procedure: Procedure) -> bool:
    """Say whether a fact rests on an authority's own decision, notified and heard there."""
    return event.in_public_catalog and procedure.trusts_public_catalog


def needs_notice(event: EventType, procedure: Procedure) -> bool:
    """Say whether a fact's subject must be given notice before anything is decided."""
    return needs_course(event) and not heard_elsewhere(event, procedure)


def barred(course: Course, act: Act, actor: Actor, today: date) -> CreditError | None:
    """Return why somebody may not take a step today; None when it may be taken.

    Who may not take it for who they are is told before what stands in the way.
    """
    return _for_who_they_are(course, act, actor) or ACTS[act](course, today)


def barred_extension(
    course: Course, term: TermKind, actor: Actor, *, due_on: date | None, today: date
) -> CreditError | None:
    """Return why a term cannot be extended; `due_on` is its last day, None where none is open."""
    refused = _lacks(actor, EXTENDED_BY[term])
    if refused is not None:
        return refused
    if due_on is None or course.state not in OPEN_STATES:
        return Conflict(say("这个期限没有开始，或者已经办结，不能延长。"), slug="term-closed")
    if today > due_on:
        return Conflict(
            say("这个期限到 %(due_on)s 已经届满，不能再延长。请按程序办理下一步。", due_on=due_on),
            slug="term-over",
        )
    return None


def _for_who_they_are(course: Course, act: Act, actor: Actor) -> CreditError | None:
    scope = SCOPE_OF[act]
    person, hands_in = actor.person_id, act in OF_PARTY and actor.party is None
    if hands_in:
        scope = "events:propose"
    elif scope == "portal:use" and (actor.party is None or actor.party != course.enterprise):
        return NotFound(say("没有这条记录，或者它与您的企业无关。"))
    refused = _lacks(actor, scope)
    if refused is not None:
        return refused
    had_a_hand = person in (course.proposed_by, course.noticed_by)
    if had_a_hand and (hands_in or act == "hear"):
        return _four_eyes(
            say("提出或告知的人不能代为录入企业的答复。请由没有经手的同事录入。")
            if hands_in
            else say("提出或告知的人不能核查。请由没有经手的同事核查。")
        )
    if act in ("accept", "refuse"):
        if person == course.proposed_by:
            return _four_eyes(say("提出人与决定人不能是同一人。请由另一位同事作出决定。"))
        if person == course.heard_by:
            return _four_eyes(say("核查人与决定人不能是同一人。请由另一位同事作出决定。"))
    return None


def _lacks(actor: Actor, scope: str) -> CreditError | None:
    if scope in actor.scopes:
        return None
    title = SCOPE_TITLES[scope]
    return Forbidden(
        say(
            "您的角色没有“%(title)s”（%(scope)s）权限。请由有此权限的同事办理，或联系管理员。",
            title=title,
            scope=scope,
        )
    )


def _four_eyes(text: str) -> Forbidden:
    return Forbidden(text, slug="four-eyes")


def _settled(course: Course) -> Conflict:
    return Conflict(
        say(
            "这条事实已经作出决定（%(state_titles)s），请刷新后再看。",
            state_titles=STATE_TITLES[course.state],
        ),
        slug="already-decided",
    )


def _before_notice() -> Conflict:
    return Conflict(say("还没有告知企业。请先送达告知书，再办理下一步。"), slug="notice-first")


def _notify(course: Course, _: date) -> CreditError | None:
    if course.state not in OPEN_STATES:
        return _settled(course)
    if course.elsewhere:
        return Conflict(
            say("这是有权机关已经告知并作出的决定，不另行告知；告知书随本次决定一并送达。"),
            slug="notice-with-decision",
        )
    if course.state != "proposed":
        return Conflict(
            say("%(noticed_on)s 已经告知过，不能重复告知。", noticed_on=course.noticed_on),
            slug="already-noticed",
        )
    return None


def _acknowledge(course: Course, _: date) -> CreditError | None:
    if course.state == "acknowledged":
        return Conflict(say("您已经认可了这条事实。"), slug="already-acknowledged")
    return None if course.state == "noticed" else _answered(course)


def _rectify(course: Course, _: date) -> CreditError | None:
    if course.steps >= STEPS_MAX:
        return Conflict(
            say("这条事实的报告已经太多，请把补充材料交给协会。"), slug="too-many-steps"
        )
    if course.state in (*TO_BE_ANSWERED, "effective"):
        return None
    return _before_notice() if course.state == "proposed" else _settled(course)


def _object(course: Course, today: date) -> CreditError | None:
    if course.elsewhere:
        return Conflict(
            say(
                "这是有权机关的决定。有异议的，请向作出决定的机关申请复核、复议或提起诉讼；"
                "决定被撤销或变更后，本条会随之撤回或更正。"
            ),
            slug="objection-elsewhere",
        )
    if course.state != "noticed":
        return _answered(course)
    if course.objection_due is not None and today > course.objection_due:
        return Conflict(
            say(
                "异议期限到 %(objection_due)s 为止，今天是 %(today)s，已经逾期。仍有新证据的，请书面告诉协会；事实生效后可以申请修复。",
                objection_due=course.objection_due,
                today=today,
            ),
            slug="objection-late",
        )
    return None


def _answered(course: Course) -> CreditError:
    """Say why an answer to the notice comes too late or twice."""
    if course.state == "proposed":
        return _before_notice()
    if course.state == "acknowledged":
        return Conflict(say("您已经认可了这条事实，不能再提出异议。"), slug="already-acknowledged")
    if course.state in ("objected", "heard"):
        return Conflict(
            say(
                "您已于 %(objected_on)s 提出异议，请等候核查和决定。",
                objected_on=course.objected_on,
            )
            if course.objected_on
            else say("核查已经作出，请等候决定。"),
            slug="already-objected",
        )
    return _settled(course)


def _hear(course: Course, today: date) -> CreditError | None:
    if course.state not in OPEN_STATES:
        return _settled(course)
    if course.state == "heard":
        return Conflict(
            say("%(heard_on)s 已经核查过，请等候决定。", heard_on=course.heard_on),
            slug="already-heard",
        )
    if course.elsewhere:
        return Conflict(
            say("有权机关的决定已在那里听取过陈述申辩，不另行核查。"), slug="not-heard-here"
        )
    if course.state == "proposed":
        return _before_notice()
    if course.state == "noticed" and course.objection_due and today <= course.objection_due:
        return Conflict(
            say(
                "异议期限到 %(objection_due)s 为止，企业还可以提出异议，请期满后再核查。",
                objection_due=course.objection_due,
            ),
            slug="objection-open",
        )
    return None


def _accept(course: Course, today: date) -> CreditError | None:
    if course.state not in OPEN_STATES:
        return _settled(course)
    if course.elsewhere:
        return None
    return _unheard(course, today) or _unfit(course)


def _unheard(course: Course, today: date) -> CreditError | None:
    """Say what of notice, objection and hearing is still missing."""
    if course.state == "proposed":
        return _before_notice()
    if course.state == "objected":
        return Conflict(
            say("企业的异议还没有核查答复，不能认定。请先核查。"), slug="objection-unheard"
        )
    if course.state == "noticed" and course.objection_due and today <= course.objection_due:
        return Conflict(
            say(
                "异议期限到 %(objection_due)s 为止，企业还可以提出异议，期满后才能认定。",
                objection_due=course.objection_due,
            ),
            slug="objection-open",
        )
    if course.state == "noticed" and course.must_hear:
        return Conflict(
            say("严重失信的事实，企业没有回应也要先由没有经手的人核查，才能认定。"),
            slug="hearing-first",
        )
    return None


def _unfit(course: Course) -> CreditError | None:
    """Say why a fact that was heard still cannot be found to be so."""
    if course.finding == "upheld":
        return Conflict(say("核查认为异议成立，只能决定不予认定。"), slug="objection-upheld")
    if course.must_measure and not course.measures:
        return Conflict(
            say(
                "还没有纠正措施和预防措施（DB1502/T §5.3.2），不能认定。"
                "请企业在整改报告里写明，或由核查人提出要求。"
            ),
            slug="measures-missing",
        )
    return None


def _refuse(course: Course, _: date) -> CreditError | None:
    return None if course.state in OPEN_STATES else _settled(course)


def _repair(course: Course, _: date) -> CreditError | None:
    if course.state in OPEN_STATES:
        return Conflict(say("这条事实还没有生效，不需要修复。"), slug="not-effective")
    if course.state != "effective":
        return Conflict(
            say("这条事实%(state_titles)s，不需要修复。", state_titles=STATE_TITLES[course.state]),
            slug="fact-ended",
        )
    if course.rectified_on is None:
        return Conflict(
            say("还没有整改报告，不能申请修复。请先提交整改情况和证明。"), slug="duties-open"
        )
    return None


ACTS: dict[Act, Callable[[Course, date], CreditError | None]] = {
    "notify": _notify,
    "acknowledge": _acknowledge,
    "rectify": _rectify,
    "object": _object,
    "hear": _hear,
    "accept": _accept,
    "refuse": _refuse,
    "repair": _repair,
}


def noticed(
    course: Course, terms: SeverityTerms, *, on: date, by: str, rectify_by: date, object_by: date
) -> Course:
    """Return the course after the notice, which binds the office to the terms it names."""
    return replace(
        course,
        state="noticed",
        steps=course.steps + 1,
        noticed_on=on,
        noticed_by=by,
        rectification_due=rectify_by,
        objection_due=object_by,
        must_hear=terms.silence == "hear",
        must_measure=terms.measures,
    )


def acknowledged(course: Course, on: date) -> Course:
    """Return the course after the subject acknowledged the fact."""
    return replace(course, state="acknowledged", steps=course.steps + 1, acknowledged_on=on)


def rectified(course: Course, on: date, *, measures: bool) -> Course:
    """Return the course after a report of rectification; `measures` says that it names both."""
    return replace(
        course,
        steps=course.steps + 1,
        rectified_on=course.rectified_on or on,
        measures=course.measures or measures,
    )


def objected(course: Course, on: date) -> Course:
    """Return the course after an objection."""
    return replace(course, state="objected", steps=course.steps + 1, objected_on=on)


def extended(course: Course, term: TermKind, until: date) -> Course:
    """Return the course after a term was extended; a party's own days stand in it."""
    course = replace(course, steps=course.steps + 1)
    if term == "rectification":
        return replace(course, rectification_due=until)
    return replace(course, objection_due=until) if term == "objection" else course


def heard(course: Course, finding: Finding, *, on: date, by: str, measures: bool) -> Course:
    """Return the course after a hearing; `measures` says that it laid both kinds down."""
    return replace(
        course,
        state="heard",
        steps=course.steps + 1,
        heard_on=on,
        heard_by=by,
        finding=finding,
        measures=course.measures or measures,
    )


def decided(course: Course, outcome: Literal["accepted", "refused"], on: date, by: str) -> Course:
    """Return the course after the decision; a fact heard elsewhere is noticed together with it."""
    if outcome == "refused":
        return replace(course, state="dropped", decided_on=on, ended_on=on)
    if course.elsewhere:
        course = replace(course, steps=course.steps + 1, noticed_on=on, noticed_by=by)
    return replace(course, state="effective", decided_on=on)


def ended(course: Course, how: Literal["withdrawn", "corrected", "repaired"], on: date) -> Course:
    """Return the course of a fact that was effective and is no more."""
    return replace(course, state=how, ended_on=on)
