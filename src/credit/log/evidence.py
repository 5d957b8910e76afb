"""What proves a record offline: its entry, the announcement of the key that signed it and, where
there is one, that key's revocation, each proved to be in the tree of one checkpoint.
"""

from dataclasses import dataclass
from uuid import UUID

from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.texts import say
from credit.log import service, store
from credit.log.nodes import ask_tree
from credit.log.records import parse_entry
from credit.log.tree import inclusion_proof

__all__ = ["Evidence", "Proved", "evidence_of"]


@dataclass(frozen=True, slots=True)
class Proved:
    """An entry, its index, and the hashes that lead from it to the checkpoint's root."""

    index: int
    entry: bytes
    hashes: list[bytes]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A record with its signer's key, all in the tree of `checkpoint`, a signed note."""

    checkpoint: str
    record: Proved
    key: Proved
    revocation: Proved | None


async def evidence_of(conn: Connection, record_id: UUID) -> Evidence:
    """Gather what proves a record with one signature; NotFound until a checkpoint covers it."""
    head = await service.checkpoint(conn)
    row = await store.entry_of_record(conn, record_id)
    if row is None or row.idx >= head.size:
        raise NotFound(
            say("这一期封存还没有写进公开日志的检查点，请一分钟后再取凭证。"), slug="not-in-log"
        )
    kid = parse_entry(row.entry)["sigs"][0]["kid"]
    (key,) = await store.keys(conn, [kid])
    announced = await store.entry_of_record(conn, key.announced_by)
    revoked = key.revoked_by and await store.entry_of_record(conn, key.revoked_by)
    if announced is None:
        raise RuntimeError("a key whose announcement has no number signed an entry")
    if revoked and revoked.idx >= head.size:
        revoked = None  # the next checkpoint tells
    rows = [row, announced, *([revoked] if revoked else [])]
    paths = await ask_tree(
        conn, head.size, lambda nodes: [inclusion_proof(nodes, one.idx, head.size) for one in rows]
    )
    proved = [Proved(one.idx, one.entry, path) for one, path in zip(rows, paths, strict=True)]
    return Evidence(head.note, proved[0], proved[1], proved[2] if revoked else None)
