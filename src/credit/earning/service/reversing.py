"""Reversing what was awarded wrongly: by somebody else than who entered it, with a reason.

The participation is marked first, and only then are its points taken back, under keys of its own:
by the handler right after the commit, else by the job that was put with it. Nothing is taken but
what is left of that very award: who has spent it owes nothing. What a merchant holds of it is not spent yet:
should it come back, it is taken back, too, by the job that looks for that each minute.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from credit.access.logic import refuse_same_person, refuse_unplaced, require
from credit.access.views import Actor
from credit.earning.ending import store
from credit.earning.ending.store import Award, Returned
from credit.earning.service.places import covers
from credit.kit.clock import Clock
from credit.kit.db import Database
from credit.kit.errors import Conflict, Invalid, NotFound
from credit.kit.jobs import enqueue
from credit.kit.texts import say
from credit.points.logic import operations
from credit.points.service import accounts as book
from credit.points.service.posting import Writer
from credit.points.views import Operation

__all__ = ["REASON_CHARS_MAX", "TASK", "reverse", "take_back", "take_back_returned"]

TASK = "earning.take_back"
REASON_CHARS_MAX = 400
LOTS_MAX = 500
NOT_POSTED = say("这条记录没有入账的积分，不能撤回。请刷新页面，看它现在的状态。")


class _Lot(NamedTuple):
    """A lot to take back; `name` is what its operations are known by."""

    name: str
    lot: int
    budget: int
    reason: str | None


async def reverse(
    db: Database,
    clock: Clock,
    city: str,
    writer: Writer,
    actor: Actor,
    participation: UUID,
    reason: str,
) -> int:
    """Reverse a granted or pending participation; returns how many points that took back.

    The member is shown the reason. Raises Forbidden for who entered it, Conflict for one that is in
    another state.
    """
    require(actor, "points:approve")
    refuse_unplaced(actor)
    if not reason.strip():
        raise Invalid(say("撤回要写明理由，参与者会看到。"))
    async with db.transaction(city) as conn:
        award = await store.find_award(conn, participation)
        if award is None or not covers(actor, award.division):
            raise NotFound(say("没有这条参与记录，或不在您的辖区。"))
        refuse_same_person(award.entered_by, actor.person_id)
        if award.state not in ("pending", "granted"):
            raise Conflict(NOT_POSTED)
        await store.mark_reversed(conn, participation, reason.strip(), actor.person_id, clock.now())
        await enqueue(conn, TASK, {"participation": str(participation), "was": award.state})
    return await take_back(db, city, writer, participation, award.state)


async def take_back(db: Database, city: str, writer: Writer, participation: UUID, was: str) -> int:
    """Take back what is left of a reversed participation that was pending or granted; returns how
    many points that were. Doing it again takes no more.
    """
    async with db.transaction(city) as conn:
        award = await store.find_award(conn, participation)
    if award is None or award.state != "reversed" or award.transfer is None:
        return 0
    lot: int | None = award.transfer
    if was == "pending":
        voided = await writer.post(operations.void(_key("unhold", award), award.transfer))
        if voided.outcome != "hold-captured":
            return award.points
        # It came due meanwhile: asked again under its key, the book says which lot it became.
        due = await writer.post(operations.capture(_key("mature", award), award.transfer))
        lot = due.transfer
        if lot is not None:
            async with db.city(city) as conn:
                await store.note_lot(conn, award.id, lot)
    if lot is None:
        return 0
    taken = await _reverse_lot(db, city, writer, award, lot)
    if taken < award.points:  # some of it may have come back since that was posted first
        async with db.city(city) as conn:
            left = await store.returned(conn, award.id, 1)
        for transfer in await _reverse_returned(db, city, writer, left):
            taken += await _amount_of(db, city, award.account, transfer)
    return taken


async def take_back_returned(db: Database, city: str, writer: Writer) -> int:
    """Take back what came back to lots of reversed participations; returns how many lots that were.

    May be stopped and started again at any time.
    """
    lots = 0
    while True:
        async with db.city(city) as conn:
            left = await store.returned(conn, None, LOTS_MAX)
        done = len(await _reverse_returned(db, city, writer, left))
        lots += done
        if done < LOTS_MAX:
            return lots


async def _reverse_returned(
    db: Database, city: str, writer: Writer, lots: Sequence[Returned]
) -> list[int]:
    """Take back what is left of lots again; returns the numbers of the transfers."""
    wanted = [_Lot(f"{one.lot}:{one.last}", one.lot, one.budget, one.reason) for one in lots]
    return await _reverse_lots(db, city, writer, wanted, ("again", "again-return"))


async def _reverse_lot(db: Database, city: str, writer: Writer, award: Award, lot: int) -> int:
    wanted = _Lot(_name(award), lot, award.budget, award.reason)
    taken = await _reverse_lots(db, city, writer, [wanted], ("reverse", "return"))
    # All of it may be spent, or over.
    return await _amount_of(db, city, award.account, taken[0]) if taken else 0


async def _reverse_lots(
    db: Database, city: str, writer: Writer, lots: Sequence[_Lot], purposes: tuple[str, str]
) -> list[int]:
    """Take back what is left of lots, for the budget or, where that is closed, the programme; returns
    the numbers of the transfers. `purposes` name the operations of either kind.
    """
    to_budget, to_programme = purposes
    taken = await writer.post_all([_reverse(to_budget, one, one.budget) for one in lots])
    closed = [
        one for one, outcome in zip(lots, taken, strict=True) if outcome.outcome == "closed-account"
    ]
    if closed:
        async with db.city(city) as conn:
            issuance = (await book.accounts_named(conn, ["issuance"]))["issuance"].id
        taken += await writer.post_all([_reverse(to_programme, one, issuance) for one in closed])
    return [one.transfer for one in taken if one.transfer is not None]


def _reverse(purpose: str, one: _Lot, credit: int) -> Operation:
    key = operations.key_of("earning", purpose, one.name, b"")
    return operations.reverse(key, one.lot, credit, reason=one.reason)


async def _amount_of(db: Database, city: str, account: int, transfer: int) -> int:
    """Return how many points a transfer took from an account."""
    async with db.city(city) as conn:
        (entry,) = await book.history(conn, account, transfer + 1, 1)
    return -entry.amount


def _key(purpose: str, award: Award) -> operations.Key:
    """Name an operation by the participation; `mature` is the name it came due under."""
    return operations.key_of("earning", purpose, _name(award), b"")


def _name(award: Award) -> str:
    return f"{award.id}:{award.attempt}"
