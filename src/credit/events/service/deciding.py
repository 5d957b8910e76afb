"""What a decision means for the course of a fact: whether it may be taken, and what it settles."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

from credit.access.views import Actor
from credit.events import store as event_store
from credit.events.course import logic, store
from credit.events.course.store import NewCourse
from credit.events.course.views import STATE_TITLES, Act, Course, Step
from credit.events.service.course import (
    COURSE_KINDS,
    ensure_courses,
    new_course,
    refuse_each,
)
from credit.events.store import EventRow, NewEvent
from credit.events.views import Decision, Draft, EventBody
from credit.kit.calendar import city_calendar
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, CreditError, FieldError
from credit.kit.texts import say
from credit.rules.pack import Pack
from credit.rules.procedure import Procedure
from credit.terms import service as terms
from credit.terms.views import NewTerm

__all__ = ["begin_courses", "check_decisions", "decidable", "refuse_short_way", "settle"]

Outcome = Literal["accepted", "refused"]
UNDONE: dict[str, Literal["withdrawn", "corrected"]] = {
    "event-withdrawn": "withdrawn",
    "event-corrected": "corrected",
}


def refuse_short_way(pack: Pack, today: date, drafts: Sequence[Draft]) -> None:
    """Refuse a second signature on facts whose subject has not been given notice, each by name."""
    rules = pack.on(today)
    faults = []
    for position, draft in enumerate(drafts):
        if len(draft.sigs) < 2 or not isinstance(draft.body, EventBody):
            continue
        event = rules.grader.events[draft.body.type]
        if logic.needs_notice(event, rules.procedure):
            message = say(
                "“%(title)s”是不良信息，要先告知企业、等异议期满才能认定，不能随提出一并签署。请去掉第二个签名，提出后送达告知书。",
                title=event.title,
            )
            faults.append(FieldError(f"items[{position}].sigs", message))
    if faults:
        raise Conflict(faults[0].message, slug="notice-first", errors=tuple(faults))


async def begin_courses(
    conn: Connection,
    clock: Clock,
    pack: Pack,
    events: Sequence[NewEvent],
    *,
    decided: Collection[UUID] = (),
) -> set[UUID]:
    """Begin the courses of proposed facts that take one; returns which facts those are.

    Except for those that are `decided` at once, the office's next step falls due: the notice or,
    where an authority heard the matter, the decision.
    """
    rules = pack.on(clock.today())
    begun = [
        new_course(one.id, one.enterprise, rules.grader.events[one.code], rules.procedure)
        for one in events
        if one.kind in COURSE_KINDS
    ]
    courses = [one for one in begun if one is not None]
    await store.add_courses(conn, courses)
    waiting = [one for one in courses if one.event_id not in decided]
    await _open_first_terms(conn, clock, rules.procedure, waiting)
    return {one.event_id for one in courses}


async def _open_first_terms(
    conn: Connection, clock: Clock, procedure: Procedure, courses: Sequence[NewCourse]
) -> None:
    if not courses:
        return
    today = clock.today()
    calendar = await city_calendar(conn, today)
    # No rule gives the notice days of its own: it takes no longer than a decision may.
    due = {
        one.severity: calendar.add_workdays(today, one.decision_days).due
        for one in procedure.severities
    }
    opened = []
    for one in courses:
        kind, scope = (
            ("decision", "events:decide") if one.elsewhere else ("notice", "events:propose")
        )
        opened.append(
            NewTerm(
                "event",
                one.event_id,
                kind,
                due[one.severity],
                scope=scope,
                about=one.enterprise,
            )
        )
    await terms.open_terms(conn, clock, opened)


async def check_decisions(
    conn: Connection,
    actor: Actor,
    rows: Mapping[UUID, EventRow],
    decisions: Mapping[UUID, Decision],
    today: date,
) -> None:
    """Lock the courses of facts that are decided, and refuse what their procedure does not allow."""
    found = await ensure_courses(conn, [rows[one] for one in decisions], today)

    def check(course: Course) -> CreditError | None:
        decision = decisions[course.event_id]
        barred = logic.barred(course, _act(decision.outcome), actor, today)
        if barred is None and course.finding == "partly" and not decision.reason.strip():
            return Conflict(say("核查认为异议部分成立，请写明决定的理由。"), slug="reason-missing")
        return barred

    refuse_each([found[one] for one in decisions if one in found], check)


async def settle(
    conn: Connection,
    clock: Clock,
    by: str,
    rows: Sequence[EventRow],
    outcomes: Mapping[UUID, Outcome],
) -> None:
    """Keep where decided facts stand, and those that were taken back or replaced; close terms."""
    today = clock.today()
    undone = {
        row.target: UNDONE[row.kind]
        for row in rows
        if row.target is not None and outcomes[row.id] == "accepted"
    }
    targets = await event_store.load_events(conn, list(undone)) if undone else {}
    found = await ensure_courses(conn, [*rows, *targets.values()], today)
    after = [
        logic.decided(found[one], outcome, today, by)
        for one, outcome in outcomes.items()
        if one in found
    ]
    for target, how in undone.items():
        if target in found:
            _refuse_ended(found[target], how)
            after.append(logic.ended(found[target], how, today))
    steps = [
        Step(one.event_id, one.steps, "noticed", clock.now(), by)
        for one in after
        if one.steps > found[one.event_id].steps
    ]
    await store.add_steps(conn, steps)
    await store.save_courses(conn, after)
    if after:
        await terms.close_terms(conn, clock, [one.event_id for one in after])


async def decidable(
    conn: Connection, clock: Clock, actor: Actor, ids: Sequence[UUID], outcome: Outcome
) -> dict[UUID, str | None]:
    """Say of each proposed event why the actor may not decide it so today; None where they may.

    Good and neutral facts, withdrawals and corrections to such take no course.
    """
    rows = await event_store.load_events(conn, list(ids))
    courses = await store.courses_of(conn, list(ids))
    answers: dict[UUID, str | None] = {}
    for one in ids:
        if one not in rows:
            continue
        refused = None
        if one in courses:
            refused = logic.barred(courses[one], _act(outcome), actor, clock.today())
        elif rows[one].proposed_by == actor.person_id:
            refused = Conflict(say("提出人与决定人不能是同一人。请由另一位同事作出决定。"))
        answers[one] = None if refused is None else refused.detail
    return answers


def _act(outcome: Outcome) -> Act:
    return "accept" if outcome == "accepted" else "refuse"


def _refuse_ended(target: Course, how: str) -> None:
    """A repaired fact comes back by no correction; that it never was one may still be said."""
    if target.state == "repaired" and how == "corrected":
        raise Conflict(
            say(
                "要更正的记录%(state_titles)s，不能更正。原记录有误的，请撤回。",
                state_titles=STATE_TITLES["repaired"],
            ),
            slug="fact-ended",
        )
