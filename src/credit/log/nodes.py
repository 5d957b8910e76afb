"""Answers about the tree from the tiles in the database, in one or two round trips."""

from collections.abc import Callable
from typing import TypeVar

from credit.kit.db import Connection
from credit.log import store
from credit.log.tiles import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, fold_tile, tile_width
from credit.log.tree import Nodes

__all__ = ["ask_tree", "split_hashes", "tile_hashes"]

Answer = TypeVar("Answer")


async def tile_hashes(conn: Connection, level: int, number: int, width: int) -> list[bytes]:
    """Return the first `width` hashes of a tile; the caller knows that the tree has them."""
    if width == TILE_WIDTH:
        found = await store.tiles(conn, [(level, number)])
        return split_hashes(found[level, number])
    begin = number * TILE_WIDTH
    if level == 0:
        return await store.leaf_hashes(conn, begin, begin + width)
    return await store.tile_roots(conn, level - 1, begin, begin + width)


async def ask_tree(conn: Connection, size: int, question: Callable[[Nodes], Answer]) -> Answer:
    """Answer a pure question about the tree of `size` leaves.

    The question is asked twice: first with a stand-in that only notes which hashes it looks up
    (which they are never depends on their values), then with those hashes, fetched together.
    """
    wanted: set[tuple[int, int]] = set()

    def note(level: int, position: int) -> bytes:
        wanted.add((level, position))
        return bytes(HASH_BYTES)

    question(note)
    tiles = {_tile_of(level, position) for level, position in wanted}
    widths = {tile: tile_width(*tile, size) for tile in tiles}
    full = [tile for tile, width in widths.items() if width == TILE_WIDTH]
    hashes = {tile: split_hashes(data) for tile, data in (await store.tiles(conn, full)).items()}
    for tile, width in widths.items():
        if width < TILE_WIDTH:
            hashes[tile] = await tile_hashes(conn, *tile, width)

    def look_up(level: int, position: int) -> bytes:
        height = level % TILE_HEIGHT
        tile = _tile_of(level, position)
        begin = (position << height) - tile[1] * TILE_WIDTH
        return fold_tile(hashes[tile][begin : begin + (1 << height)])

    return question(look_up)


def _tile_of(level: int, position: int) -> tuple[int, int]:
    return level // TILE_HEIGHT, (position << level % TILE_HEIGHT) // TILE_WIDTH


def split_hashes(joined: bytes) -> list[bytes]:
    """Take joined hashes apart."""
    if len(joined) == HASH_BYTES:
        return [joined]
    return [joined[i : i + HASH_BYTES] for i in range(0, len(joined), HASH_BYTES)]
