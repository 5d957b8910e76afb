"""Announced keys with their holders: who may still sign, and who should not any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from credit.access import logic
from credit.access import service as access
from credit.access.views import Actor
from credit.kit.db import Connection
from credit.kit.patterns import containing
from credit.kit.vault import Vault
from credit.log.keys import store
from credit.log.keys.store import KeyLine

__all__ = ["KeyState", "ShownKey", "count_live", "count_orphans", "keys_page"]

KeyState = Literal["", "live", "orphan", "revoked"]


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key with its holder's name as the one who looks may see it; empty when nobody knows it."""

    line: KeyLine
    name: str


async def keys_page(
    conn: Connection,
    vault: Vault,
    actor: Actor,
    *,
    after: str | None,
    holder: str | None,
    state: KeyState,
    query: str | None,
    limit: int,
) -> Sequence[ShownKey]:
    """List keys, those announced last first; of names an administrator alone sees the whole.

    `query` is looked for in user names, organisations and the ids of keys and holders.
    """
    logic.require(actor, "keys:read")
    like = containing(query) if query else None
    lines = await store.keys(conn, after, holder=holder, state=state, like=like, limit=limit)
    names = await access.names_of(conn, vault, list({line.holder for line in lines}))
    whole = "people:write" in actor.scopes
    return [
        ShownKey(line, name if whole else logic.masked(name))
        for line in lines
        for name in [names.get(line.holder, "")]
    ]


async def count_live(conn: Connection, holder: str) -> int:
    """Count a person's keys that still sign."""
    return await store.count_live(conn, holder)


async def count_orphans(conn: Connection) -> int:
    """Count the keys that still sign though their holder's account has ended."""
    return await store.count_orphans(conn)
