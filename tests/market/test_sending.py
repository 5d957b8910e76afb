"""Webhooks against real servers: order, retries, secrets, replays, and where nobody is sent."""

import asyncio
import json
import ssl
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.bank import CITY, MERCHANT
from tests.market.receiver import receiving
from tests.market.settling import pay

from credit.client import Redemption
from credit.kit.clock import SystemClock
from credit.market.logic.deliveries import DELAYS_SECONDS
from credit.market.logic.webhooks import NotVerifiedError
from credit.market.service import sending, settlements, webhooks
from credit.market.service.courier import Courier
from credit.market.service.sending import Sender
from credit.points.service.sweeping import lapse_holds

SOURCE = "https://credit.test/api/v1/150200"
PUBLIC = "1.1.1.1"  # never connected to


@pytest.fixture
async def receiver(bank):
    async with receiving(bank.clock) as running:
        bank.app.state.settings = bank.app.state.settings.model_copy(
            update={"webhooks_private": True}
        )
        await bank.grant("Li", 500)
        yield running


@pytest.fixture
def bank(bank, app):
    bank.app = app
    return bank


@asynccontextmanager
async def sender(bank, courier=None):
    """A sender of the city that is given up at the end."""
    made = Sender(
        bank.db, bank.clock, CITY, bank.world.vault, courier or Courier(allow_private=True), SOURCE
    )
    try:
        yield made
    finally:
        made.drop()


async def send_all(bank, courier=None):
    """Send until nothing is taken any more; returns how much was."""
    taken = 0
    async with sender(bank, courier) as one:
        while more := await one.send():
            taken += more
    return taken


async def register(bank, url, by="shopkeeper"):
    made = await bank.send("/webhooks", {"url": url}, by=by, status=201)
    return made["webhook"], made["secret"]


async def only(bank):
    (found,) = (await bank.look("/webhooks", by="shopkeeper"))["items"]
    return found


async def attempts(bank, webhook):
    async with bank.db.city(CITY) as conn:
        found = await webhooks.deliveries(
            conn, bank.world.actors["shopkeeper"], UUID(webhook["id"]), 2**62, 100
        )
    return [(one.transfer, one.status, one.fault) for one in reversed(found)]


async def buy(bank, amount, name="Li"):
    made = await bank.authorize(name, amount)
    await bank.send(f"/redemptions/{made['id']}/capture", by="shopkeeper", status=200)
    return made["id"]


async def test_a_merchant_is_told_everything_in_the_order_of_the_book(bank, receiver):
    await buy(bank, 1)  # before anybody asked
    _, secret = await register(bank, receiver.url)
    bought = await buy(bank, 60)
    await bank.send(f"/redemptions/{bought}/refund", {"amount": 20}, by="shopkeeper", status=200)
    void = await bank.authorize("Li", 5)
    await bank.send(f"/redemptions/{void['id']}/void", by="shopkeeper", status=200)
    late = await bank.authorize("Li", 6)
    bank.clock.now_value += timedelta(days=2)
    assert await lapse_holds(bank.db, bank.clock, CITY, bank.writer) == 1
    assert await send_all(bank) == 7
    told = receiver.events(secret)
    assert [one.type.rpartition(".")[2] for one in told] == [
        "authorized", "captured", "refunded", "authorized", "voided", "authorized", "expired"
    ]  # fmt: skip
    numbers = [int(one.data["transfer"]) for one in told]
    assert numbers == sorted(numbers)
    assert [one.id for one in told] == [f"{CITY}-{number}" for number in numbers]
    assert [one.data["id"] for one in told] == [bought] * 3 + [void["id"]] * 2 + [late["id"]] * 2
    assert [one.data["amount"] for one in told] == [60, 60, 60, 5, 5, 6, 6]
    assert [one.data["captured"] - one.data["refunded"] for one in told] == [0, 60, 40, 0, 0, 0, 0]
    assert {one.source for one in told} == {SOURCE}
    assert {one.data["reference"] for one in told} == {"小票 1"}
    body = b"".join(body for _, body in receiver.got).decode()
    assert bank.wallets["Li"] not in body  # nobody is told who the customer is
    assert "居民" not in body
    assert receiver.got[0][0][":line"] == "POST /hook?shop=1 HTTP/1.1"
    assert receiver.got[0][0]["host"] == f"127.0.0.1:{receiver.port}"
    assert await send_all(bank) == 0


