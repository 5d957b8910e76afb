"""Signed requests of machines (RFC 9421): what has to be signed, and that it is used once.

A client with a registered public key signs with Ed25519 under its key's prefix as `keyid`: the
method, the whole address, the digest of the body (RFC 9530) and the idempotency key. Whoever
copies its API key, or reads along, can then send nothing in its name.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    InvalidSignature,
    VerifyResult,
    algorithms,
)
from http_message_signatures.resolvers import MappingKeyResolver

from credit.access.admin import store
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Unauthenticated
from credit.kit.texts import say

__all__ = ["SignedRequest", "accept_signature", "signed_digest"]

CLOCK_SKEW = timedelta(minutes=5)
# Longer than a signature can be valid on any clock that is right enough to be listened to.
REMEMBERED = timedelta(minutes=10)
COVERED = ("@method", "@target-uri")
REFUSED = say(
    "这把密钥要求请求签名，而签名缺失、不成立、过期或已用过。请按“接口签名”说明重新签名后再发送。"
)


class _Headers:
    """Header lines as the verifier reads them: every line, in its order."""

    def __init__(self, lines: Sequence[tuple[bytes, bytes]]) -> None:
        self._lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in lines]
        self.names = frozenset(name.lower() for name, _ in self._lines)

    def items(self) -> list[tuple[str, str]]:
        """Return all lines."""
        return self._lines


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as its sender signed it: `url` is the public address, with path and query."""

    method: str
    url: str
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Message:
    method: str
    url: str
    headers: _Headers


class _Verifier(HTTPMessageVerifier):
    """Checks times against a moment it is given, some minutes either way."""

    def __init__(self, client: str, public_key: bytes, now: datetime) -> None:
        keys = {client: Ed25519PublicKey.from_public_bytes(public_key)}
        super().__init__(
            signature_algorithm=algorithms.ED25519,
            key_resolver=MappingKeyResolver(public_keys=keys, private_keys={}),
        )
        self._now = now.timestamp()

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        del max_age  # the moment given above, and the skew, say it all
        created = sig_input.params.get("created")
        expires = sig_input.params.get("expires")
        skew = CLOCK_SKEW.total_seconds()
        if type(created) is not int or abs(self._now - created) > skew:
            raise InvalidSignature("created is missing, or too far from now")
        if expires is not None and expires < self._now:
            raise InvalidSignature("the signature has expired")


def signed_digest(
    request: SignedRequest, *, client: str, public_key: bytes, now: datetime
) -> bytes:
    """Check a request's signature; returns the SHA-256 of what was signed.

    Whatever is wrong raises the same Unauthenticated.
    """
    headers = _Headers(request.headers)
    required = [*COVERED]
    if request.body:
        required.append("content-digest")
    if "idempotency-key" in headers.names:
        required.append("idempotency-key")
    try:
        (result,) = _Verifier(client, public_key, now).verify(
            _Message(request.method, request.url, headers),
            max_age=None,
            require_components=required,
            body=request.body,
        )
    except (HTTPMessageSignaturesException, ValueError) as error:
        raise Unauthenticated(REFUSED, slug="signature-refused") from error
    return _digest(client, result)


def _digest(client: str, result: VerifyResult) -> bytes:
    lines = [f"{name}: {value}" for name, value in result.covered_components.items()]
    return hashlib.sha256("\n".join((client, *lines)).encode()).digest()


async def accept_signature(conn: Connection, clock: Clock, digest: bytes) -> None:
    """Use a signature up: a request that is sent again has to be signed again."""
    if not await store.remember_signature(conn, digest, clock.now() + REMEMBERED):
        raise Unauthenticated(REFUSED, slug="signature-refused")
