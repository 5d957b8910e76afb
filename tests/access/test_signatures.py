"""Signed requests: only the holder of the private key sends them, each of them once."""

import asyncio
import json
import re
import time
from base64 import b64encode
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit.access.admin import clients
from credit.access.service.signatures import REFUSED, SignedRequest, signed_digest
from credit.kit.errors import Unauthenticated

CITY = "150200"
ENTERPRISE = "91150200MA0000000C"
QUERY = f"/api/v1/{CITY}/grade-queries"
GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "machines.md"
QUESTION = {"purpose": "政府采购", "tender_ref": "包采〔2026〕7号", "bidders": [ENTERPRISE]}
BODY = json.dumps(QUESTION).encode()


@pytest.fixture
def signed_headers(world, monkeypatch):
    """What the guide tells client authors to do, run as it stands there."""
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    names = {"print": lambda *_: None}
    for block in blocks:
        exec(compile(block, GUIDE.name, "exec"), names)
    monkeypatch.setattr(time, "time", lambda: world.clock.now().timestamp())
    return names["signed_headers"]


class Client:
    """A bid evaluator's system that has registered a public key."""

    def __init__(self, world, app, make):
        self.world, self.make, self.sent = world, make, 0
        self.private = Ed25519PrivateKey.generate()
        self.api_key = world.api_keys["bidder"]
        self.site = world.settings.public_url
        # The address the proxy in front uses is another one than the public one.
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://inside.test:9000"
        )

    def headers(self, path=QUERY, body=BODY, **more):
        self.sent += 1
        return self.make(
            more.pop("private", self.private),
            self.api_key,
            more.pop("method", "POST"),
            f"{self.site}{path}",
            body,
            more.pop("key", f"k-{self.sent}"),
        )

    async def post(self, headers, path=QUERY, body=BODY):
        return await self.http.post(path, content=body, headers=headers)


@pytest.fixture
async def client(world, app, signed_headers):
    made = Client(world, app, signed_headers)
    public = b64encode(made.private.public_key().public_bytes_raw()).decode()
    async with world.db.transaction(CITY) as conn:
        await clients.register_public_key(
            conn, world.clock, world.actors["administrator"], made.api_key[:12], public
        )
    async with made.http:
        yield made


def refused(answer):
    return answer.status_code == 401 and (
        answer.json()["type"],
        answer.json()["detail"],
    ) == ("urn:credit:problem:signature-refused", REFUSED)


async def asked(world):
    async with world.db.city(CITY) as conn:
        return await conn.fetchval("SELECT count(*) FROM grade_query")


async def test_what_the_guide_shows_is_accepted_behind_a_proxy_too(world, client):
    answer = await client.post(client.headers())
    assert answer.status_code == 201, answer.text
    assert answer.json()["answers"][0]["uscc"] == ENTERPRISE
    # A query is part of the address, as it was sent and not as it is read.
    path = f"{QUERY}?x=%E7%94%B2&y=a+b"
    assert (await client.post(client.headers(path), path)).status_code == 201


