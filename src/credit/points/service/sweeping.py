"""What time ends: points past their day are booked as expired, holds past their time are given back.

Neither waits for this to be so: both are checked whenever points are used. The sweeps only book it.
"""

from collections.abc import Sequence

from credit.kit.clock import Clock
from credit.kit.db import Connection, Database
from credit.points import store
from credit.points.logic import operations
from credit.points.service.posting import Writer

__all__ = ["expire_accounts", "expire_points", "lapse_holds"]

# So many lots are looked for at a time, and so many booked along with what others post meanwhile: a few,
# since they wait for these, too.
LOTS = 200_000
AT_ONCE = 64
HOLDS = 500


async def expire_points(db: Database, clock: Clock, city: str, writer: Writer) -> int:
    """Book every point that is past its day as expired; returns how many lots that were.

    May be stopped and started again at any time: what was not booked is booked by the next one.
    """
    lots = 0
    while True:
        async with db.city(city) as conn:
            over = await store.lots_to_expire(conn, clock.today(), LOTS)
        booked = 0
        for begin in range(0, len(over), AT_ONCE):
            booked += await writer.expire(over[begin : begin + AT_ONCE])
        lots += booked
        if len(over) < LOTS or not booked:
            return lots


async def expire_accounts(conn: Connection, clock: Clock, accounts: Sequence[int]) -> None:
    """Book what some accounts have past its day as expired, now and not by night."""
    today = clock.today()
    async with conn.transaction():
        await store.lock_book(conn)
        lots = await store.lots_to_expire_of(conn, accounts, today)
        await store.expire_lots(conn, lots, clock.now(), today)


async def lapse_holds(db: Database, clock: Clock, city: str, writer: Writer) -> int:
    """Give back what is held longer than was said; returns how many holds that were."""
    lapsed = 0
    while True:
        async with db.city(city) as conn:
            over = await store.holds_over(conn, clock.now(), HOLDS)
        outcomes = await writer.post_all(
            [
                operations.void(operations.key_of("sweep", "lapse", str(hold), b""), hold, "lapse")
                for hold in over
            ]
        )
        done = sum(one.outcome == "posted" for one in outcomes)
        lapsed += done
        if done < HOLDS:
            return lapsed
