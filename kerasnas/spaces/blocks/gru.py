"""A gated recurrent network over a window."""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers

_MOST_STEPS = 64  # that are gone through one by one; longer windows are strided over first


def gru(hp: keras_tuner.HyperParameters, x: Any) -> Any:
    """Gated recurrent units (Cho et al. 2014) that read the window from its first step to its last.

    Args:
        hp: Declares `gru_units`, `gru_dropout`.
        x: Windows `(batch, steps, channels)`.

    Returns:
        Tensor of shape `(batch, units)`.
    """
    units = int(hp.Choice("gru_units", [16, 32, 64, 128], default=32))
    dropout = hp.Float("gru_dropout", 0.0, 0.4, step=0.1, default=0.1)
    stride = -(-int(x.shape[1]) // _MOST_STEPS)
    if stride > 1:
        x = layers.Conv1D(units, stride, strides=stride, activation="relu")(x)
    x = layers.GRU(units)(x)
    return layers.Dropout(dropout)(x) if dropout else x
