"""Use cases of drafts: writing one, changing it, beginning a new version, throwing one away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from credit.access import organisations
from credit.access.logic import require
from credit.access.views import Actor
from credit.contracts import store
from credit.contracts.drafts import store as drafts_store
from credit.contracts.logic.drafts import (
    OFFICE_KINDS,
    PARTY_KINDS,
    Known,
    draft_faults,
    draft_of,
    role_is_open,
)
from credit.contracts.logic.machine import Act, after, refusal
from credit.contracts.service.places import outside, refuse_outside
from credit.contracts.service.standing import (
    Belonging,
    Loaded,
    belonging_of,
    find_belonging,
    load,
    read_text,
    refuse_unseen,
    row_after,
)
from credit.contracts.store import ContractRow, StepRow
from credit.contracts.views import ContractDraft
from credit.events import service as events
from credit.kit.blobs import Blob
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, FieldError, Invalid, NotFound
from credit.kit.ids import new_id
from credit.kit.texts import say
from credit.parties import projects
from credit.rules.pack import Pack
from credit.rules.promises import ContractTemplate
from credit.terms import service as terms

__all__ = [
    "DRAFTS_MAX",
    "Option",
    "amend",
    "choices",
    "discard",
    "draft",
    "keep_file",
    "known_of",
    "open_draft",
    "redraft",
    "refused",
    "template_of",
]

DRAFTS_MAX = 500
DRAFTING = "contracts:draft"
PARTIES = frozenset({"enterprise", "committee"})


@dataclass(frozen=True, slots=True)
class Option:
    """Somebody who may take a role; not `ready` is who has no account here to sign with."""

    id: str
    name: str
    ready: bool


async def draft(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, drafts: Sequence[ContractDraft]
) -> list[UUID]:
    """Store drafts of new contracts, all or none; returns their ids in order.

    An officer drafts for others, an enterprise or a committee what it is a party of itself. Refuses
    with every fault under `items[i]`.
    """
    require(actor, DRAFTING)
    if not 0 < len(drafts) <= DRAFTS_MAX:
        raise Invalid(say("一次 1 到 %(drafts_max)s 份，请分批。", drafts_max=DRAFTS_MAX))
    drafter = belonging_of(actor)
    named = {one.project for one in drafts if one.project}
    facts = await projects.project_facts(conn, named, clock.today())
    known = await known_of(conn, actor, drafts, facts)
    outlying = await outside(conn, actor, [one.project for one in drafts], clock.today())
    faults: list[FieldError] = []
    rows: list[ContractRow] = []
    for position, (one, knows) in enumerate(zip(drafts, known, strict=True)):
        template = template_of(pack, one.template, clock.today())
        found = draft_faults(template, one, knows, today=clock.today())
        found += _foreign(drafter, one)
        if one.project in outlying:
            found.append(FieldError("project", outlying[one.project]))
        faults += [FieldError(f"items[{position}].{f.field}", f.message) for f in found]
        rows.append(_new_row(clock, template, one, drafter))
    if faults:
        raise refused(faults)
    now = clock.now()
    await store.add_contracts(conn, rows)
    contents = zip(rows, drafts, strict=True)
    party = drafter.office.party
    await drafts_store.add_drafts(
        conn,
        [(row.id, 1, _content(one), party, actor.person_id) for row, one in contents],
        now,
    )
    await store.add_steps(conn, [_step(row, 1, "drafted", drafter, clock) for row in rows])
    return [row.id for row in rows]


async def redraft(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    contract_id: UUID,
    content: ContractDraft,
    *,
    revision: int,
) -> int:
    """Replace an open draft that stands at `revision`; returns the new revision.

    Template and project stay. Refuses what `draft` refuses, and a draft that somebody changed.
    """
    require(actor, DRAFTING)
    found, drafter = await _held(conn, clock, actor, contract_id, "edit")
    row = found.row
    if (content.template, content.project) != (row.template, row.project):
        raise Conflict(say("草稿不能换模板或项目。请作废这份草稿，另外起草。"), slug="draft-fixed")
    rows = (await drafts_store.drafts(conn, [contract_id])).values()
    stored = [msgspec.json.decode(one.content, type=ContractDraft) for one in rows]
    facts = {found.project.code: found.project} if found.project else {}
    (known,) = await known_of(conn, actor, [content], facts, stored=stored)
    template = template_of(pack, content.template, clock.today())
    faults = draft_faults(
        template, content, known, today=clock.today(), keeps_from=_kept_from(found)
    )
    faults += _foreign(drafter, content)
    if faults:
        raise refused(faults)
    new = await drafts_store.put_draft(
        conn, contract_id, revision, _content(content), by=actor.person_id, now=clock.now()
    )
    if new is None:
        raise Conflict(say("同事刚刚改过这份草稿，请刷新后重新修改。"), slug="entered-meanwhile")
    if not row.in_force:
        enterprise = next((one.id for one in content.parties if one.role == "enterprise"), None)
        await store.put_standings(conn, [row_after(row, found.standing, enterprise=enterprise)])
    return new


async def amend(conn: Connection, clock: Clock, actor: Actor, pack: Pack, contract_id: UUID) -> int:
    """Begin the draft of a new version from the newest text, in the place of an offer that lapsed
    where there is one; returns the version.
    """
    require(actor, DRAFTING)
    found, drafter = await _held(conn, clock, actor, contract_id, "amend")
    row = found.row
    newest = max(found.heads, default=0)
    if not newest:
        raise Conflict(say("这份契约从未定稿，请另外起草。"), slug="never-frozen")
    body = (await store.bodies(conn, [(row.id, newest)]))[row.id, newest]
    content = draft_of(read_text(body), template_of(pack, row.template, clock.today()))
    standing = after(found.standing, "amend", drafter.side)
    await drafts_store.add_drafts(
        conn,
        [(row.id, standing.last, _content(content), drafter.office.party, actor.person_id)],
        clock.now(),
    )
    if found.standing.offer == "open":  # it lapsed, and nobody signs it any more
        await terms.close_terms(conn, clock, [row.id])
    await _follow(conn, clock, found, "amended", drafter, standing.last)
    return standing.last


async def discard(conn: Connection, clock: Clock, actor: Actor, contract_id: UUID) -> None:
    """Throw an open draft away."""
    require(actor, DRAFTING)
    found, drafter = await _held(conn, clock, actor, contract_id, "discard")
    await drafts_store.drop_drafts(conn, [contract_id])
    await _follow(conn, clock, found, "discarded", drafter, found.row.last_version)


async def open_draft(
    conn: Connection, actor: Actor, contract_id: UUID
) -> tuple[int, int, ContractDraft]:
    """Return the open draft of a contract as (version, revision, content), to its drafter alone.

    A party's session finds none but its own; an office is asked whose draft it is.
    """
    require(actor, DRAFTING)
    row = (await drafts_store.drafts(conn, [contract_id])).get(contract_id)
    if row is None or (actor.party is None and not await _drafts(conn, actor, contract_id)):
        raise NotFound(say("这份契约没有草稿，或者草稿由别的单位起草。"))
    return row.version, row.revision, msgspec.json.decode(row.content, type=ContractDraft)


async def choices(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    template: str,
    project: str | None,
) -> dict[str, list[Option]]:
    """Return who may take each role of a template for a project today, to choose from in a form.

    Roles that members take by signing have nobody to choose. Raises NotFound for an unknown project.
    """
    require(actor, DRAFTING)
    found = template_of(pack, template, clock.today())
    facts = await projects.project_facts(conn, [project] if project else [], clock.today())
    if project is not None and project not in facts:
        raise NotFound(say("登记册里没有这个项目。请核对编号。"))
    known = facts.get(project or "")
    named: dict[str, list[tuple[str, str]]] = {}
    if known is not None:
        named["committee"] = [(one.code, one.name) for one in known.committees]
        named["owners"] = [(known.code, f"{known.name}全体业主")]
        if known.enterprise is not None:
            named["enterprise"] = [(known.enterprise, known.enterprise_name or "")]
    wanted = [(PARTY_KINDS[role], code) for role, ones in named.items() for code, _ in ones]
    standing = await organisations.standing_for(conn, wanted)
    options: dict[str, list[Option]] = {}
    for role in found.parties:
        if role_is_open(role):
            continue
        if role.role in OFFICE_KINDS:
            offices = await organisations.find_offices(conn, OFFICE_KINDS[role.role], "")
            options[role.role] = [Option(one.id, one.name, ready=True) for one in offices]
            continue
        kind = PARTY_KINDS[role.role]
        options[role.role] = [
            Option(code, name, ready=(kind, code) in standing)
            for code, name in named.get(role.role, ())
        ]
    return options


async def keep_file(conn: Connection, clock: Clock, actor: Actor, blob: Blob) -> None:
    """Note a file that was kept on disk: an attachment, a tally sheet, a proof of performance."""
    if not actor.scopes.intersection({DRAFTING, "contracts:perform", "contracts:inspect"}):
        require(actor, DRAFTING)
    await events.keep_held(conn, clock, actor, blob)


async def known_of(
    conn: Connection,
    actor: Actor,
    drafts: Sequence[ContractDraft],
    facts: Mapping[str, projects.ProjectFacts],
    *,
    stored: Sequence[ContractDraft] = (),
) -> list[Known]:
    """Return for each draft what is known of whom and what it names; `facts` are its project's.

    Of files that is what the actor's side uploaded, and what the `stored` drafts name already.
    """
    choices = [choice for one in drafts for choice in one.parties]
    standing = await organisations.standing_for(
        conn, [(PARTY_KINDS[one.role], one.id) for one in choices if one.role in PARTY_KINDS]
    )
    offices = await organisations.offices(
        conn, {one.id for one in choices if one.role in OFFICE_KINDS}
    )
    files = await events.usable_evidence(conn, actor, _digests(drafts), _digests(stored))
    return [Known(facts.get(one.project or ""), standing, offices, files) for one in drafts]


def template_of(pack: Pack, name: str, on: date) -> ContractTemplate:
    """Return a template of the pack as it stands on a day; refuses an unknown one."""
    found = pack.on(on).contracts.get(name)
    if found is None:
        raise Invalid(
            say(
                "规则包 %(id)s 没有契约模板“%(name)s”。请从列表中选择。", id=pack.head.id, name=name
            )
        )
    return found


def refused(faults: Sequence[FieldError]) -> Conflict:
    """Return the refusal of a draft with all its faults."""
    return Conflict(
        say(
            "契约有 %(faults)s 处不符合要求：%(message)s",
            faults=len(faults),
            message=faults[0].message,
        ),
        slug="contract-refused",
        errors=tuple(faults),
    )


def _digests(drafts: Sequence[ContractDraft]) -> set[str]:
    digests = {ref.digest for one in drafts for ref in one.attachments}
    return digests | {vote.tally.digest for one in drafts for vote in one.votes}


async def _drafts(conn: Connection, actor: Actor, contract_id: UUID) -> bool:
    """Say whether an office drafts a contract's open version."""
    by, row = find_belonging(actor), (await store.load(conn, [contract_id]))
    drafted = row[contract_id]
    return by is not None and by.side == (drafted.drafter_scheme, drafted.drafter)


