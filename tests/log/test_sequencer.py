"""The sequencer against a real database: order, faults, take-over, rollback."""

from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from credit.access import service as access
from credit.kit.clock import FixedClock
from credit.kit.db import Database
from credit.kit.errors import Conflict
from credit.kit.ids import new_id
from credit.kit.signing import SigningKey
from credit.kit.vault import Vault
from credit.log import service, store
from credit.log.check.fsck import check_log
from credit.log.note import open_note, parse_checkpoint
from credit.log.records import parse_entry, subject_hash
from credit.log.sequencer import ClockBehindError, RolledBackError, Sequencer
from credit.log.tiles import parse_tile_path
from credit.log.tree import leaf_hash, verify_consistency, verify_inclusion

CITY = "150200"
ORIGIN = "credit.test/log/150200"
ENTERPRISE = {"scheme": "USCC", "id": "91150200MA0N0X1X0A"}


@pytest.fixture
def log_key():
    return SigningKey.make()


@pytest.fixture
def make_sequencer(db: Database, clock: FixedClock, tmp_path, log_key):
    def make(database: Database = db) -> Sequencer:
        return Sequencer(database, clock, CITY, key=log_key, origin=ORIGIN, folder=tmp_path / "log")

    return make


@pytest.fixture
async def officer(db: Database, clock: FixedClock) -> SigningKey:
    key = SigningKey.make()
    async with db.transaction(CITY) as conn:
        await service.announce_key(conn, clock, key=key, holder="P-1", role="association_officer")
    return key


def event(key: SigningKey, clock: FixedClock, number: int = 0, subjects=(ENTERPRISE,)):
    body = {"number": number, "subjects": list(subjects)}
    return service.sign_record(key, "credit-event", new_id(clock.now()), body)


async def put(db: Database, records) -> None:
    async with db.transaction(CITY) as conn:
        await service.enqueue(conn, records)


async def test_records_are_numbered_without_gaps_and_chained_by_subject(
    db, clock, officer, make_sequencer
):
    project = {"scheme": "PROJECT", "id": "X-1"}
    records = [event(officer, clock, n, (ENTERPRISE, project)[: 1 + n % 2]) for n in range(600)]
    await put(db, records)
    sequencer = make_sequencer()
    assert await sequencer.take_over()
    assert await sequencer.sequence_batch() == 601  # the key's announcement came first
    async with db.city(CITY) as conn:
        about = await store.fragments_of_subjects(
            conn, [subject_hash("USCC", ENTERPRISE["id"])], 601, ["credit-event"]
        )
        assert [row["idx"] for row in about] == list(range(1, 601))
        chain = await store.entries(conn, 1, 601)
        entries = [parse_entry(row.entry) for row in chain]
        assert [entry["subject_seq"][0] for entry in entries] == list(range(1, 601))
        assert entries[0]["subject_prev"][0] is None
        for before, after in zip(chain, entries[1:], strict=False):
            assert after["subject_prev"][0] == leaf_hash(before.entry).hex()
        assert entries[599]["subject_seq"] == [600, 300]
        assert await check_log(db, CITY, sequencer.verifier, None) == []
    await sequencer.drop()


async def test_proofs_and_tiles_lead_to_the_signed_checkpoint(db, clock, officer, make_sequencer):
    sequencer = make_sequencer()
    await sequencer.take_over()
    await put(db, [event(officer, clock, n) for n in range(300)])
    await sequencer.sequence_batch()
    async with db.city(CITY) as conn:
        old = parse_checkpoint(open_note((await service.checkpoint(conn)).note, sequencer.verifier))
    await put(db, [event(officer, clock, n) for n in range(700)])
    await sequencer.sequence_batch()
    async with db.city(CITY) as conn:
        head = parse_checkpoint(
            open_note((await service.checkpoint(conn)).note, sequencer.verifier)
        )
        assert (old.size, head.size, head.origin) == (301, 1001, ORIGIN)
        for index in (0, 255, 256, 511, 1000):
            proof = await service.inclusion(conn, index, head.size)
            (entry,) = await store.entries(conn, index, index + 1)
            verify_inclusion(leaf_hash(entry.entry), index, head.size, proof, head.root)
        proof = await service.consistency(conn, old.size, head.size)
        verify_consistency(old.size, head.size, proof, old.root, head.root)
        full = await service.tile(conn, parse_tile_path("0/000"))
        partial = await service.tile(conn, parse_tile_path("0/003.p/233"))
        top = await service.tile(conn, parse_tile_path("1/000.p/3"))
        assert (len(full), len(partial), len(top)) == (8192, 233 * 32, 96)
        with pytest.raises(service.NotFound):
            await service.tile(conn, parse_tile_path("0/003.p/234"))
        with pytest.raises(service.NotFound):
            await service.tile(conn, parse_tile_path("0/003"))
    await sequencer.drop()


async def test_of_two_sequencers_started_by_mistake_one_works(db, clock, officer, make_sequencer):
    first, second = make_sequencer(), make_sequencer()
    assert await first.take_over()
    assert not await second.take_over()
    await put(db, [event(officer, clock)])
    assert await first.sequence_batch() == 2
    with pytest.raises(RuntimeError):
        await second.sequence_batch()
    await first.drop()
    await wait_until_free(second)
    await put(db, [event(officer, clock)])
    assert await second.sequence_batch() == 1
    assert await check_log(db, CITY, second.verifier, None) == []
    await second.drop()


async def wait_until_free(sequencer: Sequencer) -> None:
    """The server notices a dropped connection within moments; ask until it has."""
    for _ in range(1000):
        if await sequencer.take_over():
            return
    raise AssertionError("the lock was never released")


