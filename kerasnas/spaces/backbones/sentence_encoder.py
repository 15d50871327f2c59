"""A BERT in the files of Hugging Face (safetensors, tokenizer.json), as plain arrays."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasnas.errors import SearchSpaceError
from kerasnas.preprocessing.texts.wordpiece import WordPiece
from kerasnas.spaces.backbones.preset import Backbone
from kerasnas.spaces.weights.tensor_files import read_safetensors

_PARTS = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "mixed": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "wide": "intermediate.dense",
    "narrow": "output.dense",
    "output_norm": "output.LayerNorm",
}
"""From our names of a layer's parts to those in the file."""

FILES = ("config.json", "tokenizer.json", "model.safetensors")
"""The files that are read; others beside them do not matter."""


def read_sentence_encoder(place: Path, name: str) -> Backbone:
    """The encoder in a folder, or in an archive of such a folder; no code of it is run.

    Args:
        place: A folder or a `.zip` file with `FILES`.
        name: What the encoder is called.

    Raises:
        SearchSpaceError: If files are not there, or belong to another kind of network.
    """
    try:
        if place.is_dir():
            return _encoder(lambda file: (place / file).read_bytes(), name)
        with zipfile.ZipFile(io.BytesIO(place.read_bytes())) as archive:
            return _encoder(archive.read, name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise SearchSpaceError(
            f"`pretrained` '{name}': '{place}' cannot be read as a BERT of {', '.join(FILES)}: "
            f"{type(error).__name__}: {error}"
        ) from error


def _encoder(read: Callable[[str], bytes], name: str) -> Backbone:
    config = json.loads(read("config.json"))
    kind = config.get("model_type")
    if kind != "bert" or config.get("hidden_act") != "gelu":
        raise ValueError(f"it is a {kind} with {config.get('hidden_act')}, expected bert with gelu")
    if config.get("layer_norm_eps") != 1e-12:
        raise ValueError(f"`layer_norm_eps` is {config.get('layer_norm_eps')}, expected 1e-12")
    tensors = read_safetensors(read("model.safetensors"), name)
    return Backbone(
        name=name,
        kind="BertBackbone",
        rules=_rules(json.loads(read("tokenizer.json"))),
        layers=int(config["num_hidden_layers"]),
        heads=int(config["num_attention_heads"]),
        width=int(config["hidden_size"]),
        wide=int(config["intermediate_size"]),
        length=int(config["max_position_embeddings"]),
        approximate=False,
        weights=_weights(tensors, int(config["num_hidden_layers"])),
    )


def _rules(content: Mapping[str, Any]) -> WordPiece:
    model, rules = content["model"], content["normalizer"]
    if model.get("type", "WordPiece") != "WordPiece" or rules["type"] != "BertNormalizer":
        raise ValueError(f"its tokenizer is {model.get('type')}, expected WordPiece")
    numbered = sorted(model["vocab"].items(), key=lambda item: item[1])
    if [number for _, number in numbered] != list(range(len(numbered))):
        raise ValueError("the numbers of its pieces have gaps")
    lowercase, accents = bool(rules["lowercase"]), rules["strip_accents"]
    return WordPiece(
        vocabulary=tuple(piece for piece, _ in numbered),
        lowercase=lowercase,
        strip_accents=lowercase if accents is None else bool(accents),
        split_on_cjk=bool(rules["handle_chinese_chars"]),
        suffix=str(model["continuing_subword_prefix"]),
        unknown=str(model["unk_token"]),
    )


def _weights(tensors: Mapping[str, np.ndarray], layers: int) -> dict[str, np.ndarray]:
    """The arrays by our names, as dense layers take them."""
    by_name = {key.removeprefix("bert."): t.astype("float32") for key, t in tensors.items()}
    at = "embeddings."
    found = {
        "tokens": by_name[f"{at}word_embeddings.weight"],
        # All that is ever read is the first segment.
        "positions": by_name[f"{at}position_embeddings.weight"]
        + by_name[f"{at}token_type_embeddings.weight"][0],
        "norm/0": by_name[f"{at}LayerNorm.weight"],
        "norm/1": by_name[f"{at}LayerNorm.bias"],
    }
    for number in range(layers):
        for part, path in _PARTS.items():
            first = by_name[f"encoder.layer.{number}.{path}.weight"]
            found[f"{number}/{part}/0"] = np.ascontiguousarray(first.T)
            found[f"{number}/{part}/1"] = by_name[f"encoder.layer.{number}.{path}.bias"]
    return found
