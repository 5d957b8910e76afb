"""Use cases of a fact's course: notice, answers, hearing, extension; each step under a row lock."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from uuid import UUID

from msgspec import UnsetType

from credit.access.views import Actor
from credit.events import store as event_store
from credit.events.course import logic, store
from credit.events.course.store import NewCourse
from credit.events.course.views import Act, Answer, Course, Extension, Hearing, Step
from credit.events.evidence import store as evidence_store
from credit.events.service.evidence import keep_held, usable_evidence
from credit.events.service.places import refuse_elsewhere
from credit.events.store import EventRow
from credit.events.views import EvidenceRef
from credit.kit.blobs import Blob
from credit.kit.calendar import city_calendar
from credit.kit.canonical import parse
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, CreditError, FieldError, Invalid, NotFound
from credit.kit.texts import say
from credit.rules.loading import load_pack
from credit.rules.model import EventType
from credit.rules.pack import Pack
from credit.rules.procedure import Procedure, SeverityTerms
from credit.terms import service as terms
from credit.terms.views import NewTerm

__all__ = [
    "COURSE_KINDS",
    "answer",
    "ensure_courses",
    "extend",
    "hear",
    "keep_own_evidence",
    "new_course",
    "notify",
    "refuse_blank",
    "refuse_each",
    "refuse_others",
    "refuse_unknown_evidence",
]

BATCH_MAX = 500
# The kinds of record that state a fact, as it was or as it should have been.
COURSE_KINDS = ("credit-event", "event-corrected")
Check = Callable[[Course], CreditError | None]


def new_course(
    event_id: UUID, enterprise: str, event: EventType, procedure: Procedure
) -> NewCourse | None:
    """Return the course a proposed fact of a type begins; None for one that takes none."""
    if event.severity is None or not logic.needs_course(event):
        return None
    elsewhere = logic.heard_elsewhere(event, procedure)
    return NewCourse(event_id, enterprise, event.severity, elsewhere)


async def ensure_courses(
    conn: Connection, rows: Sequence[EventRow], today: date
) -> dict[UUID, Course]:
    """Return the courses of facts, locked; those from before there were any begin now."""
    known = await store.courses_of(conn, [row.id for row in rows])
    missing = [row for row in rows if row.id not in known and row.kind in COURSE_KINDS]
    begun = []
    for row in missing:
        rules = load_pack(parse(row.body)["pack"]).on(today)
        event = rules.grader.events.get(row.code)
        if event is not None:
            begun.append(new_course(row.id, row.enterprise, event, rules.procedure))
    await store.add_courses(conn, [one for one in begun if one is not None])
    return await store.lock_courses(conn, [row.id for row in rows])


async def notify(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, ids: Sequence[UUID]
) -> list[Course]:
    """Give notice of facts to their subjects, all or none, and open the terms the notice names.

    Refuses what was noticed or decided before, and facts that an authority decided.
    """
    courses = await _locked(conn, ids, clock.today(), actor, "notify")
    today, procedure = clock.today(), pack.on(clock.today()).procedure
    calendar = await city_calendar(conn, today)
    after: list[Course] = []
    opened: list[NewTerm] = []
    for course in courses:
        rules = procedure.of(course.severity)
        rectify_by = calendar.add_workdays(today, rules.rectification_days).certain()
        object_by = calendar.add_workdays(today, rules.objection_days).certain()
        decide_by = object_by
        if rules.silence == "hear":
            decide_by = calendar.add_workdays(object_by, rules.hearing_days).due
            opened.append(_office_term(course, "hearing", decide_by))
        decide_by = calendar.add_workdays(decide_by, rules.decision_days).due
        opened += [
            _party_term(course, "rectification", rectify_by),
            _party_term(course, "objection", object_by),
            _office_term(course, "decision", decide_by),
        ]
        after.append(
            logic.noticed(
                course,
                rules,
                on=today,
                by=actor.person_id,
                rectify_by=rectify_by,
                object_by=object_by,
            )
        )
    steps = [
        Step(
            one.event_id, one.steps, "noticed", clock.now(), actor.person_id,
            due_on=one.objection_due,
        )
        for one in after
    ]  # fmt: skip
    await _keep(conn, after, steps)
    await terms.close_terms(conn, clock, [one.event_id for one in after], "notice")
    await terms.open_terms(conn, clock, opened)
    return after


async def answer(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, answers: Mapping[UUID, Answer]
) -> list[Course]:
    """Take in what the subject answers to notices, all or none.

    An objection after its term's last day is refused. It opens the term of the hearing. What an
    office takes in for a subject comes with the subject's own signed paper; whoever proposed or
    gave notice does not.
    """
    given = [ref for one in answers.values() for ref in one.evidence]
    await refuse_unknown_evidence(conn, actor, list(answers), given)
    today, after, steps = clock.today(), [], []
    for event_id, one in sorted(answers.items()):
        (course,) = await _locked(conn, [event_id], today, actor, one.answer)
        if actor.party is None and not one.evidence:
            raise Invalid(say("代为录入的答复要附企业盖章的原件。"), slug="paper-missing")
        if one.answer != "acknowledge":
            said = _text(one.statement) or ""
            refuse_blank(
                said, say("异议的事实和理由") if one.answer == "object" else say("整改情况")
            )
        match one.answer:
            case "acknowledge":
                done, kind = logic.acknowledged(course, today), "acknowledged"
            case "rectify":
                done, kind = logic.rectified(course, today, measures=_both(one)), "rectified"
            case _:
                done, kind = logic.objected(course, today), "objected"
        after.append(done)
        steps.append(
            Step(
                event_id,
                done.steps,
                kind,  # type: ignore[arg-type]
                clock.now(),
                actor.person_id,
                _text(one.statement),
                _digests(one.evidence),
                corrective=_text(one.corrective),
                preventive=_text(one.preventive),
            )
        )
    await _keep(conn, after, steps)
    for done, step in zip(after, steps, strict=True):
        await _answered(conn, clock, pack, done, step.kind)
    return after


async def hear(
    conn: Connection, clock: Clock, actor: Actor, hearings: Mapping[UUID, Hearing]
) -> list[Course]:
    """Keep what hearings found, all or none; who proposed or gave notice does not hear."""
    given = [ref for one in hearings.values() for ref in one.evidence]
    await refuse_unknown_evidence(conn, actor, list(hearings), given)
    today = clock.today()
    for one in hearings.values():
        refuse_blank(one.reasons, say("核查的理由"))
        refuse_blank(one.participants, say("参加核查的人"))
    courses = await _locked(conn, list(hearings), today, actor, "hear")
    after, steps = [], []
    for course in courses:
        one = hearings[course.event_id]
        done = logic.heard(course, one.finding, on=today, by=actor.person_id, measures=_both(one))
        after.append(done)
        steps.append(
            Step(
                course.event_id,
                done.steps,
                "heard",
                clock.now(),
                actor.person_id,
                one.reasons,
                _digests(one.evidence),
                finding=one.finding,
                participants=one.participants,
                corrective=_text(one.corrective),
                preventive=_text(one.preventive),
            )
        )
    await _keep(conn, after, steps)
    await terms.close_terms(conn, clock, list(hearings), "hearing", "objection")
    return after


async def extend(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    event_id: UUID,
    extension: Extension,
) -> Course:
    """Extend an open term with a reason, by no more working days in all than the pack allows.

    What is due after the term moves with it.
    """
    refuse_blank(extension.reason, say("延长的理由"))
    today = clock.today()
    (course,) = await _locked(conn, [event_id], today, actor)
    due = {one.kind: one.due_on for one in await terms.open_of_matters(conn, [event_id])}
    refused = logic.barred_extension(
        course, extension.term, actor, due_on=due.get(extension.term), today=today
    )
    if refused is not None:
        raise refused
    rules = _terms_of(pack, course)
    used = await extended_days(conn, event_id, extension.term)
    if used + extension.days > rules.extension_days:
        raise Conflict(
            say(
                "一个期限最多共延长 %(extension_days)s 个工作日，已延长 %(used)s 个，最多还能延长 %(max)s 个。",
                extension_days=rules.extension_days,
                used=used,
                max=max(0, rules.extension_days - used),
            ),
            slug="extended-too-far",
        )
    until = await terms.told_after(conn, due[extension.term], extension.days)
    await terms.extend_term(conn, event_id, extension.term, until)
    done = logic.extended(course, extension.term, until)
    step = Step(
        event_id,
        done.steps,
        "extended",
        clock.now(),
        actor.person_id,
        extension.reason,
        due_on=until,
        term=extension.term,
        days=extension.days,
    )
    await _keep(conn, [done], [step])
    if extension.term == "objection" and done.must_hear:
        until = await _push(conn, event_id, "hearing", until, rules.hearing_days)
    if extension.term in ("objection", "hearing"):
        await _push(conn, event_id, "decision", until, rules.decision_days)
    return done


async def refuse_others(conn: Connection, actor: Actor, event_id: UUID) -> None:
    """Refuse who is not the user of a bad fact's own enterprise: to them it is not there."""
    course = (await store.courses_of(conn, [event_id])).get(event_id)
    if course is None or actor.party != course.enterprise:
        raise NotFound(say("没有这条记录，或者它与您的企业无关。"))


