"""SQL of contracts: where they stand, drafts, texts, parties, signatures and steps."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from credit.kit.db import Connection
from credit.parties.projects import ProjectFacts, facts_of, facts_records

__all__ = [
    "ContractRow",
    "PartyRow",
    "SignatureRow",
    "StepRow",
    "VersionRow",
    "VoteRow",
    "WholeRow",
    "add_contracts",
    "add_parties",
    "add_steps",
    "bodies",
    "freeze",
    "lapsed",
    "load",
    "parties_of",
    "present_body",
    "put_standings",
    "steps_of",
    "turn",
    "whole",
]

_COLUMNS = """id, template, kind, title, project, enterprise, state, in_force, last_version, offer,
    offer_until, from_on, until_on, proposal, proposal_role, drafter_scheme, drafter, parties,
    duties_next, steps, created_at"""
# A list within a column of an unnested table is one text, a line each: arrays of arrays are flat.
_NEW = """unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::smallint[], $9::smallint[], $10::text[], $11::date[], $12::date[], $13::date[],
    $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::date[], $20::int[],
    $21::timestamptz[])"""
_LINES = "string_to_array(n.parties, chr(10))"
_NAMES = _COLUMNS.replace("parties", _LINES)
ADD_CONTRACTS = f"""
INSERT INTO contract ({_COLUMNS})
SELECT {_NAMES}
FROM {_NEW} AS n ({_COLUMNS})
"""
PUT_STANDINGS = f"""
UPDATE contract c SET enterprise = n.enterprise, state = n.state, in_force = n.in_force,
    last_version = n.last_version, offer = n.offer, offer_until = n.offer_until,
    from_on = n.from_on, until_on = n.until_on, proposal = n.proposal,
    proposal_role = n.proposal_role, drafter_scheme = n.drafter_scheme, drafter = n.drafter,
    parties = {_LINES}, duties_next = n.duties_next, steps = n.steps
FROM {_NEW} AS n ({_COLUMNS}) WHERE c.id = n.id
"""
LOAD = f"SELECT {_COLUMNS} FROM contract WHERE id = ANY($1)"
_HEAD = """contract_id, version, template_version, NULL::bytea, digest, files, record_id, from_on,
    until_on, offer_until, frozen_by, frozen_at"""
_PARTY = "contract_id, version, scheme, party, role, name, needed, place"
_SIGNATURE = """contract_id, version, scheme, party, role, kid, signature, record_id, person_id,
    signed_at"""


def _whole(more: str = "", tail: str = "") -> str:
    """Return the SQL of contracts with all that decisions about them need; who left, of a pact."""
    return f"""
SELECT {more} {_COLUMNS},
    ARRAY(SELECT ({_HEAD}) FROM contract_version v WHERE v.contract_id = c.id ORDER BY version)
        AS heads,
    ARRAY(SELECT ({_PARTY}) FROM contract_party p
        WHERE p.contract_id = c.id AND p.version IN (c.last_version, c.in_force)
        ORDER BY version, place) AS party_rows,
    ARRAY(SELECT ({_SIGNATURE}) FROM contract_signature s WHERE s.contract_id = c.id
        ORDER BY version, signed_at, party) AS signatures,
    ARRAY(SELECT (p.scheme, p.party) FROM contract_step t
        JOIN contract_party p USING (contract_id, version, party)
        WHERE c.kind = 'pact' AND t.contract_id = c.id AND t.step = 'left'
            AND t.version = c.in_force) AS leavers,
    ARRAY({facts_records("ARRAY[c.project]", "$2::date")}) AS projects
FROM contract c WHERE id = ANY($1) {tail}
"""


WHOLE = _whole()
# The same with the rows held, in the order of their ids. A row that somebody else held is read anew
# once it is free, but what stands in other tables is as it was before the wait: then the row counts
# more steps than were seen.
HELD = _whole(
    "(SELECT max(number) FROM contract_step t WHERE t.contract_id = c.id) AS steps_seen,",
    "ORDER BY id FOR UPDATE OF c",
)
# Offers nobody may sign any more, for which somebody is still waited.
LAPSED = """
SELECT c.id FROM contract c
WHERE c.offer = 'open' AND c.offer_until < $1
    AND EXISTS (SELECT FROM term t WHERE t.matter_id = c.id AND t.closed_at IS NULL)
