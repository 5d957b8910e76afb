"""Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint).

Only Ed25519 signature lines are made and checked; lines of other kinds are kept and skipped, as
the specification asks. The module needs nothing but `cryptography`.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = [
    "Checkpoint",
    "NoteError",
    "UnknownSigner",
    "Verifier",
    "checkpoint_text",
    "open_note",
    "parse_checkpoint",
    "sign_note",
]

ED25519 = b"\x01"
NOTE_BYTES_MAX = 1_000_000
SIGNATURES_MAX = 100
_SIGNATURE = re.compile(r"\u2014 (\S+) ([A-Za-z0-9+/]+={0,2})")
_VKEY = re.compile(r"(?P<name>[^\s+]+)\+(?P<hash>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/]+={0,2})")


class NoteError(ValueError):
    """A note, key or checkpoint that is not one, or that no known key signed."""


class UnknownSigner(NoteError):
    """A note that may be good, but that the known key did not sign."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A known signer: its name and Ed25519 public key, written as a vkey."""

    name: str
    public: bytes

    @property
    def key_hash(self) -> bytes:
        """The four bytes that announce the key in a signature line."""
        content = self.name.encode() + b"\n" + ED25519 + self.public
        return hashlib.sha256(content).digest()[:4]

    @property
    def vkey(self) -> str:
        """The key as text: `name+hash+base64(0x01 ‖ public key)`."""
        encoded = base64.b64encode(ED25519 + self.public).decode()
        return f"{self.name}+{self.key_hash.hex()}+{encoded}"

    @classmethod
    def from_vkey(cls, vkey: str) -> "Verifier":
        """Read a vkey; raises NoteError when its hash does not fit its key."""
        match = _VKEY.fullmatch(vkey.strip())
        if match is None:
            raise NoteError("the vkey is malformed")
        key = _decode("the vkey", match["key"])
        if len(key) != 33 or key[:1] != ED25519:
            raise NoteError("the vkey is not of an Ed25519 key")
        verifier = cls(match["name"], key[1:])
        if verifier.key_hash.hex() != match["hash"]:
            raise NoteError("the vkey's hash does not fit its key")
        return verifier


def _decode(what: str, encoded: str) -> bytes:
    """Decode base64 that is written the one way it can be."""
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise NoteError(f"{what} is malformed") from error
    if base64.b64encode(raw).decode() != encoded:
        raise NoteError(f"{what} is malformed")
    return raw


def sign_note(text: str, verifier: Verifier, sign: Callable[[bytes], bytes]) -> str:
    """Sign a note's text, which ends in a newline; returns the whole note."""
    if not text.endswith("\n") or "\n\n" in text:
        raise NoteError("a note's text ends in one newline and has no empty line")
    signature = verifier.key_hash + sign(text.encode())
    return f"{text}\n\u2014 {verifier.name} {base64.b64encode(signature).decode()}\n"


def open_note(note: str, verifier: Verifier) -> str:
    """Return a note's text when the verifier's key signed it; raises NoteError otherwise."""
    if len(note.encode()) > NOTE_BYTES_MAX:
        raise NoteError("the note is too large")
    if any(ord(c) < 0x20 and c != "\n" for c in note):
        raise NoteError("the note holds control characters")
    head, separator, tail = note.rpartition("\n\n")
    text = head + "\n"
    if not separator or not tail.endswith("\n"):
        raise NoteError("the note has no signatures")
    lines = tail[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise NoteError("the note has too many signatures")
    known = False
    for line in lines:
        match = _SIGNATURE.fullmatch(line)
        if match is None:
            raise NoteError("a signature line is malformed")
        raw = _decode("a signature line", match[2])
        if match[1] != verifier.name or raw[:4] != verifier.key_hash:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(verifier.public).verify(raw[4:], text.encode())
        except InvalidSignature:
            raise NoteError("the signature does not fit the note") from None
        known = True
    if not known:
        raise UnknownSigner("no known key signed the note")
    return text


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's state: its origin, its size in entries, and its root."""

    origin: str
    size: int
    root: bytes


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """Write a checkpoint's note text: origin, size, base64 of the root."""
    root = base64.b64encode(checkpoint.root).decode()
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's note text; extension lines are allowed and ignored."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] != "" or "" in lines[:-1]:
        raise NoteError("the checkpoint is malformed")
    origin, size, encoded = lines[:3]
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", size):
        raise NoteError("the checkpoint's size is malformed")
    root = _decode("the checkpoint's root", encoded)
    if len(root) != 32:
        raise NoteError("the checkpoint's root is malformed")
    return Checkpoint(origin, int(size), root)
