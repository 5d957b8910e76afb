"""The log checked against itself: entries, tree, tiles, chains, checkpoints, kept note, keys."""

import os
from array import array
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from credit.kit.db import Connection, Database
from credit.kit.signing import unb64
from credit.log import service
from credit.log import store as log_store
from credit.log.check import store
from credit.log.check.ranges import FINDINGS_MAX, Job, KeyWindow, Range, check_range, ranges_of
from credit.log.keeper import NoteKeeper
from credit.log.nodes import ask_tree, split_hashes
from credit.log.note import NoteError, Verifier, open_note, parse_checkpoint
from credit.log.tiles import TILE_WIDTH, Edge, FullTile
from credit.log.tree import root_of

__all__ = ["check_log"]

RUN = 64 * TILE_WIDTH
# Below this a second process takes longer to start than to check.
ALONE_MAX = 4 * RUN
PROCESSES_MAX = 8
SUBJECTS_CHUNK = 500
CHECKPOINTS_CHUNK = 10_000
Progress = Callable[[int, int], None]


async def check_log(
    db: Database,
    city: str,
    verifier: Verifier,
    keeper: NoteKeeper | None,
    *,
    signatures: bool = False,
    progress: Progress | None = None,
) -> list[str]:
    """Compare everything the database says about the log; returns what differs, in Chinese.

    `progress` is called with (entries checked, entries in all). With `signatures` every record's
    signatures are verified too, each key only between its announcement and its revocation. A
    large log is checked by several processes.
    """
    async with (
        db.city(city) as conn,
        conn.transaction(isolation="repeatable_read", readonly=True),
    ):
        state = await log_store.state(conn)
        if state is None:
            return []
        check = _Check(conn, await _checkpoints(conn))
        check.verify_checkpoints(verifier)
        windows = await _windows(conn) if signatures else None
        runs = [(begin, min(begin + RUN, state.size)) for begin in range(0, state.size, RUN)]
        async for found in _ranges(db, Job(db.url, city, runs, windows), state.size):
            await check.add(found)
            if progress is not None:
                progress(check.edge.size, state.size)
        await check.finish(state, keeper)
        return check.faults[:FINDINGS_MAX]


async def _ranges(db: Database, job: Job, size: int) -> AsyncIterator[Range]:
    """Check the entries run by run, and yield what each came to in their order."""
    processes = min(os.cpu_count() or 1, PROCESSES_MAX)
    if size > ALONE_MAX and processes > 1:
        async for found in ranges_of(job, processes):
            yield found
    else:
        for begin, end in job.runs:
            yield await check_range(db, job, begin, end)


async def _windows(conn: Connection) -> dict[str, KeyWindow]:
    """Read from the log between which indexes each key's signatures count."""
    windows: dict[str, KeyWindow] = {}
    for index, body in await service.entries_since(conn, 0, ("key", "key-revoked")):
        kid = body["kid"]
        if "public_key" in body:
            windows.setdefault(kid, KeyWindow(unb64(body["public_key"]), index, None))
        elif kid in windows:
            windows[kid] = KeyWindow(windows[kid].public, windows[kid].begin, index)
    return windows


async def _checkpoints(conn: Connection) -> dict[int, tuple[bytes, str]]:
    """Return (root, note) of all checkpoints by size."""
    found: dict[int, tuple[bytes, str]] = {}
    after = 0
    while rows := await store.checkpoints(conn, after, CHECKPOINTS_CHUNK):
        found |= {size: (root, note) for size, root, note in rows}
        after = rows[-1][0]
    return found


@dataclass(slots=True)
class _Chain:
    """A subject's chain as far as the ranges were put together; see `ranges.Chain`."""

    seq: int = 0
    prev: str | None = None
    ks: "array[int]" = field(default_factory=lambda: array("q"))


