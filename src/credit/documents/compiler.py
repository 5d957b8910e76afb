"""Makes the PDF of a report with typst: compilers kept warm, two at a time, data as JSON only."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from threading import local
from typing import Any, NamedTuple

import orjson
import typst

from credit.documents.letters import Letter, as_letter
from credit.documents.logic import as_document
from credit.documents.views import CreditReport
from credit.kit.errors import Overloaded
from credit.kit.texts import marked, say

__all__ = ["FontMissing", "check_fonts", "render_letter", "render_report"]

AT_ONCE = 2
WAITING_MAX = 40
TEMPLATES = Path(__file__).parent / "templates"
# An archive takes PDF/A-2b, a screen reader PDF/UA-1. Both refuse a character without a glyph.
STANDARDS: "list[typst.PDFStandard]" = ["a-2b", "ua-1"]
SERIF = (
    "Noto Serif CJK SC",
    "Noto Serif SC",
    "Source Han Serif SC",
    "Source Han Serif CN",
    "Source Han Serif",
    "SimSun",
    "Songti SC",
    "AR PL UMing CN",
)
SANS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Source Han Sans",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
    "Droid Sans Fallback",
)

_NO_GLYPH = re.compile(r'the text `"(.+?)"` could not be displayed')


class FontMissing(Overloaded):
    """503: this machine has no font for what the report must print."""

    slug = "font-missing"
    title = marked("缺少中文字体")


class Faces(NamedTuple):
    """The font families of a document: `text` for what is read, `head` for what stands out."""

    text: str
    head: str


def check_fonts() -> str:
    """Return the families that reports are printed in; FontMissing where there is none."""
    return "、".join(dict.fromkeys(_faces()))


async def render_report(report: CreditReport) -> bytes:
    """Print a report as PDF (PDF/A-2b and PDF/UA-1): the same report gives the same bytes.

    That holds for one set of fonts and one version of typst. Raises FontMissing without a Chinese
    font or a glyph, TooLarge beyond the limits of `as_document`, Overloaded when too many wait.
    """
    return await _PRESS.render("report", lambda: as_document(report), report.issued_at)


async def render_letter(letter: Letter) -> bytes:
    """Print a letter as PDF, as `render_report` prints a report."""
    return await _PRESS.render("letter", lambda: as_letter(letter), letter.issued_at)


class _Press:
    """Two threads, each with its own compilers: one compiler serves one thread at a time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="report")
        self._own = local()
        self._waiting = 0

    async def render(
        self, template: str, make: Callable[[], dict[str, Any]], issued_at: datetime
    ) -> bytes:
        if self._waiting >= WAITING_MAX:
            raise Overloaded(say("正在生成的文书太多，请稍后再试。"), retry_after_seconds=5)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._print, template, make, issued_at)
        finally:
            self._waiting -= 1

    def _print(
        self, template: str, make: Callable[[], dict[str, Any]], issued_at: datetime
    ) -> bytes:
        faces = _faces()
        own: dict[str, typst.Compiler] = self._own.__dict__
        if template not in own:
            own[template] = typst.Compiler(TEMPLATES / f"{template}.typ", font_paths=_fonts())
        return _compile(own[template], make(), faces, issued_at)


def _compile(
    compiler: typst.Compiler, document: dict[str, Any], faces: Faces, issued_at: datetime
) -> bytes:
    inputs = {
        "document": orjson.dumps(document).decode(),
        "faces": orjson.dumps(faces._asdict()).decode(),
    }
    try:
        pdf = compiler.compile(
            format="pdf",
            sys_inputs=inputs,
            pdf_standards=STANDARDS,
            timestamp=int(issued_at.timestamp()),
        )
    except typst.TypstError as error:
        found = _NO_GLYPH.search(error.message)
        if found is None:
            raise
        raise FontMissing(
            say(
                "这台服务器的字体里没有“%(found)s”，报告印不全，所以没有生成。请管理员安装含有这个字的字体后重启服务。",
                found=found[1],
            )
        ) from error
    assert isinstance(pdf, bytes)  # noqa: S101 - a PDF is one file
    return pdf


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=True, include_embedded_fonts=False)


def _families() -> frozenset[str]:
    return frozenset(_fonts().families())


def _faces() -> Faces:
    found = _families()
    serif = [family for family in SERIF if family in found]
    sans = [family for family in SANS if family in found]
    if not serif and not sans:
        raise FontMissing(
            say(
                "这台服务器没有中文字体，不能生成信用报告。请管理员安装中文字体后重启服务（Debian 的软件包是 fonts-noto-cjk）。"
            )
        )
    return Faces(text=(serif or sans)[0], head=(sans or serif)[0])


_PRESS = _Press()
