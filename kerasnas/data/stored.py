"""Rows that stay in a file and are read as they are needed."""

from __future__ import annotations

from typing import Any

import numpy as np

_FEW = 16


class StoredRows:
    """Some rows of an array that is too large for memory.

    A slice or a few rows by their indices give an array in memory; many rows are such rows again.

    Args:
        array: Usually a `numpy.memmap`.
        rows: Which of its rows, in which order; `None` for all.
    """

    def __init__(self, array: np.ndarray, rows: np.ndarray | None = None) -> None:
        self.array = array
        self.rows = np.arange(len(array)) if rows is None else rows

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""
        return (len(self.rows), *self.array.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """As of an array."""
        return self.array.dtype

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return self.read(np.arange(len(self))[key])
        if np.size(key) <= _FEW:
            return self.read(key)
        return StoredRows(self.array, self.rows[key])

    def read(self, index: np.ndarray) -> np.ndarray:
        """Rows in memory; they are read in the order in which they lie in the file."""
        wanted = self.rows[index]
        order = np.argsort(wanted, kind="stable")
        out = np.empty((len(wanted), *self.array.shape[1:]), self.array.dtype)
        out[order] = self.array[wanted[order]]
        return out
