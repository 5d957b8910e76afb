"""The course of an entry against a small model of it, written down again as what has happened."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from credit.blacklist.logic import (
    Act,
    Course,
    Span,
    check_text,
    digest_of,
    next_term,
    refusal,
    take,
)
from credit.kit.errors import Conflict, CreditError, Forbidden, Invalid
from credit.rules.listing import ListRule

PEOPLE = st.sampled_from(["proposer", "hearer", "decider", "publisher", "subject"])
START = date(2026, 6, 30)


class Entry(RuleBasedStateMachine):
    """Anybody tries anything on any day; what is allowed is what the model says.

    The model knows only what has been done, by whom and when, and asks of each act what the rules
    say in words.
    """

    @initialize(name=st.sampled_from(["red", "black"]))
    def begin(self, name):
        self.today = START
        self.name = name
        self.done = [("propose", "proposer", START)]
        self.hearing = ""
        self.due = None
        self.course = Course(name, "proposed", "proposer")

    def was(self, *kinds):
        return any(kind in kinds for kind, _, _ in self.done)

    def last_by(self, *kinds):
        return next((by for kind, by, _ in reversed(self.done) if kind in kinds), None)

    def closed(self):
        return self.was("reject", "exit")

    def answerable(self):
        return self.was("notice") and not self.was("answer") and self.today <= self.due

    def may(self, kind, by):
        """Say in words whether an act may be done now."""
        if self.closed():
            return False
        undecided = not self.was("list")
        silent_till_now = self.was("notice") and (self.was("answer") or self.today > self.due)
        if kind == "notice":
            return not self.was("notice")
        if kind == "answer":
            others = by not in ("proposer", self.last_by("notice"))
            return others and self.answerable() and not self.was("hear") and undecided
        own = ("proposer", self.last_by("notice"), self.last_by("answer"))
        if kind == "hear":
            return silent_till_now and undecided and not self.was("hear") and by not in own
        if kind in ("list", "reject"):
            others = by not in (*own, self.last_by("hear"))
            if kind == "reject":
                return others and not self.was("publish")
            needed = self.hearing == "asked" or (self.name == "black" and self.hearing != "waived")
            heard = self.was("hear") or not needed
            return others and undecided and silent_till_now and heard
        if kind == "publish":
            third = by not in ("proposer", self.last_by("list"))
            return third and self.was("list") and not self.was("publish")
        if kind in ("continue", "leave"):
            others = by not in (*own, self.last_by("hear"))
            return others and self.was("publish") and not self.was("leave")
        third = by not in ("proposer", self.last_by("list", "leave"))
        return kind == "exit" and third and self.was("leave")

    def attempt(self, kind, by, **more):
        act = Act(kind, by, self.today, **more)
        allowed = self.may(kind, by)
        assert (refusal(self.course, act) is None) == allowed, (kind, by, self.done)
        if allowed:
            self.course = take(self.course, act)
            self.done.append((kind, by, self.today))
        else:
            with pytest.raises((Conflict, Forbidden)):
                take(self.course, act)
        return allowed

    @rule(by=PEOPLE, days=st.integers(0, 4))
    def notice(self, by, days):
        due = self.today + timedelta(days=days)
        if self.attempt("notice", by, due=due):
            self.due = due

    @rule(by=PEOPLE, hearing=st.sampled_from(["", "asked", "waived"]))
    def answer(self, by, hearing):
        if self.attempt("answer", by, hearing=hearing):
            self.hearing = hearing

    @rule(by=PEOPLE, kind=st.sampled_from(["hear", "list", "reject", "publish"]))
    def go_on(self, by, kind):
        self.attempt(kind, by)

    @rule(by=PEOPLE, kind=st.sampled_from(["continue", "leave", "exit"]))
    def go_off(self, by, kind):
        self.attempt(kind, by)

    @rule(days=st.integers(1, 5))
    def wait(self, days):
        self.today += timedelta(days=days)

    @invariant()
    def the_state_says_what_was_done(self):
        assert (self.course.state == "exited") == self.was("exit")
        assert (self.course.state == "rejected") == self.was("reject")
        assert (self.course.state in ("published", "leaving", "exited")) == self.was("publish")

    @invariant()
    def somebody_is_always_due_between_notice_and_decision(self):
        pending = self.was("notice") and not self.was("list", "reject")
        assert (next_term(self.course) in ("hearing", "decision")) == pending

    @invariant()
    def no_one_took_two_parts_that_belong_to_two(self):
        by = {kind: who for kind, who, _ in self.done}
        for first, second in (
            ("propose", "list"), ("propose", "hear"), ("hear", "list"), ("propose", "publish"),
            ("list", "publish"), ("leave", "exit"), ("propose", "answer"), ("notice", "answer"),
            ("notice", "hear"), ("notice", "list"), ("answer", "hear"), ("answer", "list"),
        ):  # fmt: skip
            assert first not in by or by.get(second) != by[first]


def test_an_entry_goes_only_the_way_the_rules_say_whoever_tries_what():
    run_state_machine_as_test(
        Entry, settings=settings(max_examples=300, stateful_step_count=25, deadline=None)
    )


def rule_with(**changed):
    values = {
        "list": "black", "title": "黑名单", "subjects": ("enterprise",), "kinds": ("self-discipline",),
        "term_months": 12, "review_months": 6, "retention_months": 6, "answer_days": 10,
        "hearing_days": 15, "decision_days": 15, "source": "示例",
    }  # fmt: skip
    return ListRule(**{**values, **changed})


@given(
    st.dates(date(2020, 1, 1), date(2060, 12, 31)),
    st.integers(1, 60), st.integers(1, 60), st.integers(1, 60), st.booleans(),
)  # fmt: skip
def test_an_entry_is_reviewed_within_its_term_and_forgotten_after_it(
    first, term, review, kept, person
):
    review = min(review, term)
    rule = rule_with(term_months=term, review_months=review, retention_months=kept)
    span = Span.beginning(rule, first, person=person)
    assert first < span.review_on <= span.until
    assert (span.retain_until is not None) == person
    assert span.retain_until is None or span.retain_until > span.until


@pytest.mark.parametrize("text", ["", "  ", "\n", "a\0b", "a\x1b[2J", "x" * 4001, "半\ud800字"])
def test_a_text_that_cannot_be_kept_is_refused(text):
    with pytest.raises(Invalid):
        check_text(text)


def test_a_text_is_kept_as_written_but_for_blanks_around_it():
    text = "<script>alert('x')</script>；DROP TABLE list_entry; -- %s {{ 1 }} \u202e"
    assert check_text(f"  {text}\r\n第二段\n") == f"{text}\n第二段"
    assert check_text("", required=False) == ""


@given(st.text(max_size=50), st.text(max_size=50), st.binary(min_size=16, max_size=16))
def test_reasons_are_committed_to_and_not_given_away(text, other, salt):
    try:
        digest = digest_of(text, salt)
        same = digest == digest_of(other, salt)
    except ValueError:  # a lone surrogate is refused before anybody signs it
        return
    assert same == (text == other)
    assert digest_of(text, bytes(16)) != digest or salt == bytes(16)


def test_every_refusal_says_what_to_do_next():
    course = Course("black", "noticed", "proposer", START)
    for kind in ("notice", "hear", "list", "publish", "exit"):
        with pytest.raises(CreditError) as refused:
            take(course, Act(kind, "x", START))
        assert "请" in refused.value.detail
