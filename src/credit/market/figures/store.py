"""SQL of the bank's figures: sums over divisions, never over single people.

What has a month is found by the numbers of transfers: those sealed an hour and more before a moment
were all posted before it, so that no more of the book is read than is asked for.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from credit.kit.db import Connection
from credit.market.figures.views import Cleared, Flow, MonthOfPoints, Ranked, Waiting

__all__ = [
    "KpiCounts",
    "cleared",
    "flows",
    "given",
    "held",
    "kpis",
    "months",
    "ranked",
    "waiting",
]

_SINCE = """
t.id > coalesce((SELECT e.upto FROM point_epoch e
    WHERE e.sealed_at < {0}::timestamptz - interval '1 hour' ORDER BY e.id DESC LIMIT 1), 0)
    AND t.at >= {0}
"""
# $1 division, $2 and $3 the year's bounds, $4 and $5 the same as days, $6 the kinds of members that are
# organisations, $7 the day on which offers are live, $8 and $9 in which states offers and merchants are.
KPIS = f"""
WITH booked AS (
    SELECT t.kind, t.credit, t.about FROM point_transfer t
    WHERE {_SINCE.format("$2")} AND t.at < $3 AND t.kind IN ('award', 'capture')
), active AS (
    SELECT credit AS account FROM booked
    UNION SELECT h.account FROM booked b JOIN point_hold h ON h.id = b.about WHERE b.kind = 'capture'
), took_part AS (
    SELECT DISTINCT p.member FROM participation p
    WHERE p.participated_on >= $4 AND p.participated_on < $5 AND p.state IN ('pending', 'granted')
), counted AS (
    SELECT m.division, m.kind = ANY ($6) AS unit, a.account IS NOT NULL AS active,
        m.registered_at < $3 AND (m.closed_at IS NULL OR m.closed_at >= $3) AS member,
        k.member IS NOT NULL AS collected, NULL::text AS scene
    FROM member m LEFT JOIN active a ON a.account = m.account LEFT JOIN took_part k ON k.member = m.id
    WHERE starts_with(m.division, $1)
    UNION ALL
    SELECT m.division, false, false, false, false, concat(o.kind, ' ', m.category, ' ', m.code)
    FROM offer o JOIN merchant m ON m.code = o.merchant
    WHERE starts_with(m.division, $1) AND o.state = ANY ($8) AND m.state = ANY ($9)
        AND $7 BETWEEN o.valid_from AND coalesce(o.valid_until, 'infinity')
        AND $7 BETWEEN m.contract_from AND m.contract_until
), placed AS (
    SELECT substr(division, 1, 6) AS district,
        CASE WHEN char_length(division) >= 9 THEN substr(division, 1, 9) END AS street,
        CASE WHEN char_length(division) >= 12 THEN substr(division, 1, 12) END AS community, c.*
    FROM counted c
), summed AS (
    SELECT grouping(district, street, community) AS depth, district, street, community,
        count(*) FILTER (WHERE member) AS members,
        count(*) FILTER (WHERE member AND collected) AS collected,
        count(DISTINCT scene) AS scenes,
        count(*) FILTER (WHERE active AND NOT unit) AS people,
        count(*) FILTER (WHERE active AND unit) AS organisations
    FROM placed GROUP BY GROUPING SETS
        ((), (district), (district, street), (district, street, community))
)
SELECT CASE depth WHEN 7 THEN 'city' WHEN 3 THEN 'district' WHEN 1 THEN 'street' ELSE 'community' END,
    coalesce(s.community, s.street, s.district), v.name, s.members, s.collected, s.scenes, s.people,
    s.organisations
FROM summed s LEFT JOIN division v ON v.code = coalesce(s.community, s.street, s.district)
WHERE depth >= 3 OR depth = 1 AND street IS NOT NULL OR depth = 0 AND community IS NOT NULL
ORDER BY s.district NULLS FIRST, s.street NULLS FIRST, s.community NULLS FIRST, depth DESC LIMIT $10
"""
# What budgets were given: less what they gave on or back. Few transfers lead to a budget or back.
GIVEN = """
WITH moved AS (
    SELECT t.debit, t.credit, t.amount
    FROM (SELECT account FROM campaign
        UNION ALL SELECT id FROM point_account WHERE kind = 'issuance') b
    JOIN point_transfer t ON t.credit = b.account
    WHERE t.kind IN ('fund', 'return')
)
SELECT a.id, coalesce(s.total, 0), a.balance,
    (SELECT coalesce(sum(h.amount), 0)::bigint FROM point_hold h
        WHERE h.account = a.id AND h.captured = 0 AND h.returned = 0)
