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
        lambda found: found["known"]["credit"].update(account="Wang"),
        lambda found: found["known"]["credit"].update(nonce="00" * 16),
        lambda found: found.update(index=2),
        lambda found: found.update(path=found["path"][1:]),
        lambda found: found.update(path=None),
        lambda found: found.pop("transfer"),
    ],
)
async def test_a_receipt_that_was_changed_proves_nothing(book, sealer, change):
    number = await book.fund("Li", 10)
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


async def test_a_changed_transfer_no_longer_fits_its_seal(book, sealer, database_url):
    await book.fund("Li", 10)
    number = await book.fund("Li", 10)
    await sealer.seal()
    async with book.db.city(CITY) as conn:
        assert await seal_faults(conn, SECRET) == []
    owner = await asyncpg.connect(database_url)
    try:
        await owner.execute(f"SET search_path = {city_schema(CITY)}")
        await owner.execute("ALTER TABLE point_transfer DISABLE TRIGGER ALL")
        await owner.execute("UPDATE point_transfer SET kind = 'gift' WHERE id = $1", number)
    finally:
        await owner.close()
    async with book.db.city(CITY) as conn:
        # Everything adds up as before: only the seal tells.
        assert await store.faults(conn) == []
        assert len(await seal_faults(conn, SECRET)) == 1


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
