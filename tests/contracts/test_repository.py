"""Rules for the repository as a whole: what its files may say, and which files it has."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FOLDERS = ("kerasnas", "tests", "tutorials", "docs", "benchmarks", ".ci")
SUFFIXES = {".py", ".md", ".toml", ".cfg", ".yml", ".yaml", ".json", ".html", ".txt", ""}

# Hosts that a link may lead to: homes of projects and papers, and names that stand for no host.
HOSTS = {
    "apache.org",
    "arxiv.org",
    "doi.org",
    "example.com",
    "github.com",
    "keepachangelog.com",
    "keras.io",
    "matplotlib.org",
    "numpy.org",
    "openml.org",
    "optuna.org",
    "optuna.readthedocs.io",
    "pandas.pydata.org",
    "ray.io",
    "scikit-learn.org",
    "semver.org",
    "tensorflow.org",
    "w3.org",
}


def texts() -> list[Path]:
    """Every text file of the repository."""
    found = [path for path in ROOT.iterdir() if path.is_file() and path.name != "LICENSE"]
    for folder in FOLDERS:
        found += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    return sorted(path for path in found if path.suffix in SUFFIXES)


def sources() -> list[Path]:
    return sorted((ROOT / "kerasnas").rglob("*.py"))


def places(pattern: str, paths: list[Path]) -> list[str]:
    """`file:line: match` for everything that `pattern` finds."""
    found = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for match in re.finditer(pattern, line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match.group()}")
    return found


@pytest.mark.parametrize(
    "name", ["README.md", "CHANGELOG.md", "LICENSE", "Makefile", "kerasnas/py.typed", ".ci/run"]
)
def test_file_exists(name):
    assert (ROOT / name).is_file()


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_readme_names_the_command(command):
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")


def test_changelog_has_a_section_for_what_is_not_released():
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_links_lead_to_known_hosts_only():
    pattern = r"(?:https?://[\w.-]+|(?<![\w@./-])(?:[\w-]+\.)+(?:org|com)\b)"
    strangers = [
        place
        for place in places(pattern, [path for path in texts() if path != Path(__file__)])
        if place.rsplit(" ", 1)[1].split("//")[-1].removeprefix("www.")
        not in HOSTS | {"localhost", "127.0.0.1", "0.0.0.0"}
    ]
    assert not strangers


def test_packages_come_from_where_pip_is_set_up_to_look():
    assert not places(r"--(?:(?:extra-)?index.url|find.links)\b", texts())


def test_no_path_of_one_machine():
    tops = "|".join(("home", "root", "Users", "work", "mnt", "srv", "tmp"))
    assert not places(rf"(?<![\w.~])/(?:{tops})/", texts())


def test_only_the_check_script_knows_where_larger_data_may_be():
    script = ROOT / ".ci" / "run"
    folder = re.search(r"-d (?:\.\./)?(\S+)", script.read_text(encoding="utf-8")).group(1)
    assert not places(re.escape(folder), [path for path in texts() if path != script])


def test_nothing_is_pickled():
    modules = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    found = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            found += [f"{path.name}: {name}" for name in names if name.split(".")[0] in modules]
    assert not found


def test_no_module_is_named_after_nothing():
    empty = {"utils", "util", "common", "helpers", "base", "core", "engine", "manager", "misc"}
    assert not [str(path) for path in sources() if empty & {path.stem, path.parent.name}]


def test_no_class_is_named_after_its_role_in_the_code():
    assert not places(r"^\s*class (?:Base[A-Z]\w*|\w+(?:Manager|Handler|Wrapper))\b", sources())