async def test_what_is_told_is_what_the_interface_answers_just_then(bank, receiver):
    """However late it is sent, and whatever has happened since."""
    await register(bank, receiver.url)
    answers = []

    async def note(made):
        answers.append(await bank.look(f"/redemptions/{made['id']}", by="shopkeeper"))

    made = await bank.authorize("Li", 60)
    await note(made)
    for act, body in (("capture", {"amount": 50}), ("refund", {"amount": 20}), ("refund", {})):
        bank.clock.now_value += timedelta(seconds=1)
        await bank.send(f"/redemptions/{made['id']}/{act}", body, by="shopkeeper", status=200)
        await note(made)
    made = await bank.authorize("Li", 5)
    await note(made)
    await bank.send(f"/redemptions/{made['id']}/void", by="shopkeeper", status=200)
    await note(made)
    bank.clock.now_value += timedelta(days=1)
    await send_all(bank)
    told = [json.loads(body)["data"] for _, body in receiver.got]
    assert [Redemption.of(one) for one in told] == [Redemption.of(one) for one in answers]


async def test_a_merchant_is_told_that_it_was_paid(bank, receiver):
    await buy(bank, 60)
    _, secret = await register(bank, receiver.url)
    async with bank.db.transaction(CITY) as conn:
        drawn = await settlements.draw(conn, bank.clock, CITY, MERCHANT, "P-1")
        keeper = bank.world.actors["shopkeeper"]
        await settlements.confirm(conn, bank.clock, keeper, drawn.id, drawn.digest)
    await pay(bank, bank.world.actors["street"], drawn.id, "凭证 1")
    assert await send_all(bank) == 1
    (told,) = receiver.events(secret)
    assert (told.type, told.subject) == ("credit.settlement.paid", f"settlements/{drawn.id}")
    assert (told.data["points"], told.data["id"]) == (60, str(drawn.id))


async def test_nothing_is_passed_over_until_it_was_taken(bank, receiver):
    webhook, secret = await register(bank, receiver.url)
    await buy(bank, 10)
    receiver.script = [500, "cut", 200, 503]
    for taken, delay in ((0, 5), (0, 30), (1, 5)):
        assert await send_all(bank) == taken
        assert (await only(bank))["retry_at"] is not None
        assert await send_all(bank) == 0  # not before its time
        bank.clock.now_value += timedelta(seconds=delay * 1.2)
    assert await send_all(bank) == 1
    assert [one.id for one in receiver.events(secret)] == [
        f"{CITY}-{number}" for number, _, _ in await attempts(bank, webhook)
    ]
    assert [body for _, body in receiver.got[:3]] == [receiver.got[0][1]] * 3
    assert [one[1:] for one in await attempts(bank, webhook)] == [
        (500, None), (None, "cut"), (200, None), (503, None), (200, None)
    ]  # fmt: skip
    found = await only(bank)
    assert (found["failures"], found["retry_at"]) == (0, None)


async def test_a_receiver_that_asks_for_time_is_given_it(bank, receiver):
    await register(bank, receiver.url)
    await buy(bank, 10)
    receiver.script = [b"HTTP/1.1 429 Slow\r\nRetry-After: 600\r\nContent-Length: 0\r\n\r\n"]
    assert await send_all(bank) == 0
    bank.clock.now_value += timedelta(seconds=599)
    assert await send_all(bank) == 0
    assert len(receiver.got) == 1
    bank.clock.now_value += timedelta(seconds=122)
    assert await send_all(bank) == 2


