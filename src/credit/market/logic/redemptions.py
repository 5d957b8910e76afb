"""Redemptions as merchants see them: the state of a hold of the book, and the book's refusals.

The book keeps a hold; a merchant knows it as a redemption with one of five states. What comes back
of a captured one in part leaves it captured: the amounts say how much. What the book refuses is
said to whoever stands at the till, with what to do next; `allowed` says it to the till.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from credit.kit.errors import Conflict, CreditError, NotFound, Unprocessable
from credit.kit.texts import marked, say

__all__ = ["STATUS_WORDS", "Act", "Redemption", "Status", "redemption_of", "refusal_of"]

Status = Literal["authorized", "captured", "voided", "expired", "refunded"]
Act = Literal["authorize", "capture", "void", "refund"]

STATUS_WORDS: Mapping[Status, str] = {
    "authorized": marked("已保留，等待收取"),
    "captured": marked("已收取"),
    "voided": marked("已撤销"),
    "expired": marked("超时，积分已退回"),
    "refunded": marked("已退还"),
}
# Whose account is closed depends on what was asked.
CLOSED: Mapping[Act, str] = {
    "authorize": marked(
        "顾客的钱包或本商户的账户已经注销，不能兑换。请改用其他方式付款；有疑问请联系社区。"
    ),
    "capture": marked("本商户的账户已经注销，不能收取积分。请联系街道的运营人员。"),
    "void": marked("顾客的钱包已经注销，积分不能退回。请联系街道的运营人员。"),
    "refund": marked(
        "顾客的钱包已经注销，积分不能退还，也不能折成现金。请为顾客换货，或联系街道的运营人员。"
    ),
}


class Redemption(NamedTuple):
    """Where a redemption stands; amounts in points.

    `captured` is what the merchant got, `refunded` what of it went back since, `refundable` what
    still may. `acts` may follow now.
    """

    status: Status
    amount: int
    captured: int
    refunded: int
    refundable: int
    acts: tuple[Act, ...]


def redemption_of(
    *,
    amount: int,
    captured: int,
    returned: int,
    refunded: int,
    until: datetime,
    lapsed: bool,
    now: datetime,
) -> Redemption:
    """Return where a redemption stands, from its hold's row.

    The row does not say who gave points back that were never captured: `lapsed` does, it is true
    where the transfer that returned them is of the kind `lapse`. Whether a sweep has booked the
    end of a hold makes no difference: at `until` it is over.
    """
    refundable = captured - refunded
    status: Status
    acts: tuple[Act, ...] = ()
    if captured:
        status = "captured" if refundable else "refunded"
        acts = ("refund",) if refundable else ()
    elif returned:
        status = "expired" if lapsed else "voided"
    elif until <= now:
        status = "expired"
    else:
        status, acts = "authorized", ("capture", "void")
    return Redemption(status, amount, captured, refunded, refundable, acts)


def refusal_of(act: Act, outcome: str, details: Mapping[str, Any] | None) -> CreditError:
    """Return what to raise for an operation of the book that was not posted.

    The slug is the book's outcome, but for a key that was used for something else and a redemption
    there is not. Of a customer who has too little a merchant learns how much may be asked for,
    and neither what else is set aside nor what expires when: that is the customer's to see.
    Raises KeyError for outcomes that no redemption can come to: those are mistakes of ours.
    """
    found = details or {}
    if outcome in WORDED:
        return WORDED[outcome](act, found)
    if "detail" in found:  # refused before the book was asked, in these words
        return Conflict(found["detail"], slug=outcome, allowed=found["allowed"])
    words, acts = REFUSED[act, outcome] if (act, outcome) in REFUSED else REFUSED[None, outcome]
    return Conflict(words, slug=outcome, allowed=None if acts is None else {"acts": list(acts)})


def _key_reused(_: Act, __: Mapping[str, Any]) -> CreditError:
    return Unprocessable(
        say("这个 Idempotency-Key 已用于另一个请求。请为新的请求换一个新的键。"),
        slug="idempotency-key-reused",
    )


def _unknown(_: Act, __: Mapping[str, Any]) -> CreditError:
    return NotFound(say("没有这笔兑换，或者不是本商户的。请核对编号。"), slug="unknown-redemption")


def _closed(act: Act, _: Mapping[str, Any]) -> CreditError:
    return Conflict(CLOSED[act], slug="closed-account")


def _insufficient(act: Act, found: Mapping[str, Any]) -> CreditError:
    if act != "authorize":
        raise KeyError("insufficient")  # what is held is there, and a merchant has no floor
    available = found["available"]
    if available == 0:
        return Conflict(
            say("顾客现在没有可用的积分。请改用其他方式付款。"),
            slug="insufficient",
            allowed={"amount_max": 0},
        )
    return Conflict(
        say(
            "顾客的可用积分不够，现在最多可以用 %(available)s 积分。请征得顾客同意后改小数额，其余用其他方式付款。",
            available=available,
        ),
        slug="insufficient",
        allowed={"amount_min": 1, "amount_max": available},
    )


def _above_hold(_: Act, found: Mapping[str, Any]) -> CreditError:
    return Conflict(
        say(
            "超过了保留的数额：这笔最多可以收取 %(held)s 积分。请按保留的数额或更少收取；不够的，另做一笔兑换。",
            held=found["held"],
        ),
        slug="above-hold",
        allowed={"amount_min": 1, "amount_max": found["held"]},
    )


def _above_captured(_: Act, found: Mapping[str, Any]) -> CreditError:
    refundable = found["refundable"]
    if refundable == 0:
        return Conflict(
            say("这笔兑换的积分已经全部退还，不用再退。"),
            slug="above-captured",
            allowed={"amount_max": 0},
        )
    return Conflict(
        say(
            "超过了可以退还的数额：这笔还可以退 %(refundable)s 积分。请改小数额。",
            refundable=refundable,
        ),
        slug="above-captured",
        allowed={"amount_min": 1, "amount_max": refundable},
    )


# What is said with numbers in it, or differs by what was asked.
WORDED: Mapping[str, Callable[[Act, Mapping[str, Any]], CreditError]] = {
    "key-reused": _key_reused,
    "unknown-hold": _unknown,
    "closed-account": _closed,
    "insufficient": _insufficient,
    "above-hold": _above_hold,
    "above-captured": _above_captured,
}
# What else the book may answer, by what was asked (None: whatever it was), with the acts that may
# follow; where they are None, the same may be asked anew with something else in it.
REFUSED: Mapping[tuple[Act | None, str], tuple[str, tuple[Act, ...] | None]] = {
    ("authorize", "unknown-code"): (
        marked("没有这个付款码，或者它不是给本商户的。请顾客在钱包里刷新后重新出示。"),
        None,
    ),
    ("authorize", "code-used"): (
        marked(
            "这个付款码已经用过，每个码只能用一次。请先查有没有刚做好的同一笔兑换；没有的，请顾客刷新后重新出示。"
        ),
        None,
    ),
    ("authorize", "code-over"): (
        marked("这个付款码已经过期。请顾客在钱包里刷新后马上出示。"),
        None,
    ),
    (None, "bad-amount"): (marked("积分数额应是不小于 1 的整数。请改正后重试。"), None),
    ("capture", "hold-captured"): (
        marked("这笔兑换已经收取过，不用再收。要把积分退给顾客，请用退还。"),
        ("refund",),
    ),
    ("capture", "hold-voided"): (
        marked("这笔兑换已经撤销或超时，积分已退回顾客。请顾客重新出示付款码，另做一笔。"),
        (),
    ),
    ("capture", "hold-over"): (
        marked("这笔兑换超过了保留时间，积分已不再保留。请顾客重新出示付款码，另做一笔。"),
        (),
    ),
    ("void", "hold-captured"): (
        marked("这笔兑换已经收取，不能撤销。要把积分退给顾客，请用退还。"),
        ("refund",),
    ),
    ("void", "hold-voided"): (
        marked("这笔兑换已经撤销或超时，积分已退回顾客，不用再撤销。"),
        (),
    ),
    ("refund", "hold-not-captured"): (
        marked(
            "这笔兑换没有收取过积分，没有可以退还的。还保留着的请用撤销；已撤销或超时的，积分早已退回顾客。"
        ),
        None,
    ),
}
