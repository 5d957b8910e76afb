"""The clock, injected wherever time matters, in UTC and as the day in China."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Protocol

__all__ = ["CHINA", "Clock", "FixedClock", "SystemClock", "rfc3339"]

# China keeps one civil time, UTC+8 without daylight saving; terms and fact dates are Chinese days.
CHINA = timezone(timedelta(hours=8), "CST")


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...

    def today(self) -> date:
        """Return the present day in China."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the one reader of the machine's clock

    def today(self) -> date:
        """Return the present day in China."""
        return self.now().astimezone(CHINA).date()


class FixedClock:
    """A clock that stands at `now_value` until it is moved, for replays and tests."""

    def __init__(self, now_value: datetime) -> None:
        self.now_value = now_value

    def now(self) -> datetime:
        """Return the moment it was set to."""
        return self.now_value

    def today(self) -> date:
        """Return that moment's day in China."""
        return self.now_value.astimezone(CHINA).date()


def rfc3339(moment: datetime) -> str:
    """Write an aware moment as `2026-11-21T03:04:05.678Z`, to the millisecond (RFC 3339)."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"
