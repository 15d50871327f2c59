"""The preprocessing graph: raw columns in, one float matrix out, fitted on training rows only.

The graph is an ordinary Keras model of built-in layers. Training runs it once and keeps the matrix;
the exported model holds the very same graph in front of the network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnas.assembly import FrontGraph
from kerasnas.data import MISSING_DATETIME, MISSING_INTEGER, Column, Schema
from kerasnas.preprocessing.blocks import ColumnBlocks, input_dtype
from kerasnas.preprocessing.categorical import CategoricalColumns
from kerasnas.preprocessing.features import ColumnFeatures
from kerasnas.preprocessing.moments import DatetimeColumns, concatenated
from kerasnas.preprocessing.numeric import NumericColumns, WholeColumns
from kerasnas.preprocessing.text import TextColumn

_BATCH = 1024


@dataclass(frozen=True)
class Preprocessing:
    """A fitted preprocessing graph.

    Attributes:
        model: Takes a list of tensors, one for each of the `blocks` of columns, and gives one
            float32 matrix `(batch, width)`: features first, then one column of indices for every
            column that is to be embedded.
        columns: The raw columns in use.
        names: One readable name a feature; indices of embedded columns last.
        owners: The raw column of each feature.
        embedded: Number of categories (with index 0 for unknown ones) by embedded column.
        probe: A few typical and a few odd values of every raw column, made from what the graph
            holds anyway; `save` proves its round trip with them.
    """

    model: keras.Model
    columns: tuple[Column, ...]
    names: tuple[str, ...]
    owners: tuple[str, ...]
    embedded: Mapping[str, int] = field(default_factory=dict)
    probe: Mapping[str, list[Any]] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return len(self.names)

    @property
    def front(self) -> FrontGraph:
        """The graph with the names of its raw columns, without any row."""
        raw = {column.name: ((1,), input_dtype(column)) for column in self.columns}
        return FrontGraph(self.model, raw, self.blocks.groups)

    @cached_property
    def blocks(self) -> ColumnBlocks:
        """The columns by the tensor that they enter `model` in."""
        return ColumnBlocks.of(self.columns)

    def tensors(self, raw: Mapping[str, np.ndarray]) -> list[tf.Tensor]:
        """Raw columns as the list of tensors that `model` takes."""
        arrays = zip(self.blocks.arrays(raw), self.blocks.dtypes, strict=True)
        return [tf.constant(array, dtype=dtype) for array, dtype in arrays]

    def transform(self, raw: Mapping[str, np.ndarray]) -> np.ndarray:
        """Runs the graph over raw columns.

        Args:
            raw: Arrays of shape `(rows,)` as `data.ingest` gives them.

        Returns:
            float32 matrix of shape `(rows, width)`.
        """
        rows = len(raw[self.columns[0].name])
        if rows == 0:
            return np.zeros((0, self.width), dtype="float32")
        dataset = tf.data.Dataset.from_tensor_slices(tuple(self.tensors(raw))).batch(_BATCH)
        return np.concatenate([self._run(*batch).numpy() for batch in dataset], axis=0)

    @cached_property
    def _run(self) -> Any:
        """The graph, traced once for batches of any length."""
        blocks = zip(self.blocks.groups, self.blocks.dtypes, strict=True)
        signature = [tf.TensorSpec((None, len(group)), dtype) for group, dtype in blocks]
        run = tf.function(
            lambda *tensors: self.model(list(tensors), training=False), input_signature=signature
        )
        # Called itself, the function of the sixth table is taken for retracing, and warned of.
        return run.get_concrete_function()


def fit_preprocessing(raw: Mapping[str, np.ndarray], schema: Schema) -> Preprocessing:
    """Fits the graph.

    Args:
        raw: Training rows, as `data.ingest` gives them for `schema`.
        schema: The columns; dropped ones do not enter the graph.
    """
    columns = schema.used
    blocks = ColumnBlocks.of(columns)
    inputs = blocks.inputs()
    by_name = {name: inputs[(name,)] for name in blocks.strings}
    parts: list[ColumnFeatures] = []
    for names, kind in (
        (blocks.numbers, NumericColumns),
        (blocks.whole, WholeColumns),
        (blocks.moments, DatetimeColumns),
    ):
        if names:
            values = np.stack([raw[name] for name in names], axis=1)
            parts.append(kind(list(names), values).build(inputs[names]))
    categories = [c.name for c in columns if c.kind == "categorical"]
    fitted = CategoricalColumns({name: raw[name] for name in categories})
    one_hot, indices = fitted.build(by_name)
    parts.append(one_hot)
    parts.extend(
        TextColumn(c.name, raw[c.name]).build(by_name[c.name]) for c in columns if c.kind == "text"
    )
    tensors = [tensor for part in parts for tensor in part.tensors] + indices
    embedded = fitted.cardinalities
    return Preprocessing(
        model=keras.Model(list(inputs.values()), concatenated(tensors), name="preprocessing"),
        columns=columns,
        names=tuple([n for part in parts for n in part.names] + list(embedded)),
        owners=tuple([o for part in parts for o in part.owners] + list(embedded)),
        embedded=embedded,
        probe={column.name: _probe(raw[column.name], column) for column in columns},
    )


def _probe(values: np.ndarray, column: Column) -> list[Any]:
    """Eight values of a column: quartiles or frequent values, a missing one, an unseen one."""
    kind = column.kind
    if column.exact:
        whole = np.sort(values[values != MISSING_INTEGER])
        middle = [int(whole[len(whole) * i // 4]) for i in (1, 2, 3)] if whole.size else [0] * 3
        return [*middle, MISSING_INTEGER, 0, -(2**62), 2**62, middle[1]]
    if kind in ("numeric", "boolean"):
        known = values[np.isfinite(values)]
        typical = np.quantile(known, [0.25, 0.5, 0.75]).tolist() if known.size else [0.0] * 3
        return [float(v) for v in (*typical, np.nan, 0.0, -1e9, np.inf, typical[1])]
    if kind == "datetime":
        known = values[values != MISSING_DATETIME]
        typical = np.quantile(known, [0.25, 0.5, 0.75]).tolist() if known.size else [0] * 3
        return [int(v) for v in (*typical, MISSING_DATETIME, 0, -86_401, 4_102_444_799, typical[1])]
    if kind == "text":
        return ["", "a", "the same words", "THE SAME, words!", "\u00e9t\u00e9", "0", "a b", "x\ny"]
    frequent = [value for value, _ in Counter(values.tolist()).most_common(5)]
    return [*(frequent * 5)[:5], "", "a value never seen", frequent[0]]
