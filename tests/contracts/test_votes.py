"""The owners' double majority against exact fractions, and what the register does not carry."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.contracts.logic.votes import check_vote, reaches
from credit.contracts.views import OwnerVote, Share
from credit.events.views import EvidenceRef
from credit.rules.loading import pack_of_city

TODAY = date(2026, 6, 30)
TALLY = EvidenceRef("sha256:" + "0" * 64, 1, "application/pdf")
HIRE, INCOME = pack_of_city("150200").on(TODAY).contracts["chengnuo-qiyue"].votes
REGISTER = Share(300, 30_000)


def vote(rule=HIRE, **more):
    given = {
        "matter": rule.matter,
        "held_on": "2026-06-20",
        "total": Share(300, 30_000),
        "took_part": Share(200, 20_000),
        "in_favour": Share(101, 10_001),
        "tally": TALLY,
        "filing": "昆住建备〔2026〕12号",
    }
    return OwnerVote(**{**given, **more})


@dataclass
class Model:
    """The same rule in fractions of the standard library."""

    quorum: Fraction
    needed: Fraction
    strictly: bool

    def carries(self, given: OwnerVote) -> bool:
        for name in ("persons", "area_m2"):
            whole, part, agreed = (
                getattr(one, name) for one in (given.total, given.took_part, given.in_favour)
            )
            if Fraction(part, whole) < self.quorum or not part:
                return False
            share = Fraction(agreed, part)
            if share < self.needed or (self.strictly and share == self.needed):
                return False
        return True


MODELS = {
    "hire": Model(Fraction(2, 3), Fraction(1, 2), strictly=True),
    "common-income": Model(Fraction(2, 3), Fraction(3, 4), strictly=False),
}
counts = st.integers(1, 60)


@given(st.sampled_from([HIRE, INCOME]), counts, counts, st.data())
def test_it_is_the_double_majority_of_the_civil_code(rule, persons, area, data):
    """Small numbers, so that the very borders are hit often."""
    total = Share(persons, area)
    part = Share(data.draw(st.integers(0, persons)), data.draw(st.integers(0, area)))
    agreed = Share(data.draw(st.integers(0, part.persons)), data.draw(st.integers(0, part.area_m2)))
    given_vote = vote(rule, total=total, took_part=part, in_favour=agreed)
    faults = check_vote(rule, given_vote, total, TODAY)
    assert (faults == []) == MODELS[rule.matter].carries(given_vote)


def test_two_thirds_are_of_all_owners_of_the_register_whatever_total_the_drafter_writes():
    few = Share(30, 3_000)
    faults = check_vote(HIRE, vote(total=few, took_part=few, in_favour=few), REGISTER, TODAY)
    assert len(faults) == 2
    assert "不足全体业主 300（按登记册）" in faults[0]
    assert "不足全体业主 30000（按登记册）" in faults[1]


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.booleans())
def test_large_numbers_are_compared_exactly(part, whole, strictly):
    exact = Fraction(part, whole)
    expected = exact > Fraction(2, 3) if strictly else exact >= Fraction(2, 3)
    assert reaches(part, whole, (2, 3), strictly=strictly) == expected


def test_exactly_two_thirds_is_a_quorum_and_exactly_half_is_no_majority():
    assert check_vote(HIRE, vote(), REGISTER, TODAY) == []
    half = vote(in_favour=Share(100, 10_001))
    assert check_vote(HIRE, half, REGISTER, TODAY) != []
    three_quarters = vote(INCOME, in_favour=Share(150, 15_000))
    assert check_vote(INCOME, three_quarters, REGISTER, TODAY) == []
    below = vote(INCOME, in_favour=Share(149, 15_000))
    assert check_vote(INCOME, below, REGISTER, TODAY) != []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"total": Share(301, 30_000)}, "多于登记册里的 300"),
        ({"total": Share(300, 30_001)}, "多于登记册里的 30000"),
        ({"took_part": Share(300, 30_001)}, "应依次不减"),
        ({"in_favour": Share(201, 10_001)}, "应依次不减"),
        ({"filing": msgspec.UNSET}, "事前报备"),
        ({"held_on": "2026-07-01"}, "在今天之后"),
        ({"total": Share(0, 0), "took_part": Share(0, 0), "in_favour": Share(0, 0)}, "是 0"),
    ],
)
def test_what_cannot_be_is_refused_in_words(more, words):
    faults = check_vote(HIRE, vote(**more), REGISTER, TODAY)
    assert any(words in one for one in faults), faults
