"""Identifiers: UUIDv7 (RFC 9562), ordered by time, so that indexes grow at one end."""

import secrets
from datetime import datetime
from uuid import UUID

__all__ = ["LAST_ID", "new_id"]

# After every id there is: where a list that begins with the newest starts.
LAST_ID = UUID(int=2**128 - 1)


def new_id(now: datetime) -> UUID:
    """Make a UUIDv7: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = int(now.timestamp() * 1000)
    value = (milliseconds & (2**48 - 1)) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76  # version 7
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant of RFC 9562
    return UUID(int=value)
