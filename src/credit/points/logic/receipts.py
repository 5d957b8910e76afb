"""Sealed stretches of the book, and receipts that prove a transfer offline.

An epoch is a stretch of transfers in the order of their numbers. Its tree (RFC 6962) has a leaf for
each; its head chains it to the epoch before, and goes into the city's log as a signed record. A leaf
says what the transfer moved, the lot it granted with the day its points end, and of a hold how long
it holds. It names no account: it commits to each with a nonce of its own, so that a receipt shows
its holder's account and nobody else's. Standard library only: a verifier may carry it.
"""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from credit.kit.canonical import canonical
from credit.log.tree import leaf_hash, verify_inclusion

__all__ = [
    "Movement", "ReceiptError", "body_of", "head_of", "leaf_of", "nonce_of", "shown",
    "verify_receipt",
]  # fmt: skip

NONCE_OCTETS = 16


class ReceiptError(ValueError):
    """A receipt that proves nothing; the message says why."""


class Movement(NamedTuple):
    """A transfer as it is sealed; accounts by their codes.

    `granted`, `priority` and `valid_until` (None: always) are the lot's, where it granted one
    (`granted` is None where it did not); `beneficiary` and `until` the hold's, where it is one.
    """

    id: int
    kind: str
    debit: str
    credit: str
    amount: int
    about: int | None
    happened_on: date | None
    at: datetime
    granted: int | None
    priority: int | None
    valid_until: date | None
    beneficiary: str | None
    until: datetime | None

    @property
    def accounts(self) -> dict[str, str]:
        """The accounts it names, by what they are to it."""
        named = {"debit": self.debit, "credit": self.credit}
        return named if self.beneficiary is None else {**named, "beneficiary": self.beneficiary}


def nonce_of(secret: bytes, number: int, side: str) -> bytes:
    """Derive what hides one account of a transfer: nobody without the book's secret can guess it.

    Keyed BLAKE2 (RFC 7693): a book has millions of them, and an HMAC takes two and a half times as long.
    """
    named = f"{number} {side}".encode()
    return hashlib.blake2b(named, key=secret, digest_size=NONCE_OCTETS).digest()


def _commitment(nonce: bytes, account: str) -> str:
    return hashlib.sha256(nonce + account.encode()).hexdigest()


def shown(secret: bytes, movement: Movement) -> dict[str, Any]:
    """Return what of a transfer goes into its leaf: everything, but accounts as commitments."""
    sides = {
        side: _commitment(nonce_of(secret, movement.id, side), account)
        for side, account in movement.accounts.items()
    }
    lot = None
    if movement.granted is not None:
        lot = {
            "amount": movement.granted,
            "priority": movement.priority,
            "valid_until": movement.valid_until and movement.valid_until.isoformat(),
        }
    return {
        "about": movement.about,
        "amount": movement.amount,
        "at": movement.at.isoformat(),
        "beneficiary": None,
        "happened_on": movement.happened_on and movement.happened_on.isoformat(),
        "id": movement.id,
        "kind": movement.kind,
        "lot": lot,
        "until": movement.until and movement.until.isoformat(),
        **sides,
    }


def leaf_of(transfer: Mapping[str, Any]) -> bytes:
    """Hash a transfer as `shown` returns it."""
    return leaf_hash(canonical(dict(transfer)))


def head_of(previous: bytes | None, number: int, size: int, root: bytes) -> bytes:
    """Chain an epoch to the one before: SHA-256 over its number, size, root and the head before."""
    named = f"points-epoch/v1\n{number} {size}\n".encode()
    return hashlib.sha256(named + root + (previous or b"")).digest()


def verify_receipt(receipt: Mapping[str, Any], sealed: Mapping[str, Any]) -> None:
    """Check a receipt against the body of the record that sealed its epoch; raises ReceiptError.

    That the record is in the log is another proof, which goes along with the receipt.
    """
    try:
        transfer, index = receipt["transfer"], receipt["index"]
        for side, known in receipt["known"].items():
            if _commitment(bytes.fromhex(known["nonce"]), known["account"]) != transfer[side]:
                raise ReceiptError(f"the {side} account is not the one that was sealed")
        path = [bytes.fromhex(one) for one in receipt["path"]]
        root = bytes.fromhex(sealed["root"])
        verify_inclusion(leaf_of(transfer), index, sealed["size"], path, root)
        previous = sealed["previous"] and bytes.fromhex(sealed["previous"])
        head = head_of(previous or None, sealed["epoch"], sealed["size"], root)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ReceiptError(str(error)) from error
    if head.hex() != sealed["head"]:
        raise ReceiptError("the epoch's head does not follow from what it seals")


def body_of(
    number: int, upto: int, size: int, root: bytes, previous: bytes | None
) -> dict[str, Any]:
    """Return the body of the record that seals an epoch."""
    return {
        "epoch": number,
        "head": head_of(previous, number, size, root).hex(),
        "previous": previous and previous.hex(),
        "root": root.hex(),
        "size": size,
        "upto": upto,
    }
