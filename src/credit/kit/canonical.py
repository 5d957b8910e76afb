"""Canonical JSON, profile JCS-int: RFC 8785 without floats, so that a signature has one text.

The profile: no floats (money in fen, rates as decimal strings), integers below 2^53, ASCII
property names, text signed as given (no normalisation), no lone surrogates, no duplicate keys,
at most `DEPTH_MAX` levels. Standard library only: the offline verifier imports this module.
"""

import json
from typing import Any

__all__ = ["DEPTH_MAX", "NotCanonicalError", "canonical", "parse"]

DEPTH_MAX = 16
INTEGER_BOUND = 2**53
INTEGER_DIGITS_MAX = 17  # a sign and sixteen digits


class NotCanonicalError(ValueError):
    """A value or text outside the profile; the message says what and where."""


def canonical(value: Any) -> bytes:
    """Encode a value; raises NotCanonicalError for what the profile leaves out."""
    _check(value, 1)
    return _encode(value)


def parse(data: bytes) -> Any:
    """Decode canonical bytes; raises NotCanonicalError unless encoding again gives the same.

    The comparison is what catches duplicate keys, spaces, escapes and orders that a JSON parser
    does not show. The message gives the first offset that differs.
    """
    try:
        value = json.loads(
            data.decode("utf-8"), parse_int=_integer, parse_float=_refuse, parse_constant=_refuse
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise NotCanonicalError(f"not JSON in UTF-8: {error}") from error
    again = canonical(value)
    if again != data:
        offset = next(
            (i for i, (a, b) in enumerate(zip(data, again, strict=False)) if a != b),
            min(len(data), len(again)),
        )
        raise NotCanonicalError(f"not in canonical form from byte {offset} on")
    return value


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _encode(value: Any) -> bytes:
    return _ENCODER.encode(value).encode("utf-8")


def _integer(text: str) -> int:
    if len(text) > INTEGER_DIGITS_MAX:
        raise NotCanonicalError(f"integer {text[:INTEGER_DIGITS_MAX]}… is not below 2^53")
    return int(text)


def _refuse(text: str) -> Any:
    raise NotCanonicalError(f"{text[:40]} is not an integer; write decimals as strings")


def _check(value: Any, depth: int) -> None:
    """Refuse what the profile leaves out; types are told by identity, the commonest first."""
    if depth > DEPTH_MAX:
        raise NotCanonicalError(f"nested more than {DEPTH_MAX} levels deep")
    kind = type(value)
    if kind is str:
        if not value.isascii():
            _check_text(value)
    elif kind is dict:
        _check_names(value)
        for item in value.values():
            _check(item, depth + 1)
    elif kind is list or kind is tuple:
        for item in value:
            _check(item, depth + 1)
    else:
        _check_scalar(value, kind)


def _check_names(value: dict[Any, Any]) -> None:
    for name in value:
        if type(name) is not str or not name.isascii():
            raise NotCanonicalError(f"property name {name!r} is not ASCII text")


def _check_scalar(value: Any, kind: type[Any]) -> None:
    if kind is int:
        if not -INTEGER_BOUND < value < INTEGER_BOUND:
            raise NotCanonicalError(f"integer of {value.bit_length()} bits is not below 2^53")
    elif kind is not bool and value is not None:
        raise NotCanonicalError(f"{kind.__name__} has no canonical form")


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotCanonicalError("text holds a lone surrogate") from error
