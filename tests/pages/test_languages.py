"""The English catalogue knows every sentence a page shows, and English pages show nothing else."""

import ast
import html
import re
from datetime import date
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from credit.kit.errors import CreditError
from credit.kit.excel import write_table
from credit.parties.excel import SHEETS

SOURCE = Path(__file__).parents[2] / "src" / "credit"
METHODS = [
    ("**/templates/**.html", "jinja2.ext:babel_extract"),
    ("**.py", "credit.kit.extraction:extract"),
]
KEYWORDS = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "say": None,
    "marked": None,
    "marked_as": ((1, "c"), 2),
}
CATALOGUE = SOURCE / "web" / "locale" / "en" / "LC_MESSAGES" / "credit.po"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PLACES = re.compile(r"%\((\w+)\)s")
# What stays Chinese in English: what a cell of a workbook must hold.
QUOTED = re.compile(r"[（(][是否][）)]")
# What makes sentences of a constant, and what people at a page never meet: commands, migrations,
# what checks a log or a rule pack, and what is stored or goes into files.
SAID = {"say", "marked", "marked_as"}
NO_PAGE = re.compile(
    r"(cli|demo|migrations)/|documents/qr|log/(check/|sequencer)|kit/(embedded|migrate)"
    r"|rules/(cases|checks|document|loading|reading)"
)


@pytest.fixture(scope="module")
def catalogue():
    with CATALOGUE.open("rb") as file:
        return {(one.context, one.id): one.string for one in read_po(file) if one.id}


def calls(name=None):
    """Every call in the sources of what people may meet, with its file; or of one function."""
    for path in sorted(SOURCE.rglob("*.py")):
        place = path.relative_to(SOURCE).as_posix()
        if not NO_PAGE.match(place):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and name in (None, ast.unparse(node.func)):
                    yield f"{place}:{node.lineno}", node


def test_every_text_of_the_pages_is_in_the_catalogue_and_nothing_else(catalogue):
    found = {
        (context, message if isinstance(message, str) else tuple(message))
        for _, _, message, _, context in extract_from_dir(SOURCE, METHODS, keywords=KEYWORDS)
    }
    assert sorted(map(str, found - catalogue.keys())) == []  # run `make translations`
    assert sorted(map(str, catalogue.keys() - found)) == []


def test_every_text_is_translated_with_its_places_for_numbers_and_names(catalogue):
    for (_, text), english in catalogue.items():
        assert english, text
        if isinstance(text, str):
            assert set(PLACES.findall(text)) == set(PLACES.findall(english)), text
            assert not CHINESE.search(QUOTED.sub("", english)), text
            if PLACES.search(text):  # what stands between the places is taken as it is
                for one in (text, english):
                    assert "%" not in PLACES.sub("", one).replace("%%", ""), text


@pytest.mark.parametrize("name", sorted(SAID))
def test_what_is_said_is_written_out_where_it_is_said(name):
    for place, call in calls(name):
        for one in call.args:
            assert isinstance(one, ast.Constant), place


def test_a_refusal_is_a_sentence_that_can_be_translated():
    """A refusal, fault or notice made of plain Chinese would be shown to English readers too."""
    import credit.app  # noqa: F401 - so that every refusal there is exists

    kinds, waiting = {"FieldError", "Fault", "Problem", "damaged"}, [CreditError]
    while waiting:
        kind = waiting.pop()
        kinds.add(kind.__name__)
        waiting += kind.__subclasses__()
    told = {"notice", "title", "words", "detail", "message", "cure"}
    plain = []
    for place, call in calls():
        name = ast.unparse(call.func).rpartition(".")[2]
        shown = [one.value for one in call.keywords if one.arg in told and name != "OpenAPIConfig"]
        shown += call.args if name in kinds else []
        plain += [f"{place} {one}" for value in shown for one in plain_chinese(value)]
    assert plain == []


