"""What most blocks of tables begin with: embedded numbers beside everything else, as one vector."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from kerasnas.spaces.inputs import embedding_width
from kerasnas.spaces.table import Table


def numbers(table: Table, matrix: Any) -> Any:
    """The columns that are numbers, `(batch, numbers)`, or `None` without any."""
    if not len(table.numbers):
        return None
    return ops.take(matrix, table.numbers.astype("int32"), axis=1)


def others(table: Table, matrix: Any) -> Any:
    """Flags and one-hot columns, or `None` without any."""
    if not len(table.others):
        return None
    return ops.take(matrix, table.others.astype("int32"), axis=1)


def embedded(
    table: Table, matrix: Any, width: int | None = None, initializer: Any = "uniform"
) -> list[Any]:
    """An embedding of every column of indices.

    Args:
        table: The feature matrix.
        matrix: Symbolic feature matrix.
        width: Width of each; `None` for one that grows with the number of categories.
        initializer: Initialiser of each.
    """
    parts = []
    for i, categories in enumerate(table.embedded):
        index = ops.cast(matrix[:, table.plain + i], "int32")
        size = width or embedding_width(categories)
        look = layers.Embedding(
            categories, size, embeddings_initializer=keras.initializers.get(initializer)
        )
        parts.append(look(index))
    return parts


def join(parts: list[Any]) -> Any:
    """Parts that are there as one vector a row."""
    there = [part for part in parts if part is not None]
    return layers.Concatenate()(there) if len(there) > 1 else there[0]
