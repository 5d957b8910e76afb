"""The log checked against itself: entries, tree, tiles, chains, checkpoints, kept note, keys."""

import hashlib
from collections.abc import Callable
from typing import Any

import orjson

from credit.kit.db import Connection
from credit.kit.signing import unb64, verify
from credit.log import store
from credit.log.keeper import NoteKeeper
from credit.log.note import NoteError, Verifier, open_note, parse_checkpoint
from credit.log.records import RECORD_TYPE, payload, subject_hash
from credit.log.tiles import TILE_WIDTH, fold_tile
from credit.log.tree import EMPTY_ROOT, CompactRange

__all__ = ["check_log"]

CHUNK = 8 * TILE_WIDTH
FINDINGS_MAX = 200
Progress = Callable[[int, int], None]


class _Findings(list[str]):
    """Collects what differs, up to a bound."""

    def expect(self, holds: bool, message: str) -> None:
        if not holds and len(self) < FINDINGS_MAX:
            self.append(message)


class _Walk:
    """What is recomputed while the entries go by in order."""

    def __init__(self, findings: _Findings) -> None:
        self.findings = findings
        self.tree = CompactRange()
        self.rows: list[list[bytes]] = [[]]
        self.tiles: dict[tuple[int, int], tuple[bytes, bytes]] = {}
        self.heads: dict[bytes, tuple[int, bytes]] = {}
        self.links = 0
        self.keys: dict[str, tuple[bytes, bool]] = {}

    def add_leaf(self, leaf: bytes) -> None:
        self.tree.append(leaf)
        level, value = 0, leaf
        while True:
            if level == len(self.rows):
                self.rows.append([])
            row = self.rows[level]
            row.append(value)
            if len(row) < TILE_WIDTH:
                return
            value = fold_tile(row)
            position = (self.tree.size >> 8 * (level + 1)) - 1
            self.tiles[level, position] = (b"".join(row), value)
            self.rows[level] = []
            level += 1

    def add_to_chains(self, index: int, leaf: bytes, entry: dict[str, Any]) -> list[bytes]:
        """Check the entry's places in its subjects' chains; returns the subjects."""
        subjects = [subject_hash(s["scheme"], s["id"]) for s in entry["body"].get("subjects", ())]
        for subject, seq, prev in zip(
            subjects, entry["subject_seq"], entry["subject_prev"], strict=True
        ):
            last = self.heads.get(subject)
            good = (
                seq == 1 and prev is None
                if last is None
                else (seq == last[0] + 1 and prev == last[1].hex())
            )
            self.findings.expect(good, f"第 {index} 条在主体链上的位置不对")
            self.heads[subject] = (seq, leaf)
        return subjects

    def check_signatures(self, index: int, entry: dict[str, Any]) -> None:
        body, kind = entry["body"], entry["kind"]
        if kind == "key":
            self.keys[body["kid"]] = (unb64(body["public_key"]), False)
        signed = payload(kind, entry["id"], body)
        for sig in entry["sigs"]:
            public, revoked = self.keys.get(sig["kid"], (b"", True))
            good = not revoked and verify(public, unb64(sig["sig"]), RECORD_TYPE, signed)
            self.findings.expect(good, f"第 {index} 条的签名无效或密钥不在有效期内")
        if kind == "key-revoked" and body["kid"] in self.keys:
            self.keys[body["kid"]] = (self.keys[body["kid"]][0], True)


async def check_log(
    conn: Connection,
    verifier: Verifier,
    keeper: NoteKeeper | None,
    *,
    signatures: bool = False,
    progress: Progress | None = None,
) -> list[str]:
    """Compare everything the database says about the log; returns what differs, in Chinese.

    `progress` is called with (entries checked, entries in all). With `signatures` every record's
    signatures are verified too, each key only between its announcement and its revocation.
    """
    findings = _Findings()
    state = await store.state(conn)
    if state is None:
        return findings
    walk = _Walk(findings)
    checkpoints = await _checkpoints(conn, verifier, findings)
    for begin in range(0, state.size, CHUNK):
        rows = await store.fsck_entries(conn, begin, begin + CHUNK)
        links = await store.fsck_links(conn, begin, begin + CHUNK)
        _check_chunk(walk, begin, rows, links, checkpoints, signatures=signatures)
        await _check_tiles(conn, walk)
        if progress is not None:
            progress(min(begin + CHUNK, state.size), state.size)
    findings.expect(walk.tree.size == state.size, "条目数与日志状态不符")
    findings.expect(walk.tree.root() == state.root, "重新计算的树根与日志状态不符")
    findings.expect(b"".join(walk.tree.hashes) == state.stack, "日志状态中的子树与条目不符")
    findings.expect(not checkpoints, "有检查点大于日志的条目数")
    findings.expect(await store.all_heads(conn) == walk.heads, "主体链的链头与条目不符")
    await _check_counts(conn, walk, findings)
    if keeper is not None:
        await _check_kept(conn, keeper, findings)
    return findings


