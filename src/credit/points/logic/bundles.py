"""Receipts checked offline: what the holder of the log's public key can prove, and needs nobody for.

A bundle is a receipt, the entry of the log that seals its epoch, the entry that announces the key
which signed the seal, the entry that revokes that key if there is one, and a signed checkpoint whose
tree has them all. Whether a seal came before its key was revoked is decided by the order of the log:
what was sealed before stays proved, what was sealed after counts for nothing. A bundle cannot prove
that there is no revocation; who wants to know asks the log for its keys. Standard library and
signature checks only.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from credit.kit.canonical import canonical
from credit.kit.signing import b64, key_id, unb64, verify
from credit.log.note import Checkpoint, UnknownSigner, Verifier, open_note, parse_checkpoint
from credit.log.records import RECORD_TYPE, parse_entry, payload
from credit.log.tree import leaf_hash, verify_inclusion
from credit.points.logic.receipts import verify_receipt

__all__ = ["BUNDLE_BYTES_MAX", "BundleError", "KeyListing", "Verdict", "read_json", "verify_bundle"]

BUNDLE_BYTES_MAX = 1_000_000
PARTS = {"checkpoint", "key", "receipt", "record", "revocation", "v"}
RECEIPT = {"epoch", "index", "known", "path", "record", "transfer", "v"}
HOLDER, ROLE = "points", "points_book"


class BundleError(ValueError):
    """A bundle that proves nothing; the message says why."""


class KeyListing(NamedTuple):
    """A key as the log lists it: its public key, and the indexes that bound what it signs."""

    public_key: bytes
    announced: int
    revoked: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a bundle proves.

    `revoked`: the seal was made after its key was revoked, and counts for nothing. `unknown`: all
    of it fits together, but nobody that is trusted signed the checkpoint. `origin` names the log,
    `index` is the seal's place in it; `later` is that of a revocation after the seal.
    """

    state: Literal["valid", "revoked", "unknown"]
    transfer: dict[str, Any]
    known: dict[str, str]
    epoch: int
    origin: str
    index: int
    sealed_at: str
    later: int | None


@dataclass(frozen=True, slots=True)
class _Entry:
    index: int
    value: dict[str, Any]

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = self.value["body"]
        return found


def read_json(data: bytes) -> Any:
    """Read JSON in which nothing stands twice, and no number has a fraction; raises BundleError."""
    if len(data) > BUNDLE_BYTES_MAX:
        raise BundleError("the file is too large")
    try:
        return json.loads(
            data.decode(), object_pairs_hook=_once, parse_float=_refuse, parse_constant=_refuse
        )
    except (ValueError, RecursionError) as error:
        raise BundleError(f"not readable: {error}") from error


def verify_bundle(
    bundle: Any, trusted: Verifier | None, keys: Mapping[str, KeyListing] | None = None
) -> Verdict:
    """Check a bundle by the log's key, if one is trusted; `keys` is what the log lists, if known.

    Raises BundleError for a bundle that proves nothing, whomever one trusts.
    """
    try:
        return _verdict(bundle, trusted, keys)
    except BundleError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise BundleError(str(error) or type(error).__name__) from error


def _verdict(
    bundle: Any, trusted: Verifier | None, keys: Mapping[str, KeyListing] | None
) -> Verdict:
    _exactly(bundle, PARTS, "the bundle")
    receipt = bundle["receipt"]
    _exactly(receipt, RECEIPT, "the receipt")
    if not _same([bundle["v"], receipt["v"]], [1, 1]):
        raise BundleError("of a version that is not known here")
    checkpoint, signed = _checkpoint(bundle["checkpoint"], trusted)
    seal = _entry(bundle["record"], checkpoint, "points-sealed")
    key = _entry(bundle["key"], checkpoint, "key")
    _refuse_unsigned(seal, key)
    _refuse_other(receipt, seal)
    verify_receipt(receipt, seal.body)
    ended = [_revocation(bundle["revocation"], checkpoint, key)]
    if keys is not None:
        ended.append(_listed(keys, key))
    first = min((one for one in ended if one is not None), default=None)
    before = first is None or seal.index < first
    return Verdict(
        "revoked" if not before else "valid" if signed else "unknown",
        receipt["transfer"],
        {side: one["account"] for side, one in receipt["known"].items()},
        receipt["epoch"],
        checkpoint.origin,
        seal.index,
        seal.value["admitted_at"],
        first if before else None,
    )


