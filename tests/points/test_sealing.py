"""What was posted is sealed, a receipt proves it offline, and neither survives a change."""

import asyncio
import copy
import json

import asyncpg
import pytest
from click.testing import CliRunner

from credit.cli import main
from credit.kit.db import city_schema
from credit.kit.errors import NotFound
from credit.kit.signing import SigningKey
from credit.log import service as log
from credit.points import store
from credit.points.logic import operations as op
from credit.points.logic.receipts import ReceiptError, verify_receipt
from credit.points.service import sealing
from credit.points.service.sealing import Sealer, receipt_of, seal_faults
from credit.points.service.verifying import verify_book
from credit.points.views import NewAccount

CITY = "150200"
SECRET = b"s" * 32


@pytest.fixture
async def sealer(book):
    return Sealer(book.db, book.clock, CITY, SigningKey.make(), SECRET)


async def bodies(book):
    """The bodies of the records that sealed epochs, as they wait for their number in the log."""
    async with book.db.city(CITY) as conn:
        rows = await conn.fetch(
            "SELECT fragment FROM log_record WHERE kind = 'points-sealed' ORDER BY k"
        )
    return [json.loads(b"{%b}" % row[0])["body"] for row in rows]


async def receipt(book, number, *accounts):
    async with book.db.city(CITY) as conn:
        return await receipt_of(conn, SECRET, number, frozenset(accounts))


async def test_every_sealed_transfer_has_a_receipt_that_proves_it(book, sealer):
    numbers = [await book.fund("Li", 10 + n) for n in range(5)]
    assert await sealer.seal() == 5
    (sealed,) = await bodies(book)
    for number in numbers:
        found = json.loads(json.dumps(await receipt(book, number, "Li")))
        verify_receipt(found, sealed)
        assert found["transfer"]["id"] == number
        assert found["known"]["credit"]["account"] == "Li"
        assert "issuance" not in json.dumps(found)  # the other side stays hidden


async def test_epochs_are_chained_and_an_idle_minute_seals_nothing(book, sealer):
    assert await sealer.seal() == 0
    await book.fund("Li", 10)
    await sealer.seal()
    assert await sealer.seal() == 0
    number = await book.fund("Wang", 10)
    await sealer.seal()
    first, second = await bodies(book)
    assert (first["epoch"], first["previous"]) == (1, None)
    assert (second["epoch"], second["previous"]) == (2, first["head"])
    verify_receipt(await receipt(book, number), second)
    with pytest.raises(ReceiptError):
        verify_receipt(await receipt(book, number), first)


async def test_a_refused_operation_leaves_no_trace_in_a_seal(book, sealer):
    await book.fund("Li", 10)
    await book.refused(book.transfer("Li", "shop", 11))
    await book.fund("Li", 5)
    assert await sealer.seal() == 2


async def test_what_is_not_sealed_has_no_receipt_yet(book, sealer):
    await book.fund("Li", 10)
    await sealer.seal()
    number = await book.fund("Li", 10)
    with pytest.raises(NotFound):
        await receipt(book, number)


async def test_a_long_stretch_is_sealed_in_pieces(book, sealer, monkeypatch):
    monkeypatch.setattr(sealing, "EPOCH_MAX", 2)
    numbers = [await book.fund("Li", 1) for _ in range(5)]
    assert [await sealer.seal() for _ in range(4)] == [2, 2, 1, 0]
    sealed = await bodies(book)
    for place, number in enumerate(numbers):
        verify_receipt(await receipt(book, number), sealed[place // 2])


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["transfer"].update(amount=11),
        lambda found: found["transfer"].update(kind="refund"),
        lambda found: found["transfer"].update(debit="00" * 32),
        lambda found: found["transfer"].update(beneficiary="00" * 32),
        lambda found: found["transfer"].update(until="2026-07-01T00:00:00+00:00"),
        lambda found: found["transfer"].update(lot=None),
        lambda found: found["transfer"]["lot"].update(valid_until="2099-01-01"),
        lambda found: found["transfer"]["lot"].update(priority=1),
        lambda found: found["known"]["credit"].update(account="Wang"),
        lambda found: found["known"]["credit"].update(nonce="00" * 16),
        lambda found: found.update(index=2),
        lambda found: found.update(path=found["path"][1:]),
        lambda found: found.update(path=None),
        lambda found: found.pop("transfer"),
    ],
)
async def test_a_receipt_that_was_changed_proves_nothing(book, sealer, change):
    number = await book.fund("Li", 10, days=9)
    for _ in range(3):
        await book.fund("Wang", 10)
    await sealer.seal()
    (sealed,) = await bodies(book)
    found = await receipt(book, number, "Li")
    verify_receipt(found, sealed)
    changed = copy.deepcopy(found)
    change(changed)
    with pytest.raises(ReceiptError):
        verify_receipt(changed, sealed)


