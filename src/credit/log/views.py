"""The log as other slices and the interface see it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from msgspec import Struct, field

__all__ = [
    "AnnouncedKey",
    "ChainEntry",
    "ConsistencyAnswer",
    "InclusionAnswer",
    "InclusionProof",
    "KeyAccepted",
    "KeyAnswer",
    "LogHead",
]

Body = TypeVar("Body")


@dataclass(frozen=True, slots=True)
class AnnouncedKey:
    """A key announced in the log; `active` is False once its revocation was recorded."""

    kid: str
    algorithm: str
    public_key: bytes
    holder: str
    purpose: str
    active: bool


class ChainEntry(Struct, Generic[Body], frozen=True, gc=False):
    """An entry in a subject's chain: index, kind, record id, and what was asked of its body."""

    index: int
    kind: str
    id: str
    body: Body


@dataclass(frozen=True, slots=True)
class LogHead:
    """The newest checkpoint: size, the signed note, and when it was signed."""

    size: int
    note: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """An entry, its place, and the hashes that lead from it to the root of `size` leaves."""

    index: int
    size: int
    entry: bytes
    hashes: list[bytes]
    checkpoint: str


class InclusionAnswer(Struct, frozen=True):
    """Base64 hashes that lead from leaf `index` to the root of `size` (RFC 6962 §2.1.1)."""

    index: int
    size: int
    hashes: list[str]


class ConsistencyAnswer(Struct, frozen=True):
    """Base64 hashes that show the older tree to be the beginning of the newer (§2.1.2)."""

    old: int = field(name="from")
    new: int = field(name="to")
    hashes: list[str] = field(default_factory=list)


class KeyAnswer(Struct, frozen=True):
    """An announced key and the log indexes from which and up to which it signs."""

    kid: str
    algorithm: str
    public_key: str
    holder: str
    purpose: str
    announced: int | None
    revoked: int | None


class KeyAccepted(Struct, frozen=True):
    """A key that was announced, and the record that did."""

    id: str
    kid: str
