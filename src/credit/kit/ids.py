"""Identifiers: UUIDv7 (RFC 9562), ordered by time, so that indexes grow at one end."""

import secrets
from datetime import datetime
from uuid import UUID

__all__ = ["new_id"]


def new_id(now: datetime) -> UUID:
    """Make a UUIDv7: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = int(now.timestamp() * 1000)
    value = (milliseconds & (2**48 - 1)) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76  # version 7
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant of RFC 9562
    return UUID(int=value)
