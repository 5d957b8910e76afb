"""Signatures: Ed25519 over DSSE's pre-authentication encoding; the algorithm is a field.

Every kind of message has its own type string, and no key is used for two of them, so that a
signature made for one purpose can never be shown as one for another.
"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from credit.kit.secret_file import load_or_make

__all__ = [
    "ALGORITHM",
    "SigningKey",
    "b64",
    "key_id",
    "load_or_make_key",
    "pae",
    "unb64",
    "verify",
]

ALGORITHM = "Ed25519"


@dataclass(frozen=True)
class SigningKey:
    """A private key with the id its public key is announced under."""

    private: Ed25519PrivateKey

    @classmethod
    def make(cls) -> "SigningKey":
        """Make a fresh key."""
        return cls(Ed25519PrivateKey.generate())

    @property
    def public(self) -> bytes:
        """The public key's 32 bytes."""
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def kid(self) -> str:
        """The key's id."""
        return key_id(ALGORITHM, self.public)

    def sign(self, payload_type: str, payload: bytes) -> bytes:
        """Sign a payload as a message of a type (DSSE); 64 bytes."""
        return self.private.sign(pae(payload_type, payload))

    def sign_bytes(self, message: bytes) -> bytes:
        """Sign bytes whose form already separates domains, as a checkpoint's note does."""
        return self.private.sign(message)


def key_id(algorithm: str, public: bytes) -> str:
    """Derive a key's id from what it is, so that an id can never point to another key."""
    digest = hashlib.sha256(algorithm.encode() + b"\0" + public).digest()
    return f"k1:{digest[:16].hex()}"


def pae(payload_type: str, payload: bytes) -> bytes:
    """Encode type and payload unambiguously (DSSE v1 §2: pre-authentication encoding)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def verify(public: bytes, signature: bytes, payload_type: str, payload: bytes) -> bool:
    """Check an Ed25519 signature over a typed payload; False for whatever does not verify."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, pae(payload_type, payload))
    except (InvalidSignature, ValueError):
        return False
    return True


def load_or_make_key(path: Path) -> SigningKey:
    """Load a key from a PEM file that only its owner can read; make it when there is none."""
    pem = load_or_make(path, _new_pem)
    private = load_pem_private_key(pem, password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError(f"{path.name} does not hold an Ed25519 key")
    return SigningKey(private)


def _new_pem() -> bytes:
    return SigningKey.make().private.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


def b64(data: bytes) -> str:
    """Write bytes as base64 text."""
    return base64.b64encode(data).decode()


def unb64(text: str) -> bytes:
    """Read base64 text strictly; raises ValueError."""
    return base64.b64decode(text, validate=True)