class _Check:
    """Puts the ranges together and compares the whole with what the database says."""

    def __init__(self, conn: Connection, checkpoints: dict[int, tuple[bytes, str]]) -> None:
        self.conn = conn
        self.checkpoints = checkpoints
        self.faults: list[str] = []
        self.edge = Edge()
        self.chains: dict[bytes, _Chain] = {}

    def expect(self, holds: bool, message: str) -> None:
        """Note what differs."""
        if not holds:
            self.faults.append(message)

    def verify_checkpoints(self, verifier: Verifier) -> None:
        """Check that every checkpoint is signed and says what its row says."""
        for size, (root, note) in self.checkpoints.items():
            try:
                signed = parse_checkpoint(open_note(note, verifier))
            except NoteError:
                self.expect(False, f"大小为 {size} 的检查点签名无效")
            else:
                same = (signed.size, signed.root, signed.origin) == (size, root, verifier.name)
                self.expect(same, f"大小为 {size} 的检查点与其签名内容不符")

    async def add(self, found: Range) -> None:
        """Add a range: its chains go on where the ones before it ended, its leaves to the tree."""
        begin = self.edge.size
        self.faults += found.faults
        for name, chain in found.chains.items():
            known = self.chains.setdefault(name, _Chain())
            if (known.seq, known.prev) != (chain.claimed_seq, chain.claimed_prev):
                self.expect(False, f"主体 {name.hex()[:16]} 的链在第 {begin} 条之后接不上")
            known.seq, known.prev = chain.seq, chain.prev
            known.ks.extend(chain.ks)
        leaves = split_hashes(found.leaves)
        tiles: list[FullTile] = []
        end, done = begin + len(leaves), begin
        for size in [*sorted(s for s in self.checkpoints if begin < s <= end), end]:
            tiles += self.edge.extend(leaves[done - begin : size - begin])
            done = size
            if size in self.checkpoints:
                root = self.checkpoints.pop(size)[0]
                good = root == self.edge.compact().root()
                self.expect(good, f"大小为 {size} 的检查点与条目不符")
        stored = await store.full_tiles(self.conn, [(tile.level, tile.number) for tile in tiles])
        for tile in tiles:
            good = stored.get((tile.level, tile.number)) == (tile.data, tile.root)
            self.expect(good, f"哈希块 {tile.level}/{tile.number} 与条目不符")

    async def finish(self, state: log_store.State, keeper: NoteKeeper | None) -> None:
        """Compare the state, the counts, the subjects and the kept note."""
        tree = self.edge.compact()
        self.expect(tree.size == state.size, "条目数与日志状态不符")
        self.expect(tree.root() == state.root, "重新计算的树根与日志状态不符")
        self.expect(b"".join(tree.hashes) == state.stack, "日志状态中的子树与条目不符")
        self.expect(not self.checkpoints, "有检查点大于日志的条目数")
        entries, tiles, placed = await store.counts(self.conn)
        expected, count = 0, state.size // TILE_WIDTH
        while count:
            expected += count
            count //= TILE_WIDTH
        self.expect(entries == state.size, "数据库里有日志状态之外的条目")
        self.expect(tiles == expected, "哈希块的数目不对")
        self.expect(placed == state.size, "有记录既没有编号，也不在等待编号")
        await self._check_subjects()
        if keeper is not None:
            await self._check_kept(state, keeper)

    async def _check_subjects(self) -> None:
        """Compare the heads of chains and the records of each subject with what entries say."""
        heads = {name: (chain.seq, chain.prev) for name, chain in self.chains.items()}
        stored = await store.all_heads(self.conn)
        same = {name: (seq, leaf.hex()) for name, (seq, leaf) in stored.items()} == heads
        self.expect(same, "主体链的链头与条目不符")
        unplaced = await store.unplaced(self.conn)
        after, seen = b"", 0
        while rows := await store.links(self.conn, after, SUBJECTS_CHUNK):
            for subject, ks in rows:
                placed = [k for k in ks if k not in unplaced]
                chain = self.chains.get(subject)
                good = sorted(chain.ks) == placed if chain is not None else not placed
                self.expect(good, f"主体 {subject.hex()[:16]} 的索引与条目不符")
                seen += bool(placed)
            after = rows[-1]["subject"]
        self.expect(seen == len(self.chains), "有主体的索引缺失")

    async def _check_kept(self, state: log_store.State, keeper: NoteKeeper) -> None:
        try:
            kept = keeper.last()
        except NoteError:
            self.expect(False, "库外保存的检查点签名无效")
            return
        if kept is None:
            return
        good = state.size >= kept.size and (
            await ask_tree(self.conn, kept.size, lambda nodes: root_of(nodes, kept.size))
            == kept.root
        )
        self.expect(good, "数据库与库外保存的检查点不一致，多半是从旧备份恢复的")
