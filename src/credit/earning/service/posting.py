"""Posting approved participation to the book, and making pending points available.

Whoever comes first posts: the handler right after the approval is committed, else the job of each
minute. The key is the participation's, so that both post the same.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

from credit.earning.logic.awards import valid_until
from credit.earning.participation import store
from credit.earning.participation.store import Approved, Pending
from credit.kit.clock import CHINA, Clock
from credit.kit.db import Database
from credit.points.logic import operations
from credit.points.service import accounts as book
from credit.points.service.posting import Writer
from credit.points.views import Operation, Outcome
from credit.rules.bank import EarningRule
from credit.rules.pack import Pack

__all__ = ["mature", "post_approved", "post_waiting"]

POSTED_MAX = 1_000
# A hold outlives the days of waiting by far: it ends by being captured, not by its time.
HELD_LONGER = timedelta(days=60)
Noted = tuple[UUID, str, int | None, date | None, int]


async def post_approved(
    db: Database, clock: Clock, city: str, writer: Writer, pack: Pack, ids: Sequence[UUID]
) -> None:
    """Post what was approved; participation the budget is too small for stays `unfunded`."""
    async with db.city(city) as conn:
        rows = await store.approved(conn, ids)
    await _post(db, clock, city, writer, pack, rows)


async def post_waiting(db: Database, clock: Clock, city: str, writer: Writer, pack: Pack) -> int:
    """Post what was approved and nobody posted; returns how many that were."""
    posted = 0
    while True:
        async with db.city(city) as conn:
            rows = await store.waiting(conn, POSTED_MAX)
        await _post(db, clock, city, writer, pack, rows)
        posted += len(rows)
        if len(rows) < POSTED_MAX:
            return posted


async def _post(
    db: Database, clock: Clock, city: str, writer: Writer, pack: Pack, rows: Sequence[Approved]
) -> None:
    """Post plain awards together, since the book takes those as one list; then those that wait."""
    today = clock.today()
    noted: list[Noted] = [
        (one.id, "granted", None, today, one.attempt) for one in rows if one.points == 0
    ]
    worth = [one for one in rows if one.points]
    at_once = [one for one in worth if not _rule(pack, one).pending_days]
    later = [one for one in worth if _rule(pack, one).pending_days]
    granted = await writer.post_all([_award(pack, one, today) for one in at_once])
    noted += [
        _note(one, outcome, "granted", today) for one, outcome in zip(at_once, granted, strict=True)
    ]
    if later:
        async with db.city(city) as conn:
            pending = (await book.accounts_named(conn, ["pending"]))["pending"].id
        days = [today + timedelta(days=_rule(pack, one).pending_days) for one in later]
        held = await writer.post_all(
            [_pending(one, pending, day) for one, day in zip(later, days, strict=True)]
        )
        noted += [
            _note(one, outcome, "pending", day)
            for one, outcome, day in zip(later, held, days, strict=True)
        ]
    if noted:
        async with db.city(city) as conn:
            await store.settle(conn, noted)


async def mature(db: Database, clock: Clock, city: str, writer: Writer, pack: Pack) -> int:
    """Make points available whose days of waiting are over; returns how many participations."""
    matured = 0
    while True:
        async with db.city(city) as conn:
            rows = await store.matured(conn, clock.today(), POSTED_MAX)
        outcomes = await writer.post_all([_capture(pack, one) for one in rows])
        async with db.city(city) as conn:
            await store.settle(
                conn,
                [_matured(one, outcome) for one, outcome in zip(rows, outcomes, strict=True)],
            )
        matured += len(rows)
        if len(rows) < POSTED_MAX:
            return matured


def _key(purpose: str, one: Approved | Pending) -> operations.Key:
    return operations.key_of("earning", purpose, f"{one.id}:{one.attempt}", b"")


def _award(pack: Pack, one: Approved, today: date) -> Operation:
    return operations.transfer(
        _key("award", one), "award", one.budget, one.account, one.points,
        lot=_lot(pack, one, today), happened_on=one.participated_on,
        reason=one.rule,
    )  # fmt: skip


def _pending(one: Approved, pending: int, day: date) -> Operation:
    until = datetime.combine(day, time(), CHINA) + HELD_LONGER
    held = operations.hold(
        _key("award", one), one.budget, pending, one.account, one.points, until, reason=one.rule
    )
    return held._replace(happened_on=one.participated_on)


def _capture(pack: Pack, one: Pending) -> Operation:
    lot = _lot(pack, one, one.available_on)
    return operations.capture(
        _key("mature", one), one.transfer, lot=lot, happened_on=one.participated_on
    )


def _rule(pack: Pack, one: Approved | Pending) -> EarningRule:
    """Return the rule as it was on the day something was done."""
    return pack.on(one.participated_on).points.rule(one.rule)


def _lot(pack: Pack, one: Approved | Pending, granted_on: date) -> operations.Lot:
    bank = pack.on(one.participated_on).points
    return operations.Lot(valid_until(bank, _rule(pack, one), granted_on))


def _note(one: Approved, outcome: Outcome, state: str, day: date) -> Noted:
    if outcome.outcome == "posted":
        return (one.id, state, outcome.transfer, day, one.attempt)
    return (one.id, "unfunded", None, None, one.attempt)


def _matured(one: Pending, outcome: Outcome) -> Noted:
    """A hold that ended before it was captured went back to its budget: it is posted again."""
    if outcome.outcome == "posted":
        return (one.id, "granted", outcome.transfer, one.available_on, one.attempt)
    return (one.id, "approved", None, None, one.attempt)