def plain_chinese(node):
    """Chinese within an expression that no `say` or `marked` makes a sentence."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in SAID:
        return [one for value in node.keywords for one in plain_chinese(value.value)]
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) and CHINESE.search(node.value) else []
    return [one for child in ast.iter_child_nodes(node) for one in plain_chinese(child)]


def test_a_form_calls_its_fields_what_the_page_calls_them():
    """Fields nobody sees need no name: what the page carries along, and what a key signs."""
    import credit.app  # noqa: F401 - so that every form there is exists

    carried = {
        "after", "another", "answer", "approval", "digest", "form", "id", "key", "kid", "next", "person", "public_key",
        "revoked_at", "signatures", "token", "version",
    }  # fmt: skip
    forms = {ast.unparse(call.args[0]) for _, call in calls("read_form")}
    found, waiting = {}, [msgspec.Struct]
    while waiting:
        for one in waiting.pop().__subclasses__():
            waiting.append(one)
            if one.__name__ in forms:
                found[f"{one.__module__}.{one.__name__}"] = one
    assert len(found) >= len(forms)
    for name, form in found.items():
        labels = getattr(form, "LABELS", {})
        assert set(form.__struct_fields__) - carried - labels.keys() == set(), name
        assert labels.keys() <= set(form.__struct_fields__), name


# Data of the small city, and the name of the other language: nothing else may be Chinese.
DATA = re.compile(
    r"中文|包头市|[甲乙]物业有限公司|\w+的姓名|老旧小区|第1小区|老城区|一街道|市2026|填好的|协字〔2026〕\d+号"
)


def chinese_of(page):
    """What a page says in Chinese, but for data."""
    text = re.sub(r'<(script|pre)[^>]*>.*?</\1>|data-\w+="[^"]*"', "", page.text, flags=re.DOTALL)
    return re.findall(
        r"[\u3001-\u301f\u4e00-\u9fff\uff0c\uff1a\uff1b]+", DATA.sub("", html.unescape(text))
    )


async def in_english(browser):
    page = await browser.post("/language", data={"language": "en", "next": "/150200/account"})
    assert page.status_code == 200
    return browser


async def test_a_page_in_english_says_so_and_keeps_the_language(browse):
    browser = await browse("officer")
    page = await browser.post("/language", data={"language": "en", "next": "/150200/account"})
    assert page.url.path == "/150200/account"
    assert '<html lang="en">' in page.text
    assert "Change password" in page.text


@pytest.mark.parametrize(
    ("who", "path", "status", "said"),
    [
        ("officer", "/150200/nowhere", 404, "There is no such page"),
        ("officer", "/150200/enterprises/91150200MA0000009X", 404, "does not have this enterprise"),
        ("officer", "/150200/console/people", 403, "Your role does not have the permission"),
        ("officer", "/150200/console/events?status=all", 400, "Something in the request is wrong"),
        ("enterprise", "/150200/console", 403, "Your role does not have the permission"),
        ("officer", "/150200/console/evaluations?sheet=A.9", 404, "no such scoring sheet"),
    ],
)
async def test_what_is_refused_is_said_in_english(browse, who, path, status, said):
    page = await (await in_english(await browse(who))).get(path)
    assert page.status_code == status
    assert said in html.unescape(page.text)
    assert chinese_of(page) == []


async def test_a_form_filled_in_wrongly_says_in_english_which_field_and_what_is_wrong(browse):
    officer = await in_english(await browse("officer"))
    page = await officer.post("/150200/console/events/new", data={"type": "x" * 90})
    assert page.status_code == 400
    assert 'href="#field-type">Event</a>' in page.text
    assert "at most 80 characters" in page.text
    # The catalogue's titles and points are data.
    assert chinese_of_faults(page) == []
    page = await officer.post(
        "/150200/account/password", data={"old": "a", "new": "一二三四五六七八", "again": "b"}
    )
    assert "The two new passwords are not the same" in page.text
    assert chinese_of(page) == []
    await officer.post("/language", data={"language": "zh", "next": "/"})
    page = await officer.post("/150200/console/events/new", data={"type": "x" * 90})
    assert 'href="#field-type">事件</a>：最多 80 个字' in page.text


def chinese_of_faults(page):
    text = re.search(r'<div class="faults".*?</div>', page.text, re.DOTALL)[0]
    return CHINESE.findall(text)


async def test_what_is_entered_signed_and_done_is_told_in_english(browse):
    officer = await in_english(await browse("officer"))
    fields = {
        "type": "complaint.overdue",
        "primary": "project",
        "subject": "XQ-1",
        "occurred_on": "2026-06-01",
        "reference": "协字〔2026〕77号",
    }
    wrong = await officer.post("/150200/console/events/new", data=fields | {"subject": "XQ-9"})
    assert "The register has no “XQ-9” (Project)" in wrong.text
    assert chinese_of_faults(wrong) == []
    signing = await officer.post("/150200/console/events/new", data=fields)
    title = re.search(r"<li>(.*?) \((−\d+) points\)", signing.text)[1]
    assert [one for one in chinese_of(signing) if one not in title] == []
    done = await officer.sign(signing)
    assert "Proposed. Next: serve the notice." in done.text
    assert "等待" not in done.text


async def test_the_faults_of_a_file_are_listed_in_english_under_the_file_s_own_heads(browse):
    officer = await in_english(await browse("officer"))
    book = BytesIO()
    rows = [
        {"code": "91150200MA0000009X", "name": "丙物业有限公司", "kind": "company",
         "founded_on": date(2027, 1, 1), "district": "150299"},
        {"code": "911502", "name": "", "kind": "company", "founded_on": date(2020, 1, 1)},
    ]  # fmt: skip
    write_table([(SHEETS["enterprises"], rows)], book)
    files = {"file": ("填好的.xlsx", book.getvalue(), "a/b")}
    place = "/150200/console/imports/parties"
    page = await officer.post(place, files=files)
    heads = {SHEETS["enterprises"].name, *(one.title for one in SHEETS["enterprises"].columns)}
    assert "This cell is required, but empty. Fill in: " in page.text
    assert [one for one in chinese_of(page) if one not in heads] == []
    page = await officer.post(place, files={"file": ("填好的.xlsx", b"a,b", "a/b")})
    assert "This is not an .xlsx file (it looks like CSV text)." in page.text
    assert chinese_of(page) == []


async def test_pictures_speak_english(world, browse):
    await world.propose(world.draft(code="award.government", level="市"))
    await world.publish_grades()
    officer = await in_english(await browse("officer"))
    page = await officer.get("/150200/console/enterprises/91150200MA0000000C")
    pictures = re.findall(r"<svg.*?</svg>|<thead>.*?</thead>", page.text, re.DOTALL)
    assert len(pictures) > 2
    text = " ".join(pictures)
    assert "Base points" in text
    assert "Credit score over time" in text
    titles = {event.title for event in world.pack.on(world.clock.today()).grading.events}
    for title in titles:
        text = text.replace(title, "")
    assert CHINESE.findall(DATA.sub("", text)) == []


async def test_the_trail_names_in_english_what_was_done(browse):
    officer = await browse("officer")
    await officer.get("/150200/console/events")
    auditor = await in_english(await browse("auditor"))
    page = await auditor.get("/150200/console/trail")
    assert "List of events" in page.text
    assert chinese_of(page) == []
