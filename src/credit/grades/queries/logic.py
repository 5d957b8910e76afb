"""A list of bidders as pure decisions: which lines name whom, and what is wrong with the others."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from credit.kit.texts import say
from credit.parties.codes import CodeRefused, check_code
from credit.parties.logic import CHARS_MAX

__all__ = [
    "BIDDERS_MAX",
    "Bidder",
    "Bidders",
    "Line",
    "LineFault",
    "OpenLine",
    "names_of",
    "read_lines",
    "read_picks",
    "settle",
    "spellings",
]

BIDDERS_MAX = 500
NAME_CHARS_MAX = CHARS_MAX["enterprises"]["name"]
CODE_CHARS_MIN = 14  # an internal number; with fewer it is a number of something else
CODE_LIKE = re.compile(r"(?=.*[0-9])[0-9A-Z-]+", re.ASCII)
# Registers and tender papers write brackets now in one way, now in the other.
WIDE = str.maketrans("()", "（）")
NARROW = str.maketrans("（）", "()")


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not empty, by its number in the text from 1; a code as it should be written.

    `code` is None where the line is a name.
    """

    number: int
    text: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class LineFault:
    """What is wrong with a line, and what to do."""

    number: int
    text: str
    message: str


@dataclass(frozen=True, slots=True)
class Bidder:
    """Somebody of the register who may be meant by a name."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class OpenLine:
    """A name that several may be meant by; `chosen` is the code of the one that was picked."""

    number: int
    text: str
    matches: Sequence[Bidder]
    chosen: str | None


@dataclass(frozen=True, slots=True)
class Bidders:
    """What a list comes to: the codes in its order, what is wrong, which names are to be chosen."""

    codes: tuple[str, ...]
    faults: tuple[LineFault, ...]
    open: tuple[OpenLine, ...]

    @property
    def ready(self) -> bool:
        """Whether there is nothing left to do before asking."""
        return bool(self.codes) and not self.faults and all(one.chosen for one in self.open)


def read_lines(text: str) -> tuple[list[Line], list[LineFault]]:
    """Read one code or name a line, as typed or as columns pasted from a spreadsheet.

    Of several cells in a line a code counts, else the first that is no number. Marks that nobody
    sees are left out; a line with other control characters is at fault.
    """
    lines: list[Line] = []
    faults: list[LineFault] = []
    for number, whole in enumerate(text.splitlines(), 1):
        cells = [cell for cell in map(_plain, whole.split("\t")) if cell]
        if not cells:
            continue
        line = _read(number, _chosen(cells))
        if isinstance(line, Line):
            lines.append(line)
        else:
            faults.append(line)
    return lines, faults


def names_of(lines: Iterable[Line]) -> list[str]:
    """Return the names among lines, each once."""
    return list(dict.fromkeys(line.text for line in lines if line.code is None))


def spellings(name: str) -> tuple[str, ...]:
    """Return the ways a name may be written in the register: brackets of either width."""
    return tuple(dict.fromkeys((name, name.translate(WIDE), name.translate(NARROW))))


def read_picks(fields: Iterable[str]) -> dict[str, str]:
    """Read what was chosen for names: texts of name, tab and code; what is no code is left out."""
    picks = {}
    for field in fields:
        name, _, code = field.partition("\t")
        try:
            picks[name] = check_code(code)
        except CodeRefused:
            continue
    return picks


def settle(
    lines: Sequence[Line],
    exact: Mapping[str, Sequence[Bidder]],
    similar: Mapping[str, Sequence[Bidder]],
    picks: Mapping[str, str],
) -> Bidders:
    """Say whom each line means: a code itself, a name of the register, or what was picked for it.

    `exact` are those of the register with the very name, `similar` those whose names hold it, for
    each name that was searched for. Nobody may stand in the list twice.
    """
    codes: dict[str, int] = {}
    faults: list[LineFault] = []
    open_: list[OpenLine] = []
    for line in lines:
        code = line.code
        if code is None:
            known = exact.get(line.text, ())
            code = known[0].code if len(known) == 1 else None
            matches = known or similar.get(line.text, ())
            if code is None and matches:
                picked = picks.get(line.text)
                code = picked if picked in [one.code for one in matches] else None
                open_.append(OpenLine(line.number, line.text, matches, code))
            elif code is None:
                faults.append(_unknown(line) if line.text in similar else _unsearched(line))
        if code is not None and code in codes:
            message = say("与第 %(line)s 行是同一家，请只留一行。", line=codes[code])
            faults.append(LineFault(line.number, line.text, message))
        elif code is not None:
            codes[code] = line.number
    return Bidders(tuple(codes), tuple(faults), tuple(open_))


def _chosen(cells: Sequence[str]) -> str:
    """Choose the cell that names the bidder: rows of a table begin with their number."""
    codes = [cell for cell in cells if _looks_like_code(cell)]
    whole = [cell for cell in codes if len(_as_code(cell)) >= CODE_CHARS_MIN]
    names = [cell for cell in cells if cell not in codes]
    return (whole or names or cells)[0]


def _plain(cell: str) -> str:
    seen = "".join(mark for mark in cell if unicodedata.category(mark) != "Cf")
    return " ".join(seen.split())


def _as_code(cell: str) -> str:
    return unicodedata.normalize("NFKC", cell).replace(" ", "").upper()


def _looks_like_code(cell: str) -> bool:
    return CODE_LIKE.fullmatch(_as_code(cell)) is not None


def _read(number: int, cell: str) -> Line | LineFault:
    if not cell.isprintable():
        message = say("含有看不见的控制字符，请重新输入这一行。")
        return LineFault(number, ascii(cell)[1:41], message)
    if _looks_like_code(cell):
        try:
            return Line(number, cell, check_code(_as_code(cell)))
        except CodeRefused as refused:
            return LineFault(number, cell[:40], refused.args[0])
    if not 2 <= len(cell) <= NAME_CHARS_MAX:
        message = say("名称应有 2 到 %(most)s 个字。", most=NAME_CHARS_MAX)
        return LineFault(number, cell[:40], message)
    return Line(number, cell)


def _unknown(line: Line) -> LineFault:
    message = say(
        "登记册里没有名称含这些字的单位。请改填统一社会信用代码：没有登记的也能问，会答“登记册里没有”。"
    )
    return LineFault(line.number, line.text, message)


def _unsearched(line: Line) -> LineFault:
    message = say(
        "名称太多，这一行还没有查。请先处理其他行再提问，或者分批，或者改填统一社会信用代码。"
    )
    return LineFault(line.number, line.text, message)
