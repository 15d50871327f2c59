"""The reader of plain arrays of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.data.float32_loss import LARGEST_TO_SQUARE
from kerasnas.data.reader import chunks
from kerasnas.errors import SchemaError


@dataclass(frozen=True)
class ArrayReader:
    """Reads arrays with rows of one shape.

    Attributes:
        shape: Shape of one row.
    """

    shape: tuple[int, ...]

    def read(self, x: Any, estimator: str = "the model") -> np.ndarray:
        """float32 of shape `(rows, *shape)`; NaN, infinities and too large numbers are refused.

        One number a row may have the shape `(rows,)`.
        """
        try:
            values = np.asarray(x, dtype="float32")
        except (TypeError, ValueError) as error:
            raise SchemaError(f"{estimator} expects an array of numbers ({error}).") from error
        if values.ndim == 1 and self.shape == (1,):
            values = values[:, None]
        if values.shape[1:] != self.shape:
            raise SchemaError(
                f"{estimator} expects rows of shape {self.shape}, received {values.shape[1:]}."
            )
        broken = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
        if len(broken):
            raise SchemaError(
                f"{len(broken)} rows hold values that are not finite (first: row {broken[0]})."
            )
        large = np.flatnonzero((np.abs(values) > LARGEST_TO_SQUARE).reshape(len(values), -1).any(1))
        if len(large):
            raise SchemaError(
                f"{len(large)} rows hold values beyond {LARGEST_TO_SQUARE:.0e} (first: row "
                f"{large[0]}). Divide the array first, such as x / {LARGEST_TO_SQUARE:.0e}."
            )
        return values

    def take(self, raw: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Some rows."""
        return raw[index]

    def batches(self, raw: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows as they are."""
        for index in chunks(len(raw)):
            yield np.unique(index), raw[index]

    def probe(self) -> np.ndarray:
        """Eight rows: zeros, ones and noise."""
        noise = np.random.default_rng(0).normal(size=(8, *self.shape)).astype("float32")
        noise[0], noise[1] = 0.0, 1.0
        return noise

    def to_json(self) -> dict[str, Any]:
        """The shape of a row."""
        return {"shape": list(self.shape)}

    @classmethod
    def from_json(cls, content: Any) -> ArrayReader:
        """The reader that `to_json` wrote, or `SchemaError`."""
        shape = content.get("shape") if isinstance(content, Mapping) else None
        if not isinstance(shape, list) or not all(isinstance(n, int) for n in shape):
            raise SchemaError("The reader of an array must be a dict with the shape of a row.")
        return cls(tuple(shape))
