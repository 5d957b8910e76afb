"""Freezing: a draft becomes a text with a digest, offered to its parties by a signed record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from credit.access.logic import require
from credit.access.views import Actor
from credit.contracts import store
from credit.contracts.drafts import store as drafts_store
from credit.contracts.logic.drafts import (
    Frame,
    canonical_text,
    compose,
    draft_faults,
    named_parties,
    open_roles_of,
)
from credit.contracts.logic.machine import after, refusal
from credit.contracts.logic.records import (
    FROZEN,
    Reference,
    digest_of,
    frozen_body,
    subjects_of,
)
from credit.contracts.service.drafting import DRAFTING, known_of, refused, template_of
from credit.contracts.service.files import check_files
from credit.contracts.service.signers import check_signatures
from credit.contracts.service.standing import (
    Loaded,
    belonging_of,
    load,
    refuse_unseen,
    row_after,
)
from credit.contracts.store import ContractRow, PartyRow, StepRow, VersionRow, VoteRow
from credit.contracts.views import ContractDraft, ContractText, LadderStep, Superseded
from credit.kit.blobs import BlobStore
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, FieldError
from credit.kit.texts import say
from credit.log import service as log
from credit.log.records import Record
from credit.rules.pack import Pack
from credit.terms import service as terms
from credit.terms.views import NewTerm

__all__ = ["BODY_BYTES_MAX", "freeze", "prepare_freezing", "preview"]

BODY_BYTES_MAX = 262_144
OFFER, SIGN = "offer", "sign"


@dataclass(frozen=True, slots=True)
class _Frozen:
    """A draft as it would be frozen now."""

    found: Loaded
    text: ContractText
    body: bytes
    digest: str
    record: dict[str, Any]


async def prepare_freezing(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, ids: Sequence[UUID]
) -> dict[UUID, dict[str, Any]]:
    """Return for each drafted contract the body of the record that freezes and offers it now.

    Refuses, with every fault, a draft that the register, the template or a vote does not carry.
    """
    prepared = await _prepare(conn, clock, actor, pack, ids, lock=False)
    return {one: frozen.record for one, frozen in prepared.items()}


async def preview(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, contract_id: UUID
) -> ContractText:
    """Return the text a draft would be frozen as now; refuses what `prepare_freezing` refuses."""
    prepared = await _prepare(conn, clock, actor, pack, [contract_id], lock=False)
    return prepared[contract_id].text


async def freeze(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    blobs: BlobStore,
    records: Mapping[UUID, Record],
) -> None:
    """Freeze drafts with records signed by the drafter, all or none, and offer them.

    Each record must be what `prepare_freezing` gives now, signed with the actor's own key. The
    bytes of every attachment are checked on disk first.
    """
    prepared = await _prepare(conn, clock, actor, pack, list(records), lock=True)
    await check_files(blobs, [r.digest for one in prepared.values() for r in _files(one.text)])
    expected = {one: (FROZEN, frozen.record) for one, frozen in prepared.items()}
    await check_signatures(conn, actor, expected, records)
    rows = [_row_of(one) for one in prepared.values()]
    steps = [_step(row, records[row.id], actor, clock) for row in rows]
    await store.freeze(
        conn,
        rows,
        steps,
        [_version(one, records[i], actor, clock) for i, one in prepared.items()],
        [party for one in prepared.values() for party in _parties(one)],
        [vote for one in prepared.values() for vote in _votes(one)],
    )
    await log.enqueue(conn, list(records.values()))
    await terms.open_terms(conn, clock, [t for one in prepared.values() for t in _terms(one)])


def _row_of(frozen: _Frozen) -> ContractRow:
    """Return where a contract stands once its text is on offer; its parties may see it now."""
    found, own = frozen.found, frozen.found.row
    standing = replace(
        after(found.standing, "freeze", found.standing.drafter),
        offer_until=date.fromisoformat(frozen.text.offer_until),
    )
    seen = {one.id for one in frozen.text.parties} | set(own.parties if own.in_force else ())
    return row_after(own, standing, parties=tuple(sorted(seen)), steps=own.steps + 1)


def _step(row: ContractRow, record: Record, actor: Actor, clock: Clock) -> StepRow:
    return StepRow(
        row.id, row.steps, row.last_version, "frozen", None, row.drafter, clock.today(), None,
        UUID(record.id), actor.person_id, clock.now(),
    )  # fmt: skip


async def _prepare(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    ids: Sequence[UUID],
    *,
    lock: bool,
) -> dict[UUID, _Frozen]:
    require(actor, DRAFTING)
    today = clock.today()
    drafter = belonging_of(actor)
    loaded = await load(conn, ids, today, lock=lock)
    for found in loaded.values():
        refuse_unseen(found.row, drafter)
        why = refusal(found.standing, "freeze", drafter.side, today)
        if why is not None:
            raise Conflict(why, slug="not-now")
    rows = await drafts_store.drafts(conn, list(loaded))
    contents = {
        one: msgspec.json.decode(row.content, type=ContractDraft) for one, row in rows.items()
    }
    drafted = [contents[one] for one in loaded]
    facts = {one.project.code: one.project for one in loaded.values() if one.project}
    known = await known_of(conn, actor, drafted, facts, stored=drafted)
    lasting = {
        days: await terms.due_after(conn, today, days)
        for days in {template_of(pack, contents[one].template, today).offer_days for one in loaded}
    }
    prepared: dict[UUID, _Frozen] = {}
    for (one, found), knows in zip(loaded.items(), known, strict=True):
        template = template_of(pack, contents[one].template, today)
        keeps = found.row.from_on if found.row.in_force else None
        faults = draft_faults(
            template,
            contents[one],
            knows,
            today=today,
            keeps_from=keeps.isoformat() if keeps else None,
        )
        faults += _replaced(found, contents[one])
        if faults:
            raise refused(faults)
        frame = Frame(
            str(one),
            found.row.last_version,
            pack.head.id,
            today,
            lasting[template.offer_days],
            _ladder(pack, today),
            _superseded(found),
        )
        prepared[one] = _frozen(found, compose(template, contents[one], knows, frame))
    return prepared


def _frozen(found: Loaded, text: ContractText) -> _Frozen:
    body = canonical_text(text)
    if len(body) > BODY_BYTES_MAX:
        raise Conflict(
            say(
                "契约全文超过 %(number)s KB，请把长的内容放到附件里。",
                number=BODY_BYTES_MAX // 1024,
            )
        )
    digest = digest_of(body)
    parties = named_parties(text)
    record = frozen_body(
        text=Reference(text.contract, text.version, digest),
        kind=text.kind,
        template=f"{text.template.id}/{text.template.version}",
        attachments=len(text.attachments),
        parties=parties,
        open_roles=open_roles_of(text),
        days=(text.from_on, text.until, text.offer_until),
        drafter=found.standing.drafter,
        supersedes=text.supersedes.digest if text.supersedes else None,
        subjects=subjects_of(parties, text.project.code if text.project else None),
    )
    return _Frozen(found, text, body, digest, record)


def _replaced(found: Loaded, content: ContractDraft) -> list[FieldError]:
    enterprise = next((one.id for one in content.parties if one.role == "enterprise"), None)
    if found.row.in_force and enterprise != found.row.enterprise:
        return [FieldError("parties", say("换了企业要另立契约，不能用新版本。"))]
    return []


def _superseded(found: Loaded) -> Superseded | None:
    version = found.standing.in_force
    return Superseded(version, found.heads[version].digest) if version else None


def _ladder(pack: Pack, today: date) -> tuple[LadderStep, ...]:
    return tuple(
        LadderStep(one.level, one.body, one.days, one.breach)
        for one in pack.on(today).procedure.disputes
    )


def _files(text: ContractText) -> list[Any]:
    return [*text.attachments, *(one.vote.tally for one in text.votes)]


def _version(frozen: _Frozen, record: Record, actor: Actor, clock: Clock) -> VersionRow:
    text = frozen.text
    return VersionRow(
        UUID(text.contract),
        text.version,
        text.template.version,
        frozen.body,
        frozen.digest,
        tuple(dict.fromkeys(one.digest for one in _files(text))),
        UUID(record.id),
        date.fromisoformat(text.from_on),
        date.fromisoformat(text.until),
        date.fromisoformat(text.offer_until),
        actor.person_id,
        clock.now(),
    )


def _parties(frozen: _Frozen) -> list[PartyRow]:
    text = frozen.text
    return [
        PartyRow(
            UUID(text.contract), text.version, one.scheme, one.id, one.role, one.name, one.needed, n
        )
        for n, one in enumerate(text.parties, 1)
    ]


def _votes(frozen: _Frozen) -> list[VoteRow]:
    text = frozen.text
    return [
        VoteRow(
            UUID(text.contract),
            text.version,
            one.vote.matter,
            date.fromisoformat(one.vote.held_on),
            one.vote.total.persons,
            one.vote.took_part.persons,
            one.vote.in_favour.persons,
            one.vote.total.area_m2,
            one.vote.took_part.area_m2,
            one.vote.in_favour.area_m2,
            one.vote.filing or None,
            one.vote.tally.digest,
        )
        for one in text.votes
    ]


def _terms(frozen: _Frozen) -> list[NewTerm]:
    """Return what the drafter watches over, and what each party of the register has to sign."""
    text = frozen.text
    contract, due_on = UUID(text.contract), date.fromisoformat(text.offer_until)
    about = next((one.id for one in text.parties if one.role == "enterprise"), None)
    drafter = frozen.found.standing.drafter
    whose = {"scope": DRAFTING} if drafter.scheme == "ORG" else {"party": drafter.id}
    opened = [NewTerm("contract", contract, OFFER, due_on, about=about, **whose)]
    opened += [
        NewTerm("contract", contract, f"{SIGN}-{one.id}", due_on, party=one.id, about=about)
        for one in text.parties
        if one.needed and one.scheme != "ORG"
    ]
    return opened
