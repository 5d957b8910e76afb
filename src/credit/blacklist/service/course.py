"""The course of an entry: notice, answer, hearing, decision, review, and the decision to take it off."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Literal
from uuid import UUID

from credit.access import organisations
from credit.access.logic import require
from credit.access.views import Actor
from credit.blacklist import logic
from credit.blacklist.logic import Act
from credit.blacklist.service.facts import known_facts, refuse_behind
from credit.blacklist.service.steps import (
    Said,
    act_of,
    check_evidence,
    course_of,
    elsewhere,
    lock,
    open_next,
    open_office,
    refuse_unfounded,
    rule_of,
    take_step,
)
from credit.blacklist.store import EntryRow
from credit.blacklist.views import Answer, EntryState, ExitKind
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Invalid, NotFound
from credit.kit.texts import say
from credit.rules.arithmetic import add_months
from credit.rules.pack import Pack
from credit.terms import service as terms
from credit.terms.views import NewTerm

__all__ = ["answer", "decide", "hear", "leave", "notice", "review", "review_term"]

SALT_BYTES = 16


async def notice(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, entry_id: UUID
) -> EntryState:
    """Tell the subject what is proposed, and open the term for its answer.

    The notice stands in the portal of the enterprise concerned; a person without an employer is
    told by the officer, on whose desk the term then stands.
    """
    require(actor, "lists:propose")
    row, today = await lock(conn, entry_id), clock.today()
    rule = rule_of(pack, row.list_name, today)
    due = await terms.told_after(conn, today, rule.answer_days)
    act = replace(act_of("notice", actor, today), due=due)
    done = await take_step(conn, clock, row, act, Said())
    after = logic.take(course_of(row, today), act)
    term = NewTerm(
        "entry",
        row.id,
        "answer",
        due,
        scope=None if row.enterprise else "lists:propose",
        party=row.enterprise,
        about=row.enterprise,
    )
    await terms.open_terms(conn, clock, [term])
    await terms.close_terms(conn, clock, [row.id], "notice")
    # The office's term runs from the end of the subject's: nothing falls between the two.
    await open_next(conn, clock, row, rule, after=after, begins=due)
    return done


async def answer(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, entry_id: UUID, given: Answer
) -> EntryState:
    """Take in what the subject says: whether it objects, whether it asks for or waives a hearing.

    An enterprise answers in its portal, and there alone waives its hearing. What an officer hands
    in, or an employer for a person, comes with the subject's own signed paper; whoever proposed or
    gave notice does not. Refuses an answer after the term.
    """
    row, today = await lock(conn, entry_id), clock.today()
    portal = actor.party is not None and "portal:use" in actor.scopes
    if portal and actor.party != row.enterprise:
        raise NotFound(say("没有这条名单记录。"))
    if not portal:
        require(actor, "lists:propose")
    evidence = await check_evidence(conn, actor, entry_id, given.evidence)
    own = portal and row.subject_kind == "enterprise"
    if not own and not evidence:
        raise Invalid(say("代交的陈述申辩要附当事人签名的书面材料。"), slug="paper-missing")
    if given.hearing == "waived" and not portal:
        await _refuse_waiver(conn, row)
    act = replace(act_of("answer", actor, today), hearing=given.hearing)
    said = Said(
        "objected" if given.objects else "accepted",
        logic.check_text(given.text, required=given.objects),
        evidence,
    )
    done = await take_step(conn, clock, row, act, said)
    await _next(conn, clock, pack, row, act)
    return done


async def hear(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    entry_id: UUID,
    text: str,
    evidence: Sequence[str] = (),
) -> EntryState:
    """Note a hearing that somebody new has held, with its record and papers."""
    require(actor, "events:hear")
    row = await lock(conn, entry_id)
    if refused := await elsewhere(conn, actor, row, clock.today()):
        raise refused
    act = act_of("hear", actor, clock.today())
    papers = await check_evidence(conn, actor, entry_id, evidence)
    said = Said(None, logic.check_text(text), papers)
    done = await take_step(conn, clock, row, act, said)
    await _next(conn, clock, pack, row, act)
    return done


async def decide(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    entry_id: UUID,
    outcome: Literal["listed", "rejected"],
    reason: str,
) -> EntryState:
    """Decide with reasons, by neither proposer nor hearer; the city's officer publishes it.

    To list, every fact must carry the entry still, and nothing bar the subject from the list. A
    decision to list may be taken back until it is published.
    """
    require(actor, "lists:decide")
    row, today = await lock(conn, entry_id), clock.today()
    text, changed = logic.check_text(reason), {}
    act = act_of("list" if outcome == "listed" else "reject", actor, today)
    logic.take(course_of(row, today), act)
    if outcome == "listed":
        await refuse_behind(conn, row.subject_kind, row.subject)
        await refuse_unfounded(conn, pack, row, today)
    elif row.subject_kind != "enterprise":
        months = rule_of(pack, row.list_name, today).retention_months
        changed = {"retain_until": add_months(today, months)}
    salt = secrets.token_bytes(SALT_BYTES)
    done = await take_step(conn, clock, row, act, Said(outcome, text, salt=salt), **changed)
    await terms.close_terms(conn, clock, [row.id])
    if outcome == "listed":
        days = rule_of(pack, row.list_name, today).decision_days
        await open_office(conn, clock, (row.id, row.enterprise), "publication", days)
    return done


async def review(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, entry_id: UUID, reason: str
) -> EntryState:
    """Review a published entry and leave it where it is; sets the next date, not beyond its term.

    Refuses to go on with an entry none of whose facts is live, or whose subject is barred.
    """
    require(actor, "lists:decide")
    row, today = await lock(conn, entry_id), clock.today()
    act = act_of("continue", actor, today)
    logic.take(course_of(row, today), act)
    rule = rule_of(pack, row.list_name, today)
    key = (row.subject_kind, row.subject)
    known = (await known_facts(conn, pack.on(today).grader, [key], today))[key]
    if len(logic.facts_gone(row.list_name, row.facts, known)) == len(row.facts):  # type: ignore[arg-type]
        raise Conflict(say("所依据的事实都不再有效，应当移出名单。"), slug="entry-unfounded")
    if logic.barred_by(rule, known):
        raise Conflict(say("这个对象有了严重不良信息，应当移出名单。"), slug="entry-barred")
    until = row.course.until_on or today
    next_on = min(add_months(today, rule.review_months), until)
    said = Said("continue", logic.check_text(reason))
    done = await take_step(conn, clock, row, act, said, review_on=next_on)
    await terms.close_terms(conn, clock, [row.id], "review")
    if next_on < until:  # at its end there is nothing to review any more
        await terms.open_terms(conn, clock, [review_term(row, next_on)])
    return done


async def leave(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    entry_id: UUID,
    kind: ExitKind,
    reason: str,
) -> EntryState:
    """Decide with reasons to take an entry off its list; the city's officer publishes that.

    `repaired` is refused while every fact of the entry is live; `overturned` is for a decision
    that another authority or a review set aside, `review` for all else.
    """
    require(actor, "lists:decide")
    row, today = await lock(conn, entry_id), clock.today()
    act = act_of("leave", actor, today)
    logic.take(course_of(row, today), act)
    if kind == "repaired":
        key = (row.subject_kind, row.subject)
        known = (await known_facts(conn, pack.on(today).grader, [key], today))[key]
        if not logic.facts_gone(row.list_name, row.facts, known):  # type: ignore[arg-type]
            raise Conflict(
                say("所依据的事实都还有效，不能以修复为由移出。请写明其他理由。"), slug="facts-live"
            )
    salt = secrets.token_bytes(SALT_BYTES)
    said = Said(kind, logic.check_text(reason), salt=salt)
    done = await take_step(conn, clock, row, act, said, exit_kind=kind)
    await terms.close_terms(conn, clock, [row.id])
    days = rule_of(pack, row.list_name, today).decision_days
    await open_office(conn, clock, (row.id, row.enterprise), "exit", days)
    return done


async def _refuse_waiver(conn: Connection, row: EntryRow) -> None:
    """Refuse a waiver on paper of an enterprise that has an account to waive with itself."""
    subject = ("enterprise", row.subject)
    if row.subject_kind == "enterprise" and await organisations.standing_for(conn, [subject]):
        raise Conflict(
            say(
                "这家企业有账号，放弃听证只能由它自己在企业端提交。请改为不放弃，或请企业自行答复。"
            ),
            slug="waiver-by-portal",
        )


def review_term(row: EntryRow, due: date) -> NewTerm:
    """Return the term within which an entry is reviewed."""
    return NewTerm("entry", row.id, "review", due, scope="lists:decide", about=row.enterprise)


async def _next(conn: Connection, clock: Clock, pack: Pack, row: EntryRow, act: Act) -> None:
    """Close what was open of an entry and open what an office has to do next, from today."""
    after = logic.take(course_of(row, act.on), act)
    rule = rule_of(pack, row.list_name, act.on)
    await terms.close_terms(conn, clock, [row.id])
    await open_next(conn, clock, row, rule, after=after, begins=act.on)
