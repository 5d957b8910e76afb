"""What the book posts, what it refuses and why, whoever asks and however many at once."""

import asyncio
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import asyncpg
import pytest

from credit.points import store
from credit.points.logic import operations as op
from credit.points.views import NewAccount

CLOSE = "SELECT close_account_v1($1, $2)"
TOKEN = "INSERT INTO point_token (token, account, beneficiary, until) VALUES ($1, $2, $3, $4)"


def counted(outcomes):
    """How often each answer came; of a list of what `post` answers, or the writer."""
    flat = [one for part in outcomes for one in (part if isinstance(part, list) else [part])]
    return Counter(one.outcome for one in flat)


async def test_of_fifty_captures_at_once_exactly_one_is_posted(book, at_once):
    await book.fund("Li", 100)
    number = await book.hold("Li", 60)
    asked = [op.capture(book.key(), number) for _ in range(50)]
    outcomes = await at_once(
        [book.writer.post(one) if n % 5 else book.post(one) for n, one in enumerate(asked)]
    )
    assert counted(outcomes) == {"posted": 1, "hold-captured": 49}
    assert await book.balances("Li", "held", "shop") == (40, 0, 60)
    assert await book.faults() == []


async def test_of_parts_captured_at_once_one_is_taken_and_the_rest_goes_back(book, at_once):
    await book.fund("Li", 60)
    number = await book.hold("Li", 60)
    outcomes = await at_once(
        book.post(op.capture(book.key(), number, part)) for part in range(5, 60, 5)
    )
    assert counted(outcomes) == {"posted": 1, "hold-captured": 10}
    (taken,) = [one.details["captured"] for (one,) in outcomes if one.transfer is not None]
    assert await book.balances("Li", "held", "shop") == (60 - taken, 0, taken)
    assert await book.faults() == []


async def test_a_capture_and_a_void_at_once_have_one_winner(book, at_once):
    for turn in (0, 1):  # whichever kind stands first in the queue
        await book.fund("Li", 10)
        number = await book.hold("Li", 10)
        outcomes = await at_once(
            book.post((op.capture if n % 2 == turn else op.void)(book.key(), number))
            for n in range(16)
        )
        answers = counted(outcomes)
        assert answers.pop("posted") == 1
        assert answers in ({"hold-captured": 15}, {"hold-voided": 15})
        captured, returned = await book.ask(
            "SELECT ARRAY[captured, returned] FROM point_hold WHERE id = $1", number
        )
        assert (captured, returned) == ((10, 0) if "hold-captured" in answers else (0, 10))
    assert await book.balance("held") == 0
    assert await book.faults() == []


async def test_of_six_holds_of_a_thousand_on_five_thousand_the_sixth_is_refused(book, at_once):
    await book.fund("Li", 3_000, days=30)
    await book.fund("Li", 2_000)
    outcomes = await at_once((book.post(book.to_hold("Li", 1_000)) for _ in range(6)), sessions=6)
    assert counted(outcomes) == {"posted": 5, "insufficient": 1}
    (refusal,) = [one for (one,) in outcomes if one.transfer is None]
    assert refusal.details == {"available": 0, "held": 5_000}
    assert await book.balances("Li", "held") == (0, 5_000)
    assert await book.faults() == []


async def test_refunds_at_once_never_exceed_what_was_captured(book, at_once):
    await book.fund("Li", 100)
    number = await book.captured("Li", 100)
    outcomes = await at_once(
        [book.post(op.refund(book.key(), number, 30)) for _ in range(20)]
        + [book.writer.post(op.refund(book.key(), number)) for _ in range(2)]
    )
    assert sum(one.outcome == "posted" for (one,) in outcomes[:20]) <= 3
    assert set(counted(outcomes)) == {"posted", "above-captured"}
    refunded = await book.ask("SELECT refunded FROM point_hold WHERE id = $1", number)
    assert await book.balances("Li", "shop") == (refunded, 100 - refunded)
    assert 90 <= refunded <= 100
    assert await book.refused(op.refund(book.key(), number, 101 - refunded)) == "above-captured"
    assert await book.faults() == []


async def test_an_account_spent_from_at_once_never_goes_below_nothing(book, at_once):
    await book.posted(book.transfer("issuance", "budget", 70))
    outcomes = await at_once(book.post(book.transfer("budget", "shop", 20)) for _ in range(12))
    assert counted(outcomes) == {"posted": 3, "insufficient": 9}
    assert await book.balances("budget", "shop") == (10, 60)
    assert await book.faults() == []


async def test_a_refusal_says_what_would_be_allowed(book):
    await book.fund("Li", 10, days=-1)
    await book.fund("Li", 30, days=5)
    await book.fund("Li", 20, days=5)
    await book.fund("Li", 15, days=9)
    await book.fund("Li", 40)
    await book.hold("Li", 35)
    (refusal,) = await book.post(book.transfer("Li", "shop", 71))
    assert refusal.outcome == "insufficient"
    assert refusal.details == {
        "available": 70, "held": 35,
        "next_expiry": {"on": book.day(5).isoformat(), "amount": 15},
    }  # fmt: skip
    await book.posted(book.transfer("Li", "shop", 70))


