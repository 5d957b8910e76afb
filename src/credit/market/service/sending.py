"""Sending: every webhook is told what happened for its merchant, in order, until it has taken it.

An event is a transfer of the book, and a webhook's cursor the number of the last one that was
taken: it moves on after an answer 2xx and for nothing else. Whoever dies after the answer and
before the commit sends once more, with the same id, as receivers have to expect.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import TypeVar
from uuid import UUID

import structlog

from credit.kit.clock import Clock
from credit.kit.db import Connection, Database
from credit.kit.errors import CreditError
from credit.kit.vault import Vault
from credit.market.logic.deliveries import next_attempt, verdict
from credit.market.logic.events import event_of
from credit.market.logic.webhooks import sign
from credit.market.service.courier import Courier, Result
from credit.market.service.webhooks import secrets_of
from credit.market.webhooks import store
from credit.market.webhooks.views import Due, WebhookRow
from credit.points.service import payees as book
from credit.points.views import Happening

__all__ = ["Sender"]

INTERVAL_SECONDS = 1.0
QUICK_PLACES, SLOW_PLACES = 24, 8  # webhooks that are sent to at once, of either kind
SLOW_SECONDS = 1.0  # a receiver that takes longer to answer is a slow one
WEBHOOKS_AT_ONCE = 2_000  # looked up at a time
STRETCH = 1_000  # transfers of the book looked through at a time
STRETCHES_MAX = 20  # beyond that every webhook looks for itself
# Sent to one webhook before others have their turn.
EVENTS_MAX = 50
TURN_SECONDS = 5.0
NOBODY = UUID(int=0)  # before every id
T = TypeVar("T")
log = structlog.get_logger()


class Sender:
    """Tells one city's merchants, as what its events come from; any number may run, and of them one
    sends to a webhook.

    Whoever sends to a webhook holds a lock of a session of its own, so that no connection of the
    pool waits for somebody else's server. Each webhook is served for itself: who answers late waits
    for others that do, and holds up nobody who does not.
    """

    def __init__(
        self, db: Database, clock: Clock, city: str, vault: Vault, courier: Courier, source: str
    ) -> None:
        self._db = db
        self._clock = clock
        self._city = city
        self._vault = vault
        self._courier = courier
        self._source = source
        self._conn: Connection | None = None
        self._asking = asyncio.Lock()  # the session answers one question at a time
        # Through which transfer there is nothing for a webhook above its cursor: (cursor, number).
        self._nothing: dict[UUID, tuple[int, int]] = {}
        self._end: int | None = None  # of the book, when it was last looked at
        self._serving: dict[UUID, asyncio.Task[int]] = {}
        self._turns: dict[UUID, int] = {}  # how many turns there had been when it last had one
        self._count = 0
        self._slow: set[UUID] = set()
        self._quick_places = asyncio.Semaphore(QUICK_PLACES)
        self._slow_places = asyncio.Semaphore(SLOW_PLACES)

    async def run(self) -> None:
        """Send what there is, again and again, until cancelled."""
        try:
            while True:
                try:
                    for task in await self._begin():
                        task.add_done_callback(self._tell)
                except Exception as error:  # noqa: BLE001 - one that stays down tells nobody
                    self._warn(error)
                    self.drop()
                await asyncio.sleep(INTERVAL_SECONDS)
        finally:
            await self._stop()
            self.drop()

    def drop(self) -> None:
        """Give the session up, and with it every lock."""
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.terminate()

    async def send(self) -> int:
        """Send to every webhook that has something coming; returns how many events were taken."""
        outcomes = await asyncio.gather(*await self._begin(), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return sum(one for one in outcomes if isinstance(one, int))

    async def _begin(self) -> list[asyncio.Task[int]]:
        """Begin to serve every webhook that may have something coming and is not being served;
        who had no turn for the longest time is the first.
        """
        due = sorted(await self._due(), key=lambda one: self._turns.get(one.id, 0))
        begun = []
        for one in due:
            if one.id not in self._serving:
                task = asyncio.create_task(self._serve(one.id))
                self._serving[one.id] = task
                task.add_done_callback(partial(self._served, one.id))
                begun.append(task)
        return begun

    async def _due(self) -> list[Due]:
        """Return the webhooks that may have something coming, however many there are.

        Whoever was told everything is looked for together: what happened since concerns those whom
        it names and nobody else.
        """
        due, after = [], NOBODY
        async with self._db.city(self._city) as conn:
            end = await book.end_of_book(conn)
            touched = await self._touched(conn, end)
            full = True
            while full:
                found = await store.due(conn, self._clock.now(), end, after, WEBHOOKS_AT_ONCE)
                due += [one for one in found if self._may_have(one, end, touched)]
                full = len(found) == WEBHOOKS_AT_ONCE
                after = found[-1].id if full else after
        self._end = end
        return due

    async def _touched(self, conn: Connection, end: int) -> set[int] | None:
        """Return whose accounts something happened for since the book was last looked at; None
        where that is too long ago to look through it for everybody.
        """
        if self._end is None or end - self._end > STRETCH * STRETCHES_MAX:
            return None
        return await book.concerned(conn, self._end, end) if end > self._end else set()

    def _may_have(self, one: Due, end: int, touched: set[int] | None) -> bool:
        """Say whether a webhook may have something coming, or has to have its cursor moved on."""
        seen = self._seen(one)
        if touched is not None and seen >= (self._end or 0) and one.account not in touched:
            self._nothing[one.id] = (one.cursor, max(seen, end))
            return end - one.cursor >= STRETCH
        return seen < end

    def _seen(self, one: Due) -> int:
        cursor, number = self._nothing.get(one.id, (one.cursor, one.cursor))
        return number if cursor == one.cursor else one.cursor

    async def _serve(self, number: UUID) -> int:
        """Send to a webhook turn by turn until there is nothing more; returns how much it took."""
        taken, more = 0, True
        while more:
            places = self._slow_places if number in self._slow else self._quick_places
            async with places:
                self._count += 1
                self._turns[number] = self._count
                some, more = await self._turn(number)
            taken += some
        return taken

    async def _turn(self, number: UUID) -> tuple[int, bool]:
        """Send to a webhook what comes next, unless somebody else does; returns how many it took,
        and whether there may be more.
        """
        if not await self._lock(number):
            return 0, False
        try:
            async with self._db.city(self._city) as conn:
                webhook = await store.webhook(conn, number)
                if webhook is None or not self._may_send(webhook):
                    return 0, False
                cursor, events = await self._events(conn, webhook)
            return await self._send_all(webhook, cursor, events)
        finally:
            await self._unlock(number)

    def _may_send(self, webhook: WebhookRow) -> bool:
        waits = webhook.retry_at is not None and webhook.retry_at > self._clock.now()
        return webhook.disabled_at is None and not waits

    async def _events(self, conn: Connection, webhook: WebhookRow) -> tuple[int, list[Happening]]:
        """Return what happened next for a merchant, and where its webhook then stands.

        Looks through the book to its end for it. That there is nothing is remembered, and written
        down from time to time, so that it is not all looked through again.
        """
        cursor = webhook.cursor
        after = self._seen(Due(webhook.id, cursor, webhook.account))
        if after - cursor >= STRETCH and await store.advance(conn, webhook.id, cursor, after):
            cursor = after
            self._nothing[webhook.id] = (cursor, after)
        while (end := await book.end_of_stretch(conn, after, STRETCH)) is not None:
            found = await book.happenings(conn, webhook.account, after, end, EVENTS_MAX)
            if found:
                return cursor, found
            after = end
            if after - cursor >= STRETCH and await store.advance(conn, webhook.id, cursor, after):
                cursor = after
            self._nothing[webhook.id] = (cursor, after)
        return cursor, []

    async def _send_all(
        self, webhook: WebhookRow, cursor: int, events: Sequence[Happening]
    ) -> tuple[int, bool]:
        """Send events until one is not taken or the turn is over; a slow answer ends it, too."""
        clock, taken = asyncio.get_running_loop(), 0
        end = clock.time() + TURN_SECONDS
        for event in events:
            result = await self._deliver(webhook, event)
            slow = result.millis > SLOW_SECONDS * 1_000
            (self._slow.add if slow else self._slow.discard)(webhook.id)
            if not await self._note(webhook, cursor, event.transfer, result):
                return taken, False
            cursor, taken = event.transfer, taken + 1
            if slow or clock.time() > end:
                return taken, True
        return taken, taken == EVENTS_MAX

    async def _deliver(self, webhook: WebhookRow, event: Happening) -> Result:
        message, payload = event_of(self._source, self._city, event)
        try:
            keys = secrets_of(self._vault, webhook, self._clock.now())
        except CreditError as refused:
            return Result(None, refused.slug, 0)
        headers = sign(message, payload, keys, self._clock.now())
        return await self._courier.deliver(webhook.url, headers, payload)

    async def _note(self, webhook: WebhookRow, cursor: int, transfer: int, result: Result) -> bool:
        """Keep what came of an attempt; says whether to go on with the next event."""
        now, meant = self._clock.now(), verdict(result.status)
        async with self._db.transaction(self._city) as conn:
            found = await store.webhook(conn, webhook.id, lock=True)
            if found is None:
                return False  # it was taken away meanwhile
            await store.add_delivery(conn, webhook.id, transfer, now, result[:3])
            if meant == "delivered":
                return await store.delivered(conn, webhook.id, cursor, transfer)
            again = None
            if meant == "again":
                again = next_attempt(
                    found.failures + 1,
                    now,
                    jitter=secrets.randbelow(101),
                    retry_after_seconds=result.retry_after_seconds,
                )
            await store.fail(conn, webhook.id, cursor, again, now)
            return False

    def _served(self, number: UUID, _: asyncio.Task[int]) -> None:
        self._serving.pop(number, None)

    def _tell(self, task: asyncio.Task[int]) -> None:
        """Say why a webhook could not be served, if it could not; it has its turn again soon."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._warn(error)

    def _warn(self, error: BaseException) -> None:
        log.warning("sending again", city=self._city, error=type(error).__name__)

    async def _stop(self) -> None:
        """Let nobody be served any more."""
        tasks = list(self._serving.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _lock(self, number: UUID) -> bool:
        async with self._asking:
            if self._conn is None or self._conn.is_closed():
                self._conn = await self._db.dedicated(self._city)
            return await self._ask(store.try_lock(self._conn, number))

    async def _unlock(self, number: UUID) -> None:
        async with self._asking:
            if self._conn is not None and not self._conn.is_closed():
                await self._ask(store.unlock(self._conn, number))

    async def _ask(self, question: Awaitable[T]) -> T:
        """Ask the session; one that breaks is given up, so that the next question has another."""
        try:
            return await question
        except Exception:
            self.drop()
            raise
