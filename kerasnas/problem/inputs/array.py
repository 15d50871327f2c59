"""Arrays: numbers as they are, scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerasnas.assembly import FrontGraph
from kerasnas.data.arrays import ArrayReader
from kerasnas.data.room import blocks
from kerasnas.problem.inputs.input import Form, RawRows

_LEAST_DEVIATION = 1e-6  # a number that never changes is not divided by zero


@dataclass(frozen=True)
class ArrayInput:
    """Rows of one shape; scaled by the training rows' mean and deviation."""

    def read(self, x: Any, further: Any = None) -> RawRows:
        """Checks the numbers; as `Input.read`."""
        reader = ArrayReader(np.shape(x)[1:])
        values = reader.read(x)
        given = len(values)
        if further is not None:
            values = np.concatenate([values, reader.read(further)])
        return RawRows(reader, values, given, len(values))

    def fit(self, raw: RawRows, train: np.ndarray) -> FittedArray:
        """Learns the scale; as `Input.fit`."""
        reader: Any = raw.reader
        axis = self.together(raw.data.ndim)
        mean, deviation = raw.data[train].mean(axis), raw.data[train].std(axis)
        return FittedArray(reader, raw.data, mean, np.maximum(deviation, _LEAST_DEVIATION))

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
        scaled = keras.layers.Normalization(
            axis=-1 if np.ndim(self.mean) else None, mean=self.mean, variance=self.deviation**2
        )(raw)
        model = keras.Model(raw, scaled)
        parts = [model(self.raw[rows]) for rows in blocks(self.raw)]
        return Form(np.concatenate(parts), FrontGraph.of(model))
