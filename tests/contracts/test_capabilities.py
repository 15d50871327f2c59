"""What an object can do is a method with a default: nobody looks for attributes by their names."""

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "kerasnas"

# Where an object of somebody else has to be asked, how often, and why.
ALLOWED = {
    "estimators/after_fit.py": (1, "scikit-learn: an estimator is fitted once `fitted_` is there"),
    "spaces/proxies.py": (2, "Keras has no class for the layers that take an activation"),
    "spaces/trees/catboost.py": (1, "a booster that may not be installed: is it a classifier?"),
    "spaces/trees/lightgbm.py": (1, "the booster itself, or its scikit-learn face"),
    "spaces/trees/sklearn_boosting.py": (1, "is it a classifier?"),
    "spaces/trees/sklearn_forest.py": (1, "is it a classifier?"),
    "spaces/trees/xgboost.py": (2, "the booster itself, or its face; stopped early, or not"),
    "trial/checkpoint.py": (1, "Keras gives a model that was never compiled no `optimizer`"),
    "trial/memory.py": (1, "a graph of TensorFlow has to own the functions that belong to it"),
}

# A protocol that can be asked for is the same question in another form: one module looks at what
# users pass.
PROTOCOLS = {"data/foreign.py"}


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


@cache
def everything() -> dict[str, list[str]]:
    """What is found in each file of the package, by its path there."""
    paths = {p.relative_to(PACKAGE).as_posix(): p for p in sorted(PACKAGE.rglob("*.py"))}
    found = {name: probes(path.read_text(encoding="utf-8")) for name, path in paths.items()}
    return {name: lines for name, lines in found.items() if lines}


def test_no_capability_is_found_by_the_name_of_an_attribute():
    strangers = [
        f"{name}:{line}"
        for name, lines in everything().items()
        if name not in ALLOWED
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
