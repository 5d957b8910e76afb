"""Use cases of organisations: who stands for a party, and which offices there are."""

from collections.abc import Collection, Iterable

from credit.access.organisations import store
from credit.access.views import Organisation
from credit.kit.db import Connection
from credit.kit.errors import Conflict
from credit.kit.patterns import containing
from credit.kit.texts import say

__all__ = ["find_offices", "offices", "offices_in", "refuse_shared_code", "standing_for"]

FOUND_MAX = 50


async def standing_for(
    conn: Connection, parties: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Organisation]:
    """Return for parties (kind of organisation, code) those that have an organisation here."""
    pairs = sorted(set(parties))
    return await store.of_parties(conn, [kind for kind, _ in pairs], [code for _, code in pairs])


async def offices(conn: Connection, ids: Collection[str]) -> dict[str, Organisation]:
    """Return organisations by id."""
    return await store.named(conn, ids) if ids else {}


async def find_offices(conn: Connection, kinds: Collection[str], query: str) -> list[Organisation]:
    """Return organisations of some kinds whose name holds a text, up to fifty."""
    return await store.find_offices(conn, sorted(kinds), containing(query), FOUND_MAX)


async def offices_in(conn: Connection, divisions: Collection[str]) -> list[Organisation]:
    """List the offices of some divisions, those of the smallest first, up to fifty."""
    return await store.offices_in(conn, sorted(set(divisions)), FOUND_MAX)


async def refuse_shared_code(conn: Connection, kind: str, party: str | None) -> None:
    """Refuse a code under which an organisation of another kind stands.

    What a session sees of its own is found by the code alone.
    """
    other = None if party is None else await store.codes_of_others(conn, kind, party)
    if other is not None:
        raise Conflict(
            say(
                "代码“%(party)s”已由另一类单位“%(other)s”使用。请核对单位类别和代码；不同类别的单位代码相同时，请先在登记册里改成不同的代码。",
                party=party,
                other=other,
            ),
            slug="code-shared",
        )
