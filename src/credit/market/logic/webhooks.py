"""What merchants are told: CloudEvents 1.0 as JSON, signed as Standard Webhooks 1.0 has it.

An event keeps its id however often it is sent; each attempt has its own time and is signed anew:
HMAC-SHA256 over `id.timestamp.payload`. While a secret is being changed every message carries a
signature by the old and one by the new. Whoever receives one checks it with `verify` before
reading it. Standard library only: the merchants' client carries this module.
"""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from credit.kit.clock import rfc3339

__all__ = [
    "CONTENT_TYPE",
    "PAYLOAD_BYTES_MAX",
    "SECRETS_MAX",
    "SECRET_OCTETS",
    "TOLERANCE_SECONDS",
    "TYPES",
    "Event",
    "NotVerifiedError",
    "envelope",
    "make_secret",
    "read_event",
    "sign",
    "verify",
]

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
SPEC_VERSION = "1.0"
# The type of the event that a transfer of the book is, by the transfer's kind. What a `release`
# gives back is part of its capture.
TYPES: Mapping[str, str] = {
    "hold": "credit.redemption.authorized",
    "capture": "credit.redemption.captured",
    "void": "credit.redemption.voided",
    "lapse": "credit.redemption.expired",
    "refund": "credit.redemption.refunded",
    "settle": "credit.settlement.paid",
}
PAYLOAD_BYTES_MAX = 20 * 1024
TOLERANCE_SECONDS = 300
SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with
SECRET_OCTETS = 32
SECRET_OCTETS_MIN, SECRET_OCTETS_MAX = 24, 64
SECRETS_MAX = 5
SIGNATURES_MAX = 10
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
# Without a full stop no id can pass for another one with a time and a payload behind it.
_ID = re.compile(r"[0-9A-Za-z_-]{1,100}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


class NotVerifiedError(ValueError):
    """A message that nobody may act on; what is wrong with it is for the receiver's log."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event as a receiver sees it; of what has the same `id` and `source` all but one is to be
    ignored.
    """

    id: str
    source: str
    type: str
    subject: str | None
    time: datetime | None
    data: Any


def make_secret(octets: bytes) -> str:
    """Write a secret of 24 to 64 random octets as the two sides exchange it."""
    if not SECRET_OCTETS_MIN <= len(octets) <= SECRET_OCTETS_MAX:
        raise ValueError(f"a secret has {SECRET_OCTETS_MIN} to {SECRET_OCTETS_MAX} octets")
    return SECRET_PREFIX + base64.b64encode(octets).decode()


def _octets(secret: str) -> bytes:
    """Read a secret; raises ValueError for what is none."""
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"a secret begins with {SECRET_PREFIX}")
    try:
        octets = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("the secret is not base64") from error
    if not SECRET_OCTETS_MIN <= len(octets) <= SECRET_OCTETS_MAX:
        raise ValueError(f"a secret has {SECRET_OCTETS_MIN} to {SECRET_OCTETS_MAX} octets")
    return octets


def envelope(
    event_id: str,
    source: str,
    event_type: str,
    subject: str,
    time: datetime,
    data: Mapping[str, Any],
) -> bytes:
    """Write an event in CloudEvents' structured mode; `data` holds plain JSON values.

    The same event is the same bytes. Raises ValueError for an id that could not be signed, and for
    an event of more than `PAYLOAD_BYTES_MAX`.
    """
    if not _ID.fullmatch(event_id):
        raise ValueError(f"an event's id has letters, digits, - and _ only: {event_id[:40]!r}")
    event = {
        "specversion": SPEC_VERSION,
        "id": event_id,
        "source": source,
        "type": event_type,
        "subject": subject,
        "time": rfc3339(time),
        "datacontenttype": "application/json",
        "data": dict(data),
    }
    payload = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise ValueError(f"an event of {len(payload)} bytes is more than a merchant need take")
    return payload


def sign(message_id: str, payload: bytes, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """Return the headers of an attempt to send a message, signed with every secret given.

    Raises ValueError for a secret or an id that is none.
    """
    if not _ID.fullmatch(message_id):
        raise ValueError("a message's id has letters, digits, - and _ only")
    if not 1 <= len(secrets) <= SECRETS_MAX:
        raise ValueError(f"a message is signed with 1 to {SECRETS_MAX} secrets")
    timestamp = str(int(now.timestamp()))
    signatures = [_signature(_octets(one), message_id, timestamp, payload) for one in secrets]
    return {
        "content-type": CONTENT_TYPE,
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def _signature(key: bytes, message_id: str, timestamp: str, payload: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + payload
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def verify(
    headers: Mapping[str, str],
    payload: bytes,
    secrets: Sequence[str],
    now: datetime,
    tolerance_seconds: int = TOLERANCE_SECONDS,
) -> str:
    """Check that a message was signed with one of the secrets, lately; returns its id.

    `payload` is the body as it came, byte for byte. Raises NotVerifiedError, and ValueError where
    one of the receiver's own secrets is none.
    """
    keys = [_octets(one) for one in secrets[:SECRETS_MAX]]
    found = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp, signatures = (found.get(name, "") for name in HEADERS)
    if not _ID.fullmatch(message_id) or not _SECONDS.fullmatch(timestamp) or not signatures:
        raise NotVerifiedError(f"one of the headers {', '.join(HEADERS)} is missing or malformed")
    if abs(now.timestamp() - int(timestamp)) > tolerance_seconds:
        raise NotVerifiedError("the message was sent too long ago, or a clock is wrong")
    # One after the other and each to its end: how long it takes says nothing of what is right.
    expected = [_signature(key, message_id, timestamp, payload).encode() for key in keys]
    shown = [one.encode(errors="replace") for one in signatures.split(" ")[:SIGNATURES_MAX]]
    matches = [hmac.compare_digest(one, another) for one in shown for another in expected]
    if not any(matches):
        raise NotVerifiedError("no signature fits: another secret, or the body was changed")
    return message_id


def read_event(payload: bytes) -> Event:
    """Read an event that was verified; raises NotVerifiedError for what is none."""
    try:
        event = json.loads(payload)
        if event["specversion"] != SPEC_VERSION:
            raise NotVerifiedError(f"not an event of CloudEvents {SPEC_VERSION}")
        moment = event.get("time")
        return Event(
            str(event["id"]),
            str(event["source"]),
            str(event["type"]),
            event.get("subject"),
            None if moment is None else datetime.fromisoformat(moment),
            event.get("data"),
        )
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise NotVerifiedError("the body is no event") from error
