"""SQL of participation as it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from credit.kit.db import Connection

__all__ = [
    "Attended", "Deed", "Posted", "Spent", "attended", "deed", "deeds", "known", "posted_member", "postings",
    "spent",
]  # fmt: skip

_DEED = """
SELECT p.id, p.member, p.rule, p.quantity, p.points, p.participated_on, p.source, p.evidence, p.flags,
    p.state, p.entered_by, p.decided_by, p.decided_at, p.reason, p.available_on, p.reversed_at, p.transfer
FROM participation p
"""
DEEDS = f"""
{_DEED}
WHERE p.member = $1
    AND ($2::uuid IS NULL
        OR (p.participated_on, p.id) < (SELECT o.participated_on, o.id FROM participation o WHERE o.id = $2))
ORDER BY p.participated_on DESC, p.id DESC LIMIT $3
"""
DEED = f"{_DEED} WHERE p.id = $1"
COUNTS = """
SELECT (SELECT count(*) FROM participation WHERE member = $1),
    (SELECT count(*) FROM point_transfer WHERE debit = $2)
    + (SELECT count(*) FROM point_transfer WHERE credit = $2)
"""
# What a community made public of a month: member by member along their own index, since others'
# participation of that month is much more.
POSTINGS = """
SELECT s.*, n.key, n.name
FROM (
    SELECT p.id, p.participated_on, p.rule, p.points, p.state, p.available_on, m.kind,
        m.minor_until > p.participated_on AS minor, m.id AS member
    FROM member m CROSS JOIN LATERAL (
        SELECT * FROM participation o
        WHERE o.member = m.id AND o.participated_on >= $2 AND o.participated_on < $3
            AND o.state IN ('pending', 'granted') AND o.points > 0
        OFFSET 0
    ) p
    WHERE m.division = $1
        AND ($4::uuid IS NULL
            OR (p.participated_on, p.id) < (SELECT c.participated_on, c.id FROM participation c WHERE c.id = $4))
    ORDER BY p.participated_on DESC, p.id DESC LIMIT $5
) s LEFT JOIN LATERAL (
    SELECT k.sealed AS key, v.sealed AS name FROM vault_key k
    JOIN vault_value v ON v.subject = k.subject AND v.field = 'name' WHERE k.subject = s.member OFFSET 0
) n ON true
ORDER BY s.participated_on DESC, s.id DESC
"""
# Of whom somebody speaks who names a posting by the end of its number.
POSTED_MEMBER = """
SELECT member FROM participation
WHERE participated_on >= $2 AND right(id::text, 12) = $1 AND state IN ('pending', 'granted')
ORDER BY participated_on DESC LIMIT 1
"""
ATTENDED = """
SELECT t.activity, a.title, a.place, t.signed_in_at, t.signed_out_at, t.entered_by IS NOT NULL
FROM attendance t JOIN activity a ON a.id = t.activity
WHERE t.member = $1 ORDER BY t.signed_in_at DESC, t.activity LIMIT $2
"""
# Merchants and offers that are over are named, too: whoever spent points there did so.
SPENT = """
SELECT t.id, t.at, h.until, m.code, m.name, o.id, o.title, h.amount, h.captured, h.returned, h.refunded
FROM point_transfer t JOIN point_hold h ON h.id = t.id
LEFT JOIN merchant m ON m.account = h.beneficiary LEFT JOIN offer o ON o.id = t.about
WHERE t.debit = $1 AND t.kind = 'hold' ORDER BY t.id DESC LIMIT $2
"""
# Which of some claims somebody entered before; each is answered by its place.
KNOWN = """
SELECT i.place::integer FROM unnest($1::text[], $2::text[], $3::date[], $4::text[])
    WITH ORDINALITY AS i (member, rule, participated_on, evidence, place)
WHERE EXISTS (
    SELECT FROM participation o
    WHERE o.member = i.member AND o.participated_on = i.participated_on AND o.rule = i.rule
        AND o.evidence = i.evidence AND o.state NOT IN ('refused', 'reversed')
)
"""


@dataclass(frozen=True, slots=True)
class Deed:
    """A participation of a member; `transfer` is the number of the award, or of its hold."""

    id: UUID
    member: str
    rule: str
    quantity: int
    points: int
    participated_on: date
    source: str
    evidence: str
    flags: list[str]
    state: str
    entered_by: str
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    available_on: date | None
    reversed_at: datetime | None
    transfer: int | None


@dataclass(frozen=True, slots=True)
class Attended:
    """Where a member came, and when they came and left; `by_hand` where somebody else wrote it."""

    activity: UUID
    title: str
    place: str
    signed_in_at: datetime
    signed_out_at: datetime | None
    by_hand: bool


@dataclass(frozen=True, slots=True)
class Spent:
    """Points set aside for a merchant, with what became of them; `until` is when that ended, or
    ends, by itself.
    """

    hold: int
    at: datetime
    until: datetime
    merchant: str | None
    merchant_name: str | None
    offer: int | None
    offer_title: str | None
    amount: int
    captured: int
    returned: int
    refunded: int


@dataclass(frozen=True, slots=True)
class Posted:
    """An award as it is made public, with the name as it is sealed (None: erased)."""

    id: UUID
    participated_on: date
    rule: str
    points: int
    state: str
    available_on: date | None
    kind: str
    minor: bool | None
    member: str
    key: bytes | None
    name: bytes | None


async def counts(conn: Connection, member: str, account: int) -> tuple[int, int]:
    """Count a member's participation, and what came to and went from their account."""
    deeds, entries = await conn.fetchrow(COUNTS, member, account) or (0, 0)
    return deeds, entries


async def deeds(conn: Connection, member: str, before: UUID | None, limit: int) -> list[Deed]:
    """List what a member did before a participation of theirs, the newest first."""
    return [Deed(*row) for row in await conn.fetch(DEEDS, member, before, limit)]


async def deed(conn: Connection, participation: UUID) -> Deed | None:
    """Return one participation."""
    row = await conn.fetchrow(DEED, participation)
    return Deed(*row) if row else None


async def attended(conn: Connection, member: str, limit: int) -> list[Attended]:
    """List where a member signed in, or was written down, the newest first."""
    return [Attended(*row) for row in await conn.fetch(ATTENDED, member, limit)]


async def spent(conn: Connection, account: int, limit: int) -> list[Spent]:
    """List what an account's points were set aside for, the newest first."""
    return [Spent(*row) for row in await conn.fetch(SPENT, account, limit)]


async def postings(
    conn: Connection,
    division: str,
    first: date,
    until: date,
    *,
    before: UUID | None,
    limit: int,
) -> list[Posted]:
    """List awards of a community's members for what they did from a day to another, the newest
    first; those that may still be objected to among them.
    """
    rows = await conn.fetch(POSTINGS, division, first, until, before, limit)
    return [Posted(*row) for row in rows]


async def posted_member(conn: Connection, number: str, since: date) -> str | None:
    """Return whose award since a day has a number that ends so (12 hex digits)."""
    member: str | None = await conn.fetchval(POSTED_MEMBER, number, since)
    return member


async def known(
    conn: Connection,
    members: Sequence[str],
    rules: Sequence[str],
    days: Sequence[date],
    evidence: Sequence[str],
) -> set[int]:
    """Return the places, from 0, of those that are kept already, and neither refused nor reversed."""
    rows = await conn.fetch(KNOWN, members, rules, days, evidence)
    return {row[0] - 1 for row in rows}
