"""Events: what a merchant is told of a transfer that concerns it; never who the customer is."""

from typing import Any

from credit.kit.clock import rfc3339
from credit.market.logic.redemptions import redemption_of
from credit.market.logic.webhooks import TYPES, envelope
from credit.points.views import Happening, Hold

__all__ = ["event_of", "source_of"]


def source_of(public_url: str, city: str) -> str:
    """Name where a city's events come from: its interface, where a merchant can look them up."""
    return f"{public_url.rstrip('/')}/api/v1/{city}"


def event_of(source: str, city: str, happened: Happening) -> tuple[str, bytes]:
    """Return the id and the body of the event that a transfer is; the same whenever it is sent.

    Of a redemption the data are what the interface answers, as it stood after the transfer.
    """
    number = f"{city}-{happened.transfer}"
    if happened.hold is None:
        subject = f"settlements/{happened.reason}"
        data: dict[str, Any] = {
            "id": happened.reason,
            "status": "paid",
            "points": happened.amount,
        }
    else:
        subject = f"redemptions/{happened.hold.hold}"
        data = _redemption(happened, happened.hold)
    data["transfer"] = str(happened.transfer)
    return number, envelope(number, source, TYPES[happened.kind], subject, happened.at, data)


def _redemption(happened: Happening, hold: Hold) -> dict[str, Any]:
    stands = redemption_of(
        amount=hold.amount, captured=hold.captured, returned=hold.returned, refunded=hold.refunded,
        until=hold.until, lapsed=hold.lapsed, now=happened.at,
    )  # fmt: skip
    return {
        "id": str(hold.hold),
        "status": stands.status,
        "amount": hold.amount,
        "captured": hold.captured,
        "refunded": hold.refunded,
        "offer": str(hold.about) if hold.about else None,
        "reference": hold.reason,
        "made_at": rfc3339(hold.made_at),
        "expires_at": rfc3339(hold.until),
        "acts": list(stands.acts),
    }
