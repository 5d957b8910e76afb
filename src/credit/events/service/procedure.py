"""Use cases of credit events: propose, decide, and look up."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from credit.access.logic import refuse_same_person, refuse_unplaced, require, scopes_of
from credit.access.service import roles_of
from credit.access.views import Actor
from credit.events import logic, store
from credit.events.course import store as course_store
from credit.events.evidence import store as evidence_store
from credit.events.logic import Proposal
from credit.events.service.deciding import (
    begin_courses,
    check_decisions,
    refuse_short_way,
    settle,
)
from credit.events.service.evidence import keep_held
from credit.events.service.places import outside_faults
from credit.events.store import DecisionRow, NewEvent
from credit.events.views import (
    Decision,
    Draft,
    EventBody,
    EventState,
    Signature,
    WithdrawalBody,
)
from credit.kit.blobs import Blob
from credit.kit.canonical import parse
from credit.kit.clock import Clock
from credit.kit.db import Connection, Database
from credit.kit.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from credit.kit.grouping import GroupCommit
from credit.kit.signing import b64, unb64
from credit.kit.texts import marked, said_by, say
from credit.log import service as log
from credit.log.records import Record, Sig
from credit.log.views import AnnouncedKey
from credit.parties import service as parties
from credit.rules.loading import pack_of_city
from credit.rules.pack import Pack

__all__ = [
    "Intake",
    "decide",
    "events_page",
    "keep_evidence",
    "plan",
    "propose",
    "refuse_known",
    "state_of",
]

BATCH_MAX = 500
# The reason that is kept for a decision which came with the record.
SIGNED_TOGETHER = str(marked("随记录一并签署"))
STATUS = {None: "proposed", "accepted": "effective", "refused": "refused"}


async def propose(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, drafts: Sequence[Draft]
) -> list[EventState]:
    """Take in signed records, all or none, in the caller's transaction.

    The first signature proposes and must be by the actor's own key. A second one, by somebody
    else who may decide, makes the record effective at once; a bad fact whose subject must be given
    notice first is refused with two. Refuses what the catalogue or the register does not allow,
    bad signatures, unknown evidence, and the same fact twice.
    """
    require(actor, "events:propose")
    proposals = await plan(conn, clock, actor, pack, drafts)
    refuse_short_way(pack, clock.today(), drafts)
    records = [_record(draft) for draft in drafts]
    keys = await log.find_keys(conn, [sig.kid for record in records for sig in record.sigs])
    await log.refuse_bad_signatures(records, keys)
    decided = await _check_signers(conn, actor, records, keys)
    rows = [
        _new_event(draft, proposal, record)
        for draft, proposal, record in zip(drafts, proposals, records, strict=True)
    ]
    added = await store.add_events(conn, rows, by=actor.person_id, now=clock.now())
    _refuse_known(rows, added)
    effective = {UUID(record.id) for group in decided.values() for record in group}
    courses = await begin_courses(conn, clock, pack, rows, decided=effective)
    moved = courses | {row.id for row in rows if row.target is not None}
    for decider, group in decided.items():
        await _make_effective(conn, clock, decider, group, moved)
    waiting = [row.id for row in rows if row.id not in effective]
    if waiting:
        await store.add_waiting(conn, waiting)
    return [
        EventState(str(row.id), "effective" if row.id in effective else "proposed", None)
        for row in rows
    ]


def _refuse_known(rows: Sequence[NewEvent], added: set[UUID]) -> None:
    """Refuse a batch of which not every row was added, and name those that were known."""
    faults = []
    fresh = set(added)
    for position, row in enumerate(rows):
        if row.id not in fresh:  # known before, or a second time in this very batch
            message = say(
                "记录 %(row)s 的编号或同一事实（代码、对象、日期、文号都相同）已经登记过。请去掉这一条；如果是另一件事，请核对文号。",
                row=row.id,
            )
            faults.append(FieldError(f"items[{position}]", message))
        fresh.discard(row.id)
    if faults:
        raise Conflict(faults[0].message, slug="event-exists", errors=tuple(faults))


async def refuse_known(conn: Connection, drafts: Sequence[Draft]) -> None:
    """Refuse facts that stand already, or twice among the drafts, each under `items[i]`.

    Nothing is written: what `propose` finds out by writing is told before anybody signs.
    """
    fingerprints = [logic.fingerprint(draft) for draft in drafts]
    known = await store.known_facts(conn, fingerprints)
    faults = []
    for position, fingerprint in enumerate(fingerprints):
        if fingerprint in known:
            message = say(
                "同一事实（代码、对象、日期、文号都相同）已经登记过，或在这里出现了两次。请去掉这一条；如果是另一件事，请核对文号。"
            )
            faults.append(FieldError(f"items[{position}]", message))
        known.add(fingerprint)
    if faults:
        raise Conflict(faults[0].message, slug="event-exists", errors=tuple(faults))


class Intake:
    """Takes single records in for many callers: what comes at once shares one transaction."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._cities: dict[str, GroupCommit[tuple[Actor, Draft], EventState]] = {}

    async def propose(self, city: str, actor: Actor, draft: Draft) -> EventState:
        """Take one signed record in; refuses what `propose` refuses, answers after the commit."""
        if city not in self._cities:
            pack = pack_of_city(city)
            self._cities[city] = GroupCommit(lambda items: self._run(city, pack, items))
        return await self._cities[city].submit((actor, draft))

    async def _run(
        self, city: str, pack: Pack, items: Sequence[tuple[Actor, Draft]]
    ) -> list[EventState]:
        actors = {actor.person_id: actor for actor, _ in items}
        states: dict[str, EventState] = {}
        async with self._db.transaction(city) as conn:
            for person_id, actor in actors.items():
                drafts = [draft for one, draft in items if one.person_id == person_id]
                for state in await propose(conn, self._clock, actor, pack, drafts):
                    states[state.id] = state
        return [states[draft.id] for _, draft in items]


