"""What officers, enterprises and everybody see of lists, and what officers should look at."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, get_args
from uuid import UUID

from credit.access.views import Actor
from credit.blacklist import logic, store
from credit.blacklist.logic import Act
from credit.blacklist.reading import store as reading
from credit.blacklist.reading.store import ListedRow, Sought
from credit.blacklist.service.facts import known_facts
from credit.blacklist.service.steps import course_of, elsewhere, rule_of, state_after, with_parts
from credit.blacklist.store import EntryRow, Viewer
from credit.blacklist.views import (
    ActKind,
    Counts,
    EntryFact,
    EntryLine,
    EntryView,
    KnownFact,
    Listed,
    ListName,
    Measure,
    Permission,
    State,
    StepView,
    Suggestion,
    WorkLine,
)
from credit.kit.calendar import city_calendar
from credit.kit.clock import Clock, rfc3339
from credit.kit.db import Connection
from credit.kit.errors import CreditError, NotFound
from credit.kit.ids import LAST_ID
from credit.kit.texts import say
from credit.kit.workdays import WorkCalendar
from credit.log import service as log
from credit.rules.listing import ListRule, Lists
from credit.rules.pack import Pack

__all__ = [
    "counts",
    "entries_page",
    "entry_view",
    "listed_entry",
    "listed_page",
    "measures_of",
    "suggestions",
    "to_leave",
    "work_of",
    "work_page",
]


async def listed_page(
    conn: Connection, pack: Pack, sought: Sought, *, on: date, limit: int
) -> list[Listed]:
    """Return published entries in force on a day, the newest first: what anybody may see.

    NotFound for a list the pack does not have.
    """
    if sought.name is not None:
        rule_of(pack, sought.name, on)
    rows = await reading.listed(conn, sought, on, limit)
    indexes = await log.index_of(conn, [row.record_id for row in rows]) if rows else {}
    lists = pack.on(on).lists
    return [_listed(row, lists.of(row.list_name), indexes.get(row.record_id)) for row in rows]


async def listed_entry(conn: Connection, pack: Pack, entry_id: UUID, *, on: date) -> Listed:
    """Return a published entry in force on a day; NotFound for any other, ended ones included."""
    found = await listed_page(conn, pack, Sought(LAST_ID, entry=entry_id), on=on, limit=1)
    if not found:
        raise NotFound(say("名单上没有这一条，或者它已经移出、到期。"), slug="not-listed")
    return found[0]


async def work_page(
    conn: Connection, clock: Clock, actor: Actor, sought: Sought, *, oldest: bool, limit: int
) -> list[WorkLine]:
    """List the entries somebody may see with what each waits for, and the working days left."""
    viewer = _viewer(actor, clock.today())
    rows = await reading.work(conn, viewer, sought, oldest=oldest, limit=limit)
    calendar = await city_calendar(conn, viewer.on) if any(row.due for row in rows) else None
    return [
        WorkLine(
            _line(row.entry, viewer.on),
            row.stage,  # type: ignore[arg-type]
            _text(row.due),
            _left(calendar, viewer.on, row.due) if calendar and row.due else None,
        )
        for row in rows
    ]


async def work_of(conn: Connection, clock: Clock, actor: Actor, entry_id: UUID) -> WorkLine:
    """Return what an entry waits for; NotFound for what `entry_view` does not show either."""
    sought = Sought(LAST_ID, entry=entry_id)
    found = await work_page(conn, clock, actor, sought, oldest=False, limit=1)
    if not found:
        raise NotFound(say("没有这条名单记录。"))
    return found[0]


async def counts(conn: Connection, name: ListName | None, *, on: date) -> Counts:
    """Count the entries that wait, of a list or of all, by what they wait for; one statement."""
    rows = await reading.counts(conn, name, on)
    found = {stage: number for stage, number, _ in rows if stage != "ended"}
    return Counts(**found, late=sum(late for _, _, late in rows))


async def entries_page(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    *,
    name: ListName | None = None,
    status: State | None = None,
    after: UUID,
    limit: int,
) -> list[EntryLine]:
    """List the entries somebody may see, after an id: an officer those that are not sealed, an
    auditor all, an enterprise those in its portal.
    """
    viewer = _viewer(actor, clock.today())
    rows = await store.entries(conn, viewer, after, name=name, state=status, limit=limit)
    return [_line(row, viewer.on) for row in rows]


async def entry_view(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, entry_id: UUID
) -> EntryView:
    """Return an entry with its facts, its steps, and what this person may do about it now.

    NotFound for what is sealed to them, or stands in another portal.
    """
    viewer = _viewer(actor, clock.today())
    row = await store.find_entry(conn, entry_id, viewer)
    if row is None:
        raise NotFound(say("没有这条名单记录。"))
    steps = await store.steps_of(conn, row.id)
    row = with_parts(row, steps)
    today, key = viewer.on, (row.subject_kind, row.subject)
    rules, course = pack.on(today), row.course
    known = (await known_facts(conn, rules.grader, [key], today))[key]
    indexes = await log.index_of(conn, [course.record_id]) if course.record_id else {}
    rule = rules.lists.of(row.list_name)
    effect = logic.effect_of(rule, row.list_kind, row.measures) if rule else "reference"
    hears = "events:hear" in actor.scopes
    outside = await elsewhere(conn, actor, row, today) if hears else None
    return EntryView(
        **_head(row, today),
        enterprise=row.enterprise,
        legal_basis=row.legal_basis,
        law=row.law,
        effect=effect,  # type: ignore[arg-type]
        measures=measures_of(rule, row.measures),
        facts=_facts(row, known),
        criterion=row.criterion,
        reason=row.reason,
        proposed_by=_named(actor, row.proposed_by),
        days_left=await _days_left(conn, row, today),
        retain_until=_text(course.retain_until),
        record=str(course.record_id) if course.record_id else None,
        index=indexes.get(course.record_id) if course.record_id else None,
        exit_kind=course.exit_kind,  # type: ignore[arg-type]
        exit_record=str(course.exit_id) if course.exit_id else None,
        steps=tuple(
            StepView(
                one.number,
                one.kind,
                one.outcome,
                one.statement,
                tuple(one.evidence),
                _named(actor, one.done_by),
                rfc3339(one.at),
                str(one.record_id) if one.record_id else None,
                one.salt.hex() if one.salt else None,
            )
            for one in steps
        ),
        may=_may(row, actor, today, outside),
    )


async def suggestions(conn: Connection, pack: Pack, *, on: date) -> list[Suggestion]:
    """Return which published entries somebody should look at, and why; the next to review first.

    Nothing happens by itself: an entry leaves its list by a decision, or by its term.
    """
    rows = await store.watched(conn)
    rules = pack.on(on)
    keys = list({(row.subject_kind, row.subject) for row in rows})
    known = await known_facts(conn, rules.grader, keys, on)
    return [
        one
        for row in rows
        for one in _suggested(row, rules.lists, known[row.subject_kind, row.subject], on)
    ]


async def to_leave(
    conn: Connection, pack: Pack, *, on: date, after: UUID, limit: int
) -> tuple[list[tuple[EntryLine, tuple[Suggestion, ...]]], UUID | None]:
    """Return which of so many published entries after an id should come off their list, and why:
    facts of theirs are gone, or their subject is barred.

    The second value is the id to go on after, None at the end. A page may hold fewer than `limit`.
    """
    rows = await store.watched_after(conn, after, limit + 1)
    looked_at, rules = rows[:limit], pack.on(on)
    keys = list({(row.subject_kind, row.subject) for row in looked_at})
    known = await known_facts(conn, rules.grader, keys, on) if keys else {}
    found = []
    for row in looked_at:
        why = _suggested(row, rules.lists, known[row.subject_kind, row.subject], on)
        why = [one for one in why if one.reason in ("facts", "barred")]
        if why:
            found.append((_line(row, on), tuple(why)))
    return found, looked_at[-1].id if len(rows) > limit else None


def measures_of(rule: ListRule | None, names: Iterable[str]) -> tuple[Measure, ...]:
    """Return measures in the pack's words; one the pack no longer has by its name alone."""
    words = {one.id: one for one in rule.measures} if rule else {}
    return tuple(
        Measure(name, words[name].text, words[name].basis)
        if name in words
        else Measure(name, name, "")
        for name in names
    )