def _checkpoint(note: str, trusted: Verifier | None) -> tuple[Checkpoint, bool]:
    """Read a checkpoint; says whether somebody signed it who is trusted."""
    text, signed = note.rpartition("\n\n")[0] + "\n", False
    if trusted is not None:
        with suppress(UnknownSigner):
            text, signed = open_note(note, trusted), True
    found = parse_checkpoint(text)
    if signed and trusted is not None and found.origin != trusted.name:
        raise BundleError("the checkpoint is of another log than its signer's")
    return found, signed


def _entry(part: Any, checkpoint: Checkpoint, kind: str) -> _Entry:
    """Read an entry that the checkpoint's tree has."""
    _exactly(part, {"entry", "hashes", "index"}, f"the entry {kind}")
    index, entry = part["index"], _octets(part["entry"])
    if type(index) is not int:
        raise BundleError("an index is a whole number")
    hashes = [_octets(one) for one in part["hashes"]]
    verify_inclusion(leaf_hash(entry), index, checkpoint.size, hashes, checkpoint.root)
    value = parse_entry(entry)
    if value["kind"] != kind:
        raise BundleError(f"an entry of kind {value['kind']} stands for one of kind {kind}")
    return _Entry(index, value)


def _refuse_unsigned(seal: _Entry, key: _Entry) -> None:
    """Refuse a seal unless the book's own key signed it, announced before by itself."""
    body = key.body
    public = unb64(body["public_key"])
    if (body["holder"], body["role"], body["purpose"]) != (HOLDER, ROLE, "record"):
        raise BundleError("the key is not the one of a book of points")
    if key_id(body["algorithm"], public) != body["kid"] or not key.index < seal.index:
        raise BundleError("the key does not fit its announcement, or was announced too late")
    for one in (key, seal):
        (sig,) = one.value["sigs"]
        signed = payload(one.value["kind"], one.value["id"], one.body)
        good = (sig["kid"], sig["alg"]) == (body["kid"], body["algorithm"])
        if not good or not verify(public, unb64(sig["sig"]), RECORD_TYPE, signed):
            raise BundleError(f"the signature does not cover the entry {one.value['kind']}")


def _refuse_other(receipt: Any, seal: _Entry) -> None:
    """Refuse a receipt that names another seal, or says more than a seal proves."""
    named = [receipt["record"], receipt["epoch"]]
    if not _same(named, [seal.value["id"], seal.body["epoch"]]):
        raise BundleError("the receipt names another seal")
    if type(receipt["index"]) is not int or receipt["transfer"]["id"] > seal.body["upto"]:
        raise BundleError("the transfer is not one of this seal")
    for side, one in receipt["known"].items():
        _exactly(one, {"account", "nonce"}, f"the account {side}")
    for text in (*receipt["path"], *(one["nonce"] for one in receipt["known"].values())):
        if bytes.fromhex(text).hex() != text:
            raise BundleError("hexadecimal digits are written in small letters")


def _revocation(part: Any, checkpoint: Checkpoint, key: _Entry) -> int | None:
    if part is None:
        return None
    found = _entry(part, checkpoint, "key-revoked")
    if found.body["kid"] != key.body["kid"]:
        raise BundleError("the revocation is of another key")
    return found.index


def _listed(keys: Mapping[str, KeyListing], key: _Entry) -> int | None:
    found = keys.get(key.body["kid"])
    if found is None or found[:2] != (unb64(key.body["public_key"]), key.index):
        raise BundleError("the log lists no such key")
    return found.revoked


def _same(one: Any, other: Any) -> bool:
    """Compare as JSON does, to which true is not 1."""
    return canonical(one) == canonical(other)


def _octets(text: str) -> bytes:
    """Read base64 that is written the one way it can be."""
    octets = unb64(text)
    if b64(octets) != text:
        raise BundleError("base64 that is not written the one way it can be")
    return octets


def _exactly(value: Any, names: set[str], what: str) -> None:
    if not isinstance(value, dict) or set(value) != names:
        raise BundleError(f"{what} does not have the parts it should have")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BundleError("a name stands twice")
    return found


def _refuse(text: str) -> Any:
    raise BundleError(f"{text[:40]} is no whole number")
