"""Multilayer perceptron for tables."""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers


def mlp(hp: keras_tuner.HyperParameters, x: Any) -> Any:
    """Dense layers of one width with dropout; without any layer the model is linear.

    Args:
        hp: Declares `mlp_layers`, `mlp_width`, `mlp_activation`, `mlp_norm`, `mlp_dropout`.
        x: Tensor of shape `(batch, features)`.

    Returns:
        Tensor of shape `(batch, width)`, or `x` for no layers.
    """
    depth = hp.Int("mlp_layers", 0, 4, default=2)
    width = hp.Choice("mlp_width", [32, 64, 128, 256, 512], default=256)
    activation = hp.Choice("mlp_activation", ["relu", "silu", "selu"], default="silu")
    normalize = hp.Boolean("mlp_norm", default=False)
    dropout = hp.Float("mlp_dropout", 0.0, 0.5, step=0.05, default=0.15)
    for _ in range(depth):
        x = layers.Dense(int(width))(x)
        if normalize:
            x = layers.BatchNormalization()(x)
        x = layers.Activation(activation)(x)
        if dropout:
            x = layers.Dropout(dropout)(x)
    return x
