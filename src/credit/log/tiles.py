"""Tiles (C2SP tlog-tiles): the published layout of the tree and of its entries.

A full tile holds 256 hashes of 32 bytes: tile (L, N) holds the hashes of the complete subtrees of
256^L leaves at positions 256·N … 256·N+255. A partial tile `.p/W` holds the first W of them.
An entry bundle holds up to 256 entries, each after its length as a big-endian uint16.
Standard library only: the offline verifier imports this module.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from credit.log.tree import CompactRange

__all__ = [
    "ENTRIES",
    "HASH_BYTES",
    "TILE_HEIGHT",
    "TILE_WIDTH",
    "Edge",
    "FullTile",
    "TilePath",
    "bundle",
    "fold_tile",
    "parse_bundle",
    "parse_tile_path",
    "tile_path",
    "tile_width",
]

TILE_HEIGHT = 8
TILE_WIDTH = 256
HASH_BYTES = 32
LEVEL_MAX = 63
ENTRIES = -1
_PATH = re.compile(
    r"(?P<level>entries|0|[1-9][0-9]?)/(?P<head>(?:x[0-9]{3}/){0,6})(?P<tail>[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class TilePath:
    """A tile's name: `level` (ENTRIES for an entry bundle), number, and width (256 when full)."""

    level: int
    number: int
    width: int


@dataclass(frozen=True, slots=True)
class FullTile:
    """A tile's 256 hashes joined, and the root over them, which stands in the tile above."""

    level: int
    number: int
    data: bytes
    root: bytes


def tile_path(level: int, number: int, width: int = TILE_WIDTH) -> str:
    """Write a tile's path below `tile/`: `0/x001/x234/067.p/8`."""
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03d}")
    partial = f".p/{width}" if width < TILE_WIDTH else ""
    return f"{'entries' if level == ENTRIES else level}/{'/'.join(groups)}{partial}"


def parse_tile_path(path: str) -> TilePath | None:
    """Read a path below `tile/`; None unless it is written exactly as `tile_path` writes it."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    level = ENTRIES if match["level"] == "entries" else int(match["level"])
    number = int((match["head"] + match["tail"]).replace("x", "").replace("/", ""))
    width = int(match["width"] or TILE_WIDTH)
    if level > LEVEL_MAX or tile_path(level, number, width) != path:
        return None
    return TilePath(level, number, width)


def tile_width(level: int, number: int, size: int) -> int:
    """Return how many hashes tile (level, number) has in a tree of `size` leaves; at most 256."""
    complete = size if level == ENTRIES else size >> TILE_HEIGHT * level
    return max(0, min(TILE_WIDTH, complete - number * TILE_WIDTH))


def fold_tile(hashes: Sequence[bytes]) -> bytes:
    """Fold a tile's hashes, 256 or another power of two, to the root over them."""
    sha256, row = hashlib.sha256, list(hashes)
    while len(row) > 1:
        pairs = iter(row)
        row = [
            sha256(b"\1" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)
        ]
    return row[0]


class Edge:
    """The right edge of a tree as tiles: of each level the hashes that fill no tile yet.

    Appending leaves yields the tiles that become full; whatever else the tree is asked for is
    folded from these few rows, so that a leaf costs one inner hash and no more.
    """

    __slots__ = ("rows", "size")

    def __init__(self, size: int = 0, rows: Iterable[Iterable[bytes]] = ()) -> None:
        self.size = size
        self.rows = [list(row) for row in rows] or [[]]

    def extend(self, leaves: Sequence[bytes]) -> list[FullTile]:
        """Add leaves by their hashes; returns the tiles that became full, lower levels first."""
        self.size += len(leaves)
        self.rows[0] += leaves
        full: list[FullTile] = []
        level = 0
        while len(self.rows[level]) >= TILE_WIDTH:
            row = self.rows[level]
            end = len(row) - len(row) % TILE_WIDTH
            number = (self.size >> TILE_HEIGHT * (level + 1)) - end // TILE_WIDTH
            if level + 1 == len(self.rows):
                self.rows.append([])
            for begin in range(0, end, TILE_WIDTH):
                hashes = row[begin : begin + TILE_WIDTH]
                root = fold_tile(hashes)
                full.append(FullTile(level, number + begin // TILE_WIDTH, b"".join(hashes), root))
                self.rows[level + 1].append(root)
            del row[:end]
            level += 1
        return full

    def compact(self) -> CompactRange:
        """Return the tree's complete subtrees, largest first."""
        stack: list[bytes] = []
        for row in reversed(self.rows):
            begin = 0
            while begin < len(row):
                width = 1 << (len(row) - begin).bit_length() - 1
                stack.append(fold_tile(row[begin : begin + width]))
                begin += width
        return CompactRange(self.size, stack)


def bundle(entries: Iterable[bytes]) -> bytes:
    """Join entries to an entry bundle."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_bundle(data: bytes) -> list[bytes]:
    """Split an entry bundle; raises ValueError when it is cut off."""
    entries, offset = [], 0
    while offset < len(data):
        end = offset + 2 + int.from_bytes(data[offset : offset + 2], "big")
        if offset + 2 > len(data) or end > len(data):
            raise ValueError("the entry bundle is cut off")
        entries.append(data[offset + 2 : end])
        offset = end
    return entries
