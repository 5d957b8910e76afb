"""The merchants' client and the service itself: what one says the other understands."""

import asyncio
import socket
from base64 import b64encode

import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.bank import CITY, MERCHANT

from credit.access.admin import clients
from credit.client import Merchant, Problem
from credit.market.service import settlements


@pytest.fixture
async def address(world, app):
    """The address at which the application is served over real connections."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        found = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app.state.settings = world.settings.model_copy(update={"public_url": found})
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        listener.listen(64)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers nothing to wait for
            await asyncio.sleep(0)
        yield found
        server.should_exit = True
        await serving


async def test_a_till_takes_points_gives_some_back_and_looks_them_up(bank, address):
    await bank.grant("Li", 100)
    offer = await bank.add_offer("reduction", most=80)
    code, other = await bank.code("Li"), await bank.code("Li")

    def work():
        with Merchant(address, CITY, bank.world.api_keys["shopkeeper"]) as till:
            held = till.authorize(f"{code[:3]} {code[3:6]} {code[6:]}", 60, "小票 1", offer)
            again = till.get(held)
            taken = till.capture(held, 50)
            part = till.refund(taken, 20)
            second = till.authorize(other, 5, "小票 2", idempotency_key="till-7-2")
            same = till.authorize(other, 5, "小票 2", idempotency_key="till-7-2")
            voided = till.void(second)
            return held, again, taken, part, second, same, voided, list(till.redemptions())

    held, again, taken, part, second, same, voided, listed = await asyncio.to_thread(work)
    assert second == same
    assert (held.id, held.status, held.acts) == (again.id, "authorized", ("capture", "void"))
    assert (again.status, again.offer, again.reference) == ("authorized", str(offer), "小票 1")
    assert again.made_at < again.expires_at == held.expires_at
    assert (taken.status, taken.captured) == ("captured", 50)
    assert (part.refunded, part.refundable) == (20, 30)
    assert [(one.id, one.status) for one in listed] == [
        (voided.id, "voided"),
        (part.id, "captured"),
    ]
    assert (await bank.wallet("Li"))["available"] == 70


async def test_a_till_is_told_what_would_be_allowed(bank, address):
    await bank.grant("Li", 35)
    code = await bank.code("Li")

    def work():
        with Merchant(address, CITY, bank.world.api_keys["shopkeeper"]) as till:
            with pytest.raises(Problem) as short:
                till.authorize(code, 36, "小票 1")
            held = till.authorize(code, short.value.allowed["amount_max"], "小票 1")
            till.capture(held)
            refused = []
            for call in (till.void, till.capture, lambda one: till.refund(one, 36)):
                with pytest.raises(Problem) as found:
                    call(held)
                refused.append(found.value)
            with pytest.raises(Problem) as unknown:
                till.get("999999")
            return short.value, [*refused, unknown.value]

    short, refused = await asyncio.to_thread(work)
    assert (short.status, short.slug) == (409, "insufficient")
    assert [(one.status, one.slug) for one in refused] == [
        (409, "hold-captured"),
        (409, "hold-captured"),
        (409, "above-captured"),
        (404, "unknown-redemption"),
    ]
    assert refused[0].allowed == {"acts": ["refund"]}
    assert refused[2].allowed["amount_max"] == 35


async def test_with_a_registered_key_pair_only_its_holder_moves_points(bank, address, monkeypatch):
    await bank.grant("Li", 100)
    code = await bank.code("Li")
    key, private = bank.world.api_keys["shopkeeper"], Ed25519PrivateKey.generate()
    public = b64encode(private.public_key().public_bytes_raw()).decode()
    async with bank.db.transaction(CITY) as conn:
        administrator = bank.world.actors["administrator"]
        await clients.register_public_key(conn, bank.clock, administrator, key[:12], public)
    monkeypatch.setattr("credit.client.calls._now", bank.clock.now)

    def work():
        with Merchant(address, CITY, key) as thief, pytest.raises(Problem) as refused:
            thief.authorize(code, 60, "小票 1")
        with Merchant(address, CITY, key, private=private) as till:
            return refused.value, till.capture(till.authorize(code, 60, "小票 1"))

    refused, taken = await asyncio.to_thread(work)
    assert (refused.status, refused.slug) == (401, "signature-refused")
    assert taken.captured == 60


async def test_a_statement_adds_up_at_the_other_end(bank, address):
    await bank.grant("Li", 500)
    for amount in range(101):
        made = await bank.authorize("Li", amount % 3 + 1)
        await bank.send(f"/redemptions/{made['id']}/capture", by="shopkeeper", status=200)
    for part in (1, 1):
        path = f"/redemptions/{made['id']}/refund"
        await bank.send(path, {"amount": part}, by="shopkeeper", status=200)
    async with bank.db.transaction(CITY) as conn:
        drawn = await settlements.draw(conn, bank.clock, CITY, MERCHANT, "P-1")

    def work():
        with Merchant(address, CITY, bank.world.api_keys["shopkeeper"]) as till:
            (listed,) = till.settlements()
            return listed, till.settlement(listed)

    listed, whole = await asyncio.to_thread(work)
    assert (listed.id, listed.status, listed.fen) == (str(drawn.id), "drawn", drawn.fen)
    assert len(whole.lines) == 103
    assert whole.adds_up()
    assert whole.digest == drawn.digest.hex()
