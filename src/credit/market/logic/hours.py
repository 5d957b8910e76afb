"""Opening hours: a week of intervals in China's time, of which there is one written form each.

An interval runs from one minute to another, `("09:00", "21:00")`. One that goes past midnight
belongs to the day on which it begins: Friday's `("22:00", "02:00")` ends on Saturday. A whole day
is `("00:00", "24:00")`. However the same hours are entered, they are kept in the same form:
intervals that touch are one, unless it were a day or longer, which is cut at midnight.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from credit.kit.clock import CHINA
from credit.kit.errors import Conflict, FieldError, Invalid
from credit.kit.texts import SEMICOLON, listed, marked, say

__all__ = [
    "DAY_CHARS_MAX",
    "DAY_NAMES",
    "INTERVALS_MAX",
    "Day",
    "Hours",
    "Week",
    "is_open",
    "normalised",
    "read_day",
    "today_words",
    "words",
    "written_day",
]

Day = tuple[tuple[str, str], ...]
Week = tuple[Day, ...]  # seven, Monday first
Hours = Sequence[Sequence[Sequence[str]]]  # a week as JSON gives it back

DAYS = 7
DAY_MINUTES = 24 * 60
WEEK_MINUTES = DAYS * DAY_MINUTES
INTERVALS_MAX = 6  # of a day
DAY_CHARS_MAX = 120  # of what is typed for a day
DAY_NAMES = (
    marked("周一"), marked("周二"), marked("周三"), marked("周四"), marked("周五"), marked("周六"),
    marked("周日"),
)  # fmt: skip
WHOLE_DAY: Day = (("00:00", "24:00"),)
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00", re.ASCII)
_TYPED = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*[-–—~至到]\s*(?:次日)?\s*([0-9]{1,2}):([0-9]{2})")


def normalised(week: Hours) -> Week:
    """Return the one form of a week's hours, Monday first.

    Raises Conflict with every fault, each named by its day: `hours[0]` is Monday. Refused are other
    than seven days, more than `INTERVALS_MAX` intervals a day, what is no time, intervals of no
    length, any two that overlap, and a week that is never open.
    """
    if len(week) != DAYS:
        raise Conflict(say("营业时间要填七天，从周一到周日；休息的日子留空。"), slug="bad-hours")
    faults: list[FieldError] = []
    spans: list[tuple[int, int]] = []
    for number, day in enumerate(week):
        try:
            spans += _spans(number, day)
        except ValueError as fault:
            faults.append(FieldError(f"hours[{number}]", fault.args[0]))
    spans.sort()
    faults += _overlaps(spans)
    if faults:
        raise Conflict(
            say("营业时间有误：%(first)s", first=faults[0].message),
            slug="bad-hours",
            errors=tuple(faults),
        )
    if not spans:
        raise Conflict(say("营业时间全是空的。请至少填一天。"), slug="bad-hours")
    return _cut(_joined(spans))


def _spans(number: int, day: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Return a day's intervals in minutes of the week; the last may reach into the next week."""
    name = DAY_NAMES[number]
    if len(day) > INTERVALS_MAX:
        raise ValueError(say("%(day)s最多填 %(most)s 段营业时间。", day=name, most=INTERVALS_MAX))
    found = []
    for interval in day:
        if len(interval) != 2 or not all(_TIME.fullmatch(one) for one in interval):
            raise ValueError(say("%(day)s有一段读不出来：请写成 09:00 到 21:00。", day=name))
        begin, end = map(_minutes, interval)
        if begin in (DAY_MINUTES, end):
            raise ValueError(
                say("%(day)s有一段没有长度：全天营业请写成 00:00 到 24:00。", day=name)
            )
        start = number * DAY_MINUTES
        found.append((start + begin, start + end + (DAY_MINUTES if end < begin else 0)))
    return found


def _minutes(time: str) -> int:
    return int(time[:2]) * 60 + int(time[3:])


