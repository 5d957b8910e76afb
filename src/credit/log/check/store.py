"""SQL of the check of the log: whole tables, read in the order they are checked in."""

from collections.abc import Sequence

import asyncpg

from credit.kit.db import Connection

__all__ = [
    "all_heads",
    "checkpoints",
    "counts",
    "entries",
    "full_tiles",
    "links",
    "unplaced",
]

# OFFSET 0 keeps the planner to looking each record up by its key, as in `credit.log.store`.
ENTRIES = """
SELECT e.idx, r.k, r.record_id::text, r.kind, r.subjects, e.leaf_hash,
    convert_to('{"admitted_at":"' || e.admitted_at || '",', 'UTF8') || r.fragment || e.tail
FROM log_entry e CROSS JOIN LATERAL (
    SELECT k, record_id, kind, subjects, fragment FROM log_record WHERE k = e.k OFFSET 0
) r
WHERE e.idx >= $1 AND e.idx < $2 ORDER BY e.idx
"""
LINKS = """
SELECT subject, array_agg(k ORDER BY k) AS ks FROM log_subject WHERE subject > $1
GROUP BY subject ORDER BY subject LIMIT $2
"""
UNPLACED = "SELECT k FROM log_intake UNION ALL SELECT k FROM log_refusal"
HEADS = "SELECT subject, seq, leaf_hash FROM subject_head"
TILES = """
SELECT t.level, t.number, t.data, t.root FROM log_tile t
JOIN unnest($1::smallint[], $2::bigint[]) AS w (level, number) USING (level, number)
"""
COUNTS = """
SELECT (SELECT count(*) FROM log_entry) AS entries, (SELECT count(*) FROM log_tile) AS tiles,
    (SELECT count(*) FROM log_record) - (SELECT count(*) FROM log_intake)
        - (SELECT count(*) FROM log_refusal) AS placed
"""
CHECKPOINTS = """
SELECT size, root, note FROM log_checkpoint WHERE size > $1 ORDER BY size LIMIT $2
"""


async def entries(conn: Connection, begin: int, end: int) -> list[asyncpg.Record]:
    """Return (idx, k, record id, kind, hashes of the subjects joined, leaf hash, entry)."""
    return await conn.fetch(ENTRIES, begin, end)


async def links(conn: Connection, after: bytes, limit: int) -> list[asyncpg.Record]:
    """Return (subject, ks of its records in order) of subjects after one."""
    return await conn.fetch(LINKS, after, limit)


async def unplaced(conn: Connection) -> set[int]:
    """Return the ks of records that wait or were refused."""
    return {row["k"] for row in await conn.fetch(UNPLACED)}


async def all_heads(conn: Connection) -> dict[bytes, tuple[int, bytes]]:
    """Return every subject's head."""
    rows = await conn.fetch(HEADS)
    return {row["subject"]: (row["seq"], row["leaf_hash"]) for row in rows}


async def full_tiles(
    conn: Connection, wanted: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], tuple[bytes, bytes]]:
    """Return (data, root) of the full tiles among those wanted."""
    rows = await conn.fetch(TILES, [t[0] for t in wanted], [t[1] for t in wanted])
    return {(row["level"], row["number"]): (row["data"], row["root"]) for row in rows}


async def counts(conn: Connection) -> tuple[int, int, int]:
    """Return how many entries and full tiles there are, and records neither waiting nor refused."""
    row = await conn.fetchrow(COUNTS)
    if row is None:
        raise RuntimeError("counting always answers")
    return row["entries"], row["tiles"], row["placed"]


async def checkpoints(conn: Connection, after: int, limit: int) -> list[tuple[int, bytes, str]]:
    """Return (size, root, note) of checkpoints beyond a size."""
    return [tuple(row) for row in await conn.fetch(CHECKPOINTS, after, limit)]
