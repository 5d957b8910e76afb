"""The sequencer: the one writer of a city's log.

Writers put records into intake inside their own transactions; the sequencer decides the order.
It takes what is there, in batches, and in one transaction gives numbers, places in subjects'
chains, tiles and the new state, moved by compare-and-swap. Because the order is decided here, a
record that commits late is simply in the next batch: nothing is skipped and there are no gaps.

A checkpoint is signed only after that transaction is known to have committed, and is kept
outside the database before anybody can read it.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import orjson
import structlog

from credit.kit.clock import Clock, rfc3339
from credit.kit.db import SEQUENCER_ROLE, Connection, Database
from credit.kit.signing import SigningKey
from credit.log import store
from credit.log.keeper import NoteKeeper
from credit.log.nodes import ask_tree, tile_hashes
from credit.log.note import Checkpoint, Verifier, checkpoint_text, sign_note
from credit.log.records import assemble
from credit.log.tiles import HASH_BYTES, TILE_WIDTH, fold_tile, tile_width
from credit.log.tree import EMPTY_ROOT, CompactRange, leaf_hash, root_of

__all__ = ["ClockBehindError", "RolledBackError", "Sequencer"]

BATCH_ROWS_MAX = 4096
RETRY_SECONDS = 1.0
CLOCK_TOLERANCE = timedelta(seconds=1)
log = structlog.get_logger()


class RolledBackError(RuntimeError):
    """The database does not contain what the last kept checkpoint covers."""


class ClockBehindError(RuntimeError):
    """The machine's clock stands before the last admitted entry."""


@dataclass
class _Tail:
    """What the sequencer remembers between batches: the tree's right edge and the keys."""

    tree: CompactRange
    partial: list[list[bytes]]  # hashes of the not yet full tile of each level
    keys: dict[str, bool]  # announced key → revoked
    admitted_at: datetime | None


@dataclass
class _Batch:
    """What one batch will write."""

    entries: list[tuple[int, UUID, str, bytes, datetime, bytes]] = field(default_factory=list)
    links: list[tuple[bytes, int, int]] = field(default_factory=list)
    heads: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    tiles: list[tuple[int, int, bytes, bytes]] = field(default_factory=list)
    refusals: list[tuple[int, UUID, str, datetime]] = field(default_factory=list)


