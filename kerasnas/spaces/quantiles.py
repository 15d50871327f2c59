"""Quantiles as the answer of a network: their levels and their loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnas.errors import SearchSpaceError

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


@keras.saving.register_keras_serializable("kerasnas")
class QuantileLoss(keras.losses.Loss):
    """Mean pinball loss of all levels and steps; targets that are NaN do not count.

    Only used in training; an exported model is not compiled.

    Args:
        quantiles: Levels of the predictions, in their order.
        name: As in `keras.losses.Loss`.
        **kwargs: As in `keras.losses.Loss`.
    """

    def __init__(
        self, quantiles: Sequence[float], name: str = "quantile_loss", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._quantiles = tuple(float(q) for q in quantiles)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of each row; `y_true` of shape `(batch, horizon)`."""
        there = ops.logical_not(ops.isnan(y_true))
        true = ops.where(there, y_true, 0.0)
        levels = ops.convert_to_tensor(np.array(self._quantiles, "float32"))
        gap = ops.expand_dims(true, -1) - y_pred
        pinball = ops.mean(ops.maximum(levels * gap, (levels - 1.0) * gap), axis=-1)
        count = ops.maximum(ops.sum(ops.cast(there, "float32"), axis=-1), 1.0)
        return 2.0 * ops.sum(ops.where(there, pinball, 0.0), axis=-1) / count

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, for a compiled model in a file."""
        return {**super().get_config(), "quantiles": self._quantiles}


def check_quantiles(quantiles: Sequence[float]) -> None:
    """Levels ascend between 0 and 1 and hold the median.

    Raises:
        SearchSpaceError: If they do not.
    """
    levels = list(quantiles)
    good = levels == sorted(set(levels)) and all(0 < q < 1 for q in levels) and 0.5 in levels
    if not good:
        raise SearchSpaceError(
            "`quantiles` must be ascending levels between 0 and 1 with 0.5, the point forecast, "
            f"among them, such as (0.1, 0.5, 0.9); received {tuple(levels)}."
        )
