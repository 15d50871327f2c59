"""A text as the weighted mean of trained embeddings of its terms.

Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification" (fastText), whose terms are
words, neighbouring words and runs of characters; with hidden layers, the deep averaging network of
Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic Methods for Text Classification".
"""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers, ops


def averaged(hp: keras_tuner.HyperParameters, terms: Any, weights: Any, size: int) -> Any:
    """The plain mean of the embeddings of all terms of a text.

    Args:
        hp: Declares `average_width` and `average_dropout`.
        terms: int32 `(batch, any)`, 0 for no term.
        weights: float32 `(batch, any)`, not looked at.
        size: Numbers that a term can have.

    Returns:
        Tensor of shape `(batch, width)`.
    """
    width = int(hp.Choice("average_width", [8, 16, 32, 64, 128], default=32))
    dropout = hp.Float("average_dropout", 0.0, 0.6, step=0.1, default=0.3)
    real = ops.cast(ops.not_equal(terms, 0), "float32")
    share = real / ops.maximum(ops.sum(real, axis=1, keepdims=True), 1.0)
    x = weighted_sum(terms, share, size, width)
    return layers.Dropout(dropout)(x) if dropout else x


def deep_average(hp: keras_tuner.HyperParameters, terms: Any, weights: Any, size: int) -> Any:
    """The sum of embeddings by TF-IDF, and hidden layers over it.

    Args:
        hp: Declares `deep_embedding`, `deep_layers`, `deep_width`, `deep_dropout`.
        terms: int32 `(batch, any)`, 0 for no term.
        weights: float32 `(batch, any)`, the TF-IDF of each.
        size: Numbers that a term can have.

    Returns:
        Tensor of shape `(batch, width)`.
    """
    embedding = int(hp.Choice("deep_embedding", [16, 32, 64, 128], default=32))
    depth = hp.Int("deep_layers", 1, 3, default=1)
    width = int(hp.Choice("deep_width", [32, 64, 128, 256], default=64))
    dropout = hp.Float("deep_dropout", 0.0, 0.7, step=0.1, default=0.4)
    x = weighted_sum(terms, weights, size, embedding)
    x = layers.LayerNormalization()(x)
    for _ in range(depth):
        if dropout:
            x = layers.Dropout(dropout)(x)
        x = layers.Dense(width, activation="relu")(x)
    return layers.Dropout(dropout)(x) if dropout else x


def weighted_sum(
    terms: Any, weights: Any, size: int, width: int, name: str | None = None, zeros: bool = False
) -> Any:
    """The sum of embeddings by weight: a sparse matrix product.

    Args:
        terms: int32 `(batch, any)`.
        weights: float32 `(batch, any)`, 0 where there is no term.
        size: Numbers that a term can have.
        width: Width of an embedding.
        name: Name of the embedding.
        zeros: Whether embeddings begin at zero.

    Returns:
        Tensor of shape `(batch, width)`.
    """
    start = "zeros" if zeros else "uniform"
    table = layers.Embedding(int(size), int(width), embeddings_initializer=start, name=name)
    return ops.squeeze(ops.matmul(ops.expand_dims(weights, 1), table(terms)), axis=1)
