"""Tables: a schema, and the matrices that networks and trees see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from kerasnas.data import (
    Schema,
    TableReader,
    check_same_length,
    infer_schema,
    ingest,
    own_numbers,
    to_frame,
    warn_of_schema,
)
from kerasnas.preprocessing import Preprocessing, fit_preprocessing, fit_tree_preprocessing
from kerasnas.problem.inputs.input import Form, RawRows

TableForm = Literal["features", "codes"]
"""`features` for networks and linear models; `codes` for trees, which tell categories apart."""

_FRAMES_TO_USER = 6  # from a warning to the line that calls `fit`


@dataclass(frozen=True, eq=False)
class RawTable(RawRows):
    """All rows of a table.

    Attributes:
        own: Numbers of all rows as the user has them, where float32 loses digits; by column.
    """

    own: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TableInput:
    """A table: a DataFrame, a dict of columns, a 2-D array, a list of rows.

    Attributes:
        column_kinds: Kinds of columns that are not to be guessed.
        target: Encoded targets of the rows to fit on, which tell a number from a name; or `None`.
    """

    column_kinds: Mapping[str, str] | None = None
    target: np.ndarray | None = None

    def read(self, x: Any, further: Any = None) -> RawTable:
        """Infers the schema and checks the columns; as `Input.read`."""
        frame, named = to_frame(x)
        if self.target is not None:
            check_same_length(frame, self.target)
        schema = infer_schema(frame, self.column_kinds, named=named, target=self.target)
        warn_of_schema(schema, stacklevel=_FRAMES_TO_USER)
        data, own = ingest(frame, schema, named=named), own_numbers(frame, schema)
        total = len(frame)
        if further is not None:
            more, more_named = to_frame(further)
            data = _followed(data, ingest(more, schema, named=more_named))
            own = _followed(own, own_numbers(more, schema))
            total += len(more)
        return RawTable(TableReader(schema), data, len(frame), total, own=own)

    def fit(self, raw: RawRows, train: np.ndarray) -> FittedTable:
        """Fits the graph in front of networks; as `Input.fit`."""
        assert isinstance(raw, RawTable), "what `read` gives"
        reader: Any = raw.reader
        learnt = {name: values[train] for name, values in raw.data.items()}
        front = fit_preprocessing(learnt, reader.schema)
        return FittedTable(reader.schema, raw.data, train, front, raw.own)


def _followed(
    first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    return {name: np.concatenate([values, second[name]]) for name, values in first.items()}


@dataclass(frozen=True, eq=False)
class FittedTable:
    """A table, turned into features.

    Attributes:
        schema: The columns.
        raw: Raw columns of all rows.
        train: Indices of the training rows.
        preprocessing: The graph in front of networks.
        own: As in `RawTable`.
    """

    schema: Schema
    raw: Mapping[str, np.ndarray]
    train: np.ndarray
    preprocessing: Preprocessing
    own: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def reader(self) -> TableReader:
        """As `FittedInput.reader`."""
        return TableReader(self.schema, dict(self.preprocessing.probe))

    @cached_property
    def matrix(self) -> np.ndarray:
        """All rows as networks see them."""
        return self.preprocessing.transform(self.raw)

    @cached_property
    def codes(self) -> Preprocessing:
        """The graph in front of trees."""
        learnt = {name: values[self.train] for name, values in self.raw.items()}
        return fit_tree_preprocessing(learnt, self.schema, self.preprocessing.probe)

    def form(self, key: TableForm = "features") -> Form:
        """As `FittedInput.form`."""
        if key == "codes":
            return Form(self.codes.transform(self.raw), self.codes.front)
        facts = {"embedded": tuple(self.preprocessing.embedded.values())}
        return Form(self.matrix, self.preprocessing.front, facts=facts)
