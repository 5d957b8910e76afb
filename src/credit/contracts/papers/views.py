"""Signed prints as other parts see them."""

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Paper", "PaperSignature"]


@dataclass(frozen=True, slots=True)
class PaperSignature:
    """Whose certificate signed a print: an organisation, or a person where it names none.

    `signed_at` is what the signer's tool says, in its zone. `serial` is in hex digits; `trusted` says whether a recognised authority stands behind it.
    """

    name: str
    issuer: str
    serial: str
    signed_at: datetime | None
    trusted: bool


@dataclass(frozen=True, slots=True)
class Paper:
    """A print of a version: number 0 as it was made, each next one with one signature more.

    `party` is the code of whoever brought it; None for the print itself.
    """

    number: int
    digest: str
    party: str | None
    signature: PaperSignature | None
    added_at: datetime
