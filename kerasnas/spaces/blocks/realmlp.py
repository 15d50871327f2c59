"""RealMLP: a multilayer perceptron with the tricks that make it a match for boosted trees.

Holzmüller, Grinsztajn and Steinwart 2024, "Better by Default: Strong Pre-Tuned MLPs and Boosted
Trees on Tabular Data". Numbers are embedded (PBLD); a learnt scale of every input selects features;
every unit learns how much of its activation it wants; initial weights come from training rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras import layers, ops

from kerasnas.spaces.blocks import parts
from kerasnas.spaces.blocks.elementwise import flat, scale
from kerasnas.spaces.blocks.numerical import KINDS, periodic
from kerasnas.spaces.table import Table

_EMBEDDING = 8  # width of the embedding of a category
_INDICATOR = 2 / math.sqrt(1 + (2 / 3) ** 2)
"""What a 0/1 column's 1 becomes when it is scaled and clipped as numbers are."""


@dataclass
class RealMlp:
    """A built RealMLP and its variables by what they are for.

    Attributes:
        answer: Tensor of scores `(batch, outputs)`, before any softmax.
        embeddings: Variables of the embeddings of numbers.
        scales: Variables of the learnt scale of the inputs.
        shapes: Variables of the parametric activations.
        hidden: Dense layers, the last one included.
    """

    answer: Any = None
    embeddings: list[Any] = field(default_factory=list)
    scales: list[Any] = field(default_factory=list)
    shapes: list[Any] = field(default_factory=list)
    hidden: list[layers.Dense] = field(default_factory=list)


def realmlp(hp: keras_tuner.HyperParameters, table: Table, matrix: Any) -> RealMlp:
    """Builds the network and sets its initial weights.

    Args:
        hp: Declares `realmlp_embedding`, `realmlp_frequencies`, `realmlp_embedding_width`,
            `realmlp_sigma`, `realmlp_scale`, `realmlp_layers`, `realmlp_width`,
            `realmlp_activation`, `realmlp_dropout`.
        table: The feature matrix.
        matrix: Symbolic feature matrix.
    """
    built = RealMlp()
    x = _inputs(hp, table, matrix, built)
    if hp.Boolean("realmlp_scale", default=True):
        gamma = scale(x)
        x = gamma(x)
        built.scales += gamma.trainable_variables
    depth = hp.Int("realmlp_layers", 1, 4, default=3)
    width = int(hp.Choice("realmlp_width", [64, 128, 256, 384, 512], default=256))
    usual = "selu" if table.classes is not None else "mish"
    activation = hp.Choice("realmlp_activation", ["selu", "mish", "relu"], default=usual)
    dropout = hp.Float("realmlp_dropout", 0.0, 0.5, step=0.05, default=0.15)
    first = x
    for _ in range(depth):
        dense = layers.Dense(width)
        z = dense(x)
        # z + alpha * (f(z) - z): from the identity (alpha = 0) to the activation (1) and beyond.
        bend = layers.Activation(activation)(z) - z
        alpha = scale(bend)
        x = z + alpha(bend)
        built.hidden.append(dense)
        built.shapes += alpha.trainable_variables
        if dropout:
            x = layers.Dropout(dropout)(x)
    last = layers.Dense(table.answers)
    built.answer = last(x)
    built.hidden.append(last)
    function = keras.activations.get(activation)
    known = None
    if table.sample is not None:
        known = ops.convert_to_numpy(keras.Model(matrix, first)(table.sample, training=False))
    initialise(built.hidden, known, lambda z: ops.convert_to_numpy(function(z)))
    return built


def initialise(dense: list[layers.Dense], x: np.ndarray | None, activation: Any) -> None:
    """Sets kernels so that every unit varies by 1 over some rows, and biases by some of them.

    A bias is minus a random mean of five rows ("he+5"): units bend where the data are.

    Args:
        dense: Built layers, first to last.
        x: Inputs of the first one for some training rows; `None` counts them as standardised.
        activation: From a layer's output to the next one's input.
    """
    for layer in dense:
        width, units = layer.kernel.shape
        kernel = _normal((width, units)) / math.sqrt(width)
        if x is None:
            layer.set_weights([kernel, np.zeros(units)])
            continue
        z = x @ kernel
        deviation = z.std(axis=0)
        # An input that never changes would be magnified without end.
        factor = 1.0 / np.where(deviation > 1e-6, deviation, 1.0)
        kernel, z = kernel * factor, z * factor
        bias = _biases(z)
        layer.set_weights([kernel, bias])
        x = activation((z + bias).astype("float32"))


def _biases(z: np.ndarray) -> np.ndarray:
    units = z.shape[1]
    rows = ops.convert_to_numpy(keras.random.randint((5, units), 0, len(z)))
    share = -np.log(np.maximum(ops.convert_to_numpy(keras.random.uniform((5, units))), 1e-7))
    share /= share.sum(axis=0)
    return -(share * z[rows, np.arange(units)]).sum(axis=0)


def _normal(shape: tuple[int, int]) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(keras.random.normal(shape)))


def _inputs(hp: keras_tuner.HyperParameters, table: Table, matrix: Any, built: RealMlp) -> Any:
    """Embedded numbers, flags and one-hot columns, embedded categories, as one vector."""
    kind = hp.Choice("realmlp_embedding", list(KINDS), default="pbld")
    x = parts.numbers(table, matrix)
    if kind != "none":
        with hp.conditional_scope("realmlp_embedding", ["pbld", "pl", "plr"]):
            frequencies = int(hp.Choice("realmlp_frequencies", [8, 16, 32], default=16))
            width = int(hp.Choice("realmlp_embedding_width", [4, 8, 16], default=4))
            sigma = hp.Float("realmlp_sigma", 1e-2, 10.0, sampling="log", default=0.1)
        if x is not None:
            vectors = periodic(x, kind, frequencies, width, sigma)
            built.embeddings += keras.Model(matrix, vectors).trainable_variables
            x = flat(vectors)
    indicators = parts.others(table, matrix)
    if indicators is not None:
        indicators = indicators * _INDICATOR
    normal = keras.initializers.RandomNormal(stddev=1.0)
    return parts.join([x, indicators, *parts.embedded(table, matrix, _EMBEDDING, normal)])
