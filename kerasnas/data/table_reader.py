"""The reader of tables: a schema, and a few values to prove a file with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasnas.data.ingest import ingest, own_numbers
from kerasnas.data.reader import chunks
from kerasnas.data.schema import Schema
from kerasnas.data.tables import to_frame
from kerasnas.errors import SchemaError

OWN = "\0own "
"""Stands before the name of a column whose numbers are read in float64, too."""


@dataclass(frozen=True)
class TableReader:
    """Reads tables with the columns of a schema.

    Attributes:
        schema: The columns.
        values: A few values of every used column, by name.
        whole: Whether numbers in which float32 loses digits are read in float64, too. No file says
            so: no graph takes them.
    """

    schema: Schema
    values: Mapping[str, list[Any]] = field(default_factory=dict)
    whole: bool = False

    def read(self, x: Any, estimator: str = "the model") -> dict[str, np.ndarray]:
        """Columns of shape `(rows,)` by name, as `ingest` gives them."""
        frame, named = to_frame(x)
        found = ingest(frame, self.schema, named=named, estimator=estimator)
        if self.whole:
            own = own_numbers(frame, self.schema)
            found.update({f"{OWN}{name}": values for name, values in own.items()})
        return found

    def take(self, raw: Mapping[str, np.ndarray], index: np.ndarray) -> dict[str, np.ndarray]:
        """Some rows of all columns."""
        return {name: values[index] for name, values in raw.items()}

    def batches(
        self, raw: Mapping[str, np.ndarray]
    ) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Columns of shape `(batch, 1)` by name."""
        rows = len(next(iter(raw.values())))
        for index in chunks(rows):
            yield np.unique(index), {name: values[index, None] for name, values in raw.items()}

    def probe(self) -> dict[str, np.ndarray]:
        """The kept values, as columns of shape `(batch, 1)`."""
        return {name: np.array(values)[:, None] for name, values in self.values.items()}

    def to_json(self) -> dict[str, Any]:
        """Schema and values."""
        return {"schema": self.schema.to_json(), "values": dict(self.values)}

    @classmethod
    def from_json(cls, content: Any) -> TableReader:
        """The reader that `to_json` wrote.

        Raises:
            SchemaError: `content` is anything else.
        """
        if not isinstance(content, Mapping) or set(content) != {"schema", "values"}:
            raise SchemaError("The reader of a table must be a dict of schema and values.")
        values = content["values"]
        if not isinstance(values, Mapping) or not all(isinstance(v, list) for v in values.values()):
            raise SchemaError("The values of a table's reader must be lists by column.")
        return cls(Schema.from_json(content["schema"]), dict(values))
