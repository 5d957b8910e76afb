"""Finding a member by name: names are sealed, so that a division's are opened and looked through."""

from collections.abc import Sequence
from dataclasses import dataclass

from credit.access.logic import masked
from credit.access.views import Actor
from credit.earning.members import store
from credit.earning.members.store import Sought
from credit.earning.service.member_lists import open_names
from credit.earning.service.places import covers, reach
from credit.kit.db import Connection
from credit.kit.vault import Vault

__all__ = ["FoundMember", "Search", "find_by_name", "known_within"]

LOOKED_AT = 2_000
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
    rows = await store.members(conn, Sought(reach(actor)), LOOKED_AT + 1)
    names = await open_names(vault, rows[:LOOKED_AT])
    met = [one.member for one in rows if name in names.get(one.member.id, "")]
    phones = await vault.open(conn, "phone", [one.id for one in met[:FOUND_MAX]])
    found = [
        FoundMember(
            one.id, masked(names[one.id]), one.kind, one.division,
            phones.get(one.id, "")[-PHONE_SHOWN:],
        )
        for one in met[:FOUND_MAX]
    ]  # fmt: skip
    return Search(found, len(rows) <= LOOKED_AT and len(met) <= FOUND_MAX)


async def known_within(conn: Connection, actor: Actor, ids: Sequence[str]) -> list[str]:
    """Return which ids are members of the actor's division."""
    found = await store.members_by_id(conn, ids)
    return [key for key, one in found.items() if covers(actor, one.division)]