async def test_two_senders_send_each_event_once(bank, receiver):
    _, secret = await register(bank, receiver.url)
    await buy(bank, 10)
    receiver.script = ["hang"]
    async with sender(bank) as one, sender(bank) as other:
        sending_ = asyncio.create_task(one.send())
        await receiver.arrived.wait()
        assert await other.send() == 0  # the first holds the lock while it waits for the answer
        receiver.go_on.set()
        assert await sending_ == 2
        taken = await asyncio.gather(*(who.send() for who in (one, other) * 3))
        assert sum(taken) == 0
        for amount in range(1, 6):
            await buy(bank, amount)
        assert sum(await asyncio.gather(one.send(), other.send())) == 10
    assert len({one.id for one in receiver.events(secret)}) == len(receiver.got) == 12


async def test_a_sender_goes_on_by_itself_whatever_breaks(bank, receiver, monkeypatch):
    monkeypatch.setattr(sending, "INTERVAL_SECONDS", 0.01)
    await register(bank, receiver.url)
    async with sender(bank) as one:
        running = asyncio.create_task(one.run())
        try:
            for amount in (1, 2):
                await bank.authorize("Li", amount)
                async with asyncio.timeout(10):
                    await receiver.arrived.wait()
                receiver.arrived.clear()
                one.drop()  # its session breaks, too
        finally:
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
    assert len(receiver.got) >= 2


async def test_who_is_killed_while_sending_holds_up_nobody(bank, receiver):
    _, secret = await register(bank, receiver.url)
    await buy(bank, 10)
    receiver.script = ["hang"]
    async with sender(bank) as one:
        dead = asyncio.create_task(one.send())
        await receiver.arrived.wait()
        one.drop()  # the session goes, and its lock with it
        dead.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dead
        async with asyncio.timeout(10):
            while await send_all(bank) == 0:
                pass
    told = receiver.events(secret)
    assert len(told) == 3
    assert len({one.id for one in told}) == 2  # what nobody knew to be taken came once more


async def test_a_changed_secret_overlaps_with_the_old_one_for_a_day(bank, receiver):
    webhook, first = await register(bank, receiver.url)
    made = await bank.send(f"/webhooks/{webhook['id']}/rotate", by="shopkeeper", status=200)
    second = made["secret"]
    await bank.authorize("Li", 1)
    assert await send_all(bank) == 1
    for known in (first, second):
        receiver.events(known)
    third = (await bank.send(f"/webhooks/{webhook['id']}/rotate", by="shopkeeper", status=200))[
        "secret"
    ]
    receiver.got.clear()
    await bank.authorize("Li", 2)
    assert await send_all(bank) == 1
    for known in (first, second, third):
        receiver.events(known)
    bank.clock.now_value += timedelta(hours=24)
    receiver.got.clear()
    await bank.authorize("Li", 3)
    assert await send_all(bank) == 1
    receiver.events(third)
    for known in (first, second):
        with pytest.raises(NotVerifiedError):
            receiver.events(known)


async def test_secrets_are_sealed_where_they_are_kept(bank, receiver, caplog):
    webhook, secret = await register(bank, receiver.url)
    async with bank.db.city(CITY) as conn:
        row = await conn.fetchrow("SELECT * FROM webhook")
    assert secret.encode() not in bytes(row["secret"])
    assert secret not in json.dumps(await bank.look("/webhooks", by="shopkeeper"))
    await buy(bank, 1)
    await send_all(bank)
    assert secret not in caplog.text
    # Moved to another webhook, a sealed secret opens for nobody.
    other, _ = await register(bank, receiver.url.replace("shop=1", "shop=2"))
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE webhook SET secret = $1 WHERE id = $2",
            row["secret"], UUID(other["id"]))  # fmt: skip
        await conn.execute("UPDATE webhook SET cursor = 0")
    receiver.got.clear()
    await send_all(bank)
    assert {headers[":line"] for headers, _ in receiver.got} == {"POST /hook?shop=1 HTTP/1.1"}
    assert (await attempts(bank, other))[-1][2] == "vault-key-mismatch"
    assert (await attempts(bank, webhook))[-1][1] == 200


