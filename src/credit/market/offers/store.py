"""SQL of offers as merchants, operators and everybody see them, and of the sweep of their uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from asyncpg import Record

from credit.kit.db import Connection
from credit.market.views import Kind, OfferRecord, OfferView, PublicOffer

__all__ = [
    "LIVE", "NewOffer", "SoughtOffers", "Swept", "add", "count_live", "decide", "end_all", "offers_of",
    "public_offers", "record", "restock", "set_state", "sweep_uses", "unsettled", "waiting",
]  # fmt: skip

_OFFER = """
o.id, o.merchant, o.kind, o.title, o.terms, o.points, o.points_max, o.stock, o.taken, o.per_person,
o.per_person_days, o.valid_from, o.valid_until, o.state
"""
_RECORD = f"""
SELECT {_OFFER}, m.name, m.division, o.proposed_by, o.proposed_at, o.decided_at, o.reason
FROM offer o JOIN merchant m ON m.code = o.merchant
"""
_PLACES = len(OfferView._fields)
# What may still be used, now or later.
LIVE = ("proposed", "open", "paused")
RECORD = f"{_RECORD} WHERE o.id = $1"
LOCK_RECORD = f"{_RECORD} WHERE o.id = $1 FOR NO KEY UPDATE OF o"
ADD = """
INSERT INTO offer (merchant, kind, title, terms, points, points_max, stock, taken, per_person,
    per_person_days, valid_from, valid_until, state, proposed_by, proposed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11, 'proposed', $12, $13) RETURNING id
"""
COUNT_LIVE = "SELECT count(*) FROM offer WHERE merchant = $1 AND state = ANY ($2)"
DECIDE = "UPDATE offer SET state = $2, decided_by = $3, decided_at = $4, reason = $5 WHERE id = $1"
SET_STATE = "UPDATE offer SET state = $2, reason = $3 WHERE id = $1"
RESTOCK = "UPDATE offer SET stock = $2 WHERE id = $1"
END_ALL = "UPDATE offer SET state = 'ended', reason = $2 WHERE merchant = $1 AND state IN ('open', 'paused')"
REFUSE_ALL = """
UPDATE offer SET state = 'refused', reason = $2, decided_by = nullif($3, proposed_by), decided_at = $4
WHERE merchant = $1 AND state = 'proposed'
"""
OFFERS_OF = f"{_RECORD} WHERE o.merchant = $1 AND o.id < $2 ORDER BY o.id DESC LIMIT $3"
LIVE_OFFERS_OF = f"""
{_RECORD} WHERE o.merchant = $1 AND o.id < $2 AND o.state IN ('proposed', 'open', 'paused')
ORDER BY o.id DESC LIMIT $3
"""
WAITING = f"""
{_RECORD} WHERE o.state = 'proposed' AND o.id > $2 AND m.division LIKE $1 || '%' ORDER BY o.id LIMIT $3
"""
# Of a division is what is in it, and what is for all of a larger one that it is in.
PUBLIC_OFFERS = """
SELECT o.id::text, o.merchant, m.name, m.category, m.division, m.address, o.kind, o.title, o.terms,
    o.points, o.points_max, o.stock - o.taken, o.per_person, o.per_person_days, o.valid_until
FROM offer o JOIN merchant m ON m.code = o.merchant
WHERE o.state = 'open' AND o.id < $1 AND o.valid_from <= $2 AND (o.valid_until >= $2 OR o.valid_until IS NULL)
    AND (o.stock > o.taken OR o.stock IS NULL)
    AND m.state = 'open' AND $2 BETWEEN m.contract_from AND m.contract_until
    AND ($3::text IS NULL OR m.division LIKE $3 || '%' OR m.division = ANY ($4))
    AND ($5::text IS NULL OR m.category = $5)
