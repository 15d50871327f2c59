"""What docs/architecture.md claims, where a test can check it."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_every_path_of_the_page_is_there():
    paths = re.findall(r"`((?:[a-z_]+/)+[a-z_]*(?:\.py)?|[a-z_]+\.py)`", PAGE)
    assert len(paths) > 20
    gone = [p for p in paths if not (ROOT / "kerasnas" / p).exists() and not (ROOT / p).exists()]
    assert gone == []


def test_the_layers_are_those_that_are_checked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    checked = next(c["layers"] for c in contracts if c["type"] == "layers")
    block = section("Layers").split("```")[1].strip().splitlines()
    told = [re.split(r"\s{2,}", line.strip())[0] for line in block]
    assert told == checked


def test_the_frames_are_as_many_as_the_page_says():
    numbered = re.findall(r"^\d\. `", section("From `fit` to the traced step"), re.MULTILINE)
    assert len(numbered) == 6
    assert "Six frames" in PAGE and "seven on folds" in PAGE


@pytest.mark.parametrize("noun", ["Problem", "Space", "Oracle", "Trial", "History", "Clock"])
def test_the_nouns_know_nothing_that_they_are_said_not_to_know(noun):
    """No import of the layers that a noun does not know."""
    unknown = {
        "Problem": (["problem"], ["spaces", "trial", "clock", "oracles"]),
        "Space": (["spaces"], ["trial", "oracles", "history"]),
        "Oracle": (["oracles"], ["spaces", "trial", "data", "problem"]),
        "Trial": (["trial"], ["results", "estimators"]),
        "History": (["history.py"], ["oracles", "trial", "results"]),
        "Clock": (["clock"], ["trial", "spaces", "oracles", "history", "problem"]),
    }[noun]
    for place in unknown[0]:
        path = ROOT / "kerasnas" / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            for layer in unknown[1]:
                pattern = rf"^\s*(from kerasnas\.{layer}\b|from kerasnas import .*\b{layer}\b)"
                assert not re.search(pattern, text, re.MULTILINE), f"{file} knows {layer}"
