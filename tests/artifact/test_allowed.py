"""The list of what a file may name holds all that the package puts into a graph."""

import ast
import inspect
from pathlib import Path

import keras
import pytest

import kerasnas
from kerasnas.artifact import allowed

# Of `keras.ops`: they make numbers of a graph's shapes, or are called on numbers in training.
NOT_IN_GRAPHS = {
    "arange", "convert_to_numpy", "convert_to_tensor", "ctc_decode", "ctc_loss", "full", "image",
    "is_tensor", "nn", "numpy", "ones", "shape", "zeros",
}  # fmt: skip
# Of `keras.layers`: the class that all are subclasses of, and one by which Keras is asked whether
# it opens unsafe files.
NO_LAYERS = {"Layer", "Lambda"}
SPELLED = {"relu6": "Relu6", "true_divide": "TrueDivide", "abs": "Absolute", "isnan": "Isnan"}


def used(*holders):
    """Names that the package takes from `keras.layers` or `keras.ops`, with a place of each."""
    found = {}
    for path in Path(kerasnas.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in holders:
                found[node.attr] = f"{path.name}:{node.lineno}"
    return found


def test_layers_of_the_package():
    known = {name for module, name in allowed.CLASSES if module == "keras.layers"}
    names = used("keras.layers", "layers")
    assert len(names) > 40
    assert {name: names[name] for name in names.keys() - known - NO_LAYERS} == {}


def test_operations_of_the_package():
    known = {name.lower() for module, name in allowed.CLASSES if module.startswith("keras.src.ops")}
    names = used("keras.ops", "ops", "keras.ops.image", "ops.image")
    assert len(names) > 60
    missing = {
        name: place
        for name, place in names.items()
        if SPELLED.get(name, name.replace("_", "")).lower() not in known
    }
    assert missing.keys() <= NOT_IN_GRAPHS, missing


def test_initializers_of_the_package():
    known = {name for module, name in allowed.CLASSES if module == "keras.initializers"}
    names = used("keras.initializers", "initializers").keys() - {"Initializer", "get"}
    assert names
    assert names <= known


@pytest.mark.parametrize("module", ["layers", "initializers", "regularizers", "constraints"])
def test_the_list_names_classes_that_keras_has(module):
    holder = getattr(keras, module)
    for place, name in allowed.CLASSES:
        if place == f"keras.{module}":
            assert inspect.isclass(getattr(holder, name)), name


def test_what_holds_or_finds_code_is_not_on_it():
    names = {name for _, name in allowed.CLASSES}
    assert not names & {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
    assert not names & {"Cond", "Map", "Scan", "WhileLoop", "ForiLoop", "Switch", "VectorizedMap"}
    assert not {module for module, _ in allowed.CLASSES} & {"keras.utils", "keras.config", "os"}