def _suggested(
    row: EntryRow, lists: Lists, known: Sequence[KnownFact], on: date
) -> list[Suggestion]:
    rule, course, found = lists.of(row.list_name), row.course, []

    def suggest(reason: str, facts: Sequence[int] = (), due: date | None = None) -> None:
        found.append(
            Suggestion(
                str(row.id),
                row.list_name,  # type: ignore[arg-type]
                row.subject_kind,  # type: ignore[arg-type]
                row.subject,
                reason,  # type: ignore[arg-type]
                tuple(facts),
                due,
            )
        )

    if course.until_on is not None and course.until_on <= on:
        suggest("term", due=course.until_on)
        return found
    if gone := logic.facts_gone(row.list_name, row.facts, known):  # type: ignore[arg-type]
        suggest("facts", gone)
    if rule is not None and (barring := logic.barred_by(rule, known)):
        suggest("barred", barring)
    if course.review_on is not None and course.review_on <= on:
        suggest("review", due=course.review_on)
    return found


def _left(calendar: WorkCalendar, on: date, due: date) -> int:
    """Count the working days left until a day; at least one of lateness below zero after it."""
    if due >= on:
        return calendar.workdays_between(on, due)
    return -max(1, calendar.workdays_between(due, on))


def _named(actor: Actor, person_id: str) -> str | None:
    """Return who acted, as far as a reader is told: offices all, everybody else themselves."""
    told = "events:read" in actor.scopes or actor.person_id == person_id
    return person_id if told else None