ORDER BY c.id LIMIT $2
"""
BODIES = """
SELECT v.contract_id, v.version, v.body FROM contract_version v
JOIN unnest($1::uuid[], $2::smallint[]) AS w (contract_id, version) USING (contract_id, version)
"""
ADD_PARTIES = f"""
INSERT INTO contract_party ({_PARTY})
SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::bool[], $8::int[])
"""
PRESENT_BODY = """
SELECT coalesce(v.body, ''::bytea) FROM contract c
LEFT JOIN contract_version v ON v.contract_id = c.id
    AND v.version = CASE WHEN c.in_force > 0 THEN c.in_force ELSE c.last_version END
WHERE c.id = $1
"""
PARTIES_OF = """
SELECT p.contract_id, p.version, p.scheme, p.party, p.role, p.name, p.needed, p.place
FROM contract_party p
JOIN unnest($1::uuid[], $2::smallint[]) AS w (contract_id, version) USING (contract_id, version)
ORDER BY p.contract_id, p.version, p.place
"""
_STEP = """contract_id, number, version, step, role, party, on_day, reason, record_id, person_id,
    at"""
ADD_STEPS = f"""
INSERT INTO contract_step ({_STEP})
SELECT * FROM unnest($1::uuid[], $2::int[], $3::smallint[], $4::text[], $5::text[], $6::text[],
    $7::date[], $8::text[], $9::uuid[], $10::text[], $11::timestamptz[])
"""
# Where contracts stand, together with the steps that led there.
_TURNED = f"""
stepped AS (
    INSERT INTO contract_step ({_STEP})
    SELECT * FROM unnest($22::uuid[], $23::int[], $24::smallint[], $25::text[], $26::text[],
        $27::text[], $28::date[], $29::text[], $30::uuid[], $31::text[], $32::timestamptz[])),
turned AS ({PUT_STANDINGS})
"""
# The same with the signatures that did it.
TURN = f"""
WITH signed AS (
    INSERT INTO contract_signature ({_SIGNATURE})
    SELECT * FROM unnest($33::uuid[], $34::smallint[], $35::text[], $36::text[], $37::text[],
        $38::text[], $39::bytea[], $40::uuid[], $41::text[], $42::timestamptz[])
    ON CONFLICT DO NOTHING RETURNING record_id),
{_TURNED}
SELECT record_id FROM signed
"""
# The same with a frozen text in the place of its draft, its parties and the votes it rests on.
FREEZE = f"""
WITH drafted AS (DELETE FROM contract_draft WHERE contract_id = ANY($33::uuid[])),
named AS (
    INSERT INTO contract_party ({_PARTY})
    SELECT * FROM unnest($45::uuid[], $46::smallint[], $47::text[], $48::text[], $49::text[],
        $50::text[], $51::bool[], $52::int[])),
voted AS (
    INSERT INTO owner_vote (contract_id, version, matter, held_on, persons, persons_part,
        persons_favour, area, area_part, area_favour, filing, tally)
    SELECT * FROM unnest($53::uuid[], $54::smallint[], $55::text[], $56::date[], $57::bigint[],
        $58::bigint[], $59::bigint[], $60::bigint[], $61::bigint[], $62::bigint[], $63::text[],
        $64::text[])),
{_TURNED}
INSERT INTO contract_version (contract_id, version, template_version, body, digest, files,
    record_id, from_on, until_on, offer_until, frozen_by, frozen_at)
SELECT n.id, n.version, n.template, n.body, n.digest, string_to_array(n.files, chr(10)), n.record,
    n.from_on, n.until_on, n.offer_until, n.by, n.at
FROM unnest($33::uuid[], $34::smallint[], $35::text[], $36::bytea[], $37::text[], $38::text[],
    $39::uuid[], $40::date[], $41::date[], $42::date[], $43::text[], $44::timestamptz[])
    AS n (id, version, template, body, digest, files, record, from_on, until_on, offer_until, by,
        at)
