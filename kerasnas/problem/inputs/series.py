"""Series of the same number of steps, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.errors import SchemaError
from kerasnas.problem.inputs.array import ArrayInput
from kerasnas.problem.inputs.input import RawRows


@dataclass(frozen=True)
class SeriesInput(ArrayInput):
    """An array `(rows, steps, channels)`, or `(rows, steps)` for one channel; scaled by channel."""

    def read(self, x: Any, further: Any = None) -> RawRows:
        """Checks lengths and numbers; as `Input.read`."""
        lengths = {np.shape(row)[:1] for row in x} if isinstance(x, list | tuple) else set()
        if len(lengths) > 1:
            steps = sorted(length[0] for length in lengths if length)
            raise SchemaError(
                f"`x` must hold series of one length, received {steps[0]} to {steps[-1]} steps. "
                f"Cut them to their last {steps[0]} steps, or fill up the front of the shorter "
                "ones."
            )
        shape = np.shape(x)
        if len(shape) not in (2, 3) or shape[1] < 2:
            raise SchemaError(
                "`x` must be an array (rows, steps) or (rows, steps, channels) with two steps or "
                f"more, received the shape {shape}."
            )
        return super().read(x, further)

    def together(self, axes: int) -> Sequence[int]:
        """As `ArrayInput.together`: all steps of a channel."""
        return (0, 1)