async def test_a_refusal_of_a_budget_counts_down_to_its_floor(book):
    await book.posted(book.transfer("issuance", "budget", 7))
    (refusal,) = await book.post(book.transfer("budget", "Li", 8))
    assert (refusal.outcome, refusal.details) == ("insufficient", {"available": 7, "held": 0})


async def test_a_refused_key_answers_the_same_again_even_after_points_came_in(book):
    asked = book.transfer("Li", "shop", 50)
    before = await book.post(asked)
    assert before[0].outcome == "insufficient"
    await book.fund("Li", 100)
    assert await book.post(asked) == before
    assert await book.balances("Li", "shop") == (100, 0)
    await book.posted(asked._replace(key=book.key().key))  # under another key it goes through


@pytest.mark.parametrize("amount", [50, 500])
async def test_a_key_with_another_input_is_refused_and_the_first_answer_stays(book, amount):
    await book.fund("Li", 100)
    asked = book.transfer("Li", "shop", amount)
    first = await book.post(asked)
    other = asked._replace(hash=bytes(16), amount=10)
    assert await book.post(other) == [("key-reused", None, None)]
    assert await book.post(asked) == first
    assert await book.balance("shop") == (50 if amount == 50 else 0)
    assert await book.faults() == []


async def test_a_key_twice_in_one_batch_is_posted_once(book):
    await book.fund("Li", 100)
    spent, refused = book.transfer("Li", "shop", 30), book.transfer("Li", "shop", 71)
    held = book.to_hold("Li", 5)
    outcomes = await book.post(spent, refused, spent, held, refused, held)
    assert outcomes[0] == outcomes[2]
    assert outcomes[1] == outcomes[4]
    assert outcomes[3] == outcomes[5]
    assert [one.outcome for one in outcomes[:4:3]] == ["posted"] * 2
    assert outcomes[1].details == {"available": 70, "held": 0}
    assert await book.balances("Li", "held", "shop") == (65, 5, 30)


async def test_a_key_at_once_over_many_connections_is_posted_once(book, at_once):
    await book.fund("Li", 100)
    asked = book.transfer("Li", "shop", 30)
    outcomes = await at_once(book.post(asked) for _ in range(16))
    ((first,), *_) = outcomes
    assert outcomes == [[first]] * 16
    assert (first.outcome, await book.balance("shop")) == ("posted", 30)


async def test_a_refused_one_never_fails_its_neighbours(book):
    await book.fund("Li", 100)
    outcomes = await book.post(
        book.transfer("Li", "shop", 10),
        book.transfer("Li", "shop", 1_000),
        book.transfer("nobody", "shop", 1),
        op.capture(book.key(), 999_999),
        book.transfer("Li", "shop", 0),
        book.to_hold("Li", 20),
        op.reverse(book.key(), 999_999, book.ids["adjustment"]),
        book.transfer("held", "shop", 20),
        book.transfer("Li", "inn", 70),
    )
    assert [one.outcome for one in outcomes] == [
        "posted", "insufficient", "unknown-account", "unknown-hold", "bad-amount", "posted",
        "unknown-lot", "holding-account", "posted",
    ]  # fmt: skip
    assert await book.balances("Li", "held", "shop", "inn") == (0, 20, 10, 70)
    numbers = [one.transfer for one in outcomes if one.transfer]
    assert numbers == sorted(numbers)
    assert await book.faults() == []


async def test_what_an_operation_makes_the_next_of_its_batch_can_use(book):
    number = await book.fund("Li", 10)
    outcomes = await book.post(
        book.transfer("Li", "shop", 10),
        book.transfer("Li", "shop", 1),
        op.reverse(book.key(), number, book.ids["adjustment"]),
        book.transfer("issuance", "Li", 5),
        book.transfer("Li", "shop", 5),
    )
    answers = [one.outcome for one in outcomes]
    assert answers == ["posted", "insufficient", "above-lot", "posted", "posted"]


async def test_of_two_tills_with_one_code_one_gets_the_points(book, at_once):
    await book.fund("Li", 100)
    await book.ask(TOKEN, b"code", book.ids["Li"], None, book.in_minutes(1))
    tills = [book.to_hold(b"code", 30, whom) for whom in ("shop", "inn")]
    outcomes = await at_once((book.post(one) for one in tills), sessions=2)
    assert counted(outcomes) == {"posted": 1, "code-used": 1}
    (number,) = [one.transfer for (one,) in outcomes if one.transfer]
    assert await book.ask("SELECT hold FROM point_token") == number
    assert await book.balances("Li", "held") == (70, 30)
    # The till that had it asks again, and is told the same.
    winner = tills[[one.transfer for (one,) in outcomes].index(number)]
    assert await book.posted(winner) == number


