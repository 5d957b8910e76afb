"""Events: what a merchant is told of a transfer that concerns it; never who the customer is."""

from typing import Any

from credit.kit.clock import rfc3339
from credit.market.logic.webhooks import TYPES, envelope
from credit.points.views import Happening

__all__ = ["event_of", "source_of"]


def source_of(city: str) -> str:
    """Name where a city's events come from."""
    return f"/{city}/market"


def event_of(city: str, merchant: str, happened: Happening) -> tuple[str, bytes]:
    """Return the id and the body of the event that a transfer is; the same whenever it is sent.

    `amount` is in points: of a hold what is set aside, else what this very transfer moved.
    """
    data: dict[str, Any] = {
        "merchant": merchant,
        "transfer": str(happened.transfer),
        "amount": happened.amount,
    }
    if happened.hold is None:
        subject = f"settlements/{happened.reference}"
        data["settlement"] = happened.reference
    else:
        subject = f"redemptions/{happened.hold}"
        data["redemption"] = str(happened.hold)
        data["reference"] = happened.reference
        data["offer"] = None if happened.about is None else str(happened.about)
    if happened.kind == "hold" and happened.until is not None:
        data["expires_at"] = rfc3339(happened.until)
    number = f"{city}-{happened.transfer}"
    body = envelope(number, source_of(city), TYPES[happened.kind], subject, happened.at, data)
    return number, body