FROM point_account a LEFT JOIN (
    SELECT account, sum(amount)::bigint AS total FROM (
        SELECT credit AS account, amount FROM moved UNION ALL SELECT debit, -amount FROM moved
    ) e GROUP BY account
) s ON s.account = a.id
WHERE a.id = ANY ($1)
"""
MONTHS = """
SELECT nullif(date_trunc('month', l.valid_until::timestamp), 'infinity')::date, sum(l.remaining)::bigint
FROM member m JOIN point_lot l ON l.account = m.account
WHERE starts_with(m.division, $1) AND l.remaining > 0 AND l.valid_until >= $2
    AND NOT l.reversed
GROUP BY 1 ORDER BY 1 NULLS LAST LIMIT $3
"""
# What is set aside for merchants, and what is awarded and waits for its day.
HELD = """
SELECT
    (SELECT coalesce(sum(h.amount), 0)::bigint FROM point_hold h JOIN member m ON m.account = h.account
     WHERE h.captured = 0 AND h.returned = 0 AND starts_with(m.division, $1)) AS held,
    (SELECT coalesce(sum(p.points), 0)::bigint FROM participation p JOIN member m ON m.id = p.member
     WHERE p.state = 'pending' AND starts_with(m.division, $1)) AS pending
"""
# By the member whose points they are: awards, and captures of what was pending; captures and refunds
# of what a member spent; what ended. Members are joined once, whichever side of a transfer they are;
# a month in which others alone had something stands there with nothing.
FLOWS = f"""
WITH booked AS (
    SELECT t.kind, t.amount, t.debit, t.credit, t.about, t.at FROM point_transfer t
    WHERE {_SINCE.format("$2")} AND t.kind IN ('award', 'capture', 'refund', 'expire')
), moved AS (
    SELECT b.credit AS account, b.at, b.amount AS earned, 0 AS redeemed, 0 AS expired
    FROM booked b WHERE b.kind IN ('award', 'capture')
    UNION ALL
    SELECT h.account, b.at, 0, CASE b.kind WHEN 'capture' THEN b.amount ELSE -b.amount END, 0
    FROM booked b JOIN point_hold h ON h.id = b.about WHERE b.kind IN ('capture', 'refund')
    UNION ALL
    SELECT b.debit, b.at, 0, 0, b.amount FROM booked b WHERE b.kind = 'expire'
)
SELECT date_trunc('month', o.at AT TIME ZONE 'Asia/Shanghai')::date,
    coalesce(sum(o.earned) FILTER (WHERE m.id IS NOT NULL), 0)::bigint,
    coalesce(sum(o.redeemed) FILTER (WHERE m.id IS NOT NULL), 0)::bigint,
    coalesce(sum(o.expired) FILTER (WHERE m.id IS NOT NULL), 0)::bigint
FROM moved o LEFT JOIN member m ON m.account = o.account AND starts_with(m.division, $1)
GROUP BY 1 ORDER BY 1 LIMIT $3
"""
RANKED = f"""
(SELECT true AS earned, p.rule AS code, sum(p.points)::bigint AS points
FROM participation p JOIN member m ON m.id = p.member
WHERE p.participated_on >= $2 AND p.state IN ('pending', 'granted') AND starts_with(m.division, $1)
GROUP BY 2 HAVING sum(p.points) > 0 ORDER BY 3 DESC, 2 LIMIT $4)
UNION ALL
(SELECT false, s.category, sum(CASE t.kind WHEN 'capture' THEN t.amount ELSE -t.amount END)::bigint
FROM point_transfer t JOIN point_hold h ON h.id = t.about
JOIN merchant s ON s.account = h.beneficiary
JOIN member m ON m.account = h.account AND starts_with(m.division, $1)
WHERE {_SINCE.format("$3")} AND t.kind IN ('capture', 'refund')
GROUP BY 2 HAVING sum(CASE t.kind WHEN 'capture' THEN t.amount ELSE -t.amount END) > 0
ORDER BY 3 DESC, 2 LIMIT $4)
ORDER BY points DESC, code
"""
# All codes of these accounts lie between the two, which an index finds among those of all wallets.
CLEARED = """
SELECT a.division, v.name, a.balance
FROM point_account a LEFT JOIN division v ON v.code = a.division
WHERE a.code BETWEEN 'clearing:0' AND 'clearing:9999999999' AND a.kind = 'clearing' AND a.balance <> 0
    AND starts_with(a.division, $1)