@pytest.mark.parametrize("name", ["head", "root", "previous", "size", "epoch"])
async def test_a_record_that_was_changed_proves_nothing(book, sealer, name):
    number = await book.fund("Li", 10)
    await sealer.seal()
    (sealed,) = await bodies(book)
    other = {"previous": "11" * 32, "size": 2, "epoch": 2}.get(name, "22" * 32)
    with pytest.raises(ReceiptError):
        verify_receipt(await receipt(book, number), sealed | {name: other})


@pytest.mark.parametrize(
    ("table", "order"),
    [
        ("point_transfer", "UPDATE point_transfer SET kind = 'gift' WHERE kind = 'grant'"),
        ("point_transfer", "UPDATE point_transfer SET at = at + interval '1 minute'"),
        ("point_transfer", "UPDATE point_transfer SET happened_on = '2020-01-01' WHERE id = 1"),
        ("point_lot", "UPDATE point_lot SET valid_until = valid_until + 1 WHERE id = 1"),
        ("point_lot", "UPDATE point_lot SET valid_until = 'infinity' WHERE id = 1"),
        ("point_lot", "UPDATE point_lot SET valid_until = '9999-12-31' WHERE id = 2"),
        ("point_lot", "UPDATE point_lot SET priority = 1 WHERE id = 2"),
        ("point_hold", "UPDATE point_hold SET until = until + interval '1 minute'"),
        ("point_hold", "UPDATE point_hold SET beneficiary = (SELECT id FROM point_account WHERE code = 'inn')"),
    ],
)  # fmt: skip
async def test_what_adds_up_as_before_no_longer_fits_its_seal(book, sealer, table, order):
    numbers = [await book.fund("Li", 10, days=9), await book.fund("Li", 10)]
    await book.hold("Li", 3)
    assert numbers == [1, 2]
    await sealer.seal()
    async with book.db.city(CITY) as conn:
        assert await seal_faults(conn, SECRET) == []
    async with book.owner() as owner:
        await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        assert await owner.execute(order) != "UPDATE 0"
    async with book.db.city(CITY) as conn:
        assert await store.faults(conn) == []
        assert await seal_faults(conn, SECRET) == [("封存的划转与账本不符", "第 1 期")]


async def test_a_seal_holds_through_everything_that_happens_to_lots_and_holds(book, sealer):
    await book.busy_day()
    await sealer.seal()
    await book.busy_day()
    book.pass_days(30)
    await book.sweep()
    await sealer.seal()
    async with book.db.city(CITY) as conn:
        assert await seal_faults(conn, SECRET) == []
    assert await book.faults() == []


async def test_a_receipt_says_when_points_end_and_how_long_they_are_held_for_whom(book, sealer):
    ends, always = await book.fund("Li", 10, days=9, priority=1), await book.fund("Li", 5)
    held = await book.hold("Li", 12, minutes=15)
    await book.posted(op.capture(book.key(), held))
    book.pass_days(10)
    back = await book.posted(op.refund(book.key(), held, 8))
    await sealer.seal()
    (sealed,) = await bodies(book)
    found = {number: await receipt(book, number, "shop") for number in (ends, always, held, back)}
    for one in found.values():
        verify_receipt(json.loads(json.dumps(one)), sealed)
    assert {number: one["transfer"]["lot"] for number, one in found.items()} == {
        ends: {"amount": 10, "priority": 1, "valid_until": "2026-07-09"},
        always: {"amount": 5, "priority": 0, "valid_until": None},
        held: None,
        # Seven of the eight came back to a lot that was over, and are granted anew.
        back: {"amount": 7, "priority": 0, "valid_until": book.day(30).isoformat()},
    }
    assert found[held]["transfer"]["until"] == "2026-06-30T04:15:00+00:00"
    assert found[held]["known"]["beneficiary"]["account"] == "shop"
    assert [one["transfer"]["until"] for one in (found[ends], found[back])] == [None, None]
    hidden = await receipt(book, held, "Li")
    assert list(hidden["known"]) == ["debit"]
    assert "shop" not in json.dumps(hidden)


@pytest.fixture
async def sealed(world, clock):
    """What seals another grant each time, in an epoch of its own whose record the log has."""
    async with world.db.city(CITY) as conn:
        opened = [NewAccount("issuance", "issuance"), NewAccount("Li", "resident")]
        ids = await store.open_accounts(conn, opened, clock.now())
    key, secret = world.logs.book_key(CITY), world.logs.book_secret(CITY)
    sealing_ = Sealer(world.db, clock, CITY, key, secret)

    async def seal(number, size=1):
        asked = op.transfer(
            op.key_of("test", "test", str(number), b""), "grant", ids["issuance"], ids["Li"], 10
        )
        async with world.db.city(CITY) as conn:
            await store.post(conn, None, [asked], clock.now(), clock.today(), clock.today())
        assert await sealing_.seal() == size
        await world.sequence()

    return seal


