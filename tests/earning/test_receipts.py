"""Receipts: handed to whose transfer it is, checked offline, and good for nothing once changed."""

import asyncio
import base64
import copy
import json
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from tests.bank import CITY

from credit import verify as command
from credit.kit.ids import new_id
from credit.kit.signing import SigningKey, b64
from credit.log import service as log
from credit.log.note import Checkpoint, Verifier, checkpoint_text, sign_note
from credit.log.records import assemble as assemble_entry
from credit.log.records import fragment, parse_entry, place
from credit.log.tree import inclusion_proof, leaf_hash, node_hash
from credit.points.logic.bundles import BundleError, KeyListing, read_json, verify_bundle
from credit.points.service.sealing import Sealer

SOURCE = Path(__file__).parents[2] / "src"


def sealer(bank):
    logs = bank.world.logs
    return Sealer(bank.db, bank.clock, CITY, logs.book_key(CITY), logs.book_secret(CITY))


async def seal(bank):
    """Seal what was posted, and have the log number the seal."""
    await sealer(bank).seal()
    await bank.world.sequence()


async def last_of(bank, name):
    history = await bank.look(f"/wallets/{bank.wallets[name]}/history", by=name)
    return history["items"][0]["id"]


@pytest.fixture
async def sealed(bank):
    """A grant to Li, sealed among others; the receipt, and the log's verifier."""
    await bank.grant("Wang", 5)
    await bank.grant("Li", 100)
    number = await last_of(bank, "Li")
    await bank.grant("Wang", 7)
    await seal(bank)
    receipt = await bank.look(f"/wallets/{bank.wallets['Li']}/receipts/{number}", by="Li")
    return receipt, bank.world.logs.verifier(CITY)


async def test_a_wallets_receipt_proves_itself_by_the_logs_key_alone(bank, sealed):
    receipt, verifier = sealed
    found = verify_bundle(receipt, verifier)
    assert (found.state, found.transfer["amount"], found.later) == ("valid", 100, None)
    assert found.known == {"credit": f"wallet:{bank.wallets['Li']}"}
    assert found.origin == bank.world.logs.origin(CITY)
    text = json.dumps(receipt)
    assert bank.wallets["Wang"] not in text
    assert "campaign:" not in text
    assert "居民" not in text


async def test_nobody_gets_a_receipt_of_what_is_not_theirs(bank, sealed):
    number = await last_of(bank, "Wang")
    for wallet, by in (("Li", "Li"), ("Wang", "Li"), ("Li", "Wang")):
        transfer = number if wallet == by else await last_of(bank, wallet)
        await bank.look(f"/wallets/{bank.wallets[wallet]}/receipts/{transfer}", by=by, status=404)
    await bank.look(
        f"/wallets/{bank.wallets['Li']}/receipts/999999999999999999", by="Li", status=404
    )


async def test_there_is_no_receipt_until_the_seal_is_in_the_log(bank):
    await bank.grant("Li", 10)
    path = f"/wallets/{bank.wallets['Li']}/receipts/{await last_of(bank, 'Li')}"
    assert (await bank.look(path, by="Li", status=404))["type"].endswith("not-sealed")
    await bank.world.sequence()
    await sealer(bank).seal()
    assert (await bank.look(path, by="Li", status=404))["type"].endswith("not-in-log")
    await bank.world.sequence()
    await bank.look(path, by="Li")


async def test_a_merchants_receipt_shows_what_it_captured_and_nobody_else(bank):
    await bank.grant("Li", 100)
    made = await bank.authorize("Li", 60)
    path = f"/redemptions/{made['id']}"
    refused = await bank.look(f"{path}/receipt", by="shopkeeper", status=409)
    assert refused["type"].endswith("hold-not-captured")
    await bank.send(f"{path}/capture", {"amount": 50}, by="shopkeeper", status=200)
    await seal(bank)
    receipt = await bank.look(f"{path}/receipt", by="shopkeeper")
    found = verify_bundle(receipt, bank.world.logs.verifier(CITY))
    assert found.state == "valid"
    assert (found.transfer["kind"], found.transfer["amount"]) == ("capture", 50)
    assert found.known == {"credit": "merchant:SH-0001"}
    assert bank.wallets["Li"] not in json.dumps(receipt)
    await bank.look("/redemptions/1/receipt", by="shopkeeper", status=404)
    await bank.world.hire("rival", "merchant_user", kind="merchant", party="SH-0002")
    await bank.add_merchant("SH-0002", "别家")
    await bank.look(f"{path}/receipt", by="rival", status=404)


def places(value, path=()):
    """Every place in a JSON value that holds no other."""
    if isinstance(value, dict | list) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for name, one in pairs:
            yield from places(one, (*path, name))
    else:
        yield path, value