async def keep_own_evidence(
    conn: Connection, clock: Clock, actor: Actor, event_id: UUID, blob: Blob
) -> None:
    """Note a file that the subject of a fact uploaded, to be named in an answer or application."""
    await refuse_others(conn, actor, event_id)
    await keep_held(conn, clock, actor, blob)


async def extended_days(conn: Connection, event_id: UUID, term: str) -> int:
    """Return by how many working days a term has been extended so far."""
    steps = await store.steps_of(conn, event_id)
    return sum(one.days or 0 for one in steps if one.kind == "extended" and one.term == term)


def refuse_each(courses: Sequence[Course], check: Check) -> None:
    """Raise the first refusal; of several facts each one's is named by its id."""
    refusals = {one.event_id: refused for one in courses if (refused := check(one)) is not None}
    if not refusals:
        return
    first = next(iter(refusals.values()))
    if len(courses) > 1:
        errors = tuple(FieldError(str(one), refused.detail) for one, refused in refusals.items())
        first = type(first)(first.detail, slug=first.slug, errors=errors)
    raise first


def refuse_blank(text: str, what: str) -> None:
    """Refuse words that say nothing, where something has to be said."""
    if not text.strip():
        raise Invalid(say("请写明%(what)s。", what=what), slug="statement-missing")


