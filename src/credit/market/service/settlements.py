"""Settlements: statements drawn from the book, confirmed or disputed by the merchant, and paid.

Points are never paid to people: what a merchant is owed is money, which the operator pays outside
this service; the book then moves the points it was paid for to the merchant's settled account.
"""

from datetime import datetime, time, timedelta
from uuid import UUID

from credit.access.views import Actor
from credit.earning.service.places import refuse_elsewhere
from credit.kit.clock import CHINA, Clock
from credit.kit.db import Connection, Database
from credit.kit.errors import Conflict, NotFound
from credit.kit.ids import new_id
from credit.kit.texts import say
from credit.market.logic.settlements import (
    Act,
    Course,
    State,
    Statement,
    digest_of,
    take,
)
from credit.market.service.statements import days_of, lines_of, sums_of
from credit.market.settlements import store
from credit.market.settlements.views import Payee, Settled
from credit.points.logic import operations
from credit.points.logic.operations import Key, key_of
from credit.points.service import accounts as accounts_of_book
from credit.points.service import payees as book
from credit.points.service.posting import Writer
from credit.points.views import NewAccount, Operation

__all__ = [
    "SYSTEM", "confirm", "course_of", "dispute", "draw", "draw_by_hand", "draw_due", "key_of_payment",
    "pay", "redraw", "seen_by", "settled_code", "settlement", "uphold",
]  # fmt: skip

SYSTEM = "system"  # who draws what is drawn every month
PAYEES_AT_ONCE = 500
STREET_DIGITS = 9  # of a community's code, those of the street it lies in


async def settlement(
    conn: Connection, number: UUID, *, merchant: str | None = None, lock: bool = False
) -> Settled:
    """Return a settlement; NotFound for an unknown one, and for one of another merchant."""
    found = await store.settlement(conn, number, lock=lock)
    if found is None or merchant not in (None, found.merchant):
        raise NotFound(say("没有这张结算单。请从列表里选。"), slug="unknown-settlement")
    return found


async def seen_by(conn: Connection, actor: Actor, number: UUID) -> Settled:
    """Return a settlement of where an officer works; Forbidden for one of elsewhere."""
    found = await settlement(conn, number)
    refuse_elsewhere(actor, found.division)
    return found


def course_of(settled: Settled) -> Course:
    """Return where a settlement stands, as decisions about it want it."""
    return Course(settled.state, settled.drawn_by, settled.digest)


async def draw(
    conn: Connection,
    clock: Clock,
    city: str,
    merchant: str,
    by: str,
    until: datetime | None = None,
) -> Settled | None:
    """Draw a merchant's statement of everything since the last one; None where there is nothing.

    It ends with the last transfer that was committed by now; with `until`, the first moment of a
    month, with the last one of the month (in China) in which it begins, and of no month after
    that. Of two that draw at once, the second waits, and finds nothing left. A statement has
    `LINES_MAX` lines at most: the next one goes on.
    """
    payee = await store.payee(conn, merchant)
    if payee is None:
        raise NotFound(say("没有这个商户，或者它还没有入驻。请核对编号。"), slug="unknown-merchant")
    last = await store.last_of(conn, merchant)
    after = last.upto if last else 0
    carried = last.payable if last and last.state == "carried" else 0
    upto = accounts_of_book.LAST
    if until is not None:
        upto = await _end_of_month(conn, payee, after, until)
    statement = await _statement(conn, city, payee, after, upto, carried)
    if statement is None:
        return None
    number, (begins, ends) = new_id(clock.now()), days_of(statement.lines)
    await store.add(
        conn,
        (
            number, merchant, after, statement.upto, begins, ends, *sums_of(statement), carried,
            statement.fen_per_point, statement.fen, digest_of(statement), statement.state, by,
            clock.now(),
        ),
    )  # fmt: skip
    return await settlement(conn, number)


async def draw_by_hand(
    conn: Connection, clock: Clock, city: str, actor: Actor, merchant: str
) -> Settled:
    """Draw a statement between two months; Conflict where nothing happened since the last one."""
    payee = await store.payee(conn, merchant)
    if payee is not None:
        refuse_elsewhere(actor, payee.division)
    drawn = await draw(conn, clock, city, merchant, actor.person_id)
    if drawn is None:
        raise Conflict(say("上次出单以后没有新的收取和退还，不用出单。"), slug="nothing-to-settle")
    return drawn


