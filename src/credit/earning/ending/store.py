"""SQL of what ends: participation reversed, members who leave."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from credit.kit.db import Connection

__all__ = [
    "Award",
    "Returned",
    "end_participation",
    "find_award",
    "mark_reversed",
    "members_to_close",
    "note_lot",
    "returned",
]

FIND_AWARD = """
SELECT p.id, p.member, m.division, p.state, p.points, p.attempt, p.transfer, p.entered_by, p.reason,
    m.account, c.account AS budget
FROM participation p JOIN member m ON m.id = p.member JOIN campaign c ON c.id = p.campaign
WHERE p.id = $1 FOR UPDATE OF p
"""
MARK_REVERSED = """
UPDATE participation SET state = 'reversed', reason = $2, reversed_by = $3, reversed_at = $4
WHERE id = $1
"""
NOTE_LOT = "UPDATE participation SET transfer = $2 WHERE id = $1 AND state = 'reversed'"
# What came to the account last tells one coming back from the next: in between nothing is left.
RETURNED = """
SELECT l.id, m.account, c.account, p.reason, (
    SELECT t.id FROM point_transfer t WHERE t.credit = m.account ORDER BY t.id DESC LIMIT 1)
FROM participation p
CROSS JOIN LATERAL (
    SELECT o.id FROM point_lot o WHERE o.id = p.transfer AND o.remaining > 0 OFFSET 0
) l
JOIN member m ON m.id = p.member JOIN campaign c ON c.id = p.campaign
WHERE p.state = 'reversed' AND ($1::uuid IS NULL OR p.id = $1) ORDER BY p.id LIMIT $2
"""
# What nobody has decided yet is refused; what is approved and not paid out yet, reversed.
END_PARTICIPATION = """
UPDATE participation SET
    state = CASE state WHEN 'entered' THEN 'refused' ELSE 'reversed' END,
    reason = $2,
    decided_by = CASE state WHEN 'entered' THEN 'closing' ELSE decided_by END,
    decided_at = CASE state WHEN 'entered' THEN $3 ELSE decided_at END,
    reversed_by = CASE state WHEN 'entered' THEN NULL ELSE 'closing' END,
    reversed_at = CASE state WHEN 'entered' THEN NULL ELSE $3::timestamptz END
WHERE member = $1 AND state IN ('entered', 'approved', 'unfunded', 'pending')
"""
MEMBERS_TO_CLOSE = """
SELECT m.account FROM member m
CROSS JOIN LATERAL (SELECT closed_at FROM point_account a WHERE a.id = m.account OFFSET 0) a
WHERE m.closed_at IS NOT NULL AND a.closed_at IS NULL ORDER BY m.closed_at LIMIT $1
"""


@dataclass(frozen=True, slots=True)
class Award:
    """A participation that may be reversed; `account` is the member's, `budget` the campaign's.

    `transfer` is the number of what was posted for it: a granted one's lot, a pending one's hold.
    """

    id: UUID
    member: str
    division: str
    state: str
    points: int
    attempt: int
    transfer: int | None
    entered_by: str
    reason: str | None
    account: int
    budget: int


@dataclass(frozen=True, slots=True)
class Returned:
    """A lot of a reversed participation that has something left; `last` is the number of the last
    transfer that came to `account`, `budget` the account of the campaign.
    """

    lot: int
    account: int
    budget: int
    reason: str | None
    last: int


async def find_award(conn: Connection, participation: UUID) -> Award | None:
    """Return a participation with the account that paid for it, locked to the end of the
    transaction: what is posted for it meanwhile finds it as it is left.
    """
    row = await conn.fetchrow(FIND_AWARD, participation)
    return Award(*row) if row else None


async def mark_reversed(
    conn: Connection, participation: UUID, reason: str, by: str, at: datetime
) -> None:
    """Note that a participation is reversed, why, and by whom."""
    await conn.execute(MARK_REVERSED, participation, reason, by, at)


async def note_lot(conn: Connection, participation: UUID, lot: int) -> None:
    """Note which lot a participation's hold became that was reversed as it came due."""
    await conn.execute(NOTE_LOT, participation, lot)


async def returned(conn: Connection, participation: UUID | None, limit: int) -> list[Returned]:
    """List the lots of reversed participations, or of one of them, that have something left."""
    return [Returned(*row) for row in await conn.fetch(RETURNED, participation, limit)]


async def end_participation(conn: Connection, member: str, reason: str, at: datetime) -> None:
    """End what of a member's participation has not come to points yet."""
    await conn.execute(END_PARTICIPATION, member, reason, at)


async def members_to_close(conn: Connection, limit: int) -> list[int]:
    """List the accounts of members who have left, that are still open."""
    return [row[0] for row in await conn.fetch(MEMBERS_TO_CLOSE, limit)]