async def test_a_request_is_accepted_once_even_when_sent_twice_at_the_same_time(world, client):
    headers = client.headers()
    answers = await asyncio.gather(*(client.post(headers) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401]
    assert refused(await client.post(headers))
    world.clock.now_value += timedelta(minutes=4)
    assert refused(await client.post(headers))
    assert await asked(world) == 1
    # Signed anew, the same request is answered the same: that is what its key is for.
    again = await client.post(client.headers(key="k-1"))
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    async with world.db.city(CITY) as conn:
        kept = await conn.fetch("SELECT kind, person_id FROM challenge")
    assert {tuple(row) for row in kept} == {("signature", None)}


def without(*names):
    return lambda headers: {
        name: value for name, value in headers.items() if name.lower() not in names
    }


def other(name, change):
    return lambda headers: {**headers, name: change(headers[name])}


TAMPERED = {
    "no signature": without("signature", "signature-input"),
    "no input": without("signature-input"),
    "no digest": without("content-digest"),
    "another idempotency key": other("Idempotency-Key", lambda _: "k-other"),
    "another digest": other("Content-Digest", lambda text: text.replace("sha-256", "sha-512")),
    "a digest nobody knows": other("Content-Digest", lambda text: text.replace("sha-256", "md5")),
    "another label": other("Signature", lambda text: text.replace("sig=", "gis=")),
    "a second signature": lambda headers: {
        **headers,
        "Signature": f"{headers['Signature']}, b={headers['Signature'][4:]}",
        "Signature-Input": f"{headers['Signature-Input']}, b={headers['Signature-Input'][4:]}",
    },
    "another created": other(
        "Signature-Input", lambda text: re.sub(r"created=(\d+)", r"created=1\1", text)
    ),
    "created is no number": other(
        "Signature-Input", lambda text: re.sub(r"created=(\d+)", r'created="\1"', text)
    ),
    "created left out": other("Signature-Input", lambda text: re.sub(r"created=\d+;", "", text)),
    "another key id": other("Signature-Input", lambda text: text.replace("ck_", "ck-")),
    "another algorithm": other("Signature-Input", lambda text: f'{text};alg="hmac-sha256"'),
    "an empty signature": other("Signature", lambda _: "sig=::"),
    "garbage": other("Signature", lambda _: b"\x80 not a structured field"),
}


@pytest.mark.parametrize("how", TAMPERED)
async def test_what_was_changed_on_the_way_is_refused(world, client, how):
    headers = TAMPERED[how](client.headers())
    assert refused(await client.post(headers)), how
    assert await asked(world) == 0


@pytest.mark.parametrize("name", ["@method", "@target-uri", "content-digest", "idempotency-key"])
async def test_a_signature_that_leaves_something_out_is_refused(world, client, name):
    """The signature itself holds: what it does not cover could be changed on the way."""
    headers = client.headers()
    values = {"@method": "POST", "@target-uri": client.site + QUERY} | {
        one: headers[one.title()] for one in ("content-digest", "idempotency-key")
    }

    def sign(covered):
        created = int(world.clock.now().timestamp())
        names = " ".join(f'"{one}"' for one in covered)
        parameters = f'({names});created={created};keyid="{client.api_key[:12]}"'
        lines = [
            *(f'"{one}": {values[one]}' for one in covered),
            f'"@signature-params": {parameters}',
        ]
        signature = b64encode(client.private.sign("\n".join(lines).encode())).decode()
        return {
            **headers, "Signature-Input": f"s={parameters}", "Signature": f"s=:{signature}:"
        }  # fmt: skip

    assert refused(await client.post(sign([one for one in values if one != name])))
    assert (await client.post(sign(values))).status_code == 201


async def test_another_body_address_method_or_signer_is_refused(world, client):
    body = json.dumps({**QUESTION, "bidders": ["91150200MA0000001F"]}).encode()
    assert refused(await client.post(client.headers(), body=body))
    assert refused(await client.post(client.headers(), path=f"{QUERY}?x=1"))
    assert refused(await client.post(client.headers(f"{QUERY}?x=1")))
    assert refused(await client.post(client.headers(method="PUT")))
    assert refused(await client.post(client.headers(private=Ed25519PrivateKey.generate())))
    client.site = "http://inside.test:9000"
    assert refused(await client.post(client.headers()))
    assert await asked(world) == 0


@pytest.mark.parametrize(("seconds", "accepted"), [(299, True), (301, False)])
@pytest.mark.parametrize("way", [1, -1])
async def test_a_clock_may_be_five_minutes_off_either_way(world, client, seconds, accepted, way):
    headers = client.headers()
    world.clock.now_value += way * timedelta(seconds=seconds)
    answer = await client.post(headers)
    assert (answer.status_code == 201) is accepted
    assert accepted or refused(answer)


async def test_a_signature_that_says_when_it_ends_has_ended_then(world, client):
    now = int(world.clock.now().timestamp())
    make = client.make.__globals__
    for expires, status in ((now + 60, 201), (now - 1, 401)):
        make["secrets"] = type(
            "S", (), {"token_hex": lambda _, e=expires: f'n{e}";expires={e};tag="t'}
        )
        assert (await client.post(client.headers())).status_code == status


async def test_reading_needs_a_signature_where_the_answer_holds_personal_data(world, client):
    bearer = {"Authorization": f"Bearer {client.api_key}"}
    events, evaluation = (
        f"/api/v1/{CITY}/{path}"
        for path in ("events", "evaluations/01900000-0000-7000-8000-000000000000")
    )
    assert refused(await client.http.get(events, headers=bearer))
    signed = client.headers(events, b"", method="GET", key=None)
    assert (await client.http.get(events, headers=signed)).status_code == 403  # a bidder may not
    assert refused(await client.http.get(events, headers=signed))  # and not twice
    assert (await client.http.get(evaluation, headers=bearer)).status_code == 403
    # Without a registered key the API key is enough, and the trail says what was shown.
    plain = {"Authorization": f"Bearer {world.api_keys['officer']}"}
    assert (await client.http.get(events, headers=plain)).status_code == 200
    async with world.db.city(CITY) as conn:
        assert await conn.fetchval("SELECT bool_and(personal) FROM trail WHERE status = 200")


async def test_without_a_registered_key_nothing_is_signed(world, client):
    async with world.db.transaction(CITY) as conn:
        await clients.register_public_key(
            conn, world.clock, world.actors["administrator"], client.api_key[:12], None
        )
    headers = without("signature", "signature-input", "content-digest")(client.headers())
    assert (await client.post(headers)).status_code == 201


texts = st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace"))
pieces = st.sampled_from(
    [b"sig=", b'("@method" "@target-uri")', b";created=1782792000", b';keyid="ck_1"', b":AAAA:",
     b"sig=()", b'("@status")', b'("@query-param";name="a")', b'("x";sf)', b",", b'"', b"=?1", b"("]
)  # fmt: skip
values = st.lists(pieces | texts, max_size=5).map(b"".join)


@given(values, values, values, st.binary(max_size=5))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_stands_in_the_headers_is_a_plain_refusal(given_input, signature, digest, body):
    from datetime import UTC, datetime

    request = SignedRequest(
        "POST",
        "http://x.test/a?b",
        [
            (b"signature-input", given_input),
            (b"Signature", signature),
            (b"content-digest", digest),
        ],
        body,
    )
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    with pytest.raises(Unauthenticated):
        signed_digest(
            request, client="ck_1", public_key=public, now=datetime(2026, 6, 30, 4, tzinfo=UTC)
        )
