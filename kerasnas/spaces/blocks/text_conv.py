"""Convolutions of several widths over the words of a text.

Kim 2014, "Convolutional Neural Networks for Sentence Classification".
"""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers, ops


def text_conv(hp: keras_tuner.HyperParameters, x: Any, real: Any) -> Any:
    """The strongest answer of each filter anywhere in the text.

    Args:
        hp: Declares `conv_filters`, `conv_widths`, `conv_dropout`.
        x: Embedded tokens `(batch, length, width)`.
        real: float32 `(batch, length)`, 1 where there is a token.

    Returns:
        Tensor of shape `(batch, filters * widths)`.
    """
    filters = int(hp.Choice("conv_filters", [32, 64, 100, 200], default=100))
    widths = hp.Choice("conv_widths", ["1-3", "2-4", "3-5", "2-6"], default="3-5")
    dropout = hp.Float("conv_dropout", 0.0, 0.7, step=0.1, default=0.5)
    x = x * ops.expand_dims(real, -1)
    low, high = (int(n) for n in widths.split("-"))
    found = []
    for width in range(low, high + 1):
        y = layers.Conv1D(filters, width, padding="same", activation="relu")(x)
        found.append(layers.GlobalMaxPooling1D()(y))
    joined = layers.Concatenate()(found)
    return layers.Dropout(dropout)(joined) if dropout else joined
