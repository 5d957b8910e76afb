"""SQL of the log."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from credit.kit.db import Connection
from credit.log.records import assemble
from credit.log.tiles import FullTile

__all__ = [
    "Entry",
    "EntryRow",
    "KeyRow",
    "NewRecord",
    "State",
]

CHANNEL = "credit_log"
ANNOUNCE = "SELECT pg_notify($1, '')"
PREFER_INDEXES = "SET enable_seqscan = off"
TRY_LOCK = "SELECT pg_try_advisory_lock(hashtext('credit sequencer'), $1)"
ADD_RECORDS = """
WITH added AS (
    INSERT INTO log_record (record_id, kind, kids, subjects, fragment)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::bytea[])
    ON CONFLICT DO NOTHING RETURNING k, record_id
), waiting AS (
    INSERT INTO log_intake (k) SELECT k FROM added
), linked AS (
    INSERT INTO log_subject (subject, k)
    SELECT s.subject, added.k
    FROM unnest($6::uuid[], $7::bytea[]) AS s (record_id, subject) JOIN added USING (record_id)
)
SELECT record_id FROM added
"""
NUMBERED = """
SELECT r.record_id, e.idx FROM log_record r JOIN log_entry e USING (k) WHERE r.record_id = ANY($1)
"""
REFUSED = """
SELECT r.record_id, f.reason FROM log_record r JOIN log_refusal f USING (k)
WHERE r.record_id = ANY($1)
"""
# OFFSET 0 keeps the planner to looking each record up by its key. Left to itself it walks over all
# records while it knows nothing of the tables yet.
_WAITING = """
CROSS JOIN LATERAL (
    SELECT kind, kids, subjects, fragment FROM log_record WHERE k = i.k OFFSET 0
) r ORDER BY i.k
"""
TAKE_INTAKE = f"""
WITH taken AS (
    DELETE FROM log_intake
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM log_intake ORDER BY k LIMIT $1)) RETURNING k
)
SELECT i.k, r.kind, r.kids, r.subjects, r.fragment FROM taken i {_WAITING}
"""
PEEK_INTAKE = f"""
SELECT i.k, r.kind, r.kids, r.subjects, r.fragment
FROM (SELECT k FROM log_intake WHERE k > $1 ORDER BY k LIMIT $2) i {_WAITING}
"""
REMOVE_INTAKE = "DELETE FROM log_intake WHERE k = ANY($1)"
HEADS = "SELECT subject, seq, leaf_hash FROM subject_head WHERE subject = ANY($1)"
PUT_HEADS = """
INSERT INTO subject_head (subject, seq, leaf_hash)
SELECT * FROM unnest($1::bytea[], $2::int[], $3::bytea[])
ON CONFLICT (subject) DO UPDATE SET seq = excluded.seq, leaf_hash = excluded.leaf_hash
"""
BEGIN_STATE = """
INSERT INTO log_state (id, size, root, stack) VALUES (1, 0, $1, ''::bytea) ON CONFLICT DO NOTHING
"""
STATE = "SELECT size, root, stack FROM log_state WHERE id = 1"
ADVANCE_STATE = """
UPDATE log_state SET size = $2, root = $3, stack = $4 WHERE id = 1 AND size = $1 RETURNING size
"""
KNOWN_KEYS = """
SELECT k.kid, r.idx IS NOT NULL AS revoked
FROM signing_key k JOIN log_record ar ON ar.record_id = k.announced_by
JOIN log_entry a ON a.k = ar.k
LEFT JOIN log_record rr ON rr.record_id = k.revoked_by
LEFT JOIN log_entry r ON r.k = rr.k
"""
LEAF_HASHES = "SELECT leaf_hash FROM log_entry WHERE idx >= $1 AND idx < $2 ORDER BY idx"
TILE_ROOTS = """
SELECT root FROM log_tile WHERE level = $1 AND number >= $2 AND number < $3 ORDER BY number
"""
TILES = """
SELECT t.level, t.number, t.data FROM log_tile t
JOIN unnest($1::smallint[], $2::bigint[]) AS w (level, number) USING (level, number)
"""
_ENTRY = "SELECT e.idx, r.record_id, r.kind, e.leaf_hash, e.admitted_at, r.fragment, e.tail"
ENTRIES = f"""
{_ENTRY} FROM log_entry e CROSS JOIN LATERAL (
    SELECT record_id, kind, fragment FROM log_record WHERE k = e.k OFFSET 0
) r
WHERE e.idx >= $1 AND e.idx < $2 ORDER BY e.idx
"""
ENTRY_OF_RECORD = f"""
{_ENTRY} FROM log_entry e JOIN log_record r USING (k) WHERE r.record_id = $1
"""
# OFFSET 0 keeps the planner to looking every record up by its key: with what it can know of a
# subject it would now and then read the whole log instead.
FRAGMENTS_OF_SUBJECTS = """
SELECT s.subject, e.idx, r.kind, r.record_id, r.fragment
FROM log_subject s
CROSS JOIN LATERAL (SELECT idx FROM log_entry WHERE k = s.k AND idx < $2 OFFSET 0) e
CROSS JOIN LATERAL (
    SELECT kind, record_id, fragment FROM log_record WHERE k = s.k AND kind = ANY($3) OFFSET 0) r
