"""Publication of entries and of their exits: the city officer's signed records, told to everybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from credit.access.logic import require
from credit.access.views import Actor
from credit.blacklist import logic, store
from credit.blacklist.logic import Span
from credit.blacklist.service.course import review_term
from credit.blacklist.service.facts import refuse_behind
from credit.blacklist.service.steps import (
    Said,
    act_of,
    course_of,
    lock,
    proposal_of,
    refuse_unfounded,
    rule_of,
    take_step,
)
from credit.blacklist.store import EntryRow, StepRow
from credit.blacklist.views import EntryRecord, EntryState
from credit.grades import service as grades
from credit.grades.service import NewListing
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden, NotFound
from credit.kit.texts import say
from credit.log import service as log
from credit.log.records import Record
from credit.rules.arithmetic import add_months
from credit.rules.listing import ListRule
from credit.rules.pack import Pack
from credit.terms import service as terms

__all__ = ["prepare", "publish"]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What would be signed, and what follows from it."""

    record: EntryRecord
    rule: ListRule
    span: Span | None


async def prepare(conn: Connection, clock: Clock, pack: Pack, entry_id: UUID) -> EntryRecord:
    """Return the record that would publish an entry, or its exit, now; to be signed.

    Refuses an entry that is not decided, that its facts carry no more, or whose subject is barred
    from the list.
    """
    return (await _prepare(conn, clock, pack, await lock(conn, entry_id))).record


async def publish(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, entry_id: UUID, record: Record
) -> EntryState:
    """Publish a decided entry, or its exit, with the publisher's own signature over what `prepare`
    gives now; neither proposer nor decider does. Partners are told in the same transaction.
    """
    require(actor, "lists:publish")
    row, today = await lock(conn, entry_id), clock.today()
    prepared = await _prepare(conn, clock, pack, row)
    act = act_of("publish" if prepared.span else "exit", actor, today)
    logic.take(course_of(row, today), act)
    if (record.kind, record.body) != (prepared.record.kind, prepared.record.body):
        raise Conflict(
            say("签名的内容与现在的决定不符，请重新取得要签名的内容。"), slug="body-outdated"
        )
    keys = await log.find_keys(conn, [sig.kid for sig in record.sigs])
    await log.refuse_bad_signatures([record], keys)
    if [keys[sig.kid].holder for sig in record.sigs] != [actor.person_id]:
        raise Forbidden(say("请用您自己的密钥签名。"), slug="bad-signature")
    record_id = UUID(record.id)
    await log.enqueue(conn, [record])
    if prepared.span is not None:
        return await _enter(conn, clock, row, act, prepared, record_id)
    return await _exit(conn, clock, row, act, prepared, record_id)


async def _prepare(conn: Connection, clock: Clock, pack: Pack, row: EntryRow) -> _Prepared:
    today = clock.today()
    state = course_of(row, today).state
    rule = rule_of(pack, row.list_name, today)
    steps = await store.steps_of(conn, row.id)
    if state == "listed":
        await refuse_behind(conn, row.subject_kind, row.subject)
        await refuse_unfounded(conn, pack, row, today)
        span = Span.beginning(rule, today, person=row.subject_kind != "enterprise")
        body = logic.entry_body(
            row.id,
            proposal_of(row),
            span,
            effect=logic.effect_of(rule, row.list_kind, row.measures),
            decision=_decision(steps, "list"),
            pack=(pack.head.id, pack.digest),
        )
        return _Prepared(EntryRecord("list-entry", body), rule, span)
    if state == "leaving" and row.course.record_id is not None:
        body = logic.exit_body(
            row.id,
            proposal_of(row),
            row.course.record_id,
            reason=row.course.exit_kind or "review",
            on=today,
            decision=_decision(steps, "leave"),
        )
        return _Prepared(EntryRecord("list-exit", body), rule, None)
    raise Conflict(say("这一条还没有决定列入或移出，没有要公布的内容。"), slug="wrong-state")


def _decision(steps: Sequence[StepRow], kind: str) -> str:
    """Commit to the reasons of the last decision of a kind."""
    for step in reversed(steps):
        if step.kind == kind and step.salt is not None:
            return logic.digest_of(step.statement, step.salt)
    raise NotFound(say("没有找到决定的理由。"))


async def _enter(
    conn: Connection,
    clock: Clock,
    row: EntryRow,
    act: logic.Act,
    prepared: _Prepared,
    record_id: UUID,
) -> EntryState:
    span, body = prepared.span, prepared.record.body
    assert span is not None  # noqa: S101 - told to the type checker
    done = await take_step(
        conn,
        clock,
        row,
        act,
        Said(record=record_id),
        from_on=span.first,
        until_on=span.until,
        review_on=span.review_on,
        retain_until=span.retain_until,
        record_id=record_id,
    )
    # What bars anybody rests on the law, and is answered with its article first.
    basis = f"{row.law}；{row.legal_basis}" if row.law else row.legal_basis
    await grades.add_listing(
        conn,
        NewListing(
            record_id,
            row.id,
            row.subject_kind,
            row.subject,
            row.list_name,
            row.list_kind,
            basis,
            body["effect"],
            span.first,
            span.until,
            clock.now(),
        ),
    )
    await store.add_exchange_item(
        conn, "entry", row.id, _told(row, prepared, basis, record_id), clock.now()
    )
    await terms.close_terms(conn, clock, [row.id])
    if span.review_on < span.until:
        await terms.open_terms(conn, clock, [review_term(row, span.review_on)])
    return done


async def _exit(
    conn: Connection,
    clock: Clock,
    row: EntryRow,
    act: logic.Act,
    prepared: _Prepared,
    record_id: UUID,
) -> EntryState:
    kept = row.course.retain_until
    if kept is not None:
        kept = min(kept, add_months(act.on, prepared.rule.retention_months))
    done = await take_step(
        conn,
        clock,
        row,
        act,
        Said(record=record_id),
        exit_id=record_id,
        ended_on=act.on,
        retain_until=kept,
    )
    await terms.close_terms(conn, clock, [row.id])
    await grades.end_listing(conn, row.id, record_id, on=act.on, now=clock.now())
    told = {
        "list": row.list_name,
        "on": act.on.isoformat(),
        "reason": row.course.exit_kind,
        "record": str(record_id),
    }
    await store.add_exchange_item(conn, "exit", row.id, told, clock.now())
    return done


def _told(row: EntryRow, prepared: _Prepared, basis: str, record_id: UUID) -> dict[str, Any]:
    """Return what partners are told of an entry.

    Measures of self-discipline are the association's own: a partner is told of the entry, and of
    no measure it could take.
    """
    body = prepared.record.body
    allowed = [] if row.list_kind == "self-discipline" else row.measures
    return {
        "list": row.list_name,
        "kind": row.list_kind,
        "effect": body["effect"],
        "subject_kind": row.subject_kind,
        "subject": row.subject,
        "name": row.name,
        "legal_basis": basis,
        "measures": [
            {"id": one.id, "text": one.text, "basis": one.basis}
            for one in prepared.rule.measures
            if one.id in allowed
        ],
        "from": body["from"],
        "until": body["until"],
        "record": str(record_id),
    }
