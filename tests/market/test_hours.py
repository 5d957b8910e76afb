"""Opening hours: one form for the same hours, open exactly when they say, words people use."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit.kit.clock import CHINA
from credit.kit.errors import Conflict, Invalid
from credit.market.logic.hours import (
    DAY_CHARS_MAX,
    INTERVALS_MAX,
    is_open,
    normalised,
    read_day,
    words,
    written_day,
)

MONDAY = datetime(2026, 6, 29, tzinfo=CHINA)
SHOP = [("09:00", "21:00")]
WEEK_MINUTES = 7 * 24 * 60


def week(*days):
    """A week of these days, as JSON would give it; the last one as often as it takes."""
    days = [*days, *[days[-1]] * (7 - len(days))]
    return [[list(one) for one in day] for day in days]


def clock(minute):
    return f"{minute // 60:02}:{minute % 60:02}"


def minutes_open(hours):
    """The minutes of a week at which a place is open, asked one after the other."""
    return {m for m in range(0, WEEK_MINUTES, 15) if is_open(hours, MONDAY + timedelta(minutes=m))}


@st.composite
def weeks(draw):
    """Hours in quarters of an hour, written in one of the ways in which they may be."""
    marks = sorted(draw(st.sets(st.integers(0, WEEK_MINUTES // 15 - 1), min_size=2, max_size=16)))
    marks = marks[: len(marks) // 2 * 2]
    if draw(st.booleans()):  # what was closed is open, over the end of the week, too
        marks = [*marks[1:], marks[0] + WEEK_MINUTES // 15]
    days, open_at = [[] for _ in range(7)], set()
    for begin, end in zip(marks[::2], marks[1::2], strict=True):
        open_at.update(quarter * 15 % WEEK_MINUTES for quarter in range(begin, end))
        start = begin
        while start < end:  # cut at midnight, or as late as may be
            midnight = start // 96 * 96 + 96
            stop = draw(st.sampled_from([min(end, midnight), min(end, start + 95)]))
            zero = draw(st.sampled_from(["00:00", "24:00"])) if start % 96 else "24:00"
            until = clock(stop % 96 * 15) if stop % 96 else zero
            days[start // 96 % 7].append([clock(start % 96 * 15), until])
            start = stop
    return days, open_at


@settings(max_examples=40)
@given(weeks())
def test_whatever_form_hours_come_in_they_are_kept_in_one_and_mean_the_same(drawn):
    given_, open_at = drawn
    kept = normalised(given_)
    assert minutes_open(kept) == open_at == minutes_open(given_)
    assert normalised(kept) == kept
    assert normalised([list(reversed(day)) for day in given_]) == kept
    assert [tuple(read_day(written_day(day))) for day in kept] == list(kept)
    assert words(kept)


@given(weeks(), st.data())
def test_what_is_open_at_the_same_time_is_kept_as_the_same(drawn, data):
    given_, _ = drawn
    split = [[] for _ in range(7)]
    for number, day in enumerate(given_):
        for begin, end in day:
            first, last = (int(t[:2]) * 60 + int(t[3:]) for t in (begin, end))
            last += 1440 if last < first else 0
            cut = data.draw(st.integers(first, last - 1))
            for one, other in ((first, cut), (cut, last)):
                if one < other:
                    place = (number + one // 1440) % 7
                    until = clock(other % 1440) if other % 1440 else "24:00"
                    split[place].append([clock(one % 1440), until])
    if all(len(day) <= INTERVALS_MAX for day in split):
        assert normalised(split) == normalised(given_)


def test_a_night_belongs_to_the_day_on_which_it_begins():
    bar = normalised(week([], [], [], [], [("22:00", "02:00")], [("22:00", "24:00")], []))
    assert bar[4] == (("22:00", "02:00"),)
    assert bar[5] == (("22:00", "24:00"),)
    friday = MONDAY + timedelta(days=4)
    opened = {
        hour: is_open(bar, friday + timedelta(hours=hour)) for hour in (21, 22, 25, 26, 46, 48)
    }
    assert opened == {21: False, 22: True, 25: True, 26: False, 46: True, 48: False}


def test_a_night_written_as_two_days_is_one_over_the_end_of_the_week_too():
    two = week([("00:00", "02:00"), ("09:00", "12:00")], [], [], [], [], [], [("20:00", "24:00")])
    assert normalised(two) == (
        (("09:00", "12:00"),), (), (), (), (), (), (("20:00", "02:00"),),
    )  # fmt: skip
    assert is_open(normalised(two), MONDAY + timedelta(hours=1))


def test_hours_are_those_of_china_whatever_zone_the_moment_is_in():
    shop = normalised(week(SHOP))
    assert is_open(shop, datetime(2026, 6, 30, 1, 0, tzinfo=UTC))  # 09:00 in China
    assert not is_open(shop, datetime(2026, 6, 30, 0, 59, 59, tzinfo=UTC))
    assert not is_open(shop, datetime(2026, 6, 30, 13, 0, tzinfo=UTC))  # 21:00 is the end


@pytest.mark.parametrize(
    ("hours", "fields"),
    [
        (week(SHOP)[:6], []),
        ([*week(SHOP), SHOP], []),
        (week([]), []),
        (week([("09:00", "09:00")], SHOP), ["hours[0]"]),
        (week([("24:00", "02:00")], SHOP), ["hours[0]"]),
        (week([("9:00", "21:00")], SHOP), ["hours[0]"]),
        (week([("09:00", "24:01")], SHOP), ["hours[0]"]),
        (week([("09:00", "21:00\n")], SHOP), ["hours[0]"]),
        (week([("０９:00", "21:00")], SHOP), ["hours[0]"]),
        (week([("09:00", "12:00", "13:00")], SHOP), ["hours[0]"]),
        (week([("09:00",)], []), ["hours[0]"]),
        (week([("09:00", "12:00"), ("11:59", "13:00")], SHOP), ["hours[0]"]),
        (week([("22:00", "10:00")], SHOP, []), ["hours[1]"]),
        (week([("01:00", "05:00")], [], [], [], [], [], [("20:00", "02:00")]), ["hours[0]"]),
        (week([("00:00", "24:00"), ("10:00", "11:00")], []), ["hours[0]"]),
        (week([(f"{h:02}:00", f"{h:02}:30") for h in range(INTERVALS_MAX + 1)], []), ["hours[0]"]),
        (week([("x", "y")], [("y", "x")], SHOP), ["hours[0]", "hours[1]"]),
    ],
)
def test_what_is_no_week_is_refused_and_every_day_that_is_wrong_is_named(hours, fields):
    with pytest.raises(Conflict) as refused:
        normalised(hours)
    assert refused.value.slug == "bad-hours"
    assert [one.field for one in refused.value.errors] == fields
    assert not fields or refused.value.errors[0].message in refused.value.detail


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ([SHOP], "每天 09:00–21:00"),
        ([[("00:00", "24:00")]], "每天 24 小时"),
        ([SHOP, SHOP, SHOP, SHOP, SHOP, []], "周一至周五 09:00–21:00；周六、周日休息"),
        (
            [SHOP, SHOP, SHOP, [], SHOP, [("10:00", "12:00"), ("14:00", "18:00")]],
            "周一至周三、周五 09:00–21:00；周四休息；周六、周日 10:00–12:00、14:00–18:00",
        ),
        ([[], [], [], [], [("00:00", "24:00")], [("22:00", "02:00")], []],
            "周一至周四、周日休息；周五 全天；周六 22:00–次日 02:00"),
    ],
)  # fmt: skip
def test_hours_are_said_as_people_say_them(days, said):
    assert words(normalised(week(*days))) == said
    assert words(week(*days)) == said


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("", []),
        ("休息", []),
        ("9:00-21:00", SHOP),
        (" 09：00－12：00，14:00～18:00 ", [("09:00", "12:00"), ("14:00", "18:00")]),
        ("22:00至次日02:00", [("22:00", "02:00")]),
        ("09:00 - 12:00;13:00到14:00", [("09:00", "12:00"), ("13:00", "14:00")]),
    ],
)
def test_hours_are_read_as_people_type_them(typed, read):
    assert read_day(typed) == read


@pytest.mark.parametrize(
    "typed", ["9-21", "09:00", "全天", "09:00-12:00 x", "9:00-12:0", "09:00-" * 30, " " * 121]
)
def test_what_is_no_list_of_times_is_not_guessed(typed):
    with pytest.raises(Invalid):
        read_day(typed)


@given(st.text(max_size=DAY_CHARS_MAX + 5))
def test_anything_typed_is_read_or_refused(typed):
    try:
        read = read_day(typed)
    except Invalid:
        return
    assert all(len(begin) == len(end) == 5 for begin, end in read)