async def plan(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, drafts: Sequence[Draft]
) -> list[Proposal]:
    """Check drafts against catalogue and register without writing; raises Conflict with all
    faults, each under `items[i]`: subjects outside the proposer's division are among them.
    """
    refuse_unplaced(actor)
    if not 0 < len(drafts) <= BATCH_MAX:
        raise Invalid(say("一次 1 到 %(most)s 条，请分批。", most=BATCH_MAX))
    faults: list[FieldError] = []
    proposals: list[Proposal] = []
    for position, draft in enumerate(drafts):
        try:
            proposals.append(logic.read_proposal(draft))
        except ValueError as error:
            faults.append(FieldError(f"items[{position}]", said_by(error)))
    if not faults:
        faults += await _check_bodies(conn, clock, pack, drafts, proposals)
        wrong = {fault.field for fault in faults}
        outside = await outside_faults(conn, actor, proposals)
        faults += [fault for fault in outside if fault.field not in wrong]
        faults += await _check_targets(conn, drafts, proposals)
        faults += await _check_evidence(conn, drafts)
    if faults:
        raise Conflict(
            say(
                "有 %(count)s 处不符合事件目录或登记册：%(message)s",
                count=len(faults),
                message=faults[0].message,
            ),
            slug="event-refused",
            errors=tuple(faults),
        )
    return proposals


async def decide(
    conn: Connection, clock: Clock, actor: Actor, decisions: Mapping[UUID, Decision]
) -> list[EventState]:
    """Decide proposals, all or none: accept with the decider's signature, or refuse with reasons.

    Refuses the proposer's own decision, a second decision, a bad fact whose procedure has not come
    so far, and a signature that does not cover exactly what was proposed.
    """
    require(actor, "events:decide")
    rows = await store.load_events(conn, list(decisions))
    records: list[Record] = []
    for event_id, decision in decisions.items():
        row = rows.get(event_id)
        if row is None:
            raise NotFound(say("没有编号为 %(event_id)s 的事件。", event_id=event_id))
        if row.outcome is not None:
            raise Conflict(
                say("事件 %(event_id)s 已经作出决定。", event_id=event_id), slug="already-decided"
            )
        refuse_same_person(row.proposed_by, actor.person_id)
        if decision.outcome == "accepted":
            records.append(_stored_record(row, decision.sig))
    await check_decisions(conn, actor, rows, decisions, clock.today())
    keys = await log.find_keys(conn, [sig.kid for record in records for sig in record.sigs])
    await log.refuse_bad_signatures(records, keys)
    for record in records:
        if keys[record.sigs[-1].kid].holder != actor.person_id:
            raise Forbidden(say("决定要用您自己的密钥签名。"), slug="bad-signature")
    new = [
        DecisionRow(event_id, one.outcome, one.reason, *_signature(one.sig))
        for event_id, one in decisions.items()
    ]
    stored = await store.add_decisions(conn, new, by=actor.person_id, now=clock.now())
    if len(stored) != len(new):
        raise Conflict(say("有事件刚刚由别人作出决定，请刷新后再看。"), slug="already-decided")
    await store.remove_waiting(conn, list(stored))
    outcomes = {event_id: one.outcome for event_id, one in decisions.items()}
    await settle(conn, clock, actor.person_id, list(rows.values()), outcomes)
    if records:
        await log.enqueue(conn, records)
    return [EventState(str(i), STATUS[d.outcome], None) for i, d in decisions.items()]  # type: ignore[arg-type]