class Sequencer:
    """Sequences one city's log while it holds the city's advisory lock."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        city: str,
        *,
        key: SigningKey,
        origin: str,
        folder: Path,
        interval_seconds: float = 0.05,
    ) -> None:
        self.verifier = Verifier(origin, key.public)
        self._db = db
        self._clock = clock
        self._city = city
        self._key = key
        self._keeper = NoteKeeper(folder, self.verifier)
        self._interval = interval_seconds
        self._conn: Connection | None = None
        self._tail: _Tail | None = None

    async def run(self) -> None:
        """Sequence until cancelled; stand by while another process holds the lock.

        After any failure the connection is dropped and everything remembered is read again from
        the database, so an unknown outcome of a commit is looked up and never guessed.
        """
        try:
            while True:
                pause = self._interval
                try:
                    if not await self.take_over():
                        pause = RETRY_SECONDS
                    elif await self.sequence_batch() == BATCH_ROWS_MAX:
                        pause = 0
                except (RolledBackError, ClockBehindError) as error:
                    log.critical("sequencer refuses", city=self._city, reason=str(error))
                    pause = 10 * RETRY_SECONDS
                    await self.drop()
                except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                    log.warning("sequencer retries", city=self._city, error=type(error).__name__)
                    pause = RETRY_SECONDS
                    await self.drop()
                await asyncio.sleep(pause)
        finally:
            await self.drop()

    async def take_over(self) -> bool:
        """Become the city's sequencer if nobody else is; True when this one is."""
        if self._tail is not None:
            return True
        if self._conn is None:
            self._conn = await self._db.dedicated(self._city, role=SEQUENCER_ROLE)
        if not await store.try_lock(self._conn, int(self._city)):
            return False
        await store.begin_state(self._conn, EMPTY_ROOT)
        await self._check_against_kept(self._conn)
        self._tail = await _load_tail(self._conn)
        await self._sign(self._conn)
        return True

    async def drop(self) -> None:
        """Let go of the connection, and with it the lock and everything remembered."""
        conn, self._conn, self._tail = self._conn, None, None
        if conn is not None:
            conn.terminate()

    async def sequence_batch(self) -> int:
        """Sequence what waits, at most a batch; returns how many records were taken."""
        if self._conn is None or self._tail is None:
            raise RuntimeError("sequence_batch needs take_over first")
        tail, self._tail = self._tail, None  # an exception leaves nothing half advanced
        async with self._conn.transaction():
            rows = await store.take_intake(self._conn, BATCH_ROWS_MAX)
            if rows:
                batch = await self._number(self._conn, tail, rows)
                await self._write(self._conn, tail, batch)
        self._tail = tail
        if rows:
            await self._sign(self._conn)
        return len(rows)

    async def _number(self, conn: Connection, tail: _Tail, rows: list[store.IntakeRow]) -> _Batch:
        now = self._clock.now()
        if tail.admitted_at is not None and now < tail.admitted_at:
            if now < tail.admitted_at - CLOCK_TOLERANCE:
                raise ClockBehindError(f"{now} is before the last entry, {tail.admitted_at}")
            now = tail.admitted_at
        tail.admitted_at = now
        admitted_at = rfc3339(now)
        batch = _Batch()
        seen = set(await store.numbered(conn, [row.event_id for row in rows]))
        heads = await store.heads(conn, list({s for row in rows for s in row.subjects}))
        for row in rows:
            reason = _refusal(row, seen, tail.keys)
            if reason is not None:
                batch.refusals.append((row.k, row.event_id, reason, now))
                continue
            seen.add(row.event_id)
            index = tail.tree.size
            places = [heads.get(subject, (0, None)) for subject in row.subjects]
            seqs = [seq + 1 for seq, _ in places]
            entry = assemble(row.fragment, admitted_at, seqs, [prev for _, prev in places])
            leaf = leaf_hash(entry)
            tail.tree.append(leaf)
            _add_to_tiles(tail.partial, batch.tiles, index, leaf)
            batch.entries.append((index, row.event_id, row.kind, leaf, now, entry))
            for subject, seq in zip(row.subjects, seqs, strict=True):
                heads[subject] = batch.heads[subject] = (seq, leaf)
                batch.links.append((subject, seq, index))
        return batch

    async def _write(self, conn: Connection, tail: _Tail, batch: _Batch) -> None:
        if batch.refusals:
            await store.add_refusals(conn, batch.refusals)
        if batch.entries:
            old_size = batch.entries[0][0]
            await store.add_entries(conn, batch.entries, batch.links)
            await store.put_heads(conn, batch.heads)
            if batch.tiles:
                await store.add_tiles(conn, batch.tiles)
            new = store.State(tail.tree.size, tail.tree.root(), b"".join(tail.tree.hashes))
            if not await store.advance_state(conn, old_size, new):
                raise asyncpg.InterfaceError("another sequencer moved the log's state")
        await store.announce_batch(conn, self._city)

    async def _sign(self, conn: Connection) -> None:
        """Sign the committed state, keep the note outside, then let it be read."""
        state = await store.state(conn)
        last = await store.last_checkpoint(conn)
        if state is None or state.size == 0 or (last is not None and last[0] == state.size):
            return
        text = checkpoint_text(Checkpoint(self.verifier.name, state.size, state.root))
        note = sign_note(text, self.verifier, self._key.sign_bytes)
        await asyncio.to_thread(self._keeper.keep, note)
        await store.add_checkpoint(conn, state.size, state.root, note, self._clock.now())

    async def _check_against_kept(self, conn: Connection) -> None:
        kept = self._keeper.last()
        if kept is None:
            return
        state = await store.state(conn)
        if state is None or state.size < kept.size:
            raise RolledBackError(
                f"数据库里的日志有 {state.size if state else 0} 条，而签过名的检查点有 {kept.size} 条。"
                "数据库多半是从旧备份恢复的；恢复到更新的备份之前，拒绝签名。"
            )
        root = await ask_tree(conn, kept.size, lambda nodes: root_of(nodes, kept.size))
        if root != kept.root:
            raise RolledBackError(
                f"数据库里的前 {kept.size} 条与签过名的检查点不一致，拒绝签名。请核查数据库的来源。"
            )


async def _load_tail(conn: Connection) -> _Tail:
    state = await store.state(conn)
    if state is None:
        raise RuntimeError("the log has no state")
    stack = [state.stack[i : i + HASH_BYTES] for i in range(0, len(state.stack), HASH_BYTES)]
    partial: list[list[bytes]] = []
    count = state.size
    while count:
        level, number = len(partial), count // TILE_WIDTH
        width = tile_width(level, number, state.size)
        partial.append(await tile_hashes(conn, level, number, width) if width else [])
        count //= TILE_WIDTH
    return _Tail(
        CompactRange(state.size, stack),
        partial,
        await store.known_keys(conn),
        await store.last_admitted(conn),
    )


def _refusal(row: store.IntakeRow, seen: set[UUID], keys: dict[str, bool]) -> str | None:
    """Say why a record gets no number, and follow the keys it announces or revokes.

    A key signs from its announcement's index on and up to its revocation's: the order decided
    here is the only clock that counts, so a race between a revocation and a signature ends here.
    """
    if row.event_id in seen:
        return "duplicate"
    announced = None
    if row.kind in ("key", "key-revoked"):
        body = orjson.loads(b"{" + row.fragment + b"}")["body"]
        announced = body["kid"]
    for kid in row.kids:
        if kid == announced and row.kind == "key":
            continue
        if kid not in keys:
            return "unknown-key"
        if keys[kid]:
            return "revoked-key"
    if announced is not None:
        keys[announced] = row.kind == "key-revoked"
    return None


def _add_to_tiles(
    partial: list[list[bytes]],
    full: list[tuple[int, int, bytes, bytes]],
    index: int,
    leaf: bytes,
) -> None:
    """Add a leaf to the tile it falls into; a tile that becomes full adds to the one above."""
    level, position, value = 0, index, leaf
    while True:
        if level == len(partial):
            partial.append([])
        partial[level].append(value)
        if len(partial[level]) < TILE_WIDTH:
            return
        hashes, partial[level] = partial[level], []
        value = fold_tile(hashes)
        position //= TILE_WIDTH
        full.append((level, position, b"".join(hashes), value))
        level += 1
