"""Targets with any number of labels a row."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data import foreign
from kerasnas.data.one_hot import class_labels
from kerasnas.errors import SchemaError


@dataclass(frozen=True)
class MultiLabelTarget:
    """The labels of a multi-label classifier.

    Attributes:
        labels: One name a column of the answers, in order.
        matrix: Whether the user's targets are a 0/1 matrix, so that answers are one too; lists of
            labels otherwise.
    """

    labels: tuple[str | int, ...]
    matrix: bool

    @property
    def classes_(self) -> np.ndarray:
        """The labels, in the order of the columns of the answers."""
        return np.array(self.labels)

    def encode(self, y: Any) -> np.ndarray:
        """Targets as a 0/1 matrix, int32 of shape `(rows, labels)`.

        Raises:
            SchemaError: Another number of columns, cells that are neither 0 nor 1, unknown labels.
        """
        y = _own(y)
        if _is_matrix(y) != self.matrix:
            raise SchemaError(
                "`y` must be " + ("a 0/1 matrix" if self.matrix else "lists of labels") + " as in "
                f"fit, received {type(y).__name__}."
            )
        if self.matrix:
            return _truths(y, len(self.labels))
        place = {label: i for i, label in enumerate(self.labels)}
        encoded = np.zeros((len(y), len(self.labels)), dtype=np.int32)
        for row, labels in enumerate(y):
            for label in labels:
                if _plain(label) not in place:
                    raise SchemaError(
                        f"`y` has the label {label!r} in row {row}, which fit did not see; "
                        f"expected some of {list(self.labels[:8])}. Refit to add it."
                    )
                encoded[row, place[_plain(label)]] = 1
        return encoded

    def decode(self, truths: np.ndarray) -> Any:
        """A 0/1 matrix as the user gave targets: the matrix itself, or lists of labels."""
        if self.matrix:
            return truths.astype(np.int64)
        return [[self.labels[i] for i in np.flatnonzero(row)] for row in truths]

    def to_json(self) -> dict[str, Any]:
        """The labels and their form."""
        return {"labels": list(self.labels), "matrix": self.matrix}

    @classmethod
    def from_json(cls, content: Any) -> MultiLabelTarget:
        """The target that `to_json` wrote, or `SchemaError`."""
        if not isinstance(content, Mapping) or set(content) != {"labels", "matrix"}:
            raise SchemaError("A multi-label target must be a dict of labels and matrix.")
        labels, matrix = content["labels"], content["matrix"]
        plain = isinstance(labels, list) and all(isinstance(v, str | int) for v in labels)
        if not plain or not isinstance(matrix, bool):
            raise SchemaError("A multi-label target needs a list of labels and a truth value.")
        return cls(tuple(labels), matrix)


def is_multilabel(y: Any) -> bool:
    """Whether targets are a matrix of several columns, or one collection of labels a row.

    A matrix that is one-hot in every row, and lists of exactly one label, tell one class a row.
    """
    y = class_labels(_own(y))
    return _is_matrix(y) or _is_lists(y)


def fit_multilabel_target(y: Any) -> MultiLabelTarget:
    """The labels of a 0/1 matrix or of lists of labels.

    Args:
        y: Array or DataFrame of shape `(rows, labels)` that holds 0 and 1, or a sequence of
            collections of strings or integers.

    Raises:
        SchemaError: For anything else.
    """
    y = _own(y)
    if _is_matrix(y):
        named = isinstance(y, pd.DataFrame)
        _truths(y, np.shape(y)[1])
        return MultiLabelTarget(
            tuple(str(c) for c in y.columns) if named else tuple(range(np.shape(y)[1])), True
        )
    labels = {_plain(label) for row in y for label in row}
    if len({type(label) for label in labels}) > 1 or not all(
        isinstance(label, str | int) for label in labels
    ):
        raise SchemaError("The labels in `y` must be all strings or all whole numbers.")
    if len(labels) < 2:
        raise SchemaError(f"`y` must hold at least two different labels, got {sorted(labels)}.")
    return MultiLabelTarget(tuple(sorted(labels)), False)


def _own(y: Any) -> Any:
    """Targets of another library as those of pandas, and arrays of labels in rows as lists."""
    y = foreign.to_pandas(y) if foreign.is_table(y) else y
    if not isinstance(y, pd.Series | list) or not any(isinstance(r, np.ndarray) for r in y):
        return y
    ragged = len({np.shape(row) for row in y}) > 1
    texts = any(isinstance(row, np.ndarray) and row.dtype.kind in "OUS" for row in y)
    arrays = ragged or texts  # rows of as many numbers are a matrix
    return [r.tolist() if isinstance(r, np.ndarray) else r for r in y] if arrays else y


def _is_matrix(y: Any) -> bool:
    if _is_lists(y):
        return False
    shape = foreign.shape_of(y)
    if shape is None:
        try:
            shape = np.shape(np.asarray(y))
        except ValueError:  # NumPy makes no array of rows that differ in length
            return False
    return len(shape) == 2 and shape[1] > 1


def _is_lists(y: Any) -> bool:
    """Sequences of lists, tuples or sets of labels; a nested list of 0 and 1 is a matrix."""
    if not isinstance(y, Sequence | pd.Series | np.ndarray) or isinstance(y, str) or not len(y):
        return False
    rows = y.tolist() if isinstance(y, np.ndarray | pd.Series) else list(y)
    if isinstance(y, np.ndarray) and y.ndim != 1:
        return False
    if not all(isinstance(row, list | tuple | set | frozenset) for row in rows):
        return False
    same = len({len(row) for row in rows}) == 1
    truths = all(isinstance(v, bool | int) and v in (0, 1) for row in rows for v in row)
    return not (same and truths and len(rows[0]) > 1)


def _truths(y: Any, width: int) -> np.ndarray:
    values = np.asarray(y)
    if values.dtype == object:  # as nullable columns become
        with contextlib.suppress(TypeError, ValueError):
            values = values.astype("float64")
    if values.ndim != 2 or values.shape[1] != width:
        raise SchemaError(f"`y` must have shape (rows, {width}), received {values.shape}.")
    if values.dtype.kind not in "biuf" or not np.isin(values, (0, 1)).all():
        raise SchemaError(
            "`y` has several columns, so it must hold only 0 and 1, one column a label. For one "
            "label a row pass a one-dimensional `y`; for several labels of several classes fit one "
            "classifier for each column, or an `AutoModel` with one `ClassificationHead` for each."
        )
    return values.astype(np.int32)


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
