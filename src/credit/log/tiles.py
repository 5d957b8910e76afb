"""Tiles (C2SP tlog-tiles): the published layout of the tree and of its entries.

A full tile holds 256 hashes of 32 bytes: tile (L, N) holds the hashes of the complete subtrees of
256^L leaves at positions 256·N … 256·N+255. A partial tile `.p/W` holds the first W of them.
An entry bundle holds up to 256 entries, each after its length as a big-endian uint16.
Standard library only: the offline verifier imports this module.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from credit.log.tree import node_hash

__all__ = [
    "ENTRIES",
    "HASH_BYTES",
    "TILE_HEIGHT",
    "TILE_WIDTH",
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
    r"(?P<level>entries|0|[1-9][0-9]?)/(?P<head>(?:x[0-9]{3}/)*)(?P<tail>[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class TilePath:
    """A tile's name: `level` (ENTRIES for an entry bundle), number, and width (256 when full)."""

    level: int
    number: int
    width: int


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
    """Return the root of a full tile's 256 hashes: one hash of the tile above."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


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