async def test_a_replay_sends_the_same_messages_again(bank, receiver):
    webhook, secret = await register(bank, receiver.url)
    for amount in (1, 2, 3):
        await buy(bank, amount)
    assert await send_all(bank) == 6
    before = list(receiver.got)
    ids = [one.data["transfer"] for one in receiver.events(secret)]
    receiver.got.clear()
    path = f"/webhooks/{webhook['id']}/replay"
    await bank.send(path, {"after": ids[2]}, by="shopkeeper", status=200)
    assert await send_all(bank) == 3
    assert [body for _, body in receiver.got] == [body for _, body in before[3:]]
    ahead = await bank.send(path, {"after": "999999"}, by="shopkeeper", status=409)
    assert ahead["allowed"]["after_max"] == ids[-1]


async def test_a_replay_while_something_is_sent_is_not_undone(bank, receiver):
    webhook, secret = await register(bank, receiver.url)
    for amount in (1, 2):
        await buy(bank, amount)
    receiver.script = [200, 200, "hang"]
    async with sender(bank) as one:
        sending_ = asyncio.create_task(one.send())
        async with asyncio.timeout(10):
            while len(receiver.got) < 3:
                await receiver.arrived.wait()
                receiver.arrived.clear()
        await bank.send(
            f"/webhooks/{webhook['id']}/replay", {"after": "0"}, by="shopkeeper", status=200
        )
        receiver.go_on.set()
        assert await sending_ == 2
        receiver.got.clear()
        while await one.send():
            pass
    assert [one.data["amount"] for one in receiver.events(secret)] == [1, 1, 2, 2]


async def test_what_is_never_taken_is_given_up_after_the_schedule(bank, receiver):
    webhook, _ = await register(bank, receiver.url)
    await buy(bank, 10)
    receiver.script = [500] * 50
    for delay in DELAYS_SECONDS:
        assert await send_all(bank) == 0
        assert (await only(bank))["disabled_at"] is None
        bank.clock.now_value += timedelta(seconds=delay * 1.2)
    await send_all(bank)
    assert len(receiver.got) == len(DELAYS_SECONDS) + 1
    assert (await only(bank))["disabled_at"] is not None
    bank.clock.now_value += timedelta(days=1)
    await buy(bank, 1)
    await send_all(bank)
    assert len(receiver.got) == len(DELAYS_SECONDS) + 1
    receiver.script = []
    path = f"/webhooks/{webhook['id']}/replay"
    found = await bank.send(path, {}, by="shopkeeper", status=200)
    assert (found["failures"], found["disabled_at"]) == (0, None)
    assert await send_all(bank) == 4  # nothing of it was lost


async def test_a_receiver_that_is_gone_for_good_says_so(bank, receiver):
    await register(bank, receiver.url)
    await buy(bank, 10)
    receiver.script = [410]
    assert await send_all(bank) == 0
    assert (await only(bank))["disabled_at"] is not None


async def test_redirections_are_not_followed(bank, receiver):
    webhook, _ = await register(bank, receiver.url)
    await bank.authorize("Li", 1)
    async with receiving(bank.clock) as elsewhere:
        for status in (301, 302, 307, 308):
            head = f"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere.url}\r\n"
            receiver.script.append(f"{head}Content-Length: 0\r\n\r\n".encode())
            assert await send_all(bank) == 0
            bank.clock.now_value += timedelta(hours=1)
        assert elsewhere.got == []
    assert [one[1] for one in await attempts(bank, webhook)] == [301, 302, 307, 308]


