"""Use cases of repair: an application with a signed commitment, taken on, granted or refused."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal
from uuid import UUID

from credit.access.views import Actor
from credit.events import store as event_store
from credit.events.course import logic as course_logic
from credit.events.course import store as course_store
from credit.events.course.views import Course
from credit.events.repair import logic, store
from credit.events.repair.views import (
    Acceptance,
    Application,
    Commitment,
    Repair,
    RepairExtension,
    RepairStep,
)
from credit.events.service.course import (
    ensure_courses,
    refuse_blank,
    refuse_unknown_evidence,
)
from credit.events.service.reading import ShownEvent, shown_event
from credit.kit.canonical import parse
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, CreditError, Forbidden, NotFound
from credit.kit.ids import new_id
from credit.kit.texts import say
from credit.log import service as log
from credit.log.records import Record
from credit.rules.grading import lapse_of
from credit.rules.model import EventType
from credit.rules.pack import Pack
from credit.rules.procedure import SeverityTerms
from credit.terms import service as terms
from credit.terms.views import NewTerm

__all__ = [
    "accept_repair",
    "apply_for_repair",
    "decide_repair",
    "extend_repair",
    "lapse_day",
    "prepare_commitment",
    "prepare_repair",
    "repair_terms",
    "repairable",
    "seal_lapsed",
]

COMMITMENT, REPAIRED = "commitment", "event-repaired"
DECIDES = "events:decide"
LOOKED_AT_ONCE = 5_000


async def prepare_commitment(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, event_id: UUID
) -> Commitment:
    """Return the commitment letter for a fact, and the record body its subject would sign.

    Refuses whatever an application would be refused for today.
    """
    event, _ = await _fact(conn, pack, event_id, clock.today(), actor)
    return _commitment(event)


async def apply_for_repair(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    event_id: UUID,
    application: Application,
    record: Record,
) -> Repair:
    """Apply for the repair of a fact with a statement, proofs and the signed commitment.

    Refuses before the least display is over or the duties are done, a fact that has ended, a
    second application, and a record that is not what `prepare_commitment` gives.
    """
    refuse_blank(application.statement, say("已经做了什么"))
    await refuse_unknown_evidence(conn, actor, [event_id], application.evidence)
    if not application.evidence:
        raise Conflict(say("请附上已经履行义务、消除影响的证明材料。"), slug="proof-missing")
    event, course = await _fact(conn, pack, event_id, clock.today(), actor)
    promised = _commitment(event)
    await _check_record(conn, actor, record, COMMITMENT, promised.body)
    now, today = clock.now(), clock.today()
    repair = Repair(
        new_id(now),
        event_id,
        course.enterprise,
        "applied",
        1,
        promised.text,
        UUID(record.id),
        actor.person_id,
        today,
    )
    if not await store.add_repair(conn, repair):
        raise Conflict(say("这条事实已经申请过修复，请等候办理结果。"), slug="already-applied")
    due = await terms.due_after(conn, today, pack.on(today).procedure.repair.acceptance_days)
    await store.add_step(
        conn,
        RepairStep(
            repair.id,
            repair.steps,
            "applied",
            now,
            actor.person_id,
            application.statement,
            tuple(ref.digest for ref in application.evidence),
            due,
        ),
    )
    await terms.open_terms(conn, clock, [_term(repair, "acceptance", due)])
    await log.enqueue(conn, [record])
    return repair


async def accept_repair(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    repair_id: UUID,
    acceptance: Acceptance,
) -> Repair:
    """Take an application on, or reject it with reasons; taken on, its decision falls due."""
    refuse_blank(acceptance.reason, say("理由"))
    act: Literal["accept", "reject"] = "accept" if acceptance.outcome == "accepted" else "reject"
    repair = await _locked(conn, actor, repair_id, act)
    today, due = clock.today(), None
    if acceptance.outcome == "accepted":
        days = pack.on(repair.applied_on).procedure.repair.finish_days
        due = await terms.due_after(conn, today, days)
    after = logic.accepted(repair, acceptance.outcome, actor.person_id, today)
    await terms.close_terms(conn, clock, [repair_id])
    if due is not None:
        await terms.open_terms(conn, clock, [_term(after, "finish", due)])
    await _keep(conn, clock, actor, after, acceptance.outcome, acceptance.reason, due=due)
    return after


async def extend_repair(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    repair_id: UUID,
    extension: RepairExtension,
) -> Repair:
    """Put the decision off, once, by no more working days than the pack allows."""
    refuse_blank(extension.reason, say("延长的理由"))
    repair = await _locked(conn, actor, repair_id, "extend")
    most = pack.on(repair.applied_on).procedure.repair.extension_days
    if extension.days > most:
        raise Conflict(
            say("办结期限最多延长 %(most)s 个工作日。", most=most), slug="extended-too-far"
        )
    (term,) = await terms.open_of_matters(conn, [repair_id])
    if clock.today() > term.due_on:
        raise Conflict(
            say("办结期限到 %(due_on)s 已经届满，不能再延长。请作出决定。", due_on=term.due_on),
            slug="term-over",
        )
    due = await terms.due_after(conn, term.due_on, extension.days)
    await terms.extend_term(conn, repair_id, "finish", due)
    after = logic.extended(repair)
    await _keep(
        conn, clock, actor, after, "extended", extension.reason, due=due, days=extension.days
    )
    return after


async def prepare_repair(
    conn: Connection, clock: Clock, pack: Pack, repair_id: UUID
) -> dict[str, Any]:
    """Return the record body that granting an application today would sign."""
    # Whoever locks both locks the application first, then the fact: nobody waits the other way.
    repair = await store.lock_repair(conn, repair_id)
    if repair is None:
        raise _no_repair()
    event, _ = await _fact(conn, pack, repair.event_id, clock.today())
    return _repaired_body(event, pack, clock.today())


async def decide_repair(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    repair_id: UUID,
    outcome: Literal["granted", "refused"],
    reason: str,
    record: Record | None = None,
) -> Repair:
    """Grant a repair with a record signed by the granter, or refuse it with reasons.

    Who took the application on and who proposed the fact do not decide. Granted, the fact counts
    no more from today, and what it moved is graded again by the next run.
    """
    refuse_blank(reason, say("理由"))
    act: Literal["grant", "refuse"] = "grant" if outcome == "granted" else "refuse"
    repair = await _locked(conn, actor, repair_id, act)
    after = logic.decided(repair, outcome, actor.person_id, clock.today())
    if outcome == "granted":
        event, course = await _fact(conn, pack, repair.event_id, clock.today())
        if record is None:
            raise Conflict(say("准予修复要附上决定人的签名。"), slug="signature-missing")
        body = _repaired_body(event, pack, clock.today())
        await _check_record(conn, actor, record, REPAIRED, body)
        after = logic.recorded(after, UUID(record.id))
        ended = course_logic.ended(course, "repaired", clock.today())
        await course_store.save_courses(conn, [ended])
        await log.enqueue(conn, [record])
        await log.seal(conn, clock, await _with_replaced(conn, repair.event_id))
    await terms.close_terms(conn, clock, [repair_id])
    await _keep(conn, clock, actor, after, outcome, reason)
    return after


def repairable(
    course: Course, event: ShownEvent, pack: Pack, actor: Actor, today: date
) -> CreditError | None:
    """Return why the actor cannot apply for a fact's repair today; None when they can."""
    return logic.barred_application(
        course,
        repair_terms(pack, course),
        actor,
        lapses_on=lapse_day(pack.on(today).grader.events.get(event.row.code), event),
        today=today,
    )


