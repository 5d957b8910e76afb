"""Exact arithmetic: strict decimals in, named roundings out."""

import re
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal

__all__ = ["ROUNDINGS", "add_months", "day_of", "decimal_of", "round_to"]

ROUNDINGS = {
    "half-up": ROUND_HALF_UP,
    "half-even": ROUND_HALF_EVEN,
    "down": ROUND_DOWN,
    "up": ROUND_UP,
}
_PLAIN = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def decimal_of(value: object) -> Decimal | None:
    """Read a non-negative decimal written plainly, as text or int; None for anything else.

    `NaN`, exponents, signs, full-width digits, floats and booleans are not numbers here.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9:
        return Decimal(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return Decimal(value)
    return None


def round_to(value: Decimal, places: int, mode: str) -> Decimal:
    """Round to decimal places in a named way."""
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUNDINGS[mode])


def day_of(value: object) -> date | None:
    """Read a day written as `2026-06-30`; None for anything else, other ISO forms too."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def add_months(day: date, months: int) -> date:
    """Add calendar months; a day the month does not have becomes its last one."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last = (following - date(year, month + 1, 1)).days
    return date(year, month + 1, min(day.day, last))