WHERE s.subject = ANY($1) ORDER BY s.subject, e.idx
"""
ADD_SEALED = """
INSERT INTO log_sealed (record_id, sealed_at) SELECT unnest($1::uuid[]), $2 ON CONFLICT DO NOTHING
"""
SEALED = "SELECT record_id FROM log_sealed WHERE record_id = ANY($1::uuid[])"
FRAGMENTS_SINCE = """
SELECT e.idx, r.fragment FROM log_entry e JOIN log_record r USING (k)
WHERE e.idx >= $1 AND r.kind = ANY($2) ORDER BY e.idx
"""
SIZE_AT = """
SELECT coalesce((SELECT size FROM log_checkpoint WHERE signed_at <= $1
                 ORDER BY signed_at DESC, size DESC LIMIT 1), 0)
"""
ADD_CHECKPOINT = """
INSERT INTO log_checkpoint (size, root, note, signed_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""
LAST_CHECKPOINT = "SELECT size, note, signed_at FROM log_checkpoint ORDER BY size DESC LIMIT 1"
ADD_KEY = """
INSERT INTO signing_key (kid, algorithm, public_key, holder, purpose, announced_by, announced_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING kid
"""
KEYS = """
SELECT kid, algorithm, public_key, holder, purpose, revoked_by, announced_by FROM signing_key
WHERE kid = ANY($1)
"""
KEYS_OF = """
SELECT kid, algorithm, public_key, holder, purpose, revoked_by, announced_by FROM signing_key
WHERE holder = $1 ORDER BY announced_at DESC LIMIT $2
"""
ALL_KEYS = """
SELECT k.kid, k.algorithm, k.public_key, k.holder, k.purpose, a.idx AS announced, r.idx AS revoked
FROM signing_key k LEFT JOIN log_record ar ON ar.record_id = k.announced_by
LEFT JOIN log_entry a ON a.k = ar.k
LEFT JOIN log_record rr ON rr.record_id = k.revoked_by
LEFT JOIN log_entry r ON r.k = rr.k
ORDER BY k.announced_at, k.kid LIMIT $1
"""
REVOKE_KEY = """
UPDATE signing_key SET revoked_by = $2, revoked_at = $3 WHERE kid = $1 AND revoked_by IS NULL
RETURNING kid
"""


# A row of log_entry: idx, k, admitted_at, tail, leaf_hash.
Entry = tuple[int, int, str, bytes, bytes]


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record on its way in: `kids` joined by spaces, the 32-byte hashes of its subjects."""

    record_id: UUID
    kind: str
    kids: str
    subjects: list[bytes]
    fragment: bytes


@dataclass(frozen=True, slots=True)
class State:
    """The tree's state."""

    size: int
    root: bytes
    stack: bytes


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry with its number, in the three parts its bytes are kept in."""

    idx: int
    record_id: UUID
    kind: str
    leaf_hash: bytes
    admitted_at: str
    fragment: bytes
    tail: bytes

    @property
    def entry(self) -> bytes:
        """The entry's bytes: the leaf of the tree."""
        return assemble(self.admitted_at, self.fragment, self.tail)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """An announced key."""

    kid: str
    algorithm: str
    public_key: bytes
    holder: str
    purpose: str
    revoked_by: UUID | None
    announced_by: UUID


async def add_records(conn: Connection, records: Sequence[NewRecord]) -> set[UUID]:
    """Write records and let them wait for their numbers; returns those whose id was new."""
    rows = await conn.fetch(
        ADD_RECORDS,
        [record.record_id for record in records],
        [record.kind for record in records],
        [record.kids for record in records],
        [b"".join(record.subjects) for record in records],
        [record.fragment for record in records],
        [record.record_id for record in records for _ in record.subjects],
        [subject for record in records for subject in record.subjects],
    )
    return {row["record_id"] for row in rows}


async def numbered(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return the index of each record that has one."""
    return {row["record_id"]: row["idx"] for row in await conn.fetch(NUMBERED, ids)}


async def add_sealed(conn: Connection, ids: Sequence[UUID], now: datetime) -> None:
    """Seal records."""
    await conn.execute(ADD_SEALED, ids, now)


async def sealed(conn: Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Return the sealed ones among records."""
    return {row["record_id"] for row in await conn.fetch(SEALED, ids)}


async def refused(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return why the sequencer refused each record it refused."""
    return {row["record_id"]: row["reason"] for row in await conn.fetch(REFUSED, ids)}


async def take_intake(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Take the records out that have waited longest, in order.

    Returns (k, kind, kids joined by spaces, hashes of the subjects joined, fragment).
    """
    return await conn.fetch(TAKE_INTAKE, limit)


async def peek_intake(conn: Connection, after: int, limit: int) -> list[asyncpg.Record]:
    """Read, without taking them out, records that wait behind a key; as `take_intake`."""
    return await conn.fetch(PEEK_INTAKE, after, limit)


async def remove_intake(conn: Connection, ks: Sequence[int]) -> bool:
    """Take records out that were peeked at; False when any was gone."""
    return await conn.execute(REMOVE_INTAKE, ks) == f"DELETE {len(ks)}"


async def heads(conn: Connection, subjects: Sequence[bytes]) -> dict[bytes, tuple[int, bytes]]:
    """Return (seq, leaf hash) of the last entry of each subject that has one."""
    rows = await conn.fetch(HEADS, subjects)
    return {row["subject"]: (row["seq"], row["leaf_hash"]) for row in rows}


async def put_heads(conn: Connection, changed: dict[bytes, tuple[int, bytes]]) -> None:
    """Move the heads of subjects' chains."""
    seqs = [seq for seq, _ in changed.values()]
    leaves = [leaf for _, leaf in changed.values()]
    await conn.execute(PUT_HEADS, list(changed), seqs, leaves)


async def add_entries(conn: Connection, entries: Iterable[Entry]) -> None:
    """Write entries; they are taken one by one while those before are on their way."""
    await conn.copy_records_to_table(
        "log_entry",
        records=entries,
        columns=["idx", "k", "admitted_at", "tail", "leaf_hash"],
    )


async def add_tiles(conn: Connection, tiles: Sequence[FullTile]) -> None:
    """Write full tiles."""
    await conn.copy_records_to_table(
        "log_tile",
        records=[(tile.level, tile.number, tile.data, tile.root) for tile in tiles],
        columns=["level", "number", "data", "root"],
    )


async def add_refusals(conn: Connection, refusals: Sequence[tuple[int, str, datetime]]) -> None:
    """Write refusals (k, reason, refused_at)."""
    await conn.copy_records_to_table(
        "log_refusal", records=refusals, columns=["k", "reason", "refused_at"]
    )


async def begin_state(conn: Connection, empty_root: bytes) -> None:
    """Write the state of an empty log, where there is none."""
    await conn.execute(BEGIN_STATE, empty_root)


async def state(conn: Connection) -> State | None:
    """Return the tree's state; None before the log began."""
    row = await conn.fetchrow(STATE)
    return None if row is None else State(*row)


async def advance_state(conn: Connection, old_size: int, new: State) -> bool:
    """Move the state on, only from `old_size`; False when somebody else moved it."""
    moved = await conn.fetchval(ADVANCE_STATE, old_size, new.size, new.root, new.stack)
    return moved is not None


async def known_keys(conn: Connection) -> dict[str, bool]:
    """Return each key whose announcement has a number, and whether its revocation has one."""
    return {row["kid"]: row["revoked"] for row in await conn.fetch(KNOWN_KEYS)}


async def leaf_hashes(conn: Connection, begin: int, end: int) -> list[bytes]:
    """Return the leaf hashes of entries begin..end."""
    return [row["leaf_hash"] for row in await conn.fetch(LEAF_HASHES, begin, end)]


async def tile_roots(conn: Connection, level: int, begin: int, end: int) -> list[bytes]:
    """Return the roots of full tiles begin..end of a level."""
    return [row["root"] for row in await conn.fetch(TILE_ROOTS, level, begin, end)]


async def tiles(
    conn: Connection, wanted: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], bytes]:
    """Return the full tiles among those wanted, by (level, number)."""
    pairs = list(wanted)
    rows = await conn.fetch(TILES, [p[0] for p in pairs], [p[1] for p in pairs])
    return {(row["level"], row["number"]): row["data"] for row in rows}


async def entries(conn: Connection, begin: int, end: int) -> list[EntryRow]:
    """Return entries begin..end."""
    return [EntryRow(*row) for row in await conn.fetch(ENTRIES, begin, end)]


async def entry_of_record(conn: Connection, record_id: UUID) -> EntryRow | None:
    """Return the entry of a record."""
    row = await conn.fetchrow(ENTRY_OF_RECORD, record_id)
    return None if row is None else EntryRow(*row)


async def fragments_of_subjects(
    conn: Connection, subjects: Sequence[bytes], size: int, kinds: Sequence[str]
) -> list[asyncpg.Record]:
    """Return (subject, index, kind, record id, fragment) of what subjects' chains hold below a
    log size.
    """
    return await conn.fetch(FRAGMENTS_OF_SUBJECTS, subjects, size, kinds)


async def fragments_since(
    conn: Connection, index: int, kinds: Sequence[str]
) -> list[asyncpg.Record]:
    """Return (index, fragment) of the entries of some kinds from an index on."""
    return await conn.fetch(FRAGMENTS_SINCE, index, kinds)


async def size_at(conn: Connection, moment: datetime) -> int:
    """Return the size of the last checkpoint signed by a moment; 0 before the first."""
    size: int = await conn.fetchval(SIZE_AT, moment)
    return size


async def add_checkpoint(
    conn: Connection, size: int, root: bytes, note: str, now: datetime
) -> None:
    """Store a checkpoint that was kept outside the database."""
    await conn.execute(ADD_CHECKPOINT, size, root, note, now)


async def last_checkpoint(conn: Connection) -> tuple[int, str, datetime] | None:
    """Return (size, note, when it was signed) of the newest checkpoint."""
    row = await conn.fetchrow(LAST_CHECKPOINT)
    return None if row is None else (row["size"], row["note"], row["signed_at"])


async def prefer_indexes(conn: Connection) -> None:
    """Tell the planner to look things up: a plan made while a city's tables were still empty
    would go on reading them whole when they have grown.
    """
    await conn.execute(PREFER_INDEXES)


async def try_lock(conn: Connection, city: int) -> bool:
    """Take the city's sequencer lock for this connection, unless another one holds it."""
    locked: bool = await conn.fetchval(TRY_LOCK, city)
    return locked


async def announce_batch(conn: Connection, city: str) -> None:
    """Wake whoever waits for a record's number; sent at commit."""
    await conn.execute(ANNOUNCE, f"{CHANNEL}_{city}")


async def add_key(
    conn: Connection,
    kid: str,
    *,
    algorithm: str,
    public_key: bytes,
    holder: str,
    purpose: str,
    record_id: UUID,
    now: datetime,
) -> bool:
    """Note an announced key; False when it was announced before."""
    row = await conn.fetchval(ADD_KEY, kid, algorithm, public_key, holder, purpose, record_id, now)
    return row is not None


async def keys(conn: Connection, kids: Sequence[str]) -> list[KeyRow]:
    """Return announced keys."""
    return [KeyRow(*row) for row in await conn.fetch(KEYS, kids)]


async def keys_of(conn: Connection, holder: str, limit: int) -> list[KeyRow]:
    """Return a person's keys, the newest first."""
    return [KeyRow(*row) for row in await conn.fetch(KEYS_OF, holder, limit)]


async def all_keys(conn: Connection, limit: int) -> list[dict[str, object]]:
    """Return every announced key with the indexes of announcement and revocation."""
    return [dict(row) for row in await conn.fetch(ALL_KEYS, limit)]


async def revoke_key(conn: Connection, kid: str, record_id: UUID, now: datetime) -> bool:
    """Note a key's revocation; False when it is unknown or was revoked before."""
    return await conn.fetchval(REVOKE_KEY, kid, record_id, now) is not None