def repair_terms(pack: Pack, course: Course) -> SeverityTerms:
    """Return what the repair notice said: the rules of the day of the decision."""
    return pack.on(course.decided_on or date.max).procedure.of(course.severity)


def lapse_day(known: EventType | None, event: ShownEvent) -> date:
    """Return the first day on which a fact counts and shows no more by itself."""
    return _lapse_day(known, event.row.occurred_on, event.body)


def _lapse_day(known: EventType | None, occurred_on: date, body: Mapping[str, Any]) -> date:
    until = body.get("valid_until")
    if known is None:
        return date.max
    return lapse_of(known, occurred_on, date.fromisoformat(until) if until else None)


async def seal_lapsed(conn: Connection, clock: Clock, pack: Pack, after: UUID) -> UUID | None:
    """Seal some of the bad facts whose display has ended by itself, those after an id.

    Returns the last id that was looked at; None when there was none. May run twice.
    """
    today = clock.today()
    catalogue = pack.on(today).grader.events
    rows = await course_store.effective(conn, after, LOOKED_AT_ONCE)
    over = [
        event_id
        for event_id, code, occurred_on, body in rows
        if _lapse_day(catalogue.get(code), occurred_on, parse(body)) <= today
    ]
    await log.seal(conn, clock, over)
    return rows[-1][0] if rows else None


