"""Group commit: work that queues up while a transaction runs shares the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import chain
from typing import Generic, NamedTuple, TypeVar

from credit.kit.errors import Overloaded
from credit.kit.texts import say

__all__ = ["GroupCommit"]

Item = TypeVar("Item")
Answer = TypeVar("Answer")

GROUP_ITEMS_MAX = 128
QUEUE_ITEMS_MAX = 2_000
LANES = 3  # groups are prepared while the database works on others


class _Waiting(NamedTuple, Generic[Item, Answer]):
    item: Item
    future: asyncio.Future[Answer]


class GroupCommit(Generic[Item, Answer]):
    """Runs single items in groups: `run` takes a group in one transaction, all or none.

    An item that comes alone is run at once and waits for nobody. Where a group is refused, each
    of its items is run again by itself, so that every caller gets the answer to its own item; where
    `run` is overloaded, that is the answer to all of them. A caller that goes away does not stop its
    item: the outcome is looked up, never guessed.
    """

    def __init__(
        self, run: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]], *, lanes: int = LANES
    ) -> None:
        self._run = run
        self._lanes_max = lanes
        self._waiting: deque[_Waiting[Item, Answer]] = deque()
        self._lanes: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Answer:
        """Run an item with whatever else waits; raises what `run` raises for it alone."""
        if len(self._waiting) >= QUEUE_ITEMS_MAX:
            raise Overloaded(say("服务正忙，请稍后重试。"), slug="queue-full")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, future))
        if len(self._lanes) < self._lanes_max:
            self._lanes.add(asyncio.create_task(self._drain()))
        return await future

    async def finish(self) -> None:
        """Wait until everything that was submitted has been run."""
        await asyncio.gather(*self._lanes)

    async def _drain(self) -> None:
        while self._waiting:
            count = min(len(self._waiting), GROUP_ITEMS_MAX)
            await self._run_group([self._waiting.popleft() for _ in range(count)])
            # Whoever was answered may have another item, which then need not wait for a whole group.
            await asyncio.sleep(0)
        # In the same step as the look at the queue: an item that comes now starts a new lane.
        self._lanes.remove(asyncio.current_task())  # type: ignore[arg-type]

    async def _run_group(self, group: Sequence[_Waiting[Item, Answer]]) -> None:
        parts = deque([group])
        while parts:
            part = parts.popleft()
            try:
                answers = await self._run([one.item for one in part])
            except Exception as error:  # noqa: BLE001 - handed to the callers
                if isinstance(error, Overloaded):
                    # No item's doing: what is left would only wait for the same again.
                    _refuse([*part, *chain.from_iterable(parts)], error)
                    return
                if len(part) > 1:
                    parts.extend([one] for one in part)
                else:
                    _refuse(part, error)
            else:
                for one, answer in zip(part, answers, strict=True):
                    if not one.future.done():  # a caller that went away has cancelled its future
                        one.future.set_result(answer)


def _refuse(part: Iterable[_Waiting[Item, Answer]], error: Exception) -> None:
    for one in part:
        if not one.future.done():
            one.future.set_exception(error)