def _check_chunk(
    walk: _Walk,
    begin: int,
    rows: list[Any],
    links: set[tuple[bytes, int, int]],
    checkpoints: dict[int, bytes],
    *,
    signatures: bool,
) -> None:
    sha256, expect = hashlib.sha256, walk.findings.expect
    computed: set[tuple[bytes, int, int]] = set()
    for offset, (index, event_id, kind, stored, entry) in enumerate(rows):
        expect(index == begin + offset, f"缺少第 {begin + offset} 条")
        leaf = sha256(b"\0" + entry).digest()
        expect(leaf == stored, f"第 {index} 条的内容与其哈希不符")
        value = orjson.loads(entry)
        expect(value["id"] == str(event_id) and value["kind"] == kind, f"第 {index} 条的编号不符")
        walk.add_leaf(leaf)
        subjects = walk.add_to_chains(index, leaf, value)
        seqs = value["subject_seq"]
        computed.update((s, q, index) for s, q in zip(subjects, seqs, strict=True))
        if signatures:
            walk.check_signatures(index, value)
        root = checkpoints.pop(index + 1, None)
        if root is not None:
            expect(root == walk.tree.root(), f"大小为 {index + 1} 的检查点与条目不符")
    expect(computed == links, f"第 {begin} 条起的主体链索引与条目不符")
    walk.links += len(computed)


async def _checkpoints(
    conn: Connection, verifier: Verifier, findings: _Findings
) -> dict[int, bytes]:
    """Return the roots of all checkpoints by size, each signature verified."""
    roots: dict[int, bytes] = {}
    after = 0
    while rows := await store.checkpoints(conn, after, 10_000):
        for size, root, note in rows:
            try:
                signed = parse_checkpoint(open_note(note, verifier))
            except NoteError:
                findings.expect(False, f"大小为 {size} 的检查点签名无效")
            else:
                same = (signed.size, signed.root, signed.origin) == (size, root, verifier.name)
                findings.expect(same, f"大小为 {size} 的检查点与其签名内容不符")
            roots[size] = root
        after = rows[-1][0]
    return roots


async def _check_tiles(conn: Connection, walk: _Walk) -> None:
    stored = await store.full_tiles(conn, list(walk.tiles))
    for tile, computed in walk.tiles.items():
        walk.findings.expect(stored.get(tile) == computed, f"哈希块 {tile} 与条目不符")
    walk.tiles.clear()


async def _check_counts(conn: Connection, walk: _Walk, findings: _Findings) -> None:
    entries, tiles, links = await store.counts(conn)
    expected, count = 0, walk.tree.size // TILE_WIDTH
    while count:
        expected += count
        count //= TILE_WIDTH
    findings.expect(entries == walk.tree.size, "数据库里有日志状态之外的条目")
    findings.expect(tiles == expected, "哈希块的数目不对")
    findings.expect(links == walk.links, "主体链索引的数目不对")


async def _check_kept(conn: Connection, keeper: NoteKeeper, findings: _Findings) -> None:
    try:
        kept = keeper.last()
    except NoteError:
        findings.expect(False, "库外保存的检查点签名无效")
        return
    if kept is None:
        return
    hashes = await store.leaf_hashes(conn, 0, kept.size)
    tree = CompactRange()
    for leaf in hashes:
        tree.append(leaf)
    good = tree.size == kept.size and (tree.root() if hashes else EMPTY_ROOT) == kept.root
    findings.expect(good, "数据库与库外保存的检查点不一致，多半是从旧备份恢复的")