async def test_a_sequencer_without_its_lock_cannot_fork_the_tree(
    db, clock, officer, make_sequencer
):
    """The compare-and-swap holds even when the election is broken by hand."""
    first, second = make_sequencer(), make_sequencer()
    await first.take_over()
    await put(db, [event(officer, clock)])
    await first.sequence_batch()
    await second.take_over()  # opens its connection
    from credit.log.sequencer import _load_tail

    second._tail = await _load_tail(second._conn)
    await put(db, [event(officer, clock)])
    await first.sequence_batch()
    await put(db, [event(officer, clock)])
    with pytest.raises((asyncpg.InterfaceError, asyncpg.UniqueViolationError)):
        await second.sequence_batch()
    assert await first.sequence_batch() == 1
    assert await check_log(db, CITY, first.verifier, None) == []
    await first.drop()
    await second.drop()


async def test_a_database_restored_from_an_old_copy_is_not_signed_for(
    db, clock, officer, make_sequencer, server_url
):
    sequencer = make_sequencer()
    await sequencer.take_over()
    await sequencer.sequence_batch()
    await sequencer.drop()
    copy = f"credit_test_copy_{new_id(clock.now()).hex[:8]}"
    await db.close()
    admin = await asyncpg.connect(server_url)
    name = db.url.partition("?")[0].rpartition("/")[2]
    await admin.execute(f"CREATE DATABASE {copy} TEMPLATE {name}")
    await db.open()
    sequencer = make_sequencer()
    await wait_until_free(sequencer)
    await put(db, [event(officer, clock)])
    await sequencer.sequence_batch()
    await sequencer.drop()
    async with Database(db.url.replace(name, copy)) as old:
        restored = make_sequencer(old)
        with pytest.raises(RolledBackError):
            await restored.take_over()
        await restored.drop()
    await admin.execute(f"DROP DATABASE {copy} WITH (FORCE)")
    await admin.close()


async def test_a_crash_between_commit_and_note_is_made_good(
    db, clock, officer, make_sequencer, monkeypatch
):
    sequencer = make_sequencer()
    await sequencer.take_over()
    await put(db, [event(officer, clock)])

    def fail(_: str) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(sequencer._keeper, "keep", fail)
    with pytest.raises(OSError, match="disk full"):
        await sequencer.sequence_batch()
    await sequencer.drop()
    async with db.city(CITY) as conn:
        assert await store.last_checkpoint(conn) is None
        assert (await store.state(conn)).size == 2
    again = make_sequencer()
    await wait_until_free(again)
    async with db.city(CITY) as conn:
        assert (await store.last_checkpoint(conn))[0] == 2
        assert await check_log(db, CITY, again.verifier, None) == []
    await again.drop()


async def test_a_record_signed_before_but_sequenced_after_its_keys_revocation_is_refused(
    db, clock, officer, make_sequencer
):
    administrator = SigningKey.make()
    async with db.transaction(CITY) as conn:
        person = await access.add_person(
            conn, clock, Vault(bytes(32), CITY), username="admin", name="管理员",
            roles=["administrator"],
        )  # fmt: skip
        await service.announce_key(
            conn, clock, key=administrator, holder=person, role="administrator"
        )
        await service.revoke_key(conn, clock, officer.kid, administrator)
    late = event(officer, clock)
    await put(db, [late])
    sequencer = make_sequencer()
    await sequencer.take_over()
    await sequencer.sequence_batch()
    async with db.city(CITY) as conn:
        assert await service.index_of(conn, [UUID(late.id)]) == {}
        assert await store.refused(conn, [UUID(late.id)]) == {UUID(late.id): "revoked-key"}
    await sequencer.drop()


async def test_one_record_id_is_taken_in_once(db, clock, officer, make_sequencer):
    record = event(officer, clock)
    await put(db, [record])
    sequencer = make_sequencer()
    await sequencer.take_over()
    for _ in range(2):  # while it waits for its number, and when it has one
        with pytest.raises(Conflict):
            await put(db, [event(officer, clock), record])
        await sequencer.sequence_batch()
    async with db.city(CITY) as conn:
        assert (await store.state(conn)).size == 2
    assert await check_log(db, CITY, sequencer.verifier, None) == []
    await sequencer.drop()


async def test_a_clock_that_went_back_stops_the_sequencer(db, clock, officer, make_sequencer):
    sequencer = make_sequencer()
    await sequencer.take_over()
    await sequencer.sequence_batch()
    clock.now_value -= timedelta(minutes=5)
    await put(db, [event(officer, clock)])
    with pytest.raises(ClockBehindError):
        await sequencer.sequence_batch()
    await sequencer.drop()


async def test_the_server_role_cannot_write_the_log(db):
    async with db.city(CITY) as conn:
        for statement in (
            "INSERT INTO log_entry VALUES (0, 1, 'now', 'x', 'x')",
            "UPDATE log_record SET fragment = 'x'",
            "UPDATE log_state SET size = 0",
            "DELETE FROM log_intake",
            "DELETE FROM log_entry",
            "UPDATE event SET code = 'x'",
            "TRUNCATE log_entry",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(statement)


async def test_not_even_the_owner_changes_an_entry(db, officer, make_sequencer):
    sequencer = make_sequencer()
    await sequencer.take_over()
    await sequencer.sequence_batch()
    owner = await asyncpg.connect(db.url)
    await owner.execute("SET search_path = city_150200; SET session_replication_role = replica")
    for statement in ("UPDATE log_record SET fragment = 'x'", "DELETE FROM log_entry"):
        with pytest.raises(asyncpg.PostgresError) as caught:
            await owner.execute(statement)
        assert caught.value.sqlstate == "CR001"
    await owner.close()
    await sequencer.drop()
