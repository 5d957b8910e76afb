"""Settlements: a merchant's statement (结算单) of captures and refunds, and its way to payment.

A statement takes what the merchant's account got and gave back by the transfers numbered above
`after` through `upto`. The book numbers transfers in the order in which they are committed, so two
statements in a row leave nothing out and count nothing twice. Where refunds exceed captures nobody
pays: the points that are owed are carried to the next statement.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

from credit.access.logic import refuse_same_person
from credit.kit.canonical import canonical
from credit.kit.clock import rfc3339
from credit.kit.errors import Conflict, CreditError
from credit.kit.texts import marked, say

__all__ = [
    "ACT_WORDS",
    "LINES_MAX",
    "ORDER",
    "STATE_WORDS",
    "TYPE",
    "Act",
    "ActKind",
    "Course",
    "Line",
    "State",
    "Statement",
    "acts_of",
    "body_of",
    "digest_of",
    "refusal",
    "take",
]

State = Literal["drawn", "confirmed", "disputed", "paid", "carried"]
ActKind = Literal["confirm", "dispute", "uphold", "redraw", "pay"]

TYPE = "credit-settlement/v1"
LINES_MAX = 20_000  # of a statement; whoever draws one ends it there
STATE_WORDS: Mapping[State, str] = {
    "drawn": marked("等待商户确认"),
    "confirmed": marked("已确认，等待付款"),
    "disputed": marked("商户有异议，等待答复"),
    "paid": marked("已付款"),
    "carried": marked("不用付款，转入下一期"),
}
ACT_WORDS: Mapping[ActKind, str] = {
    "confirm": marked("确认"),
    "dispute": marked("提出异议"),
    "uphold": marked("维持原结算单"),
    "redraw": marked("重新出单"),
    "pay": marked("登记付款"),
}
# From which states an act leads on, and to which state; a statement that is drawn again may turn
# out to be one to carry.
ORDER: Mapping[ActKind, tuple[frozenset[State], State]] = {
    "confirm": (frozenset({"drawn"}), "confirmed"),
    "dispute": (frozenset({"drawn"}), "disputed"),
    "uphold": (frozenset({"disputed"}), "drawn"),
    "redraw": (frozenset({"disputed"}), "drawn"),
    "pay": (frozenset({"confirmed"}), "paid"),
}
# What has to be written down with an act.
MISSING: Mapping[ActKind, str] = {
    "dispute": marked("请写明对哪几笔有异议、为什么。"),
    "uphold": marked("请写明对商户的答复：为什么维持原结算单。"),
    "redraw": marked("请写明对商户的答复：改了什么。"),
    "pay": marked("请填写付款凭证号。"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A capture or refund: the number of its transfer, points, when, and whose of the merchant's
    own numbers it was made under.
    """

    transfer: int
    kind: Literal["capture", "refund"]
    amount: int
    at: datetime
    reference: str | None
    redemption: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What a merchant got and gave back, by the transfers above `after` through `upto`.

    `carried` are the points the statement before left to this one: zero, or less. A captured
    point is worth `fen_per_point` fen. `lines` stand in the order of their numbers. Raises
    ValueError where that is not so, which would be a mistake of whoever read the book.
    """

    city: str
    merchant: str
    after: int
    upto: int
    fen_per_point: int
    carried: int
    lines: tuple[Line, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be a stretch of the book."""
        numbers = [self.after, *(one.transfer for one in self.lines)]
        in_order = all(a < b for a, b in pairwise(numbers))
        if not in_order or not self.after < self.upto or numbers[-1] > self.upto:
            raise ValueError("the lines are not those of the stretch, each once and in order")
        if len(self.lines) > LINES_MAX:
            raise ValueError(f"a statement has at most {LINES_MAX} lines")
        if any(one.amount < 1 or one.kind not in ("capture", "refund") for one in self.lines):
            raise ValueError("a line is a capture or refund of one point or more")
        if self.carried > 0 or self.fen_per_point < 1:
            raise ValueError("what is carried is owed by the merchant, and a point is worth a fen")

    def count(self, kind: Literal["capture", "refund"]) -> int:
        """Return how many lines of a kind there are."""
        return sum(one.kind == kind for one in self.lines)

    def total(self, kind: Literal["capture", "refund"]) -> int:
        """Return the points of a kind's lines together."""
        return sum(one.amount for one in self.lines if one.kind == kind)

    @property
    def points(self) -> int:
        """What was captured less what was refunded."""
        return self.total("capture") - self.total("refund")

    @property
    def payable(self) -> int:
        """The points to be paid for; where they are zero or less, what is carried on."""
        return self.points + self.carried

    @property
    def fen(self) -> int:
        """The money to be paid, in fen."""
        return max(self.payable, 0) * self.fen_per_point

    @property
    def state(self) -> Literal["drawn", "carried"]:
        """The state in which it begins."""
        return "drawn" if self.payable > 0 else "carried"