async def test_what_was_refused_before_the_book_was_asked_is_kept_under_its_key(book):
    await book.fund("Li", 100)
    hold, transfer = book.to_hold("Li", 30), book.transfer("issuance", "shop", 5)
    key = op.Key(hold.key, hold.hash)
    refused = op.refusal(key, "sold-out", {"left": 0})
    answers = [("sold-out", None, {"left": 0})] * 2
    assert await book.post(refused, refused) == answers  # twice in one call, and once more
    assert await book.post(refused, hold) == answers
    other = op.refusal(op.Key(hold.key, b"something else.."), "sold-out")
    assert await book.post(other) == [("key-reused", None, None)]
    assert await book.balances("Li", "held") == (100, 0)
    # What the book had answered before stays the answer, with all that was said then.
    hold = book.to_hold("Li", 30)
    (made,) = await book.post(hold)
    assert await book.post(op.refusal(op.Key(hold.key, hold.hash), "sold-out")) == [made]
    (moved,) = await book.post(transfer)
    assert await book.post(op.refusal(op.Key(transfer.key, transfer.hash), "no")) == [moved]


async def test_a_code_is_good_for_its_time_and_its_merchant_alone(book):
    await book.fund("Li", 100)
    await book.ask(TOKEN, b"over", book.ids["Li"], None, book.clock.now())
    await book.ask(TOKEN, b"of the shop", book.ids["Li"], book.ids["shop"], book.in_minutes(1))
    for token, whom, answer in (
        (b"over", "shop", "code-over"),
        (b"of the shop", "inn", "unknown-code"),
        (b"unheard of", "shop", "unknown-code"),
    ):
        assert await book.refused(book.to_hold(token, 1, whom)) == answer
    assert await book.transfers() == 1
    # Whose account a code is for is said by the code, whatever the till says.
    await book.posted(book.to_hold(b"of the shop", 10))
    assert await book.balances("Li", "Wang") == (90, 0)


async def test_a_code_that_came_to_nothing_is_still_good(book):
    await book.fund("Li", 10)
    await book.ask(TOKEN, b"code", book.ids["Li"], None, book.in_minutes(1))
    assert await book.refused(book.to_hold(b"code", 11)) == "insufficient"
    await book.posted(book.to_hold(b"code", 10))


@pytest.mark.parametrize("amount", [0, -1, 2**53, 2**63 - 1])
async def test_an_amount_is_a_whole_number_that_every_reader_keeps(book, amount):
    await book.fund("Li", 10)
    for asked in (book.transfer("issuance", "shop", amount), book.to_hold("Li", amount)):
        assert await book.refused(asked) == "bad-amount"
    # With the ten of Li it is as far below nothing as every reader keeps exactly.
    await book.posted(book.transfer("issuance", "shop", 2**53 - 1 - 10))
    assert await book.refused(book.transfer("issuance", "inn", 1)) == "bad-amount"
    assert await book.faults() == []


@pytest.mark.parametrize("amount", ["5", 1.5, 2.0, Decimal("2.5"), True])
async def test_what_is_no_whole_number_makes_no_operation(book, amount):
    for make in (
        lambda: book.transfer("issuance", "shop", amount),
        lambda: book.to_hold("Li", amount),
        lambda: op.capture(book.key(), 1, amount),
        lambda: op.refund(book.key(), 1, amount),
        lambda: op.reverse(book.key(), 1, 1, amount),
    ):
        with pytest.raises(TypeError):
            make()


@pytest.mark.parametrize(
    "kind", ["hold", "capture", "void", "lapse", "release", "refund", "reverse", "expire"]
)
async def test_a_transfer_does_not_pass_for_what_the_book_does_itself(book, kind):
    with pytest.raises(ValueError, match=kind):
        book.transfer("issuance", "Li", 1, kind=kind)


@pytest.mark.parametrize("amount", [2**63, -(2**63) - 1])
async def test_what_is_too_large_for_the_database_is_refused_before_anything_is_posted(
    book, amount
):
    good, bad = (book.transfer("issuance", "shop", one) for one in (5, amount))
    with pytest.raises(asyncpg.DataError):
        await book.post(good, bad)
    assert await book.transfers() == 0
    with pytest.raises(asyncpg.DataError):  # not an outage: nobody is asked to try again
        await book.writer.post(bad)
    await book.posted(good)


@pytest.mark.parametrize("amount", [None, 0, -1])
async def test_a_transfer_without_an_amount_or_a_part_of_nothing_is_refused(book, amount):
    await book.fund("Li", 10)
    held, captured = await book.hold("Li", 5), await book.captured("Li", 5)
    assert await book.refused(book.transfer("issuance", "shop", amount)) == "bad-amount"
    if amount is not None:  # of a hold: all of it
        assert await book.refused(op.capture(book.key(), held, amount)) == "bad-amount"
        answer = await book.refused(op.refund(book.key(), captured, amount))
        assert answer in ("above-captured", "bad-amount")
    assert await book.balances("held", "shop") == (5, 5)


