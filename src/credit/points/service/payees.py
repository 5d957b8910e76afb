"""Payees as other slices use them: what they were paid, and what happened for them, by number.

Transfers are numbered in the order in which they are committed, so that what stands between two
numbers is the same whenever it is asked for.
"""

from collections.abc import Sequence
from datetime import datetime

from credit.kit.db import Connection
from credit.points.payees import store
from credit.points.views import Happening, Payment

__all__ = [
    "concerned",
    "end_before",
    "end_of_book",
    "end_of_stretch",
    "happenings",
    "paid_out",
    "payments",
    "unpaid_before",
]


async def payments(
    conn: Connection, account: int, after: int, upto: int, limit: int
) -> list[Payment]:
    """List captures for an account and refunds out of it, numbered above `after` through `upto`."""
    return await store.payments(conn, account, after, upto, limit)


async def unpaid_before(
    conn: Connection, since: Sequence[tuple[int, int]], moment: datetime
) -> set[int]:
    """Say which accounts had captures or refunds above a number of theirs before a moment.

    `since` holds (account, number).
    """
    accounts, numbers = [one[0] for one in since], [one[1] for one in since]
    return set(await store.unpaid_before(conn, accounts, numbers, moment))


async def paid_out(conn: Connection, transfer: int) -> tuple[int, int, int] | None:
    """Return debit, credit and amount of a transfer that paid a payee; None for any other."""
    return await store.paid_out(conn, transfer)


async def end_of_book(conn: Connection) -> int:
    """Return the number of the last transfer; 0 for none."""
    return await store.end_of_book(conn)


async def end_before(conn: Connection, account: int, after: int, moment: datetime) -> int:
    """Return the number of an account's last capture or refund above `after` that was made before
    a moment; `after` for none.
    """
    return await store.end_before(conn, account, after, moment)


async def end_of_stretch(conn: Connection, after: int, limit: int) -> int | None:
    """Return the number of the last of so many transfers above `after`; None where there is none."""
    return await store.end_of_stretch(conn, after, limit)


async def concerned(conn: Connection, after: int, upto: int) -> set[int]:
    """Return the accounts for which something happened by the transfers above `after` through
    `upto`: a stretch of the book that the caller bounds.
    """
    return await store.concerned(conn, after, upto)


async def happenings(
    conn: Connection, account: int, after: int, upto: int, limit: int
) -> list[Happening]:
    """List what happened for an account by the transfers above `after` through `upto`, in order:
    holds for it, what became of them, and what it was paid out.
    """
    return await store.happenings(conn, account, after, upto, limit)
