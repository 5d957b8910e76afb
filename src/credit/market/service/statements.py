"""Statements as the book gives them: drawn from it, and computed again to be held against it."""

from datetime import date

from credit.kit.clock import CHINA
from credit.kit.db import Connection
from credit.kit.texts import marked
from credit.market.logic.settlements import LINES_MAX, Line, Statement, digest_of
from credit.market.settlements import store
from credit.market.settlements.views import Checked, Settled
from credit.points.service import payees as book

__all__ = ["check", "days_of", "lines_of", "sums_of"]

NOT_THERE = marked("账本里这一段没有可以出单的收取和退还")
SUMS_DIFFER = marked("笔数或积分合计与账本不符")
MONEY_DIFFERS = marked("金额与积分和单价不符")
CARRIED_DIFFERS = marked("上期结转与上一张结算单不符")
DIGEST_DIFFERS = marked("摘要与按账本重新计算的不同")
NOT_PAID_OUT = marked("账本里没有与这次付款相同的划转")


async def lines_of(
    conn: Connection, account: int, after: int, upto: int, limit: int = LINES_MAX
) -> tuple[Line, ...]:
    """Return the lines of an account's statement by the numbers above `after` through `upto`."""
    found = await book.payments(conn, account, after, upto, limit)
    return tuple(
        Line(one.transfer, one.kind, one.amount, one.at, one.reference, str(one.hold))
        for one in found
    )


def days_of(lines: tuple[Line, ...]) -> tuple[date, date]:
    """Return the first and the last day in China on which something of a statement was booked."""
    days = [one.at.astimezone(CHINA).date() for one in (lines[0], lines[-1])]
    return min(days), max(days)


async def check(conn: Connection, city: str, settled: Settled) -> Checked:
    """Compute a settlement again from the book alone, and say what of it differs.

    Anybody who has the book can do this; nothing is taken from the settlement but which stretch it
    is of and at which price.
    """
    faults = []
    before = await store.last_of(conn, settled.merchant, settled.after)
    carried = before.payable if before is not None and before.state == "carried" else 0
    if carried != settled.carried or settled.after != (before.upto if before else 0):
        faults.append(CARRIED_DIFFERS)
    statement = None
    lines = await lines_of(conn, settled.account, settled.after, settled.upto, LINES_MAX + 1)
    try:
        statement = Statement(
            city,
            settled.merchant,
            settled.after,
            settled.upto,
            settled.fen_per_point,
            carried,
            lines,
        )
    except ValueError:
        return Checked(settled, None, None, (NOT_THERE,))
    drawn = (settled.captures, settled.captured, settled.refunds, settled.refunded, settled.points)
    if drawn != sums_of(statement):
        faults.append(SUMS_DIFFER)
    if settled.fen != statement.fen:
        faults.append(MONEY_DIFFERS)
    digest = digest_of(statement)
    if settled.digest != digest:
        faults.append(DIGEST_DIFFERS)
    if settled.state == "paid" and not await _is_paid_out(conn, settled):
        faults.append(NOT_PAID_OUT)
    return Checked(settled, statement, digest, tuple(faults))


def sums_of(statement: Statement) -> tuple[int, int, int, int, int]:
    """Return captures, points captured, refunds, points refunded, and the points of both."""
    return (
        statement.count("capture"), statement.total("capture"), statement.count("refund"),
        statement.total("refund"), statement.points,
    )  # fmt: skip


async def _is_paid_out(conn: Connection, settled: Settled) -> bool:
    found = await book.paid_out(conn, settled.transfer or 0)
    return found is not None and (found[0], found[2]) == (settled.account, settled.payable)