def other(value):
    """A value of the same kind that is another one."""
    if isinstance(value, str) and value:
        kept = {"0": "1", "A": "B", "a": "b"}
        middle = len(value) // 2
        return (
            value[:middle]
            + kept.get(value[middle], "0" if "0" <= value[middle] <= "9" else "A")
            + value[middle + 1 :]
        )
    if isinstance(value, int):
        return value + 1
    return {None: 1, "": "x"}.get(value) if not isinstance(value, list | dict) else ["00" * 32]


def changed(value, path, new):
    found = copy.deepcopy(value)
    inside = found
    for name in path[:-1]:
        inside = inside[name]
    inside[path[-1]] = new
    return found


def proves(bundle, verifier):
    try:
        return verify_bundle(bundle, verifier).state == "valid"
    except BundleError:
        return False


async def test_no_field_can_be_changed_left_out_or_added(sealed):
    receipt, verifier = sealed
    assert proves(receipt, verifier)
    tried = 0
    for path, value in places(receipt):
        new = other(value)
        assert new != value, path
        for junk in (new, None, [], {}, "", -1, True, 2**80, "é", ["x"]):
            if junk != value or type(junk) is not type(value):
                assert not proves(changed(receipt, path, junk), verifier), (path, junk)
                tried += 1
    assert tried > 200
    for part in ((), ("receipt",), ("receipt", "transfer"), ("record",), ("key",)):
        inside = receipt
        for name in part:
            inside = inside[name]
        for less in ({key: inside[key] for key in inside if key != name} for name in inside):
            assert not proves(changed(receipt, part, less) if part else less, verifier)
        more = {**inside, "note": "已退还"}
        assert not proves(changed(receipt, part, more) if part else more, verifier)


async def test_a_holder_may_hide_the_own_account(sealed):
    receipt, verifier = sealed
    found = verify_bundle(changed(receipt, ("receipt", "known"), {}), verifier)
    assert (found.state, found.known) == ("valid", {})


@pytest.mark.parametrize(
    "text", ['{"v": 1, "v": 1}', '{"v": 1.0}', "[NaN]", "[" * 10_000, "\ufffe", "{}" + " " * 10**6]
)
def test_a_file_that_could_be_read_in_two_ways_is_not_read(text):
    with pytest.raises(BundleError):
        verify_bundle(read_json(text.encode()), None)


async def test_who_trusts_nobody_or_somebody_else_learns_that_it_is_not_proved(bank, sealed):
    receipt, verifier = sealed
    stranger = Verifier(verifier.name, SigningKey.make().public)
    elsewhere = Verifier("other.example/log/150200", verifier.public)
    for trusted in (None, stranger, elsewhere):
        assert verify_bundle(receipt, trusted).state == "unknown"
    with pytest.raises(BundleError):
        verify_bundle(changed(receipt, ("receipt", "transfer", "amount"), 101), None)


async def test_a_seal_stays_proved_when_its_key_is_revoked_later(bank, sealed):
    receipt, verifier = sealed
    key = bank.world.logs.book_key(CITY)
    async with bank.db.transaction(CITY) as conn:
        await log.revoke_key(conn, bank.clock, key.kid, key)
    await bank.world.sequence()
    number = receipt["receipt"]["transfer"]["id"]
    told = await bank.look(f"/wallets/{bank.wallets['Li']}/receipts/{number}", by="Li")
    found = verify_bundle(told, verifier)
    assert (found.state, found.later) == ("valid", told["revocation"]["index"])
    with pytest.raises(BundleError):
        verify_bundle(changed(told, ("revocation",), told["record"]), verifier)
    keys = _listing(await _keys(bank))
    assert verify_bundle(receipt, verifier, keys).later == told["revocation"]["index"]


async def _keys(bank):
    return (await bank.client.get(f"/log/{CITY}/keys")).json()


def _listing(listed):
    return {
        one["kid"]: KeyListing(base64.b64decode(one["public_key"]), one["announced"], one["revoked"])
        for one in listed
    }  # fmt: skip


def _log_of(verifier, sign, records):
    """A log of its own of some records; returns it as a bundle's parts."""
    entries = [
        assemble_entry("2026-06-30T04:00:00.000Z", fragment(one), place([])) for one in records
    ]
    levels = [[leaf_hash(one) for one in entries]]
    while len(levels[-1]) > 1:
        level = levels[-1]
        levels.append([node_hash(*pair) for pair in zip(level[::2], level[1::2], strict=False)])
    nodes = lambda level, position: levels[level][position]  # noqa: E731
    note = sign_note(
        checkpoint_text(Checkpoint(verifier.name, len(entries), levels[-1][0])), verifier, sign
    )
    parts = [
        {"entry": b64(entry), "index": index,
         "hashes": [b64(h) for h in inclusion_proof(nodes, index, len(entries))]}
        for index, entry in enumerate(entries)
    ]  # fmt: skip
    return note, parts


