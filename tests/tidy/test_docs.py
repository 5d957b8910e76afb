"""The documents keep up with the code, and their links lead somewhere."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from credit.cli import main
from credit.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)#]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file(page):
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [one for one in links if "://" not in one and not (page.parent / one).exists()] == []


@pytest.mark.parametrize(
    ("command", "kept"), [("openapi", "openapi.json"), ("rules schema", "rule-pack.schema.json")]
)
def test_what_is_made_from_code_is_up_to_date(command, kept):
    made = CliRunner().invoke(main, command.split())
    assert json.loads(made.stdout) == json.loads((ROOT / "docs/api" / kept).read_text("utf-8"))


def test_every_setting_is_explained():
    page = (ROOT / "docs/guide/operations.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert f"| `CREDIT_{name.upper()}` |" in page
        assert str(field.description) in page


def test_every_decision_is_listed():
    index = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    records = sorted((ROOT / "docs/decisions").glob("0*.md"))
    titles = [record.read_text(encoding="utf-8").splitlines()[0][2:] for record in records]
    assert [f"- [{t}]({r.name})" for t, r in zip(titles, records, strict=True)] == [
        line for line in index.splitlines() if line.startswith("- ")
    ]


def commands(group=main, path=()):
    """Yield every command with its path."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield pytest.param(command, id=" ".join((*path, name)))


@pytest.mark.parametrize("command", list(commands()))
def test_every_command_and_option_is_explained(command):
    assert command.help
    options = [one for one in command.params if isinstance(one, click.Option)]
    assert [one.name for one in options if not one.help] == []


@pytest.mark.parametrize("command", list(commands()))
def test_every_command_that_ends_answers_json_when_asked(command):
    if command.name not in ("serve", "worker", "demo"):
        assert "as_json_" in [one.name for one in command.params]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_help_names_every_target():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\.PHONY: (\S+)$", text, re.MULTILINE))
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert targets - {"help"} <= set(re.findall(r"make (\S+)", shown.stdout))
    assert {"demo", "test", "setup", "lint", "bench", "soak", "screenshots"} <= targets


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_the_locked_versions_have_hashes_and_name_no_registry(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"://|--index|--find-links", text)
    pins = re.findall(r"^(\S+==\S+)(.*\\)?$", text, re.MULTILINE)
    assert pins
    assert all(rest.endswith("\\") for _, rest in pins)
