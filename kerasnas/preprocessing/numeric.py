"""Numbers and booleans: robust scaling with a smooth clip, and flags for missing values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import ops

from kerasnas.data import MISSING_INTEGER
from kerasnas.preprocessing.features import ColumnFeatures

_LIMIT = 1e6  # infinities become this many interquartile ranges before the smooth clip

_CLIP = 3.0  # limit of the smooth clip
_FARTHEST_SPREADS = 20.0  # of what can be undone: float32 has too few digits left further out

_LEAST_FACTOR = 1.2e-38

_FARTHEST = 2**62  # from the centre: differences of whole numbers then stay within int64


def robust_scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median and reciprocal spread of every column, missing values and infinities left out.

    The spread is the interquartile range, half of the range where that is 0, and 1 for constants
    (RealMLP, Holzmüller et al. 2024, section 3).

    Args:
        values: Shape `(rows, columns)`, any float dtype.

    Returns:
        Two float64 arrays of shape `(columns,)`.
    """
    centre = np.zeros(values.shape[1])
    factor = np.ones(values.shape[1])
    for j in range(values.shape[1]):
        column = values[:, j].astype(np.float64)
        column = column[np.isfinite(column)]
        if column.size == 0:
            continue
        low, centre[j], high = np.quantile(column, [0.25, 0.5, 0.75])
        spread = high - low or (np.max(column) - np.min(column)) / 2
        # The reciprocal must stay a normal float32 number: others count as 0, and 0 * inf is NaN.
        factor[j] = max(1.0 / spread, _LEAST_FACTOR) if spread > 1e-30 else 1.0
    return centre, factor


def smooth_clip(x: Any) -> Any:
    """Maps any number, infinities included, into (-3, 3); almost the identity around 0."""
    x = ops.clip(x, -_LIMIT, _LIMIT)
    return x / ops.sqrt(1.0 + ops.square(x / _CLIP))


def unclipped(x: Any) -> Any:
    """Undoes `smooth_clip` up to 20 spreads from the centre; values beyond 3 stay as they are."""
    farthest = _FARTHEST_SPREADS / math.sqrt(1.0 + (_FARTHEST_SPREADS / _CLIP) ** 2)
    inside = ops.clip(x, -farthest, farthest)
    back = inside / ops.sqrt(1.0 - ops.square(inside / _CLIP))
    return ops.where(ops.abs(x) <= _CLIP, back, x)


class NumericColumns:
    """Fitted scaling of all numeric and boolean columns.

    Args:
        names: Column names, in the order of the columns of `values`.
        values: Training rows, float32, shape `(rows, columns)`, missing = NaN.
    """

    def __init__(self, names: list[str], values: np.ndarray) -> None:
        self.names = names
        self.centre, self.factor = robust_scale(values)
        self.flagged = np.flatnonzero(np.isnan(values).any(axis=0))

    def build(self, x: Any) -> ColumnFeatures:
        """Adds the scaling to a graph.

        Args:
            x: Symbolic float32 tensor of shape `(batch, columns)`.
        """
        missing = ops.isnan(x)
        z = ops.multiply(
            ops.subtract(x, self.centre.astype("float32")), self.factor.astype("float32")
        )
        return _with_flags(self.names, z, missing, self.flagged)


class WholeColumns:
    """Fitted scaling of columns of whole numbers that float32 would merge.

    The centre is subtracted from whole numbers, so that what is left keeps its last digits.

    Args:
        names: Column names, in the order of the columns of `values`.
        values: Training rows, int64, shape `(rows, columns)`, missing = -2**63.
    """

    def __init__(self, names: list[str], values: np.ndarray) -> None:
        self.names = names
        gone = values == MISSING_INTEGER
        self.flagged = np.flatnonzero(gone.any(axis=0))
        self.centre = whole_centres(values)
        apart = np.where(gone, self.centre, values).astype("float64") - self.centre
        near = np.abs(apart) < 2.0**52  # there the difference of whole numbers is the better one
        exact = np.where(gone | ~near, self.centre, values) - self.centre
        apart = np.where(near, exact.astype("float64"), apart)
        self.shift, self.factor = robust_scale(np.where(gone, np.nan, apart))

    def build(self, x: Any) -> ColumnFeatures:
        """Adds the scaling to a graph.

        Args:
            x: Symbolic int64 tensor of shape `(batch, columns)`.
        """
        missing = ops.equal(x, MISSING_INTEGER)
        z = ops.multiply(
            ops.subtract(from_centre(x, self.centre), self.shift.astype("float32")),
            self.factor.astype("float32"),
        )
        return _with_flags(self.names, z, missing, self.flagged)


def _with_flags(names: list[str], z: Any, missing: Any, flagged: np.ndarray) -> ColumnFeatures:
    """The clipped columns, with one flag for each column that has missing values in training.

    Args:
        names: Names of the columns.
        z: Scaled columns, float32, shape `(batch, columns)`.
        missing: Whether each value is missing, same shape.
        flagged: Places of the columns that get a flag.
    """
    parts = [ops.where(missing, 0.0, smooth_clip(z))]
    if flagged.size:
        flags = ops.take(missing, flagged.astype("int32"), axis=1)
        parts.append(ops.cast(flags, "float32"))
    with_flag = [names[j] for j in flagged]
    labels = [*names, *(f"{name} is missing" for name in with_flag)]
    return ColumnFeatures(parts, labels, [*names, *with_flag])


def whole_centres(values: np.ndarray) -> np.ndarray:
    """A typical whole number of every column, which is one of its values; 0 without values.

    Args:
        values: int64, shape `(rows, columns)`, missing = -2**63.
    """
    known = [column[column != MISSING_INTEGER] for column in values.T]
    middle = [int(np.sort(column)[len(column) // 2]) if column.size else 0 for column in known]
    return np.array(middle, dtype="int64")


def from_centre(x: Any, centre: np.ndarray) -> Any:
    """The distance of whole numbers from their centre, float32, without an overflow.

    Args:
        x: Symbolic int64 tensor of shape `(batch, columns)`.
        centre: int64, shape `(columns,)`.
    """
    low = [max(int(c) - _FARTHEST, MISSING_INTEGER + 1) for c in centre]
    high = [min(int(c) + _FARTHEST, 2**63 - 1) for c in centre]
    inside = ops.minimum(ops.maximum(x, np.array([low], "int64")), np.array([high], "int64"))
    return ops.cast(ops.subtract(inside, centre[None, :]), "float32")
