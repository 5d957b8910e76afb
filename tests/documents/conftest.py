"""Reads back a PDF as typst writes it: every run of text with its place on the page."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

_OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_RUN = re.compile(
    rb"q 1 0 0 -1 (-?[\d.]+) -?[\d.]+ cm[^\n]*\nBT 0 Tr/(f\d+) ([\d.]+) Tf 1 0 0 -1 0 0 Tm"
    rb"(.*?)T[jJ]\nET",
    re.DOTALL,
)
_TOKEN = re.compile(rb"\\([0-7]{3})|\\(.)|([()])|([^\\()]+)", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


@dataclass(frozen=True)
class Run:
    """A run of text; `left` and `right` are points from the left edge of the page."""

    page: int
    text: str
    left: float
    right: float


@dataclass(frozen=True)
class Paper:
    """A PDF read back."""

    pages: int
    runs: list[Run]

    @property
    def text(self) -> str:
        """All text in the order it is written, without spaces: runs break between words too."""
        return "".join("".join(run.text for run in self.runs).split())


@dataclass(frozen=True)
class _Font:
    letters: dict[int, str]
    widths: dict[int, float]


@pytest.fixture(scope="session")
def read_pdf():
    """Return a reader of PDF bytes."""
    return _read


def _read(pdf: bytes) -> Paper:
    objects = {int(found[1]): found[2] for found in _OBJECT.finditer(pdf)}
    pages = [body for body in objects.values() if b"/Type/Page/" in body]
    runs = []
    for number, page in enumerate(pages, 1):
        resources = objects[_reference(page, b"Resources")]
        fonts = {
            found[1]: _font(objects, int(found[2]))
            for found in re.finditer(rb"/(f\d+) (\d+) 0 R", resources)
        }
        content = _inflate(objects[_reference(page, b"Contents")])
        for left, font, size, glyphs in _RUN.findall(content):
            text, width = _decode(glyphs, fonts[font])
            begin = float(left)
            runs.append(Run(number, text, begin, begin + width * float(size) / 1000))
    return Paper(len(pages), runs)


def _reference(body: bytes, key: bytes) -> int:
    return int(re.search(rb"/" + key + rb"\[? ?(\d+) 0 R", body)[1])


def _inflate(body: bytes) -> bytes:
    return zlib.decompress(body.partition(b"stream\n")[2])


def _font(objects: dict[int, bytes], number: int) -> _Font:
    font = objects[number]
    letters = {
        int(glyph, 16): bytes.fromhex(text.decode()).decode("utf-16-be")
        for glyph, text in re.findall(
            rb"<([0-9A-F]{4})> <([0-9A-F]+)>", _inflate(objects[_reference(font, b"ToUnicode")])
        )
    }
    below = objects[_reference(font, b"DescendantFonts")]
    widths = {}
    listed = [float(one) for one in re.search(rb"/W\[([^\]]*)\]", below)[1].split()]
    for first, last, width in zip(listed[::3], listed[1::3], listed[2::3], strict=True):
        widths |= dict.fromkeys(range(int(first), int(last) + 1), width)
    return _Font(letters, widths)


def _decode(glyphs: bytes, font: _Font) -> tuple[str, float]:
    text, width = [], 0.0
    for part in _parts(glyphs):
        if isinstance(part, float):
            width -= part
            continue
        for at in range(0, len(part), 2):
            glyph = int.from_bytes(part[at : at + 2], "big")
            text.append(font.letters[glyph])
            width += font.widths[glyph]
    return "".join(text), width


def _parts(array: bytes) -> Iterator[bytes | float]:
    """Read the array of a TJ: strings, whose brackets may nest, and shifts between them."""
    depth, string = 0, b""
    for octal, escaped, bracket, plain in _TOKEN.findall(array):
        if bracket == b"(":
            depth += 1
            string = string + bracket if depth > 1 else b""
        elif bracket:
            depth -= 1
            if depth:
                string += bracket
            else:
                yield string
        elif depth:
            string += bytes([int(octal, 8)]) if octal else _ESCAPES.get(escaped, escaped) + plain
        else:
            for found in re.findall(rb"<[0-9A-F]+>|-?[\d.]+", plain):
                yield bytes.fromhex(found[1:-1].decode()) if found[:1] == b"<" else float(found)


@pytest.fixture(autouse=True)
def _printable(fonts):
    """Nothing is printed without a Chinese font."""
