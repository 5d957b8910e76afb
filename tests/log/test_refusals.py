"""When the sequencer must not sign: another history than the kept one, keys that do not count."""

import asyncio
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from credit.kit.errors import Conflict, Forbidden, Invalid
from credit.kit.ids import new_id
from credit.kit.signing import SigningKey
from credit.log import sequencer as sequencer_module
from credit.log import service, store
from credit.log.check.fsck import check_log
from credit.log.sequencer import RolledBackError, Sequencer

CITY, ELSEWHERE = "150200", "410402"
ORIGIN = "credit.test/log/150200"
ENTERPRISE = {"scheme": "USCC", "id": "91150200MA0000000C"}


class Log:
    """The history of a city's schema, signed under one origin and key."""

    def __init__(self, db, clock, folder):
        self.db, self.clock, self.folder = db, clock, folder
        self.key, self.officer = SigningKey.make(), SigningKey.make()

    def sequencer(self, city=CITY, folder="kept"):
        """Return a sequencer that keeps its notes in a folder."""
        return Sequencer(
            self.db, self.clock, city, key=self.key, origin=ORIGIN, folder=self.folder / folder,
            interval_seconds=0.005,
        )  # fmt: skip

    async def announce(self, city=CITY):
        """Announce the officer's key."""
        async with self.db.transaction(city) as conn:
            await service.announce_key(
                conn, self.clock, key=self.officer, holder="P-1", role="association_officer"
            )

    async def put(self, count=1, *, city=CITY, key=None):
        """Put records on their way into the log; returns their ids."""
        records = [
            service.sign_record(
                key or self.officer, "credit-event", new_id(self.clock.now()),
                {"number": number, "subjects": [ENTERPRISE]},
            )
            for number in range(count)
        ]  # fmt: skip
        async with self.db.transaction(city) as conn:
            await service.enqueue(conn, records)
        return [UUID(record.id) for record in records]

    async def number(self, count, *, city=CITY, folder="kept"):
        """Number an announcement and some records, and let the sequencer go."""
        await self.announce(city)
        await self.put(count, city=city)
        one = self.sequencer(city, folder)
        assert await one.take_over()
        assert await one.sequence_batch() == count + 1
        await one.drop()

    async def last_signed(self, city=CITY):
        """Return the size of the newest checkpoint in the database."""
        async with self.db.city(city) as conn:
            found = await store.last_checkpoint(conn)
        return found[0] if found else 0


@pytest.fixture
def log(db, clock, tmp_path):
    """A log of the city whose notes are kept in a folder."""
    return Log(db, clock, tmp_path)


async def test_an_act_of_many_records_is_taken_in_by_parts_and_whole_or_not_at_all(
    log, monkeypatch
):
    monkeypatch.setattr(service, "INSERTED_AT_ONCE", 2)
    monkeypatch.setattr(service, "RECORDS_MAX", 5)
    await log.number(5)
    first, *more = [
        service.sign_record(
            log.officer, "credit-event", new_id(log.clock.now()), {"number": number}
        )
        for number in range(3)
    ]
    for records, refused in (([first, *more, first], Conflict), ([first] * 6, Invalid)):
        with pytest.raises(refused):
            async with log.db.transaction(CITY) as conn:
                await service.enqueue(conn, records)
    async with log.db.city(CITY) as conn:
        assert await conn.fetchval("SELECT count(*) FROM log_record") == 6


async def standing_by(sequencer):
    """Run a sequencer until it says why it does not work; returns what it said."""
    with capture_logs() as said:
        running = asyncio.create_task(sequencer.run())
        while not said and not running.done():
            await asyncio.wait({running}, timeout=0.005)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    return said[0]


@pytest.mark.parametrize("records", [0, 2], ids=["empty", "shorter"])
async def test_a_sequencer_over_an_older_history_says_so_and_signs_nothing(log, records):
    await log.number(3)
    await log.number(records, city=ELSEWHERE, folder="elsewhere")
    signed = await log.last_signed(ELSEWHERE)
    await log.put(city=ELSEWHERE)
    said = await standing_by(log.sequencer(ELSEWHERE))
    assert said["event"] == "sequencer refuses"
    assert "签过名的检查点有 4 条" in said["reason"]
    assert await log.last_signed(ELSEWHERE) == signed
    assert log.sequencer()._keeper.last().size == 4


@pytest.mark.parametrize("records", [3, 300], ids=["as long", "longer"])
async def test_another_history_of_enough_length_is_not_signed_for_either(log, records):
    await log.number(3)
    await log.number(records, city=ELSEWHERE, folder="elsewhere")
    other = log.sequencer(ELSEWHERE)
    with pytest.raises(RolledBackError, match="不一致"):
        await other.take_over()
    await other.drop()


async def test_the_same_history_is_signed_for_although_the_kept_note_is_an_older_one(log):
    await log.number(3)
    kept = log.folder / "kept" / "checkpoint"
    older = kept.read_text()
    for count in (300, 1):
        await log.put(count)
        again = log.sequencer()
        while not await again.take_over():  # until the server notices the dropped connection
            continue
        assert await again.sequence_batch() == count
        await again.drop()
        assert await log.last_signed() == again._keeper.last().size
        kept.write_text(older)
    assert await log.last_signed() == 305


@pytest.mark.parametrize(
    "note", ["", "credit.test/log/150200\n4\nAAAA\n"], ids=["empty", "unsigned"]
)
async def test_a_sequencer_whose_kept_note_is_damaged_stands_by(log, note):
    await log.number(3)
    (log.folder / "kept" / "checkpoint").write_text(note)
    await log.put()
    assert (await standing_by(log.sequencer()))["event"] == "sequencer refuses"


async def test_a_record_of_a_key_never_announced_gets_no_number(log):
    await log.announce()
    (stranger,) = await log.put(key=SigningKey.make())
    (known,) = await log.put()
    one = log.sequencer()
    await one.take_over()
    assert await one.sequence_batch() == 3
    await one.drop()
    async with log.db.city(CITY) as conn:
        assert await store.refused(conn, [stranger, known]) == {stranger: "unknown-key"}
        assert await service.index_of(conn, [stranger, known]) == {known: 1}


async def test_a_key_is_revoked_by_its_holder_or_an_administrator_alone(log):
    await log.announce()
    stranger = SigningKey.make()
    async with log.db.transaction(CITY) as conn:
        await service.announce_key(conn, log.clock, key=stranger, holder="P-2", role="bidder")
        with pytest.raises(Forbidden):
            await service.revoke_key(conn, log.clock, log.officer.kid, stranger)


async def test_two_sequencers_at_work_number_each_record_once_and_one_outlives_the_other(
    log, monkeypatch
):
    monkeypatch.setattr(sequencer_module, "RETRY_SECONDS", 0.005)
    await log.announce()
    sequencers = [log.sequencer(), log.sequencer()]
    running = [asyncio.create_task(one.run()) for one in sequencers]
    ids = [one for _ in range(10) for one in await log.put(3)]
    found = await service.wait_indexed(log.db, CITY, ids)
    while not (leaders := [n for n, one in enumerate(sequencers) if one._tail]):
        await asyncio.wait(running, timeout=0.001)  # between two batches it remembers its tail
    running[leaders[0]].cancel()
    ids += await log.put(3)
    found = await service.wait_indexed(log.db, CITY, ids)
    assert sorted(found.values()) == list(range(1, 34))
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    verifier, keeper = sequencers[0].verifier, sequencers[0]._keeper
    assert await check_log(log.db, CITY, verifier, keeper, signatures=True) == []
