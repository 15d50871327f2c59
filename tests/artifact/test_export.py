"""Exports are refused in a sentence, or answer as the Keras model does."""

import dataclasses
from importlib.util import find_spec

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnas.artifact.export import RUNTIMES, export, exporting
from kerasnas.errors import ArtifactError
from kerasnas.results.conformal import Conformal

PROBE = np.random.default_rng(0).integers(0, 255, (3, 8, 8)).astype("uint8")


def with_writer(monkeypatch, name, write):
    monkeypatch.setitem(RUNTIMES, name, dataclasses.replace(RUNTIMES[name], write=write))


@pytest.fixture(scope="module")
def model():
    raw = keras.Input((8, 8), dtype="uint8", name="image")
    x = keras.layers.Rescaling([0.01], [-1.0])(keras.ops.expand_dims(raw, -1))
    x = keras.layers.Conv2D(4, 3, activation="gelu")(x)
    x = keras.layers.Dense(4, activation="relu")(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(raw, keras.layers.Dense(3, activation="softmax")(x))


@pytest.mark.parametrize("format", ["onnx", "litert"])
def test_a_missing_package_is_named(model, format, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    with pytest.raises(ArtifactError, match=rf"kerasnas\[{format}\]"):
        export(model, tmp_path / "a.onnx", format, PROBE)


@pytest.mark.parametrize("format", ["onnx", "litert"])
@pytest.mark.filterwarnings("ignore")
def test_other_runtimes_answer_alike(model, format, tmp_path):
    if any(find_spec(name) is None for name in RUNTIMES[format].packages):
        pytest.skip(f"the extra {format} is not installed")
    path = tmp_path / f"a{RUNTIMES[format].ending}"
    export(model, path, format, PROBE)
    assert path.stat().st_size > 100


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "Node number 27 (FlexFloorDiv) failed",
            "litert has no operation for the calendar of dates",
        ),
        ("the disk sings", "exported as litert: the disk sings"),
    ],
)
def test_an_operation_that_a_runtime_lacks_is_told_in_words(
    message, shown, model, tmp_path, monkeypatch
):
    def fail(model, path, inputs):
        raise RuntimeError(message)

    monkeypatch.setattr(exporting, "find_spec", lambda name: True)
    with_writer(monkeypatch, "litert", fail)
    with pytest.raises(ArtifactError, match=shown):
        export(model, tmp_path / "a.tflite", "litert", PROBE)


def test_intervals_and_sets_are_exported_too(model, tmp_path):
    with_sets = Conformal(0.9, 20, least=0.6).build(model)
    export(with_sets, tmp_path / "sets", "savedmodel", PROBE)
    loaded = tf.saved_model.load(str(tmp_path / "sets"))
    served = loaded.serve(PROBE)
    expected = with_sets(PROBE)
    np.testing.assert_allclose(served["prediction"], expected["prediction"], atol=1e-6)
    assert served["set"].dtype == "bool"
    assert served["set"].numpy().tolist() == expected["set"].numpy().tolist()


def test_a_set_that_another_runtime_gives_in_another_way_is_refused(model, tmp_path, monkeypatch):
    with_sets = Conformal(0.9, 20, least=0.6).build(model)

    def all_labels(model, path, inputs):
        path.mkdir()
        return {**model(inputs), "set": np.ones((len(PROBE), 3), bool)}

    with_writer(monkeypatch, "savedmodel", all_labels)
    with pytest.raises(ArtifactError, match="answers differently"):
        export(with_sets, tmp_path / "sets", "savedmodel", PROBE)


def test_a_wrong_answer_writes_nothing(model, tmp_path, monkeypatch):
    def wrong(model, path, inputs):
        path.mkdir()
        return np.full((3, 3), 0.5)

    with_writer(monkeypatch, "savedmodel", wrong)
    (tmp_path / "old").mkdir()
    with pytest.raises(ArtifactError, match="answers differently"):
        export(model, tmp_path / "old", "savedmodel", PROBE)
    assert [p.name for p in tmp_path.iterdir()] == ["old"]
    assert not list((tmp_path / "old").iterdir())


def test_bad_paths(model, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "find_spec", lambda name: True)
    with pytest.raises(ArtifactError, match=r"must end in '\.onnx'"):
        export(model, tmp_path / "a.keras", "onnx", PROBE)
    with pytest.raises(ArtifactError, match="does not exist"):
        export(model, tmp_path / "no" / "a.onnx", "onnx", PROBE)
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="is a file"):
        export(model, tmp_path / "file", "savedmodel", PROBE)


def test_a_folder_of_the_user_is_refused_before_anything_is_converted(model, tmp_path, monkeypatch):
    with_writer(monkeypatch, "savedmodel", None)  # a call of it would be a TypeError
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("years of work")
    with pytest.raises(ArtifactError, match=r"did not write: `notes\.txt`.*Write .*mine_new"):
        export(model, tmp_path / "mine", "savedmodel", PROBE)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "years of work"


def test_an_older_export_is_replaced_until_the_user_adds_to_it(model, tmp_path):
    path = tmp_path / "served"
    export(model, path, "savedmodel", PROBE)
    export(model, path, "savedmodel", PROBE)
    (path / "assets" / "words.txt").write_text("mine")
    with pytest.raises(ArtifactError, match=r"`assets/words\.txt`"):
        export(model, path, "savedmodel", PROBE)
    assert (path / "assets" / "words.txt").read_text() == "mine"
    assert (path / "saved_model.pb").is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["served"]


@pytest.mark.parametrize("format", ["onnx", "litert"])
def test_strings_are_refused_before_converting_where_a_runtime_has_none(
    format, tmp_path, monkeypatch
):
    monkeypatch.setattr(exporting, "find_spec", lambda name: True)
    with_writer(monkeypatch, format, None)
    columns = {
        name: keras.Input((1,), dtype=kind, name=name)
        for name, kind in {"age": "float32", "city": "string", "job": "string"}.items()
    }
    codes = [
        keras.layers.StringLookup(vocabulary=["a"], output_mode="one_hot")(columns[name])
        for name in ("city", "job")
    ]
    table = keras.Model(columns, keras.layers.Concatenate()([columns["age"], *codes]))
    path = tmp_path / f"a{RUNTIMES[format].ending}"
    with pytest.raises(ArtifactError, match=r"strings in `city`, `job`\. Export it as savedmodel"):
        export(table, path, format, {"age": [[1.0]], "city": [["a"]], "job": [["a"]]})
    assert not list(tmp_path.iterdir())


def test_columns_that_differ_in_case_or_script_are_told_apart(tmp_path):
    names = ["Age", "age", "цена", "год"]
    columns = {name: keras.Input((1,), name=name) for name in names}
    weighed = [columns[name] * float(10**i) for i, name in enumerate(names)]
    table = keras.Model(columns, keras.layers.Add()(weighed))
    probe = {name: np.array([[i + 1.0]]) for i, name in enumerate(names)}
    export(table, tmp_path / "served", "savedmodel", probe)
    served = tf.saved_model.load(str(tmp_path / "served"))
    rows = {name: tf.constant(values, "float32") for name, values in probe.items()}
    assert served.serve(rows).numpy().tolist() == [[4321.0]]
    signature = served.signatures["serving_default"].structured_input_signature[1]
    assert len({name.lower() for name in signature}) == len(names)
