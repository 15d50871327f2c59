"""Exports are refused in a sentence, or answer as the Keras model does."""

from importlib.util import find_spec

import keras
import numpy as np
import pytest

from kerasnas import export as module
from kerasnas.errors import ArtifactError
from kerasnas.export import export

PROBE = np.random.default_rng(0).integers(0, 255, (3, 8, 8)).astype("uint8")


@pytest.fixture(scope="module")
def model():
    raw = keras.Input((8, 8), dtype="uint8", name="image")
    x = keras.layers.Rescaling([0.01], [-1.0])(keras.ops.expand_dims(raw, -1))
    x = keras.layers.Conv2D(4, 3, activation="gelu")(x)
    x = keras.layers.Dense(4, activation="relu")(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(raw, keras.layers.Dense(3, activation="softmax")(x))


@pytest.mark.parametrize("format", ["onnx", "litert"])
def test_a_missing_package_is_named(model, format, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ArtifactError, match=rf"kerasnas\[{format}\]"):
        export(model, tmp_path / "a.onnx", format, PROBE)


@pytest.mark.parametrize("format", ["onnx", "litert"])
@pytest.mark.filterwarnings("ignore")
def test_other_runtimes_answer_alike(model, format, tmp_path):
    if any(find_spec(name) is None for name in module._NEEDED[format]):
        pytest.skip(f"the extra {format} is not installed")
    path = tmp_path / f"a{module._ENDINGS[format]}"
    export(model, path, format, PROBE)
    assert path.stat().st_size > 100


def test_a_wrong_answer_writes_nothing(model, tmp_path, monkeypatch):
    def wrong(model, path):
        path.mkdir()
        return lambda probe: np.full((3, 3), 0.5)

    monkeypatch.setitem(module._WRITERS, "savedmodel", wrong)
    (tmp_path / "old").mkdir()
    with pytest.raises(ArtifactError, match="answers differently"):
        export(model, tmp_path / "old", "savedmodel", PROBE)
    assert [p.name for p in tmp_path.iterdir()] == ["old"]


def test_bad_paths(model, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: True)
    with pytest.raises(ArtifactError, match=r"must end in '\.onnx'"):
        export(model, tmp_path / "a.keras", "onnx", PROBE)
    with pytest.raises(ArtifactError, match="does not exist"):
        export(model, tmp_path / "no" / "a.onnx", "onnx", PROBE)
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="is a file"):
        export(model, tmp_path / "file", "savedmodel", PROBE)
