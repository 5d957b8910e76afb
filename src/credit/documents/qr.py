"""QR codes (ISO/IEC 18004) as SVG, for pages and for paper."""

import segno
from markupsafe import Markup

__all__ = ["QR_CHARS_MAX", "qr_svg"]

QR_CHARS_MAX = 500  # a code beyond that is too fine for a phone to read off paper
QUIET_ZONE = 4  # modules; ISO/IEC 18004 asks for that many

_SVG = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img"'
    ' aria-labelledby="{id}-title" class="qr" shape-rendering="crispEdges">'
    '<title id="{id}-title">{title}</title>'
    '<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path fill="#000" d="{dark}"/></svg>'
)


def qr_svg(text: str, *, id_: str) -> Markup:
    """Draw a text as QR code with error correction M or better, black on white whatever the theme.

    `id_` begins the ids inside and must be unique on its page. The size is the stylesheet's to set
    (class `qr`). Raises ValueError for an empty text or one above `QR_CHARS_MAX`.
    """
    if not 0 < len(text) <= QR_CHARS_MAX:
        raise ValueError("a QR code holds 1 to QR_CHARS_MAX characters")
    code = segno.make_qr(text, error="m")
    rows = [bytes(row) for row in code.matrix_iter(border=QUIET_ZONE)]
    dark = "".join(_runs(row, y) for y, row in enumerate(rows))
    return _SVG.format(side=len(rows), id=id_, title=f"二维码：{text}", dark=dark)


def _runs(row: bytes, y: int) -> str:
    """Write the dark modules of a row as one rectangle for each run."""
    found = []
    x = 0
    while (x := row.find(1, x)) >= 0:
        end = row.find(0, x)  # the quiet zone ends every run
        found.append(f"M{x} {y}h{end - x}v1h{x - end}z")
        x = end
    return "".join(found)
