"""What every step of an entry shares: loading it locked, taking the step, writing it, terms."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Literal
from uuid import UUID

from credit.access.views import Actor
from credit.blacklist import logic, store
from credit.blacklist.logic import Act, Course
from credit.blacklist.service.facts import known_facts
from credit.blacklist.store import EntryRow, StepRow
from credit.blacklist.views import ActKind, EntryState, KnownFact, Proposal
from credit.events import service as events
from credit.grades import service as grades
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from credit.kit.texts import say
from credit.parties import service as parties
from credit.rules.listing import ListRule
from credit.rules.pack import Pack
from credit.terms import service as terms
from credit.terms.views import NewTerm

__all__ = [
    "EVIDENCE_MAX",
    "Said",
    "act_of",
    "check_evidence",
    "course_of",
    "elsewhere",
    "end_lapsed",
    "lock",
    "open_next",
    "open_office",
    "proposal_of",
    "refuse_barred",
    "refuse_unfounded",
    "rule_of",
    "state_after",
    "take_step",
    "term_days",
    "unfit",
    "with_parts",
]

EVIDENCE_MAX = 20
OfficeTerm = Literal["notice", "publication", "exit"]
TERM_SCOPES = {
    "notice": "lists:propose",
    "hearing": "events:hear",
    "decision": "lists:decide",
    "publication": "lists:publish",
    "review": "lists:decide",
    "exit": "lists:publish",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a step says: an outcome, a free text, files by digest, and what commits to the text."""

    outcome: str | None = None
    text: str = ""
    evidence: tuple[str, ...] = ()
    salt: bytes | None = None
    record: UUID | None = None


def rule_of(pack: Pack, name: str, on: date) -> ListRule:
    """Return the rules of a list on a day; NotFound when the city's pack has no such list."""
    rule = pack.on(on).lists.of(name)
    if rule is None:
        raise NotFound(say("规则包 %(id)s 没有这份名单。", id=pack.head.id), slug="no-such-list")
    return rule


def proposal_of(row: EntryRow) -> Proposal:
    """Return what was proposed."""
    return Proposal(
        row.list_name,  # type: ignore[arg-type]
        row.subject_kind,  # type: ignore[arg-type]
        row.subject,
        row.list_kind,  # type: ignore[arg-type]
        row.legal_basis,
        tuple(row.facts),
        tuple(row.measures),
        row.law,
        row.criterion,
        row.reason,
    )


def course_of(row: EntryRow, on: date) -> Course:
    """Return where an entry stands on a day; one whose term ran out has ended."""
    course = row.course
    return Course(
        row.list_name,  # type: ignore[arg-type]
        state_after(row, on),  # type: ignore[arg-type]
        row.proposed_by,
        course.answer_due,
        course.answered,
        course.hearing,  # type: ignore[arg-type]
        course.heard_by,
        course.decided_by,
        row.noticed_by,
        row.answered_by,
    )


def with_parts(row: EntryRow, steps: Sequence[StepRow]) -> EntryRow:
    """Return an entry with what its steps say of who gave notice and who handed in the answer."""
    done = {one.kind: one.done_by for one in steps}
    return replace(row, noticed_by=done.get("notice"), answered_by=done.get("answer"))


def state_after(row: EntryRow, on: date) -> str:
    """Return an entry's state on a day: a published one ends by its term, whoever looks."""
    until = row.course.until_on
    lapsed = row.course.state == "published" and until is not None and until <= on
    return "ended" if lapsed else row.course.state


async def lock(conn: Connection, entry_id: UUID) -> EntryRow:
    """Return an entry nobody else can change meanwhile; NotFound without one."""
    row = await store.lock_entry(conn, entry_id)
    if row is None:
        raise NotFound(say("没有这条名单记录。"))
    return with_parts(row, await store.steps_of(conn, entry_id))


async def take_step(
    conn: Connection, clock: Clock, row: EntryRow, act: Act, said: Said, **changed: Any
) -> EntryState:
    """Take a step of a locked entry: refuse or write it; `changed` are further columns."""
    after = logic.take(course_of(row, act.on), act)
    course = replace(
        row.course,
        steps=row.course.steps + 1,
        **{name: value for name, value in asdict(after).items() if name in _COURSE_FIELDS},
        **changed,
    )
    await store.put_course(conn, row.id, course)
    step = StepRow(
        course.steps,
        act.kind,
        said.outcome,
        said.text,
        list(said.evidence),
        said.salt,
        said.record,
        act.by,
        clock.now(),
    )
    await store.add_step(conn, row.id, step)
    return EntryState(str(row.id), after.state, course.steps)


_COURSE_FIELDS = frozenset({"state", "answer_due", "answered", "hearing", "heard_by", "decided_by"})


def act_of(kind: ActKind, actor: Actor, on: date) -> Act:
    """Return an act of somebody on a day."""
    return Act(kind, actor.person_id, on)


