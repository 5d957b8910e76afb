"""Finding a member by name: names are sealed, so that a division's are opened and looked through."""

from collections.abc import Sequence
from dataclasses import dataclass

from credit.access.logic import masked
from credit.access.views import Actor
from credit.earning.members import store
from credit.earning.service.places import covers, reach
from credit.kit.db import Connection
from credit.kit.vault import Vault

__all__ = ["FoundMember", "Search", "find_by_name", "known_within"]

LOOKED_AT, AT_ONCE = 3_000, 1_000
FOUND_MAX = 20
PHONE_SHOWN = 4


@dataclass(frozen=True, slots=True)
class FoundMember:
    """A member with a masked name, and the last digits of a telephone to tell people apart."""

    id: str
    name: str
    kind: str
    division: str
    phone: str


@dataclass(frozen=True, slots=True)
class Search:
    """Who was found; `whole` says that everybody of the division was looked at."""

    found: list[FoundMember]
    whole: bool


async def find_by_name(conn: Connection, vault: Vault, actor: Actor, name: str) -> Search:
    """Find members of the actor's division whose name holds a text; the first FOUND_MAX of them.

    At most LOOKED_AT members are looked at: in a larger division one is found by the wallet's id.
    """
    found: list[FoundMember] = []
    after, seen, whole = "", 0, False
    while seen < LOOKED_AT and len(found) < FOUND_MAX and not whole:
        page = await store.members(conn, reach(actor), after, None, AT_ONCE)
        names = await vault.open(conn, "name", [one.id for one in page])
        met = [one for one in page if name in names.get(one.id, "")]
        phones = await vault.open(conn, "phone", [one.id for one in met])
        found += [
            FoundMember(
                one.id, masked(names[one.id]), one.kind, one.division,
                phones.get(one.id, "")[-PHONE_SHOWN:],
            )
            for one in met
        ]  # fmt: skip
        seen, whole = seen + len(page), len(page) < AT_ONCE
        after = page[-1].id if page else after
    return Search(found[:FOUND_MAX], whole and len(found) <= FOUND_MAX)


async def known_within(conn: Connection, actor: Actor, ids: Sequence[str]) -> list[str]:
    """Return which ids are members of the actor's division."""
    found = await store.members_by_id(conn, ids)
    return [key for key, one in found.items() if covers(actor, one.division)]
