"""The course of an entry: what may follow what, when, and by whom.

proposed → noticed → answered → heard → listed → published → leaving → exited; rejected ends it
before publication, and a term that ran out afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from credit.blacklist.views import ActKind, State
from credit.kit.errors import Conflict, CreditError, Forbidden
from credit.kit.texts import marked, say
from credit.rules.arithmetic import add_months
from credit.rules.listing import ListRule

__all__ = [
    "ORDER",
    "REVIEW_AHEAD_DAYS",
    "SCOPES",
    "Act",
    "Course",
    "Span",
    "next_term",
    "refusal",
    "take",
]

# So many days before a review is due, somebody should begin it.
REVIEW_AHEAD_DAYS = 14

# Which scope an act takes; an answer is the subject's own, or handed in for it by who proposes.
SCOPES: Mapping[ActKind, str] = {
    "notice": "lists:propose",
    "answer": "lists:propose",
    "hear": "events:hear",
    "list": "lists:decide",
    "reject": "lists:decide",
    "publish": "lists:publish",
    "continue": "lists:decide",
    "leave": "lists:decide",
    "exit": "lists:publish",
}
# From which states an act leads on, and to which state.
ORDER: Mapping[ActKind, tuple[frozenset[State], State]] = {
    "notice": (frozenset({"proposed"}), "noticed"),
    "answer": (frozenset({"noticed"}), "answered"),
    "hear": (frozenset({"noticed", "answered"}), "heard"),
    "list": (frozenset({"noticed", "answered", "heard"}), "listed"),
    "reject": (frozenset({"proposed", "noticed", "answered", "heard", "listed"}), "rejected"),
    "publish": (frozenset({"listed"}), "published"),
    "continue": (frozenset({"published"}), "published"),
    "leave": (frozenset({"published"}), "leaving"),
    "exit": (frozenset({"leaving"}), "exited"),
}
STATE_WORDS: Mapping[State, str] = {
    "proposed": marked("已提请，还没有告知"),
    "noticed": marked("已告知，等待陈述申辩"),
    "answered": marked("已陈述申辩"),
    "heard": marked("已听证"),
    "listed": marked("已决定列入，等待公布"),
    "rejected": marked("已决定不予列入"),
    "published": marked("已公布"),
    "leaving": marked("已决定移出，等待公布"),
    "exited": marked("已移出"),
    "ended": marked("已到期"),
}
ACT_WORDS: Mapping[ActKind, str] = {
    "notice": marked("告知"),
    "answer": marked("陈述申辩"),
    "hear": marked("听证"),
    "list": marked("决定列入"),
    "reject": marked("决定不予列入"),
    "publish": marked("公布"),
    "continue": marked("复核后继续列入"),
    "leave": marked("决定移出"),
    "exit": marked("公布移出"),
}


@dataclass(frozen=True, slots=True)
class Act:
    """Something somebody does about an entry on a day.

    `due` is the last day of the answer a notice asks for; `hearing` is what an answer says of it.
    """

    kind: ActKind
    by: str
    on: date
    due: date | None = None
    hearing: Literal["", "asked", "waived"] = ""


@dataclass(frozen=True, slots=True)
class Course:
    """Where an entry stands, and who did what decides who may do the next thing."""

    list: Literal["red", "black"]
    state: State
    proposed_by: str
    answer_due: date | None = None
    answered: bool = False
    hearing: Literal["", "asked", "waived"] = ""
    heard_by: str | None = None
    decided_by: str | None = None
    noticed_by: str | None = None
    answered_by: str | None = None

    @property
    def must_hear(self) -> bool:
        """Whether a hearing comes before the decision to list.

        It does where the subject asked for one, and before a black-list entry unless the subject
        waived it in writing: silence waives nothing.
        """
        return self.hearing == "asked" or (self.list == "black" and self.hearing != "waived")


@dataclass(frozen=True, slots=True)
class Span:
    """The days of an entry: in force before `until`; `retain_until` only of a person's."""

    first: date
    until: date
    review_on: date
    retain_until: date | None

    @classmethod
    def beginning(cls, rule: ListRule, first: date, *, person: bool) -> "Span":
        """Return the days of an entry published on `first`."""
        until = add_months(first, rule.term_months)
        review_on = min(add_months(first, rule.review_months), until)
        kept = add_months(until, rule.retention_months) if person else None
        return cls(first, until, review_on, kept)


