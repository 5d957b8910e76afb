"""What was changed past the posting functions is found by the check, and by the seals."""

import asyncpg
import pytest

from credit.kit import db
from credit.points import store
from credit.points.service import verifying

CITY = "150200"
# What is done to which table, and which question of the check finds it.
MANIPULATIONS = {
    "a changed amount": (
        "point_transfer", "账户余额与划转不连续",
        "UPDATE point_transfer SET amount = amount + 1 WHERE kind = 'capture'",
    ),
    "an amount turned round": (
        "point_transfer", "划转的借贷双方是同一账户，或数额无效",
        (
            "UPDATE point_transfer SET debit = credit, credit = debit, debit_balance = "
            "credit_balance, credit_balance = debit_balance, amount = -amount WHERE kind = 'void'"
        ),
    ),
    "a transfer taken out": (
        "point_transfer", "幂等键与其划转不符",
        "DELETE FROM point_transfer WHERE kind = 'reverse'",
    ),
    "a transfer put in": (
        "point_transfer", "账户余额与划转不连续",
        (
            "INSERT INTO point_transfer SELECT 1000000, debit, credit, amount, debit_balance, "
            "credit_balance, about, at, NULL, 'test', NULL FROM point_transfer WHERE kind = "
            "'capture'"
        ),
    ),
    "a transfer to another account": (
        "point_transfer", "账户余额与划转不连续",
        (
            "UPDATE point_transfer SET credit = (SELECT id FROM point_account WHERE code = 'inn')"
            " WHERE kind = 'capture'"
        ),
    ),
    "a changed balance": (
        "point_account", "全部账户的余额合计不为零",
        "UPDATE point_account SET balance = balance + 1 WHERE code = 'shop'",
    ),
    "two changed balances that add up": (
        "point_account", "账户余额与划转不连续",
        (
            "UPDATE point_account SET balance = balance + CASE code WHEN 'shop' THEN 1 ELSE -1 "
            "END WHERE code IN ('shop', 'inn')"
        ),
    ),
    "a balance without a transfer": (
        "point_account", "账户余额与划转不连续",
        "UPDATE point_account SET balance = 5 WHERE code = 'pending'",
    ),
    "a floor above the balance": (
        "point_account", "账户余额低于下限",
        "UPDATE point_account SET floor = balance + 1 WHERE code = 'budget'",
    ),
    "an account given to another owner": (
        "point_account", "账户的户主与其代码不符",
        "UPDATE point_account SET code = 'wallet:W1', owner = 'W2' WHERE code = 'Li'",
    ),
    "a street that is owed what nobody owes": (
        "point_account", "街道往来账户的余额合计不为零",
        "UPDATE point_account SET kind = 'clearing' WHERE code = 'shop'",
    ),
    "an account taken out": (
        "point_account", "全部账户的余额合计不为零",
        "DELETE FROM point_account WHERE code = 'shop'",
    ),
    "a lot refilled": (
        "point_lot", "积分批次的剩余与使用记录不符",
        "UPDATE point_lot SET remaining = amount WHERE amount = 50",
    ),
    "a lot refilled as if it came back": (
        "point_lot_use", "积分批次合计与账户余额不符",
        (
            "WITH u AS (UPDATE point_lot_use SET returned = returned + 1 WHERE returned < amount "
            "- 1 RETURNING lot) UPDATE point_lot l SET remaining = remaining + (SELECT count(*) "
            "FROM u WHERE u.lot = l.id) WHERE remaining < amount"
        ),
    ),
    "points moved from lot to lot": (
        "point_lot", "积分批次的剩余与使用记录不符",
        (
            "UPDATE point_lot SET remaining = remaining + CASE amount WHEN 40 THEN -1 ELSE 1 END "
            "WHERE account = (SELECT id FROM point_account WHERE code = 'Wang') AND (amount = 40 "
            "OR id = (SELECT min(id) FROM point_lot WHERE amount = 2 AND remaining = 1))"
        ),
    ),
    "a lot made larger": (
        "point_lot", "积分批次与发放它的划转不符",
        "UPDATE point_lot SET amount = amount + 1, remaining = remaining + 1",
    ),
    "a lot given to another": (
        "point_lot", "积分批次与发放它的划转不符",
        (
            "UPDATE point_lot SET account = (SELECT id FROM point_account WHERE code = 'Wang') "
            "WHERE account = (SELECT id FROM point_account WHERE code = 'Li')"
        ),
    ),
    "a lot from nowhere": (
        "point_lot", "积分批次与发放它的划转不符",
        (
            "INSERT INTO point_lot SELECT 1000000, id, 5, 0, 'infinity', 0, false FROM point_account "
            "WHERE code = 'Li'"
        ),
    ),
    "an emptied lot taken out": (
        "point_lot", "划转使用的批次与其数额不符",
        "DELETE FROM point_lot WHERE remaining = 0",
    ),
    "a lot taken out whose points another one has": (
        "point_lot", "积分批次与发放它的划转不符",
        (
            "WITH gone AS (DELETE FROM point_lot WHERE id = (SELECT min(l.id) FROM point_lot l "
            "JOIN point_account a ON a.id = l.account AND a.code = 'Wang' WHERE l.amount = 2)), "
            "back AS (UPDATE point_lot_use SET returned = 2 WHERE amount = 3 AND lot IN (SELECT "
            "id FROM point_lot WHERE amount = 40)) "
            "UPDATE point_lot SET remaining = remaining + 2 WHERE amount = 40"
        ),
    ),
    "a draw of no transfer": (
        "point_lot_use", "划转使用的批次与其数额不符",
        "INSERT INTO point_lot_use SELECT 1000000, min(id), 0, 0, 0 FROM point_lot",
    ),
    "two draws that change lots": (
        "point_lot_use", "划转使用的批次与其数额不符",
        (
            "UPDATE point_lot_use u SET lot = o.lot FROM point_lot_use o WHERE u.amount = 3 "
            "AND o.amount = 3 AND u.transfer <> o.transfer"
        ),
    ),
    "points that came back to another draw": (
        "point_lot_use", "退回批次的积分与其保留不符",
        (
            "UPDATE point_lot_use SET returned = returned + CASE amount WHEN 3 THEN 2 ELSE -2 END "
            "WHERE lot = (SELECT id FROM point_lot WHERE amount = 40) AND amount IN (3, 10)"
        ),
    ),
    "more that came back than was drawn": (
        "point_lot_use", "退回批次的积分与其保留不符",
        "UPDATE point_lot_use SET regranted = regranted + 50, returned = returned - 50",
    ),
    "a key that shares its transfer": (
        "point_key", "幂等键与其划转不符",
        "INSERT INTO point_key SELECT '\\x00', hash, transfer, day FROM point_key WHERE transfer = 1",
    ),
    "more granted anew than came back late": (
        "point_lot", "退还时重新发放的批次与使用记录不符",
        (
            "UPDATE point_lot SET amount = amount - 1, remaining = remaining - 1 WHERE id IN "
            "(SELECT id FROM point_transfer WHERE kind = 'refund')"
        ),
    ),
    "a lot of points that only came back": (
        "point_lot", "积分批次与发放它的划转不符",
        (
            "INSERT INTO point_lot SELECT id, credit, amount, 0, 'infinity', 0, false FROM point_transfer "
            "WHERE kind = 'void'"
        ),
    ),
    "a draw taken out": (
        "point_lot_use", "划转使用的批次与其数额不符",
        "DELETE FROM point_lot_use WHERE returned = amount",
    ),
    "a hold closed by hand": (
        "point_hold", "未了结的保留合计与保留、待生效账户的余额不符",
        "UPDATE point_hold SET returned = amount WHERE captured = 0 AND returned = 0",
    ),
    "a hold opened again": (
        "point_hold", "未了结的保留合计与保留、待生效账户的余额不符",
        "UPDATE point_hold SET returned = 0 WHERE captured = 0 AND returned > 0",
    ),
    "a hold made larger": (
        "point_hold", "保留的状态与其划转不符",
        "UPDATE point_hold SET amount = amount + 1",
    ),
    "a hold that ended before its capture": (
        "point_hold", "保留的状态与其划转不符",
        "UPDATE point_hold SET until = until - interval '1 day' WHERE captured > 0",
    ),
    "a refund forgotten": (
        "point_hold", "保留的状态与其划转不符",
        "UPDATE point_hold SET refunded = 0",
    ),
    "a moment of another day": (
        "point_transfer", "幂等键与其划转不符",
        (
            "UPDATE point_transfer SET at = at - interval '49 hours' WHERE id = (SELECT "
            "max(transfer) FROM point_key)"
        ),
    ),
    "a key that points nowhere": (
        "point_key", "幂等键与其划转不符",
        (
            "UPDATE point_key SET transfer = 1000000 WHERE transfer = (SELECT max(transfer) FROM "
            "point_key)"
        ),
    ),
    "a key that says neither": (
        "point_key", "幂等键与其划转不符",
        (
            "UPDATE point_key SET transfer = NULL WHERE transfer = (SELECT max(transfer) FROM "
            "point_key)"
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", MANIPULATIONS)
async def test_the_check_finds_what_was_changed_past_the_functions(book, what):
    await book.busy_day()
    await book.fund("Wang", 5)
    await book.hold("Wang", 3)  # drawn from the points that end first, not from these
    assert await book.faults() == []
    table, question, order = MANIPULATIONS[what]
    async with book.owner() as conn:
        # The server's own constraints would refuse some of it; whoever owns the tables drops them.
        await conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        await conn.execute("ALTER TABLE point_lot DROP CONSTRAINT ck_point_lot_remaining_range")
        await conn.execute("ALTER TABLE point_account DROP CONSTRAINT ck_point_account_floor_held")
        assert await conn.execute(order) not in ("UPDATE 0", "DELETE 0", "INSERT 0 0")
    found = [fault for fault, _ in await book.faults()]
    assert question in found


async def test_who_is_done_first_waits_for_the_other_as_long_as_it_takes(book, monkeypatch):
    """A session that does nothing within a transaction is ended otherwise."""
    monkeypatch.setattr(db, "IDLE_IN_TRANSACTION_TIMEOUT_MS", 100)

    async def slow(conn, _secret):
        await conn.execute("SELECT pg_sleep(0.4)")
        return [("seals", "slow")]

    monkeypatch.setattr(verifying, "seal_faults", slow)
    steps = []
    found = await verifying.verify_book(book.db, CITY, b"", lambda *step: steps.append(step))
    assert found == [("seals", "slow")]
    assert steps[-1] == (len(store.FAULTS) + 1, len(store.FAULTS) + 1)


async def test_what_fails_while_the_other_is_still_asking_is_what_is_said(book, monkeypatch):
    async def failing(conn, _secret):
        await conn.execute("SELECT 1 / 0")

    async def slow(conn, _what):
        await conn.execute("SELECT pg_sleep(20)")

    monkeypatch.setattr(verifying, "seal_faults", failing)
    monkeypatch.setattr(store, "fault", slow)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await verifying.verify_book(book.db, CITY, b"")
