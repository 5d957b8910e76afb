"""Merchants (商户): who may be one, who decides, and what follows a decision.

A merchant signs a commitment letter (诚信经营承诺书) and a contract with the operator; who breaks it
is suspended, or loses the plaque for good.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from credit.access.logic import refuse_same_person
from credit.kit.errors import Conflict, FieldError, Invalid
from credit.kit.texts import marked, say

__all__ = [
    "ACT_WORDS",
    "FEN_MAX",
    "ORDER",
    "REASONED",
    "STATE_WORDS",
    "ActKind",
    "State",
    "Terms",
    "acts_of",
    "check_terms",
    "code_of",
    "masked_wallet",
    "take",
]

State = Literal["proposed", "open", "suspended", "refused", "closed"]
ActKind = Literal["admit", "refuse", "suspend", "resume", "close"]

STATE_WORDS: Mapping[State, str] = {
    "proposed": marked("等待审核入驻"),
    "open": marked("正在营业"),
    "suspended": marked("暂停兑换"),
    "refused": marked("没有通过"),
    "closed": marked("已退出"),
}
ACT_WORDS: Mapping[ActKind, str] = {
    "admit": marked("准予入驻"),
    "refuse": marked("不予入驻"),
    "suspend": marked("暂停"),
    "resume": marked("恢复"),
    "close": marked("退出"),
}
# From which states an act leads on, and to which state.
ORDER: Mapping[ActKind, tuple[frozenset[State], State]] = {
    "admit": (frozenset({"proposed"}), "open"),
    "refuse": (frozenset({"proposed"}), "refused"),
    "suspend": (frozenset({"open"}), "suspended"),
    "resume": (frozenset({"suspended"}), "open"),
    "close": (frozenset({"open", "suspended"}), "closed"),
}
# What the merchant is told the reason of.
REASONED = frozenset[ActKind]({"refuse", "suspend", "close"})
FEN_MAX = 100_000
CONTRACT_DAYS_MAX = 3_660
CODE_DIGITS_MIN = 4


@dataclass(frozen=True, slots=True)
class Terms:
    """What a merchant agrees on with the operator.

    Points are paid at `fen_per_point`; the contract runs from one day through another; the letter
    was signed on `commitment_on`.
    """

    category: str
    fen_per_point: int
    contract_from: date
    contract_until: date
    commitment_on: date


def code_of(number: int) -> str:
    """Return the code of a city's merchant by its number: SH-0001, and longer when it has to be."""
    return f"SH-{number:0{CODE_DIGITS_MIN}}"


def check_terms(terms: Terms, categories: Collection[str], today: date) -> list[FieldError]:
    """Return what is wrong with the terms of a merchant that is proposed on a day."""
    faults = []
    if terms.category not in categories:
        faults.append(FieldError("category", say("请从列表里选一个类别。")))
    if not 1 <= terms.fen_per_point <= FEN_MAX:
        faults.append(FieldError("fen_per_point", say("每积分应在 0.01 到 1000 元之间。")))
    if terms.contract_until <= terms.contract_from:
        faults.append(FieldError("contract_until", say("合同结束日期应在开始日期之后。")))
    elif terms.contract_until <= today:
        faults.append(FieldError("contract_until", say("合同已经到期。请填写现在有效的合同。")))
    elif (terms.contract_until - terms.contract_from).days > CONTRACT_DAYS_MAX:
        faults.append(FieldError("contract_until", say("一份合同最长十年，请核对日期。")))
    if terms.commitment_on > today:
        faults.append(FieldError("commitment_on", say("签订日期在今天之后，请核对。")))
    return faults


def acts_of(state: State) -> list[ActKind]:
    """Return what may be decided about a merchant in a state."""
    return [act for act, (before, _) in ORDER.items() if state in before]


def take(
    state: State, act: ActKind, *, by: str, proposed_by: str, reason: str | None = None
) -> State:
    """Return the state a decision leads to.

    Raises Conflict for what may not follow, Forbidden for whoever proposed the merchant, Invalid
    where a reason is missing.
    """
    before, after = ORDER[act]
    if state not in before:
        raise Conflict(
            say(
                "这家商户%(state)s，现在不能“%(act)s”。请刷新后再看。",
                state=STATE_WORDS[state],
                act=ACT_WORDS[act],
            ),
            slug="wrong-state",
            allowed={"acts": acts_of(state)},
        )
    refuse_same_person(proposed_by, by)
    if act in REASONED and not reason:
        message = say("请写明理由，商户会看到。")
        raise Invalid(message, errors=(FieldError("reason", message),))
    return after


def masked_wallet(wallet: str) -> str:
    """Return a wallet's number with its middle left out: enough to tell two apart in a table."""
    return f"{wallet[:4]}…{wallet[-2:]}" if len(wallet) > 8 else "…"
