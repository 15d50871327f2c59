"""Models of many columns behind the concatenations of their columns."""

import keras
import numpy as np
import pytest

from kerasnas import artifact
from kerasnas.artifact.blocks import blocks_of_config
from kerasnas.assembly import FEW_INPUTS
from kerasnas.results.traced import TracedModel

MANY = FEW_INPUTS + 20


def wide(shuffled: bool = False) -> keras.Model:
    """Numbers that go through two concatenations, texts through one, one column through none."""
    numbers = {f"n{i}": keras.Input((1,), name=f"n{i}") for i in range(MANY)}
    texts = {f"s/{i}": keras.Input((1,), dtype="string", name=f"s_{i}") for i in range(3)}
    alone = keras.Input((1,), name="alone")
    order = list(numbers.values())
    both = keras.layers.Concatenate(name="numbers")(order[::-1] if shuffled else order)
    few = keras.layers.Concatenate(name="few")(order[:5])
    found = keras.layers.Concatenate(name="texts")(list(texts.values()))
    codes = keras.layers.StringLookup(vocabulary=["a", "b"], name="codes")(found)
    parts = [both, few, keras.ops.cast(codes, "float32"), alone]
    parts.append(keras.layers.Rescaling(2.0, name="twice")(order[7]))  # goes on alone, too
    features = keras.layers.Concatenate(name="features")(parts)
    answer = keras.layers.Dense(2, activation="softmax", name="answer")(features)
    return keras.Model({**numbers, **texts, "alone": alone}, answer, name="wide")


def rows(count: int = 4) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    found = {f"n{i}": rng.normal(size=count).astype("float32") for i in range(MANY)}
    found.update({f"s/{i}": rng.choice(["a", "b", "c"], count).astype(object) for i in range(3)})
    return {**found, "alone": rng.normal(size=(count, 1)).astype("float32")}


def plain(model: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
    return model(artifact.as_inputs(inputs, artifact.input_dtypes(model))).numpy()


@pytest.mark.filterwarnings("ignore:When providing")
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_file_of_many_columns_answers_without_its_inputs(tmp_path, shuffled):
    model, inputs = wide(shuffled), rows()
    artifact.write(model, tmp_path / "wide.keras", {}, inputs)
    file = artifact.open_file(tmp_path / "wide.keras")
    blocks = file.blocks()
    assert sorted(blocks.columns) == ["alone", "few", "n7", "numbers", "texts"]
    assert len(blocks.model.inputs) == 5
    traced = TracedModel.of_file(file)
    np.testing.assert_allclose(traced(inputs), plain(model, inputs), atol=1e-6)
    assert "model" not in vars(traced), "the whole model was loaded"
    assert traced.latency(inputs)["latency_ms"] > 0
    np.testing.assert_allclose(plain(traced.model, inputs), plain(model, inputs), atol=1e-6)


@pytest.mark.filterwarnings("ignore:When providing")
def test_a_model_in_memory_answers_and_is_saved_after_that(tmp_path):
    model, inputs = wide(), rows()
    np.testing.assert_allclose(TracedModel(model)(inputs), plain(model, inputs), atol=1e-6)
    artifact.write(model, tmp_path / "wide.keras", {}, inputs)


def test_what_has_few_columns_or_no_concatenation_stays_as_it_is():
    few = {name: keras.Input((1,), name=name) for name in "ab"}
    small = keras.Model(few, keras.layers.Concatenate()(list(few.values())))
    many = {f"n{i}": keras.Input((1,), name=f"n{i}") for i in range(MANY)}
    sums = keras.Model(many, keras.layers.Add()(list(many.values())))
    for model in (small, sums, keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])):
        config = {"class_name": "Functional", "config": model.get_config()}
        assert blocks_of_config(config) == (config, {})


@pytest.mark.filterwarnings("ignore:When providing")
def test_a_file_whose_concatenation_is_another_is_not_written(tmp_path, monkeypatch):
    """The proof of a file goes through the concatenations that the file describes."""
    from kerasnas.artifact import reading

    def swapped(config):
        narrow, columns = blocks_of_config(config)
        columns["numbers"] = columns["numbers"][::-1]
        return narrow, columns

    monkeypatch.setattr(reading, "blocks_of_config", swapped)
    with pytest.raises(artifact.writing.ArtifactError, match="answers differently"):
        artifact.write(wide(), tmp_path / "wide.keras", {}, rows())
    assert not list(tmp_path.iterdir())
