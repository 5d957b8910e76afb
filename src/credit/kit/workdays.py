"""Working days in China: terms counted over holidays and make-up days (调休), without a clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

import chinese_calendar

from credit.kit.errors import Conflict
from credit.kit.texts import say

__all__ = ["SPAN_DAYS_MAX", "TERM_DAYS_MAX", "Term", "WorkCalendar"]

TERM_DAYS_MAX = 1_000  # working days of one term; the longest in the field is well below 100
SPAN_DAYS_MAX = 3_660  # calendar days between two dates that are compared
_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Term:
    """The last day of a term, and the years it was counted over whose holidays are not known."""

    due: date
    unknown: tuple[int, ...] = ()

    def certain(self) -> date:
        """Return the last day where a party is told it: refuses one a holiday may still move."""
        if self.unknown:
            raise Conflict(
                say(
                    "%(year)s 年的放假和调休安排尚未载入，算不准期限。请先在“导入”中载入国务院办公厅公布的安排（放假调休）。",
                    year=self.unknown[0],
                ),
                slug="no-calendar",
            )
        return self.due


@lru_cache(maxsize=256)
def _published(year: int) -> bool:
    """Say whether the State Council's arrangement for a year is in the kept package."""
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


@lru_cache(maxsize=8_192)
def _worked(day: date) -> bool:
    """Say whether the kept package calls a day of a published year a working day."""
    return bool(chinese_calendar.is_workday(day))


@dataclass(frozen=True)
class WorkCalendar:
    """Which days are worked.

    `overrides` are days an officer has loaded (day → is it worked) from a published arrangement.
    They go before the kept package, and a year with any of them is taken as known; its days that
    are not listed are plain weekdays and weekends.
    """

    overrides: Mapping[date, bool] = field(default_factory=dict)

    def known(self, year: int) -> bool:
        """Say whether the year's holidays are known, from the package or an officer's table."""
        return _published(year) or any(day.year == year for day in self.overrides)

    def is_workday(self, day: date) -> bool:
        """Say whether a day is worked; an unknown year falls back to Monday to Friday."""
        if day in self.overrides:
            return self.overrides[day]
        if _published(day.year):
            return _worked(day)
        return day.weekday() < _SATURDAY

    def add_workdays(self, day: date, count: int) -> Term:
        """Return the `count`-th working day after `day`; the day of the act itself never counts.

        This is how terms begin under the Civil Code, article 201: with the following day. A count
        of 0 gives `day` itself. Raises ValueError for a count outside 0 to `TERM_DAYS_MAX`, or
        when a table of days without work leaves no end in sight.
        """
        if not 0 <= count <= TERM_DAYS_MAX:
            raise ValueError(f"a term has 0 to {TERM_DAYS_MAX} working days, not {count}")
        due, left = day, count
        while left:
            due += _DAY
            if (due - day).days > SPAN_DAYS_MAX:
                raise ValueError(f"fewer than {count} working days within {SPAN_DAYS_MAX} days")
            left -= self.is_workday(due)
        return Term(due, self._unknown(day, due))

    def workdays_between(self, start: date, end: date) -> int:
        """Count the working days after `start` up to and including `end`.

        It undoes `add_workdays`. Raises ValueError when `end` lies before `start` or further than
        `SPAN_DAYS_MAX` days from it.
        """
        days = (end - start).days
        if not 0 <= days <= SPAN_DAYS_MAX:
            raise ValueError(f"0 to {SPAN_DAYS_MAX} days can be counted, not {days}")
        return sum(self.is_workday(start + n * _DAY) for n in range(1, days + 1))

    def _unknown(self, start: date, due: date) -> tuple[int, ...]:
        """Name the years whose holidays are not known, of the days that were counted."""
        first = (start + _DAY).year if due > start else due.year + 1
        return tuple(year for year in range(first, due.year + 1) if not self.known(year))