async def draw_due(db: Database, clock: Clock, city: str) -> int:
    """Draw the statements that a month which is over calls for; returns how many.

    Due is whoever had a capture or refund before this month that no statement has. So it may be
    asked for on any day and as often as one likes, and what was missed on the first is drawn then:
    each month that is over has a statement of its own, and none of it is of this month. Each is a
    transaction of its own.
    """
    today, count, last = clock.today(), 0, ""
    begin = datetime.combine(today.replace(day=1), time(), CHINA)
    while True:
        async with db.city(city) as conn:
            found = await store.payees(conn, last, PAYEES_AT_ONCE)
            moved = await book.unpaid_before(conn, [one[1:] for one in found], begin)
        for code in [code for code, account, _ in found if account in moved]:
            more = True
            while more:
                async with db.transaction(city) as conn:
                    drawn = await draw(conn, clock, city, code, SYSTEM, begin)
                count += drawn is not None
                more = drawn is not None
        if len(found) < PAYEES_AT_ONCE:
            return count
        last = found[-1][0]


async def confirm(
    conn: Connection, clock: Clock, actor: Actor, number: UUID, digest: bytes
) -> Settled:
    """The merchant agrees to what it saw: a statement of this very digest."""
    found = await settlement(conn, number, merchant=actor.party or "", lock=True)
    take(course_of(found), Act("confirm", actor.person_id, digest))
    await store.confirm(conn, number, actor.person_id, clock.now())
    return await settlement(conn, number)


async def dispute(conn: Connection, actor: Actor, number: UUID, text: str) -> Settled:
    """The merchant objects, and says to what."""
    found = await settlement(conn, number, merchant=actor.party or "", lock=True)
    take(course_of(found), Act("dispute", actor.person_id, text=text))
    await store.dispute(conn, number, text)
    return await settlement(conn, number)


async def uphold(conn: Connection, actor: Actor, number: UUID, text: str) -> Settled:
    """An officer leaves a disputed statement as it is, and says why."""
    found = await _own_division(conn, actor, number)
    take(course_of(found), Act("uphold", actor.person_id, text=text))
    await store.uphold(conn, number, text, actor.person_id)
    return await settlement(conn, number)


async def redraw(
    conn: Connection, clock: Clock, city: str, actor: Actor, number: UUID, text: str
) -> Settled:
    """An officer draws a disputed statement anew, and says what is changed.

    The merchant's last one takes in what happened since, such as refunds that were made meanwhile;
    an earlier one stays within its numbers, and only its price can be another.
    """
    found = await settlement(conn, number)
    payee = await store.payee(conn, found.merchant)  # first the merchant, as whoever draws does
    found = await _own_division(conn, actor, number)
    last = await store.last_of(conn, found.merchant)
    if payee is None or last is None:
        raise RuntimeError("a settlement of a merchant without an account")
    upto = accounts_of_book.LAST if last.id == number else found.upto
    drawn = await _statement(conn, city, payee, found.after, upto, found.carried)
    if drawn is None:
        raise RuntimeError("a settlement of nothing")
    if last.id != number:
        drawn = Statement(
            city,
            payee.code,
            found.after,
            found.upto,
            payee.fen_per_point,
            found.carried,
            drawn.lines,
        )
    act = Act("redraw", actor.person_id, digest_of(drawn), text, drawn.state == "carried")
    state: State = take(course_of(found), act).state
    await store.redraw(
        conn,
        number,
        (
            drawn.upto, days_of(drawn.lines)[1], *sums_of(drawn), drawn.fen_per_point, drawn.fen,
            act.digest, state, actor.person_id, clock.now(), text,
        ),
    )  # fmt: skip
    return await settlement(conn, number)


