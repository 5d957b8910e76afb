"""Working days: the State Council's arrangements of 2024 to 2026, and a year not yet published."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.kit.errors import Conflict
from credit.kit.workdays import TERM_DAYS_MAX, Term, WorkCalendar

CHINA = WorkCalendar()
UNKNOWN = 2094  # no arrangement is published that far ahead


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        (date(2024, 2, 9), True),  # New Year's Eve of 2024 was worked by the arrangement
        (date(2024, 2, 10), False),  # Spring Festival 2024
        (date(2024, 2, 16), False),  # a Friday off
        (date(2024, 2, 18), True),  # a Sunday made up for it
        (date(2024, 10, 1), False),
        (date(2024, 10, 7), False),
        (date(2024, 10, 12), True),  # a Saturday made up for National Day
        (date(2025, 1, 26), True),  # a Sunday made up for Spring Festival
        (date(2025, 1, 28), False),  # New Year's Eve, off since 2025
        (date(2025, 10, 8), False),  # National Day and Mid-Autumn together
        (date(2025, 10, 11), True),  # a Saturday made up
        (date(2026, 2, 14), True),  # a Saturday made up for Spring Festival
        (date(2026, 2, 16), False),
        (date(2026, 2, 23), False),
        (date(2026, 2, 28), True),  # a Saturday made up
        (date(2026, 10, 7), False),
        (date(2026, 10, 8), True),
        (date(2026, 10, 10), True),  # a Saturday made up for National Day
        (date(2026, 6, 30), True),  # a plain Tuesday
        (date(2026, 6, 27), False),  # a plain Saturday
    ],
)
def test_published_days_are_worked_or_off_as_arranged(day, worked):
    assert CHINA.is_workday(day) is worked


@pytest.mark.parametrize(
    ("start", "count", "due"),
    [
        (date(2026, 6, 30), 0, date(2026, 6, 30)),
        (date(2026, 6, 30), 1, date(2026, 7, 1)),
        (date(2026, 6, 26), 1, date(2026, 6, 29)),  # over a plain weekend
        (date(2026, 6, 27), 1, date(2026, 6, 29)),  # an act on a Saturday
        (date(2026, 2, 13), 1, date(2026, 2, 14)),  # the make-up Saturday counts
        (date(2026, 2, 14), 1, date(2026, 2, 24)),  # nine days of Spring Festival do not
        (date(2026, 9, 30), 3, date(2026, 10, 10)),  # 8, 9 and the make-up Saturday
        (date(2025, 9, 30), 3, date(2025, 10, 11)),  # 9, 10 and the make-up Saturday
        (date(2024, 9, 30), 5, date(2024, 10, 12)),  # 8 to 11 and the make-up Saturday
        (date(2025, 12, 31), 5, date(2026, 1, 8)),  # 4 (a Sunday), 5, 6, 7, 8 January
    ],
)
def test_a_term_starts_the_day_after_the_act_and_skips_days_off(start, count, due):
    assert CHINA.add_workdays(start, count) == Term(due, ())


def test_days_between_count_the_last_day_but_not_the_first():
    assert CHINA.workdays_between(date(2026, 9, 30), date(2026, 10, 10)) == 3
    assert CHINA.workdays_between(date(2026, 10, 1), date(2026, 10, 7)) == 0
    assert CHINA.workdays_between(date(2026, 6, 30), date(2026, 6, 30)) == 0


def test_the_years_of_the_kept_package_are_known_and_a_far_one_is_not():
    assert all(CHINA.known(year) for year in (2024, 2025, 2026))
    assert not CHINA.known(UNKNOWN)


def test_an_unknown_year_counts_weekdays_and_no_party_is_told_such_a_day():
    friday = date(UNKNOWN, 10, 1)
    assert friday.weekday() == 4
    assert CHINA.is_workday(friday)
    term = CHINA.add_workdays(date(UNKNOWN, 9, 30), 2)
    assert term.due == date(UNKNOWN, 10, 4)
    assert term.unknown == (2094,)
    with pytest.raises(Conflict, match="2094 年的放假和调休安排尚未载入"):
        term.certain()


def test_a_term_over_two_unknown_years_names_both():
    assert CHINA.add_workdays(date(UNKNOWN, 12, 30), 5).unknown == (2094, 2095)


def test_only_the_days_counted_make_a_term_uncertain():
    calendar = WorkCalendar({date(UNKNOWN, 1, 1): False})
    assert calendar.add_workdays(date(UNKNOWN - 1, 12, 31), 1).unknown == ()
    assert CHINA.add_workdays(date(UNKNOWN, 1, 1), 0).unknown == ()


def test_an_officer_s_table_makes_a_year_known():
    loaded = {date(UNKNOWN, 10, 1) + timedelta(days=n): False for n in range(7)}
    calendar = WorkCalendar({**loaded, date(UNKNOWN, 10, 9): True})
    assert calendar.known(UNKNOWN)
    assert not calendar.known(UNKNOWN + 1)
    assert calendar.add_workdays(date(UNKNOWN, 9, 30), 2) == Term(date(UNKNOWN, 10, 9), ())


def test_an_officer_s_table_goes_before_the_package():
    calendar = WorkCalendar({date(2026, 6, 30): False})
    assert calendar.add_workdays(date(2026, 6, 29), 1).due == date(2026, 7, 1)


@pytest.mark.parametrize("count", [-1, TERM_DAYS_MAX + 1])
def test_a_term_outside_the_limits_is_refused(count):
    with pytest.raises(ValueError, match="working days"):
        CHINA.add_workdays(date(2026, 6, 30), count)


def test_a_table_without_any_working_day_ends_in_a_refusal_and_not_in_a_loop():
    start = date(UNKNOWN, 1, 1)
    idle = WorkCalendar({start + timedelta(days=n): False for n in range(4000)})
    with pytest.raises(ValueError, match="fewer than 1 working days"):
        idle.add_workdays(start, 1)


@pytest.mark.parametrize("end", [date(2026, 6, 29), date(2046, 6, 30)])
def test_a_span_that_runs_backwards_or_too_far_is_refused(end):
    with pytest.raises(ValueError, match="can be counted"):
        CHINA.workdays_between(date(2026, 6, 30), end)


@given(st.dates(date(2004, 1, 1), date(2100, 1, 1)), st.integers(1, 60))
def test_counting_back_gives_the_term_and_it_ends_on_a_working_day(start, count):
    due = CHINA.add_workdays(start, count).due
    assert CHINA.is_workday(due)
    assert CHINA.workdays_between(start, due) == count
