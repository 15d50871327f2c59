"""A KerasHub preset in a local folder: its vocabulary and its weights, as plain arrays.

KerasHub reads the files. What comes of it is rebuilt out of built-in layers, so that an exported
model needs neither KerasHub nor kerasnas. Nothing is ever downloaded.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasnas.data.names import did_you_mean
from kerasnas.errors import SearchSpaceError
from kerasnas.preprocessing.texts.wordpiece import WordPiece

_ENCODERS = {"BertBackbone": "BertTokenizer", "DistilBertBackbone": "DistilBertTokenizer"}
_EXTRA = 'pip install "kerasnas[hub]"'
_PARTS = {
    "query": "self_attention_layer/query",
    "key": "self_attention_layer/key",
    "value": "self_attention_layer/value",
    "mixed": "self_attention_layer/attention_output",
    "attention_norm": "self_attention_layer_norm",
    "wide": "feedforward_intermediate_dense",
    "narrow": "feedforward_output_dense",
    "output_norm": "feedforward_layer_norm",
}
"""From our names of a layer's parts to those in a preset."""


@dataclass(frozen=True, eq=False)
class Backbone:
    """A pretrained encoder of texts.

    Attributes:
        name: What the user called it.
        kind: Its class in KerasHub.
        rules: How texts are cut into pieces.
        layers: Number of transformer layers.
        heads: Attention heads of each.
        width: Width of a token.
        wide: Width inside a layer.
        length: Most pieces of a text.
        approximate: Whether GELU is the approximation by tanh.
        weights: Arrays by name: `tokens`, `positions`, `norm/0` and, of each layer, `3/query/0`.
    """

    name: str
    kind: str
    rules: WordPiece
    layers: int
    heads: int
    width: int
    wide: int
    length: int
    approximate: bool
    weights: Mapping[str, np.ndarray]

    @property
    def params(self) -> int:
        """Number of weights."""
        return sum(a.size for a in self.weights.values())

    def sketch(self) -> Backbone:
        """A tiny one of the same kind without weights."""
        return replace(self, layers=2, heads=1, width=4, wide=4, length=8, weights={})


