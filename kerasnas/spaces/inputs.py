"""From the feature matrix to the tensor that blocks take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops


def embedding_width(categories: int) -> int:
    """Width of the embedding of a column: grows slowly with its number of categories."""
    return int(min(24, max(4, round(1.6 * categories**0.35))))


def tabular_input(width: int, embedded: Sequence[int] = ()) -> tuple[Any, Any]:
    """The input of a tabular network, indices replaced by trainable embeddings.

    Args:
        width: Columns of the feature matrix, indices of embedded columns (the last ones) included.
        embedded: Number of categories of each embedded column.

    Returns:
        The `keras.Input` of shape `(batch, width)` and a tensor of shape `(batch, features)`.
    """
    matrix = keras.Input((int(width),), name="features")
    if not embedded:
        return matrix, matrix
    plain = int(width) - len(embedded)
    parts = [matrix[:, :plain]] if plain else []
    for i, categories in enumerate(embedded):
        index = ops.cast(matrix[:, plain + i], "int32")
        parts.append(layers.Embedding(int(categories), embedding_width(categories))(index))
    return matrix, layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
