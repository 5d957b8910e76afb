"""Participation and wallets as workbooks: what a clerk fills in, what a member takes away."""

from collections.abc import Mapping, Sequence
from typing import Any

from credit.kit.excel import Column, SheetSpec
from credit.rules.bank import Bank

__all__ = [
    "ATTENDANCE_SHEET", "HISTORY_SHEET", "MEMBER_SHEET", "PARTICIPATION_SHEET", "SPENDING_SHEET",
    "participation_sheet",
]  # fmt: skip

UNITS = {"minute": "分钟", "time": "次", "yuan": "元"}
STATES = {
    "entered": "待审核",
    "approved": "已通过，正在入账",
    "refused": "不予记分",
    "unfunded": "已通过，预算不足",
    "pending": "待生效",
    "granted": "已到账",
    "reversed": "已撤回",
}
MEMBER_SHEET = SheetSpec(
    "参与者",
    (Column("field", "项目", width=24), Column("value", "内容", required=False, width=48)),
)
PARTICIPATION_SHEET = SheetSpec(
    "参与记录",
    (
        Column("participated_on", "参与日期", "date"),
        Column("title", "积分规则", width=24),
        Column("quantity", "数量", "integer"),
        Column("unit", "单位"),
        Column("points", "积分", "integer"),
        Column("state", "状态", "choice", choices={title: code for code, title in STATES.items()}),
        Column("available_on", "可用日期", "date", required=False),
        Column("evidence", "凭据", width=40),
        Column("reason", "理由", required=False, width=40),
        Column("id", "编号", "code", width=38),
    ),
)
ATTENDANCE_SHEET = SheetSpec(
    "活动签到",
    (
        Column("title", "活动", width=24),
        Column("place", "地点", width=24),
        Column("came", "签到时间", width=20),
        Column("left", "签退时间", required=False, width=20),
        Column("by_hand", "由工作人员补记", required=False),
        Column("activity", "活动编号", "code", width=38),
    ),
)
SPENDING_SHEET = SheetSpec(
    "积分使用",
    (
        Column("at", "时间", width=20),
        Column("merchant", "商户", required=False, width=24),
        Column("code", "商户编号", "code", required=False),
        Column("offer", "权益", required=False, width=24),
        Column("held", "保留", "integer"),
        Column("captured", "收取", "integer"),
        Column("returned", "没有收取而退回", "integer"),
        Column("refunded", "收取后退还", "integer"),
        Column("id", "编号", "code"),
    ),
)
HISTORY_SHEET = SheetSpec(
    "积分明细",
    (
        Column("at", "时间", width=20),
        Column("kind", "类别", "code"),
        Column("amount", "变动", "integer"),
        Column("balance", "余额", "integer"),
        Column("participated_on", "参与日期", "date", required=False),
        Column("note", "说明", required=False, width=40),
        Column("id", "编号", "code"),
    ),
)


def participation_sheet(bank: Bank) -> SheetSpec:
    """Return the sheet a clerk fills in, with the pack's rules as a drop-down list."""
    return SheetSpec(
        "参与记录",
        (
            Column(
                "wallet", "钱包编号", "code", required=False, chars_max=24, width=26,
                help="填了就不必填姓名和手机后四位；都填时要一致", example="W7K2…",
            ),
            Column("name", "姓名或名称", required=False, chars_max=40, width=16),
            Column(
                "phone", "手机后四位", "code", required=False, chars_max=4, width=12,
                help="没有钱包编号时和姓名一起填",
            ),
            Column("rule", "积分规则", "choice", choices=_rules(bank.earning), width=36),
            Column(
                "quantity", "数量", "integer", required=False,
                help="按规则的单位填写；不填按通常的一次计",
            ),
            Column(
                "points", "积分", "integer", required=False,
                help="一般不填，由规则算出；直接填写的会提醒审核人核对",
            ),
            Column("on", "参与日期", "date"),
            Column(
                "evidence", "凭据", chars_max=200, width=40,
                help="签到表、值班表、收据等的名称和编号，不写人名",
            ),
        ),
        tuple(_line(one) for one in bank.earning),
    )  # fmt: skip


def _rules(earning: Sequence[Any]) -> Mapping[str, str]:
    return {f"{one.title} {one.code}": one.code for one in earning}


def _line(rule: Any) -> str:
    usual = f"，不填按 {rule.usual} {UNITS[rule.unit]}计" if rule.usual else "，必须填数量"
    steps = "；".join(
        f"每 {step.per} {UNITS[rule.unit]} {step.points} 分"
        + (f"（全年超过 {step.above} {UNITS[rule.unit]}的部分）" if step.above else "")
        for step in rule.steps
    )
    return f"{rule.title}　{rule.code}：{steps}{usual}"