async def _held(
    conn: Connection, clock: Clock, actor: Actor, contract_id: UUID, act: Act
) -> tuple[Loaded, Belonging]:
    """Hold a contract of which the actor may do something with its draft."""
    drafter = belonging_of(actor)
    found = (await load(conn, [contract_id], clock.today(), lock=True))[contract_id]
    refuse_unseen(found.row, drafter)
    await refuse_outside(conn, actor, [found.row.project], clock.today())
    why = refusal(found.standing, act, drafter.side, clock.today(), association=drafter.association)
    if why is not None:
        raise Conflict(why, slug="not-now")
    return found, drafter


async def _follow(
    conn: Connection, clock: Clock, found: Loaded, step: str, drafter: Belonging, version: int
) -> None:
    acts: Mapping[str, Act] = {"amended": "amend", "discarded": "discard"}
    standing = after(found.standing, acts[step], drafter.side)
    row = row_after(found.row, standing, steps=found.row.steps + 1)
    await store.turn(conn, [row], [_step(row, version, step, drafter, clock)])


def _kept_from(found: Loaded) -> str | None:
    """Return the first day an amendment keeps: that of the version in force."""
    return found.row.from_on.isoformat() if found.row.in_force and found.row.from_on else None


def _foreign(drafter: Belonging, content: ContractDraft) -> list[FieldError]:
    """Refuse a party that drafts what it is no party of."""
    kind, code = drafter.office.kind, drafter.office.party
    if code is None:
        return []
    own = {(PARTY_KINDS.get(one.role), one.id) for one in content.parties}
    if kind not in PARTIES or (kind, code) not in own:
        return [FieldError("parties", say("企业和业主委员会只能起草自己是当事方的契约。"))]
    return []


def _content(content: ContractDraft) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(content)
    return plain


def _new_row(
    clock: Clock, template: ContractTemplate, content: ContractDraft, drafter: Belonging
) -> ContractRow:
    enterprise = next((one.id for one in content.parties if one.role == "enterprise"), None)
    code = drafter.office.party
    return ContractRow(
        id=new_id(clock.now()),
        template=template.id,
        kind=template.kind,
        title=template.title,
        project=content.project,
        enterprise=enterprise,
        state="draft",
        in_force=0,
        last_version=1,
        offer="draft",
        offer_until=None,
        from_on=None,
        until_on=None,
        proposal=None,
        proposal_role=None,
        drafter_scheme=drafter.side.scheme,
        drafter=drafter.side.id,
        parties=(code,) if code else (),
        duties_next=None,
        steps=1,
        created_at=clock.now(),
    )


def _step(row: ContractRow, version: int, step: str, by: Belonging, clock: Clock) -> StepRow:
    return StepRow(
        row.id,
        row.steps,
        version,
        step,
        None,
        by.side.id,
        clock.today(),
        None,
        None,
        by.actor.person_id,
        clock.now(),
    )
