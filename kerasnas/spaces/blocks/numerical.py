"""Embeddings of numbers: a vector for each, which a network reads more easily than one number.

Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning"; the periodic
one with bias and a dense part (PBLD): Holzmüller et al. 2024, "Better by default".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerasnas.spaces.blocks.elementwise import dense_by_feature, spread

KINDS = ("pbld", "pl", "plr", "none")


def periodic(x: Any, kind: str, frequencies: int, width: int, sigma: float) -> Any:
    """Periodic embeddings of shape `(batch, features, width)`.

    Args:
        x: Tensor of shape `(batch, features)`.
        kind: `pbld`: cosines with learnt phases, then a linear map, and the number itself as the
            last coordinate. `pl`: cosines and sines, then a linear map; `plr`: a ReLU after it.
        frequencies: Cosines of each number (`pbld`), or pairs of cosine and sine.
        width: Length of the vectors.
        sigma: Standard deviation of the initial frequencies: large ones let neighbouring numbers
            differ, small ones keep the embedding smooth. It matters more than anything else here.
    """
    # The factor 2 pi of the formula is part of the kernel.
    waves = keras.initializers.TruncatedNormal(stddev=2 * math.pi * sigma)
    if kind == "pbld":
        waves = keras.initializers.RandomNormal(stddev=2 * math.pi * sigma)
        h = ops.cos(spread(x, frequencies, waves, _uniform(math.pi)))
        limit = 1 / math.sqrt(frequencies)
        mapped = dense_by_feature(h, max(1, width - 1), _uniform(limit), _uniform(limit))
        return ops.concatenate([mapped, ops.expand_dims(x, -1)], axis=-1)
    angle = spread(x, frequencies, waves)
    h = ops.concatenate([ops.cos(angle), ops.sin(angle)], axis=-1)
    limit = 1 / math.sqrt(2 * frequencies)
    mapped = dense_by_feature(h, width, _uniform(limit), _uniform(limit))
    return ops.relu(mapped) if kind == "plr" else mapped


def piecewise_linear(x: Any, edges: Sequence[np.ndarray], width: int) -> Any:
    """Piecewise-linear embeddings of shape `(batch, features, width)` that start out linear.

    Args:
        x: Tensor of shape `(batch, features)`.
        edges: Edges of the bins of each feature, ascending, at least two.
        width: Length of the vectors.
    """
    features, bins = len(edges), max(len(cuts) for cuts in edges) - 1
    slope, shift = np.zeros((features, bins)), np.zeros((features, bins))
    low, high = np.zeros((features, bins)), np.ones((features, bins))
    for j, cuts in enumerate(edges):
        # Where a feature has fewer bins than others, the ones in excess stay 0.
        size = np.diff(cuts)
        slope[j, : len(size)], shift[j, : len(size)] = 1 / size, -cuts[:-1] / size
        low[j, 0], high[j, len(size) - 1] = -np.inf, np.inf  # both ends extrapolate
    bin_layer = layers.EinsumDense(
        "bf,fh->bfh", output_shape=(features, bins), bias_axes="fh", trainable=False
    )
    position = bin_layer(x)
    bin_layer.set_weights([slope, shift])
    position = ops.minimum(ops.maximum(position, low.astype("float32")), high.astype("float32"))
    limit = 1 / math.sqrt(width)
    linear = spread(x, width, _uniform(limit), _uniform(limit))
    # Starts at 0: the embedding is linear until training bends it.
    return linear + dense_by_feature(position, width, "zeros")


def _uniform(limit: float) -> keras.initializers.Initializer:
    return keras.initializers.RandomUniform(-limit, limit)