async def state_of(conn: Connection, event_id: UUID) -> EventState:
    """Return where an event stands."""
    outcomes = await store.outcomes(conn, [event_id])
    if event_id not in outcomes:
        raise NotFound(say("没有这个编号的事件。"))
    numbered = await log.index_of(conn, [event_id])
    status = STATUS[outcomes[event_id]]
    return EventState(str(event_id), status, numbered.get(event_id))  # type: ignore[arg-type]


async def keep_evidence(conn: Connection, clock: Clock, actor: Actor, blob: Blob) -> None:
    """Note an evidence file that was kept on disk; for a fact, or for what a hearing found."""
    if "events:hear" not in actor.scopes:
        require(actor, "events:propose")
    await keep_held(conn, clock, actor, blob)


async def events_page(
    conn: Connection, after: UUID, *, outcome: str | None, enterprise: str | None, limit: int
) -> list[store.Listed]:
    """List events after an id, oldest first."""
    return await store.list_events(conn, after, outcome=outcome, enterprise=enterprise, limit=limit)


def _record(draft: Draft) -> Record:
    sigs = tuple(Sig(one.kid, one.alg, one.sig) for one in draft.sigs)
    return Record(draft.id, draft.kind, logic.body_of(draft), sigs)


def _new_event(draft: Draft, proposal: Proposal, record: Record) -> NewEvent:
    first = record.sigs[0]
    return NewEvent(
        UUID(record.id),
        record.kind,
        proposal.code,
        proposal.primary,
        proposal.subject,
        proposal.enterprise,
        proposal.occurred_on or date.min,
        UUID(proposal.target) if proposal.target else None,
        logic.fingerprint(draft),
        record.canonical_body,
        first.kid,
        unb64(first.sig),
    )


def _signature(sig: object) -> tuple[str | None, bytes | None]:
    return (sig.kid, unb64(sig.sig)) if isinstance(sig, Signature) else (None, None)


def _stored_record(row: store.EventRow, sig: object) -> Record:
    """Put a stored proposal and the decider's signature together again."""
    if not isinstance(sig, Signature):
        raise Conflict(say("接受一个事件要附上决定人的签名。"), slug="signature-missing")
    from_proposer = Sig(row.kid, "Ed25519", b64(row.signature))
    both = (from_proposer, Sig(sig.kid, sig.alg, sig.sig))
    return Record(str(row.id), row.kind, parse(row.body), both)


async def _check_signers(
    conn: Connection, actor: Actor, records: Sequence[Record], keys: Mapping[str, AnnouncedKey]
) -> dict[str, list[Record]]:
    """Check who signed; returns the records that carry a decider's signature, by decider."""
    decided: dict[str, list[Record]] = {}
    for record in records:
        if keys[record.sigs[0].kid].holder != actor.person_id:
            raise Forbidden(say("第一个签名要用提出人自己的密钥。"), slug="bad-signature")
        if len(record.sigs) == 2:
            decider = keys[record.sigs[1].kid].holder
            refuse_same_person(actor.person_id, decider)
            decided.setdefault(decider, []).append(record)
    for decider in decided:
        if "events:decide" not in scopes_of(await roles_of(conn, decider)):
            raise Forbidden(say("第二个签名的人没有决定权。"), slug="bad-signature")
    return decided


