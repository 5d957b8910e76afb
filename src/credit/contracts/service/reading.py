"""What is shown of contracts: lists, and one whole with what the reader may do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from credit.access.logic import require
from credit.access.views import Actor
from credit.contracts import store
from credit.contracts.board import store as board
from credit.contracts.board.store import LineRow, Sought
from credit.contracts.board.views import (
    ClauseShown,
    ContractLine,
    ContractView,
    May,
    PartyShown,
    SignatureShown,
    StepShown,
    VersionShown,
)
from credit.contracts.logic.clauses import promise_words
from credit.contracts.logic.drafts import no_longer_right
from credit.contracts.logic.machine import (
    ACTS,
    ROLE_TITLES,
    STATE_TITLES,
    Act,
    refusal,
    shown,
)
from credit.contracts.service.acts import SCOPES_OF_ACTS
from credit.contracts.service.drafting import DRAFTING
from credit.contracts.service.standing import (
    Belonging,
    Loaded,
    load,
    read_text,
    refuse_unseen,
)
from credit.contracts.store import PartyRow, SignatureRow, StepRow
from credit.contracts.views import ClauseText, ContractText
from credit.kit.clock import CHINA, Clock, rfc3339
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.patterns import containing
from credit.kit.texts import marked, say
from credit.log import service as log

__all__ = [
    "STEP_TITLES",
    "clause_shown",
    "contract_line",
    "contract_text",
    "contract_view",
    "contracts_page",
    "named_to",
    "orphaned",
    "to_sign",
]

READING = "contracts:read"
STEPS_MAX = 500
LISTED_MAX = 200
STEP_TITLES: Mapping[str, str] = {
    "drafted": marked("起草"),
    "discarded": marked("作废草稿"),
    "frozen": marked("定稿并发出要约"),
    "signed": marked("签署"),
    "in-force": marked("生效"),
    "refused": marked("拒绝签署"),
    "withdrawn": marked("撤回要约"),
    "amended": marked("起草新版本"),
    "proposed-suspend": marked("提议中止"),
    "proposed-resume": marked("提议恢复"),
    "proposed-end": marked("提议终止"),
    "retracted": marked("撤回提议"),
    "suspended": marked("中止履行"),
    "resumed": marked("恢复履行"),
    "ended": marked("终止"),
    "closed": marked("办结终止"),
    "left": marked("退出公约"),
}
# What an act asks for, in the order pages offer it.
OFFERED: Mapping[Act, str] = {
    "edit": DRAFTING,
    "freeze": DRAFTING,
    "discard": DRAFTING,
    **SCOPES_OF_ACTS,
    "amend": DRAFTING,
}


async def contracts_page(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    *,
    before: UUID,
    sought: Sought,
    query: str | None = None,
    limit: int,
) -> list[ContractLine]:
    """List contracts before an id, the newest first; a party's session sees its own.

    `query` is looked for in titles and in the names of projects and enterprises.
    """
    require(actor, READING)
    like = containing(query) if query else None
    narrowed = replace(sought, like=like)
    rows = await board.lines(conn, clock.today(), before, narrowed, limit)
    return [_line(row) for row in rows]


async def contract_line(conn: Connection, clock: Clock, contract_id: UUID) -> ContractLine:
    """Return a contract as lists show it."""
    found = (await board.lines_of(conn, clock.today(), [contract_id])).get(contract_id)
    if found is None:
        raise NotFound(say("没有这份契约，或者它与您的单位无关。"))
    return _line(found)


async def to_sign(conn: Connection, clock: Clock, by: Belonging) -> list[ContractLine]:
    """List what waits for an organisation's signature, the next to lapse first."""
    rows = await board.unsigned_by(conn, clock.today(), by.side, LISTED_MAX)
    return [_line(row) for row in rows]


async def orphaned(
    conn: Connection, clock: Clock, actor: Actor, division: str | None = None
) -> list[ContractLine]:
    """List contracts in force whose enterprise no longer manages the project, of a division."""
    require(actor, READING)
    rows = await board.orphaned(conn, clock.today(), division, LISTED_MAX)
    return [_line(row) for row in rows]


async def contract_text(conn: Connection, contract_id: UUID, version: int) -> bytes:
    """Return the canonical bytes of a frozen text, whose SHA-256 the records name."""
    found = (await store.bodies(conn, [(contract_id, version)])).get((contract_id, version))
    if found is None:
        raise NotFound(say("没有这一版契约，或者它与您的单位无关。"))
    return found


