"""Settlements: totals that add up to the fen, a digest anybody can compute again, their course."""

import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from credit.kit.clock import CHINA
from credit.kit.errors import Conflict, CreditError, Forbidden
from credit.market.logic.settlements import (
    LINES_MAX,
    ORDER,
    STATE_WORDS,
    Act,
    Course,
    Line,
    Statement,
    acts_of,
    body_of,
    digest_of,
    refusal,
    take,
)

AT = datetime(2026, 6, 30, 4, 0, 0, 123456, tzinfo=UTC)


def line(transfer, amount, kind="capture", reference="小票 1"):
    return Line(transfer, kind, amount, AT, reference, "0190a1b2-0000-7000-8000-000000000001")


def statement(*lines, after=10, upto=99, fen=80, carried=0):
    return Statement("150200", "SH-0001", after, upto, fen, carried, lines)


JUNE = statement(line(11, 500), line(14, 300), line(20, 120, "refund"))


def test_what_is_paid_is_what_was_captured_less_what_was_refunded():
    body = body_of(JUNE)
    assert (body["captures"], body["captured"]) == (2, 800)
    assert (body["refunds"], body["refunded"]) == (1, 120)
    assert (JUNE.points, JUNE.payable, JUNE.fen, JUNE.state) == (680, 680, 54_400, "drawn")


@pytest.mark.parametrize(
    ("lines", "carried", "payable"),
    [([line(11, 100), line(12, 130, "refund")], 0, -30), ([line(11, 100)], -100, 0), ([], -5, -5)],
)
def test_where_nothing_is_to_be_paid_the_points_are_carried(lines, carried, payable):
    found = statement(*lines, carried=carried)
    assert (found.payable, found.fen, found.state) == (payable, 0, "carried")
    after = statement(line(150, 200), after=99, upto=200, carried=found.payable)
    assert after.fen == (200 + payable) * 80
    assert after.state == "drawn"


@given(
    st.lists(
        st.tuples(st.sampled_from(["capture", "refund"]), st.integers(1, 1000), st.booleans()),
        max_size=60,
    ),
    st.integers(1, 100_000),
)
def test_however_a_year_is_cut_into_statements_the_same_is_paid(movements, fen):
    """What is paid together with what is still carried is worth what the book says."""
    lines, paid, carried, after = [], 0, 0, 0
    for number, (kind, amount, cut) in enumerate(movements, 1):
        lines.append(line(number, amount, kind))
        if cut or number == len(movements):
            found = statement(*lines, after=after, upto=number, fen=fen, carried=carried)
            paid, after, lines = paid + found.fen, number, []
            carried = found.payable if found.state == "carried" else 0
    balance = sum(amount if kind == "capture" else -amount for kind, amount, _ in movements)
    assert paid + carried * fen == balance * fen
    assert carried <= 0