async def test_a_seal_after_its_key_was_revoked_counts_for_nothing(bank, sealed, tmp_path):
    """No honest log takes such a record in; one whose log key is trusted may be told of by it."""
    receipt, _ = sealed
    signer = SigningKey.make()
    verifier = Verifier("credit.test/log/150200", signer.public)
    book = bank.world.logs.book_key(CITY)
    seal_body = parse_entry(base64.b64decode(receipt["record"]["entry"]))["body"]
    key_body = parse_entry(base64.b64decode(receipt["key"]["entry"]))["body"]
    ids = [new_id(bank.clock.now()) for _ in range(3)]
    sealing = UUID(receipt["receipt"]["record"])
    revoked = {"kid": book.kid, "reason": "retired", "revoked_at": "2026-06-30T04:00:00.000Z"}
    records = [
        log.sign_record(book, "key", ids[0], key_body),
        log.sign_record(book, "key-revoked", ids[1], revoked),
        log.sign_record(book, "points-sealed", sealing, seal_body),
        log.sign_record(book, "key", ids[2], key_body),
    ]
    note, (key, revocation, record, late) = _log_of(verifier, signer.sign_bytes, records)
    told = {**receipt, "checkpoint": note, "key": key, "record": record, "revocation": revocation}
    assert verify_bundle(told, verifier).state == "revoked"
    silent = {**told, "revocation": None}  # who leaves it out is found out by the list of keys
    assert verify_bundle(silent, verifier).state == "valid"
    listed = {book.kid: KeyListing(book.public, key["index"], revocation["index"])}
    assert verify_bundle(silent, verifier, listed).state == "revoked"
    with pytest.raises(BundleError):
        verify_bundle(silent, verifier, {})
    with pytest.raises(BundleError):  # announced after the seal
        verify_bundle({**told, "key": late}, verifier)
    path, vkey = tmp_path / "receipt.json", tmp_path / "vkey"
    path.write_text(json.dumps(told))
    vkey.write_text(verifier.vkey)
    assert command.main([str(path), "--vkey", str(vkey)]) == 3


async def test_a_key_that_is_not_the_books_seals_nothing(bank, sealed):
    receipt, _ = sealed
    signer, clerk = SigningKey.make(), SigningKey.make()
    verifier = Verifier("credit.test/log/150200", signer.public)
    seal_body = parse_entry(base64.b64decode(receipt["record"]["entry"]))["body"]
    for holder, role in (("P-1", "points_book"), ("points", "city_officer")):
        key_body = {
            "algorithm": "Ed25519", "holder": holder, "kid": clerk.kid, "purpose": "record",
            "public_key": b64(clerk.public), "role": role,
        }  # fmt: skip
        records = [
            log.sign_record(clerk, "key", new_id(bank.clock.now()), key_body),
            log.sign_record(clerk, "points-sealed", UUID(receipt["receipt"]["record"]), seal_body),
        ]
        note, (key, record) = _log_of(verifier, signer.sign_bytes, records)
        told = {**receipt, "checkpoint": note, "key": key, "record": record}
        with pytest.raises(BundleError):
            verify_bundle(told, verifier)


async def test_the_command_answers_by_its_exit_code(bank, sealed, tmp_path, capsys):
    receipt, verifier = sealed
    path, vkey, keys = (tmp_path / name for name in ("receipt.json", "vkey", "keys.json"))
    path.write_text(json.dumps(receipt))
    vkey.write_text(verifier.vkey + "\n")
    keys.write_text(json.dumps(await _keys(bank)))
    given = [str(path), "--vkey", str(vkey)]
    assert command.main(given) == 0
    assert "有效" in capsys.readouterr().out
    assert command.main([*given, "--keys", str(keys), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "valid"
    assert command.main([str(path)]) == 2
    assert "--vkey" in capsys.readouterr().out
    assert command.main([str(tmp_path / "none.json"), "--vkey", str(vkey)]) == 2
    assert command.main([str(path), "--vkey", str(path)]) == 2
    path.write_text(json.dumps(changed(receipt, ("receipt", "transfer", "amount"), 1_000)))
    assert command.main(given) == 1
    path.write_text("[]")
    assert command.main(given) == 1
    path.write_bytes(b"\xff")
    assert command.main(given) == 1


async def test_the_command_needs_python_and_cryptography_alone(sealed, tmp_path):
    receipt, verifier = sealed
    path, vkey = tmp_path / "receipt.json", tmp_path / "vkey"
    path.write_text(json.dumps(receipt))
    vkey.write_text(verifier.vkey)
    asked = (
        "import sys; from credit.verify import main; code = main(sys.argv[1:]);"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr);"
        "sys.exit(code)"
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", asked, str(path), "--vkey", str(vkey)],
        capture_output=True, text=True, check=False, env={"PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stderr.replace("'", '"')))
    assert not loaded & {"litestar", "msgspec", "orjson", "asyncpg", "click", "yaml", "structlog"}
    assert {"credit", "cryptography"} <= loaded