def take(course: Course, act: Act) -> Course:
    """Return where an entry stands after an act; refuses what may not follow, or not yet, or not
    by this person.
    """
    before, state = ORDER[act.kind]
    if course.state not in before:
        raise Conflict(
            say(
                "这一条%(state_words)s，现在不能%(act_words)s。请刷新后再看。",
                state_words=STATE_WORDS[course.state],
                act_words=ACT_WORDS[act.kind],
            ),
            slug="wrong-state",
        )
    _refuse_person(course, act)
    _refuse_time(course, act)
    after = replace(course, state=state)
    if act.kind == "notice":
        return replace(after, answer_due=act.due, noticed_by=act.by)
    if act.kind == "answer":
        return replace(after, answered=True, hearing=act.hearing, answered_by=act.by)
    if act.kind == "hear":
        return replace(after, heard_by=act.by)
    return replace(after, decided_by=act.by) if act.kind in ("list", "reject", "leave") else after


def _refuse_person(course: Course, act: Act) -> None:
    """Refuse whoever would take two parts that belong to two people."""
    others: tuple[tuple[str | None, str], ...] = ()
    if act.kind == "answer":
        others = (
            (course.proposed_by, say("提请人不能代交陈述申辩")),
            (course.noticed_by, say("送达告知书的人不能代交陈述申辩")),
        )
    elif act.kind == "hear":
        others = (
            (course.proposed_by, say("提请人不能主持听证")),
            (course.noticed_by, say("送达告知书的人不能主持听证")),
            (course.answered_by, say("代交陈述申辩的人不能主持听证")),
        )
    elif act.kind in ("list", "reject", "continue", "leave"):
        others = (
            (course.proposed_by, say("提请人不能作决定")),
            (course.heard_by, say("听证主持人不能作决定")),
            (course.noticed_by, say("送达告知书的人不能作决定")),
            (course.answered_by, say("代交陈述申辩的人不能作决定")),
        )
    elif act.kind in ("publish", "exit"):
        others = (
            (course.proposed_by, say("提请人不能公布")),
            (course.decided_by, say("作决定的人不能公布")),
        )
    for person, words in others:
        if person == act.by:
            raise Forbidden(say("%(words)s。请由另一位同事办理。", words=words), slug="four-eyes")


def _refuse_time(course: Course, act: Act) -> None:
    """Refuse a late answer, and a hearing or listing before the subject could be heard."""
    due = course.answer_due
    waiting = not course.answered and due is not None and act.on <= due
    if act.kind == "answer" and not waiting:
        raise Conflict(
            say("陈述申辩的期限到 %(due)s 为止，已经过了。仍有意见的，请在听证时提出。", due=due),
            slug="answer-late",
        )
    if act.kind in ("hear", "list") and waiting:
        raise Conflict(
            say(
                "陈述申辩的期限到 %(due)s 为止，对方还没有答复。请等到答复或期限届满以后。", due=due
            ),
            slug="answer-awaited",
        )
    if act.kind == "list" and course.must_hear and course.heard_by is None:
        raise Conflict(
            say(
                "还没有听证：当事人要求听证，或列入黑名单而当事人没有书面放弃听证的，先听证再决定。"
            ),
            slug="hearing-missing",
        )


def refusal(course: Course, act: Act) -> str | None:
    """Say why an act may not follow now; None when it may."""
    try:
        take(course, act)
    except CreditError as refused:
        return refused.detail
    return None


def next_term(course: Course) -> Literal["hearing", "decision", "review"] | None:
    """Name what an office has to do next, within a term; None when nothing has one."""
    if course.state == "published":
        return "review"
    if course.state in ("noticed", "answered"):
        return "hearing" if course.must_hear else "decision"
    return "decision" if course.state == "heard" else None
