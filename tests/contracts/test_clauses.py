"""Promises are measured as they are written, and only their numbers change in a draft."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.contracts.logic.clauses import (
    Answer,
    Counted,
    Measured,
    Ticked,
    clause_text,
    code_of,
    edit_fault,
    is_kept,
    promise_words,
    value_fault,
)
from credit.contracts.views import (
    AnswerPromise,
    ClauseEdit,
    CountPromise,
    ItemsPromise,
    OutcomeText,
    RatioPromise,
    ResponsePromise,
)
from credit.rules.loading import pack_of_city

TEMPLATES = pack_of_city("150200").on(date(2026, 6, 30)).contracts
CLAUSES = {one.id: one for one in TEMPLATES["chengnuo-qiyue"].clauses}


@given(st.integers(0, 10**15), st.integers(1, 10**15), st.integers(0, 10_000))
def test_a_share_is_compared_exactly(part, whole, hundredths):
    part = min(part, whole)
    promise = RatioPromise(f"{hundredths // 100}.{hundredths % 100:02d}")
    expected = Fraction(part, whole) * 100 >= Fraction(hundredths, 100)
    assert is_kept(promise, Measured(part, whole)) == expected


@pytest.mark.parametrize(
    ("promise", "value", "kept"),
    [
        (CountPromise(2), Counted(2), True),
        (CountPromise(2), Counted(1), False),
        (RatioPromise("85"), Measured(17, 20), True),
        (RatioPromise("85"), Measured(849, 1000), False),
        (ResponsePromise(24, "95"), Measured(0, 0), True),
        (ResponsePromise(24, "95"), Measured(94, 100), False),
        (AnswerPromise("有没有？"), Answer(done=True), True),
        (AnswerPromise("有没有？"), Answer(done=False), False),
        (ItemsPromise(["甲", "乙"]), Ticked(["乙", "甲"]), True),
        (ItemsPromise(["甲", "乙"]), Ticked(["甲"]), False),
    ],
)
def test_each_kind_of_promise_is_measured(promise, value, kept):
    assert value_fault(promise, value) is None
    assert is_kept(promise, value) is kept


@pytest.mark.parametrize(
    ("promise", "value"),
    [
        (CountPromise(2), Answer(done=True)),
        (RatioPromise("85"), Measured(0, 0)),
        (RatioPromise("85"), Measured(3, 2)),
        (ItemsPromise(["甲", "乙"]), Ticked(["丙"])),
        (ItemsPromise(["甲", "乙"]), Ticked(["甲", "甲"])),
    ],
)
def test_what_does_not_fit_a_promise_is_refused(promise, value):
    assert value_fault(promise, value)


def test_numbers_and_words_change_in_a_draft_but_never_the_kind_of_promise():
    clause = CLAUSES["E-5"]
    edit = ClauseEdit("E-5", text="满意率不低于九成。", promise=RatioPromise("90"))
    assert edit_fault(clause, edit) is None
    changed = clause_text(clause, edit)
    assert (changed.text, changed.promise) == ("满意率不低于九成。", RatioPromise("90"))
    assert promise_words(changed) == "每年不低于 90%"
    assert changed.period == clause_text(clause).period
    assert edit_fault(clause, ClauseEdit("E-5", promise=CountPromise(1)))
    assert edit_fault(None, ClauseEdit("X-1", text="没有这一条"))


def test_a_finding_suggests_the_code_at_its_level_or_the_next_lower_one():
    outcome = OutcomeText("good", "minor.code", None, "serious.code")
    assert code_of(outcome, "fulfilled", None) == "good"
    assert code_of(outcome, "breached", "minor") == "minor.code"
    assert code_of(outcome, "breached", "general") == "minor.code"
    assert code_of(outcome, "breached", "serious") == "serious.code"
    assert code_of(OutcomeText(None, None, "general.code"), "breached", "minor") is None


def test_every_clause_of_every_template_says_what_is_measured():
    for template in TEMPLATES.values():
        for clause in template.clauses:
            words = promise_words(clause_text(clause))
            assert words.startswith(("每", "契约期内"))
