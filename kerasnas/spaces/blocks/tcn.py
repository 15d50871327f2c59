"""Dilated causal convolutions over a window."""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers


def tcn(hp: keras_tuner.HyperParameters, x: Any) -> Any:
    """Residual convolutions whose reach doubles until it covers the window (Bai et al. 2018).

    Args:
        hp: Declares `tcn_filters`, `tcn_kernel`, `tcn_dropout`.
        x: Windows `(batch, steps, channels)`.

    Returns:
        Tensor of shape `(batch, 2 * filters)`: the last step and the mean of all.
    """
    filters = int(hp.Choice("tcn_filters", [16, 32, 64], default=32))
    kernel = int(hp.Choice("tcn_kernel", [2, 3, 5], default=3))
    dropout = hp.Float("tcn_dropout", 0.0, 0.4, step=0.1, default=0.1)
    reach, dilation = 1, 1
    x = layers.Conv1D(filters, 1)(x)
    while reach < int(x.shape[1]) or dilation == 1:
        inner = layers.Conv1D(
            filters, kernel, dilation_rate=dilation, padding="causal", activation="relu"
        )(x)
        if dropout:
            inner = layers.Dropout(dropout)(inner)
        x = x + layers.Conv1D(filters, 1)(inner)
        reach += (kernel - 1) * dilation
        dilation *= 2
    return layers.Concatenate()([x[:, -1], layers.GlobalAveragePooling1D()(x)])