async def test_answers_without_end_and_without_sense_are_bounded(bank, receiver):
    webhook, _ = await register(bank, receiver.url)
    await buy(bank, 1)
    receiver.script = [
        "endless",
        b"NONSENSE\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"y" * 200_000 + b"\r\n\r\n",
    ]
    async with asyncio.timeout(20):
        assert await send_all(bank) == 1  # what was said first counts
        bank.clock.now_value += timedelta(hours=1)
        await send_all(bank)
    assert [one[1:] for one in await attempts(bank, webhook)] == [
        (200, None), (None, "cut"), (None, "cut")
    ]  # fmt: skip


async def test_an_answer_that_does_not_come_is_not_waited_for_for_ever(bank, receiver, monkeypatch):
    from credit.market.service import courier

    monkeypatch.setattr(courier, "WHOLE_SECONDS", 0.2)
    webhook, _ = await register(bank, receiver.url)
    await bank.authorize("Li", 1)
    receiver.script = ["hang"]
    assert await send_all(bank) == 0
    assert await attempts(bank, webhook) == [
        (int((await only(bank))["cursor"]) + 1, None, "timeout")
    ]


async def test_a_receiver_that_hangs_does_not_hold_up_others(bank, receiver):
    await register(bank, receiver.url)
    async with receiving(bank.clock) as other:
        await register(bank, other.url)
        await bank.authorize("Li", 1)
        receiver.script = ["hang"]
        async with sender(bank) as one:
            sending_ = asyncio.create_task(one.send())
            async with asyncio.timeout(10):
                await other.arrived.wait()
                await receiver.arrived.wait()
            receiver.go_on.set()
            assert await sending_ == 2


async def told(receiver, count):
    """Wait until a receiver was sent so many events."""
    async with asyncio.timeout(10):
        while len(receiver.got) < count:
            await receiver.arrived.wait()
            receiver.arrived.clear()


@asynccontextmanager
async def running(bank, monkeypatch, courier=None):
    """A sender that goes on by itself, and often."""
    monkeypatch.setattr(sending, "INTERVAL_SECONDS", 0.01)
    async with sender(bank, courier) as one:
        task = asyncio.create_task(one.run())
        try:
            yield one
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_new_events_of_others_do_not_wait_for_who_answers_slowly(bank, receiver, monkeypatch):
    """Neither those that were there when the slow one was asked, nor any that come meanwhile."""
    await register(bank, receiver.url)
    async with receiving(bank.clock) as other:
        await register(bank, other.url)
        receiver.script = ["hang"]
        async with running(bank, monkeypatch):
            for count in range(1, 4):
                await bank.authorize("Li", count)
                await told(other, count)
            assert len(receiver.got) == 1  # it has not answered yet
            receiver.go_on.set()
            await told(receiver, 3)


async def test_who_is_known_to_be_slow_waits_for_others_that_are(bank, receiver, monkeypatch):
    class Stopwatch(Courier):
        """By which one receiver takes four seconds and a half."""

        async def deliver(self, url, headers, payload):
            result = await super().deliver(url, headers, payload)
            return result._replace(millis=4_500) if url == receiver.url else result

    monkeypatch.setattr(sending, "QUICK_PLACES", 1)
    monkeypatch.setattr(sending, "SLOW_PLACES", 1)
    await register(bank, receiver.url)
    async with receiving(bank.clock) as other:
        for amount in (1, 2, 3):
            await bank.authorize("Li", amount)
        receiver.script = [200, "hang"]
        async with running(bank, monkeypatch, Stopwatch(allow_private=True)):
            await told(receiver, 2)
            await register(bank, other.url)  # the only quick place is free
            for count in range(1, 4):
                await bank.authorize("Li", count)
                await told(other, count)
            assert len(receiver.got) == 2
            receiver.go_on.set()
            await told(receiver, 6)
    assert [json.loads(body)["data"]["amount"] for _, body in receiver.got] == [1, 2, 3] * 2


