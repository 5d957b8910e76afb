"""What pages and the interface show of courses and repairs: one whole, lists, what may be done."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from credit.access.views import Actor
from credit.events.course import logic, store
from credit.events.course.views import (
    OPEN_STATES,
    Act,
    ActView,
    Course,
    CourseState,
    ListedCourse,
    State,
    Step,
    TermState,
    TermView,
)
from credit.events.evidence import store as evidence_store
from credit.events.repair import logic as repair_logic
from credit.events.repair import store as repair_store
from credit.events.repair.views import ListedRepair, Repair, RepairState, RepairStep
from credit.events.service.desk import days_left, term_view
from credit.events.service.places import elsewhere
from credit.events.service.reading import ShownEvent, shown_event
from credit.events.service.repair import repairable
from credit.events.views import EvidenceRef
from credit.kit.calendar import city_calendar
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import CreditError, Forbidden, NotFound
from credit.kit.texts import say
from credit.rules.pack import Pack
from credit.terms import service as terms
from credit.terms.views import OpenTerm

__all__ = [
    "CourseView",
    "RepairView",
    "course_of",
    "course_of_event",
    "course_state",
    "courses",
    "repair_of",
    "repair_state",
    "repairs",
    "step_evidence",
]

OFFICE_ACTS = ("notify", "hear", "extend")


@dataclass(frozen=True, slots=True)
class CourseView:
    """A fact's course whole: the event with its decision, every step, open terms, what may be done.

    `acts` are for who looks; `repairs` the applications so far, the oldest first.
    """

    event: ShownEvent
    course: Course
    steps: tuple[Step, ...]
    terms: tuple[TermView, ...]
    acts: tuple[ActView, ...]
    repairs: tuple[Repair, ...]

    def may(self, act: Act) -> bool:
        """Say whether who looks may do something now."""
        return any(one.act == act and one.why_not is None for one in self.acts)


@dataclass(frozen=True, slots=True)
class RepairView:
    """An application whole: the fact, every step, its open term, what may be done with it.

    `acts` are (act, why not now or None) for who looks.
    """

    repair: Repair
    event: ShownEvent
    course: Course
    steps: tuple[RepairStep, ...]
    terms: tuple[TermView, ...]
    acts: tuple[tuple[str, str | None], ...]

    def may(self, act: repair_logic.Act) -> bool:
        """Say whether who looks may do something with it now."""
        return (act, None) in self.acts


async def course_of(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, event_id: UUID
) -> CourseView:
    """Return a fact's course for somebody who looks; NotFound for what takes no course.

    To the user of a party only its own is there.
    """
    event = await shown_event(conn, pack.on(clock.today()).grader.events, event_id)
    return await course_of_event(conn, clock, actor, pack, event)


async def course_of_event(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, event: ShownEvent
) -> CourseView:
    """Return the same of an event that was read before."""
    today, event_id = clock.today(), event.row.id
    course = (await store.courses_of(conn, [event_id])).get(event_id)
    if course is None or _hidden(course.enterprise, actor):
        raise NotFound(say("没有这条记录，或者它不是不良信息，没有告知程序。"))
    steps = await store.steps_of(conn, event_id)
    calendar = await city_calendar(conn, today)
    opened = await terms.open_of_matters(conn, [event_id])
    most = pack.on(course.noticed_on or today).procedure.of(course.severity).extension_days
    left = {kind: most - _extended(steps, kind) for kind in logic.EXTENDED_BY}
    views = [term_view(one, calendar, today, left.get(one.kind, 0)) for one in opened]  # type: ignore[call-overload]
    acts = [_act_view(act, course, event, pack, actor, today) for act in logic.ACTS]
    acts.append(_extension(course, opened, actor, today))
    outside = (await elsewhere(conn, actor, [event.row])).get(event_id)
    if outside is not None:
        acts = [
            ActView(one.act, outside.detail)
            if one.act in OFFICE_ACTS and one.why_not is None
            else one
            for one in acts
        ]
    return CourseView(
        event,
        course,
        tuple(steps),
        tuple(views),
        tuple(acts),
        tuple(await repair_store.repairs_of(conn, event_id)),
    )


async def courses(
    conn: Connection,
    clock: Clock,
    *,
    states: Collection[State] = OPEN_STATES,
    enterprise: str | None = None,
    after: UUID,
    limit: int,
) -> list[ListedCourse]:
    """List courses in some states after an id, oldest first: all, or an enterprise's.

    Each with the next of its open terms; a party's term that is over comes after all others.
    """
    return await store.list_courses(
        conn, list(states), after, limit, enterprise=enterprise, today=clock.today()
    )


async def course_state(conn: Connection, clock: Clock, course: Course) -> CourseState:
    """Return where a course stands, with its open terms, as the interface answers it."""
    return CourseState(
        str(course.event_id),
        course.state,
        course.severity,
        _day(course.noticed_on),
        _day(course.objection_due),
        course.finding,
        _day(course.decided_on),
        await _term_states(conn, clock, course.event_id),
    )


async def repair_of(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, repair_id: UUID
) -> RepairView:
    """Return an application for somebody who looks; to a party's user only its own is there."""
    today = clock.today()
    repair = await repair_store.load_repair(conn, repair_id)
    if repair is None or _hidden(repair.enterprise, actor):
        raise NotFound(say("没有这份修复申请。"))
    course = (await store.courses_of(conn, [repair.event_id]))[repair.event_id]
    calendar = await city_calendar(conn, today)
    opened = await terms.open_of_matters(conn, [repair_id])
    most = pack.on(repair.applied_on).procedure.repair.extension_days
    left = 0 if repair.extended or repair.state != "accepted" else most
    refusals = {
        act: repair_logic.barred_act(repair, course, act, actor) for act in repair_logic.ACTS
    }
    return RepairView(
        repair,
        await shown_event(conn, pack.on(today).grader.events, repair.event_id),
        course,
        tuple(await repair_store.steps_of(conn, repair_id)),
        tuple(term_view(one, calendar, today, left) for one in opened),
        tuple((name, refused.detail if refused else None) for name, refused in refusals.items()),
    )