async def test_an_account_that_is_not_there_is_refused(book):
    for asked in (
        book.transfer("issuance", "nobody", 1),
        book.transfer("nobody", "shop", 1),
        book.transfer("issuance", "shop", 1)._replace(debit=None),
        book.to_hold("budget", 1)._replace(beneficiary=0),
        book.to_hold("budget", 1)._replace(beneficiary=None),
    ):
        assert await book.refused(asked) == "unknown-account"


async def test_nobody_pays_himself(book):
    for name in ("Li", "issuance"):
        assert await book.refused(book.transfer(name, name, 1)) == "same-account"


@pytest.mark.parametrize("holder", ["held", "pending"])
async def test_what_is_held_moves_with_its_hold_alone(book, holder):
    await book.fund("Li", 10)
    await book.hold("Li", 10, holder=holder)
    for asked in (
        book.transfer(holder, "shop", 1),
        book.transfer("issuance", holder, 1),
        book.to_hold(holder, 1, holder="held" if holder == "pending" else "pending"),
        book.to_hold("budget", 1, holder="shop"),
    ):
        assert await book.refused(asked) == "holding-account"
    # Nor is anything held for an account of what is held.
    assert await book.refused(book.to_hold("budget", 1, holder)) == "holding-account"
    assert await book.balance(holder) == 10
    assert await book.faults() == []


async def test_an_account_is_closed_when_nothing_is_left_of_it(book):
    await book.fund("Li", 10)
    number = await book.hold("Li", 10, "inn")
    at = book.clock.now()
    for name in ("issuance", "Li", "inn"):  # a balance below zero, and either side of a hold
        assert not await book.ask(CLOSE, book.ids[name], at)
    await book.posted(op.void(book.key(), number))
    assert not await book.ask(CLOSE, book.ids["Li"], at)
    await book.posted(book.transfer("Li", "shop", 10))
    for name in ("Li", "inn"):
        assert await book.ask(CLOSE, book.ids[name], at)
        assert await book.ask(CLOSE, book.ids[name], book.in_minutes(5))
        closed = await book.ask("SELECT closed_at FROM point_account WHERE id = $1", book.ids[name])
        assert closed == at
    assert not await book.ask(CLOSE, 0, at)


async def test_nothing_is_posted_to_a_closed_account_or_held_for_it(book):
    await book.fund("Li", 10)
    assert await book.ask(CLOSE, book.ids["inn"], book.clock.now())
    assert await book.refused(book.transfer("Li", "inn", 1)) == "closed-account"
    assert await book.refused(book.transfer("inn", "shop", 1)) == "closed-account"
    assert await book.refused(book.to_hold("inn", 1)) == "closed-account"
    assert await book.refused(book.to_hold("Li", 1, "inn")) == "closed-account"
    grants = [book.transfer("issuance", "inn", 1) for _ in range(30)]
    assert counted(await book.writer.post_all(grants)) == {"closed-account": 30}
    assert await book.balances("Li", "inn") == (10, 0)


async def test_a_closing_waits_for_what_is_being_posted(book, at_once):
    posted, closed = await at_once(
        [
            book.post(book.transfer("issuance", "inn", 1)),
            book.ask(CLOSE, book.ids["inn"], book.clock.now()),
        ],
        sessions=2,
    )
    # Either came first; never is there both a closing and a balance.
    assert closed is (posted[0].outcome == "closed-account")
    assert await book.balance("inn") == (0 if closed else 1)


async def test_a_lot_is_good_on_its_last_day_and_not_on_the_next_even_unswept(book):
    await book.fund("Li", 10, days=1)
    await book.fund("Li", 1, days=2)
    book.pass_days(1)
    await book.posted(book.transfer("Li", "shop", 4))
    book.pass_days(1)
    assert await book.balances("Li", "shop") == (7, 4)
    assert await book.available("Li") == 1
    (refusal,) = await book.post(book.to_hold("Li", 2))
    assert (refusal.outcome, refusal.details["available"]) == ("insufficient", 1)
    await book.posted(book.to_hold("Li", 1))
    assert await book.faults() == []


async def test_a_lot_ends_with_the_day_in_china(book):
    await book.fund("Li", 10, days=0)  # it is noon in China
    book.clock.now_value += timedelta(hours=11, minutes=59)
    await book.posted(book.transfer("Li", "shop", 1))
    book.clock.now_value += timedelta(minutes=1)
    assert await book.refused(book.transfer("Li", "shop", 1)) == "insufficient"


