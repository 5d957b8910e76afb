"""A wallet as its holder sees it."""

from datetime import date, datetime
from itertools import groupby

from msgspec import Struct

from credit.earning.participation import store
from credit.earning.views import MemberView
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.points.service import accounts as book

__all__ = ["Ending", "Held", "Lot", "Wallet", "wallet_of"]


class Lot(Struct, frozen=True):
    """Points that came together, and until when they are good (null: always)."""

    id: str
    points: int
    valid_until: date | None


class Held(Struct, frozen=True):
    """Points set aside for a merchant until a moment."""

    id: str
    points: int
    until: datetime


class Ending(Struct, frozen=True):
    """How many points end with a day."""

    on: date
    points: int


class Wallet(Struct, frozen=True):
    """A wallet: `available` can be spent now, `held` is set aside for merchants, `pending` is
    awarded and not available yet; `lots` stand in the order in which they are spent.
    """

    id: str
    available: int
    held: int
    pending: int
    lots: list[Lot]
    holds: list[Held]
    ending: list[Ending]


async def wallet_of(conn: Connection, clock: Clock, member: MemberView) -> Wallet:
    """Return what a member's wallet holds today."""
    today = clock.today()
    balance = (await book.balances(conn, [member.account], today))[member.account]
    lots = await book.open_lots(conn, member.account, today)
    holds = await book.open_holds(conn, member.account)
    dated = sorted((one.valid_until, one.points) for one in lots if one.valid_until is not None)
    return Wallet(
        member.id,
        balance.available,
        balance.held,
        await store.pending_of(conn, member.id),
        [Lot(str(one.lot), one.points, one.valid_until) for one in lots],
        [Held(str(one.hold), one.amount, one.until) for one in holds],
        [
            Ending(day, sum(points for _, points in of_day))
            for day, of_day in groupby(dated, key=lambda one: one[0])
        ],
    )
