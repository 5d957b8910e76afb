"""Questions and answers as workbooks: the list of bidders to fill in, and a kept answer."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from credit.grades.queries.service import KeptAnswer
from credit.kit.excel import Column, RowData, SheetSpec

__all__ = ["BIDDERS", "answer_tables", "listed_words", "text_of_rows"]

BIDDERS = SheetSpec(
    "投标人",
    (
        Column("code", "统一社会信用代码", "code", required=False, example="91150202MA000000X3"),
        Column("name", "名称", "text", required=False, chars_max=120),
    ),
    ("一行一家。代码和名称填一样就够，两样都填时以代码为准。",),
)
STATUS = {"已评级": "graded", "未评级": "unrated", "登记册里没有": "unknown"}
LISTS = {"red": "红名单", "black": "黑名单"}
KINDS = {"statutory": "法定", "departmental": "部门", "self-discipline": "行业自律"}
EFFECTS = {"reference": "仅供参考", "statutory bar": "法定限制"}
ABOUT = SheetSpec(
    "这次查询",
    (Column("what", "事项", "text", width=18), Column("value", "内容", "text", width=90)),
)
ANSWERS = SheetSpec(
    "回答",
    (
        Column("place", "序号", "integer"),
        Column("code", "统一社会信用代码", "code"),
        Column("name", "名称", "text", required=False),
        Column("status", "状态", "choice", choices=STATUS),
        Column("grade", "等级", "text", required=False, width=8),
        Column("score", "得分", "decimal", required=False, places=4),
        Column("valid_from", "有效期起", "text", required=False, width=14),
        Column("valid_until", "有效期止（不含）", "text", required=False, width=16),
        Column("lists", "红黑名单", "text", required=False, width=40),
        Column("published_at", "公布时间", "text", required=False, width=26),
        Column("pack", "规则包", "text", required=False, width=34),
        Column("log", "日志编号", "text", required=False, width=12),
    ),
)


def text_of_rows(rows: Sequence[RowData]) -> str:
    """Return a filled-in list of bidders as the lines of a form."""
    chosen = (str(row.values["code"] or row.values["name"]) for row in rows)
    return "\n".join(" ".join(one.split()) for one in chosen)


def listed_words(lists: Sequence[Mapping[str, str]]) -> str:
    """Say which lists somebody stands on: kind, basis and what follows from it."""
    return "；".join(
        f"{LISTS[one['list']]}（{KINDS[one['kind']]}，{one['legal_basis']}，{EFFECTS[one['effect']]}）"
        for one in lists
    )


def answer_tables(
    kept: KeptAnswer, public_key: str
) -> list[tuple[SheetSpec, list[dict[str, Any]]]]:
    """Return a kept answer as two sheets: the question with its signature, a row for each bidder."""
    document = kept.document
    signature = document["signature"]
    about = {
        "查询编号": document["id"],
        "用途": document["purpose"],
        "招标编号": document["tender_ref"],
        "按哪一天": document["at"],
        "提问时间": document["asked_at"],
        "签名密钥": signature["kid"],
        "公钥": public_key,
        "签名": signature["sig"],
        "签名内容的 SHA-256": kept.digest,
        "说明": "表格只供阅读，核对签名请用下载的 JSON 文件。",
    }
    return [
        (ABOUT, [{"what": what, "value": value} for what, value in about.items()]),
        (ANSWERS, [_row(place, one) for place, one in enumerate(document["answers"], 1)]),
    ]


def _row(place: int, one: Mapping[str, Any]) -> dict[str, Any]:
    pack, log = one.get("pack"), one.get("log") or {}
    sample = "（示例）" if pack and pack["status"] == "sample" else ""
    index = log.get("index")
    return {
        "place": place,
        "code": one["uscc"],
        "name": one["name"],
        "status": one["status"],
        "grade": one["grade"],
        "score": None if one["score"] is None else Decimal(one["score"]),
        "valid_from": one.get("valid_from"),
        "valid_until": one.get("valid_until"),
        "lists": listed_words(one.get("lists", ())) or None,
        "published_at": one.get("published_at"),
        "pack": f"{pack['id']} {pack['version']}{sample}" if pack else None,
        "log": None if index is None else str(index),
    }
