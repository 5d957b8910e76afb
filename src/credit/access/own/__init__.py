"""What is kept about somebody, for themselves to see and to take away."""

from credit.access.own.service import TRAIL_COUNTED_MAX, own_data, own_document

__all__ = ["TRAIL_COUNTED_MAX", "own_data", "own_document"]
