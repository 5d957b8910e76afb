"""Group commit: work that queues up while a transaction runs shares the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from credit.kit.errors import Overloaded
from credit.kit.texts import say

__all__ = ["GroupCommit"]

Item = TypeVar("Item")
Answer = TypeVar("Answer")

GROUP_ITEMS_MAX = 128
QUEUE_ITEMS_MAX = 2_000
LANES = 3  # groups are prepared while the database works on others


class GroupCommit(Generic[Item, Answer]):
    """Runs single items in groups: `run` takes a group in one transaction, all or none.

    An item that comes alone is run at once and waits for nobody. Where a group is refused, each
    of its items is run again by itself, so that every caller gets the answer to its own item. A
    caller that goes away does not stop its item: the outcome is looked up, never guessed.
    """

    def __init__(
        self, run: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]], *, lanes: int = LANES
    ) -> None:
        self._run = run
        self._lanes_max = lanes
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._lanes: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Answer:
        """Run an item with whatever else waits; raises what `run` raises for it alone."""
        if len(self._waiting) >= QUEUE_ITEMS_MAX:
            raise Overloaded(say("服务正忙，请稍后重试。"), slug="queue-full")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
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
        # In the same step as the look at the queue: an item that comes now starts a new lane.
        self._lanes.remove(asyncio.current_task())  # type: ignore[arg-type]

    async def _run_group(self, group: Sequence[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._run([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 - handed to the callers
            if len(group) > 1:
                for one in group:
                    await self._run_group([one])
            elif not group[0][1].done():
                group[0][1].set_exception(error)
        else:
            for (_, future), answer in zip(group, answers, strict=True):
                if not future.done():  # a caller that went away has cancelled its future
                    future.set_result(answer)
