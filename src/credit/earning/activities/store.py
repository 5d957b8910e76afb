"""SQL of activities and attendance."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from credit.earning.activities.views import (
    ActivityLine,
    ActivityState,
    ActivityView,
    Attendance,
    Counts,
    Presence,
)
from credit.kit.db import Connection

__all__ = [
    "activities", "activities_by_id", "activity", "add", "attendances", "cancel", "close", "counts", "current", "hold", "lock", "lock_members",
    "presences", "secret", "sign_in", "sign_out", "write_down",
]  # fmt: skip

_ACTIVITY = """
a.id, a.title, a.division, a.place, a.rule, a.campaign, a.planned, a.begins_at, a.ends_at, a.organiser,
a.announced_by, a.announced_at, a.cancelled_at, a.cancel_reason, a.closed_at, a.closed_by
"""
COLUMNS = 16
ADD = """
INSERT INTO activity (id, title, division, place, rule, campaign, planned, begins_at, ends_at, organiser,
    announced_by, announced_at, secret)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
ACTIVITY = f"SELECT {_ACTIVITY} FROM activity a WHERE a.id = $1"
ACTIVITIES_BY_ID = f"SELECT {_ACTIVITY} FROM activity a WHERE a.id = ANY ($1)"
# People sign in beside each other, and not while somebody closes or cancels.
HOLD = f"SELECT {_ACTIVITY} FROM activity a WHERE a.id = $1 FOR SHARE"
LOCK = f"SELECT {_ACTIVITY} FROM activity a WHERE a.id = $1 FOR NO KEY UPDATE"
CODES_FROM = "SELECT secret FROM activity WHERE id = $1"
CURRENT = """
SELECT a.id, a.secret FROM activity a JOIN campaign c ON c.id = a.campaign
WHERE a.begins_at <= $1 AND a.ends_at >= $2 AND a.cancelled_at IS NULL AND a.closed_at IS NULL
    AND c.division = ANY ($3)
ORDER BY a.begins_at, a.id LIMIT $4
"""
# The state is the one of `logic.activities.state_of`.
ACTIVITIES = f"""
SELECT {_ACTIVITY}, (SELECT count(*) FROM attendance t WHERE t.activity = a.id)
FROM activity a
WHERE a.division LIKE $1 || '%'
    AND ($2::text IS NULL OR $2 = CASE
        WHEN a.cancelled_at IS NOT NULL THEN 'cancelled'
        WHEN a.closed_at IS NOT NULL THEN 'closed'
        WHEN $3::timestamptz < a.begins_at THEN 'announced'
        WHEN $3 < a.ends_at THEN 'running'
        ELSE 'over' END)
    AND ($4::timestamptz IS NULL OR a.begins_at >= $4) AND ($5::timestamptz IS NULL OR a.begins_at < $5)
    AND ($6::uuid IS NULL
        OR (a.begins_at, a.id) < (SELECT b.begins_at, b.id FROM activity b WHERE b.id = $6))
ORDER BY a.begins_at DESC, a.id DESC LIMIT $7
"""
CANCEL = "UPDATE activity SET cancelled_at = $2, cancel_reason = $3 WHERE id = $1"
CLOSE = "UPDATE activity SET closed_at = $2, closed_by = $3 WHERE id = $1"
_ATTENDANCE = "t.activity, t.member, t.signed_in_at, t.signed_out_at, t.entered_by"
ATTENDANCES = f"""
SELECT {_ATTENDANCE} FROM attendance t
WHERE t.member = $1 AND t.signed_in_at >= $2 AND ($3::uuid IS NULL OR t.activity = $3)
ORDER BY t.signed_in_at DESC LIMIT $4
"""
SIGN_IN = """
INSERT INTO attendance (activity, member, signed_in_at) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING signed_in_at
"""
# A clock that was set back makes nobody leave before they came.
SIGN_OUT = """
UPDATE attendance SET signed_out_at = greatest($3::timestamptz, signed_in_at)
WHERE activity = $1 AND member = $2 AND signed_out_at IS NULL RETURNING signed_out_at
"""
# What somebody signed themselves stays; by hand only what is missing is added.
WRITE_DOWN = """
INSERT INTO attendance AS t (activity, member, signed_in_at, signed_out_at, entered_by)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (activity, member) DO UPDATE
SET signed_out_at = greatest(excluded.signed_out_at, t.signed_in_at), entered_by = excluded.entered_by
WHERE t.signed_out_at IS NULL AND excluded.signed_out_at IS NOT NULL
RETURNING t.member
"""
_PRESENCE = """
t.member, t.signed_in_at, t.signed_out_at, t.entered_by, m.kind, m.division,
EXISTS (
    SELECT FROM attendance o JOIN activity b ON b.id = o.activity
    WHERE o.member = t.member AND o.activity <> t.activity AND b.cancelled_at IS NULL
        AND b.begins_at < a.ends_at AND b.ends_at > a.begins_at
)
"""
PRESENCES = f"""
SELECT {_PRESENCE} FROM attendance t
JOIN activity a ON a.id = t.activity JOIN member m ON m.id = t.member
WHERE t.activity = $1 AND t.member > $2 ORDER BY t.member LIMIT $3
"""
# Who came is counted with the points they have: locked in one order, for other closings, too.
LOCK_MEMBERS = """
SELECT m.id FROM member m JOIN attendance t ON t.member = m.id
WHERE t.activity = $1 ORDER BY m.id FOR NO KEY UPDATE OF m
"""
COUNTS = """
SELECT n.attendants, n.signed_out, n.by_hand, EXISTS (
    SELECT FROM activity b
    WHERE b.organiser = a.organiser AND b.id <> a.id AND b.cancelled_at IS NULL AND b.place <> a.place
        AND b.begins_at < a.ends_at AND b.ends_at > a.begins_at
)
FROM activity a CROSS JOIN LATERAL (
    SELECT count(*) AS attendants, count(t.signed_out_at) AS signed_out, count(t.entered_by) AS by_hand
    FROM attendance t WHERE t.activity = a.id
) n
WHERE a.id = $1
"""