async def test_a_hold_in_the_last_moment_of_its_lot_is_made_and_in_the_next_is_not(book):
    lot = await book.fund("Li", 10, days=0)
    midnight = book.clock.now() + timedelta(hours=12)  # in China
    book.clock.now_value = midnight - timedelta(microseconds=1)
    number = await book.hold("Li", 4)
    assert await book.lots("Li") == {lot: 6}
    book.clock.now_value = midnight
    (refusal,) = await book.post(book.to_hold("Li", 1))
    assert (refusal.outcome, refusal.details["available"]) == ("insufficient", 0)
    assert await book.sweep() == 1
    await book.posted(op.capture(book.key(), number))  # what was held in time is taken
    assert await book.balances("Li", "held", "shop", "expired") == (0, 0, 4, 6)
    await book.posted(op.refund(book.key(), number))  # granted anew, since its lot is over
    assert await book.available("Li") == 4
    assert await book.faults() == []


async def test_a_sweep_at_once_with_a_hold_at_the_lot_s_end_books_every_point_once(book, at_once):
    """Whoever comes first: of a lot whose day is over nothing is held any more."""
    await book.fund("Li", 10, days=0)
    book.clock.now_value += timedelta(hours=12)
    outcomes = await at_once([book.post(book.to_hold("Li", 10)), book.sweep()], sessions=2)
    assert [one.outcome for one in outcomes[0]] == ["insufficient"]
    assert outcomes[1] == 1
    assert await book.balances("Li", "held", "expired") == (0, 0, 10)


async def test_a_clock_that_jumps_ahead_and_back_ends_nothing_for_good(book):
    """A hold and a code that are over in between are good again; what was swept stays swept."""
    await book.fund("Li", 10, days=1)
    await book.fund("Li", 10)
    number = await book.hold("Li", 4, minutes=10)
    await book.ask(TOKEN, b"code", book.ids["Li"], None, book.in_minutes(1))
    book.pass_days(400)
    assert await book.refused(op.capture(book.key(), number)) == "hold-over"
    assert await book.refused(book.to_hold(b"code", 1)) == "code-over"
    assert await book.sweep() == 1
    book.pass_days(-400)
    await book.posted(op.capture(book.key(), number))
    await book.posted(book.to_hold(b"code", 1))
    assert await book.balances("Li", "held", "shop", "expired") == (9, 1, 4, 6)
    assert await book.faults() == []


async def test_a_hold_keeps_its_points_beyond_their_day(book):
    lot = await book.fund("Li", 10, days=1)
    number = await book.hold("Li", 8, minutes=5 * 24 * 60)
    book.pass_days(2)
    assert await book.sweep() == 1
    await book.posted(op.capture(book.key(), number, 6))
    # What was not captured comes back to a lot that is over.
    assert await book.lots("Li") == {lot: 2}
    assert await book.available("Li") == 0
    assert await book.sweep() == 1
    assert await book.balances("Li", "held", "shop", "expired") == (0, 0, 6, 4)
    assert await book.faults() == []


async def test_points_voided_after_their_day_come_back_and_expire_with_the_next_sweep(book):
    await book.fund("Li", 10, days=1)
    number = await book.hold("Li", 10, minutes=5 * 24 * 60)
    book.pass_days(2)
    assert await book.sweep() == 0
    await book.posted(op.void(book.key(), number))
    assert (await book.balance("Li"), await book.available("Li")) == (10, 0)
    assert await book.refused(book.transfer("Li", "shop", 1)) == "insufficient"
    assert await book.sweep() == 1
    assert await book.balances("Li", "held", "expired") == (0, 0, 10)
    assert await book.sweep() == 0
    assert await book.faults() == []


async def test_points_refunded_after_their_day_are_good_through_the_day_of_grace(book):
    over = await book.fund("Li", 10, days=1)
    good = await book.fund("Li", 5, days=90)
    number = await book.captured("Li", 15)
    book.pass_days(2)
    first = await book.posted(op.refund(book.key(), number, 7))
    second = await book.posted(op.refund(book.key(), number))
    # What is good still goes back to where it was; the rest is granted anew.
    assert await book.lots("Li") == {over: 0, good: 5, first: 2, second: 8}
    until = await book.ask("SELECT DISTINCT valid_until FROM point_lot WHERE id > $1", good)
    assert until == book.day(30)
    assert await book.available("Li") == 15
    book.pass_days(30)
    await book.posted(book.transfer("Li", "shop", 10))
    book.pass_days(1)
    assert await book.available("Li") == 5
    assert await book.sweep() == 0  # those ten were the ones that ended first
    assert await book.faults() == []


async def test_a_hold_is_captured_before_its_end_and_voided_at_any_time(book):
    await book.fund("Li", 10)
    number = await book.hold("Li", 10, minutes=15)
    book.clock.now_value += timedelta(minutes=15)
    assert await book.refused(op.capture(book.key(), number)) == "hold-over"
    await book.posted(op.void(book.key(), number, "lapse"))
    assert await book.refused(op.void(book.key(), number)) == "hold-voided"
    assert await book.refused(op.capture(book.key(), number)) == "hold-voided"
    assert await book.refused(op.refund(book.key(), number)) == "hold-not-captured"
    assert await book.balances("Li", "held") == (10, 0)
    assert await book.faults() == []