def test_the_digest_is_that_of_canonical_json_as_every_other_library_writes_it():
    body = body_of(JUNE)
    assert digest_of(JUNE) == hashlib.sha256(rfc8785.dumps(body)).digest()
    # And so does whoever has nothing but a JSON parser and the text that was sent.
    sent = json.loads(json.dumps(body, indent=3))
    text = json.dumps(sent, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    assert digest_of(JUNE) == hashlib.sha256(text.encode()).digest()


def test_the_digest_never_changes():
    assert (
        digest_of(JUNE).hex() == "7e179caecf49b48e964340bcaa941a16cbcfb624ed744baf084de333bdf50c43"
    )


@pytest.mark.parametrize(
    "other",
    [
        replace(JUNE, city="410402"),
        replace(JUNE, merchant="SH-0002"),
        replace(JUNE, after=9),
        replace(JUNE, upto=100),
        replace(JUNE, fen_per_point=81),
        replace(JUNE, carried=-1),
        replace(JUNE, lines=JUNE.lines[:2]),
        replace(JUNE, lines=(line(11, 501), *JUNE.lines[1:])),
        replace(JUNE, lines=(line(12, 500), *JUNE.lines[1:])),
        replace(JUNE, lines=(line(11, 500, reference=None), *JUNE.lines[1:])),
        replace(JUNE, lines=(replace(JUNE.lines[0], redemption="another"), *JUNE.lines[1:])),
        replace(JUNE, lines=(replace(JUNE.lines[0], at=AT + timedelta(milliseconds=1)),
            *JUNE.lines[1:])),
    ],
)  # fmt: skip
def test_whatever_is_changed_in_a_statement_changes_its_digest(other):
    assert digest_of(other) != digest_of(JUNE)


def test_the_same_moment_in_another_zone_is_the_same():
    moved = tuple(replace(one, at=one.at.astimezone(CHINA)) for one in JUNE.lines)
    assert digest_of(replace(JUNE, lines=moved)) == digest_of(JUNE)


@pytest.mark.parametrize(
    "change",
    [
        {"lines": (line(14, 1), line(11, 1))},
        {"lines": (line(14, 1), line(14, 1))},
        {"lines": (line(10, 1),)},
        {"lines": (line(100, 1),)},
        {"lines": (line(11, 0),)},
        {"lines": (line(11, -3),)},
        {"lines": (line(11, 1, "void"),)},
        {"lines": tuple(line(11 + n, 1) for n in range(LINES_MAX + 1)), "upto": 10**6},
        {"lines": (), "upto": 10},
        {"carried": 1},
        {"fen_per_point": 0},
    ],
)
def test_what_is_no_stretch_of_the_book_is_no_statement(change):
    with pytest.raises(ValueError):
        replace(JUNE, **change)


DRAWN = Course("drawn", "officer-1", b"1" * 32)
WORDS = {"dispute": "第 3 笔不是我们的", "uphold": "已核对", "redraw": "已补记", "pay": "2026-0701"}


def act(kind, by="officer-2", digest=None, carried=False):
    return Act(kind, by, digest, WORDS.get(kind, ""), carried)


def test_a_settlement_is_confirmed_by_what_was_seen_and_paid_by_somebody_else():
    confirmed = take(DRAWN, act("confirm", "merchant-1", DRAWN.digest))
    assert confirmed == replace(DRAWN, state="confirmed")
    with pytest.raises(Forbidden) as refused:
        take(confirmed, act("pay", "officer-1"))
    assert refused.value.slug == "four-eyes"
    assert take(confirmed, act("pay")).state == "paid"


def test_what_was_drawn_anew_meanwhile_is_not_confirmed_unseen():
    disputed = take(DRAWN, act("dispute"))
    redrawn = take(disputed, act("redraw", digest=b"2" * 32))
    assert redrawn == Course("drawn", "officer-1", b"2" * 32)
    for seen in (DRAWN.digest, None, b""):
        with pytest.raises(Conflict) as refused:
            take(redrawn, act("confirm", digest=seen))
        assert refused.value.slug == "statement-changed"
        assert refused.value.allowed == {"digest": "32" * 32}
    assert take(redrawn, act("confirm", digest=b"2" * 32)).state == "confirmed"


def test_a_dispute_is_upheld_with_reasons_and_may_be_raised_again():
    disputed = take(DRAWN, act("dispute"))
    upheld = take(disputed, act("uphold"))
    assert upheld == DRAWN
    assert take(upheld, act("dispute")).state == "disputed"


def test_to_draw_the_same_again_is_no_answer():
    disputed = take(DRAWN, act("dispute"))
    for digest in (None, DRAWN.digest):
        with pytest.raises(Conflict) as refused:
            take(disputed, act("redraw", digest=digest))
        assert refused.value.slug == "statement-unchanged"


def test_what_turns_out_to_be_nothing_to_pay_is_carried():
    disputed = take(DRAWN, act("dispute"))
    carried = take(disputed, act("redraw", digest=b"2" * 32, carried=True))
    assert carried.state == "carried"
    assert acts_of("carried") == []


@pytest.mark.parametrize("kind", sorted(WORDS))
def test_what_has_to_be_written_down_is_asked_for(kind):
    state = next(iter(ORDER[kind][0]))
    for text in ("", " \n"):
        with pytest.raises(Conflict) as refused:
            take(replace(DRAWN, state=state), Act(kind, "officer-2", b"2" * 32, text))
        assert refused.value.slug == "text-missing"


class Settling(RuleBasedStateMachine):
    """Anybody does anything at any time; what is paid was confirmed as it was drawn."""

    def __init__(self):
        super().__init__()
        self.course, self.confirmed = DRAWN, None

    @rule(
        kind=st.sampled_from(sorted(ORDER)),
        by=st.sampled_from(["officer-1", "officer-2", "merchant-1"]),
        digest=st.sampled_from([b"1" * 32, b"2" * 32, b"3" * 32, None]),
        text=st.sampled_from(["", "理由"]),
        carried=st.booleans(),
    )
    def do(self, kind, by, digest, text, carried):
        deed = Act(kind, by, digest, text, carried)
        before, why = self.course, refusal(self.course, deed)
        if why is not None:
            with pytest.raises(CreditError, match=re.escape(why)):
                take(before, deed)
            return
        self.course = take(before, deed)
        assert before.state in ORDER[kind][0]
        assert self.course.state in (ORDER[kind][1], "carried")
        if kind == "confirm":
            self.confirmed = self.course.digest
        if self.course.state == "paid":
            assert by != "officer-1"
            assert text
            assert self.confirmed == self.course.digest
        assert (before.digest == self.course.digest) == (kind != "redraw")
        assert self.course.state in STATE_WORDS


TestSettling = Settling.TestCase
