"""SQL of the log."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from credit.kit.db import Connection

__all__ = [
    "EntryRow",
    "IntakeRow",
    "KeyRow",
    "NewIntake",
    "State",
]

CHANNEL = "credit_log"
ANNOUNCE = "SELECT pg_notify($1, '')"
TRY_LOCK = "SELECT pg_try_advisory_lock(hashtext('credit sequencer'), $1)"
ADD_INTAKE = """
INSERT INTO log_intake (event_id, kind, kids, subjects, fragment)
SELECT n.event_id, n.kind, string_to_array(n.kids, ' '),
    ARRAY(SELECT substring(n.subjects FROM 32 * i + 1 FOR 32)
          FROM generate_series(0, octet_length(n.subjects) / 32 - 1) AS i),
    n.fragment
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::bytea[])
    AS n (event_id, kind, kids, subjects, fragment)
ON CONFLICT DO NOTHING RETURNING event_id
"""
NUMBERED = "SELECT event_id, idx FROM log_entry WHERE event_id = ANY($1)"
REFUSED = "SELECT event_id, reason FROM log_refusal WHERE event_id = ANY($1)"
TAKE_INTAKE = """
DELETE FROM log_intake WHERE k IN (SELECT k FROM log_intake ORDER BY k LIMIT $1)
RETURNING k, event_id, kind, kids, subjects, fragment
"""
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
LAST_ADMITTED = "SELECT admitted_at FROM log_entry ORDER BY idx DESC LIMIT 1"
KNOWN_KEYS = """
SELECT k.kid, r.idx IS NOT NULL AS revoked
FROM signing_key k JOIN log_entry a ON a.event_id = k.announced_by
LEFT JOIN log_entry r ON r.event_id = k.revoked_by
"""
LEAF_HASHES = "SELECT leaf_hash FROM log_entry WHERE idx >= $1 AND idx < $2 ORDER BY idx"
TILE_ROOTS = """
SELECT root FROM log_tile WHERE level = $1 AND number >= $2 AND number < $3 ORDER BY number
"""
TILES = """
SELECT t.level, t.number, t.data FROM log_tile t
JOIN unnest($1::smallint[], $2::bigint[]) AS w (level, number) USING (level, number)
"""
ENTRIES = "SELECT entry FROM log_entry WHERE idx >= $1 AND idx < $2 ORDER BY idx"
ENTRY = "SELECT idx, event_id, kind, leaf_hash, admitted_at, entry FROM log_entry WHERE idx = $1"
ENTRY_OF_EVENT = """
SELECT idx, event_id, kind, leaf_hash, admitted_at, entry FROM log_entry WHERE event_id = $1
"""
ENTRIES_OF_SUBJECTS = """
SELECT s.subject, e.idx, e.kind, e.event_id, e.entry
FROM log_subject s JOIN log_entry e ON e.idx = s.idx
WHERE s.subject = ANY($1) AND s.idx < $2 AND e.kind = ANY($3)
ORDER BY s.subject, s.seq
"""
FIRST_OF_KINDS = """
SELECT idx, entry FROM log_entry WHERE idx >= $1 AND kind = ANY($2) ORDER BY idx
"""
SIZE_AT = """
SELECT coalesce((SELECT idx + 1 FROM log_entry WHERE admitted_at <= $1
                 ORDER BY admitted_at DESC, idx DESC LIMIT 1), 0)
