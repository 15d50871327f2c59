"""Inputs: raw data of one modality, read, fitted and laid out for a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kerasnas.auto_model.arrays import ArrayReader
from kerasnas.auto_model.nodes import Node, checked_name
from kerasnas.data import Reader, TableReader, infer_schema, ingest, to_frame
from kerasnas.preprocessing import fit_preprocessing, input_dtype

__all__ = ["Fitted", "Input", "Read", "TabularInput", "TensorInput"]


@dataclass(frozen=True, eq=False)
class Fitted:
    """One input, fitted on training rows.

    Attributes:
        reader: Reads new data.
        data: Features of all rows, in the structure that the network takes.
        front: Graph from raw tensors to features; it takes one tensor, or a list of them in the
            order of `raw`. `None` where the network takes raw data.
        raw: Shape of a row and dtype of the raw tensor, or of each by its name.
        facts: What blocks need to know, such as the number of categories of embedded columns.
    """

    reader: Reader
    data: Any
    front: keras.Model | None
    raw: Any
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Read:
    """One input, checked, all rows.

    Attributes:
        rows: Their number.
        fit: From the indices of training rows to the fitted input.
    """

    rows: int
    fit: Callable[[np.ndarray], Fitted]


class Input(Node):
    """The beginning of a graph: raw data of one modality, by name."""

    gives = "array"

    def __init__(self, name: str) -> None:
        self.name = checked_name(name)
        super().__init__(self, (), self.gives)

    def read(self, x: Any, further: Any = None) -> Read:
        """Checks raw data.

        Args:
            x: Rows given to `fit`.
            further: Rows to validate with, which follow, or `None`.
        """
        raise NotImplementedError


class TabularInput(Input):
    """A table: a DataFrame, a dict of columns, a 2-D array, a list of rows.

    Args:
        name: Key of the table in the dicts that `fit` and `predict` take; its columns are
            `name.column` in the exported model.
        column_kinds: Kind by column, where it is not to be guessed.
    """

    gives = "table"

    def __init__(self, name: str, column_kinds: Mapping[str, str] | None = None) -> None:
        super().__init__(name)
        self.column_kinds = column_kinds

    def read(self, x: Any, further: Any = None) -> Read:
        """Infers the schema and checks the columns."""
        frame, named = to_frame(x)
        schema = infer_schema(frame, self.column_kinds, named=named)
        raw = ingest(frame, schema, named=named)
        if further is not None:
            more, more_named = to_frame(further)
            extra = ingest(more, schema, named=more_named)
            raw = {name: np.concatenate([values, extra[name]]) for name, values in raw.items()}

        def fit(train: np.ndarray) -> Fitted:
            front = fit_preprocessing({n: v[train] for n, v in raw.items()}, schema)
            return Fitted(
                reader=TableReader(schema, dict(front.probe)),
                data=front.transform(raw),
                front=front.model,
                raw={c.name: ((1,), input_dtype(c)) for c in front.columns},
                facts={"embedded": tuple(front.embedded.values())},
            )

        return Read(len(next(iter(raw.values()))), fit)


class TensorInput(Input):
    """Numbers as they are, rows of one shape; scaled by the training rows' mean and deviation."""

    gives = "array"

    def read(self, x: Any, further: Any = None) -> Read:
        """Checks the numbers."""
        reader = ArrayReader(np.shape(x)[1:])
        values = reader.read(x, f"Input `{self.name}`")
        if further is not None:
            values = np.concatenate([values, reader.read(further, f"Input `{self.name}`")])

        def fit(train: np.ndarray) -> Fitted:
            axis = tuple(range(values.ndim - 1)) if values.ndim > 2 else (0,)
            mean, deviation = values[train].mean(axis), values[train].std(axis)
            raw = keras.Input(reader.shape)
            scaled = keras.layers.Normalization(
                axis=-1, mean=mean, variance=np.maximum(deviation, 1e-6) ** 2
            )(raw)
            front = keras.Model(raw, scaled)
            return Fitted(
                reader=reader,
                data=front.predict(values, verbose=0),
                front=front,
                raw=(reader.shape, "float32"),
            )

        return Read(len(values), fit)
