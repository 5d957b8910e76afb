"""The sequencer: the one writer of a city's log.

Writers put records into intake inside their own transactions; the sequencer decides the order.
It takes what is there, in batches, and in one transaction gives numbers, places in subjects'
chains, tiles and the new state, moved by compare-and-swap. Because the order is decided here, a
record that commits late is simply in the next batch: nothing is skipped and there are no gaps.

A checkpoint is signed only after that transaction is known to have committed, and is kept
outside the database before anybody can read it.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import orjson
import structlog

from credit.kit.clock import Clock, rfc3339
from credit.kit.db import FAILURES, SEQUENCER_ROLE, Connection, Database
from credit.kit.signing import SigningKey
from credit.log import store
from credit.log.keeper import NoteKeeper
from credit.log.nodes import ask_tree, split_hashes, tile_hashes
from credit.log.note import Checkpoint, Verifier, checkpoint_text, sign_note
from credit.log.records import FIRST, assemble, place
from credit.log.tiles import TILE_WIDTH, Edge, tile_width
from credit.log.tree import EMPTY_ROOT, leaf_hash, root_of

__all__ = ["ClockBehindError", "RolledBackError", "Sequencer"]

BATCH_ROWS_MAX = 8192
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

    edge: Edge
    keys: dict[str, bool]  # announced key → revoked
    admitted_at: datetime | None


@dataclass
class _Batch:
    """One batch while it is numbered: from which size on, when admitted, the subjects' heads."""

    size: int
    admitted_at: datetime
    heads: dict[bytes, tuple[int, bytes]]
    leaves: list[bytes] = field(default_factory=list)
    refusals: list[tuple[int, str, datetime]] = field(default_factory=list)

    def number(
        self,
        rows: Sequence[asyncpg.Record],
        subjects: Sequence[list[bytes]],
        keys: dict[str, bool],
    ) -> Iterator[store.Entry]:
        """Yield the entries of records that are not refused; heads and leaves grow as it goes."""
        admitted_at = rfc3339(self.admitted_at)
        heads, leaves = self.heads, self.leaves
        index = self.size
        for (k, kind, kids, _, fragment), names in zip(rows, subjects, strict=True):
            reason = _refusal(kind, kids, fragment, keys)
            if reason is not None:
                self.refusals.append((k, reason, self.admitted_at))
                continue
            chains = [heads.get(name, FIRST) for name in names]
            tail = place(chains)
            leaf = leaf_hash(assemble(admitted_at, fragment, tail))
            for name, (seq, _) in zip(names, chains, strict=True):
                heads[name] = (seq + 1, leaf)
            leaves.append(leaf)
            yield index, k, admitted_at, tail, leaf
            index += 1


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
        self._ahead: asyncio.Task[list[asyncpg.Record]] | None = None

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
                except FAILURES as error:
                    log.warning("sequencer retries", city=self._city, error=type(error).__name__)
                    pause = RETRY_SECONDS
                    await self.drop()
                except Exception as error:  # noqa: BLE001 - other cities' work goes on
                    log.critical("sequencer refuses", city=self._city, reason=str(error))
                    pause = 10 * RETRY_SECONDS
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
        await store.prefer_indexes(self._conn)
        await store.begin_state(self._conn, EMPTY_ROOT)
        await self._check_against_kept(self._conn)
        self._tail = await _load_tail(self._conn)
        await self._sign(self._conn)
        return True

    async def drop(self) -> None:
        """Let go of the connection, and with it the lock and everything remembered."""
        conn, self._conn, self._tail = self._conn, None, None
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
        if conn is not None:
            conn.terminate()

    async def sequence_batch(self) -> int:
        """Sequence what waits, at most a batch; returns how many records were taken.

        Behind a full batch the next one is read ahead on a second connection while this one is
        written. Reading ahead only saves time: the records are still taken out of intake, each by
        its key, in the transaction that numbers them, and a batch that was not read ahead takes
        from the front again, so that a record that committed late is never passed over.
        """
        if self._conn is None or self._tail is None:
            raise RuntimeError("sequence_batch needs take_over first")
        tail, self._tail = self._tail, None  # an exception leaves nothing half advanced
        ahead, self._ahead = self._ahead, None
        rows = await ahead if ahead is not None else []
        async with self._conn.transaction():
            if not rows:
                rows = await store.take_intake(self._conn, BATCH_ROWS_MAX)
            elif not await store.remove_intake(self._conn, [row["k"] for row in rows]):
                raise asyncpg.InterfaceError("another sequencer took records out of intake")
            if len(rows) == BATCH_ROWS_MAX:
                self._ahead = asyncio.create_task(self._read_ahead(rows[-1]["k"]))
            if rows:
                await self._write(self._conn, tail, rows)
        self._tail = tail
        if rows:
            await self._sign(self._conn)
        return len(rows)

    async def _read_ahead(self, after: int) -> list[asyncpg.Record]:
        async with self._db.city(self._city) as conn:
            return await store.peek_intake(conn, after, BATCH_ROWS_MAX)

    async def _write(self, conn: Connection, tail: _Tail, rows: list[asyncpg.Record]) -> None:
        tail.admitted_at = self._admission(tail.admitted_at)
        subjects = [split_hashes(row[3]) for row in rows]
        heads = await store.heads(conn, list({name for names in subjects for name in names}))
        batch = _Batch(tail.edge.size, tail.admitted_at, heads)
        # The entries are numbered while the database writes those before them.
        await store.add_entries(conn, batch.number(rows, subjects, tail.keys))
        if batch.refusals:
            await store.add_refusals(conn, batch.refusals)
        if batch.leaves:
            await self._grow(conn, tail, batch)
        await store.announce_batch(conn, self._city)

    def _admission(self, last: datetime | None) -> datetime:
        now = self._clock.now()
        if last is None or now >= last:
            return now
        if now < last - CLOCK_TOLERANCE:
            raise ClockBehindError(f"{now} is before the last entry, {last}")
        return last

    async def _grow(self, conn: Connection, tail: _Tail, batch: _Batch) -> None:
        await store.put_heads(conn, batch.heads)
        tiles = tail.edge.extend(batch.leaves)
        if tiles:
            await store.add_tiles(conn, tiles)
        tree = tail.edge.compact()
        new = store.State(tree.size, tree.root(), b"".join(tree.hashes))
        if not await store.advance_state(conn, batch.size, new):
            raise asyncpg.InterfaceError("another sequencer moved the log's state")

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
    rows: list[list[bytes]] = []
    count = state.size
    while count:
        level, number = len(rows), count // TILE_WIDTH
        width = tile_width(level, number, state.size)
        rows.append(await tile_hashes(conn, level, number, width) if width else [])
        count //= TILE_WIDTH
    edge = Edge(state.size, rows)
    if edge.compact().root() != state.root:
        raise RuntimeError("the log's tiles do not lead to its root; run credit log fsck")
    last = await store.entries(conn, state.size - 1, state.size)
    return _Tail(
        edge,
        await store.known_keys(conn),
        datetime.fromisoformat(last[0].admitted_at) if last else None,
    )


def _refusal(kind: str, kids: str, fragment: bytes, keys: dict[str, bool]) -> str | None:
    """Say why a record gets no number, and follow the keys it announces or revokes.

    A key signs from its announcement's index on and up to its revocation's: the order decided
    here is the only clock that counts, so a race between a revocation and a signature ends here.
    """
    announced = None
    if kind in ("key", "key-revoked"):
        announced = orjson.loads(b"{%b}" % fragment)["body"]["kid"]
    for kid in kids.split(" "):
        if kid == announced and kind == "key":
            continue
        if kid not in keys:
            return "unknown-key"
        if keys[kid]:
            return "revoked-key"
    if announced is not None:
        keys[announced] = kind == "key-revoked"
    return None
