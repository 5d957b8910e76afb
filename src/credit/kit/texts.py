"""Sentences for people: Chinese strings that know how to be said in another language.

A sentence is its own key, with places for values: `say("文件超过 %(size)s MB。", size=20)`. Logs,
machines, the command line and what is stored see the Chinese string; a page shows what the
catalogue of its language says, and Chinese where that says nothing. Standard library only: the
offline verifier imports it.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from gettext import NullTranslations
from typing import Self

__all__ = [
    "COMMA",
    "SEMICOLON",
    "Text",
    "listed",
    "marked",
    "marked_as",
    "plain",
    "recognised",
    "said_by",
    "say",
]


class Text(str):
    """A sentence in Chinese, with what it takes to translate it.

    `message` is the sentence with its places, `%(name)s`; `values` fill them, and are translated
    where they are texts themselves. `context` tells apart two meanings of the same Chinese.
    """

    __slots__ = ("context", "message", "values")

    context: str
    message: str
    values: Mapping[str, object]

    def __new__(
        cls, message: str, values: Mapping[str, object] | None = None, context: str = ""
    ) -> Self:
        """Fill the places; a message without values may hold any %."""
        text = super().__new__(cls, message % values if values else message)
        text.context, text.message, text.values = context, message, values or {}
        return text

    def translated(self, catalogue: NullTranslations) -> str:
        """Say it as the catalogue does."""
        if not self.message:
            return ""  # the key under which a catalogue describes itself
        if self.context:
            message = catalogue.pgettext(self.context, self.message)
        else:
            message = catalogue.gettext(self.message)
        if not self.values:
            return message
        return message % {name: _translated(one, catalogue) for name, one in self.values.items()}


class _List(Text):
    """Several values in a row."""

    __slots__ = ("items", "separator")

    items: tuple[object, ...]
    separator: str

    def translated(self, catalogue: NullTranslations) -> str:
        """Translate each value, and what stands between them."""
        between = str(_translated(self.separator, catalogue))
        return between.join(str(_translated(one, catalogue)) for one in self.items)


def _translated(value: object, catalogue: NullTranslations) -> object:
    return value.translated(catalogue) if isinstance(value, Text) else value


def say(message: str, /, **values: object) -> str:
    """Say a sentence, as a Text; `values` fill its places, `%(name)s`.

    With values a % of its own is written %%; a place without a value raises KeyError.
    """
    return Text(message, values)


def marked(text: str) -> str:
    """Make a constant, such as a title, a Text."""
    return Text(text)


def marked_as(context: str, text: str) -> str:
    """Make a constant a Text whose Chinese means something else in another place."""
    return Text(text, context=context)


COMMA = marked("、")
SEMICOLON = marked("；")


def listed(values: Iterable[object], separator: str = COMMA) -> str:
    """Say several values in a row, as a Text: between them 、 in Chinese, a comma in English."""
    items = tuple(values)
    text = _List(separator.join(map(str, items)))
    text.items, text.separator = items, separator
    return text


def plain(value: object) -> object:
    """Turn a Text into its string, for encoders that know no kinds of str; else TypeError."""
    if isinstance(value, Text):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no text")


def recognised(text: str, messages: Iterable[str]) -> str:
    """Make a Text again of what was stored, if it is one of the messages with its places filled."""
    for message in messages:
        found = _pattern(message).fullmatch(text)
        if found is not None:
            return Text(message, found.groupdict())
    return text


@cache
def _pattern(message: str) -> re.Pattern[str]:
    parts = re.split(r"%\((\w+)\)s", message)
    return re.compile(
        "".join(f"(?P<{one}>.*)" if k % 2 else re.escape(one) for k, one in enumerate(parts)),
        re.DOTALL,
    )


def said_by(error: Exception) -> str:
    """Return the sentence an exception was raised with, or that of the one it stands for.

    A decoder that calls our own checks raises its own exception from theirs.
    """
    for one in (error, error.__cause__):
        if one is not None and one.args and isinstance(one.args[0], Text):
            return one.args[0]
    return str(error)
