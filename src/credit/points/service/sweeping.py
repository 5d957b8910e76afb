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

# So many accounts are asked for at a time, and so many booked in a transaction of its own: whoever
# redeems waits for no more.
ACCOUNTS = 1_000
AT_ONCE = 80
ROUNDS = 10
HOLDS = 500


async def expire_points(db: Database, clock: Clock, city: str) -> int:
    """Book every point that is past its day as expired; returns how many lots that were.

    May be stopped and started again at any time: what was not booked, or is lost with the server, is
    booked by the next one. So nobody who redeems has to wait until it is on the disk.
    """
    lots, today = 0, clock.today()
    conn = await db.dedicated(city)
    try:
        await store.commit_without_waiting(conn)
        for _ in range(ROUNDS):  # what somebody was just posting to is left to the next one
            accounts = await store.accounts_to_expire(conn, today)
            for begin in range(0, len(accounts), ACCOUNTS):
                some = accounts[begin : begin + ACCOUNTS]
                lots += await store.expire_in_steps(conn, some, AT_ONCE, clock.now(), today)
            if not accounts:
                break
    finally:
        await conn.close()
    return lots


async def expire_accounts(conn: Connection, clock: Clock, accounts: Sequence[int]) -> None:
    """Book what some accounts have past its day as expired, now and not by night."""
    async with conn.transaction():
        await store.lock_book(conn)
        await store.expire_lots(conn, list(accounts), clock.now(), clock.today())


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
