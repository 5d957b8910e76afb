"""What the market's use cases work with: one city's database, clock and writer of the book."""

from dataclasses import dataclass

from credit.kit.clock import Clock
from credit.kit.db import Database
from credit.points.service.posting import Writer

__all__ = ["Shop"]


@dataclass(frozen=True, slots=True)
class Shop:
    """One city's market."""

    db: Database
    clock: Clock
    city: str
    writer: Writer
