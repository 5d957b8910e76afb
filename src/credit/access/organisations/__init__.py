"""Organisations as other slices need them: who stands for a party, and which offices there are."""

from credit.access.organisations.service import (
    find_offices,
    offices,
    offices_in,
    refuse_shared_code,
    standing_for,
)

__all__ = ["find_offices", "offices", "offices_in", "refuse_shared_code", "standing_for"]
