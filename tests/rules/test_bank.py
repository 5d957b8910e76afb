"""What participations earn: exact, the same in any parts, never less for more, never below nothing."""

import copy
from datetime import date
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.rules.bank import EarningRule, Step
from credit.rules.loading import list_packs, load_pack
from credit.rules.pack import Pack, PackInvalid

DAY = date(2026, 6, 30)
SHIPPED = [
    pytest.param(rule, id=f"{pack} {rule.code}")
    for pack in list_packs()
    for rule in load_pack(pack).on(DAY).points.earning
]
QUANTITIES = st.integers(0, 20_000)


def bank_of(pack):
    return load_pack(pack).on(DAY).points


def earning(*steps):
    """An earning rule of (above, points, per), otherwise like any."""
    rule = bank_of("baotou-2021").rule("service.volunteer")
    fields = {name: getattr(rule, name) for name in rule.__slots__}
    return EarningRule(**{**fields, "steps": tuple(Step(*one) for one in steps)})


@st.composite
def rules(draw):
    """Rules whose steps give less and less, with rates that divide nothing evenly."""
    rates = draw(
        st.lists(st.tuples(st.integers(1, 40), st.integers(1, 300)), min_size=1, max_size=5)
    )
    rates.sort(key=lambda rate: Fraction(*rate), reverse=True)
    gaps = draw(st.lists(st.integers(1, 3_000), min_size=len(rates), max_size=len(rates)))
    return earning(*((sum(gaps[:at]), *rate) for at, rate in enumerate(rates)))


@given(rules(), QUANTITIES, st.lists(st.integers(0, 3_000), max_size=20))
def test_a_quantity_earns_the_same_in_whatever_parts_it_comes(rule, before, parts):
    running, earned = before, 0
    for part in parts:
        earned += rule.points(running, part)
        running += part
    assert earned == rule.points(before, sum(parts))


@given(rules(), QUANTITIES, QUANTITIES, QUANTITIES)
def test_more_never_earns_less_and_nothing_earns_nothing(rule, before, quantity, more):
    assert 0 == rule.points(before, 0) <= rule.points(before, quantity)
    assert rule.points(before, quantity) <= rule.points(before, quantity + more)


@given(rules(), QUANTITIES, QUANTITIES, QUANTITIES)
def test_the_same_quantity_later_in_the_year_earns_no_more(rule, before, later, quantity):
    # One point of difference is only where a point that was begun before becomes whole.
    assert rule.points(before + later, quantity) <= rule.points(before, quantity) + 1


@given(rules(), st.integers(0, 400), st.integers(0, 400))
def test_the_sum_is_that_of_every_single_unit(rule, before, quantity):
    def worth(unit):
        step = max((one for one in rule.steps if one.above <= unit), key=lambda one: one.above)
        return Fraction(step.points, step.per)

    first = sum((worth(unit) for unit in range(before)), Fraction(0))
    rest = sum((worth(unit) for unit in range(before, before + quantity)), Fraction(0))
    assert rule.points(before, quantity) == floor(first + rest) - floor(first)


def test_points_stay_exact_where_a_float_would_not():
    third = earning((0, 1, 3))
    assert [third.points(before, 1) for before in range(6)] == [0, 0, 1, 0, 0, 1]
    assert earning((0, 1_000_000, 999_999)).points(0, 999_999 * 10**9) == 10**15


@pytest.mark.parametrize(("before", "quantity"), [(-1, 60), (0, -1), (60, -60)])
def test_a_quantity_below_nothing_is_refused(before, quantity):
    with pytest.raises(ValueError, match="negative"):
        earning((0, 1, 60)).points(before, quantity)


@pytest.mark.parametrize("rule", SHIPPED)
def test_every_rule_of_a_pack_earns_something_in_a_year_and_stays_within_its_caps_as_usual(rule):
    year = 366 * (rule.quantity_per_day or rule.usual or 1)
    assert rule.points(0, year) > 0
    once = rule.points(0, rule.usual)
    assert once <= min(cap for cap in (rule.per_activity, rule.per_day, 10**9) if cap)


def test_rules_and_participants_are_found_by_their_codes():
    bank = bank_of("baotou-2021")
    assert bank.rule("donation.money").title == "公益捐款"
    assert bank.participant("dual_unit").unit
    for find in (bank.rule, bank.participant):
        with pytest.raises(KeyError, match="nobody"):
            find("nobody")


def test_points_last_as_the_rule_says_or_else_as_the_bank_does():
    bank = bank_of("baotou-2021")
    months = {code: bank.months_of(bank.rule(code)) for code in ("meeting.hall", "service.unit")}
    assert months == {"meeting.hall": 24, "service.unit": 36}
    other = bank_of("mianyang-2021")
    assert other.months_of(other.rule("service.volunteer")) == 0


def test_the_standards_participants_and_trades_are_all_there():
    bank = bank_of("baotou-2021")
    titles = ["党员", "社区居民", "双报到单位", "双报到个人", "志愿者", "红色物业合伙人"]
    assert [one.title for one in bank.participants] == titles
    assert len(bank.merchant_categories) == 7


@pytest.mark.parametrize("key", ["participants", "merchant_categories", "earning"])
def test_a_bank_without_people_trades_or_rules_is_refused(key):
    document = copy.deepcopy(load_pack("mianyang-2021").document)
    document["points"][key] = []
    with pytest.raises(PackInvalid) as caught:
        Pack(document)
    assert ("points.yaml", key) in [(one.file, one.path) for one in caught.value.faults]


def test_a_rate_changes_on_its_day():
    document = copy.deepcopy(load_pack("xinhua-2022").document)
    step = document["points"]["earning"][0]["steps"][0]
    step["points"] = [{"from": "2022-01-01", "value": 1}, {"from": "2027-01-01", "value": 2}]
    pack = Pack(document)
    earned = [
        pack.on(day).points.rule("service.volunteer").points(0, 60)
        for day in (date(2026, 12, 31), date(2027, 1, 1))
    ]
    assert earned == [1, 2]
