"""Webhooks as pages, machines and the sender see them."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

__all__ = ["Delivery", "Disabled", "Due", "WebhookRow"]


class WebhookRow(NamedTuple):
    """A webhook; `secret` and `previous_secret` are sealed, `account` is its merchant's."""

    id: UUID
    merchant: str
    account: int
    url: str
    secret: bytes
    previous_secret: bytes | None
    previous_until: datetime | None
    cursor: int
    failures: int
    retry_at: datetime | None
    disabled_at: datetime | None
    made_at: datetime


class Due(NamedTuple):
    """A webhook that may be told something now, what it was told last, and for which account."""

    id: UUID
    cursor: int
    account: int


class Delivery(NamedTuple):
    """An attempt to tell a merchant: of which transfer (0: a test), the answer's status or why
    there was none, and how long it took.
    """

    id: int
    webhook: UUID
    transfer: int
    at: datetime
    status: int | None
    fault: str | None
    millis: int


class Disabled(NamedTuple):
    """A webhook that nothing is sent to any more, for the operator to ask its merchant about."""

    merchant: str
    name: str
    url: str
    disabled_at: datetime
