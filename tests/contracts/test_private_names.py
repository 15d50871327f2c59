"""No module reaches into the private attributes of another object."""

import ast
from pathlib import Path

import kerasnas

PACKAGE = Path(kerasnas.__file__).parent

# File and expression, each with the reason.
ALLOWED = {
    ("spaces/tabular.py", "own._take_over"): "a copy that the space makes of itself",
    ("spaces/trees/sklearn_boosting.py", "model._preprocessor"): "scikit-learn tells it nowhere",
    ("spaces/trees/sklearn_boosting.py", "model._predictors"): "scikit-learn tells it nowhere",
    ("spaces/trees/sklearn_boosting.py", "model._baseline_prediction"): "likewise",
    ("trial/executors/ray_worker.py", "os._exit"): "nothing else ends a process from a thread",
    ("trial/executors/worker.py", "os._exit"): "nothing else ends a process from a thread",
    ("trial/memory.py", "gradient_registry._registry"): "TensorFlow never empties it",
    ("trial/memory.py", "graph._gradient_functions"): "TensorFlow never empties it",
    (
        "trial/methods/stacked_step.py",
        "model.optimizer._use_weight_decay",
    ): "Keras tells it nowhere",
    ("trial/training.py", "optimizer._all_reduce_sum_gradients"): "how Keras's own step calls it",
}


def reaches(source):
    """Expressions `other._name` where `other` is not the object or the class itself."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("_"):
            continue
        owner = node.value
        own = isinstance(owner, ast.Name) and owner.id in ("self", "cls")
        above = isinstance(owner, ast.Call) and ast.unparse(owner.func) == "super"
        if not (own or above or node.attr.startswith("__")):
            yield ast.unparse(node)


def test_private_attributes_are_private():
    found = {
        (path.relative_to(PACKAGE).as_posix(), expression)
        for path in PACKAGE.rglob("*.py")
        for expression in reaches(path.read_text(encoding="utf-8"))
    }
    assert found == set(ALLOWED)


def test_the_check_sees_what_it_is_for():
    source = "class A:\n def f(self, b):\n  return self._a, super()._a, b.__len__, b._c, b.d._e"
    assert list(reaches(source)) == ["b._c", "b.d._e"]