def _overlaps(spans: Sequence[tuple[int, int]]) -> Iterable[FieldError]:
    """Say which intervals begin before an earlier one ends; `spans` in their order."""
    if not spans:
        return
    reached = spans[0][1]
    for begin, end in [*spans[1:], (spans[0][0] + WEEK_MINUTES, spans[0][1] + WEEK_MINUTES)]:
        if begin < reached:
            number = begin // DAY_MINUTES % DAYS
            yield FieldError(
                f"hours[{number}]",
                say("%(day)s的时间与前一段重叠，请改成不重叠的。", day=DAY_NAMES[number]),
            )
        reached = max(reached, end)


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Make one of those that touch, over the end of the week, too; `spans` in their order."""
    runs = [spans[0]]
    for begin, end in spans[1:]:
        if begin == runs[-1][1]:
            runs[-1] = runs[-1][0], end
        else:
            runs.append((begin, end))
    if len(runs) > 1 and runs[-1][1] - WEEK_MINUTES == runs[0][0]:
        runs[-1] = runs[-1][0], runs.pop(0)[1] + WEEK_MINUTES
    return runs


def _cut(runs: Iterable[tuple[int, int]]) -> Week:
    week: list[list[tuple[str, str]]] = [[] for _ in range(DAYS)]
    for begin, end in runs:
        if end - begin == WEEK_MINUTES:
            return (WHOLE_DAY,) * DAYS
        start = begin
        while start < end:
            midnight = start - start % DAY_MINUTES + DAY_MINUTES
            stop = end if end - begin < DAY_MINUTES else min(end, midnight)
            until = "24:00" if stop % DAY_MINUTES == 0 else _time(stop)
            week[start // DAY_MINUTES % DAYS].append((_time(start), until))
            start = stop
    return tuple(tuple(sorted(day)) for day in week)


def _time(minute: int) -> str:
    minute %= DAY_MINUTES
    return f"{minute // 60:02}:{minute % 60:02}"


def is_open(week: Hours, moment: datetime) -> bool:
    """Say whether a place with these hours, as they are kept, is open at an aware moment."""
    local = moment.astimezone(CHINA)
    now = local.weekday() * DAY_MINUTES + local.hour * 60 + local.minute
    kept = tuple(tuple((begin, end) for begin, end in day) for day in week)
    return any(
        begin <= now < end or begin <= now + WEEK_MINUTES < end for begin, end in _read(kept)
    )


@lru_cache(maxsize=10_000)
def _read(week: Week) -> tuple[tuple[int, int], ...]:
    """Return a week in minutes: a till asks for the same one all day."""
    return tuple(span for number, day in enumerate(week) for span in _spans(number, day))


def words(week: Hours) -> str:
    """Say a week's hours, as they are kept, to people: 周一至周五 09:00–21:00；周六、周日休息."""
    alike: dict[Day, list[int]] = {}
    for number, intervals in enumerate(week):
        day = tuple((begin, end) for begin, end in intervals)
        alike.setdefault(day, []).append(number)
    if list(alike) == [WHOLE_DAY]:
        return marked("每天 24 小时")
    if len(alike) == 1:
        return say("每天 %(times)s", times=_times(*alike))
    return listed(
        (
            say("%(days)s %(times)s", days=_days(numbers), times=_times(day))
            if day
            else say("%(days)s休息", days=_days(numbers))
            for day, numbers in alike.items()
        ),
        SEMICOLON,
    )


def _days(numbers: Sequence[int]) -> str:
    """Name days, three and more in a row by the first and the last of them."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    named: list[str] = []
    for run in runs:
        if len(run) > 2:
            first, last = DAY_NAMES[run[0]], DAY_NAMES[run[-1]]
            named.append(say("%(first)s至%(last)s", first=first, last=last))
        else:
            named += [DAY_NAMES[number] for number in run]
    return listed(named)


def _times(day: Day) -> str:
    return listed(
        marked("全天")
        if (begin, end) == WHOLE_DAY[0]
        else say("%(begin)s–次日 %(end)s", begin=begin, end=end)
        if end < begin
        else f"{begin}–{end}"
        for begin, end in day
    )


def read_day(text: str) -> list[tuple[str, str]]:
    """Read what somebody typed for a day: `9:00-12:00 14:00-21:00`, or nothing.

    Raises Invalid for what is no list of intervals; what they mean is `normalised`'s to check.
    """
    typed = unicodedata.normalize("NFKC", text[: DAY_CHARS_MAX + 1]).strip()
    rest = _TYPED.sub("", typed)
    if len(text) > DAY_CHARS_MAX or rest.strip(" ,;、") not in ("", "休息"):
        raise Invalid(
            say("营业时间读不出来：请写成 09:00-12:00 14:00-21:00，休息的日子留空。"),
            slug="bad-hours",
        )
    return [(f"{a:0>2}:{b}", f"{c:0>2}:{d}") for a, b, c, d in _TYPED.findall(typed)]


def written_day(day: Sequence[Sequence[str]]) -> str:
    """Write a day as `read_day` reads it, to fill a form."""
    return " ".join(f"{begin}-{end}" for begin, end in day)


def today_words(week: Hours, moment: datetime) -> tuple[str, bool]:
    """Say the hours of an aware moment's day, and whether it is open just then."""
    day = week[moment.astimezone(CHINA).weekday()]
    if not day:
        return marked("今天休息"), is_open(week, moment)
    times = _times(tuple((begin, end) for begin, end in day))
    return say("今天 %(times)s", times=times), is_open(week, moment)
