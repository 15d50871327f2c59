"""What an object can do is a method with a default: nobody looks for attributes by their names."""

import ast
from collections import Counter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "kerasnas"

# Where an object of somebody else has to be asked, how often, and why.
ALLOWED = {
    "runner/checkpoint.py": (1, "Keras gives a model that was never compiled no `optimizer`"),
    "runner/memory.py": (
        1,
        "a graph of TensorFlow is lent an attribute: it must own the functions",
    ),
}

# A protocol that can be asked for is the same question in another form. One module looks at what
# users pass; plain values do not import keras-tuner, whose objectives they read.
PROTOCOLS = {"data/foreign.py", "objectives.py"}

# What is still to be rebuilt: the most that a folder or a file may hold. It may only shrink.
AT_MOST = {
    "estimators/": 18,
    "spaces/": 14,
    "search.py": 2,
    "runner/answers.py": 1,
    "runner/exploring.py": 1,
    "runner/offers.py": 6,
    "runner/zero_cost.py": 1,
}


def probes(source: str) -> list[str]:
    """`line: what` for every attribute that is looked for by its name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "__dict__":
            found.append(f"{node.lineno}: __dict__")
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        name, arguments = node.func.id, len(node.args) + len(node.keywords)
        if name in ("hasattr", "vars") or (name == "getattr" and arguments > 2):
            found.append(f"{node.lineno}: {name}")
    return found


def everything() -> dict[str, list[str]]:
    """What is found in each file of the package, by its path there."""
    paths = {p.relative_to(PACKAGE).as_posix(): p for p in sorted(PACKAGE.rglob("*.py"))}
    found = {name: probes(path.read_text(encoding="utf-8")) for name, path in paths.items()}
    return {name: lines for name, lines in found.items() if lines}


def transitional(name: str) -> str | None:
    """The entry of `AT_MOST` that a file falls under."""
    return next((e for e in AT_MOST if name == e or (e[-1] == "/" and name.startswith(e))), None)


def test_no_capability_is_found_by_the_name_of_an_attribute():
    strangers = [
        f"{name}:{line}"
        for name, lines in everything().items()
        if name not in ALLOWED and transitional(name) is None
        for line in lines
    ]
    assert not strangers, "give the class a method with a default, or ask by `isinstance`"


def test_protocols_that_can_be_asked_for_are_where_foreign_objects_come_in():
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "runtime_checkable" in path.read_text(encoding="utf-8")
    }
    assert found == PROTOCOLS


@pytest.mark.parametrize("name", ALLOWED)
def test_exceptions_are_as_many_as_the_list_says(name):
    most, reason = ALLOWED[name]
    assert len(everything().get(name, ())) == most, reason


def test_what_is_still_to_be_rebuilt_only_shrinks():
    counts: Counter[str] = Counter()
    for name, lines in everything().items():
        counts[transitional(name) or ""] += len(lines)
    grown = {
        entry: (counts[entry], most) for entry, most in AT_MOST.items() if counts[entry] > most
    }
    assert not grown, "found, allowed"


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("hasattr(x, 'fit')", 1),
        ("x.__dict__['fit']", 1),
        ("vars(x)", 1),
        ("getattr(x, 'fit', None)", 1),
        ("getattr(x, 'fit')", 0),
        ("isinstance(x, Protocol)", 0),
    ],
)
def test_what_counts(source, count):
    assert len(probes(source)) == count