async def test_nothing_breaks_where_the_clock_goes_backwards(book):
    await book.fund("Li", 10, days=1)
    number = await book.hold("Li", 4, minutes=10)
    book.pass_days(3)
    assert await book.sweep() == 1
    book.pass_days(-5)
    await book.fund("Li", 10, days=1)
    await book.posted(op.capture(book.key(), number, 1))
    await book.posted(book.transfer("Li", "shop", 12))  # three that came back are good again
    await book.posted(op.refund(book.key(), number))
    assert await book.sweep() == 0
    assert await book.faults() == []
    book.pass_days(5)
    await book.sweep()
    assert await book.faults() == []
    at = "SELECT bool_and(at >= lag) FROM (SELECT at, lag(at) OVER (ORDER BY id) FROM point_transfer) t"
    assert await book.ask(at) is False  # the clock did go back, and numbers did not


async def test_points_are_drawn_by_priority_then_end_then_age(book):
    for_ever = await book.fund("Li", 1)
    late = await book.fund("Li", 1, days=9)
    older, younger = [await book.fund("Li", 1, days=5) for _ in range(2)]
    last = await book.fund("Li", 1, days=1, priority=1)
    order = []
    for _ in range(5):
        await book.posted(book.transfer("Li", "shop", 1))
        empty = [number for number, left in (await book.lots("Li")).items() if left == 0]
        order += sorted(set(empty) - set(order))
    assert order == [older, younger, late, for_ever, last]


async def test_a_refund_restores_the_lots_it_drew_last_drawn_first(book):
    soon = await book.fund("Li", 10, days=5)
    later = await book.fund("Li", 10, days=9)
    always = await book.fund("Li", 10)
    number = await book.captured("Li", 24)
    untouched = await book.fund("Li", 3, days=7)
    for amount, left in ((3, (0, 0, 9)), (6, (0, 5, 10)), (15, (10, 10, 10))):
        await book.posted(op.refund(book.key(), number, amount))
        assert await book.lots("Li") == {
            **dict(zip((soon, later, always), left, strict=True)), untouched: 3,
        }  # fmt: skip
    assert await book.refused(op.refund(book.key(), number)) == "above-captured"
    assert await book.balances("Li", "shop") == (33, 0)
    assert await book.faults() == []


async def test_a_refund_is_refused_where_it_is_no_longer_covered(book):
    await book.posted(book.transfer("issuance", "budget", 10))
    number = await book.captured("budget", 10, "Li")  # whoever is paid may be without points again
    await book.posted(book.transfer("Li", "shop", 6))
    (refusal,) = await book.post(op.refund(book.key(), number))
    assert (refusal.outcome, refusal.details) == ("insufficient", {"available": 4, "held": 0})
    await book.posted(op.refund(book.key(), number, 4))
    (refusal,) = await book.post(op.refund(book.key(), number, 7))
    assert refusal.details == {"refundable": 6}
    assert await book.faults() == []


async def test_a_partial_capture_gives_the_rest_back_at_once(book):
    soon, later = await book.fund("Li", 10, days=5), await book.fund("Li", 10, days=9)
    number = await book.hold("Li", 15)
    (above,) = await book.post(op.capture(book.key(), number, 16))
    assert (above.outcome, above.details) == ("above-hold", {"held": 15})
    await book.posted(op.capture(book.key(), number, 4))
    assert await book.balances("Li", "held", "shop") == (16, 0, 4)
    assert await book.lots("Li") == {soon: 6, later: 10}
    for amount in (None, 1, 11):
        assert await book.refused(op.capture(book.key(), number, amount)) == "hold-captured"
    assert await book.refused(op.void(book.key(), number)) == "hold-captured"
    assert await book.refused(op.refund(book.key(), number, 5)) == "above-captured"
    await book.posted(op.refund(book.key(), number))
    assert await book.lots("Li") == {soon: 10, later: 10}
    assert await book.faults() == []


async def test_a_reversal_takes_what_is_left_of_its_lot_and_nothing_else(book):
    adjustment = book.ids["adjustment"]
    right, wrong = await book.fund("Li", 50, days=5), await book.fund("Li", 30, days=9)
    await book.posted(book.transfer("Li", "shop", 60))  # fifty of the first, ten of the second
    await book.fund("Li", 100)
    (refusal,) = await book.post(op.reverse(book.key(), wrong, adjustment, 30))
    assert (refusal.outcome, refusal.details) == ("above-lot", {"remaining": 20})
    await book.posted(op.reverse(book.key(), wrong, adjustment, 5))
    await book.posted(op.reverse(book.key(), wrong, adjustment, reason="granted twice"))
    assert await book.refused(op.reverse(book.key(), wrong, adjustment)) == "above-lot"
    assert await book.refused(op.reverse(book.key(), right, adjustment)) == "above-lot"
    lots = await book.lots("Li")
    assert (lots.pop(right), lots.pop(wrong), *lots.values()) == (0, 0, 100)
    assert await book.balances("Li", "adjustment") == (100, 20)
    assert await book.faults() == []