async def pay(
    db: Database, clock: Clock, city: str, writer: Writer, actor: Actor, number: UUID, voucher: str
) -> Settled:
    """Note that a confirmed settlement was paid, by somebody else than who drew it.

    The points are moved in the book first, under a key of the settlement's own, and it is marked
    paid only then. Who is cut off in between does the same again: the book answers with the
    transfer it has. Nothing else can follow on a confirmation, so that it finds all as it was.

    What residents of other streets brought is owed to the merchant's street, which pays for it:
    that is booked together with the payment.
    """
    act = Act("pay", actor.person_id, text=voucher)
    async with db.transaction(city) as conn:
        found = await _own_division(conn, actor, number)
        take(course_of(found), act)
        settled = settled_code(found.merchant)
        wanted = NewAccount(settled, "settled", found.merchant, found.division)
        opened = await accounts_of_book.open_accounts(conn, clock, [wanted])
        cleared = await _cleared(conn, clock, found)
    payment = operations.transfer(
        key_of_payment(found), "settle", found.account, opened[settled], found.payable,
        reason=str(number),
    )  # fmt: skip
    outcomes = await writer.post_all([payment, *cleared])
    transfer = outcomes[0].transfer
    refused = next((one.outcome for one in outcomes if one.transfer is None), None)
    if transfer is None or refused is not None:
        raise Conflict(
            say("账本没有记下这次付款：%(outcome)s。请核对商户账户后重试。", outcome=refused),
            slug="not-posted",
        )
    async with db.transaction(city) as conn:
        again = await settlement(conn, number, lock=True)
        take(course_of(again), act)
        await store.mark_paid(conn, number, voucher, actor.person_id, clock.now(), transfer)
        return await settlement(conn, number)


def key_of_payment(settled: Settled) -> Key:
    """Return the key under which the book keeps a settlement's payment, whoever makes it."""
    return key_of("market", "settle", str(settled.id), settled.digest)


def settled_code(merchant: str) -> str:
    """Return the code of the account of what a merchant was paid for."""
    return f"settled:{merchant}"


async def _cleared(conn: Connection, clock: Clock, settled: Settled) -> list[Operation]:
    """Say what the book moves between streets when a settlement is paid; opens their accounts.

    Of each street whose residents brought points to the merchant of another, from its account of
    clearing to that of the merchant's; the other way round where more came back than was brought.
    Keys are of the settlement and the street, so that none is booked twice.
    """
    brought = await store.brought_from(conn, settled.id)
    if not brought:
        return []
    payer = settled.division[:STREET_DIGITS]
    streets = [payer, *(street for street, _ in brought)]
    codes = {one: f"clearing:{one}" for one in streets}
    opened = await accounts_of_book.open_accounts(
        conn, clock, [NewAccount(codes[one], "clearing", one, one) for one in streets]
    )
    moves = []
    for street, points in brought:
        debit, credit = opened[codes[street]], opened[codes[payer]]
        if points < 0:
            debit, credit = credit, debit
        key = key_of("market", "clear", f"{settled.id} {street}", settled.digest)
        reason = f"街道往来，结算单 {settled.id}"
        moves.append(operations.transfer(key, "clear", debit, credit, abs(points), reason=reason))
    return moves


async def _end_of_month(conn: Connection, payee: Payee, after: int, until: datetime) -> int:
    """Return the number of a payee's last line of the month of its first one above `after`, or of
    its last before `until` if that comes first; `after` where there is none.
    """
    first = await book.payments(conn, payee.account, after, accounts_of_book.LAST, 1)
    if not first:
        return after
    day = first[0].at.astimezone(CHINA).date().replace(day=1)
    following = (day + timedelta(days=31)).replace(day=1)
    end = min(datetime.combine(following, time(), CHINA), until)
    return await book.end_before(conn, payee.account, after, end)


async def _own_division(conn: Connection, actor: Actor, number: UUID) -> Settled:
    found = await settlement(conn, number, lock=True)
    refuse_elsewhere(actor, found.division)
    return found


async def _statement(
    conn: Connection, city: str, payee: Payee, after: int, upto: int, carried: int
) -> Statement | None:
    """Return what the book gives between two numbers, to its last line; None for nothing."""
    lines = await lines_of(conn, payee.account, after, upto)
    if not lines:
        return None
    return Statement(
        city, payee.code, after, lines[-1].transfer, payee.fen_per_point, carried, lines
    )
