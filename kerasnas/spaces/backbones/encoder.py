"""BERT and DistilBERT out of built-in layers, with the weights of a preset.

Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding"; Sanh et al. 2019, "DistilBERT, a distilled version of BERT".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerasnas.spaces.backbones.preset import Backbone

_FAR = -1e9
_EPSILON = 1e-12


def encoder(
    backbone: Backbone,
    length: int | None = None,
    *,
    dropout: float = 0.0,
    tuned: float = 1.0,
    name: str = "backbone",
) -> keras.Model:
    """From pieces to their vectors.

    Args:
        backbone: Sizes and weights; without weights they are random.
        length: Pieces of a text; `None` for any number.
        dropout: Dropout rate in training.
        tuned: Share of the transformer layers, the last ones, that training changes; at 1 the
            embeddings too.
        name: Name of the model.

    Returns:
        A model from int32 `(batch, pieces)` to float32 `(batch, pieces, width)`.
    """
    pieces = keras.Input((length,), dtype="int32", name="pieces")
    place = ops.cumsum(ops.ones_like(pieces), axis=1) - 1
    size = len(backbone.rules.vocabulary)
    size = len(backbone.weights["tokens"]) if backbone.weights else size
    whole, first = tuned >= 1, round(backbone.layers * (1 - tuned))
    tokens = layers.Embedding(size, backbone.width, trainable=whole, name="tokens")
    positions = layers.Embedding(backbone.length, backbone.width, trainable=whole, name="positions")
    x = tokens(pieces) + positions(ops.minimum(place, backbone.length - 1))
    x = _norm(x, "norm", whole)
    x = layers.Dropout(dropout)(x) if dropout else x
    unseen = ops.cast(ops.equal(pieces, backbone.rules.number(backbone.rules.pad)), "float32")
    unseen = ops.expand_dims(ops.expand_dims(unseen * _FAR, 1), 1)
    for number in range(backbone.layers):
        x = _layer(backbone, x, unseen, number, dropout, number >= first)
    model = keras.Model(pieces, x, name=name)
    if backbone.weights:
        _load(model, backbone)
    return model


def by_depth(network: keras.Model, backbone: Backbone) -> keras.Model:
    """An `encoder` that gives the vectors of a third, of two thirds and of all of its layers.

    Layers in the middle know more of the grammar of a text, the last ones more of its meaning
    (Tenney et al. 2019, "BERT Rediscovers the Classical NLP Pipeline").

    Args:
        network: What `encoder` has built.
        backbone: Its sizes.

    Returns:
        A model of the same layers whose outputs are a list, the last layer at its end.
    """
    numbers = sorted({max(1, round(backbone.layers * third / 3)) - 1 for third in (1, 2, 3)})
    found = [network.get_layer(f"{number}_output_norm").output for number in numbers]
    return keras.Model(network.input, found, name=network.name)


def pooled(backbone: Backbone, pieces: Any, vectors: Sequence[Any], pooling: str) -> Any:
    """One vector of the vectors of a text.

    Args:
        backbone: Knows which piece is none.
        pieces: Numbers of pieces, `(batch, pieces)`.
        vectors: `(batch, pieces, width)` of several layers, as `by_depth` gives them.
        pooling: `mean` over all pieces that are there, or `first`, of the last layer; `layers` for
            the means of all these layers side by side.
    """
    if pooling == "first":
        return vectors[-1][:, 0, :]
    real = ops.not_equal(pieces, backbone.rules.number(backbone.rules.pad))
    weight = ops.expand_dims(ops.cast(real, "float32"), -1)
    count = ops.maximum(ops.sum(weight, axis=1), 1.0)
    chosen = vectors if pooling == "layers" else vectors[-1:]
    means = [ops.sum(one * weight, axis=1) / count for one in chosen]
    return ops.concatenate(means, axis=1) if len(means) > 1 else means[0]


def _layer(
    backbone: Backbone, x: Any, unseen: Any, number: int, dropout: float, trainable: bool
) -> Any:
    heads, width = backbone.heads, backbone.width
    rows = -1 if x.shape[1] is None else int(x.shape[1])

    def dense(into: int, part: str, given: Any) -> Any:
        return layers.Dense(into, trainable=trainable, name=f"{number}_{part}")(given)

    def by_head(part: str) -> Any:
        # Not `ops.reshape`, which knows no two axes of unknown size.
        split = layers.Reshape((rows, heads, width // heads))(dense(width, part, x))
        return ops.transpose(split, (0, 2, 1, 3))

    query, key, value = (by_head(part) for part in ("query", "key", "value"))
    likeness = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
    share = ops.softmax(likeness / np.sqrt(width // heads).item() + unseen, axis=-1)
    share = layers.Dropout(dropout)(share) if dropout else share
    mixed = ops.transpose(ops.matmul(share, value), (0, 2, 1, 3))
    branch = dense(width, "mixed", layers.Reshape((rows, width))(mixed))
    branch = layers.Dropout(dropout)(branch) if dropout else branch
    x = _norm(x + branch, f"{number}_attention_norm", trainable)
    branch = ops.gelu(dense(backbone.wide, "wide", x), approximate=backbone.approximate)
    branch = dense(width, "narrow", branch)
    branch = layers.Dropout(dropout)(branch) if dropout else branch
    return _norm(x + branch, f"{number}_output_norm", trainable)


def _norm(x: Any, name: str, trainable: bool) -> Any:
    return layers.LayerNormalization(epsilon=_EPSILON, trainable=trainable, name=name)(x)


def _load(model: keras.Model, backbone: Backbone) -> None:
    weights = backbone.weights
    for name in ("tokens", "positions"):
        model.get_layer(name).set_weights([weights[name]])
    for layer in model.layers:
        key = layer.name.replace("_", "/", 1) if layer.name[0].isdigit() else layer.name
        if f"{key}/0" in weights:
            layer.set_weights([weights[f"{key}/0"], weights[f"{key}/1"]])
