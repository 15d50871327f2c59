"""Saved here, loaded by plain Keras in a fresh process where importing kerasnas is blocked."""

import json

import keras
import numpy as np
import pytest

from kerasnas import artifact, assembly
from kerasnas.data import MISSING_DATETIME, Column, Schema
from kerasnas.preprocessing import fit_preprocessing, input_dtype

PLAIN = r"""
import json, sys
sys.modules["kerasnas"] = None
import keras, numpy as np, tensorflow as tf

raw = json.load(open("raw.json"))
answers = {}
for name in sys.argv[1:]:
    model = keras.models.load_model(name + ".keras")
    assert not model.compiled
    inputs = {
        key: tf.constant(np.array(raw[key]).reshape(-1, 1), dtype=tensor.dtype)
        for key, tensor in model.input.items()
    }
    called = model(inputs, training=False).numpy()
    rows = tf.data.Dataset.from_tensor_slices(inputs).batch(3)
    answers[name] = called
    answers[name + "_predicted"] = model.predict(rows, verbose=0)
    answers[name + "_direct"] = model.predict(inputs, verbose=0)
    model.save(name + "_again.keras")
    again = keras.models.load_model(name + "_again.keras")
    answers[name + "_again"] = again(inputs, training=False).numpy()
assert not any(m.split(".")[0] == "kerasnas" for m in sys.modules if sys.modules[m] is not None)
np.savez("answers.npz", **answers)
"""


def strings(*values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def table(rows=60):
    """Every kind of column, with odd values and odd names."""
    rng = np.random.default_rng(0)
    start = rng.integers(-(10**9), 4 * 10**9, rows)
    stop = start + rng.integers(0, 10_000, rows)
    start[1] = stop[2] = MISSING_DATETIME
    number = rng.normal(size=rows).astype("float32")
    number[:3] = [np.nan, np.inf, -np.inf]
    odd = ["", "\n", "\r", "é", "\U0001f600", "[UNK]", "a\nb", " "]
    return {
        "number": (number, "numeric"),
        "a/b": (number * 1e6, "numeric"),
        "add": (rng.integers(0, 2, rows).astype("float32"), "boolean"),
        "": (strings(*rng.choice(odd, rows)), "categorical"),
        "many": (strings(*(f"v{i % 45}\n" for i in range(rows))), "categorical"),
        "text": (strings(*(f"word{i % 3} and\nword{i % 5}" for i in range(rows))), "text"),
        "start": (start, "datetime"),
        "stop": (stop, "datetime"),
    }


@pytest.fixture(scope="module")
def answers(run_script, tmp_path_factory):
    """Answers from memory and from the other process, by name of the model."""
    folder = tmp_path_factory.mktemp("plain")
    raw = {name: values for name, (values, _) in table().items()}
    columns = tuple(Column(name, kind, "?", "given") for name, (_, kind) in table().items())
    front = fit_preprocessing(raw, Schema(columns))
    matrix = keras.Input((front.width,))
    plain = matrix[:, : front.width - 1]
    index = keras.ops.cast(matrix[:, front.width - 1], "int32")
    joined = keras.layers.Concatenate()(
        [plain, keras.layers.Embedding(front.embedded["many"], 4)(index)]
    )
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(16, activation="silu")(joined))
    classes = keras.layers.Dense(3, activation="softmax")(hidden)
    classifier = assembly.join(front.front, keras.Model(matrix, classes))
    value = keras.layers.Dense(1)(hidden)
    regressor = assembly.join(
        front.front, keras.Model(matrix, value), assembly.Units(5.0, 100.0, 95.0, 104.0)
    )
    inputs = artifact.as_inputs(raw, {c.name: input_dtype(c) for c in front.columns})
    here = {}
    for name, model in (("classifier", classifier), ("regressor", regressor)):
        member = {"classes": ["a", "b", "c"]}
        artifact.write(model, folder / f"{name}.keras", member, dict(front.probe))
        here[name] = np.asarray(model(inputs, training=False))
    content = {name: np.asarray(values).tolist() for name, values in raw.items()}
    (folder / "raw.json").write_text(json.dumps(content))
    (folder / "plain.py").write_text(PLAIN)
    code, printed = run_script(folder / "plain.py", *here, folder=folder)
    assert code == 0, printed
    with np.load(folder / "answers.npz") as file:
        return here, dict(file)


@pytest.mark.parametrize("name", ["classifier", "regressor"])
@pytest.mark.parametrize("way", ["", "_predicted", "_direct", "_again"])
def test_the_same_answers(answers, name, way):
    here, there = answers
    scale = max(1.0, np.abs(here[name]).max())
    assert np.abs(there[name + way] - here[name]).max() <= 1e-5 * scale


def test_answers_are_as_promised(answers):
    _, there = answers
    assert np.allclose(there["classifier"].sum(axis=1), 1, atol=1e-6)
    assert there["classifier"].shape == (60, 3)
    assert there["regressor"].shape == (60, 1)
    assert there["regressor"].min() >= 95
    assert there["regressor"].max() <= 104
    assert np.ptp(there["regressor"]) > 0
