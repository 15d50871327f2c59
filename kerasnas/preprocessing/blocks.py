"""How the columns of a table enter a graph: numbers of one kind side by side, strings one by one.

A thousand inputs take seconds to trace, in every graph. Only the exported graph has an input for
each column; `assembly` gathers them once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerasnas.data import Column

_DTYPES = {
    "numeric": "float32",
    "boolean": "float32",
    "categorical": "string",
    "text": "string",
    "datetime": "int64",
}


def input_dtype(column: Column) -> str:
    """The dtype in which the exported model takes a column."""
    return "int64" if column.exact else _DTYPES[column.kind]


@dataclass(frozen=True)
class ColumnBlocks:
    """The columns of a table by the tensor that they enter a graph in.

    Attributes:
        numbers: Numbers, booleans among them, of one float32 tensor `(batch, columns)`.
        whole: Whole numbers that float32 would merge, of one int64 tensor.
        moments: Datetimes, of one int64 tensor.
        strings: Categories and texts, each of a tensor `(batch, 1)`.
    """

    numbers: tuple[str, ...]
    whole: tuple[str, ...]
    moments: tuple[str, ...]
    strings: tuple[str, ...]

    @classmethod
    def of(cls, columns: Sequence[Column]) -> ColumnBlocks:
        """The blocks of some columns."""
        return cls(
            numbers=tuple(c.name for c in columns if input_dtype(c) == "float32"),
            whole=tuple(c.name for c in columns if c.exact),
            moments=tuple(c.name for c in columns if c.kind == "datetime"),
            strings=tuple(c.name for c in columns if input_dtype(c) == "string"),
        )

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The columns of each tensor, in the order in which a graph takes them."""
        several = (self.numbers, self.whole, self.moments)
        return (*filter(None, several), *((name,) for name in self.strings))

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The dtype of each tensor."""
        several = ((self.numbers, "float32"), (self.whole, "int64"), (self.moments, "int64"))
        return (*(d for names, d in several if names), *("string" for _ in self.strings))

    def inputs(self) -> dict[tuple[str, ...], Any]:
        """Symbolic inputs by their columns."""
        return {
            group: keras.Input((len(group),), dtype=dtype, name=f"block_{i}")
            for i, (group, dtype) in enumerate(zip(self.groups, self.dtypes, strict=True))
        }

    def arrays(self, raw: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Raw columns as the tensors that a graph takes."""
        return [np.stack([raw[name] for name in group], axis=1) for group in self.groups]
