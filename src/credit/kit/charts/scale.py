"""From values to places: round ticks for numbers and dates, and labels that keep apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from credit.kit.charts.svg import WIDTH
from credit.kit.charts.text import brief, clean, exact, number, width
from credit.kit.texts import listed, say

__all__ = [
    "THRESHOLDS_MAX",
    "Scale",
    "Threshold",
    "apart",
    "date_ticks",
    "lanes",
    "nice_ticks",
    "read_thresholds",
    "said_thresholds",
    "spread",
]

THRESHOLDS_MAX = 8

Threshold = tuple[str, Decimal]

_STEP_MIN = Decimal("0.0001")
_MONTHS = (1, 3, 6, *(12 * k * 10**e for e in range(4) for k in (1, 2, 5)))


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps `low`..`high` onto `start`..`end` units of the viewBox; `low` is below `high`."""

    low: Decimal
    high: Decimal
    start: float
    end: float

    def __call__(self, value: Decimal) -> float:
        """Place a value from `low` to `high`."""
        share = float((value - self.low) / (self.high - self.low))
        return round(self.start + share * (self.end - self.start), 1)


def nice_ticks(low: Decimal, high: Decimal, about: int) -> list[Decimal]:
    """Choose some `about` ticks, a 1-2-5 step apart, from below `low` to above `high`."""
    raw = (high - low) / about
    unit = Decimal(1).scaleb(raw.adjusted()) if raw else Decimal(1)
    step = max(_STEP_MIN, next(unit * k for k in (1, 2, 5, 10) if raw <= unit * k))
    first = (low / step).to_integral_value(ROUND_FLOOR)
    last = max((high / step).to_integral_value(ROUND_CEILING), first + 1)
    return [step * (first + k) for k in range(int(last - first) + 1)]


def date_ticks(low: date, high: date) -> list[tuple[date, str]]:
    """Choose a few first days of months or years; the two ends where there are fewer than 2.

    Returns each day with the text to show.
    """
    days: list[date] = []
    for months in _MONTHS:
        most = 6 if months >= 12 else 4  # 2024 is shorter than 2024-07
        days = list(_first_days(low, high, months, most + 1))
        if len(days) <= most:
            break
    if len(days) < 2:
        return [(day, day.isoformat()) for day in sorted({low, high})]
    shown = 4 if months >= 12 else 7
    return [(day, day.isoformat()[:shown]) for day in days]


def _first_days(low: date, high: date, months: int, most: int) -> Iterator[date]:
    month = low.year * 12 + low.month - 1 + (low.day > 1)
    month += -month % months
    for _ in range(most):
        year, index = divmod(month, 12)
        if year > date.max.year or date(year, index + 1, 1) > high:
            return
        yield date(year, index + 1, 1)
        month += months


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move ascending places so that they lie `gap` apart between `low` and `high`."""
    placed: list[float] = []
    for place in wanted:
        placed.append(max(place, placed[-1] + gap if placed else low))
    limit = high
    for index in reversed(range(len(placed))):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - gap
    return placed


def _middle(x: float, text: str) -> float:
    half = min(width(text), WIDTH) / 2
    return min(max(x, half), WIDTH - half)


def apart(labels: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Keep, from left to right, the centred texts that do not touch the one before."""
    kept: list[tuple[float, str]] = []
    free = 0.0
    for x, text in labels:
        place = _middle(x, text)
        if place - width(text) / 2 >= free:
            kept.append((place, text))
            free = place + width(text) / 2 + 6
    return kept


def lanes(labels: Sequence[tuple[float, str]]) -> list[tuple[float, int]]:
    """Give centred texts, ascending by place, their middle and a lane from 0 so that none touch."""
    free: list[float] = []
    placed: list[tuple[float, int]] = []
    for x, text in labels:
        place = _middle(x, text)
        begin, end = place - width(text) / 2, place + width(text) / 2 + 6
        lane = next((k for k, taken in enumerate(free) if taken <= begin), len(free))
        free[lane : lane + 1] = [end]
        placed.append((place, lane))
    return placed


def said_thresholds(thresholds: Sequence[Threshold]) -> str:
    """Say which lines a picture has, and at which values."""
    lines = (
        say("%(name)s（%(value)s）", name=brief(name), value=number(value))
        for name, value in thresholds
    )
    return say("参考线：%(lines)s", lines=listed(lines))


def read_thresholds(thresholds: Sequence[Threshold]) -> list[Threshold]:
    """Clean and sort thresholds; ValueError above `THRESHOLDS_MAX`."""
    if len(thresholds) > THRESHOLDS_MAX:
        raise ValueError("too many thresholds for one picture")
    return sorted(((clean(t), exact(v)) for t, v in thresholds), key=lambda one: one[1])