async def test_however_many_webhooks_there_are_each_is_served(bank, receiver, monkeypatch):
    """Whose merchants do nothing stand before the others and stay behind the end of the book."""
    monkeypatch.setattr(sending, "WEBHOOKS_AT_ONCE", 2)
    await bank.world.hire("rival", "merchant_user", kind="merchant", party="SH-0002")
    await bank.add_merchant("SH-0002", "隔壁超市")
    for number in range(5):
        await register(bank, f"{receiver.url}&n={number}", by="rival")
    async with receiving(bank.clock) as last:
        await register(bank, last.url)
        async with sender(bank) as one:
            for count in range(1, 4):
                await bank.authorize("Li", count)
                assert await one.send() == 1
                assert len(last.got) == count
    assert receiver.got == []


async def test_what_happens_while_nothing_else_does_is_looked_for_once_for_all(
    bank, receiver, statements
):
    """An idle webhook costs no statement of its own."""
    await bank.world.hire("rival", "merchant_user", kind="merchant", party="SH-0002")
    await bank.add_merchant("SH-0002", "隔壁超市")
    for number in range(4):
        await register(bank, f"{receiver.url}&n={number}", by="rival")
    async with sender(bank) as one:
        assert await one.send() == 0
        for amount in (1, 2):
            await bank.authorize("Li", amount)
            statements.clear()
            assert await one.send() == 0
            assert len(statements) <= 4
        await bank.authorize("Li", 3, by="rival")
        assert await one.send() == 4


async def test_nobody_is_sent_into_the_internal_network(bank, receiver):
    answer = await bank.send("/webhooks", {"url": "http://10.0.0.8/x"}, by="shopkeeper", status=409)
    assert answer["type"].endswith("insecure-target")
    bank.app.state.settings = bank.app.state.settings.model_copy(update={"webhooks_private": False})
    for url in ("https://127.0.0.1/x", "https://10.0.0.8/x", "https://localhost/x"):
        answer = await bank.send("/webhooks", {"url": url}, by="shopkeeper", status=409)
        assert answer["type"].endswith("private-target"), url
    async with bank.db.transaction(CITY) as conn:
        keeper = bank.world.actors["shopkeeper"]
        await webhooks.register(conn, bank.clock, bank.world.vault, keeper, receiver.url)
    await bank.authorize("Li", 1)
    assert await send_all(bank, Courier(allow_private=False)) == 0
    assert receiver.got == []
    assert [one[2] for one in await attempts(bank, await only(bank))] == ["insecure-target"]


async def test_a_name_that_points_elsewhere_a_moment_later_leads_nowhere_else(bank, receiver):
    asked = []

    async def rebound(host, port):
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    courier = Courier(allow_private=False, resolve=rebound)
    assert await courier.find("https://hook.example/x") == PUBLIC
    result = await courier.deliver(f"https://hook.example:{receiver.port}/x", {}, b"{}")
    assert (result.status, result.fault) == (None, "private-target")
    mixed = Courier(allow_private=False, resolve=lambda *_: several())
    result = await mixed.deliver(f"https://hook.example:{receiver.port}/x", {}, b"{}")
    assert (result.status, result.fault) == (None, "private-target")
    assert receiver.got == []
    # The name is asked for once for each message, and the connection goes to what was checked.
    asked.clear()
    trusting = Courier(allow_private=True, resolve=lambda host, _: known(host, asked))
    result = await trusting.deliver(f"http://hook.example:{receiver.port}/x", {}, b"{}")
    assert (result.status, asked) == (200, ["hook.example"])
    assert receiver.got[0][0]["host"] == f"hook.example:{receiver.port}"


