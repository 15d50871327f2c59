"""A small transformer over the tokens of a text, with rotary or learnt positions.

Vaswani et al. 2017, "Attention Is All You Need", normalised before each branch; positions by Su et
al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding".
"""

from __future__ import annotations

from typing import Any

import keras_tuner
import numpy as np
from keras import layers, ops

_HEAD = 16  # width of an attention head
_FAR = -1e9


def text_transformer(hp: keras_tuner.HyperParameters, x: Any, real: Any) -> Any:
    """Layers of self-attention, and the mean over the text.

    Args:
        hp: Declares `attention_layers`, `attention_width`, `attention_positions`,
            `attention_dropout`.
        x: Embedded tokens `(batch, length, width)`.
        real: float32 `(batch, length)`, 1 where there is a token.

    Returns:
        Tensor of shape `(batch, width)`.
    """
    depth = hp.Int("attention_layers", 1, 4, default=2)
    width = int(hp.Choice("attention_width", [32, 64, 128], default=64))
    positions = hp.Choice("attention_positions", ["rotary", "learnt"], default="rotary")
    dropout = hp.Float("attention_dropout", 0.0, 0.5, step=0.1, default=0.2)
    length = int(x.shape[1])
    x = layers.Dense(width)(x)
    if positions == "learnt":
        place = ops.cumsum(ops.ones_like(real), axis=1) - 1.0
        x = x + layers.Embedding(length, width)(ops.cast(place, "int32"))
    unseen = ops.reshape((1.0 - real) * _FAR, (-1, 1, 1, length))
    for _ in range(depth):
        branch = layers.LayerNormalization()(x)
        branch = _attention(branch, unseen, width, length, rotary=positions == "rotary")
        x = x + (layers.Dropout(dropout)(branch) if dropout else branch)
        branch = layers.LayerNormalization()(x)
        branch = layers.Dense(2 * width, activation="gelu")(branch)
        branch = layers.Dense(width)(branch)
        x = x + (layers.Dropout(dropout)(branch) if dropout else branch)
    x = layers.LayerNormalization()(x)
    weight = ops.expand_dims(real, -1)
    mean = ops.sum(x * weight, axis=1) / ops.maximum(ops.sum(weight, axis=1), 1.0)
    return layers.Dropout(dropout)(mean) if dropout else mean


def _attention(x: Any, unseen: Any, width: int, length: int, *, rotary: bool) -> Any:
    heads = width // _HEAD
    query, key, value = (
        ops.transpose(
            ops.reshape(layers.Dense(width, use_bias=False)(x), (-1, length, heads, _HEAD)),
            (0, 2, 1, 3),
        )
        for _ in range(3)
    )
    if rotary:
        query, key = _rotated(query, length), _rotated(key, length)
    likeness = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / np.sqrt(_HEAD).item()
    mixed = ops.matmul(ops.softmax(likeness + unseen, axis=-1), value)
    mixed = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, length, width))
    return layers.Dense(width)(mixed)


def _rotated(x: Any, length: int) -> Any:
    """Pairs of numbers turned by an angle that grows with the place."""
    half = _HEAD // 2
    angle = np.arange(length)[:, None] * 10_000.0 ** (-np.arange(half) / half)[None, :]
    cosine, sine = np.cos(angle).astype("float32"), np.sin(angle).astype("float32")
    first, second = x[..., :half], x[..., half:]
    turned = [first * cosine - second * sine, first * sine + second * cosine]
    return ops.concatenate(turned, axis=-1)
