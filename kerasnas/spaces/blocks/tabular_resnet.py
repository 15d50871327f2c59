"""Residual network for tables.

Gorishniy et al. 2021, "Revisiting Deep Learning Models for Tabular Data", section 3.2.
"""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers


def tabular_resnet(hp: keras_tuner.HyperParameters, x: Any) -> Any:
    """Pre-normalised residual blocks: x + Drop(Linear(Drop(ReLU(Linear(Norm(x)))))).

    Args:
        hp: Declares `resnet_blocks`, `resnet_width`, `resnet_factor`, `resnet_dropout`,
            `resnet_residual_dropout`.
        x: Tensor of shape `(batch, features)`.

    Returns:
        Tensor of shape `(batch, width)`.
    """
    blocks = hp.Int("resnet_blocks", 1, 6, default=2)
    width = int(hp.Choice("resnet_width", [64, 128, 192, 256, 384], default=128))
    factor = hp.Float("resnet_factor", 1.0, 4.0, step=0.5, default=2.0)
    dropout = hp.Float("resnet_dropout", 0.0, 0.5, step=0.05, default=0.25)
    residual = hp.Float("resnet_residual_dropout", 0.0, 0.3, step=0.05, default=0.1)
    x = layers.Dense(width)(x)
    for _ in range(blocks):
        branch = layers.BatchNormalization()(x)
        branch = layers.Dense(int(width * factor), activation="relu")(branch)
        branch = layers.Dropout(dropout)(branch)
        branch = layers.Dense(width)(branch)
        branch = layers.Dropout(residual)(branch)
        x = layers.Add()([x, branch])
    x = layers.BatchNormalization()(x)
    return layers.Activation("relu")(x)
