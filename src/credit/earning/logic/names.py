"""Names of participants: what may be one, and how much of it others are shown."""

import unicodedata

from credit.kit.errors import Invalid
from credit.kit.texts import say

__all__ = ["NAME_CHARS_MAX", "check_name", "covered", "covered_phone", "posted_name"]

NAME_CHARS_MAX = 40
COVER = "＊"
# Of Unicode's categories: what is not seen, turns the direction of what follows, or is no character.
_UNSEEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def check_name(name: str) -> str:
    """Return a name without the blanks around it; refuses one that is none, or not what it seems."""
    plain = name.strip()
    unseen = any(unicodedata.category(char) in _UNSEEN for char in plain)
    if not plain or len(plain) > NAME_CHARS_MAX or unseen or not any(map(str.isalnum, plain)):
        raise Invalid(
            say("姓名或名称写 1 到 %(most)s 个字，不能有看不见的字符。", most=NAME_CHARS_MAX)
        )
    return plain


def covered(name: str) -> str:
    """Return a person's name with nothing but its first letter, however long it is."""
    first = next((char for char in name if char.isalpha()), "")
    return first + COVER


def covered_phone(phone: str) -> str:
    """Return a telephone number with nothing but its last four digits."""
    return COVER + phone[-4:] if phone else ""


def posted_name(name: str | None, *, unit: bool, minor: bool) -> str:
    """Return the name under which an award is made public.

    An organisation stands with its whole name, a person with the first letter of it, a child
    without any; whoever had the name erased has none.
    """
    if name is None:
        return say("已注销的参与者")
    if unit:
        return name
    return say("未成年参与者") if minor else covered(name)
