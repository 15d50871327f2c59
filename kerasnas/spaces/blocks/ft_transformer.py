"""FT-Transformer: every feature is a token, attention mixes them.

Gorishniy et al. 2021, "Revisiting Deep Learning Models for Tabular Data", section 3.3. The cost
grows with the square of the number of features: a network for tables with few columns.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import keras_tuner
from keras import layers, ops

from kerasnas.spaces.blocks import parts
from kerasnas.spaces.blocks.elementwise import spread
from kerasnas.spaces.table import Table

MOST_TOKENS = 50
_HEADS = 8


def ft_transformer(hp: keras_tuner.HyperParameters, table: Table, matrix: Any) -> Any:
    """Builds the network up to what its head takes.

    Args:
        hp: Declares `ft_blocks`, `ft_width`, `ft_factor`, `ft_attention_dropout`, `ft_dropout`,
            `ft_residual_dropout`.
        table: The feature matrix.
        matrix: Symbolic feature matrix.

    Returns:
        Tensor of shape `(batch, width)`.
    """
    blocks = hp.Int("ft_blocks", 1, 4, default=3)
    # 192 as published; a third of that costs a tenth, which is what a CPU has time for.
    width = int(hp.Choice("ft_width", [32, 64, 96, 128, 192], default=64))
    factor = hp.Float("ft_factor", 2 / 3, 8 / 3, default=4 / 3)
    attention_dropout = hp.Float("ft_attention_dropout", 0.0, 0.5, step=0.05, default=0.2)
    dropout = hp.Float("ft_dropout", 0.0, 0.5, step=0.05, default=0.1)
    residual = hp.Float("ft_residual_dropout", 0.0, 0.2, step=0.05, default=0.0)
    x = _tokens(table, matrix, width)
    hidden = int(width * factor)
    for i in range(blocks):
        # The first block has no norm before its attention, which the authors found crucial; in the
        # last one only the answer's token looks at the others.
        h = layers.LayerNormalization(epsilon=1e-5)(x) if i else x
        query, x = (h[:, :1], x[:, :1]) if i == blocks - 1 else (h, x)
        attend = layers.MultiHeadAttention(_HEADS, width // _HEADS, dropout=attention_dropout)
        x = x + _drop(attend(query, h), residual)
        h = layers.LayerNormalization(epsilon=1e-5)(x)
        gate = layers.Dense(hidden, activation="relu")(h)
        h = _drop(layers.Dense(hidden)(h) * gate, dropout)
        x = x + _drop(layers.Dense(width)(h), residual)
    x = layers.LayerNormalization(epsilon=1e-5)(x[:, 0])
    return layers.Activation("relu")(x)


def _tokens(table: Table, matrix: Any, width: int) -> Any:
    """One token a feature, after one for the answer: `(batch, tokens, width)`."""
    limit = keras.initializers.RandomUniform(-1 / math.sqrt(width), 1 / math.sqrt(width))
    single, joint = table.tokens
    # A dense layer that sees only zeros gives its bias: the learnt token of the answer.
    start = layers.Dense(width, bias_initializer=limit)(ops.zeros_like(matrix[:, :1]))
    tokens = [ops.expand_dims(start, 1)]
    if len(single):
        tokens.append(spread(ops.take(matrix, single, axis=1), width, limit, limit))
    for places in joint:
        own = ops.take(matrix, places, axis=1)
        token = layers.Dense(width, kernel_initializer=limit, bias_initializer=limit)(own)
        tokens.append(ops.expand_dims(token, 1))
    for part in parts.embedded(table, matrix, width, limit):
        bias = layers.Dense(width, bias_initializer=limit)(ops.zeros_like(matrix[:, :1]))
        tokens.append(ops.expand_dims(part + bias, 1))
    return ops.concatenate(tokens, axis=1)


def _drop(x: Any, share: float) -> Any:
    return layers.Dropout(share)(x) if share else x
