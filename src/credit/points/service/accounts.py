"""Accounts as other slices use them: opening, looking into, paying from by one-time codes."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.points import store as book
from credit.points.logic import codes
from credit.points.reading import store
from credit.points.views import Account, Balance, Entry, Hold, NewAccount, OpenHold, OpenLot

__all__ = [
    "LAST", "account_of", "accounts_named", "balances", "capture_of", "close_account", "close_accounts",
    "code_account", "ending", "expecting", "history", "hold_for", "holds_for", "is_known", "make_code",
    "open_accounts", "open_holds", "open_lots", "purge_codes",
]  # fmt: skip

LAST = 2**63 - 1  # above every number of a transfer
LOTS_MAX, HOLDS_MAX, EXPECTING_MAX = 200, 50, 1_000
DAYS_MAX = 3_660  # ten years of days
# How long a code that is over is kept, so that who shows it again is told so.
CODES_KEPT = timedelta(days=1)


async def open_accounts(
    conn: Connection, clock: Clock, accounts: Sequence[NewAccount]
) -> dict[str, int]:
    """Open accounts under their codes; returns the numbers of all, those opened before, too."""
    return await book.open_accounts(conn, accounts, clock.now())


async def close_account(conn: Connection, clock: Clock, account: int) -> bool:
    """Close an account that has nothing left and is part of no open hold; says whether it is."""
    return account in await close_accounts(conn, clock, [account])


async def close_accounts(conn: Connection, clock: Clock, accounts: Sequence[int]) -> set[int]:
    """Close accounts that have nothing left and are part of no open hold; returns those that are."""
    return await store.close_accounts(conn, accounts, clock.now())


async def accounts_named(conn: Connection, codes_: Sequence[str]) -> dict[str, Account]:
    """Return accounts by their codes; unknown ones are left out."""
    return await store.accounts_by_code(conn, codes_)


async def account_of(conn: Connection, number: int) -> Account | None:
    """Return an account by its number; None for one that is not there, or not for who asks."""
    return (await store.accounts_by_id(conn, [number])).get(number)


async def balances(conn: Connection, accounts: Sequence[int], today: date) -> Mapping[int, Balance]:
    """Return what accounts hold, by their numbers."""
    return await store.balances(conn, accounts, today)


async def open_lots(conn: Connection, account: int, today: date) -> list[OpenLot]:
    """List what an account can spend, in the order in which it is drawn."""
    return await store.open_lots(conn, account, today, LOTS_MAX)


async def ending(conn: Connection, account: int, today: date) -> list[tuple[date, int]]:
    """Return how many points of an account end with which day: of all its lots, the earliest first."""
    return await store.ending(conn, account, today, DAYS_MAX)


async def open_holds(conn: Connection, account: int) -> list[OpenHold]:
    """List what is set aside of an account, oldest first."""
    return await store.open_holds(conn, account, HOLDS_MAX)


async def expecting(conn: Connection, accounts: Sequence[int]) -> list[int]:
    """List the open holds whose points are to come to some accounts, oldest first."""
    return await store.expecting(conn, accounts, EXPECTING_MAX)


async def history(conn: Connection, account: int, before: int, limit: int) -> list[Entry]:
    """List what came to an account and went from it before a transfer, newest first."""
    return await store.history(conn, account, before, limit)


async def hold_for(conn: Connection, hold: int, beneficiary: int) -> Hold | None:
    """Return a hold made for an account; None for anybody else's."""
    return await store.hold_for(conn, hold, beneficiary)


async def capture_of(conn: Connection, hold: int, beneficiary: int) -> int | None:
    """Return the transfer by which a hold made for an account was captured; None without one."""
    return await store.capture_of(conn, hold, beneficiary)


async def holds_for(conn: Connection, beneficiary: int, before: int, limit: int) -> list[Hold]:
    """List the holds made for an account before another one, newest first."""
    return await store.holds_for(conn, beneficiary, before, limit)


async def make_code(
    conn: Connection, clock: Clock, account: int, *, seconds: int, beneficiary: int | None = None
) -> tuple[str, datetime]:
    """Make a one-time code for an account's points; returns it, and until when it is good.

    With `beneficiary` it is good for that account alone.
    """
    code, until = codes.code_of(secrets.token_bytes(16)), clock.now() + timedelta(seconds=seconds)
    digest = codes.digest_of(code)
    if digest is None:
        raise RuntimeError("a code that was just made is none")
    await store.add_code(conn, digest, account, beneficiary, until)
    return code, until


async def code_account(conn: Connection, digest: bytes) -> int | None:
    """Return whose points a code is for, used or over or not; None for an unknown one."""
    return await store.code_account(conn, digest)


async def is_known(conn: Connection, key: bytes) -> bool:
    """Say whether the book answered something under a key."""
    return await store.is_known(conn, key)


async def purge_codes(conn: Connection, clock: Clock) -> None:
    """Forget codes that have long been over."""
    await store.purge_codes(conn, clock.now() - CODES_KEPT)
