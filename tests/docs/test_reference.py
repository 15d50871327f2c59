"""The reference has every public name, every command and every extra, and nothing else."""

import argparse
import ast
import re
import tomllib
from pathlib import Path

import pytest

from kerasnas import cli

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "kerasnas"
PAGES = sorted((DOCS / "reference").glob("*.md"))
_ENTRY = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)

# Not names of `kerasnas` but public: the guides use them.
FURTHER = {"kerasnas.data.infer_schema", "kerasnas.data.Schema", "kerasnas.data.Column"}
MODULES = ("callbacks", "errors", "executors", "oracles", "plots", "spaces")


def listed(path: Path) -> set[str]:
    """The names in `__all__` of a module, or without it the public classes and functions."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            names.add(node.name)
    return names


def public() -> set[str]:
    names = {f"kerasnas.{n}" for n in listed(PACKAGE / "__init__.py") - {"__version__", *MODULES}}
    for module in (*MODULES, "server", "testing"):
        path = PACKAGE / f"{module}.py"
        path = path if path.is_file() else PACKAGE / module / "__init__.py"
        names |= {f"kerasnas.{module}.{name}" for name in listed(path) - {"shown"}}
    return names | FURTHER


def entries() -> list[str]:
    return [name for page in PAGES for name in _ENTRY.findall(page.read_text(encoding="utf-8"))]


def test_every_public_name_has_one_entry():
    found = entries()
    assert public() - set(found) == set()
    assert {name for name in found if found.count(name) > 1} == set()


def test_further_entries_are_the_arguments_that_two_classes_share():
    further = set(entries()) - public()
    assert all(re.search(r"\.(?:\w+Estimator|Backtest)$", name) for name in further)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_index_of_the_reference_names_the_page(page):
    index = (DOCS / "reference" / "index.md").read_text(encoding="utf-8")
    assert page.name == "index.md" or f"]({page.name})" in index


def commands() -> dict[str, argparse.ArgumentParser]:
    parser = cli._parser()
    return next(a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction))


@pytest.mark.parametrize("command", sorted(commands()))
def test_the_page_of_the_command_line_has_every_argument(command):
    page = (DOCS / "reference" / "command-line.md").read_text(encoding="utf-8")
    assert f"`kerasnas {command}" in page
    sections = dict(re.findall(r"^## kerasnas (\w+)\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    options = {
        option
        for action in commands()[command]._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    told = set(re.findall(r"^\| `(--[\w-]+)", sections.get(command, ""), re.MULTILINE))
    assert told == options


def test_the_page_on_installing_has_every_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (DOCS / "install.md").read_text(encoding="utf-8")
    told = {
        name
        for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert set(project["optional-dependencies"]) <= told


def test_the_site_has_every_page():
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    pages = {"changelog.md", *(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))}
    assert set(re.findall(r"([\w/-]+\.md)$", menu, re.MULTILINE)) == pages
