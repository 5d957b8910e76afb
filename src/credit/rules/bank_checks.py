"""What must be true of the points bank beyond its shape: names, steps, caps, how long points last."""

import re
from collections.abc import Collection
from fractions import Fraction
from itertools import pairwise

from credit.rules.bank import Bank, EarningRule, Step
from credit.rules.checks import Note, repeated
from credit.rules.reading import Fault, Reader, shown

__all__ = ["check_bank"]

# What stands in addresses, tables and files under this name.
CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,59}")
MONTH_DAYS = 28  # the shortest month
FEN_PER_YUAN = 100


def check_bank(bank: Bank, out: list[Fault]) -> None:
    """Add every fault of meaning in the points bank."""
    note = Reader("points.yaml", out).fault
    kinds = [one.code for one in bank.participants]
    _check_codes("participants", kinds, note)
    _check_codes("merchant_categories", [one.code for one in bank.merchant_categories], note)
    _check_codes("earning", [rule.code for rule in bank.earning], note)
    if 0 < bank.valid_months * MONTH_DAYS <= bank.notice_days:
        note("notice_days", "应短于 valid_months，否则积分一发放就在到期提醒里。")
    for position, rule in enumerate(bank.earning):
        path = f"earning[{position}]"
        repeated(f"{path}.participants", rule.participants, note)
        _check_participants(f"{path}.participants", rule.participants, kinds, note)
        _check_steps(f"{path}.steps", rule.steps, note)
        _check_caps(path, rule, note)
        _check_category(path, rule, note)
        if rule.unit == "yuan":
            _check_price(f"{path}.steps", rule.steps, bank.fen_per_point, note)
        if rule.valid_months is not None and 0 < rule.valid_months * MONTH_DAYS <= bank.notice_days:
            note(f"{path}.valid_months", "应长于 notice_days，否则积分一发放就在到期提醒里。")


def _check_codes(path: str, codes: list[str], note: Note) -> None:
    if not codes:
        note(path, "至少写一项。")
    repeated(path, codes, note)
    for position, code in enumerate(codes):
        if not CODE.fullmatch(code):
            note(
                f"{path}[{position}].code",
                f"“{shown(code)}”不能作代码：应以英文字母或数字开头，由英文字母、数字和 _ . - 组成，"
                "不超过 60 个。",
            )


def _check_participants(
    path: str, named: tuple[str, ...], kinds: Collection[str], note: Note
) -> None:
    if not named:
        note(path, "至少写一类参与者。")
    for code in named:
        if code not in kinds:
            note(path, f"participants 里没有“{shown(code)}”。")


def _check_steps(path: str, steps: tuple[Step, ...], note: Note) -> None:
    """Steps begin at 0, rise, and give less and less: hours must not be worth piling up."""
    if not steps:
        note(path, "至少写一档，从 above: 0 开始。")
        return
    if steps[0].above != 0:
        note(f"{path}[0].above", "第一档应从 0 开始。")
    for position, (before, after) in enumerate(pairwise(steps), 1):
        if after.above <= before.above:
            note(f"{path}[{position}].above", "应大于上一档的 above，请从低到高排列。")
        if Fraction(after.points, after.per) > Fraction(before.points, before.per):
            note(f"{path}[{position}]", "不能比上一档给得多：量越大，单位积分只能不变或递减。")


def _check_caps(path: str, rule: EarningRule, note: Note) -> None:
    caps = [
        ("per_activity", rule.per_activity),
        ("per_day", rule.per_day),
        ("per_year", rule.per_year),
    ]
    known = [(key, cap) for key, cap in caps if cap is not None]
    for (key, low), (wider, high) in pairwise(known):
        if low > high:
            note(f"{path}.{key}", f"不能大于 {wider}。")
    if rule.quantity_per_day is not None and rule.usual > rule.quantity_per_day:
        note(f"{path}.usual", "不能大于 quantity_per_day。")


def _check_category(path: str, rule: EarningRule, note: Note) -> None:
    if rule.category == "donation":
        if rule.unit == "minute":
            note(f"{path}.unit", "捐赠不按分钟计，应写 time 或 yuan。")
        if rule.activity:
            note(f"{path}.activity", "捐赠不在活动里签到，应为 false。")
    elif rule.unit == "yuan":
        note(f"{path}.unit", "只有捐赠（category: donation）按元计，请写 minute 或 time。")
    if not rule.approval and not rule.activity:
        note(
            f"{path}.approval",
            "应为 true：不在活动里签到又没有人复核，一个人就能发积分。只有 activity: true 的可以不复核。",
        )


def _check_price(path: str, steps: tuple[Step, ...], fen_per_point: int, note: Note) -> None:
    """A gift must cost more than its points are worth: else points would be sold."""
    for position, step in enumerate(steps):
        if step.points * fen_per_point >= step.per * FEN_PER_YUAN:
            note(
                f"{path}[{position}]",
                "捐 1 元得到的积分不能值到 1 元（按 fen_per_point），积分不出售。请减少 points 或加大 per。",
            )
