"""Contracts as they stand: rows put together for the pure decisions, and who asks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import msgspec

from credit.access.views import Actor, Organisation
from credit.contracts import store
from credit.contracts.logic.drafts import open_roles_of, side_of
from credit.contracts.logic.machine import Act, Proposal, Standing, on_offer
from credit.contracts.logic.records import Named, Open, Reference, Side, subjects_of
from credit.contracts.store import ContractRow, PartyRow, SignatureRow, VersionRow, WholeRow
from credit.contracts.views import ContractText
from credit.kit.db import Connection
from credit.kit.errors import Forbidden, NotFound
from credit.kit.texts import say
from credit.parties.projects import ProjectFacts

__all__ = [
    "Belonging",
    "Loaded",
    "belonging_of",
    "find_belonging",
    "load",
    "read_text",
    "refuse_unseen",
    "row_after",
]


@dataclass(frozen=True, slots=True)
class Belonging:
    """Somebody with the organisation they act for, and how the log names that."""

    actor: Actor
    office: Organisation
    side: Side

    @property
    def association(self) -> bool:
        """Whether they act for the association."""
        return self.office.kind == "association"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A contract with what decisions about it need.

    `heads` and `parties` are by version; parties are those of the offer and of what is in force,
    members that took an open role included.
    """

    row: ContractRow
    standing: Standing
    heads: Mapping[int, VersionRow]
    parties: Mapping[int, Sequence[PartyRow]]
    signatures: Sequence[SignatureRow]
    project: ProjectFacts | None

    def version(self, act: Act) -> int:
        """Return the version an act is about: the offer, or the one in force."""
        offered = on_offer(self.standing, act)
        return self.row.last_version if offered else self.standing.in_force

    def named(self, version: int) -> tuple[Named, ...]:
        """Return the parties that a version names."""
        return _named(self.parties.get(version, ()), self.standing.open_roles)

    def reference(self, version: int) -> Reference:
        """Name a text, as records do."""
        return Reference(str(self.row.id), version, self.heads[version].digest)

    def subjects(self, version: int, side: Side) -> list[dict[str, str]]:
        """Return in whose chains a record of a side stands; a member's in the member's own."""
        named = self.named(version)
        if self.row.project or any(one.side == side for one in named):
            return subjects_of(named, self.row.project)
        return [{"id": side.id, "scheme": side.scheme}]


def read_text(body: bytes) -> ContractText:
    """Read a frozen text."""
    return msgspec.json.decode(body, type=ContractText)


def find_belonging(actor: Actor) -> Belonging | None:
    """Return whom somebody acts for; None for who belongs to no organisation, and only reads."""
    office = actor.belongs_to
    return Belonging(actor, office, side_of(office)) if office else None


def belonging_of(actor: Actor) -> Belonging:
    """Return whom somebody acts for; refuses who belongs to no organisation."""
    found = find_belonging(actor)
    if found is None:
        raise Forbidden(
            say("您的账号还没有归属单位，不能办理契约。请联系管理员，在“人员”里登记您的单位。"),
            slug="no-organisation",
        )
    return found


async def load(
    conn: Connection, ids: Collection[UUID], on: date, *, lock: bool = False
) -> dict[UUID, Loaded]:
    """Load contracts as they stand on a day; with `lock` their rows are held.

    Raises NotFound for one that is not there, or that a party's session may not see.
    """
    wanted = list(dict.fromkeys(ids))
    rows = await store.whole(conn, wanted, on, hold=lock)
    if len(rows) != len(wanted):
        raise NotFound(say("没有这份契约，或者它与您的单位无关。"))
    pacts = [
        (one.row.id, head.version)
        for one in rows.values()
        if one.row.kind == "pact"
        for head in one.heads
        if head.version in (one.row.last_version, one.row.in_force)
    ]
    texts = await store.bodies(conn, pacts) if pacts else {}
    roles = {one: open_roles_of(read_text(body)) for one, body in texts.items()}
    return {one: _loaded(rows[one], roles) for one in wanted}


def refuse_unseen(row: ContractRow, by: Belonging) -> None:
    """Refuse a contract to a party that is in it nowhere, as if it were not there."""
    code = by.office.party
    offered = row.kind == "pact" and row.state not in ("draft", "refused", "withdrawn")
    if code is not None and code not in row.parties and not offered:
        raise NotFound(say("没有这份契约，或者它与您的单位无关。"))


def row_after(row: ContractRow, standing: Standing, **more: object) -> ContractRow:
    """Return a contract's row as it is to be stored where the contract stands so."""
    proposal = standing.proposal
    values = {name: getattr(row, name) for name in ContractRow.__dataclass_fields__} | {
        "state": standing.state,
        "in_force": standing.in_force,
        "last_version": standing.last,
        "offer": standing.offer,
        "offer_until": standing.offer_until,
        "until_on": standing.until_on,
        "proposal": proposal.step if proposal else None,
        "proposal_role": proposal.role if proposal else None,
        "drafter_scheme": standing.drafter.scheme,
        "drafter": standing.drafter.id,
    }
    return ContractRow(**{**values, **more})


def _named(parties: Iterable[PartyRow], open_roles: Iterable[Open]) -> tuple[Named, ...]:
    taken = {one.role for one in open_roles}
    return tuple(
        Named(one.role, Side(one.scheme, one.party), one.needed)
        for one in parties
        if one.role not in taken
    )


def _loaded(whole: WholeRow, roles: Mapping[tuple[UUID, int], tuple[Open, ...]]) -> Loaded:
    row, signatures, project = whole.row, whole.signatures, whole.project
    heads = {head.version: head for head in whole.heads}
    parties: dict[int, list[PartyRow]] = {}
    for one in whole.parties:
        parties.setdefault(one.version, []).append(one)
    offered = row.offer == "open"
    open_roles = roles.get((row.id, row.last_version if offered else row.in_force), ())
    left = frozenset(Side(*side) for side in whole.leavers)
    standing = Standing(
        pact=row.kind == "pact",
        state=row.state,  # type: ignore[arg-type]
        in_force=row.in_force,
        last=row.last_version,
        drafter=Side(row.drafter_scheme, row.drafter),
        offer=row.offer,  # type: ignore[arg-type]
        offer_until=row.offer_until,
        offer_term=heads[row.last_version].until_on if offered else None,
        until_on=row.until_on,
        parties=_named(parties.get(row.last_version, ()), open_roles) if offered else (),
        open_roles=open_roles,
        signed=_signers(signatures, row.last_version) if offered else frozenset(),
        bound=frozenset(
            Named(one.role, Side(one.scheme, one.party), needed=False)
            for one in signatures
            if one.version == row.in_force and (one.scheme, one.party) not in left
        ),
        left=left,
        proposal=Proposal(row.proposal, row.proposal_role or "") if row.proposal else None,
        orphaned=project is not None and row.enterprise != project.enterprise,
    )
    return Loaded(row, standing, heads, parties, signatures, project)


def _signers(signatures: Iterable[SignatureRow], version: int) -> frozenset[Side]:
    return frozenset(Side(one.scheme, one.party) for one in signatures if one.version == version)
