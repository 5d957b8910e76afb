"""SQL of a resident's wallet pages. The database shows the session its own member's rows alone, of
merchants and offers those that are open; every statement names the member or account besides.
"""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from credit.kit.db import Connection

__all__ = [
    "DayOfPoints",
    "HoldNote",
    "NearOffer",
    "PendingPoints",
    "Record",
    "ending",
    "hold_notes",
    "offers",
    "open_holds",
    "pending",
    "records",
    "rules_of",
]

ENDING = """
SELECT nullif(valid_until, 'infinity'), sum(remaining)::bigint FROM point_lot
WHERE account = $1 AND remaining > 0 AND valid_until >= $2 AND NOT reversed
GROUP BY valid_until ORDER BY valid_until LIMIT $3
"""
PENDING = """
SELECT rule, participated_on, points, available_on FROM participation
WHERE member = $1 AND state = 'pending' AND points > 0 ORDER BY available_on, id LIMIT $2
"""
_HOLD = """
SELECT h.id, h.amount, h.captured, h.returned, h.refunded, h.until, t.at, m.name, o.title
FROM point_hold h JOIN point_transfer t ON t.id = h.id
LEFT JOIN merchant m ON m.account = h.beneficiary LEFT JOIN offer o ON o.id = t.about
"""
OPEN_HOLDS = f"""
{_HOLD} WHERE h.account = $1 AND h.captured = 0 AND h.returned = 0 ORDER BY h.id LIMIT $2
"""
HOLD_NOTES = f"{_HOLD} WHERE h.account = $1 AND h.id = ANY ($2)"
RULES_OF = """
SELECT transfer, rule, participated_on FROM participation WHERE member = $1 AND transfer = ANY ($2)
"""
# The nearest first: of the member's community, its street, its district. What is sold out, over or not
# yet begun is left out, and what nobody could redeem since the merchant's contract has ended.
OFFERS = """
SELECT id, kind, title, terms, points, points_max, remaining, per_person, per_person_days, valid_until, name,
    category, address, hours, distance
FROM (
    SELECT o.id, o.kind, o.title, o.terms, o.points, o.points_max, o.stock - o.taken AS remaining,
        o.per_person, o.per_person_days, o.valid_until, m.name, m.category, m.address, m.hours,
        CASE WHEN m.division = $1 THEN 0 WHEN starts_with(m.division, substr($1, 1, 9)) THEN 1
            WHEN starts_with(m.division, substr($1, 1, 6)) THEN 2 ELSE 3 END AS distance
    FROM offer o JOIN merchant m ON m.code = o.merchant
    WHERE o.state = 'open' AND m.state = 'open' AND ($3::text IS NULL OR o.kind = $3)
        AND $2 BETWEEN o.valid_from AND coalesce(o.valid_until, 'infinity')
        AND $2 BETWEEN m.contract_from AND m.contract_until
        AND (o.stock IS NULL OR o.taken < o.stock)
) f
WHERE (distance, id) > ($4, $5) ORDER BY distance, id LIMIT $6
"""
RECORDS = """
SELECT p.id, p.rule, p.participated_on, p.quantity, p.points, p.state, p.reason, p.available_on, a.title
FROM participation p LEFT JOIN activity a ON a.id = p.activity
WHERE p.member = $1 AND p.id < $2 ORDER BY p.id DESC LIMIT $3
"""


class DayOfPoints(NamedTuple):
    """Points that end with a day (None: never)."""

    day: date | None
    points: int


class PendingPoints(NamedTuple):
    """Points awarded under a rule, available from a day on."""

    rule: str
    participated_on: date
    points: int
    available_on: date | None


class HoldNote(NamedTuple):
    """A hold of one's own, with the merchant's name and the offer's title where they are open."""

    hold: int
    amount: int
    captured: int
    returned: int
    refunded: int
    until: datetime
    made_at: datetime
    merchant: str | None
    offer: str | None


class NearOffer(NamedTuple):
    """An offer with its merchant; `remaining` is what is left (None: unlimited), `distance` 0 in the
    same community, 1 in the street, 2 in the district, 3 elsewhere.
    """

    id: int
    kind: str
    title: str
    terms: str
    points: int | None
    points_max: int | None
    remaining: int | None
    per_person: int | None
    per_person_days: int | None
    valid_until: date | None
    merchant: str
    category: str
    address: str
    hours: list[list[list[str]]]
    distance: int


class Record(NamedTuple):
    """A participation of one's own, with the activity's title where it was at one."""

    id: UUID
    rule: str
    participated_on: date
    quantity: int
    points: int
    state: str
    reason: str | None
    available_on: date | None
    activity: str | None


async def ending(conn: Connection, account: int, today: date, limit: int) -> list[DayOfPoints]:
    """Sum what an account can spend by the day with which it ends, what never ends last."""
    return [DayOfPoints(*row) for row in await conn.fetch(ENDING, account, today, limit)]


async def pending(conn: Connection, member: str, limit: int) -> list[PendingPoints]:
    """List what a member is awarded and cannot spend yet, the next first."""
    return [PendingPoints(*row) for row in await conn.fetch(PENDING, member, limit)]


async def open_holds(conn: Connection, account: int, limit: int) -> list[HoldNote]:
    """List what is set aside of an account, oldest first."""
    return [HoldNote(*row) for row in await conn.fetch(OPEN_HOLDS, account, limit)]


async def hold_notes(conn: Connection, account: int, holds: Sequence[int]) -> dict[int, HoldNote]:
    """Return holds of an account by their numbers."""
    return {row[0]: HoldNote(*row) for row in await conn.fetch(HOLD_NOTES, account, holds)}


async def rules_of(
    conn: Connection, member: str, transfers: Sequence[int]
) -> dict[int, tuple[str, date]]:
    """Return under which rule, and for which day, transfers gave a member points."""
    rows = await conn.fetch(RULES_OF, member, transfers)
    return {row[0]: (row[1], row[2]) for row in rows}


async def offers(
    conn: Connection,
    division: str,
    today: date,
    kind: str | None,
    after: tuple[int, int],
    limit: int,
) -> list[NearOffer]:
    """List open offers, the nearest to a division first, after (distance, id)."""
    rows = await conn.fetch(OFFERS, division, today, kind, *after, limit)
    return [NearOffer(*row)._replace(hours=json.loads(row["hours"])) for row in rows]


async def records(conn: Connection, member: str, before: UUID, limit: int) -> list[Record]:
    """List a member's participations before one, the newest first."""
    return [Record(*row) for row in await conn.fetch(RECORDS, member, before, limit)]
