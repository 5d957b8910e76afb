"""The log as other slices and the interface see it."""

from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["AnnouncedKey", "ChainEntry", "InclusionProof", "LogHead"]

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


@dataclass(frozen=True, slots=True)
class ChainEntry(Generic[Body]):
    """An entry in a subject's chain: index, kind, record id, and what was asked of its body."""

    index: int
    kind: str
    id: str
    body: Body


@dataclass(frozen=True, slots=True)
class LogHead:
    """The newest checkpoint: size and the signed note."""

    size: int
    note: str


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """An entry, its place, and the hashes that lead from it to the root of `size` leaves."""

    index: int
    size: int
    entry: bytes
    hashes: list[bytes]
    checkpoint: str
