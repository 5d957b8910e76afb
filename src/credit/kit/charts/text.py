"""Words and numbers of a picture: cleaned, measured, wrapped and written as a Chinese reader expects."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal

from credit.kit.languages import LANGUAGE, shown
from credit.kit.texts import SEMICOLON, listed, say

__all__ = [
    "EM",
    "LABEL_CHARS_MAX",
    "VALUE_MAX",
    "axis_numbers",
    "brief",
    "clean",
    "exact",
    "fit",
    "number",
    "percent",
    "sentence",
    "short_number",
    "signed",
    "width",
    "wrap",
]

EM = 13.0  # font size in units of the viewBox; the stylesheet may only make it smaller
LABEL_CHARS_MAX = 200
VALUE_MAX = Decimal(10) ** 12

_PLACES = Decimal("0.0001")
_TOKEN = re.compile(r"[A-Za-z0-9.,/%+−-]+ ?|.")
_CLOSING = frozenset("，。、；：！？）》」』】”’…%,.;:!?)]")
# What a page in the language counts large numbers in.
_UNITS = {
    "zh": ((Decimal(10) ** 8, "亿"), (Decimal(10) ** 4, "万")),
    "en": ((Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "m"), (Decimal(10) ** 3, "k")),
}


def exact(value: Decimal) -> Decimal:
    """Round a value half up to the 4 decimals that pictures know; ValueError beyond `VALUE_MAX`."""
    if not value.is_finite() or abs(value) > VALUE_MAX:
        raise ValueError("a picture shows finite values up to VALUE_MAX only")
    return value.quantize(_PLACES, ROUND_HALF_UP)


def number(value: Decimal) -> str:
    """Write a value with up to 4 decimals, commas between thousands and a real minus sign."""
    value = exact(value)
    text = f"{abs(value):,f}".rstrip("0").rstrip(".")
    return f"−{text}" if value < 0 else text


def signed(value: Decimal) -> str:
    """Write a change: with its sign, unless it is nothing."""
    return f"+{number(value)}" if exact(value) > 0 else number(value)


def short_number(value: Decimal, room: float, *, sign: bool = False) -> str:
    """Write a value in full where it fits into `room` units, otherwise rounded, in 万 or 亿."""
    text = signed(value) if sign else number(value)
    if width(text) <= room:
        return text
    for unit, name in _UNITS[LANGUAGE.get()]:
        if abs(value) >= unit:
            rounded = (value / unit).quantize(Decimal("0.01"), ROUND_HALF_UP)
            return (signed(rounded) if sign else number(rounded)) + name
    return fit(text, room)


def axis_numbers(ticks: Sequence[Decimal]) -> list[str]:
    """Write the ticks of an axis in one unit: 亿 or 万 where no digit is lost, else in full."""
    for unit, name in _UNITS[LANGUAGE.get()]:
        whole = all((tick / unit * 1000) % 1 == 0 for tick in ticks)
        if whole and max(abs(tick) for tick in ticks) >= unit:
            return [number(tick / unit) + (name if tick else "") for tick in ticks]
    return [number(tick) for tick in ticks]


def percent(share: Decimal) -> str:
    """Write a share (1 is all) in percent with up to one decimal."""
    return number((share * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)) + "%"


def clean(text: str) -> str:
    """Say a text in the page's language, without what cannot be shown or would reorder its
    surroundings; one space between words.

    Longer than `LABEL_CHARS_MAX` characters, it ends in an ellipsis.
    """
    kept = "".join(map(_visible, shown(text)[: LABEL_CHARS_MAX * 4]))
    kept = " ".join(kept.split())
    return kept if len(kept) <= LABEL_CHARS_MAX else kept[: LABEL_CHARS_MAX - 1] + "…"


def _visible(char: str) -> str:
    # Private and unassigned characters stay: rare names are written with them.
    code = ord(char)
    category = unicodedata.category(char)
    if category == "Cc":
        return " "
    hidden = category in ("Cf", "Cs") or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return "" if hidden else char


def sentence(parts: Iterable[str]) -> str:
    """Make one sentence of several statements."""
    return say("%(parts)s。", parts=listed(parts, SEMICOLON))


def width(text: str) -> float:
    """Estimate the width of a text in units of the viewBox, rather too wide than too narrow."""
    return EM * sum(map(_char_ems, text))


def _char_ems(char: str) -> float:
    if 0x1F000 <= ord(char) < 0x20000:
        return 1.4  # emoji
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0.0
    if unicodedata.east_asian_width(char) in "WFA" or ord(char) >= 0x20000:
        return 1.0
    if char in " ,.:;'|!ijl":
        return 0.32
    return 0.76 if char.isupper() or char in "mw@%+−<>=≥≤" else 0.6


def fit(text: str, room: float) -> str:
    """Cut a text to `room` units, with an ellipsis where something is missing."""
    if width(text) <= room:
        return text
    left = room - width("…")
    for end, char in enumerate(text):
        left -= width(char)
        if left < 0:
            return text[:end].rstrip() + "…"
    return text


def brief(text: str) -> str:
    """Cut a text to what a list within a sentence bears, some 20 Chinese characters."""
    return fit(text, 20 * EM)


def wrap(text: str, room: float, lines_max: int) -> list[str]:
    """Break a text into at most `lines_max` lines of about equal width, none above `room` units."""
    lines = _break(text, room)
    if len(lines) > lines_max:
        head = [line.rstrip() for line in lines[: lines_max - 1]]
        return [*head, fit("".join(lines[lines_max - 1 :]), room)]
    narrow = width(text) / len(lines)
    while narrow < room:
        balanced = _break(text, narrow)
        if len(balanced) <= len(lines):
            return [line.rstrip() for line in balanced]
        narrow += EM / 2
    return [line.rstrip() for line in lines]


def _break(text: str, room: float) -> list[str]:
    lines = [""]
    last = ""
    for token in _tokens(text, room):
        if width(lines[-1] + token.rstrip()) <= room or not lines[-1]:
            lines[-1] += token
        elif token in _CLOSING and len(last) < len(lines[-1]) and width(last + token) <= room:
            # A closing mark never begins a line: what stands before it comes along.
            lines[-1] = lines[-1][: -len(last)]
            lines.append(last + token)
        else:
            lines.append(token)
        last = last + token if token in _CLOSING else token
    return lines


def _tokens(text: str, room: float) -> list[str]:
    tokens: list[str] = []
    for token in _TOKEN.findall(text):
        tokens.extend([token] if width(token) <= room else token)
    return tokens
