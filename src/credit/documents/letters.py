"""Letters: notices, decisions, commitments and contracts as pages one hands over; pure, bounded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from credit.documents.logic import clean, spelled_day
from credit.documents.qr import qr_svg
from credit.kit.clock import CHINA
from credit.kit.errors import TooLarge
from credit.kit.texts import say

__all__ = [
    "Block",
    "Heading",
    "Letter",
    "Paragraph",
    "Particulars",
    "Points",
    "SignatureLine",
    "Table",
    "as_letter",
]

BLOCKS_MAX = 400
ROWS_MAX = 2_500
PARAGRAPH_CHARS_MAX = 4_000


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; headings are numbered 一、二、三 in their order."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; line breaks in the text begin a new one. `strong` ones stand out."""

    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Points:
    """Numbered points."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Particulars:
    """Names with their values, one to a line."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table: heads, relative widths of the columns, and rows of as many texts."""

    heads: tuple[str, ...]
    widths: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """A place for a signature: who, and what stands for it – empty for a hand and a seal."""

    who: str
    signed: str = ""


Block = Heading | Paragraph | Points | Particulars | Table


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter of an office: who writes, what, to whom, and where it can be checked.

    `number` is the document's number (文号), `note` what the foot of every page says, `url` where
    the QR code leads; `sample` says that the rules are a sample, `synthetic` that the data are, and
    `draft` that nothing of it holds yet.
    """

    city_code: str
    city_name: str
    issuer: str
    title: str
    number: str
    addressee: str
    blocks: tuple[Block, ...]
    signatures: tuple[SignatureLine, ...]
    issued_at: datetime
    note: str
    url: str
    sample: bool
    synthetic: bool
    draft: bool = False


def as_letter(letter: Letter) -> dict[str, Any]:
    """Write a letter as texts, in the shape `templates/letter.typ` reads.

    Raises TooLarge above the limits, and ValueError for a table whose rows do not fit its heads.
    """
    rows = sum(len(one.rows) for one in letter.blocks if isinstance(one, Table))
    if len(letter.blocks) > BLOCKS_MAX or rows > ROWS_MAX:
        raise TooLarge(
            say(
                "一份文书最多 %(blocks_max)s 段、%(rows_max)s 行表格，请分开出具。",
                blocks_max=BLOCKS_MAX,
                rows_max=ROWS_MAX,
            )
        )
    return {
        "city": clean(letter.city_name),
        "city_code": clean(letter.city_code),
        "issuer": clean(letter.issuer),
        "title": clean(letter.title),
        "number": clean(letter.number),
        "addressee": clean(letter.addressee),
        "blocks": [_block(one) for one in letter.blocks],
        "signatures": [
            {"who": clean(one.who), "signed": clean(one.signed)} for one in letter.signatures
        ],
        "issued_on": spelled_day(letter.issued_at.astimezone(CHINA).date()),
        "note": clean(letter.note),
        "url": clean(letter.url),
        "qr": str(qr_svg(letter.url, id_="qr")),
        "sample": letter.sample,
        "synthetic": letter.synthetic,
        "draft": letter.draft,
    }


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Heading(words):
            return {"kind": "heading", "text": clean(words)}
        case Paragraph(words, strong):
            if len(words) > PARAGRAPH_CHARS_MAX:
                raise TooLarge(
                    say(
                        "文书的一段最多 %(paragraph_chars_max)s 个字，请先改短。",
                        paragraph_chars_max=PARAGRAPH_CHARS_MAX,
                    )
                )
            lines = [clean(line, PARAGRAPH_CHARS_MAX) for line in words.splitlines()]
            return {"kind": "paragraph", "lines": [one for one in lines if one], "strong": strong}
        case Points(items):
            return {"kind": "points", "items": [clean(one, PARAGRAPH_CHARS_MAX) for one in items]}
        case Particulars(pairs):
            return {
                "kind": "particulars",
                "pairs": [
                    [clean(name), clean(value, PARAGRAPH_CHARS_MAX)] for name, value in pairs
                ],
            }
        case Table(heads, widths, rows):
            if any(len(row) != len(heads) for row in rows) or len(widths) != len(heads):
                raise ValueError("a table's rows and widths are as many as its heads")
            return {
                "kind": "table",
                "heads": [clean(one) for one in heads],
                "widths": list(widths),
                "rows": [[clean(cell, PARAGRAPH_CHARS_MAX) for cell in row] for row in rows],
            }
