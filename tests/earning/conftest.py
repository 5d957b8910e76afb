"""A bank that is open, and what asks its interface and holds each answer against the document."""

from tests.api.conftest import client
from tests.bank import bank

__all__ = ["bank", "client"]
