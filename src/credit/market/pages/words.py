"""What pages call things of the market."""

from collections.abc import Mapping
from typing import Any

from credit.kit.texts import marked
from credit.market.logic import merchants, offers, redemptions
from credit.market.logic.hours import DAY_NAMES, words

__all__ = ["WORDS", "yuan"]

STATE_LOOKS: Mapping[str, str] = {
    "proposed": "warn-tag",
    "open": "good",
    "suspended": "bad",
    "paused": "bad",
    "refused": "muted",
    "closed": "muted",
    "ended": "muted",
}
STATUS_LOOKS: Mapping[str, str] = {
    "authorized": "warn-tag",
    "captured": "good",
    "voided": "muted",
    "expired": "muted",
    "refunded": "muted",
}
WHAT_FOLLOWS: Mapping[str, str] = {
    "admit": marked("开立商户账户，可以在收款页收取积分。"),
    "refuse": marked("商户不能收取积分；改正后可以重新提出。"),
    "suspend": marked("马上不能收取积分，“信用商户”标牌摘下；已收的照常结算，退还照常办理。"),
    "resume": marked("重新可以收取积分，“信用商户”标牌挂回。"),
    "close": marked("不能再收取积分，权益全部结束，标牌收回；已收的照常结算。退出以后不能恢复。"),
}


def yuan(fen: int) -> str:
    """Write fen as yuan, without noughts that say nothing."""
    return f"{fen // 100}.{fen % 100:02}".removesuffix(".00")


WORDS: Mapping[str, Any] = {
    "states": merchants.STATE_WORDS,
    "looks": STATE_LOOKS,
    "acts": merchants.ACT_WORDS,
    "reasoned": merchants.REASONED,
    "follows": WHAT_FOLLOWS,
    "kinds": offers.KINDS,
    "offer_states": offers.STATE_WORDS,
    "offer_acts": offers.ACT_WORDS,
    "statuses": redemptions.STATUS_WORDS,
    "status_looks": STATUS_LOOKS,
    "days": DAY_NAMES,
    "hours": words,
    "yuan": yuan,
}