"""
ADD_CHECKPOINT = """
INSERT INTO log_checkpoint (size, root, note, signed_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""
LAST_CHECKPOINT = "SELECT size, note FROM log_checkpoint ORDER BY size DESC LIMIT 1"
CHECKPOINTS = """
SELECT size, root, note FROM log_checkpoint WHERE size > $1 ORDER BY size LIMIT $2
"""
ADD_KEY = """
INSERT INTO signing_key (kid, algorithm, public_key, holder, purpose, announced_by, announced_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING kid
"""
KEYS = """
SELECT kid, algorithm, public_key, holder, purpose, revoked_by, announced_by FROM signing_key
WHERE kid = ANY($1)
"""
ALL_KEYS = """
SELECT k.kid, k.algorithm, k.public_key, k.holder, k.purpose, a.idx AS announced, r.idx AS revoked
FROM signing_key k LEFT JOIN log_entry a ON a.event_id = k.announced_by
LEFT JOIN log_entry r ON r.event_id = k.revoked_by ORDER BY k.announced_at, k.kid LIMIT $1
"""
REVOKE_KEY = """
UPDATE signing_key SET revoked_by = $2, revoked_at = $3 WHERE kid = $1 AND revoked_by IS NULL
RETURNING kid
"""
FSCK_ENTRIES = """
SELECT idx, event_id, kind, leaf_hash, entry FROM log_entry
WHERE idx >= $1 AND idx < $2 ORDER BY idx
"""
FSCK_CHAINS = """
SELECT subject, seq, idx FROM log_subject WHERE idx >= $1 AND idx < $2
"""
FSCK_HEADS = "SELECT subject, seq, leaf_hash FROM subject_head"
FSCK_TILES = """
SELECT t.level, t.number, t.data, t.root FROM log_tile t
JOIN unnest($1::smallint[], $2::bigint[]) AS w (level, number) USING (level, number)
"""
FSCK_COUNTS = """
SELECT (SELECT count(*) FROM log_entry) AS entries, (SELECT count(*) FROM log_tile) AS tiles,
    (SELECT count(*) FROM log_subject) AS chain_links
"""


@dataclass(frozen=True, slots=True)
class NewIntake:
    """A record on its way in: `subjects` are the 32-byte hashes of its subjects, joined."""

    event_id: UUID
    kind: str
    kids: str
    subjects: bytes
    fragment: bytes


@dataclass(frozen=True, slots=True)
class IntakeRow:
    """A record taken from intake."""

    k: int
    event_id: UUID
    kind: str
    kids: list[str]
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
    """An entry with its number."""

    idx: int
    event_id: UUID
    kind: str
    leaf_hash: bytes
    admitted_at: datetime
    entry: bytes


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


async def add_intake(conn: Connection, records: Sequence[NewIntake]) -> set[UUID]:
    """Write records to intake in one statement; returns those whose id was new to intake."""
    columns = [
        [getattr(record, name) for record in records] for name in NewIntake.__dataclass_fields__
    ]
    return {row["event_id"] for row in await conn.fetch(ADD_INTAKE, *columns)}


async def numbered(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return the index of each record that has one."""
    return {row["event_id"]: row["idx"] for row in await conn.fetch(NUMBERED, ids)}


async def refused(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return why the sequencer refused each record it refused."""
    return {row["event_id"]: row["reason"] for row in await conn.fetch(REFUSED, ids)}


async def take_intake(conn: Connection, limit: int) -> list[IntakeRow]:
    """Take the oldest records out of intake, in order."""
    rows = [IntakeRow(*row) for row in await conn.fetch(TAKE_INTAKE, limit)]
    rows.sort(key=lambda row: row.k)
    return rows


async def heads(conn: Connection, subjects: Sequence[bytes]) -> dict[bytes, tuple[int, bytes]]:
    """Return (seq, leaf hash) of the last entry of each subject that has one."""
    rows = await conn.fetch(HEADS, subjects)
    return {row["subject"]: (row["seq"], row["leaf_hash"]) for row in rows}


async def put_heads(conn: Connection, changed: dict[bytes, tuple[int, bytes]]) -> None:
    """Move the heads of subjects' chains."""
    seqs = [seq for seq, _ in changed.values()]
    leaves = [leaf for _, leaf in changed.values()]
    await conn.execute(PUT_HEADS, list(changed), seqs, leaves)


async def add_entries(
    conn: Connection,
    entries: Sequence[tuple[int, UUID, str, bytes, datetime, bytes]],
    links: Sequence[tuple[bytes, int, int]],
) -> None:
    """Write entries (idx, event_id, kind, leaf_hash, admitted_at, entry) and chain links."""
    await conn.copy_records_to_table(
        "log_entry",
        records=entries,
        columns=["idx", "event_id", "kind", "leaf_hash", "admitted_at", "entry"],
    )
    await conn.copy_records_to_table(
        "log_subject", records=links, columns=["subject", "seq", "idx"]
    )


async def add_tiles(conn: Connection, tiles: Sequence[tuple[int, int, bytes, bytes]]) -> None:
    """Write full tiles (level, number, data, root)."""
    await conn.copy_records_to_table(
        "log_tile", records=tiles, columns=["level", "number", "data", "root"]
    )


async def add_refusals(
    conn: Connection, refusals: Sequence[tuple[int, UUID, str, datetime]]
) -> None:
    """Write refusals (k, event_id, reason, refused_at)."""
    await conn.copy_records_to_table(
        "log_refusal", records=refusals, columns=["k", "event_id", "reason", "refused_at"]
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


async def last_admitted(conn: Connection) -> datetime | None:
    """Return when the last entry was admitted."""
    moment: datetime | None = await conn.fetchval(LAST_ADMITTED)
    return moment


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


async def entries(conn: Connection, begin: int, end: int) -> list[bytes]:
    """Return the bytes of entries begin..end."""
    return [row["entry"] for row in await conn.fetch(ENTRIES, begin, end)]


async def entry(conn: Connection, index: int) -> EntryRow | None:
    """Return an entry by its number."""
    row = await conn.fetchrow(ENTRY, index)
    return None if row is None else EntryRow(*row)


async def entry_of_event(conn: Connection, event_id: UUID) -> EntryRow | None:
    """Return the entry of a record."""
    row = await conn.fetchrow(ENTRY_OF_EVENT, event_id)
    return None if row is None else EntryRow(*row)


async def entries_of_subjects(
    conn: Connection, subjects: Sequence[bytes], size: int, kinds: Sequence[str]
) -> list[tuple[bytes, int, str, UUID, bytes]]:
    """Return (subject, index, kind, record id, entry) of subjects' chains below a log size."""
    rows = await conn.fetch(ENTRIES_OF_SUBJECTS, subjects, size, kinds)
    return [tuple(row) for row in rows]


async def entries_since(
    conn: Connection, index: int, kinds: Sequence[str]
) -> list[tuple[int, bytes]]:
    """Return (index, entry) of the entries of some kinds from an index on."""
    return [tuple(row) for row in await conn.fetch(FIRST_OF_KINDS, index, kinds)]


async def size_at(conn: Connection, moment: datetime) -> int:
    """Return how many entries had been admitted by a moment."""
    size: int = await conn.fetchval(SIZE_AT, moment)
    return size


async def add_checkpoint(
    conn: Connection, size: int, root: bytes, note: str, now: datetime
) -> None:
    """Store a checkpoint that was kept outside the database."""
    await conn.execute(ADD_CHECKPOINT, size, root, note, now)


async def last_checkpoint(conn: Connection) -> tuple[int, str] | None:
    """Return (size, note) of the newest checkpoint."""
    row = await conn.fetchrow(LAST_CHECKPOINT)
    return None if row is None else (row["size"], row["note"])


async def checkpoints(conn: Connection, after: int, limit: int) -> list[tuple[int, bytes, str]]:
    """Return (size, root, note) of checkpoints beyond a size."""
    return [tuple(row) for row in await conn.fetch(CHECKPOINTS, after, limit)]


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


async def all_keys(conn: Connection, limit: int) -> list[dict[str, object]]:
    """Return every announced key with the indexes of announcement and revocation."""
    return [dict(row) for row in await conn.fetch(ALL_KEYS, limit)]


async def revoke_key(conn: Connection, kid: str, record_id: UUID, now: datetime) -> bool:
    """Note a key's revocation; False when it is unknown or was revoked before."""
    return await conn.fetchval(REVOKE_KEY, kid, record_id, now) is not None


async def fsck_entries(
    conn: Connection, begin: int, end: int
) -> list[tuple[int, UUID, str, bytes, bytes]]:
    """Return (idx, event_id, kind, leaf_hash, entry) of entries begin..end."""
    return await conn.fetch(FSCK_ENTRIES, begin, end)  # type: ignore[return-value]


async def fsck_links(conn: Connection, begin: int, end: int) -> set[tuple[bytes, int, int]]:
    """Return the chain links (subject, seq, idx) of entries begin..end."""
    return {tuple(row) for row in await conn.fetch(FSCK_CHAINS, begin, end)}


async def all_heads(conn: Connection) -> dict[bytes, tuple[int, bytes]]:
    """Return every subject's head."""
    rows = await conn.fetch(FSCK_HEADS)
    return {row["subject"]: (row["seq"], row["leaf_hash"]) for row in rows}


async def full_tiles(
    conn: Connection, wanted: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], tuple[bytes, bytes]]:
    """Return (data, root) of the full tiles among those wanted."""
    rows = await conn.fetch(FSCK_TILES, [t[0] for t in wanted], [t[1] for t in wanted])
    return {(row["level"], row["number"]): (row["data"], row["root"]) for row in rows}


async def counts(conn: Connection) -> tuple[int, int, int]:
    """Return how many entries, full tiles and chain links there are."""
    row = await conn.fetchrow(FSCK_COUNTS)
    if row is None:
        raise RuntimeError("counting always answers")
    return row["entries"], row["tiles"], row["chain_links"]