"""
STEPS_OF = f"""
SELECT {_STEP} FROM contract_step WHERE contract_id = $1 ORDER BY number DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class ContractRow:
    """A contract as stored: version 0 in force is none, `steps` is the last step's number."""

    id: UUID
    template: str
    kind: str
    title: str
    project: str | None
    enterprise: str | None
    state: str
    in_force: int
    last_version: int
    offer: str | None
    offer_until: date | None
    from_on: date | None
    until_on: date | None
    proposal: str | None
    proposal_role: str | None
    drafter_scheme: str
    drafter: str
    parties: tuple[str, ...]
    duties_next: date | None
    steps: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A frozen text; `body` is None where only its head was asked for.

    `files` are the digests of everything that belongs to it: attachments and tally sheets.
    """

    contract_id: UUID
    version: int
    template_version: str
    body: bytes | None
    digest: str
    files: tuple[str, ...]
    record_id: UUID
    from_on: date
    until_on: date
    offer_until: date
    frozen_by: str
    frozen_at: datetime


@dataclass(frozen=True, slots=True)
class PartyRow:
    """A party of a version."""

    contract_id: UUID
    version: int
    scheme: str
    party: str
    role: str
    name: str
    needed: bool
    place: int


@dataclass(frozen=True, slots=True)
class SignatureRow:
    """A signature of a version."""

    contract_id: UUID
    version: int
    scheme: str
    party: str
    role: str
    kid: str
    signature: bytes
    record_id: UUID
    person_id: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class WholeRow:
    """A contract with its texts' heads, the parties of the newest version and of the one in force,
    every signature, who has left what is in force (scheme and code), and its project on a day.
    """

    row: ContractRow
    heads: tuple[VersionRow, ...]
    parties: tuple[PartyRow, ...]
    signatures: tuple[SignatureRow, ...]
    leavers: tuple[tuple[str, str], ...]
    project: ProjectFacts | None


@dataclass(frozen=True, slots=True)
class StepRow:
    """Something that happened to a contract."""

    contract_id: UUID
    number: int
    version: int
    step: str
    role: str | None
    party: str | None
    on_day: date
    reason: str | None
    record_id: UUID | None
    person_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class VoteRow:
    """A passed vote."""

    contract_id: UUID
    version: int
    matter: str
    held_on: date
    persons: int
    persons_part: int
    persons_favour: int
    area: int
    area_part: int
    area_favour: int
    filing: str | None
    tally: str


async def add_contracts(conn: Connection, rows: Sequence[ContractRow]) -> None:
    """Store new contracts."""
    await conn.execute(ADD_CONTRACTS, *_contract_columns(rows))


async def put_standings(conn: Connection, rows: Sequence[ContractRow]) -> None:
    """Store where contracts stand now; the caller holds their rows."""
    await conn.execute(PUT_STANDINGS, *_contract_columns(rows))


async def turn(
    conn: Connection,
    rows: Sequence[ContractRow],
    steps: Sequence[StepRow],
    signatures: Sequence[SignatureRow] = (),
) -> set[UUID]:
    """Store where contracts stand now, and the steps and signatures that led there; the caller
    holds their rows. Returns the records of those signatures that were not there in any form.

    A step's number that is there already violates the key.
    """
    found = await conn.fetch(
        TURN,
        *_contract_columns(rows),
        *_columns(StepRow, steps),
        *_columns(SignatureRow, signatures),
    )
    return {row["record_id"] for row in found}


async def load(conn: Connection, ids: Collection[UUID]) -> dict[UUID, ContractRow]:
    """Load contracts."""
    return {row["id"]: _contract(row) for row in await conn.fetch(LOAD, list(ids))}


async def lapsed(conn: Connection, on: date, limit: int) -> list[UUID]:
    """Return contracts whose offer is over on a day and whose terms are still open."""
    return [row["id"] for row in await conn.fetch(LAPSED, on, limit)]


async def whole(
    conn: Connection, ids: Collection[UUID], on: date, *, hold: bool = False
) -> dict[UUID, WholeRow]:
    """Load contracts with all that decisions about them on a day need; with `hold`, let nobody else
    move them before the transaction ends.
    """
    rows = await conn.fetch(HELD if hold else WHOLE, list(ids), on)
    if hold and any(row["steps"] != row["steps_seen"] for row in rows):
        rows = await conn.fetch(WHOLE, list(ids), on)
    names = [field.name for field in fields(ContractRow)]
    return {
        found["id"]: WholeRow(
            _contract({name: found[name] for name in names}),
            tuple(_head(one) for one in found["heads"]),
            tuple(PartyRow(*one) for one in found["party_rows"]),
            tuple(SignatureRow(*one) for one in found["signatures"]),
            tuple((one[0], one[1]) for one in found["leavers"]),
            next(map(facts_of, found["projects"]), None),
        )
        for found in rows
    }


async def freeze(
    conn: Connection,
    rows: Sequence[ContractRow],
    steps: Sequence[StepRow],
    versions: Sequence[VersionRow],
    parties: Sequence[PartyRow],
    votes: Sequence[VoteRow],
) -> None:
    """Store frozen texts in the place of their drafts, their parties, and their passed votes; and
    where their contracts stand now, as `turn` does.
    """
    columns = _columns(VersionRow, versions)
    place = [field.name for field in fields(VersionRow)].index("files")
    columns[place] = ["\n".join(row.files) for row in versions]
    await conn.execute(
        FREEZE,
        *_contract_columns(rows),
        *_columns(StepRow, steps),
        *columns,
        *_columns(PartyRow, parties),
        *_columns(VoteRow, votes),
    )


async def bodies(
    conn: Connection, wanted: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], bytes]:
    """Return the canonical texts of versions."""
    rows = await conn.fetch(BODIES, [one for one, _ in wanted], [version for _, version in wanted])
    return {(row[0], row[1]): row[2] for row in rows}


async def present_body(conn: Connection, contract_id: UUID) -> bytes | None:
    """Return the canonical text of the version in force, else of the newest, empty where none is
    frozen; None without such a contract.
    """
    body: bytes | None = await conn.fetchval(PRESENT_BODY, contract_id)
    return body


async def add_parties(conn: Connection, rows: Sequence[PartyRow]) -> None:
    """Store the parties of versions."""
    await conn.execute(ADD_PARTIES, *_columns(PartyRow, rows))


async def parties_of(
    conn: Connection, wanted: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], list[PartyRow]]:
    """Return the parties of versions, in the text's order, by (contract, version)."""
    found: dict[tuple[UUID, int], list[PartyRow]] = {one: [] for one in wanted}
    rows = await conn.fetch(
        PARTIES_OF, [one for one, _ in wanted], [version for _, version in wanted]
    )
    for row in rows:
        found[row[0], row[1]].append(PartyRow(*row))
    return found


async def add_steps(conn: Connection, rows: Sequence[StepRow]) -> None:
    """Store steps; a number that is there already violates the key."""
    await conn.execute(ADD_STEPS, *_columns(StepRow, rows))


async def steps_of(conn: Connection, contract_id: UUID, limit: int) -> list[StepRow]:
    """Return a contract's steps, the newest first."""
    return [StepRow(*row) for row in await conn.fetch(STEPS_OF, contract_id, limit)]


def _contract_columns(rows: Sequence[ContractRow]) -> list[list[Any]]:
    columns = _columns(ContractRow, rows)
    place = [field.name for field in fields(ContractRow)].index("parties")
    columns[place] = ["\n".join(row.parties) for row in rows]
    return columns


def _columns(kind: type[Any], rows: Sequence[Any]) -> list[list[Any]]:
    return [[getattr(row, field.name) for row in rows] for field in fields(kind)]


def _head(row: Any) -> VersionRow:
    head = VersionRow(*row)
    return replace(head, files=tuple(head.files))


def _contract(row: Any) -> ContractRow:
    return ContractRow(**{**row, "parties": tuple(row["parties"])})
