"""Which duties fall due when: periods cover a contract's days once, whatever its first day."""

import itertools
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from credit.contracts.logic.clauses import clause_text
from credit.contracts.logic.duties import (
    due_duties,
    next_start,
    opening_duties,
    periods,
)
from credit.contracts.logic.records import Side
from credit.rules.arithmetic import add_months
from credit.rules.loading import pack_of_city

TEMPLATE = pack_of_city("150200").on(date(2026, 6, 30)).contracts["chengnuo-qiyue"]
CLAUSES = [clause_text(one) for one in TEMPLATE.clauses]
SIDES = {
    "enterprise": [Side("USCC", "E")],
    "committee": [Side("COMMITTEE", "C")],
    "owners": [Side("OWNERS", "P")],
}
first_days = st.dates(date(2020, 1, 1), date(2035, 12, 31))
kinds = st.sampled_from(["month", "quarter", "half-year", "year", "once"])
day = timedelta(days=1)


def last_day(first, months):
    return add_months(first, months) - day


@given(kinds, first_days, st.integers(1, 120))
def test_periods_cover_every_day_of_a_contract_once_and_no_other(kind, first, months):
    until = last_day(first, months)
    found = list(periods(kind, first, until))
    assert found[0][0] == first
    assert found[-1][1] == until
    for (_, end), (start, _) in itertools.pairwise(found):
        assert start == end + day
    assert all(start <= end for start, end in found)


@given(kinds, first_days, st.integers(1, 60))
def test_whole_periods_are_as_many_as_the_months_hold(kind, first, months):
    length = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}.get(kind, months)
    found = list(periods(kind, first, last_day(first, months)))
    assert len(found) == -(-months // length)


@given(first_days, st.integers(1, 36), st.integers(0, 400), st.lists(st.integers(1, 200)))
def test_however_often_the_job_runs_every_period_is_made_once(first, months, late, pauses):
    """From the day of force on, by runs at any distance: the same as all at once."""
    days = (first, last_day(first, months))
    begin = min(first + timedelta(late), days[1])
    made = opening_duties(CLAUSES, SIDES, days, begin)
    upcoming, today = next_start(CLAUSES, days, begin), begin
    for pause in [*pauses, 4000]:
        today += timedelta(pause)
        if upcoming is not None and upcoming <= today:
            made += due_duties(CLAUSES, SIDES, days, (upcoming, today))
            upcoming = next_start(CLAUSES, days, today)
    assert upcoming is None
    keys = [(one.clause, one.side, one.start) for one in made]
    assert len(set(keys)) == len(keys)
    for clause in CLAUSES:
        own = sorted((one.start, one.end) for one in made if one.clause == clause.id)
        expected = [
            (max(start, begin), end) for start, end in periods(clause.period, *days) if end >= begin
        ]
        assert own == expected


def test_a_contract_that_begins_on_the_last_of_a_month_has_a_period_a_month():
    found = list(periods("month", date(2026, 1, 31), date(2026, 7, 30)))
    assert [start for start, _ in found] == [
        date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30),
        date(2026, 5, 31), date(2026, 6, 30),
    ]  # fmt: skip
    assert found[-1][1] == date(2026, 7, 30)
