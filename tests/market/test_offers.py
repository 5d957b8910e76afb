"""Offers: decided by another person, priced as they say, limited in number, by person and by day."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.kit.errors import Conflict, Forbidden
from credit.market.logic.offers import (
    ORDER,
    POINTS_MAX,
    STATE_WORDS,
    Offer,
    acts_of,
    check_offer,
    price_of,
    refusal,
    take,
)

FIRST, LAST, TODAY = date(2026, 6, 1), date(2026, 12, 31), date(2026, 6, 30)
RICE = Offer("goods", "open", FIRST, LAST, points=50, stock=20)
HAIRCUT = Offer("discount", "open", FIRST, points=30, per_person=2, per_person_days=30)
FEE = Offer("reduction", "open", FIRST, points_max=200)


def ago(*days):
    return [TODAY - timedelta(days=one) for one in days]


@pytest.mark.parametrize(
    ("state", "acts"),
    [
        ("proposed", ["open", "refuse"]),
        ("open", ["pause", "end"]),
        ("paused", ["resume", "end"]),
        ("ended", []),
        ("refused", []),
    ],
)
def test_what_may_be_done_about_an_offer_and_nothing_else(state, acts):
    assert acts_of(state) == acts
    for act in ORDER:
        if act in acts:
            assert take(state, act, by="p2", proposed_by="p1") == ORDER[act][1]
        else:
            with pytest.raises(Conflict) as refused:
                take(state, act, by="p2", proposed_by="p1")
            assert refused.value.slug == "wrong-state"
            assert refused.value.allowed == {"acts": acts}
            assert STATE_WORDS[state] in refused.value.detail


@pytest.mark.parametrize("act", ["open", "refuse"])
def test_whoever_proposed_an_offer_does_not_decide_it(act):
    with pytest.raises(Forbidden) as refused:
        take("proposed", act, by="p1", proposed_by="p1")
    assert refused.value.slug == "four-eyes"


@pytest.mark.parametrize(
    ("state", "act"), [("open", "pause"), ("paused", "resume"), ("open", "end")]
)
def test_whoever_proposed_an_offer_may_pause_resume_and_end_it(state, act):
    assert take(state, act, by="p1", proposed_by="p1")


@pytest.mark.parametrize("offer", [RICE, HAIRCUT, FEE])
def test_a_whole_offer_has_no_faults(offer):
    assert check_offer(offer, LAST) == []


@pytest.mark.parametrize(
    ("offer", "change", "fields"),
    [
        (RICE, {"points": None}, ["points"]),
        (RICE, {"points": 0}, ["points"]),
        (RICE, {"points": POINTS_MAX + 1}, ["points"]),
        (RICE, {"points_max": 10}, ["points_max"]),
        (RICE, {"stock": None}, ["stock"]),
        (RICE, {"stock": 0}, ["stock"]),
        (FEE, {"points_max": None}, ["points_max"]),
        (FEE, {"points": 5}, ["points"]),
        (FEE, {"stock": 5}, ["stock"]),
        (HAIRCUT, {"per_person": None}, ["per_person"]),
        (HAIRCUT, {"per_person": 0}, ["per_person"]),
        (HAIRCUT, {"per_person_days": 0}, ["per_person_days"]),
        (HAIRCUT, {"per_person_days": 100_000}, ["per_person_days"]),
        (RICE, {"valid_until": FIRST - timedelta(days=1)}, ["valid_until"]),
        (RICE, {"valid_until": LAST + timedelta(days=1)}, ["valid_until"]),
        (HAIRCUT, {"valid_from": LAST + timedelta(days=1)}, ["valid_from"]),
        (RICE, {"points": -1, "stock": -1, "valid_until": FIRST.replace(day=1, month=1)},
            ["points", "stock", "valid_until"]),
    ],
)  # fmt: skip
def test_every_fault_of_a_proposed_offer_is_named(offer, change, fields):
    assert [one.field for one in check_offer(replace(offer, **change), LAST)] == fields


def test_goods_and_services_cost_their_price_and_a_reduction_what_is_chosen():
    assert price_of(RICE, 50, TODAY) == 50
    assert price_of(HAIRCUT, 30, TODAY) == 30
    assert [price_of(FEE, amount, TODAY) for amount in (1, 77, 200)] == [1, 77, 200]


@pytest.mark.parametrize(
    ("offer", "amount", "on", "uses", "slug", "allowed"),
    [
        (replace(RICE, state="paused"), 50, TODAY, [], "offer-not-open", {"state": "paused"}),
        (replace(RICE, state="proposed"), 50, TODAY, [], "offer-not-open", {"state": "proposed"}),
        (RICE, 50, FIRST - timedelta(days=1), [], "offer-not-yet", {"from": "2026-06-01"}),
        (RICE, 50, LAST + timedelta(days=1), [], "offer-over", {"until": "2026-12-31"}),
        (replace(RICE, taken=20), 50, TODAY, [], "sold-out", {"left": 0}),
        (RICE, 49, TODAY, [], "wrong-amount", {"amount": 50}),
        (RICE, 100, TODAY, [], "wrong-amount", {"amount": 50}),
        (FEE, 201, TODAY, [], "above-offer", {"amount_min": 1, "amount_max": 200}),
        (FEE, 0, TODAY, [], "above-offer", {"amount_min": 1, "amount_max": 200}),
        (FEE, -5, TODAY, [], "above-offer", {"amount_min": 1, "amount_max": 200}),
        (HAIRCUT, 30, TODAY, ago(0, 29), "limit-reached",
            {"uses": 2, "days": 30, "from": "2026-07-01"}),
        (HAIRCUT, 30, TODAY, ago(0, 0, 0), "limit-reached",
            {"uses": 2, "days": 30, "from": "2026-07-30"}),
        (replace(HAIRCUT, per_person_days=None), 30, TODAY, ago(500, 900), "limit-reached",
            {"uses": 2}),
    ],
)  # fmt: skip
def test_what_is_refused_says_what_would_be_accepted(offer, amount, on, uses, slug, allowed):
    with pytest.raises(Conflict) as refused:
        price_of(offer, amount, on, uses)
    assert (refused.value.slug, refused.value.allowed) == (slug, allowed)
    assert refusal(offer, amount, on, uses) == refused.value.detail


@pytest.mark.parametrize("on", [FIRST, LAST])
def test_the_first_and_the_last_day_count(on):
    assert refusal(RICE, 50, on) is None


def test_the_last_piece_is_sold_and_the_next_is_not():
    assert price_of(replace(RICE, taken=19), 50, TODAY) == 50
    assert refusal(replace(RICE, taken=20), 50, TODAY) is not None


@given(st.integers(1, 4), st.integers(1, 40), st.lists(st.integers(0, 90), max_size=12))
def test_nobody_uses_an_offer_more_often_within_any_period_than_it_says(most, days, wishes):
    """Whoever comes back on these days is served or told the day; on that day, and no earlier."""
    offer = replace(HAIRCUT, valid_from=FIRST, per_person=most, per_person_days=days)
    served = []
    for wish in sorted(wishes):
        on = FIRST + timedelta(days=wish)
        try:
            price_of(offer, 30, on, served)
        except Conflict as refused:
            again = date.fromisoformat(refused.allowed["from"])
            assert refusal(offer, 30, again, served) is None
            assert refusal(offer, 30, again - timedelta(days=1), served) is not None
        else:
            served.append(on)
    for begin in served:
        assert sum(begin <= one < begin + timedelta(days=days) for one in served) <= most
