"""A bank that is open: see `tests.bank`."""

from tests.bank import bank

__all__ = ["bank"]
