"""One stored cell turned into one value of a column, or a fault that names cause and cure."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Context, Decimal

from credit.kit.excel.cells import Cell
from credit.kit.excel.package import Package
from credit.kit.excel.spec import DATE_MIN, DIGITS_MAX, TEXT_CHARS_MAX, Column, Value
from credit.kit.texts import listed, say

__all__ = ["Fault", "read_value", "shown"]

SHOWN_CHARS_MAX = 40  # of a wrong text, in a message
NUMBER_CHARS_MAX = 40  # of a number written as text

# Invisible marks that only come along when text is copied from a page or a chat.
_TRIMMED = "\u200b\u200c\u200d\u2060\ufeff"
# Full-width forms only: compatibility normalisation as a whole would read 10² as 102.
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_DATE = re.compile(
    r"([0-9]{4})(?:-([0-9]{1,2})-([0-9]{1,2})|/([0-9]{1,2})/([0-9]{1,2})"
    r"|\.([0-9]{1,2})\.([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日)"
)
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_STORED_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[Ee][+-]?[0-9]{1,3})?")
_PLAIN_FORMATS = frozenset(["General", "0", "@"])
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_EXCEL_DIGITS = Context(prec=DIGITS_MAX)
_AS_TEXT = say("请把这一列的格式设为“文本”，再重新输入")
_AS_NUMBER = say("请写成普通数字，例如 12.5，不要写单位、千位分隔符或百分号")
_AS_DATE = say("请写成 2026-06-30")


@dataclass
class Fault(Exception):
    """What is wrong with a cell and how to cure it."""

    message: str
    cure: str


def shown(text: str) -> str:
    """Quote a text in a message: shortened, its control characters made visible."""
    clean = "".join("�" if _is_refused(char) else char for char in text[: SHOWN_CHARS_MAX + 1])
    return f"“{clean[:SHOWN_CHARS_MAX]}{'…' if len(text) > SHOWN_CHARS_MAX else ''}”"


def read_value(package: Package, cell: Cell, column: Column) -> Value:
    """Return the value of a cell that holds something, `None` if only blanks. Raises Fault."""
    if cell.formula:
        raise Fault(say("单元格里是公式"), say("请复制该列并“选择性粘贴—数值”，把公式换成结果"))
    if cell.too_long:
        raise Fault(say("文字超过 %(most)s 个字", most=f"{TEXT_CHARS_MAX:,}"), say("请缩短文字"))
    if cell.type == "e":
        raise Fault(
            say("单元格里是错误值 %(text)s", text=shown(cell.text)), say("请改正公式或直接填写内容")
        )
    if cell.type == "d":
        return _of_date(column, _iso_date(cell.text))
    if cell.type == "b":
        return _of_boolean(column, truth=cell.text in {"1", "true"})
    if cell.type == "n":
        return _of_number(package, cell, column)
    return _of_text(column, _clean(cell.text))


def _is_refused(char: str) -> bool:
    if char in "\n\t":
        return False
    return unicodedata.category(char) in {"Cc", "Cs"} or char in _REORDERING


def _clean(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    previous = None
    while previous != text:
        previous, text = text, text.strip().strip(_TRIMMED)
    for char in text:
        if _is_refused(char):
            raise Fault(
                say("文字里有看不见的控制字符（U+%(ord)s）", ord=f"{ord(char):04X}"),
                say("请删去该单元格内容后重新输入"),
            )
    return text


def _of_text(column: Column, text: str) -> Value:  # noqa: PLR0911 - one return a kind
    if not text:
        return None
    if column.kind == "text":
        return _limited(column, text)
    narrow = text.translate(_HALF_WIDTH)
    if column.kind == "code":
        if re.search(r"\s", narrow):
            raise Fault(
                say("%(text)s中间有空格或换行", text=shown(text)),
                say("请删去空格，一格只填一个代码"),
            )
        return _limited(column, narrow)
    if column.kind == "choice":
        return _choice(column, text)
    if column.kind == "boolean":
        if text not in {"是", "否"}:
            raise Fault(say("%(text)s看不出是或否", text=shown(text)), say("请填“是”或“否”"))
        return text == "是"
    if column.kind == "date":
        return _text_date(text, narrow)
    if len(narrow) > NUMBER_CHARS_MAX or not _NUMBER.fullmatch(narrow):
        raise Fault(say("%(text)s不是数字", text=shown(text)), _AS_NUMBER)
    return _number(column, Decimal(narrow), text)


def _limited(column: Column, text: str) -> str:
    if len(text) > column.limit:
        raise Fault(
            say("有 %(count)s 个字，超过 %(limit)s 个", count=len(text), limit=column.limit),
            say("请缩短文字"),
        )
    return text


def _choice(column: Column, text: str) -> str:
    try:
        return column.choices[text]
    except KeyError:
        offered = listed(list(column.choices)[:10])
        if len(column.choices) > 10:
            offered = say("%(names)s等", names=offered)
        raise Fault(
            say("%(text)s不在可选项中", text=shown(text)),
            say("请从下拉列表中选：%(offered)s", offered=offered),
        ) from None


def _text_date(text: str, narrow: str) -> date:
    match = _DATE.fullmatch(narrow)
    try:
        year, month, day = (int(part) for part in match.groups() if part) if match else (0, 0, 0)
        found = date(year, month, day)
    except ValueError:
        raise Fault(say("%(text)s不是日期", text=shown(text)), _AS_DATE) from None
    return _plausible(found)


def _plausible(found: date) -> date:
    if found < DATE_MIN:
        raise Fault(say("日期 %(found)s 太早", found=found.isoformat()), say("请核对年份"))
    return found


def _iso_date(text: str) -> date:
    try:
        return date.fromisoformat(text.removesuffix("Z").removesuffix("T00:00:00"))
    except ValueError:
        raise Fault(say("%(text)s不是日期", text=shown(text)), _AS_DATE) from None


def _of_date(column: Column, found: date) -> date:
    if column.kind in {"text", "code", "choice"}:
        raise Fault(say("Excel 把内容变成了日期 %(found)s", found=found.isoformat()), _AS_TEXT)
    if column.kind != "date":
        raise Fault(
            say("这里是日期 %(found)s", found=found.isoformat()),
            say("这一列应填：%(format_text)s", format_text=column.format_text),
        )
    return _plausible(found)


def _of_boolean(column: Column, *, truth: bool) -> bool:
    if column.kind != "boolean":
        word = "TRUE" if truth else "FALSE"
        raise Fault(
            say("%(word)s 是逻辑值", word=word),
            say("这一列应填：%(format_text)s", format_text=column.format_text),
        )
    return truth


def _of_number(package: Package, cell: Cell, column: Column) -> Value:
    text = cell.text.strip()
    if not text:
        return None
    if not _STORED_NUMBER.fullmatch(text):
        raise Fault(say("%(text)s不是数字", text=shown(text)), _AS_NUMBER)
    # Excel works with binary fractions and shows 15 digits: 0.1 + 0.2 is stored with 17.
    number = _EXCEL_DIGITS.create_decimal(text)
    if cell.style in package.date_styles:
        return _of_date(column, _serial_date(package, number))
    if column.kind == "date":
        raise Fault(say("%(text)s是数字，不是日期", text=shown(text)), _AS_DATE)
    code = package.format_of(cell.style)
    if column.kind in {"integer", "decimal"}:
        if "%" in code:
            raise Fault(say("单元格是百分比格式，显示的数与存的数不同"), _AS_NUMBER)
        return _number(column, number, text)
    if abs(number) >= 10**DIGITS_MAX or number.normalize().adjusted() < -DIGITS_MAX:
        raise Fault(say("Excel 只保留数字的前 15 位，后面的已经丢失"), _AS_TEXT)
    if code not in _PLAIN_FORMATS:
        raise Fault(say("单元格是特殊数字格式，显示的与存的不同"), _AS_TEXT)
    return _of_text(column, f"{number.normalize():f}")


def _serial_date(package: Package, number: Decimal) -> date:
    whole = number.to_integral_value()
    first = date(1904, 1, 1) if package.epoch_1904 else date(1899, 12, 30)
    if not 1 <= whole <= (date.max - first).days:
        raise Fault(say("%(number)s不是日期", number=shown(str(number))), _AS_DATE)
    found = first + timedelta(days=int(whole))
    if whole != number:
        raise Fault(
            say("%(found)s 前后带有钟点", found=found.isoformat()),
            say("这一列只填日期，%(as_date)s", as_date=_AS_DATE),
        )
    return found


def _number(column: Column, number: Decimal, text: str) -> int | Decimal:
    places = 0 if column.kind == "integer" else column.places
    plain = number.normalize()
    if plain.adjusted() >= NUMBER_CHARS_MAX:
        raise Fault(say("%(text)s太大", text=shown(text)), _AS_NUMBER)
    exponent = plain.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > places:
        if places == 0:
            raise Fault(say("%(text)s不是整数", text=shown(text)), say("请写整数，例如 12"))
        raise Fault(
            say("%(text)s超过 %(places)s 位小数", text=shown(text), places=places),
            say("请四舍五入到 %(places)s 位小数后再填", places=places),
        )
    if column.kind == "integer":
        return int(number)
    return Decimal(f"{number:f}")
