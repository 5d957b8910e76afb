"""What the decoder says of a value that does not fit, in words a clerk understands."""

import re
from collections.abc import Sequence

import msgspec

from credit.kit.texts import Text, listed, marked, said_by, say

__all__ = ["fault_of_form", "in_words"]

KINDS = {
    "int": marked("整数"),
    "str": marked("文字"),
    "bool": marked("true 或 false"),
    "array": marked("列表"),
    "object": marked("键值表"),
    "float": marked("小数"),
    "null": "null",
    "uuid": "UUID",
}
OR = marked("或")
Wordings = Sequence[tuple[str, str]]
# What the decoder says, and how it is told; the one group of a pattern is the value.
WORDINGS: Wordings = (
    (r"Object missing required field `(.+?)`", marked("缺少 %(value)s")),
    (
        r"Object contains unknown field `(.+?)`",
        marked("没有 %(value)s 这个字段，请去掉或改正"),
    ),
    (r"Expected `int` <= (-?\d+)", marked("不能大于 %(value)s")),
    (r"Expected `int` >= (-?\d+)", marked("不能小于 %(value)s")),
    (r"Expected `str` of length <= (\d+)", marked("最多 %(value)s 个字")),
    (r"Expected `str` of length >= (\d+)", marked("至少 %(value)s 个字")),
    (r"Expected `(?:array|object)` of length <= (\d+)", marked("最多 %(value)s 项")),
    (r"Expected `(?:array|object)` of length >= (\d+)", marked("至少 %(value)s 项")),
    (r"Expected `str` matching regex .*?", marked("写法不对，请看接口文档里的格式")),
    (
        r"Expected `datetime` with a timezone component|Invalid RFC3339 encoded datetime",
        marked("不是带时区的时间，请写成 2026-06-30T08:00:00Z 或 +08:00"),
    ),
    (r"Expected `(.+?)`, got `.+?`", marked("应为%(value)s")),
    (r"Invalid enum value (.+?)", marked("不能是 %(value)s，可用的值见接口文档")),
    (r"Invalid UUID", marked("应为 UUID")),
)
# Who fills in a form has no documentation of an interface, but the form's own help.
FORM_WORDINGS: Wordings = (
    (r"Object missing required field .*", marked("必填")),
    (r"Expected `str` matching regex .*", marked("写法不对，请按这一栏的要求填写")),
    (r"Invalid enum value .*|Invalid UUID", marked("请从给出的选项里选")),
    *WORDINGS,
)


def in_words(message: str) -> str:
    """Put what the decoder says into a clerk's words; what is unknown stays as it is."""
    plain, _, place = message.partition(" - at ")
    found = _told(plain, WORDINGS)
    if found is None:
        return message
    return say("%(fault)s（%(place)s）", fault=found, place=place.strip("`")) if place else found


def fault_of_form(error: msgspec.ValidationError) -> tuple[str, str]:
    """Return which field of a form does not fit, "" where that is not known, and why."""
    message = said_by(error)
    plain, _, place = message.partition(" - at `$.")
    missing = re.fullmatch(r"Object missing required field `(.+?)`", plain)
    names = re.findall(r"[a-z_]+", place)
    field = missing[1] if missing else names[-1] if names else ""
    return field, message if isinstance(message, Text) else _told(plain, FORM_WORDINGS) or plain


def _told(plain: str, wordings: Wordings) -> str | None:
    for pattern, words in wordings:
        match = re.fullmatch(pattern, plain)
        if match:
            values = [
                listed((KINDS.get(one, one) for one in group.split(" | ")), OR)
                for group in match.groups()
            ]
            return Text(words, {"value": values[0]}) if values else words
    return None