async def _fact(
    conn: Connection, pack: Pack, event_id: UUID, today: date, applicant: Actor | None = None
) -> tuple[ShownEvent, Course]:
    """Return a bad fact with its course, locked; with an applicant, refuses what bars them."""
    rows = await event_store.load_events(conn, [event_id])
    found = await ensure_courses(conn, list(rows.values()), today)
    if event_id not in found:
        raise NotFound(
            say(
                "没有编号为 %(event_id)s 的事件，或者它不是不良信息，不需要修复。",
                event_id=event_id,
            )
        )
    course = found[event_id]
    event = await shown_event(conn, pack.on(today).grader.events, event_id)
    if applicant is not None:
        refused = repairable(course, event, pack, applicant, today)
        if refused is not None:
            raise refused
    return event, course


async def _locked(conn: Connection, actor: Actor, repair_id: UUID, act: logic.Act) -> Repair:
    """Lock an application; refuses what the actor may not do with it."""
    repair = await store.lock_repair(conn, repair_id)
    if repair is None:
        raise _no_repair()
    courses = await course_store.lock_courses(conn, [repair.event_id])
    refused = logic.barred_act(repair, courses[repair.event_id], act, actor)
    if refused is not None:
        raise refused
    return repair


async def _with_replaced(conn: Connection, event_id: UUID) -> list[UUID]:
    """Return a fact with those it was put in the place of: all of them tell of the same thing."""
    ids: list[UUID] = []
    following: UUID | None = event_id
    while following is not None and following not in ids:
        ids.append(following)
        rows = await event_store.load_events(conn, [following])
        following = rows[following].target if following in rows else None
    return ids


async def _check_record(
    conn: Connection, actor: Actor, record: Record, kind: str, body: dict[str, Any]
) -> None:
    """Refuse a record that is not the prepared one, signed with the actor's own key."""
    if record.kind != kind or record.body != body:
        raise Conflict(say("签名的内容已经过时，请重新取得要签名的内容。"), slug="body-outdated")
    keys = await log.find_keys(conn, [sig.kid for sig in record.sigs])
    await log.refuse_bad_signatures([record], keys)
    if [keys[sig.kid].holder for sig in record.sigs] != [actor.person_id]:
        raise Forbidden(say("请用您自己的密钥签名。"), slug="bad-signature")


async def _keep(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    repair: Repair,
    kind: Any,
    reason: str,
    *,
    due: date | None = None,
    days: int | None = None,
) -> None:
    step = RepairStep(
        repair.id, repair.steps, kind, clock.now(), actor.person_id, reason, (), due, days
    )
    await store.add_step(conn, step)
    await store.save_repair(conn, repair)


def _commitment(event: ShownEvent) -> Commitment:
    name = event.row.enterprise_name or event.row.enterprise
    return logic.commitment(name, event.title, str(event.row.id), event.body)


def _repaired_body(event: ShownEvent, pack: Pack, today: date) -> dict[str, Any]:
    basis = pack.on(today).procedure.repair.source
    return logic.repaired_body(
        str(event.row.id), event.body, pack=pack.head.id, basis=basis, on=today
    )


def _term(repair: Repair, kind: str, due_on: date) -> NewTerm:
    return NewTerm("repair", repair.id, kind, due_on, scope=DECIDES, about=repair.enterprise)


def _no_repair() -> NotFound:
    return NotFound(say("没有这份修复申请。"))