def certificate(folder, name):
    """A key and a certificate for a name, signed by itself; returns the file of both."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = SystemClock().now()  # what a handshake goes by
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + made.public_bytes(Encoding.PEM)
    )
    return path


async def test_what_a_server_presents_has_to_be_for_the_name_that_was_asked(clock, tmp_path):
    path = certificate(tmp_path, "hook.example")
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(path)
    trusted = ssl.create_default_context(cafile=str(path))
    async with receiving(clock, served) as receiver:
        courier = Courier(allow_private=True, tls=trusted, resolve=lambda host, _: known(host, []))
        url = f"https://hook.example:{receiver.port}/x"
        result = await courier.deliver(url, {}, b"{}")
        assert (result.status, result.fault) == (200, None)
        other = await courier.deliver(url.replace("hook.", "other."), {}, b"{}")
        assert (other.status, other.fault) == (None, "tls")
        untrusting = Courier(allow_private=True, resolve=lambda host, _: known(host, []))
        assert (await untrusting.deliver(url, {}, b"{}")).fault == "tls"
        assert len(receiver.got) == 1
    nobody = await courier.deliver(url, {}, b"{}")
    assert nobody.fault == "connect"


async def several():
    return [PUBLIC, "127.0.0.1"]


async def known(host, asked):
    asked.append(host)
    return ["127.0.0.1"]


async def test_a_webhook_of_somebody_else_is_not_found(bank, receiver):
    webhook, _ = await register(bank, receiver.url)
    await bank.world.hire("rival", "merchant_user", kind="merchant", party="SH-0002")
    await bank.add_merchant("SH-0002", "隔壁超市")
    assert (await bank.look("/webhooks", by="rival"))["items"] == []
    path = f"/webhooks/{webhook['id']}"
    await bank.send(f"{path}/rotate", by="rival", status=404)
    await bank.send(f"{path}/replay", {}, by="rival", status=404)
    assert (await drop(bank, path, "rival")).status_code == 404
    assert (await drop(bank, path, "shopkeeper")).status_code == 204
    assert (await bank.look("/webhooks", by="shopkeeper"))["items"] == []


async def drop(bank, path, by):
    headers = {"Authorization": f"Bearer {bank.world.api_keys[by]}"}
    return await bank.client.delete(f"/api/v1/{CITY}{path}", headers=headers)


async def test_an_address_is_registered_once_and_five_are_enough(bank, receiver):
    await register(bank, receiver.url)
    again = await bank.send("/webhooks", {"url": receiver.url}, by="shopkeeper", status=409)
    assert again["type"].endswith("webhook-exists")
    wanted = [f"{receiver.url}&n={n}" for n in range(6)]
    answers = await asyncio.gather(
        *(bank.send("/webhooks", {"url": url}, by="shopkeeper") for url in wanted)
    )
    assert sorted(one.status_code for one in answers) == [201] * 4 + [409] * 2
    await bank.send("/webhooks", {"url": "ftp://x"}, by="shopkeeper", status=400)


async def test_old_deliveries_are_forgotten(bank, receiver):
    webhook, _ = await register(bank, receiver.url)
    await bank.authorize("Li", 1)
    await send_all(bank)
    bank.clock.now_value += timedelta(days=20)
    await bank.authorize("Li", 2)
    await send_all(bank)
    bank.clock.now_value += timedelta(days=11)
    async with bank.db.city(CITY) as conn:
        await webhooks.purge(conn, bank.clock)
    assert len(await attempts(bank, webhook)) == 1


async def test_what_concerns_others_is_looked_through_and_not_sent(bank, receiver, monkeypatch):
    monkeypatch.setattr(sending, "STRETCH", 3)
    _, secret = await register(bank, receiver.url)
    await bank.world.hire("rival", "merchant_user", kind="merchant", party="SH-0002")
    await bank.add_merchant("SH-0002", "隔壁超市")
    for _ in range(5):
        await bank.authorize("Li", 1, by="rival")
    async with sender(bank) as one:
        assert await one.send() == 0
        moved = int((await only(bank))["cursor"])
        assert await one.send() == 0
        await bank.authorize("Li", 2)
        assert await one.send() == 1
    assert moved > 3
    assert [told.data["amount"] for told in receiver.events(secret)] == [2]