async def repairs(
    conn: Connection,
    *,
    states: Collection[str] = ("applied", "accepted"),
    enterprise: str | None = None,
    division: str | None = None,
    after: UUID,
    limit: int,
) -> list[ListedRepair]:
    """List applications in some states after an id, oldest first: all, those of an enterprise, or
    those of the enterprises of a division.
    """
    return await repair_store.list_repairs(
        conn, list(states), after, limit, enterprise=enterprise, division=division
    )


async def repair_state(conn: Connection, clock: Clock, repair: Repair) -> RepairState:
    """Return where an application stands, as the interface answers it."""
    return RepairState(
        str(repair.id),
        str(repair.event_id),
        repair.state,
        repair.applied_on.isoformat(),
        _day(repair.accepted_on),
        _day(repair.decided_on),
        await _term_states(conn, clock, repair.id),
    )


async def step_evidence(conn: Connection, actor: Actor, event_id: UUID, digest: str) -> EvidenceRef:
    """Return a file that a step of a fact's course, or of its repair, names as evidence.

    NotFound for others, and for a party's user where the fact is another's.
    """
    found = (await store.courses_of(conn, [event_id])).get(event_id)
    if found is not None and not _hidden(found.enterprise, actor):
        named = await store.names_evidence(conn, event_id, digest)
        known = await evidence_store.known_evidence(conn, [digest])
        if named and digest in known:
            return EvidenceRef(digest, *known[digest])
    raise NotFound(say("这条记录没有这份证据。"))


def _hidden(enterprise: str, actor: Actor) -> bool:
    """Say whether a fact about an enterprise is nothing to somebody: not an officer, nor its user."""
    return "events:read" not in actor.scopes and actor.party != enterprise


def _act_view(
    act: Act, course: Course, event: ShownEvent, pack: Pack, actor: Actor, today: date
) -> ActView:
    refused: CreditError | None
    if act == "repair" and course.state == "effective":
        refused = repairable(course, event, pack, actor, today)
    else:
        refused = logic.barred(course, act, actor, today)
    return ActView(act, None if refused is None else refused.detail)


def _extension(course: Course, opened: Sequence[OpenTerm], actor: Actor, today: date) -> ActView:
    """Say whether any open term may be extended by who looks; if none, why not: rather that it is
    too late than that it is somebody else's.
    """
    refusals = [
        logic.barred_extension(
            course,
            one.kind,
            actor,
            due_on=one.due_on,
            today=today,
        )
        for one in opened
        if one.kind in logic.EXTENDED_BY
    ] or [logic.barred_extension(course, "decision", actor, due_on=None, today=today)]
    if any(one is None for one in refusals):
        return ActView("extend", None)
    first = next((one for one in refusals if not isinstance(one, Forbidden)), refusals[0])
    return ActView("extend", first.detail if first else None)


def _extended(steps: Sequence[Step], term: str) -> int:
    return sum(one.days or 0 for one in steps if one.kind == "extended" and one.term == term)


async def _term_states(conn: Connection, clock: Clock, matter_id: UUID) -> list[TermState]:
    today = clock.today()
    calendar = await city_calendar(conn, today)
    return [
        TermState(
            one.kind,
            one.due_on.isoformat(),
            days_left(calendar, today, one.due_on),
            one.level,
        )
        for one in await terms.open_of_matters(conn, [matter_id])
    ]


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