async def end_lapsed(conn: Connection, clock: Clock, *, subject: str | None = None) -> int:
    """Write down which entries have ended by their term, and close what was due about them.

    Nothing is decided by it: from that day on they are in force nowhere anyway.
    """
    ended = await store.close_lapsed(conn, clock.today(), subject)
    if ended:
        await terms.close_terms(conn, clock, ended)
    return len(ended)


async def elsewhere(conn: Connection, actor: Actor, row: EntryRow, on: date) -> Forbidden | None:
    """Say why somebody who works in one division alone takes no step of an entry; None for those
    who may, and for everybody who works everywhere.
    """
    if not actor.bound:
        return None
    if actor.division is None:
        return Forbidden(
            say("您的单位还没有登记负责的辖区，现在只能查看。请联系管理员。"),
            slug="no-division",
        )
    kind = "enterprise" if row.subject_kind == "enterprise" else "manager"
    if not await parties.outside(conn, actor.division, [kind], [row.subject], [on]):
        return None
    return Forbidden(
        say("这个对象不在您的辖区，由协会或所在辖区的同事办理。"), slug="other-division"
    )


async def check_evidence(
    conn: Connection, actor: Actor, entry_id: UUID, digests: Sequence[str]
) -> tuple[str, ...]:
    """Return digests of files, each once; refuses what neither the actor's side uploaded nor a step
    of the entry names.
    """
    wanted = tuple(dict.fromkeys(digests))
    if len(wanted) > EVIDENCE_MAX:
        raise Invalid(say("一次最多附 %(evidence_max)s 份材料。", evidence_max=EVIDENCE_MAX))
    held = await events.held_evidence(conn, actor, wanted)
    if set(wanted) - held:
        held |= {one for step in await store.steps_of(conn, entry_id) for one in step.evidence}
    if set(wanted) - held:
        raise Conflict(say("有材料还没有上传，请先上传再提交。"), slug="evidence-unknown")
    return wanted


def term_days(rule: ListRule, kind: str) -> int:
    """Return the working days of an office's term."""
    return rule.hearing_days if kind == "hearing" else rule.decision_days


async def open_office(
    conn: Connection, clock: Clock, entry: tuple[UUID, str | None], kind: OfficeTerm, days: int
) -> None:
    """Open the term within which an office gives notice or publishes: working days from today.

    `entry` is its id and the enterprise concerned.
    """
    entry_id, about = entry
    due = await terms.due_after(conn, clock.today(), days)
    term = NewTerm("entry", entry_id, kind, due, scope=TERM_SCOPES[kind], about=about)
    await terms.open_terms(conn, clock, [term])


async def open_next(
    conn: Connection, clock: Clock, row: EntryRow, rule: ListRule, *, after: Course, begins: date
) -> None:
    """Open the office's next term, counted from a day on; none where nothing is due."""
    kind = logic.next_term(after)
    if kind in ("hearing", "decision"):
        due = await terms.due_after(conn, begins, term_days(rule, kind))
        term = NewTerm("entry", row.id, kind, due, scope=TERM_SCOPES[kind], about=row.enterprise)
        await terms.open_terms(conn, clock, [term])


async def refuse_unfounded(
    conn: Connection, pack: Pack, row: EntryRow, on: date
) -> Sequence[KnownFact]:
    """Return what the log says of an entry's subject; refuses one whose facts carry it no more, or
    whose measures the pack does not allow any more.
    """
    proposal = proposal_of(row)
    key = (row.subject_kind, row.subject)
    rules = pack.on(on)
    known = (await known_facts(conn, rules.grader, [key], on))[key]
    rule = rule_of(pack, row.list_name, on)
    plain = replace(proposal, criterion=None, reason="—")
    if faults := logic.check_proposal(plain, rule, known, ()):
        raise unfit(faults)
    await refuse_barred(conn, rule, proposal, known, on)
    return known


def unfit(faults: Sequence[FieldError]) -> Conflict:
    """Refuse an entry with every fault found."""
    return Conflict(
        say(
            "有 %(faults)s 处不符合规定：%(message)s", faults=len(faults), message=faults[0].message
        ),
        slug="entry-refused",
        errors=tuple(faults),
    )


async def refuse_barred(
    conn: Connection, rule: ListRule, proposal: Proposal, known: Sequence[KnownFact], on: date
) -> None:
    """Refuse the red list to whom grave facts are live of, or who is on the black list."""
    if indexes := logic.barred_by(rule, known):
        named = "、".join(map(str, indexes[:5]))
        raise Conflict(
            say(
                "这个对象有严重不良信息还在有效期内（日志第 %(named)s 条），不能列入%(title)s。",
                named=named,
                title=rule.title,
            ),
            slug="entry-barred",
        )
    if proposal.list == "red":
        people = proposal.subject_kind != "enterprise"
        found = await grades.listings(conn, [proposal.subject], valid_at=on, people=people)
        if any(one.list_name == "black" for one in found.get(proposal.subject, ())):
            raise Conflict(say("这个对象还在黑名单上，不能列入红名单。"), slug="entry-barred")
