"""Gated recurrent layers that read a text in both directions."""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers, ops


def text_recurrent(hp: keras_tuner.HyperParameters, x: Any, real: Any) -> Any:
    """Bidirectional GRU or LSTM, and the largest and the mean state over the text.

    Args:
        hp: Declares `recurrent_cell`, `recurrent_units`, `recurrent_layers`, `recurrent_dropout`.
        x: Embedded tokens `(batch, length, width)`.
        real: float32 `(batch, length)`, 1 where there is a token.

    Returns:
        Tensor of shape `(batch, 4 * units)`.
    """
    cell = hp.Choice("recurrent_cell", ["gru", "lstm"], default="gru")
    units = int(hp.Choice("recurrent_units", [32, 64, 96, 128], default=64))
    depth = hp.Int("recurrent_layers", 1, 2, default=1)
    dropout = hp.Float("recurrent_dropout", 0.0, 0.7, step=0.1, default=0.4)
    kind = layers.GRU if cell == "gru" else layers.LSTM
    mask = ops.greater(real, 0.5)
    for _ in range(depth):
        x = layers.Bidirectional(kind(units, return_sequences=True))(x, mask=mask)
    weight = ops.expand_dims(real, -1)
    number = ops.maximum(ops.sum(weight, axis=1), 1.0)
    mean = ops.sum(x * weight, axis=1) / number
    # Of a text without tokens, the lowest value that a state can have.
    largest = ops.max(x * weight + (weight - 1.0), axis=1)
    joined = layers.Concatenate()([mean, largest])
    return layers.Dropout(dropout)(joined) if dropout else joined
