"""SQL of participation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from credit.earning.views import Done
from credit.kit.db import Connection

__all__ = [
    "Approved", "NewParticipation", "Pending", "add", "approved", "decide", "done", "entered_by",
    "has_own", "matured", "pending_of", "settle", "waiting",
]  # fmt: skip

DONE = """
SELECT p.member, p.rule, p.participated_on, p.activity, p.quantity, p.points
FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::integer[]) AS i (member, rule, year)) i
CROSS JOIN LATERAL (
    SELECT * FROM participation o
    WHERE o.member = i.member AND o.rule = i.rule AND o.state NOT IN ('refused', 'reversed')
        AND o.participated_on >= make_date(i.year, 1, 1) AND o.participated_on < make_date(i.year + 1, 1, 1)
    OFFSET 0
) p
"""
ADD = """
INSERT INTO participation (id, activity, member, rule, campaign, quantity, points, participated_on, source,
    evidence, flags, state, entered_by, entered_at, decided_by, decided_at, attempt)
SELECT i.id, i.activity, i.member, i.rule, i.campaign, i.quantity, i.points, i.participated_on, $12,
    i.evidence, string_to_array(i.flags, ','), i.state, $13, $14,
    CASE WHEN i.state = 'approved' THEN 'rule' END,
    CASE WHEN i.state = 'approved' THEN $14::timestamptz END, 0
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::integer[], $7::integer[],
    $8::date[], $9::text[], $10::text[], $11::text[])
    AS i (id, activity, member, rule, campaign, quantity, points, participated_on, evidence, flags, state)
"""
# Who had a hand in it does not decide: who entered it, who organised the activity, who signed the
# member in there, and the member. What was done at an activity is decided where that took place.
DECIDE = """
UPDATE participation p SET state = $2, decided_by = $3, decided_at = $4, reason = $5
FROM member m
WHERE p.id = ANY ($1) AND p.state = 'entered' AND p.entered_by <> $3
    AND m.id = p.member AND m.person_id IS DISTINCT FROM $3
    AND coalesce((SELECT a.division FROM activity a WHERE a.id = p.activity), m.division) LIKE $6 || '%'
    AND NOT EXISTS (SELECT FROM activity a WHERE a.id = p.activity AND a.organiser = $3)
    AND NOT EXISTS (
        SELECT FROM attendance t
        WHERE t.activity = p.activity AND t.member = p.member AND t.entered_by = $3
    )
RETURNING p.id
"""
HAS_OWN = """
SELECT EXISTS (
    SELECT FROM participation p JOIN member m ON m.id = p.member
    WHERE p.id = ANY ($1) AND m.person_id = $2
)
"""
# What somebody answers for: what they entered outside of activities, and all of those they organised.
_ANSWERED_FOR = """
(
    SELECT o.member, o.participated_on FROM participation o
    WHERE o.entered_by = $1 AND o.participated_on >= $2 AND o.activity IS NULL
        AND o.state NOT IN ('refused', 'reversed')
    UNION ALL
    SELECT o.member, o.participated_on FROM activity a JOIN participation o ON o.activity = a.id
    WHERE a.organiser = $1 AND o.participated_on >= $2 AND o.state NOT IN ('refused', 'reversed')
) p
"""
ENTERED_BY_DAY = f"""
SELECT p.participated_on, count(*) FROM {_ANSWERED_FOR} WHERE p.participated_on = ANY ($3) GROUP BY 1
"""
ENTERED_OF_MEMBER = f"""
SELECT p.member, count(*) FROM {_ANSWERED_FOR} WHERE p.member = ANY ($3) GROUP BY 1
"""
_APPROVED = """
SELECT p.id, p.rule, p.participated_on, p.points, p.attempt, p.decided_at, m.account, c.account AS budget
FROM participation p JOIN member m ON m.id = p.member JOIN campaign c ON c.id = p.campaign
"""
APPROVED = f"""
{_APPROVED} WHERE p.id = ANY ($1) AND p.state IN ('approved', 'unfunded') ORDER BY p.id
"""
WAITING = f"{_APPROVED} WHERE p.state = 'approved' ORDER BY p.id LIMIT $1"
MATURED = """
SELECT p.id, p.rule, p.participated_on, p.attempt, p.transfer, p.available_on
FROM participation p WHERE p.state = 'pending' AND p.available_on <= $1 ORDER BY p.available_on, p.id LIMIT $2
"""
PENDING_OF = """
SELECT coalesce(sum(points), 0)::bigint FROM participation WHERE member = $1 AND state = 'pending'
"""
SETTLE = """
UPDATE participation p SET state = i.state, transfer = i.transfer, available_on = i.available_on,
    attempt = p.attempt + (i.state IN ('unfunded', 'approved'))::integer
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::date[], $5::smallint[])
    AS i (id, state, transfer, available_on, attempt)
