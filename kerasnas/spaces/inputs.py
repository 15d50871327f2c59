"""From the feature matrix to the tensor that blocks take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import layers, ops


def embedding_width(categories: int) -> int:
    """Width of the embedding of a column: grows slowly with its number of categories."""
    return int(min(24, max(4, round(1.6 * categories**0.35))))


def embed(matrix: Any, embedded: Sequence[int]) -> Any:
    """A feature matrix with its last columns, which are indices, replaced by embeddings.

    Args:
        matrix: Tensor of shape `(batch, width)`.
        embedded: Number of categories of each embedded column.
    """
    if not embedded:
        return matrix
    plain = int(matrix.shape[1]) - len(embedded)
    parts = [matrix[:, :plain]] if plain else []
    for i, categories in enumerate(embedded):
        index = ops.cast(matrix[:, plain + i], "int32")
        parts.append(layers.Embedding(int(categories), embedding_width(categories))(index))
    return layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