async def test_a_reversal_that_is_refused_leaves_a_lot_as_it_was(book):
    lot = await book.fund("Li", 50)
    assert await book.refused(op.reverse(book.key(), lot, 999_999)) == "unknown-account"
    refused = op.reverse(book.key(), lot, book.ids["held"])
    assert await book.refused(refused) == "holding-account"
    assert await book.available("Li") == 50
    await book.posted(op.reverse(book.key(), lot, book.ids["budget"], 20))
    assert await book.available("Li") == 30
    await book.posted(op.reverse(book.key(), lot, book.ids["budget"]))
    assert await book.available("Li") == 0
    assert await book.faults() == []


async def test_what_comes_back_to_a_reversed_lot_is_spent_by_nobody(book):
    lot = await book.fund("Li", 50)
    number = await book.hold("Li", 50)
    assert await book.refused(op.reverse(book.key(), lot, book.ids["budget"])) == "above-lot"
    await book.posted(op.void(book.key(), number))
    assert (await book.balance("Li"), await book.available("Li")) == (50, 0)
    assert await book.refused(book.transfer("Li", "shop", 1)) == "insufficient"
    await book.posted(op.reverse(book.key(), lot, book.ids["budget"]))
    assert await book.balances("Li", "budget") == (0, 50)
    assert await book.faults() == []


async def test_a_lot_that_is_over_is_reversed_too_and_then_nothing_is_left_to_expire(book):
    lot = await book.fund("Li", 10, days=1)
    book.pass_days(2)
    await book.posted(op.reverse(book.key(), lot, book.ids["adjustment"]))
    assert await book.sweep() == 0
    assert await book.balances("Li", "adjustment", "expired") == (0, 10, 0)
    assert await book.faults() == []


async def test_a_sweep_at_once_with_spending_books_every_point_once(book, at_once):
    for name in ("Li", "Wang"):
        await book.fund(name, 10, days=1)
        await book.fund(name, 10, days=9)
    book.pass_days(2)
    things = [book.post(book.transfer(name, "shop", 10)) for name in ("Li", "Wang")]
    *_, first, second = await at_once([*things, book.sweep(), book.sweep()], sessions=4)
    assert {first, second} == {0, 2}
    assert await book.balances("Li", "Wang", "shop", "expired") == (0, 0, 20, 20)
    assert await book.faults() == []


@pytest.mark.parametrize(
    "order",
    [
        ("INSERT INTO point_transfer SELECT 99, debit, credit, 5, 0, 0, NULL, at, NULL, kind, NULL"
        " FROM point_transfer"),
        "UPDATE point_transfer SET amount = 5",
        "DELETE FROM point_transfer",
        "TRUNCATE point_transfer",
        "UPDATE point_account SET balance = 5",
        "UPDATE point_account SET floor = NULL",
        ("INSERT INTO point_account (code, kind, lots, balance, opened_at)"
        " VALUES ('new', 'budget', false, 5, now())"),
        "DELETE FROM point_account",
        "INSERT INTO point_lot VALUES (99, 1, 5, 5, 'infinity', 0, false)",
        "UPDATE point_lot SET remaining = amount",
        "DELETE FROM point_lot",
        "UPDATE point_lot_use SET returned = 0",
        "INSERT INTO point_hold VALUES (99, 1, 2, 3, 5, now(), 0, 0, 0)",
        "UPDATE point_hold SET captured = amount",
        "DELETE FROM point_hold",
        "INSERT INTO point_key VALUES ('\\x00', '\\x00', 1, '2026-06-30')",
        "UPDATE point_key SET refusal = NULL",
        "DELETE FROM point_key",
        "UPDATE point_token SET hold = NULL",
        "INSERT INTO point_token VALUES ('\\x00', 1, NULL, now(), 1)",
        "UPDATE point_book SET id = 1",
        "DELETE FROM point_book",
        "UPDATE point_epoch SET root = ''",
        "DELETE FROM point_epoch",
        "SELECT nextval('point_transfer_id_seq')",
        "SELECT write_balances_v1(ARRAY['(0,1)'::tid], '{1}', '{5}')",
        "SELECT give_back_v1(99, 1, 2, 5, false, '2026-06-30', '2026-06-30')",
        "SELECT point_shortfall_v1(1, 1, '2026-06-30')",
    ],
)  # fmt: skip
async def test_the_server_has_no_way_past_the_posting_functions(book, order):
    await book.fund("Li", 5)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await book.ask(order)


