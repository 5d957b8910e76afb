"""`credit check`: what it finds, and that a missing font is said and does not fail it."""

from credit.documents import compiler
from credit.documents.compiler import FontMissing, check_fonts


def nothing():
    raise FontMissing("这台服务器没有中文字体。")


async def test_the_font_of_reports_is_named_or_its_absence_said(credit, monkeypatch, fonts):
    found = await credit("check", "--json")
    assert (found["ok"], found["fonts"]) == (True, check_fonts())
    assert f"字体：信用报告用 {check_fonts()}" in await credit("check")
    monkeypatch.setattr(compiler, "check_fonts", nothing)
    found = await credit("check", "--json")
    assert (found["ok"], found["fonts"]) == (True, None)
    assert "字体：没有。这台服务器没有中文字体。其他功能不受影响。" in await credit("check")
