"""What a till's use cases work with: one city's database, clock, writer of the book, and the
merchants it knows already.
"""

from dataclasses import dataclass

from credit.kit.clock import Clock
from credit.kit.db import Database
from credit.kit.hearing import Heard
from credit.market.views import MerchantView
from credit.points.service.posting import Writer

__all__ = ["Shop"]


@dataclass(frozen=True, slots=True)
class Shop:
    """One city's market."""

    db: Database
    clock: Clock
    city: str
    writer: Writer
    merchants: Heard[MerchantView]
