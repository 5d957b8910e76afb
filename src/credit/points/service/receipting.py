"""Receipts as they are handed out: with everything that checks them offline."""

from typing import Any
from uuid import UUID

from msgspec import Struct

from credit.kit.db import Connection
from credit.kit.signing import b64
from credit.log.evidence import Proved, evidence_of
from credit.points.service.sealing import receipt_of

__all__ = ["RECEIPT_TYPE", "Bundle", "bundle_of"]

RECEIPT_TYPE = "application/vnd.credit.receipt+json"


class KnownAccount(Struct, frozen=True):
    """An account of the transfer by its code, with what opens the commitment to it."""

    account: str
    nonce: str


class Receipt(Struct, frozen=True):
    """A transfer as it was sealed, and the hashes that lead from it to the root of its epoch;
    `known` are those of its accounts that are shown, by what they are to it.
    """

    epoch: int
    index: int
    known: dict[str, KnownAccount]
    path: list[str]
    record: str
    transfer: dict[str, Any]
    v: int


class Proof(Struct, frozen=True):
    """An entry of the log, and the hashes (base64) that lead from it to the checkpoint's root."""

    entry: str
    hashes: list[str]
    index: int


class Bundle(Struct, frozen=True):
    """A receipt with what proves it by the log's public key alone: the entry that seals its epoch,
    the one that announces the key which signed that, the one that revokes the key if there is one,
    and a signed checkpoint whose tree has them all.
    """

    checkpoint: str
    key: Proof
    receipt: Receipt
    record: Proof
    revocation: Proof | None
    v: int = 1


async def bundle_of(
    conn: Connection, secret: bytes, transfer: int, accounts: frozenset[str]
) -> Bundle:
    """Return the receipt of a sealed transfer, which shows those of its accounts that are named,
    with what proves it offline (`points.logic.bundles`).

    Raises NotFound until the transfer is sealed, and its seal covered by a checkpoint.
    """
    receipt = await receipt_of(conn, secret, transfer, accounts)
    found = await evidence_of(conn, UUID(receipt["record"]))
    known = {side: KnownAccount(**one) for side, one in receipt["known"].items()}
    return Bundle(
        found.checkpoint,
        _proof(found.key),
        Receipt(**receipt | {"known": known}),
        _proof(found.record),
        _proof(found.revocation) if found.revocation else None,
    )


def _proof(one: Proved) -> Proof:
    return Proof(b64(one.entry), [b64(step) for step in one.hashes], one.index)
