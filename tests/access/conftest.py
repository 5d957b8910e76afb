"""A passkey made of nothing but keys, for what no real one would do."""

import hashlib
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import encode_cbor

ORIGIN = "http://localhost:8000"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class SoftPasskey:
    """Answers what the browser would be asked, with whatever a test wants changed."""

    def __init__(self, number: int = 1) -> None:
        self.id = hashlib.sha256(b"passkey %d" % number).digest()
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.handle, self.count = b"", 0

    def create(self, options, **changed) -> str:
        """Answer `navigator.credentials.create`."""
        self.handle = unb64(options["user"]["id"])
        point = self.key.public_key().public_numbers()
        x, y = (one.to_bytes(32, "big") for one in (point.x, point.y))
        cose = encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cose
        flags = changed.pop("flags", PRESENT | VERIFIED) | ATTESTED
        data = self._data(options["rp"]["id"], flags, changed) + attested
        made = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            clientDataJSON=self._client("webauthn.create", options, changed),
            attestationObject=made,
        )

    def get(self, options, **changed) -> str:
        """Answer `navigator.credentials.get`."""
        self.count = changed.pop("count", self.count + 1)
        flags = changed.pop("flags", PRESENT | VERIFIED)
        data = self._data(options["rpId"], flags, changed)
        client = self._client(changed.get("kind", "webauthn.get"), options, changed)
        signed = data + hashlib.sha256(client).digest()
        return self._answer(
            clientDataJSON=client,
            authenticatorData=data,
            signature=self.key.sign(signed, ec.ECDSA(hashes.SHA256())),
            userHandle=changed.get("handle", self.handle),
        )

    def _data(self, rp_id, flags, changed) -> bytes:
        host = hashlib.sha256(changed.get("rp_id", rp_id).encode()).digest()
        return host + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind, options, changed) -> bytes:
        return json.dumps(
            {
                "type": kind,
                "challenge": changed.get("challenge", options["challenge"]),
                "origin": changed.get("origin", ORIGIN),
                "crossOrigin": changed.get("cross_origin", False),
            }
        ).encode()

    def _answer(self, **parts) -> str:
        response = {name: b64(content) for name, content in parts.items()}
        name = b64(self.id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})


@pytest.fixture
def passkey():
    """What makes a passkey; another number is another one."""
    return SoftPasskey


@pytest.fixture
def here(app, world):
    """The application at an address browsers allow passkeys for."""
    app.state.settings = world.settings.model_copy(update={"public_url": ORIGIN})
    return app


@pytest.fixture
def enrol(here, passkey):
    """What gives somebody at a browser a passkey."""

    async def made(browser, number=1, **changed):
        key = passkey(number)
        base = "/150200/account/passkeys"
        options = (await browser.post(f"{base}/options")).json()
        answer = key.create(options, **changed)
        page = await browser.post(base, data={"name": f"钥匙{number}", "answer": answer})
        return key, page

    return made


@pytest.fixture
def counted(world):
    """What counts rows: `await counted("challenge")`."""

    async def count(table: str) -> int:
        assert re.fullmatch("[a-z_]+", table)
        async with world.db.city("150200") as conn:
            return await conn.fetchval(f"SELECT count(*) FROM {table}")

    return count
