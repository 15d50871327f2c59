"""Arrays: numbers as they are, scaled."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnas.assembly import FrontGraph
from kerasnas.data.arrays import ArrayReader
from kerasnas.data.float32_loss import losing_columns
from kerasnas.data.room import blocks
from kerasnas.errors import SchemaError
from kerasnas.problem.inputs.input import Form, RawRows

_LEAST_DEVIATION = 1e-30  # below which numbers never change, and are not divided by it


@dataclass(frozen=True)
class ArrayInput:
    """Rows of one shape; scaled by the training rows' mean and deviation."""

    def read(self, x: Any, further: Any = None) -> RawRows:
        """Checks the numbers; as `Input.read`."""
        try:
            reader = ArrayReader(np.shape(x)[1:] or (1,))
        except ValueError as error:
            raise SchemaError(
                "`x` has rows of several shapes, expected an array with rows of one shape. Cut or "
                "fill up the rows."
            ) from error
        values = reader.read(x)
        _warn_of_digits(np.asarray(x))
        given = len(values)
        if further is not None:
            values = np.concatenate([values, reader.read(further)])
        return RawRows(reader, values, given, len(values))

    def fit(self, raw: RawRows, train: np.ndarray) -> FittedArray:
        """Learns the scale; as `Input.fit`."""
        reader: Any = raw.reader
        axis = self.together(raw.data.ndim)
        learnt = raw.data[train].astype("float64")  # sums of many float32 lose their digits
        mean, deviation = learnt.mean(axis), learnt.std(axis)
        deviation = np.where(deviation < _LEAST_DEVIATION, 1.0, deviation)
        return FittedArray(reader, raw.data, mean, deviation)

    def together(self, axes: int) -> Sequence[int]:
        """Axes whose values have one scale together."""
        return tuple(range(axes - 1)) if axes > 2 else (0,)


@dataclass(frozen=True, eq=False)
class FittedArray:
    """Numbers, scaled.

    Attributes:
        reader: As `FittedInput.reader`.
        raw: All rows.
        mean: Mean of every scale.
        deviation: Standard deviation of every scale.
    """

    reader: ArrayReader
    raw: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    def form(self, key: None = None) -> Form:
        """As `FittedInput.form`: the scaled numbers are the only form."""
        raw = keras.Input(self.reader.shape)
        # Not the layer `Normalization`, which takes deviations below 1e-7 for 1e-7.
        mean, factor = (
            np.reshape(v, -1).astype("float32") for v in (self.mean, 1 / self.deviation)
        )
        scaled = ops.multiply(ops.subtract(raw, mean), factor)
        model = keras.Model(raw, scaled)
        parts = [model(self.raw[rows]) for rows in blocks(self.raw)]
        return Form(np.concatenate(parts), FrontGraph.of(model))


def _warn_of_digits(given: np.ndarray) -> None:
    """Warns of numbers that differ by less than float32 can tell apart."""
    lost = losing_columns(given)
    if len(lost):
        warnings.warn(
            f"`x` holds numbers that float32 merges, in {len(lost)} places of the last axis "
            f"(first: {lost[0]}). Subtract a constant from them, such as their mean, before "
            "`fit` and before `predict`.",
            UserWarning,
            stacklevel=3,
        )
