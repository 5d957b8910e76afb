"""Settlements from the book to the payment: drawn, confirmed, disputed, paid, computed again."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from tests.bank import CITY, MERCHANT
from tests.market.settling import (
    VOUCHER,
    balances,
    buy,
    check,
    confirm,
    draw,
    give_back,
    killed_while_paying,
    pay,
    run,
    shop,
)

from credit.kit.canonical import canonical
from credit.kit.errors import Conflict, Forbidden, NotFound
from credit.market.logic.settlements import LINES_MAX
from credit.market.service import redemptions, settlements, statements
from credit.points.logic.operations import key_of
from credit.points.service import accounts as book
from credit.points.service import payees

__all__ = ["shop"]


async def test_a_statement_goes_the_whole_way(bank, shop):
    first = await buy(bank, 60)
    await buy(bank, 30, name="Wang")
    await give_back(bank, first, 20)
    drawn = await draw(bank)
    assert (drawn.captures, drawn.captured, drawn.refunds, drawn.refunded) == (2, 90, 1, 20)
    assert (drawn.points, drawn.carried, drawn.fen, drawn.state) == (70, 0, 7_000, "drawn")
    assert (drawn.after, str(drawn.begins_on)) == (0, "2026-06-30")
    await buy(bank, 5)  # belongs to the next one
    path = f"/settlements/{drawn.id}"
    shown = await bank.look(path, by="shopkeeper")
    assert [one["kind"] for one in shown["lines"]] == ["capture", "capture", "refund"]
    assert [one["reference"] for one in shown["lines"]] == ["小票 1"] * 3
    body = {"digest": shown["digest"]}
    done = await bank.send(f"{path}/confirm", body, by="shopkeeper", key="c", status=200)
    assert done["status"] == "confirmed"
    assert await bank.send(f"{path}/confirm", body, by="shopkeeper", key="c", status=200) == done
    paid = await pay(bank, bank.world.actors["payer"], drawn.id, VOUCHER)
    assert (paid.state, paid.voucher) == ("paid", VOUCHER)
    assert await balances(bank) == [5, 70]
    assert (await check(bank, drawn.id)).agrees
    following = await draw(bank)
    assert (following.after, following.points, following.carried) == (drawn.upto, 5, 0)
    page = await bank.look("/settlements?limit=1", by="shopkeeper")
    assert [one["id"] for one in page["items"]] == [str(following.id)]
    rest = await bank.look(f"/settlements?cursor={page['next_cursor']}", by="shopkeeper")
    assert [one["status"] for one in rest["items"]] == ["paid"]


async def test_either_side_computes_the_digest_from_what_it_is_shown(bank, shop):
    import hashlib

    for amount in (10, 20, 30):
        await give_back(bank, await buy(bank, amount), 1)
    drawn = await draw(bank)
    lines, cursor = [], ""
    while cursor is not None:
        path = f"/settlements/{drawn.id}?limit=4" + (f"&cursor={cursor}" if cursor else "")
        shown = await bank.look(path, by="shopkeeper")
        lines += shown["lines"]
        cursor = shown["next_cursor"]
    assert len(lines) == 6
    head = shown
    names = (
        "after", "captured", "captures", "carried", "fen", "fen_per_point", "merchant", "points",
        "refunded", "refunds", "upto",
    )  # fmt: skip
    body = {name: head[name] for name in names} | {
        "city": shown["city"], "type": shown["type"], "lines": lines
    }  # fmt: skip
    assert hashlib.sha256(canonical(body)).hexdigest() == head["digest"] == drawn.digest.hex()


async def test_nobody_else_sees_or_answers_a_statement(bank, shop):
    await buy(bank, 10)
    drawn = await draw(bank)
    await bank.world.hire("rival", "merchant_user", kind="merchant", party="SH-0002")
    await bank.add_merchant("SH-0002", "隔壁超市")
    path = f"/settlements/{drawn.id}"
    await bank.look(path, by="rival", status=404)
    assert (await bank.look("/settlements", by="rival"))["items"] == []
    await bank.send(f"{path}/dispute", {"text": "不对"}, by="rival", status=404)
    body = {"digest": drawn.digest.hex()}
    await bank.send(f"{path}/confirm", body, by="rival", status=404)
    await bank.look("/settlements", by="Li", status=403)


async def test_an_officer_of_another_street_does_nothing_here(bank, shop):
    await buy(bank, 10)
    await bank.world.hire("far", "street_officer", kind="street", division="150204001")
    far = bank.world.actors["far"]
    with pytest.raises(Forbidden):
        await draw(bank, by="far")
    drawn = await draw(bank)
    await run(bank, settlements.dispute, bank.world.actors["shopkeeper"], drawn.id, "少了一笔")
    with pytest.raises(Forbidden):
        await run(bank, settlements.uphold, far, drawn.id, "没有少")
    with pytest.raises(Forbidden):
        await run(bank, settlements.redraw, bank.clock, CITY, far, drawn.id, "补上")
    with pytest.raises(Forbidden):
        await pay(bank, far, drawn.id, VOUCHER)


async def test_what_is_owed_by_the_merchant_is_carried_on(bank, shop):
    bought = await buy(bank, 60)
    first = await draw(bank)
    await give_back(bank, bought, 50)
    owed = await draw(bank)
    assert (owed.state, owed.points, owed.fen) == ("carried", -50, 0)
    await buy(bank, 20)
    still = await draw(bank)
    assert (still.state, still.points, still.carried, still.payable) == ("carried", 20, -50, -30)
    await buy(bank, 100)
    last = await draw(bank)
    assert (last.points, last.carried, last.fen, last.state) == (100, -30, 7_000, "drawn")
    for one in (first, last):
        await confirm(bank, one)
        await pay(bank, bank.world.actors["payer"], one.id, VOUCHER)
    assert await balances(bank) == [0, 130]
    for one in (first, owed, still, last):
        assert (await check(bank, one.id)).agrees


async def test_a_dispute_is_answered_with_reasons(bank, shop):
    bought = await buy(bank, 60)
    drawn, keeper = await draw(bank), bank.world.actors["shopkeeper"]
    officer = bank.world.actors["street"]
    body = {"text": "第一笔顾客退了货"}
    said = await bank.send(f"/settlements/{drawn.id}/dispute", body, by="shopkeeper", status=200)
    assert (said["status"], said["dispute"]) == ("disputed", "第一笔顾客退了货")
    with pytest.raises(Conflict, match="与原来的相同"):
        await run(bank, settlements.redraw, bank.clock, CITY, officer, drawn.id, "已退")
    upheld = await run(bank, settlements.uphold, officer, drawn.id, "账上没有退还，请先退还")
    assert (upheld.state, upheld.answer) == ("drawn", "账上没有退还，请先退还")
    await give_back(bank, bought, 60)
    await buy(bank, 7)
    await run(bank, settlements.dispute, keeper, drawn.id, "现在退了")
    again = await run(bank, settlements.redraw, bank.clock, CITY, officer, drawn.id, "已计入退还")
    assert (again.state, again.points, again.answer) == ("drawn", 7, "已计入退还")
    assert again.upto > drawn.upto
    body = {"digest": drawn.digest.hex()}
    stale = await bank.send(f"/settlements/{drawn.id}/confirm", body, by="shopkeeper", status=409)
    assert stale["allowed"]["digest"] == again.digest.hex()
    await confirm(bank, again)
    with pytest.raises(Forbidden):  # who drew it anew does not pay it
        await pay(bank, officer, drawn.id, VOUCHER)
    assert (await check(bank, drawn.id)).agrees


async def test_a_redrawn_statement_may_turn_out_to_be_carried(bank, shop):
    bought = await buy(bank, 60)
    drawn, keeper = await draw(bank), bank.world.actors["shopkeeper"]
    await give_back(bank, bought, 60)
    await run(bank, settlements.dispute, keeper, drawn.id, "退了")
    officer = bank.world.actors["payer"]
    again = await run(bank, settlements.redraw, bank.clock, CITY, officer, drawn.id, "已计入")
    assert (again.state, again.payable, again.fen) == ("carried", 0, 0)
    await buy(bank, 3)
    assert (await draw(bank)).after == again.upto


async def test_an_earlier_statement_keeps_its_numbers_when_it_is_drawn_anew(bank, shop):
    await buy(bank, 60)
    first = await draw(bank)
    await buy(bank, 40)
    second = await draw(bank)
    keeper, officer = bank.world.actors["shopkeeper"], bank.world.actors["street"]
    await run(bank, settlements.dispute, keeper, first.id, "合同约定每分 1.2 元")
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE merchant SET fen_per_point = 120 WHERE code = $1", MERCHANT)
    again = await run(bank, settlements.redraw, bank.clock, CITY, officer, first.id, "按合同改")
    assert (again.upto, again.points, again.fen) == (first.upto, 60, 7_200)
    for one in (first, second):
        assert (await check(bank, one.id)).agrees


async def test_who_drew_a_statement_does_not_pay_it_and_nobody_pays_it_twice(bank, shop):
    await buy(bank, 60)
    drawn = await draw(bank)
    payer = bank.world.actors["payer"]
    with pytest.raises(Conflict):
        await pay(bank, payer, drawn.id, VOUCHER)  # not confirmed yet
    await confirm(bank, drawn)
    with pytest.raises(Forbidden):
        await pay(bank, bank.world.actors["street"], drawn.id, VOUCHER)
    outcomes = await asyncio.gather(
        *(pay(bank, payer, drawn.id, f"凭证 {n}") for n in range(5)),
        return_exceptions=True,
    )
    refused = [one for one in outcomes if isinstance(one, Exception)]
    assert [one.slug for one in refused] == ["wrong-state"] * 4
    assert await balances(bank) == [0, 60]


async def test_who_is_killed_between_the_book_and_the_mark_does_it_again(bank, shop, monkeypatch):
    await buy(bank, 60)
    drawn = await draw(bank)
    await confirm(bank, drawn)
    payer = bank.world.actors["payer"]
    await killed_while_paying(bank, payer, drawn.id, monkeypatch)
    assert await balances(bank) == [0, 60]
    async with bank.db.city(CITY) as conn:
        assert (await settlements.settlement(conn, drawn.id)).state == "confirmed"
    paid = await pay(bank, payer, drawn.id, "另一张凭证")
    assert (paid.state, paid.voucher) == ("paid", "另一张凭证")
    assert await balances(bank) == [0, 60]  # once, by the transfer that was there
    assert (await check(bank, drawn.id)).agrees


async def test_of_two_that_draw_at_once_one_finds_nothing_left(bank, shop, lock_awaited):
    await buy(bank, 60)
    async with bank.db.transaction(CITY) as conn:
        await settlements.draw(conn, bank.clock, CITY, MERCHANT, "P-1")
        waiting = asyncio.create_task(draw(bank))
        await lock_awaited(bank.db.url)
    with pytest.raises(Conflict, match="不用出单"):
        await waiting


async def test_captures_that_go_on_while_statements_are_drawn_are_each_in_one(bank, shop):
    await bank.grant("Li", 400)

    async def drawing():
        for _ in range(12):
            async with bank.db.transaction(CITY) as conn:
                await settlements.draw(conn, bank.clock, CITY, MERCHANT, "P-1")

    await asyncio.gather(*(buy(bank, 7) for _ in range(12)), drawing(), drawing())
    async with bank.db.transaction(CITY) as conn:
        await settlements.draw(conn, bank.clock, CITY, MERCHANT, "P-1")
    page = await bank.look("/settlements", by="shopkeeper")
    assert sum(one["captured"] for one in page["items"]) == 84
    drawn = list(reversed(page["items"]))
    assert [one["after"] for one in drawn] == [0, *(one["upto"] for one in drawn[:-1])]


async def test_every_month_everybody_with_movements_gets_a_statement(bank, shop):
    await bank.world.hire("rival", "merchant_user", kind="merchant", party="SH-0002")
    await bank.add_merchant("SH-0002", "隔壁超市")
    await bank.add_merchant("SH-0003", "没有生意")
    await buy(bank, 60)
    await buy(bank, 10, by="rival")
    assert await settlements.draw_due(bank.db, bank.clock, CITY) == 0  # the month is not over
    bank.clock.now_value = datetime(2026, 6, 30, 16, 10, tzinfo=UTC)  # ten past midnight in China
    bank_open = await buy(bank, 5)
    assert await settlements.draw_due(bank.db, bank.clock, CITY) == 2
    (line,) = (await bank.look("/settlements", by="shopkeeper"))["items"]
    assert (line["captured"], line["ends_on"]) == (60, "2026-06-30")
    await give_back(bank, bank_open, 1)
    bank.clock.now_value += timedelta(days=1)
    assert await settlements.draw_due(bank.db, bank.clock, CITY) == 0  # nothing before the month
    bank.clock.now_value = datetime(2026, 8, 3, 16, 10, tzinfo=UTC)  # the first was missed
    assert await settlements.draw_due(bank.db, bank.clock, CITY) == 1
    (newest, _) = (await bank.look("/settlements", by="shopkeeper"))["items"]
    assert (newest["captured"], newest["refunded"], newest["after"]) == (5, 1, line["upto"])
    async with bank.db.city(CITY) as conn:
        found = await settlements.settlement(conn, UUID(newest["id"]))
    assert found.drawn_by == settlements.SYSTEM


async def test_a_worker_that_was_down_draws_each_month_to_its_end(bank, shop):
    """However late it is, and whatever was bought since."""
    bank.clock.now_value = datetime(2026, 6, 30, 15, 59, 59, tzinfo=UTC)  # a second to midnight
    june = await buy(bank, 60)
    bank.clock.now_value += timedelta(seconds=1)
    await buy(bank, 7)
    bank.clock.now_value = datetime(2026, 7, 5, 4, 0, tzinfo=UTC)
    await give_back(bank, june, 10)
    assert await settlements.draw_due(bank.db, bank.clock, CITY) == 1
    (drawn,) = (await bank.look("/settlements", by="shopkeeper"))["items"]
    assert (drawn["captured"], drawn["refunded"]) == (60, 0)
    assert (drawn["begins_on"], drawn["ends_on"]) == ("2026-06-30", "2026-06-30")
    assert await settlements.draw_due(bank.db, bank.clock, CITY) == 0
    # Two months were missed: each has its own, and September none yet.
    bank.clock.now_value = datetime(2026, 8, 31, 15, 0, tzinfo=UTC)
    await buy(bank, 3)
    bank.clock.now_value = datetime(2026, 9, 5, 4, 0, tzinfo=UTC)
    await buy(bank, 1)
    assert await settlements.draw_due(bank.db, bank.clock, CITY) == 2
    items = (await bank.look("/settlements", by="shopkeeper"))["items"]
    assert [(one["captured"], one["refunded"], one["ends_on"]) for one in items] == [
        (3, 0, "2026-08-31"), (7, 10, "2026-07-05"), (60, 0, "2026-06-30"),
    ]  # fmt: skip
    assert [one["after"] for one in items] == [items[1]["upto"], items[2]["upto"], 0]
    for one in items:
        assert (await check(bank, UUID(one["id"]))).agrees


async def test_by_hand_a_statement_runs_to_now(bank, shop):
    await buy(bank, 60)
    bank.clock.now_value = datetime(2026, 7, 5, 4, 0, tzinfo=UTC)
    await buy(bank, 7)
    assert (await draw(bank)).captured == 67
    assert await settlements.draw_due(bank.db, bank.clock, CITY) == 0


async def test_a_clock_that_was_set_back_leaves_nothing_undrawn(bank, shop):
    bank.clock.now_value = datetime(2026, 6, 30, 16, 0, 5, tzinfo=UTC)  # July by a wrong clock
    made = await bank.authorize("Li", 7)
    await buy(bank, 60)
    bank.clock.now_value -= timedelta(seconds=30)
    key = key_of("test", "capture", "1", b"")
    keeper = bank.world.actors["shopkeeper"]
    await redemptions.capture(bank.shop, keeper, int(made["id"]), None, key)
    bank.clock.now_value = datetime(2026, 7, 2, 4, 0, tzinfo=UTC)
    await buy(bank, 1)
    assert await settlements.draw_due(bank.db, bank.clock, CITY) == 1
    (drawn,) = (await bank.look("/settlements", by="shopkeeper"))["items"]
    assert drawn["captured"] == 67
    assert await settlements.draw_due(bank.db, bank.clock, CITY) == 0


async def test_a_merchant_with_very_many_lines_gets_several_statements(bank, shop, monkeypatch):
    for amount in range(1, 6):
        await buy(bank, amount)
    monkeypatch.setattr(settlements, "lines_of", lambda *args: statements.lines_of(*args, 2))
    assert LINES_MAX > 2
    bank.pass_to(2026, 7, 1)
    assert await settlements.draw_due(bank.db, bank.clock, CITY) == 3
    page = await bank.look("/settlements", by="shopkeeper")
    assert [one["captured"] for one in page["items"]] == [5, 7, 3]


async def test_what_is_changed_past_the_functions_shows(bank, shop, database_url):
    await buy(bank, 60)
    other = await buy(bank, 30)
    drawn = await draw(bank)
    assert (await check(bank, drawn.id)).agrees
    owner = await asyncpg.connect(database_url, server_settings={"search_path": "city_150200"})
    try:
        await owner.execute("ALTER TABLE point_transfer DISABLE TRIGGER ALL")
        changed = "UPDATE point_transfer SET reason = '小票 2' WHERE id = $1"
        await owner.execute(changed, int(other))
        found = await check(bank, drawn.id)
        assert found.faults == (statements.DIGEST_DIFFERS,)
        await owner.execute(changed.replace("2'", "1'"), int(other))
        assert (await check(bank, drawn.id)).agrees
        more = "UPDATE point_transfer SET amount = amount + 1 WHERE kind = 'capture' AND about = $1"
        await owner.execute(more, int(other))
        found = await check(bank, drawn.id)
        assert set(found.faults) == {
            statements.SUMS_DIFFER, statements.MONEY_DIFFERS, statements.DIGEST_DIFFERS
        }  # fmt: skip
        await owner.execute("DELETE FROM point_transfer WHERE kind = 'capture'")
        assert (await check(bank, drawn.id)).faults == (statements.SUMS_DIFFER,
            statements.MONEY_DIFFERS, statements.DIGEST_DIFFERS)  # fmt: skip
    finally:
        await owner.close()


async def test_a_settlement_that_was_changed_shows(bank, shop):
    await buy(bank, 60)
    drawn = await draw(bank)
    await confirm(bank, drawn)
    await pay(bank, bank.world.actors["payer"], drawn.id, VOUCHER)
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE settlement SET fen = fen * 2")
    assert (await check(bank, drawn.id)).faults == (statements.MONEY_DIFFERS,)
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE settlement SET fen = fen / 2, transfer = upto")
    assert (await check(bank, drawn.id)).faults == (statements.NOT_PAID_OUT,)


async def test_an_unknown_merchant_or_statement_is_said_to_be_unknown(bank, shop):
    with pytest.raises(NotFound):
        await draw(bank, "SH-9999")
    missing = UUID("01900000-0000-7000-8000-000000000000")
    with pytest.raises(NotFound):
        await pay(bank, bank.world.actors["payer"], missing, VOUCHER)


async def test_the_book_knows_what_was_paid_but_not_marked(bank, shop):
    await buy(bank, 60)
    drawn = await draw(bank)
    key = settlements.key_of_payment(drawn).key
    async with bank.db.city(CITY) as conn:
        assert not await book.is_known(conn, key)
        assert await payees.paid_out(conn, drawn.upto) is None