async def contract_view(
    conn: Connection,
    clock: Clock,
    by: Belonging | None,
    contract_id: UUID,
    *,
    version: int | None = None,
    reader: Actor | None = None,
) -> ContractView:
    """Return a contract whole: a version's text, parties and signatures, what happened, what the
    reader may do now and why not. Without `version` it is the offer, else what is in force, else
    the newest; without `by` somebody who reads only. Which people acted, a `reader` of an office
    is told, and others of themselves alone.
    """
    today = clock.today()
    found = (await load(conn, [contract_id], today))[contract_id]
    if by is not None:
        refuse_unseen(found.row, by)
    wanted = _version(found) if version is None else version
    if wanted and wanted not in found.heads:
        raise NotFound(say("没有这一版契约。"))
    text = read_text(await contract_text(conn, contract_id, wanted)) if wanted else None
    parties = (await store.parties_of(conn, [(contract_id, wanted)]))[contract_id, wanted]
    steps = await store.steps_of(conn, contract_id, STEPS_MAX)
    indexes = await log.index_of(conn, _records(found, steps))
    line = (await board.lines_of(conn, today, [contract_id]))[contract_id]
    signatures = [one for one in found.signatures if one.version == wanted]
    return ContractView(
        line=_line(line),
        state_title=STATE_TITLES[shown(found.standing, today)],
        version=wanted,
        text=text,
        digest=found.heads[wanted].digest if wanted else None,
        parties=_parties(text, parties, signatures, indexes, reader),
        clauses=[clause_shown(one) for one in text.clauses] if text else [],
        versions=_versions(found, indexes),
        steps=[_step(one, indexes, reader) for one in steps],
        may=_may(found, by, today) if by else [],
        orphaned=found.standing.orphaned and found.standing.in_force > 0,
    )


def named_to(reader: Actor | None, person_id: str) -> str | None:
    """Return who acted, as far as a reader is told: offices all, everybody else themselves."""
    if reader is None:
        return None
    return person_id if "events:read" in reader.scopes or reader.person_id == person_id else None


def clause_shown(clause: ClauseText) -> ClauseShown:
    """Return a clause in words."""
    return ClauseShown(
        clause.id,
        ROLE_TITLES[clause.obligor],
        clause.text,
        promise_words(clause),
        clause.evidence,
        clause.grace_days,
        ROLE_TITLES[clause.confirmed_by],
        clause.source,
    )


def _version(found: Loaded) -> int:
    if found.standing.offer == "open":
        return found.row.last_version
    return found.standing.in_force or max(found.heads, default=0)


def _records(found: Loaded, steps: Iterable[StepRow]) -> list[UUID]:
    records = {head.record_id for head in found.heads.values()}
    records |= {one.record_id for one in found.signatures}
    return [*records, *(one.record_id for one in steps if one.record_id)]


def _line(row: LineRow) -> ContractLine:
    return ContractLine(
        str(row.id),
        row.title,
        row.kind,  # type: ignore[arg-type]
        row.state,  # type: ignore[arg-type]
        row.project,
        row.project_name,
        row.enterprise,
        row.enterprise_name,
        row.version,
        _day(row.from_on),
        _day(row.until_on),
        _day(row.offer_until),
        row.signed,
        row.needed,
        row.proposal,
        row.proposal_role,
    )


def _parties(
    text: ContractText | None,
    parties: Sequence[PartyRow],
    signatures: Iterable[SignatureRow],
    indexes: Mapping[UUID, int],
    reader: Actor | None,
) -> list[PartyShown]:
    titles: dict[str, str] = {}
    if text is not None:
        titles |= {one.role: one.title for one in text.parties}
        titles |= {one.role: one.title for one in text.open_roles}
    signed = {(one.scheme, one.party): one for one in signatures}
    return [
        PartyShown(
            one.role,
            titles.get(one.role, ROLE_TITLES[one.role]),
            one.scheme,
            one.party,
            one.name,
            one.needed,
            _signature(signed.get((one.scheme, one.party)), indexes, reader),
        )
        for one in parties
    ]


def _signature(
    one: SignatureRow | None, indexes: Mapping[UUID, int], reader: Actor | None
) -> SignatureShown | None:
    if one is None:
        return None
    index = indexes.get(one.record_id)
    return SignatureShown(
        one.kid,
        named_to(reader, one.person_id),
        rfc3339(one.signed_at),
        one.signed_at.astimezone(CHINA).date().isoformat(),
        str(one.record_id),
        index,
    )


def _versions(found: Loaded, indexes: Mapping[UUID, int]) -> list[VersionShown]:
    return [
        VersionShown(
            head.version,
            head.digest,
            str(head.record_id),
            indexes.get(head.record_id),
            rfc3339(head.frozen_at),
            head.frozen_at.astimezone(CHINA).date().isoformat(),
            head.from_on.isoformat(),
            head.until_on.isoformat(),
            head.offer_until.isoformat(),
        )
        for head in found.heads.values()
    ]


def _step(one: StepRow, indexes: Mapping[UUID, int], reader: Actor | None) -> StepShown:
    return StepShown(
        one.number,
        one.version,
        one.step,
        STEP_TITLES[one.step],
        one.role,
        one.party,
        one.on_day.isoformat(),
        one.reason,
        str(one.record_id) if one.record_id else None,
        indexes.get(one.record_id) if one.record_id else None,
        named_to(reader, one.person_id),
        rfc3339(one.at),
    )


def _may(found: Loaded, by: Belonging, today: date) -> list[May]:
    """Return what somebody with these scopes may do, or why not now."""
    may = []
    for act, scope in OFFERED.items():
        if scope not in by.actor.scopes:
            continue
        why = refusal(found.standing, act, by.side, today, association=by.association)
        if why is None and act == "sign":
            why = no_longer_right(found.named(found.version("sign")), found.project)
        may.append(May(act, ACTS[act], why))
    return may


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
