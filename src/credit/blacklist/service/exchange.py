"""The exchange with partners of joint measures (联合惩戒): items in order, from any position on."""

from collections.abc import Sequence

from credit.access.logic import require
from credit.access.views import Actor
from credit.blacklist.reading import store
from credit.blacklist.reading.store import ExchangeRow
from credit.blacklist.views import ExchangeItem, ExchangePage
from credit.kit.clock import Clock, rfc3339
from credit.kit.db import Connection

__all__ = ["exchange_page", "told_page"]


async def exchange_page(
    conn: Connection, clock: Clock, actor: Actor, *, after: int, limit: int
) -> ExchangePage:
    """Return what partners are told after a position; a partner keeps its own.

    The same position gives the same items again. An entry that has ended is still an item, without
    what it said; a record that took it off its list follows.
    """
    require(actor, "lists:receive")
    rows = await store.exchange(conn, after, limit, clock.today())
    items = _items(rows)
    return ExchangePage(items, items[-1].id if items else after)


async def told_page(
    conn: Connection, clock: Clock, *, before: int, limit: int
) -> tuple[ExchangeItem, ...]:
    """Return what partners can fetch today, before a position, the newest first: for officers."""
    return _items(await store.told(conn, before, limit, clock.today()))


def _items(rows: Sequence[ExchangeRow]) -> tuple[ExchangeItem, ...]:
    return tuple(
        ExchangeItem(
            row.id,
            row.kind,  # type: ignore[arg-type]
            str(row.entry_id),
            rfc3339(row.created_at),
            row.body,
        )
        for row in rows
    )