async def refuse_unknown_evidence(
    conn: Connection, actor: Actor, ids: Sequence[UUID], refs: Sequence[EvidenceRef]
) -> None:
    """Refuse files that the actor's side did not upload as they are named, unless facts name them."""
    if not refs:
        return
    named = await evidence_store.named_evidence(conn, ids)
    known = await usable_evidence(conn, actor, {ref.digest for ref in refs}, named)
    if any(known.get(ref.digest) != (ref.size, ref.type) for ref in refs):
        raise Conflict(
            say("没有这份证据文件，或大小、类型与上传的不符。请先上传证据。"),
            slug="no-such-evidence",
        )


async def _locked(
    conn: Connection,
    ids: Sequence[UUID],
    today: date,
    actor: Actor,
    act: Act | None = None,
) -> list[Course]:
    """Lock the courses of facts in the order asked; refuses what takes none, and what is barred."""
    if not 0 < len(ids) <= BATCH_MAX:
        raise Invalid(say("一次 1 到 %(batch_max)s 条，请分批。", batch_max=BATCH_MAX))
    rows = await event_store.load_events(conn, list(ids))
    found = await ensure_courses(conn, list(rows.values()), today)
    for one in ids:
        if one not in found:
            raise NotFound(
                say("没有编号为 %(one)s 的事件，或者它不是不良信息，没有告知程序。", one=one)
            )
    courses = [found[one] for one in dict.fromkeys(ids)]
    await refuse_elsewhere(conn, actor, list(rows.values()))
    if act is not None:
        refuse_each(courses, lambda course: logic.barred(course, act, actor, today))
    return courses


async def _keep(conn: Connection, courses: Sequence[Course], steps: Sequence[Step]) -> None:
    await store.add_steps(conn, steps)
    await store.save_courses(conn, courses)


async def _answered(conn: Connection, clock: Clock, pack: Pack, course: Course, kind: str) -> None:
    """Close the terms an answer settles; an objection opens that of the hearing."""
    if kind == "rectified":
        await terms.close_terms(conn, clock, [course.event_id], "rectification")
        return
    await terms.close_terms(conn, clock, [course.event_id], "objection", "hearing")
    if kind == "objected":
        rules, today = _terms_of(pack, course), clock.today()
        hear_by = await terms.due_after(conn, today, rules.hearing_days)
        await terms.open_terms(conn, clock, [_office_term(course, "hearing", hear_by)])
        await _push(conn, course.event_id, "decision", hear_by, rules.decision_days)


async def _push(conn: Connection, event_id: UUID, kind: str, after: date, days: int) -> date:
    """Move an open office term so that it leaves so many working days after a day; never nearer."""
    wanted = await terms.due_after(conn, after, days)
    for one in await terms.open_of_matters(conn, [event_id]):
        if one.kind == kind and one.due_on < wanted:
            await terms.extend_term(conn, event_id, kind, wanted)
    return wanted


def _terms_of(pack: Pack, course: Course) -> SeverityTerms:
    """Return the terms under which notice was given: they stand whatever the pack says later."""
    return pack.on(course.noticed_on or date.max).procedure.of(course.severity)


def _party_term(course: Course, kind: str, due_on: date) -> NewTerm:
    party = course.enterprise
    return NewTerm("event", course.event_id, kind, due_on, party=party, about=party)


def _office_term(course: Course, kind: str, due_on: date) -> NewTerm:
    scope = {"hearing": "events:hear", "decision": "events:decide"}[kind]
    return NewTerm("event", course.event_id, kind, due_on, scope=scope, about=course.enterprise)


def _both(one: Answer | Hearing) -> bool:
    """Say whether corrective and preventive measures are both named."""
    return all((_text(text) or "").strip() for text in (one.corrective, one.preventive))


def _text(value: str | UnsetType) -> str | None:
    return None if isinstance(value, UnsetType) else value


def _digests(refs: Sequence[EvidenceRef]) -> tuple[str, ...]:
    return tuple(ref.digest for ref in refs)