ORDER BY o.id DESC LIMIT $6
"""
# The uses nobody has looked after yet, a page of them; and the offers they are of, locked in one order, as
# whoever reserves a use locks its offer before the use.
UNSETTLED = """
SELECT u.until, u.key, u.offer FROM offer_use u
WHERE NOT u.settled AND (u.until, u.key) > ($1, $2) ORDER BY u.until, u.key LIMIT $3
"""
LOCK_OFFERS = "SELECT FROM offer WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE"
# What was captured stays taken. A use goes back on the shelf, once, where the book refused its hold or gave
# it back, and where the book never heard of it though its time is over.
SWEEP_USES = """
WITH fate AS (
    SELECT i.key, CASE
        WHEN h.captured > 0 THEN 'taken'
        WHEN h.returned > 0 OR k.refusal IS NOT NULL OR k.key IS NULL AND u.until <= $2 THEN 'released'
        END AS outcome
    FROM unnest($1::bytea[]) AS i (key)
    CROSS JOIN LATERAL (SELECT * FROM offer_use o WHERE o.key = i.key OFFSET 0) u
    LEFT JOIN LATERAL (SELECT * FROM point_key o WHERE o.key = i.key OFFSET 0) k ON true
    LEFT JOIN LATERAL (SELECT * FROM point_hold o WHERE o.id = k.transfer OFFSET 0) h ON true
), ended AS (
    UPDATE offer_use u SET settled = true, released = f.outcome = 'released'
    FROM fate f WHERE u.key = f.key AND f.outcome IS NOT NULL AND NOT u.settled
    RETURNING u.offer, u.released
), returned AS (
    UPDATE offer o SET taken = o.taken - e.uses
    FROM (SELECT offer, count(*)::integer AS uses FROM ended WHERE released GROUP BY offer) e
    WHERE o.id = e.offer AND o.stock IS NOT NULL
)
SELECT count(*) FILTER (WHERE released)::integer, count(*) FILTER (WHERE NOT released)::integer FROM ended
"""


@dataclass(frozen=True, slots=True)
class NewOffer:
    """An offer as it is proposed; what does not go with its kind is None."""

    kind: Kind
    title: str
    terms: str
    points: int | None
    points_max: int | None
    stock: int | None
    per_person: int | None
    per_person_days: int | None
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class SoughtOffers:
    """Which open offers are looked for: below a number, on a day, of a division and those it is in,
    of a trade; None leaves any of the last two out.
    """

    before: int
    on: date
    division: str | None = None
    above: Sequence[str] = ()
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Swept:
    """How many uses came to nothing, and how many were captured."""

    released: int
    taken: int


def _record(row: Record) -> OfferRecord:
    values = tuple(row)
    return OfferRecord(OfferView(*values[:_PLACES]), *values[_PLACES:])


async def record(conn: Connection, number: int, *, lock: bool = False) -> OfferRecord | None:
    """Return an offer, locked to the end of the transaction if asked for."""
    row = await conn.fetchrow(LOCK_RECORD if lock else RECORD, number)
    return _record(row) if row else None


async def add(conn: Connection, merchant: str, new: NewOffer, by: str, at: datetime) -> int:
    """Keep an offer as proposed; returns its number."""
    number: int = await conn.fetchval(
        ADD, merchant, new.kind, new.title, new.terms, new.points, new.points_max, new.stock,
        new.per_person, new.per_person_days, new.valid_from, new.valid_until, by, at,
    )  # fmt: skip
    return number


async def count_live(conn: Connection, merchant: str) -> int:
    """Count the offers of a merchant that are not over."""
    count: int = await conn.fetchval(COUNT_LIVE, merchant, LIVE)
    return count


async def decide(
    conn: Connection, number: int, state: str, by: str, at: datetime, reason: str | None
) -> None:
    """Note what was decided about a proposed offer."""
    await conn.execute(DECIDE, number, state, by, at, reason)


async def set_state(conn: Connection, number: int, state: str, reason: str | None) -> None:
    """Pause, resume or end an offer; a reason says that the operator did."""
    await conn.execute(SET_STATE, number, state, reason)


async def restock(conn: Connection, number: int, stock: int) -> None:
    """Note of how many pieces there are altogether."""
    await conn.execute(RESTOCK, number, stock)


async def end_all(conn: Connection, merchant: str, by: str, at: datetime, reason: str) -> None:
    """End a merchant's offers, and refuse those that wait."""
    await conn.execute(END_ALL, merchant, reason)
    await conn.execute(REFUSE_ALL, merchant, reason, by, at)


async def offers_of(
    conn: Connection, merchant: str, before: int, limit: int, *, live: bool = False
) -> list[OfferRecord]:
    """List a merchant's offers before another one, newest first; `live` leaves out those over."""
    rows = await conn.fetch(LIVE_OFFERS_OF if live else OFFERS_OF, merchant, before, limit)
    return [_record(row) for row in rows]


async def waiting(conn: Connection, division: str, after: int, limit: int) -> list[OfferRecord]:
    """List offers that wait for a decision in a division (an empty one: everywhere), oldest first."""
    return [_record(row) for row in await conn.fetch(WAITING, division, after, limit)]


async def public_offers(conn: Connection, sought: SoughtOffers, limit: int) -> list[PublicOffer]:
    """List offers that may be used on a day, newest first."""
    rows = await conn.fetch(
        PUBLIC_OFFERS, sought.before, sought.on, sought.division, list(sought.above), sought.category,
        limit,
    )  # fmt: skip
    return [PublicOffer(*row) for row in rows]


async def unsettled(
    conn: Connection, after: tuple[datetime, bytes], limit: int
) -> list[tuple[datetime, bytes, int]]:
    """List uses that were neither captured nor given back, as (until, key, offer), oldest first."""
    return [tuple(row) for row in await conn.fetch(UNSETTLED, *after, limit)]


async def sweep_uses(
    conn: Connection, keys: Sequence[bytes], offers: Sequence[int], now: datetime
) -> Swept:
    """Settle uses by what the book says became of their holds."""
    await conn.execute(LOCK_OFFERS, offers)
    (row,) = await conn.fetch(SWEEP_USES, keys, now)
    return Swept(*row)