async def add(conn: Connection, new: ActivityView, secret_: bytes) -> None:
    """Keep an activity with the secret its codes are made from."""
    await conn.execute(
        ADD, new.id, new.title, new.division, new.place, new.rule, new.campaign, new.planned,
        new.begins_at, new.ends_at, new.organiser, new.announced_by, new.announced_at, secret_,
    )  # fmt: skip


async def activity(conn: Connection, activity_id: UUID) -> ActivityView | None:
    """Return an activity."""
    row = await conn.fetchrow(ACTIVITY, activity_id)
    return ActivityView(*row) if row else None


async def activities_by_id(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, ActivityView]:
    """Return activities by their ids."""
    return {row[0]: ActivityView(*row) for row in await conn.fetch(ACTIVITIES_BY_ID, ids)}


async def hold(conn: Connection, activity_id: UUID) -> ActivityView | None:
    """Return an activity that nobody closes or cancels before the end of the transaction."""
    row = await conn.fetchrow(HOLD, activity_id)
    return ActivityView(*row) if row else None


async def lock(conn: Connection, activity_id: UUID) -> ActivityView | None:
    """Return an activity to be closed or cancelled: nobody signs in meanwhile."""
    row = await conn.fetchrow(LOCK, activity_id)
    return ActivityView(*row) if row else None


async def secret(conn: Connection, activity_id: UUID) -> bytes | None:
    """Return what an activity's codes are made from."""
    found: bytes | None = await conn.fetchval(CODES_FROM, activity_id)
    return found


async def current(
    conn: Connection,
    begun_by: datetime,
    not_ended_by: datetime,
    places: Sequence[str],
    limit: int,
) -> list[tuple[UUID, bytes]]:
    """List activities people may sign in at, that campaigns of some divisions pay for, with their
    secrets.
    """
    rows = await conn.fetch(CURRENT, begun_by, not_ended_by, places, limit)
    return [(row[0], row[1]) for row in rows]


async def activities(
    conn: Connection,
    reach: str,
    state: ActivityState | None,
    now: datetime,
    between: tuple[datetime | None, datetime | None],
    after: UUID | None,
    limit: int,
) -> list[ActivityLine]:
    """List activities of divisions whose codes begin with `reach`, that begin between two moments;
    the latest first, those after one of them.
    """
    rows = await conn.fetch(ACTIVITIES, reach, state, now, *between, after, limit)
    return [ActivityLine(ActivityView(*row[:COLUMNS]), row[COLUMNS]) for row in rows]


async def cancel(conn: Connection, activity_id: UUID, at: datetime, reason: str) -> None:
    """Note that an activity does not take place."""
    await conn.execute(CANCEL, activity_id, at, reason)


async def close(conn: Connection, activity_id: UUID, at: datetime, by: str) -> None:
    """Note that an activity's attendance was made participations."""
    await conn.execute(CLOSE, activity_id, at, by)


async def attendances(
    conn: Connection, member: str, since: datetime, activity_id: UUID | None, limit: int
) -> list[Attendance]:
    """List where a member signed in since a moment, at one activity or at any, the newest first."""
    rows = await conn.fetch(ATTENDANCES, member, since, activity_id, limit)
    return [Attendance(*row) for row in rows]


async def sign_in(conn: Connection, activity_id: UUID, member: str, at: datetime) -> bool:
    """Note that a member came; says whether that was new."""
    return await conn.fetchval(SIGN_IN, activity_id, member, at) is not None


async def sign_out(conn: Connection, activity_id: UUID, member: str, at: datetime) -> bool:
    """Note that a member left; False for who did not come, and who left already."""
    return await conn.fetchval(SIGN_OUT, activity_id, member, at) is not None


async def write_down(
    conn: Connection, activity_id: UUID, member: str, came: datetime, left: datetime | None, by: str
) -> bool:
    """Note by hand when a member came and left, or only left; False where both is known."""
    made = await conn.fetchval(WRITE_DOWN, activity_id, member, came, left, by)
    return made is not None


async def presences(conn: Connection, activity_id: UUID, after: str, limit: int) -> list[Presence]:
    """List who came, by member."""
    return [Presence(*row) for row in await conn.fetch(PRESENCES, activity_id, after, limit)]


async def lock_members(conn: Connection, activity_id: UUID) -> None:
    """Lock the members who came, to the end of the transaction."""
    await conn.fetch(LOCK_MEMBERS, activity_id)


async def counts(conn: Connection, activity_id: UUID) -> Counts:
    """Count an activity's attendance."""
    row = await conn.fetchrow(COUNTS, activity_id)
    return Counts(*row) if row else Counts(0, 0, 0, elsewhere=False)