def body_of(statement: Statement) -> dict[str, Any]:
    """Return a statement as it is digested, and as either side can write it again."""
    return {
        "after": statement.after,
        "captured": statement.total("capture"),
        "captures": statement.count("capture"),
        "carried": statement.carried,
        "city": statement.city,
        "fen": statement.fen,
        "fen_per_point": statement.fen_per_point,
        "lines": [
            {
                "amount": one.amount,
                "at": rfc3339(one.at),
                "kind": one.kind,
                "redemption": one.redemption,
                "reference": one.reference,
                "transfer": one.transfer,
            }
            for one in statement.lines
        ],
        "merchant": statement.merchant,
        "points": statement.points,
        "refunded": statement.total("refund"),
        "refunds": statement.count("refund"),
        "type": TYPE,
        "upto": statement.upto,
    }


def digest_of(statement: Statement) -> bytes:
    """Digest a statement: SHA-256 over its body as canonical JSON (RFC 8785)."""
    return hashlib.sha256(canonical(body_of(statement))).digest()


@dataclass(frozen=True, slots=True)
class Course:
    """Where a settlement stands: its state, who drew it, and the digest of what was drawn."""

    state: State
    drawn_by: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Act:
    """Something somebody does about a settlement.

    `digest` is that of the statement the merchant saw and confirms, or of the one drawn anew;
    `text` the dispute, its answer, or the number of the payment's voucher; `carried` says of what
    is drawn anew that there is nothing to pay.
    """

    kind: ActKind
    by: str
    digest: bytes | None = None
    text: str = ""
    carried: bool = False


def acts_of(state: State) -> list[ActKind]:
    """Return what may be done about a settlement in a state."""
    return [act for act, (before, _) in ORDER.items() if state in before]


def take(course: Course, act: Act) -> Course:
    """Return where a settlement stands after an act.

    Raises Conflict for what may not follow (`wrong-state`), a confirmation of something else than
    what is drawn (`statement-changed`), and what lacks its words (`text-missing`); Forbidden where
    whoever drew it would pay it.
    """
    before, state = ORDER[act.kind]
    if course.state not in before:
        raise Conflict(
            say(
                "这张结算单%(state)s，现在不能“%(act)s”。请刷新后再看。",
                state=STATE_WORDS[course.state],
                act=ACT_WORDS[act.kind],
            ),
            slug="wrong-state",
            allowed={"acts": acts_of(course.state)},
        )
    if act.kind in MISSING and not act.text.strip():
        raise Conflict(MISSING[act.kind], slug="text-missing")
    if act.kind == "pay":
        refuse_same_person(course.drawn_by, act.by)
    if act.kind == "confirm" and act.digest != course.digest:
        raise Conflict(
            say("结算单已经重新出过，与您看到的不同。请刷新，核对新的结算单后再确认。"),
            slug="statement-changed",
            allowed={"digest": course.digest.hex()},
        )
    if act.kind == "redraw":
        if act.digest is None or act.digest == course.digest:
            raise Conflict(
                say("重新出的结算单与原来的相同。没有要改的，请选“维持原结算单”并写明理由。"),
                slug="statement-unchanged",
            )
        return replace(course, state="carried" if act.carried else state, digest=act.digest)
    return replace(course, state=state)


def refusal(course: Course, act: Act) -> str | None:
    """Say why an act may not follow now; None when it may."""
    try:
        take(course, act)
    except CreditError as refused:
        return refused.detail
    return None
