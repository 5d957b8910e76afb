"""Settlements as workbooks: a list of them, and the lines of one."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any

from credit.kit.clock import CHINA
from credit.kit.excel import Column, SheetSpec, write_table
from credit.market.logic.settlements import STATE_WORDS, Line
from credit.market.settlements.views import Settled

__all__ = ["lines_book", "list_book", "yuan_of"]

LIST = SheetSpec(
    "结算单",
    (
        Column("id", "结算单编号", "code", width=38),
        Column("merchant", "商户编号", "code", width=14),
        Column("name", "商户"),
        Column("division", "辖区", "code", width=16),
        Column("begins_on", "自", "date"),
        Column("ends_on", "至", "date"),
        Column("captures", "收取笔数", "integer"),
        Column("captured", "收取积分", "integer"),
        Column("refunds", "退还笔数", "integer"),
        Column("refunded", "退还积分", "integer"),
        Column("carried", "上期结转积分", "integer"),
        Column("payable", "结算积分", "integer"),
        Column("price", "每积分（元）", "decimal"),
        Column("yuan", "金额（元）", "decimal", width=16),
        Column("state", "状态"),
        Column("drawn_on", "出单日期", "date"),
        Column("paid_on", "付款日期", "date", required=False),
        Column("voucher", "付款凭证号", required=False),
        Column("digest", "摘要（SHA-256）", "code", width=66),
    ),
)
LINES = SheetSpec(
    "明细",
    (
        Column("transfer", "账本编号", "integer", width=14),
        Column("at", "时间（北京）", width=20),
        Column("kind", "类别", width=10),
        Column("points", "积分", "integer"),
        Column("reference", "小票号或备注", required=False),
        Column("redemption", "兑换编号", "code"),
    ),
)
KINDS = {"capture": "收取", "refund": "退还"}


def yuan_of(fen: int) -> Decimal:
    """Return fen as yuan."""
    return Decimal(fen).scaleb(-2)


def list_book(found: Iterable[Settled]) -> bytes:
    """Write a list of settlements, one to a row."""
    book = BytesIO()
    write_table([(LIST, map(_row, found))], book)
    return book.getvalue()


def lines_book(settled: Settled, lines: Sequence[Line]) -> bytes:
    """Write a settlement with its lines; what was given back stands with a minus."""
    rows = [
        {
            "transfer": one.transfer,
            "at": f"{one.at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}",
            "kind": KINDS[one.kind],
            "points": one.amount if one.kind == "capture" else -one.amount,
            "reference": one.reference,
            "redemption": one.redemption,
        }
        for one in lines
    ]
    book = BytesIO()
    write_table([(LIST, [_row(settled)]), (LINES, rows)], book)
    return book.getvalue()


def _row(one: Settled) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "merchant": one.merchant,
        "name": one.name,
        "division": one.division,
        "begins_on": one.begins_on,
        "ends_on": one.ends_on,
        "captures": one.captures,
        "captured": one.captured,
        "refunds": one.refunds,
        "refunded": one.refunded,
        "carried": one.carried,
        "payable": one.payable,
        "price": yuan_of(one.fen_per_point),
        "yuan": yuan_of(one.fen),
        "state": str(STATE_WORDS[one.state]),
        "drawn_on": one.drawn_at.astimezone(CHINA).date(),
        "paid_on": one.paid_at and one.paid_at.astimezone(CHINA).date(),
        "voucher": one.voucher,
        "digest": one.digest.hex(),
    }
