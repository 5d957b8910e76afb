"""Rates: as many as were agreed, whenever they come, in bounded memory."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.kit.limits import Rates, burst_of

gaps = st.lists(st.integers(0, 20_000), max_size=120)


class Bucket:
    """A bucket as one would explain it: tokens come in evenly, up to so many; exact."""

    def __init__(self, per_minute, burst):
        self.rate, self.burst = Fraction(per_minute, 60_000), burst
        self.tokens, self.at = Fraction(burst), 0

    def take(self, now):
        self.tokens = min(Fraction(self.burst), self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return (1 - self.tokens) / self.rate / 1000
        self.tokens -= 1
        return 0


@given(gaps, st.integers(1, 300), st.integers(1, 50))
def test_it_is_a_token_bucket(gaps_in_ms, per_minute, burst):
    rates, bucket, now = Rates(), Bucket(per_minute, burst), 0
    for gap in gaps_in_ms:
        now += gap
        wait = rates.take("a", now / 1000, per_minute=per_minute, burst=burst)
        assert wait == pytest.approx(float(bucket.take(now)), abs=1e-6)


@given(gaps, st.integers(1, 300), st.integers(1, 50))
def test_asking_how_long_to_wait_says_what_taking_would_and_takes_nothing(
    gaps_in_ms, per_minute, burst
):
    rates, now = Rates(), 0.0
    limit = {"per_minute": per_minute, "burst": burst}
    for gap in gaps_in_ms:
        now += gap / 1000
        told = [rates.wait("a", now, **limit) for _ in range(3)]
        assert told == [rates.take("a", now, **limit)] * 3


def test_who_waits_as_long_as_told_is_let_through():
    rates = Rates()
    for _ in range(10):
        assert rates.take("a", 100.0, per_minute=60, burst=10) == 0
    wait = rates.take("a", 100.0, per_minute=60, burst=10)
    assert wait == pytest.approx(1.0)
    assert rates.take("a", 100.0 + wait, per_minute=60, burst=10) == 0
    assert rates.take("a", 100.0 + wait, per_minute=60, burst=10) > 0
    assert rates.take("b", 100.0, per_minute=60, burst=10) == 0


def test_a_clock_set_back_costs_no_more_than_an_empty_bucket():
    rates = Rates()
    rates.take("a", 10_000.0, per_minute=60, burst=10)
    assert rates.take("a", 0.0, per_minute=60, burst=10) == pytest.approx(1.0)
    assert rates.take("a", 1.1, per_minute=60, burst=10) == 0


def test_memory_is_bounded_and_who_is_busy_is_forgotten_last():
    rates = Rates(keys_max=100)
    for key in range(50):
        rates.take(("idle", key), 0.0, per_minute=600, burst=10)
    for key in range(40):
        for _ in range(10):
            rates.take(("busy", key), 9.9, per_minute=60, burst=10)
    for key in range(11):
        rates.take(("new", key), 10.0, per_minute=60, burst=10)
    assert len(rates) <= 100
    assert all(rates.take(("busy", key), 10.0, per_minute=60, burst=10) > 0 for key in range(40))
    for key in range(1_000):
        rates.take(("flood", key), 10.0, per_minute=60, burst=10)
        assert len(rates) <= 100


def test_a_tenth_of_a_minutes_worth_may_come_at_once_and_ten_always():
    assert [burst_of(rate) for rate in (1, 100, 101, 110, 6_000)] == [10, 10, 10, 11, 600]