ORDER BY a.division LIMIT $2
"""
# Nobody is asked to decide about what they entered or proposed themselves.
_HERE = "starts_with({0}.division, $1)"
WAITING = f"""
SELECT
    (SELECT count(*) FROM (SELECT FROM participation p JOIN member m ON m.id = p.member
        WHERE p.state = 'entered' AND p.entered_by <> $3 AND {_HERE.format("m")} LIMIT $2) w),
    (SELECT count(*) FROM (SELECT FROM participation p JOIN member m ON m.id = p.member
        WHERE p.state = 'unfunded' AND {_HERE.format("m")} LIMIT $2) w),
    (SELECT count(*) FROM (SELECT FROM merchant m
        WHERE m.state = 'proposed' AND m.proposed_by <> $3 AND {_HERE.format("m")} LIMIT $2) w),
    (SELECT count(*) FROM (SELECT FROM offer o JOIN merchant m ON m.code = o.merchant
        WHERE o.state = 'proposed' AND o.proposed_by <> $3 AND {_HERE.format("m")} LIMIT $2) w),
    (SELECT count(*) FROM (SELECT FROM settlement s JOIN merchant m ON m.code = s.merchant
        WHERE s.state = 'drawn' AND {_HERE.format("m")} LIMIT $2) w),
    (SELECT count(*) FROM (SELECT FROM settlement s JOIN merchant m ON m.code = s.merchant
        WHERE s.state = 'disputed' AND {_HERE.format("m")} LIMIT $2) w),
    (SELECT count(*) FROM (SELECT FROM settlement s JOIN merchant m ON m.code = s.merchant
        WHERE s.state = 'confirmed' AND {_HERE.format("m")} LIMIT $2) w)
"""


class KpiCounts(NamedTuple):
    """What the indicators count, for the city, a district, a street or a community."""

    level: str
    code: str | None
    name: str | None
    members: int
    collected: int
    scenes: int
    people: int
    organisations: int


async def kpis(
    conn: Connection,
    division: str,
    bounds: tuple[datetime, datetime],
    days: tuple[date, date],
    *,
    units: Sequence[str],
    live: tuple[date, Sequence[str], Sequence[str]],
    limit: int,
) -> list[KpiCounts]:
    """Count for a year (its bounds, as moments and as days, the second left out) by division.

    `live` are the day on which offers count, and the states offers and merchants are in.
    """
    rows = await conn.fetch(KPIS, division, *bounds, *days, units, *live, limit)
    return [KpiCounts(*row) for row in rows]


async def given(conn: Connection, accounts: Sequence[int]) -> dict[int, tuple[int, int, int]]:
    """Return what budgets were given in all, have left, and have pending, by their accounts."""
    return {row[0]: (row[1], row[2], row[3]) for row in await conn.fetch(GIVEN, accounts)}


async def months(conn: Connection, division: str, today: date, limit: int) -> list[MonthOfPoints]:
    """Sum what members can spend by the month in which it ends, what never ends last."""
    return [MonthOfPoints(*row) for row in await conn.fetch(MONTHS, division, today, limit)]


async def held(conn: Connection, division: str) -> tuple[int, int]:
    """Return the points members have set aside for merchants, and those awarded and pending."""
    row = await conn.fetchrow(HELD, division)
    return (row["held"], row["pending"]) if row else (0, 0)


async def flows(conn: Connection, division: str, since: datetime, limit: int) -> list[Flow]:
    """Sum what was awarded, redeemed and expired, by month."""
    return [Flow(*row) for row in await conn.fetch(FLOWS, division, since, limit)]


async def ranked(
    conn: Connection, division: str, day: date, begin: datetime, limit: int
) -> tuple[list[Ranked], list[Ranked]]:
    """Sum points since a day, which has begun at a moment, by the rule they were earned under and by
    the category of the merchant that took them; most first.
    """
    rows = await conn.fetch(RANKED, division, day, begin, limit)
    return [Ranked(*row[1:]) for row in rows if row[0]], [
        Ranked(*row[1:]) for row in rows if not row[0]
    ]


async def cleared(conn: Connection, division: str, limit: int) -> list[Cleared]:
    """List the streets of a division that are owed something by others, or owe them."""
    return [Cleared(*row) for row in await conn.fetch(CLEARED, division, limit)]


async def waiting(conn: Connection, division: str, person: str, limit: int) -> Waiting:
    """Count what waits for somebody, each up to a limit."""
    return Waiting(*(await conn.fetchrow(WAITING, division, limit, person) or [0] * 7))
