"""A small transformer over patches of a window."""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers, ops


def patch_transformer(hp: keras_tuner.HyperParameters, x: Any) -> Any:
    """Self-attention between stretches of the window (Nie et al. 2023, PatchTST).

    Args:
        hp: Declares `patch_length`, `patch_width`, `patch_layers`, `patch_dropout`.
        x: Windows `(batch, steps, channels)`.

    Returns:
        Tensor of shape `(batch, patches * width)`.
    """
    length = min(int(hp.Choice("patch_length", [4, 8, 16], default=8)), int(x.shape[1]) // 2)
    length = max(1, length)  # two patches at least: one alone has nothing to attend to
    width = int(hp.Choice("patch_width", [16, 32, 64], default=32))
    depth = hp.Int("patch_layers", 1, 3, default=1)
    dropout = hp.Float("patch_dropout", 0.0, 0.4, step=0.1, default=0.1)
    x = layers.Conv1D(width, length, strides=max(1, length // 2))(x)
    # The place of a patch: a dense layer on a row of ones is one free vector a place.
    count = int(x.shape[1])
    places = layers.Dense(count * width, use_bias=False)(ops.ones_like(x[:, 0, :1]))
    x = x + ops.reshape(places, (-1, count, width))
    for _ in range(depth):
        normed = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(4, width // 4, dropout=dropout)(normed, normed)
        inner = layers.Dense(2 * width, activation="gelu")(layers.LayerNormalization()(x))
        if dropout:
            inner = layers.Dropout(dropout)(inner)
        x = x + layers.Dense(width)(inner)
    return layers.Flatten()(layers.LayerNormalization()(x))