async def _make_effective(
    conn: Connection, clock: Clock, decider: str, records: Sequence[Record], moved: set[UUID]
) -> None:
    """Decide records that came with both signatures; `moved` are those with a course or a target."""
    rows = [
        DecisionRow(UUID(r.id), "accepted", SIGNED_TOGETHER, r.sigs[1].kid, unb64(r.sigs[1].sig))
        for r in records
    ]
    await store.add_decisions(conn, rows, by=decider, now=clock.now())
    own = [row.event_id for row in rows if row.event_id in moved]
    if own:
        events = await store.load_events(conn, own)
        await settle(conn, clock, decider, list(events.values()), dict.fromkeys(own, "accepted"))
    await log.enqueue(conn, records)


async def _check_bodies(
    conn: Connection,
    clock: Clock,
    pack: Pack,
    drafts: Sequence[Draft],
    proposals: Sequence[Proposal],
) -> list[FieldError]:
    facts = [
        (position, draft.body, proposal)
        for position, (draft, proposal) in enumerate(zip(drafts, proposals, strict=True))
        if isinstance(draft.body, EventBody)
    ]
    today = clock.today()
    placed = await parties.place(
        conn,
        [proposal.primary for _, _, proposal in facts],
        [proposal.subject for _, _, proposal in facts],
        [proposal.occurred_on or today for _, _, proposal in facts],
    )
    rules = pack.on(today)
    catalogue = rules.grader.events
    faults = []
    for (position, body, _), place in zip(facts, placed, strict=True):
        assert isinstance(body, EventBody)  # noqa: S101 - told to the type checker
        found = logic.check_catalogue(body, catalogue, pack.head.id)
        found += logic.check_placement(body, place, today)
        found += logic.check_display(body, catalogue, rules.procedure)
        faults += [FieldError(f"items[{position}]", message) for message in found]
    return faults


async def _check_targets(
    conn: Connection, drafts: Sequence[Draft], proposals: Sequence[Proposal]
) -> list[FieldError]:
    """A withdrawal or correction names an effective fact of the same enterprise.

    A withdrawal names the very subjects of its fact, so that it stands in the same chains.
    """
    targets = [UUID(one.target) for one in proposals if one.target]
    if not targets:
        return []
    rows = await store.load_events(conn, targets)
    courses = await course_store.courses_of(conn, targets)
    repaired = {one.event_id for one in courses.values() if one.state == "repaired"}
    faults = []
    for position, (draft, one) in enumerate(zip(drafts, proposals, strict=True)):
        if not one.target:
            continue
        row = rows.get(UUID(one.target))
        if row is None or row.outcome != "accepted" or row.enterprise != one.enterprise:
            message = say(
                "要撤回或更正的记录 %(target)s 不存在、尚未生效，或属于另一家企业。",
                target=one.target,
            )
            faults.append(FieldError(f"items[{position}].body.target", message))
        elif isinstance(draft.body, WithdrawalBody) and (
            logic.body_of(draft)["subjects"] != parse(row.body)["subjects"]
        ):
            message = say("撤回要写与原记录完全相同的 subjects。请照抄原记录。")
            faults.append(FieldError(f"items[{position}].body.subjects", message))
        elif one.kind == "event-corrected" and row.id in repaired:
            message = say("要更正的记录已经修复，不能更正。原记录有误的，请撤回。")
            faults.append(FieldError(f"items[{position}].body.target", message))
    return faults


async def _check_evidence(conn: Connection, drafts: Sequence[Draft]) -> list[FieldError]:
    digests = sorted({ref.digest for draft in drafts for ref in draft.body.evidence})
    known = await evidence_store.known_evidence(conn, digests) if digests else {}
    return [
        FieldError(
            f"items[{position}].body.evidence[{place}]",
            say("没有这份证据文件，或大小、类型与上传的不符。请先上传证据。"),
        )
        for position, draft in enumerate(drafts)
        for place, ref in enumerate(draft.body.evidence)
        if known.get(ref.digest) != (ref.size, ref.type)
    ]
