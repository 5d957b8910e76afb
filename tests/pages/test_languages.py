"""The English catalogue knows every text of the pages, and no other."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

SOURCE = Path(__file__).parents[2] / "src" / "credit"
METHODS = [("**/templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "marked": None}
CATALOGUE = SOURCE / "web" / "locale" / "en" / "LC_MESSAGES" / "credit.po"


@pytest.fixture(scope="module")
def catalogue():
    with CATALOGUE.open("rb") as file:
        return {message.id: message.string for message in read_po(file) if message.id}


def test_every_text_of_the_pages_is_in_the_catalogue_and_nothing_else(catalogue):
    found = {
        message if isinstance(message, str) else tuple(message)
        for _, _, message, *_ in extract_from_dir(SOURCE, METHODS, keywords=KEYWORDS)
    }
    assert sorted(map(str, found - catalogue.keys())) == []  # run `make translations`
    assert sorted(map(str, catalogue.keys() - found)) == []


def test_every_text_is_translated_with_its_places_for_numbers_and_names(catalogue):
    places = re.compile(r"%\(\w+\)s")
    for text, english in catalogue.items():
        assert english, text
        if isinstance(text, str):
            assert sorted(places.findall(text)) == sorted(places.findall(english)), text
            assert (
                not re.search(r"[\u4e00-\u9fff]", english) or "（" in english or "红" in english
            ), text


async def test_a_page_in_english_says_so_and_keeps_the_language(browse):
    browser = await browse("officer")
    page = await browser.post("/language", data={"language": "en", "next": "/150200/account"})
    assert page.url.path == "/150200/account"
    assert '<html lang="en">' in page.text
    assert "Change password" in page.text
