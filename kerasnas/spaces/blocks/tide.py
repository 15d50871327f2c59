"""A dense encoder with residual blocks."""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers


def tide(hp: keras_tuner.HyperParameters, x: Any) -> Any:
    """Residual blocks over the flattened window, covariates squeezed step by step.

    As the encoder of TiDE (Das et al. 2023).

    Args:
        hp: Declares `tide_width`, `tide_blocks`, `tide_dropout`.
        x: Windows `(batch, steps, channels)`.

    Returns:
        Tensor of shape `(batch, width)`.
    """
    width = int(hp.Choice("tide_width", [32, 64, 128, 256], default=128))
    blocks = hp.Int("tide_blocks", 1, 3, default=2)
    dropout = hp.Float("tide_dropout", 0.0, 0.5, step=0.1, default=0.1)
    flat = layers.Flatten()(x[:, :, :1])
    if x.shape[2] > 1:
        squeezed = layers.Dense(min(4, int(x.shape[2]) - 1), activation="relu")(x[:, :, 1:])
        flat = layers.Concatenate()([flat, layers.Flatten()(squeezed)])
    for _ in range(blocks):
        inner = layers.Dense(width, activation="relu")(flat)
        inner = layers.Dense(width)(inner)
        if dropout:
            inner = layers.Dropout(dropout)(inner)
        flat = layers.LayerNormalization()(layers.Dense(width)(flat) + inner)
    return flat
