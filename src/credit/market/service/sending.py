"""Sending: every webhook is told what happened for its merchant, in order, until it has taken it.

An event is a transfer of the book, and a webhook's cursor the number of the last one that was
taken: it moves on after an answer 2xx and for nothing else. Whoever dies after the answer and
before the commit sends once more, with the same id, as receivers have to expect.
"""

import asyncio
import secrets
from collections.abc import Sequence
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
WEBHOOKS_AT_ONCE = 8
WEBHOOKS_MAX = 2_000
STRETCH = 1_000  # transfers of the book looked through at a time
EVENTS_MAX = 50  # sent to one webhook before others have their turn
log = structlog.get_logger()


class Sender:
    """Tells one city's merchants, as what its events come from; any number may run, and of them one
    sends to a webhook.

    Whoever sends to a webhook holds a lock of a session of its own, so that no connection of the
    pool waits for somebody else's server.
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

    async def run(self) -> None:
        """Send what there is, again and again, until cancelled."""
        try:
            while True:
                try:
                    while await self.send():
                        pass
                except Exception as error:  # noqa: BLE001 - one that stays down tells nobody
                    log.warning("sending again", city=self._city, error=type(error).__name__)
                    self.drop()
                await asyncio.sleep(INTERVAL_SECONDS)
        finally:
            self.drop()

    def drop(self) -> None:
        """Give the session up, and with it every lock."""
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.terminate()

    async def send(self) -> int:
        """Send to every webhook that has something coming; returns how many events were taken."""
        async with self._db.city(self._city) as conn:
            end = await book.end_of_book(conn)
            due = await store.due(conn, self._clock.now(), end, WEBHOOKS_MAX)
        due = [one for one in due if self._seen(one) < end]
        places = asyncio.Semaphore(WEBHOOKS_AT_ONCE)

        async def serve(one: Due) -> int:
            async with places:
                return await self._serve(one.id)

        outcomes = await asyncio.gather(*map(serve, due), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return sum(one for one in outcomes if isinstance(one, int))

    def _seen(self, one: Due) -> int:
        cursor, number = self._nothing.get(one.id, (one.cursor, one.cursor))
        return number if cursor == one.cursor else one.cursor

    async def _serve(self, number: UUID) -> int:
        """Send to a webhook what comes next, unless somebody else does; returns how many it took."""
        if not await self._lock(number):
            return 0
        try:
            async with self._db.city(self._city) as conn:
                webhook = await store.webhook(conn, number)
                if webhook is None or not self._may_send(webhook):
                    return 0
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
        after = self._seen(Due(webhook.id, cursor))
        while (end := await book.end_of_stretch(conn, after, STRETCH)) is not None:
            found = await book.happenings(conn, webhook.account, after, end, EVENTS_MAX)
            if found:
                return cursor, found
            after = end
            if after - cursor >= STRETCH and await store.advance(conn, webhook.id, cursor, after):
                cursor = after
            self._nothing[webhook.id] = (cursor, after)
        return cursor, []

    async def _send_all(self, webhook: WebhookRow, cursor: int, events: Sequence[Happening]) -> int:
        taken = 0
        for event in events:
            result = await self._deliver(webhook, event)
            if not await self._note(webhook, cursor, event.transfer, result):
                break
            cursor, taken = event.transfer, taken + 1
        return taken

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

    async def _lock(self, number: UUID) -> bool:
        async with self._asking:
            if self._conn is None or self._conn.is_closed():
                self._conn = await self._db.dedicated(self._city)
            return await store.try_lock(self._conn, number)

    async def _unlock(self, number: UUID) -> None:
        async with self._asking:
            if self._conn is not None and not self._conn.is_closed():
                await store.unlock(self._conn, number)