WHERE p.id = i.id AND p.attempt = i.attempt AND p.state IN ('approved', 'unfunded', 'pending')
"""


@dataclass(frozen=True, slots=True)
class NewParticipation:
    """A participation to be kept, in the order of its columns."""

    id: UUID
    activity: UUID | None
    member: str
    rule: str
    campaign: UUID
    quantity: int
    points: int
    participated_on: date
    evidence: str
    flags: str
    state: str


@dataclass(frozen=True, slots=True)
class Approved:
    """An approved participation with the accounts it goes between."""

    id: UUID
    rule: str
    participated_on: date
    points: int
    attempt: int
    decided_at: datetime
    account: int
    budget: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A participation whose points may be spent now; `transfer` is the hold they wait in."""

    id: UUID
    rule: str
    participated_on: date
    attempt: int
    transfer: int
    available_on: date


async def done(
    conn: Connection, members: Sequence[str], rules: Sequence[str], years: Sequence[int]
) -> list[Done]:
    """List what members did under rules in years, one of each in their order."""
    return [Done(*row) for row in await conn.fetch(DONE, members, rules, years)]


async def add(
    conn: Connection, rows: Sequence[NewParticipation], source: str, by: str, at: datetime
) -> None:
    """Keep participations as entered, or as approved by their rule."""
    names = NewParticipation.__dataclass_fields__
    columns = [[getattr(row, name) for row in rows] for name in names]
    await conn.execute(ADD, *columns, source, by, at)


async def decide(
    conn: Connection,
    ids: Sequence[UUID],
    state: str,
    by: str,
    at: datetime,
    reason: str | None,
    *,
    division: str,
) -> list[UUID]:
    """Decide entered participations of a division's members; returns those it was possible for."""
    rows = await conn.fetch(DECIDE, ids, state, by, at, reason, division)
    return [row[0] for row in rows]


async def has_own(conn: Connection, ids: Sequence[UUID], person: str) -> bool:
    """Say whether one of some participations is of the member somebody signs in for."""
    own: bool = await conn.fetchval(HAS_OWN, ids, person)
    return own


async def entered_by(
    conn: Connection, person: str, days: Sequence[date], members: Sequence[str], since: date
) -> tuple[dict[date, int], dict[str, int]]:
    """Count what somebody answers for since a day, by the days and by the members asked for."""
    by_day = await conn.fetch(ENTERED_BY_DAY, person, since, days)
    by_member = await conn.fetch(ENTERED_OF_MEMBER, person, since, members)
    return dict(map(tuple, by_day)), dict(map(tuple, by_member))


async def approved(conn: Connection, ids: Sequence[UUID]) -> list[Approved]:
    """List those of some participations that are to be posted, again where the budget was empty."""
    return [Approved(*row) for row in await conn.fetch(APPROVED, ids)]


async def waiting(conn: Connection, limit: int) -> list[Approved]:
    """List approved participations nobody has posted yet."""
    return [Approved(*row) for row in await conn.fetch(WAITING, limit)]


async def matured(conn: Connection, today: date, limit: int) -> list[Pending]:
    """List participations whose points have been pending long enough."""
    return [Pending(*row) for row in await conn.fetch(MATURED, today, limit)]


async def pending_of(conn: Connection, member: str) -> int:
    """Return how many points of a member are awarded and not available yet."""
    points: int = await conn.fetchval(PENDING_OF, member)
    return points


async def settle(
    conn: Connection, rows: Sequence[tuple[UUID, str, int | None, date | None, int]]
) -> None:
    """Note what became of postings: (id, state, transfer, available on, attempt)."""
    if rows:
        await conn.execute(SETTLE, *map(list, zip(*rows, strict=True)))
