"""What the console and the till show of settlements and webhooks alike."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from litestar import Request, Response
from msgspec import Meta, Struct

from credit.kit.excel import XLSX
from credit.kit.pages import attachment, render
from credit.kit.texts import marked
from credit.market.logic.settlements import ACT_WORDS, STATE_WORDS
from credit.market.pages.words import WORDS, yuan
from credit.market.service.courier import FAULT_WORDS
from credit.market.service.webhooks import TEST
from credit.market.settlements.excel import lines_book
from credit.market.settlements.views import Checked

__all__ = ["LINES_SHOWN", "SETTLING", "PayForm", "WordsForm", "lines_answer", "shown_lines", "till"]

LINES_SHOWN = 100
STATE_LOOKS: Mapping[str, str] = {
    "drawn": "warn-tag",
    "confirmed": "",
    "disputed": "bad",
    "paid": "good",
    "carried": "muted",
}
SETTLING: Mapping[str, Any] = {
    "states": STATE_WORDS,
    "looks": STATE_LOOKS,
    "acts": ACT_WORDS,
    "kinds": {"capture": marked("收取"), "refund": marked("退还")},
    "faults": FAULT_WORDS,
    "test": TEST,
    "yuan": yuan,
}
_WORDS = r"^[^\u0000-\u0009\u000b-\u001f\u007f]*$(?!\n)"
_LINE = r"^[^\u0000-\u001f\u007f]*\S[^\u0000-\u001f\u007f]*$(?!\n)"


class WordsForm(Struct, frozen=True):
    """What somebody says about a settlement."""

    LABELS: ClassVar[Mapping[str, str]] = {"text": marked("说明")}

    text: Annotated[str, Meta(max_length=1000, pattern=_WORDS)] = ""


class PayForm(Struct, frozen=True):
    """The number of the voucher by which a settlement was paid."""

    LABELS: ClassVar[Mapping[str, str]] = {"voucher": marked("付款凭证号")}

    voucher: Annotated[str, Meta(max_length=200, pattern=_LINE)]


def till(
    request: Request[Any, Any, Any], name: str, *, http_status: int = 200, **context: Any
) -> Response[str]:
    """Answer with a page of the till that shows settlements or webhooks."""
    return render(request, name, http_status=http_status, words=WORDS, settling=SETTLING, **context)


def shown_lines(checked: Checked, after: int) -> tuple[list[Any], str | None]:
    """Return the lines of a statement after a transfer that fit on a page, and where the next one
    begins.
    """
    every = checked.statement.lines if checked.statement else ()
    rest = [one for one in every if one.transfer > after]
    shown = rest[:LINES_SHOWN]
    return shown, str(shown[-1].transfer) if len(rest) > LINES_SHOWN else None


def lines_answer(checked: Checked) -> Response[bytes]:
    """Answer with a statement and its lines as a workbook."""
    lines = checked.statement.lines if checked.statement else ()
    name = f"statement-{checked.settled.merchant}-{checked.settled.upto}.xlsx"
    shown = f"结算单-{checked.settled.name}-{checked.settled.ends_on}.xlsx"
    return attachment(lines_book(checked.settled, lines), XLSX, name, shown)
