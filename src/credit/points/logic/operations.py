"""The operations of the book, each with what it needs, and the keys they are kept under."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from credit.points.views import Operation

__all__ = [
    "Key",
    "Lot",
    "capture",
    "hold",
    "key_of",
    "keys_of",
    "refund",
    "refusal",
    "reverse",
    "transfer",
    "void",
]

KEY_OCTETS = 16
# By these the book's check knows what happened to a hold or a lot.
KINDS_OF_THE_BOOK = frozenset(
    {"hold", "capture", "void", "lapse", "release", "refund", "reverse", "expire"}
)


class Key(NamedTuple):
    """Under which an operation is kept, and the digest of what was asked under it."""

    key: bytes
    hash: bytes


class Lot(NamedTuple):
    """What becomes of points on an account of lots: good through a day (None: always), and drawn
    before those of a greater priority.
    """

    valid_until: date | None = None
    priority: int = 0


FOR_EVER = Lot()


def key_of(client: str, purpose: str, key: str, request: bytes) -> Key:
    """Derive the key of a client's operation: the same for the same client, purpose and key."""
    (made,) = keys_of(client, purpose, (key,), request)
    return made


def keys_of(client: str, purpose: str, keys: Iterable[str], request: bytes) -> list[Key]:
    """Derive the keys of all operations that one request asks for."""
    asked = _digest(request)
    return [Key(_digest(f"{client}\0{purpose}\0{key}".encode()), asked) for key in keys]


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:KEY_OCTETS]


def _whole(amount: int | None) -> int | None:
    """Refuse what the database would round: points are whole."""
    if amount is not None and type(amount) is not int:
        raise TypeError(f"an amount of points is a whole number, not {amount!r}")
    return amount


def transfer(
    key: Key,
    kind: str,
    debit: int,
    credit: int,
    amount: int,
    *,
    lot: Lot = FOR_EVER,
    happened_on: date | None = None,
    reason: str | None = None,
) -> Operation:
    """Move points at once; `happened_on` is the day of what is booked, where that is another.

    `kind` says in the caller's own word what it is for: none of the book's own (ValueError).
    """
    if kind in KINDS_OF_THE_BOOK:
        raise ValueError(f"a transfer is not a {kind}")
    return Operation(
        "transfer", *key, kind, debit, credit, _whole(amount), valid_until=lot.valid_until,
        priority=lot.priority, happened_on=happened_on, reason=reason,
    )  # fmt: skip


def hold(
    key: Key,
    source: int | bytes,
    holder: int,
    beneficiary: int,
    amount: int,
    until: datetime,
    *,
    about: int | None = None,
    reason: str | None = None,
) -> Operation:
    """Set points aside for `beneficiary` on the account `holder`: of the account `source`, or of
    whose the one-time token is. `about` is what they are spent on, by the caller's number of it.
    """
    debit, token = (None, source) if isinstance(source, bytes) else (source, None)
    return Operation(
        "hold", *key, "hold", debit, holder, _whole(amount), about, beneficiary, until, reason=reason,
        token=token,
    )  # fmt: skip


def capture(
    key: Key,
    hold_id: int,
    amount: int | None = None,
    *,
    lot: Lot = FOR_EVER,
    beneficiary: int | None = None,
    happened_on: date | None = None,
) -> Operation:
    """Give a hold's points, or part of them, to whom they are for; the rest goes back.

    With `beneficiary` the hold has to be for that account, here and below; else there is none.
    `happened_on` is as of a transfer.
    """
    return Operation(
        "capture", *key, "capture", amount=_whole(amount), about=hold_id, beneficiary=beneficiary,
        valid_until=lot.valid_until, priority=lot.priority, happened_on=happened_on,
    )  # fmt: skip


def void(
    key: Key,
    hold_id: int,
    kind: Literal["void", "lapse"] = "void",
    *,
    beneficiary: int | None = None,
    debit: int | None = None,
) -> Operation:
    """Give a hold's points back; `kind` says whether somebody wanted that or its time was over.

    With `debit` the hold has to be of that account.
    """
    return Operation("void", *key, kind, debit=debit, about=hold_id, beneficiary=beneficiary)


def refund(
    key: Key, hold_id: int, amount: int | None = None, *, beneficiary: int | None = None
) -> Operation:
    """Give captured points back, or part of them."""
    return Operation(
        "refund", *key, "refund", amount=_whole(amount), about=hold_id, beneficiary=beneficiary
    )


def reverse(
    key: Key, lot: int, credit: int, amount: int | None = None, *, reason: str | None = None
) -> Operation:
    """Take back what is left of a wrongly granted lot, or part of that; never anything else. Without
    `amount` nobody spends anything of the lot from then on, also of what comes back to it.
    """
    return Operation(
        "reverse", *key, "reverse", credit=credit, amount=_whole(amount), about=lot, reason=reason
    )


def refusal(key: Key, outcome: str, details: Mapping[str, Any] | None = None) -> Operation:
    """Keep under a key what was refused before the book was asked, so that it stays the answer.

    What the book answered under the key before is the answer still, even that it was posted.
    """
    return Operation("refuse", *key, outcome, reason=json.dumps(details) if details else None)
