"""Proposing: who meets a criterion, and an officer's proposal. Nobody is listed by this."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from credit.access.logic import require
from credit.access.views import Actor
from credit.blacklist import logic, store
from credit.blacklist.service.facts import known_facts
from credit.blacklist.service.steps import end_lapsed, open_office, refuse_barred, rule_of, unfit
from credit.blacklist.store import CourseRow, EntryRow, StepRow
from credit.blacklist.views import (
    Candidate,
    EntryFact,
    EntryState,
    Proposal,
    SubjectFacts,
    SubjectKind,
)
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, FieldError
from credit.kit.ids import new_id
from credit.kit.texts import say
from credit.parties import service as parties
from credit.rules.listing import HeldGrade, ListName, ListRule, LiveCodes, LiveFacts
from credit.rules.pack import Pack, Rules

__all__ = ["candidates", "propose", "subject_facts"]

NEW_COURSE = CourseRow(
    "proposed", 1, None, answered=False, hearing="", heard_by=None, decided_by=None, from_on=None,
    until_on=None, review_on=None, retain_until=None, record_id=None, exit_kind=None, exit_id=None,
    ended_on=None,
)  # fmt: skip


async def candidates(
    conn: Connection, pack: Pack, name: ListName, *, on: date, after: str = "", limit: int = 50
) -> tuple[list[Candidate], str | None]:
    """Return who meets a criterion of a list on a day and is neither on it nor proposed for it.

    Subjects come by code, after one; the second value is the code to go on after, None at the end.
    Who is barred from the list is left out. A page may hold fewer than `limit`.
    """
    rules = pack.on(on)
    rule = rule_of(pack, name, on)
    subjects, more = await _looked_at(conn, rules, rule, after, limit)
    codes = [code for _, code in subjects]
    taken = await store.open_subjects(conn, name, codes, on)
    names = await store.names_of(conn, codes)
    free = [one for one in subjects if one[1] not in taken]
    known = await known_facts(conn, rules.grader, free, on)
    found = []
    for kind, code in free:
        facts = known[kind, code]
        if logic.barred_by(rule, facts):
            continue
        ladder = rules.grader.ladder
        met = {one.id: logic.meets(one, facts, ladder) for one in rule.criteria}
        met = {criterion: indexes for criterion, indexes in met.items() if indexes}
        if met:
            carrying = {index for indexes in met.values() for index in indexes}
            found.append(
                Candidate(
                    kind,  # type: ignore[arg-type]
                    code,
                    names.get(code) if kind == "enterprise" else None,
                    tuple(met),
                    tuple(
                        EntryFact(one.index, one.record, one.title, live=True)
                        for one in facts
                        if one.index in carrying
                    )[: logic.FACTS_MAX],
                )
            )
    return found, codes[-1] if more else None


async def subject_facts(
    conn: Connection, pack: Pack, name: ListName, kind: SubjectKind, code: str, *, on: date
) -> SubjectFacts:
    """Return what somebody could be proposed on for a list on a day, the newest first."""
    rules, rule = pack.on(on), rule_of(pack, name, on)
    known = (await known_facts(conn, rules.grader, [(kind, code)], on))[kind, code]
    gone = set(logic.facts_gone(name, [one.index for one in known], known))
    barring = set(logic.barred_by(rule, known))
    ladder = rules.grader.ladder
    met = {one.id: logic.meets(one, known, ladder) for one in rule.criteria}
    return SubjectFacts(
        tuple(one for one in reversed(known) if one.index not in gone),
        {criterion: indexes for criterion, indexes in met.items() if indexes},
        tuple(one for one in known if one.index in barring),
    )


async def propose(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, proposal: Proposal
) -> EntryState:
    """Propose an entry; refuses, with every fault named, what the pack or the register does not
    allow, facts that are not live ones of that very subject, and a subject that is on the list.
    """
    require(actor, "lists:propose")
    today = clock.today()
    rule = rule_of(pack, proposal.list, today)
    proposal = replace(proposal, reason=logic.check_text(proposal.reason, required=False))
    enterprise = await _place(conn, proposal, today)
    key = (proposal.subject_kind, proposal.subject)
    rules = pack.on(today)
    known = (await known_facts(conn, rules.grader, [key], today))[key]
    met = [one.id for one in rule.criteria if logic.meets(one, known, rules.grader.ladder)]
    if faults := logic.check_proposal(proposal, rule, known, met):
        raise unfit(faults)
    await refuse_barred(conn, rule, proposal, known, today)
    await end_lapsed(conn, clock, subject=proposal.subject)
    now = clock.now()
    entry = EntryRow(
        new_id(now),
        proposal.list,
        *key,
        enterprise,
        proposal.list_kind,
        proposal.legal_basis,
        proposal.law,
        sorted(proposal.measures),
        sorted(proposal.facts),
        proposal.criterion,
        proposal.reason,
        actor.person_id,
        now,
        NEW_COURSE,
        None,
    )
    if not await store.add_entry(conn, entry):
        raise Conflict(
            say(
                "这个对象已经在%(title)s上，或者已经有人提请。请查看已有的记录。", title=rule.title
            ),
            slug="entry-exists",
        )
    step = StepRow(1, "proposed", None, proposal.reason, [], None, None, actor.person_id, now)
    await store.add_step(conn, entry.id, step)
    await open_office(conn, clock, (entry.id, enterprise), "notice", rule.decision_days)
    return EntryState(str(entry.id), "proposed", 1)


async def _place(conn: Connection, proposal: Proposal, on: date) -> str | None:
    """Return in whose portal an entry stands: the enterprise itself, or a person's employer.

    A practitioner is a person of the register of managers, the only people it knows.
    """
    kind = "enterprise" if proposal.subject_kind == "enterprise" else "manager"
    (placed,) = await parties.place(conn, [kind], [proposal.subject], [on])
    if not placed.known:
        message = say("登记册里没有这个对象。名单只列企业和登记在册的项目负责人、从业人员。")
        raise unfit([FieldError("subject", message)])
    if kind == "enterprise":
        found = await parties.find_enterprise(conn, proposal.subject)
        if found.ended_on is not None and found.ended_on <= on:
            raise unfit([FieldError("subject", say("这家企业已经注销，不再列入名单。"))])
    return placed.enterprise


async def _looked_at(
    conn: Connection, rules: Rules, rule: ListRule, after: str, limit: int
) -> tuple[list[tuple[str, str]], bool]:
    """Return (kind, code) of those who may meet a criterion, after a code, and whether more may."""
    found: set[tuple[str, str]] = set()
    codes = sorted({code for one in rule.criteria for code in _codes(one.when, rules)})
    if codes:
        found |= set(await store.named_by_facts(conn, codes, rule.subjects, after, limit + 1))
    for criterion in rule.criteria:
        if isinstance(criterion.when, HeldGrade) and "enterprise" in rule.subjects:
            grades = _at_least(criterion.when.held_grade, rules)
            published = criterion.when.publications
            held = await store.held_by(conn, grades, published, after, limit + 1)
            found |= {("enterprise", code) for code in held}
    ordered = sorted(found, key=lambda one: (one[1], one[0]))
    return ordered[:limit], len(ordered) > limit


def _codes(when: LiveFacts | LiveCodes | HeldGrade, rules: Rules) -> Sequence[str]:
    """Return the catalogue's codes that can make a criterion hold."""
    if isinstance(when, LiveCodes):
        return when.live_codes
    if isinstance(when, LiveFacts):
        gravest = logic.SEVERITIES[logic.SEVERITIES.index(when.live_facts) :]
        return [one.code for one in rules.grading.events if one.severity in gravest]
    return ()


def _at_least(grade: str, rules: Rules) -> list[str]:
    """Return the names and aliases of a grade and of all better ones."""
    ladder = rules.grader.ladder
    return [
        name
        for rung in rules.grading.ladder
        for name in (rung.grade, *rung.aliases)
        if ladder.knows(grade) and ladder.at_least(name, grade)
    ]
