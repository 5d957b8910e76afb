"""QR codes: the very modules of the standard, readable by whoever cannot scan them."""

import re

import pytest
import segno
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st

from credit.documents.qr import QR_CHARS_MAX, qr_svg

SVG = "{http://www.w3.org/2000/svg}"


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60))
def test_the_picture_is_the_code_with_its_quiet_zone(text):
    root = ElementTree.fromstring(str(qr_svg(text, id_="qr")))
    side = int(root.get("viewBox").split()[2])
    light, dark = root.findall(f"{SVG}path")
    assert light.get("d") == f"M0 0h{side}v{side}H0z"
    found = set()
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", dark.get("d")):
        found |= {(int(x) + step, int(y)) for step in range(int(width))}
    matrix = segno.make_qr(text, error="m").matrix
    assert side == len(matrix) + 8
    assert found == {
        (x + 4, y + 4) for y, row in enumerate(matrix) for x, module in enumerate(row) if module
    }


def test_the_picture_fits_a_page_that_allows_no_styles_and_says_what_it_holds():
    svg = qr_svg("https://a.example/?a=1&b=<2>", id_='a"b')
    root = ElementTree.fromstring(str(svg))
    title = root.find(f"{SVG}title")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == title.get("id") == 'a"b-title'
    assert title.text == "二维码：https://a.example/?a=1&b=<2>"
    for word in ("style", "href", "url(", "<script"):
        assert word not in svg


@pytest.mark.parametrize("text", ["", "a" * (QR_CHARS_MAX + 1)])
def test_what_no_phone_reads_is_refused(text):
    with pytest.raises(ValueError, match="QR_CHARS_MAX"):
        qr_svg(text, id_="qr")
