"""Repair as pure decisions: who may apply when, who may accept and grant, and what is signed."""

import hashlib
from dataclasses import replace
from datetime import date
from typing import Any, Literal
from uuid import UUID

from credit.access.logic import SCOPE_TITLES
from credit.access.views import Actor
from credit.events.course.logic import barred
from credit.events.course.views import Course
from credit.events.repair.views import REPAIR_TITLES, Commitment, Repair
from credit.kit.errors import Conflict, CreditError, Forbidden
from credit.kit.texts import marked, say
from credit.rules.arithmetic import add_months
from credit.rules.procedure import SeverityTerms

__all__ = [
    "ACTS",
    "Act",
    "accepted",
    "barred_act",
    "barred_application",
    "commitment",
    "decided",
    "extended",
    "recorded",
    "repairable_from",
    "repaired_body",
]

Act = Literal["accept", "reject", "extend", "grant", "refuse"]
ACTS: tuple[Act, ...] = ("accept", "reject", "extend", "grant", "refuse")
TEMPLATE = "repair-commitment/1"
LETTER = marked("""信用承诺书

{name}（{code}）就“{title}”（{occurred_on}，{reference}）申请信用修复，郑重承诺：
一、所提交的整改情况和证明材料真实、合法、有效，没有隐瞒和虚假。
二、该不良行为已经纠正，应当履行的义务已经履行完毕。
三、今后严格遵守法律法规、行业自律公约和服务承诺，不再发生同类行为。
四、同意本承诺书向社会公开，接受社会监督。
五、如有违背，自愿恢复该不良信息的公示，并按规定承担相应责任。
""")
DECIDED_ACTS = ("grant", "refuse")
# Not to take an application on is to decide it.
NOT_BY_PROPOSER = ("accept", "reject", *DECIDED_ACTS)
# A title that quotes stands in quotes itself: Chinese writes the inner ones single.
INNER_QUOTES = str.maketrans("“”", "‘’")


def repairable_from(course: Course, terms: SeverityTerms) -> date | None:
    """Return the first day on which a fact may be repaired; None before its decision.

    A correction goes on with the display of what it corrects.
    """
    if course.decided_on is None or course.shown_from is None:
        return None
    return add_months(course.shown_from, terms.display_min_months)


def barred_application(
    course: Course, terms: SeverityTerms, actor: Actor, *, lapses_on: date, today: date
) -> CreditError | None:
    """Return why the subject cannot apply for repair today; None when it can."""
    refused = barred(course, "repair", actor, today)
    if refused is not None:
        return refused
    if today >= lapses_on:
        return Conflict(
            say(
                "这条事实自 %(lapses_on)s 起已经到期，不再计分和公示，不需要修复。",
                lapses_on=lapses_on,
            ),
            slug="fact-ended",
        )
    first = repairable_from(course, terms)
    if first is not None and today < first:
        return Conflict(
            say(
                "最短公示期 %(display_min_months)s 个月还没有满，%(first)s 起可以申请修复。",
                display_min_months=terms.display_min_months,
                first=first,
            ),
            slug="repair-too-early",
        )
    return None


def barred_act(repair: Repair, course: Course, act: Act, actor: Actor) -> CreditError | None:
    """Return why an officer may not take a step of an application; None when it may be taken."""
    scope = "events:decide"
    if scope not in actor.scopes:
        title = SCOPE_TITLES[scope]
        return Forbidden(
            say(
                "您的角色没有“%(title)s”（%(scope)s）权限。请由有此权限的同事办理，或联系管理员。",
                title=title,
                scope=scope,
            )
        )
    if act in DECIDED_ACTS and actor.person_id == repair.accepted_by:
        return _four_eyes(say("受理人与决定人不能是同一人。请由另一位同事决定是否准予修复。"))
    if act in NOT_BY_PROPOSER and actor.person_id == course.proposed_by:
        return _four_eyes(say("提出这条事实的人不能决定它的修复。请由另一位同事决定。"))
    return _out_of_turn(repair, course, act)


def _out_of_turn(repair: Repair, course: Course, act: Act) -> CreditError | None:
    wanted = "applied" if act in ("accept", "reject") else "accepted"
    if repair.state != wanted:
        return Conflict(
            say(
                "这份申请现在是“%(repair_titles)s”，不能这样办理。请刷新后再看。",
                repair_titles=REPAIR_TITLES[repair.state],
            ),
            slug="repair-elsewhere",
        )
    if act == "extend" and repair.extended:
        return Conflict(say("办结期限只能延长一次。请在期限内作出决定。"), slug="extended-before")
    if act == "grant" and course.state != "effective":
        return Conflict(
            say("这条事实已经撤回或更正，不需要修复。请写明理由，不予修复。"), slug="fact-ended"
        )
    return None


def accepted(repair: Repair, outcome: Literal["accepted", "rejected"], by: str, on: date) -> Repair:
    """Return the application after it was taken on or rejected."""
    return replace(repair, state=outcome, steps=repair.steps + 1, accepted_by=by, accepted_on=on)


def extended(repair: Repair) -> Repair:
    """Return the application after its decision was put off."""
    return replace(repair, steps=repair.steps + 1, extended=True)


def decided(repair: Repair, outcome: Literal["granted", "refused"], by: str, on: date) -> Repair:
    """Return the application after its decision."""
    return replace(repair, state=outcome, steps=repair.steps + 1, decided_by=by, decided_on=on)


def recorded(repair: Repair, record_id: UUID) -> Repair:
    """Return a granted application with the record that says so."""
    return replace(repair, record_id=record_id)


def commitment(name: str, title: str, event_id: str, fact: dict[str, Any]) -> Commitment:
    """Return the commitment letter for a fact, and the record that signs its digest.

    The letter itself stays out of the log; who has it can show that it is the one signed.
    """
    letter = LETTER.format(
        name=name,
        code=fact["subjects"][0]["id"],
        title=title.translate(INNER_QUOTES),
        occurred_on=fact["occurred_on"],
        reference=fact["reference"],
    )
    return Commitment(
        letter,
        {
            "event": event_id,
            "subjects": fact["subjects"],
            "template": TEMPLATE,
            "text_digest": "sha256:" + hashlib.sha256(letter.encode()).hexdigest(),
        },
    )


def repaired_body(
    event_id: str, fact: dict[str, Any], *, pack: str, basis: str, on: date
) -> dict[str, Any]:
    """Return the record body that repairs a fact: it counts no more from the day `on`."""
    return {
        "basis": basis,
        "on": on.isoformat(),
        "pack": pack,
        "subjects": fact["subjects"],
        "target": event_id,
    }


def _four_eyes(text: str) -> Forbidden:
    return Forbidden(text, slug="four-eyes")
