"""The house keeps itself: where SQL stands, how long things are, what a module says of itself."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "credit"
FILES = sorted(SOURCE.rglob("*.py"))
GENERATED = SOURCE / "migrations" / "versions"
FILE_LINES_MAX = 450
FUNCTION_LINES_MAX = 70
SQL = re.compile(r"\b(SELECT\s.+\sFROM|INSERT INTO|DELETE FROM|UPDATE\s+\w+\s+SET)\b", re.DOTALL)
# The toolbox's session and schema statements, which belong to no slice's tables.
SQL_ALLOWED = {"kit/db.py", "kit/migrate.py"}
SLICE_FILES = {
    "__init__", "api", "cache", "codes", "excel", "guard", "jobs", "logic", "pages", "service", "store",
    "tables", "views", "signing",
}  # fmt: skip
SLICES = (
    "access",
    "parties",
    "events",
    "evaluations",
    "grades",
    "blacklist",
    "contracts",
    "points",
    "earning",
    "market",
)
FOREIGN = re.compile(r"(?i:\b(claude|chatgpt|copilot)\b)|\b(TODO|FIXME|XXX)\b")


def name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def strings(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_sql_stands_in_store_files_only(path):
    if path.name == "store.py" or name(path) in SQL_ALLOWED or GENERATED in path.parents:
        return
    assert [text for text in strings(path) if SQL.search(text)] == []


@pytest.mark.parametrize("path", FILES, ids=name)
def test_files_and_functions_are_short(path):
    if GENERATED in path.parents:
        return
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= FILE_LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < FUNCTION_LINES_MAX, node.name


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_module_says_what_it_is_and_what_it_offers(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    if path.name in ("__init__.py", "__main__.py", "env.py") or GENERATED in path.parents:
        return
    assigned = [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    assert "__all__" in assigned


@pytest.mark.parametrize("slice_name", SLICES)
def test_a_slice_has_only_the_files_every_slice_may_have(slice_name):
    found = {path.stem for path in (SOURCE / slice_name).glob("*.py")}
    assert found <= SLICE_FILES


def test_no_registry_host_or_machine_path_stands_in_the_repository():
    listed = [*ROOT.glob("*.txt"), *ROOT.glob("*.toml"), *ROOT.glob("Makefile"), *FILES]
    for path in listed:
        text = path.read_text(encoding="utf-8")
        assert "pypi.org" not in text
        assert "pythonhosted" not in text
        assert "/work/" not in text


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix == ".py"], ids=name)
def test_the_source_speaks_of_itself_alone(path):
    assert FOREIGN.search(path.read_text(encoding="utf-8")) is None


def test_every_pack_file_is_listed_with_source_and_status():
    for path in sorted((SOURCE / "rules" / "packs").rglob("*.yaml")):
        if path.parent.name == "cases":
            continue
        text = path.read_text(encoding="utf-8")
        assert "\nsource:" in text or text.startswith("source:")
        assert "\nstatus:" in text
