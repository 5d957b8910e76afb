"""Files of an entry: kept by those who speak about it, handed out to those who see it."""

from collections.abc import Sequence
from uuid import UUID

from credit.access.views import Actor
from credit.blacklist import store
from credit.blacklist.store import Viewer
from credit.events import service as events
from credit.kit.blobs import Blob
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Forbidden, NotFound
from credit.kit.texts import say

__all__ = ["evidence_type", "keep_files"]

KEEPERS = frozenset({"events:hear", "lists:propose", "portal:use"})


async def keep_files(conn: Connection, clock: Clock, actor: Actor, blobs: Sequence[Blob]) -> None:
    """Note files that were kept on disk, for a step of an entry to name."""
    if not KEEPERS & actor.scopes:
        raise Forbidden(say("您的角色不能为名单记录上传材料。"))
    for blob in blobs:
        await events.keep_held(conn, clock, actor, blob)


async def evidence_type(
    conn: Connection, clock: Clock, actor: Actor, entry_id: UUID, digest: str
) -> str:
    """Return the media type of a file that a step of an entry names; NotFound for others, and where
    the entry is not shown to the actor.
    """
    viewer = Viewer(clock.today(), "trail:read" in actor.scopes, actor.party)
    if await store.find_entry(conn, entry_id, viewer) is not None:
        named = {one for step in await store.steps_of(conn, entry_id) for one in step.evidence}
        types = await store.evidence_types(conn, [digest]) if digest in named else {}
        if digest in types:
            return types[digest]
    raise NotFound(say("这条记录没有这份材料。"))
