"""Evidence files of a side: kept for it when uploaded, and named by it alone.

Digests of files stand in public records: to know one is not to have the file.
"""

from collections.abc import Collection

from credit.access.views import Actor
from credit.events.evidence import store
from credit.kit.blobs import Blob
from credit.kit.clock import Clock
from credit.kit.db import Connection

__all__ = ["held_evidence", "keep_held", "usable_evidence"]

OFFICE = "office"


async def keep_held(conn: Connection, clock: Clock, actor: Actor, blob: Blob) -> None:
    """Note a file that was kept on disk as uploaded by the actor's side.

    Who may upload what is the caller's to say.
    """
    await store.add_evidence(
        conn,
        blob.digest,
        size=blob.size,
        media_type=blob.media_type,
        by=actor.person_id,
        holder=_side(actor),
        now=clock.now(),
    )


async def held_evidence(conn: Connection, actor: Actor, digests: Collection[str]) -> set[str]:
    """Return those digests whose files the actor's own side uploaded: their party or, for people
    without one, the office.
    """
    if not digests:
        return set()
    return await store.held_evidence(conn, sorted(set(digests)), _side(actor))


async def usable_evidence(
    conn: Connection, actor: Actor, digests: Collection[str], named: Collection[str] = ()
) -> dict[str, tuple[int, str]]:
    """Return (size, media type) of the files the actor may name in a matter, by digest: those their
    side uploaded, and what the matter `named` before.
    """
    wanted = set(digests)
    known = wanted.intersection(named)
    usable = known | await held_evidence(conn, actor, wanted - known)
    return await store.known_evidence(conn, sorted(usable)) if usable else {}


def _side(actor: Actor) -> str:
    return actor.party or OFFICE
