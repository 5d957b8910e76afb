"""One-time codes: ten digits a person can read out, known to the book by their digest alone."""

import hashlib
import re

__all__ = ["CODE_DIGITS", "code_of", "digest_of", "grouped"]

CODE_DIGITS = 10
_CODE = re.compile(rf"[0-9]{{{CODE_DIGITS}}}", re.ASCII)
_BLANKS = str.maketrans("", "", " -")


def code_of(random: bytes) -> str:
    """Make a code of at least 16 random bytes, of which ten digits keep nothing uneven."""
    if len(random) < 16:
        raise ValueError("a code takes 16 random bytes")
    return f"{int.from_bytes(random, 'big') % 10**CODE_DIGITS:0{CODE_DIGITS}}"


def digest_of(code: str) -> bytes | None:
    """Return what the book knows a code by, however it was spaced; None for what is no code."""
    digits = code.translate(_BLANKS)
    return hashlib.sha256(digits.encode()).digest() if _CODE.fullmatch(digits) else None


def grouped(code: str) -> str:
    """Write a code as people read it out: 123 456 7890."""
    return f"{code[:3]} {code[3:6]} {code[6:]}"
