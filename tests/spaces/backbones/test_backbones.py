"""Backbones rebuilt of built-in layers, against KerasHub's own."""

import json
import shutil
import sys
import warnings

import keras
import keras_tuner
import numpy as np
import pytest

from kerasnas.clock import ENDLESS, Deadline, OutOfTime
from kerasnas.errors import SearchSpaceError
from kerasnas.spaces.backbones import encoder, pooled, read_preset
from kerasnas.spaces.backbones.features import Frozen
from kerasnas.spaces.text import TextHyperModel
from kerasnas.spaces.text_readers import TextShape

ROWS, LENGTH = 6, 20


@pytest.fixture(scope="module")
def tokens():
    rng = np.random.default_rng(0)
    pieces = rng.integers(5, 60, (ROWS, LENGTH)).astype("int32")
    pieces[:, 0] = 2
    pieces[:3, 12:] = 0
    return pieces


@pytest.mark.parametrize("kind", ["Bert", "DistilBert"])
def test_vectors_are_those_of_keras_hub(keras_hub, presets, tokens, kind, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = keras_hub.models.Backbone.from_preset(str(presets[kind]))
    real = (tokens != 0).astype("int32")
    given = {"token_ids": tokens, "padding_mask": real}
    if kind == "Bert":
        given["segment_ids"] = np.zeros_like(tokens)
    expected = theirs(given)
    expected = np.asarray(expected["sequence_output"] if kind == "Bert" else expected)
    backbone = read_preset(presets[kind])
    for model in (encoder(backbone), encoder(backbone, LENGTH)):
        found = model(tokens).numpy()
        assert np.abs((found - expected) * real[..., None]).max() < 1e-5
    assert np.abs(expected).max() > 0.5
    # The dense layer of the first piece is for another task.
    extra = theirs.pooled_dense.count_params() if kind == "Bert" else 0
    segments = 2 * 16 if kind == "Bert" else 0
    assert backbone.params == model.count_params() == theirs.count_params() - extra - segments
    model.save(tmp_path / "encoder.keras")
    again = keras.models.load_model(tmp_path / "encoder.keras")
    assert {type(layer).__module__.split(".")[0] for layer in again.layers} == {"keras"}
    assert np.allclose(again(tokens), found)


def test_padding_changes_nothing_and_frozen_texts_are_read_in_any_order(presets, tokens):
    backbone = read_preset(presets["Bert"])
    reader = Frozen(backbone)
    found = reader.vectors(tokens, ENDLESS)
    for row in range(ROWS):
        alone = tokens[row : row + 1, : 12 if row < 3 else LENGTH]
        vectors = reader.network(alone)
        for pooling, values in found.items():
            expected = np.asarray(pooled(backbone, alone, vectors, pooling))[0]
            assert np.allclose(values[row], expected, atol=1e-5)
    with pytest.raises(OutOfTime, match="no time to read all texts"):
        reader.vectors(tokens, Deadline.after(0.0))
    with pytest.raises(OutOfTime, match="no time to train on all texts"):
        reader.check_training(tokens, Deadline.after(0.0))


def changed(preset, folder, file, **values):
    """A copy of a preset with other values in one of its files."""
    shutil.copytree(preset, folder)
    content = json.loads((folder / file).read_text())
    for name, value in values.items():
        (content if name in content else content["config"])[name] = value
    (folder / file).write_text(json.dumps(content))
    return folder


def test_presets_that_cannot_be_used_are_refused_by_name(presets, tmp_path):
    preset = presets["Bert"]
    other = changed(preset, tmp_path / "a", "config.json", class_name="GemmaBackbone")
    with pytest.raises(SearchSpaceError, match="is a GemmaBackbone; expected BertBackbone or"):
        read_preset(other)
    other = changed(preset, tmp_path / "b", "tokenizer.json", class_name="BytePairTokenizer")
    with pytest.raises(SearchSpaceError, match="BytePairTokenizer, expected BertTokenizer"):
        read_preset(other)
    other = changed(preset, tmp_path / "c", "tokenizer.json", split=False)
    with pytest.raises(SearchSpaceError, match="split=True"):
        read_preset(other)
    other = changed(preset, tmp_path / "d", "config.json")
    (other / "assets" / "tokenizer" / "vocabulary.txt").write_text("a\nb\n")
    with pytest.raises(SearchSpaceError, match=r"lacks \[CLS\]"):
        read_preset(other)
    other = changed(preset, tmp_path / "e", "config.json")
    (other / "model.weights.h5").write_bytes(b"nothing")
    with pytest.raises(SearchSpaceError, match="cannot be loaded by KerasHub"):
        read_preset(other)
    with pytest.raises(SearchSpaceError, match=r"config.json' cannot be read"):
        read_preset(tmp_path)
    with pytest.raises(SearchSpaceError, match="there is no such folder"):
        read_preset(tmp_path / "nowhere")


def test_names_are_looked_up_in_the_cache_and_never_downloaded(presets, tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    with pytest.raises(SearchSpaceError, match="downloads nothing") as error:
        read_preset("bert_tiny_en_uncased")
    assert 'pip install "kerasnas[hub]"' in str(error.value)
    assert "save_to_preset('bert_tiny_en_uncased')" in str(error.value)
    with pytest.raises(SearchSpaceError, match="did you mean `bert_tiny_en_uncased`"):
        read_preset("bert_tinny_en_uncased")
    with pytest.raises(SearchSpaceError, match="a preset of another kind"):
        read_preset("roberta_base_en")
    place = tmp_path / "models" / "keras" / "bert" / "keras" / "mine" / "2"
    shutil.copytree(presets["Bert"], place)
    assert read_preset("kaggle://keras/bert/keras/mine").layers == 2


def test_without_keras_hub_the_extra_is_named(presets, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    for given in (presets["Bert"], "bert_tiny_en_uncased"):
        with pytest.raises(SearchSpaceError, match=r'pip install "kerasnas\[hub\]"'):
            read_preset(given)


def test_the_family_needs_a_backbone():
    with pytest.raises(SearchSpaceError, match="needs a KerasHub preset"):
        TextHyperModel(lambda form: TextShape(8), 2, families=("linear", "backbone"))


def test_the_portfolio_is_in_the_space_and_only_the_chosen_layers_learn(presets):
    backbone = read_preset(presets["DistilBert"])
    made = TextHyperModel(
        lambda form: TextShape(16 if hasattr(form, "pooling") else 60, 3, 1, form.length),
        2,
        families=("linear", "conv", "backbone"),
        backbone=backbone,
        piece_lengths=(16, 8),
    )
    assert [c["family"] for c in made.portfolio[:3]] == ["linear", "backbone", "backbone"]
    trainable = {}
    for tuned in ("none", "half", "all"):
        hp = keras_tuner.HyperParameters()
        hp.values = {"family": "backbone", "backbone_tuned": tuned}
        network = made.build(hp)
        trainable[tuned] = sum(int(np.prod(w.shape)) for w in network.trainable_weights)
        assert made.recipe(hp).batch_size > 0
        counted = network.count_params() + made.front_sizes(hp).get("params", 0)
        assert counted == backbone.params + 2 * (16 + 3) + 2
    assert trainable["none"] < trainable["half"] < trainable["all"] == counted
