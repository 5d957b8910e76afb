"""Redemptions: a status for every row of the book, and words for everything it refuses."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import credit
from credit.kit.errors import Conflict, NotFound, Unprocessable
from credit.market.logic.redemptions import STATUS_WORDS, redemption_of, refusal_of

NOW = datetime(2026, 6, 30, 4, 0, tzinfo=UTC)
BOOK = Path(credit.__file__).parent / "migrations" / "sql" / "points_v1.sql"
ACTS = ("authorize", "capture", "void", "refund")
# What the book refuses of other operations, or of accounts that no redemption can name.
OTHERS = {"unknown-lot", "above-lot", "unknown-account", "same-account", "holding-account"}
DETAILS = {
    "insufficient": {"available": 35, "held": 20, "next_expiry": {"on": "2026-07-31", "amount": 5}},
    "above-hold": {"held": 80},
    "above-captured": {"refundable": 60},
}


def outcomes():
    """Every outcome in the text of the book's posting function."""
    posting = BOOK.read_text("utf-8").partition("FUNCTION post_v1")[2].partition("$$;")[0]
    return set(re.findall(r"'([a-z]+(?:-[a-z]+)+)'", posting)) | {"insufficient"}


def row(amount=100, captured=0, returned=0, refunded=0, minutes=15, lapsed=False):
    return redemption_of(
        amount=amount,
        captured=captured,
        returned=returned,
        refunded=refunded,
        until=NOW + timedelta(minutes=minutes),
        lapsed=lapsed,
        now=NOW,
    )


@pytest.mark.parametrize(
    ("found", "status", "acts"),
    [
        (row(), "authorized", ("capture", "void")),
        (row(minutes=0), "expired", ()),
        (row(minutes=-5), "expired", ()),
        (row(returned=100, minutes=-5, lapsed=True), "expired", ()),
        (row(returned=100), "voided", ()),
        (row(returned=100, minutes=-5), "voided", ()),
        (row(captured=100), "captured", ("refund",)),
        (row(captured=100, minutes=-5), "captured", ("refund",)),
        (row(captured=70, returned=30), "captured", ("refund",)),
        (row(captured=70, returned=30, refunded=10), "captured", ("refund",)),
        (row(captured=70, returned=30, refunded=70), "refunded", ()),
    ],
)
def test_a_row_of_the_book_is_one_of_five_states(found, status, acts):
    assert (found.status, found.acts) == (status, acts)
    assert found.status in STATUS_WORDS


@given(st.integers(1, 100), st.data())
def test_amounts_add_up_and_a_refund_is_offered_as_long_as_something_is_left(amount, data):
    captured = data.draw(st.integers(0, amount))
    refunded = data.draw(st.integers(0, captured))
    found = row(amount, captured, amount - captured if captured else 0, refunded)
    assert found.refundable + found.refunded == found.captured <= found.amount
    assert ("refund" in found.acts) == (found.refundable > 0)
    assert ("capture" in found.acts) == (captured == 0)


def test_whatever_the_book_refuses_of_a_redemption_is_said_with_what_to_do_next():
    said = {}
    for outcome in outcomes():
        for act in ACTS:
            try:
                said[act, outcome] = refusal_of(act, outcome, DETAILS.get(outcome))
            except KeyError:
                continue
    assert {outcome for _, outcome in said} == outcomes() - OTHERS
    for error in said.values():
        assert isinstance(error, Conflict | NotFound | Unprocessable)
        assert re.search("请|不用", error.detail), error.detail


@pytest.mark.parametrize(
    ("act", "can"),
    [
        ("authorize", {"unknown-code", "code-used", "code-over", "insufficient"}),
        ("capture", {"unknown-hold", "hold-captured", "hold-voided", "hold-over", "above-hold"}),
        ("void", {"unknown-hold", "hold-captured", "hold-voided"}),
        ("refund", {"unknown-hold", "hold-not-captured", "above-captured"}),
    ],
)
def test_each_call_has_words_for_what_the_book_can_say_to_it(act, can):
    for outcome in can | {"key-reused", "closed-account", "bad-amount"}:
        assert refusal_of(act, outcome, DETAILS.get(outcome)).detail


@pytest.mark.parametrize("outcome", sorted(OTHERS | {"posted"}))
def test_what_no_redemption_can_come_to_is_a_mistake_and_no_refusal(outcome):
    with pytest.raises(KeyError):
        refusal_of("authorize", outcome, None)


def test_a_key_used_for_something_else_and_a_redemption_there_is_not_have_their_own_status():
    assert refusal_of("capture", "key-reused", None).status == 422
    assert refusal_of("capture", "key-reused", None).slug == "idempotency-key-reused"
    assert refusal_of("refund", "unknown-hold", None).status == 404
    assert refusal_of("authorize", "code-over", None).status == 409
    assert refusal_of("authorize", "code-over", None).slug == "code-over"


@pytest.mark.parametrize(
    ("act", "outcome", "details", "allowed"),
    [
        ("authorize", "insufficient", DETAILS["insufficient"], {"amount_min": 1, "amount_max": 35}),
        ("authorize", "insufficient", {"available": 0, "held": 0}, {"amount_max": 0}),
        ("capture", "above-hold", {"held": 80}, {"amount_min": 1, "amount_max": 80}),
        ("refund", "above-captured", {"refundable": 60}, {"amount_min": 1, "amount_max": 60}),
        ("refund", "above-captured", {"refundable": 0}, {"amount_max": 0}),
        ("capture", "hold-captured", None, {"acts": ["refund"]}),
        ("void", "hold-captured", None, {"acts": ["refund"]}),
        ("refund", "hold-not-captured", None, {}),
        ("void", "hold-voided", None, {"acts": []}),
        ("capture", "hold-over", None, {"acts": []}),
        ("authorize", "code-used", None, {}),
    ],
)
def test_a_till_is_told_what_would_be_allowed(act, outcome, details, allowed):
    assert refusal_of(act, outcome, details).allowed == allowed


def test_a_merchant_learns_what_it_may_ask_for_and_nothing_else_of_a_customer():
    refused = refusal_of("authorize", "insufficient", DETAILS["insufficient"])
    told = f"{refused.detail} {refused.allowed}"
    assert "35" in told
    assert "20" not in told
    assert "07-31" not in told
