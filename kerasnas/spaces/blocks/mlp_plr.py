"""A multilayer perceptron over periodic embeddings of numbers (MLP-PLR).

Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning".
"""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers

from kerasnas.spaces.blocks import parts
from kerasnas.spaces.blocks.elementwise import flat
from kerasnas.spaces.blocks.numerical import periodic
from kerasnas.spaces.table import Table


def mlp_plr(hp: keras_tuner.HyperParameters, table: Table, matrix: Any) -> Any:
    """Builds the network up to its last hidden layer.

    Args:
        hp: Declares `plr_frequencies`, `plr_embedding_width`, `plr_sigma`, `plr_layers`,
            `plr_width`, `plr_dropout`.
        table: The feature matrix.
        matrix: Symbolic feature matrix.

    Returns:
        Tensor of shape `(batch, width)`.
    """
    frequencies = int(hp.Choice("plr_frequencies", [16, 32, 48, 64, 96], default=48))
    size = int(hp.Choice("plr_embedding_width", [8, 16, 24, 32], default=24))
    sigma = hp.Float("plr_sigma", 1e-2, 10.0, sampling="log", default=0.01)
    depth = hp.Int("plr_layers", 1, 4, default=3)
    width = int(hp.Choice("plr_width", [64, 128, 256, 512], default=128))
    dropout = hp.Float("plr_dropout", 0.0, 0.5, step=0.05, default=0.1)
    x = parts.numbers(table, matrix)
    if x is not None:
        x = flat(periodic(x, "plr", frequencies, size, sigma))
    x = parts.join([x, parts.others(table, matrix), *parts.embedded(table, matrix)])
    for i in range(depth):
        # Wider in the middle, as published: 128, 256, 128.
        inner = depth > 2 and 0 < i < depth - 1
        x = layers.Dense(width * 2 if inner else width, activation="relu")(x)
        if dropout:
            x = layers.Dropout(dropout)(x)
    return x