def _viewer(actor: Actor, on: date) -> Viewer:
    return Viewer(on, "trail:read" in actor.scopes, actor.party)


def _head(row: EntryRow, on: date) -> dict[str, Any]:
    course = row.course
    return {
        "id": str(row.id),
        "list": row.list_name,
        "subject_kind": row.subject_kind,
        "subject": row.subject,
        "name": row.name,
        "list_kind": row.list_kind,
        "status": state_after(row, on),
        "proposed_at": rfc3339(row.proposed_at),
        "answer_due": _text(course.answer_due),
        "since": _text(course.from_on),
        "until": _text(course.until_on),
        "review_on": _text(course.review_on),
    }


def _line(row: EntryRow, on: date) -> EntryLine:
    return EntryLine(**_head(row, on))


def _facts(row: EntryRow, known: Sequence[KnownFact]) -> tuple[EntryFact, ...]:
    """Return the facts of an entry; one that was withdrawn or repaired is named by its index alone."""
    by_index = {one.index: one for one in known}
    gone = logic.facts_gone(row.list_name, row.facts, known)  # type: ignore[arg-type]
    return tuple(
        EntryFact(
            index,
            by_index[index].record if index in by_index else None,
            by_index[index].title if index in by_index else "",
            index not in gone,
        )
        for index in row.facts
    )


async def _days_left(conn: Connection, row: EntryRow, on: date) -> int | None:
    """Count the working days left to answer; None when no answer is awaited."""
    due = row.course.answer_due
    if row.course.state != "noticed" or due is None or due < on:
        return None
    return (await city_calendar(conn, on)).workdays_between(on, due)


def _may(
    row: EntryRow, actor: Actor, on: date, outside: CreditError | None
) -> tuple[Permission, ...]:
    """Return what a person's roles do about entries, and why some of it cannot be done now; a
    hearing is held by nobody of another division.
    """
    course = course_of(row, on)
    acts: list[ActKind] = [kind for kind in get_args(ActKind) if logic.SCOPES[kind] in actor.scopes]
    if actor.party is not None and actor.party == row.enterprise:
        acts = ["answer"]
    return tuple(
        Permission(
            kind,
            outside.detail
            if outside and kind == "hear"
            else logic.refusal(course, Act(kind, actor.person_id, on)),
        )
        for kind in acts
    )


def _listed(row: ListedRow, rule: ListRule | None, index: int | None) -> Listed:
    return Listed(
        str(row.id),
        row.list_name,  # type: ignore[arg-type]
        row.list_kind,  # type: ignore[arg-type]
        row.subject_kind,  # type: ignore[arg-type]
        row.subject,
        row.name,
        row.legal_basis,
        row.effect,  # type: ignore[arg-type]
        measures_of(rule, row.measures),
        tuple(row.facts),
        row.from_on.isoformat(),
        row.until_on.isoformat(),
        str(row.record_id),
        index,
    )


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