@pytest.mark.parametrize(
    ("gone", "faults"),
    [
        (1, {"封存的划转与账本不符", "日志里有封存记录，账本里没有这一期"}),
        (
            3,
            {"日志里有封存记录，账本里没有这一期"},
        ),  # the newest: nothing follows that would miss it
    ],
)
async def test_an_epoch_that_was_taken_out_is_missed_since_the_log_has_its_record(
    world, sealed, gone, faults
):
    for number in range(3):
        await sealed(number)
    secret = world.logs.book_secret(CITY)
    assert await verify_book(world.db, CITY, secret) == []
    await as_owner(world, f"DELETE FROM point_epoch WHERE id = {gone}")
    found = await verify_book(world.db, CITY, secret)
    assert {what for what, _ in found} == faults
    assert ("日志里有封存记录，账本里没有这一期", f"第 {gone} 期") in found


async def test_an_epoch_sealed_anew_after_it_was_taken_out_does_not_fit_the_log(world, sealed):
    await sealed(0)
    await sealed(1)
    await as_owner(world, "DELETE FROM point_epoch WHERE id = 2")
    await sealed(2, size=2)  # with what the other one had
    found = await verify_book(world.db, CITY, world.logs.book_secret(CITY))
    assert found == [("封存与日志里的记录不符", "第 2 期")]


async def test_an_epoch_whose_record_never_came_to_the_log_is_found(world, sealed):
    for number in range(3):
        await sealed(number)
    await as_owner(
        world,
        "DELETE FROM log_entry WHERE k = (SELECT min(k) FROM log_record WHERE kind = 'points-sealed')",
    )
    found = await verify_book(world.db, CITY, world.logs.book_secret(CITY))
    assert found == [("封存在日志里没有记录", "第 1 期")]


async def as_owner(world, order):
    """Do what no role of the service may."""
    owner = await asyncpg.connect(world.db.url)
    try:
        await owner.execute(f"SET search_path = {city_schema(CITY)}")
        await owner.execute("ALTER TABLE point_epoch DISABLE TRIGGER ALL")
        await owner.execute("ALTER TABLE log_entry DISABLE TRIGGER ALL")
        assert await owner.execute(order) == "DELETE 1"
    finally:
        await owner.close()


async def test_the_command_says_that_a_book_is_whole_and_where_it_is_not(world, clock):
    ours = {
        "CREDIT_DATABASE_URL": world.db.url,
        "CREDIT_DATA_DIR": str(world.settings.data_dir),
    }

    def verify(*more):
        return CliRunner().invoke(main, ["points", "verify", "--city", CITY, *more], env=ours)

    logs = world.logs
    async with world.db.city(CITY) as conn:
        opened = [NewAccount("issuance", "issuance"), NewAccount("Li", "resident")]
        ids = await store.open_accounts(conn, opened, clock.now())
        asked = op.transfer(
            op.key_of("test", "test", "1", b""), "grant", ids["issuance"], ids["Li"], 10
        )
        await store.post(conn, None, [asked], clock.now(), clock.today(), clock.today())
    key, secret = logs.book_key(CITY), logs.book_secret(CITY)
    assert await Sealer(world.db, clock, CITY, key, secret).seal() == 1
    await world.sequence()
    async with world.db.city(CITY) as conn:
        epoch = await store.last_epoch(conn)
        assert await log.index_of(conn, [epoch.record_id])
    assert (await asyncio.to_thread(verify)).exit_code == 0
    found = await asyncio.to_thread(verify, "--json")
    assert json.loads(found.stdout) == {"city": CITY, "ok": True, "findings": []}
    owner = await asyncpg.connect(world.db.url)
    try:
        await owner.execute(f"SET search_path = {city_schema(CITY)}")
        await owner.execute("UPDATE point_account SET balance = 11 WHERE code = 'Li'")
    finally:
        await owner.close()
    found = await asyncio.to_thread(verify)
    assert found.exit_code == 1
    assert "不符" in found.output


@pytest.mark.parametrize("error", [asyncpg.InternalClientError, asyncpg.InterfaceError, OSError])
async def test_the_sealer_goes_on_when_its_connection_broke(book, sealer, monkeypatch, error):
    really, tries, sealed = sealer.seal, [], asyncio.Event()

    async def breaks_at_first():
        tries.append(None)
        if len(tries) == 1:
            raise error("cut between two messages")
        found = await really()
        sealed.set()
        return found

    monkeypatch.setattr(sealer, "seal", breaks_at_first)
    monkeypatch.setattr(sealing, "INTERVAL_SECONDS", 0.0)
    await book.fund("Li", 10)
    running = asyncio.create_task(sealer.run())
    try:
        await asyncio.wait_for(sealed.wait(), 10)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len(await bodies(book)) == 1