@pytest.mark.parametrize(
    "order",
    ["UPDATE point_transfer SET amount = 5", "DELETE FROM point_transfer", "TRUNCATE point_transfer"],
)  # fmt: skip
@pytest.mark.parametrize("role", ["origin", "replica"])
async def test_not_even_the_owner_changes_a_transfer(book, order, role):
    await book.fund("Li", 5)
    async with book.owner() as conn:
        await conn.execute(f"SET session_replication_role = {role}")
        with pytest.raises(asyncpg.PostgresError, match="append-only"):
            await conn.execute(order)
    assert await book.balance("Li") == 5


async def test_the_balance_at_any_transfer_can_be_read_and_is_that_of_a_replay(book):
    await book.busy_day()
    async with book.owner() as conn:
        rows = await conn.fetch("SELECT * FROM point_transfer ORDER BY id")
    replayed = dict.fromkeys(book.ids.values(), 0)
    for row in rows:
        replayed[row["debit"]] -= row["amount"]
        replayed[row["credit"]] += row["amount"]
        read = (row["debit_balance"], row["credit_balance"])
        assert read == (replayed[row["debit"]], replayed[row["credit"]]), row
    assert replayed == {number: await book.balance(name) for name, number in book.ids.items()}
    assert {"capture", "void", "release", "refund", "reverse", "expire"} < {r["kind"] for r in rows}
    assert await book.faults() == []


async def test_an_imported_transfer_keeps_its_own_day(book):
    happened = date(2019, 3, 1)
    asked = [
        book.transfer("issuance", "Li", 1, happened_on=happened, reason="志愿服务") for _ in range(30)
    ]  # fmt: skip
    numbers = [await book.posted(asked[0])]
    numbers += [one.transfer for one in await book.writer.post_all(asked[1:])]
    async with book.owner() as conn:
        rows = await conn.fetch("SELECT id, happened_on, reason, at FROM point_transfer")
    assert {tuple(row) for row in rows} == {
        (number, happened, "志愿服务", book.clock.now()) for number in numbers
    }


async def test_accounts_are_opened_by_several_at_once_in_any_order(
    book, database_url, lock_awaited
):
    first, second = (NewAccount(code, "resident") for code in ("Zhao", "Zhou"))
    now = book.clock.now()
    async with book.db.transaction("150200") as conn, book.db.transaction("150200") as other:
        ids = await store.open_accounts(conn, [first], now)
        opening = asyncio.create_task(store.open_accounts(other, [second, first], now))
        await lock_awaited(database_url)
        ids |= await store.open_accounts(conn, [second], now)
        await conn.execute("COMMIT; BEGIN")
        assert await opening == ids


async def test_an_account_of_an_unknown_kind_is_not_opened(book):
    async with book.db.city("150200") as conn:
        with pytest.raises(asyncpg.CheckViolationError):
            await store.open_accounts(conn, [NewAccount("gift", "gift")], book.clock.now())


async def test_a_second_account_of_a_kind_of_which_a_book_has_one_is_refused(book):
    async with book.db.city("150200") as conn:
        for opened in (
            [NewAccount("other held", "held")],
            [NewAccount("Zhao", "resident"), NewAccount("other issuance", "issuance")],
        ):
            with pytest.raises(asyncpg.CheckViolationError):
                await store.open_accounts(conn, opened, book.clock.now())
        assert await conn.fetchval("SELECT count(*) FROM point_account") == len(book.ids)
        # To ask again under the same code is to ask for the account that is there.
        again = [NewAccount("held", "held"), NewAccount("Li", "resident")] * 2
        found = await store.open_accounts(conn, again, book.clock.now())
    assert found == {name: book.ids[name] for name in ("held", "Li")}


async def test_of_two_that_open_the_only_account_of_a_kind_at_once_one_is_refused(
    book, database_url, lock_awaited
):
    await book.ask_owner("DELETE FROM point_account WHERE kind = 'pending'")
    now = book.clock.now()
    async with book.db.transaction("150200") as conn, book.db.city("150200") as other:
        await store.open_accounts(conn, [NewAccount("first", "pending")], now)
        opening = asyncio.create_task(
            store.open_accounts(other, [NewAccount("second", "pending")], now)
        )
        await lock_awaited(database_url)
        await conn.execute("COMMIT; BEGIN")
        with pytest.raises(asyncpg.CheckViolationError):
            await opening
    assert await book.ask("SELECT code FROM point_account WHERE kind = 'pending'") == "first"


async def test_a_code_stands_for_an_account_of_one_kind(book):
    async with book.db.city("150200") as conn:
        for opened in (
            [NewAccount("Li", "merchant")],
            [NewAccount("Zhao", "resident"), NewAccount("Zhao", "merchant")],
        ):
            with pytest.raises(asyncpg.CheckViolationError):
                await store.open_accounts(conn, opened, book.clock.now())