def read_preset(given: str | os.PathLike[str]) -> Backbone:
    """The backbone of a preset whose files are on this machine.

    Args:
        given: A folder that KerasHub's `save_to_preset` wrote or that was downloaded, or the name
            of a preset that is in KerasHub's cache.

    Raises:
        SearchSpaceError: If the files are not there, KerasHub is not installed, or the preset is no
            BERT or DistilBERT with a WordPiece vocabulary.
    """
    name = os.fspath(given)
    folder = _folder(name)
    kind = _content(folder, "config.json", name).get("class_name")
    if kind not in _ENCODERS:
        raise SearchSpaceError(
            f"`backbone` '{name}' is a {kind}; expected {' or '.join(_ENCODERS)}, which cut texts "
            'by WordPiece, such as backbone="bert_tiny_en_uncased". Others cannot be written into '
            "a file that plain Keras loads."
        )
    rules = _rules(folder, name, str(kind))
    hub = _keras_hub(name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = getattr(hub.models, str(kind)).from_preset(str(folder))
    except Exception as error:  # whatever files that are not what they should be bring about
        raise SearchSpaceError(
            f"The preset '{name}' in '{folder}' cannot be loaded by KerasHub: {error}"
        ) from error
    found = Backbone(
        name=name,
        kind=str(kind),
        rules=rules,
        layers=int(model.num_layers),
        heads=int(model.num_heads),
        width=int(model.hidden_dim),
        wide=int(model.intermediate_dim),
        length=int(model.max_sequence_length),
        approximate=kind == "BertBackbone",
        weights=_weights(model),
    )
    known = len(found.weights["tokens"])
    if known < len(rules.vocabulary):
        raise SearchSpaceError(
            f"The preset '{name}' has {len(rules.vocabulary)} pieces in its vocabulary but "
            f"{known} embeddings. Use the tokenizer that belongs to the backbone."
        )
    return found


def _folder(name: str) -> Path:
    """The folder of a preset: the one named, or the newest version in KerasHub's cache."""
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    handle = name.removeprefix("kaggle://")
    if handle == name:
        if len(path.parts) > 1 or path.is_absolute():
            raise SearchSpaceError(
                f"`backbone` '{name}': there is no such folder. Pass one that KerasHub's "
                "`save_to_preset` wrote, of a backbone and its tokenizer."
            )
        hub = _keras_hub(name)
        presets = {**hub.models.BertBackbone.presets, **hub.models.DistilBertBackbone.presets}
        if name not in presets:
            others = hub.models.Backbone.presets
            what = "a preset of another kind" if name in others else "neither a folder nor a preset"
            near = did_you_mean(name, sorted(presets))
            raise SearchSpaceError(
                f"`backbone` '{name}' is {what} of KerasHub{near}; expected the folder or the name "
                "of a BERT or DistilBERT, such as bert_tiny_en_uncased, bert_base_multi or "
                "distil_bert_base_en_uncased."
            )
        handle = str(presets[name]["kaggle_handle"]).removeprefix("kaggle://")
    cache = Path(os.environ.get("KAGGLEHUB_CACHE") or Path.home() / ".cache" / "kagglehub")
    place = cache / "models" / handle
    versions = [place, *(p for p in place.glob("*") if p.name.isdigit())]
    there = [p for p in versions if (p / "config.json").is_file()]
    if not there:
        raise SearchSpaceError(
            f"The weights of `backbone` '{name}' are not in KerasHub's cache ('{place}'), and "
            "kerasnas downloads nothing. Where there is a network, run "
            f"`keras_hub.models.Backbone.from_preset('{name}').save_to_preset('{path.name}')` and "
            f"`keras_hub.tokenizers.Tokenizer.from_preset('{name}').save_to_preset('{path.name}')` "
            f"({_EXTRA}), and pass that folder."
        )
    return max(there, key=lambda p: int(p.name) if p.name.isdigit() else -1)


def _keras_hub(name: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import keras_hub
    except ImportError as error:
        raise SearchSpaceError(
            f"`backbone` '{name}' needs KerasHub, which is not installed ({error}): {_EXTRA}."
        ) from error
    return keras_hub


def _content(folder: Path, file: str, name: str) -> dict[str, Any]:
    try:
        content = json.loads((folder / file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SearchSpaceError(
            f"`backbone` '{name}' is no KerasHub preset: '{folder / file}' cannot be read "
            f"({error}). Save the backbone and its tokenizer there with `save_to_preset`."
        ) from error
    return content if isinstance(content, dict) else {}


def _rules(folder: Path, name: str, kind: str) -> WordPiece:
    content = _content(folder, "tokenizer.json", name)
    if content.get("class_name") != _ENCODERS[kind]:
        raise SearchSpaceError(
            f"`backbone` '{name}' has the tokenizer {content.get('class_name')}, expected "
            f"{_ENCODERS[kind]}: only WordPiece can be written into the exported graph."
        )
    settings = content.get("config", {})
    if not settings.get("split", True) or settings.get("special_tokens_in_strings"):
        raise SearchSpaceError(
            f"The tokenizer of `backbone` '{name}' does not split texts, or looks for special "
            "tokens in them. Save it with split=True, special_tokens_in_strings=False."
        )
    file = folder / "assets" / "tokenizer" / "vocabulary.txt"
    try:
        vocabulary = tuple(file.read_text(encoding="utf-8").rstrip("\n").split("\n"))
    except (OSError, ValueError) as error:
        raise SearchSpaceError(
            f"The vocabulary of `backbone` '{name}' cannot be read: {error}."
        ) from error
    rules = WordPiece(
        vocabulary=tuple(piece.rstrip() for piece in vocabulary),
        lowercase=bool(settings.get("lowercase", False)),
        strip_accents=bool(settings.get("strip_accents", False)),
        split_on_cjk=bool(settings.get("split_on_cjk", True)),
        suffix=str(settings.get("suffix_indicator", "##")),
        unknown=str(settings.get("oov_token", "[UNK]")),
    )
    absent = {rules.unknown, rules.start, rules.end, rules.pad} - set(rules.vocabulary)
    if absent:
        raise SearchSpaceError(
            f"The vocabulary of `backbone` '{name}' lacks {', '.join(sorted(absent))}."
        )
    return rules


def _weights(model: Any) -> dict[str, np.ndarray]:
    """The arrays of a KerasHub backbone by our names, as dense layers take them."""
    by_path = {w.path: np.asarray(w.value.numpy(), dtype="float32") for w in model.weights}

    def one(ending: str) -> np.ndarray:
        return next(a for path, a in by_path.items() if path.endswith(ending))

    width = int(model.hidden_dim)
    found = {
        "tokens": one("token_embedding/embeddings"),
        "positions": one("position_embedding/embeddings"),
        "norm/0": one("embeddings_layer_norm/gamma"),
        "norm/1": one("embeddings_layer_norm/beta"),
    }
    segments = [a for path, a in by_path.items() if path.endswith("segment_embedding/embeddings")]
    if segments:
        # All that is ever read is the first segment.
        found["positions"] = found["positions"] + segments[0][0]
    for number in range(int(model.num_layers)):
        for part, path in _PARTS.items():
            names = ("gamma", "beta") if part.endswith("norm") else ("kernel", "bias")
            first, second = (one(f"transformer_layer_{number}/{path}/{name}") for name in names)
            if first.ndim == 3:
                first = first.reshape(-1, width) if part == "mixed" else first.reshape(width, -1)
            found[f"{number}/{part}/0"], found[f"{number}/{part}/1"] = first, second.reshape(-1)
    return found
