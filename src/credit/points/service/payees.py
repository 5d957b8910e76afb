"""Payees as other slices use them: what they were paid, and what happened for them, by number.

Transfers are numbered in the order in which they are committed, so that what stands between two
numbers is the same whenever it is asked for.
"""

from credit.points.payees.store import (
    concerned,
    end_before,
    end_of_book,
    end_of_stretch,
    happenings,
    paid_out,
    payments,
    unpaid_before,
)

__all__ = [
    "concerned",
    "end_before",
    "end_of_book",
    "end_of_stretch",
    "happenings",
    "paid_out",
    "payments",
    "unpaid_before",
]
