"""Codes of parties: unified social credit codes, and the internal numbers of who has none."""

import re

from stdnum.cn import uscc
from stdnum.exceptions import InvalidChecksum, InvalidComponent, ValidationError

from credit.kit.texts import say

__all__ = ["INTERNAL", "NUMBER_MAX", "CodeRefused", "check_code", "internal_code", "scheme_of"]

INTERNAL = re.compile(r"N[0-9]{6}-[0-9]{6}")
NUMBER_MAX = 999_999


class CodeRefused(ValueError):
    """A code that cannot be one; the message says why and what to do, in Chinese."""


def check_code(code: str) -> str:
    """Return a unified social credit code (GB 32100-2015) or an internal number, normalised.

    The embedded organisation code (GB 11714) is not checked: its check character does not hold
    for every registrant, so a code is refused for its own check character only.
    """
    text = code.strip().upper()
    if INTERNAL.fullmatch(text):
        return text
    if len(text) != 18:
        raise CodeRefused(
            say(
                "“%(code)s”有 %(count)s 位，统一社会信用代码应为 18 位。请核对营业执照；没有代码的单位请留空，由系统编内部编号。",
                code=code[:40],
                count=len(text),
            )
        )
    try:
        return str(uscc.validate(text))
    except InvalidChecksum:
        raise CodeRefused(
            say("“%(text)s”的校验位不对，多半有一位录错。请对照营业执照逐位核对。", text=text)
        ) from None
    except InvalidComponent:
        raise CodeRefused(
            say("“%(text)s”的登记部门或行政区划不对。请对照营业执照核对前 8 位。", text=text)
        ) from None
    except ValidationError:
        raise CodeRefused(
            say(
                "“%(text)s”含有不允许的字符：代码只用数字和大写字母，不用 I、O、S、V、Z。",
                text=text,
            )
        ) from None


def internal_code(city: str, number: int) -> str:
    """Number a party without a code: `N150200-000001`."""
    if not 1 <= number <= NUMBER_MAX:
        raise CodeRefused(say("内部编号已用完，请联系管理员。"))
    return f"N{city}-{number:06d}"


def scheme_of(code: str) -> str:
    """Name the scheme of an enterprise's code in the log: USCC, or INT for an internal number."""
    return "INT" if INTERNAL.fullmatch(code) else "USCC"
