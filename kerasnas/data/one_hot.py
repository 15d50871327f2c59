"""One class a row, written as a matrix or as a list of one label a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data import foreign

_COLUMNS = 2  # of a one-hot matrix, at least


def class_labels(y: Any) -> Any:
    """One label a row, where `y` is one-hot or holds a list of exactly one label in every row.

    The labels of a frame, as `pandas.get_dummies` makes it, are the names of its columns; those of
    other matrices are the numbers of the columns, as in `keras.utils.to_categorical`.

    Args:
        y: Targets of a classifier in any form.

    Returns:
        Labels of shape `(rows,)`; targets of any other form as they came.
    """
    frame = foreign.to_pandas(y) if foreign.is_table(y) and not isinstance(y, pd.Series) else y
    if isinstance(frame, pd.DataFrame):
        values = _one_hot(frame.to_numpy()) if frame.shape[1] >= _COLUMNS else None
        return y if values is None else np.array(list(frame.columns))[values]
    if isinstance(frame, pd.Series):
        rows = _of_rows(frame)
        return y if rows is frame else rows
    if isinstance(y, list | tuple):
        return _of_rows(y)
    if isinstance(y, np.ndarray) and y.dtype == object and y.ndim == 1:
        return _of_rows(y)
    if foreign.is_array(y):
        array = np.asarray(y)  # some arrays answer no function of NumPy but this one
        values = _one_hot(array) if array.ndim == 2 else None
        return y if values is None else values
    return y


def _of_rows(y: Sequence[Any] | pd.Series | np.ndarray) -> Any:
    rows = list(y)
    if not rows or not all(isinstance(row, list | tuple | np.ndarray) for row in rows):
        return y
    lengths = {len(row) if np.ndim(row) == 1 else 0 for row in rows}
    if lengths == {1}:
        return [row[0] for row in rows]
    if len(lengths) == 1 and min(lengths) >= _COLUMNS:
        values = _one_hot(np.array([list(row) for row in rows]))
        return y if values is None else values
    return y


def _one_hot(matrix: np.ndarray) -> np.ndarray | None:
    """The column of the 1 in every row; `None` unless there is exactly one and all else is 0."""
    if matrix.ndim != 2 or matrix.shape[1] < _COLUMNS or not len(matrix):
        return None
    if matrix.dtype == object:
        try:
            matrix = matrix.astype("float64")
        except (TypeError, ValueError):
            return None
    if matrix.dtype.kind not in "buif":
        return None
    if not ((matrix == 0) | (matrix == 1)).all() or not (matrix.sum(axis=1) == 1).all():
        return None
    columns: np.ndarray = matrix.argmax(axis=1)
    return columns
