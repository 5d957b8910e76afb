"""Sealing: what was posted since the last seal is chained, and the head goes into the city's log.

Transfers are numbered in the order in which they are committed, so whatever stands after the last
sealed number is all there is, and none can come in between later.
"""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

import orjson
import structlog

from credit.kit.clock import Clock
from credit.kit.db import FAILURES, Connection, Database
from credit.kit.errors import NotFound
from credit.kit.ids import new_id
from credit.kit.signing import SigningKey
from credit.kit.texts import say
from credit.log import service as log_service
from credit.log.tree import CompactRange, inclusion_proof, leaf_hash, node_hash
from credit.points import store
from credit.points.logic import receipts
from credit.points.logic.receipts import Movement
from credit.points.views import Epoch

__all__ = ["Sealer", "receipt_of", "seal_faults", "sealed_upto"]

HOLDER, ROLE, KIND = "points", "points_book", "points-sealed"
EPOCH_MAX = 10_000
INTERVAL_SECONDS = 60.0
log = structlog.get_logger()


class Sealer:
    """Seals one city's book under the book's own key; any number may run."""

    def __init__(
        self, db: Database, clock: Clock, city: str, key: SigningKey, secret: bytes
    ) -> None:
        self._db = db
        self._clock = clock
        self._city = city
        self._key = key
        self._secret = secret

    async def run(self) -> None:
        """Seal once a minute, until cancelled; what fails is tried again with the next."""
        while True:
            try:
                while await self.seal() == EPOCH_MAX:
                    pass
            except FAILURES as error:
                log.warning("sealing again", city=self._city, error=type(error).__name__)
            await asyncio.sleep(INTERVAL_SECONDS)

    async def seal(self) -> int:
        """Seal what was posted since the last epoch, if anything; returns how many transfers."""
        async with self._db.transaction(self._city) as conn:
            if not await store.try_seal_lock(conn):
                return 0
            last = await store.last_epoch(conn)
            number, upto, previous = (last.id + 1, last.upto, last.head) if last else (1, 0, None)
            movements = await store.movements(conn, upto, EPOCH_MAX)
            if not movements:
                return 0
            root = _root(await _leaves(self._secret, movements))
            size, end = len(movements), movements[-1].id
            body = receipts.body_of(number, end, size, root, previous)
            await self._announce(conn)
            record_id = new_id(self._clock.now())
            record = log_service.sign_record(self._key, KIND, record_id, body)
            await log_service.enqueue(conn, [record])
            epoch = Epoch(number, upto, end, size, root, bytes.fromhex(body["head"]), record_id)
            await store.add_epoch(conn, epoch, self._clock.now())
            return size

    async def _announce(self, conn: Connection) -> None:
        if not await log_service.find_keys(conn, [self._key.kid]):
            await log_service.announce_key(
                conn, self._clock, key=self._key, holder=HOLDER, role=ROLE
            )


async def receipt_of(
    conn: Connection, secret: bytes, transfer: int, accounts: frozenset[str]
) -> dict[str, Any]:
    """Return the receipt of a sealed transfer, which shows those of its accounts that are named.

    Raises NotFound until it is sealed.
    """
    epoch = await store.epoch_of(conn, transfer)
    if epoch is None:
        raise NotFound(say("这笔划转还没有封存，请一分钟后再取凭证。"), slug="not-sealed")
    movements = await store.movements(conn, epoch.after, epoch.size)
    index = next(place for place, one in enumerate(movements) if one.id == transfer)
    found = movements[index]
    leaves = await _leaves(secret, movements)
    known = {
        side: {"account": account, "nonce": receipts.nonce_of(secret, transfer, side).hex()}
        for side, account in found.accounts.items()
        if account in accounts
    }
    path = inclusion_proof(_nodes(leaves), index, epoch.size)
    return {
        "epoch": epoch.id,
        "index": index,
        "known": known,
        "path": [one.hex() for one in path],
        "record": str(epoch.record_id),
        "transfer": receipts.shown(secret, found),
        "v": 1,
    }


async def sealed_upto(conn: Connection) -> int:
    """Return the number of the last transfer that is sealed; 0 before the first."""
    last = await store.last_epoch(conn)
    return last.upto if last else 0


async def _leaves(secret: bytes, movements: Sequence[Movement]) -> list[bytes]:
    """Hash transfers, in a thread: an epoch may have many, and nobody else is to wait meanwhile."""
    return await asyncio.to_thread(lambda: [_leaf(secret, one) for one in movements])


def _leaf(secret: bytes, movement: Movement) -> bytes:
    """Return what `receipts.leaf_of` does, in a fraction of the time: what the book holds needs no
    check whether it has a canonical form.
    """
    return leaf_hash(orjson.dumps(receipts.shown(secret, movement), option=orjson.OPT_SORT_KEYS))


def _root(leaves: Iterable[bytes]) -> bytes:
    tree = CompactRange()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def _nodes(leaves: list[bytes]) -> Any:
    levels = [leaves]
    while len(levels[-1]) > 1:
        level = levels[-1]
        levels.append([node_hash(*pair) for pair in zip(level[::2], level[1::2], strict=False)])
    return lambda level, position: levels[level][position]


async def seal_faults(conn: Connection, secret: bytes) -> list[tuple[str, str]]:
    """Seal every epoch again and compare, with the city's log, too; returns what is wrong, with the
    epoch.
    """
    found: list[tuple[str, str]] = []
    previous, after = None, 0
    epochs = await store.epochs(conn)
    movements = await store.movements(conn, 0, epochs[0].size) if epochs else []
    for epoch, coming in zip_longest(epochs, epochs[1:]):
        leaves, ahead = await asyncio.gather(
            _leaves(secret, movements),
            store.movements(conn, epoch.upto, coming.size if coming else 0),
        )
        root = _root(leaves)
        head = receipts.head_of(previous, epoch.id, len(movements), root)
        whole = bool(movements) and movements[-1].id == epoch.upto
        if not whole or (root, head, after) != (epoch.root, epoch.head, epoch.after):
            found.append(("封存的划转与账本不符", f"第 {epoch.id} 期"))
        previous, after, movements = epoch.head, epoch.upto, ahead
    return found + await _record_faults(conn, epochs)


async def _record_faults(conn: Connection, epochs: Sequence[Epoch]) -> list[tuple[str, str]]:
    """Compare the book's epochs with the log's records of them; returns what is wrong.

    Of the last epochs the records may not be numbered yet. Of those before the last record, each has
    one; a second one with another head tells of an epoch that was there before.
    """
    sealed = {one.id: one.head.hex() for one in epochs}
    recorded: set[int] = set()
    found: list[tuple[str, str]] = []
    for _, body in await log_service.entries_since(conn, 0, [KIND]):
        number = body["epoch"]
        recorded.add(number)
        if number not in sealed:
            found.append(("日志里有封存记录，账本里没有这一期", f"第 {number} 期"))
        elif sealed[number] != body["head"]:
            found.append(("封存与日志里的记录不符", f"第 {number} 期"))
    until = max(recorded, default=0)
    return found + [
        ("封存在日志里没有记录", f"第 {number} 期")
        for number in sealed
        if number < until and number not in recorded
    ]
