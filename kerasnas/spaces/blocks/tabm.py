"""TabM: an ensemble of networks that share most of their weights, trained as one.

Gorishniy et al. 2024, "TabM: Advancing Tabular Deep Learning with Parameter-Efficient Ensembling".
Every member has its own scales of the inputs (`mini`), or of the inputs and outputs of every layer
(`full`), and its own last layer; the kernels in between are shared.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras import layers, ops

from kerasnas.spaces.blocks import parts
from kerasnas.spaces.blocks.elementwise import flat, scale_members
from kerasnas.spaces.blocks.numerical import piecewise_linear
from kerasnas.spaces.table import Table


def tabm(hp: keras_tuner.HyperParameters, table: Table, matrix: Any) -> Any:
    """Builds the network.

    Args:
        hp: Declares `tabm_kind`, `tabm_members`, `tabm_layers`, `tabm_width`, `tabm_dropout`,
            `tabm_bins`, `tabm_embedding_width`.
        table: The feature matrix.
        matrix: Symbolic feature matrix.

    Returns:
        Scores of every member before any softmax, `(batch, members, outputs)`.
    """
    kind = hp.Choice("tabm_kind", ["mini", "full"], default="mini")
    # As published, 32 members of width 512 are best, at 30 times the cost of these on a CPU.
    members = int(hp.Choice("tabm_members", [8, 16, 32], default=16))
    depth = hp.Int("tabm_layers", 1, 4, default=2)
    width = int(hp.Choice("tabm_width", [64, 128, 256, 512], default=128))
    dropout = hp.Float("tabm_dropout", 0.0, 0.5, step=0.05, default=0.1)
    x, spans = _inputs(hp, table, matrix)
    x = layers.RepeatVector(members)(x)
    first = scale_members(x)
    x = first(x)
    first.set_weights([_signs(members, spans, normal=bool(len(table.numbers)))])
    for i in range(depth):
        inputs = int(x.shape[-1])
        limit = keras.initializers.RandomUniform(-1 / math.sqrt(inputs), 1 / math.sqrt(inputs))
        if kind == "mini":
            x = layers.Dense(width, kernel_initializer=limit, bias_initializer=limit)(x)
        else:
            if i:
                x = scale_members(x)(x)
            x = layers.Dense(width, use_bias=False, kernel_initializer=limit)(x)
            after = scale_members(x, bias=True)
            x = after(x)
            # All members start with the same bias: what tells them apart is the first scale.
            bias = ops.convert_to_numpy(limit((width,)))
            after.set_weights([np.ones((members, width)), np.tile(bias, (members, 1))])
        x = layers.Activation("relu")(x)
        if dropout:
            x = layers.Dropout(dropout)(x)
    limit = keras.initializers.RandomUniform(-1 / math.sqrt(width), 1 / math.sqrt(width))
    return layers.EinsumDense(
        "bkf,kfo->bko",
        output_shape=(members, table.answers),
        bias_axes="ko",
        kernel_initializer=limit,
        bias_initializer=limit,
    )(x)


def _inputs(hp: keras_tuner.HyperParameters, table: Table, matrix: Any) -> tuple[Any, list[int]]:
    """All inputs as one vector, and how many of its places belong to each feature."""
    bins = int(hp.Choice("tabm_bins", [8, 16, 32, 48, 96], default=48))
    width = int(hp.Choice("tabm_embedding_width", [8, 16, 24], default=16))
    numbers, indicators = parts.numbers(table, matrix), parts.others(table, matrix)
    spans: list[int] = []
    if numbers is not None:
        numbers = flat(piecewise_linear(numbers, table.edges(bins), width))
        spans += [width] * len(table.numbers)
    if indicators is not None:
        spans += [1] * len(table.others)
    categories = parts.embedded(table, matrix)
    spans += [int(part.shape[-1]) for part in categories]
    return parts.join([numbers, indicators, *categories]), spans


def _signs(members: int, spans: list[int], normal: bool) -> np.ndarray:
    """Initial scales of the inputs: one random number for all places of a feature."""
    draw = ops.convert_to_numpy(keras.random.normal((members, len(spans))))
    if not normal:
        draw = np.where(draw < 0, -1.0, 1.0)
    return np.repeat(draw, spans, axis=1)
